#pragma once
/* K, by which a repeated request is known before anything of it is read.
 *
 *     K = XXH3-128 of params without meta, keyed with a secret and chained over pieces of 4 KiB |
 *         length u32 | uid u32 | first 8 bytes of the generation
 *
 * The secret is made of the generation, which has random bytes of the state directory in it: nobody
 * outside knows which requests would meet. The uid stands beside the hash, so that no request can
 * ever have the answer of another user's. SHA-256 would cost a third of all that a known answer
 * costs. */

#include "common/hash.h"
#include "common/macros.h"

#define RAW_SECRET_BYTES 192

struct raw_keyer {
        bool is_set;
        struct hash generation;
        uint8_t secret[RAW_SECRET_BYTES];
};

/* Cheap when the generation is that of the last time. */
void raw_keyer_set(struct raw_keyer *k, const struct hash *generation);
/* params: two pieces, one after the other. */
void raw_key_make(const struct raw_keyer *k, uint32_t uid, const struct span params[2],
                  struct hash *ret);
