/* Every reply corrects the estimates: of this run, whose later calls they price, and of the daemon.
 */

#include "daemon/exec/learn.h"
#include "common/clock.h"
#include "daemon/plan/cost.h"

/* From the beginning of the call, which is when the provider counts from. */
#define KEPT_SHORT_MS (5 * 60 * 1000u)
#define KEPT_LONG_MS (60 * 60 * 1000u)

static size_t list_estimators(struct run *r, struct estimator *at[2])
{
        size_t n = 0;

        at[n++] = &r->setup.planning.estimator;
        if (r->setup.learner)
                at[n++] = r->setup.learner;
        return n;
}

/* Of the prefixes that it had: the longest that was counted, and that all of them live on. What was
 * written and read together is what stands before the last mark. */
static void learn_prefixes(struct run_call *c, struct estimator *e)
{
        const struct plan *p = c->run->setup.plan;
        uint64_t counted = c->usage.cache_read + c->usage.cache_write_5m + c->usage.cache_write_1h;
        uint64_t now = clock_realtime_ms();
        bool is_longest = true;

        for (size_t i = N_BEGINNINGS; i-- > 0 && counted > 0;) {
                const struct plan_prefix *x;
                uint64_t life;

                if (c->prefixes[i] == NO_PREFIX)
                        continue;
                x = &p->prefixes[c->prefixes[i]];
                life = x->is_long ? KEPT_LONG_MS : KEPT_SHORT_MS;
                estimator_learn_prefix(e, &x->hash, is_longest ? counted : 0,
                                       now + life - MIN2(c->ms, life));
                is_longest = false;
        }
}

void learn_call(struct run_call *c)
{
        struct run *r = c->run;
        const struct tier_model *m = &r->setup.planning.tiers[c->tier];
        struct estimator *at[2];
        struct counted_reply reply = {
                .model = c->model,
                .facts = m->facts,
                .prompt = c->prompt_bytes,
                .fresh = c->usage.input + c->usage.cache_write_5m + c->usage.cache_write_1h,
                .output = c->usage.output,
                .answer_bytes = c->n_answer_bytes,
                .first_token_ms = c->n_attempts > 1 ? 0 : c->first_token_ms,
                .ms = c->n_attempts > 1 ? 0 : c->ms,
        };

        if (!c->usage.is_known || c->failure || !m->facts || strcmp(m->model, c->model) != 0)
                return;
        reply.input = reply.fresh + c->usage.cache_read;
        for (size_t i = list_estimators(r, at); i-- > 0;) {
                estimator_learn(at[i], &reply);
                learn_prefixes(c, at[i]);
        }
}

void learn_attempt(struct run_call *c, uint32_t task, bool was_refused, bool was_missing)
{
        char kind[ESTIMATOR_KIND_BYTES];
        struct estimator *at[2];

        if (c->failure)
                return; /* says nothing of the kind */
        plan_kind_name(c->run->work, &c->run->work->tasks[task], kind);
        for (size_t i = list_estimators(c->run, at); i-- > 0;) {
                if (!was_missing)
                        estimator_learn_attempt(at[i], kind, c->tier, was_refused);
                if (c->n_tasks > 1)
                        estimator_learn_batched(at[i], kind, was_missing);
        }
}

void learn_file(struct run *r, uint32_t task, const struct candidate *c)
{
        const struct task *t = &r->work->tasks[task];
        char kind[ESTIMATOR_KIND_BYTES];
        struct estimator *at[2];

        plan_kind_name(r->work, t, kind);
        for (size_t i = list_estimators(r, at); i-- > 0;)
                estimator_learn_file(at[i], kind, cost_expected_bytes(t),
                                     cost_facts_bytes(r->work, t), c->result.n_text,
                                     c->n_interface);
}
