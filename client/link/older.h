#pragma once
/* What a daemon of an older version may refuse, and what to ask it instead: a client is installed
 * before the daemon that still runs is told to restart. Only what is as good without is a row; to
 * leave out anything else could have another thing done than was asked for. */

#include <jansson.h>

#include "proto/failure.h"

/* True: params were changed, ask again. */
bool older_mend(const char *method, json_t *params, const struct failure *f);
