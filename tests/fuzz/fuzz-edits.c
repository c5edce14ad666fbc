/* Edits of a foreign answer on a foreign base: the first line `=====` parts them. What applies
 * keeps every line of the base that no edit names, and line ends survive. */

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
        k = edits_read(answer, TAG, &e, &d);
        k = k ? k : edits_apply(&e, base, &out, &d);
        if (k < 0 || (k > 0 && (out.n > 0 || !d.text[0])))
                abort();
        if (k == 0)
                check_applied(&e, base, &out);
        return 0;
}
