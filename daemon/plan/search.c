/* Exchanges: from the scheme that the rules wrote, one change after another that makes it cheaper,
 * until none does or the time for planning is used up. Every scheme is priced whole, by the
 * simulated run, so that changes which pull against each other are weighed as they would meet.
 *
 *     whole scheme   facts own, shared or (where it is warm) whole; standards in full or in brief;
 *                    readers wait for writers or not; one tier for all
 *     one batch      one call more, one call fewer
 *     one call       its facts otherwise; its tier up or down; before or after all others; together
 *                    with another of its bucket
 *     one task       into another call of its bucket; alone
 *
 * The first two are tried in plans of any size, as far as the visits go; the others in small ones,
 * where they are what is between good and best. */

#include <math.h>

#include "daemon/plan/pricing.h"

/* Tasks that may be looked at, over all schemes priced: about a millisecond of work for a thousand
 * tasks, and every exchange there is for ten. */
#define SEARCH_VISITS 24000
#define SEARCH_VISITS_LARGE 10000
#define SMALL_UNITS 24 /* of calls: below, single calls and tasks are exchanged, too */
#define ROUNDS_MAX 12
#define BEGINNINGS 24
#define PLACE_MS 1e7 /* longer than any path */
/* A change counts when it saves more than rounding. */
#define WORTH 1e-9

struct searching {
        const struct units *u;
        struct pricing *p;
        struct scheme *best, *trial;
        double price;
        size_t n_visits, n_visits_max;
        bool has_improved;
        bool is_bound; /* no scheme may pass a window: that which the rules wrote does not */
};

static bool may_go_on(const struct searching *x)
{
        return x->n_visits < x->n_visits_max;
}

static double price_of(struct searching *x, struct scheme *s)
{
        double price = pricing_run(x->p, s);

        x->n_visits += x->u->n + 1;
        return x->is_bound && pricing_overflows(x->p, s) ? INFINITY : price;
}

/* Prices the trial: keeps it when it is better, else takes the best again. */
static bool try(struct searching *x)
{
        double price = price_of(x, x->trial);

        if (price < x->price * (1 - WORTH)) {
                x->price = price;
                x->has_improved = true;
                scheme_copy(x->best, x->trial, x->u);
                return true;
        }
        scheme_copy(x->trial, x->best, x->u);
        return false;
}

/* ---- bounds ---- */

/* The lot keeps the half with the unit that it is numbered by. */
static void halve(struct scheme *s, uint32_t lot)
{
        const struct lot l = s->lots[lot];
        uint32_t half = l.n / 2, from = half, to = l.n;

        for (uint32_t k = half; k < l.n; k++)
                if (s->members[l.first + k] == lot) {
                        from = 0;
                        to = half;
                }
        for (uint32_t k = from; k < to; k++)
                s->lot_of[s->members[l.first + k]] = s->members[l.first + from];
        s->lots[s->members[l.first + from]] = l;
        s->lots[s->members[l.first + from]].n = 0; /* until members are listed again */
}

/* Rules cut batches by what their answers take. Where prompt and answer pass what the model takes
 * at once, a scheme has no price, and neither have those beside it: such calls are halved until
 * they fit. A single file always has a price. */
static double make_fit(struct pricing *p, struct scheme *s)
{
        double price = pricing_run(p, s);
        bool is_halved = true;

        while (isinf(price) && is_halved) {
                is_halved = false;
                for (uint32_t i = 0; i < s->n_lots; i++) {
                        if (s->lots[i].n < 2 || pricing_fits(p, s, i))
                                continue;
                        halve(s, i);
                        is_halved = true;
                }
                price = pricing_run(p, s);
        }
        return price;
}

/* ---- the whole scheme ---- */

/* Facts and standards together: what is left of a beginning without the facts may be too short for
 * a cache in brief, and long enough in full. */
static void try_presentation(struct searching *x, enum presentation p, bool is_compressed)
{
        for (size_t i = 0; i < x->u->n; i++)
                x->trial->lots[i].presentation = p;
        x->trial->is_compressed = is_compressed;
        (void)try(x);
}

