/* The dialect "Ollama": POST /api/chat and /api/generate, lines of JSON. Source: the server's API
 * documentation and code as of 2026-11. What a model may use of the context is said by each request
 * (options.num_ctx); a longer prompt loses its front, silently unless truncate is false. */

#include <stdio.h>

#include "common/clock.h"
#include "common/json.h"
#include "common/str.h"
#include "tests/sim/dialect.h"

#define ULL(x) ((unsigned long long)(x))
#define DEFAULT_CONTEXT 4096 /* of a machine with little memory */
#define DEFAULT_KEEP_MS 300000
#define STEP 16
#define TTL_USEC (86400ull * 1000000)

#define INVALID(ret, ...) refusal_set(ret, 400, "invalid_request_error", __VA_ARGS__)

/* ---- requests ---- */

static int check_head(const struct sim *s _unused_, const struct http_request *r _unused_,
                      const char **ret_key, struct refusal *ret _unused_)
{
        *ret_key = "";
        return 0;
}

/* "10m", "30s", a number of seconds; negative: for ever. */
static int read_keep_alive(const json_t *value, struct prompt *p, struct refusal *ret)
{
        uint64_t ms;

        p->keep_alive_ms = DEFAULT_KEEP_MS;
        if (!value)
                return 0;
        if (json_is_number(value)) {
                p->keep_alive_ms = (int64_t)(json_number_value(value) * 1000);
                return 0;
        }
        if (!json_is_string(value))
                return INVALID(ret, "json: cannot unmarshal keep_alive");
        if (json_string_value(value)[0] == '-') {
                p->keep_alive_ms = -1;
                return 0;
        }
        if (str_to_ms(json_string_value(value), &ms) < 0)
                return INVALID(ret, "time: invalid duration \"%.40s\"", json_string_value(value));
        p->keep_alive_ms = (int64_t)ms;
        return 0;
}

static int read_options(const struct sim *s, const json_t *options, struct prompt *p,
                        struct refusal *ret)
{
        json_int_t limit = json_integer_value(json_object_get(options, "num_predict"));
        json_int_t context = json_integer_value(json_object_get(options, "num_ctx"));

        if (options && !json_is_object(options))
                return INVALID(ret, "json: cannot unmarshal options");
        if (context < 0)
                return INVALID(ret, "num_ctx must be positive");
        p->context = context              ? (uint64_t)context
                     : s->options.context ? s->options.context
                                          : DEFAULT_CONTEXT;
        /* No model sees farther than it was trained for. */
        p->context = MIN2(p->context, p->model->window);
        p->max_tokens = limit > 0 ? (uint64_t)limit : p->model->max_output;
        return 0;
}

static int add_prompt(const json_t *body, struct prompt *p, struct refusal *ret)
{
        const json_t *system = json_object_get(body, "system"),
                     *prompt = json_object_get(body, "prompt"),
                     *messages = json_object_get(body, "messages");
        int r = 0;

        if (!p->is_plain) {
                p->is_load = json_array_size(messages) == 0;
                return p->is_load ? 0 : prompt_add_messages(p, messages, NULL, ret);
        }
        p->is_load = json_string_length(prompt) == 0;
        if (p->is_load)
                return 0;
        if (json_string_length(system))
                r = prompt_add(p, ROLE_SYSTEM,
                               (struct span){json_string_value(system), json_string_length(system)},
                               MARK_NONE);
        return r ? r
                 : prompt_add(p, ROLE_USER,
                              (struct span){json_string_value(prompt), json_string_length(prompt)},
                              MARK_NONE);
}

static int read_request(struct sim *s, const char *path, const json_t *body, const char *scope,
                        struct prompt *ret, struct refusal *ret_refusal)
{
        int r;

        if (!json_is_object(body))
                return INVALID(ret_refusal, "missing request body");
        ret->is_native = true;
        ret->is_plain = str_is_equal(path, "/api/generate");
        ret->model_name = json_get_text(body, "model");
        if (!ret->model_name)
                return INVALID(ret_refusal, "model is required");
        ret->model = sim_model_find(MAKER_LOCAL, ret->model_name);
        if (!ret->model)
                return refusal_set(ret_refusal, 404, "not_found_error", "model '%.100s' not found",
                                   ret->model_name);
        ret->is_stream = json_get_bool(body, "stream", true);
        r = read_options(s, json_object_get(body, "options"), ret, ret_refusal);
        if (!r)
                r = read_keep_alive(json_object_get(body, "keep_alive"), ret, ret_refusal);
        if (!r)
                r = add_prompt(body, ret, ret_refusal);
        if (r)
                return r;
        ret->is_stream &= !ret->is_load;
        if (ret->n_tokens > ret->context && !json_get_bool(body, "truncate", true))
                return INVALID(ret_refusal,
                               "the input length exceeds the context length: %llu tokens, %llu "
                               "available",
                               ULL(ret->n_tokens), ULL(ret->context));
        if (ret->n_tokens > ret->context)
                prompt_cut_front(ret, ret->context / 2);
        return prompt_index(ret, scope, STEP, STEP);
}

