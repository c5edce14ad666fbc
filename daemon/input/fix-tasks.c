/* Which findings there are, file by file, and what becomes of each; the tasks are fix-task.c's. */

#include "daemon/input/fix-tasks.h"

#include <stdio.h>

#include "common/json.h"
#include "daemon/edit/trace.h"
#include "daemon/input/fix-regions.h"
#include "daemon/input/fix-wanted.h"

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

/* Did an earlier job repair it; and did that make of the file what it is now? content NULL: one
 * that looks like it. */
static bool is_noted(struct making *m, const struct open *x, const struct hash *content)
{
        struct hash key;

        if (!m->s->in->is_noted || m->s->in->is_fresh)
                return false;
        repair_note_key(&x->identity, content, &x->alike, &key);
        return m->s->in->is_noted(&key, m->s->in->arg);
}

static int note_gone(struct making *m, const char *path)
{
        return strlist_has(&m->not_there, path) ? 0 : strlist_add(&m->not_there, path);
}

/* Told, but where a repair has taken the file away. */
static int look_for_gone(struct making *m, struct open *x)
{
        int r = fix_identity(x, x->place->path, &x->identity);

        return r || is_noted(m, x, NULL) ? r : note_gone(m, x->place->path);
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
                struct open x;

                if (!fix_filter_takes(m->s->filter, rule, places[i].path) ||
                    (m->phases.is_of_plan &&
                     !m->phases.at[fix_phase_of(&m->phases, rule, false)].is_taken)) {
                        m->counts.n_filtered++;
                        continue;
                }
                m->counts.n_places[places[i].kind]++;
                x = (struct open){.i = &a->incidents[i], .rule = rule, .place = &places[i]};
                if (m->s->states && m->s->states[i] == INCIDENT_COMPLETED)
                        x.outcome = FIX_COMPLETED;
                if (places[i].kind == PLACE_HERE)
                        list[n++] = x;
                else if (places[i].kind == PLACE_GONE)
                        r = look_for_gone(m, &x);
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
                m->counts.n_completed += at[i].outcome == FIX_COMPLETED;
                m->counts.n_needless += at[i].outcome == FIX_NEEDLESS;
                m->counts.n_again += at[i].outcome == FIX_AGAIN;
                m->counts.n_known += at[i].outcome == FIX_KNOWN;
                m->counts.n_there += at[i].outcome == FIX_KNOWN;
                m->counts.n_standing +=
                        at[i].outcome == FIX_COMPLETED && at[i].i->code && at[i].line > 0;
                if (at[i].outcome == FIX_LEFT) {
                        m->counts.n_filtered++;
                        m->counts.n_places[PLACE_HERE]--;
                }
        }
}

/* For who reads of what was left as it is. */
static int list_needless(struct making *m, const struct open *at, size_t n)
{
        const char *path = m->s->paths[at->place->file];
        int r = 0;

        for (size_t i = 0; i < n && r == 0; i++) {
                json_t *o;

                if (at[i].outcome != FIX_NEEDLESS)
                        continue;
                if (!m->w->needless && !(m->w->needless = json_array()))
                        return -ENOMEM;
                o = json_pack("{s:s,s:s}", "path", path, "rule", at[i].rule->id);
                if (o && at[i].line > 0)
                        r = json_put(o, "line", json_integer(at[i].line));
                r = r ? r : json_add(m->w->needless, json_incref(o));
                json_decref(o);
        }
        return r;
}

/* The file is as an earlier job's repair left it: nothing in it is looked at again. */
static void find_known(struct making *m, struct open *at, size_t n)
{
        for (size_t i = 0; i < n; i++)
                if (at[i].outcome == FIX_NONE &&
                    is_noted(m, &at[i], &m->s->hashes[at->place->file]))
                        at[i].outcome = FIX_KNOWN;
}

/* It was edited since, but what was found and repaired then stands in it no more. */
static void find_gone(struct making *m, struct open *at, size_t n)
{
        for (size_t i = 0; i < n; i++)
                if (at[i].outcome == FIX_NONE && at[i].i->code && at[i].line == 0 &&
                    is_noted(m, &at[i], NULL))
                        at[i].outcome = FIX_KNOWN;
}

/* Counts each into its phase; what is of a phase that is not asked for is left. */
static void find_phases(struct making *m, struct open *at, size_t n)
{
        for (size_t i = 0; i < n; i++) {
                size_t phase = fix_phase_of(&m->phases, at[i].rule, at[i].outcome == FIX_DONE);

                if (at[i].outcome != FIX_NONE && at[i].outcome != FIX_DONE)
                        continue;
                fix_phase_count(&m->phases, phase, at->place->file);
                if (!m->phases.at[phase].is_taken)
                        at[i].outcome = FIX_LEFT;
        }
}

