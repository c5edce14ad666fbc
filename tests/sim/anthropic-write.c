#include <stdio.h>
#include <time.h>

#include "common/clock.h"
#include "common/json.h"
#include "common/str.h"
#include "tests/sim/anthropic.h"

#define ULL(x) ((unsigned long long)(x))

/* ---- errors ---- */

void anthropic_write_error(struct buf *b, const struct sim *s _unused_, const struct refusal *why,
                           const char *request_id)
{
        buf_printf(b, "{\"type\":\"error\",\"error\":{\"type\":\"%s\",\"message\":", why->type);
        write_json_text(b, span_of(why->message));
        buf_printf(b, "%s},\"request_id\":\"%s\"}", why->extra, request_id);
}

static const struct {
        int status;
        const char *type, *message;
} faults[N_FAULTS] = {
        [FAULT_RATE_LIMIT] = {429, "rate_limit_error",
                              "This request would exceed your organization's rate limit. Please "
                              "reduce the prompt length or "
                              "the maximum tokens requested, or try again later."},
        [FAULT_SPEND_CAP] = {429, "rate_limit_error",
                             "This organization has reached its monthly spend limit."},
        [FAULT_USAGE_LIMIT] = {400, "invalid_request_error",
                               "You have reached your specified API usage limits. You will regain "
                               "access on the first "
                               "of next month."},
        [FAULT_BAD_REQUEST] = {400, "invalid_request_error",
                               "messages.0.content: Input should be a valid list"},
        [FAULT_UNAUTHORIZED] = {401, "authentication_error", "invalid x-api-key"},
        [FAULT_BILLING] = {402, "billing_error", "Your account has a billing problem."},
        [FAULT_FORBIDDEN] =
                {403, "permission_error",
                 "Your API key does not have permission to use the specified resource."},
        [FAULT_NOT_FOUND] = {404, "not_found_error", "The requested resource could not be found."},
        [FAULT_CONFLICT] = {409, "conflict_error",
                            "The request conflicts with the state of the resource."},
        [FAULT_SERVER_ERROR] = {500, "api_error", "Internal server error"},
        [FAULT_TIMEOUT] = {504, "timeout_error", "The request timed out."},
        [FAULT_OVERLOADED] = {529, "overloaded_error", "Overloaded"},
};

static void explain(const struct sim *s _unused_, enum fault_kind kind, struct refusal *ret)
{
        if (!faults[kind].status)
                return;
        (void)refusal_set(ret, faults[kind].status, faults[kind].type, "%s", faults[kind].message);
        if (kind == FAULT_SPEND_CAP)
                (void)snprintf(ret->extra, sizeof(ret->extra), "%s",
                               ",\"details\":{\"error_code\":\"enforced_spend_limit_reached\"}");
}

static void say_limited(const struct prompt *p _unused_, enum limit_kind kind, uint64_t per_minute,
                        struct refusal *ret)
{
        static const char *const names[N_LIMITS] = {"requests", "input tokens", "output tokens"};

        (void)refusal_set(
                ret, 429, "rate_limit_error",
                "This request would exceed your organization's rate limit of %llu %s per minute.",
                ULL(per_minute), names[kind]);
}

/* ---- headers ---- */

static void add_headers(struct http_conn *c, const char *request_id, const char *scope,
                        bool is_known)
{
        http_add_header(c, "request-id", "%s", request_id);
        if (!is_known)
                return;
        http_add_header(c, "anthropic-organization-id", "org-simulated");
        http_add_header(c, "anthropic-workspace-id", "%s", scope);
}

/* In seconds, as providers do; in a hurry those would be minutes, and fractions are told. */
static void format_reset(const struct sim *s, uint64_t wait_usec, char *at, size_t n)
{
        uint64_t when_ms = clock_realtime_ms() + (wait_usec + 999) / 1000;
        time_t when;
        struct tm tm;

        if (s->options.speed > 1) {
                clock_format_rfc3339(when_ms, at);
                return;
        }
        when = (time_t)((when_ms + 999) / 1000);
        gmtime_r(&when, &tm);
        strftime(at, n, "%Y-%m-%dT%H:%M:%SZ", &tm);
}

static void add_limit(struct http_conn *c, const struct sim *s, const char *name, uint64_t limit,
                      uint64_t remaining, uint64_t wait_usec)
{
        static const char *const suffixes[] = {"limit", "remaining", "reset"};
        char reset[32], full[64];

        format_reset(s, wait_usec, reset, sizeof(reset));
        for (size_t i = 0; i < N_ELEMENTS(suffixes); i++) {
                (void)snprintf(full, sizeof(full), "anthropic-ratelimit-%s-%s", name, suffixes[i]);
                if (i == 2)
                        http_add_header(c, full, "%s", reset);
                else
                        http_add_header(c, full, "%llu", ULL(i ? remaining : limit));
        }
}

