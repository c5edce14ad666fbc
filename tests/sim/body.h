#pragma once
/* Reads the JSON of a request. Jansson's own reader takes each byte through a function pointer,
 * which for prompts, long strings that they are, costs more than all else the simulator does; what
 * it makes is Jansson's data all the same. */

#include <jansson.h>

#include "common/macros.h"

#define BODY_DEPTH_MAX 64

/* NULL: *ret_why (static) and *ret_at say what is wrong and at which byte. Duplicate keys are
 * refused. */
json_t *body_read(struct span text, const char **ret_why, size_t *ret_at);
