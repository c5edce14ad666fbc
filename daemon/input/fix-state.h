#pragma once
/* What kantra-ai notes of its work on a plan, so that what it has done is not done again:
 *
 *     violations: {ID: {incidents: {URI or URI:LINE: {status: completed | failed | …}}}}
 *
 * Only what is said of an incident itself counts: a violation or a phase may be called completed
 * although some of it failed. An address without a line says which incident is meant only where the
 * violation has a single one there: taking it for all of them is how fixes get lost. */

#include "daemon/input/analysis.h"

enum incident_state { INCIDENT_OPEN, INCIDENT_COMPLETED, INCIDENT_FAILED };

struct fix_state_counts {
        size_t n_completed, n_failed;
        size_t n_unclear; /* of an address that several incidents share */
        size_t n_unknown; /* of no incident of the analysis */
};

/* ret: per incident of the analysis, malloc. CONDITION_REFUSED names line and column. */
int fix_state_read(struct span text, const char *name, const struct analysis *a, uint8_t **ret,
                   struct fix_state_counts *ret_counts, struct failure **ret_failure) _must_check_;
