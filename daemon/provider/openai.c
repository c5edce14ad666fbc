/* OpenAI Chat Completions (POST /v1/chat/completions, always streamed) and the servers that speak
 * it: LM Studio, llama.cpp, vLLM, Ollama.
 *
 * Request: messages as chat.c writes them. Prefixes are cached by themselves, so equal beginnings
 * are equal bytes; newer models keep only what is marked (at most four), and read it again only
 * where it is marked again: they are told to write nothing else, because writing costs. The limit
 * of the output is named max_completion_tokens by OpenAI, whose models refuse the older name, and
 * max_tokens elsewhere, where Ollama knows only that; a server that asks for the other name gets it
 * from then on.
 *
 * Stream: chunks without a type. choices may be empty (the chunk with the usage is), content may be
 * null, the role may stand anywhere; reasoning and tool calls are not text. The end is [DONE];
 * where that is missing, the end of the body after a finish_reason. A server that ignores `stream`
 * gives one object with `message`. usage.prompt_tokens INCLUDES what was cached or written;
 * llama.cpp gives `timings` where usage was not asked for or is not known. */

#include <jansson.h>

#include "common/json.h"
#include "common/str.h"
#include "daemon/provider/dialects.h"

#define LOADING_MS 10000 /* a server that loads its model is asked again after that */

/* ---- request ---- */

static size_t count_marks(const struct request *r)
{
        size_t n = 0;

        for (size_t i = 0; i < r->n_blocks; i++)
                n += r->blocks[i].is_marked;
        return n;
}

static int write_body(const struct request *r, const struct manner *m, struct buf *out)
{
        int k;

        if (r->is_cache_explicit && count_marks(r) > PROVIDER_MARKS_MAX)
                return -EINVAL;
        (void)buf_add_text(out, "{\"model\":");
        k = json_write_string(out, span_of(r->model));
        if (k < 0)
                return k;
        (void)buf_printf(
                out, ",\"%s\":%llu,\"stream\":true,\"stream_options\":{\"include_usage\":true%s}",
                m->is_home != m->is_limit_renamed ? "max_completion_tokens" : "max_tokens",
                (unsigned long long)r->max_tokens,
                m->is_home ? ",\"include_obfuscation\":false" : "");
        if (r->is_cache_explicit)
                (void)buf_add_text(out, ",\"prompt_cache_options\":{\"mode\":\"explicit\"}");
        (void)buf_add_text(out, ",\"messages\":[");
        k = chat_write_messages(r, out);
        if (k < 0)
                return k;
        return buf_add_text(out, "]}");
}

/* ---- errors ---- */

/* What stands in `code` or `type` of an error; the first that fits counts, then the status. */
static const struct {
        const char *word;
        enum failure_id id;
        bool is_retryable;
} words[] = {
        {"insufficient_quota", FAILURE_BILLING, false},
        {"credit_balance_exhausted", FAILURE_BILLING, false},
        {"organization_spend_limit_exceeded", FAILURE_SPEND_LIMIT, false},
        {"project_spend_limit_exceeded", FAILURE_SPEND_LIMIT, false},
        {"organization_usage_limit_exceeded", FAILURE_SPEND_LIMIT, false},
        {"rate_limit_exceeded", FAILURE_RATE_LIMITED, true},
        {"model_not_found", FAILURE_MODEL_NOT_FOUND, false},
        {"invalid_api_key", FAILURE_KEY_REFUSED, false},
        {"context_length_exceeded", FAILURE_TOO_LONG, false},
        {"exceed_context_size_error", FAILURE_TOO_LONG, false},
};

static const struct {
        unsigned status;
        enum failure_id id;
        bool is_retryable;
} statuses[] = {
        {401, FAILURE_KEY_REFUSED, false}, {402, FAILURE_BILLING, false},
        {403, FAILURE_KEY_REFUSED, false}, {404, FAILURE_MODEL_NOT_FOUND, false},
        {408, FAILURE_OVERLOADED, true},   {409, FAILURE_OVERLOADED, true},
        {413, FAILURE_TOO_LONG, false},    {429, FAILURE_RATE_LIMITED, true},
};

