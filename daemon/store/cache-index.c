#include "daemon/store/cache-index.h"

#include <endian.h>
#include <inttypes.h>

#include "common/clock.h"
#include "common/log.h"
#include "daemon/store/writer.h"

#define STAMP_KEY_BYTES (1 + HASH_BYTES)
#define LRU_KEY_BYTES (8 + STAMP_KEY_BYTES)

/* Both keys of an entry, in one piece: the LRU key ends with the STAMP key. */
struct index_key {
        char at[LRU_KEY_BYTES];
};

static void key_make(struct index_key *k, uint64_t stamp, enum store_table t, struct span hash)
{
        uint64_t big = htobe64(stamp);

        assert(hash.n == HASH_BYTES);
        memcpy(k->at, &big, sizeof(big));
        k->at[8] = (char)t;
        memcpy(k->at + 9, hash.at, HASH_BYTES);
}

static uint64_t key_stamp(const struct index_key *k)
{
        uint64_t big;

        memcpy(&big, k->at, sizeof(big));
        return be64toh(big);
}

static struct span stamp_key(const struct index_key *k)
{
        return (struct span){k->at + 8, STAMP_KEY_BYTES};
}

static int delete (struct cache_index *x, MDB_txn *txn, enum store_table t, struct span key)
{
        MDB_val k = {key.n, (void *)key.at};
        int r = env_error(x->env, mdb_del(txn, x->env->dbi[t], &k, NULL));

        return r == CONDITION_ABSENT ? 0 : r;
}

void cache_index_init(struct cache_index *x, struct env *e, uint64_t max_bytes, uint64_t max_age_ms)
{
        *x = (struct cache_index){.env = e, .max_bytes = max_bytes, .max_age_ms = max_age_ms};
}

static int lru_end(struct cache_index *x, MDB_txn *txn, MDB_cursor_op op, struct index_key *ret)
{
        MDB_cursor *cursor;
        MDB_val key, value;
        int r;

        r = env_error(x->env, mdb_cursor_open(txn, x->env->dbi[TABLE_CACHE_LRU], &cursor));
        if (r != 0)
                return r;
        r = env_error(x->env, mdb_cursor_get(cursor, &key, &value, op));
        if (r == 0 && key.mv_size != LRU_KEY_BYTES)
                r = -EIO;
        if (r == 0)
                memcpy(ret->at, key.mv_data, LRU_KEY_BYTES);
        mdb_cursor_close(cursor);
        return r;
}

int cache_index_open(struct cache_index *x)
{
        struct index_key last;
        MDB_txn *txn;
        int r;

        x->last_stamp = 0;
        r = env_read_begin(x->env, &txn);
        if (r < 0)
                return r;
        r = lru_end(x, txn, MDB_LAST, &last);
        env_read_end(x->env, txn);
        if (r == 0)
                x->last_stamp = key_stamp(&last);
        return r == CONDITION_ABSENT ? 0 : r;
}

bool cache_index_is_expired(const struct cache_index *x, uint64_t made_ms)
{
        uint64_t now = clock_realtime_ms();

        return x->max_age_ms > 0 && now > made_ms && now - made_ms > x->max_age_ms;
}

int cache_index_parse(struct span content, uint64_t *ret_made_ms, struct span *ret_content)
{
        uint64_t big;

        if (content.n < ENTRY_HEAD_BYTES)
                return CONDITION_BAD_VALUE;
        memcpy(&big, content.at, sizeof(big));
        *ret_made_ms = be64toh(big);
        *ret_content = (struct span){content.at + ENTRY_HEAD_BYTES, content.n - ENTRY_HEAD_BYTES};
        return 0;
}

/* The stamp of an entry; CONDITION_ABSENT, also for one that cannot be read. */
static int read_stamp(struct cache_index *x, MDB_txn *txn, struct span key, uint64_t *ret)
{
        struct value v;
        uint64_t big;
        int r;

        r = env_get(x->env, txn, TABLE_CACHE_STAMP, key, &v);
        if (r == CONDITION_BAD_VALUE || (r == 0 && v.payload.n != sizeof(big)))
                return CONDITION_ABSENT;
        if (r != 0)
                return r;
        memcpy(&big, v.payload.at, sizeof(big));
        *ret = be64toh(big);
        return 0;
}

