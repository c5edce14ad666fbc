#include "daemon/exec/left.h"

#include <stdio.h>

#include "common/str.h"
#include "daemon/edit/trace.h"
#include "daemon/exec/confidence.h"

#define TOUCHED_LINES 3u
#define STATEMENT_LINES 15u

/* One answer, looked at. */
struct look {
        const struct repair *repair;
        struct span base, text;
        const struct hunk *hunks;
        size_t n_hunks;
        bool *is_explained;    /* per hunk: it touches the line of a finding */
        const unsigned *lines; /* per finding: where it stands in base; 0: in the whole */
        unsigned *ends;        /* where what begins there ends: a statement, a tag */
};

/* ---- where findings stand ---- */

static struct span next_line(struct span *s)
{
        const char *lf = memchr(s->at, '\n', s->n);
        struct span line = {s->at, lf ? (size_t)(lf - s->at) : s->n};

        s->at += line.n + (lf != NULL);
        s->n -= line.n + (lf != NULL);
        return line;
}

/* ---- what touches them ---- */

static bool names_one(struct span part, const char *words)
{
        while (words && *words) {
                size_t n = strcspn(words, "\n");

                if (memmem(part.at, part.n, words, n))
                        return true;
                words += n + (words[n] == '\n');
        }
        return false;
}

static bool reaches(const struct look *k, const struct spot *s, const struct hunk *h)
{
        struct span before = text_lines(k->base, h->b0, h->b1),
                    after = text_lines(k->text, h->a0, h->a1),
                    beside = text_lines(k->text, h->a0 - (h->a0 > 0), h->a1 + 1);

        if (s->reach == REACH_FILE || names_one(before, s->words) || names_one(beside, s->words))
                return true;
        return s->reach == REACH_IMPORTS && edits_are_imports(before) && edits_are_imports(after);
}

/* The first line from here on that ends as statements, blocks and tags do. */
static unsigned find_end(struct span base, unsigned line)
{
        struct span rest = text_lines(base, line - 1, line + STATEMENT_LINES);

        for (unsigned at = line; rest.n > 0; at++) {
                struct span text = str_trim(next_line(&rest));

                if (text.n > 0 && strchr(";{}>", text.at[text.n - 1]))
                        return at;
        }
        return line;
}

static bool is_beside(const struct look *k, size_t finding, const struct hunk *h)
{
        for (unsigned line = k->lines[finding]; line <= k->ends[finding]; line++)
                if (hunk_distance(h, line) <= TOUCHED_LINES)
                        return true;
        return false;
}

/* What is of no line is of any. */
static bool is_touched(const struct look *k, size_t finding)
{
        unsigned line = k->lines[finding];

        if (k->n_hunks == 0) /* at most blanks at the ends of lines */
                return !span_is_equal(k->base, k->text);
        for (size_t i = 0; i < k->n_hunks; i++) {
                if (line == 0 || is_beside(k, finding, &k->hunks[i]))
                        return true;
                if (!k->is_explained[i] && reaches(k, &k->repair->spots[finding], &k->hunks[i]))
                        return true;
        }
        return false;
}

static void explain(struct look *k)
{
        for (size_t i = 0; i < k->repair->n_findings; i++) {
                k->ends[i] = k->lines[i] > 0 ? find_end(k->base, k->lines[i]) : 0;
                for (size_t h = 0; h < k->n_hunks && k->lines[i] > 0; h++)
                        k->is_explained[h] |= is_beside(k, i, &k->hunks[h]);
        }
}

/* ---- which are kept ---- */

/* By line and rule; where only one of them fits a single finding, by that. */
static size_t find_kept(const struct repair *r, const unsigned *lines, const struct edit_kept *kept)
{
        size_t by_line = SIZE_MAX, by_rule = SIZE_MAX, n_line = 0, n_rule = 0;

        for (size_t i = 0; i < r->n_findings; i++) {
                bool is_line = lines[i] == kept->line,
                     is_rule = span_is_equal(span_of(r->spots[i].rule), kept->rule);

                if (is_line && is_rule)
                        return i;
                by_line = is_line ? i : by_line;
                by_rule = is_rule ? i : by_rule;
                n_line += is_line;
                n_rule += is_rule;
        }
        return n_line == 1 ? by_line : n_rule == 1 ? by_rule : SIZE_MAX;
}

