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

int fix_regions(struct span text, const struct open *at, size_t n, size_t room,
                struct fix_region **ret, size_t *ret_n)
{
        size_t n_lines = 0, n_regions = 0, head;
        _cleanup_free_ size_t *lines = index_lines(text, &n_lines);
        struct fix_region *list = calloc(n + 1, sizeof(*list)), *last = NULL;

        if (!lines || !list) {
                free(list);
                return -ENOMEM;
        }
        head = find_head(text, lines, n_lines);
        if (lines[head] > room / 4)
                head = 0;
        room -= lines[head];
        for (size_t i = 0; i < n; i++) {
                size_t line = at[i].in_base > 0 ? MIN2((size_t)at[i].in_base - 1, n_lines - 1) : 0,
                       from, to;

                surround(lines, n_lines, line, room, &from, &to);
                if (last && from <= last->to && last->n < FINDINGS_PER_REGION &&
                    lines[MAX2(to, last->to)] - lines[last->from] <= room) {
                        last->to = MAX2(to, last->to);
                        last->n++;
                        continue;
                }
                from = last ? MAX2(from, last->to) : from;
                if (last && to <= from) { /* all its lines are of the one before */
                        last->n++;
                        continue;
                }
                last = &list[n_regions++];
                *last = (struct fix_region){.first = i, .n = 1, .from = from, .to = to};
        }
        for (size_t i = 0; i < n_regions; i++)
                list[i].head = MIN2(head, list[0].from);
        *ret = list;
        *ret_n = n_regions;
        return 0;
}
