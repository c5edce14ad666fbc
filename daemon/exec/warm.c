/* What a plan will need is made ready while its first tasks are done: models that a local server
 * can be told to load. Nothing that costs money. */

#include "daemon/exec/leaving.h"
#include "daemon/provider/provider.h"

#define BYTES_PER_TOKEN 4 /* a high guess: too large a context is no fault */

/* The largest call of a tier. False: there is none. */
static bool find_largest(const struct run *r, enum tier tier, uint64_t *ret_bytes,
                         uint64_t *ret_output)
{
        const struct plan *p = r->setup.plan;
        bool has_any = false;

        *ret_bytes = *ret_output = 0;
        for (size_t i = 0; i < p->n_steps; i++) {
                const struct step *s = &p->steps[i];
                const struct tokens *t = &s->estimate.tokens;

                if (s->kind != STEP_CALL || s->tier != tier)
                        continue;
                has_any = true;
                *ret_bytes = MAX2(*ret_bytes,
                                  (t->input + t->cache_read + t->cache_write) * BYTES_PER_TOKEN);
                *ret_output =
                        MAX2(*ret_output, plan_max_tokens(&r->setup.planning, r->setup.plan, s));
        }
        return has_any;
}

void run_warm(struct run *r)
{
        for (enum tier t = 0; t < N_TIERS; t++) {
                uint64_t n_bytes, n_output;
                struct provider *p;

                if (!find_largest(r, t, &n_bytes, &n_output) || !run_choose_route(r, t))
                        continue;
                p = provider_find(r->setup.providers, r->setup.planning.tiers[t].provider);
                if (p)
                        provider_load(p, r->setup.planning.tiers[t].model, n_bytes, n_output);
        }
}
