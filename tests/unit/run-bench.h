#pragma once
/* A run by itself: the real store on tmpfs, the real loop, work and plan made by hand; in place of
 * the calls room one that the test answers for, in place of the jobs room one that writes down what
 * it is told. */

#include "store-fixture.h"

#include "daemon/calls/calls.h"
#include "daemon/calls/underway.h"
#include "daemon/exec/run.h"

#define BENCH_MAX_CALLS 64
#define BENCH_TEXT_BYTES 4000

/* A call that the run has started, in the order of their starts. */
struct call {
        struct call_events events;
        void *arg;
        char tag[9], model[32], tasks[BENCH_TEXT_BYTES], prompt[BENCH_TEXT_BYTES];
        char said[BENCH_TEXT_BYTES], text[BENCH_TEXT_BYTES]; /* told to the model; by it */
        uint64_t n, worst_nanousd, max_tokens, delay_ms;
        bool is_settled, is_cancelled;
};

struct bench {
        struct fixture f;
        struct run *run;
        struct call calls[BENCH_MAX_CALLS];
        size_t n_calls;
        enum failure_id refuse_model_with; /* of calls to `refused_model` */
        const char *refused_model;
        /* what the run told */
        json_t *news; /* [{"type", fields}] */
        bool is_ended;
        size_t n_batches, n_end_news, n_waits;
        enum run_wait wait;
        uint32_t wait_task;
        uint64_t turn_usec_max;
        struct underway *underway; /* what both runs have in hand */
        bool is_same_under_way;    /* the calls room would join what is asked for next */
        bool has_prefix;           /* of all calls of a plan: its readers wait for its writer */
        /* of another job */
        struct run *other;
        json_t *other_news;
        bool is_other_ended;
};

extern struct bench *bench; /* of the test that runs */

int bench_setup(void **state);
int bench_teardown(void **state);
/* n tasks fN.json, each with a block of facts; task i depends on i-1 when chained. */
struct work *bench_work(size_t n, bool is_chained);
/* Every task's step alone, by the planner; then the first n_together of them as one call. */
void bench_start(struct work *w, size_t n_together, const struct stand *stands,
                 const struct run_totals *totals);
/* A run of another job beside it, over a work of its own; is_fresh: it asks anew. */
void bench_start_other(struct work *w, size_t n_together, bool is_fresh);
void bench_stop_other(void);
void bench_stop(void);
void bench_turn(void); /* a turn or two of the loop, with all that is deferred */
void bench_until(const bool *condition);
void bench_await_calls(size_t n);
void bench_await_end(void);
void bench_await_wait(void);
void bench_await_news(const char *type, size_t n);
size_t bench_n_news(const char *type);
size_t bench_n_other_news(const char *type);
/* Turns the loop until so many tasks of the other run wait for this one. */
void bench_await_other_waits(size_t n);
uint64_t bench_sum(struct run *r, const char *object, const char *key); /* of its summary */
const json_t *bench_news(const char *type, size_t i);
/* The answer of call i so far: a file with its markers. */
void bench_say_file(size_t i, const char *path, const char *content);
void bench_say(size_t i, const char *text);
void bench_begin(size_t i); /* its answer begins */
void bench_retry(size_t i);
/* What came until now broke off, or was cut at its limit. Returns whether it was enough. */
bool bench_break(size_t i);
void bench_cut(size_t i);
void bench_end(size_t i, enum failure_id failure); /* N_FAILURES: the stream ended well */
