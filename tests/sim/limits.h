#pragma once
/* The provider's rate limits: token buckets for requests, input and output tokens a minute, per
 * class of models, filled continuously. Tokens read from the cache are free; output is counted when
 * it was produced. Times are in model time. */

#include "common/macros.h"

enum limit_kind { LIMIT_REQUESTS, LIMIT_INPUT, LIMIT_OUTPUT, N_LIMITS };

struct limits_config {
        uint64_t per_minute[N_LIMITS]; /* 0: no limit */
};

struct limits;
struct limits_state {
        uint64_t limit[N_LIMITS]; /* 0: none */
        uint64_t remaining[N_LIMITS];
        uint64_t full_usec[N_LIMITS]; /* from now until the bucket is full again */
};

int limits_new(struct limits **ret) _must_check_;
struct limits *limits_free(struct limits *l);
void limits_configure(struct limits *l, const struct limits_config *c); /* fills all buckets */
bool limits_is_on(const struct limits *l);
/* Takes a request and its input. False: refused, nothing is taken, *ret_kind ran out,
 * *ret_wait_usec until it would pass. */
bool limits_take(struct limits *l, const char *class, uint64_t input, uint64_t now_usec,
                 enum limit_kind *ret_kind, uint64_t *ret_wait_usec);
void limits_take_output(struct limits *l, const char *class, uint64_t output, uint64_t now_usec);
void limits_get(struct limits *l, const char *class, uint64_t now_usec, struct limits_state *ret);
