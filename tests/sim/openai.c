/* The dialect "OpenAI Chat Completions": reads and judges requests, for OpenAI and for the servers
 * that speak it too (--flavour). Source: the API reference and the servers' documentation as of
 * 2026-11. The rest of it is openai-write.c. */

#include "tests/sim/openai.h"

#include <stdio.h>

#include "common/json.h"
#include "common/str.h"

#define STEP_OPENAI 128 /* tokens: what is cached is told in steps */
#define STEP_LOCAL 16   /* a block of a server that caches blocks */
#define TTL_IMPLICIT_USEC (600ull * 1000000)
#define TTL_LOCAL_USEC                                                             \
        (86400ull * 1000000) /* until the memory is needed, which here it never is \
                              */
#define MARKS_MAX 4

#define INVALID(ret, ...) refusal_set(ret, 400, "invalid_request_error", __VA_ARGS__)

bool openai_is_local(const struct sim *s)
{
        return s->options.flavour != FLAVOUR_OPENAI;
}

static int check_head(const struct sim *s, const struct http_request *r, const char **ret_key,
                      struct refusal *ret)
{
        const char *bearer = http_get_header(r, "authorization");
        const char *key = str_has_prefix(bearer ? bearer : "", "Bearer ") ? bearer + 7 : "";
        bool is_known = s->options.n_keys == 0;

        *ret_key = key;
        if (openai_is_local(s) && s->options.n_keys == 0)
                return 0;
        for (size_t i = 0; i < s->options.n_keys; i++)
                is_known |= str_is_equal(s->options.keys[i], key);
        if (*key && is_known)
                return 0;
        (void)refusal_set(
                ret, 401, "invalid_request_error",
                *key ? "Incorrect API key provided."
                     : "You didn't provide an API key. Send it as Authorization: Bearer.");
        ret->code = *key ? "invalid_api_key" : NULL;
        return CONDITION_REFUSED;
}

static int check_known(const json_t *body, struct refusal *ret)
{
        static const char *const known[] = {
                "model",
                "messages",
                "stream",
                "stream_options",
                "max_tokens",
                "max_completion_tokens",
                "temperature",
                "top_p",
                "n",
                "stop",
                "seed",
                "response_format",
                "tools",
                "tool_choice",
                "reasoning_effort",
                "verbosity",
                "service_tier",
                "store",
                "metadata",
                "user",
                "prompt_cache_key",
                "prompt_cache_options",
                "prompt_cache_retention",
                "safety_identifier",
        };
        const char *name;
        json_t *value;

        json_object_foreach ((json_t *)body, name, value) {
                bool is_known = false;

                for (size_t i = 0; i < N_ELEMENTS(known); i++)
                        is_known |= str_is_equal(name, known[i]);
                if (!is_known)
                        return INVALID(ret, "Unrecognized request argument supplied: %.100s", name);
        }
        return 0;
}

/* Parameters that only some models take. */
static int check_model(const json_t *body, const struct prompt *p, struct refusal *ret)
{
        const json_t *temperature = json_object_get(body, "temperature");

        if (p->model->is_strict && json_object_get(body, "max_tokens")) {
                (void)INVALID(ret, "Unsupported parameter: 'max_tokens' is not supported with this "
                                   "model. Use 'max_completion_tokens' instead.");
                ret->code = "unsupported_parameter";
                ret->param = "max_tokens";
                return CONDITION_REFUSED;
        }
        if (p->model->is_strict && temperature && json_number_value(temperature) != 1.0) {
                (void)INVALID(ret, "Unsupported value: 'temperature' does not support this value "
                                   "with this model. Only the default (1) value is supported.");
                ret->code = "unsupported_value";
                ret->param = "temperature";
                return CONDITION_REFUSED;
        }
        if (!p->model->is_marked && json_object_get(body, "prompt_cache_options"))
                return INVALID(ret, "Unknown parameter: 'prompt_cache_options' for this model.");
        return 0;
}

