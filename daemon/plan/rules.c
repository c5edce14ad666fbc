#include "daemon/plan/rules.h"

#include <stdio.h>

/* In the order in which they are applied: what costs nothing first, so that later rules see only
 * what is left. */
const struct plan_rule *const plan_rules[N_PLAN_RULES] = {
        [RULE_KEEP] = &rule_keep,         [RULE_REUSE] = &rule_reuse,
        [RULE_TEMPLATE] = &rule_template, [RULE_MECHANICAL] = &rule_mechanical,
        [RULE_FRAME] = &rule_frame,       [RULE_CONTEXT] = &rule_context,
        [RULE_COMPRESS] = &rule_compress, [RULE_TIER] = &rule_tier,
        [RULE_BATCH] = &rule_batch,       [RULE_PREFIX] = &rule_prefix,
        [RULE_SCHEDULE] = &rule_schedule,
};

void draft_settle_task(struct draft *d, uint32_t task, enum step_kind kind, bool is_certain,
                       const char *reason)
{
        struct step *s = &d->plan->steps[task];

        d->settled[task] = kind;
        s->kind = kind;
        s->is_certain = is_certain;
        snprintf(s->reason, sizeof(s->reason), "%s", reason);
}
