#pragma once
/* SHA-256, with two implementations behind one face: libcrypto (daemon, hash-crypto.c) and libmd
 * (client, hash-md.c), because linking libcrypto costs a short-lived program more time than all
 * else it does. */

#include "common/macros.h"

#define HASH_BYTES 32
#define HASH_HEX_BYTES 65 /* with the NUL */

struct hash {
        uint8_t at[HASH_BYTES];
};

struct hasher; /* opaque; one per hash in progress */

int hasher_new(struct hasher **ret) _must_check_;
void hasher_add(struct hasher *h, const void *bytes, size_t n);
void hasher_get(struct hasher *h,
                struct hash *ret); /* ends it; the hasher may only be reset or freed after */
void hasher_reset(struct hasher *h);
struct hasher *hasher_free(struct hasher *h);
DEFINE_CLEANUP(struct hasher, hasher_free);

void hash_of(const void *bytes, size_t n, struct hash *ret); /* one shot; cannot fail */
void hash_to_hex(const struct hash *h, char ret[HASH_HEX_BYTES]);
int hash_from_hex(struct span hex,
                  struct hash *ret) _must_check_; /* exactly 64 of [0-9a-f]; -EINVAL */
static inline bool hash_is_equal(const struct hash *a, const struct hash *b)
{
        return memcmp(a->at, b->at, HASH_BYTES) == 0;
}
bool hash_is_zero(const struct hash *h);
