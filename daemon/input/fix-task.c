/* One task that repairs findings of a file: what it says, what it is known by. */

#include <stdio.h>

#include "common/json.h"
#include "common/yaml.h"
#include "daemon/input/fix-making.h"

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
        if (!t->repair->follows)
                r = r ? r : add_input(t, "text", &t->repair->stands, NULL);
        r = r ? r : add_said(t, "task", json_incref(task));
        r = r ? r : add_said(t, "findings", json_incref(messages));
        r = r ? r
              : add_input(t, t->repair->mechanical ? "fixes" : "prompt",
                          t->repair->mechanical ? &m->s->fixes_hash : &prompt, NULL);
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

static int set_lines(struct repair *t, const struct open *at, size_t n)
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

static int make_repair(struct making *m, struct task *t, const struct fix_part *p)
{
        struct repair *repair = calloc(1, sizeof(*repair));

        t->repair = repair;
        if (!repair)
                return -ENOMEM;
        repair->n_findings = t->n_changes = (uint32_t)p->n;
        repair->stands = m->s->hashes[p->at->place->file];
        repair->follows = p->before != UINT32_MAX;
        if (p->mechanical) {
                repair->mechanical = strdup(p->mechanical);
                repair->n_mechanical = strlen(p->mechanical);
        }
        if (p->mechanical && !repair->mechanical)
                return -ENOMEM;
        return p->is_later ? 0 : set_lines(repair, p->at, p->n);
}

static int set_base(struct task *t, const struct fix_part *p)
{
        t->base = str_dup_span((struct span){p->base->text, p->base->n});
        t->n_base = p->base->n;
        if (!t->base)
                return -ENOMEM;
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
              : set_names(t, path, p->mechanical ? "fix-mechanical" : "fix", tier_of(p->at, p->n),
                          p->n);
        r = r ? r : make_repair(m, t, p);
        r = r ? r : set_base(t, p);
        r = r ? r : add_block(m, t, BLOCK_STANDARDS, m->s->prompt);
        r = r ? r : add_rules(m, t, p->at, p->n);
        r = r ? r : add_task_block(m, t, p->at, p->n, &said);
        return r ? r : make_key(m, t, said, p->at, p->n);
}
