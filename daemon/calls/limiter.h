#pragma once
/* What a provider can take: pure arithmetic on a clock that is given.
 *
 * A *gate* counts requests under way. Its limit starts at the configured one and is halved by a
 * refusal (429, overloaded), at most once for the requests that were already under way at the last
 * halving. It grows by one after a round (as many answers as the limit, all while it was what held
 * requests back) that brought more tokens a second than the round before the last growth did; where
 * growing did not help it rests for some rounds before it tries again.
 *
 * A *bucket* repeats one limit of the provider: as much as it holds, how much is left, how fast it
 * fills. It refills evenly, as the provider's does. What is under way stands beside its level until
 * the provider has counted it: reserved when a request leaves, settled at what it came to. A
 * provider that counts output when it was written goes below empty and says that nothing is left:
 * how far below, the time of its reset tells, at the speed that earlier headers showed.
 *
 * Of output nobody is asked for ahead: a request is let in while any is left, and what is under way
 * may use up one bucket more than there is. To hold requests back until all of it is there would
 * let a full bucket stand and refill nothing.
 *
 * A model has two sets of buckets, one as configured, one as the provider's headers say; nothing
 * leaves that does not fit both. A retry-after closes the model's for everyone. */

#include "common/macros.h"
#include "daemon/provider/provider.h"

#define CALLS_RETRY_AFTER_MAX_MS \
        300000 /* longer waits are the job's: it fails as retryable and its owner decides */

struct gate {
        double limit; /* 1 … n_max */
        unsigned n_max, n_running;
        uint64_t halved_usec; /* when last; 0: never */
        struct {
                unsigned n;
                uint64_t n_tokens, since_usec; /* since 0: it has not begun */
        } round;
        double rate;        /* tokens a microsecond before the last growth; 0: not known */
        unsigned n_resting; /* rounds until it tries to grow again */
};

#define GATE_REST_ROUNDS 4

void gate_init(struct gate *g, unsigned n_max);
void gate_set_max(struct gate *g, unsigned n_max); /* n_max 0 counts as 1 */
bool gate_has_slot(const struct gate *g);
void gate_enter(struct gate *g);
void gate_leave(struct gate *g);
/* Before gate_leave() of that request. */
void gate_on_success(struct gate *g, uint64_t n_tokens, uint64_t now_usec);
/* sent_usec: when the refused request left. */
void gate_on_refusal(struct gate *g, uint64_t sent_usec, uint64_t now_usec);

struct bucket {
        bool is_known;
        double limit, level, per_usec;
        double seen_per_usec; /* from a header that told of a good part used; 0: none yet */
        double pending;       /* reserved, and not counted by the provider yet */
        uint64_t at_usec;     /* when level held */
};

/* A configured limit; 0: none. */
void bucket_set(struct bucket *b, uint64_t per_minute, uint64_t now_usec);
/* Values of a header; UINT64_MAX: not said, which leaves the bucket as it is. */
void bucket_update(struct bucket *b, uint64_t limit, uint64_t remaining, uint64_t reset_ms,
                   uint64_t now_usec);
/* 0: it holds n beside what is under way (what is larger than the bucket needs a full one). Else
 * when it will, by refilling alone. */
uint64_t bucket_wait_usec(const struct bucket *b, uint64_t n, uint64_t now_usec);
void bucket_reserve(struct bucket *b, uint64_t n);
void bucket_settle(struct bucket *b, uint64_t reserved, uint64_t used, uint64_t now_usec);

/* The limits of one model. */
struct rate_limits {
        uint64_t requests, input, output; /* a minute; 0: no limit */
};
struct buckets {
        struct {
                struct bucket requests, input, output;
        } configured, told;
        uint64_t closed_until_usec; /* 0: open */
};

void buckets_configure(struct buckets *b, const struct rate_limits *r, uint64_t now_usec);
void buckets_update(struct buckets *b, const struct advice *a, uint64_t now_usec);
void buckets_close(struct buckets *b, uint64_t retry_after_ms, uint64_t now_usec);
/* The same for output. */
uint64_t bucket_wait_any_usec(const struct bucket *b, uint64_t now_usec);
/* Until a request of so much input may leave. */
uint64_t buckets_wait_usec(const struct buckets *b, uint64_t input, uint64_t now_usec);

/* One request's part of the buckets. */
struct charge {
        uint64_t input, output;           /* expected */
        bool is_input_due, is_output_due; /* reserved and not settled */
};
void charge_reserve(struct charge *c, struct buckets *b, uint64_t input, uint64_t output);
/* The provider has let it in: request and input count from now on. */
void charge_admitted(struct charge *c, struct buckets *b, uint64_t now_usec);
/* It is over. UINT64_MAX: not known, it counts as expected. */
void charge_done(struct charge *c, struct buckets *b, uint64_t input, uint64_t output,
                 uint64_t now_usec);

/* The wait before the next attempt. n_failed counts from 1; n_refusals of them were refusals, this
 * one included if it was one. chance in [0, 1000) takes up to a quarter off what we chose
 * ourselves, so that those refused together come back apart; to what the provider asked for up to a
 * quarter of a second is added instead. */
uint64_t backoff_ms(unsigned n_failed, unsigned n_refusals, uint64_t retry_after_ms,
                    unsigned chance);