static void account(struct sim *s, const struct prompt *p, uint64_t now_usec, bool is_missing,
                    struct cache_usage *ret, struct cache_ticket *ret_ticket)
{
        cache_account_steps(s->cache, p->positions, p->n_positions, p->n_tokens, TTL_USEC, now_usec,
                            is_missing, ret, ret_ticket);
}

static uint64_t charge(const struct prompt *p, const struct cache_usage *u _unused_)
{
        return p->n_tokens;
}

/* ---- errors and headers ---- */

static void add_headers(struct http_conn *c _unused_, const char *request_id _unused_,
                        const char *scope _unused_, bool is_known _unused_)
{
}

static void add_limits(struct http_conn *c _unused_, const struct sim *sim _unused_,
                       struct limits_state *s _unused_)
{
}

static const struct {
        int status;
        const char *message;
} faults[N_FAULTS] = {
        [FAULT_RATE_LIMIT] = {429, "too many requests"},
        [FAULT_SPEND_CAP] = {429, "you have reached your usage limit"},
        [FAULT_USAGE_LIMIT] = {402, "this model needs a subscription"},
        [FAULT_BAD_REQUEST] = {400, "invalid options"},
        [FAULT_UNAUTHORIZED] = {401, "unauthorized"},
        [FAULT_BILLING] = {402, "this model needs a subscription"},
        [FAULT_FORBIDDEN] = {403, "forbidden"},
        [FAULT_NOT_FOUND] = {404, "model 'gone' not found"},
        [FAULT_CONFLICT] = {409, "the model is being changed"},
        [FAULT_SERVER_ERROR] = {500, "llama runner process has terminated: signal: killed"},
        [FAULT_TIMEOUT] = {500, "timed out waiting for llama runner to start"},
        [FAULT_OVERLOADED] = {503,
                              "server busy, please try again.  maximum pending requests exceeded"},
};

static void explain(const struct sim *s _unused_, enum fault_kind kind, struct refusal *ret)
{
        if (faults[kind].status)
                (void)refusal_set(ret, faults[kind].status, "api_error", "%s",
                                  faults[kind].message);
}

static void say_limited(const struct prompt *p _unused_, enum limit_kind kind _unused_,
                        uint64_t per_minute _unused_, struct refusal *ret)
{
        (void)refusal_set(ret, 429, "api_error", "too many requests");
}

static void write_error(struct buf *b, const struct sim *s _unused_, const struct refusal *why,
                        const char *request_id _unused_)
{
        buf_add_text(b, "{\"error\":");
        write_json_text(b, span_of(why->message));
        buf_add_char(b, '}');
}

/* ---- lines ---- */

static void begin_line(struct buf *b, const struct sim_reply *r)
{
        char time[CLOCK_RFC3339_BYTES];

        clock_format_rfc3339(clock_realtime_ms(), time);
        buf_printf(b, "{\"model\":\"%s\",\"created_at\":\"%s\"", r->model, time);
}

/* more: members of the message beside its content, each with a comma before. */
static void write_content(struct buf *b, const struct sim_reply *r, struct span text,
                          const char *more)
{
        const char *role = reply_has(r, FAULT_NO_ROLE) ? "" : "\"role\":\"assistant\",";

        if (r->prompt->is_plain)
                buf_add_text(b, ",\"response\":");
        else
                buf_printf(b, ",\"message\":{%s\"content\":", role);
        write_json_text(b, text);
        buf_printf(b, "%s%s", more, r->prompt->is_plain ? "" : "}");
}

static void write_piece(struct buf *b, const struct sim_reply *r, struct span text,
                        const char *more)
{
        begin_line(b, r);
        write_content(b, r, text, more);
        buf_add_text(b, ",\"done\":false}\n");
}

static void write_count(struct buf *b, const struct sim_reply *r, const char *name, uint64_t n)
{
        if (reply_usage_style(r) == USAGE_NULL)
                buf_printf(b, ",\"%s\":null", name);
        else if (reply_usage_style(r) == USAGE_FULL && n > 0)
                buf_printf(b, ",\"%s\":%llu", name, ULL(n));
}

