#include "daemon/input/fix-regions.h"

/* Half of the window is left to the rules, the prompt and the answer; code has some three bytes a
 * token, and a guess that is wrong by a third still fits. */
#define ROOM_BYTES_PER_TOKEN 1
#define CONTEXT_LINES 60
#define HEAD_LINES_MAX 80
#define FINDINGS_PER_REGION 30

size_t fix_room(uint64_t window_tokens)
{
        return window_tokens ? (size_t)window_tokens * ROOM_BYTES_PER_TOKEN : SIZE_MAX;
}

/* Where lines begin; one more for the end. */
static size_t *index_lines(struct span text, size_t *ret_n)
{
        size_t n = 0, *at;

        for (size_t i = 0; i < text.n; i++)
                n += text.at[i] == '\n';
        at = calloc(n + 2, sizeof(*at));
        if (!at)
                return NULL;
        n = 0;
        for (size_t i = 0; i < text.n; i++)
                if (text.at[i] == '\n')
                        at[++n] = i + 1;
        if (at[n] < text.n)
                at[++n] = text.n;
        *ret_n = n;
        return at;
}

static bool says_use(struct span line)
{
        static const char *const words[] = {"import ", "package ",  "using ",  "#include", "from ",
                                            "<?xml",   "<!DOCTYPE", "require", "use "};

        for (size_t i = 0; i < N_ELEMENTS(words); i++)
                if (line.n >= strlen(words[i]) && memcmp(line.at, words[i], strlen(words[i])) == 0)
                        return true;
        return false;
}

/* Up to the last line that says what the file uses. */
static size_t find_head(struct span text, const size_t *lines, size_t n)
{
        size_t head = 0;

        for (size_t i = 0; i < n && i < HEAD_LINES_MAX; i++)
                if (says_use((struct span){text.at + lines[i], lines[i + 1] - lines[i]}))
                        head = i + 1;
        return head;
}

/* Lines around one; fewer where they are long. */
static void surround(const size_t *lines, size_t n, size_t line, size_t room, size_t *ret_from,
                     size_t *ret_to)
{
        size_t context = CONTEXT_LINES;

        do {
                *ret_from = line > context ? line - context : 0;
                *ret_to = MIN2(line + context + 1, n);
                context /= 2;
        } while (context > 0 && lines[*ret_to] - lines[*ret_from] > room);
}

static int compare_lines(const void *a, const void *b)
{
        const struct open *x = a, *y = b;

        return (x->in_base > y->in_base) - (x->in_base < y->in_base);
}

struct regions {
        const size_t *lines; /* borrowed */
        size_t n_lines, room;
        struct fix_region *at; /* owned by the caller */
        size_t n, last_line;   /* of the last finding */
};

static bool fits_last(const struct regions *g, size_t line, size_t from, size_t to)
{
        const struct fix_region *last = g->n > 0 ? &g->at[g->n - 1] : NULL;

        if (!last || line == g->last_line) /* a line is of one region */
                return last;
        return from <= last->to && last->n < FINDINGS_PER_REGION &&
               g->lines[MAX2(to, last->to)] - g->lines[last->from] <= g->room;
}

/* Regions share no line, and each holds the lines of its findings: where two would meet, they part
 * half way. */
static void add_finding(struct regions *g, size_t i, size_t line)
{
        struct fix_region *last = g->n > 0 ? &g->at[g->n - 1] : NULL;
        size_t from, to;

        surround(g->lines, g->n_lines, line, g->room, &from, &to);
        if (fits_last(g, line, from, to)) {
                last->to = MAX2(to, last->to);
                last->n++;
        } else {
                if (last && from < last->to) {
                        from = MAX2(from, g->last_line + (line - g->last_line + 1) / 2);
                        last->to = MIN2(last->to, from);
                }
                g->at[g->n++] = (struct fix_region){.first = i, .n = 1, .from = from, .to = to};
        }
        g->last_line = line;
}

int fix_regions(struct span text, struct open *at, size_t n, size_t room, struct fix_region **ret,
                size_t *ret_n)
{
        size_t n_lines = 0, head;
        _cleanup_free_ size_t *lines = index_lines(text, &n_lines);
        _cleanup_free_ struct fix_region *list = calloc(n + 1, sizeof(*list));
        struct regions g;

        if (!lines || !list)
                return -ENOMEM;
        head = find_head(text, lines, n_lines);
        if (lines[head] > room / 4)
                head = 0;
        g = (struct regions){
                .lines = lines, .n_lines = n_lines, .room = room - lines[head], .at = list};
        qsort(at, n, sizeof(*at), compare_lines); /* they may have moved past each other */
        for (size_t i = 0; i < n; i++)
                add_finding(&g, i,
                            at[i].in_base > 0 ? MIN2((size_t)at[i].in_base - 1, n_lines - 1) : 0);
        for (size_t i = 0; i < g.n; i++)
                list[i].head = MIN2(head, list[0].from);
        *ret = take(list);
        *ret_n = g.n;
        return 0;
}
