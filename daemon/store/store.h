#pragma once
/* Durable state and the cache: two LMDB environments, two writer threads that commit in groups.
 *
 * *state* holds jobs, journal, results and blobs of live jobs, calls, ledger: every commit is
 * synced. *cache* holds what may be lost: NOSYNC, synced in the background; deleting its directory
 * at any time costs only money.
 *
 * Reads may happen in any thread and never hold a transaction after they return. Writes are
 * batches: all or nothing, in the order of store_commit() per environment; the callback comes on
 * the loop.
 *
 * Every value carries a checksum over table, key, head and payload (value.h), so that a value under
 * a key it was not written for is bad too. A bad value is absent to the reader, counted, and
 * deleted from the cache. Keys are 1..511 bytes, values up to 64 MiB. No DUPSORT. */

#include "common/buf.h"
#include "common/hash.h"
#include "common/macros.h"
#include "common/ulid.h"

struct loop;
struct store;
struct store_batch;
struct store_tie;

enum store_env { STORE_STATE, STORE_CACHE };

/* Integers in keys are big endian; `|` joins fixed-size fields. uid is u32, seq and n are u64, ulid
 * 16 bytes, hashes 32. */
enum store_table {
        /* state */
        TABLE_META,     /* text: schema, last ulid, boot counters */
        TABLE_JOB,      /* ulid */
        TABLE_QUEUE,    /* class u8|uid|ulid */
        TABLE_EVENT,    /* ulid|seq */
        TABLE_RESULT,   /* ulid|task u32 */
        TABLE_BLOB,     /* uid|sha256|part u32; part 0 holds the head: size, stamp */
        TABLE_IDEM,     /* uid|sha256 of the idempotency key */
        TABLE_CALL,     /* ulid|n */
        TABLE_LEDGER,   /* day u32|uid|hash of model+rule, or month sums */
        TABLE_ESTIMATE, /* text */
        /* cache */
        TABLE_CACHE_META,
        TABLE_CACHE_RESULT, /* F */
        TABLE_CACHE_SEEN,   /* S */
        TABLE_CACHE_INPUTS, /* F: the declared inputs of a result; or the hash of a value: the value
                             */
        TABLE_CACHE_RAW,    /* K */
        TABLE_CACHE_REPAIR, /* what is noted of repairs (work/task.h) */
        TABLE_CACHE_LRU,    /* stamp u64|table u8|hash */
        TABLE_CACHE_STAMP,  /* table u8|hash: stamp */
        N_STORE_TABLES,
};

struct store_config {
        const char *state_dir, *cache_dir; /* made 0700 when missing */
        uint64_t cache_max_bytes, cache_memory_bytes, cache_max_age_ms;
        uint64_t state_floor_bytes; /* below this much free disk store_has_room() is false; 0:
                                       default 64 MiB */
        unsigned lock_patience_ms;  /* for another daemon that may be about to end; then -EBUSY */
        void (*on_lost)(void *arg); /* on the loop, once: somebody took the state's file away. All
                                       commits fail from then on; NULL is allowed */
        void *arg;
        const char *const *check_argv; /* what checks an environment after a power cut, DIR is
                                          appended; NULL: this program with --check-store */
};

/* What opening found, for log and status. */
struct store_report {
        bool is_state_fresh, is_cache_fresh, was_cache_set_aside, was_state_restored, was_unclean;
        char text[240];
};

/* Locks the state directory for life (-EBUSY: another daemon has it). -EPROTO: state of a newer
 * schema. A cache that cannot be opened (damaged, read-only, newer) is set aside or done without:
 * the store then runs with no cache and says so in the report. */
int store_open(struct loop *loop, const struct store_config *c, struct store **ret,
               struct store_report *ret_report) _must_check_;
/* Commits what was submitted, calls the callbacks, syncs, removes the dirty markers. */
struct store *store_close(struct store *s);
bool store_has_room(struct store *s); /* free disk above the floor; asked at most once a second */
bool store_has_cache(const struct store *s);
int store_state_fd(const struct store *s); /* the state's directory, borrowed */
/* False when a writer has had work for more than 10 s without ending a transaction: the watchdog
 * then stops its pings. */
bool store_is_alive(const struct store *s);

/* Writing. */
int store_batch_new(enum store_env env, struct store_batch **ret) _must_check_;
struct store_batch *store_batch_free(struct store_batch *b);
DEFINE_CLEANUP(struct store_batch, store_batch_free);
int store_batch_put(struct store_batch *b, enum store_table t, struct span key,
                    struct span value) _must_check_; /* copies; compresses where it pays */
int store_batch_delete(struct store_batch *b, enum store_table t, struct span key) _must_check_;
int store_batch_delete_prefix(struct store_batch *b, enum store_table t,
                              struct span prefix) _must_check_;
/* Consumes b. An empty batch is a fence: its callback tells that all before it is done.
 * on_done(arg, r) on the loop after the commit is durable (state) or visible (cache): 0, -ENOSPC,
 * -EIO, -ENOENT (see on_lost); NULL is allowed. Callbacks of one environment come in the order of
 * submission. -ENOMEM: not submitted, b stays the caller's. */
int store_commit(struct store *s, struct store_batch *b, void (*on_done)(void *arg, int r),
                 void *arg) _must_check_;
