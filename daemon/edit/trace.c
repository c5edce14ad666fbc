#include "daemon/edit/trace.h"

#include <xxhash.h>

#define CELLS_MAX ((size_t)1 << 22) /* of a comparison; above it: compare_long() */
#define LINES_MAX 1000u             /* of one trace */
#define WEAK_BYTES 3u               /* "}" says nothing of where it stands */

/* A hash for each line, and how much it says. */
struct lines {
        uint64_t *at; /* owned */
        bool *weak;   /* owned */
        size_t n;
};

static void lines_done(struct lines *l)
{
        free(l->at);
        free(l->weak);
        *l = (struct lines){0};
}

/* Blanks at the end do not count: ends of lines are no edit. */
static int lines_of(struct span text, struct lines *ret)
{
        size_t n = 1;

        for (size_t i = 0; i < text.n; i++)
                n += text.at[i] == '\n';
        ret->at = calloc(n, sizeof(*ret->at));
        ret->weak = calloc(n, sizeof(*ret->weak));
        if (!ret->at || !ret->weak)
                return -ENOMEM;
        while (text.n > 0) {
                const char *lf = memchr(text.at, '\n', text.n);
                size_t whole = lf ? (size_t)(lf + 1 - text.at) : text.n, kept = whole, blank = 0;

                while (kept > 0 && strchr(" \t\r\n", text.at[kept - 1]) && text.at[kept - 1])
                        kept--;
                while (blank < kept && (text.at[blank] == ' ' || text.at[blank] == '\t'))
                        blank++;
                ret->at[ret->n] = XXH3_64bits(text.at, kept);
                ret->weak[ret->n++] = kept - blank < WEAK_BYTES;
                text.at += whole;
                text.n -= whole;
        }
        return 0;
}

/* ---- what differs ---- */

struct traces {
        struct lines before, after;
        struct hunk *hunks; /* owned */
        size_t n;
};

struct traces *traces_free(struct traces *t)
{
        if (!t)
                return NULL;
        lines_done(&t->before);
        lines_done(&t->after);
        free(t->hunks);
        free(t);
        return NULL;
}

/* The longest common sequence of what follows each pair of lines. */
static int measure(const uint64_t *b, size_t n, const uint64_t *a, size_t m, uint16_t **ret)
{
        uint16_t *l = calloc((n + 1) * (m + 1), sizeof(*l));

        if (!l)
                return -ENOMEM;
        for (size_t i = n; i-- > 0;)
                for (size_t k = m; k-- > 0;) {
                        uint16_t down = l[(i + 1) * (m + 1) + k], right = l[i * (m + 1) + k + 1];

                        l[i * (m + 1) + k] = b[i] == a[k]
                                                     ? (uint16_t)(l[(i + 1) * (m + 1) + k + 1] + 1)
                                                     : MAX2(down, right);
                }
        *ret = l;
        return 0;
}

static void compare_middle(struct traces *t, size_t from, size_t n, size_t m, const uint16_t *l)
{
        const uint64_t *b = t->before.at + from, *a = t->after.at + from;
        bool is_open = false;

        for (size_t i = 0, k = 0; i < n || k < m;) {
                if (i < n && k < m && b[i] == a[k]) {
                        is_open = false;
                        i++;
                        k++;
                        continue;
                }
                if (!is_open)
                        t->hunks[t->n++] = (struct hunk){from + i, from + i, from + k, from + k};
                is_open = true;
                if (k == m || (i < n && l[(i + 1) * (m + 1) + k] >= l[i * (m + 1) + k + 1]))
                        i++;
                else
                        k++;
                t->hunks[t->n - 1].b1 = from + i;
                t->hunks[t->n - 1].a1 = from + k;
        }
}

#define RESYNC_LINES 300u /* that a change may be long */

/* The nearest lines from here that are the same on both sides, two in a row. */
static bool find_again(const uint64_t *b, size_t n, const uint64_t *a, size_t m, size_t *ret_b,
                       size_t *ret_a)
{
        for (size_t d = 1; d <= 2 * (size_t)RESYNC_LINES; d++)
                for (size_t x = d - MIN2(d, (size_t)RESYNC_LINES); x <= d; x++) {
                        size_t y = d - x;

                        if (x + 1 >= n || y + 1 >= m || b[x] != a[y] || b[x + 1] != a[y + 1])
                                continue;
                        *ret_b = x;
                        *ret_a = y;
                        return true;
                }
        return false;
}

/* Of texts that are too long for all pairs of lines: change by change from above. What is longer
 * than RESYNC_LINES takes the rest with it. */
static void compare_long(struct traces *t, size_t from, size_t n, size_t m)
{
        const uint64_t *b = t->before.at + from, *a = t->after.at + from;

        for (size_t i = 0, k = 0; i < n || k < m;) {
                size_t x = n - i, y = m - k;

                if (x > 0 && y > 0 && b[i] == a[k]) {
                        i++;
                        k++;
                        continue;
                }
                (void)find_again(b + i, x, a + k, y, &x, &y);
                t->hunks[t->n++] = (struct hunk){from + i, from + i + x, from + k, from + k + y};
                i += x;
                k += y;
        }
}

