#include "client/link/older.h"

#include <stdio.h>

#include "common/json.h"
#include "common/str.h"

static const struct older {
        const char *method, *member;
        const char *value;   /* that it may not know; NULL: any, it does not know the member */
        const char *instead; /* NULL: it is left out */
} rows[] = {
        {"job/list", "dry_runs", NULL, NULL},
        {"daemon/stop", "mode", "restart", "drain"},
};

/* The daemon names the member that it refuses at the beginning (proto/params.c). */
static bool is_about(const struct failure *f, const char *member)
{
        char begin[64];

        if (f->id != FAILURE_INVALID_PARAMS)
                return false;
        (void)snprintf(begin, sizeof(begin), "`%s` ", member);
        return str_has_prefix(failure_message(f), begin);
}

bool older_mend(const char *method, json_t *params, const struct failure *f)
{
        for (size_t i = 0; params && i < N_ELEMENTS(rows); i++) {
                const struct older *o = &rows[i];

                if (!str_is_equal(o->method, method) || !json_object_get(params, o->member) ||
                    !is_about(f, o->member))
                        continue;
                if (!o->value)
                        return json_object_del(params, o->member) == 0;
                if (str_is_equal(json_get_text(params, o->member), o->value))
                        return json_put(params, o->member, json_string(o->instead)) == 0;
        }
        return false;
}
