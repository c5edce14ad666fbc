#include "daemon/template/arena.h"

#define ARENA_FIRST_BYTES 4096u
#define ARENA_CHUNK_BYTES (32u << 10) /* below what malloc() takes from the system each time */

struct arena_chunk {
        struct arena_chunk *next; /* owned */
        size_t n;
        _Alignas(ARENA_ALIGN) char bytes[];
};

void arena_init(struct arena *a, size_t max_bytes)
{
        *a = (struct arena){.max_bytes = max_bytes};
}

void arena_done(struct arena *a)
{
        struct arena_chunk *c = a->chunks;

        while (c) {
                struct arena_chunk *next = c->next;

                free(c);
                c = next;
        }
        *a = (struct arena){.max_bytes = a->max_bytes};
}

static bool add_chunk(struct arena *a, size_t n)
{
        size_t size = a->total ? MIN2(a->total, ARENA_CHUNK_BYTES) : ARENA_FIRST_BYTES;
        struct arena_chunk *c;

        size = MAX2(size, n);
        a->is_over = size > a->max_bytes - a->total;
        if (a->is_over)
                return false;
        c = malloc(sizeof(*c) + size);
        if (!c)
                return false;
        c->n = size;
        c->next = a->chunks;
        a->chunks = c;
        a->total += size;
        a->at = c->bytes;
        a->left = size;
        return true;
}

void *arena_alloc_chunk(struct arena *a, size_t n)
{
        a->is_over = n > a->max_bytes;
        if (a->is_over)
                return NULL;
        n = (MAX2(n, 1u) + ARENA_ALIGN - 1) & ~(size_t)(ARENA_ALIGN - 1);
        if (n > a->left && !add_chunk(a, n))
                return NULL;
        return arena_alloc_raw(a, n);
}

char *arena_copy(struct arena *a, struct span s)
{
        char *to = arena_alloc_raw(a, s.n + 1);

        if (!to)
                return NULL;
        if (s.n)
                memcpy(to, s.at, s.n);
        to[s.n] = '\0';
        return to;
}
