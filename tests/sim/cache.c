#include "tests/sim/cache.h"

#include <uthash.h>

#define TTL_5M_USEC (300ull * 1000000)
#define TTL_30M_USEC (1800ull * 1000000)
#define TTL_1H_USEC (3600ull * 1000000)
#define ENTRIES_MAX 100000u /* a long test with ever new prompts must not eat the machine */

struct entry {
        XXH128_hash_t digest; /* key */
        uint64_t tokens;
        uint64_t ttl_usec, expires_usec, visible_usec;
        UT_hash_handle hh;
};

struct cache {
        struct entry *entries; /* owned: uthash, in order of writing */
};

int cache_new(struct cache **ret)
{
        *ret = calloc(1, sizeof(**ret));
        return *ret ? 0 : -ENOMEM;
}

static void entry_drop(struct cache *c, struct entry *e)
{
        HASH_DEL(c->entries, e);
        free(e);
}

void cache_clear(struct cache *c)
{
        struct entry *e, *next;

        HASH_ITER (hh, c->entries, e, next)
                entry_drop(c, e);
}

struct cache *cache_free(struct cache *c)
{
        if (c)
                cache_clear(c);
        free(c);
        return NULL;
}

size_t cache_n_entries(const struct cache *c)
{
        return HASH_COUNT(c->entries);
}

static struct entry *find_living(struct cache *c, const XXH128_hash_t *digest, uint64_t now)
{
        struct entry *e;

        HASH_FIND(hh, c->entries, digest, sizeof(*digest), e);
        if (e && e->expires_usec <= now) {
                entry_drop(c, e);
                return NULL;
        }
        return e && e->visible_usec <= now ? e : NULL;
}

/* The longest entry that any mark finds; it and the entries at earlier marks live on from now. */
static uint64_t find_longest(struct cache *c, const struct cache_position *at, size_t n,
                             uint64_t now)
{
        uint64_t longest = 0;

        for (size_t i = n; i-- > 0;) {
                if (at[i].mark == MARK_NONE)
                        continue;
                size_t n_back = at[i].mark == MARK_30M ? 1 : CACHE_LOOKBACK;

                for (size_t back = 0; back < n_back && back <= i; back++) {
                        struct entry *e = find_living(c, &at[i - back].digest, now);

                        if (!e)
                                continue;
                        e->expires_usec = now + e->ttl_usec;
                        longest = MAX2(longest, e->tokens);
                        break;
                }
        }
        return longest;
}

static uint64_t ttl_of(enum cache_mark mark)
{
        return mark == MARK_1H ? TTL_1H_USEC : mark == MARK_5M ? TTL_5M_USEC : TTL_30M_USEC;
}

/* With A the longest hit, B the last mark of 1 h and C the last mark: read A, B - A at the price of
 * 1 h, C - B at that of 5 m. */
void cache_account(struct cache *c, const struct cache_position *at, size_t n, uint64_t total,
                   uint64_t minimum, uint64_t now_usec, bool is_missing, struct cache_usage *ret,
                   struct cache_ticket *ret_ticket)
{
        uint64_t a = is_missing ? 0 : find_longest(c, at, n, now_usec), b = a, end = a;

        memset(ret_ticket, 0, sizeof(*ret_ticket));
        ret_ticket->started_usec = now_usec;
        for (size_t i = 0; i < n; i++) {
                size_t w = ret_ticket->n_writes;

                if (at[i].mark == MARK_NONE || at[i].tokens < minimum || at[i].tokens <= a ||
                    w == CACHE_MARKS_MAX)
                        continue;
                end = MAX2(end, at[i].tokens);
                if (at[i].mark == MARK_1H)
                        b = MAX2(b, at[i].tokens);
                ret_ticket->writes[w].digest = at[i].digest;
                ret_ticket->writes[w].tokens = at[i].tokens;
                ret_ticket->writes[w].ttl_usec = ttl_of(at[i].mark);
                ret_ticket->n_writes++;
        }
        *ret = (struct cache_usage){
                .input = total - end, .read = a, .write_1h = b - a, .write_5m = end - b};
}

void cache_account_steps(struct cache *c, const struct cache_position *at, size_t n, uint64_t total,
                         uint64_t ttl_usec, uint64_t now_usec, bool is_missing,
                         struct cache_usage *ret, struct cache_ticket *ret_ticket)
{
        uint64_t read = 0;

        for (size_t i = n; i-- > 0 && !is_missing && !read;) {
                struct entry *e = find_living(c, &at[i].digest, now_usec);

                if (!e)
                        continue;
                e->expires_usec = now_usec + e->ttl_usec;
                read = e->tokens;
        }
        *ret_ticket = (struct cache_ticket){
                .started_usec = now_usec, .steps = at, .n_steps = n, .step_ttl_usec = ttl_usec};
        *ret = (struct cache_usage){.input = total - read, .read = read};
}

/* A failure for want of memory is a miss more, as with the real one. */
static void publish_one(struct cache *c, const XXH128_hash_t *digest, uint64_t tokens,
                        uint64_t ttl_usec, uint64_t started_usec, uint64_t visible_usec)
{
        struct entry *e;

        HASH_FIND(hh, c->entries, digest, sizeof(e->digest), e);
        if (!e) {
                e = calloc(1, sizeof(*e));
                if (!e)
                        return;
                e->digest = *digest;
                e->visible_usec = visible_usec;
                HASH_ADD(hh, c->entries, digest, sizeof(e->digest), e);
        }
        e->tokens = tokens;
        e->ttl_usec = MAX2(e->ttl_usec, ttl_usec);
        e->expires_usec = MAX2(e->expires_usec, started_usec + e->ttl_usec);
        e->visible_usec = MIN2(e->visible_usec, visible_usec);
}

void cache_publish(struct cache *c, const struct cache_ticket *t, uint64_t visible_usec)
{
        for (size_t i = 0; i < t->n_writes; i++)
                publish_one(c, &t->writes[i].digest, t->writes[i].tokens, t->writes[i].ttl_usec,
                            t->started_usec, visible_usec);
        for (size_t i = 0; i < t->n_steps; i++)
                publish_one(c, &t->steps[i].digest, t->steps[i].tokens, t->step_ttl_usec,
                            t->started_usec, visible_usec);
        while (HASH_COUNT(c->entries) > ENTRIES_MAX)
                entry_drop(c, c->entries);
}