static int compare(struct traces *t)
{
        size_t n = t->before.n, m = t->after.n, from = 0;
        _cleanup_free_ uint16_t *l = NULL;
        int r;

        while (from < n && from < m && t->before.at[from] == t->after.at[from])
                from++;
        while (n > from && m > from && t->before.at[n - 1] == t->after.at[m - 1]) {
                n--;
                m--;
        }
        n -= from;
        m -= from;
        t->hunks = calloc(n + m + 1, sizeof(*t->hunks));
        if (!t->hunks)
                return -ENOMEM;
        if (n == 0 && m == 0)
                return 0;
        if (n == 0 || m == 0 || m + 1 > CELLS_MAX / (n + 1)) {
                compare_long(t, from, n, m);
                return 0;
        }
        r = measure(t->before.at + from, n, t->after.at + from, m, &l);
        if (r == 0)
                compare_middle(t, from, n, m, l);
        return r;
}

int traces_new(struct span before, struct span after, struct traces **ret)
{
        struct traces *t = calloc(1, sizeof(*t));
        int r = t ? lines_of(before, &t->before) : -ENOMEM;

        r = r ? r : lines_of(after, &t->after);
        r = r ? r : compare(t);
        if (r < 0) {
                traces_free(t);
                return r;
        }
        *ret = t;
        return 0;
}

const struct hunk *traces_hunks(const struct traces *t, size_t *ret_n)
{
        *ret_n = t->n;
        return t->hunks;
}

size_t hunk_distance(const struct hunk *h, unsigned line)
{
        size_t at = line - 1;

        return at < h->b0    ? h->b0 - at - (h->b0 == h->b1)
               : at >= h->b1 ? at - h->b1 + (h->b1 > h->b0)
                             : 0;
}

unsigned traces_line_after(const struct traces *t, unsigned line)
{
        size_t at = line - 1;

        if (line == 0)
                return 0;
        for (size_t i = t->n; i-- > 0;) {
                const struct hunk *h = &t->hunks[i];

                if (at >= h->b1)
                        return (unsigned)(at - h->b1 + h->a1 + 1);
                if (at >= h->b0)
                        return 0;
        }
        return line;
}

unsigned traces_line_near(const struct traces *t, unsigned line)
{
        unsigned after = traces_line_after(t, line);

        for (size_t i = 0; i < t->n && line > 0 && after == 0; i++) {
                const struct hunk *h = &t->hunks[i];

                if (line - 1 >= h->b0 && line - 1 < h->b1)
                        after = (unsigned)MIN2(h->a0 + (line - 1 - h->b0),
                                               MAX2(h->a1, h->a0 + 1) - 1) +
                                1;
        }
        return (unsigned)MIN2((size_t)after, MAX2(t->after.n, 1));
}

struct span text_lines(struct span text, size_t from, size_t to)
{
        struct span part = {text.at, 0};
        const char *lf;

        for (size_t i = 0; i < to && text.n > 0; i++) {
                lf = memchr(text.at, '\n', text.n);
                lf = lf ? lf + 1 : text.at + text.n;
                text.n -= (size_t)(lf - text.at);
                text.at = lf;
                part.at = i < from ? lf : part.at;
        }
        part.n = (size_t)(text.at - part.at);
        return part;
}

int around_hash(struct span text, unsigned line, struct hash *ret)
{
        uint64_t around[2 * AROUND_LINES + 1] = {0};
        struct lines l = {0};
        int r;

        if (line == 0) {
                hash_of(text.at, text.n, ret);
                return 0;
        }
        r = lines_of(text, &l);
        for (size_t i = 0; i < N_ELEMENTS(around) && r == 0; i++) {
                size_t at = line - 1 + i; /* beyond the ends nothing stands */

                if (at >= AROUND_LINES && at - AROUND_LINES < l.n)
                        around[i] = l.at[at - AROUND_LINES];
        }
        lines_done(&l);
        if (r == 0)
                hash_of(around, sizeof(around), ret);
        return r;
}

/* ---- traces ---- */

/* As it lies in a note: so many hashes of lines follow. */
struct trace {
        int32_t offset; /* of the finding's line, from the first of these */
        uint32_t n;
        uint64_t above, below; /* 0: the end of the text */
        uint8_t is_weak, above_weak, below_weak, unused[5];
};

static bool stands_at(const struct trace *x, const uint64_t *put, const struct lines *l, size_t at)
{
        bool above = (at > 0 ? l->at[at - 1] : 0) == x->above,
             below = (at + x->n < l->n ? l->at[at + x->n] : 0) == x->below;

        for (uint32_t i = 0; i < x->n; i++)
                if (l->at[at + i] != put[i])
                        return false;
        if (x->n == 0 || x->is_weak || (x->above_weak && x->below_weak))
                return above && below;
        return (above && !x->above_weak) || (below && !x->below_weak);
}

