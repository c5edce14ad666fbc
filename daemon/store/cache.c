#include "daemon/store/cache.h"

#include <endian.h>

#include "common/clock.h"
#include "common/log.h"
#include "daemon/store/internal.h"

static const enum store_table tables[N_CACHE_KINDS] = {
        [CACHE_RESULT] = TABLE_CACHE_RESULT, [CACHE_SEEN] = TABLE_CACHE_SEEN,
        [CACHE_INPUTS] = TABLE_CACHE_INPUTS, [CACHE_RAW] = TABLE_CACHE_RAW,
        [CACHE_REPAIR] = TABLE_CACHE_REPAIR,
};

int cache_new(struct env *e, uint64_t max_bytes, uint64_t memory_bytes, uint64_t max_age_ms,
              struct cache **ret)
{
        struct cache *c = calloc(1, sizeof(*c));
        int r;

        if (!c)
                return -ENOMEM;
        c->env = e;
        cache_index_init(&c->index, e, max_bytes, max_age_ms);
        r = cache_index_open(&c->index);
        if (r < 0) {
                free(c);
                return r;
        }
        memory_init(&c->memory, memory_bytes);
        (void)pthread_mutex_init(&c->lock, NULL);
        *ret = c;
        return 0;
}

struct cache *cache_free(struct cache *c)
{
        if (!c)
                return NULL;
        memory_clear(&c->memory);
        (void)pthread_mutex_destroy(&c->lock);
        free(c);
        return NULL;
}

void cache_forget_memory(struct cache *c)
{
        (void)pthread_mutex_lock(&c->lock);
        memory_clear(&c->memory);
        c->n_puts++; /* a reader under way must not bring back what it read */
        (void)pthread_mutex_unlock(&c->lock);
}

enum {
        TOUCHED,
        TOUCHED_FIRST,
        TOUCHED_MANY
}; /* the first starts the writer's clock, many are taken at once */

/* With the lock held. */
static int touch(struct cache *c, enum store_table t, const struct hash *key)
{
        unsigned slot = key->at[0] | (unsigned)key->at[1] << 8;

        for (;; slot++) {
                struct touch *at = &c->touches[slot % TOUCHES];

                if (at->order > 0 && (at->table != t || !hash_is_equal(&at->hash, key)))
                        continue;
                if (at->order == 0) {
                        if (c->n_touches >= TOUCHES - 1)
                                return TOUCHED; /* full: the use of this one is forgotten */
                        c->n_touches++;
                }
                *at = (struct touch){.hash = *key, .order = ++c->last_order, .table = (uint8_t)t};
                if (c->n_touches == TOUCHES / 2)
                        return TOUCHED_MANY;
                return c->last_order == 1 ? TOUCHED_FIRST : TOUCHED;
        }
}

static void count_hit(struct cache *c, unsigned layer, enum cache_kind k, const struct hash *key)
{
        int urge;

        (void)pthread_mutex_lock(&c->lock);
        c->hits[layer]++;
        urge = touch(c, tables[k], key);
        (void)pthread_mutex_unlock(&c->lock);
        if (urge != TOUCHED)
                writer_poke(c->writer, urge == TOUCHED_MANY);
}

static int count_miss(struct cache *c, unsigned layer)
{
        (void)pthread_mutex_lock(&c->lock);
        c->misses[layer]++;
        (void)pthread_mutex_unlock(&c->lock);
        return CONDITION_ABSENT;
}

/* One operation, nobody waiting. Losing it costs a miss. */
static void submit(struct cache *c, enum op_kind kind, enum cache_kind k, const struct hash *key,
                   struct span prefix, struct span content)
{
        struct store_batch *b;

