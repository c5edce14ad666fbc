#include "daemon/input/fix-tasks.h"

#include <stdio.h>

#include "common/json.h"
#include "common/yaml.h"
#include "daemon/edit/edits.h"

#define FINDINGS_PER_CALL 30 /* of one file: an answer of some thousand tokens */
#define FAST_EFFORT 2
#define BALANCED_EFFORT 6

/* A finding of the file at hand. */
struct open {
        const struct incident *i;
        const struct analysis_rule *rule;
        const struct place *place;
        enum fix_outcome outcome;
        unsigned line; /* where it stands now; 0: nowhere, or in the whole */
};

struct making {
        const struct fix_source *s;
        struct work *w;
        size_t room;
        struct fix_counts counts;
        struct strlist not_there;
};

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

/* ---- what a task says ---- */

static int put_text(json_t *o, const char *key, const char *text)
{
        return text && *text ? json_put(o, key, json_string(text)) : 0;
}

/* What a rule says, once for all findings of a call. */
static int add_rule(struct making *m, struct task *t, const struct analysis_rule *rule,
                    const char *message)
{
        _cleanup_json_ json_t *top = json_object();
        json_t *list = json_array(), *o = json_object();
        _cleanup_buf_ struct buf b = {0};
        uint32_t block = 0;
        int r = top ? json_put(top, "rules", list) : -ENOMEM;

        if (!top)
                json_decref(list);
        if (r < 0) {
                json_decref(o);
                return r;
        }
        r = json_add(list, o);
        r = r ? r : put_text(o, "rule", rule->id);
        r = r ? r : put_text(o, "ruleset", rule->ruleset);
        r = r ? r : put_text(o, "category", rule->category);
        if (rule->effort != EFFORT_UNKNOWN)
                r = r ? r : json_put(o, "effort", json_integer(rule->effort));
        r = r ? r : put_text(o, "description", rule->description);
        r = r ? r : put_text(o, "message", message);
        if (rule->links)
                r = r ? r : json_put(o, "links", json_incref(rule->links));
        (void)buf_add_text(&b, "```yaml\n");
        r = r ? r : yaml_write(top, 0, &b);
        (void)buf_add_text(&b, "```\n");
        r = r ? r : b.failed;
        r = r ? r : work_add_block(m->w, BLOCK_FACTS, buf_span(&b), &block);
        if (r == 0)
                t->blocks[t->n_blocks++] = block;
        return r;
}

/* The message that all findings of a rule in this task have; NULL: they differ. */
static const char *common_message(const struct open *at, size_t n, const struct analysis_rule *rule)
{
        const char *message = NULL;

        for (size_t i = 0; i < n; i++) {
                if (at[i].rule != rule)
                        continue;
                if (message && strcmp(message, at[i].i->message) != 0)
                        return NULL;
                message = at[i].i->message;
        }
        return message;
}

/* What the analyser matched: short values alone; the rest is in the text. */
static int put_variables(json_t *o, const json_t *variables)
{
        static const char *const shown[] = {"name", "kind", "matchingText", "data", "symbol"};
        _cleanup_json_ json_t *found = json_object();
        int r = found ? 0 : -ENOMEM;

        for (size_t i = 0; i < N_ELEMENTS(shown) && r == 0; i++) {
                const char *text = json_get_text(variables, shown[i]);

                if (text && *text && strlen(text) <= 120)
                        r = json_put(found, shown[i], json_string(text));
        }
        return r < 0 || json_object_size(found) == 0 ? r : json_put(o, "found", json_incref(found));
}

static json_t *finding_json(const struct open *x, bool has_message)
{
        json_t *o = json_object();
        int r = o ? put_text(o, "rule", x->rule->id) : -ENOMEM;

        if (x->line > 0)
                r = r ? r : json_put(o, "line", json_integer(x->line));
        if (x->i->code && x->line > 0)
                r = r ? r : put_text(o, "code", x->i->code);
        if (has_message)
                r = r ? r : put_text(o, "message", x->i->message);
        r = r ? r : put_variables(o, x->i->variables);
        if (r == 0)
                return o;
        json_decref(o);
        return NULL;
}

