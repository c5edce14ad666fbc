#include "tests/sim/anthropic.h"

#include <stdio.h>

#include "common/json.h"
#include "common/str.h"
#include "tests/sim/tokens.h"

#define MESSAGE_TOKENS 4 /* framing of a message, and of the request */
#define TOOL_TOKENS 346  /* the hidden system prompt that comes with tools */
#define PARTS_MAX 10000u /* blocks in a request */

#define refuse(ret, status, type, ...) refusal_set(ret, status, type, __VA_ARGS__)
#define INVALID(ret, ...) refuse(ret, 400, "invalid_request_error", __VA_ARGS__)

static int check_betas(const char *header, struct refusal *ret)
{
        static const char *const known[] = {
                "prompt-caching-2024-07-31",
                "extended-cache-ttl-2025-04-11",
                "token-counting-2024-11-01",
                "message-batches-2024-09-24",
                "structured-outputs-2025-11-13",
                "cache-diagnosis-2026-04-07",
                "thinking-binding-controls-2026-08-01",
                "fast-mode-2026-02-01",
                "mid-conversation-tool-changes-2026-07-01",
                "compact-2026-01-12",
                "server-side-fallback-2026-07-01",
                "task-budgets-2026-03-13",
                "output-300k-2026-03-24",
                "context-1m-2025-08-07",
                "context-management-2025-06-27",
                "interleaved-thinking-2025-05-14",
        };
        _cleanup_free_ char *copy = strdup(header);
        char *at = copy, *word;

        if (!copy)
                return -ENOMEM;
        while ((word = strsep(&at, ","))) {
                bool is_known = false;

                word += strspn(word, " ");
                word[strcspn(word, " ")] = '\0';
                for (size_t i = 0; i < N_ELEMENTS(known); i++)
                        is_known |= str_is_equal(word, known[i]);
                if (!is_known)
                        return INVALID(ret,
                                       "Unexpected value(s) `%.200s` for the `anthropic-beta` "
                                       "header. Please consult our documentation at "
                                       "docs.claude.com or try again without the header.",
                                       word);
        }
        return 0;
}

int anthropic_check_head(const struct sim *s, const struct http_request *r, const char **ret_key,
                         struct refusal *ret)
{
        const char *key = http_get_header(r, "x-api-key"),
                   *bearer = http_get_header(r, "authorization");
        const char *version = http_get_header(r, "anthropic-version"),
                   *betas = http_get_header(r, "anthropic-beta");
        bool is_known = s->options.n_keys == 0;

        if (key && bearer)
                return refuse(ret, 401, "authentication_error",
                              "only one of x-api-key and authorization may be sent");
        if (bearer && !str_has_prefix(bearer, "Bearer "))
                return refuse(ret, 401, "authentication_error", "invalid authorization header");
        if (bearer)
                key = bearer + 7;
        if (!key || !*key)
                return refuse(ret, 401, "authentication_error", "x-api-key header is required");
        for (size_t i = 0; i < s->options.n_keys; i++)
                is_known |= str_is_equal(s->options.keys[i], key);
        if (!is_known)
                return refuse(ret, 401, "authentication_error", "invalid x-api-key");
        if (!version)
                return INVALID(ret, "anthropic-version: header is required");
        if (!str_is_equal(version, "2023-06-01") && !str_is_equal(version, "2023-01-01"))
                return INVALID(ret, "anthropic-version: \"%.100s\" is not a valid version",
                               version);
        *ret_key = key;
        return betas ? check_betas(betas, ret) : 0;
}

static int check_fields(const json_t *body, bool is_count, struct refusal *ret)
{
        static const char *const known[] = {
                "model",
                "max_tokens",
                "messages",
                "system",
                "tools",
                "tool_choice",
                "stream",
                "stop_sequences",
                "metadata",
                "temperature",
                "top_p",
                "top_k",
                "thinking",
                "output_config",
                "service_tier",
                "inference_geo",
                "container",
                "cache_control",
                "context_management",
                "diagnostics",
                "fallbacks",
                "speed",
                "mcp_servers",
        };
        const char *name;
        json_t *value;

        if (!json_is_object(body))
                return INVALID(ret, "The request body must be a JSON object");
        json_object_foreach ((json_t *)body, name, value) {
                bool is_known = false;

                for (size_t i = 0; i < N_ELEMENTS(known); i++)
                        is_known |= str_is_equal(name, known[i]);
                if (!is_known || (is_count && (str_is_equal(name, "max_tokens") ||
                                               str_is_equal(name, "stream"))))
                        return INVALID(ret, "%.100s: Extra inputs are not permitted", name);
        }
        if (!json_is_string(json_object_get(body, "model")))
                return INVALID(ret, "model: Field required");
        value = json_object_get(body, "max_tokens");
        if (!is_count && !value)
                return INVALID(ret, "max_tokens: Field required");
        if (value && (!json_is_integer(value) || json_integer_value(value) < 0))
                return INVALID(
                        ret,
                        "max_tokens: Input should be a valid integer, greater than or equal to 0");
        value = json_object_get(body, "stream");
        if (value && !json_is_boolean(value))
                return INVALID(ret, "stream: Input should be a valid boolean");
        if (!json_array_size(json_object_get(body, "messages")))
                return INVALID(ret, "messages: at least one message is required");
        return 0;
}

