#include "tests/sim/dialect.h"

#include <stdarg.h>
#include <stdio.h>

#include "common/json.h"
#include "common/str.h"

/* The table: a dialect is one row. */
static const struct sim_dialect *const table[] = {&sim_anthropic, &sim_openai, &sim_ollama};

const struct sim_dialect *sim_dialect_find(const char *path)
{
        for (size_t i = 0; i < N_ELEMENTS(table); i++)
                for (const char *const *p = table[i]->paths; *p; p++)
                        if (str_is_equal(*p, path))
                                return table[i];
        return NULL;
}

enum usage_style reply_usage_style(const struct sim_reply *r)
{
        return reply_has(r, FAULT_NO_USAGE) || str_is_equal(r->stop_reason, "abort") ? USAGE_NONE
               : reply_has(r, FAULT_NULL_USAGE)                                      ? USAGE_NULL
                                                                                     : USAGE_FULL;
}

void write_json_text(struct buf *b, struct span s)
{
        int r = json_write_string(b, s);

        if (r < 0 && !b->failed)
                b->failed = r;
}

int refusal_set(struct refusal *ret, int status, const char *type, const char *format, ...)
{
        va_list args;

        *ret = (struct refusal){.status = status, .type = type};
        va_start(args, format);
        (void)vsnprintf(ret->message, sizeof(ret->message), format, args);
        va_end(args);
        return CONDITION_REFUSED;
}