/* Batches that stand or fall in order: once one of them was not committed, those with the same tie
 * that come after it are not either (-ECANCELED). For what builds on a promise that is on its way
 * to the disk. A batch has one tie at most and counts it. */
int store_tie_new(struct store_tie **ret) _must_check_;
struct store_tie *store_tie_unref(struct store_tie *t);
void store_batch_tie(struct store_batch *b, struct store_tie *t);
size_t store_n_pending(const struct store *s, enum store_env env); /* batches not committed yet */

struct store_counters {
        uint64_t state_batches, state_commits, state_failed,
                state_bad_values; /* failed: commits, of groups and of single batches */
        uint64_t cache_batches, cache_commits, cache_failed, cache_bad_values, cache_evicted,
                cache_dropped;
        unsigned state_readers, cache_readers; /* read transactions that are open now */
};
void store_get_counters(struct store *s, struct store_counters *ret);

/* All that `genoptd --check-store DIR` does: reads the environment in DIR, gives the exit status of
 * check.h. */
int store_check_main(const char *dir) _must_check_;

/* Reading. Appends the value to out; CONDITION_ABSENT. */
int store_get(struct store *s, enum store_table t, struct span key, struct buf *out) _must_check_;
/* In key order from `from` (NULL at: the prefix itself) while the key begins with prefix. fn
 * returns 0 to go on, CONDITION_REFUSED to stop (store_scan then gives 0), < 0 to fail. Key and
 * value are valid during fn only; fn must not call the store. */
int store_scan(struct store *s, enum store_table t, struct span prefix, struct span from,
               int (*fn)(struct span key, struct span value, void *arg), void *arg) _must_check_;
/* The whole table against key order, from what stands before `before` (n 0: from the end). */
int store_scan_back(struct store *s, enum store_table t, struct span before,
                    int (*fn)(struct span key, struct span value, void *arg),
                    void *arg) _must_check_;

/* Blobs of a uid, by content. Parts of 256 KiB, so that reading a little unpacks little. Text is
 * compressed. */
int store_blob_put(struct store_batch *b, uint32_t uid, const struct hash *h, struct span content,
                   uint64_t now_ms) _must_check_;
int store_blob_size(struct store *s, uint32_t uid, const struct hash *h,
                    uint64_t *ret_size) _must_check_; /* CONDITION_ABSENT */
int store_blob_get(struct store *s, uint32_t uid, const struct hash *h, uint64_t offset,
                   uint64_t limit, struct buf *out) _must_check_;
/* Removes blobs whose stamp is before `before_ms` and that is_live() does not claim (NULL: none
 * is); at most max of them. A call looks at 1,000 blobs at most and the next goes on where it
 * ended, so that it may be asked from a timer for ever. */
int store_blob_expire(struct store *s, uint64_t before_ms, size_t max,
                      bool (*is_live)(uint32_t uid, const struct hash *h, void *arg),
                      void *arg) _must_check_;

/* The cache (cache.c): never an error for the caller, only hits and misses; writes are fire and
 * forget. */
enum cache_kind { CACHE_RESULT, CACHE_SEEN, CACHE_INPUTS, CACHE_RAW, CACHE_REPAIR, N_CACHE_KINDS };
int cache_get(struct store *s, enum cache_kind k, const struct hash *key,
              struct buf *out) _must_check_; /* CONDITION_ABSENT, -ENOMEM */
/* Whether a sound entry is there, without unpacking it; counts neither as a hit nor as a miss. */
bool cache_has(struct store *s, enum cache_kind k, const struct hash *key);
/* As it lies in the map or in the memory layer: fn(bytes) may send but not keep. For raw answers of
 * codec plain. */
int cache_get_with(struct store *s, enum cache_kind k, const struct hash *key,
                   int (*fn)(struct span value, void *arg), void *arg) _must_check_;
void cache_put(struct store *s, enum cache_kind k, const struct hash *key, struct span value);
void cache_remove(struct store *s, enum cache_kind k, const struct hash *key);

struct cache_stats {
        const char *name; /* "memory", "result", "seen", "inputs", "raw", "repair" */
        uint64_t hits, misses, size, max_size, entries, max_age_ms;
};
#define N_CACHE_STATS (N_CACHE_KINDS + 1)
void cache_get_stats(struct store *s, struct cache_stats ret[N_CACHE_STATS]);
/* Asynchronous; on_done on the loop with counts. max_bytes 0: to the configured bound and age. */
int cache_trim(struct store *s, uint64_t max_bytes,
               void (*on_done)(void *arg, int r, uint64_t removed, uint64_t size),
               void *arg) _must_check_;
int cache_clear(struct store *s, void (*on_done)(void *arg, int r, uint64_t removed, uint64_t size),
                void *arg) _must_check_;
int cache_verify(struct store *s, void (*on_done)(void *arg, int r, uint64_t checked, uint64_t bad),
                 void *arg) _must_check_;

/* Test builds, from the environment at store_open(): GENOPT_TEST_DIE_BEFORE=n and
 * GENOPT_TEST_DIE_AFTER=n end the process by SIGKILL right before or after the nth batch of state
 * is committed (batches are then committed one by one); GENOPT_TEST_REST_MS=n is how soon after a
 * write the writers keep house (else a minute). */
