#pragma once
/* The dialect "Anthropic Messages": reads and judges requests; the rest
 * of it is anthropic-write.c.
 * Source: the provider's API reference as of 2026-11. */

#include "tests/sim/dialect.h"

int anthropic_check_head(const struct sim *s, const struct http_request *r, const char **ret_key,
                         struct refusal *ret) _must_check_;
/* Body to prompt. CONDITION_REFUSED, -ENOMEM. is_count: for count_tokens, which needs no
 * max_tokens. */
int anthropic_read(const json_t *body, const char *scope, bool is_count, struct prompt *ret,
                   struct refusal *ret_refusal) _must_check_;
void anthropic_write_error(struct buf *b, const struct sim *s, const struct refusal *why,
                           const char *request_id);
