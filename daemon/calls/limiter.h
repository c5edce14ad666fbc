#pragma once
/* What a provider can take: pure arithmetic on a clock that is given.
 *
 * A *gate* counts requests under way. Its limit starts at the configured one, is halved by a
 * refusal (429, overloaded), at most once for the requests that were already under way at the last
 * halving, and grows by one for each full round of successes while it is what holds requests back.
 * A retry-after of the provider closes it for everyone.
 *
 * A *bucket* repeats what the provider's headers said of one limit: how much was left, and when all
 * of it will be back. It refills evenly, as the provider's does. Nothing leaves while it is empty;
 * what left is taken off at once, until the next header says better. */

#include "common/macros.h"
#include "daemon/provider/provider.h"

#define CALLS_RETRY_AFTER_MAX_MS \
        300000 /* longer waits are the job's: it fails as retryable and its owner decides */

struct gate {
        double limit; /* 1 … n_max */
        unsigned n_max, n_running;
        uint64_t halved_usec;       /* when last; 0: never */
        uint64_t closed_until_usec; /* 0: open */
};

void gate_init(struct gate *g, unsigned n_max);
void gate_set_max(struct gate *g, unsigned n_max); /* n_max 0 counts as 1 */
bool gate_has_slot(const struct gate *g);
uint64_t gate_wait_usec(const struct gate *g, uint64_t now_usec); /* while it is closed */
void gate_enter(struct gate *g);
void gate_leave(struct gate *g);
void gate_on_success(struct gate *g); /* before gate_leave() of that request */
/* sent_usec: when the refused request left. retry_after_ms 0: not said. */
void gate_on_refusal(struct gate *g, uint64_t sent_usec, uint64_t retry_after_ms,
                     uint64_t now_usec);

struct bucket {
        bool is_known;
        double limit, level, per_usec;
        uint64_t at_usec; /* when level held */
};

/* Values of a header; UINT64_MAX: not said, which leaves the bucket as it is. */
void bucket_update(struct bucket *b, uint64_t limit, uint64_t remaining, uint64_t reset_ms,
                   uint64_t now_usec);
/* 0: it holds something. Else when it will. */
uint64_t bucket_wait_usec(const struct bucket *b, uint64_t now_usec);
void bucket_take(struct bucket *b, uint64_t n, uint64_t now_usec);

/* The three buckets of one model. */
struct buckets {
        struct bucket requests, input, output;
};

void buckets_update(struct buckets *b, const struct advice *a, uint64_t now_usec);
uint64_t buckets_wait_usec(const struct buckets *b, uint64_t now_usec);
void buckets_take(struct buckets *b, uint64_t input, uint64_t output, uint64_t now_usec);

/* The wait before the next attempt. n_failed counts from 1; n_refusals of them were refusals, this
 * one included if it was one. chance in [0, 1000) takes up to a quarter off what we chose
 * ourselves, so that those refused together come back apart; to what the provider asked for up to a
 * quarter of a second is added instead. */
uint64_t backoff_ms(unsigned n_failed, unsigned n_refusals, uint64_t retry_after_ms,
                    unsigned chance);