/* Tokens are told in thousands; `tokens` repeats the tighter of the two. */
static void add_limits(struct http_conn *c, const struct sim *sim, struct limits_state *s)
{
        static const char *const names[N_LIMITS] = {"requests", "input-tokens", "output-tokens"};
        size_t tight = 0;

        for (size_t k = 0; k < N_LIMITS; k++) {
                if (!s->limit[k])
                        continue;
                if (k != LIMIT_REQUESTS)
                        s->remaining[k] = (s->remaining[k] + 500) / 1000 * 1000;
                if (k != LIMIT_REQUESTS && (!tight || s->remaining[k] * s->limit[tight] <
                                                              s->remaining[tight] * s->limit[k]))
                        tight = k;
                add_limit(c, sim, names[k], s->limit[k], s->remaining[k], s->full_usec[k]);
        }
        if (tight)
                add_limit(c, sim, "tokens", s->limit[tight], s->remaining[tight],
                          s->full_usec[tight]);
}

/* ---- events ---- */

static void write_usage(struct buf *b, const struct sim_reply *r, uint64_t output)
{
        const struct cache_usage *u = &r->usage.in;
        enum usage_style style = reply_usage_style(r);

        if (style == USAGE_NONE)
                return;
        if (style == USAGE_NULL)
                buf_printf(b,
                           ",\"usage\":{\"input_tokens\":null,\"cache_creation_input_tokens\":null,"
                           "\"cache_read_input_tokens\":null,\"output_tokens\":%llu}",
                           ULL(output));
        else
                buf_printf(b,
                           ",\"usage\":{\"input_tokens\":%llu,\"cache_creation_input_tokens\":%llu,"
                           "\"cache_read_input_tokens\":%llu,"
                           "\"cache_creation\":{\"ephemeral_5m_input_tokens\":%llu,\"ephemeral_1h_"
                           "input_tokens\":%llu},"
                           "\"output_tokens\":%llu,\"service_tier\":\"standard\"}",
                           ULL(u->input), ULL(u->write_5m + u->write_1h), ULL(u->read),
                           ULL(u->write_5m), ULL(u->write_1h), ULL(output));
}

static void write_start(struct buf *b, const struct sim_reply *r)
{
        buf_printf(b,
                   "event: message_start\ndata: "
                   "{\"type\":\"message_start\",\"message\":{\"id\":\"%s\",\"type\":\"message\","
                   "\"role\":\"assistant\","
                   "\"model\":\"%s\",\"content\":[],\"stop_reason\":null,\"stop_sequence\":null",
                   r->id, r->model);
        write_usage(b, r, 1);
        buf_add_text(b, "}}\n\n");
}

static void write_ping(struct buf *b)
{
        buf_add_text(b, "event: ping\ndata: {\"type\": \"ping\"}\n\n");
}

/* A block of thinking comes before that of the text and has its index. */
static int text_index(const struct sim_reply *r)
{
        return reply_has(r, FAULT_REASONING) ? 1 : 0;
}

static void write_block_start(struct buf *b, const struct sim_reply *r)
{
        if (reply_has(r, FAULT_REASONING))
                buf_add_text(b,
                             "event: content_block_start\ndata: {\"type\":\"content_block_start\","
                             "\"index\":0,\"content_block\":{\"type\":\"thinking\",\"thinking\":"
                             "\"\",\"signature\":\"\"}}\n\n"
                             "event: content_block_delta\ndata: {\"type\":\"content_block_delta\","
                             "\"index\":0,\"delta\":{\"type\":\"thinking_delta\",\"thinking\":"
                             "\"Let me think.\"}}\n\n"
                             "event: content_block_delta\ndata: {\"type\":\"content_block_delta\","
                             "\"index\":0,\"delta\":{\"type\":\"signature_delta\",\"signature\":"
                             "\"c2ln\"}}\n\n"
                             "event: content_block_stop\ndata: {\"type\":\"content_block_stop\","
                             "\"index\":0}\n\n");
        buf_printf(b,
                   "event: content_block_start\ndata: {\"type\":\"content_block_start\",\"index\":"
                   "%d,\"content_block\":{\"type\":\"text\",\"text\":\"\"}}\n\n",
                   text_index(r));
}

