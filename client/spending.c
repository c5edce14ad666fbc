#include "client/spending.h"

#include "common/json.h"

#define DIGITS_MAX 9 /* of dollars, and of parts of one: nothing that a daemon takes is longer */

static size_t count_digits(const char *s)
{
        size_t n = strspn(s, "0123456789");

        return n <= DIGITS_MAX ? n : 0;
}

/* As the daemon reads sums of money: digits, perhaps a point and digits; or none. It would refuse
 * others itself, but under the names of the options that are set by this. */
static bool is_sum(const char *s)
{
        size_t n = count_digits(s), more;

        if (strcmp(s, "none") == 0)
                return true;
        if (n == 0 || s[n] != '.')
                return n > 0 && s[n] == '\0';
        more = count_digits(s + n + 1);
        return more > 0 && s[n + 1 + more] == '\0';
}

const char *spending_fault(const struct client *c, size_t at)
{
        const char *budget = c->values[at + SPENDING_BUDGET];

        return budget && !is_sum(budget)
                       ? "--budget is a number of dollars like 2.50, below a billion, or none"
                       : NULL;
}

int spending_set(struct client *c, size_t at)
{
        const char *budget = c->values[at + SPENDING_BUDGET];
        int r = 0;

        if (!c->options)
                c->options = json_object();
        if (!c->options)
                return -ENOMEM;
        if (budget) {
                r = json_put(c->options, "budget.job_usd", json_string(budget));
                r = r < 0 ? r : json_put(c->options, "approval.usd", json_string(budget));
                r = r < 0 ? r : json_put(c->options, "approval.tokens", json_string("0"));
        }
        if (c->values[at + SPENDING_YES])
                r = r < 0 ? r : json_put(c->options, "approval.when", json_string("never"));
        return r;
}