static void write_end(struct buf *b, const struct sim_reply *r)
{
        const struct cache_usage *u = &r->usage.in;
        const char *reason = r->prompt->is_load ? r->prompt->keep_alive_ms == 0 ? "unload" : "load"
                             : str_is_equal(r->stop_reason, "max_tokens") ? "length"
                                                                          : "stop";

        buf_printf(b, ",\"done\":true,\"done_reason\":\"%s\"", reason);
        if (!r->prompt->is_load)
                buf_printf(b, ",\"total_duration\":%llu,\"load_duration\":%llu",
                           ULL((r->load_usec + r->prompt_usec + r->output_usec) * 1000 + 1),
                           ULL(r->load_usec * 1000 + 1));
        if (!r->prompt->is_load) {
                write_count(b, r, "prompt_eval_count", u->input + u->read);
                write_count(b, r, "prompt_eval_duration", r->prompt_usec * 1000);
                write_count(b, r, "eval_count", r->usage.output);
                write_count(b, r, "eval_duration", r->output_usec * 1000);
        }
        buf_add_text(b, "}\n");
}

static bool write_opening(struct buf *b, const struct sim_reply *r, unsigned n)
{
        static const struct {
                enum fault_kind kind;
                const char *more;
        } extras[] = {
                {FAULT_REASONING, ",\"thinking\":\"Let me think.\""},
                {FAULT_TOOL_CALLS,
                 ",\"tool_calls\":[{\"function\":{\"name\":\"look\",\"arguments\":"
                 "{\"a\":1}}}]"},
        };

        if (reply_has(r, FAULT_ODD_CONTENT) && n-- == 0) {
                begin_line(b, r);
                buf_printf(b, ",%s,\"done\":false}\n",
                           r->prompt->is_plain ? "\"response\":null"
                                               : "\"message\":{\"role\":\"assistant\",\"content\":"
                                                 "null}");
                return true;
        }
        for (size_t i = 0; i < N_ELEMENTS(extras); i++)
                if (reply_has(r, extras[i].kind) && n-- == 0) {
                        write_piece(b, r, SPAN(""), extras[i].more);
                        return true;
                }
        return false;
}

static void write_text(struct buf *b, const struct sim_reply *r, struct span text, bool is_last)
{
        if (!is_last || !reply_has(r, FAULT_JOINED_FINISH)) {
                write_piece(b, r, text, "");
                return;
        }
        begin_line(b, r);
        write_content(b, r, text, "");
        write_end(b, r);
}

static bool write_closing(struct buf *b, const struct sim_reply *r, unsigned n)
{
        bool is_aborted = str_is_equal(r->stop_reason, "abort"); /* it just hangs up */

        if (n > 0 || is_aborted || reply_has(r, FAULT_NO_STOP) ||
            (r->text.n > 0 && reply_has(r, FAULT_JOINED_FINISH)))
                return false;
        begin_line(b, r);
        write_content(b, r, SPAN(""), "");
        write_end(b, r);
        return true;
}

static void write_noise(struct buf *b, const struct sim_reply *r)
{
        buf_add_char(b, '\n');
        write_piece(b, r, SPAN(""), ",\"images\":null");
}

static void write_break(struct buf *b, const struct sim_reply *r _unused_, enum fault_kind kind,
                        const char *type _unused_)
{
        buf_add_text(
                b, kind == FAULT_ERROR_EVENT
                           ? "{\"error\":{\"message\":\"the runner stopped\"}}\n"
                           : "{\"error\":\"an error was encountered while running the model\"}\n");
        if (kind == FAULT_ERROR_DONE)
                buf_add_text(b, "{\"done\":true}\n");
}

static void write_whole(struct buf *b, const struct sim_reply *r)
{
        begin_line(b, r);
        write_content(b, r, r->text, "");
        write_end(b, r);
}

const struct sim_dialect sim_ollama = {
        .name = "ollama",
        .paths = (const char *const[]){"/api/chat", "/api/generate", NULL},
        .stream_type = "application/x-ndjson",
        .check_head = check_head,
        .read = read_request,
        .account = account,
        .charge = charge,
        .add_headers = add_headers,
        .add_limits = add_limits,
        .explain = explain,
        .say_limited = say_limited,
        .write_error = write_error,
        .write_opening = write_opening,
        .write_text = write_text,
        .write_closing = write_closing,
        .write_noise = write_noise,
        .write_break = write_break,
        .write_whole = write_whole,
};
