/* What takes long: trimming, clearing, verifying. Chores of the cache's writer, in slices, so that
 * neither the loop nor another batch waits for them; readers never do. */

#include "common/log.h"
#include "daemon/store/internal.h"

#define VERIFY_BYTES ((uint64_t)1 << 20) /* read in one slice, at least one entry */

struct cache_chore {
        struct chore chore;
        struct cache *cache; /* borrowed: chores end before the cache does */
        void (*on_done)(void *arg, int r, uint64_t n, uint64_t m);
        void *arg;
        uint64_t max_bytes;
        uint64_t n, m; /* what it tells */
        /* verify: */
        enum store_table table;
        char from[512]; /* the last key looked at */
        size_t n_from;  /* 0: none yet */
};

static void finish(struct completion *completion)
{
        struct chore *chore = container_of(completion, struct chore, completion);
        struct cache_chore *c = container_of(chore, struct cache_chore, chore);

        if (c->on_done)
                c->on_done(c->arg, c->chore.result, c->n, c->m);
        free(c);
}

static int submit(struct store *s, int (*step)(struct chore *), uint64_t max_bytes,
                  void (*on_done)(void *arg, int r, uint64_t n, uint64_t m), void *arg)
{
        struct cache_chore *c;

        if (!s->cache)
                return -ENODEV;
        c = calloc(1, sizeof(*c));
        if (!c)
                return -ENOMEM;
        c->chore.step = step;
        c->chore.completion.run = finish;
        c->cache = s->cache;
        c->on_done = on_done;
        c->arg = arg;
        c->max_bytes = max_bytes;
        c->table = TABLE_CACHE_RESULT;
        writer_submit_chore(s->writers[STORE_CACHE], &c->chore);
        return 0;
}

static int trim_step(struct chore *chore)
{
        struct cache_chore *c = container_of(chore, struct cache_chore, chore);
        uint64_t removed = 0;
        int r;

        r = cache_index_evict(&c->cache->index, c->max_bytes, &removed, &c->m);
        c->n += removed;
        if (removed > 0)
                cache_forget_memory(c->cache);
        return r;
}

int cache_trim(struct store *s, uint64_t max_bytes,
               void (*on_done)(void *arg, int r, uint64_t removed, uint64_t size), void *arg)
{
        if (s->cache && (max_bytes == 0 || max_bytes > s->cache->index.max_bytes))
                max_bytes = s->cache->index.max_bytes;
        return submit(s, trim_step, max_bytes, on_done, arg);
}

static int count_entries(struct cache *c, uint64_t *ret_entries, uint64_t *ret_used)
{
        uint64_t n = 0, in_table;
        MDB_txn *txn;
        int r;

        r = env_read_begin(c->env, &txn);
        if (r < 0)
                return r;
        for (enum store_table t = TABLE_CACHE_RESULT; t <= TABLE_CACHE_REPAIR; t++)
                if (env_table_bytes(c->env, txn, t, &in_table) > 0)
                        n += in_table;
        *ret_used = env_used_bytes(c->env, txn);
        env_read_end(c->env, txn);
        *ret_entries = n;
        return 0;
}

/* A new file: deleting entry by entry would leave the old one at its size. */
static int clear_step(struct chore *chore)
{
        struct cache_chore *c = container_of(chore, struct cache_chore, chore);
        uint64_t none;
        int r;

        if (count_entries(c->cache, &c->n, &c->m) < 0)
                c->n = 0; /* they cannot be read: the more reason to clear */
        r = cache_start_anew(c->cache, false);
        if (r == 0)
                r = count_entries(c->cache, &none, &c->m);
        return r == 0 ? CONDITION_CHORE_DONE : r;
}

int cache_clear(struct store *s, void (*on_done)(void *arg, int r, uint64_t removed, uint64_t size),
                void *arg)
{
        return submit(s, clear_step, 0, on_done, arg);
}

/* The key after c->from; CONDITION_ABSENT: the table ends. It is copied there, since what it points
 * into may change. */
static int next_key(struct cache_chore *c, MDB_txn *txn)
{
        struct env *e = c->cache->env;
        MDB_val key = {c->n_from, c->from}, value;
        MDB_cursor *cursor;
        int r;

        r = env_error(e, mdb_cursor_open(txn, e->dbi[c->table], &cursor));
        if (r != 0)
                return r;
        r = env_error(
                e, mdb_cursor_get(cursor, &key, &value, c->n_from > 0 ? MDB_SET_RANGE : MDB_FIRST));
        if (r == 0 && key.mv_size == c->n_from && memcmp(key.mv_data, c->from, c->n_from) == 0)
                r = env_error(e, mdb_cursor_get(cursor, &key, &value, MDB_NEXT));
        if (r == 0) {
                memcpy(c->from, key.mv_data, key.mv_size);
                c->n_from = key.mv_size;
        }
        mdb_cursor_close(cursor);
        return r;
}

static int verify_entry(struct cache_chore *c, MDB_txn *txn, uint64_t *n_bytes)
{
        struct cache_index *x = &c->cache->index;
        struct span key = {c->from, c->n_from};
        struct value v;
        int r;

        if (c->table == TABLE_CACHE_LRU || c->table == TABLE_CACHE_STAMP)
                return cache_index_mend(x, txn, c->table, key);
        c->n++;
        r = key.n == HASH_BYTES ? env_get(x->env, txn, c->table, key, &v) : CONDITION_BAD_VALUE;
        if (r == 0) {
                *n_bytes += v.payload.n;
                return cache_index_adopt(x, txn, c->table, key);
        }
        if (r != CONDITION_BAD_VALUE)
                return r;
        c->m++;
        return cache_index_remove(x, txn, c->table, key);
}

static int verify_slice(struct cache_chore *c, MDB_txn *txn)
{
        uint64_t n_bytes = 0;
        int r;

        for (unsigned i = 0; i < INDEX_SLICE && n_bytes < VERIFY_BYTES; i++) {
                r = next_key(c, txn);
                if (r == CONDITION_ABSENT) {
                        c->n_from = 0;
                        return c->table++ == TABLE_CACHE_STAMP ? CONDITION_CHORE_DONE : 0;
                }
                if (r == 0)
                        r = verify_entry(c, txn, &n_bytes);
                if (r != 0)
                        return r;
        }
        return 0;
}

static int verify_step(struct chore *chore)
{
        struct cache_chore *c = container_of(chore, struct cache_chore, chore);
        struct env *e = c->cache->env;
        MDB_txn *txn;
        int r, r2;

        r = env_write_begin(e, &txn);
        if (r != 0)
                return r;
        r = verify_slice(c, txn);
        if (r < 0) {
                mdb_txn_abort(txn);
                return r;
        }
        r2 = env_commit(e, txn);
        return r2 == 0 ? r : r2;
}

int cache_verify(struct store *s, void (*on_done)(void *arg, int r, uint64_t checked, uint64_t bad),
                 void *arg)
{
        return submit(s, verify_step, 0, on_done, arg);
}