/* A sentence or two, in one line, of whole characters. */
static char *why_of(struct span s)
{
        char *why = str_dup_span(str_head(s, LEFT_WHY_BYTES));

        for (char *c = why; c && *c; c++)
                if ((unsigned char)*c < ' ' || *c == 0x7f)
                        *c = ' ';
        return why;
}

static int refuse(struct run_work_item *item, const char *text)
{
        item->diag = (struct diag){0};
        snprintf(item->diag.text, sizeof(item->diag.text), "%s", text);
        return CONDITION_REFUSED;
}

/* All of one line and rule, so that two findings of one place need one `+++keep`. */
static int take_kept(struct run_work_item *item, const struct edits *e, const unsigned *lines,
                     const char **whys)
{
        const struct repair *r = item->source->repair;
        char text[160];

        for (size_t i = 0; i < e->n_kept; i++) {
                size_t at = find_kept(r, lines, &e->kept[i]);

                if (at == SIZE_MAX) {
                        snprintf(text, sizeof(text), "`+++keep %u %.*s`: no such finding is listed",
                                 e->kept[i].line, (int)MIN2(e->kept[i].rule.n, (size_t)80),
                                 e->kept[i].rule.at);
                        return refuse(item, text);
                }
                for (size_t k = at; k < r->n_findings; k++)
                        if (lines[k] == lines[at] &&
                            strcmp(r->spots[k].rule, r->spots[at].rule) == 0)
                                whys[k] = e->kept[i].why.at;
        }
        return 0;
}

static struct span why_at(const struct edits *e, const char *at)
{
        for (size_t i = 0; i < e->n_kept; i++)
                if (e->kept[i].why.at == at)
                        return e->kept[i].why;
        return (struct span){0};
}

/* ---- all of it ---- */

static int refuse_left(struct run_work_item *item, const struct look *k, const bool *is_left,
                       bool is_changed)
{
        const struct repair *r = item->source->repair;
        char text[sizeof(item->diag.text)];
        size_t n = 0, first = 0;

        for (size_t i = 0; i < r->n_findings; i++)
                if (is_left[i] && n++ == 0)
                        first = i;
        snprintf(text, sizeof(text),
                 "%s: %zu of %u findings have no edit that touches them, first `%.60s` in line %u. "
                 "Repair each where it stands, or keep it with `+++keep` and say why",
                 is_changed ? "it leaves out findings" : "it changes nothing", n, r->n_findings,
                 r->spots[first].rule, k->lines[first]);
        return refuse(item, text);
}

static int note_left(struct result *result, const struct repair *r, const struct edits *e,
                     const char *const *whys, const bool *is_left)
{
        result->left = calloc(r->n_findings + 1, sizeof(*result->left));
        if (!result->left)
                return -ENOMEM;
        for (uint32_t i = 0; i < r->n_findings && result->n_left < RESULT_LEFT_MAX; i++) {
                struct left_finding *l = &result->left[result->n_left];

                if (!whys[i] && !is_left[i])
                        continue;
                *l = (struct left_finding){.index = i, .is_kept = whys[i] != NULL};
                l->why = whys[i] ? why_of(why_at(e, whys[i])) : strdup("");
                if (!l->why)
                        return -ENOMEM;
                result->n_left++;
        }
        return 0;
}

static int decide(struct run_work_item *item, const struct edits *e, const struct look *k,
                  const char **whys, bool *is_left)
{
        const struct repair *r = item->source->repair;
        bool is_changed = !span_is_equal(k->base, k->text) || edits_change_tree(e);
        size_t n_kept = 0, n_left = 0;

        for (size_t i = 0; i < r->n_findings; i++) {
                is_left[i] = !whys[i] && !edits_change_tree(e) && !is_touched(k, i);
                n_kept += whys[i] != NULL;
                n_left += is_left[i];
        }
        if (is_changed && n_kept + n_left == r->n_findings) {
                item->candidate->is_idle = n_kept == 0;
                return n_left > 0
                               ? refuse_left(item, k, is_left, true)
                               : refuse(item, "it changes the file, and keeps every finding of it");
        }
        if (n_left > 0 && (item->n_attempts == 0 || n_left == r->n_findings)) {
                item->candidate->is_idle = n_left == r->n_findings;
                return refuse_left(item, k, is_left, is_changed);
        }
        return n_left + n_kept > 0 ? note_left(&item->candidate->result, r, e, whys, is_left) : 0;
}

