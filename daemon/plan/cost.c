#include "daemon/plan/cost.h"

/* Without a first guess by the blueprint. */
#define EXPECTED_OUTPUT_BYTES 2000
/* A rendering, an edit, a look-up: milliseconds that do not count beside a call. */
#define STEP_WITHOUT_CALL_MS 1
#define FENCE_BYTES 12
#define USES_BYTES 24 /* `uses:` and `path:` around what they say */

enum text_class cost_text_class(const struct block *b)
{
        static const enum text_class classes[N_BLOCK_CLASSES] = {
                [BLOCK_STANDARDS] = TEXT_PROSE, [BLOCK_PROMPT] = TEXT_PROSE,
                [BLOCK_FACTS] = TEXT_DATA,      [BLOCK_INTERFACE] = TEXT_CODE,
                [BLOCK_TASK] = TEXT_CODE,       [BLOCK_EVIDENCE] = TEXT_PROSE,
                [BLOCK_ANSWER] = TEXT_PROSE,
        };

        /* The task of a file is a fenced block of names and paths, which take as many tokens as
         * code does; a question stands as it was asked. */
        if (b->class == BLOCK_TASK && !(b->n_text > 3 && memcmp(b->text, "```", 3) == 0))
                return TEXT_PROSE;
        return classes[b->class];
}

void estimate_add(struct estimate *sum, const struct estimate *e)
{
        sum->tokens.input += e->tokens.input;
        sum->tokens.cache_read += e->tokens.cache_read;
        sum->tokens.cache_write += e->tokens.cache_write;
        sum->tokens.output += e->tokens.output;
        sum->calls += e->calls;
        sum->nanousd += e->nanousd;
        sum->ms += e->ms;
}

uint64_t cost_expected_bytes(const struct task *t)
{
        return t->expected_output_bytes ? t->expected_output_bytes : EXPECTED_OUTPUT_BYTES;
}

/* Where the blueprint says nothing: declarations without bodies are about a fifth of a file. */
#define INTERFACE_SHARE_PERCENT 20

uint64_t cost_expected_interface(const struct task *t)
{
        uint64_t whole = cost_expected_bytes(t);

        if (t->expected_interface_bytes)
                return t->expected_interface_bytes;
        return t->extractor ? MAX2(whole * INTERFACE_SHARE_PERCENT / 100, (uint64_t)1) : whole;
}

/* A change is about ten lines with what they replace and their markers. */
#define EDITS_BYTES 150
#define CHANGE_BYTES 500

uint64_t cost_edits_bytes(const struct task *t)
{
        return EDITS_BYTES + CHANGE_BYTES * (uint64_t)MAX2(t->n_changes, 1u);
}

uint64_t cost_facts_bytes(const struct work *w, const struct task *t)
{
        uint64_t n = 0;

        for (size_t i = 0; i < t->n_blocks; i++)
                if (w->blocks[t->blocks[i]].class == BLOCK_FACTS)
                        n += w->blocks[t->blocks[i]].n_text;
        return n;
}

size_t cost_set_bytes(const struct work *w, const uint32_t *set, size_t n)
{
        size_t sum = FENCE_BYTES;

        for (size_t i = 0; i < n; i++) {
                const struct spec_statement *s = &w->statements[set[i]];

                sum += s->n_text;
                if (s->subject && (i == 0 || w->statements[set[i - 1]].section != s->section))
                        sum += strlen(w->sections[s->section]) + 2;
        }
        return sum;
}

size_t cost_uses_bytes(const struct work *w, const struct task *t)
{
        size_t sum = FENCE_BYTES + USES_BYTES + (t->path ? strlen(t->path) : 0);
        int section = -1;

        for (size_t i = 0; i < t->n_statements; i++) {
                const struct spec_statement *s = &w->statements[t->statements[i]];

                if (s->section != section)
                        sum += strlen(w->sections[s->section]) + 6;
                section = s->section;
                if (s->fullest != t->statements[i])
                        sum += s->n_text;
                else
                        sum += s->subject ? strlen(s->subject) + 4 : 0;
        }
        return sum + (t->rest != NO_BLOCK && t->n_statements > 0 ? w->blocks[t->rest].n_text : 0);
}

