/* Blobs: content of a user's, by its hash.
 *
 *     uid:u32 sha256 0:u32     -> size:u64 stamp_ms:u64       the head
 *     uid:u32 sha256 part:u32  -> BLOB_PART_BYTES of content, the last less; parts count from 1 */

#include <endian.h>

#include "daemon/store/internal.h"

/* What reading any byte costs at most to unpack: a millisecond, on the loop. */
#define BLOB_PART_BYTES ((uint64_t)256 << 10)
#define NAME_BYTES (4 + HASH_BYTES)
#define KEY_BYTES (NAME_BYTES + 4)
#define HEAD_BYTES 16
#define EXPIRE_LOOKS 1000 /* heads looked at in one call */

struct blob_key {
        char at[KEY_BYTES];
};

static void key_set_part(struct blob_key *k, uint32_t part)
{
        uint32_t big = htobe32(part);

        memcpy(k->at + NAME_BYTES, &big, sizeof(big));
}

static void key_make(struct blob_key *k, uint32_t uid, const struct hash *h)
{
        uint32_t big = htobe32(uid);

        memcpy(k->at, &big, sizeof(big));
        memcpy(k->at + sizeof(big), h->at, HASH_BYTES);
        key_set_part(k, 0);
}

static struct span key_span(const struct blob_key *k)
{
        return (struct span){k->at, sizeof(k->at)};
}

int store_blob_put(struct store_batch *b, uint32_t uid, const struct hash *h, struct span content,
                   uint64_t now_ms)
{
        uint64_t head[2] = {htobe64(content.n), htobe64(now_ms)};
        struct blob_key k;
        uint32_t part = 0;
        int r;

        key_make(&k, uid, h);
        r = store_batch_put(b, TABLE_BLOB, key_span(&k),
                            (struct span){(const char *)head, sizeof(head)});
        for (uint64_t at = 0; at < content.n && r == 0; at += BLOB_PART_BYTES) {
                key_set_part(&k, ++part);
                r = store_batch_put(
                        b, TABLE_BLOB, key_span(&k),
                        (struct span){content.at + at, MIN2(content.n - at, BLOB_PART_BYTES)});
        }
        return r;
}

static int parse_head(struct span head, uint64_t *ret_size, uint64_t *ret_stamp_ms)
{
        uint64_t fields[2];

        if (head.n != sizeof(fields))
                return -EBADMSG;
        memcpy(fields, head.at, sizeof(fields));
        *ret_size = be64toh(fields[0]);
        *ret_stamp_ms = be64toh(fields[1]);
        return 0;
}

int store_blob_size(struct store *s, uint32_t uid, const struct hash *h, uint64_t *ret_size)
{
        _cleanup_buf_ struct buf head = {0};
        uint64_t size, stamp_ms;
        struct blob_key k;
        int r;

        key_make(&k, uid, h);
        r = store_get(s, TABLE_BLOB, key_span(&k), &head);
        if (r == 0)
                r = parse_head(buf_span(&head), &size, &stamp_ms);
        if (r == 0)
                *ret_size = size;
        return r;
}

/* Appends bytes [from, to) of one part. */
static int get_part(struct store *s, const struct blob_key *k, uint64_t from, uint64_t to,
                    struct buf *scratch, struct buf *out)
{
        int r;

        buf_clear(scratch);
        r = store_get(s, TABLE_BLOB, key_span(k), scratch);
        if (r != 0)
                return r;
        if (scratch->n < to)
                return -EBADMSG;
        return buf_add(out, scratch->at + from, to - from);
}

int store_blob_get(struct store *s, uint32_t uid, const struct hash *h, uint64_t offset,
                   uint64_t limit, struct buf *out)
{
        _cleanup_buf_ struct buf scratch = {0};
        uint64_t size, end, start, n_before = out->n;
        struct blob_key k;
        int r;

        r = store_blob_size(s, uid, h, &size);
        if (r != 0)
                return r;
        end = offset >= size ? offset : offset + MIN2(limit, size - offset);
        key_make(&k, uid, h);
        while (offset < end && r == 0) {
                start = offset - offset % BLOB_PART_BYTES;
                key_set_part(&k, (uint32_t)(start / BLOB_PART_BYTES) + 1);
                r = get_part(s, &k, offset - start, MIN2(end - start, BLOB_PART_BYTES), &scratch,
                             out);
                offset = start + BLOB_PART_BYTES;
        }
        if (r != 0 && out->at) { /* all or nothing */
                out->n = n_before;
                out->at[out->n] = '\0';
        }
        return r;
}

