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

const struct plan_rule rule_prefix = {"prefix", "optimization.prefix.enabled", apply};
