/* Anthropic Messages (POST /v1/messages, always streamed).
 *
 * Request: model, max_tokens, stream, system blocks, one user message. No temperature, no thinking,
 * no tools: new models refuse the first, and a one-shot generator needs none. Blocks of white space
 * are not sent (400); their mark moves to the block before. Text is written byte for byte in the
 * given order, so that equal prefixes are equal bytes.
 *
 * Stream: message_start, content_block_*, message_delta, message_stop; ping anywhere; unknown
 * events are ignored. Usage is cumulative and each field that is named replaces what was known:
 * adding would count twice. The end is message_stop and nothing else. */

#include <jansson.h>

#include "common/clock.h"
#include "common/json.h"
#include "common/str.h"
#include "daemon/provider/dialects.h"

#define API_VERSION "2023-06-01"

/* ---- request ---- */

enum mark { MARK_NONE, MARK_5M, MARK_1H };

struct piece {
        const struct prompt_block *block; /* borrowed: from the request */
        enum mark mark;
};

/* System pieces first, then user pieces, in their order; without the empty ones. */
static size_t arrange(const struct request *r, struct piece *at, size_t *ret_n_system)
{
        size_t n = 0;

        for (int is_user = 0; is_user <= 1; is_user++) {
                size_t first = n;

                for (size_t i = 0; i < r->n_blocks; i++) {
                        const struct prompt_block *b = &r->blocks[i];
                        enum mark mark = !b->is_marked       ? MARK_NONE
                                         : b->is_mark_for_1h ? MARK_1H
                                                             : MARK_5M;

                        if (b->is_system == (is_user == 1))
                                continue;
                        if (!block_is_empty(b))
                                at[n++] = (struct piece){b, mark};
                        else if (n > first && at[n - 1].mark < mark)
                                at[n - 1].mark = mark;
                }
                if (!is_user)
                        *ret_n_system = n;
        }
        return n;
}

/* At most four, those for an hour before those for five minutes. */
static bool marks_are_legal(const struct piece *at, size_t n)
{
        size_t n_marks = 0;
        bool has_short = false;

        for (size_t i = 0; i < n; i++) {
                n_marks += at[i].mark != MARK_NONE;
                has_short |= at[i].mark == MARK_5M;
                if (has_short && at[i].mark == MARK_1H)
                        return false;
        }
        return n_marks <= PROVIDER_MARKS_MAX;
}

static int write_pieces(const struct piece *at, size_t n, struct buf *out)
{
        for (size_t i = 0; i < n; i++) {
                int r;

                (void)buf_add_text(out, i > 0 ? "," : "");
                (void)buf_add_text(out, "{\"type\":\"text\",\"text\":");
                r = json_write_string(out, at[i].block->text);
                if (r < 0)
                        return r;
                if (at[i].mark == MARK_5M)
                        (void)buf_add_text(out, ",\"cache_control\":{\"type\":\"ephemeral\"}");
                if (at[i].mark == MARK_1H)
                        (void)buf_add_text(
                                out, ",\"cache_control\":{\"type\":\"ephemeral\",\"ttl\":\"1h\"}");
                (void)buf_add_char(out, '}');
        }
        return out->failed;
}

/* One message for each run of blocks of one side. */
static int write_messages(const struct piece *at, size_t n, struct buf *out)
{
        for (size_t i = 0, end; i < n; i = end) {
                bool is_assistant = at[i].block->is_assistant;
                int k;

                for (end = i + 1; end < n && at[end].block->is_assistant == is_assistant;)
                        end++;
                (void)buf_printf(out, "%s{\"role\":\"%s\",\"content\":[", i > 0 ? "," : "",
                                 is_assistant ? "assistant" : "user");
                k = write_pieces(at + i, end - i, out);
                if (k < 0)
                        return k;
                (void)buf_add_text(out, "]}");
        }
        return out->failed;
}

