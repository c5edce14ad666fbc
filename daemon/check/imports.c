#include "daemon/check/imports.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>
#include <stdio.h>

#include "common/canon.h"
#include "common/str.h"
#include "daemon/check/internal.h"

#define MATCH_LIMIT 100000 /* as of other rules */
#define MAX_PATTERN_BYTES 1024
#define HASH_VERSION 1

struct place {
        pcre2_code *after, *skip; /* owned; skip: NULL */
        char *line;               /* owned */
};

struct name {
        char *name, *path; /* owned */
};

struct check_imports {
        const struct check_language *language; /* borrowed: static */
        pcre2_code *use, *said;                /* owned */
        struct place places[CHECK_IMPORTS_MAX_PLACES];
        size_t n_places;
        struct name *names; /* owned; by path */
        size_t n_names;
        struct hash hash;
};

struct check_imports *check_imports_free(struct check_imports *m)
{
        if (!m)
                return NULL;
        pcre2_code_free(m->use);
        pcre2_code_free(m->said);
        for (size_t i = 0; i < m->n_places; i++) {
                pcre2_code_free(m->places[i].after);
                pcre2_code_free(m->places[i].skip);
                free(m->places[i].line);
        }
        for (size_t i = 0; m->names && i < m->n_names; i++) {
                free(m->names[i].name);
                free(m->names[i].path);
        }
        free(m->names);
        free(m);
        return NULL;
}

/* ---- compiling ---- */

static int compile(const char *pattern, bool has_group, pcre2_code **ret, struct diag *d)
{
        uint32_t n_groups = 0;
        PCRE2_UCHAR why[128];
        PCRE2_SIZE at = 0;
        int error = 0;

        if (!pattern || strlen(pattern) > MAX_PATTERN_BYTES) {
                snprintf(d->text, sizeof(d->text),
                         "imports: a pattern of at most %d bytes is wanted", MAX_PATTERN_BYTES);
                return CONDITION_REFUSED;
        }
        *ret = pcre2_compile((PCRE2_SPTR)pattern, PCRE2_ZERO_TERMINATED,
                             PCRE2_UTF | PCRE2_MULTILINE | PCRE2_NEVER_BACKSLASH_C, &error, &at,
                             NULL);
        if (!*ret && error == PCRE2_ERROR_HEAP_FAILED)
                return -ENOMEM;
        if (!*ret) {
                pcre2_get_error_message(error, why, sizeof(why));
                snprintf(d->text, sizeof(d->text), "imports: %s at character %zu of `%.60s`",
                         (const char *)why, at + 1, pattern);
                return CONDITION_REFUSED;
        }
        (void)pcre2_pattern_info(*ret, PCRE2_INFO_CAPTURECOUNT, &n_groups);
        if (!has_group || n_groups > 0)
                return 0;
        snprintf(d->text, sizeof(d->text), "imports: `%.60s` wants a group", pattern);
        return CONDITION_REFUSED;
}

static int compile_places(struct check_imports *m, const struct check_imports_source *s,
                          struct diag *d)
{
        int r = 0;

        for (size_t i = 0; i < s->n_places && r == 0; i++) {
                struct place *p = &m->places[m->n_places++];

                r = compile(s->places[i].after, false, &p->after, d);
                if (r == 0 && s->places[i].skip)
                        r = compile(s->places[i].skip, true, &p->skip, d);
                p->line = str_dup_span(span_of(s->places[i].line));
                if (r == 0 && !p->line)
                        r = -ENOMEM;
        }
        return r;
}

static int by_path(const void *a, const void *b)
{
        return strcmp(((const struct name *)a)->path, ((const struct name *)b)->path);
}

static int copy_names(struct check_imports *m, const struct check_imports_source *s)
{
        m->names = calloc(s->n_names + 1, sizeof(*m->names));
        if (!m->names)
                return -ENOMEM;
        for (size_t i = 0; i < s->n_names; i++) {
                struct name *n = &m->names[m->n_names++];

                n->name = str_dup_span(span_of(s->names[i].name));
                n->path = str_dup_span(span_of(s->names[i].path));
                if (!n->name || !n->path)
                        return -ENOMEM;
        }
        qsort(m->names, m->n_names, sizeof(*m->names), by_path);
        return 0;
}

