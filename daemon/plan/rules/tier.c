#include <math.h>

#include "daemon/plan/rules.h"

/* Money for one answer of a unit alone, and for asking the next tier when it is refused. */
static double expected_nanousd(const struct units *u, const struct unit *x, enum tier tier)
{
        const struct model_facts *f = u->in->tiers[tier].facts;
        const struct rates *r = &u->rates[tier];
        double prompt = (double)(x->own_bytes + x->tail.at[TEXT_DATA]) * r->prompt[TEXT_DATA] +
                        (double)x->tail.at[TEXT_PROSE] * r->prompt[TEXT_PROSE];

        if (!f)
                return INFINITY;
        return (prompt * (double)f->price.input +
                x->output_bytes * r->answer * (double)f->price.output) *
               (1 + x->risk[tier]);
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

const struct plan_rule rule_tier = {"tier", "optimization.tier", apply};