static int find_model(const struct sim *s, struct prompt *p, struct refusal *ret)
{
        enum flavour flavour = s->options.flavour;

        p->model = sim_model_find(openai_is_local(s) ? MAKER_LOCAL : MAKER_OPENAI, p->model_name);
        /* One model, whatever it is called. */
        if (!p->model && flavour == FLAVOUR_LLAMACPP)
                p->model = sim_model_at(MAKER_LOCAL, 0);
        if (p->model)
                return 0;
        if (flavour == FLAVOUR_OLLAMA)
                return refusal_set(ret, 404, "not_found_error", "model '%.100s' not found",
                                   p->model_name);
        if (flavour == FLAVOUR_VLLM)
                return refusal_set(ret, 404, "NotFoundError", "The model `%.100s` does not exist.",
                                   p->model_name);
        if (flavour == FLAVOUR_LMSTUDIO)
                return refusal_set(ret, 404, "invalid_request_error", "Model \"%.100s\" not found.",
                                   p->model_name);
        (void)refusal_set(ret, 404, "invalid_request_error",
                          "The model `%.100s` does not exist or you do not have access to it.",
                          p->model_name);
        ret->code = "model_not_found";
        return CONDITION_REFUSED;
}

static int read_limit(const struct sim *s, const json_t *body, struct prompt *p,
                      struct refusal *ret)
{
        const json_t *limit = json_object_get(body, "max_completion_tokens");

        /* Ollama knows max_tokens only. */
        if (!limit || s->options.flavour == FLAVOUR_OLLAMA)
                limit = json_object_get(body, "max_tokens");
        if (limit && (!json_is_integer(limit) || json_integer_value(limit) < 1))
                return INVALID(ret,
                               "Invalid 'max_completion_tokens': a positive integer is wanted.");
        p->max_tokens = limit ? (uint64_t)json_integer_value(limit) : p->model->max_output;
        if (!openai_is_local(s) && p->max_tokens > p->model->max_output)
                return INVALID(ret,
                               "max_tokens is too large: %llu. This model supports at most %llu "
                               "completion tokens.",
                               (unsigned long long)p->max_tokens,
                               (unsigned long long)p->model->max_output);
        return 0;
}

static int check_fields(const struct sim *s, const json_t *body, struct prompt *p,
                        struct refusal *ret)
{
        const json_t *options = json_object_get(body, "stream_options");
        int r;

        if (!json_is_object(body))
                return INVALID(ret, "We could not parse the JSON body of your request.");
        p->model_name = json_get_text(body, "model");
        if (!p->model_name)
                return INVALID(ret, "you must provide a model parameter");
        if (!json_array_size(json_object_get(body, "messages")))
                return INVALID(ret, "Missing required parameter: 'messages'.");
        p->is_stream = json_get_bool(body, "stream", false);
        if (options && !p->is_stream)
                return INVALID(ret,
                               "The 'stream_options' parameter is only allowed when 'stream' is "
                               "enabled.");
        p->wants_usage = json_get_bool(options, "include_usage", false);
        r = openai_is_local(s) ? 0 : check_known(body, ret);
        if (!r)
                r = find_model(s, p, ret);
        if (!r && !openai_is_local(s))
                r = check_model(body, p, ret);
        return r ? r : read_limit(s, body, p, ret);
}

static enum cache_mark mark_of(const json_t *part)
{
        return json_object_get(part, "prompt_cache_breakpoint") ? MARK_30M : MARK_NONE;
}

/* Of models whose cache wants marks: what is marked, and the end of all unless it is said not to.
 */
static int set_marks(const json_t *body, struct prompt *p, struct refusal *ret)
{
        const json_t *options = json_object_get(body, "prompt_cache_options");
        const char *mode = json_get_text(options, "mode"), *ttl = json_get_text(options, "ttl");
        bool is_explicit = str_is_equal(mode, "explicit");
        size_t n = 0;

        if (ttl && !str_is_equal(ttl, "30m"))
                return INVALID(ret,
                               "Invalid value for 'prompt_cache_options.ttl': '30m' is the only "
                               "value.");
        if (mode && !is_explicit && !str_is_equal(mode, "implicit"))
                return INVALID(ret, "Invalid value for 'prompt_cache_options.mode'.");
        for (size_t i = 0; i < p->n_parts; i++)
                n += p->parts[i].mark != MARK_NONE;
        if (n > MARKS_MAX)
                return INVALID(ret, "At most %d prompt cache breakpoints may be written.",
                               MARKS_MAX);
        if (!is_explicit && p->parts[p->n_parts - 1].mark == MARK_NONE)
                p->parts[p->n_parts - 1].mark = MARK_WHOLE;
        return 0;
}