static bool write_opening(struct buf *b, const struct sim_reply *r, unsigned n)
{
        if (n > 2 || (n > 0 && r->text.n == 0))
                return false;
        if (n == 0)
                write_start(b, r);
        else if (n == 1)
                write_block_start(b, r);
        else
                write_ping(b);
        return true;
}

static void write_text(struct buf *b, const struct sim_reply *r, struct span text,
                       bool is_last _unused_)
{
        buf_printf(b,
                   "event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":"
                   "%d,\"delta\":{\"type\":\"text_delta\",\"text\":",
                   text_index(r));
        write_json_text(b, text);
        buf_add_text(b, "}}\n\n");
}

static bool write_closing(struct buf *b, const struct sim_reply *r, unsigned n)
{
        unsigned step = r->text.n == 0 ? n + 1 : n;

        if (step > 2 || (step == 2 && reply_has(r, FAULT_NO_STOP)))
                return false;
        if (step == 0) {
                buf_printf(b,
                           "event: content_block_stop\ndata: "
                           "{\"type\":\"content_block_stop\",\"index\":%d}\n\n",
                           text_index(r));
        } else if (step == 1) {
                bool is_aborted = str_is_equal(r->stop_reason, "abort");

                buf_printf(b,
                           "event: message_delta\ndata: "
                           "{\"type\":\"message_delta\",\"delta\":{\"stop_reason\":%s%s%s,\"stop_"
                           "sequence\":null}",
                           is_aborted ? "" : "\"", is_aborted ? "null" : r->stop_reason,
                           is_aborted ? "" : "\"");
                write_usage(b, r, r->usage.output);
                buf_add_text(b, "}\n\n");
        } else {
                buf_add_text(b, "event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n");
        }
        return true;
}

static void write_noise(struct buf *b, const struct sim_reply *r _unused_)
{
        buf_add_text(b, ": a comment\n\nevent: shape_of_things\ndata: {\"type\": "
                        "\"shape_of_things\"}\n\n");
        write_ping(b);
}

static void write_break(struct buf *b, const struct sim_reply *r _unused_, enum fault_kind kind,
                        const char *type)
{
        if (kind == FAULT_ERROR_LINE) {
                buf_add_text(b, "{\"error\":\"Internal server error\"}\n");
                return;
        }
        buf_printf(b,
                   "event: error\ndata: "
                   "{\"type\":\"error\",\"error\":{\"type\":\"%s\",\"message\":\"%s\"}}\n\n",
                   type,
                   str_is_equal(type, "overloaded_error") ? "Overloaded" : "Internal server error");
}

static void write_whole(struct buf *b, const struct sim_reply *r)
{
        buf_printf(b,
                   "{\"id\":\"%s\",\"type\":\"message\",\"role\":\"assistant\",\"model\":\"%s\","
                   "\"content\":[",
                   r->id, r->model);
        if (r->text.n) {
                buf_add_text(b, "{\"type\":\"text\",\"text\":");
                write_json_text(b, r->text);
                buf_add_char(b, '}');
        }
        buf_printf(b, "],\"stop_reason\":\"%s\",\"stop_sequence\":null", r->stop_reason);
        write_usage(b, r, r->usage.output);
        buf_add_char(b, '}');
}

/* ---- the row ---- */

static int read_request(struct sim *s _unused_, const char *path _unused_, const json_t *body,
                        const char *scope, struct prompt *ret, struct refusal *ret_refusal)
{
        return anthropic_read(body, scope, false, ret, ret_refusal);
}

static void account(struct sim *s, const struct prompt *p, uint64_t now_usec, bool is_missing,
                    struct cache_usage *ret, struct cache_ticket *ret_ticket)
{
        cache_account(s->cache, p->positions, p->n_positions, p->n_tokens, p->model->cache_minimum,
                      now_usec, is_missing, ret, ret_ticket);
}

/* What is read from the cache is free. */
static uint64_t charge(const struct prompt *p _unused_, const struct cache_usage *u)
{
        return u->input + u->write_5m + u->write_1h;
}

const struct sim_dialect sim_anthropic = {
        .name = "anthropic",
        .paths = (const char *const[]){"/v1/messages", NULL},
        .stream_type = "text/event-stream; charset=utf-8",
        .check_head = anthropic_check_head,
        .read = read_request,
        .account = account,
        .charge = charge,
        .add_headers = add_headers,
        .add_limits = add_limits,
        .explain = explain,
        .say_limited = say_limited,
        .write_error = anthropic_write_error,
        .write_opening = write_opening,
        .write_text = write_text,
        .write_closing = write_closing,
        .write_noise = write_noise,
        .write_break = write_break,
        .write_whole = write_whole,
};