static int hash_source(const struct check_imports_source *s, struct hash *ret)
{
        struct canon *c = NULL;
        int r = canon_new(HASH_VERSION, &c);

        if (r < 0)
                return r;
        canon_add_text(c, 1, s->language);
        canon_add_text(c, 2, s->use);
        canon_add_text(c, 3, s->said);
        for (size_t i = 0; i < s->n_places; i++) {
                canon_add_text(c, 4, s->places[i].after);
                canon_add_text(c, 5, s->places[i].skip ?: "");
                canon_add_text(c, 6, s->places[i].line);
        }
        for (size_t i = 0; i < s->n_names; i++) {
                canon_add_text(c, 7, s->names[i].name);
                canon_add_text(c, 8, s->names[i].path);
        }
        canon_get(c, ret);
        canon_free(c);
        return 0;
}

int check_imports_new(const struct check_imports_source *source, struct check_imports **ret,
                      struct diag *ret_diag)
{
        _cleanup_(check_imports_freep) struct check_imports *m = calloc(1, sizeof(*m));
        int r;

        *ret_diag = (struct diag){0};
        if (!m)
                return -ENOMEM;
        m->language = check_language_find(source->language);
        r = compile(source->use, true, &m->use, ret_diag);
        if (r == 0)
                r = compile(source->said, true, &m->said, ret_diag);
        if (r == 0)
                r = compile_places(m, source, ret_diag);
        if (r == 0)
                r = copy_names(m, source);
        if (r == 0)
                r = hash_source(source, &m->hash);
        if (r == 0)
                *ret = take(m);
        return r;
}

void check_imports_hash(const struct check_imports *m, struct hash *ret)
{
        *ret = m->hash;
}

/* ---- what is missing ---- */

struct tally {
        bool is_said;
        unsigned n_used, n_words;
};

struct mending {
        const struct check_imports *m;
        struct span text;
        struct check_mask mask;
        pcre2_match_data *match;
        pcre2_match_context *context;
        struct tally *tally; /* owned: of names */
};

static size_t find_name(const struct check_imports *m, struct span name)
{
        for (size_t i = 0; i < m->n_names; i++)
                if (span_is_equal(name, span_of(m->names[i].name)))
                        return i;
        return SIZE_MAX;
}

/* False: no match, or none within the limits. */
static bool match_at(struct mending *w, const pcre2_code *code, const char *text, size_t at,
                     uint32_t options)
{
        return pcre2_match(code, (PCRE2_SPTR)text, w->text.n, at, PCRE2_NO_UTF_CHECK | options,
                           w->match, w->context) > 0;
}

static struct span group(const struct mending *w, const char *text, unsigned n)
{
        const PCRE2_SIZE *at = pcre2_get_ovector_pointer(w->match);

        if (n >= pcre2_get_ovector_count(w->match) || at[2 * n] == PCRE2_UNSET ||
            at[2 * n + 1] < at[2 * n])
                return (struct span){0};
        return (struct span){text + at[2 * n], at[2 * n + 1] - at[2 * n]};
}

