#include <stdio.h>

#include "common/clock.h"
#include "common/str.h"
#include "tests/sim/openai.h"

#define ULL(x) ((unsigned long long)(x))

/* ---- errors ---- */

/* Every server has its own members: llama.cpp a number as code, vLLM an object that is the error
 * itself, LM Studio the sentence alone. */
void openai_write_error(struct buf *b, const struct sim *s, const struct refusal *why,
                        const char *request_id _unused_)
{
        enum flavour flavour = s->options.flavour;

        if (flavour == FLAVOUR_LMSTUDIO) {
                buf_add_text(b, "{\"error\":");
                write_json_text(b, span_of(why->message));
                buf_add_text(b, "}");
                return;
        }
        buf_add_text(b, flavour == FLAVOUR_VLLM ? "{\"object\":\"error\",\"message\":"
                                                : "{\"error\":{\"message\":");
        write_json_text(b, span_of(why->message));
        buf_printf(b, ",\"type\":\"%s\"", why->type);
        if (flavour == FLAVOUR_LLAMACPP || flavour == FLAVOUR_VLLM)
                buf_printf(b, ",\"code\":%d", why->status);
        else
                buf_printf(b, ",\"param\":%s%s%s,\"code\":%s%s%s", why->param ? "\"" : "",
                           why->param ? why->param : "null", why->param ? "\"" : "",
                           why->code ? "\"" : "", why->code ? why->code : "null",
                           why->code ? "\"" : "");
        buf_printf(b, "%s%s", why->extra, flavour == FLAVOUR_VLLM ? "}" : "}}");
}

static const struct {
        int status;
        const char *type, *code, *message;
} faults[N_FAULTS] = {
        [FAULT_RATE_LIMIT] = {429, "requests", "rate_limit_exceeded",
                              "Rate limit reached on requests per min (RPM). Please try again."},
        [FAULT_SPEND_CAP] = {429, "insufficient_quota", "organization_spend_limit_exceeded",
                             "The organization's spend limit is reached."},
        [FAULT_USAGE_LIMIT] = {429, "insufficient_quota", "organization_usage_limit_exceeded",
                               "The organization's usage limit is reached."},
        [FAULT_BAD_REQUEST] = {400, "invalid_request_error", NULL,
                               "Invalid type for 'messages[0].content'."},
        [FAULT_UNAUTHORIZED] = {401, "invalid_request_error", "invalid_api_key",
                                "Incorrect API key provided."},
        [FAULT_BILLING] = {429, "insufficient_quota", "insufficient_quota",
                           "You exceeded your current quota, please check your plan and billing "
                           "details."},
        [FAULT_FORBIDDEN] = {403, "invalid_request_error", NULL,
                             "You are not allowed to use this model."},
        [FAULT_NOT_FOUND] = {404, "invalid_request_error", "model_not_found",
                             "The model does not exist."},
        [FAULT_CONFLICT] = {409, "conflict", NULL, "The resource is being updated."},
        [FAULT_SERVER_ERROR] = {500, "server_error", NULL,
                                "The server had an error while processing your request."},
        [FAULT_TIMEOUT] = {504, "timeout", NULL, "The request timed out."},
        [FAULT_OVERLOADED] = {503, "server_error", NULL, "The engine is currently overloaded."},
};

void openai_explain(const struct sim *s, enum fault_kind kind, struct refusal *ret)
{
        if (!faults[kind].status)
                return;
        (void)refusal_set(ret, faults[kind].status, faults[kind].type, "%s", faults[kind].message);
        ret->code = faults[kind].code;
        if (kind == FAULT_OVERLOADED && s->options.flavour == FLAVOUR_LLAMACPP)
                (void)refusal_set(ret, 503, "unavailable_error", "Loading model");
}

void openai_say_limited(const struct prompt *p, enum limit_kind kind, uint64_t per_minute,
                        struct refusal *ret)
{
        bool is_requests = kind == LIMIT_REQUESTS;

