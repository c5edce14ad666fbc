#include "daemon/plan/rules.h"

/* Prompts go from stable to volatile in any case. With this rule the beginnings that calls share
 * are marked for the provider's cache where reads pay for the write (marks.c), and calls that would
 * read wait for the one that writes where that is worth the delay. Where marks stand depends on all
 * other decisions, so that they are chosen anew for each scheme that is priced. */
static int apply(struct draft *d)
{
        d->scheme->rules |= RULE_BIT(RULE_PREFIX);
        return 0;
}

static void decide(struct scheme *s, const struct scheme *final, const struct units *u)
{
        (void)u;
        s->rules |= RULE_BIT(RULE_PREFIX);
        s->is_long = final->is_long;
}

/* What was read, at the price of input, less what reading and writing cost. */
static int measure(const struct measuring *in, const struct plan_rule *rule, const json_t *estimate,
                   json_t *out)
{
        double saved = 0;

        (void)rule;
        (void)estimate;
        for (size_t i = 0; i < in->m->n_calls; i++) {
                const struct measured_call *c = &in->m->calls[i];
                const struct price *p = &price_book_find(in->prices, c->model)->price;

                saved += (double)c->tokens.cache_read * ((double)p->input - (double)p->cache_read);
                saved -= (double)(c->tokens.cache_write - c->write_1h) *
                                 ((double)p->cache_write_5m - (double)p->input) +
                         (double)c->write_1h * ((double)p->cache_write_1h - (double)p->input);
        }
        return measure_put(out, "nanousd", saved);
}

const struct plan_rule rule_prefix = {.name = "prefix",
                                      .option = OPTION_PREFIX,
                                      .apply = apply,
                                      .settles = STEP_CALL,
                                      .decide = decide,
                                      .measure = measure};
