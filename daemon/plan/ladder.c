#include "daemon/plan/ladder.h"

enum rung ladder_next(const struct ladder *l, const struct evidence *e)
{
        bool is_wanting = e->kind == EVIDENCE_CHECKS || e->kind == EVIDENCE_COMMAND;
        unsigned n = e->attempts - l->was_shown_whole;

        if (e->kind == EVIDENCE_PROVIDER ||
            (e->kind == EVIDENCE_IDLE && e->attempts >= LADDER_IDLE_TRIES))
                return RUNG_GIVE_UP;
        if (n < LADDER_TRIES_PER_TIER)
                return RUNG_AGAIN;
        if (is_wanting && l->may_show_more && !l->was_shown_whole)
                return RUNG_WHOLE_CONTEXT;
        if (n < 2 * LADDER_TRIES_PER_TIER && l->has_next_tier && l->tier < TIER_QUALITY)
                return RUNG_NEXT_TIER;
        return RUNG_GIVE_UP;
}
