#pragma once
/* What a plan's rules saved in truth, beside what they were estimated to save.
 *
 * A saving is a difference to something that did not happen, so each rule says how it is measured
 * (docs/protocol.md has the same table for readers):
 *
 *     keep, reuse, template, mechanical   the estimate, times the share of their tasks that came
 * that way in the end context, compress                   the estimate, times measured input /
 * estimated input tier                                each call's tokens at the price of the naive
 * plan's model, less what was paid batch                               calls: tasks answered less
 * calls that did; the rest of the estimate in that proportion prefix tokens read at the price of
 * input, less what reading and writing them cost schedule                            the calls'
 * times one after another, less the time in which any was under way
 *
 * What is not measured of a rule is left out. */

#include <jansson.h>

#include "daemon/plan/prices.h"
#include "daemon/work/plan.h"

struct measured_call {
        const char *model; /* borrowed */
        struct tokens tokens;
        uint64_t nanousd, start_ms, end_ms; /* wall clock */
        size_t n_tasks;
        bool is_ok;
};

struct measured {
        struct measured_call *calls;
        size_t n_calls;
        uint64_t n_planned[N_STEP_KINDS], n_came[N_STEP_KINDS]; /* tasks */
        uint64_t estimated_input, measured_input; /* tokens of all calls, cached ones included */
};

/* Time in which at least one call was under way. Sorts the calls. */
uint64_t measured_busy_ms(struct measured *m);
/* Puts `measured` into each of plan.rules. */
int plan_measure_rules(json_t *plan, struct measured *m,
                       const struct price_book *prices) _must_check_;
