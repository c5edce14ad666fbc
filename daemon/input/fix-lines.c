/* Where the findings of a file stand in it. Each is looked for by itself (mechanical.h); where
 * lines look alike and have moved, two may come to the same one. Then they are handed out in their
 * order: each finding another line, all of them together as near as they can be. */

#include "daemon/input/fix-making.h"

#define PAIRS_MAX ((size_t)4 << 20) /* of findings and lines; beyond it each keeps the nearest */

struct group {
        struct open **at; /* borrowed; by the line that was told */
        size_t n;
        unsigned *told; /* owned: each line once */
        size_t n_told;
        unsigned *lines; /* owned: where its text stands */
        size_t n_lines;
};

static int compare_places(const void *a, const void *b)
{
        const struct open *x = *(struct open *const *)a, *y = *(struct open *const *)b;
        int r = strcmp(x->i->code, y->i->code);

        return r ? r : (x->i->line > y->i->line) - (x->i->line < y->i->line);
}

static bool is_crowded(struct open *const *at, size_t n)
{
        for (size_t i = 1; i < n; i++)
                if (at[i]->line == at[i - 1]->line && at[i]->i->line != at[i - 1]->i->line)
                        return true;
        return false;
}

static int find_lines(struct group *g, struct span text)
{
        struct span code = str_trim(span_of(g->at[0]->i->code));
        size_t room = 0;

        for (unsigned line = 1; text.n > 0 && code.n > 0; line++) {
                const char *lf = memchr(text.at, '\n', text.n);
                size_t n = lf ? (size_t)(lf - text.at) : text.n;

                if (span_is_equal(str_trim((struct span){text.at, n}), code)) {
                        if (g->n_lines == room) {
                                unsigned *more =
                                        reallocarray(g->lines, room * 2 + 16, sizeof(*more));

                                if (!more)
                                        return -ENOMEM;
                                g->lines = more;
                                room = room * 2 + 16;
                        }
                        g->lines[g->n_lines++] = line;
                }
                n += lf != NULL;
                text.at += n;
                text.n -= n;
        }
        return 0;
}

static int list_told(struct group *g)
{
        g->told = calloc(g->n, sizeof(*g->told));
        if (!g->told)
                return -ENOMEM;
        for (size_t i = 0; i < g->n; i++)
                if (g->n_told == 0 || g->told[g->n_told - 1] != g->at[i]->i->line)
                        g->told[g->n_told++] = g->at[i]->i->line;
        return 0;
}

static uint64_t distance(unsigned a, unsigned b)
{
        return a > b ? a - b : b - a;
}

/* least[i][j]: the sum of distances when the first i have lines among the first j. */
static void fill(const struct group *g, uint64_t *least)
{
        size_t width = g->n_lines + 1;

        for (size_t i = 1; i <= g->n_told; i++) {
                least[i * width] = UINT64_MAX / 2;
                for (size_t j = 1; j <= g->n_lines; j++)
                        least[i * width + j] =
                                MIN2(least[i * width + j - 1],
                                     least[(i - 1) * width + j - 1] +
                                             distance(g->told[i - 1], g->lines[j - 1]));
        }
}

static void take_line(struct group *g, unsigned told, unsigned line)
{
        for (size_t i = 0; i < g->n; i++)
                if (g->at[i]->i->line == told)
                        g->at[i]->line = line;
}

static int hand_out(struct group *g)
{
        size_t width = g->n_lines + 1, j = g->n_lines;
        uint64_t *least;

        if (g->n_lines < g->n_told || g->n_told * g->n_lines > PAIRS_MAX)
                return 0;
        least = calloc((g->n_told + 1) * width, sizeof(*least));
        if (!least)
                return -ENOMEM;
        fill(g, least);
        for (size_t i = g->n_told; i > 0; i--, j--) {
                while (least[i * width + j] == least[i * width + j - 1])
                        j--;
                take_line(g, g->told[i - 1], g->lines[j - 1]);
        }
        free(least);
        return 0;
}

static int spread(struct open **at, size_t n, struct span text)
{
        struct group g = {.at = at, .n = n};
        int r = find_lines(&g, text);

        r = r ? r : list_told(&g);
        r = r ? r : hand_out(&g);
        free(g.told);
        free(g.lines);
        return r;
}

int fix_find_lines(struct open *at, size_t n, struct span text)
{
        _cleanup_free_ struct open **list = calloc(n + 1, sizeof(struct open *));
        size_t n_list = 0;
        int r = list ? 0 : -ENOMEM;

        for (size_t i = 0; i < n && r == 0; i++) {
                at[i].line = incident_find_line(at[i].i, text);
                if (at[i].i->code && at[i].line > 0)
                        list[n_list++] = &at[i];
        }
        if (r == 0)
                qsort(list, n_list, sizeof(struct open *), compare_places);
        for (size_t from = 0, to; from < n_list && r == 0; from = to) {
                for (to = from + 1; to < n_list; to++)
                        if (strcmp(list[to]->i->code, list[from]->i->code) != 0)
                                break;
                if (is_crowded(&list[from], to - from))
                        r = spread(&list[from], to - from, text);
        }
        return r;
}
