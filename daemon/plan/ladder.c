#include "daemon/plan/ladder.h"

enum rung ladder_next(const struct task *t, const struct evidence *e, enum tier tier,
                      bool has_next_tier)
{
        (void)t;
        if (e->kind == EVIDENCE_PROVIDER)
                return RUNG_GIVE_UP;
        if (e->attempts < LADDER_TRIES_PER_TIER)
                return RUNG_AGAIN;
        if (e->attempts < 2 * LADDER_TRIES_PER_TIER && has_next_tier && tier < TIER_QUALITY)
                return RUNG_NEXT_TIER;
        return RUNG_GIVE_UP;
}
