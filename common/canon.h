#pragma once
/* Canonical form of data for identity: what is equal gives equal bytes, what differs gives
 * different bytes.
 *
 * Format 1 (all integers big endian):
 *
 *     document = version:u16 record*
 *     record   = field:u16 type:u8 length:u64 bytes
 *     type     = 'b' bytes, 't' UTF-8 text, 'u' u64, 'h' hash, 'j' json value
 *
 * A json value is encoded recursively: 'n' null, 'f'/'T' false/true, 'i' s64, 'r' the shortest
 * decimal text of a real, 's' length text, 'a' count value*, 'o' count (length key, value)* with
 * keys in ascending byte order. 85 and 85.0 are different here; schemas type scalars before they
 * come. Never a JSON dump, no float formats of the locale. */

#include <jansson.h>

#include "common/hash.h"
#include "common/macros.h"

struct canon; /* hashes as it is fed; keeps no copy */

int canon_new(uint16_t version, struct canon **ret) _must_check_;
struct canon *canon_free(struct canon *c);
DEFINE_CLEANUP(struct canon, canon_free);
void canon_add_bytes(struct canon *c, uint16_t field, const void *bytes, size_t n);
void canon_add_text(struct canon *c, uint16_t field,
                    const char *text); /* NULL is left out: absent != "" */
void canon_add_u64(struct canon *c, uint16_t field, uint64_t value);
void canon_add_hash(struct canon *c, uint16_t field, const struct hash *h);
int canon_add_json(struct canon *c, uint16_t field,
                   const json_t *value) _must_check_; /* -ENOMEM, -E2BIG (depth 64) */
void canon_get(struct canon *c, struct hash *ret);    /* ends it */
