/* What earlier jobs noted of findings that are open: one that needs no change is not asked for
 * again, and what was taken back is repaired again in the same way where its edits fit. */

#include "daemon/edit/again.h"
#include "daemon/edit/trace.h"
#include "daemon/input/fix-making.h"

/* ---- what needs no change ---- */

static int is_kept(struct making *m, const struct open *x, struct span text, bool *ret)
{
        _cleanup_buf_ struct buf note = {0};
        struct hash key, around;
        int r;

        *ret = false;
        buf_init(&note, 0);
        repair_kept_key(&x->identity, &key);
        r = m->s->in->get_note(&key, &note, m->s->in->arg);
        if (r != 0)
                return r == CONDITION_ABSENT ? 0 : r;
        r = around_hash(text, x->line, &around);
        for (size_t at = 0; at + HASH_BYTES <= note.n && r == 0; at += HASH_BYTES)
                *ret |= memcmp(note.at + at, around.at, HASH_BYTES) == 0;
        return r;
}

int fix_find_needless(struct making *m, struct open *at, size_t n, struct span text)
{
        int r = 0;

        for (size_t i = 0; i < n && r == 0 && m->s->in->get_note && !m->s->in->is_fresh; i++) {
                bool is_it = false;

                if (at[i].outcome != FIX_NONE || (at[i].line == 0 && at[i].i->code))
                        continue;
                r = is_kept(m, &at[i], text, &is_it);
                if (is_it)
                        at[i].outcome = FIX_NEEDLESS;
        }
        return r;
}

/* ---- what is made again ---- */

struct file {
        struct making *m;
        struct open *at;
        struct hash *of; /* owned: room for those of a note */
        size_t n;
};

static bool is_in_hand(const struct open *x)
{
        return x->outcome == FIX_NONE || x->outcome == FIX_KNOWN;
}

static size_t count(const struct hash *list, size_t n, const struct hash *h)
{
        size_t found = 0;

        for (size_t i = 0; i < n; i++)
                found += hash_is_equal(&list[i], h);
        return found;
}

/* Its edits repair these findings together: all of them are here, none more of the same kind. */
static bool are_here(const struct file *f, const struct again *a)
{
        for (size_t k = 0; k < a->n; k++) {
                size_t n = 0;

                for (size_t i = 0; i < f->n; i++)
                        n += is_in_hand(&f->at[i]) &&
                             hash_is_equal(&f->at[i].identity, &a->identities[k]);
                if (n == 0 || n > count(a->identities, a->n, &a->identities[k]))
                        return false;
        }
        return true;
}

/* CONDITION_ABSENT: nothing is noted of how it was repaired. */
static int get_how(const struct file *f, size_t i, struct buf *note)
{
        const struct input *in = f->m->s->in;
        _cleanup_buf_ struct buf where = {0};
        struct hash key;
        int r;

        buf_init(&where, 0);
        repair_again_key(&f->at[i].identity, &key);
        r = in->get_note(&key, &where, in->arg);
        if (r != 0 || where.n != HASH_BYTES)
                return r ? r : CONDITION_ABSENT;
        memcpy(key.at, where.at, HASH_BYTES);
        return in->get_note(&key, note, in->arg);
}

static int make_again(struct file *f, size_t i, struct buf *text, double *score)
{
        _cleanup_buf_ struct buf note = {0}, out = {0};
        struct again a;
        int r;

        buf_init(&note, 0);
        buf_init(&out, EDIT_BASE_MAX_BYTES);
        r = get_how(f, i, &note);
        r = r ? r : again_read(buf_span(&note), f->of, &a);
        if (r == 0 && !are_here(f, &a))
                r = CONDITION_ABSENT;
        r = r ? r : again_apply(&a, buf_span(text), &out);
        if (r != 0)
                return r == CONDITION_ABSENT || r == -EMSGSIZE ? 0 : r;
        for (size_t k = 0; k < f->n; k++)
                if (f->at[k].outcome == FIX_NONE &&
                    count(a.identities, a.n, &f->at[k].identity) > 0)
                        f->at[k].outcome = FIX_AGAIN;
        *score = MIN2(*score, a.score);
        buf_done(text);
        *text = out;
        out = (struct buf){0};
        return 0;
}

int fix_find_again(struct making *m, struct open *at, size_t n, struct buf *text, double *score)
{
        struct file f = {.m = m, .at = at, .n = n};
        int r = 0;

        *score = 1;
        if (!m->s->in->get_note || m->s->in->is_fresh)
                return 0;
        f.of = calloc(AGAIN_FINDINGS_MAX, sizeof(*f.of));
        if (!f.of)
                return -ENOMEM;
        for (size_t i = 0; i < n && r == 0; i++)
                if (at[i].outcome == FIX_NONE)
                        r = make_again(&f, i, text, score);
        free(f.of);
        return r;
}
