#pragma once
/* How a value lies in LMDB, which itself has no checksums and returns overwritten bytes silently.
 *
 *     value = magic:u16 version:u8 codec:u8 length:u32 checksum:u64 payload        (big endian)
 *     codec = 0 plain (payload is the content) | 1 zlib (length is that of the content)
 *
 * The checksum is XXH3_64 over the payload, seeded with table, key and the fields before it: a
 * value that a damaged tree hands out under another key fails as surely as one with a flipped bit.
 */

#include "common/buf.h"
#include "daemon/store/store.h"

#define VALUE_HEADER_BYTES 16
#define VALUE_CONTENT_BYTES \
        ((size_t)64 << 20) /* far above any blob part; what a damaged length may ask for */

enum value_codec { CODEC_PLAIN, CODEC_ZLIB, N_CODECS };

/* A condition: this is not a value that we wrote under this key. */
#define CONDITION_BAD_VALUE 3

struct value {
        enum value_codec codec;
        struct span payload; /* borrowed: where the value lies */
        size_t n_content;
};

void value_write_head(char head[VALUE_HEADER_BYTES], enum store_table t, struct span key,
                      const struct value *v);
/* Checks all there is to check; CONDITION_BAD_VALUE. */
int value_open(enum store_table t, struct span key, struct span stored,
               struct value *ret) _must_check_;
/* Appends the content; CONDITION_BAD_VALUE (out is as before), -ENOMEM, -EMSGSIZE. */
int value_unpack(const struct value *v, struct buf *out) _must_check_;

/* A compressor that keeps its memory (a quarter of a MiB) from value to value until packer_rest().
 */
struct packer {
        void *stream; /* owned: z_stream; NULL until needed */
        int level;
};
#define PACK_NEVER SIZE_MAX
/* *ret_payload owned, or NULL where compression saves less than an eighth (or memory is short:
 * plain is right too). */
void packer_pack(struct packer *p, struct span content, char **ret_payload, size_t *ret_n);
void packer_rest(struct packer *p);
