/* Ollama (POST /api/chat, always streamed): lines of JSON.
 *
 * Request: messages as chat.c writes them; options.num_predict, and options.num_ctx because the
 * server holds far less than the model could, and cuts the front off a longer prompt without a
 * word; truncate:false makes it say so where it knows that word. Where it does not, its count of
 * the prompt's tokens tells: one for more than CUT_BYTES bytes is no count of all of it. keep_alive
 * is sent when it is configured. Prefixes are cached by themselves, in the model's memory.
 *
 * Stream: {"message": {"content"}, "done": false}*, then one with done:true, done_reason and
 * counts, which are absent when they are 0; prompt_eval_count includes what was cached. A line
 * {"error"} in it is a failure although the status was 200. thinking and tool_calls are not text.
 */

#include <jansson.h>

#include "common/json.h"
#include "common/str.h"
#include "daemon/provider/dialects.h"

#define CUT_BYTES 6    /* of prompt for each token: no text that we send has so many */
#define CUT_LEAST 2000 /* bytes: below, the frame of the messages counts for too much */

/* ---- request ---- */

/* "10m" as it stands; -1 and such are numbers. */
static int write_keep_alive(const struct manner *m, struct buf *out)
{
        int64_t n;

        if (!m->keep_alive)
                return 0;
        (void)buf_add_text(out, ",\"keep_alive\":");
        return str_to_i64(m->keep_alive, &n) == 0 ? buf_printf(out, "%lld", (long long)n)
                                                  : json_write_string(out, span_of(m->keep_alive));
}

static int begin(const char *model, const struct manner *m, struct buf *out)
{
        int k;

        (void)buf_add_text(out, "{\"model\":");
        k = json_write_string(out, span_of(model));
        return k < 0 ? k : write_keep_alive(m, out);
}

static int write_body(const struct request *r, const struct manner *m, struct buf *out)
{
        int k = begin(r->model, m, out);

        if (k < 0)
                return k;
        (void)buf_printf(out,
                         ",\"stream\":true,\"truncate\":false,\"options\":{\"num_ctx\":%llu,"
                         "\"num_predict\":%llu},\"messages\":[",
                         (unsigned long long)m->context, (unsigned long long)r->max_tokens);
        k = chat_write_messages(r, out);
        if (k < 0)
                return k;
        return buf_add_text(out, "]}");
}

/* No message: the model is loaded and nothing is said. The context must be that of the requests, or
 * it would be loaded again. */
static int write_load(const char *model, const struct manner *m, struct buf *out)
{
        int k = begin(model, m, out);

        if (k < 0)
                return k;
        return buf_printf(out, ",\"stream\":false,\"options\":{\"num_ctx\":%llu},\"messages\":[]}",
                          (unsigned long long)m->context);
}

/* ---- errors ---- */

static const struct {
        unsigned status;
        enum failure_id id;
        bool is_retryable;
} statuses[] = {
        {400, FAILURE_BAD_REQUEST, false},     {401, FAILURE_KEY_REFUSED, false},
        {402, FAILURE_BILLING, false},         {403, FAILURE_KEY_REFUSED, false},
        {404, FAILURE_MODEL_NOT_FOUND, false}, {408, FAILURE_OVERLOADED, true},
        {409, FAILURE_OVERLOADED, true},       {413, FAILURE_TOO_LONG, false},
        {429, FAILURE_RATE_LIMITED, true},
};

/* The meaning stands in the sentence, whatever the status. */
static const struct {
        const char *words;
        enum failure_id id;
        bool is_retryable;
} hints[] = {
        {"context length", FAILURE_TOO_LONG, false},
        {"exceeds the available context", FAILURE_TOO_LONG, false},
        {"more system memory", FAILURE_BAD_CONFIG, false},
        {"usage limit", FAILURE_SPEND_LIMIT, false},
};

/* error: a sentence, or {"message"}, or NULL. */
static struct failure *explain(unsigned status, const json_t *error, bool *ret_is_retryable)
{
        const char *message =
                json_is_string(error) ? json_string_value(error) : json_get_text(error, "message");
        bool is_theirs = status == 0 || status >= 500;
        enum failure_id id = is_theirs ? FAILURE_OVERLOADED : FAILURE_BAD_REQUEST;

        *ret_is_retryable = is_theirs;
        for (size_t i = 0; i < N_ELEMENTS(statuses); i++)
                if (statuses[i].status == status) {
                        id = statuses[i].id;
                        *ret_is_retryable = statuses[i].is_retryable;
                }
        for (size_t i = 0; message && i < N_ELEMENTS(hints); i++)
                if (strcasestr(message, hints[i].words)) {
                        id = hints[i].id;
                        *ret_is_retryable = hints[i].is_retryable;
                        break;
                }
        return dialect_failure(id, status, message, error);
}

