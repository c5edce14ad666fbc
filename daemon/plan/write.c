/* Steps: recipes, reasons, prefixes, estimates of the simulated run. */

#include "daemon/plan/write.h"

#include <math.h>
#include <stdio.h>

#include "daemon/plan/cost.h"
#include "daemon/plan/recipe.h"

/* ---- prefixes ---- */

static enum beginning beginning_of(const struct lot_price *x, size_t i)
{
        if (i == 0)
                return BEGIN_STANDARDS;
        return i + 1 == x->n_nodes ? BEGIN_PROMPT : BEGIN_SET;
}

/* Numbers the marked nodes; ids: per node. */
static int number_prefixes(struct draft *d, uint32_t *ids)
{
        struct plan *p = d->plan;

        for (uint32_t i = 0; i < pricing_n_nodes(d->pricing); i++) {
                const struct node *n = pricing_node(d->pricing, i);
                const struct model_facts *f = d->in->tiers[n->tier].facts;
                struct plan_prefix *grown;

                ids[i] = NO_PREFIX;
                if (!n->is_marked || n->n_lots == 0)
                        continue;
                grown = reallocarray(p->prefixes, p->n_prefixes + 1, sizeof(*grown));
                if (!grown)
                        return -ENOMEM;
                p->prefixes = grown;
                grown[p->n_prefixes] = (struct plan_prefix){
                        .tokens = (uint64_t)llround(n->tokens),
                        .is_awaited = n->is_awaited,
                        .is_long = n->is_long,
                        .warm_until_ms = n->warm_until_ms,
                        .life_ms = n->is_long ? f->cache_long_ms : f->cache_short_ms};
                if (!pricing_node_hash(d->pricing, i, d->scheme->is_compressed,
                                       &grown[p->n_prefixes].hash))
                        continue;
                grown[p->n_prefixes].provider = strdup(d->in->tiers[n->tier].provider);
                if (!grown[p->n_prefixes].provider)
                        return -ENOMEM;
                ids[i] = (uint32_t)p->n_prefixes++;
        }
        return 0;
}

/* ---- reasons ---- */

static int describe_tier(const struct draft *d, const struct lot *l, const struct unit *x, char *at,
                         size_t n)
{
        if (!d->in->is_on[RULE_TIER])
                return snprintf(at, n, "the best tier");
        if (x->is_long)
                return snprintf(at, n, "too long for the window of a lower tier");
        if (l->tier > x->floor)
                return snprintf(at, n, "%s would be refused too often", tier_names[x->floor]);
        return snprintf(at, n, "the tier that its kind requires");
}

#define UNCOVERED_BYTES 82 /* of a reason; the tier and the facts take the rest */

/* Whole words of a sentence that is too long. */
static size_t words_within(const char *text, size_t most)
{
        size_t n = strlen(text);

        if (n <= most)
                return n;
        for (n = most; n > 0 && text[n] != ' '; n--)
                ;
        return n;
}

static void describe(const struct draft *d, const struct lot *l, struct step *s)
{
        const struct unit *x = &d->units->at[s->tasks[0]];
        const struct task *t = &d->in->work->tasks[s->tasks[0]];
        static const char *const facts[N_PRESENTATIONS] = {
                [PRESENT_OWN] = "",
                [PRESENT_SHARED] = "; facts of all calls, once",
                [PRESENT_WHOLE] = "; the whole specification",
        };
        char tier[80];
        size_t n_frames = 0;

        for (size_t i = 0; i < s->n_tasks; i++)
                n_frames += d->plan->frames[s->tasks[i]].text != NULL;
        for (size_t i = 1; i < s->n_tasks; i++)
                if (d->units->at[s->tasks[i]].floor > x->floor)
                        x = &d->units->at[s->tasks[i]];
        (void)describe_tier(d, l, x, tier, sizeof(tier));
        if (s->n_tasks > 1)
                snprintf(s->reason, sizeof(s->reason), "%zu of kind %.24s together; %s%s%s",
                         s->n_tasks, t->kind, tier, facts[l->presentation],
                         n_frames == 0 ? ""
                         : n_frames == s->n_tasks
                                 ? "; as edits of what their template renders"
                                 : "; some as edits of what their template renders");
        else if (t->uncovered && d->in->is_on[RULE_TEMPLATE]) /* why a model is asked at all */
                snprintf(s->reason, sizeof(s->reason), "%.*s%s; %s%s%s",
                         (int)words_within(t->uncovered, UNCOVERED_BYTES), t->uncovered,
                         strlen(t->uncovered) > UNCOVERED_BYTES ? " …" : "", tier,
                         facts[l->presentation], n_frames ? "; edits of its rendering" : "");
        else
                snprintf(s->reason, sizeof(s->reason), "%s%s", tier, facts[l->presentation]);
}

/* ---- steps ---- */

