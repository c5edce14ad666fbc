#include "daemon/plan/cost.h"

/* An interface is declarations without bodies: about this share of its file, seen over generated Go
 * projects. */
#define INTERFACE_SHARE 0.35
/* What block 7 of a prompt takes (docs/prompts.md), and the path of each file in it. */
#define ANSWER_BYTES 700
#define ANSWER_BYTES_PER_FILE 80
/* A rendering, an edit, a look-up: milliseconds that do not count beside a call. */
#define STEP_WITHOUT_CALL_MS 1
/* Without a first guess by the blueprint. */
#define EXPECTED_OUTPUT_BYTES 2000

static const enum text_class class_of_block[N_BLOCK_CLASSES] = {
        [BLOCK_STANDARDS] = TEXT_PROSE, [BLOCK_PROMPT] = TEXT_PROSE, [BLOCK_FACTS] = TEXT_DATA,
        [BLOCK_INTERFACE] = TEXT_CODE,  [BLOCK_TASK] = TEXT_DATA,    [BLOCK_EVIDENCE] = TEXT_PROSE,
        [BLOCK_ANSWER] = TEXT_PROSE,
};

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

static size_t expected_bytes(const struct task *t)
{
        return t->expected_output_bytes ? t->expected_output_bytes : EXPECTED_OUTPUT_BYTES;
}

void cost_prompt_bytes(const struct planning *in, const struct step *s, struct text_bytes *ret)
{
        const struct work *w = in->work;

        *ret = (struct text_bytes){0};
        for (size_t i = 0; i < s->recipe.n_items; i++) {
                const struct recipe_item *item = &s->recipe.items[i];

                switch (item->kind) {
                case RECIPE_BLOCK:
                        ret->at[class_of_block[w->blocks[item->index].class]] +=
                                w->blocks[item->index].n_text;
                        break;
                case RECIPE_INTERFACE:
                        ret->at[TEXT_CODE] +=
                                (uint64_t)(INTERFACE_SHARE *
                                           (double)expected_bytes(&w->tasks[item->index]));
                        break;
                case RECIPE_ANSWER:
                        ret->at[TEXT_PROSE] += ANSWER_BYTES + s->n_tasks * ANSWER_BYTES_PER_FILE;
                        break;
                case RECIPE_EVIDENCE:
                        break;
                }
        }
}

static void price_call(const struct planning *in, enum tier tier, const struct text_bytes *prompt,
                       uint64_t output_bytes, struct estimate *e)
{
        const struct tier_model *m = &in->tiers[tier];
        struct text_bytes output = {.at = {[TEXT_CODE] = output_bytes}};

        e->calls = 1;
        if (!m->facts)
                return;
        e->tokens.input = estimator_tokens(&in->estimator, m->facts, m->model, prompt);
        e->tokens.output = estimator_tokens(&in->estimator, m->facts, m->model, &output);
        e->nanousd =
                e->tokens.input * m->facts->price.input + e->tokens.output * m->facts->price.output;
        e->ms = m->facts->first_token_ms + e->tokens.input * 1000 / m->facts->input_per_second +
                e->tokens.output * 1000 / m->facts->output_per_second;
}

static uint64_t output_bytes(const struct planning *in, const struct step *s)
{
        uint64_t n = 0;

        for (size_t k = 0; k < s->n_tasks; k++)
                n += expected_bytes(&in->work->tasks[s->tasks[k]]);
        return n;
}

void cost_step(const struct planning *in, struct step *s)
{
        struct text_bytes prompt;

        s->estimate = (struct estimate){0};
        if (s->kind != STEP_CALL) {
                s->estimate.ms = s->kind == STEP_KEEP ? 0 : STEP_WITHOUT_CALL_MS;
                return;
        }
        cost_prompt_bytes(in, s, &prompt);
        price_call(in, s->tier, &prompt, output_bytes(in, s), &s->estimate);
}

/* Longest path in time over the graph of tasks, where a task takes as long as its step. */
static uint64_t longest_path(const struct planning *in, const struct plan *p, uint64_t *finish)
{
        uint64_t longest = 0;

        for (size_t i = 0; i < p->n_tasks; i++) {
                const struct task *t = &in->work->tasks[i];
                uint64_t start = 0;

                for (size_t k = 0; k < t->n_depends; k++)
                        start = MAX2(start, finish[t->depends[k]]);
                finish[i] = start + p->steps[p->step_of_task[i]].estimate.ms;
                longest = MAX2(longest, finish[i]);
        }
        return longest;
}

void cost_plan(const struct planning *in, struct plan *p)
{
        _cleanup_free_ uint64_t *finish = calloc(p->n_tasks + 1, sizeof(*finish));
        uint64_t sequential;

        p->totals = (struct estimate){0};
        for (size_t i = 0; i < p->n_steps; i++) {
                cost_step(in, &p->steps[i]);
                estimate_add(&p->totals, &p->steps[i].estimate);
        }
        if (!finish)
                return; /* without memory the sum stands: an estimate that is too high */
        sequential = p->totals.ms;
        p->totals.ms = MAX2(longest_path(in, p, finish), sequential / MAX2(in->n_parallel, 1u));
}

void cost_naive(const struct planning *in, struct estimate *ret)
{
        const struct work *w = in->work;

        *ret = (struct estimate){0};
        for (size_t i = 0; i < w->n_tasks; i++) {
                const struct task *t = &w->tasks[i];
                struct text_bytes prompt = {
                        .at = {[TEXT_PROSE] = ANSWER_BYTES + ANSWER_BYTES_PER_FILE}};
                struct estimate e = {0};

                for (size_t k = 0; k < t->n_blocks; k++) {
                        const struct block *b = &w->blocks[t->blocks[k]];

                        if (b->class != BLOCK_FACTS || w->whole_facts_bytes == 0)
                                prompt.at[class_of_block[b->class]] += b->n_text;
                }
                prompt.at[TEXT_DATA] += w->whole_facts_bytes;
                for (size_t k = 0; k < t->n_depends; k++)
                        prompt.at[TEXT_CODE] += expected_bytes(&w->tasks[t->depends[k]]);
                price_call(in, TIER_QUALITY, &prompt, expected_bytes(t), &e);
                estimate_add(ret, &e);
        }
}
