#include "client/files/patch.h"

#define TABLE_MAX 4000000u /* cells of the search: a few megabytes, a few milliseconds */

struct lines {
        struct span *at; /* owned */
        size_t n;
};

static int split(struct span text, struct lines *ret)
{
        size_t n = 1;

        for (size_t i = 0; i < text.n; i++)
                n += text.at[i] == '\n';
        ret->at = calloc(n, sizeof(*ret->at));
        if (!ret->at)
                return -ENOMEM;
        while (text.n > 0) {
                const char *lf = memchr(text.at, '\n', text.n);
                size_t size = lf ? (size_t)(lf + 1 - text.at) : text.n;

                ret->at[ret->n++] = (struct span){text.at, size};
                text.at += size;
                text.n -= size;
        }
        return 0;
}

/* What becomes of lines, in order: kept, taken away, added. */
struct script {
        char *ops; /* owned: ' ', '-', '+' */
        size_t n;
};

/* Lengths of the longest common subsequences of the ends of both. */
static int search(const struct span *a, size_t n, const struct span *b, size_t m, struct script *s)
{
        _cleanup_free_ uint32_t *table = NULL;
        size_t w = m + 1, i = 0, k = 0;

        if ((n + 1) * w > TABLE_MAX) {
                memset(s->ops + s->n, '-', n);
                memset(s->ops + s->n + n, '+', m);
                s->n += n + m;
                return 0;
        }
        table = calloc((n + 1) * w, sizeof(*table));
        if (!table)
                return -ENOMEM;
        for (i = n; i-- > 0;)
                for (k = m; k-- > 0;)
                        table[i * w + k] =
                                span_is_equal(a[i], b[k])
                                        ? table[(i + 1) * w + k + 1] + 1
                                        : MAX2(table[(i + 1) * w + k], table[i * w + k + 1]);
        for (i = k = 0; i < n || k < m;) {
                if (i < n && k < m && span_is_equal(a[i], b[k])) {
                        s->ops[s->n++] = ' ';
                        i++;
                        k++;
                } else if (i < n && (k == m || table[(i + 1) * w + k] >= table[i * w + k + 1])) {
                        s->ops[s->n++] = '-';
                        i++;
                } else {
                        s->ops[s->n++] = '+';
                        k++;
                }
        }
        return 0;
}

static int compare(const struct lines *a, const struct lines *b, struct script *s)
{
        size_t head = 0, tail = 0;
        int r;

        s->ops = malloc(a->n + b->n + 1);
        if (!s->ops)
                return -ENOMEM;
        while (head < a->n && head < b->n && span_is_equal(a->at[head], b->at[head]))
                head++;
        while (head + tail < a->n && head + tail < b->n &&
               span_is_equal(a->at[a->n - 1 - tail], b->at[b->n - 1 - tail]))
                tail++;
        memset(s->ops, ' ', head);
        s->n = head;
        r = search(a->at + head, a->n - head - tail, b->at + head, b->n - head - tail, s);
        if (r < 0)
                return r;
        memset(s->ops + s->n, ' ', tail);
        s->n += tail;
        return 0;
}

static void put_line(struct buf *out, char op, struct span line)
{
        (void)buf_add_char(out, op);
        (void)buf_add_span(out, line);
        if (line.n == 0 || line.at[line.n - 1] != '\n')
                (void)buf_add_text(out, "\n\\ No newline at end of file\n");
}

/* The operations [from, to) as one hunk; i, k: lines of both texts at `from`. */
static void put_hunk(struct buf *out, const struct script *s, size_t from, size_t to,
                     const struct lines *a, size_t i, const struct lines *b, size_t k)
{
        size_t n = 0, m = 0;

        for (size_t at = from; at < to; at++) {
                n += s->ops[at] != '+';
                m += s->ops[at] != '-';
        }
        (void)buf_printf(out, "@@ -%zu,%zu +%zu,%zu @@\n", n ? i + 1 : i, n, m ? k + 1 : k, m);
        for (size_t at = from; at < to; at++) {
                put_line(out, s->ops[at], s->ops[at] == '+' ? b->at[k] : a->at[i]);
                i += s->ops[at] != '+';
                k += s->ops[at] != '-';
        }
}

