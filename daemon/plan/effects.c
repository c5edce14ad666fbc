/* What each rule saves: the naive scheme, then rule after rule as it was decided in the end. */

#include <stdio.h>

#include "daemon/plan/write.h"

struct telling {
        struct draft *d;
        struct units *all; /* as if no rule settled anything */
        struct pricing *pricing;
        struct scheme *scheme;
        struct estimate last;
};

static void note_effect(struct plan *p, const char *name, const struct estimate *before,
                        const struct estimate *after)
{
        struct rule_effect *e = &p->effects[p->n_effects++];

        *e = (struct rule_effect){
                .name = name,
                .calls = (int64_t)before->calls - (int64_t)after->calls,
                .input = (int64_t)(before->tokens.input + before->tokens.cache_read +
                                   before->tokens.cache_write) -
                         (int64_t)(after->tokens.input + after->tokens.cache_read +
                                   after->tokens.cache_write),
                .output = (int64_t)before->tokens.output - (int64_t)after->tokens.output,
                .nanousd = (int64_t)before->nanousd - (int64_t)after->nanousd,
                .ms = (int64_t)before->ms - (int64_t)after->ms,
        };
}

/* Prices the scheme as it stands; what changed is the rule's. */
static void tell(struct telling *t, struct pricing *p, const char *name)
{
        struct estimate now = {0};

        (void)pricing_run(p, t->scheme);
        pricing_total(p, t->scheme, &now);
        if (name)
                note_effect(t->d->plan, name, &t->last, &now);
        t->last = now;
}

/* Rules that need no call: their tasks leave the scheme. */
static void tell_settled(struct telling *t)
{
        tell(t, t->pricing, NULL);
        t->d->plan->naive = t->last;
        for (enum plan_rule_id r = 0; r < N_PLAN_RULES; r++) {
                if (!t->d->in->is_on[r] || plan_rules[r]->settles == STEP_CALL)
                        continue;
                for (size_t i = 0; i < t->all->n; i++)
                        if (t->d->settled[i] == plan_rules[r]->settles)
                                t->scheme->lot_of[i] = NO_LOT;
                tell(t, t->pricing, plan_rules[r]->name);
        }
}

static void tell_decided(struct telling *t)
{
        struct plan *p = t->d->plan;

        for (enum plan_rule_id r = 0; r < N_PLAN_RULES; r++) {
                struct estimate before = t->last;

                if (!t->d->in->is_on[r] || plan_rules[r]->settles != STEP_CALL)
                        continue;
                plan_rules[r]->decide(t->scheme, t->d->scheme, t->d->units);
                tell(t, t->d->pricing, plan_rules[r]->name);
                if (r == RULE_COMPRESS) {
                        p->full_tokens = before.tokens.input;
                        p->compressed_tokens = t->last.tokens.input;
                }
        }
}

int explain_effects(struct draft *d)
{
        _cleanup_free_ enum step_kind *nothing = calloc(d->plan->n_tasks + 1, sizeof(*nothing));
        _cleanup_(units_freep) struct units *all = NULL;
        _cleanup_(pricing_freep) struct pricing *pricing = NULL;
        _cleanup_(scheme_freep) struct scheme *scheme = NULL;
        struct telling t = {.d = d};
        int k;

        if (!nothing)
                return -ENOMEM;
        for (size_t i = 0; i < d->plan->n_tasks; i++)
                nothing[i] = STEP_CALL;
        k = units_new(d->in, nothing, &all);
        k = k ? k : pricing_new(all, &pricing);
        k = k ? k : scheme_new(all, &scheme);
        if (k < 0)
                return k;
        scheme_reset(scheme, all);
        scheme->n_parallel = 1;
        t.all = all;
        t.pricing = pricing;
        t.scheme = scheme;
        tell_settled(&t);
        tell_decided(&t);
        return 0;
}