static int add_block(struct making *m, struct task *t, enum block_class class, struct span text)
{
        uint32_t block = 0;
        int r = work_add_block(m->w, class, text, &block);

        if (r == 0)
                t->blocks[t->n_blocks++] = block;
        return r;
}

/* Block 5: the file and its findings; also what the key is made of. */
static int add_task_block(struct making *m, struct task *t, const struct open *at, size_t n,
                          json_t **ret)
{
        _cleanup_json_ json_t *top = json_object(), *findings = json_array();
        json_t *task = json_object();
        _cleanup_buf_ struct buf b = {0};
        int r = top && findings ? json_put(top, "task", task) : -ENOMEM;

        if (!top || !findings)
                json_decref(task);
        r = r ? r : put_text(task, "path", t->path);
        r = r ? r : put_text(task, "language", fix_language(t->path));
        for (size_t i = 0; i < n && r == 0; i++)
                r = json_add(findings, finding_json(&at[i], !common_message(at, n, at[i].rule)));
        r = r ? r : json_put(task, "findings", json_incref(findings));
        (void)buf_add_text(&b, "```yaml\n");
        r = r ? r : yaml_write(top, 0, &b);
        (void)buf_add_text(&b, "```\n");
        r = r ? r : b.failed;
        r = r ? r : add_block(m, t, BLOCK_TASK, buf_span(&b));
        if (r == 0)
                *ret = json_incref(task);
        return r;
}

static int add_rules(struct making *m, struct task *t, const struct open *at, size_t n)
{
        int r = 0;

        for (size_t i = 0; i < n && r == 0; i++) {
                bool is_told = false;

                for (size_t k = 0; k < i; k++)
                        is_told |= at[k].rule == at[i].rule;
                if (!is_told)
                        r = add_rule(m, t, at[i].rule, common_message(at, n, at[i].rule));
        }
        return r;
}

/* ---- keys ---- */

static int add_input(struct task *t, const char *name, const struct hash *hash, json_t *data)
{
        struct task_input *in = &t->inputs[t->n_inputs];

        in->name = str_dup_span(span_of(name));
        in->hash = *hash;
        in->data = data;
        if (!in->name) {
                json_decref(data);
                return -ENOMEM;
        }
        t->n_inputs++;
        return 0;
}

static int add_said(struct task *t, const char *name, json_t *data)
{
        _cleanup_buf_ struct buf b = {0};
        struct hash h;
        int r = json_write(data, &b);

        if (r < 0) {
                json_decref(data);
                return r;
        }
        hash_of(b.at, b.n, &h);
        return add_input(t, name, &h, data);
}

/* The text (or whose result it is), the findings, what they are repaired by. */
static int make_key(struct making *m, struct task *t, json_t *task, const struct open *at, size_t n)
{
        _cleanup_json_ json_t *messages = json_array();
        struct hash prompt;
        int r = messages ? 0 : -ENOMEM;

        t->inputs = calloc(6, sizeof(*t->inputs));
        if (!t->inputs)
                return -ENOMEM;
        for (size_t i = 0; i < n && r == 0; i++)
                r = json_add(messages, finding_json(&at[i], true));
        hash_of(m->s->prompt.at, m->s->prompt.n, &prompt);
        if (!t->follows)
                r = r ? r : add_input(t, "text", &t->stands, NULL);
        r = r ? r : add_said(t, "task", json_incref(task));
        r = r ? r : add_said(t, "findings", json_incref(messages));
        r = r ? r
              : add_input(t, t->mechanical ? "fixes" : "prompt",
                          t->mechanical ? &m->s->fixes_hash : &prompt, NULL);
        r = r ? r : add_said(t, "tier", json_string(t->tier));
        return r ? r : task_static_key(t);
}

/* ---- tasks ---- */

