/* Every reply corrects the estimates: of this run, whose later calls they price, and of the daemon.
 */

#include "daemon/exec/learn.h"
#include "common/clock.h"
#include "daemon/exec/leaving.h"
#include "daemon/plan/cost.h"

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
static void learn_prefixes(struct run_call *c, const struct model_facts *f, struct estimator *e)
{
        const struct plan *p = c->run->setup.plan;
        uint64_t counted = c->usage.cache_read + c->usage.cache_write_5m + c->usage.cache_write_1h;
        uint64_t now = clock_provider_ms(), ms = clock_provider_scale_ms(c->ms);
        bool is_longest = true;

        for (size_t i = N_BEGINNINGS; i-- > 0 && counted > 0;) {
                const struct plan_prefix *x;
                uint64_t life;

                if (c->prefixes[i] == NO_PREFIX)
                        continue;
                x = &p->prefixes[c->prefixes[i]];
                if (!str_is_equal(x->provider, c->provider))
                        continue; /* passed over meanwhile: its cache is another one */
                life = x->is_long ? f->cache_long_ms
                                  : f->cache_short_ms; /* from the start of the call */
                estimator_learn_prefix(e, &x->hash, is_longest ? counted : 0,
                                       now + life - MIN2(ms, life));
                is_longest = false;
        }
}

/* Of answers whose files are all of one kind, which those of a batch are. */
static void learn_density(struct run_call *c, struct estimator *e,
                          const struct counted_reply *reply)
{
        const struct work *w = c->run->work;
        const struct plan *p = c->run->setup.plan;
        struct span base = {0};
        bool is_edits = plan_base(p, &w->tasks[c->tasks[0]], &base);
        char kind[ESTIMATOR_KIND_BYTES];

        for (size_t i = 0; i < c->n_tasks; i++)
                if (plan_base(p, &w->tasks[c->tasks[i]], &base) != is_edits ||
                    strcmp(w->tasks[c->tasks[i]].kind, w->tasks[c->tasks[0]].kind) != 0)
                        return;
        plan_kind_name(w, &w->tasks[c->tasks[0]], is_edits, kind);
        estimator_learn_density(e, kind, reply);
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
                .first_token_ms =
                        c->n_attempts > 1 ? 0 : clock_provider_scale_ms(c->first_token_ms),
                .ms = c->n_attempts > 1 ? 0 : clock_provider_scale_ms(c->ms),
        };

        if (!c->usage.is_known || c->failure || !m->facts || strcmp(m->model, c->model) != 0)
                return;
        reply.input = reply.fresh + c->usage.cache_read;
        reply.is_prose = !r->work->tasks[c->tasks[0]].path;
        for (size_t i = list_estimators(r, at); i-- > 0;) {
                estimator_learn(at[i], &reply);
                learn_density(c, at[i], &reply);
                learn_prefixes(c, m->facts, at[i]);
        }
}

void learn_attempt(struct run_call *c, uint32_t task, bool was_refused, bool was_missing)
{
        const struct task *t = &c->run->work->tasks[task];
        char kind[ESTIMATOR_KIND_BYTES];
        struct estimator *at[2];
        struct span base = {0};

        if (c->failure)
                return; /* says nothing of the kind */
        plan_kind_name(c->run->work, t, plan_base(c->run->setup.plan, t, &base), kind);
        for (size_t i = list_estimators(c->run, at); i-- > 0;) {
                if (!was_missing)
                        estimator_learn_attempt(at[i], kind, c->tier, was_refused);
                if (c->n_tasks > 1)
                        estimator_learn_batched(at[i], kind, c->n_tasks, was_missing);
        }
}

void learn_file(struct run *r, uint32_t task, const struct candidate *c)
{
        const struct task *t = &r->work->tasks[task];
        char kind[ESTIMATOR_KIND_BYTES];
        struct estimator *at[2];
        struct span base = {0};

        /* Asked for edits: how long the answer is, and besides how long the file is. */
        plan_kind_name(r->work, t, true, kind);
        for (size_t i = list_estimators(r, at); i-- > 0 && plan_base(r->setup.plan, t, &base);)
                estimator_learn_file(at[i], kind, cost_edits_bytes(t), cost_facts_bytes(r->work, t),
                                     c->n_answer);
        plan_kind_name(r->work, t, false, kind);
        for (size_t i = list_estimators(r, at); i-- > 0;)
                estimator_learn_file(at[i], kind, cost_expected_bytes(t),
                                     cost_facts_bytes(r->work, t), c->result.n_text);
}

void learn_interface(struct run *r, uint32_t task)
{
        const struct task *t = &r->work->tasks[task];
        struct span text = {r->tasks[task].interface, r->tasks[task].n_interface};
        char kind[ESTIMATOR_KIND_BYTES];
        struct estimator *at[2];

        if (r->tasks[task].n_users == 0)
                return;
        plan_kind_name(r->work, t, false, kind);
        for (size_t i = list_estimators(r, at); i-- > 0;)
                estimator_learn_interface(at[i], kind, cost_expected_interface(t),
                                          cost_facts_bytes(r->work, t),
                                          prompt_squeezed_bytes(text));
}