static int check_model(const json_t *body, const struct prompt *p, struct refusal *ret)
{
        static const char *const sampling[] = {"temperature", "top_p", "top_k"};
        const json_t *thinking = json_object_get(body, "thinking"),
                     *messages = json_object_get(body, "messages");
        const char *type = json_get_text(thinking, "type"),
                   *choice = json_get_text(json_object_get(body, "tool_choice"), "type");
        const json_t *last = json_array_get(messages, json_array_size(messages) - 1);

        if (p->max_tokens > p->model->max_output)
                return INVALID(ret,
                               "max_tokens: %llu > %llu, which is the maximum allowed number of "
                               "output tokens for %s",
                               (unsigned long long)p->max_tokens,
                               (unsigned long long)p->model->max_output, p->model_name);
        for (size_t i = 0; p->model->is_strict && i < N_ELEMENTS(sampling); i++) {
                const json_t *value = json_object_get(body, sampling[i]);

                if (value && !(i < 2 && json_is_number(value) && json_number_value(value) == 1.0))
                        return INVALID(ret, "`%s` is deprecated for this model.", sampling[i]);
        }
        if (p->model->is_strict && type &&
            (str_is_equal(type, "enabled") || json_object_get(thinking, "budget_tokens")))
                return INVALID(ret, "thinking.type: `enabled` with `budget_tokens` is not "
                                    "supported on this model; use `adaptive` with "
                                    "`output_config.effort`");
        if (p->model->is_thinking && str_is_equal(type, "disabled"))
                return INVALID(ret, "thinking.type: `disabled` is not supported on this model");
        if (!p->model->has_force && choice &&
            (str_is_equal(choice, "any") || str_is_equal(choice, "tool")))
                return INVALID(
                        ret,
                        "tool_choice: `%s` is not supported on this model; use `auto` or `none`",
                        choice);
        if (!p->model->has_prefill && str_is_equal(json_get_text(last, "role"), "assistant"))
                return INVALID(ret, "This model does not support assistant message prefill. The "
                                    "conversation must end with a user message.");
        if (p->max_tokens == 0 &&
            (p->is_stream || str_is_equal(type, "enabled") ||
             (choice && !str_is_equal(choice, "auto") && !str_is_equal(choice, "none")) ||
             json_object_get(json_object_get(body, "output_config"), "format")))
                return INVALID(ret, "max_tokens: 0 cannot be used with stream, thinking, forced "
                                    "tool_choice or output_config.format");
        return 0;
}

/* The walk over all blocks in the order of the cache: tools, system, messages. */
struct walk {
        struct prompt *p;
        struct refusal *refusal;
        XXH3_state_t *hash; /* owned by anthropic_read() */
        size_t n_marks;
        bool has_5m;
        bool is_dense;
        bool was_tool_run; /* the last position is a run of tool_use or tool_result blocks */
};

static int read_mark(struct walk *w, const json_t *block, const char *where, size_t i, size_t j,
                     enum cache_mark *ret)
{
        const json_t *control = json_object_get(block, "cache_control");
        const char *ttl = json_get_text(control, "ttl"), *type = json_get_text(control, "type");

        *ret = MARK_NONE;
        if (!control || json_is_null(control))
                return 0;
        if (!str_is_equal(type, "ephemeral"))
                return INVALID(w->refusal,
                               "%s.%zu.content.%zu.cache_control.type: Input should be 'ephemeral'",
                               where, i, j);
        if (ttl && !str_is_equal(ttl, "5m") && !str_is_equal(ttl, "1h"))
                return INVALID(w->refusal,
                               "%s.%zu.content.%zu.cache_control.ttl: Input should be '5m' or '1h'",
                               where, i, j);
        *ret = str_is_equal(ttl, "1h") ? MARK_1H : MARK_5M;
        w->n_marks++;
        if (*ret == MARK_1H && w->has_5m)
                return INVALID(w->refusal,
                               "%s.%zu.content.%zu.cache_control.ttl: a ttl='1h' cache_control "
                               "block must not come after a ttl='5m' "
                               "cache_control block. Note that blocks are processed in the "
                               "following order: `tools`, `system`, "
                               "`messages`.",
                               where, i, j);
        w->has_5m |= *ret == MARK_5M;
        return 0;
}

