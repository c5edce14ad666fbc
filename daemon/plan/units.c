/* Units: tasks as bytes, levels and buckets. */

#include <math.h>
#include <stdio.h>

#include "daemon/plan/cost.h"
#include "daemon/plan/rules.h"
#include "daemon/plan/scheme.h"

const double plan_nanousd_per_ms[N_PLAN_OBJECTIVES] = {
        [PLAN_FOR_COST] = 1, [PLAN_BALANCED] = 167, [PLAN_FOR_LATENCY] = 8333};
const double plan_nanousd_per_call[N_PLAN_OBJECTIVES] = {[PLAN_BALANCED] = 500000};

struct units *units_free(struct units *u)
{
        if (!u)
                return NULL;
        free(u->at);
        free(u->standards);
        free(u->pairs);
        free(u->is_batchable);
        free(u->users);
        free(u->first_user);
        free(u->by_level);
        free(u->shared);
        free(u);
        return NULL;
}

/* ---- stable texts ---- */

static uint32_t find_block(const struct work *w, const struct task *t, enum block_class class)
{
        for (size_t i = 0; i < t->n_blocks; i++)
                if (w->blocks[t->blocks[i]].class == class)
                        return t->blocks[i];
        return NO_BLOCK;
}

static void find_texts(struct units *u, const struct task *t, struct unit *x)
{
        uint32_t standards = find_block(u->in->work, t, BLOCK_STANDARDS),
                 prompt = find_block(u->in->work, t, BLOCK_PROMPT);
        size_t i = u->n_standards, k = u->n_pairs;

        /* The last first: tasks of a kind stand together. */
        while (i > 0 && u->standards[i - 1] != standards)
                i--;
        if (i == 0) {
                u->standards[u->n_standards++] = standards;
                i = u->n_standards;
        }
        x->standards = (uint32_t)i - 1;
        while (k > 0 &&
               (u->pairs[k - 1].standards != x->standards || u->pairs[k - 1].prompt != prompt))
                k--;
        if (k == 0) {
                u->pairs[u->n_pairs++] = (struct pair){x->standards, prompt};
                k = u->n_pairs;
        }
        x->pair = (uint32_t)k - 1;
}

static void count_bytes(struct units *u, const struct task *t, struct unit *x)
{
        const struct work *w = u->in->work;
        const struct pair *pair = &u->pairs[x->pair];

        for (size_t i = 0; i < t->n_blocks; i++) {
                const struct block *b = &w->blocks[t->blocks[i]];

                if (t->blocks[i] == u->standards[pair->standards] || t->blocks[i] == pair->prompt)
                        continue;
                if (b->class == BLOCK_FACTS)
                        x->own_bytes += (uint32_t)b->n_text;
                else
                        x->tail.at[cost_text_class(b)] += b->n_text;
        }
        x->has_path = t->path != NULL;
        if (t->path)
                x->tail.at[TEXT_PROSE] += COST_PATH_BYTES + strlen(t->path);
        x->has_shared = t->n_statements > 0 && w->n_whole > 0;
        x->rest_bytes = (uint32_t)cost_uses_bytes(w, t);
}

/* ---- risk ---- */

static size_t count_statements(const struct work *w, const struct task *t, const char *section)
{
        size_t n = 0;

        for (size_t i = 0; i < t->n_statements; i++)
                n += strcmp(w->sections[w->statements[t->statements[i]].section], section) == 0;
        return n;
}

double units_complexity(const struct work *w, const struct task *t)
{
        double rules = 0;

        if (w->sections && t->n_statements > 0)
                rules = (double)count_statements(w, t, "requirements") +
                        2.0 * (double)count_statements(w, t, "scenarios");
        return rules + 0.5 * (double)MIN2(t->n_depends, (size_t)20) +
               (double)t->expected_output_bytes / 3000.0;
}

/* A tier that is the lower one by another name answers no better. */
static bool is_same_model(const struct planning *in, enum tier tier)
{
        const struct tier_model *a = &in->tiers[tier], *b = &in->tiers[tier - 1];

        return a->model && b->model && strcmp(a->model, b->model) == 0 &&
               strcmp(a->provider, b->provider) == 0;
}

#define RISK_KNOWN 5 /* answers: fewer say little beside the first guess */

/* First guess: one answer in fifty is refused, one in a hundred more for each point of complexity;
 * twice that at the fast tier, half at the best. */
