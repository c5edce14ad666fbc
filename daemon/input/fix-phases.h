#pragma once
/* Phases: findings by the risk that repairing them has. A plan of kantra-ai brings its own; else
 * they are, in the order in which a careful person would take them:
 *
 *     1 mechanical   low      what findings spell out
 *     2 simple       low      mandatory, effort 0 to 2
 *     3 moderate     medium   mandatory, effort 3 to 6, or not told
 *     4 hard         high     mandatory, effort 7 to 10
 *     5 optional     low      what need not be repaired
 *
 * A phase is named by its number or its name (of a plan: its id). All are taken, but for those that
 * a plan defers, unless some are asked for. */

#include "daemon/input/analysis.h"

enum { PHASE_MECHANICAL, PHASE_SIMPLE, PHASE_MODERATE, PHASE_HARD, PHASE_OPTIONAL, N_OWN_PHASES };

struct fix_phase {
        const char *name, *risk; /* borrowed; risk may be NULL */
        size_t n_findings, n_files;
        uint32_t last_file;
        bool is_taken;
};

struct fix_phases {
        struct fix_phase *at; /* owned */
        size_t n;
        bool is_of_plan;
};

/* wanted: list of names and numbers, or NULL. CONDITION_REFUSED: there is no such phase. */
int fix_phases_init(struct fix_phases *p, const struct analysis *a, const json_t *wanted,
                    struct failure **ret_failure) _must_check_;
void fix_phases_done(struct fix_phases *p);
#define _cleanup_phases_ _cleanup_(fix_phases_done)
size_t fix_phase_of(const struct fix_phases *p, const struct analysis_rule *rule,
                    bool is_mechanical);
void fix_phase_count(struct fix_phases *p, size_t phase, uint32_t file);
json_t *fix_phases_json(const struct fix_phases *p); /* NULL: no memory */