static int walk_add(struct walk *w, enum prompt_role role, struct span text, struct span bytes,
                    enum cache_mark mark, bool is_tool_run)
{
        struct prompt *p = w->p;
        uint8_t tag = (uint8_t)role;
        struct cache_position *at;

        if (p->n_parts == p->room) {
                size_t room = p->room ? p->room * 2 : 16;
                struct prompt_part *parts =
                        room <= PARTS_MAX * 2 ? realloc(p->parts, room * sizeof(*parts)) : NULL;

                if (!parts)
                        return -ENOMEM;
                p->parts = parts;
                at = realloc(p->positions, room * sizeof(*at));
                if (!at)
                        return -ENOMEM;
                p->positions = at;
                p->room = room;
        }
        p->parts[p->n_parts++] = (struct prompt_part){role, text, mark};
        p->n_tokens += tokens_count(bytes, w->is_dense);
        XXH3_128bits_update(w->hash, &tag, 1);
        XXH3_128bits_update(w->hash, &bytes.n, sizeof(bytes.n));
        XXH3_128bits_update(w->hash, bytes.at, bytes.n);
        if (!(is_tool_run && w->was_tool_run))
                p->n_positions++;
        w->was_tool_run = is_tool_run;
        at = &p->positions[p->n_positions - 1];
        *at = (struct cache_position){XXH3_128bits_digest(w->hash), p->n_tokens, mark};
        return 0;
}

/* A block that is no text, byte for byte as it came (keys in their order), less its mark. */
static int walk_other(struct walk *w, enum prompt_role role, const json_t *block,
                      enum cache_mark mark, bool is_tool_run)
{
        _cleanup_json_ json_t *bare = json_copy((json_t *)block);
        _cleanup_free_ char *text = NULL;

        if (bare)
                (void)json_object_del(bare, "cache_control");
        text = bare ? json_dumps(bare, JSON_COMPACT) : NULL;
        if (!text)
                return -ENOMEM;
        return walk_add(w, role, SPAN(""), span_of(text), mark, is_tool_run);
}

static int walk_block(struct walk *w, enum prompt_role role, const json_t *block, const char *where,
                      size_t i, size_t j)
{
        const char *type = json_get_text(block, "type");
        const json_t *text = json_object_get(block, "text");
        enum cache_mark mark;
        int r;

        if (!type)
                return INVALID(w->refusal, "%s.%zu.content.%zu.type: Field required", where, i, j);
        r = read_mark(w, block, where, i, j, &mark);
        if (r)
                return r;
        if (!str_is_equal(type, "text")) {
                if (mark &&
                    (str_is_equal(type, "thinking") || str_is_equal(type, "redacted_thinking")))
                        return INVALID(
                                w->refusal,
                                "%s.%zu.content.%zu.cache_control: Extra inputs are not permitted",
                                where, i, j);
                return walk_other(w, role, block, mark,
                                  str_is_equal(type, "tool_use") ||
                                          str_is_equal(type, "tool_result"));
        }
        if (!json_is_string(text))
                return INVALID(w->refusal, "%s.%zu.content.%zu.text: Field required", where, i, j);
        if (!json_string_length(text) && mark)
                return INVALID(w->refusal,
                               "%s.%zu.content.%zu.text: cache_control cannot be set for empty "
                               "text blocks",
                               where, i, j);
        if (!json_string_length(text))
                return INVALID(w->refusal, "%s: text content blocks must be non-empty", where);
        struct span s = {json_string_value(text), json_string_length(text)};
        return walk_add(w, role, s, s, mark, false);
}

static int walk_content(struct walk *w, enum prompt_role role, const json_t *content,
                        const char *where, size_t i)
{
        int r = 0;

        if (json_is_string(content)) {
                struct span s = {json_string_value(content), json_string_length(content)};

                if (!s.n)
                        return INVALID(w->refusal,
                                       "%s.%zu: all messages must have non-empty content", where,
                                       i);
                return walk_add(w, role, s, s, MARK_NONE, false);
        }
        if (!json_array_size(content))
                return INVALID(w->refusal, "%s.%zu: all messages must have non-empty content",
                               where, i);
        for (size_t j = 0; j < json_array_size(content) && !r; j++)
                r = walk_block(w, role, json_array_get(content, j), where, i, j);
        return r;
}

