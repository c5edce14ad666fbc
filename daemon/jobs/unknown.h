#pragma once
/* Types that nobody can make anything of: the blueprint has no rule for them, and there is no model
 * that could be asked what is meant. Half a project that waits for a key would say it too late. Not
 * for other rooms. */

#include "daemon/jobs/internal.h"

/* Before the first run of a plan with calls; a job that was at work once is not refused for a key
 * that went away: it waits. CONDITION_REFUSED: all such types are in the failure. */
int job_refuse_unknown(const struct job *job, const struct work *w, const struct plan *p,
                       struct failure **ret) _must_check_;
