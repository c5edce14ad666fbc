#pragma once
/* Rules: one optimisation each, one file, one row, one option. A rule changes steps of the draft;
 * prices follow by themselves. */

#include "daemon/plan/planner.h"

/* The plan while it is made. */
struct draft {
        const struct planning *in;
        struct plan *plan;
        /* Per task: the full key as far as it can be foretold, from the interfaces that its
         * dependencies will (probably) have. */
        struct prediction {
                bool has_key, is_certain;
                struct hash key;
                bool has_interface, is_interface_certain;
                struct hash interface;
                const struct seen_result *seen; /* the result of that key, or NULL */
        } * predictions;
};

struct plan_rule {
        const char *name;
        const char *option; /* optimization.* */
        int (*apply)(struct draft *d);
};

extern const struct plan_rule *const plan_rules[N_PLAN_RULES];

extern const struct plan_rule rule_keep, rule_reuse, rule_template, rule_tier;

/* Turns the step of one task into one that needs no call. */
void draft_settle_task(struct draft *d, uint32_t task, enum step_kind kind, bool is_certain,
                       const char *reason);