static void put_hunks(struct buf *out, const struct script *s, const struct lines *a,
                      const struct lines *b)
{
        size_t i = 0, k = 0;

        for (size_t at = 0; at < s->n;) {
                size_t first = at, from, last, to;

                while (first < s->n && s->ops[first] == ' ')
                        first++;
                if (first == s->n)
                        break;
                from = first - at > PATCH_CONTEXT ? first - PATCH_CONTEXT : at;
                i += from - at; /* all of them are kept */
                k += from - at;
                for (last = to = first; to < s->n && to - last <= 2 * PATCH_CONTEXT; to++)
                        if (s->ops[to] != ' ')
                                last = to;
                to = MIN2(last + 1 + PATCH_CONTEXT, s->n);
                put_hunk(out, s, from, to, a, i, b, k);
                for (size_t o = from; o < to; o++) {
                        i += s->ops[o] != '+';
                        k += s->ops[o] != '-';
                }
                at = to;
        }
}

static int add_hunk(struct patch_hunks *h, size_t i, size_t n, size_t k, size_t m)
{
        struct patch_hunk *grown;

        if ((h->n & (h->n - 1)) == 0) { /* grown by doubling, at powers of two */
                grown = reallocarray(h->at, MAX2(2 * h->n, (size_t)4), sizeof(*grown));
                if (!grown)
                        return -ENOMEM;
                h->at = grown;
        }
        h->at[h->n++] = (struct patch_hunk){i, n, k, m};
        return 0;
}

/* Of as many lines as took their place each is a change of its own. */
static int add_change(struct patch_hunks *h, size_t i, size_t n, size_t k, size_t m)
{
        int r = 0;

        if (n != m)
                return add_hunk(h, i, n, k, m);
        for (size_t at = 0; at < n && r == 0; at++)
                r = add_hunk(h, i + at, 1, k + at, 1);
        return r;
}

int patch_find_hunks(struct span before, struct span after, struct patch_hunks *ret)
{
        struct lines a = {0}, b = {0};
        struct patch_hunks h = {0};
        struct script s = {0};
        size_t i = 0, k = 0;
        int r = split(before, &a);

        r = r ? r : split(after, &b);
        r = r ? r : compare(&a, &b, &s);
        for (size_t at = 0; at < s.n && r == 0;) {
                size_t n = 0, m = 0;

                for (; at < s.n && s.ops[at] != ' '; at++) {
                        n += s.ops[at] == '-';
                        m += s.ops[at] == '+';
                }
                if (n + m > 0)
                        r = add_change(&h, i, n, k, m);
                i += n;
                k += m;
                for (; at < s.n && s.ops[at] == ' '; at++, i++, k++)
                        ;
        }
        free(a.at);
        free(b.at);
        free(s.ops);
        if (r < 0)
                patch_hunks_done(&h);
        else
                *ret = h;
        return r;
}

void patch_hunks_done(struct patch_hunks *h)
{
        free(h->at);
        *h = (struct patch_hunks){0};
}

static int apply_hunks(const struct patch_hunks *h, const bool *is_taken, const struct lines *a,
                       const struct lines *b, struct buf *out)
{
        size_t i = 0;

        for (size_t x = 0; x < h->n; x++) {
                const struct patch_hunk *hunk = &h->at[x];

                if (!is_taken[x])
                        continue;
                for (; i < hunk->from; i++)
                        (void)buf_add_span(out, a->at[i]);
                for (size_t k = 0; k < hunk->n_new; k++)
                        (void)buf_add_span(out, b->at[hunk->from_new + k]);
                i = hunk->from + hunk->n;
        }
        for (; i < a->n; i++)
                (void)buf_add_span(out, a->at[i]);
        return out->failed;
}

int patch_apply_hunks(struct span before, struct span after, const struct patch_hunks *h,
                      const bool *is_taken, struct buf *out)
{
        struct lines a = {0}, b = {0};
        int r = split(before, &a);

        r = r ? r : split(after, &b);
        r = r ? r : apply_hunks(h, is_taken, &a, &b, out);
        free(a.at);
        free(b.at);
        return r;
}

int patch_write(struct span before, struct span after, struct buf *out)
{
        struct lines a = {0}, b = {0};
        struct script s = {0};
        int r = split(before, &a);

        r = r ? r : split(after, &b);
        r = r ? r : compare(&a, &b, &s);
        if (r == 0)
                put_hunks(out, &s, &a, &b);
        free(a.at);
        free(b.at);
        free(s.ops);
        return r ? r : out->failed;
}
