#include "proto/listed.h"

static void skip_space(struct listed_cursor *c)
{
        while (c->at < c->end &&
               (*c->at == ' ' || *c->at == '\n' || *c->at == '\r' || *c->at == '\t'))
                c->at++;
}

static bool take_char(struct listed_cursor *c, char wanted)
{
        skip_space(c);
        if (c->at == c->end || *c->at != wanted)
                return false;
        c->at++;
        return true;
}

static bool take_string(struct listed_cursor *c, struct span *ret)
{
        const char *start, *quote;

        if (!take_char(c, '"'))
                return false;
        start = c->at;
        quote = memchr(start, '"', (size_t)(c->end - start));
        if (!quote || memchr(start, '\\', (size_t)(quote - start)))
                return false;
        *ret = (struct span){start, (size_t)(quote - start)};
        c->at = quote + 1;
        return true;
}

static bool take_value(struct listed_cursor *c, struct span *ret)
{
        const struct span null = SPAN("null");

        skip_space(c);
        if ((size_t)(c->end - c->at) < null.n || memcmp(c->at, null.at, null.n) != 0)
                return take_string(c, ret);
        c->at += null.n;
        *ret = (struct span){0};
        return true;
}

#define N_FIELDS 4

static struct span *find_field(struct listed *e, struct span key, unsigned *ret_bit)
{
        const struct {
                struct span name, *at;
        } fields[N_FIELDS] = {
                {SPAN("disk"), &e->disk},
                {SPAN("fingerprint"), &e->fingerprint},
                {SPAN("path"), &e->path},
                {SPAN("sha256"), &e->sha256},
        };

        for (unsigned i = 0; i < N_FIELDS; i++)
                if (span_is_equal(key, fields[i].name)) {
                        *ret_bit = 1u << i;
                        return fields[i].at;
                }
        return NULL;
}

static bool take_entry(struct listed_cursor *c, struct listed *ret)
{
        struct listed e = {0};
        unsigned seen = 0;

        if (!take_char(c, '{'))
                return false;
        do {
                struct span key, *field;
                unsigned bit = 0;

                if (!take_string(c, &key))
                        return false;
                field = find_field(&e, key, &bit);
                if (!field || (seen & bit) || !take_char(c, ':') || !take_value(c, field))
                        return false;
                seen |= bit;
        } while (take_char(c, ','));
        if (!take_char(c, '}'))
                return false;
        *ret = e;
        return true;
}

void listed_begin(struct listed_cursor *c, struct span list)
{
        *c = (struct listed_cursor){list.at, list.at + list.n, false};
}

int listed_next(struct listed_cursor *c, struct listed *ret)
{
        char before = c->has_begun ? ',' : '[';

        if (take_char(c, before)) {
                bool is_first = !c->has_begun;

                c->has_begun = true;
                if (!is_first || !take_char(c, ']'))
                        return take_entry(c, ret) ? 0 : CONDITION_REFUSED;
        } else if (!c->has_begun || !take_char(c, ']')) {
                return CONDITION_REFUSED;
        }
        skip_space(c);
        return c->at == c->end ? CONDITION_ABSENT : CONDITION_REFUSED;
}

bool listed_is_plain(struct span list)
{
        struct listed_cursor c;
        struct listed e;
        size_t n = 0;
        int k;

        listed_begin(&c, list);
        while ((k = listed_next(&c, &e)) == 0)
                n++;
        return k == CONDITION_ABSENT && n > 0;
}