static int write_body(const struct request *r, const struct manner *m _unused_, struct buf *out)
{
        _cleanup_free_ struct piece *at = NULL;
        size_t n, n_system = 0;
        int k;

        at = calloc(r->n_blocks + 1, sizeof(*at));
        if (!at)
                return -ENOMEM;
        n = arrange(r, at, &n_system);
        if (n == n_system || !marks_are_legal(at, n))
                return -EINVAL;
        (void)buf_add_text(out, "{\"model\":");
        k = json_write_string(out, span_of(r->model));
        if (k < 0)
                return k;
        (void)buf_printf(out, ",\"max_tokens\":%llu,\"stream\":true",
                         (unsigned long long)r->max_tokens);
        if (n_system > 0) {
                (void)buf_add_text(out, ",\"system\":[");
                k = write_pieces(at, n_system, out);
                if (k < 0)
                        return k;
                (void)buf_add_char(out, ']');
        }
        (void)buf_add_text(out, ",\"messages\":[");
        k = write_messages(at + n_system, n - n_system, out);
        if (k < 0)
                return k;
        return buf_add_text(out, "]}");
}

static int write_head(struct head *h, const char *key)
{
        int r = head_add(h, "anthropic-version", API_VERSION);

        if (r == 0 && key)
                r = head_add(h, "x-api-key", key);
        return r;
}

/* ---- errors ---- */

/* The ways to fail: by error type, and by status where there is no type that we know. */
static const struct fault {
        const char *type;
        unsigned status;
        enum failure_id id;
        bool is_retryable;
} faults[] = {
        {"invalid_request_error", 400, FAILURE_BAD_REQUEST, false},
        {"authentication_error", 401, FAILURE_KEY_REFUSED, false},
        {"billing_error", 402, FAILURE_BILLING, false},
        {"permission_error", 403, FAILURE_KEY_REFUSED, false},
        {"not_found_error", 404, FAILURE_MODEL_NOT_FOUND, false},
        {"request_timeout", 408, FAILURE_OVERLOADED, true},
        {"conflict_error", 409, FAILURE_OVERLOADED, true},
        {"request_too_large", 413, FAILURE_TOO_LONG, false},
        {"rate_limit_error", 429, FAILURE_RATE_LIMITED, true},
        {"api_error", 500, FAILURE_OVERLOADED, true},
        {"timeout_error", 504, FAILURE_OVERLOADED, true},
        {"overloaded_error", 529, FAILURE_OVERLOADED, true},
};

/* Meanings that stand in the sentence only. */
static const struct hint {
        const char *words;
        enum failure_id id;
} hints[] = {
        {"prompt is too long", FAILURE_TOO_LONG},
        {"exceed context limit", FAILURE_TOO_LONG},
        {"usage limits", FAILURE_SPEND_LIMIT},
        {"credit balance is too low", FAILURE_BILLING},
};

static struct fault find_fault(unsigned status, const char *type, const char *message)
{
        /* 0: within a stream, where a type that is new to us is a fault of the server's. */
        bool is_theirs = status == 0 || status >= 500;
        struct fault f = {NULL, status, is_theirs ? FAILURE_OVERLOADED : FAILURE_BAD_REQUEST,
                          is_theirs};

        for (size_t i = 0; i < N_ELEMENTS(faults); i++)
                if (faults[i].status == status)
                        f = faults[i];
        for (size_t i = 0; i < N_ELEMENTS(faults); i++)
                if (str_is_equal(faults[i].type, type))
                        f = faults[i];
        if (f.id == FAILURE_BAD_REQUEST && message)
                for (size_t i = 0; i < N_ELEMENTS(hints); i++)
                        if (strstr(message, hints[i].words))
                                f.id = hints[i].id;
        return f;
}

/* error = {"type": T, "message": M, "details": {"error_code": C}} or NULL. */
static int explain(unsigned status, const json_t *error, struct failure **ret,
                   bool *ret_is_retryable)
{
        const char *type = json_get_text(error, "type"), *message = json_get_text(error, "message");
        const char *code = json_get_text(json_object_get(error, "details"), "error_code");
        struct fault f = find_fault(status, type, message);
        struct failure *failure;

        if (str_is_equal(code, "enforced_spend_limit_reached")) {
                f.id = FAILURE_SPEND_LIMIT;
                f.is_retryable = false;
        }
        failure = dialect_failure(f.id, status, message, type);
        if (!failure)
                return -ENOMEM;
        *ret = failure;
        *ret_is_retryable = f.is_retryable;
        return 0;
}

