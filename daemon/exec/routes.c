/* Which provider a tier's call goes to: the first of its list that can be used.
 *
 * One that does not answer at all, or not in time, after all tries of a call, is passed over for
 * the rest of the run when the list has another that can be used: what would fail is asked of that
 * one. What only a person can end (a key, an account, a budget) never goes on by itself to another
 * provider, which may cost more: the job waits and says so. */

#include <stdio.h>

#include "daemon/exec/leaving.h"
#include "daemon/provider/provider.h"

static const enum failure_id passing[] = {FAILURE_UNREACHABLE, FAILURE_OVERLOADED,
                                          FAILURE_RATE_LIMITED, FAILURE_STREAM_STALLED};

static bool is_passed_over(const struct run *r, const char *provider)
{
        for (size_t i = 0; i < r->n_passed_over; i++)
                if (strcmp(r->passed_over[i], provider) == 0)
                        return true;
        return false;
}

static bool is_usable(const struct run *r, const char *provider)
{
        struct provider *p = provider_find(r->setup.providers, provider);
        const char *reason;
        enum failure_id lack;

        return p && provider_is_ready(p, &lack, &reason);
}

/* False: none can be used. */
static bool find_usable(const struct run *r, const struct tier_route *route, bool has_to_be_new,
                        size_t *ret)
{
        for (size_t i = 0; i < route->n; i++)
                if (is_usable(r, route->at[i].provider) &&
                    !(has_to_be_new && is_passed_over(r, route->at[i].provider))) {
                        *ret = i;
                        return true;
                }
        return false;
}

bool run_choose_route(struct run *r, enum tier tier)
{
        const struct tier_route *route = &r->setup.routes[tier];
        size_t i = 0;

        if (tier >= N_TIERS || route->n == 0)
                return false;
        if (!find_usable(r, route, true, &i))
                (void)find_usable(r, route, false, &i);
        /* What it costs is what the chosen one costs. */
        r->setup.planning.tiers[tier].provider = route->at[i].provider;
        r->setup.planning.tiers[tier].model = route->at[i].model;
        r->setup.planning.tiers[tier].facts = route->at[i].facts;
        return true;
}

static void pass_over(struct run *r, enum tier tier, const char *provider)
{
        const struct tier_route *route = &r->setup.routes[tier];

        for (size_t i = 0; i < route->n && r->n_passed_over < N_ELEMENTS(r->passed_over); i++)
                if (strcmp(route->at[i].provider, provider) == 0 && !is_passed_over(r, provider))
                        r->passed_over[r->n_passed_over++] = route->at[i].provider;
}

static void say_passed(struct run *r, uint32_t task, const struct run_call *c, const char *next)
{
        char reason[400];

        snprintf(reason, sizeof(reason), "%s; %s is asked instead", failure_message(c->failure),
                 next);
        publish_news(r, "task.retry",
                     json_pack("{s:I,s:I,s:s,s:I,s:i}", "task", (json_int_t)task, "call",
                               (json_int_t)c->n, "reason", reason, "delay_ms", (json_int_t)0,
                               "attempt", (int)r->tasks[task].evidence.attempts + 1));
        r->totals.n_retries++;
        run_log(r, task, LOG_LEVEL_WARNING, "provider_passed", "%s: %s", r->work->tasks[task].title,
                reason);
}

bool routes_go_on(struct run_call *c, uint32_t task)
{
        struct run *r = c->run;
        const struct tier_route *route = &r->setup.routes[c->tier];
        bool is_passing = false;
        size_t next;

        for (size_t i = 0; c->failure && i < N_ELEMENTS(passing); i++)
                is_passing |= c->failure->id == passing[i];
        if (!is_passing)
                return false;
        pass_over(r, c->tier, c->provider);
        if (!is_passed_over(r, c->provider) || !find_usable(r, route, true, &next))
                return false;
        say_passed(r, task, c, route->at[next].provider);
        run_task_move(r, task, TASK_READY);
        ask_again(c, task);
        return true;
}
