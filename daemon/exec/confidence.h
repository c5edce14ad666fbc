#pragma once
/* How sure is it that a repair is right, and how sure must it be? The harder its findings are, the
 * surer: what falls short is asked for once more with the reason, then put in place and named for a
 * person to look at. Not for other rooms. */

#include "daemon/exec/internal.h"

/* By the largest effort (0 to 10) of the findings. */
double confidence_needed(int effort);
/* In a worker, after the checks: the score, and the verdict with it. */
void confidence_weigh(struct run_work_item *item);
/* Is a person to look at it? */
bool confidence_is_low(const struct task *t, const struct result *result);
