#pragma once
/* Rules: one optimisation each: one file in rules/, one row of PLAN_RULE_TABLE (planner.h), one
 * switch. The first ones settle tasks without a call; the others write the first scheme for what is
 * left, each by itself. What pulls against each other (a filtered context is shorter, a shared one
 * is cheaper per token; batches against places that are free; a cheap tier against repetitions) is
 * then decided together, by price (search.c). */

#include "daemon/options/options.h"
#include "daemon/plan/measure.h"
#include "daemon/plan/planner.h"
#include "daemon/plan/scheme.h"

/* The plan while it is made. */
struct draft {
        const struct planning *in;
        struct plan *plan;
        enum step_kind *settled; /* per task: STEP_CALL, or how it is had without one */
        /* Per task: the full key as far as it can be foretold, from the interfaces that its
         * dependencies will (probably) have. */
        struct prediction {
                bool has_key, is_certain;
                struct hash key;
                bool has_interface, is_interface_certain;
                struct hash interface;
                const struct seen_result *seen; /* the result of that key, or NULL */
        } * predictions;
        struct units *units; /* from the first rule on that writes the scheme */
        struct scheme *scheme;
        struct pricing *pricing;
};

struct plan_rule {
        const char *name;
        enum option_id option; /* its switch */
        int (*apply)(struct draft *d);
        /* How its tasks are had, where it settles them without a call; else STEP_CALL, and what of
         * the final scheme is its own decision: scheme, which has those of the rules before it, is
         * given this one too, so that EXPLAIN can tell what it saves. */
        enum step_kind settles;
        void (*decide)(struct scheme *s, const struct scheme *final, const struct units *u);
        /* What it saved in truth (measure.h). */
        int (*measure)(const struct measuring *in, const struct plan_rule *rule,
                       const json_t *estimate, json_t *out);
};

extern const struct plan_rule *const plan_rules[N_PLAN_RULES];

#define X(id, name) extern const struct plan_rule rule_##name;
PLAN_RULE_TABLE(X)
#undef X

/* Turns the step of one task into one that needs no call. */
void draft_settle_task(struct draft *d, uint32_t task, enum step_kind kind, bool is_certain,
                       const char *reason);
/* units, scheme and pricing, for what no rule has settled: the rules write a scheme, the search
 * makes it cheaper. They are the caller's to free. */
int draft_write_scheme(struct draft *d) _must_check_;
/* Requirements, scenarios, dependencies and size of what a task declares, as one number. */
double units_complexity(const struct work *w, const struct task *t);
