#pragma once
/* Variables of a client's environment that set options of its jobs. The daemon's option table has
 * the same names (a test compares); here stands what a client needs to pass them on. */

#include <jansson.h>

#include "common/macros.h"

struct job_variable {
        const char *variable;
        const char *option;  /* whose --set goes before the variable */
        const char *sent_as; /* the name in `options` of a submit */
};

extern const struct job_variable job_variables[]; /* ended by a NULL variable */
/* Adds to options ({name: text}, from --set) what the environment says and --set does not. Empty
 * variables do not count. */
int job_variables_add(json_t *options) _must_check_;
