#pragma once
/* The dialect "OpenAI Chat Completions": what its two files share. */

#include "tests/sim/dialect.h"

bool openai_is_local(const struct sim *s); /* the flavour is a server of one's own */
void openai_add_headers(struct http_conn *c, const char *request_id, const char *scope,
                        bool is_known);
void openai_add_limits(struct http_conn *c, const struct sim *sim, struct limits_state *s);
void openai_explain(const struct sim *s, enum fault_kind kind, struct refusal *ret);
void openai_say_limited(const struct prompt *p, enum limit_kind kind, uint64_t per_minute,
                        struct refusal *ret);
void openai_write_error(struct buf *b, const struct sim *s, const struct refusal *why,
                        const char *request_id);
bool openai_write_opening(struct buf *b, const struct sim_reply *r, unsigned n);
void openai_write_text(struct buf *b, const struct sim_reply *r, struct span text, bool is_last);
bool openai_write_closing(struct buf *b, const struct sim_reply *r, unsigned n);
void openai_write_noise(struct buf *b, const struct sim_reply *r);
void openai_write_break(struct buf *b, const struct sim_reply *r, enum fault_kind kind,
                        const char *type);
void openai_write_whole(struct buf *b, const struct sim_reply *r);
