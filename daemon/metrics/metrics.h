#pragma once
/* Counters, gauges and histograms of the daemon: one table, one static array, relaxed atomics.
 * Cheap enough for the path of a cache hit, callable from any thread.
 *
 * A histogram is log-linear: every power of two is cut into 8 equal parts, so a quantile is right
 * within 7 %, for values from 0 to 2^37 (larger ones count as that). A new metric is a row of the
 * table; docs and exposition follow from it. */

#include <jansson.h>

#include "common/buf.h"
#include "common/macros.h"

/* name, kind, help. A counter only grows; a gauge is set; units stand in the name. */
#define METRIC_TABLE(X)                                                                           \
        X(cache_hits, COUNTER, "requests and tasks answered from the cache")                      \
        X(cache_misses, COUNTER, "look-ups that found nothing")                                   \
        X(bad_entries, COUNTER, "stored entries that failed their checks and were dropped")       \
        X(cache_bytes, GAUGE, "bytes of live cache entries on disk")                              \
        X(calls_started, COUNTER, "model calls that left")                                        \
        X(calls_done, COUNTER, "model calls that ended properly")                                 \
        X(calls_failed, COUNTER, "model calls given up after their last attempt")                 \
        X(calls_retries, COUNTER, "attempts after the first")                                     \
        X(calls_joined, COUNTER, "calls answered by an identical one in flight")                  \
        X(calls_live, GAUGE, "model calls in flight")                                             \
        X(tokens_input, COUNTER, "input tokens billed at full price")                             \
        X(tokens_cache_read, COUNTER, "input tokens read from a provider's cache")                \
        X(tokens_cache_write, COUNTER, "input tokens written to a provider's cache")              \
        X(tokens_output, COUNTER, "output tokens")                                                \
        X(spent_nanousd, COUNTER, "money spent, in nano-dollars")                                 \
        X(jobs_submitted, COUNTER, "jobs accepted")                                               \
        X(jobs_done, COUNTER, "jobs that ended, in whatever way")                                 \
        X(jobs_live, GAUGE, "jobs queued, running or waiting")                                    \
        X(tasks_done, COUNTER, "tasks that ended well")                                           \
        X(tasks_failed, COUNTER, "tasks that failed")                                             \
        X(tasks_joined, COUNTER, "tasks that another job made, or paid for, at the same time")    \
        X(sessions, GAUGE, "open connections")                                                    \
        X(sessions_opened, COUNTER, "connections accepted")                                       \
        X(sessions_refused, COUNTER, "connections refused or cut off for a limit")                \
        X(frames_in, COUNTER, "frames read")                                                      \
        X(frames_out, COUNTER, "frames written")                                                  \
        X(bytes_in, COUNTER, "bytes read from clients")                                           \
        X(bytes_out, COUNTER, "bytes written to clients")                                         \
        X(commits_state, COUNTER, "durable transactions")                                         \
        X(commits_cache, COUNTER, "transactions of the cache")                                    \
        X(loop_turns, COUNTER, "turns of the event loop")                                         \
        X(loop_turn_usec_max, GAUGE, "longest turn of the event loop, in microseconds")           \
        X(loop_turn_processor_usec_max, GAUGE,                                                    \
          "most of the processor that one turn took, in microseconds")                            \
        X(call_ms, HISTOGRAM, "model calls from start to end, retries included, in milliseconds") \
        X(first_token_ms, HISTOGRAM, "from a request to its first token, in milliseconds")        \
        X(submit_usec, HISTOGRAM, "job/submit from frame to reply, in microseconds")              \
        X(plan_usec, HISTOGRAM, "planning of one job, in microseconds")                           \
        X(commit_usec, HISTOGRAM, "durable commits, in microseconds")

enum metric_id {
#define X(name, kind, help) METRIC_##name,
        METRIC_TABLE(X)
#undef X
                N_METRICS,
};

void metrics_add(enum metric_id id, uint64_t n); /* counters */
void metrics_set(enum metric_id id,
                 uint64_t value);                 /* gauges, and counters that are kept elsewhere */
void metrics_move(enum metric_id id, int64_t by); /* gauges */
void metrics_observe(enum metric_id id, uint64_t value); /* histograms */
#define metrics_count(name) metrics_add(METRIC_##name, 1)

/* The value of a counter or gauge; the number of observations of a histogram. */
uint64_t metrics_get(enum metric_id id);
/* The value below which `per_mille` of the observations lie; 0 without any. */
uint64_t metrics_quantile(enum metric_id id, unsigned per_mille);
const char *metrics_name(enum metric_id id);
const char *metrics_help(enum metric_id id);

/* {"cache_hits": 12, …, "call_ms": {"count", "sum", "p50", "p90", "p99", "max"}} */
int metrics_to_json(json_t **ret) _must_check_;
/* Prometheus text exposition 0.0.4: names with "genopt_" before them, counters with "_total"
 * behind. */
int metrics_write_text(struct buf *b) _must_check_;

/* Test builds only: */
void metrics_test_reset(void);
