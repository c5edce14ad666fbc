#include "daemon/plan/rules.h"

/* Calls side by side, as many as the limits allow, longest path first, readers of a prefix after
 * its writer. Without it they run one after another. */
static int apply(struct draft *d)
{
        d->scheme->rules |= RULE_BIT(RULE_SCHEDULE);
        d->scheme->n_parallel = MAX2(d->in->n_parallel, 1u);
        return 0;
}

const struct plan_rule rule_schedule = {"schedule", "optimization.schedule", apply};