static void add_set(const struct work *w, const struct plan *p, enum presentation which,
                    struct text_bytes *ret)
{
        if (which == PRESENT_WHOLE)
                ret->at[TEXT_DATA] += cost_set_bytes(w, w->whole, w->n_whole);
        else if (p)
                ret->at[TEXT_DATA] += cost_set_bytes(w, p->shared, p->n_shared);
}

static void add_answer(const struct work *w, const struct plan *p, const struct step *s,
                       struct text_bytes *ret)
{
        struct span base = {0};
        size_t n_edited = 0;

        for (size_t i = 0; i < s->n_tasks; i++) {
                const struct task *t = &w->tasks[s->tasks[i]];

                n_edited += plan_base(p, t, &base);
                ret->at[TEXT_PROSE] += COST_PATH_BYTES + (t->path ? strlen(t->path) : 0);
        }
        ret->at[TEXT_PROSE] += cost_answer_bytes(s->n_tasks, n_edited);
}

uint64_t cost_interface_bytes(const struct planning *in, uint32_t task)
{
        const struct task *t = &in->work->tasks[task];
        const struct estimated_kind *k = plan_find_kind(in, t, false);

        return COST_INTERFACE_BYTES +
               (uint64_t)estimator_interface_bytes(k, cost_expected_interface(t),
                                                   cost_facts_bytes(in->work, t));
}

void cost_prompt_bytes(const struct planning *in, const struct plan *p, const struct step *s,
                       struct text_bytes *ret)
{
        const struct work *w = in->work;
        struct span base = {0};

        *ret = (struct text_bytes){0};
        for (size_t i = 0; i < s->recipe.n_items; i++) {
                const struct recipe_item *item = &s->recipe.items[i];

                switch (item->kind) {
                case RECIPE_BLOCK:
                        ret->at[cost_text_class(&w->blocks[item->index])] +=
                                w->blocks[item->index].n_text;
                        break;
                case RECIPE_SET:
                        add_set(w, p, (enum presentation)item->index, ret);
                        break;
                case RECIPE_USES:
                        ret->at[TEXT_CODE] += cost_uses_bytes(w, &w->tasks[item->index]);
                        break;
                case RECIPE_INTERFACE:
                        ret->at[TEXT_CODE] += cost_interface_bytes(in, item->index);
                        break;
                case RECIPE_BASE:
                        if (plan_base(p, &w->tasks[item->index], &base))
                                ret->at[TEXT_CODE] += base.n + COST_BASE_BYTES;
                        break;
                case RECIPE_ANSWER:
                        add_answer(w, p, s, ret);
                        break;
                case RECIPE_EVIDENCE:
                        break;
                }
        }
}

void cost_step(const struct planning *in, const struct plan *p, struct step *s)
{
        const struct tier_model *m = &in->tiers[s->tier];
        struct estimate *e = &s->estimate;
        struct text_bytes prompt;
        struct rates rates;
        struct span base = {0};
        double output = 0;

        *e = (struct estimate){0};
        if (s->kind != STEP_CALL) {
                e->ms = s->kind == STEP_KEEP ? 0 : STEP_WITHOUT_CALL_MS;
                return;
        }
        e->calls = 1;
        if (!m->facts)
                return;
        cost_prompt_bytes(in, p, s, &prompt);
        estimator_rates(&in->estimator, m->facts, m->model, &rates);
        for (size_t i = 0; i < s->n_tasks; i++) {
                const struct task *t = &in->work->tasks[s->tasks[i]];
                bool is_edits = plan_base(p, t, &base);
                const struct estimated_kind *k = plan_find_kind(in, t, is_edits);

                output += estimator_density(k) *
                          (estimator_file_bytes(
                                   k, is_edits ? cost_edits_bytes(t) : cost_expected_bytes(t),
                                   cost_facts_bytes(in->work, t))
                                   .p50 +
                           (t->path ? COST_FILE_BYTES : 0));
        }
        e->tokens.input = estimator_tokens(&in->estimator, m->facts, m->model, &prompt);
        e->tokens.output = (uint64_t)(output * rates.answer + 0.5);
        e->nanousd =
                e->tokens.input * m->facts->price.input + e->tokens.output * m->facts->price.output;
        e->ms = (uint64_t)(rates.first_ms + rates.fresh_ms * (double)e->tokens.input +
                           rates.writing_ms * (double)e->tokens.output);
}
