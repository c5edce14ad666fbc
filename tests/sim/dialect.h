#pragma once
/* Dialects: how the simulator is spoken to. A dialect judges requests, brings them into the form of
 * prompt.h, accounts for the provider's cache, and writes replies, events of streams, errors and
 * headers. One file per dialect, one row in the table (dialects.c).
 *
 * Stop reasons are Anthropic's words here (end_turn, max_tokens, refusal) and translated by each
 * dialect; "abort" is a server that gave up. */

#include "common/buf.h"
#include "tests/sim/cache.h"
#include "tests/sim/faults.h"
#include "tests/sim/http.h"
#include "tests/sim/limits.h"
#include "tests/sim/prompt.h"
#include "tests/sim/sim.h"

struct reply_usage {
        struct cache_usage in;
        uint64_t output;
};

/* How the usage appears; faults play with it. */
enum usage_style { USAGE_FULL, USAGE_NONE, USAGE_NULL };

/* What is written of. Usage is that of the whole answer. */
struct sim_reply {
        const struct sim *sim;
        const char *id, *model; /* of the message */
        const struct prompt *prompt;
        struct span text;
        const char *stop_reason;
        struct reply_usage usage;
        const struct fault_set *faults;
        uint64_t load_usec, prompt_usec,
                output_usec; /* model time: durations that a server tells */
};

struct sim_dialect {
        const char *name;
        const char *const *paths; /* of model calls; NULL-terminated */
        const char *stream_type;  /* content-type */
        /* Key, version and such. *ret_key: borrowed from the request. CONDITION_REFUSED. */
        int (*check_head)(const struct sim *s, const struct http_request *r, const char **ret_key,
                          struct refusal *ret);
        /* CONDITION_REFUSED, -ENOMEM. scope: whose cache it is. */
        int (*read)(struct sim *s, const char *path, const json_t *body, const char *scope,
                    struct prompt *ret, struct refusal *ret_refusal);
        void (*account)(struct sim *s, const struct prompt *p, uint64_t now_usec, bool is_missing,
                        struct cache_usage *ret, struct cache_ticket *ret_ticket);
        /* Tokens that the limit of input is charged with in advance. */
        uint64_t (*charge)(const struct prompt *p, const struct cache_usage *u);
        void (*add_headers)(struct http_conn *c, const char *request_id, const char *scope,
                            bool is_known);
        /* Times of the state are real. */
        void (*add_limits)(struct http_conn *c, const struct sim *s, struct limits_state *state);
        /* What a reply fault of that kind says; status 0: nothing of its own. */
        void (*explain)(const struct sim *s, enum fault_kind kind, struct refusal *ret);
        void (*say_limited)(const struct prompt *p, enum limit_kind kind, uint64_t per_minute,
                            struct refusal *ret);
        void (*write_error)(struct buf *b, const struct sim *s, const struct refusal *why,
                            const char *request_id);
        /* The nth event before the first text, and after the last. False: there is none. */
        bool (*write_opening)(struct buf *b, const struct sim_reply *r, unsigned n);
        bool (*write_closing)(struct buf *b, const struct sim_reply *r, unsigned n);
        void (*write_text)(struct buf *b, const struct sim_reply *r, struct span text,
                           bool is_last);
        void (*write_noise)(struct buf *b, const struct sim_reply *r);
        /* An error within the stream, in the form that the fault asks for. */
        void (*write_break)(struct buf *b, const struct sim_reply *r, enum fault_kind kind,
                            const char *type);
        void (*write_whole)(struct buf *b, const struct sim_reply *r);
};

extern const struct sim_dialect sim_anthropic, sim_openai, sim_ollama;
const struct sim_dialect *sim_dialect_find(const char *path); /* NULL: no model call */

static inline bool reply_has(const struct sim_reply *r, enum fault_kind kind)
{
        return r->faults->at[kind];
}
enum usage_style reply_usage_style(const struct sim_reply *r);
void write_json_text(struct buf *b, struct span s);
int refusal_set(struct refusal *ret, int status, const char *type, const char *format, ...)
        _printf_(4, 5); /* CONDITION_REFUSED */