static void judge(unsigned status, const char *code, const char *type, enum failure_id *ret_id,
                  bool *ret_is_retryable)
{
        bool is_theirs = status == 0 || status >= 500;

        *ret_id = is_theirs ? FAILURE_OVERLOADED : FAILURE_BAD_REQUEST;
        *ret_is_retryable = is_theirs;
        for (size_t i = 0; i < N_ELEMENTS(statuses); i++)
                if (statuses[i].status == status) {
                        *ret_id = statuses[i].id;
                        *ret_is_retryable = statuses[i].is_retryable;
                }
        for (size_t i = 0; i < N_ELEMENTS(words); i++)
                if (str_is_equal(words[i].word, code) || str_is_equal(words[i].word, type)) {
                        *ret_id = words[i].id;
                        *ret_is_retryable = words[i].is_retryable;
                        return;
                }
}

/* Meanings that stand in the sentence only, of what would be a bad request. */
static const struct {
        const char *words;
        enum failure_id id;
} hints[] = {
        {"maximum context length", FAILURE_TOO_LONG},
        {"context size", FAILURE_TOO_LONG},
        {"context length", FAILURE_TOO_LONG},
        {"context window", FAILURE_TOO_LONG},
};

static enum failure_id look_for_hints(enum failure_id id, const char *message)
{
        for (size_t i = 0; id == FAILURE_BAD_REQUEST && message && i < N_ELEMENTS(hints); i++)
                if (strcasestr(message, hints[i].words))
                        return hints[i].id;
        return id;
}

/* {"error": {…}} or {"error": "sentence"}; vLLM has the members outside, FastAPI a `detail`. */
static const json_t *find_error(const json_t *body)
{
        const json_t *error = json_object_get(body, "error"),
                     *detail = json_object_get(body, "detail");

        if (error && !json_is_null(error))
                return error;
        if (json_is_string(detail))
                return detail;
        return str_is_equal(json_get_text(body, "object"), "error") ? body : NULL;
}

/* error: {"message", "type", "code"}, or the sentence alone, or NULL. */
static struct failure *explain(unsigned status, const json_t *error, bool *ret_is_retryable)
{
        const char *message =
                json_is_string(error) ? json_string_value(error) : json_get_text(error, "message");
        enum failure_id id;

        judge(status, json_get_text(error, "code"), json_get_text(error, "type"), &id,
              ret_is_retryable);
        return dialect_failure(look_for_hints(id, message), status, message, error);
}

static bool adapt(const struct error_answer *e, const struct manner *used, struct manner *m)
{
        _cleanup_json_ json_t *body = NULL;
        const json_t *error;
        const char *wrong = used->is_home != used->is_limit_renamed ? "max_completion_tokens"
                                                                    : "max_tokens",
                   *param, *message;

        if (e->status != 400 && e->status != 422)
                return false;
        body = json_loadb(e->body.at, e->body.n, JSON_ALLOW_NUL, NULL);
        error = find_error(body);
        param = json_get_text(error, "param");
        message =
                json_is_string(error) ? json_string_value(error) : json_get_text(error, "message");
        if (!str_is_equal(param, wrong) &&
            !(message && strstr(message, wrong) && strcasestr(message, "unsupported parameter")))
                return false;
        if (!str_is_equal(json_get_text(error, "code"), "unsupported_parameter") &&
            !(message && strcasestr(message, "unsupported parameter")))
                return false;
        m->is_limit_renamed = !used->is_limit_renamed;
        return true;
}

