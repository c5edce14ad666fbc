/* Which findings there are, file by file, and what becomes of each; the tasks are fix-task.c's. */

#include "daemon/input/fix-tasks.h"

#include <stdio.h>

#include "common/json.h"
#include "daemon/input/fix-making.h"

#define FINDINGS_PER_CALL 30 /* of one file: an answer of some thousand tokens */

/* ---- which findings ---- */

static int compare_texts(const char *a, const char *b)
{
        return strcmp(a ? a : "", b ? b : "");
}

/* By file, line, rule; then by what they say, so that the same finding stands beside itself. */
static int compare_open(const void *a, const void *b)
{
        const struct open *x = a, *y = b;
        int r;

        if (x->place->file != y->place->file)
                return x->place->file < y->place->file ? -1 : 1;
        if (x->i->line != y->i->line)
                return x->i->line < y->i->line ? -1 : 1;
        r = compare_texts(x->rule->id, y->rule->id);
        r = r ? r : compare_texts(x->rule->ruleset, y->rule->ruleset);
        r = r ? r : compare_texts(x->i->message, y->i->message);
        return r ? r : (x->i > y->i) - (x->i < y->i);
}

static bool is_same(const struct open *x, const struct open *y)
{
        return x->place->file == y->place->file && x->i->line == y->i->line &&
               compare_texts(x->rule->id, y->rule->id) == 0 &&
               compare_texts(x->rule->ruleset, y->rule->ruleset) == 0 &&
               compare_texts(x->i->message, y->i->message) == 0 &&
               compare_texts(x->i->code, y->i->code) == 0 &&
               (x->i->variables == y->i->variables || json_equal(x->i->variables, y->i->variables));
}

static int note_gone(struct making *m, const char *path)
{
        return strlist_has(&m->not_there, path) ? 0 : strlist_add(&m->not_there, path);
}

/* All that are wanted and whose files are here, sorted; each once. */
static int collect(struct making *m, const struct place *places, struct open **ret, size_t *ret_n)
{
        const struct analysis *a = m->s->a;
        struct open *list = calloc(a->n_incidents + 1, sizeof(*list));
        size_t n = 0, kept = 0;
        int r = list ? 0 : -ENOMEM;

        for (size_t i = 0; i < a->n_incidents && r == 0; i++) {
                const struct analysis_rule *rule = &a->rules[a->incidents[i].rule];

                if (!fix_filter_takes(m->s->filter, rule, places[i].path)) {
                        m->counts.n_filtered++;
                        continue;
                }
                m->counts.n_places[places[i].kind]++;
                if (places[i].kind == PLACE_HERE)
                        list[n++] = (struct open){&a->incidents[i], rule, &places[i], FIX_NONE, 0};
                else if (places[i].kind == PLACE_GONE)
                        r = note_gone(m, places[i].path);
        }
        if (r < 0) {
                free(list);
                return r;
        }
        qsort(list, n, sizeof(*list), compare_open);
        for (size_t i = 0; i < n; i++)
                if (kept > 0 && is_same(&list[kept - 1], &list[i]))
                        m->counts.n_repeated++;
                else
                        list[kept++] = list[i];
        *ret = list;
        *ret_n = kept;
        return 0;
}

/* ---- one file ---- */

static void count_outcomes(struct making *m, const struct open *at, size_t n)
{
        for (size_t i = 0; i < n; i++) {
                m->counts.n_mechanical += at[i].outcome == FIX_DONE;
                m->counts.n_there += at[i].outcome == FIX_THERE;
                m->counts.n_false += at[i].outcome == FIX_FALSE;
                m->counts.n_asked += at[i].outcome == FIX_NONE;
        }
}

/* All edits that findings spell out, in their order. */
static int fix_mechanically(struct making *m, struct open *at, size_t n, struct buf *text)
{
        const char *path = m->s->paths[at->place->file], *rule = NULL;
        int r = 0;

        for (size_t i = 0; i < n && r == 0; i++)
                r = fixes_apply(m->s->fixes, path, at[i].rule, at[i].i, at[i].line, text,
                                &at[i].outcome, &rule);
        /* What another finding's edit has brought on the way is no less repaired by it. */
        for (size_t i = 0; i < n; i++)
                for (size_t k = 0; k < i && at[i].outcome == FIX_THERE; k++)
                        if (at[k].outcome == FIX_DONE && at[k].i->line == at[i].i->line)
                                at[i].outcome = FIX_DONE;
        return r;
}

