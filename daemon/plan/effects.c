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

static uint64_t told(const struct estimate *e)
{
        return e->tokens.input + e->tokens.cache_read + e->tokens.cache_write;
}

static void note_effect(struct plan *p, const char *name, const struct estimate *before,
                        const struct estimate *after)
{
        struct rule_effect *e = &p->effects[p->n_effects++];

        *e = (struct rule_effect){
                .name = name,
                .calls = (int64_t)before->calls - (int64_t)after->calls,
                .input = (int64_t)told(before) - (int64_t)told(after),
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

/* Repairs: people ask for each finding by itself, and have the whole file written again. That all
 * findings of a file are one task, and its answer edits, is a saving of its own. */
static void tell_findings(struct telling *t)
{
        const struct planning *in = t->d->in;
        const struct model_facts *f = in->tiers[TIER_QUALITY].facts;
        const struct rates *r = &t->all->rates[TIER_QUALITY];
        struct estimate *naive = &t->d->plan->naive;

        *naive = (struct estimate){0};
        for (uint32_t i = 0; i < t->all->n; i++) {
                const struct task *task = &in->work->tasks[i];
                const struct lot_price *x = pricing_lot(t->pricing, i);
                double input = x->stable + x->fresh, output = (double)task->n_base * r->answer,
                       n = task->repair ? task->repair->n_findings : 0;

                naive->calls += (uint64_t)n;
                naive->tokens.input += (uint64_t)(n * input);
                naive->tokens.output += (uint64_t)(n * output);
                naive->ms += (uint64_t)(n * (r->first_ms + r->fresh_ms * input +
                                             r->writing_ms * output));
                if (f)
                        naive->nanousd += (uint64_t)(n * (input * (double)f->price.input +
                                                          output * (double)f->price.output));
        }
        note_effect(t->d->plan, "findings", naive, &t->last);
}

/* Rules that need no call: their tasks leave the scheme. */
static void tell_settled(struct telling *t)
{
        tell(t, t->pricing, NULL);
        t->d->plan->naive = t->last;
        if (t->d->in->work->findings)
                tell_findings(t);
        for (enum plan_rule_id r = 0; r < N_PLAN_RULES; r++) {
                if (!t->d->in->is_on[r] || plan_rules[r]->settles == STEP_CALL ||
                    (r == RULE_MECHANICAL && !t->d->in->work->findings))
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
                        p->effects[p->n_effects - 1].full = told(&before);
                        p->effects[p->n_effects - 1].compressed = told(&t->last);
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
