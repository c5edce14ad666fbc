#include "daemon/input/fix-checks.h"

#include "common/str.h"

#define LANGUAGES_MAX 40u /* more than fix_language() knows */

struct fix_checks {
        struct {
                const char *language; /* borrowed: a constant of fix_language() */
                struct check_set *set;
        } at[LANGUAGES_MAX];
        size_t n;
};

int fix_checks_new(struct fix_checks **ret)
{
        *ret = calloc(1, sizeof(**ret));
        return *ret ? 0 : -ENOMEM;
}

void fix_checks_free(void *checks)
{
        struct fix_checks *c = checks;

        for (size_t i = 0; c && i < c->n; i++)
                check_set_free(c->at[i].set);
        free(c);
}

int fix_checks_get(struct fix_checks *c, const char *language, const struct check_set **ret)
{
        struct check_set *set = NULL;
        struct diag diag;
        int r;

        *ret = NULL;
        for (size_t i = 0; i < c->n && !*ret; i++)
                if (strcmp(c->at[i].language, language) == 0)
                        *ret = c->at[i].set;
        if (*ret || c->n == LANGUAGES_MAX)
                return 0;
        r = check_set_new(language, NULL, 0, &set, &diag);
        if (r < 0)
                return r;
        c->at[c->n].language = language;
        c->at[c->n++].set = set;
        *ret = set;
        return 0;
}
