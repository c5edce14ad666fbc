/* Which repairs of earlier jobs still stand in a file that was edited since. */

#include "daemon/edit/trace.h"
#include "daemon/input/fix-making.h"

/* Findings of one identity, and the one whose note is looked for. */
struct kept {
        struct open *at;
        size_t n, current;
};

static unsigned distance(const struct open *x, unsigned line)
{
        return x->line > line ? x->line - line : line - x->line;
}

/* A repair belongs to the finding that is nearest to it, so that of two alike, one of which was
 * taken back, this one is repaired again. */
static int mark(unsigned line, void *arg)
{
        struct kept *k = arg;
        struct open *best = NULL;

        for (size_t i = 0; i < k->n; i++) {
                struct open *x = &k->at[i];

                if (!hash_is_equal(&x->identity, &k->at[k->current].identity))
                        continue;
                if (x->line > 0 && distance(x, line) > TRACE_NEAR_LINES)
                        continue;
                if (!best || distance(x, line) < distance(best, line))
                        best = x;
        }
        if (best && best->outcome == FIX_NONE)
                best->outcome = FIX_KNOWN;
        return 0;
}

/* The file is as a repair left it, and which of those that look alike it was is known. */
static bool is_told_apart(const struct kept *k)
{
        const struct open *x = &k->at[k->current];
        bool is = false;

        for (size_t i = 0; i < k->n && !x->is_alone && !is; i++)
                is = k->at[i].outcome == FIX_KNOWN &&
                     hash_is_equal(&k->at[i].identity, &x->identity);
        return is;
}

int fix_find_kept(struct making *m, struct open *at, size_t n, struct span text)
{
        const struct input *in = m->s->in;
        struct kept k = {.at = at, .n = n};
        int r = 0;

        if (!in->get_note || in->is_fresh)
                return 0;
        for (; k.current < n && r == 0; k.current++) {
                _cleanup_buf_ struct buf note = {0};
                struct hash key;

                if (at[k.current].outcome != FIX_NONE || is_told_apart(&k))
                        continue;
                buf_init(&note, 0);
                repair_note_key(&at[k.current].identity, NULL, NULL, &key);
                r = in->get_note(&key, &note, in->arg);
                if (r == 0 && note.n > 1)
                        r = traces_find((struct span){note.at + 1, note.n - 1}, text, mark, &k);
                r = r == CONDITION_ABSENT ? 0 : r;
        }
        return r;
}
