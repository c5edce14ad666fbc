#include "daemon/plan/rules.h"

#include <stdio.h>

/* In the order in which they are applied: what costs nothing first, so that later rules see only
 * what is left. */
const struct plan_rule *const plan_rules[N_PLAN_RULES] = {
        [RULE_KEEP] = &rule_keep,
        [RULE_REUSE] = &rule_reuse,
        [RULE_TEMPLATE] = &rule_template,
        [RULE_TIER] = &rule_tier,
};

void draft_settle_task(struct draft *d, uint32_t task, enum step_kind kind, bool is_certain,
                       const char *reason)
{
        struct step *s = &d->plan->steps[d->plan->step_of_task[task]];

        assert(s->n_tasks == 1);
        s->kind = kind;
        s->is_certain = is_certain;
        snprintf(s->reason, sizeof(s->reason), "%s", reason);
        free(s->recipe.items);
        s->recipe = (struct recipe){0};
}