static int read_error(const struct error_answer *e, struct failure **ret, struct advice *ret_advice)
{
        _cleanup_json_ json_t *body = NULL;
        struct advice a;
        int r;

        advice_init(&a);
        /* What is no JSON (a proxy's page, a cut body) is explained by its status alone. */
        body = json_loadb(e->body.at, e->body.n, JSON_ALLOW_NUL, NULL);
        r = explain(e->status, json_object_get(body, "error"), ret, &a.is_retryable);
        if (r < 0)
                return r;
        if ((*ret)->id != FAILURE_SPEND_LIMIT)
                advice_read_headers(&a, e);
        *ret_advice = a;
        return 0;
}

/* ---- stream ---- */

static bool overwrite(const json_t *object, const char *key, uint64_t *field)
{
        return json_get_u64(object, key, field);
}

static void read_usage(struct reading *r, const json_t *usage)
{
        struct usage *u = &r->usage;
        const json_t *parts = json_object_get(usage, "cache_creation");
        uint64_t written;

        if (!json_is_object(usage))
                return;
        r->has_input |= overwrite(usage, "input_tokens", &u->input);
        r->has_output |= overwrite(usage, "output_tokens", &u->output);
        (void)overwrite(usage, "cache_read_input_tokens", &u->cache_read);
        (void)overwrite(parts, "ephemeral_5m_input_tokens", &u->cache_write_5m);
        (void)overwrite(parts, "ephemeral_1h_input_tokens", &u->cache_write_1h);
        /* Half of it is worse than none: none is booked at the estimate. */
        u->is_known = r->has_input && r->has_output;
        /* Compatible servers name the sum only. */
        if (json_get_u64(usage, "cache_creation_input_tokens", &written) &&
            written != u->cache_write_5m + u->cache_write_1h) {
                u->cache_write_5m = r->is_write_1h ? 0 : written;
                u->cache_write_1h = r->is_write_1h ? written : 0;
        }
}

static enum stop_reason read_stop(const char *reason)
{
        static const struct {
                const char *name;
                enum stop_reason stop;
        } reasons[] = {
                {"end_turn", STOP_END},      {"stop_sequence", STOP_END},
                {"max_tokens", STOP_LENGTH}, {"model_context_window_exceeded", STOP_LENGTH},
                {"refusal", STOP_REFUSAL},
        };

        for (size_t i = 0; i < N_ELEMENTS(reasons); i++)
                if (str_is_equal(reasons[i].name, reason))
                        return reasons[i].stop;
        return STOP_OTHER;
}

static int add_text_of(struct reading *r, const json_t *object)
{
        const json_t *text = json_object_get(object, "text");

        if (!json_is_string(text))
                return 0;
        return reading_add_text(r, json_string_value(text), json_string_length(text));
}

static int on_message_start(struct reading *r, const json_t *event)
{
        r->is_started = true;
        read_usage(r, json_object_get(json_object_get(event, "message"), "usage"));
        return 0;
}

static int on_block_start(struct reading *r, const json_t *event)
{
        const json_t *block = json_object_get(event, "content_block");

        return str_is_equal(json_get_text(block, "type"), "text") ? add_text_of(r, block) : 0;
}

static int on_block_delta(struct reading *r, const json_t *event)
{
        const json_t *delta = json_object_get(event, "delta");

        return str_is_equal(json_get_text(delta, "type"), "text_delta") ? add_text_of(r, delta) : 0;
}

static int on_message_delta(struct reading *r, const json_t *event)
{
        const char *reason = json_get_text(json_object_get(event, "delta"), "stop_reason");

        if (reason) {
                r->stop = read_stop(reason);
                r->has_stop = true;
        }
        read_usage(r, json_object_get(event, "usage"));
        return 0;
}

static int on_message_stop(struct reading *r, const json_t *event _unused_)
{
        if (!r->has_stop)
                r->stop = STOP_END; /* compatible servers may give no reason */
        r->is_ended = true;
        return 0;
}

