/* Edits of a foreign answer on a foreign base: the first line `=====` parts them. What applies
 * keeps every line of the base that no edit names, line ends survive, and what was made once is
 * made again. */

#include "daemon/edit/again.h"
#include "daemon/edit/edits.h"
#include "daemon/edit/excerpt.h"

#define TAG "4f2a9c01"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

static void check_base(struct span file)
{
        _cleanup_edit_base_ struct edit_base b = {0};
        _cleanup_buf_ struct buf out = {0};

        if (edit_base_read(file, &b) != 0)
                return;
        if (b.n > 0 && b.text[b.n - 1] != '\n')
                abort();
        if (edit_base_write(&b, (struct span){b.text, b.n}, &out) != 0 ||
            !span_is_equal(buf_span(&out), file))
                abort();
}

/* What is shown of a text and not changed is the text again. */
static void check_excerpt(struct span text)
{
        _cleanup_(excerpt_freep) struct excerpt *e = NULL;
        _cleanup_buf_ struct buf shown = {0}, whole = {0};
        struct diag d = {0};
        size_t n = 0;
        int r;

        for (size_t i = 0; i < text.n; i++)
                n += text.at[i] == '\n';
        if (n < 3 || text.at[text.n - 1] != '\n' ||
            excerpt_new(text, n / 4, n / 3, 2 * n / 3 + 1, &e) != 0)
                return;
        r = excerpt_show(e, text, &shown);
        if (r != 0)
                abort();
        r = excerpt_join(e, text, buf_span(&shown), &whole, &d);
        /* Refused where the text itself holds a line that tells of a gap. */
        if (r < 0 || (r == 0 && !span_is_equal(buf_span(&whole), text)) ||
            (r > 0 && !memmem(text.at, text.n, "not shown", 9)))
                abort();
}

static void check_applied(const struct edits *e, struct span base, const struct buf *out)
{
        size_t removed = 0, lines = 0, n = base.n;

        if (edits_removed(base, buf_span(out), &removed, &lines) != 0 || removed > lines)
                abort();
        for (size_t i = 0; i < e->n; i++) {
                if (e->at[i].old.n > n)
                        abort(); /* they overlap, or are not there */
                n -= e->at[i].old.n;
        }
        if (e->n == 0 && !span_is_equal(base, buf_span(out)))
                abort();
}

/* From the base to what was made of it, as a note, and with that from the base once more. */
static void check_again(struct span base, struct span after)
{
        static struct hash identities[AGAIN_FINDINGS_MAX];
        struct hash identity = {{1}};
        struct again a = {.score = 1, .identities = &identity, .n = 1};
        _cleanup_(traces_freep) struct traces *t = NULL, *rest = NULL;
        _cleanup_buf_ struct buf note = {0}, out = {0};
        size_t n = 0, n_lines = 0;
        int r;

        if (base.n > 20000 || after.n > 20000)
                return;
        if (traces_new(base, after, &t) != 0)
                abort();
        for (size_t i = 0; i < base.n; i++)
                n_lines += base.at[i] == '\n';
        for (unsigned line = 0; line <= n_lines + 2; line++)
                if (traces_line_after(t, line) > n_lines + after.n + 3)
                        abort();
        if (again_write(&a, t, base, after, &note) < 0)
                return;
        if (again_read(buf_span(&note), identities, &a) != 0)
                abort();
        r = again_apply(&a, base, &out);
        if (r < 0 || (r == 0 && traces_new(buf_span(&out), after, &rest) != 0))
                abort();
        if (r == 0 && (traces_hunks(rest, &n), n > 0))
                abort();
}

/* A note of anybody's. */
static void check_note(struct span note, struct span text)
{
        static struct hash identities[AGAIN_FINDINGS_MAX];
        _cleanup_buf_ struct buf out = {0};
        struct again a;

        if (again_read(note, identities, &a) == 0 && again_apply(&a, text, &out) < 0)
                abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
        struct span all = {(const char *)bytes, n}, answer, base;
        const char *cut = memmem(all.at, all.n, "\n=====\n", 7);
        _cleanup_edits_ struct edits e = {0};
        _cleanup_buf_ struct buf out = {0};
        struct diag d = {0};
        int k;

        if (!cut)
                return 0;
        base = (struct span){all.at, (size_t)(cut + 1 - all.at)};
        answer = (struct span){cut + 7, n - (size_t)(cut + 7 - all.at)};
        check_base(base);
        check_excerpt(base);
        check_note(answer, base);
        k = edits_read(answer, TAG, &e, &d);
        k = k ? k : edits_apply(&e, base, &out, &d);
        if (k < 0 || (k > 0 && (out.n > 0 || !d.text[0])))
                abort();
        if (k == 0)
                check_applied(&e, base, &out);
        if (k == 0 && base.n > 0 && base.at[base.n - 1] == '\n')
                check_again(base, buf_span(&out));
        return 0;
}