static size_t move_to_front(struct open *at, size_t n, enum fix_outcome outcome)
{
        size_t kept = 0;

        for (size_t i = 0; i < n; i++)
                if (at[i].outcome == outcome) {
                        struct open x = at[i];

                        memmove(&at[kept + 1], &at[kept], (i - kept) * sizeof(*at));
                        at[kept++] = x;
                }
        return kept;
}

static int make_parts(struct making *m, struct open *at, size_t n, const struct edit_base *base,
                      uint32_t before)
{
        size_t n_parts = (n + FINDINGS_PER_CALL - 1) / FINDINGS_PER_CALL;
        int r = 0;

        for (size_t i = 0; i < n_parts && r == 0; i++) {
                size_t from = n * i / n_parts, to = n * (i + 1) / n_parts;

                r = fix_task_make(
                        m, &(struct fix_part){&at[from], to - from, base, NULL, before, i > 0});
                before = (uint32_t)m->w->n_tasks - 1;
        }
        return r;
}

static int write_back(const struct edit_base *base, const struct buf *text, char **ret)
{
        _cleanup_buf_ struct buf out = {0};
        size_t n;
        int r = edit_base_write(base, buf_span(text), &out);

        *ret = r == 0 ? buf_steal(&out, &n) : NULL;
        return r ? r : *ret ? 0 : -ENOMEM;
}

static int make_file(struct making *m, struct open *at, size_t n, struct span content)
{
        _cleanup_edit_base_ struct edit_base base = {0}, after = {0};
        _cleanup_buf_ struct buf text = {0};
        _cleanup_free_ char *mechanical = NULL;
        uint32_t before = UINT32_MAX;
        size_t n_done, n_asked;
        int r = edit_base_read(content, &base);

        (void)buf_add(&text, base.text ? base.text : "", base.n);
        r = r ? r : text.failed;
        for (size_t i = 0; i < n && r == 0; i++) /* edits never change the number of lines */
                at[i].line = incident_find_line(at[i].i, (struct span){base.text, base.n});
        r = r ? r : fix_mechanically(m, at, n, &text);
        if (r < 0)
                return r;
        count_outcomes(m, at, n);
        n_done = move_to_front(at, n, FIX_DONE);
        if (n_done > 0) {
                r = write_back(&base, &text, &mechanical);
                r = r ? r : edit_base_read(span_of(mechanical), &after);
                r = r ? r
                      : fix_task_make(m, &(struct fix_part){at, n_done, &base, mechanical,
                                                            UINT32_MAX, false});
                before = (uint32_t)m->w->n_tasks - 1;
        }
        n_asked = move_to_front(at, n, FIX_NONE);
        r = r ? r : make_parts(m, at, n_asked, n_done > 0 ? &after : &base, before);
        if (r == 0 && n_done + n_asked > 0) /* the last of the chain is what a command looks at */
                m->w->tasks[m->w->n_tasks - 1].command = m->s->command;
        return r;
}

/* ---- the whole ---- */

static bool is_text(struct span content)
{
        return content.n <= EDIT_BASE_MAX_BYTES && str_is_utf8(content) &&
               !memchr(content.at, '\0', content.n);
}

/* Every file with findings: made, or its content wanted. */
static int make_files(struct making *m, struct open *list, size_t n)
{
        int r = 0;

        for (size_t from = 0, to; from < n && r == 0; from = to) {
                uint32_t file = list[from].place->file;
                _cleanup_buf_ struct buf content = {0};
                char hex[HASH_HEX_BYTES];

                to = from + 1;
                while (to < n && list[to].place->file == file)
                        to++;
                r = m->s->in->content(&m->s->hashes[file], &content, m->s->in->arg);
                if (r == CONDITION_ABSENT) {
                        hash_to_hex(&m->s->hashes[file], hex);
                        r = strlist_has(m->s->in->need, hex) ? 0 : strlist_add(m->s->in->need, hex);
                } else if (r == 0 && m->s->in->need->n == 0) {
                        if (is_text(buf_span(&content)))
                                r = make_file(m, &list[from], to - from, buf_span(&content));
                        else
                                r = note_gone(m, m->s->paths[file]);
                }
        }
        return r;
}

