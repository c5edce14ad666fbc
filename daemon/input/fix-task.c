/* One task that repairs findings of a file: what it says, what it is known by. */

#include <stdio.h>

#include "common/json.h"
#include "common/yaml.h"
#include "daemon/edit/excerpt.h"
#include "daemon/input/fix-regions.h"

#define FAST_EFFORT 2
#define BALANCED_EFFORT 6

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

/* In the text as it is shown. */
unsigned fix_shown_line(const struct fix_part *p, const struct open *x)
{
        const struct fix_region *g = p->region;

        if (!g || x->in_base == 0 || x->in_base <= g->from)
                return x->in_base;
        return (unsigned)(g->head + (g->from > g->head) + (x->in_base - g->from));
}

static json_t *finding_json(const struct open *x, unsigned line, bool has_message)
{
        json_t *o = json_object();
        int r = o ? put_text(o, "rule", x->rule->id) : -ENOMEM;

        if (line > 0)
                r = r ? r : json_put(o, "line", json_integer(line));
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

static int put_may(json_t *task, unsigned may)
{
        static const enum tree_change changes[] = {TREE_DELETE, TREE_MOVE, TREE_MAKE};
        _cleanup_json_ json_t *list = json_array();
        int r = list ? 0 : -ENOMEM;

        for (size_t i = 0; i < N_ELEMENTS(changes) && r == 0; i++)
                if (may & changes[i])
                        r = json_add(list, json_string(tree_change_name(changes[i])));
        return r || may == 0 ? r : json_put(task, "may", json_incref(list));
}

/* Block 5: the file and its findings; also what the key is made of. */
static int add_task_block(struct making *m, struct task *t, const struct fix_part *p, json_t **ret)
{
        const struct open *at = p->at;
        size_t n = p->n;
        _cleanup_json_ json_t *top = json_object(), *findings = json_array();
        json_t *task = json_object();
        _cleanup_buf_ struct buf b = {0};
        int r = top && findings ? json_put(top, "task", task) : -ENOMEM;

        if (!top || !findings)
                json_decref(task);
        r = r ? r : put_text(task, "path", t->path);
        r = r ? r : put_text(task, "language", fix_language(t->path));
        r = r ? r : put_may(task, t->repair->may);
        if (p->region)
                r = r ? r
                      : put_text(task, "shown",
                                 "a part of the file; lines in [… …] stand for what is left out");
        for (size_t i = 0; i < n && r == 0; i++)
                r = json_add(findings, finding_json(&at[i], fix_shown_line(p, &at[i]),
                                                    !common_message(at, n, at[i].rule)));
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

/* Names of places of the analyser's own machine say nothing of what was found. */
static json_t *variables_said(const json_t *variables)
{
        json_t *copy = json_is_object(variables) ? json_copy((json_t *)variables) : json_object();

        if (copy)
                (void)json_object_del(copy, "file");
        return copy;
}

int fix_identity(const struct open *x, const char *path, struct hash *ret)
{
        _cleanup_json_ json_t *said =
                json_pack("{s:s,s:s?,s:s,s:s,s:s?,s:o}", "rule", x->rule->id, "ruleset",
                          x->rule->ruleset, "path", path, "message", x->i->message, "code",
                          x->i->code, "variables", variables_said(x->i->variables));
        _cleanup_free_ char *text = said ? json_dumps(said, JSON_COMPACT | JSON_SORT_KEYS) : NULL;

        if (!text)
                return -ENOMEM;
        hash_of(text, strlen(text), ret);
        return 0;
}

struct alike {
        struct hash identity;
        uint32_t line, index;
};

static int compare_alike(const void *a, const void *b)
{
        const struct alike *x = a, *y = b;
        int r = memcmp(x->identity.at, y->identity.at, HASH_BYTES);

        return r ? r : (x->line > y->line) - (x->line < y->line);
}

/* Of one identity: all of their lines, and its own. One that is alone is known wherever it is. */
static int tell_apart(struct open *at, const struct alike *list, size_t n)
{
        _cleanup_buf_ struct buf lines = {0};
        size_t n_own = n > 1 ? sizeof(list->line) : 0;

        for (size_t i = 0; i < n && n > 1; i++)
                (void)buf_add(&lines, &list[i].line, sizeof(list[i].line));
        for (size_t i = 0; i < n && !lines.failed; i++) {
                size_t before = lines.n;

                (void)buf_add(&lines, &list[i].line, n_own);
                hash_of(lines.at ? lines.at : "", lines.n, &at[list[i].index].alike);
                at[list[i].index].is_alone = n == 1;
                lines.n = before;
        }
        return lines.failed;
}

int fix_identify(const struct making *m, struct open *at, size_t n)
{
        const char *path = m->s->paths[at->place->file];
        _cleanup_free_ struct alike *list = calloc(n + 1, sizeof(*list));
        int r = list ? 0 : -ENOMEM;

        for (size_t i = 0; i < n && r == 0; i++) {
                r = fix_identity(&at[i], path, &at[i].identity);
                list[i] = (struct alike){at[i].identity, at[i].i->line, (uint32_t)i};
        }
        if (r < 0)
                return r;
        qsort(list, n, sizeof(*list), compare_alike);
        for (size_t from = 0, to; from < n && r == 0; from = to) {
                for (to = from + 1; to < n; to++)
                        if (!hash_is_equal(&list[to].identity, &list[from].identity))
                                break;
                r = tell_apart(at, &list[from], to - from);
        }
        return r;
}

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

/* S: the findings, what they are repaired by. The text is F's part alone, so that it is one whether
 * a task before this has just made it or it stands in the file; of the inputs it is for `why`. */
static int make_key(struct making *m, struct task *t, json_t *task, const struct open *at, size_t n)
{
        _cleanup_json_ json_t *messages = json_array();
        struct hash prompt, checks;
        int r = messages ? 0 : -ENOMEM;

        t->inputs = calloc(8, sizeof(*t->inputs));
        if (!t->inputs)
                return -ENOMEM;
        for (size_t i = 0; i < n && r == 0; i++)
                r = json_add(messages, finding_json(&at[i], at[i].line, true));
        hash_of(m->s->prompt.at, m->s->prompt.n, &prompt);
        r = r ? r : add_said(t, "task", json_incref(task));
        r = r ? r : add_said(t, "findings", json_incref(messages));
        r = r ? r
              : add_input(t, task_is_mechanical(t) ? "fixes" : "prompt",
                          task_is_mechanical(t) ? &m->s->fixes_hash : &prompt, NULL);
        check_set_hash(t->checks, &checks);
        r = r ? r : add_input(t, "checks", &checks, NULL);
        r = r ? r : add_said(t, "tier", json_string(t->tier));
        r = r ? r : task_static_key(t);
        return r || t->repair->follows ? r : add_input(t, "text", &t->repair->stands, NULL);
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

/* For who reads of the change: which rules, and where they were broken. */
static int set_findings(struct repair *t, const struct open *at, size_t n)
{
        int r = 0;

        t->findings = json_array();
        if (!t->findings)
                return -ENOMEM;
        for (size_t i = 0; i < n && r == 0; i++) {
                json_t *o = json_pack("{s:s}", "rule", at[i].rule->id);

                if (o && at[i].line > 0)
                        r = json_put(o, "line", json_integer(at[i].line));
                r = r ? r : json_add(t->findings, json_incref(o));
                json_decref(o);
        }
        return r;
}

/* Where nothing may be made. */
static int keep_tree(struct making *m)
{
        struct standing_tree *tree = m->w->tree ? m->w->tree : calloc(1, sizeof(*tree));

        if (m->w->tree || !tree)
                return tree ? 0 : -ENOMEM;
        m->w->tree = tree;
        tree->paths = calloc(m->s->n_paths + 1, sizeof(*tree->paths));
        tree->hashes = calloc(m->s->n_paths + 1, sizeof(*tree->hashes));
        if (!tree->paths || !tree->hashes)
                return -ENOMEM;
        for (; tree->n < m->s->n_paths; tree->n++) {
                tree->hashes[tree->n] = m->s->hashes[tree->n];
                tree->paths[tree->n] = strdup(m->s->paths[tree->n]);
                if (!tree->paths[tree->n])
                        return -ENOMEM;
        }
        return 0;
}

static int make_repair(struct making *m, struct task *t, const struct fix_part *p)
{
        struct repair *repair = calloc(1, sizeof(*repair));
        int r;

        t->repair = repair;
        if (!repair)
                return -ENOMEM;
        repair->n_findings = t->n_changes = (uint32_t)p->n;
        repair->stands = m->s->hashes[p->at->place->file];
        repair->follows = p->before != UINT32_MAX;
        repair->is_noted = p->is_noted;
        repair->score = p->score;
        if (p->given) {
                repair->given = strdup(p->given);
                repair->n_given = strlen(p->given);
        }
        if (p->given && !repair->given)
                return -ENOMEM;
        for (size_t i = 0; i < p->n && !p->given; i++)
                repair->may |= fixes_may(m->s->fixes, t->path, p->at[i].rule, p->at[i].i);
        if (!p->is_last)
                repair->may &= TREE_MAKE;
        r = set_findings(repair, p->at, p->n);
        repair->identities = calloc(p->n, sizeof(*repair->identities));
        repair->alike = calloc(p->n, sizeof(*repair->alike));
        repair->places = calloc(p->n, sizeof(*repair->places));
        if (!repair->identities || !repair->alike || !repair->places)
                return -ENOMEM;
        repair->effort = EFFORT_UNKNOWN;
        for (size_t i = 0; i < p->n && r == 0; i++) {
                repair->effort = MAX2(repair->effort, p->at[i].rule->effort);
                repair->places[i] = p->at[i].line;
                repair->identities[i] = p->at[i].identity;
                repair->alike[i] = p->at[i].alike;
        }
        r = r ? r : fix_spots_set(m, repair, p);
        r = r ? r : repair->may ? keep_tree(m) : 0;
        return r;
}

/* As the file has it, its ends of lines included: what comes of it is to have them again. */
static int as_in_file(const struct edit_base *base, char **ret, size_t *ret_n)
{
        _cleanup_buf_ struct buf raw = {0};
        int r = edit_base_write(base, (struct span){base->text, base->n}, &raw);

        if (r < 0)
                return r;
        *ret_n = 0;
        *ret = raw.n > 0 ? buf_steal(&raw, ret_n) : strdup("");
        return *ret ? 0 : -ENOMEM;
}

/* The part that is shown is what the task's base is. */
static int set_excerpt(struct task *t, const struct fix_part *p)
{
        struct span whole = {p->base->text, p->base->n};
        _cleanup_buf_ struct buf shown = {0};
        struct excerpt *e = NULL;
        int r = excerpt_new(whole, p->region->head, p->region->from, p->region->to, &e);

        if (r < 0)
                return r;
        t->repair->excerpt = e;
        if (p->before == UINT32_MAX)
                r = as_in_file(p->base, &e->whole, &e->n_whole);
        if (r < 0)
                return r;
        r = excerpt_show(e, whole, &shown);
        if (r)
                return r < 0 ? r : -EINVAL;
        t->base = buf_steal(&shown, &t->n_base);
        return t->base ? 0 : -ENOMEM;
}

static int set_base(struct task *t, const struct fix_part *p)
{
        int r = p->region ? set_excerpt(t, p) : 0;

        if (r == 0 && !p->region)
                r = as_in_file(p->base, &t->base, &t->n_base);
        if (r < 0)
                return r;
        if (p->before == UINT32_MAX)
                return 0;
        t->depends = malloc(sizeof(*t->depends));
        if (!t->depends)
                return -ENOMEM;
        t->depends[t->n_depends++] = p->before;
        return 0;
}

int fix_task_make(struct making *m, const struct fix_part *p)
{
        const char *path = m->s->paths[p->at->place->file];
        _cleanup_json_ json_t *said = NULL;
        struct task *t;
        int r = new_task(m, &t);

        r = r ? r
              : set_names(t, path, p->given && !p->is_noted ? "fix-mechanical" : "fix",
                          tier_of(p->at, p->n), p->n);
        r = r ? r : fix_checks_get(m->checks, fix_language(path), &t->checks);
        r = r ? r : make_repair(m, t, p);
        r = r ? r : set_base(t, p);
        r = r ? r : add_block(m, t, BLOCK_STANDARDS, m->s->prompt);
        r = r ? r : add_rules(m, t, p->at, p->n);
        r = r ? r : add_task_block(m, t, p, &said);
        return r ? r : make_key(m, t, said, p->at, p->n);
}