        if (writer_pending_bytes(c->writer) + content.n > PENDING_BYTES_MAX ||
            store_batch_new(STORE_CACHE, &b) < 0) {
                (void)pthread_mutex_lock(&c->lock);
                c->n_dropped++;
                (void)pthread_mutex_unlock(&c->lock);
                return;
        }
        if (batch_add(b, kind, tables[k], (struct span){(const char *)key->at, HASH_BYTES}, prefix,
                      content) < 0)
                (void)store_batch_free(b);
        else
                writer_submit(c->writer, b);
}

static void key_make(struct memory_key *mk, enum cache_kind k, const struct hash *key)
{
        memset(mk, 0, sizeof(*mk)); /* compared as bytes */
        mk->hash = *key;
        mk->kind = (uint8_t)k;
}

/* What a look-up in the environment found. */
struct found {
        uint64_t n_puts; /* when it began */
        bool is_settled; /* and no put was on its way then */
        bool is_sent;    /* fn was called, on the map itself */
        uint64_t made_ms;
        struct buf unpacked; /* owned: entry of a compressed value */
        struct span content; /* in unpacked */
};

/* CONDITION_ABSENT: not in memory. */
static int get_from_memory(struct cache *c, const struct memory_key *key, struct found *f,
                           int (*fn)(struct span value, void *arg), void *arg)
{
        struct memory_value *v;
        bool is_expired;
        int r = CONDITION_ABSENT;

        (void)pthread_mutex_lock(&c->lock);
        f->n_puts = c->n_puts;
        v = memory_get(&c->memory, key);
        is_expired = v && cache_index_is_expired(&c->index, v->made_ms);
        if (is_expired)
                memory_remove(&c->memory, key);
        (void)pthread_mutex_unlock(&c->lock);
        if (!v)
                return CONDITION_ABSENT;
        if (!is_expired) {
                count_hit(c, 0, key->kind, &key->hash);
                r = fn((struct span){v->at, v->n}, arg);
        }
        (void)pthread_mutex_lock(&c->lock);
        memory_value_unref(v);
        (void)pthread_mutex_unlock(&c->lock);
        return r;
}

/* Within the transaction. CONDITION_ABSENT, CONDITION_BAD_VALUE (or too old), or what fn returns.
 */
static int read_entry(struct cache *c, MDB_txn *txn, enum cache_kind k, const struct hash *key,
                      struct found *f, int (*fn)(struct span value, void *arg), void *arg)
{
        struct span content;
        struct value v;
        int r;

        r = env_get(c->env, txn, tables[k], (struct span){(const char *)key->at, HASH_BYTES}, &v);
        if (r != 0)
                return r;
        if (v.codec != CODEC_PLAIN) {
                r = value_unpack(&v, &f->unpacked);
                if (r == 0)
                        r = cache_index_parse(buf_span(&f->unpacked), &f->made_ms, &f->content);
                return r == 0 && cache_index_is_expired(&c->index, f->made_ms) ? CONDITION_BAD_VALUE
                                                                               : r;
        }
        r = cache_index_parse(v.payload, &f->made_ms, &content);
        if (r == 0 && cache_index_is_expired(&c->index, f->made_ms))
                r = CONDITION_BAD_VALUE;
        if (r != 0)
                return r;
        count_hit(c, 1 + k, k, key);
        f->is_sent = true;
        return fn(content, arg);
}

static void keep_in_memory(struct cache *c, const struct memory_key *key, const struct found *f)
{
        (void)pthread_mutex_lock(&c->lock);
        c->misses[0]++;
        if (f->is_settled && f->n_puts == c->n_puts)
                memory_put(&c->memory, key, f->made_ms, f->content);
        (void)pthread_mutex_unlock(&c->lock);
}

