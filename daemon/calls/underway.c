#include "daemon/calls/underway.h"

#include <sys/queue.h>

#define HASH_NONFATAL_OOM 1 /* then hh.tbl of what was to be added is NULL */
#include <uthash.h>

#include "daemon/store/store.h"

TAILQ_HEAD(stake_list, stake);

struct entry {
        UT_hash_handle hh;
        struct underway *table; /* borrowed: frees its entries */
        struct hash key;
        struct stake_list makers, waiters;
        struct fence *fence; /* borrowed; set while it is landing */
};

struct stake {
        TAILQ_ENTRY(stake) link;
        struct entry *entry; /* borrowed: stays while it has a stake */
        void *owner;         /* borrowed: leaves before it goes */
        void (*wake)(void *owner, uint32_t tag, bool is_made); /* NULL: a maker */
        uint32_t tag;
};

/* An empty batch that follows what was put into the cache. Outlives the table when that goes first.
 */
struct fence {
        struct entry *entry; /* NULL: gone, or another fence has taken its place */
};

struct underway {
        struct store *store;   /* borrowed: outlives all rooms */
        struct entry *entries; /* owned */
};

int underway_new(struct store *store, struct underway **ret)
{
        struct underway *u = calloc(1, sizeof(*u));

        if (!u)
                return -ENOMEM;
        u->store = store;
        *ret = u;
        return 0;
}

static void forget_fence(struct entry *e)
{
        if (e->fence)
                e->fence->entry = NULL;
        e->fence = NULL;
}

static void entry_free(struct entry *e)
{
        assert(TAILQ_EMPTY(&e->makers) && TAILQ_EMPTY(&e->waiters));
        forget_fence(e);
        HASH_DEL(e->table->entries, e);
        free(e);
}

struct underway *underway_free(struct underway *u)
{
        struct entry *e, *next;

        if (!u)
                return NULL;
        HASH_ITER (hh, u->entries, e, next)
                entry_free(e);
        free(u);
        return NULL;
}

static struct entry *find(const struct underway *u, const struct hash *key)
{
        struct entry *e;

        HASH_FIND(hh, u->entries, key, sizeof(*key), e);
        return e;
}

static int entry_get(struct underway *u, const struct hash *key, struct entry **ret)
{
        struct entry *e = find(u, key);

        if (!e) {
                e = calloc(1, sizeof(*e));
                if (!e)
                        return -ENOMEM;
                e->table = u;
                e->key = *key;
                TAILQ_INIT(&e->makers);
                TAILQ_INIT(&e->waiters);
                HASH_ADD(hh, u->entries, key, sizeof(e->key), e);
                if (!e->hh.tbl) {
                        free(e);
                        return -ENOMEM;
                }
        }
        *ret = e;
        return 0;
}

/* The entry may be gone afterwards. */
static void wake_all(struct entry *e, bool is_made)
{
        struct stake *s;

        while ((s = TAILQ_FIRST(&e->waiters))) {
                void (*wake)(void *owner, uint32_t tag, bool is_made) = s->wake;
                void *owner = s->owner;
                uint32_t tag = s->tag;

                TAILQ_REMOVE(&e->waiters, s, link);
                free(s);
                wake(owner, tag, is_made);
        }
        if (TAILQ_EMPTY(&e->makers))
                entry_free(e);
}

/* Nobody makes it any more, and nothing of it is on its way into the cache. */
static void review(struct entry *e)
{
        if (TAILQ_EMPTY(&e->makers) && !e->fence)
                wake_all(e, false);
}

bool underway_is_elsewhere(const struct underway *u, const struct hash *key, const void *owner)
{
        const struct entry *e = find(u, key);
        const struct stake *s;

        if (!e || e->fence)
                return e;
        TAILQ_FOREACH (s, &e->makers, link)
                if (s->owner == owner)
                        return false;
        return true;
}

static int stake_new(struct entry *e, void *owner, struct stake **ret)
{
        struct stake *s = calloc(1, sizeof(*s));

        if (!s)
                return -ENOMEM;
        s->entry = e;
        s->owner = owner;
        *ret = s;
        return 0;
}

int underway_make(struct underway *u, const struct hash *key, void *owner, struct stake **ret)
{
        struct entry *e;
        int r = entry_get(u, key, &e);

        if (r < 0)
                return r;
        r = stake_new(e, owner, ret);
        if (r == 0)
                TAILQ_INSERT_TAIL(&e->makers, *ret, link);
        else
                review(e);
        return r;
}

int underway_wait(struct underway *u, const struct hash *key, void *owner,
                  void (*wake)(void *owner, uint32_t tag, bool is_made), uint32_t tag,
                  struct stake **ret)
{
        struct entry *e = find(u, key);
        int r;

        if (!e)
                return CONDITION_ABSENT;
        r = stake_new(e, owner, ret);
        if (r < 0)
                return r;
        (*ret)->wake = wake;
        (*ret)->tag = tag;
        TAILQ_INSERT_TAIL(&e->waiters, *ret, link);
        return 0;
}

static struct entry *take_maker(struct stake *s)
{
        struct entry *e = s->entry;

        assert(!s->wake);
        TAILQ_REMOVE(&e->makers, s, link);
        free(s);
        return e;
}

struct stake *underway_made(struct stake *s)
{
        wake_all(take_maker(s), true);
        return NULL;
}

static void on_fence(void *arg, _unused_ int r)
{
        struct fence *f = arg;
        struct entry *e = f->entry;

        free(f);
        if (!e)
                return;
        e->fence = NULL;
        wake_all(e, true);
}

/* 0: on_fence() comes. */
static int start_fence(struct entry *e)
{
        struct fence *f = calloc(1, sizeof(*f));
        struct store_batch *b;
        int r = f ? store_batch_new(STORE_CACHE, &b) : -ENOMEM;

        if (r == 0) {
                r = store_commit(e->table->store, b, on_fence, f);
                if (r < 0)
                        store_batch_free(b);
        }
        if (r < 0) {
                free(f);
                return r;
        }
        forget_fence(e);
        f->entry = e;
        e->fence = f;
        return 0;
}

struct stake *underway_landed(struct stake *s)
{
        struct entry *e = take_maker(s);

        if (!store_has_cache(e->table->store) || start_fence(e) < 0)
                wake_all(e, true);
        return NULL;
}

void underway_hand_over(struct stake *s, void *owner)
{
        assert(!s->wake);
        s->owner = owner;
}

struct stake *underway_leave(struct stake *s)
{
        struct entry *e;

        if (!s)
                return NULL;
        e = s->entry;
        if (s->wake) {
                TAILQ_REMOVE(&e->waiters, s, link);
                free(s);
        } else {
                review(take_maker(s));
        }
        return NULL;
}