static void guess_answer(struct units *u, const struct task *t, const struct estimated_kind *kind,
                         bool is_edits, struct unit *x)
{
        const struct estimated_kind *file = kind;
        static const double factors[N_TIERS] = {2.0, 1.0, 0.5};
        double risk = fmin(0.02 + 0.01 * units_complexity(u->in->work, t), 0.4);
        uint64_t facts = cost_facts_bytes(u->in->work, t);

        for (enum tier tier = 0; tier < N_TIERS; tier++)
                x->risk[tier] = tier > 0 && is_same_model(u->in, tier)
                                        ? x->risk[tier - 1]
                                        : estimator_refusals(kind, tier, risk * factors[tier]);
        for (enum tier tier = 0; tier < N_TIERS; tier++)
                x->is_risk_known[tier] = kind && kind->n_asked[tier] >= RISK_KNOWN;
        x->missing = estimator_missing(kind);
        x->output_bytes =
                estimator_density(kind) *
                (estimator_file_bytes(kind, is_edits ? cost_edits_bytes(t) : cost_expected_bytes(t),
                                      facts)
                         .p50 +
                 (t->path ? COST_FILE_BYTES : 0));
        if (is_edits) /* the interface is the whole file's */
                file = plan_find_kind(u->in, t, false);
        x->interface_bytes =
                COST_INTERFACE_BYTES +
                (uint32_t)estimator_interface_bytes(file, cost_expected_interface(t), facts);
}

static size_t texts_bytes(const struct units *u, const struct unit *x)
{
        const struct block *blocks = u->in->work->blocks;
        const struct pair *pair = &u->pairs[x->pair];
        uint32_t standards = u->standards[pair->standards];

        return (standards != NO_BLOCK ? blocks[standards].n_text : 0) +
               (pair->prompt != NO_BLOCK ? blocks[pair->prompt].n_text : 0);
}

/* What its beginning counts, in tokens at the price of input: read, where it is long enough for a
 * cache that others have filled. */
static double beginning_alone(const struct units *u, const struct unit *x, enum tier tier)
{
        const struct tier_model *m = &u->in->tiers[tier];
        double n = (double)texts_bytes(u, x) * u->rates[tier].prompt[TEXT_PROSE];
        bool is_read = u->in->is_on[RULE_PREFIX] && m->is_caching && m->facts &&
                       n >= (double)m->facts->cache_minimum;

        return is_read ? n * u->cache_read[tier] : n;
}

static void price_alone(const struct units *u, struct unit *x)
{
        for (enum tier tier = 0; tier < N_TIERS; tier++) {
                const struct model_facts *f = u->in->tiers[tier].facts;
                const struct rates *r = &u->rates[tier];
                double tokens =
                        (double)x->own_bytes * r->prompt[TEXT_DATA] + beginning_alone(u, x, tier);

                for (size_t c = 0; c < N_TEXT_CLASSES; c++)
                        tokens += (double)x->tail.at[c] * r->prompt[c];
                if (f)
                        x->alone_nanousd[tier] =
                                tokens * (double)f->price.input +
                                x->output_bytes * r->answer * (double)f->price.output;
        }
}

/* Twice as it is, once with the whole context, then the next tier, which may err as well. */
double units_expected_nanousd(const struct units *u, const struct unit *x, enum tier tier)
{
        double r = x->risk[tier], next = 0;

        if (!u->in->tiers[tier].facts)
                return INFINITY;
        for (enum tier t = tier + 1; t < N_TIERS && next == 0; t++)
                if (u->in->tiers[t].facts)
                        next = x->alone_nanousd[t] * (1 + x->risk[t]);
        return x->alone_nanousd[tier] * (1 + r + r * r) + r * r * r * next;
}

static enum tier floor_of(const struct planning *in, const struct task *t)
{
        enum tier tier = TIER_QUALITY;

        if (tier_from_name(t->tier, &tier) < 0)
                tier = TIER_QUALITY;
        while (tier < TIER_QUALITY && !in->tiers[tier].model)
                tier++;
        return tier;
}

/* ---- graph ---- */

static int build_users(struct units *u)
{
        const struct work *w = u->in->work;
        size_t n_edges = 0;
        uint32_t *at;

        u->first_user = calloc(u->n + 2, sizeof(*u->first_user));
        if (!u->first_user)
                return -ENOMEM;
        for (size_t i = 0; i < u->n; i++)
                for (size_t k = 0; k < w->tasks[i].n_depends; k++, n_edges++)
                        u->first_user[w->tasks[i].depends[k] + 2]++;
        for (size_t i = 2; i < u->n + 2; i++)
                u->first_user[i] += u->first_user[i - 1];
        u->users = calloc(n_edges + 1, sizeof(*u->users));
        if (!u->users)
                return -ENOMEM;
        at = u->first_user + 1; /* becomes the end of each row, which is the start of the next */
        for (size_t i = 0; i < u->n; i++)
                for (size_t k = 0; k < w->tasks[i].n_depends; k++)
                        u->users[at[w->tasks[i].depends[k]]++] = (uint32_t)i;
        return 0;
}

