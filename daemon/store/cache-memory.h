#pragma once
/* The memory layer: what the cache keeps compressed, as it is when unpacked. Bounded in bytes, the
 * least recently used goes first. Not locked: the cache's lock is held around each call. Values are
 * counted, so that one may be read without the lock. */

#include <sys/queue.h>

#include "common/hash.h"
#include "common/macros.h"

struct memory_key {
        struct hash hash;
        uint8_t kind;
};

struct memory_value {
        unsigned n_refs;
        uint64_t made_ms;
        size_t n;
        char at[];
};

struct memory_entry;
struct memory {
        struct memory_entry *table;                   /* owned: uthash */
        TAILQ_HEAD(memory_order, memory_entry) order; /* the last used last */
        uint64_t n_bytes, max_bytes, n_entries;
};

void memory_init(struct memory *m, uint64_t max_bytes);
void memory_clear(struct memory *m);
/* Counted for the caller; NULL. */
struct memory_value *memory_get(struct memory *m, const struct memory_key *key);
void memory_value_unref(struct memory_value *v);
/* Makes room. What is too large, or finds no memory, is not kept. */
void memory_put(struct memory *m, const struct memory_key *key, uint64_t made_ms,
                struct span content);
void memory_remove(struct memory *m, const struct memory_key *key);
