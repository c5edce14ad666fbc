#include <math.h>

#include "daemon/plan/cost.h"
#include "daemon/plan/rules.h"

/* Tasks of one kind, prompt and group, at one tier and one level of the graph, are asked for
 * together. What stands on one level does not depend on each other, so the contracted graph stays
 * without cycles. Into how many calls they go is a matter of price: each call costs its beginning
 * again, and a long answer takes its time while places are free. */

struct view {
        const struct units *u;
        const struct scheme *s;
};

/* Bucket, tier, level; then as the specification has them. */
static int compare(const void *a, const void *b, void *arg)
{
        const struct view *v = arg;
        uint32_t i = *(const uint32_t *)a, k = *(const uint32_t *)b;
        const struct unit *x = &v->u->at[i], *y = &v->u->at[k];
        enum tier s = v->s->lots[v->s->lot_of[i]].tier, t = v->s->lots[v->s->lot_of[k]].tier;

        if (x->bucket != y->bucket)
                return x->bucket < y->bucket ? -1 : 1;
        if (s != t)
                return s < t ? -1 : 1;
        if (x->level != y->level)
                return x->level < y->level ? -1 : 1;
        return i < k ? -1 : i > k;
}

static bool is_one_batch(const struct view *v, uint32_t i, uint32_t k)
{
        const struct unit *x = &v->u->at[i], *y = &v->u->at[k];

        return x->bucket == y->bucket && x->level == y->level &&
               v->s->lots[v->s->lot_of[i]].tier == v->s->lots[v->s->lot_of[k]].tier;
}

int batch_list(const struct units *u, const struct scheme *s, struct batch **ret, size_t *ret_n,
               uint32_t **ret_order)
{
        _cleanup_free_ uint32_t *order = calloc(u->n + 1, sizeof(*order));
        _cleanup_free_ struct batch *list = calloc(u->n + 1, sizeof(*list));
        struct view v = {u, s};
        size_t n = 0, n_batches = 0;

        if (!order || !list)
                return -ENOMEM;
        for (uint32_t i = 0; i < u->n; i++)
                if (s->lot_of[i] != NO_LOT && u->is_batchable[u->at[i].bucket])
                        order[n++] = i;
        qsort_r(order, n, sizeof(*order), compare, &v);
        for (size_t i = 0; i < n; i++) {
                if (i == 0 || !is_one_batch(&v, order[i - 1], order[i]))
                        list[n_batches++].units = &order[i];
                list[n_batches - 1].n++;
        }
        *ret = take(list);
        *ret_n = n_batches;
        *ret_order = take(order);
        return 0;
}

static double batch_bytes(const struct units *u, const struct batch *b)
{
        double sum = 0;

        for (size_t i = 0; i < b->n; i++)
                sum += u->at[b->units[i]].output_bytes;
        return sum;
}

/* Tokens of one answer: what the user allows, and what the model is trusted with. */
static double most_output(const struct units *u, enum tier tier)
{
        const struct model_facts *f = u->in->tiers[tier].facts;
        double allowed = (double)u->in->batch_max_output;

        return f ? fmin(allowed, PLAN_WINDOW_SHARE * (double)f->max_output) : allowed;
}

size_t batch_fill(const struct units *u, struct scheme *s, const struct batch *b, size_t n_lots)
{
        const struct planning *in = u->in;
        struct lot like = s->lots[s->lot_of[b->units[0]]];
        double rate = u->rates[like.tier].answer, rest = batch_bytes(u, b), share = 0;
        double most = most_output(u, like.tier);
        size_t n_max = in->batch_max_files ? in->batch_max_files : b->n, n_here = 0, n_used = 0;
        uint32_t lot = NO_LOT;
        double here = 0;

        for (size_t i = 0; i < b->n; i++) {
                double bytes = u->at[b->units[i]].output_bytes;

                if (lot == NO_LOT || n_here == n_max || here + bytes / 2 > share * 1.0001 ||
                    (here + bytes) * rate > most) {
                        lot = b->units[i];
                        s->lots[lot] = like;
                        /* Of what is left: where lots came out small, the others are larger. */
                        rest -= here;
                        share = rest / (double)(n_lots > n_used ? n_lots - n_used : 1);
                        n_used++;
                        n_here = 0;
                        here = 0;
                }
                s->lot_of[b->units[i]] = lot;
                n_here++;
                here += bytes;
        }
        return n_used;
}

