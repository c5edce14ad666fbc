#include <stdio.h>

#include "daemon/plan/rules.h"

/* Why a model is asked at all counts for more. */
static void explain(const struct draft *d, struct step *s)
{
        const struct task *t = &d->in->work->tasks[s->tasks[0]];

        if (s->n_tasks == 1 && t->uncovered && d->in->is_on[RULE_TEMPLATE])
                snprintf(s->reason, sizeof(s->reason), "tier %s: %s", tier_names[s->tier],
                         t->uncovered);
        else
                snprintf(s->reason, sizeof(s->reason), "its kind requires tier %s",
                         tier_names[s->tier]);
}

/* A call goes to the tier that its task requires, not to the best there is. A tier that is not
 * configured falls to the next better. */
static int apply(struct draft *d)
{
        for (size_t i = 0; i < d->plan->n_steps; i++) {
                struct step *s = &d->plan->steps[i];
                enum tier tier = TIER_FAST;

                if (s->kind != STEP_CALL)
                        continue;
                for (size_t k = 0; k < s->n_tasks; k++) {
                        enum tier wanted;

                        if (tier_from_name(d->in->work->tasks[s->tasks[k]].tier, &wanted) == 0)
                                tier = MAX2(tier, wanted);
                }
                while (tier < TIER_QUALITY && !d->in->tiers[tier].model)
                        tier++;
                s->tier = tier;
                explain(d, s);
        }
        return 0;
}

const struct plan_rule rule_tier = {"tier", "optimization.tier", apply};
