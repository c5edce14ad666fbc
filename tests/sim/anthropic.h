#pragma once
/* The dialect "Anthropic Messages": reads and judges requests, writes replies and stream events.
 * Source: the provider's API reference as of 2026-11. */

#include "common/buf.h"
#include "tests/sim/cache.h"
#include "tests/sim/http.h"
#include "tests/sim/prompt.h"

/* Headers: version, betas, key against the n_keys known ones (0: any). CONDITION_REFUSED. *ret_key
 * is borrowed from the request. */
int anthropic_check_headers(const struct http_request *r, char *const *keys, size_t n_keys,
                            const char **ret_key, struct refusal *ret) _must_check_;
/* Body to prompt. CONDITION_REFUSED, -ENOMEM. is_count: for count_tokens, which needs no
 * max_tokens. */
int anthropic_read(const json_t *body, const char *scope, bool is_count, struct prompt *ret,
                   struct refusal *ret_refusal) _must_check_;

struct reply_usage {
        struct cache_usage in;
        uint64_t output;
};

/* How the usage appears; faults play with it. */
enum usage_style { USAGE_FULL, USAGE_NONE, USAGE_NULL };

void anthropic_write_error(struct buf *b, const char *type, const char *message,
                           const char *request_id);
void anthropic_write_start(struct buf *b, const char *id, const char *model,
                           const struct cache_usage *u, enum usage_style style);
void anthropic_write_block_start(struct buf *b);
void anthropic_write_ping(struct buf *b);
void anthropic_write_delta(struct buf *b, struct span text);
void anthropic_write_block_stop(struct buf *b);
void anthropic_write_delta_end(struct buf *b, const char *stop_reason, const struct reply_usage *u,
                               enum usage_style style);
void anthropic_write_stop(struct buf *b);
void anthropic_write_error_event(struct buf *b, const char *type, const char *message);
void anthropic_write_message(struct buf *b, const char *id, const char *model, struct span text,
                             const char *stop_reason, const struct reply_usage *u,
                             enum usage_style style);
