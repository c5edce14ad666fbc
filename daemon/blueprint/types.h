#pragma once
/* What a specification calls a type -> what the language calls it. Not for other rooms. */

#include "common/buf.h"
#include "common/macros.h"

struct layout;
struct refs;

/* What the type is called, with a mark for each entity: see types.c. *ret is borrowed from the
 * layout. Unknown types warn. */
int layout_type(struct layout *l, const char *text, const char *of,
                const char **ret_skeleton) _must_check_;
bool layout_type_is_unknown(const struct layout *l, const char *text);
int skeleton_entities(const char *skeleton, struct refs *ret) _must_check_;
/* Final text for a place in `package`. by_id: entities stand as their identifiers. */
int skeleton_write(const struct layout *l, const char *skeleton, uint32_t package, bool by_id,
                   struct buf *out) _must_check_;
void layout_types_free(struct layout *l);
