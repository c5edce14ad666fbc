#include "daemon/exec/run.h"

#include <stdio.h>

#include "common/clock.h"
#include "common/log.h"
#include "daemon/exec/leaving.h"
#include "daemon/exec/verify.h"
#include "daemon/loop/loop.h"
#include "daemon/store/store.h"

/* A turn of the loop has 20 ms; others want some of it. */
#define RUN_SLICE_USEC 6000
/* Renderings and judgements under way: enough for all workers, few enough to be ended in one turn.
 */
#define RUN_ITEMS_MAX 64

const char *const task_state_names[N_TASK_STATES] = {
        "blocked", "ready", "assigned", "checking", "waiting", "done", "failed", "skipped",
};

/* Which state may follow which: rows from, columns to, in the order of the enum. */
_unused_ static const bool may_move[N_TASK_STATES][N_TASK_STATES] = {
        /*              block  ready  assig  check  park   done   fail   skip */
        [TASK_BLOCKED] = {false, true, false, false, false, false, false, true},
        [TASK_READY] = {false, false, true, false, true, true, true, false},
        [TASK_ASSIGNED] = {false, true, false, true, true, true, true, false},
        [TASK_CHECKING] = {false, true, true, false, true, true, true, false},
        [TASK_PARKED] = {false, true, false, false, false, true, true, false},
};

struct run_task *run_task_of(struct run *r, uint32_t task)
{
        assert(task < r->work->n_tasks);
        return &r->tasks[task];
}

void run_task_move(struct run *r, uint32_t task, enum task_state to)
{
        struct run_task *t = run_task_of(r, task);

        assert(may_move[t->state][to]);
        log_debug("task %u: %s -> %s", task, task_state_names[t->state], task_state_names[to]);
        if (t->state == TASK_PARKED)
                r->n_parked--;
        if (to == TASK_PARKED)
                r->n_parked++;
        if (to == TASK_DONE || to == TASK_FAILED || to == TASK_SKIPPED) {
                r->n_at_rest++;
                group_decide(r, task);
        }
        if (to == TASK_PARKED || to == TASK_DONE || to == TASK_FAILED)
                share_leave(r, task, to == TASK_DONE);
        if (to == TASK_ASSIGNED && t->started_usec == 0)
                t->started_usec = clock_monotonic_usec();
        t->state = to;
}

void run_log(const struct run *r, uint32_t task, enum log_level level, const char *event,
             const char *format, ...)
{
        char text[400], job[ULID_TEXT_BYTES], number[16];
        va_list args;

        va_start(args, format);
        vsnprintf(text, sizeof(text), format, args);
        va_end(args);
        ulid_to_text(&r->setup.job, job);
        snprintf(number, sizeof(number), "%u", task);
        log_push("job", job);
        if (task != NO_TASK)
                log_push("task", number);
        log_event(level, event, "%s", text);
        if (task != NO_TASK)
                log_pop();
        log_pop();
}

static void forget_interface(struct run_task *t)
{
        free(t->interface);
        t->interface = NULL;
        t->n_interface = 0;
}

/* A task came to rest: what only it needed can go. */
static void release_dependencies(struct run *r, uint32_t task)
{
        const struct task *t = &r->work->tasks[task];

        for (size_t i = 0; i < t->n_depends; i++) {
                struct run_task *d = run_task_of(r, t->depends[i]);

                if (--d->n_users == 0)
                        forget_interface(d);
        }
        if (run_task_of(r, task)->n_users == 0)
                forget_interface(run_task_of(r, task));
}

/* To be settled, looked at again, or its users to be skipped, when its turn comes: never from here,
 * because a graph can be deeper than a stack. A task is due once. */
static void make_due(struct run *r, uint32_t task)
{
        assert(r->n_due < r->work->n_tasks);
        r->due[(r->due_head + r->n_due++) % r->work->n_tasks] = task;
        run_pump(r);
}

void run_task_woken(struct run *r, uint32_t task)
{
        make_due(r, task);
}