static void try_presentations(struct searching *x)
{
        const struct planning *in = x->u->in;
        bool is_compressed = x->best->is_compressed;

        for (enum presentation p = 0; p < N_PRESENTATIONS && may_go_on(x); p++) {
                if (p == PRESENT_WHOLE && in->estimator.n_prefixes == 0)
                        continue;
                try_presentation(x, p, is_compressed);
                if (in->is_on[RULE_COMPRESS] && may_go_on(x))
                        try_presentation(x, p, !is_compressed);
        }
}

/* Some of what is marked may lapse within the run, and can be kept longer. */
static bool may_need_long_marks(const struct searching *x)
{
        for (enum tier t = 0; t < N_TIERS; t++) {
                const struct model_facts *f = x->u->in->tiers[t].facts;

                if (f && f->cache_long_ms > f->cache_short_ms &&
                    x->p->end_ms > (double)f->cache_short_ms)
                        return true;
        }
        return false;
}

static void try_whole(struct searching *x)
{
        const struct planning *in = x->u->in;

        if (in->is_on[RULE_CONTEXT] && in->is_on[RULE_PREFIX] && x->u->n_shared > 0) {
                try_presentations(x);
        } else if (in->is_on[RULE_COMPRESS] && may_go_on(x)) {
                x->trial->is_compressed = !x->trial->is_compressed;
                (void)try(x);
        }
        if (x->trial->rules & RULE_BIT(RULE_PREFIX) && may_need_long_marks(x) && may_go_on(x)) {
                x->trial->is_long = !x->trial->is_long;
                (void)try(x);
        }
        if (x->trial->rules & RULE_BIT(RULE_PREFIX) && may_go_on(x)) {
                x->trial->is_waiting_off = !x->trial->is_waiting_off;
                (void)try(x);
        }
}

/* Calls side by side: one alone at a faster tier does not shorten the run. */
static void try_tiers(struct searching *x)
{
        const struct planning *in = x->u->in;

        for (enum tier t = 0; t < N_TIERS && may_go_on(x); t++) {
                if (!in->is_on[RULE_TIER] || !in->tiers[t].model)
                        continue;
                for (uint32_t i = 0; i < x->u->n; i++)
                        if (x->best->lot_of[i] != NO_LOT)
                                x->trial->lots[x->best->lot_of[i]].tier = 0;
                for (uint32_t i = 0; i < x->u->n; i++)
                        if (x->best->lot_of[i] != NO_LOT) {
                                struct lot *l = &x->trial->lots[x->best->lot_of[i]];

                                l->tier = MAX2(MAX2(l->tier, t), x->u->at[i].floor);
                        }
                (void)try(x);
        }
}

/* ---- batches ---- */

static size_t count_lots(const struct scheme *s, const struct batch *b)
{
        size_t n = 0;

        for (size_t i = 0; i < b->n; i++)
                n += s->lot_of[b->units[i]] == b->units[i];
        return MAX2(n, (size_t)1); /* it may go with others, under another's number */
}

/* The next number of calls that makes the largest of them smaller, or larger, by a task. */
static size_t next_split(const struct batch *b, size_t n, bool is_more)
{
        size_t size = (b->n + n - 1) / n;

        if (is_more)
                return size > 1 ? (b->n + size - 2) / (size - 1) : n;
        return (b->n + size) / (size + 1);
}

static void try_batch(struct searching *x, const struct batch *b)
{
        for (int is_more = 0; is_more <= 1; is_more++) {
                bool is_better = true;

                while (is_better && may_go_on(x)) {
                        size_t n = count_lots(x->best, b), next = next_split(b, n, is_more);

                        is_better = false;
                        if (next == n)
                                break;
                        (void)batch_fill(x->u, x->trial, b, next);
                        is_better = try(x);
                }
        }
}

/* All at once: where each single step costs first and only several pay, steps do not get there. */
static int try_fewest_calls(struct searching *x)
{
        _cleanup_free_ struct batch *batches = NULL;
        _cleanup_free_ uint32_t *order = NULL;
        size_t n = 0;
        int k = batch_list(x->u, x->best, &batches, &n, &order);

        for (size_t i = 0; i < n && k == 0; i++)
                (void)batch_fill(x->u, x->trial, &batches[i],
                                 batch_fewest(x->u, x->best, &batches[i]));
        if (k == 0 && n > 0)
                (void)try(x);
        return k;
}

