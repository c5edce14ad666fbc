#pragma once
/* The provider's prompt cache, by its published rules.
 *
 * A prompt is a list of positions (tools, system blocks, message blocks), each with the digest of
 * everything up to its end and the tokens up to there. The digest starts from the scope (workspace,
 * model, effort, speed). Entries are written at marks only; from each mark up to CACHE_LOOKBACK
 * positions back are searched for an entry. Lifetimes count from the start of the request that
 * writes or reads. What a request writes can be read once its first event was sent. Times are in
 * model time. */

#include <xxhash.h>

#include "common/macros.h"

#define CACHE_LOOKBACK 20
#define CACHE_MARKS_MAX 4

struct cache;

/* MARK_30M: an exact boundary; MARK_WHOLE: the same at the end of a whole request, which finds
 * earlier ends too. */
enum cache_mark { MARK_NONE, MARK_5M, MARK_1H, MARK_30M, MARK_WHOLE };

struct cache_position {
        XXH128_hash_t digest;
        uint64_t tokens;
        enum cache_mark mark;
};

struct cache_usage {
        uint64_t input, read, write_5m, write_1h;
};

/* What a request will have written once it begins to answer. */
struct cache_ticket {
        struct {
                XXH128_hash_t digest;
                uint64_t tokens;
                uint64_t ttl_usec;
        } writes[CACHE_MARKS_MAX];
        size_t n_writes;
        uint64_t started_usec;
        const struct cache_position *steps; /* borrowed: of a cache that needs no marks */
        size_t n_steps;
        uint64_t step_ttl_usec;
};

int cache_new(struct cache **ret) _must_check_;
struct cache *cache_free(struct cache *c);
void cache_clear(struct cache *c);
/* total: tokens of the whole prompt. is_missing: read nothing (the provider's unexplained misses).
 */
void cache_account(struct cache *c, const struct cache_position *at, size_t n, uint64_t total,
                   uint64_t minimum, uint64_t now_usec, bool is_missing, struct cache_usage *ret,
                   struct cache_ticket *ret_ticket);
/* A cache without marks: at[] are the boundaries at which a prefix can be found again, and all of
 * them are written. */
void cache_account_steps(struct cache *c, const struct cache_position *at, size_t n, uint64_t total,
                         uint64_t ttl_usec, uint64_t now_usec, bool is_missing,
                         struct cache_usage *ret, struct cache_ticket *ret_ticket);
void cache_publish(struct cache *c, const struct cache_ticket *t, uint64_t visible_usec);
size_t cache_n_entries(const struct cache *c);