static int on_error(struct reading *r, const json_t *event)
{
        const json_t *error = json_object_get(event, "error");
        struct failure *failure;
        bool is_retryable;
        int k;

        /* Some servers give the sentence alone. */
        if (json_is_string(error))
                return reading_fail(r, failure_new(FAILURE_OVERLOADED, NULL), true);
        k = explain(0, error, &failure, &is_retryable);
        if (k < 0)
                return k;
        return reading_fail(r, failure, is_retryable);
}

static const struct {
        const char *type;
        int (*read)(struct reading *r, const json_t *event);
} events[] = {
        {"message_start", on_message_start},     {"content_block_start", on_block_start},
        {"content_block_delta", on_block_delta}, {"message_delta", on_message_delta},
        {"message_stop", on_message_stop},       {"error", on_error},
};

static bool is_known_type(const char *type)
{
        for (size_t i = 0; i < N_ELEMENTS(events); i++)
                if (str_is_equal(events[i].type, type))
                        return true;
        return false;
}

static int read_event(const char *type, struct span data, void *arg)
{
        struct reading *r = arg;
        _cleanup_json_ json_t *event = NULL;
        json_error_t why;
        const char *named;

        if (r->is_ended || r->failure)
                return 0;
        event = json_loadb(data.at, data.n, JSON_ALLOW_NUL, &why);
        if (!event && json_error_code(&why) == json_error_out_of_memory)
                return -ENOMEM;
        if (!json_is_object(event) && type[0] != '\0' && !is_known_type(type))
                return 0;
        if (!json_is_object(event))
                return reading_fail(r,
                                    failure_new(FAILURE_BAD_ANSWER,
                                                "an event of the provider's answer cannot be read"),
                                    true);
        named = json_get_text(event, "type");
        if (named)
                type = named;
        else if (type[0] == '\0' && json_object_get(event, "error"))
                type = "error"; /* the bare line of a server that failed */
        for (size_t i = 0; i < N_ELEMENTS(events); i++)
                if (str_is_equal(events[i].type, type))
                        return events[i].read(r, event);
        return 0;
}

static int read_bytes(struct reading *r, struct span bytes)
{
        int k = sse_feed(&r->sse, bytes, read_event, r);

        if (k == -EMSGSIZE)
                return reading_fail(
                        r, failure_new(FAILURE_BAD_ANSWER, "the provider's answer is too large"),
                        false);
        return k;
}

/* ---- limits ---- */

static uint64_t ms_until(const char *time, uint64_t now_ms)
{
        uint64_t at;

        if (!time || clock_parse_rfc3339(time, &at) < 0)
                return UINT64_MAX;
        return at > now_ms ? at - now_ms : 0;
}

static void read_limits(header_fn *header, void *arg, uint64_t now_ms, struct advice *into)
{
#define LIMIT "anthropic-ratelimit-"
        now_ms = advice_now_ms(header, arg, now_ms);
        into->requests_limit = advice_number(header(LIMIT "requests-limit", arg));
        into->requests_remaining = advice_number(header(LIMIT "requests-remaining", arg));
        into->requests_reset_ms = ms_until(header(LIMIT "requests-reset", arg), now_ms);
        into->input_limit = advice_number(header(LIMIT "input-tokens-limit", arg));
        into->input_remaining = advice_number(header(LIMIT "input-tokens-remaining", arg));
        into->input_reset_ms = ms_until(header(LIMIT "input-tokens-reset", arg), now_ms);
        into->output_limit = advice_number(header(LIMIT "output-tokens-limit", arg));
        into->output_remaining = advice_number(header(LIMIT "output-tokens-remaining", arg));
        into->output_reset_ms = ms_until(header(LIMIT "output-tokens-reset", arg), now_ms);
#undef LIMIT
}

const struct dialect dialect_anthropic = {
        .name = "anthropic",
        .root = "/v1",
        .path = "/messages",
        .list_path = "/models",
        .is_key_needed = true,
        .write_head = write_head,
        .write_body = write_body,
        .read = read_bytes,
        .read_error = read_error,
        .read_limits = read_limits,
};