/* Where its phase is not asked for, only to see what would be. */
static int fix_one(struct making *m, struct open *x, const char *path, struct buf *text)
{
        size_t phase = fix_phase_of(&m->phases, x->rule, true);
        _cleanup_buf_ struct buf copy = {0};
        const char *rule = NULL;
        int r = 0;

        if (!m->phases.at[phase].is_taken) {
                r = buf_add_span(&copy, buf_span(text));
                text = &copy;
        }
        return r ? r
                 : fixes_apply(m->s->fixes, path, x->rule, x->i, x->line, text, &x->outcome, &rule);
}

/* What another finding's edit has brought on the way is no less repaired by it. */
static void find_brought(struct open *at, size_t n)
{
        for (size_t i = 0; i < n; i++)
                for (size_t k = 0; k < i && at[i].outcome == FIX_THERE; k++)
                        if (at[k].outcome == FIX_DONE && at[k].i->line == at[i].i->line)
                                at[i].outcome = FIX_DONE;
}

/* All edits that findings spell out, in their order. */
static int fix_mechanically(struct making *m, struct open *at, size_t n, struct buf *text)
{
        const char *path = m->s->paths[at->place->file];
        _cleanup_buf_ struct buf first = {0}, before = {0};
        _cleanup_(undone_free) struct undone undone = {0};
        int r = buf_add_span(&first, buf_span(text));

        for (size_t i = 0; i < n && r == 0; i++) {
                if (at[i].outcome != FIX_NONE)
                        continue;
                buf_clear(&before);
                r = buf_add_span(&before, buf_span(text));
                r = r ? r : fix_one(m, &at[i], path, text);
                if (r == 0 && at[i].outcome == FIX_DONE)
                        r = undone_note(&undone, i, buf_span(&before), buf_span(text));
        }
        r = r ? r : undone_open(&undone, at, n, buf_span(&first), buf_span(text));
        if (r == 0)
                find_brought(at, n);
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

/* From below: so what is repaired first moves no line that is told later. */
static int make_parts(struct making *m, struct open *at, size_t n, const struct edit_base *base,
                      uint32_t before)
{
        size_t n_parts = (n + FINDINGS_PER_CALL - 1) / FINDINGS_PER_CALL;
        int r = 0;

        for (size_t i = n_parts; i-- > 0 && r == 0;) {
                size_t from = n * i / n_parts, to = n * (i + 1) / n_parts;

                r = fix_task_make(m, &(struct fix_part){.at = &at[from],
                                                        .n = to - from,
                                                        .base = base,
                                                        .before = before,
                                                        .is_last = i == 0});
                before = (uint32_t)m->w->n_tasks - 1;
        }
        return r;
}

/* Of a file that is longer than a window: region by region, from below. */
static int make_regions(struct making *m, struct open *at, size_t n, const struct edit_base *base,
                        uint32_t before, size_t room)
{
        _cleanup_free_ struct fix_region *regions = NULL;
        size_t n_regions = 0;
        int r = fix_regions((struct span){base->text, base->n}, at, n, room, &regions, &n_regions);

        for (size_t i = n_regions; i-- > 0 && r == 0;) {
                r = fix_task_make(m, &(struct fix_part){.at = &at[regions[i].first],
                                                        .n = regions[i].n,
                                                        .base = base,
                                                        .before = before,
                                                        .region = &regions[i],
                                                        .is_last = i == 0});
                before = (uint32_t)m->w->n_tasks - 1;
        }
        return r;
}

static int make_asked(struct making *m, struct open *at, size_t n, const struct edit_base *base,
                      uint32_t before)
{
        size_t room = fix_room(m->s->in->window_tokens);

        return base->n > room ? make_regions(m, at, n, base, before, room)
                              : make_parts(m, at, n, base, before);
}

static int write_back(const struct edit_base *base, const struct buf *text, char **ret)
{
        _cleanup_buf_ struct buf out = {0};
        size_t n;
        int r = edit_base_write(base, buf_span(text), &out);

        *ret = r == 0 ? buf_steal(&out, &n) : NULL;
        return r ? r : *ret ? 0 : -ENOMEM;
}

/* A task whose result is there: the text; *base, *before: what the next one edits. */
static int make_given(struct making *m, struct fix_part *part, const struct edit_base *ends,
                      const struct buf *text, struct edit_base *base)
{
        _cleanup_free_ char *given = NULL;
        int r = write_back(ends, text, &given);

        part->base = base;
        part->given = given;
        r = r ? r : fix_task_make(m, part);
        if (r != 0)
                return r;
        edit_base_done(base);
        return edit_base_read(span_of(given), base);
}

/* What is made again may move what is asked about. */
static int move_lines(struct open *at, size_t n, struct span before, struct span after)
{
        _cleanup_(traces_freep) struct traces *traces = NULL;
        int r = traces_new(before, after, &traces);

        for (size_t i = 0; i < n && r == 0; i++)
                at[i].in_base = traces_line_near(traces, at[i].line);
        return r;
}

/* What stands repaired in the file does so in what becomes of it, too. */
static int note_standing(struct repair *first, const struct open *at, size_t n)
{
        first->standing = calloc(2 * n + 1, sizeof(*first->standing));
        if (!first->standing)
                return -ENOMEM;
        for (size_t i = 0; i < n; i++) {
                if (at[i].outcome != FIX_KNOWN)
                        continue;
                first->standing[2 * first->n_standing] = at[i].identity;
                first->standing[2 * first->n_standing++ + 1] = at[i].alike;
        }
        return 0;
}

/* What nobody need be asked for, then what a model is asked for: a chain. */
static int make_chain(struct making *m, struct open *at, size_t n, struct edit_base *base,
                      const struct buf *mechanical, struct buf *text, double score)
{
        const struct edit_base ends = {.was_crlf = base->was_crlf,
                                       .had_no_end = base->had_no_end,
                                       .had_mark = base->had_mark};
        size_t n_done = move_to_front(at, n, FIX_DONE), n_again, n_asked, first = m->w->n_tasks;
        uint32_t before = UINT32_MAX;
        int r = 0;

        if (n_done > 0) {
                r = make_given(m, &(struct fix_part){.at = at, .n = n_done, .before = before},
                               &ends, mechanical, base);
                before = (uint32_t)m->w->n_tasks - 1;
        }
        n_again = move_to_front(at, n, FIX_AGAIN);
        if (r == 0 && n_again > 0) {
                r = make_given(m,
                               &(struct fix_part){.at = at,
                                                  .n = n_again,
                                                  .before = before,
                                                  .is_noted = true,
                                                  .score = score},
                               &ends, text, base);
                before = (uint32_t)m->w->n_tasks - 1;
                r = r ? r : move_lines(at, n, buf_span(mechanical), buf_span(text));
        }
        n_asked = move_to_front(at, n, FIX_NONE);
        r = r ? r : make_asked(m, at, n_asked, base, before);
        if (r || first == m->w->n_tasks)
                return r;
        m->w->tasks[m->w->n_tasks - 1].command = m->s->command; /* that looks at the whole */
        return note_standing(m->w->tasks[first].repair, at, n);
}

static int make_file(struct making *m, struct open *at, size_t n, struct span content)
{
        _cleanup_edit_base_ struct edit_base base = {0};
        _cleanup_buf_ struct buf mechanical = {0}, text = {0};
        double score = 1;
        int r = edit_base_read(content, &base);

        (void)buf_add(&mechanical, base.text ? base.text : "", base.n);
        r = r ? r : mechanical.failed;
        r = r ? r : fix_find_lines(at, n, (struct span){base.text, base.n});
        for (size_t i = 0; i < n && r == 0; i++)
                at[i].in_base = at[i].line;
        r = r ? r : fix_identify(m, at, n);
        if (r == 0)
                find_known(m, at, n);
        r = r ? r : fix_find_kept(m, at, n, (struct span){base.text, base.n});
        r = r ? r : fix_find_needless(m, at, n, (struct span){base.text, base.n});
        r = r ? r : fix_mechanically(m, at, n, &mechanical);
        if (r < 0)
                return r;
        find_gone(m, at, n);
        find_phases(m, at, n);
        r = buf_add_span(&text, buf_span(&mechanical));
        r = r ? r : fix_find_again(m, at, n, &text, &score);
        count_outcomes(m, at, n);
        r = r ? r : list_needless(m, at, n);
        return r ? r : make_chain(m, at, n, &base, &mechanical, &text, score);
}

/* ---- the whole ---- */

static bool is_text(struct span content)
{
        return content.n <= EDIT_BASE_MAX_BYTES && str_is_utf8(content) &&
               !memchr(content.at, '\0', content.n);
}

/* Whoever has it there is to hear which line it is, if it is one. */
static int leave_bytes(struct making *m, const char *path, size_t n, struct span content)
{
        const char *end = content.at + content.n, *at = content.at, *lf;
        _cleanup_free_ char *text = NULL;
        size_t line = 1;

        for (; (lf = memchr(at, '\n', (size_t)(end - at))) != NULL; at = lf + 1, line++)
                if (!str_is_utf8((struct span){at, (size_t)(lf - at)}) ||
                    memchr(at, '\0', (size_t)(lf - at)))
                        break;
        m->counts.n_places[PLACE_HERE] -= n;
        m->counts.n_places[PLACE_GONE] += n;
        text = content.n > EDIT_BASE_MAX_BYTES
                       ? str_printf(
                                 "%s is too large to be edited; its findings are left to you: %zu",
                                 path, n)
                       : str_printf("%s:%zu is no UTF-8 text; the file's findings are left to you: "
                                    "%zu",
                                    path, line, n);
        return text ? strlist_add(&m->w->warnings, text) : -ENOMEM;
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
                                r = leave_bytes(m, m->s->paths[file], to - from,
                                                buf_span(&content));
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
        r = r ? r : say(notes, c->n_needless, "judged before to need no change");
        r = r ? r : say(notes, c->n_again, "repaired before, and to be repaired in the same way");
        r = r ? r : say(notes, c->n_false, "false alarms: the code is right as it stands");
        r = r ? r : say(&m->w->warnings, c->n_places[PLACE_ELSEWHERE], "in no file of the source");
        r = r ? r : say(notes, c->n_completed, "completed before, as the state says");
        r = r ? r
              : say(&m->w->warnings, c->n_standing,
                    "called completed by the state, but what was found stands there as it was: "
                    "--fresh repairs it, too");
        r = r ? r
              : say(&m->w->warnings, m->s->state_counts.n_unclear,
                    "share an address of the state with others: which of them it means is not "
                    "known, so all of them are open");
        for (size_t i = 0; i < m->not_there.n && r == 0; i++) {
                const char *path = m->not_there.at[i];
                _cleanup_free_ char *text = str_printf(
                        "%s has findings, but %s", path,
                        strchr(path, '\\') ? "its name has a backslash: such files are left to you"
                                           : "it is not there, or cannot be read");

                r = text ? strlist_add(&m->w->warnings, text) : -ENOMEM;
        }
        return r;
}

static json_t *counts_json(const struct making *m)
{
        const struct fix_counts *c = &m->counts;
        const struct analysis *a = m->s->a;
        const struct {
                const char *name;
                size_t n;
        } rows[] = {{"total", a->n_incidents},
                    {"here", c->n_places[PLACE_HERE]},
                    {"dependency", c->n_places[PLACE_DEPENDENCY]},
                    {"build", c->n_places[PLACE_BUILD]},
                    {"gone", c->n_places[PLACE_GONE]},
                    {"elsewhere", c->n_places[PLACE_ELSEWHERE]},
                    {"filtered", c->n_filtered},
                    {"repeated", c->n_repeated},
                    {"there", c->n_there},
                    {"known", c->n_known},
                    {"completed", c->n_completed},
                    {"failed_before", m->s->state_counts.n_failed},
                    {"false", c->n_false},
                    {"no_change", c->n_needless},
                    {"again", c->n_again},
                    {"mechanical", c->n_mechanical},
                    {"asked", c->n_asked},
                    {"errors", a->n_errors},
                    {"unmatched", a->n_unmatched}};
        _cleanup_json_ json_t *o = json_object();
        int r = o ? 0 : -ENOMEM;

        for (size_t i = 0; i < N_ELEMENTS(rows) && r == 0; i++)
                r = json_put(o, rows[i].name, json_integer((json_int_t)rows[i].n));
        r = r ? r : json_put(o, "phases", fix_phases_json(&m->phases));
        return r == 0 ? take(o) : NULL;
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

        r = r ? r : fix_checks_new(&m.checks);
        if (r == 0) {
                w->keeper = m.checks;
                w->release = fix_checks_free;
        }
        r = r ? r : fix_phases_init(&m.phases, s->a, s->phases, ret_failure);
        r = r ? r : collect(&m, places, &list, &n);
        r = r ? r : fix_wanted_look(&m, places, n, ret_failure);
        r = r ? r : make_files(&m, list, n);
        r = r || s->in->need->n > 0 ? r : fix_wanted_look_at_phases(&m);
        r = r ? r : say_counts(&m, prefix);
        if (r == 0) {
                w->findings = counts_json(&m);
                r = w->findings ? 0 : -ENOMEM;
        }
        strlist_done(&m.not_there);
        fix_phases_done(&m.phases);
        if (r == 0 && s->in->need->n == 0)
                *ret = take(w);
        return r;
}