static int get_from_env(struct cache *c, const struct memory_key *key, struct found *f,
                        int (*fn)(struct span value, void *arg), void *arg)
{
        enum cache_kind k = key->kind;
        MDB_txn *txn;
        int r;

        f->is_settled = writer_n_pending(c->writer) == 0;
        if (env_read_begin(c->env, &txn) < 0)
                return count_miss(c, 1 + k);
        r = read_entry(c, txn, k, &key->hash, f, fn, arg);
        env_read_end(c->env, txn);
        if (f->is_sent)
                return r;
        if (r == CONDITION_BAD_VALUE)
                submit(c, OP_CACHE_REVIEW, k, &key->hash, SPAN(""), SPAN(""));
        if (c->env->is_broken)
                writer_poke(c->writer, true);
        if (r == -ENOMEM)
                return r;
        if (r != 0)
                return count_miss(c, 1 + k);
        keep_in_memory(c, key, f);
        count_hit(c, 1 + k, k, &key->hash);
        return fn(f->content, arg);
}

int cache_get_with(struct store *s, enum cache_kind k, const struct hash *key,
                   int (*fn)(struct span value, void *arg), void *arg)
{
        struct memory_key mk;
        struct found f = {0};
        int r;

        if (!s->cache)
                return CONDITION_ABSENT;
        key_make(&mk, k, key);
        r = get_from_memory(s->cache, &mk, &f, fn, arg);
        if (r != CONDITION_ABSENT)
                return r;
        r = get_from_env(s->cache, &mk, &f, fn, arg);
        buf_done(&f.unpacked);
        return r;
}

bool cache_has(struct store *s, enum cache_kind k, const struct hash *key)
{
        struct value v;
        MDB_txn *txn;
        int r;

        if (!s->cache || env_read_begin(s->cache->env, &txn) < 0)
                return false;
        r = env_get(s->cache->env, txn, tables[k], (struct span){(const char *)key->at, HASH_BYTES},
                    &v);
        env_read_end(s->cache->env, txn);
        return r == 0;
}

static int append(struct span value, void *arg)
{
        return buf_add_span(arg, value);
}

int cache_get(struct store *s, enum cache_kind k, const struct hash *key, struct buf *out)
{
        return cache_get_with(s, k, key, append, out);
}

/* After the change was submitted: from here on nobody keeps what was read before it. */
static void forget(struct cache *c, enum cache_kind k, const struct hash *key)
{
        struct memory_key mk;

        key_make(&mk, k, key);
        (void)pthread_mutex_lock(&c->lock);
        c->n_puts++;
        memory_remove(&c->memory, &mk);
        (void)pthread_mutex_unlock(&c->lock);
}

void cache_put(struct store *s, enum cache_kind k, const struct hash *key, struct span value)
{
        uint64_t made_ms = htobe64(clock_realtime_ms());
        struct cache *c = s->cache;

        if (!c)
                return;
        if (value.n <= c->index.max_bytes / VALUE_SHARE_MAX)
                submit(c, OP_CACHE_PUT, k, key,
                       (struct span){(const char *)&made_ms, sizeof(made_ms)}, value);
        else
                submit(c, OP_CACHE_REMOVE, k, key, SPAN(""), SPAN("")); /* what is there is old */
        forget(c, k, key);
}

void cache_remove(struct store *s, enum cache_kind k, const struct hash *key)
{
        if (!s->cache)
                return;
        submit(s->cache, OP_CACHE_REMOVE, k, key, SPAN(""), SPAN(""));
        forget(s->cache, k, key);
}

void cache_get_stats(struct store *s, struct cache_stats ret[N_CACHE_STATS])
{
        static const char *const names[N_CACHE_STATS] = {"memory", "result", "seen",
                                                         "inputs", "raw",    "repair"};
        struct cache *c = s->cache;
        MDB_txn *txn;

        for (unsigned i = 0; i < N_CACHE_STATS; i++)
                ret[i] = (struct cache_stats){.name = names[i]};
        if (!c)
                return;
        (void)pthread_mutex_lock(&c->lock);
        for (unsigned i = 0; i < N_CACHE_STATS; i++) {
                ret[i].hits = c->hits[i];
                ret[i].misses = c->misses[i];
                ret[i].max_size = c->index.max_bytes;
                ret[i].max_age_ms = c->index.max_age_ms;
        }
        ret[0].max_size = c->memory.max_bytes;
        ret[0].size = c->memory.n_bytes;
        ret[0].entries = c->memory.n_entries;
        (void)pthread_mutex_unlock(&c->lock);
        if (env_read_begin(c->env, &txn) < 0)
                return;
        for (unsigned k = 0; k < N_CACHE_KINDS; k++)
                ret[1 + k].size = env_table_bytes(c->env, txn, tables[k], &ret[1 + k].entries);
        env_read_end(c->env, txn);
}

