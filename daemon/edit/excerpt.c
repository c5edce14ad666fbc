#include "daemon/edit/excerpt.h"

#include <stdio.h>

#include "common/str.h"

#define GAP_BYTES 80

struct excerpt *excerpt_free(struct excerpt *e)
{
        if (!e)
                return NULL;
        free(e->above);
        free(e->region);
        free(e->whole);
        free(e);
        return NULL;
}

static size_t offset_of(struct span text, size_t line)
{
        size_t at = 0;

        for (; line > 0 && at < text.n; line--) {
                const char *lf = memchr(text.at + at, '\n', text.n - at);

                at = lf ? (size_t)(lf + 1 - text.at) : text.n;
        }
        return at;
}

int excerpt_new(struct span text, size_t head, size_t from, size_t to, struct excerpt **ret)
{
        _cleanup_(excerpt_freep) struct excerpt *e = calloc(1, sizeof(*e));
        size_t a = offset_of(text, head), b = offset_of(text, from), c = offset_of(text, to);

        if (!e)
                return -ENOMEM;
        e->n_above = b - a;
        e->n_region = c - b;
        e->above = str_dup_span((struct span){text.at + a, e->n_above});
        e->region = str_dup_span((struct span){text.at + b, e->n_region});
        if (!e->above || !e->region)
                return -ENOMEM;
        *ret = take(e);
        return 0;
}

/* A text as it lies around the region. */
struct parts {
        struct span head, tail;
        char above[GAP_BYTES], below[GAP_BYTES]; /* lines that tell of gaps; "": there is none */
};

static size_t count_lines(struct span text)
{
        size_t n = 0;

        for (size_t i = 0; i < text.n; i++)
                n += text.at[i] == '\n';
        return n;
}

static bool stands_at(const struct excerpt *e, struct span whole, size_t at)
{
        return (at == 0 || whole.at[at - 1] == '\n') && whole.n - at >= e->n_above + e->n_region &&
               memcmp(whole.at + at, e->above, e->n_above) == 0 &&
               memcmp(whole.at + at + e->n_above, e->region, e->n_region) == 0;
}

static int part(const struct excerpt *e, struct span whole, struct parts *ret)
{
        size_t at = 0, n = e->n_above + e->n_region;
        struct span above = {e->above, e->n_above};

        while (at < whole.n && !stands_at(e, whole, at)) {
                const char *lf = memchr(whole.at + at, '\n', whole.n - at);

                at = lf ? (size_t)(lf + 1 - whole.at) : whole.n;
        }
        if (n == 0 || at >= whole.n)
                return CONDITION_ABSENT;
        *ret = (struct parts){.head = {whole.at, at},
                              .tail = {whole.at + at + n, whole.n - at - n}};
        if (above.n > 0)
                snprintf(ret->above, GAP_BYTES, "[… %zu lines here are not shown …]\n",
                         count_lines(above));
        if (ret->tail.n > 0)
                snprintf(ret->below, GAP_BYTES, "[… %zu lines up to the end are not shown …]\n",
                         count_lines(ret->tail));
        return 0;
}

int excerpt_show(const struct excerpt *e, struct span whole, struct buf *out)
{
        struct parts p;
        int r = part(e, whole, &p);

        if (r)
                return r;
        (void)buf_add_span(out, p.head);
        (void)buf_add_text(out, p.above);
        (void)buf_add(out, e->region, e->n_region);
        return buf_add_text(out, p.below);
}

/* Where the line stands, as a whole line, and only once; SIZE_MAX: it does not. */
static size_t find_line(struct span text, const char *line)
{
        size_t n = strlen(line), found = SIZE_MAX;

        for (size_t at = 0; at < text.n;) {
                const char *lf = memchr(text.at + at, '\n', text.n - at);
                size_t next = lf ? (size_t)(lf + 1 - text.at) : text.n;

                if (next - at == n && memcmp(text.at + at, line, n) == 0) {
                        if (found != SIZE_MAX)
                                return SIZE_MAX;
                        found = at;
                }
                at = next;
        }
        return found;
}

static int refuse(struct diag *d, const char *line)
{
        *d = (struct diag){0};
        snprintf(d->text, sizeof(d->text),
                 "`%.*s` stands for lines that are not shown: leave it as it is",
                 (int)strcspn(line, "\n"), line);
        return CONDITION_REFUSED;
}

int excerpt_join(const struct excerpt *e, struct span whole, struct span shown, struct buf *out,
                 struct diag *ret_diag)
{
        size_t above = 0, below = shown.n;
        struct parts p;
        int r = part(e, whole, &p);

        if (r)
                return r;
        if (*p.above) {
                above = find_line(shown, p.above);
                if (above == SIZE_MAX)
                        return refuse(ret_diag, p.above);
                (void)buf_add(out, shown.at, above);
                (void)buf_add(out, e->above, e->n_above);
                above += strlen(p.above);
        }
        if (*p.below) {
                below = find_line(shown, p.below);
                if (below == SIZE_MAX || below < above)
                        return refuse(ret_diag, p.below);
        }
        (void)buf_add(out, shown.at + above, below - above);
        if (*p.below && shown.n > below + strlen(p.below)) /* added after the last gap */
                return refuse(ret_diag, p.below);
        return buf_add_span(out, p.tail);
}
