#include "daemon/exec/amend.h"

#include <stdio.h>

#include "daemon/edit/excerpt.h"
#include "daemon/exec/answer.h"
#include "daemon/exec/left.h"
#include "daemon/exec/moved.h"
#include "daemon/exec/tree.h"

/* Edits of a rendering: more than half of a text is not changed by what it lacks. */
#define REMOVED_SHARE 0.5
#define REMOVED_LINES 10
/* Repairs: so many lines go with each finding, or a part of a large file; of a small one, where
 * that would be all, a half, or as many as findings in most of its lines change. */
#define REMOVED_PER_FINDING 12
#define REMOVED_BESIDE 0.25
#define REMOVED_WHERE_DENSE 6
/* How far from a finding its repair may lie. */
#define NEAR_LINES 40

/* Edits that do not apply are refused like a text that fails its checks. */
static int refuse_edits(struct candidate *c, const struct diag *d)
{
        struct finding *f = &c->report.findings[0];

        c->report =
                (struct check_report){.verdict = VERDICT_REJECTED, .n_findings = 1, .n_rules = 1};
        *f = (struct finding){.rule = "edits", .confidence = 1};
        memcpy(f->text, d->text, sizeof(f->text));
        return CONDITION_REFUSED;
}

static double allowed_lines(const struct task *t, size_t n_lines)
{
        double lines = (double)n_lines, n = t->repair ? (double)t->repair->n_findings : 0, most;

        if (!t->repair)
                return MAX2(REMOVED_SHARE * lines, REMOVED_LINES);
        most = MAX2(REMOVED_SHARE * lines, REMOVED_WHERE_DENSE * n);
        return MAX2(REMOVED_BESIDE * lines, MIN2(REMOVED_LINES + REMOVED_PER_FINDING * n, most));
}

static int check_removed(const struct task *t, struct span base, struct span text, struct diag *d)
{
        size_t n_removed = 0, n_lines = 0;
        int k = edits_removed(base, text, &n_removed, &n_lines);

        *d = (struct diag){0};
        if (k < 0 || (double)n_removed <= allowed_lines(t, n_lines))
                return k;
        snprintf(d->text, sizeof(d->text),
                 "it takes away %zu of the %zu lines that were shown: change what is asked for and "
                 "leave the rest as it is",
                 n_removed, n_lines);
        return CONDITION_REFUSED;
}

/* A change longer than this may hold lines that are the same on both sides: all of it has to be
 * near. */
#define LONG_CHANGE_LINES 300

static bool is_near(const struct hunk *h, const uint32_t *lines, size_t n)
{
        for (size_t i = 0; i < n; i++)
                if (hunk_distance(h, lines[i]) <= NEAR_LINES)
                        return true;
        return false;
}

static bool is_all_near(const struct hunk *h, const uint32_t *lines, size_t n)
{
        for (size_t at = h->b0; at < h->b1; at++)
                if (!is_near(&(struct hunk){at, at + 1, h->a0, h->a1}, lines, n))
                        return false;
        return true;
}

/* The same of a file that was written anew, by what differs. */
static int check_hunks_near(const struct change *c, size_t n_lines, struct diag *d)
{
        size_t n = 0;
        const struct hunk *hunks = traces_hunks(c->traces, &n);

        for (size_t i = 0; i < n && n_lines > 0; i++) {
                const struct hunk *h = &hunks[i];
                struct span old = text_lines(c->base, h->b0, h->b1),
                            new = text_lines(c->text, h->a0, h->a1);

                if ((edits_are_imports(old) && edits_are_imports(new)) ||
                    (h->b1 - h->b0 <= LONG_CHANGE_LINES ? is_near(h, c->lines, n_lines)
                                                        : is_all_near(h, c->lines, n_lines)))
                        continue;
                snprintf(d->text, sizeof(d->text),
                         "it changes lines %zu to %zu, and no finding is about this place: leave "
                         "it as it is",
                         h->b0 + 1, MAX2(h->b1, h->b0 + 1));
                return CONDITION_REFUSED;
        }
        return 0;
}

static int check_near(const struct run_work_item *item, const struct edits *edits,
                      const struct change *c, struct diag *d)
{
        size_t n = item->source->repair->n_findings;

        for (size_t i = 0; i < n; i++)
                if (c->lines[i] == 0) /* one about the whole frees all */
                        return 0;
        return item->candidate->is_edits
                       ? edits_check_near(edits, c->base, c->lines, n, NEAR_LINES, d)
                       : check_hunks_near(c, n, d);
}

