#pragma once
/* A planner without ideas: it tries everything. Random cases from a seed, small enough for that. */

#include "daemon/plan/rules.h"

/* A case: work and settings, all from the seed. */
struct brute_case {
        struct work *work;
        struct planning in;
        struct model_facts models[N_TIERS];
};

void brute_case_make(uint64_t seed, struct brute_case *c);
void brute_case_done(struct brute_case *c);
/* Cheapest J over all partitions into legal calls and all orders of starting them; is_full: also
 * over all tiers and presentations of each call, standards in full and in brief, waiting for
 * writers and not. Else tier, presentation and these two as in `like`. */
double brute_plan(const struct units *u, const struct scheme *like, bool is_full);
