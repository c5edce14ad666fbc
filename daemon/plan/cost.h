#pragma once
/* The cost model: tokens, money and time of steps, and of a whole plan.
 *
 *     nanousd = input × price.input + cache_read × price.cache_read + cache_write ×
 * price.cache_write_5m + output × price.output ms(call) = first_token_ms + input ÷ input_per_second
 * + output ÷ output_per_second ms(plan) = max(longest path of calls along the dependencies, Σ ms ÷
 * parallel calls) */

#include "daemon/plan/planner.h"

/* Bytes of a call's prompt, by class. Interfaces that do not exist yet count as a share of the
 * expected text. */
void cost_prompt_bytes(const struct planning *in, const struct step *s, struct text_bytes *ret);
void cost_step(const struct planning *in, struct step *s); /* sets s->estimate */
void cost_plan(const struct planning *in, struct plan *p); /* steps and totals */
/* What people do today, for the same work: one call per task, the whole specification in each, the
 * best tier, one after another. */
void cost_naive(const struct planning *in, struct estimate *ret);
void estimate_add(struct estimate *sum, const struct estimate *e);
