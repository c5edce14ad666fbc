#pragma once
/* ULIDs (github.com/ulid/spec): 48 bits of wall clock in ms, 80 bits of chance, 26 characters of
 * Crockford base 32. Monotonic: never at or below the last one given, which the owner seeds from
 * storage. */

#include "common/macros.h"

#define ULID_BYTES 16
#define ULID_TEXT_BYTES 27 /* with the NUL */

struct ulid {
        uint8_t at[ULID_BYTES]; /* big endian: byte order is time order */
};

void ulid_next(struct ulid *last, struct ulid *ret); /* last is read and updated */
void ulid_to_text(const struct ulid *u, char ret[ULID_TEXT_BYTES]);
int ulid_from_text(struct span text, struct ulid *ret) _must_check_; /* -EINVAL */
