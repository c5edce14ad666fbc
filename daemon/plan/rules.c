#include "daemon/plan/rules.h"

#include <stdio.h>

const struct plan_rule *const plan_rules[N_PLAN_RULES] = {
#define X(id, name) [RULE_##id] = &rule_##name,
        PLAN_RULE_TABLE(X)
#undef X
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
