#pragma once
/* The cache as its writer sees it: entries, the index by last use, and what is evicted.
 *
 *     entry RESULT|SEEN|RAW: hash             -> made_ms:u64 content
 *     STAMP:                 table:u8 hash     -> stamp:u64
 *     LRU:                   stamp:u64 table:u8 hash -> nothing
 *
 * Stamps are microseconds of the wall clock, but strictly ascending. A read never writes: it leaves
 * a *touch* in memory, which the writer turns into a new stamp with its next group. An LRU key
 * counts only if STAMP agrees with it, so that a lost or stale one costs nothing but its bytes. All
 * functions run in the writer's thread. */

#include "daemon/store/batch.h"
#include "daemon/store/env.h"

#define INDEX_SLICE 100 /* entries per transaction */

struct touch {
        struct hash hash;
        uint32_t order; /* of use; 0: the slot is free */
        uint8_t table;
};

struct cache_index {
        struct env *env; /* borrowed */
        uint64_t last_stamp;
        uint64_t max_bytes, max_age_ms; /* max_age_ms 0: for ever */
        _Atomic uint64_t n_evicted;
};

void cache_index_init(struct cache_index *x, struct env *e, uint64_t max_bytes,
                      uint64_t max_age_ms);
/* After the environment was opened: goes on from the last stamp. */
int cache_index_open(struct cache_index *x) _must_check_;
bool cache_index_is_expired(const struct cache_index *x, uint64_t made_ms);
/* Splits the content of an entry; CONDITION_BAD_VALUE. */
int cache_index_parse(struct span content, uint64_t *ret_made_ms,
                      struct span *ret_content) _must_check_;

int cache_index_apply(struct cache_index *x, MDB_txn *txn, const struct op *op) _must_check_;
int cache_index_touch(struct cache_index *x, const struct touch *touches, size_t n) _must_check_;
/* Gives an entry that has none a stamp, the oldest possible. */
int cache_index_adopt(struct cache_index *x, MDB_txn *txn, enum store_table t,
                      struct span hash) _must_check_;
/* Removes at most INDEX_SLICE entries while more than max_bytes are used or the oldest was last
 * used before max_age_ms. *ret_removed: how many; *ret_used: bytes in use after.
 * CONDITION_CHORE_DONE when there is nothing more to remove. */
int cache_index_evict(struct cache_index *x, uint64_t max_bytes, uint64_t *ret_removed,
                      uint64_t *ret_used) _must_check_;
int cache_index_remove(struct cache_index *x, MDB_txn *txn, enum store_table t,
                       struct span hash) _must_check_;
/* A key of LRU that STAMP does not know, or of STAMP whose entry is gone, is removed. */
int cache_index_mend(struct cache_index *x, MDB_txn *txn, enum store_table t,
                     struct span key) _must_check_;