static int walk_messages(struct walk *w, const json_t *messages)
{
        int r = 0;

        for (size_t i = 0; i < json_array_size(messages) && !r; i++) {
                const json_t *m = json_array_get(messages, i);
                const char *role = json_get_text(m, "role");

                if (!str_is_equal(role, "user") && !str_is_equal(role, "assistant"))
                        return INVALID(w->refusal,
                                       "messages.%zu.role: Input should be 'user' or 'assistant'",
                                       i);
                if (i == 0 && !str_is_equal(role, "user"))
                        return INVALID(w->refusal,
                                       "messages: first message must use the \"user\" role");
                w->p->n_tokens += MESSAGE_TOKENS;
                r = walk_content(w, str_is_equal(role, "user") ? ROLE_USER : ROLE_ASSISTANT,
                                 json_object_get(m, "content"), "messages", i);
        }
        return r;
}

/* Top-level cache_control: the mark goes on the last block. */
static int walk_automatic(struct walk *w, const json_t *body)
{
        struct cache_position *last = &w->p->positions[w->p->n_positions - 1];
        enum cache_mark mark;
        int r = read_mark(w, body, "request", 0, 0, &mark);

        if (r || mark == MARK_NONE || last->mark == mark)
                return r;
        if (last->mark != MARK_NONE)
                return INVALID(
                        w->refusal,
                        "cache_control: the last block has a cache_control with another ttl");
        last->mark = mark;
        return 0;
}

static int walk_all(struct walk *w, const json_t *body)
{
        const json_t *tools = json_object_get(body, "tools"),
                     *system = json_object_get(body, "system");
        int r = 0;

        w->p->n_tokens = MESSAGE_TOKENS + (json_array_size(tools) ? TOOL_TOKENS : 0);
        for (size_t i = 0; i < json_array_size(tools) && !r; i++) {
                enum cache_mark mark;

                r = read_mark(w, json_array_get(tools, i), "tools", i, 0, &mark);
                if (!r)
                        r = walk_other(w, ROLE_TOOL, json_array_get(tools, i), mark, false);
        }
        if (!r && system && !(json_is_array(system) && !json_array_size(system)) &&
            !(json_is_string(system) && !json_string_length(system)))
                r = walk_content(w, ROLE_SYSTEM, system, "system", 0);
        if (!r)
                r = walk_messages(w, json_object_get(body, "messages"));
        if (!r)
                r = walk_automatic(w, body);
        if (!r && w->n_marks > CACHE_MARKS_MAX)
                return INVALID(
                        w->refusal,
                        "A maximum of 4 blocks with cache_control may be provided. Found %zu.",
                        w->n_marks);
        return r;
}

int anthropic_read(const json_t *body, const char *scope, bool is_count, struct prompt *ret,
                   struct refusal *ret_refusal)
{
        struct walk w = {.p = ret, .refusal = ret_refusal};
        const char *effort = json_get_text(json_object_get(body, "output_config"), "effort"),
                   *speed = json_get_text(body, "speed");
        int r;

        r = check_fields(body, is_count, ret_refusal);
        if (r)
                return r;
        ret->model_name = json_get_text(body, "model");
        ret->model = sim_model_find(MAKER_ANTHROPIC, ret->model_name);
        if (!ret->model)
                return refuse(ret_refusal, 404, "not_found_error", "model: %.200s",
                              ret->model_name);
        ret->is_stream = json_get_bool(body, "stream", false);
        ret->max_tokens =
                is_count ? 1 : (uint64_t)json_integer_value(json_object_get(body, "max_tokens"));
        r = check_model(body, ret, ret_refusal);
        if (r)
                return r;
        w.is_dense = ret->model->is_dense;
        w.hash = XXH3_createState();
        if (!w.hash)
                return -ENOMEM;
        XXH3_128bits_reset(w.hash);
        XXH3_128bits_update(w.hash, scope, strlen(scope) + 1);
        XXH3_128bits_update(w.hash, ret->model_name, strlen(ret->model_name) + 1);
        XXH3_128bits_update(w.hash, effort ? effort : "", effort ? strlen(effort) + 1 : 1);
        XXH3_128bits_update(w.hash, speed ? speed : "", speed ? strlen(speed) + 1 : 1);
        r = walk_all(&w, body);
        XXH3_freeState(w.hash);
        if (!r && ret->n_tokens > ret->model->window)
                return INVALID(ret_refusal, "prompt is too long: %llu tokens > %llu maximum",
                               (unsigned long long)ret->n_tokens,
                               (unsigned long long)ret->model->window);
        return r;
}
