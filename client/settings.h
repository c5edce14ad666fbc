#pragma once
/* The variables of the user's shell that set options of a job: the daemon, which lives longer than
 * a shell, does not see them. A test compares the table with the daemon's options. */

#include <jansson.h>

#include "common/macros.h"

struct setting {
        const char *variable, *option;
};
extern const struct setting setting_table[];
extern const size_t n_settings;

/* Adds {option: text} for each variable that is set and not empty. */
int settings_from_environment(json_t *options) _must_check_;
