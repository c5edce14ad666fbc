#include "daemon/exec/amend.h"

#include <stdio.h>

#include "daemon/exec/answer.h"

/* Edits of a rendering: more than half of a text is not changed by what it lacks. */
#define REMOVED_SHARE 0.5
#define REMOVED_LINES 10
/* Repairs: so many lines go with each finding, or a part of a small file. */
#define REMOVED_PER_FINDING 12
#define REMOVED_BESIDE 0.25
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
        double share = t->repair ? REMOVED_BESIDE : REMOVED_SHARE,
               least = t->repair
                               ? REMOVED_LINES + REMOVED_PER_FINDING * (double)t->repair->n_findings
                               : REMOVED_LINES;

        return MAX2(share * (double)n_lines, least);
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

/* A repair changes something, and that near to what it repairs. */
static int check_repair(const struct run_work_item *item, const struct edits *edits,
                        struct span base, struct span text, struct diag *d)
{
        const struct task *t = item->source;

        *d = (struct diag){0};
        if (span_is_equal(base, text)) {
                snprintf(d->text, sizeof(d->text),
                         "it changes nothing: every finding needs an edit");
                return CONDITION_REFUSED;
        }
        if (edits->move.n > 0) {
                snprintf(d->text, sizeof(d->text), "no finding asks for another path of the file");
                return CONDITION_REFUSED;
        }
        return edits_check_near(edits, base, t->repair->lines, t->repair->n_lines, NEAR_LINES, d);
}

static int look_at(struct run_work_item *item, const struct edits *edits, struct span text)
{
        const struct task *t = item->source;
        struct span base = {item->base.text, item->base.n};
        int k = t->repair ? check_repair(item, edits, base, text, &item->diag) : 0;

        return k ? k : check_removed(t, base, text, &item->diag);
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
                k = edits_read(text, item->tag, &edits, &item->diag);
                k = k ? k
                      : edits_apply(&edits, (struct span){item->base.text, item->base.n}, &out,
                                    &item->diag);
                text = buf_span(&out);
        }
        k = k ? k : look_at(item, &edits, text);
        if (k == CONDITION_REFUSED)
                return refuse_edits(c, &item->diag);
        if (k < 0 || !c->is_edits)
                return k;
        free(c->result.text);
        c->result.text = out.at ? buf_steal(&out, &c->result.n_text) : strdup("");
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

        if (task_is_mechanical(item->source) && !item->call)
                return 0; /* made with them */
        if (!item->base.was_crlf && !item->base.had_no_end)
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
