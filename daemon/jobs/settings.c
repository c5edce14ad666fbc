/* From options to what planning and running want. */

#include "daemon/jobs/internal.h"
#include "daemon/options/options.h"
#include "daemon/plan/prices.h"

static const struct {
        enum plan_rule_id rule;
        enum option_id option;
} switches[] = {
        {RULE_KEEP, OPTION_KEEP},
        {RULE_REUSE, OPTION_REUSE},
        {RULE_TEMPLATE, OPTION_TEMPLATE},
        {RULE_TIER, OPTION_TIER},
};

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

        *ret = (struct planning){
                .estimator = j->estimator,
                .n_parallel = (unsigned)job_options_get_u64(&job->options, OPTION_CALLS)};
        for (enum tier t = 0; t < N_TIERS; t++)
                fill_tier(j, t, &ret->tiers[t], &routes[t]);
        for (size_t i = 0; i < N_ELEMENTS(switches); i++)
                ret->is_on[switches[i].rule] =
                        job_options_get_bool(&job->options, switches[i].option) &&
                        !(job->is_fresh && switches[i].rule <= RULE_REUSE);
}
