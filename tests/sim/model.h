#pragma once
/* The model: an answer to a prompt, from what the prompt says and nothing else. The same prompt
 * gives the same answer. */

#include "common/buf.h"
#include "tests/sim/faults.h"
#include "tests/sim/prompt.h"
#include "tests/sim/told.h"

/* Appends the answer to text, and fills told. *ret_stop_reason (static): end_turn, or refusal.
 * -ENOMEM. */
int model_answer(const struct prompt *p, const struct fault_set *faults, struct buf *text,
                 struct told *told, const char **ret_stop_reason) _must_check_;
/* Whether the prompt tells why an earlier answer was refused: prose in a block between the task and
 * the answer's format. */
bool model_has_evidence(const struct prompt *p);