static int try_batches(struct searching *x)
{
        _cleanup_free_ struct batch *batches = NULL;
        _cleanup_free_ uint32_t *order = NULL;
        size_t n = 0;
        int k = batch_list(x->u, x->best, &batches, &n, &order);

        for (size_t i = 0; i < n && k == 0 && may_go_on(x); i++)
                if (batches[i].n > 1)
                        try_batch(x, &batches[i]);
        return k;
}

/* ---- calls and tasks ---- */

static void try_presentations_of(struct searching *x, uint32_t lot)
{
        const struct planning *in = x->u->in;

        for (enum presentation p = 0; p < N_PRESENTATIONS && may_go_on(x); p++) {
                if (!in->is_on[RULE_CONTEXT] || x->best->lots[lot].presentation == p)
                        continue;
                x->trial->lots[lot].presentation = p;
                (void)try(x);
        }
}

static void try_tiers_of(struct searching *x, uint32_t lot)
{
        const struct planning *in = x->u->in;

        for (enum tier t = 0; t < N_TIERS && may_go_on(x); t++) {
                if (!in->is_on[RULE_TIER] || !in->tiers[t].model || x->best->lots[lot].tier == t)
                        continue;
                x->trial->lots[lot].tier = t;
                (void)try(x);
        }
}

/* Longest path first is a good rule, and not always the best order. */
static void try_places_of(struct searching *x, uint32_t lot)
{
        static const double places[] = {PLACE_MS, -PLACE_MS, 0};

        for (size_t i = 0; i < N_ELEMENTS(places) && may_go_on(x); i++) {
                x->trial->lots[lot].ahead_ms = places[i];
                (void)try(x);
        }
}

/* All of one call join another, perhaps at its tier. */
static void try_merges_of(struct searching *x, uint32_t lot)
{
        for (uint32_t i = 0; i < x->u->n && may_go_on(x); i++) {
                if (x->best->lot_of[i] != i || i == lot || x->best->lot_of[lot] != lot ||
                    x->u->at[i].bucket != x->u->at[lot].bucket)
                        continue;
                if (x->best->lots[i].tier < x->u->at[lot].floor)
                        x->trial->lots[i].tier = x->best->lots[lot].tier;
                for (uint32_t k = 0; k < x->u->n; k++)
                        if (x->best->lot_of[k] == lot)
                                x->trial->lot_of[k] = i;
                (void)try(x);
        }
}

static void try_moves_of(struct searching *x, uint32_t unit)
{
        for (uint32_t i = 0; i < x->u->n && may_go_on(x); i++) {
                bool is_lot = x->best->lot_of[i] == i;

                if (!is_lot && i != unit)
                        continue;
                if (x->u->at[i].bucket != x->u->at[unit].bucket || x->best->lot_of[unit] == i)
                        continue;
                scheme_move(x->trial, x->u, unit, i);
                (void)try(x);
        }
        if (x->best->lot_of[unit] == unit &&
            may_go_on(x)) { /* out of the lot that bears its number */
                scheme_move(x->trial, x->u, unit, unit);
                (void)try(x);
        }
}

static void try_swaps_of(struct searching *x, uint32_t unit)
{
        for (uint32_t i = unit + 1; i < x->u->n && may_go_on(x); i++) {
                uint32_t a = x->best->lot_of[unit], b = x->best->lot_of[i], at;

                if (b == NO_LOT || a == b || x->u->at[i].bucket != x->u->at[unit].bucket)
                        continue;
                /* Through places of their own, so that both lots keep a number. */
                for (at = 0; at < x->u->n && (at == unit || x->best->lot_of[at] != a); at++)
                        ;
                if (at == x->u->n)
                        continue;
                scheme_move(x->trial, x->u, unit, i);
                scheme_move(x->trial, x->u, i, at);
                (void)try(x);
        }
}

static void try_single(struct searching *x)
{
        const struct planning *in = x->u->in;

        for (uint32_t i = 0; i < x->u->n && may_go_on(x); i++) {
                if (x->best->lot_of[i] == NO_LOT)
                        continue;
                if (x->best->lot_of[i] == i) {
                        try_presentations_of(x, i);
                        try_tiers_of(x, i);
                        if (in->is_on[RULE_SCHEDULE])
                                try_places_of(x, i);
                        if (in->is_on[RULE_BATCH])
                                try_merges_of(x, i);
                }
                if (in->is_on[RULE_BATCH]) {
                        try_moves_of(x, i);
                        try_swaps_of(x, i);
                }
        }
}

