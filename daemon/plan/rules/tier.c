#include <math.h>

#include "common/json.h"
#include "daemon/plan/rules.h"

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
                        if (units_expected_nanousd(d->units, x, t) <
                            units_expected_nanousd(d->units, x, best))
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

/* Tokens of a call at the price of the naive plan's model, less at that of its own. */
static double difference(const struct measuring *in, const struct measured_call *c)
{
        const struct model_facts *naive = price_book_find(in->prices, in->naive_model),
                                 *used = price_book_find(in->prices, c->model);

        return price_of(&naive->price, c) - price_of(&used->price, c);
}

/* The same of the calls that were planned. */
static double planned_difference(const struct measuring *in)
{
        double sum = 0;
        json_t *step;
        size_t i;

        json_array_foreach ((json_t *)in->steps, i, step) {
                const json_t *e = json_object_get(step, "estimate");
                struct measured_call c = {.model = json_get_text(step, "model")};

                if (!c.model)
                        continue;
                c.tokens =
                        (struct tokens){.input = (uint64_t)measure_estimate(e, "input"),
                                        .cache_read = (uint64_t)measure_estimate(e, "cache_read"),
                                        .cache_write = (uint64_t)measure_estimate(e, "cache_write"),
                                        .output = (uint64_t)measure_estimate(e, "output")};
                sum += difference(in, &c);
        }
        return sum;
}

/* The rule is estimated before files share calls, so its estimate is larger than what the calls of
 * the plan show: it is reached as far as theirs is. */
static int measure(const struct measuring *in, const struct plan_rule *rule, const json_t *estimate,
                   json_t *out)
{
        double planned, saved = 0;

        (void)rule;
        if (!in->naive_model)
                return 0;
        for (size_t i = 0; i < in->m->n_calls; i++)
                saved += difference(in, &in->m->calls[i]);
        planned = planned_difference(in);
        if (planned > 0)
                saved *= measure_estimate(estimate, "nanousd") / planned;
        return measure_put(out, "nanousd", saved);
}

const struct plan_rule rule_tier = {.name = "tier",
                                    .option = OPTION_TIER,
                                    .apply = apply,
                                    .settles = STEP_CALL,
                                    .decide = decide,
                                    .measure = measure};
