#pragma once
/* Variables of a client's environment that set options of its jobs: the daemon, which lives longer
 * than a shell, does not see them. They are sent under their own names, so that the daemon can tell
 * them from what the user said of this job (--set), which goes before them however it is spelled.
 * The daemon's option table has the same names (a test compares). */

#include <jansson.h>

#include "common/macros.h"

extern const char *const job_variables[]; /* ended by NULL */
/* Adds {variable: text} for each that is set and not empty. */
int job_variables_add(json_t *options) _must_check_;