static void write_estimate(const struct lot_price *x, struct step *s)
{
        s->estimate = (struct estimate){
                .tokens = {.input = (uint64_t)llround(x->input),
                           .cache_read = (uint64_t)llround(x->read),
                           .cache_write = (uint64_t)llround(x->written),
                           .output = (uint64_t)llround(x->output)},
                .calls = 1,
                .nanousd = (uint64_t)llround(x->nanousd),
                .ms = (uint64_t)llround(x->end_ms - x->start_ms),
        };
        s->path_ms = (uint64_t)llround(fmax(x->path_ms, 0));
}

/* What nine in ten of such calls stay below. */
static void write_spread(const struct draft *d, const struct lot *l, const struct lot_price *x,
                         struct step *s)
{
        const struct planning *in = d->in;
        const struct tier_model *m = &in->tiers[l->tier];
        struct size_sum sum = {0};
        struct quantiles output, time;
        double density = 1;

        if (!m->facts)
                return;
        for (uint32_t i = 0; i < l->n; i++) {
                const struct task *t = &in->work->tasks[s->tasks[i]];
                bool is_edits = d->units->at[s->tasks[i]].is_edits;
                const struct estimated_kind *kind = plan_find_kind(in, t, is_edits);
                struct size_guess file = estimator_file_bytes(
                        kind, is_edits ? cost_edits_bytes(t) : cost_expected_bytes(t),
                        cost_facts_bytes(in->work, t));

                density = estimator_density(kind);
                size_sum_add(&sum, &file, t->path ? COST_FILE_BYTES : 0);
        }
        output = size_sum_get(&sum);
        output.p50 *= density * d->units->rates[l->tier].answer;
        output.p90 *= density * d->units->rates[l->tier].answer;
        time = estimator_time(&in->estimator, m->facts, m->model,
                              (uint64_t)(x->input + x->written + x->read / CACHED_SPEEDUP), output);
        s->output_p90 = (uint64_t)llround(output.p90);
        s->ms_p90 = (uint64_t)llround(time.p90);
}

static int write_call(struct draft *d, uint32_t lot, const uint32_t *ids, struct step *s)
{
        const struct lot *l = &d->scheme->lots[lot];
        const struct lot_price *x = pricing_lot(d->pricing, lot);

        step_init(s, STEP_CALL);
        s->is_certain = true;
        s->tier = l->tier;
        s->presentation = l->presentation;
        s->tasks = malloc(l->n * sizeof(*s->tasks));
        if (!s->tasks)
                return -ENOMEM;
        memcpy(s->tasks, &d->scheme->members[l->first], l->n * sizeof(*s->tasks));
        s->n_tasks = l->n;
        for (size_t i = 0; i < x->n_nodes; i++)
                s->prefixes[beginning_of(x, i)] = ids[x->nodes[i]];
        describe(d, l, s);
        write_estimate(x, s);
        write_spread(d, l, x, s);
        return recipe_write(d->in, d->plan, s);
}

static int write_settled(struct draft *d, uint32_t task, struct step *s)
{
        *s = d->plan->steps[task];
        s->tasks = malloc(sizeof(*s->tasks));
        if (!s->tasks)
                return -ENOMEM;
        s->tasks[0] = task;
        s->n_tasks = 1;
        cost_step(d->in, NULL, s);
        return 0;
}

/* In place: a step never stands behind its first task. */
static int write_steps(struct draft *d, const uint32_t *ids)
{
        struct plan *p = d->plan;
        int k = 0;

        for (uint32_t i = 0; i < p->n_tasks && k == 0; i++) {
                uint32_t lot = d->scheme->lot_of[i];
                struct step s = {0};

                if (lot != NO_LOT && d->scheme->members[d->scheme->lots[lot].first] != i)
                        continue;
                k = lot == NO_LOT ? write_settled(d, i, &s) : write_call(d, lot, ids, &s);
                p->steps[p->n_steps] = s;
                for (size_t m = 0; m < s.n_tasks; m++)
                        p->step_of_task[s.tasks[m]] = (uint32_t)p->n_steps;
                p->n_steps++;
        }
        return k;
}

int plan_write(struct draft *d)
{
        _cleanup_free_ uint32_t *ids = calloc(pricing_n_nodes(d->pricing) + 1, sizeof(*ids));
        struct plan *p = d->plan;
        int k;

        if (!ids)
                return -ENOMEM;
        p->is_compressed = d->scheme->is_compressed;
        p->shared = malloc((d->units->n_shared + 1) * sizeof(*p->shared));
        if (!p->shared)
                return -ENOMEM;
        p->n_shared = d->units->n_shared;
        memcpy(p->shared, d->units->shared, p->n_shared * sizeof(*p->shared));
        (void)pricing_run(d->pricing, d->scheme); /* the search has priced others since */
        pricing_total(d->pricing, d->scheme, &p->totals);
        p->repeat_nanousd = (uint64_t)llround(pricing_repetitions(d->pricing, d->scheme));
        k = number_prefixes(d, ids);
        return k ? k : write_steps(d, ids);
}