static int exchange(struct searching *x)
{
        int k = 0;

        for (int round = 0; round < ROUNDS_MAX && may_go_on(x) && k == 0; round++) {
                x->has_improved = false;
                try_whole(x);
                if (x->u->in->is_on[RULE_BATCH])
                        k = try_batches(x);
                try_tiers(x);
                if (k == 0 && x->u->n_calls <= SMALL_UNITS)
                        try_single(x);
                if (!x->has_improved)
                        break;
        }
        return k;
}

static uint32_t draw(uint32_t *seed)
{
        *seed = *seed * 1664525u + 1013904223u;
        return *seed >> 16;
}

/* A tier that may do it; else that of `like`. */
static enum tier draw_tier(const struct searching *x, enum tier like, enum tier floor,
                           uint32_t *seed)
{
        enum tier t = draw(seed) % N_TIERS;

        return x->u->in->is_on[RULE_TIER] && x->u->in->tiers[t].model ? MAX2(floor, t) : like;
}

/* A scheme to begin from: tasks alone or with another of their bucket, facts own or shared; every
 * other time also tiers anew, and standards in brief or not. The same numbers for the same plan: a
 * plan is a function of what it was given. */
static void scatter(struct searching *x, const struct scheme *like, uint32_t *seed)
{
        struct scheme *s = x->best;
        bool is_far = draw(seed) & 1;

        if (is_far && x->u->in->is_on[RULE_COMPRESS])
                s->is_compressed = draw(seed) & 1;
        for (uint32_t i = 0; i < x->u->n; i++) {
                if (like->lot_of[i] == NO_LOT)
                        continue;
                s->lots[i] = like->lots[like->lot_of[i]];
                s->lots[i].tier = MAX2(x->u->at[i].floor, s->lots[i].tier);
                if (is_far)
                        s->lots[i].tier = draw_tier(x, s->lots[i].tier, x->u->at[i].floor, seed);
                s->lot_of[i] = i;
                for (uint32_t k = 0; k < i && x->u->in->is_on[RULE_BATCH]; k++)
                        if (s->lot_of[k] == k && x->u->at[k].bucket == x->u->at[i].bucket &&
                            draw(seed) & 1)
                                s->lot_of[i] = k;
                s->lots[i].ahead_ms =
                        x->u->in->is_on[RULE_SCHEDULE] && draw(seed) % 4 == 0 ? -PLACE_MS : 0;
                if (x->u->in->is_on[RULE_CONTEXT])
                        s->lots[i].presentation = draw(seed) & 1 ? PRESENT_SHARED : PRESENT_OWN;
        }
}

/* Small plans are begun again from other ends, as far as the visits go: one valley's floor may be a
 * slope of the next. */
static int begin_again(struct searching *x)
{
        _cleanup_(scheme_freep) struct scheme *first = NULL;
        double price = x->price;
        uint32_t seed = 1;
        int k = scheme_new(x->u, &first);

        if (k < 0)
                return k;
        scheme_copy(first, x->best, x->u);
        for (int i = 0; i < BEGINNINGS && may_go_on(x) && k == 0; i++) {
                scatter(x, first, &seed);
                scheme_copy(x->trial, x->best, x->u);
                x->price = price_of(x, x->best);
                k = exchange(x);
                if (x->price < price * (1 - WORTH)) {
                        price = x->price;
                        scheme_copy(first, x->best, x->u);
                }
        }
        scheme_copy(x->best, first, x->u);
        return k;
}

int search(const struct units *u, struct pricing *p, struct scheme *s)
{
        _cleanup_(scheme_freep) struct scheme *trial = NULL;
        struct searching x = {.u = u,
                              .p = p,
                              .best = s,
                              .n_visits_max = u->n_calls <= SMALL_UNITS ? SEARCH_VISITS
                                                                        : SEARCH_VISITS_LARGE};
        int k = scheme_new(u, &trial);

        if (k < 0)
                return k;
        x.trial = trial;
        x.price = make_fit(p, s);
        x.is_bound = !pricing_overflows(p, s);
        scheme_copy(trial, s, u);
        x.n_visits = u->n;
        if (u->in->is_on[RULE_BATCH])
                k = try_fewest_calls(&x);
        k = k ? k : exchange(&x);
        if (k == 0 && u->n_calls > 1 && u->n_calls <= SMALL_UNITS)
                k = begin_again(&x);
        return k;
}
