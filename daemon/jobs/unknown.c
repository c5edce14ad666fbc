#include "daemon/jobs/unknown.h"

#include "daemon/options/options.h"
#include "daemon/provider/provider.h"

static bool has_model(const struct jobs *j)
{
        for (enum tier t = 0; t < N_TIERS; t++) {
                const struct tier_option *tier = config_tier(j->c.config, t);

                for (size_t i = 0; i < tier->n_routes; i++) {
                        struct provider *p =
                                provider_find(j->c.providers, tier->routes[i].provider);
                        enum failure_id lack;
                        const char *reason;

                        if (p && provider_is_ready(p, &lack, &reason))
                                return true;
                }
        }
        return false;
}

static bool has_calls(const struct plan *p)
{
        for (size_t i = 0; i < p->n_steps; i++)
                if (p->steps[i].kind == STEP_CALL)
                        return true;
        return false;
}

int job_refuse_unknown(const struct job *job, const struct work *w, const struct plan *p,
                       struct failure **ret)
{
        _cleanup_free_ char *types = NULL;
        struct failure *f;

        if (w->unknown_types.n == 0 || job->n_tasks > 0 || !has_calls(p) || has_model(job->jobs))
                return 0;
        types = strlist_join(&w->unknown_types, ", ");
        f = types ? failure_new(
                            FAILURE_BAD_SPEC,
                            "blueprint %s does not know the type%s %s%s%s, and there is no model "
                            "to ask",
                            w->blueprint ? w->blueprint : "", w->unknown_types.n > 1 ? "s" : "",
                            types, w->known_types ? "; it knows " : "",
                            w->known_types ? w->known_types : "")
                  : NULL;
        if (f && failure_set_remedy(f, "use types that are known, or give a model: "
                                       "`genopt key set NAME`") < 0)
                f = failure_free(f);
        if (!f)
                return -ENOMEM;
        *ret = f;
        return CONDITION_REFUSED;
}
