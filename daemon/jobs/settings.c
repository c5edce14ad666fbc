/* From options to what planning and running want. */

#include "common/clock.h"
#include "daemon/jobs/internal.h"
#include "daemon/options/options.h"
#include "daemon/plan/prices.h"
#include "daemon/plan/rules.h"

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

/* The row of models that nobody knows says free, as those of one's own are. Who takes money is
 * asked over HTTPS. */
static bool is_price_unknown(const struct job *job, const struct tier_model *m)
{
        const struct provider_option *p =
                m->provider ? config_find_provider(job->jobs->c.config, m->provider) : NULL;

        return p && m->facts && strcmp(m->facts->name, "*") == 0 &&
               strncmp(p->base_url, "https://", 8) == 0 && !is_here(p->base_url);
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

        *route = (struct tier_route){0};
        for (size_t i = 0; i < t->n_routes && i < N_ELEMENTS(route->at); i++) {
                route->at[i].provider = t->routes[i].provider;
                route->at[i].model = t->routes[i].model;
                route->at[i].facts = price_book_find(j->c.prices, t->routes[i].model);
                route->n++;
        }
        if (t->n_routes == 0)
                return;
        model->provider = t->routes[0].provider;
        model->model = t->routes[0].model;
        model->facts = price_book_find(j->c.prices, model->model);
}

void job_planning(const struct job *job, struct planning *ret, struct tier_route routes[N_TIERS])
{
        struct jobs *j = job->jobs;
        const struct job_options *o = &job->options;
        bool is_optimized = job_options_get_bool(o, OPTION_OPTIMIZE);

        *ret = (struct planning){
                .estimator = j->estimates.now,
                .n_parallel = (unsigned)job_options_get_u64(o, OPTION_CALLS),
                .objective = (enum plan_objective)job_options_get_u64(o, OPTION_OBJECTIVE),
                .batch_max_output = job_options_get_u64(o, OPTION_BATCH_MAX_OUTPUT),
                .batch_max_files = job_options_get_u64(o, OPTION_BATCH_MAX_FILES),
                .now_ms = clock_provider_ms()};
        for (enum tier t = 0; t < N_TIERS; t++) {
                fill_tier(j, t, &ret->tiers[t], &routes[t]);
                ret->tiers[t].is_caching =
                        ret->tiers[t].provider && is_caching(job, ret->tiers[t].provider);
                ret->tiers[t].is_price_unknown = is_price_unknown(job, &ret->tiers[t]);
        }
        for (enum plan_rule_id r = 0; r < N_PLAN_RULES; r++)
                ret->is_on[r] = (is_optimized || r == RULE_SCHEDULE) &&
                                job_options_get_bool(o, plan_rules[r]->option) &&
                                !(job->is_fresh && r <= RULE_REUSE);
        if (!ret->is_on[RULE_SCHEDULE])
                ret->n_parallel = 1;
}
