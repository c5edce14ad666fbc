#pragma once
/* What a plan's rules saved in truth, beside what they were estimated to save.
 *
 * A saving is a difference to something that did not happen, so each rule says how it is measured:
 * `measure` in its row, by its own figures or by one of the ways here. docs/protocol.md has them as
 * a table for readers. What is not measured of a rule is left out. */

#include <jansson.h>

#include "daemon/plan/prices.h"
#include "daemon/work/plan.h"

struct measured_call {
        const char *model; /* borrowed */
        struct tokens tokens;
        uint64_t write_1h;                  /* of tokens.cache_write: at the price of an hour */
        uint64_t nanousd, start_ms, end_ms; /* wall clock */
        size_t n_tasks;
        bool is_ok;
};

struct measured {
        struct measured_call *calls;
        size_t n_calls;
        uint64_t n_planned[N_STEP_KINDS], n_came[N_STEP_KINDS]; /* tasks */
        uint64_t n_framed, n_edited; /* tasks: to be answered by edits of a frame; that were */
        uint64_t estimated_input, measured_input; /* tokens of all calls, cached ones included */
};

/* What a rule measures itself with. */
struct measuring {
        struct measured *m;
        const struct price_book *prices;
        const char *naive_model; /* NULL: not known */
        const json_t *steps;     /* of the plan */
};

struct plan_rule;

/* Ways that rules share. estimate: the row of the plan, as in struct rule_effect; out: what is
 * measured goes here. */

/* The estimate, times the share of its tasks that came that way in the end. */
int measure_by_source(const struct measuring *in, const struct plan_rule *rule,
                      const json_t *estimate, json_t *out) _must_check_;
/* The estimate, times measured input over estimated input. */
int measure_by_input(const struct measuring *in, const struct plan_rule *rule,
                     const json_t *estimate, json_t *out) _must_check_;
/* All fields of the estimate, in proportion. */
int measure_scale(const json_t *estimate, double factor, json_t *out) _must_check_;
int measure_put(json_t *out, const char *field, double n) _must_check_;
double measure_estimate(const json_t *estimate, const char *field);

/* Time in which at least one call was under way. Sorts the calls. */
uint64_t measured_busy_ms(struct measured *m);
/* Puts `measured` into each of plan.rules. */
int plan_measure_rules(json_t *plan, struct measured *m,
                       const struct price_book *prices) _must_check_;