void run_task_done(struct run *r, uint32_t task)
{
        run_task_move(r, task, TASK_DONE);
        r->totals.files[run_task_of(r, task)->source]++;
        for (uint32_t k = r->first_user[task]; k < r->first_user[task + 1]; k++) {
                struct run_task *u = run_task_of(r, r->users[k]);

                if (--u->n_waiting == 0 && u->state == TASK_BLOCKED)
                        make_due(r, r->users[k]);
        }
        release_dependencies(r, task);
}

/* Those that wait for it will never run; theirs follow when their turn comes. */
static void skip_users(struct run *r, uint32_t task)
{
        const struct run_task *t = run_task_of(r, task);
        uint32_t culprit = t->state == TASK_SKIPPED ? t->culprit : task;

        for (uint32_t k = r->first_user[task]; k < r->first_user[task + 1]; k++) {
                uint32_t user = r->users[k];
                struct run_task *u = run_task_of(r, user);

                if (u->state != TASK_BLOCKED)
                        continue;
                u->culprit = culprit;
                u->failure =
                        failure_new(FAILURE_DEPENDENCY_FAILED, "it depends on %s, which failed",
                                    r->work->tasks[culprit].title);
                run_task_move(r, user, TASK_SKIPPED);
                r->totals.n_skipped++;
                publish_failure(r, user);
                release_dependencies(r, user);
                make_due(r, user);
        }
}

void run_task_fail(struct run *r, uint32_t task, struct failure *why)
{
        struct run_task *t = run_task_of(r, task);

        failure_free(t->failure);
        t->failure = why;
        t->candidate = candidate_free(t->candidate);
        run_task_move(r, task, TASK_FAILED);
        r->totals.n_failed++;
        publish_failure(r, task);
        release_dependencies(r, task);
        skip_users(r, task);
}

void run_task_park(struct run *r, uint32_t task, enum run_wait wait, struct failure *why)
{
        struct run_task *t = run_task_of(r, task);

        t->wait = wait;
        failure_free(t->failure);
        t->failure = why;
        run_task_move(r, task, TASK_PARKED);
}

/* Nothing runs and nothing is ready: somebody outside has to do something. */
static void tell_waits(struct run *r)
{
        for (enum run_wait w = 0; w < N_RUN_WAITS; w++)
                for (uint32_t i = 0; i < r->work->n_tasks; i++)
                        if (r->tasks[i].state == TASK_PARKED && r->tasks[i].wait == w) {
                                publish_flush(r);
                                r->events.on_wait(w, i, r->tasks[i].failure, r->arg);
                                return;
                        }
}

static uint32_t take_due(struct run *r)
{
        uint32_t task = r->due[r->due_head];

        r->due_head = (r->due_head + 1) % r->work->n_tasks;
        r->n_due--;
        return task;
}

/* As much as fits into a slice of a turn. True: there is more. */
static bool work_a_slice(struct run *r)
{
        uint64_t until = clock_monotonic_usec() + RUN_SLICE_USEC;

        while (r->n_due > 0 && r->n_items < RUN_ITEMS_MAX) {
                uint32_t task = take_due(r);

                if (run_task_of(r, task)->state == TASK_BLOCKED)
                        settle(r, task);
                else if (run_task_of(r, task)->state == TASK_READY)
                        share_woken(r, task);
                else
                        skip_users(r, task);
                if (clock_monotonic_usec() >= until)
                        return true;
        }
        while (r->n_ready > 0 && r->n_calls < r->setup.n_calls_max) {
                obtain_by_call(r, ready_take(r));
                if (clock_monotonic_usec() >= until)
                        return true;
        }
        return r->n_due > 0 && r->n_items == 0;
}

static bool is_under_way(const struct run *r)
{
        return r->n_calls > 0 || r->n_items > 0 || r->n_ready > 0 || r->n_due > 0 ||
               r->n_held > 0 || r->n_elsewhere > 0;
}

static void on_pumped(void *arg)
{
        struct run *r = arg;
        bool has_more;

        r->is_pumping = false;
        if (r->is_dead) {
                free(r);
                return;
        }
        if (r->is_ended)
                return;
        has_more = work_a_slice(r);
        if (!has_more && !is_under_way(r) && r->n_at_rest == r->work->n_tasks)
                has_more = publish_orphans(r);
        if (!has_more && !is_under_way(r) && r->n_at_rest == r->work->n_tasks) {
                r->is_ended = true;
                publish_end(r);
                return;
        }
        if (!is_under_way(r) && groups_release(r))
                has_more = true;
        publish_flush(r);
        if (has_more && !r->is_pumping)
                r->is_pumping = loop_post(r->setup.loop, on_pumped, r) == 0;
        if (!r->is_pumping && !is_under_way(r) && r->n_parked > 0)
                tell_waits(r);
}