static int say(struct strlist *list, size_t n, const char *what)
{
        _cleanup_free_ char *text =
                n > 0 ? str_printf("%zu finding%s %s", n, n == 1 ? "" : "s", what) : NULL;

        return n == 0 ? 0 : text ? strlist_add(list, text) : -ENOMEM;
}

static int say_counts(struct making *m, const char *prefix)
{
        const struct fix_counts *c = &m->counts;
        struct strlist *notes = &m->w->notes;
        _cleanup_free_ char *root = str_printf("paths below %s are those of the source",
                                               *prefix ? prefix : "the analysis");
        int r = root ? strlist_add(notes, root) : -ENOMEM;

        r = r ? r : say(notes, c->n_places[PLACE_DEPENDENCY], "in dependencies set aside");
        r = r ? r : say(notes, c->n_places[PLACE_BUILD], "in what a build made set aside");
        r = r ? r : say(notes, c->n_filtered, "not asked for (filters; insights)");
        r = r ? r : say(notes, c->n_repeated, "told twice");
        r = r ? r : say(notes, c->n_there, "repaired already");
        r = r ? r : say(notes, c->n_false, "false alarms: the code is right as it stands");
        r = r ? r : say(&m->w->warnings, c->n_places[PLACE_ELSEWHERE], "in no file of the source");
        for (size_t i = 0; i < m->not_there.n && r == 0; i++) {
                _cleanup_free_ char *text = str_printf(
                        "%s has findings, but it is not there, or no text", m->not_there.at[i]);

                r = text ? strlist_add(&m->w->warnings, text) : -ENOMEM;
        }
        return r;
}

static json_t *counts_json(const struct making *m)
{
        const struct fix_counts *c = &m->counts;
        const struct analysis *a = m->s->a;

        return json_pack("{s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:I}", "total",
                         (json_int_t)a->n_incidents, "here", (json_int_t)c->n_places[PLACE_HERE],
                         "dependency", (json_int_t)c->n_places[PLACE_DEPENDENCY], "build",
                         (json_int_t)c->n_places[PLACE_BUILD], "gone",
                         (json_int_t)c->n_places[PLACE_GONE], "elsewhere",
                         (json_int_t)c->n_places[PLACE_ELSEWHERE], "filtered",
                         (json_int_t)c->n_filtered, "repeated", (json_int_t)c->n_repeated, "there",
                         (json_int_t)c->n_there, "false", (json_int_t)c->n_false, "mechanical",
                         (json_int_t)c->n_mechanical, "asked", (json_int_t)c->n_asked, "errors",
                         (json_int_t)a->n_errors, "unmatched", (json_int_t)a->n_unmatched);
}

int fix_tasks_make(const struct fix_source *s, struct work **ret, struct failure **ret_failure)
{
        _cleanup_(work_freep) struct work *w = work_new();
        struct making m = {.s = s, .w = w};
        _cleanup_free_ struct place *places = NULL;
        _cleanup_free_ struct open *list = NULL;
        _cleanup_free_ char *prefix = NULL;
        size_t n = 0;
        int r = w ? places_of(s->a, s->paths, s->n_paths, &places, &prefix) : -ENOMEM;

        (void)ret_failure;
        r = r ? r : collect(&m, places, &list, &n);
        r = r ? r : make_files(&m, list, n);
        r = r ? r : say_counts(&m, prefix);
        if (r == 0) {
                w->findings = counts_json(&m);
                r = w->findings ? 0 : -ENOMEM;
        }
        strlist_done(&m.not_there);
        if (r == 0 && s->in->need->n == 0)
                *ret = take(w);
        return r;
}
