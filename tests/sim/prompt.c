#include "tests/sim/prompt.h"

#include "common/json.h"
#include "common/str.h"
#include "tests/sim/dialect.h"
#include "tests/sim/tokens.h"

#define MESSAGE_TOKENS 4 /* framing of a message */
#define PARTS_MAX 10000u
#define POSITIONS_MAX 100000u /* a million tokens in steps of 16 would be 62500 */

int prompt_add(struct prompt *p, enum prompt_role role, struct span text, enum cache_mark mark)
{
        if (p->n_parts == p->room) {
                size_t room = p->room ? p->room * 2 : 16;
                struct prompt_part *parts =
                        room <= PARTS_MAX * 2 ? realloc(p->parts, room * sizeof(*parts)) : NULL;

                if (!parts)
                        return -ENOMEM;
                p->parts = parts;
                p->room = room;
        }
        p->parts[p->n_parts++] = (struct prompt_part){role, text, mark};
        p->n_tokens += MESSAGE_TOKENS + tokens_count(text, p->model->is_dense);
        return 0;
}

static const struct {
        const char *name;
        enum prompt_role role;
} roles[] = {{"system", ROLE_SYSTEM},
             {"developer", ROLE_SYSTEM},
             {"user", ROLE_USER},
             {"assistant", ROLE_ASSISTANT},
             {"tool", ROLE_TOOL}};

static int add_parts(struct prompt *p, enum prompt_role role, const json_t *content,
                     enum cache_mark (*mark_of)(const json_t *part), struct refusal *ret)
{
        int r = 0;

        for (size_t i = 0; i < json_array_size(content) && !r; i++) {
                const json_t *part = json_array_get(content, i),
                             *text = json_object_get(part, "text");

                if (!str_is_equal(json_get_text(part, "type"), "text") || !json_is_string(text))
                        return refusal_set(ret, 400, "invalid_request_error",
                                           "Invalid content part %zu: a text is wanted.", i);
                r = prompt_add(p, role,
                               (struct span){json_string_value(text), json_string_length(text)},
                               mark_of ? mark_of(part) : MARK_NONE);
        }
        return r;
}

int prompt_add_messages(struct prompt *p, const json_t *messages,
                        enum cache_mark (*mark_of)(const json_t *part), struct refusal *ret)
{
        int r = 0;

        for (size_t i = 0; i < json_array_size(messages) && !r; i++) {
                const json_t *m = json_array_get(messages, i),
                             *content = json_object_get(m, "content");
                const char *name = json_get_text(m, "role");
                size_t k = 0;

                while (k < N_ELEMENTS(roles) && !str_is_equal(roles[k].name, name))
                        k++;
                if (k == N_ELEMENTS(roles))
                        return refusal_set(
                                ret, 400, "invalid_request_error",
                                "Invalid value: '%.40s'. Supported values are: 'system', "
                                "'assistant', 'user' and 'tool'.",
                                name ? name : "");
                if (json_is_string(content))
                        r = prompt_add(p, roles[k].role,
                                       (struct span){json_string_value(content),
                                                     json_string_length(content)},
                                       MARK_NONE);
                else if (json_array_size(content))
                        r = add_parts(p, roles[k].role, content, mark_of, ret);
                else
                        return refusal_set(ret, 400, "invalid_request_error",
                                           "Invalid value for 'content': expected a string.");
        }
        return r;
}

void prompt_cut_front(struct prompt *p, uint64_t n_tokens_kept)
{
        uint64_t n_gone = p->n_tokens - MIN2(p->n_tokens, n_tokens_kept), n = n_gone;

        for (size_t i = 0; i < p->n_parts && n > 0; i++) {
                struct span *s = &p->parts[i].text;
                size_t at = 0;

                n -= MIN2(n, (uint64_t)MESSAGE_TOKENS);
                for (; at < s->n && n > 0; n--)
                        at = token_end(*s, at, p->model->is_dense);
                *s = (struct span){s->at + at, s->n - at};
        }
        p->n_tokens -= n_gone;
}

static int add_position(struct prompt *p, XXH3_state_t *hash, uint64_t tokens, enum cache_mark mark)
{
        if (p->n_positions == p->positions_room) {
                size_t room = p->positions_room ? p->positions_room * 2 : 64;
                struct cache_position *at = room <= POSITIONS_MAX * 2
                                                    ? realloc(p->positions, room * sizeof(*at))
                                                    : NULL;

                if (!at)
                        return -ENOMEM;
                p->positions = at;
                p->positions_room = room;
        }
        p->positions[p->n_positions++] =
                (struct cache_position){XXH3_128bits_digest(hash), tokens, mark};
        return 0;
}

/* Adds the part's text to the digest, with a position at each step. */
static int index_steps(struct prompt *p, XXH3_state_t *hash, struct span s, uint64_t step,
                       uint64_t minimum, uint64_t *n)
{
        size_t from = 0, at = 0;
        int r = 0;

        while (at < s.n && !r) {
                at = token_end(s, at, p->model->is_dense);
                (*n)++;
                if (*n % step || *n < minimum)
                        continue;
                XXH3_128bits_update(hash, s.at + from, at - from);
                from = at;
                r = add_position(p, hash, *n, MARK_NONE);
        }
        XXH3_128bits_update(hash, s.at + from, s.n - from);
        return r;
}

int prompt_index(struct prompt *p, const char *scope, uint64_t step, uint64_t minimum)
{
        XXH3_state_t *hash = XXH3_createState();
        uint64_t n = 0;
        int r = 0;

        if (!hash)
                return -ENOMEM;
        XXH3_128bits_reset(hash);
        XXH3_128bits_update(hash, scope, strlen(scope) + 1);
        XXH3_128bits_update(hash, p->model_name, strlen(p->model_name) + 1);
        for (size_t i = 0; i < p->n_parts && !r; i++) {
                const struct prompt_part *part = &p->parts[i];
                uint8_t tag = (uint8_t)part->role;

                XXH3_128bits_update(hash, &tag, 1);
                n += MESSAGE_TOKENS;
                if (step) {
                        r = index_steps(p, hash, part->text, step, minimum, &n);
                        continue;
                }
                XXH3_128bits_update(hash, &part->text.n, sizeof(part->text.n));
                XXH3_128bits_update(hash, part->text.at, part->text.n);
                n += tokens_count(part->text, p->model->is_dense);
                r = add_position(p, hash, n, part->mark);
        }
        XXH3_freeState(hash);
        return r;
}