void run_pump(struct run *r)
{
        if (r->is_pumping || r->is_ended)
                return;
        if (loop_defer(r->setup.loop, on_pumped, r) == 0)
                r->is_pumping = true;
}

/* The edges the other way round, as one array. */
static int build_users(struct run *r)
{
        const struct work *w = r->work;
        size_t n_edges = 0;
        _cleanup_free_ uint32_t *at = NULL;

        r->first_user = calloc(w->n_tasks + 2, sizeof(*r->first_user));
        if (!r->first_user)
                return -ENOMEM;
        for (size_t i = 0; i < w->n_tasks; i++)
                for (size_t k = 0; k < w->tasks[i].n_depends; k++, n_edges++)
                        r->first_user[w->tasks[i].depends[k] + 1]++;
        for (size_t i = 0; i < w->n_tasks; i++)
                r->first_user[i + 1] += r->first_user[i];
        r->users = calloc(n_edges + 1, sizeof(*r->users));
        at = calloc(w->n_tasks + 1, sizeof(*at));
        if (!r->users || !at)
                return -ENOMEM;
        for (size_t i = 0; i < w->n_tasks; i++)
                for (size_t k = 0; k < w->tasks[i].n_depends; k++) {
                        uint32_t d = w->tasks[i].depends[k];

                        r->users[r->first_user[d] + at[d]++] = (uint32_t)i;
                }
        for (size_t i = 0; i < w->n_tasks; i++) {
                r->tasks[i].n_users = r->first_user[i + 1] - r->first_user[i];
                r->tasks[i].n_waiting = (uint32_t)w->tasks[i].n_depends;
        }
        return 0;
}

int run_new(const struct run_setup *s, const struct run_events *events, void *arg, struct run **ret)
{
        struct run *r = calloc(1, sizeof(*r));
        int k = -ENOMEM;

        if (!r)
                return -ENOMEM;
        r->setup = *s;
        r->events = *events;
        r->arg = arg;
        r->work = s->work;
        r->totals = s->totals;
        memset(r->totals.files, 0, sizeof(r->totals.files)); /* counted anew: what stands, too */
        r->setup.planning.work = s->work;
        TAILQ_INIT(&r->calls);
        LIST_INIT(&r->items);
        r->tasks = calloc(s->work->n_tasks + 1, sizeof(*r->tasks));
        r->due = calloc(s->work->n_tasks + 1, sizeof(*r->due));
        r->hold = calloc(1, sizeof(*r->hold));
        if (r->tasks && r->due && r->hold)
                k = build_users(r);
        if (k == 0)
                k = groups_init(r);
        if (k == 0)
                k = ready_init(r);
        if (k < 0) {
                free(r->hold);
                free(r->due);
                ready_done(r);
                free(r->undecided);
                free(r->tasks);
                free(r->users);
                free(r->first_user);
                free(r);
                return k;
        }
        *r->hold = (struct work_hold){.work = s->work, .n_refs = 1};
        *ret = r;
        return 0;
}

int run_start(struct run *r)
{
        r->started_usec = clock_monotonic_usec();
        r->earlier_ms = r->totals.ms;
        run_warm(r);
        for (uint32_t i = 0; i < r->work->n_tasks; i++)
                if (r->tasks[i].state == TASK_BLOCKED && r->tasks[i].n_waiting == 0)
                        make_due(r, i);
        run_pump(r);
        return 0;
}

static void free_task(struct run_task *t)
{
        free(t->interface);
        free(t->mended);
        free(t->partial);
        left_findings_free(t->left, t->n_left);
        free(t->evidence.text);
        free(t->refused_for);
        failure_free(t->failure);
        candidate_free(t->candidate);
}

