#include <math.h>

#include "daemon/plan/rules.h"

/* Money for one answer of a unit alone, and for asking the next tier when it is refused. */
static double expected_nanousd(const struct units *u, const struct unit *x, enum tier tier)
{
        if (!u->in->tiers[tier].facts)
                return INFINITY;
        return x->alone_nanousd[tier] * (1 + x->risk[tier]);
}

/* The cheapest tier that is fit: at least as its kind requires (a tier that is not configured falls
 * to the next better), and a better one where so many answers would be refused that it is cheaper
 * in the end. */
static int apply(struct draft *d)
{
        for (size_t i = 0; i < d->units->n; i++) {
                const struct unit *x = &d->units->at[i];
                enum tier best = x->floor;

                if (d->scheme->lot_of[i] == NO_LOT)
                        continue;
                for (enum tier t = best + 1; t < N_TIERS; t++)
                        if (expected_nanousd(d->units, x, t) < expected_nanousd(d->units, x, best))
                                best = t;
                d->scheme->lots[d->scheme->lot_of[i]].tier = best;
        }
        return 0;
}

static void decide(struct scheme *s, const struct scheme *final, const struct units *u)
{
        for (size_t i = 0; i < u->n; i++)
                if (final->lot_of[i] != NO_LOT)
                        s->lots[i].tier = final->lots[final->lot_of[i]].tier;
}

static double price_of(const struct price *p, const struct measured_call *c)
{
        const struct tokens *t = &c->tokens;

        return (double)p->input * (double)t->input + (double)p->cache_read * (double)t->cache_read +
               (double)p->cache_write_5m * (double)(t->cache_write - c->write_1h) +
               (double)p->cache_write_1h * (double)c->write_1h +
               (double)p->output * (double)t->output;
}

/* Each call's tokens at the price of the naive plan's model, less at that of its own. */
static int measure(const struct measuring *in, const struct plan_rule *rule, const json_t *estimate,
                   json_t *out)
{
        const struct model_facts *naive;
        double saved = 0;

        (void)rule;
        (void)estimate;
        if (!in->naive_model)
                return 0;
        naive = price_book_find(in->prices, in->naive_model);
        for (size_t i = 0; i < in->m->n_calls; i++) {
                const struct measured_call *c = &in->m->calls[i];
                const struct model_facts *used = price_book_find(in->prices, c->model);

                saved += price_of(&naive->price, c) - price_of(&used->price, c);
        }
        return measure_put(out, "nanousd", saved);
}

const struct plan_rule rule_tier = {.name = "tier",
                                    .option = OPTION_TIER,
                                    .apply = apply,
                                    .settles = STEP_CALL,
                                    .decide = decide,
                                    .measure = measure};
