#include "daemon/store/cache-memory.h"

#define HASH_NONFATAL_OOM 1
#include <uthash.h>

#define SHARE_MAX 4 /* no value takes more than a quarter: it would push out all others */

struct memory_entry {
        struct memory_key key;
        struct memory_value *value; /* counted */
        TAILQ_ENTRY(memory_entry) next;
        UT_hash_handle hh;
};

/* What an entry costs beside its content: itself, the value's head, malloc's heads, its place in
 * the table. */
#define ENTRY_BYTES (sizeof(struct memory_entry) + sizeof(struct memory_value) + 64)

void memory_init(struct memory *m, uint64_t max_bytes)
{
        *m = (struct memory){.max_bytes = max_bytes};
        TAILQ_INIT(&m->order);
}

void memory_value_unref(struct memory_value *v)
{
        if (--v->n_refs == 0)
                free(v);
}

static void drop(struct memory *m, struct memory_entry *e)
{
        HASH_DEL(m->table, e);
        TAILQ_REMOVE(&m->order, e, next);
        m->n_bytes -= ENTRY_BYTES + e->value->n;
        m->n_entries--;
        memory_value_unref(e->value);
        free(e);
}

void memory_clear(struct memory *m)
{
        while (!TAILQ_EMPTY(&m->order))
                drop(m, TAILQ_FIRST(&m->order));
}

static struct memory_entry *find(struct memory *m, const struct memory_key *key)
{
        struct memory_entry *e;

        HASH_FIND(hh, m->table, key, sizeof(*key), e);
        return e;
}

struct memory_value *memory_get(struct memory *m, const struct memory_key *key)
{
        struct memory_entry *e = find(m, key);

        if (!e)
                return NULL;
        TAILQ_REMOVE(&m->order, e, next);
        TAILQ_INSERT_TAIL(&m->order, e, next);
        e->value->n_refs++;
        return e->value;
}

void memory_remove(struct memory *m, const struct memory_key *key)
{
        struct memory_entry *e = find(m, key);

        if (e)
                drop(m, e);
}

void memory_put(struct memory *m, const struct memory_key *key, uint64_t made_ms,
                struct span content)
{
        size_t cost = ENTRY_BYTES + content.n;
        struct memory_entry *e;

        memory_remove(m, key);
        if (cost > m->max_bytes / SHARE_MAX)
                return;
        while (m->n_bytes + cost > m->max_bytes)
                drop(m, TAILQ_FIRST(&m->order));
        e = calloc(1, sizeof(*e));
        if (!e)
                return;
        e->value = malloc(sizeof(*e->value) + content.n);
        if (!e->value) {
                free(e);
                return;
        }
        *e->value = (struct memory_value){.n_refs = 1, .made_ms = made_ms, .n = content.n};
        memcpy(e->value->at, content.at, content.n);
        e->key = *key;
        HASH_ADD(hh, m->table, key, sizeof(e->key), e);
        if (!e->hh.tbl) { /* no memory for the table */
                free(e->value);
                free(e);
                return;
        }
        TAILQ_INSERT_TAIL(&m->order, e, next);
        m->n_bytes += cost;
        m->n_entries++;
}