static int sort_by_level(struct units *u)
{
        _cleanup_free_ uint32_t *starts = calloc(u->n + 2, sizeof(*starts));

        u->by_level = calloc(u->n + 1, sizeof(*u->by_level));
        if (!starts || !u->by_level)
                return -ENOMEM;
        for (size_t i = 0; i < u->n; i++)
                starts[u->at[i].level + 1]++;
        for (size_t i = 1; i <= u->n; i++)
                starts[i] += starts[i - 1];
        for (size_t i = 0; i < u->n; i++)
                u->by_level[starts[u->at[i].level]++] = (uint32_t)i;
        return 0;
}

static void find_level(struct units *u, uint32_t i)
{
        const struct task *t = &u->in->work->tasks[i];

        for (size_t k = 0; k < t->n_depends; k++) {
                const struct unit *d = &u->at[t->depends[k]];

                u->at[i].level = MAX2(u->at[i].level, d->level + d->is_call);
        }
}

/* ---- buckets ---- */

static int compare_similar(const void *a, const void *b, void *arg)
{
        const struct units *u = arg;
        uint32_t i = *(const uint32_t *)a, k = *(const uint32_t *)b;
        const struct task *s = &u->in->work->tasks[i], *t = &u->in->work->tasks[k];
        const struct unit *x = &u->at[i], *y = &u->at[k];
        int r;

        if (x->pair != y->pair)
                return x->pair < y->pair ? -1 : 1;
        r = strcmp(s->kind, t->kind);
        r = r ? r : strcmp(s->batch ? s->batch : "", t->batch ? t->batch : "");
        return r ? r : i < k ? -1 : i > k;
}

static bool is_similar(const struct units *u, uint32_t i, uint32_t k)
{
        const struct task *s = &u->in->work->tasks[i], *t = &u->in->work->tasks[k];

        return s->batch && t->batch && u->at[i].pair == u->at[k].pair &&
               strcmp(s->kind, t->kind) == 0 && strcmp(s->batch, t->batch) == 0;
}

static int find_buckets(struct units *u)
{
        _cleanup_free_ uint32_t *order = calloc(u->n + 1, sizeof(*order));

        u->is_batchable = calloc(u->n + 1, sizeof(*u->is_batchable));
        if (!order || !u->is_batchable)
                return -ENOMEM;
        for (size_t i = 0; i < u->n; i++)
                order[i] = (uint32_t)i;
        qsort_r(order, u->n, sizeof(*order), compare_similar, u);
        for (size_t i = 0; i < u->n; i++) {
                if (i == 0 || !is_similar(u, order[i - 1], order[i]))
                        u->n_buckets++;
                u->at[order[i]].bucket = (uint32_t)u->n_buckets - 1;
                u->is_batchable[u->n_buckets - 1] = u->in->work->tasks[order[i]].batch != NULL &&
                                                    u->in->work->tasks[order[i]].path != NULL;
        }
        return 0;
}

/* ---- sets ---- */

/* The statements of all calls, each subject once; only whole ones stand in w->whole. */
static int gather_shared(struct units *u)
{
        const struct work *w = u->in->work;
        _cleanup_free_ uint8_t *is_in = calloc(w->n_statements + 1, 1);

        u->shared = calloc(w->n_whole + 1, sizeof(*u->shared));
        if (!is_in || !u->shared)
                return -ENOMEM;
        for (size_t i = 0; i < u->n; i++)
                for (size_t k = 0; u->at[i].is_call && k < w->tasks[i].n_statements; k++)
                        is_in[w->tasks[i].statements[k]] = 1;
        for (size_t i = 0; i < w->n_whole; i++)
                if (is_in[w->whole[i]])
                        u->shared[u->n_shared++] = w->whole[i];
        u->shared_bytes = cost_set_bytes(w, u->shared, u->n_shared);
        u->whole_bytes = cost_set_bytes(w, w->whole, w->n_whole);
        return 0;
}

static void fill_rates(struct units *u)
{
        for (enum tier t = 0; t < N_TIERS; t++) {
                const struct tier_model *m = &u->in->tiers[t];
                double base;

                u->cache_short[t] = u->cache_long[t] = u->cache_read[t] = 1;
                if (!m->facts)
                        continue;
                estimator_rates(&u->in->estimator, m->facts, m->model, &u->rates[t]);
                base = (double)m->facts->price.input;
                if (base <= 0) { /* a model of one's own: what it reads again costs no time */
                        u->cache_read[t] = 1 / CACHED_SPEEDUP;
                        continue;
                }
                u->cache_read[t] = (double)m->facts->price.cache_read / base;
                u->cache_short[t] = (double)m->facts->price.cache_write_5m / base;
                u->cache_long[t] = (double)m->facts->price.cache_write_1h / base;
        }
        u->nanousd_per_ms = plan_nanousd_per_ms[u->in->objective];
        u->nanousd_per_call = plan_nanousd_per_call[u->in->objective];
}