void cache_get_counters(struct cache *c, uint64_t *ret_evicted, uint64_t *ret_dropped)
{
        *ret_evicted = c->index.n_evicted;
        (void)pthread_mutex_lock(&c->lock);
        *ret_dropped = c->n_dropped;
        (void)pthread_mutex_unlock(&c->lock);
}

/* The writer's side. */

static int by_order(const void *a, const void *b)
{
        const struct touch *x = a, *y = b;

        return x->order < y->order ? -1 : x->order > y->order;
}

/* Leaves nothing behind but what was used since. Touches that cannot be written are forgotten. */
static void write_touches(struct cache *c)
{
        _cleanup_free_ struct touch *taken = NULL;
        size_t n = 0;
        int r = 0;

        (void)pthread_mutex_lock(&c->lock);
        if (c->n_touches > 0)
                taken = malloc(c->n_touches * sizeof(*taken));
        for (unsigned i = 0; taken && i < TOUCHES; i++)
                if (c->touches[i].order > 0)
                        taken[n++] = c->touches[i];
        if (taken) {
                memset(c->touches, 0, sizeof(c->touches));
                c->n_touches = c->last_order = 0;
        }
        (void)pthread_mutex_unlock(&c->lock);
        if (!taken)
                return;
        qsort(taken, n, sizeof(*taken), by_order);
        /* In slices, since LMDB keeps the memory of the most pages that a transaction ever changed.
         */
        for (size_t i = 0; i < n && r == 0; i += INDEX_SLICE)
                r = cache_index_touch(&c->index, taken + i, MIN2(n - i, (size_t)INDEX_SLICE));
        if (r < 0)
                log_debug("%s: some of %zu uses were not noted", c->env->dir, n);
}

int cache_start_anew(struct cache *c, bool is_aside)
{
        bool was_open = c->env->mdb;
        int r;

        r = env_swap(c->env, is_aside);
        if (r == 0)
                r = cache_index_open(&c->index);
        cache_forget_memory(c);
        if (r < 0)
                log_event(was_open ? LOG_LEVEL_ERROR : LOG_LEVEL_DEBUG, NULL,
                          "%s: going on without a cache: %s", c->env->dir, strerrordesc_np(-r));
        else
                log_notice("%s: the cache starts empty%s", c->env->dir,
                           is_aside ? "; the damaged one was set aside" : "");
        return r;
}

static void after_group(void *arg)
{
        uint64_t removed, used;
        struct cache *c = arg;
        int r;

        if (c->env->is_broken && cache_start_anew(c, true) < 0)
                return;
        write_touches(c);
        do {
                r = cache_index_evict(&c->index, c->index.max_bytes, &removed, &used);
        } while (r == 0 && !writer_is_wanted(c->writer));
}

static bool rest(void *arg)
{
        struct cache *c = arg;

        /* Without an environment it is tried again: the disk may have been full. */
        if ((c->env->mdb && !env_is_unlinked(c->env)) || cache_start_anew(c, false) == 0)
                after_group(c);
        return false;
}

static int apply(void *arg, MDB_txn *txn, const struct op *op)
{
        struct cache *c = arg;

        return cache_index_apply(&c->index, txn, op);
}

void cache_get_hooks(struct cache *c, struct writer_hooks *ret)
{
        *ret = (struct writer_hooks){
                .apply = apply,
                .after = after_group,
                .rest = rest,
                .arg = c,
        };
}