static int read_error(const struct error_answer *e, struct failure **ret, struct advice *ret_advice)
{
        _cleanup_json_ json_t *body = NULL;
        const json_t *error;
        struct failure *failure;
        struct advice a;

        advice_init(&a);
        body = json_loadb(e->body.at, e->body.n, JSON_ALLOW_NUL, NULL);
        error = find_error(body);
        failure = explain(e->status, error, &a.is_retryable);
        if (!failure)
                return -ENOMEM;
        if (failure->id != FAILURE_SPEND_LIMIT && failure->id != FAILURE_BILLING)
                advice_read_headers(&a, e);
        if (a.is_retryable && a.retry_after_ms == 0 &&
            str_is_equal(json_get_text(error, "type"), "unavailable_error"))
                a.retry_after_ms = LOADING_MS;
        *ret = failure;
        *ret_advice = a;
        return 0;
}

/* ---- stream ---- */

static void set_usage(struct reading *r, uint64_t whole, uint64_t cached, uint64_t written,
                      uint64_t output)
{
        struct usage *u = &r->usage;

        u->cache_read = MIN2(cached, whole);
        u->cache_write_5m = MIN2(written, whole - u->cache_read);
        u->input = whole - u->cache_read - u->cache_write_5m;
        u->output = output;
        u->is_known = true;
}

static void read_usage(struct reading *r, const json_t *event)
{
        const json_t *usage = json_object_get(event, "usage"),
                     *timings = json_object_get(event, "timings");
        const json_t *details = json_object_get(usage, "prompt_tokens_details");
        uint64_t whole, output, cached = 0, written = 0;

        if (json_get_u64(usage, "prompt_tokens", &whole) &&
            json_get_u64(usage, "completion_tokens", &output)) {
                (void)json_get_u64(details, "cached_tokens", &cached);
                (void)json_get_u64(details, "cache_write_tokens", &written);
                set_usage(r, whole, cached, written, output);
                r->has_input = true;
        } else if (!r->has_input && json_get_u64(timings, "prompt_n", &whole) &&
                   json_get_u64(timings, "predicted_n", &output)) {
                (void)json_get_u64(timings, "cache_n", &cached);
                set_usage(r, whole + cached, cached, 0, output);
        }
}

/* Whether the reason is a server's giving up, which is no end. */
static bool is_broken_off(const char *reason)
{
        static const char *const reasons[] = {"abort", "aborted", "cancelled", "error"};

        for (size_t i = 0; i < N_ELEMENTS(reasons); i++)
                if (str_is_equal(reasons[i], reason))
                        return true;
        return false;
}

static void read_finish(struct reading *r, const char *reason)
{
        static const struct {
                const char *name;
                enum stop_reason stop;
        } reasons[] = {
                {"stop", STOP_END},
                {"eos", STOP_END},
                {"length", STOP_LENGTH},
                {"content_filter", STOP_REFUSAL},
        };

        /* A refusal that was said stays one, whatever the reason. */
        if (!r->has_stop)
                r->stop = STOP_OTHER;
        for (size_t i = 0; i < N_ELEMENTS(reasons) && r->stop != STOP_REFUSAL; i++)
                if (str_is_equal(reasons[i].name, reason))
                        r->stop = reasons[i].stop;
        r->has_stop = true;
}

static int read_choice(struct reading *r, const json_t *choice)
{
        const json_t *delta =
                json_object_get(choice, "delta") ?: json_object_get(choice, "message");
        const json_t *text = json_object_get(delta, "content");
        const char *reason = json_get_text(choice, "finish_reason");
        int k = 0;

        if (json_is_string(text))
                k = reading_add_answer(
                        r, (struct span){json_string_value(text), json_string_length(text)});
        if (json_get_text(delta, "refusal")) {
                r->stop = STOP_REFUSAL;
                r->has_stop = true;
        }
        if (k == 0 && is_broken_off(reason))
                return reading_fail(r,
                                    failure_new(FAILURE_STREAM_BROKEN,
                                                "the server gave up in the middle of its answer"),
                                    true);
        if (reason)
                read_finish(r, reason);
        return k;
}