        (void)refusal_set(ret, 429, is_requests ? "requests" : "tokens",
                          "Rate limit reached for %.60s on %s per min: Limit %llu.", p->model_name,
                          is_requests ? "requests" : "tokens", ULL(per_minute));
        ret->code = "rate_limit_exceeded";
}

/* ---- headers ---- */

void openai_add_headers(struct http_conn *c, const char *request_id, const char *scope _unused_,
                        bool is_known _unused_)
{
        http_add_header(c, "x-request-id", "%s", request_id);
        http_add_header(c, "openai-processing-ms", "%d", 12);
}

/* "1s", "6m0s", "120ms". */
static void format_duration(uint64_t usec, char *at, size_t n)
{
        uint64_t ms = (usec + 999) / 1000, s = (ms + 999) / 1000;

        if (ms < 1000)
                (void)snprintf(at, n, "%llums", ULL(ms));
        else if (s < 60)
                (void)snprintf(at, n, "%llu.%03llus", ULL(ms / 1000), ULL(ms % 1000));
        else
                (void)snprintf(at, n, "%llum%llus", ULL(s / 60), ULL(s % 60));
}

void openai_add_limits(struct http_conn *c, const struct sim *sim _unused_, struct limits_state *s)
{
        static const char *const names[N_LIMITS] = {"requests", "tokens", NULL};

        for (size_t k = 0; k < N_LIMITS; k++) {
                char name[64], reset[32];

                if (!names[k] || !s->limit[k])
                        continue;
                (void)snprintf(name, sizeof(name), "x-ratelimit-limit-%s", names[k]);
                http_add_header(c, name, "%llu", ULL(s->limit[k]));
                (void)snprintf(name, sizeof(name), "x-ratelimit-remaining-%s", names[k]);
                http_add_header(c, name, "%llu", ULL(s->remaining[k]));
                (void)snprintf(name, sizeof(name), "x-ratelimit-reset-%s", names[k]);
                format_duration(s->full_usec[k], reset, sizeof(reset));
                http_add_header(c, name, "%s", reset);
        }
}

/* ---- usage ---- */

static void write_usage(struct buf *b, const struct sim_reply *r)
{
        const struct cache_usage *u = &r->usage.in;
        uint64_t input = u->input + u->read + u->write_5m, output = r->usage.output;
        const struct sim_options *o = &r->sim->options;

        if (reply_usage_style(r) == USAGE_NULL) {
                buf_add_text(b, "null");
                return;
        }
        buf_printf(b, "{\"prompt_tokens\":%llu,\"completion_tokens\":%llu,\"total_tokens\":%llu",
                   ULL(input), ULL(output), ULL(input + output));
        if (o->flavour == FLAVOUR_OPENAI)
                buf_printf(
                        b,
                        ",\"prompt_tokens_details\":{\"cached_tokens\":%llu,\"cache_write_tokens\":"
                        "%llu},\"completion_tokens_details\":{\"reasoning_tokens\":0}",
                        ULL(u->read), ULL(u->write_5m));
        else if (o->flavour == FLAVOUR_LLAMACPP ||
                 (o->flavour == FLAVOUR_VLLM && o->details && u->read))
                buf_printf(b, ",\"prompt_tokens_details\":{\"cached_tokens\":%llu}", ULL(u->read));
        buf_add_char(b, '}');
}

static void write_timings(struct buf *b, const struct sim_reply *r)
{
        const struct cache_usage *u = &r->usage.in;

        if (r->sim->options.flavour != FLAVOUR_LLAMACPP || reply_usage_style(r) != USAGE_FULL)
                return;
        buf_printf(b,
                   ",\"timings\":{\"cache_n\":%llu,\"prompt_n\":%llu,\"prompt_ms\":%.3f,"
                   "\"predicted_n\":%llu,\"predicted_ms\":%.3f}",
                   ULL(u->read), ULL(u->input), (double)r->prompt_usec / 1000, ULL(r->usage.output),
                   (double)r->output_usec / 1000);
}