static const char *tier_of(const struct open *at, size_t n)
{
        int effort = 0;

        for (size_t i = 0; i < n; i++)
                effort = MAX2(effort, at[i].rule->effort == EFFORT_UNKNOWN ? BALANCED_EFFORT
                                                                           : at[i].rule->effort);
        return effort <= FAST_EFFORT ? "fast" : effort <= BALANCED_EFFORT ? "balanced" : "quality";
}

static int new_task(struct making *m, struct task **ret)
{
        struct work *w = m->w;
        struct task *t;

        if (w->n_tasks == m->room) {
                struct task *grown = reallocarray(w->tasks, m->room * 2 + 64, sizeof(*grown));

                if (!grown)
                        return -ENOMEM;
                w->tasks = grown;
                m->room = m->room * 2 + 64;
        }
        t = &w->tasks[w->n_tasks];
        *t = (struct task){.index = (uint32_t)w->n_tasks, .rest = NO_BLOCK, .command = -1};
        w->n_tasks++;
        *ret = t;
        return 0;
}

static int set_names(struct task *t, const char *path, const char *kind, const char *tier, size_t n)
{
        t->kind = str_dup_span(span_of(kind));
        t->path = str_dup_span(span_of(path));
        t->title = str_dup_span(span_of(path));
        t->tier = str_dup_span(span_of(tier));
        t->batch = str_dup_span(SPAN("fix"));
        t->context = json_pack("{s:{s:s}}", "task", "language", fix_language(path));
        t->blocks = calloc(n + 3, sizeof(*t->blocks));
        return t->kind && t->path && t->title && t->tier && t->batch && t->context && t->blocks
                       ? 0
                       : -ENOMEM;
}

static int set_lines(struct task *t, const struct open *at, size_t n)
{
        t->lines = calloc(n + 1, sizeof(*t->lines));
        if (!t->lines)
                return -ENOMEM;
        for (size_t i = 0; i < n; i++) {
                if (at[i].line == 0) { /* one about the whole file frees all */
                        t->n_lines = 0;
                        return 0;
                }
                t->lines[t->n_lines++] = at[i].line;
        }
        return 0;
}

/* before: the task whose result this one edits; NULL: the file as it stands. */
static int make_task(struct making *m, const struct open *at, size_t n,
                     const struct edit_base *base, const char *mechanical, uint32_t before,
                     bool is_later_part)
{
        const char *path = m->s->paths[at->place->file];
        _cleanup_json_ json_t *said = NULL;
        struct task *t;
        int r = new_task(m, &t);

        r = r ? r : set_names(t, path, mechanical ? "fix-mechanical" : "fix", tier_of(at, n), n);
        if (r < 0)
                return r;
        t->n_findings = t->n_changes = (uint32_t)n;
        t->stands = m->s->hashes[at->place->file];
        t->has_stands = true;
        t->base = str_dup_span((struct span){base->text, base->n});
        t->n_base = base->n;
        if (!t->base)
                return -ENOMEM;
        if (before != UINT32_MAX) {
                t->follows = true;
                t->depends = malloc(sizeof(*t->depends));
                if (!t->depends)
                        return -ENOMEM;
                t->depends[t->n_depends++] = before;
        }
        if (mechanical) {
                t->mechanical = strdup(mechanical);
                t->n_mechanical = strlen(mechanical);
                r = t->mechanical ? 0 : -ENOMEM;
        }
        if (!is_later_part) /* else lines have moved by then */
                r = r ? r : set_lines(t, at, n);
        r = r ? r : add_block(m, t, BLOCK_STANDARDS, m->s->prompt);
        r = r ? r : add_rules(m, t, at, n);
        r = r ? r : add_task_block(m, t, at, n, &said);
        return r ? r : make_key(m, t, said, at, n);
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

                r = make_task(m, &at[from], to - from, base, NULL, before, i > 0);
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
                r = r ? r : make_task(m, at, n_done, &base, mechanical, UINT32_MAX, false);
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