int left_find(struct run_work_item *item, const struct edits *edits, const struct change *change)
{
        const struct repair *r = item->source->repair;
        _cleanup_free_ const char **whys = calloc(r->n_findings + 1, sizeof(*whys));
        _cleanup_free_ bool *is_left = calloc(r->n_findings + 1, sizeof(*is_left)),
                            *is_explained = NULL;
        _cleanup_free_ unsigned *ends = calloc(r->n_findings + 1, sizeof(*ends));
        struct look k = {.repair = r,
                         .base = change->base,
                         .text = change->text,
                         .lines = change->lines,
                         .ends = ends};
        int x;

        k.hunks = traces_hunks(change->traces, &k.n_hunks);
        k.is_explained = is_explained = calloc(k.n_hunks + 1, sizeof(*is_explained));
        if (!whys || !is_left || !ends || !is_explained)
                return -ENOMEM;
        explain(&k);
        x = take_kept(item, edits, k.lines, whys);
        return x ? x : decide(item, edits, &k, whys, is_left);
}

size_t left_count(const struct result *result, size_t *ret_kept)
{
        *ret_kept = 0;
        for (size_t i = 0; i < result->n_left; i++)
                *ret_kept += result->left[i].is_kept;
        return result->n_left;
}

json_t *left_without(const struct repair *repair, const struct result *result)
{
        _cleanup_json_ json_t *list = repair ? json_array() : NULL;
        size_t left = 0, i;
        json_t *one;

        if (!list)
                return NULL;
        json_array_foreach (repair->findings, i, one) {
                if (left < result->n_left && result->left[left].index == i)
                        left++;
                else if (json_add(list, json_incref(one)) < 0)
                        return NULL;
        }
        return take(list);
}

void left_note(struct run *r, uint32_t task, const struct result *result)
{
        struct run_task *t = run_task_of(r, task);
        size_t n_kept = 0;

        if (!r->work->tasks[task].repair)
                return;
        left_findings_free(t->left, t->n_left);
        t->left = left_findings_copy(result->left, result->n_left);
        t->n_left = (uint32_t)left_count(result, &n_kept);
        t->n_kept = (uint32_t)n_kept;
        t->candidate_score = result->score;
        t->needs_review = t->n_left < r->work->tasks[task].repair->n_findings &&
                          confidence_is_low(&r->work->tasks[task], result);
}

enum finding_fate left_fate(struct run *r, uint32_t task, uint32_t finding, const char **ret_why)
{
        const struct run_task *t = run_task_of(r, task);

        for (uint32_t i = 0; t->left && i < t->n_left; i++)
                if (t->left[i].index == finding) {
                        if (ret_why)
                                *ret_why = t->left[i].why;
                        return t->left[i].is_kept ? FATE_KEPT : FATE_LEFT;
                }
        return FATE_REPAIRED;
}

void left_tell(struct run *r, uint32_t task, const struct result *result)
{
        const struct repair *repair = r->work->tasks[task].repair;

        for (size_t i = 0; repair && i < result->n_left; i++) {
                const struct left_finding *l = &result->left[i];
                const struct spot *s;
                _cleanup_free_ char *text = NULL;

                if (l->index >= repair->n_findings)
                        continue;
                s = &repair->spots[l->index];
                text = l->is_kept ? str_printf("%s in line %u needs no change, says the model: %s",
                                               s->rule, repair->places[l->index], l->why)
                                  : str_printf("%s in line %u was not repaired: no edit touches it",
                                               s->rule, repair->places[l->index]);
                r->has_warned = true;
                if (text)
                        publish_news(r, "warning",
                                     json_pack("{s:s,s:s}", "text", text, "where",
                                               r->work->tasks[task].path));
        }
}
