#include "daemon/plan/rules.h"

/* Calls side by side, as many as the limits allow, longest path first, readers of a prefix after
 * its writer. Without it they run one after another. */
static int apply(struct draft *d)
{
        d->scheme->rules |= RULE_BIT(RULE_SCHEDULE);
        d->scheme->n_parallel = MAX2(d->in->n_parallel, 1u);
        return 0;
}

static void decide(struct scheme *s, const struct scheme *final, const struct units *u)
{
        scheme_copy(s, final, u);
}

/* The calls' times one after another, less the time in which any was under way. */
static int measure(const struct measuring *in, const struct plan_rule *rule, const json_t *estimate,
                   json_t *out)
{
        double all = 0;

        (void)rule;
        (void)estimate;
        for (size_t i = 0; i < in->m->n_calls; i++)
                all += (double)(in->m->calls[i].end_ms - in->m->calls[i].start_ms);
        return measure_put(out, "ms", all - (double)measured_busy_ms(in->m));
}

const struct plan_rule rule_schedule = {.name = "schedule",
                                        .option = OPTION_SCHEDULE,
                                        .apply = apply,
                                        .settles = STEP_CALL,
                                        .decide = decide,
                                        .measure = measure};