static const char *finish_of(const struct sim_reply *r)
{
        static const char *const words[][2] = {
                {"end_turn", "stop"},
                {"max_tokens", "length"},
                {"refusal", "content_filter"},
                {"abort", "abort"},
        };

        for (size_t i = 0; i < N_ELEMENTS(words); i++)
                if (str_is_equal(words[i][0], r->stop_reason))
                        return words[i][1];
        return "stop";
}

/* ---- events ---- */

static void begin_chunk(struct buf *b, const struct sim_reply *r)
{
        buf_printf(b,
                   "data: {\"id\":\"chatcmpl-%s\",\"object\":\"chat.completion.chunk\",\"created\":"
                   "%llu,\"model\":\"",
                   r->id, ULL(clock_realtime_ms() / 1000));
        buf_add_text(b, r->model);
        buf_add_text(b, "\",\"choices\":[");
}

static bool has_usage_in_finish(const struct sim_reply *r)
{
        return reply_has(r, FAULT_USAGE_IN_FINISH) && reply_usage_style(r) != USAGE_NONE;
}

/* delta: members of it, without braces. finish: NULL for none yet. */
static void write_chunk(struct buf *b, const struct sim_reply *r, const char *delta,
                        const char *finish)
{
        bool is_openai = r->sim->options.flavour == FLAVOUR_OPENAI;

        begin_chunk(b, r);
        buf_printf(b, "{\"index\":0,\"delta\":{%s},\"logprobs\":null,\"finish_reason\":%s%s%s}]",
                   delta, finish ? "\"" : "", finish ? finish : "null", finish ? "\"" : "");
        if (finish && has_usage_in_finish(r)) {
                buf_add_text(b, ",\"usage\":");
                write_usage(b, r);
        } else if (is_openai && r->prompt->wants_usage) {
                buf_add_text(b, ",\"usage\":null,\"obfuscation\":\"x9\"");
        }
        if (finish)
                write_timings(b, r);
        buf_add_text(b, "}\n\n");
}

static const char *first_delta(const struct sim_reply *r)
{
        bool is_null =
                r->sim->options.flavour == FLAVOUR_LLAMACPP || reply_has(r, FAULT_ODD_CONTENT);

        if (reply_has(r, FAULT_NO_ROLE))
                return is_null ? "\"content\":null" : "\"content\":\"\"";
        return is_null ? "\"role\":\"assistant\",\"content\":null"
                       : "\"role\":\"assistant\",\"content\":\"\"";
}

/* Deltas before the first text, each with the fault that asks for it; the first one needs none. */
bool openai_write_opening(struct buf *b, const struct sim_reply *r, unsigned n)
{
        static const struct {
                enum fault_kind kind;
                const char *delta;
        } extras[] = {
                {FAULT_ODD_CONTENT, "\"content\":\"\""},
                {FAULT_ODD_CONTENT, ""},
                {FAULT_REASONING, "\"reasoning_content\":\"Let me think\""},
                {FAULT_REASONING, "\"reasoning\":\" again.\",\"content\":null"},
                {FAULT_TOOL_CALLS, "\"tool_calls\":[{\"function\":{\"name\":\"look\",\"arguments\":"
                                   "{\"a\":1}}}]"},
                {FAULT_TOOL_CALLS, "\"tool_calls\":[{\"index\":0,\"id\":null,\"function\":{"
                                   "\"arguments\":\"{}\"}}]"},
        };

        if (reply_has(r, FAULT_EMPTY))
                return false;
        if (n == 0) {
                write_chunk(b, r, first_delta(r), NULL);
                return true;
        }
        for (size_t i = 0; i < N_ELEMENTS(extras); i++)
                if (reply_has(r, extras[i].kind) && --n == 0) {
                        write_chunk(b, r, extras[i].delta, NULL);
                        return true;
                }
        return false;
}

