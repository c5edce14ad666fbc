#pragma once
/* What is on its way to a writer: batches of operations, and the completions that come back to the
 * loop.
 *
 * A completion is embedded in what it completes, so that telling of success or failure never needs
 * memory. */

#include <sys/queue.h>

#include "daemon/store/store.h"

struct completion {
        STAILQ_ENTRY(completion) next;
        void (*run)(struct completion *c); /* on the loop, once; may free what c is in */
};
STAILQ_HEAD(completion_list, completion);

enum op_kind {
        OP_PUT,
        OP_DELETE,
        OP_DELETE_PREFIX,
        /* the cache's own, which keep its index in step (cache-index.h); key: the hash alone */
        OP_CACHE_PUT,
        OP_CACHE_REMOVE,
        OP_CACHE_REVIEW, /* removes what is bad or too old */
};

struct op {
        STAILQ_ENTRY(op) next;
        enum op_kind kind;
        enum store_table table;
        uint16_t n_key;
        size_t n_content;
        char *packed; /* owned: compressed content, or NULL; made by the writer */
        size_t n_packed;
        char bytes[]; /* key, content */
};
STAILQ_HEAD(op_list, op);

struct store_tie {
        unsigned n_refs; /* atomic: batches are freed in either thread */
        bool is_broken;  /* the writer's: one of its batches was not committed */
};

struct store_batch {
        struct completion completion;
        STAILQ_ENTRY(store_batch) next;
        enum store_env env;
        struct op_list ops;
        struct store_tie *tie; /* counted, or NULL */
        size_t n_bytes;
        bool is_packed;
        int result;
        void (*on_done)(void *arg, int r); /* NULL: nobody asks; the writer frees it */
        void *arg;
};
STAILQ_HEAD(batch_list, store_batch);

static inline struct span op_key(const struct op *op)
{
        return (struct span){op->bytes, op->n_key};
}

static inline struct span op_content(const struct op *op)
{
        return (struct span){op->bytes + op->n_key, op->n_content};
}

/* prefix stands before content in the value. */
int batch_add(struct store_batch *b, enum op_kind kind, enum store_table t, struct span key,
              struct span prefix, struct span content) _must_check_;