static int unstamp(struct cache_index *x, MDB_txn *txn, enum store_table t, struct span hash)
{
        struct index_key k;
        uint64_t stamp;
        int r;

        key_make(&k, 0, t, hash);
        r = read_stamp(x, txn, stamp_key(&k), &stamp);
        if (r == 0) {
                key_make(&k, stamp, t, hash);
                r = delete (x, txn, TABLE_CACHE_LRU, (struct span){k.at, sizeof(k.at)});
        }
        if (r < 0)
                return r;
        return delete (x, txn, TABLE_CACHE_STAMP, stamp_key(&k));
}

static int stamp(struct cache_index *x, MDB_txn *txn, enum store_table t, struct span hash,
                 uint64_t now)
{
        uint64_t big = htobe64(now);
        struct index_key k;
        int r;

        r = unstamp(x, txn, t, hash);
        if (r != 0)
                return r;
        key_make(&k, now, t, hash);
        r = env_put(x->env, txn, TABLE_CACHE_LRU, (struct span){k.at, sizeof(k.at)}, SPAN(""));
        if (r == 0)
                r = env_put(x->env, txn, TABLE_CACHE_STAMP, stamp_key(&k),
                            (struct span){(const char *)&big, sizeof(big)});
        return r;
}

static uint64_t next_stamp(struct cache_index *x)
{
        x->last_stamp = MAX2(x->last_stamp + 1, clock_realtime_ms() * 1000);
        return x->last_stamp;
}

int cache_index_remove(struct cache_index *x, MDB_txn *txn, enum store_table t, struct span hash)
{
        int r = unstamp(x, txn, t, hash);

        return r == 0 ? delete (x, txn, t, hash) : r;
}

int cache_index_adopt(struct cache_index *x, MDB_txn *txn, enum store_table t, struct span hash)
{
        struct index_key k;
        uint64_t old;
        int r;

        key_make(&k, 0, t, hash);
        r = read_stamp(x, txn, stamp_key(&k), &old);
        return r == CONDITION_ABSENT ? stamp(x, txn, t, hash, 0) : r;
}

static bool is_entry_table(unsigned t)
{
        return t >= TABLE_CACHE_RESULT && t <= TABLE_CACHE_REPAIR;
}

int cache_index_mend(struct cache_index *x, MDB_txn *txn, enum store_table t, struct span key)
{
        size_t n = t == TABLE_CACHE_LRU ? LRU_KEY_BYTES : STAMP_KEY_BYTES;
        struct index_key k = {0};
        uint64_t now = 0;
        MDB_val hash, value;
        unsigned of;
        int r;

        if (key.n != n)
                return delete (x, txn, t, key);
        memcpy(k.at + (LRU_KEY_BYTES - n), key.at, n);
        of = (unsigned char)k.at[8];
        if (!is_entry_table(of))
                return delete (x, txn, t, key);
        hash = (MDB_val){HASH_BYTES, k.at + 9};
        r = env_error(x->env, mdb_get(txn, x->env->dbi[of], &hash, &value));
        if (r == 0)
                r = read_stamp(x, txn, stamp_key(&k), &now);
        if (r == CONDITION_ABSENT || (r == 0 && t == TABLE_CACHE_LRU && now != key_stamp(&k)))
                return delete (x, txn, t, key);
        return r;
}

/* Between the read that complained and now a good value may have come. */
static int review(struct cache_index *x, MDB_txn *txn, const struct op *op)
{
        _cleanup_buf_ struct buf content = {0};
        struct span bytes;
        uint64_t made_ms;
        struct value v;
        int r;

        r = env_get(x->env, txn, op->table, op_key(op), &v);
        if (r == 0)
                r = value_unpack(&v, &content);
        if (r == 0)
                r = cache_index_parse(buf_span(&content), &made_ms, &bytes);
        if (r == CONDITION_ABSENT || (r == 0 && !cache_index_is_expired(x, made_ms)))
                return 0;
        if (r != 0 && r != CONDITION_BAD_VALUE)
                return r;
        return cache_index_remove(x, txn, op->table, op_key(op));
}

static int put(struct cache_index *x, MDB_txn *txn, const struct op *op)
{
        int r;

        r = op_put(x->env, txn, op);
        return r == 0 ? stamp(x, txn, op->table, op_key(op), next_stamp(x)) : r;
}

