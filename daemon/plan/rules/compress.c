#include "daemon/plan/rules.h"

/* Standards in brief, where the blueprint has them; interfaces without comments and blank lines;
 * what several tasks of a call are told, once. Never the task itself, nor its facts. That it may
 * cost more (a beginning that falls below the minimum of the provider's cache) is for the search to
 * find. */
static int apply(struct draft *d)
{
        d->scheme->is_compressed = true;
        return 0;
}

static void decide(struct scheme *s, const struct scheme *final, const struct units *u)
{
        (void)u;
        s->is_compressed = final->is_compressed;
}

const struct plan_rule rule_compress = {.name = "compress",
                                        .option = OPTION_COMPRESS,
                                        .apply = apply,
                                        .settles = STEP_CALL,
                                        .decide = decide,
                                        .measure = measure_by_input};
