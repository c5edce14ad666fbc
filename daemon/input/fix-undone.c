/* Findings that ask for contrary things: what one of them spells out undoes what another one did.
 * An edit stands if one of the lines that it changed is otherwise in the end than it was at first;
 * who undoes and who is undone are then both open, and a model sees the two of them together.
 * Edits never change the number of lines. */

#include "daemon/input/fix-making.h"

struct changed_line {
        uint32_t finding, line;
};

void undone_free(struct undone *u)
{
        free(u->at);
        *u = (struct undone){0};
}

static struct span take_line(struct span *text)
{
        const char *lf = memchr(text->at, '\n', text->n);
        struct span line = {text->at, lf ? (size_t)(lf - text->at) : text->n};

        text->at += line.n + (lf != NULL);
        text->n -= line.n + (lf != NULL);
        return line;
}

int undone_note(struct undone *u, size_t finding, struct span before, struct span after)
{
        for (uint32_t line = 0; before.n > 0 && after.n > 0; line++) {
                struct changed_line *more = u->at;

                if (span_is_equal(take_line(&before), take_line(&after)))
                        continue;
                if (u->n == u->room)
                        more = reallocarray(u->at, u->room * 2 + 64, sizeof(*more));
                if (!more)
                        return -ENOMEM;
                u->room = u->n == u->room ? u->room * 2 + 64 : u->room;
                u->at = more;
                u->at[u->n++] = (struct changed_line){(uint32_t)finding, line};
        }
        return 0;
}

static bool *find_differing(struct span before, struct span after)
{
        size_t n = 1;
        bool *differs;

        for (size_t i = 0; i < before.n; i++)
                n += before.at[i] == '\n';
        differs = calloc(n + 1, sizeof(*differs));
        for (size_t line = 0; differs && line < n && before.n > 0 && after.n > 0; line++)
                differs[line] = !span_is_equal(take_line(&before), take_line(&after));
        return differs;
}

int undone_open(const struct undone *u, struct open *at, size_t n, struct span before,
                struct span after)
{
        _cleanup_free_ bool *stands = calloc(n + 1, sizeof(*stands)),
                            *has_changed = calloc(n + 1, sizeof(*has_changed)),
                            *differs = find_differing(before, after);

        if (!stands || !has_changed || !differs)
                return -ENOMEM;
        for (size_t i = 0; i < u->n; i++) {
                has_changed[u->at[i].finding] = true;
                stands[u->at[i].finding] |= differs[u->at[i].line];
        }
        for (size_t i = 0; i < n; i++) /* of a phase that is not asked for none is noted */
                if (at[i].outcome == FIX_DONE && has_changed[i] && !stands[i])
                        at[i].outcome = FIX_NONE;
        return 0;
}