static int read_error(const struct error_answer *e, struct failure **ret, struct advice *ret_advice)
{
        _cleanup_json_ json_t *body = NULL;
        struct failure *failure;
        struct advice a;

        advice_init(&a);
        body = json_loadb(e->body.at, e->body.n, JSON_ALLOW_NUL, NULL);
        failure = explain(e->status, json_object_get(body, "error"), &a.is_retryable);
        if (!failure)
                return -ENOMEM;
        if (a.is_retryable)
                advice_read_headers(&a, e);
        *ret = failure;
        *ret_advice = a;
        return 0;
}

static void read_limits(header_fn *header _unused_, void *arg _unused_, uint64_t now_ms _unused_,
                        struct advice *into _unused_)
{
}

/* ---- stream ---- */

static void read_usage(struct reading *r, const json_t *line)
{
        struct usage *u = &r->usage;

        if (!json_get_u64(line, "prompt_eval_count", &u->input) || u->input == 0)
                return; /* no prompt has no tokens: it is not told */
        if (!json_get_u64(line, "eval_count", &u->output))
                u->output = 0;
        u->is_known = true;
}

/* The front of the prompt is gone, and what was answered is an answer to something else. */
static int check_cut(struct reading *r)
{
        struct failure *f;

        if (!r->usage.is_known || r->n_prompt_bytes < CUT_LEAST ||
            r->usage.input * CUT_BYTES >= r->n_prompt_bytes)
                return 0;
        f = failure_new(
                FAILURE_TOO_LONG,
                "the server read only %llu tokens of a prompt of %zu bytes: its model holds "
                "less than the %llu that were asked for",
                (unsigned long long)r->usage.input, r->n_prompt_bytes,
                (unsigned long long)r->context);
        if (f && failure_set_remedy(f, "use a model with a larger context, or split the input") < 0)
                f = failure_free(f);
        return reading_fail(r, f, false);
}

static int read_done(struct reading *r, const json_t *line)
{
        const char *reason = json_get_text(line, "done_reason");
        int k;

        r->stop = str_is_equal(reason, "length")            ? STOP_LENGTH
                  : !reason || str_is_equal(reason, "stop") ? STOP_END
                                                            : STOP_OTHER;
        r->has_stop = true;
        read_usage(r, line);
        k = reading_end_answer(r);
        if (k == 0)
                k = check_cut(r);
        r->is_ended = !r->failure;
        return k;
}

static int read_line(const char *type _unused_, struct span data, void *arg)
{
        struct reading *r = arg;
        _cleanup_json_ json_t *line = NULL;
        const json_t *error, *text;
        json_error_t why;
        bool is_retryable;
        int k = 0;

        if (r->is_ended || r->failure)
                return 0;
        line = json_loadb(data.at, data.n, JSON_ALLOW_NUL, &why);
        if (!line && json_error_code(&why) == json_error_out_of_memory)
                return -ENOMEM;
        if (!json_is_object(line))
                return reading_fail(r,
                                    failure_new(FAILURE_BAD_ANSWER,
                                                "a line of the server's answer cannot be read"),
                                    true);
        error = json_object_get(line, "error");
        if (error && !json_is_null(error)) {
                struct failure *failure = explain(0, error, &is_retryable);

                return reading_fail(r, failure, is_retryable);
        }
        r->is_started = true;
        text = json_object_get(json_object_get(line, "message"), "content");
        if (json_is_string(text))
                k = reading_add_answer(
                        r, (struct span){json_string_value(text), json_string_length(text)});
        return k == 0 && json_get_bool(line, "done", false) ? read_done(r, line) : k;
}

/* Lines that begin with a brace are events of their own to the reader of event streams. */
static int read_bytes(struct reading *r, struct span bytes)
{
        int k = sse_feed(&r->sse, bytes, read_line, r);

        if (k == -EMSGSIZE)
                return reading_fail(
                        r, failure_new(FAILURE_BAD_ANSWER, "the server's answer is too large"),
                        false);
        return k;
}

static int read_end(struct reading *r)
{
        return sse_end(&r->sse, read_line, r);
}

const struct dialect dialect_ollama = {
        .name = "ollama",
        .root = "",
        .path = "/api/chat",
        .list_path = "/api/tags",
        .pull = "ollama pull ",
        .wants_context = true,
        .is_key_needed = true,
        .key_host = "//ollama.com",
        .write_head = chat_write_head, /* its own cloud wants a key; a desk's ignores it */
        .write_body = write_body,
        .write_load = write_load,
        .read = read_bytes,
        .read_end = read_end,
        .read_error = read_error,
        .read_limits = read_limits,
};