struct expiry {
        char (*names)[NAME_BYTES]; /* owned: what is old enough */
        size_t n, max;
        uint64_t before_ms;
        unsigned n_looks;
};

/* A head that cannot be read is of no use to anybody: it counts as old. */
static bool is_old(const struct blob_key *k, const MDB_val *stored, uint64_t before_ms)
{
        uint64_t size, stamp_ms;
        struct value v;

        if (value_open(TABLE_BLOB, key_span(k), (struct span){stored->mv_data, stored->mv_size},
                       &v) != 0 ||
            parse_head(v.payload, &size, &stamp_ms) < 0)
                return true;
        return stamp_ms < before_ms;
}

/* From s->expire_from on, which it moves; is_set false: the end was reached. */
static int find_old(struct store *s, MDB_txn *txn, struct expiry *x)
{
        struct env *e = &s->state;
        struct blob_key k;
        MDB_cursor *cursor;
        MDB_val key, value;
        int r;

        r = env_error(e, mdb_cursor_open(txn, e->dbi[TABLE_BLOB], &cursor));
        if (r != 0)
                return r;
        while (r == 0 && x->n < x->max && x->n_looks++ < EXPIRE_LOOKS) {
                memcpy(k.at, s->expire_from.at, NAME_BYTES);
                key_set_part(&k, UINT32_MAX); /* behind all parts of the last one */
                key = (MDB_val){sizeof(k.at), k.at};
                r = env_error(e, mdb_cursor_get(cursor, &key, &value,
                                                s->expire_from.is_set ? MDB_SET_RANGE : MDB_FIRST));
                s->expire_from.is_set = r == 0 && key.mv_size == KEY_BYTES;
                if (!s->expire_from.is_set)
                        break;
                memcpy(k.at, key.mv_data, KEY_BYTES);
                memcpy(s->expire_from.at, k.at, NAME_BYTES);
                if (is_old(&k, &value, x->before_ms))
                        memcpy(x->names[x->n++], k.at, NAME_BYTES);
        }
        mdb_cursor_close(cursor);
        return r < 0 ? r : 0;
}

static int remove_old(struct store *s, const struct expiry *x,
                      bool (*is_live)(uint32_t uid, const struct hash *h, void *arg), void *arg)
{
        _cleanup_(store_batch_freep) struct store_batch *b = NULL;
        struct hash h;
        uint32_t uid;
        int r;

        r = store_batch_new(STORE_STATE, &b);
        for (size_t i = 0; i < x->n && r == 0; i++) {
                memcpy(&uid, x->names[i], sizeof(uid));
                memcpy(h.at, x->names[i] + sizeof(uid), HASH_BYTES);
                if (!is_live || !is_live(be32toh(uid), &h, arg))
                        r = store_batch_delete_prefix(b, TABLE_BLOB,
                                                      (struct span){x->names[i], NAME_BYTES});
        }
        if (r != 0 || b->n_bytes == 0)
                return r;
        r = store_commit(s, b, NULL, NULL);
        if (r == 0)
                b = NULL; /* consumed */
        return r;
}

int store_blob_expire(struct store *s, uint64_t before_ms, size_t max,
                      bool (*is_live)(uint32_t uid, const struct hash *h, void *arg), void *arg)
{
        struct expiry x = {.max = MIN2(max, (size_t)EXPIRE_LOOKS), .before_ms = before_ms};
        MDB_txn *txn;
        int r;

        if (max == 0)
                return 0;
        x.names = malloc(x.max * sizeof(*x.names));
        if (!x.names)
                return -ENOMEM;
        r = env_read_begin(&s->state, &txn);
        if (r == 0) {
                r = find_old(s, txn, &x);
                env_read_end(&s->state, txn);
        }
        if (r == 0 && x.n > 0)
                r = remove_old(s, &x, is_live, arg);
        free(x.names);
        return r;
}
