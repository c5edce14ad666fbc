#include "daemon/edit/again.h"

struct cut {
        struct span text;
        size_t *starts; /* owned: of each line, and of the end */
        size_t n;
};

static int cut_lines(struct span text, struct cut *ret)
{
        size_t n = 0;

        for (size_t i = 0; i < text.n; i++)
                n += text.at[i] == '\n';
        *ret = (struct cut){.text = text};
        ret->starts = calloc(n + 2, sizeof(*ret->starts));
        if (!ret->starts)
                return -ENOMEM;
        for (size_t i = 0; i < text.n; i++)
                if (text.at[i] == '\n')
                        ret->starts[++ret->n] = i + 1;
        if (ret->starts[ret->n] < text.n)
                ret->starts[++ret->n] = text.n;
        return 0;
}

static struct span lines_of(const struct cut *c, size_t from, size_t to)
{
        from = MIN2(from, c->n);
        to = MIN2(to, c->n);
        return (struct span){c->text.at + c->starts[from], c->starts[to] - c->starts[from]};
}

static int write_edits(const struct hunk *h, size_t n, const struct cut *b, const struct cut *a,
                       const char *tag, struct buf *out)
{
        for (size_t i = 0, to; i < n; i = to) {
                size_t from = h[i].b0 - MIN2(h[i].b0, (size_t)AGAIN_LINES), at = from;

                for (to = i + 1; to < n && h[to].b0 <= h[to - 1].b1 + 2 * AGAIN_LINES; to++)
                        ;
                (void)buf_printf(out, "<<<old %s\n", tag);
                (void)buf_add_span(out, lines_of(b, from, h[to - 1].b1 + AGAIN_LINES));
                (void)buf_printf(out, "===new %s\n", tag);
                for (size_t k = i; k < to; k++) {
                        (void)buf_add_span(out, lines_of(b, at, h[k].b0));
                        (void)buf_add_span(out, lines_of(a, h[k].a0, h[k].a1));
                        at = h[k].b1;
                }
                (void)buf_add_span(out, lines_of(b, at, at + AGAIN_LINES));
        }
        return out->failed ? out->failed : out->n > AGAIN_MAX_BYTES ? -EMSGSIZE : 0;
}

/* The same for the same findings; no line of a text has it. */
static void tag_of(const struct again *a, char ret[HASH_HEX_BYTES])
{
        struct hash h;

        hash_of(a->identities, a->n * sizeof(*a->identities), &h);
        hash_to_hex(&h, ret);
        ret[16] = '\0';
}

struct head {
        double score;
        uint32_t n, unused;
};

int again_write(const struct again *a, const struct traces *t, struct span before,
                struct span after, struct buf *out)
{
        struct head head = {.score = a->score, .n = (uint32_t)a->n};
        struct cut b = {0}, c = {0};
        char tag[HASH_HEX_BYTES];
        size_t n;
        const struct hunk *hunks = traces_hunks(t, &n);
        int r = a->n > AGAIN_FINDINGS_MAX ? -EMSGSIZE : cut_lines(before, &b);

        tag_of(a, tag);
        (void)buf_add(out, &head, sizeof(head));
        (void)buf_add(out, a->identities, a->n * sizeof(*a->identities));
        r = r ? r : cut_lines(after, &c);
        r = r ? r : write_edits(hunks, n, &b, &c, tag, out);
        free(b.starts);
        free(c.starts);
        return r;
}

int again_read(struct span note, struct hash *identities, struct again *ret)
{
        struct head head;
        size_t n_bytes;

        if (note.n < sizeof(head))
                return CONDITION_ABSENT;
        memcpy(&head, note.at, sizeof(head));
        n_bytes = head.n * sizeof(*identities);
        if (head.n == 0 || head.n > AGAIN_FINDINGS_MAX || note.n - sizeof(head) < n_bytes ||
            !(head.score >= 0 && head.score <= 1))
                return CONDITION_ABSENT;
        memcpy(identities, note.at + sizeof(head), n_bytes);
        *ret = (struct again){.score = head.score, .identities = identities, .n = head.n};
        ret->edits =
                (struct span){note.at + sizeof(head) + n_bytes, note.n - sizeof(head) - n_bytes};
        return 0;
}

/* At the beginning of a line. */
static bool stands_in(struct span text, struct span part)
{
        for (size_t at = 0; part.n > 0 && at + part.n <= text.n;) {
                const char *found = memmem(text.at + at, text.n - at, part.at, part.n);

                if (!found)
                        return false;
                at = (size_t)(found - text.at);
                if (at == 0 || text.at[at - 1] == '\n')
                        return true;
                at++;
        }
        return false;
}

int again_apply(const struct again *a, struct span text, struct buf *out)
{
        _cleanup_edits_ struct edits e = {0};
        struct diag d;
        size_t n = 0;
        char tag[HASH_HEX_BYTES];
        int r;

        tag_of(a, tag);
        r = edits_read(a->edits, tag, &e, &d);
        if (r < 0)
                return r;
        if (r > 0 || edits_change_tree(&e))
                return CONDITION_ABSENT;
        for (size_t i = 0; i < e.n; i++)
                if (stands_in(text, e.at[i].old) || !stands_in(text, e.at[i].new))
                        e.at[n++] = e.at[i];
        e.n = n;
        r = n > 0 ? edits_apply(&e, text, out, &d) : CONDITION_ABSENT;
        return r > 0 ? CONDITION_ABSENT : r;
}
