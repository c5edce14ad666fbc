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

/* What --set says of it, if that is something else. */
static const char *find_other(const struct client *c, const char *key, const char *value)
{
        const char *given = json_get_text(c->options, key);

        return given && strcmp(given, value) != 0 ? given : NULL;
}

int spending_check(const struct client *c, size_t at)
{
        const char *budget = c->values[at + SPENDING_BUDGET], *other;

        if (budget && !is_sum(budget))
                return client_usage(c,
                                    "--budget is a number of dollars like 2.50, below a billion, "
                                    "or none, not `%s`",
                                    budget);
        other = budget ? find_other(c, "budget.job_usd", budget) : NULL;
        if (other)
                return client_usage(c, "--budget %s and --set budget.job_usd=%s: leave one out",
                                    budget, other);
        other = c->values[at + SPENDING_YES] ? find_other(c, "approval.when", "never") : NULL;
        if (other)
                return client_usage(c, "--yes and --set approval.when=%s: leave one out", other);
        return 0;
}

/* The shorter says less: what --set names itself stays. */
static int put_unless_set(struct client *c, const char *key, const char *value)
{
        return json_object_get(c->options, key) ? 0 : json_put(c->options, key, json_string(value));
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
                r = put_unless_set(c, "budget.job_usd", budget);
                r = r < 0 ? r : put_unless_set(c, "approval.usd", budget);
                r = r < 0 ? r : put_unless_set(c, "approval.tokens", "0");
        }
        if (c->values[at + SPENDING_YES])
                r = r < 0 ? r : put_unless_set(c, "approval.when", "never");
        return r;
}