void run_stop(struct run *r)
{
        struct run_call *c;

        r->is_ended = true;
        late_let_go(r);
        while ((c = TAILQ_FIRST(&r->calls))) {
                publish_stopped(c);
                run_call_free(c);
        }
        publish_flush(r);
}

struct run *run_free(struct run *r)
{
        struct run_call *c;

        if (!r)
                return NULL;
        late_let_go(r);
        while ((c = TAILQ_FIRST(&r->calls)))
                run_call_free(c);
        for (uint32_t i = 0; i < r->work->n_tasks; i++) {
                share_leave(r, i, false);
                free_task(&r->tasks[i]);
        }
        for (size_t i = 0; i < r->n_news; i++)
                json_decref(r->news[i].fields);
        free(r->news);
        store_batch_free(r->batch);
        result_done(&r->text);
        for (enum tier t = 0; t < N_TIERS; t++)
                failure_free(r->stops[t]);
        free(r->undecided);
        remembered_done(&r->remembered);
        free(r->tasks);
        ready_done(r);
        free(r->due);
        free(r->users);
        free(r->first_user);
        json_decref(r->claims);
        stands_free(r->setup.stands);
        plan_free(r->setup.plan);
        if (r->setup.release)
                r->setup.release(r->setup.keeper);
        release_hold(r->hold, r->setup.loop);
        r->is_dead = true;
        if (!r->is_pumping)
                free(r);
        return NULL;
}

void run_resume(struct run *r)
{
        for (enum tier t = 0; t < N_TIERS; t++)
                r->stops[t] = failure_free(r->stops[t]);
        r->n_passed_over = 0;
        for (uint32_t i = 0; i < r->work->n_tasks; i++) {
                struct run_task *t = &r->tasks[i];

                if (t->state != TASK_PARKED || t->wait == RUN_WAIT_CLIENT)
                        continue;
                t->failure = failure_free(t->failure);
                run_task_move(r, i, TASK_READY);
                obtain(r, i);
        }
        run_pump(r);
}

int run_answer(struct run *r, uint32_t task, bool is_passed, const char *output)
{
        struct run_task *t;
        struct evidence e = {.kind = EVIDENCE_COMMAND};

        if (task >= r->work->n_tasks)
                return -EINVAL;
        t = run_task_of(r, task);
        if (t->state != TASK_PARKED || t->wait != RUN_WAIT_CLIENT || !t->candidate)
                return -EINVAL;
        if (r->work->tasks[task].repair) {
                verify_answer(r, task, is_passed, output);
        } else if (is_passed) {
                publish_result(r, task, t->candidate->result.made_by);
        } else {
                e.attempts = t->evidence.attempts;
                e.text = output ? strdup(output) : NULL;
                run_task_move(r, task, TASK_READY);
                task_refused(r, task, &e);
        }
        run_pump(r);
        return 0;
}

const struct run_totals *run_totals(const struct run *r)
{
        return &r->totals;
}

size_t run_n_tasks(const struct run *r)
{
        return r->work->n_tasks;
}

size_t run_n_done(const struct run *r)
{
        return r->n_at_rest;
}

const struct work *run_work(const struct run *r)
{
        return r->work;
}

const struct plan *run_plan(const struct run *r)
{
        return r->setup.plan;
}

int run_files(const struct run *r, struct run_file **ret, size_t *ret_n)
{
        struct run_file *files;
        size_t n = r->work->n_tasks;

        if (n == 0 || r->has_warned)
                return CONDITION_ABSENT;
        for (size_t i = 0; i < n; i++)
                if (r->tasks[i].state != TASK_DONE || !r->work->tasks[i].path ||
                    r->work->tasks[i].command >= 0 || r->work->tasks[i].repair)
                        return CONDITION_ABSENT;
        files = calloc(n, sizeof(*files));
        if (!files)
                return -ENOMEM;
        for (size_t i = 0; i < n; i++)
                files[i] = (struct run_file){.path = r->work->tasks[i].path,
                                             .key = r->tasks[i].key,
                                             .content = r->tasks[i].content};
        *ret = files;
        *ret_n = n;
        return 0;
}

bool run_has_warned(const struct run *r)
{
        return r->has_warned;
}

const struct result *run_text(const struct run *r)
{
        return r->has_text ? &r->text : NULL;
}
