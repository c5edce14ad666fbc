#pragma once
/* From the scheme to the plan: steps with recipes and reasons; and what each rule saved. */

#include "daemon/plan/rules.h"

/* Steps in the order of their first task, prefixes, totals. */
int plan_write(struct draft *d) _must_check_;
/* naive and effects: every rule is priced on top of those before it, with what was decided in the
 * end, so that their sum is the difference between naive and planned. */
int explain_effects(struct draft *d) _must_check_;