static long distance_of(const struct trace *x, size_t at, unsigned line)
{
        return labs((long)at + x->offset + 1 - (long)line);
}

static size_t count_near(const struct trace *x, const uint64_t *put, const struct lines *l,
                         unsigned line)
{
        size_t n = 0;

        for (size_t at = 0; at + x->n <= l->n; at++)
                n += (line == 0 || distance_of(x, at, line) <= (long)TRACE_NEAR_LINES) &&
                     stands_at(x, put, l, at);
        return n;
}

/* The nearest to the line; of the whole the longest. */
static const struct hunk *nearest(const struct traces *t, unsigned line)
{
        const struct hunk *best = NULL;
        size_t least = 0;

        for (size_t i = 0; i < t->n; i++) {
                const struct hunk *h = &t->hunks[i];
                size_t far = line == 0 ? LINES_MAX - MIN2(h->a1 - h->a0, LINES_MAX)
                                       : hunk_distance(h, line);

                if (line > 0 && far > TRACE_NEAR_LINES)
                        continue;
                if (!best || far < least) {
                        best = h;
                        least = far;
                }
        }
        return best;
}

static int32_t offset_of(const struct traces *t, const struct hunk *h, unsigned line)
{
        size_t at = line - 1;

        if (line == 0)
                return 0;
        if (at < h->b0)
                return -(int32_t)(h->b0 - at);
        if (at >= h->b1)
                return (int32_t)(h->a1 - h->a0 + (at - h->b1));
        for (size_t i = h->a0; i < h->a1; i++)
                if (t->after.at[i] == t->before.at[at])
                        return (int32_t)(i - h->a0);
        return (int32_t)MIN2(at - h->b0, h->a1 - h->a0);
}

int traces_add(const struct traces *t, unsigned line, struct buf *note)
{
        const struct hunk *h = nearest(t, line);
        const struct lines *l = &t->after;
        struct trace x = {.is_weak = true};
        const uint64_t *put;

        if (!h || h->a1 - h->a0 > LINES_MAX)
                return 0;
        put = l->at + h->a0;
        x.n = (uint32_t)(h->a1 - h->a0);
        x.offset = offset_of(t, h, line);
        x.above = h->a0 > 0 ? l->at[h->a0 - 1] : 0;
        x.below = h->a1 < l->n ? l->at[h->a1] : 0;
        x.above_weak = h->a0 == 0 || l->weak[h->a0 - 1];
        x.below_weak = h->a1 >= l->n || l->weak[h->a1];
        for (size_t i = h->a0; i < h->a1; i++)
                x.is_weak &= l->weak[i];
        if (count_near(&x, put, l, line) <= count_near(&x, put, &t->before, line))
                return 0;
        (void)buf_add(note, &x, sizeof(x));
        return buf_add(note, put, x.n * sizeof(*put));
}

/* The next one; NULL: there is none, or it is cut off. */
static const char *next(struct span *note, struct trace *ret, size_t *ret_n)
{
        const char *at = note->at;

        if (note->n < sizeof(*ret))
                return NULL;
        memcpy(ret, at, sizeof(*ret));
        if (ret->n > LINES_MAX || note->n < sizeof(*ret) + ret->n * sizeof(uint64_t))
                return NULL;
        *ret_n = sizeof(*ret) + ret->n * sizeof(uint64_t);
        note->at += *ret_n;
        note->n -= *ret_n;
        return at;
}

static size_t count(struct span note)
{
        struct trace x;
        size_t n = 0, bytes;

        while (next(&note, &x, &bytes))
                n++;
        return n;
}

int traces_join(struct span older, struct buf *note)
{
        size_t n = count(buf_span(note)), bytes;
        struct trace x;
        const char *at;

        while (n < TRACES_MAX && (at = next(&older, &x, &bytes))) {
                if (note->n > 0 && memmem(note->at, note->n, at, bytes))
                        continue;
                if (buf_add(note, at, bytes) < 0)
                        return note->failed;
                n++;
        }
        return 0;
}

static int find_one(const struct trace *x, const uint64_t *put, const struct lines *l,
                    int (*fn)(unsigned line, void *arg), void *arg)
{
        int r = 0;

        for (size_t at = 0; at + x->n <= l->n && r == 0; at++)
                if (stands_at(x, put, l, at))
                        r = fn((unsigned)MAX2((long)at + x->offset + 1, 1), arg);
        return r;
}

int traces_find(struct span note, struct span text, int (*at)(unsigned line, void *arg), void *arg)
{
        struct lines l = {0};
        int r = lines_of(text, &l);
        struct trace x;
        const char *from;
        size_t bytes;

        while (r == 0 && (from = next(&note, &x, &bytes))) {
                _cleanup_free_ uint64_t *put = calloc(x.n + 1, sizeof(*put));

                if (!put)
                        r = -ENOMEM;
                else if (x.n > 0)
                        memcpy(put, from + sizeof(x), x.n * sizeof(*put));
                r = r ? r : find_one(&x, put, &l, at, arg);
        }
        lines_done(&l);
        return r;
}
