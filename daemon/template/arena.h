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
void *arena_alloc(struct arena *a, size_t n) _must_check_;     /* zeroed, aligned for any object */
char *arena_copy(struct arena *a, struct span s) _must_check_; /* terminated by a NUL */