/* What a server says that is given more than it holds. */
static int say_too_long(const struct sim *s, struct prompt *p, uint64_t window, struct refusal *ret)
{
        unsigned long long n = p->n_tokens, max = window;

        switch (s->options.flavour) {
        case FLAVOUR_LLAMACPP:
                (void)refusal_set(ret, 400, "exceed_context_size_error",
                                  "request (%llu tokens) exceeds the available context size (%llu "
                                  "tokens), try increasing it",
                                  n, max);
                (void)snprintf(ret->extra, sizeof(ret->extra),
                               ",\"n_prompt_tokens\":%llu,\"n_ctx\":%llu", n, max);
                return CONDITION_REFUSED;
        case FLAVOUR_VLLM:
                return refusal_set(ret, 400, "BadRequestError",
                                   "This model's maximum context length is %llu tokens. However, "
                                   "your request has %llu input tokens.",
                                   max, n);
        case FLAVOUR_OLLAMA:
                prompt_cut_front(p, window / 2);
                return 0;
        case FLAVOUR_LMSTUDIO: /* nothing comes, and nothing is said */
                p->max_tokens = 0;
                return 0;
        case FLAVOUR_OPENAI:
        case N_FLAVOURS:
                break;
        }
        (void)INVALID(ret,
                      "This model's maximum context length is %llu tokens. However, your messages "
                      "resulted in %llu tokens.",
                      max, n);
        ret->code = "context_length_exceeded";
        ret->param = "messages";
        return CONDITION_REFUSED;
}

static int read_request(struct sim *s, const char *path _unused_, const json_t *body,
                        const char *scope, struct prompt *ret, struct refusal *ret_refusal)
{
        bool is_local = openai_is_local(s), is_marked;
        uint64_t window, step;
        int r;

        r = check_fields(s, body, ret, ret_refusal);
        if (r)
                return r;
        is_marked = !is_local && ret->model->is_marked;
        window = is_local && s->options.context ? s->options.context : ret->model->window;
        ret->context = is_local ? window : 0;
        ret->keep_alive_ms = 3600000;
        r = prompt_add_messages(ret, json_object_get(body, "messages"), is_marked ? mark_of : NULL,
                                ret_refusal);
        if (!r && is_marked)
                r = set_marks(body, ret, ret_refusal);
        if (!r && ret->n_tokens > window)
                r = say_too_long(s, ret, window, ret_refusal);
        step = is_marked ? 0 : is_local ? STEP_LOCAL : STEP_OPENAI;
        return r ? r : prompt_index(ret, scope, step, ret->model->cache_minimum);
}

static void account(struct sim *s, const struct prompt *p, uint64_t now_usec, bool is_missing,
                    struct cache_usage *ret, struct cache_ticket *ret_ticket)
{
        if (p->model->is_marked)
                cache_account(s->cache, p->positions, p->n_positions, p->n_tokens,
                              p->model->cache_minimum, now_usec, is_missing, ret, ret_ticket);
        else
                cache_account_steps(s->cache, p->positions, p->n_positions, p->n_tokens,
                                    openai_is_local(s) ? TTL_LOCAL_USEC : TTL_IMPLICIT_USEC,
                                    now_usec, is_missing, ret, ret_ticket);
}

/* In advance, whatever was cached: the larger of what is read and what may be written. */
static uint64_t charge(const struct prompt *p, const struct cache_usage *u _unused_)
{
        return MAX2(p->n_tokens, p->max_tokens);
}

const struct sim_dialect sim_openai = {
        .name = "openai",
        .paths = (const char *const[]){"/v1/chat/completions", NULL},
        .stream_type = "text/event-stream; charset=utf-8",
        .check_head = check_head,
        .read = read_request,
        .account = account,
        .charge = charge,
        .add_headers = openai_add_headers,
        .add_limits = openai_add_limits,
        .explain = openai_explain,
        .say_limited = openai_say_limited,
        .write_error = openai_write_error,
        .write_opening = openai_write_opening,
        .write_text = openai_write_text,
        .write_closing = openai_write_closing,
        .write_noise = openai_write_noise,
        .write_break = openai_write_break,
        .write_whole = openai_write_whole,
};
