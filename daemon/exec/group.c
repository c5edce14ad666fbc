/* Groups: a planned call for several tasks leaves when each of them has come to where it has to be
 * asked for, or has dropped out of it (it was kept, reused, rendered, skipped). A task is asked for
 * with its group once; what the answer did not bring is asked for alone.
 *
 * A group that can never be whole, because the run waits for what would make it so, leaves with
 * whom it has (groups_release). */

#include "daemon/exec/leaving.h"
#include "daemon/plan/cost.h"

static const struct step *planned(const struct run *r, uint32_t task)
{
        return &r->setup.plan->steps[r->setup.plan->step_of_task[task]];
}

int groups_init(struct run *r)
{
        const struct plan *p = r->setup.plan;

        r->undecided = calloc(p->n_steps + 1, sizeof(*r->undecided));
        if (!r->undecided)
                return -ENOMEM;
        for (size_t i = 0; i < p->n_steps; i++)
                r->undecided[i] = (uint32_t)p->steps[i].n_tasks;
        return 0;
}

static void make_ready(struct run *r, uint32_t task)
{
        ready_add(r, task, planned(r, task)->path_ms);
}

/* The first of its members stands in the queue for all. */
static void start_group(struct run *r, const struct step *s)
{
        for (size_t i = 0; i < s->n_tasks; i++)
                if (r->tasks[s->tasks[i]].is_gathered) {
                        make_ready(r, s->tasks[i]);
                        return;
                }
}

void group_decide(struct run *r, uint32_t task)
{
        uint32_t step = r->setup.plan->step_of_task[task];
        const struct step *s = planned(r, task);

        if (r->tasks[task].is_decided)
                return;
        r->tasks[task].is_decided = true;
        if (--r->undecided[step] == 0 && s->kind == STEP_CALL && s->n_tasks > 1)
                start_group(r, s);
}

void group_ask(struct run *r, uint32_t task)
{
        const struct step *s = planned(r, task);
        struct run_task *t = run_task_of(r, task);

        if (s->kind == STEP_CALL && s->n_tasks > 1 && !t->is_decided) {
                t->is_gathered = true;
                r->n_gathered++;
        } else {
                make_ready(r, task);
        }
        group_decide(r, task);
}

bool groups_release(struct run *r)
{
        const struct plan *p = r->setup.plan;
        size_t n = r->n_ready;

        for (size_t i = 0; i < p->n_steps && r->n_gathered > 0; i++)
                if (r->undecided[i] > 0 && p->steps[i].kind == STEP_CALL &&
                    p->steps[i].n_tasks > 1) {
                        start_group(r, &p->steps[i]);
                }
        return r->n_ready > n;
}

static int copy_step(const struct step *s, struct step *ret)
{
        struct step copy = *s;

        copy.tasks = malloc(s->n_tasks * sizeof(*s->tasks));
        copy.recipe.items = malloc((s->recipe.n_items + 1) * sizeof(*s->recipe.items));
        if (!copy.tasks || !copy.recipe.items) {
                step_done(&copy);
                return -ENOMEM;
        }
        memcpy(copy.tasks, s->tasks, s->n_tasks * sizeof(*s->tasks));
        if (s->recipe.n_items > 0)
                memcpy(copy.recipe.items, s->recipe.items,
                       s->recipe.n_items * sizeof(*s->recipe.items));
        *ret = copy;
        return 0;
}

static void ungather(struct run *r, uint32_t task)
{
        if (!r->tasks[task].is_gathered)
                return;
        r->tasks[task].is_gathered = false;
        r->n_gathered--;
}

/* Whom a call for the task is for: those of its step that are gathered, or it alone. */
static uint32_t next_member(const struct run *r, uint32_t task, size_t *at)
{
        const struct step *s = planned(r, task);

        if (!r->tasks[task].is_gathered)
                return (*at)++ == 0 ? task : NO_TASK;
        while (*at < s->n_tasks) {
                uint32_t member = s->tasks[(*at)++];

                if (r->tasks[member].is_gathered)
                        return member;
        }
        return NO_TASK;
}

static int list_members(const struct run *r, uint32_t task, uint32_t **ret, size_t *ret_n)
{
        uint32_t *members = malloc((planned(r, task)->n_tasks + 1) * sizeof(*members));
        size_t n = 0, at = 0;

        if (!members)
                return -ENOMEM;
        while ((members[n] = next_member(r, task, &at)) != NO_TASK)
                n++;
        *ret = members;
        *ret_n = n;
        return 0;
}

enum group_share group_look(const struct run *r, uint32_t task)
{
        size_t n = 0, n_made = 0, n_elsewhere = 0, at = 0;
        uint32_t member;

        while ((member = next_member(r, task, &at)) != NO_TASK) {
                bool has = is_made(r, member);

                n++;
                n_made += has;
                n_elsewhere += !has && share_is_elsewhere(r, member);
        }
        if (n_made + n_elsewhere == 0)
                return GROUP_UNSHARED;
        return n_made == n ? GROUP_MADE : GROUP_SHARED;
}

