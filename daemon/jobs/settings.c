/* From options to what planning and running want. */

#include "common/clock.h"
#include "daemon/jobs/internal.h"
#include "daemon/options/options.h"
#include "daemon/plan/prices.h"
#include "daemon/plan/rules.h"
#include "daemon/provider/provider.h"

/* The switch of a provider's cache, by its dialect: the first word that fits, else the last row. */
static const struct {
        const char *dialect;
        enum option_id option;
} caches[] = {
        {"anthropic", OPTION_PREFIX_ANTHROPIC},
        {"openai", OPTION_PREFIX_OPENAI},
        {NULL, OPTION_PREFIX_LOCAL},
};

/* Servers of one's own speak OpenAI's dialect as a rule. */
static bool is_here(const char *url)
{
        return strstr(url, "//127.") || strstr(url, "//localhost") || strstr(url, "//[::1]");
}

static bool is_usable(const struct jobs *j, const char *provider)
{
        struct provider *p = provider_find(j->c.providers, provider);
        const char *reason;
        enum failure_id lack;

        return p && provider_is_ready(p, &lack, &reason);
}

/* What is asked: the first of the list that can be (exec/routes.c chooses again when a call
 * leaves); where none can, the first. */
static size_t first_usable(const struct jobs *j, const struct tier_option *t)
{
        for (size_t i = 0; i < t->n_routes; i++)
                if (is_usable(j, t->routes[i].provider))
                        return i;
        return 0;
}

/* The row of models that nobody knows says free, as those of one's own are. Who takes money is
 * asked over HTTPS. */
static bool is_unpriced(const struct jobs *j, const char *provider, const char *model)
{
        const struct provider_option *p = config_find_provider(j->c.config, provider);

        return p && strcmp(price_book_find(j->c.prices, model)->name, "*") == 0 &&
               strncmp(p->base_url, "https://", 8) == 0 && !is_here(p->base_url);
}

/* Of what is asked, and of what may be after it. */
static const char *find_unpriced(const struct jobs *j, enum tier tier)
{
        const struct tier_option *t = config_tier(j->c.config, tier);
        size_t first = first_usable(j, t);

        for (size_t i = first; i < t->n_routes; i++)
                if ((i == first || is_usable(j, t->routes[i].provider)) &&
                    is_unpriced(j, t->routes[i].provider, t->routes[i].model))
                        return t->routes[i].model;
        return NULL;
}

static bool is_caching(const struct job *job, const char *provider)
{
        const struct provider_option *p = config_find_provider(job->jobs->c.config, provider);
        size_t i = 0;

        if (!p)
                return false;
        while (caches[i].dialect && strcmp(caches[i].dialect, p->dialect) != 0)
                i++;
        if (caches[i].option == OPTION_PREFIX_OPENAI && is_here(p->base_url))
                i = N_ELEMENTS(caches) - 1;
        return job_options_get_bool(&job->options, caches[i].option);
}

static void fill_tier(const struct jobs *j, enum tier tier, struct tier_model *model,
                      struct tier_route *route)
{
        const struct tier_option *t = config_tier(j->c.config, tier);
        size_t first = first_usable(j, t);

        *route = (struct tier_route){0};
        for (size_t i = 0; i < t->n_routes && i < N_ELEMENTS(route->at); i++) {
                route->at[i].provider = t->routes[i].provider;
                route->at[i].model = t->routes[i].model;
                route->at[i].facts = price_book_find(j->c.prices, t->routes[i].model);
                route->n++;
        }
        if (t->n_routes == 0)
                return;
        model->provider = t->routes[first].provider;
        model->model = t->routes[first].model;
        model->facts = price_book_find(j->c.prices, model->model);
}

/* Calls that may be under way at once: as the job says, and no more than the providers allow that
 * its tiers ask. */
static unsigned count_places(const struct job *job, const struct tier_model tiers[N_TIERS])
{
        uint64_t wanted = job_options_get_u64(&job->options, OPTION_CALLS), n = 0;

        for (enum tier t = 0; t < N_TIERS; t++) {
                const char *name = tiers[t].provider;
                const struct provider_option *p =
                        name ? config_find_provider(job->jobs->c.config, name) : NULL;
                bool is_counted = false;

                for (enum tier k = 0; k < t; k++)
                        is_counted |= name && str_is_equal(tiers[k].provider, name);
                if (!p || is_counted)
                        continue;
                if (p->limits.calls == 0)
                        return (unsigned)wanted;
                n += p->limits.calls;
        }
        return (unsigned)(n > 0 ? MIN2(n, wanted) : wanted);
}

bool job_options_shape_plan(const struct job_options *a, const struct job_options *b)
{
        static const enum option_id others[] = {
                OPTION_JOB_USD,         OPTION_WARN_AT,      OPTION_UNPRICED, OPTION_APPROVAL_WHEN,
                OPTION_APPROVAL_TOKENS, OPTION_APPROVAL_USD, OPTION_PROGRESS};

        for (enum option_id i = 0; i < N_OPTIONS; i++) {
                bool is_other = false;

                for (size_t k = 0; k < N_ELEMENTS(others); k++)
                        is_other |= others[k] == i;
                if (!is_other && a->values[i] != b->values[i])
                        return true;
        }
        return false;
}

void job_planning(const struct job *job, struct planning *ret, struct tier_route routes[N_TIERS])
{
        struct jobs *j = job->jobs;
        const struct job_options *o = &job->options;
        bool is_optimized = job_options_get_bool(o, OPTION_OPTIMIZE);

        *ret = (struct planning){
                .estimator = j->estimates.now,
                .objective = (enum plan_objective)job_options_get_u64(o, OPTION_OBJECTIVE),
                .batch_max_output = job_options_get_u64(o, OPTION_BATCH_MAX_OUTPUT),
                .batch_max_files = job_options_get_u64(o, OPTION_BATCH_MAX_FILES),
                .now_ms = clock_provider_ms()};
        for (enum tier t = 0; t < N_TIERS; t++) {
                fill_tier(j, t, &ret->tiers[t], &routes[t]);
                ret->tiers[t].is_caching =
                        ret->tiers[t].provider && is_caching(job, ret->tiers[t].provider);
                ret->tiers[t].unpriced = find_unpriced(j, t);
        }
        for (enum plan_rule_id r = 0; r < N_PLAN_RULES; r++)
                ret->is_on[r] = (is_optimized || r == RULE_SCHEDULE) &&
                                job_options_get_bool(o, plan_rules[r]->option) &&
                                !(job->is_fresh && r <= RULE_REUSE);
        ret->n_parallel = ret->is_on[RULE_SCHEDULE] ? count_places(job, ret->tiers) : 1;
}
