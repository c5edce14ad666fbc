#pragma once
/* What differs between two values, in lines for a person. Pure.
 *
 * Maps and lists are gone into; members of a list that are maps with a `name`, `id` or `path` are
 * told apart by it, other lists member by member; of long texts the lines that differ:
 *
 *     attributes.Quantity.type   int → int64
 *     attributes.Total           + {name: Total, type: float64}
 *     - a line that went
 *     + a line that came */

#include <jansson.h>

#include "common/buf.h"

#define DIFFERENCE_LINES_MAX 12 /* of one value; the rest is counted */

/* NULL: there is none, or it is not known. Lines are indented and at most `columns` wide. */
int difference_write(const json_t *old, const json_t *new, const char *indent, size_t columns,
                     struct buf *b) _must_check_;
