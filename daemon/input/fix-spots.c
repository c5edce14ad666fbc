/* Where a repair of each finding may lie, and what its rule names. */

#include "daemon/input/fix-making.h"

#define WORD_LEAST_BYTES 3u /* `x` stands everywhere */
#define WORD_MOST_BYTES 120u
#define WORDS_MAX_BYTES 2000u

/* The next thing in backticks; text stands behind it. */
static bool next_word(const char **text, struct span *ret)
{
        const char *open = strchr(*text, '`'), *close = open ? strchr(open + 1, '`') : NULL;

        if (!close)
                return false;
        *ret = (struct span){open + 1, (size_t)(close - open - 1)};
        *text = close + 1;
        return true;
}

static bool is_word(struct span s)
{
        return s.n >= WORD_LEAST_BYTES && s.n <= WORD_MOST_BYTES && !memchr(s.at, '\n', s.n);
}

static void add_words(const char *text, struct buf *out)
{
        struct span word;

        while (text && out->n < WORDS_MAX_BYTES && next_word(&text, &word)) {
                if (!is_word(word))
                        continue;
                (void)buf_add_span(out, word);
                (void)buf_add_char(out, '\n');
        }
}

/* "… with `B`": what the message says is to come. */
static bool find_wanted(const char *message, struct span *ret)
{
        static const char *const before[] = {" with ", " by ", " to "};

        for (const char *at = message; next_word(&at, ret);)
                for (size_t i = 0; i < N_ELEMENTS(before); i++) {
                        size_t n = strlen(before[i]);
                        const char *from = ret->at - 1 - n;

                        if (from >= message && memcmp(from, before[i], n) == 0 && is_word(*ret))
                                return true;
                }
        return false;
}

static int set_spot(const struct making *m, const struct fix_part *p, const struct open *x,
                    struct spot *s)
{
        _cleanup_buf_ struct buf words = {0};
        struct span wanted = {0};
        bool is_wanted = find_wanted(x->i->message, &wanted);

        s->line = fix_shown_line(p, x);
        s->reach = fixes_reach(m->s->fixes, m->s->paths[x->place->file], x->rule, x->i);
        s->rule = strdup(x->rule->id);
        s->code = x->i->code ? strdup(x->i->code) : NULL;
        add_words(x->i->message, &words);
        add_words(x->rule->description, &words);
        s->words = words.n > 0 ? buf_steal(&words, NULL) : NULL;
        s->wanted = is_wanted ? str_dup_span(wanted) : NULL;
        return words.failed || !s->rule || (x->i->code && !s->code) || (is_wanted && !s->wanted)
                       ? -ENOMEM
                       : 0;
}

int fix_spots_set(const struct making *m, struct repair *repair, const struct fix_part *p)
{
        int r = 0;

        repair->spots = calloc(p->n + 1, sizeof(*repair->spots));
        if (!repair->spots)
                return -ENOMEM;
        for (size_t i = 0; i < p->n && r == 0; i++)
                r = set_spot(m, p, &p->at[i], &repair->spots[i]);
        return r;
}
