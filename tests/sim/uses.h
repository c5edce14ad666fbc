#pragma once
/* `uses: {path: P, entities: [A, B], project: true}` names, by section, which of the facts of a
 * prompt belong to one file; what stands beside the key belongs to that file as well. */

#include "tests/sim/facts.h"

/* One document with just that, in the order of a document of the file's own. NULL: out of memory.
 */
struct yaml_node *uses_make(const struct facts *f, struct yaml_node *uses);
void uses_free(struct yaml_node *made);
