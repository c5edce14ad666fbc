#include "daemon/input/kinds.h"
#include "daemon/work/plan.h"

/* One question, one text. */

#define ASK_MAX_TOKENS 1000000u /* above what any model writes */

enum { FIELD_KIND = 1, FIELD_PROMPT, FIELD_SYSTEM, FIELD_TIER, FIELD_MAX_TOKENS };

static const struct input_field fields[] = {
        {"prompt", JSON_STRING, true},
        {"system", JSON_STRING, false},
        {"tier", JSON_STRING, false},
        {"max_tokens", JSON_INTEGER, false},
};

struct question {
        const char *prompt, *system, *tier;
        uint64_t max_tokens;
};

static int decode(const json_t *params, struct question *ret, struct failure **ret_failure)
{
        const json_t *input, *max_tokens;
        struct question q = {.tier = "balanced"};
        enum tier tier;
        int r;

        r = kind_input(params, fields, N_ELEMENTS(fields), &input, ret_failure);
        if (r != 0)
                return r;
        q.prompt = json_get_text(input, "prompt");
        q.system = json_get_text(input, "system");
        if (q.prompt[strspn(q.prompt, " \t\r\n")] == '\0')
                return kind_refuse(ret_failure, "/params/input/prompt", "`prompt` is empty");
        if (json_get_text(input, "tier"))
                q.tier = json_get_text(input, "tier");
        if (tier_from_name(q.tier, &tier) < 0)
                return kind_refuse(ret_failure, "/params/input/tier",
                                   "`tier` must be fast, balanced or quality");
        max_tokens = json_object_get(input, "max_tokens");
        if (max_tokens) {
                json_int_t n = json_integer_value(max_tokens);

                if (n < 1 || n > ASK_MAX_TOKENS)
                        return kind_refuse(ret_failure, "/params/input/max_tokens",
                                           "`max_tokens` must be from 1 to %u", ASK_MAX_TOKENS);
                q.max_tokens = (uint64_t)n;
        }
        *ret = q;
        return 0;
}

static int need(const json_t *params, struct strlist *ret_paths, struct failure **ret_failure)
{
        struct question q = {0};

        (void)ret_paths;
        return decode(params, &q, ret_failure);
}

static int add_input(struct task *t, const char *name, const char *value)
{
        struct task_input *in = &t->inputs[t->n_inputs];

        in->name = str_dup_span(span_of(name));
        if (!in->name)
                return -ENOMEM;
        hash_of(value, strlen(value), &in->hash);
        t->n_inputs++;
        return 0;
}

static int fill(struct work *w, const struct question *q)
{
        struct task *t = w->tasks;
        struct canon *c;
        int r;

        t->max_tokens = q->max_tokens;
        t->inputs = calloc(3, sizeof(*t->inputs));
        if (!t->inputs)
                return -ENOMEM;
        r = add_input(t, "prompt", q->prompt);
        if (r == 0 && q->system)
                r = add_input(t, "system", q->system);
        if (r == 0)
                r = add_input(t, "tier", q->tier);
        if (r == 0 && q->system)
                r = kind_add_block(w, BLOCK_PROMPT, q->system);
        if (r == 0)
                r = kind_add_block(w, BLOCK_TASK, q->prompt);
        if (r == 0)
                r = canon_new(1, &c);
        if (r < 0)
                return r;
        canon_add_text(c, FIELD_KIND, t->kind);
        canon_add_text(c, FIELD_PROMPT, q->prompt);
        canon_add_text(c, FIELD_SYSTEM, q->system);
        canon_add_text(c, FIELD_TIER, q->tier);
        canon_add_u64(c, FIELD_MAX_TOKENS, q->max_tokens);
        canon_get(c, &t->static_key);
        canon_free(c);
        return 0;
}

static int read_work(const struct input *in, struct work **ret, struct failure **ret_failure)
{
        _cleanup_(work_freep) struct work *w = NULL;
        struct question q = {0};
        int r;

        r = decode(in->params, &q, ret_failure);
        if (r != 0)
                return r;
        r = kind_one_text("ask", "answer", q.tier, &w);
        if (r == 0)
                r = fill(w, &q);
        if (r < 0)
                return r;
        *ret = take(w);
        return 0;
}

const struct job_kind job_kind_ask = {
        .name = "ask", .is_small = true, .is_interactive = true, .need = need, .read = read_work};
