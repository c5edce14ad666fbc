#include "daemon/store/value.h"

#include <endian.h>
#ifdef HAVE_XXH_DISPATCH
#include <xxh_x86dispatch.h>
#else
#include <xxhash.h>
#endif
#include <zlib.h>

#define VALUE_MAGIC 0x6776u /* "gv" */
#define VALUE_VERSION 1u

struct head {
        uint16_t magic;
        uint8_t version, codec;
        uint32_t n_content;
        uint64_t checksum;
};
_Static_assert(sizeof(struct head) == VALUE_HEADER_BYTES, "the header has no padding");

static uint64_t checksum(enum store_table t, struct span key, const struct value *v)
{
        uint64_t fields = (uint64_t)t << 56 | (uint64_t)VALUE_VERSION << 48 |
                          (uint64_t)v->codec << 40 | (uint64_t)v->n_content;
        uint64_t seed = XXH3_64bits_withSeed(key.at, key.n, fields);

        return XXH3_64bits_withSeed(v->payload.at, v->payload.n, seed);
}

void value_write_head(char head[VALUE_HEADER_BYTES], enum store_table t, struct span key,
                      const struct value *v)
{
        struct head h = {
                .magic = htobe16(VALUE_MAGIC),
                .version = VALUE_VERSION,
                .codec = (uint8_t)v->codec,
                .n_content = htobe32((uint32_t)v->n_content),
                .checksum = htobe64(checksum(t, key, v)),
        };

        assert(v->n_content <= VALUE_CONTENT_BYTES);
        memcpy(head, &h, sizeof(h));
}

int value_open(enum store_table t, struct span key, struct span stored, struct value *ret)
{
        struct value v;
        struct head h;

        if (stored.n < VALUE_HEADER_BYTES)
                return CONDITION_BAD_VALUE;
        memcpy(&h, stored.at, sizeof(h)); /* LMDB aligns values to two bytes only */
        if (be16toh(h.magic) != VALUE_MAGIC || h.version != VALUE_VERSION || h.codec >= N_CODECS)
                return CONDITION_BAD_VALUE;
        v.codec = h.codec;
        v.payload = (struct span){stored.at + VALUE_HEADER_BYTES, stored.n - VALUE_HEADER_BYTES};
        v.n_content = be32toh(h.n_content);
        if (v.n_content > VALUE_CONTENT_BYTES ||
            (v.codec == CODEC_PLAIN && v.n_content != v.payload.n))
                return CONDITION_BAD_VALUE;
        if (be64toh(h.checksum) != checksum(t, key, &v))
                return CONDITION_BAD_VALUE;
        *ret = v;
        return 0;
}

static int inflate_into(const struct value *v, char *at)
{
        z_stream z = {
                .next_in = (Bytef *)v->payload.at,
                .avail_in = (uInt)v->payload.n,
                .next_out = (Bytef *)at,
                .avail_out = (uInt)v->n_content,
        };
        int rc;

        rc = inflateInit(&z);
        if (rc != Z_OK)
                return rc == Z_MEM_ERROR ? -ENOMEM : CONDITION_BAD_VALUE;
        rc = inflate(&z, Z_FINISH);
        (void)inflateEnd(&z);
        if (rc == Z_MEM_ERROR)
                return -ENOMEM;
        return rc == Z_STREAM_END && z.avail_out == 0 && z.avail_in == 0 ? 0 : CONDITION_BAD_VALUE;
}

int value_unpack(const struct value *v, struct buf *out)
{
        int r;

        if (v->codec == CODEC_PLAIN)
                return buf_add_span(out, v->payload);
        r = buf_reserve(out, v->n_content);
        if (r < 0)
                return r;
        r = inflate_into(v, out->at + out->n);
        if (r == 0)
                out->n += v->n_content;
        if (out->at)
                out->at[out->n] = '\0';
        return r;
}

static z_stream *packer_stream(struct packer *p)
{
        z_stream *z;

        if (p->stream)
                return deflateReset(p->stream) == Z_OK ? p->stream : NULL;
        z = calloc(1, sizeof(*z));
        if (!z)
                return NULL;
        if (deflateInit(z, p->level) != Z_OK) {
                free(z);
                return NULL;
        }
        p->stream = z;
        return z;
}

void packer_pack(struct packer *p, struct span content, char **ret_payload, size_t *ret_n)
{
        size_t room = content.n - content.n / 8; /* saving less does not pay for the reading */
        _cleanup_free_ char *at = NULL;
        char *smaller;
        z_stream *z;

        *ret_payload = NULL;
        *ret_n = 0;
        z = packer_stream(p);
        at = malloc(room + 1);
        if (!z || !at)
                return;
        z->next_in = (Bytef *)content.at;
        z->avail_in = (uInt)content.n;
        z->next_out = (Bytef *)at;
        z->avail_out = (uInt)room;
        if (deflate(z, Z_FINISH) != Z_STREAM_END)
                return;
        *ret_n = room - z->avail_out;
        smaller = realloc(at, *ret_n + 1);
        if (smaller)
                at = smaller;
        *ret_payload = take(at);
}

void packer_rest(struct packer *p)
{
        if (!p->stream)
                return;
        (void)deflateEnd(p->stream);
        free(p->stream);
        p->stream = NULL;
}
