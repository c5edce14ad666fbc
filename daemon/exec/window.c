/* Nothing is ever cut silently: what does not fit a model's window is split, goes to a tier with a
 * larger one, or is refused with a reason; what nearly fills it is told. */

#include "daemon/exec/leaving.h"
#include "daemon/plan/cost.h"

#define PHRASE_BYTES 160 /* what is said about a last answer */
#define NEARLY 800       /* thousandths of the window, that a guess may be wrong by a quarter */

/* Of which a part is shown alone. */
static bool is_excerpt(const struct run *r, uint32_t task)
{
        const struct repair *repair = r->work->tasks[task].repair;

        return repair && repair->excerpt;
}

/* What the plan did not foresee: what was wrong with the last answer, or what it said before it
 * ended too early. */
static void add_last_answers(const struct run *r, const struct step *s, struct text_bytes *bytes)
{
        for (size_t i = 0; i < s->n_tasks; i++) {
                const struct run_task *t = &r->tasks[s->tasks[i]];

                if (t->evidence.text)
                        bytes->at[TEXT_PROSE] += strlen(t->evidence.text) + PHRASE_BYTES;
                if (s->n_tasks == 1 && t->partial)
                        bytes->at[TEXT_CODE] += t->n_partial + PHRASE_BYTES;
        }
}

/* With interfaces as long as they are: they are known by now. */
static uint64_t count_input(struct run *r, const struct step *s)
{
        struct planning *in = &r->setup.planning;
        const struct tier_model *m = &in->tiers[s->tier];
        struct text_bytes bytes;
        struct span base = {0};

        cost_prompt_bytes(in, r->setup.plan, s, &bytes);
        for (size_t i = 0; i < s->recipe.n_items; i++) {
                uint32_t task = s->recipe.items[i].index;

                if (s->recipe.items[i].kind == RECIPE_BASE) {
                        if (plan_base(r->setup.plan, &r->work->tasks[task], &base))
                                bytes.at[TEXT_CODE] -= base.n + COST_BASE_BYTES;
                        if (is_excerpt(r, task))
                                bytes.at[TEXT_CODE] +=
                                        r->work->tasks[task].n_base + COST_BASE_BYTES;
                        else if (base_load(r, task, &base) == 0)
                                bytes.at[TEXT_CODE] += base.n + COST_BASE_BYTES;
                } else if (s->recipe.items[i].kind == RECIPE_INTERFACE &&
                           interface_load(r, task) == 0) {
                        bytes.at[TEXT_CODE] -= cost_interface_bytes(in, task);
                        bytes.at[TEXT_CODE] += r->tasks[task].n_interface + COST_INTERFACE_BYTES;
                }
        }
        add_last_answers(r, s, &bytes);
        return estimator_tokens(&in->estimator, m->facts, m->model, &bytes);
}

/* The rest of an answer that goes on is not the whole of it; a guess that was passed already is
 * none. */
static uint64_t count_output(const struct run *r, const struct step *s)
{
        const struct tier_model *m = &r->setup.planning.tiers[s->tier];
        struct text_bytes said = {.at[TEXT_CODE] = r->tasks[s->tasks[0]].n_partial};
        uint64_t n = s->estimate.tokens.output;

        if (s->n_tasks > 1 || said.at[TEXT_CODE] == 0)
                return n;
        return n - MIN2(n / 2,
                        estimator_tokens(&r->setup.planning.estimator, m->facts, m->model, &said));
}

static enum tier larger_tier(const struct run *r, enum tier tier)
{
        const struct tier_model *m = r->setup.planning.tiers;

        for (enum tier t = tier + 1; t < N_TIERS; t++)
                if (m[t].facts && m[t].facts->window > m[tier].facts->window)
                        return t;
        return N_TIERS;
}

static void warn(struct run *r, const struct step *s, unsigned share)
{
        const char *title = r->work->tasks[s->tasks[0]].title;
        _cleanup_free_ char *text = NULL;

        if (r->has_warned_window)
                return;
        text = str_printf("the call for %s%s fills %u %% of the window of %s", title,
                          s->n_tasks > 1 ? " and others" : "", share / 10,
                          r->setup.planning.tiers[s->tier].model);
        if (!text)
                return;
        r->has_warned = r->has_warned_window = true;
        publish_news(r, "warning", json_pack("{s:s,s:s}", "text", text, "where", title));
}

static void split(struct run *r, const struct step *s)
{
        run_log(r, s->tasks[0], LOG_LEVEL_NOTICE, "call_split",
                "%zu files do not fit one call of %s: each is asked for alone", s->n_tasks,
                r->setup.planning.tiers[s->tier].model);
        group_split(r, s);
}

static void move(struct run *r, const struct step *s, enum tier to)
{
        struct run_task *t = run_task_of(r, s->tasks[0]);

        run_log(r, s->tasks[0], LOG_LEVEL_NOTICE, "tier_raised", "too long for the window of %s",
                r->setup.planning.tiers[s->tier].model);
        t->tier = to;
        t->is_moved = true;
        group_split(r, s);
}

int window_check(struct run *r, const struct step *s, struct failure **ret_failure)
{
        const struct planning *in = &r->setup.planning;
        const struct tier_model *m = &in->tiers[s->tier];
        uint64_t input, output;
        unsigned share;
        enum tier next;

        if (!m->facts)
                return 0;
        input = count_input(r, s);
        output = count_output(r, s);
        share = plan_window_share(in, s->tier, input, output);
        if (share <= 1000) {
                if (share > NEARLY)
                        warn(r, s, share);
                return 0;
        }
        next = larger_tier(r, s->tier);
        if (s->n_tasks > 1) {
                split(r, s);
                return CONDITION_ABSENT;
        }
        if (next < N_TIERS) {
                move(r, s, next);
                return CONDITION_ABSENT;
        }
        if (s->n_tasks == 1 && r->tasks[s->tasks[0]].partial) {
                unfinished_forget(run_task_of(r, s->tasks[0])); /* whole, then */
                return window_check(r, s, ret_failure);
        }
        *ret_failure = failure_new(
                FAILURE_TOO_LONG,
                "its prompt of about %llu tokens and an answer of %llu do not fit the window of %s "
                "(%llu)",
                (unsigned long long)input, (unsigned long long)output, m->model,
                (unsigned long long)m->facts->window);
        return *ret_failure ? CONDITION_REFUSED : -ENOMEM;
}
