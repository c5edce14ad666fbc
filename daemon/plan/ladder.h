#pragma once
/* The ladder: what to try after an attempt at a task failed. Pure.
 *
 *     same step with evidence → whole context → next tier → give up
 *
 * The whole context helps an answer that was found wanting, not one that was cut off or lacked a
 * file. Transport faults never come here: calls/ has tried again already, and what it hands on
 * cannot succeed by asking again now. */

#include "daemon/work/evidence.h"
#include "daemon/work/plan.h"

enum rung { RUNG_AGAIN, RUNG_WHOLE_CONTEXT, RUNG_NEXT_TIER, RUNG_GIVE_UP };

#define LADDER_TRIES_PER_TIER 2
#define LADDER_IDLE_TRIES 2 /* who has nothing to say is asked once more, and not on all rungs */

/* Where a task stands. */
struct ladder {
        enum tier tier;
        bool has_next_tier;
        bool may_show_more; /* there is more context than it was shown */
        bool was_shown_whole;
};

enum rung ladder_next(const struct ladder *l, const struct evidence *e);