/* A repair changes nothing but what is near to what it repairs, and leaves nothing out unsaid. */
static int check_repair(struct run_work_item *item, const struct edits *edits, struct span base,
                        struct span text)
{
        _cleanup_(traces_freep) struct traces *traces = NULL;
        _cleanup_free_ unsigned *lines = NULL;
        struct change c = {.base = base, .text = text};
        int k = moved_lines(item->source, base, &lines);

        item->diag = (struct diag){0};
        k = k ? k : traces_new(base, edits->is_gone ? base : text, &traces);
        if (k < 0)
                return k;
        c.traces = traces;
        c.lines = lines;
        k = check_near(item, edits, &c, &item->diag);
        return k ? k : left_find(item, edits, &c);
}

/* What the edits are about: the text, or the part of it that was shown. */
static struct span shown_of(const struct run_work_item *item)
{
        return item->shown.n > 0 ? buf_span(&item->shown)
                                 : (struct span){item->base.text, item->base.n};
}

static int look_at(struct run_work_item *item, const struct edits *edits, struct span text)
{
        const struct task *t = item->source;
        struct span base = shown_of(item);
        int k = t->repair ? check_repair(item, edits, base, text) : 0;

        if (k || edits->is_gone)
                return k;
        return check_removed(t, base, text, &item->diag);
}

static int apply(struct run_work_item *item, struct edits *edits, struct buf *out)
{
        struct candidate *c = item->candidate;
        int k = edits_read((struct span){c->result.text, c->result.n_text}, item->tag, edits,
                           &item->diag);

        k = k ? k : tree_amend(item, edits);
        return k ? k : edits_apply(edits, shown_of(item), out, &item->diag);
}

/* A part becomes the whole again. */
static int join(struct run_work_item *item, struct buf *text)
{
        _cleanup_buf_ struct buf whole = {0};
        int k;

        if (item->shown.n == 0)
                return 0;
        buf_init(&whole, ANSWER_MAX_FILE_BYTES);
        k = excerpt_join(item->source->repair->excerpt,
                         (struct span){item->base.text, item->base.n}, buf_span(text), &whole,
                         &item->diag);
        if (k)
                return k;
        buf_done(text);
        *text = whole;
        whole = (struct buf){0};
        return 0;
}

int amend(struct run_work_item *item)
{
        struct candidate *c = item->candidate;
        struct span text = {c->result.text, c->result.n_text};
        _cleanup_edits_ struct edits edits = {0};
        _cleanup_buf_ struct buf out = {0};
        int k = 0;

        if (!c->is_edits && !item->source->repair)
                return 0;
        buf_init(&out, ANSWER_MAX_FILE_BYTES);
        if (c->is_edits) {
                k = apply(item, &edits, &out);
                text = buf_span(&out);
        } else if (item->shown.n > 0) {
                snprintf(item->diag.text, sizeof(item->diag.text),
                         "only a part of the file is shown: answer with edits of it");
                k = CONDITION_REFUSED;
        }
        k = k ? k : look_at(item, &edits, text);
        if (k == 0 && c->is_edits)
                k = join(item, &out);
        if (k == CONDITION_REFUSED)
                return refuse_edits(c, &item->diag);
        if (k || !c->is_edits)
                return k > 0 ? -ENODATA : k;
        free(c->result.text);
        if (c->result.is_gone)
                buf_clear(&out);
        c->result.text = out.n > 0 ? buf_steal(&out, &c->result.n_text) : strdup("");
        c->result.n_text = c->result.text && *c->result.text ? c->result.n_text : 0;
        return c->result.text ? 0 : -ENOMEM;
}

int restore_ends(const struct run_work_item *item)
{
        struct candidate *c = item->candidate;
        _cleanup_buf_ struct buf out = {0};
        char *text;
        size_t n = 0;
        int k;

        if (c->result.is_gone || (task_is_given(item->source) && !item->call))
                return 0; /* made with them */
        if (!item->base.was_crlf && !item->base.had_no_end && !item->base.had_mark)
                return 0;
        k = edit_base_write(&item->base, (struct span){c->result.text, c->result.n_text}, &out);
        if (k < 0)
                return k;
        text = buf_steal(&out, &n);
        if (!text)
                return -ENOMEM;
        free(c->result.text);
        c->result.text = text;
        c->result.n_text = n;
        return 0;
}