uint32_t group_share(struct run *r, uint32_t task)
{
        _cleanup_free_ uint32_t *members = NULL;
        uint32_t left = NO_TASK;
        size_t n;

        if (list_members(r, task, &members, &n) < 0)
                return task;
        for (size_t i = 0; i < n; i++)
                if ((is_made(r, members[i]) && settle_again(r, members[i])) ||
                    (share_is_elsewhere(r, members[i]) && share_wait(r, members[i])))
                        ungather(r, members[i]);
                else if (left == NO_TASK)
                        left = members[i];
        return left;
}

/* One of its group stands in the queue for all. */
static bool is_group_queued(const struct run *r, const struct step *s)
{
        for (size_t i = 0; i < s->n_tasks; i++)
                if (r->tasks[s->tasks[i]].is_gathered && r->tasks[s->tasks[i]].is_queued)
                        return true;
        return false;
}

void group_ask_again(struct run *r, uint32_t task)
{
        const struct step *s = planned(r, task);
        struct run_task *t = run_task_of(r, task);

        if (s->kind == STEP_CALL && s->n_tasks > 1 && t->evidence.attempts == 0 && !t->is_moved) {
                t->is_gathered = true;
                r->n_gathered++;
                if (is_group_queued(r, s))
                        return;
        }
        make_ready(r, task);
}

/* Those that are gathered now; the others of the step are asked for alone when they come. */
void group_taken(struct run *r, uint32_t task)
{
        const struct step *s = planned(r, task);

        if (!r->tasks[task].is_gathered)
                return;
        for (size_t i = 0; i < s->n_tasks; i++) {
                struct run_task *t = run_task_of(r, s->tasks[i]);

                ungather(r, s->tasks[i]);
                if (!t->is_decided) { /* it was released without this one */
                        t->is_decided = true;
                        r->undecided[r->setup.plan->step_of_task[s->tasks[i]]]--;
                }
        }
}

void group_fail(struct run *r, uint32_t task, int error)
{
        uint32_t member;
        size_t at = 0;

        while ((member = next_member(r, task, &at)) != NO_TASK)
                if (member != task) {
                        ungather(r, member);
                        run_task_fail(r, member,
                                      failure_new(FAILURE_INTERNAL, "%s", strerror(-error)));
                }
        ungather(r, task);
        run_task_fail(r, task, failure_new(FAILURE_INTERNAL, "%s", strerror(-error)));
}

static enum tier tier_of(const struct run *r, uint32_t task)
{
        const struct step *s = planned(r, task);
        enum tier tier = s->kind == STEP_CALL ? s->tier : TIER_BALANCED;

        if (s->kind != STEP_CALL)
                (void)!tier_from_name(r->work->tasks[task].tier, &tier);
        return r->tasks[task].evidence.attempts > 0 || r->tasks[task].is_moved ? r->tasks[task].tier
                                                                               : tier;
}

void group_prefixes(const struct run *r, uint32_t task, uint32_t ret[N_BEGINNINGS])
{
        const struct step *s = planned(r, task);
        bool is_as_planned = s->kind == STEP_CALL && tier_of(r, task) == s->tier &&
                             !r->tasks[task].is_shown_whole;

        for (size_t i = 0; i < N_BEGINNINGS; i++)
                ret[i] = is_as_planned ? s->prefixes[i] : NO_PREFIX;
}

void group_split(struct run *r, const struct step *s)
{
        for (size_t i = 0; i < s->n_tasks; i++)
                make_ready(r, s->tasks[i]);
}

bool group_may_show_more(const struct run *r, uint32_t task)
{
        const struct step *s = planned(r, task);

        return r->work->n_whole > 0 && !(s->kind == STEP_CALL && s->presentation == PRESENT_WHOLE);
}

/* What its own context lacked, the whole may have. */
static int whole_step(struct run *r, uint32_t task, enum tier tier, struct step *ret)
{
        struct step whole = *planned(r, task);

        whole.kind = STEP_CALL;
        whole.presentation = PRESENT_WHOLE;
        for (size_t i = 0; i < N_BEGINNINGS; i++)
                whole.prefixes[i] = NO_PREFIX;
        return plan_group_step(&r->setup.planning, r->setup.plan, &whole, &task, 1, tier, ret);
}

int group_step(struct run *r, uint32_t task, struct step *ret)
{
        const struct step *s = planned(r, task);
        _cleanup_free_ uint32_t *members = NULL;
        enum tier tier = tier_of(r, task);
        size_t n = 1;
        int k = 0;

        if (r->tasks[task].is_gathered)
                k = list_members(r, task, &members, &n);
        if (k < 0)
                return k;
        if (r->tasks[task].is_shown_whole)
                return whole_step(r, task, tier, ret);
        /* As planned, with the marks that rules put: unless somebody is missing. */
        if (s->kind == STEP_CALL && n == s->n_tasks && tier == s->tier &&
            r->setup.planning.tiers[tier].model)
                return copy_step(s, ret);
        return plan_group_step(&r->setup.planning, r->setup.plan, s, members ? members : &task, n,
                               tier, ret);
}
