#pragma once
/* Sends an answer at the speed of a model: waits for the first token, then lets tokens go as they
 * become due, by timers. Stream faults happen here. */

#include "tests/sim/dialect.h"

struct pace;

struct pace_config {
        struct sim *sim;
        struct http_conn *conn;
        const struct sim_dialect *dialect;
        struct sim_reply reply; /* copied */
        bool is_stream, is_dense;
        uint64_t n_tokens;          /* of the text */
        uint64_t first_usec;        /* model time to the first token */
        uint64_t tokens_per_second; /* model time */
        /* The first event was sent. */
        void (*on_first)(void *arg);
        /* So much of the text was handed to the connection. */
        void (*on_text)(size_t n_bytes, void *arg);
        /* The reply is over, or was broken off after n_tokens; *cost_usec is our own work. The pace
         * may be freed in it. */
        void (*on_end)(const char *outcome, uint64_t n_tokens, uint64_t cost_usec, void *arg);
        void *arg;
};

/* All that c points to is borrowed until on_end or pace_free(). When nothing is to be waited for,
 * on_end comes from within. */
int pace_start(const struct pace_config *c, struct pace **ret) _must_check_;
struct pace *pace_free(struct pace *p);
/* What a `hold` keeps back goes on. */
void pace_release_all(struct sim *sim);
uint64_t pace_n_tokens(const struct pace *p); /* sent so far */