static bool is_word_char(char c)
{
        return c == '_' || (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
               (c >= 'A' && c <= 'Z') || (unsigned char)c >= 0x80;
}

static bool next_word(struct span *rest, struct span *ret)
{
        size_t n = 0;

        while (rest->n > 0 && !is_word_char(*rest->at)) {
                rest->at++;
                rest->n--;
        }
        while (n < rest->n && is_word_char(rest->at[n]))
                n++;
        *ret = (struct span){rest->at, n};
        rest->at += n;
        rest->n -= n;
        return n > 0;
}

/* The first groups of all matches. */
static void each_match(struct mending *w, const pcre2_code *code, const char *text,
                       void (*fn)(struct mending *w, struct span group))
{
        size_t at = 0;

        while (at < w->text.n && match_at(w, code, text, at, 0)) {
                size_t end = pcre2_get_ovector_pointer(w->match)[1];

                fn(w, group(w, text, 1));
                at = end > at ? end : at + 1;
                while (at < w->text.n && ((unsigned char)text[at] & 0xc0) == 0x80)
                        at++;
        }
}

static void note_use(struct mending *w, struct span name)
{
        size_t i = find_name(w->m, name);

        if (i != SIZE_MAX)
                w->tally[i].n_used++;
}

static void note_said(struct mending *w, struct span names)
{
        struct span word;

        while (next_word(&names, &word)) {
                size_t i = find_name(w->m, word);

                if (i != SIZE_MAX)
                        w->tally[i].is_said = true;
        }
}

/* Words of the code that are nobody's member. */
static void count_words(struct mending *w)
{
        struct span rest = {w->mask.code, w->text.n}, word;

        while (next_word(&rest, &word)) {
                size_t i = find_name(w->m, word);

                if (i != SIZE_MAX && (word.at == w->mask.code || word.at[-1] != '.'))
                        w->tally[i].n_words++;
        }
}

static bool is_missing(const struct tally *t)
{
        return t->n_used > 0 && !t->is_said && t->n_words == t->n_used;
}

/* ---- adding it ---- */

static size_t place_for(struct mending *w, const struct place *p, size_t at, const char *path)
{
        const char *text = w->mask.strings;

        while (p->skip && match_at(w, p->skip, text, at, PCRE2_ANCHORED)) {
                size_t end = pcre2_get_ovector_pointer(w->match)[1];
                struct span other = group(w, text, 1);
                int order = memcmp(other.at, path, MIN2(other.n, strlen(path)));

                if (end <= at || order > 0 || (order == 0 && other.n >= strlen(path)))
                        break;
                at = end;
        }
        return at;
}

static void write_line(const char *line, const char *path, struct buf *out)
{
        for (; *line; line++)
                if (*line == '$')
                        (void)buf_add_text(out, path);
                else
                        (void)buf_add_char(out, *line);
}

static int write_mended(struct mending *w, const struct place *p, size_t at, struct buf *out,
                        struct buf *said)
{
        size_t done = 0;

        for (size_t i = 0; i < w->m->n_names; i++) {
                const struct name *n = &w->m->names[i];

                if (!is_missing(&w->tally[i]))
                        continue;
                at = place_for(w, p, at, n->path);
                (void)buf_add(out, w->text.at + done, at - done);
                done = at;
                write_line(p->line, n->path, out);
                (void)buf_printf(said, "%s%s", said->n > 0 ? ", " : "", n->path);
        }
        (void)buf_add(out, w->text.at + done, w->text.n - done);
        return out->failed ? out->failed : said->failed;
}

static int mend(struct mending *w, struct buf *out, struct buf *said)
{
        const struct check_imports *m = w->m;
        bool has_any = false;

        each_match(w, m->use, w->mask.code, note_use);
        each_match(w, m->said, w->mask.strings, note_said);
        count_words(w);
        for (size_t i = 0; i < m->n_names; i++)
                has_any |= is_missing(&w->tally[i]);
        for (size_t i = 0; has_any && i < m->n_places; i++)
                if (match_at(w, m->places[i].after, w->mask.code, 0, 0))
                        return write_mended(w, &m->places[i],
                                            pcre2_get_ovector_pointer(w->match)[1], out, said);
        return CONDITION_ABSENT;
}

int check_imports_mend(const struct check_imports *m, struct span text, struct buf *out,
                       struct buf *said)
{
        struct mending w = {.m = m, .text = text};
        int r;

        if (text.n == 0 || memchr(text.at, 0, text.n) || !str_is_utf8(text))
                return CONDITION_ABSENT;
        r = check_mask_make(m->language, text, &w.mask);
        if (r < 0)
                return r;
        w.match = pcre2_match_data_create(8, NULL);
        w.context = pcre2_match_context_create(NULL);
        w.tally = calloc(m->n_names + 1, sizeof(*w.tally));
        if (w.match && w.context && w.tally) {
                pcre2_set_match_limit(w.context, MATCH_LIMIT);
                r = w.mask.is_open ? CONDITION_ABSENT : mend(&w, out, said);
        } else {
                r = -ENOMEM;
        }
        check_mask_done(&w.mask);
        pcre2_match_data_free(w.match);
        pcre2_match_context_free(w.context);
        free(w.tally);
        return r;
}
