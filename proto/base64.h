#pragma once
/* Base 64 of RFC 4648, section 4: with padding, no line breaks, nothing else. Strict: the unused
 * bits of the last character are zero, so that every byte string has one encoding. */

#include "common/buf.h"
#include "common/macros.h"

int base64_encode(struct buf *b, struct span bytes) _must_check_; /* appends */
int base64_decode(struct buf *b,
                  struct span text) _must_check_; /* appends; -EINVAL: nothing appended */
int base64_decoded_size(struct span text,
                        size_t *ret) _must_check_; /* from length and padding alone; -EINVAL */
static inline size_t base64_encoded_size(size_t n)
{
        return (n + 2) / 3 * 4;
}
