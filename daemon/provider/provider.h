#pragma once
/* Model connections: a neutral request goes out, a neutral stream of events comes back. Dialects
 * are rows of a table (anthropic.c, …): how a request is written, how its stream is read, what its
 * errors mean, which headers tell limits.
 *
 * One attempt per provider_send(): no retries, no waiting for slots (that is calls/). Everything
 * runs on the loop; callbacks never come from within provider_send() or provider_cancel(), which
 * may be called from callbacks. Keys live in this room only, wiped when replaced, and cut out of
 * what a provider says about them.
 *
 * Nothing is prepared before it is needed: libcurl and the certificates are set up by a worker at
 * the first provider_warm() or provider_send() (http.h); until then the room is a few structs.
 * While a provider is in use its connection is kept open: a HEAD leaves 60 s after the last
 * request, once; after that the room owns no timer. */

#include "common/macros.h"
#include "proto/failure.h"

struct json_t;
struct loop;
struct provider_room; /* all providers: the HTTP pool, certificates */
struct provider;
struct attempt; /* one request under way */

/* A block of a prompt, borrowed until provider_send() returns. Empty blocks are dropped when
 * written. */
struct prompt_block {
        struct span text;
        bool is_system;
        bool is_assistant; /* what the model has said before; a user's block comes first and last */
        bool is_marked;    /* the provider's cache may end here (at most 4) */
        bool is_mark_for_1h; /* else 5 minutes; never after one for 5 minutes */
};

struct request {
        const char *model;
        const struct prompt_block *blocks;
        size_t n_blocks;
        uint64_t max_tokens;    /* of output */
        bool is_cache_explicit; /* the model caches what a request marks, if it says that it marks
                                 */
        const char *job;        /* for log lines */
        uint64_t call;
};

struct usage {
        uint64_t input; /* uncached */
        uint64_t cache_read;
        uint64_t cache_write_5m, cache_write_1h;
        uint64_t output;
        bool is_known; /* the provider said so; else all are 0 */
};

enum stop_reason { STOP_END, STOP_LENGTH, STOP_REFUSAL, STOP_OTHER };

/* What a provider's headers and errors say about when to come again. */
struct advice {
        bool is_retryable;
        uint64_t retry_after_ms; /* 0: not said */
        bool was_perhaps_paid;   /* the request had left, and the outcome is unknown or partial */
        /* limits, from response headers; UINT64_MAX: not said; reset in ms from now */
        uint64_t requests_limit, requests_remaining, requests_reset_ms;
        uint64_t input_limit, input_remaining, input_reset_ms;
        uint64_t output_limit, output_remaining, output_reset_ms;
};

struct attempt_events {
        /* May be NULL. The request is about to leave on a connection that stands; < 0: it must not,
         * and the attempt fails. Once, before all others; calls nothing of this room. */
        int (*on_leaving)(void *arg);
        /* May be NULL. The head of the answer came; only the limits of *limits are set. Comes
         * before all others, whatever the status. */
        void (*on_limits)(struct attempt *a, const struct advice *limits, void *arg);
        void (*on_started)(
                struct attempt *a,
                void *arg); /* first event of the stream: the prompt's cache is written */
        void (*on_text)(struct attempt *a, struct span text,
                        void *arg); /* UTF-8, split anywhere between characters */
        /* The end, once, after which the attempt is gone. failure is NULL when the stream came to
         * its proper end. */
        void (*on_end)(struct attempt *a, enum stop_reason stop, const struct usage *usage,
                       const struct failure *failure, const struct advice *advice, void *arg);
};

struct provider_config {
        const char *name, *dialect, *base_url;
        const char *key;       /* NULL: none; copied and wiped by the provider */
        const char *key_fault; /* a sentence: why the one there is cannot be used; or NULL */
        const char
                *keep_alive; /* how long a local server keeps a model: "10m"; NULL: its own way */
        uint64_t connect_timeout_ms, first_byte_timeout_ms, stall_timeout_ms,
                total_timeout_ms; /* 0: defaults */
};

#define PROVIDER_CONNECT_MS 10000
#define PROVIDER_FIRST_BYTE_MS \
        180000                    /* a local server may load the model, then read a long prompt */
#define PROVIDER_STALL_MS 60000   /* providers send a ping every few seconds */
#define PROVIDER_TOTAL_MS 3600000 /* 128k tokens at 40 a second */

int provider_room_new(struct loop *loop, struct provider_room **ret) _must_check_;
struct provider_room *provider_room_free(
        struct provider_room *r); /* cancels all attempts without callbacks */
/* CONDITION_REFUSED with failure: unknown dialect, bad URL. Replaces the provider of that name
 * (running attempts end as they began). */
int provider_configure(struct provider_room *r, const struct provider_config *c,
                       struct provider **ret, struct failure **ret_failure) _must_check_;
void provider_remove(struct provider_room *r, const char *name);
struct provider *provider_find(struct provider_room *r,
                               const char *name); /* borrowed until reconfigured */
/* Usable as it stands: it has a key, or its dialect and address need none. A server of this machine
 * without a key must be there: it is looked for (a connection to a loopback address is made at once
 * or not at all), at most every half second. Else *ret_lack is KEY_MISSING or UNREACHABLE, and
 * *ret_reason a sentence. */
bool provider_is_ready(struct provider *p, enum failure_id *ret_lack, const char **ret_reason);
/* Its token limit is one for all: what is read from its cache counts, and the output is charged
 * ahead at its limit. Else input and output are counted apart, as they come, cached input not. */
bool provider_charges_whole(const struct provider *p);
const char *provider_name(const struct provider *p);
bool provider_has_bad_key(const struct provider *p); /* key_fault; p may be NULL */
/* p may be NULL: true. False: no request for this model was accepted yet, and one may be refused
 * for how it is written, after which the next is written otherwise. */
bool provider_is_manner_known(const struct provider *p, const char *model);
/* Opens a connection ahead of need (a HEAD leaves it in the pool); quiet, rate limited, harmless
 * when it fails. */
void provider_warm(struct provider *p);
/* A call to that model is to be expected, with so many bytes of prompt: a local server that can be
 * told to is made to load it. Quiet, once in a while, harmless when it fails; costs no money. */
void provider_load(struct provider *p, const char *model, uint64_t n_bytes, uint64_t max_tokens);
/* What is warm, for people: {"connection_ms": since it was used, "models": [{"name", "context"}]}.
 */
int provider_describe(const struct provider *p, struct json_t **ret) _must_check_;
/* -ENOMEM, -EINVAL (more than 4 marks, a mark for 1 h after one for 5 minutes, no text outside of
 * system blocks, not UTF-8). */
int provider_send(struct provider *p, const struct request *r, const struct attempt_events *events,
                  void *arg, struct attempt **ret) _must_check_;
/* Closes the stream; on_end does not come. Fills what usage is known so far (is_known false when
 * none). */
void provider_cancel(struct attempt *a, struct usage *ret_usage);
const char *attempt_request_id(
        const struct attempt *a); /* the provider's, or NULL; valid until on_end returns */
uint64_t attempt_first_event_usec(
        const struct attempt *a); /* from send to the first event; 0 = none yet */
