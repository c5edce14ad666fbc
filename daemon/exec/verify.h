#pragma once
/* Repairs that the client's command is to accept. They are delivered first, because a command looks
 * at files, and wait; the command runs when nothing else can, once for all. Not for other rooms. */

#include "daemon/exec/internal.h"

/* Tells of the file, and parks the task. */
void verify_later(struct run *r, uint32_t task);
/* What an earlier run delivered and had not heard of: it waits again. Takes the result; put: how it
 * lay in state. CONDITION_ABSENT: its content is not there any more. */
int verify_restore(struct run *r, uint32_t task, struct result *result, uint8_t put) _must_check_;
/* What the command said. Passed: all that wait are done. Else those that its output names are asked
 * for again, once, with the output; then they are taken back and fail. Where it names none, it
 * cannot be told who is to blame: the first time all that a model made are asked again. */
void verify_answer(struct run *r, uint32_t task, bool is_passed, const char *output);