/* Tokens of a call for it alone. What it depends on stands before it. */
static double tokens_alone(const struct units *u, const struct task *t, const struct unit *x,
                           enum tier tier)
{
        const struct rates *r = &u->rates[tier];
        double n = (double)x->own_bytes * r->prompt[TEXT_DATA] +
                   (double)texts_bytes(u, x) * r->prompt[TEXT_PROSE] + x->output_bytes * r->answer;

        for (size_t i = 0; i < t->n_depends && !task_follows(t); i++)
                n += (double)u->at[t->depends[i]].interface_bytes * r->prompt[TEXT_CODE];
        for (size_t c = 0; c < N_TEXT_CLASSES; c++)
                n += (double)x->tail.at[c] * r->prompt[c];
        return n;
}

static bool fits_window(const struct units *u, const struct task *t, const struct unit *x,
                        enum tier tier)
{
        const struct model_facts *f = u->in->tiers[tier].facts;

        return !f || f->window == 0 || tokens_alone(u, t, x, tier) <= (double)f->window;
}

/* What does not fit the window of its tier is asked of one that takes more, as it would be when the
 * call leaves. */
static void raise_floor(struct units *u, const struct task *t, struct unit *x)
{
        const struct tier_model *m = u->in->tiers;
        enum tier from = x->floor;

        if (fits_window(u, t, x, from))
                return;
        for (enum tier k = from + 1; k < N_TIERS; k++)
                if (m[k].facts && m[k].facts->window > m[x->floor].facts->window) {
                        x->floor = k;
                        x->is_long = true;
                        if (fits_window(u, t, x, k))
                                return;
                }
}

bool units_fit(const struct units *u, uint32_t i)
{
        return fits_window(u, &u->in->work->tasks[i], &u->at[i], u->at[i].floor);
}

/* kind: of the task before, whose look-up mostly does for this one. */
static void fill_unit(struct units *u, uint32_t i, const struct estimated_kind **kind)
{
        const struct task *t = &u->in->work->tasks[i], *before = i > 0 ? t - 1 : NULL;
        struct unit *x = &u->at[i];
        struct span base = {0};

        x->is_edits = plan_base(NULL, t, &base);
        if (!before || x->is_edits != u->at[i - 1].is_edits || strcmp(t->kind, before->kind) != 0)
                *kind = plan_find_kind(u->in, t, x->is_edits);
        find_texts(u, t, x);
        count_bytes(u, t, x);
        if (x->is_edits)
                x->tail.at[TEXT_CODE] += base.n + COST_BASE_BYTES;
        guess_answer(u, t, *kind, x->is_edits, x);
        price_alone(u, x);
        x->floor = floor_of(u->in, t);
        raise_floor(u, t, x);
}

void units_show_frame(struct units *u, uint32_t i, size_t n_frame)
{
        const struct task *t = &u->in->work->tasks[i];

        u->at[i].is_edits = true;
        u->at[i].tail.at[TEXT_CODE] += n_frame + COST_BASE_BYTES;
        guess_answer(u, t, plan_find_kind(u->in, t, true), true, &u->at[i]);
        price_alone(u, &u->at[i]);
}

int units_new(const struct planning *in, const enum step_kind *settled, struct units **ret)
{
        _cleanup_(units_freep) struct units *u = calloc(1, sizeof(*u));
        const struct estimated_kind *kind = NULL;
        const struct work *w = in->work;
        int k;

        if (!u)
                return -ENOMEM;
        u->in = in;
        u->n = w->n_tasks;
        u->at = calloc(u->n + 1, sizeof(*u->at));
        u->standards = calloc(u->n + 1, sizeof(*u->standards));
        u->pairs = calloc(u->n + 1, sizeof(*u->pairs));
        if (!u->at || !u->standards || !u->pairs)
                return -ENOMEM;
        fill_rates(u);
        for (uint32_t i = 0; i < u->n; i++) {
                u->at[i].is_call = settled[i] == STEP_CALL;
                u->n_calls += u->at[i].is_call;
                fill_unit(u, i, &kind);
                find_level(u, i);
        }
        k = build_users(u);
        k = k ? k : sort_by_level(u);
        k = k ? k : find_buckets(u);
        k = k ? k : gather_shared(u);
        if (k == 0)
                *ret = take(u);
        return k;
}