void openai_write_text(struct buf *b, const struct sim_reply *r, struct span text, bool is_last)
{
        _cleanup_buf_ struct buf delta = {0};

        if (reply_has(r, FAULT_ROLES))
                buf_add_text(&delta, "\"role\":\"assistant\",");
        buf_add_text(&delta, "\"content\":");
        write_json_text(&delta, text);
        write_chunk(b, r, delta.at ? delta.at : "",
                    is_last && reply_has(r, FAULT_JOINED_FINISH) ? finish_of(r) : NULL);
}

enum closing { CLOSING_FINISH, CLOSING_USAGE, CLOSING_DONE, N_CLOSINGS };

static bool has_closing(const struct sim_reply *r, enum closing c)
{
        bool is_empty = reply_has(r, FAULT_EMPTY);

        switch (c) {
        case CLOSING_FINISH:
                return !is_empty && !(r->text.n > 0 && reply_has(r, FAULT_JOINED_FINISH));
        case CLOSING_USAGE:
                return !is_empty && r->prompt->wants_usage && !has_usage_in_finish(r) &&
                       reply_usage_style(r) != USAGE_NONE;
        case CLOSING_DONE:
                return !reply_has(r, FAULT_NO_STOP);
        case N_CLOSINGS:
                break;
        }
        return false;
}

bool openai_write_closing(struct buf *b, const struct sim_reply *r, unsigned n)
{
        enum closing c = CLOSING_FINISH;

        while (c < N_CLOSINGS && !(has_closing(r, c) && n-- == 0))
                c++;
        switch (c) {
        case CLOSING_FINISH:
                write_chunk(b, r, "", finish_of(r));
                return true;
        case CLOSING_USAGE:
                begin_chunk(b, r);
                buf_add_text(b, "],\"usage\":");
                write_usage(b, r);
                buf_add_text(b, "}\n\n");
                return true;
        case CLOSING_DONE:
                buf_add_text(b, "data: [DONE]\n\n");
                return true;
        case N_CLOSINGS:
                break;
        }
        return false;
}

void openai_write_noise(struct buf *b, const struct sim_reply *r _unused_)
{
        buf_add_text(b, ": ping\n\ndata: {\"object\":\"chat.completion.chunk\",\"choices\":[],"
                        "\"prompt_progress\":{\"total\":9,\"cache\":0,\"processed\":5}}\n\n");
}

void openai_write_break(struct buf *b, const struct sim_reply *r _unused_, enum fault_kind kind,
                        const char *type)
{
        switch (kind) {
        case FAULT_ERROR_LINE:
                buf_add_text(b, "{\"error\":\"the model runner has stopped\"}\n");
                return;
        case FAULT_ERROR_EVENT:
                buf_add_text(b, "event: error\ndata: {\"message\":\"the model crashed\"}\n\n");
                return;
        default:
                break;
        }
        buf_printf(
                b,
                "data: {\"error\":{\"message\":\"the server failed\",\"type\":\"%s\",\"code\":500}}"
                "\n\n",
                type);
        if (kind == FAULT_ERROR_DONE)
                buf_add_text(b, "data: [DONE]\n\n");
}

void openai_write_whole(struct buf *b, const struct sim_reply *r)
{
        buf_printf(
                b,
                "{\"id\":\"chatcmpl-%s\",\"object\":\"chat.completion\",\"created\":%llu,\"model\":"
                "\"%s\",\"choices\":[{\"index\":0,\"message\":{\"role\":\"assistant\",\"content\":",
                r->id, ULL(clock_realtime_ms() / 1000), r->model);
        write_json_text(b, r->text);
        buf_printf(b, "},\"finish_reason\":\"%s\"}],\"usage\":", finish_of(r));
        write_usage(b, r);
        buf_add_char(b, '}');
}
