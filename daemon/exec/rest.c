/* What a resume would take: the plan's own estimates, of what was not made. */

#include "common/json.h"
#include "daemon/exec/internal.h"
#include "daemon/plan/cost.h"

struct rest {
        struct estimate sum;
        uint64_t longest_ms;
};

static bool is_left(const struct run *r, uint32_t task)
{
        return r->tasks[task].state != TASK_DONE;
}

static void add(struct rest *rest, const struct estimate *e, uint64_t path_ms)
{
        estimate_add(&rest->sum, e);
        rest->longest_ms = MAX2(rest->longest_ms, path_ms);
}

/* Some of a step, asked for by themselves: what they shared with the others may be in no cache. */
static int add_part(const struct run *r, const struct step *s, const uint32_t *tasks, size_t n,
                    enum tier tier, struct rest *rest)
{
        struct step part;
        int k = plan_group_step(&r->setup.planning, r->setup.plan, s, tasks, n, tier, &part);

        if (k < 0)
                return k;
        add(rest, &part.estimate, part.estimate.ms);
        step_done(&part);
        return 0;
}

static int add_call(const struct run *r, const struct step *s, struct rest *rest)
{
        _cleanup_free_ uint32_t *left = malloc((s->n_tasks + 1) * sizeof(*left));
        size_t n = 0;

        if (!left)
                return -ENOMEM;
        for (size_t i = 0; i < s->n_tasks; i++)
                if (is_left(r, s->tasks[i]))
                        left[n++] = s->tasks[i];
        if (n == s->n_tasks)
                add(rest, &s->estimate, s->path_ms);
        return n == 0 || n == s->n_tasks ? 0 : add_part(r, s, left, n, s->tier, rest);
}

/* Planned without a model: it needs one only where that has shown. */
static int add_other(const struct run *r, const struct step *s, struct rest *rest)
{
        int k = 0;

        for (size_t i = 0; i < s->n_tasks && k == 0; i++) {
                const struct run_task *t = &r->tasks[s->tasks[i]];
                enum tier tier = TIER_BALANCED;

                (void)!tier_from_name(r->work->tasks[s->tasks[i]].tier, &tier);
                if (is_left(r, s->tasks[i]) && (t->is_template_refused || t->evidence.attempts > 0))
                        k = add_part(r, s, &s->tasks[i], 1, tier, rest);
        }
        return k;
}

int run_rest(const struct run *r, json_t **ret)
{
        const struct plan *p = r->setup.plan;
        struct rest rest = {0};
        int k = 0;

        for (size_t i = 0; i < p->n_steps && k == 0; i++)
                k = p->steps[i].kind == STEP_CALL ? add_call(r, &p->steps[i], &rest)
                                                  : add_other(r, &p->steps[i], &rest);
        if (k < 0)
                return k;
        rest.sum.ms = MAX2(rest.longest_ms, rest.sum.ms / MAX2(r->setup.planning.n_parallel, 1u));
        return totals_to_json(&rest.sum, ret);
}