int cache_index_apply(struct cache_index *x, MDB_txn *txn, const struct op *op)
{
        switch (op->kind) {
        case OP_CACHE_PUT:
                return put(x, txn, op);
        case OP_CACHE_REMOVE:
                return cache_index_remove(x, txn, op->table, op_key(op));
        case OP_CACHE_REVIEW:
                return review(x, txn, op);
        default:
                return -EINVAL;
        }
}

static int touch_all(struct cache_index *x, MDB_txn *txn, const struct touch *touches, size_t n)
{
        struct index_key k;
        uint64_t old;
        int r = 0;

        for (size_t i = 0; i < n && r == 0; i++) {
                struct span hash = {(const char *)touches[i].hash.at, HASH_BYTES};

                key_make(&k, 0, touches[i].table, hash);
                r = read_stamp(x, txn, stamp_key(&k), &old);
                if (r == 0)
                        r = stamp(x, txn, touches[i].table, hash, next_stamp(x));
                else if (r == CONDITION_ABSENT)
                        r = 0; /* evicted meanwhile */
        }
        return r;
}

int cache_index_touch(struct cache_index *x, const struct touch *touches, size_t n)
{
        MDB_txn *txn;
        int r;

        if (n == 0)
                return 0;
        r = env_write_begin(x->env, &txn);
        if (r != 0)
                return r;
        r = touch_all(x, txn, touches, n);
        if (r == 0)
                return env_commit(x->env, txn);
        mdb_txn_abort(txn);
        return r;
}

/* The oldest goes. An LRU key that STAMP does not know takes nothing with it. CONDITION_ABSENT:
 * there is none. */
static int evict_one(struct cache_index *x, MDB_txn *txn, uint64_t before, uint64_t *removed)
{
        struct index_key k;
        enum store_table t;
        uint64_t now = 0;
        int r;

        r = lru_end(x, txn, MDB_FIRST, &k);
        if (r != 0)
                return r;
        if (key_stamp(&k) >= before)
                return CONDITION_ABSENT;
        t = (unsigned char)k.at[8];
        r = is_entry_table(t) ? read_stamp(x, txn, stamp_key(&k), &now) : CONDITION_ABSENT;
        if (r == 0 && now == key_stamp(&k)) {
                r = cache_index_remove(x, txn, t, (struct span){k.at + 9, HASH_BYTES});
                ++*removed;
                x->n_evicted++;
        } else if (r >= 0) {
                r = delete (x, txn, TABLE_CACHE_LRU, (struct span){k.at, sizeof(k.at)});
        }
        return r;
}

static int evict_slice(struct cache_index *x, MDB_txn *txn, uint64_t max_bytes, uint64_t *removed)
{
        uint64_t now_ms = clock_realtime_ms(), before;
        int r = 0;

        before = x->max_age_ms > 0 && now_ms > x->max_age_ms ? (now_ms - x->max_age_ms) * 1000 : 0;
        for (unsigned i = 0; i < INDEX_SLICE && r == 0; i++) {
                if (env_used_bytes(x->env, txn) > max_bytes)
                        r = evict_one(x, txn, UINT64_MAX, removed);
                else
                        r = evict_one(x, txn, before, removed);
        }
        return r;
}

int cache_index_evict(struct cache_index *x, uint64_t max_bytes, uint64_t *ret_removed,
                      uint64_t *ret_used)
{
        uint64_t removed = 0, used;
        MDB_txn *txn;
        int r, r2;

        r = env_write_begin(x->env, &txn);
        if (r != 0)
                return r;
        r = evict_slice(x, txn, max_bytes, &removed);
        if (r < 0) {
                mdb_txn_abort(txn);
                return r;
        }
        used = env_used_bytes(x->env, txn);
        r2 = env_commit(x->env, txn);
        if (r2 != 0)
                return r2;
        if (removed > 0)
                log_event(LOG_LEVEL_INFO, "cache_cleanup",
                          "%" PRIu64 " entries; %" PRIu64 " bytes in use, of %" PRIu64, removed,
                          used, max_bytes);
        *ret_removed = removed;
        *ret_used = used;
        return r == CONDITION_ABSENT ? CONDITION_CHORE_DONE : 0;
}