static int read_event(const char *type, struct span data, void *arg)
{
        struct reading *r = arg;
        _cleanup_json_ json_t *event = NULL;
        const json_t *error, *choices;
        json_error_t why;
        bool is_retryable;

        if (r->is_ended || r->failure)
                return 0;
        if (span_is_equal(data, SPAN("[DONE]"))) {
                r->is_ended = true;
                return reading_end_answer(r);
        }
        event = json_loadb(data.at, data.n, JSON_ALLOW_NUL, &why);
        if (!event && json_error_code(&why) == json_error_out_of_memory)
                return -ENOMEM;
        error = find_error(event);
        if (error || str_is_equal(type, "error")) {
                struct failure *failure = explain(0, error ? error : event, &is_retryable);

                return reading_fail(r, failure, is_retryable);
        }
        if (!json_is_object(event))
                return reading_fail(r,
                                    failure_new(FAILURE_BAD_ANSWER,
                                                "an event of the provider's answer cannot be read"),
                                    true);
        read_usage(r, event);
        choices = json_object_get(event, "choices");
        r->is_started |= json_is_array(choices);
        return json_array_size(choices) > 0 ? read_choice(r, json_array_get(choices, 0)) : 0;
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

static int read_end(struct reading *r)
{
        int k = sse_end(&r->sse, read_event, r);

        if (k != 0)
                return k;
        r->is_ended |= r->has_stop && !r->failure;
        return reading_end_answer(r);
}

/* ---- limits ---- */

/* "1s", "6m0s", "120ms", "1h2m": UINT64_MAX when it is something else. */
static uint64_t ms_of_duration(const char *text)
{
        static const struct {
                const char *unit;
                double ms;
        } units[] = {{"ms", 1}, {"s", 1000}, {"m", 60000}, {"h", 3600000}, {"d", 86400000}};
        double ms = 0;

        if (!text || !*text)
                return UINT64_MAX;
        while (*text) {
                size_t n_number = strspn(text, "0123456789."),
                       n_unit = strspn(text + n_number, "dhms");
                char number[24];
                double value;
                size_t i = 0;

                if (n_number == 0 || n_number >= sizeof(number))
                        return UINT64_MAX;
                memcpy(number, text, n_number);
                number[n_number] = '\0';
                while (i < N_ELEMENTS(units) &&
                       (strlen(units[i].unit) != n_unit ||
                        strncmp(units[i].unit, text + n_number, n_unit) != 0))
                        i++;
                if (i == N_ELEMENTS(units) || str_to_double(number, &value) < 0)
                        return UINT64_MAX;
                ms += value * units[i].ms;
                text += n_number + n_unit;
        }
        return ms < 1e15 ? (uint64_t)ms : UINT64_MAX;
}

/* Tokens of input and output are one limit here; it is kept as that of the input. */
static void read_limits(header_fn *header, void *arg, uint64_t now_ms _unused_, struct advice *into)
{
        into->requests_limit = advice_number(header("x-ratelimit-limit-requests", arg));
        into->requests_remaining = advice_number(header("x-ratelimit-remaining-requests", arg));
        into->requests_reset_ms = ms_of_duration(header("x-ratelimit-reset-requests", arg));
        into->input_limit = advice_number(header("x-ratelimit-limit-tokens", arg));
        into->input_remaining = advice_number(header("x-ratelimit-remaining-tokens", arg));
        into->input_reset_ms = ms_of_duration(header("x-ratelimit-reset-tokens", arg));
}

const struct dialect dialect_openai = {
        .name = "openai",
        .root = "/v1",
        .path = "/chat/completions",
        .list_path = "/models",
        .is_key_needed = true,
        .key_host = "//api.openai.com",
        .write_head = chat_write_head,
        .write_body = write_body,
        .read = read_bytes,
        .read_end = read_end,
        .read_error = read_error,
        .adapt = adapt,
        .read_limits = read_limits,
};
