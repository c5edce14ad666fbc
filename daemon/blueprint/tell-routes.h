#pragma once
/* For EXPLAIN: which requirement and which scenario went to which files, and why. Not for other
 * rooms. */

#include "common/macros.h"

struct lay_item;
struct layout;

/* by: "id", "word", "inflected", "endpoint", "logic"; said: the words of the text.
 */
int route_note(struct lay_item *item, const char *by, const char *said, const char *kind,
               const char *name) _must_check_;
int routes_tell(struct layout *l) _must_check_; /* when all tasks are there */
