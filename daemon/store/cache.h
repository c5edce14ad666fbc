#pragma once
/* The cache before the callers: memory layer, touches, counts; what store.h promises of cache_*.
 * Inside the room only. */

#include "daemon/store/cache-index.h"
#include "daemon/store/cache-memory.h"
#include "daemon/store/writer.h"

#define TOUCHES 1024                         /* slots; the writer takes them when half are used */
#define PENDING_BYTES_MAX ((size_t)16 << 20) /* more waits than this: puts are dropped */
#define VALUE_SHARE_MAX 8                    /* a value above this part of the quota is not kept */

struct cache {
        struct env *env;          /* borrowed: the store's */
        struct writer *writer;    /* borrowed likewise */
        struct cache_index index; /* the writer's thread, but for its limits, which are fixed */

        pthread_mutex_t lock; /* what follows */
        struct memory memory;
        struct touch touches[TOUCHES];
        uint32_t n_touches, last_order;
        uint64_t n_puts;
        uint64_t hits[N_CACHE_STATS], misses[N_CACHE_STATS]; /* 0: memory; then by kind */
        uint64_t n_dropped;
};

int cache_new(struct env *e, uint64_t max_bytes, uint64_t memory_bytes, uint64_t max_age_ms,
              struct cache **ret) _must_check_;
struct cache *cache_free(struct cache *c);
void cache_get_hooks(struct cache *c, struct writer_hooks *ret);
void cache_get_counters(struct cache *c, uint64_t *ret_evicted, uint64_t *ret_dropped);
void cache_forget_memory(struct cache *c);
/* Writer's thread: an empty environment in place of this one, which is removed or set aside. */
int cache_start_anew(struct cache *c, bool is_aside) _must_check_;
