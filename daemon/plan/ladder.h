#pragma once
/* The ladder: what to try after an attempt at a task failed. Pure.
 *
 *     same step with evidence → next tier → give up
 *
 * Transport faults never come here: calls/ has tried again already, and what it hands on cannot
 * succeed by asking again now. */

#include "daemon/work/evidence.h"
#include "daemon/work/plan.h"
#include "daemon/work/task.h"

enum rung { RUNG_AGAIN, RUNG_NEXT_TIER, RUNG_GIVE_UP };

#define LADDER_TRIES_PER_TIER 2

enum rung ladder_next(const struct task *t, const struct evidence *e, enum tier tier,
                      bool has_next_tier);