/* Money and time of the batch as so many lots, as far as they depend on the number: beginnings that
 * are read from a cache or paid anew, the form of the answer, files that do not come, and the
 * longest answer. */
static double price_of_split(const struct units *u, const struct batch *b, enum tier tier, size_t n)
{
        const struct planning *in = u->in;
        const struct rates *r = &u->rates[tier];
        const struct model_facts *f = in->tiers[tier].facts;
        const struct unit *x = &u->at[b->units[0]];
        const struct pair *p = &u->pairs[x->pair];
        const struct block *blocks = in->work->blocks;
        uint32_t standards = u->standards[p->standards];
        double begin = 0, answer = COST_ANSWER_BYTES * r->prompt[TEXT_PROSE],
               waves = ceil((double)n / (double)MAX2(in->n_parallel, 1u));
        double read;

        begin += standards != NO_BLOCK ? (double)blocks[standards].n_text : 0;
        begin += p->prompt != NO_BLOCK ? (double)blocks[p->prompt].n_text : 0;
        begin *= r->prompt[TEXT_PROSE];
        read = in->is_on[RULE_PREFIX] && f && begin >= (double)f->cache_minimum
                       ? u->cache_read[tier]
                       : 1;
        return (double)(n - 1) * ((begin * read + answer) * (f ? (double)f->price.input : 0) +
                                  u->nanousd_per_call) +
               (double)(b->n - n) * x->missing * x->alone_nanousd[tier] +
               waves * (r->first_ms + batch_bytes(u, b) / (double)n * r->answer * r->writing_ms) *
                       u->nanousd_per_ms;
}

#define TRIED_SPLITS 64 /* more calls than that at once are no gain anywhere */

size_t batch_fewest(const struct units *u, const struct scheme *s, const struct batch *b)
{
        enum tier tier = s->lots[s->lot_of[b->units[0]]].tier;
        double output = batch_bytes(u, b) * u->rates[tier].answer;
        size_t fewest = (size_t)ceil(output / fmax(most_output(u, tier), 1));

        if (u->in->batch_max_files)
                fewest = MAX2(fewest, (b->n + u->in->batch_max_files - 1) / u->in->batch_max_files);
        return MIN2(MAX2(fewest, (size_t)1), b->n);
}

static size_t best_split(const struct units *u, const struct scheme *s, const struct batch *b)
{
        enum tier tier = s->lots[s->lot_of[b->units[0]]].tier;
        size_t fewest = batch_fewest(u, s, b), best = fewest;

        for (size_t n = fewest + 1; n <= MIN2(b->n, fewest + TRIED_SPLITS); n++)
                if (price_of_split(u, b, tier, n) < price_of_split(u, b, tier, best))
                        best = n;
        return best;
}

static int apply(struct draft *d)
{
        _cleanup_free_ struct batch *batches = NULL;
        _cleanup_free_ uint32_t *order = NULL;
        size_t n = 0;
        int k = batch_list(d->units, d->scheme, &batches, &n, &order);

        for (size_t i = 0; i < n && k == 0; i++)
                (void)batch_fill(d->units, d->scheme, &batches[i],
                                 best_split(d->units, d->scheme, &batches[i]));
        return k;
}

static void decide(struct scheme *s, const struct scheme *final, const struct units *u)
{
        for (size_t i = 0; i < u->n; i++)
                if (final->lot_of[i] != NO_LOT)
                        s->lot_of[i] = final->lot_of[i];
}

/* Tasks answered less the calls that did; the rest of the estimate in that proportion. */
static int measure(const struct measuring *in, const struct plan_rule *rule, const json_t *estimate,
                   json_t *out)
{
        double estimated = measure_estimate(estimate, "calls"), saved = 0;
        int k;

        (void)rule;
        for (size_t i = 0; i < in->m->n_calls; i++)
                if (in->m->calls[i].is_ok && in->m->calls[i].n_tasks > 0)
                        saved += (double)in->m->calls[i].n_tasks - 1;
        k = estimated > 0 ? measure_scale(estimate, saved / estimated, out) : 0;
        return k ? k : measure_put(out, "calls", saved);
}

const struct plan_rule rule_batch = {.name = "batch",
                                     .option = OPTION_BATCH_ENABLED,
                                     .apply = apply,
                                     .settles = STEP_CALL,
                                     .decide = decide,
                                     .measure = measure};
