#pragma once
/* Memory that is freed all at once: a template's tree, the values of one rendering. Bounded. */

#include "common/macros.h"

struct arena_chunk;

struct arena {
        struct arena_chunk *chunks; /* owned */
        char *at;
        size_t left;
        size_t total;     /* bytes asked of the system */
        size_t max_bytes; /* ceiling of total */
        bool is_over;     /* the last NULL was for the ceiling, not for lack of memory */
};

void arena_init(struct arena *a, size_t max_bytes);
void arena_done(struct arena *a);
void *arena_alloc_chunk(struct arena *a, size_t n) _must_check_; /* where `left` is too little */

#define ARENA_ALIGN 16u /* for any object */
/* Not zeroed: for what is filled at once. */
_must_check_ static inline void *arena_alloc_raw(struct arena *a, size_t n)
{
        size_t padded = (MAX2(n, 1u) + ARENA_ALIGN - 1) & ~(size_t)(ARENA_ALIGN - 1);
        void *got = a->at;

        if (n > a->left || padded > a->left)
                return arena_alloc_chunk(a, n);
        a->at += padded;
        a->left -= padded;
        return got;
}

/* Zeroed. */
_must_check_ static inline void *arena_alloc(struct arena *a, size_t n)
{
        void *got = arena_alloc_raw(a, n);

        return got ? memset(got, 0, n) : NULL;
}

char *arena_copy(struct arena *a, struct span s) _must_check_; /* terminated by a NUL */
