#include "tests/sim/facts.h"

#include <xxhash.h>

#include "tests/sim/uses.h"

#define YAML_BYTES_MAX ((size_t)8 << 20)

struct facts *facts_free(struct facts *f)
{
        if (!f)
                return NULL;
        for (size_t i = 0; i < f->n_made; i++) /* first: they look into the others */
                uses_free(f->made[i]);
        for (size_t i = 0; i < f->n_docs; i++)
                yaml_free(f->docs[i]);
        for (size_t i = 0; i < f->n_tasks; i++)
                yaml_free(f->tasks[i]);
        for (size_t i = 0; i < f->n_uses; i++)
                yaml_free(f->uses[i]);
        for (size_t i = 0; i < f->n_shown; i++) {
                free(f->shown[i].path);
                free(f->shown[i].text);
        }
        for (size_t i = 0; i < f->n_texts; i++) {
                free(f->texts[i].path);
                free(f->texts[i].text);
        }
        yaml_free(f->answer);
        buf_done(&f->prose);
        strlist_done(&f->faults);
        free(f);
        return NULL;
}

const char *node_text(struct yaml_node *n, const char *key)
{
        struct yaml_node *v = n && n->kind == YAML_MAP ? yaml_get(n, key) : NULL;

        return v && v->kind == YAML_SCALAR && !yaml_is_null(v) ? v->text : NULL;
}

size_t node_size(const struct yaml_node *n)
{
        return n && n->kind != YAML_SCALAR ? n->n_items : 0;
}

struct yaml_node *node_at(const struct yaml_node *n, size_t i)
{
        return i < node_size(n) ? n->items[i] : NULL;
}

/* Text with its white space as single blanks. */
static void write_flat(const char *s, struct buf *b)
{
        bool is_blank = true;

        for (; *s; s++) {
                bool now = *s == ' ' || *s == '\n' || *s == '\t' || *s == '\r';

                if (!now)
                        buf_add_char(b, *s);
                else if (!is_blank)
                        buf_add_char(b, ' ');
                is_blank = now;
        }
        if (b->n && b->at[b->n - 1] == ' ')
                b->at[--b->n] = '\0';
}

static void write_node(const struct yaml_node *n, struct buf *b, bool is_inner)
{
        if (!n)
                return;
        if (n->kind == YAML_SCALAR) {
                write_flat(n->text ? n->text : "", b);
                return;
        }
        if (is_inner)
                buf_add_char(b, n->kind == YAML_MAP ? '{' : '[');
        for (size_t i = 0; i < n->n_items; i++) {
                if (i)
                        buf_add_text(b, ", ");
                if (n->kind == YAML_MAP) {
                        buf_add_text(b, n->keys[i]->text);
                        buf_add_text(b, ": ");
                }
                write_node(n->items[i], b, true);
        }
        if (is_inner)
                buf_add_char(b, n->kind == YAML_MAP ? '}' : ']');
}

void node_write(const struct yaml_node *n, struct buf *b)
{
        write_node(n, b, false);
}

static int add_shown(struct shown *list, size_t *n, const char *path, struct span text)
{
        struct shown *s = &list[*n];

        if (*n == FACTS_DOCS_MAX)
                return 0;
        s->path = strdup(path);
        s->text = str_dup_span(text);
        s->n_text = text.n;
        ++*n;
        return s->path && s->text ? 0 : -ENOMEM;
}

/* A fenced block that is no data: code of this file or of another. */
static int add_code(struct facts *f, const char *info, struct span text)
{
        const char *interface = strstr(info, " interface "), *stands = strstr(info, " text ");

        if (interface)
                return add_shown(f->shown, &f->n_shown, interface + strlen(" interface "), text);
        return stands ? add_shown(f->texts, &f->n_texts, stands + strlen(" text "), text) : 0;
}

static int add_data(struct facts *f, struct span text)
{
        _cleanup_(yaml_freep) struct yaml_node *n = NULL;
        struct diag diag = {0};
        int r = yaml_read(text, YAML_BYTES_MAX, &n, &diag);

        if (r > 0)
                return strlist_add(&f->faults, diag.text);
        if (r < 0)
                return r;
        if (n->kind == YAML_MAP && yaml_get(n, "answer") && !f->answer)
                f->answer = take(n);
        else if (n->kind == YAML_MAP && yaml_get(n, "task") && f->n_tasks < FACTS_DOCS_MAX)
                f->tasks[f->n_tasks++] = take(n);
        else if (n->kind == YAML_MAP && yaml_get(n, "uses") && f->n_uses < FACTS_DOCS_MAX)
                f->uses[f->n_uses++] = take(n);
        else if (n->kind == YAML_MAP && f->n_docs < FACTS_DOCS_MAX)
                f->docs[f->n_docs++] = take(n);
        return 0;
}

static struct span next_line(struct span *s)
{
        const char *end = memchr(s->at, '\n', s->n);
        struct span line = {s->at, end ? (size_t)(end - s->at) : s->n};
        size_t used = line.n + (end ? 1 : 0);

        *s = (struct span){s->at + used, s->n - used};
        return line;
}

static size_t count_ticks(struct span line)
{
        size_t n = 0;

        while (n < line.n && line.at[n] == '`')
                n++;
        return n >= 3 ? n : 0;
}

/* One fenced block; s stands after its first line. */
static int read_fence(struct facts *f, struct span first, size_t ticks, struct span *s)
{
        _cleanup_free_ char *info = NULL;
        struct span text = {s->at, 0};

        while (s->n) {
                struct span line = next_line(s);

                if (count_ticks(line) >= ticks && line.n == count_ticks(line))
                        break;
                text.n = (size_t)(s->at - text.at);
        }
        info = str_dup_span((struct span){first.at + ticks, first.n - ticks});
        if (!info)
                return -ENOMEM;
        if (str_is_equal(info, "yaml") || str_is_equal(info, "json"))
                return add_data(f, text);
        return add_code(f, info, text);
}

/* Prose that stands between the last task and the form of the answer says why an earlier answer was
 * refused: as a part of its own, or (parts joined into one) by its words. */
static void note_evidence(struct facts *f, struct span part, size_t n_tasks_before, bool had_answer)
{
        static const char *const words[] = {"was refused",  "were refused", "was rejected",
                                            "not accepted", "last answer",  "previous answer"};
        bool is_between =
                n_tasks_before && f->n_tasks == n_tasks_before && !had_answer && !f->answer;

        f->has_evidence |= is_between;
        for (size_t i = 0; !is_between && n_tasks_before != f->n_tasks && f->answer &&
                           !had_answer && i < N_ELEMENTS(words);
             i++)
                f->has_evidence |= memmem(part.at, part.n, words[i], strlen(words[i])) != NULL;
}

static int read_part(struct facts *f, struct span part)
{
        size_t n_tasks = f->n_tasks, n_docs = f->n_docs + f->n_uses,
               n_shown = f->n_shown + f->n_texts;
        bool had_answer = f->answer != NULL;
        struct span rest = part;
        int r = 0;

        while (rest.n && !r) {
                struct span line = next_line(&rest);
                size_t ticks = count_ticks(line);

                if (ticks)
                        r = read_fence(f, line, ticks, &rest);
        }
        if (!r && f->n_docs + f->n_uses == n_docs && f->n_shown + f->n_texts == n_shown)
                note_evidence(f, part, n_tasks, had_answer);
        return r;
}

int facts_read(const struct prompt *p, struct facts **ret)
{
        _cleanup_(facts_freep) struct facts *f = calloc(1, sizeof(*f));
        int r = 0;

        if (!f)
                return -ENOMEM;
        for (size_t i = 0; i < p->n_parts && !r; i++) {
                buf_add_span(&f->prose, p->parts[i].text);
                buf_add_char(&f->prose, '\n');
                if (p->parts[i].role == ROLE_USER)
                        r = read_part(f, p->parts[i].text);
        }
        if (r || f->prose.failed)
                return r ? r : f->prose.failed;
        *ret = take(f);
        return 0;
}

/* What a document is about: an entity that stands first, or the only package. */
static const char *subject_of(struct yaml_node *doc, bool is_entity)
{
        const struct yaml_node *list = yaml_get(doc, is_entity ? "entities" : "packages");

        return is_entity || node_size(list) == 1 ? node_text(node_at(list, 0), "name") : NULL;
}

/* What the project is, then by name. */
static bool goes_before(const char *a, const char *b)
{
        bool is_first = strcmp(a, "project") == 0, is_second = strcmp(b, "project") == 0;

        return is_first != is_second ? is_first : strcmp(a, b) < 0;
}

/* The same facts are the same to a writer, in whichever order a prompt states them: its own of a
 * file, or those of many once and then which of them are whose. */
static void sort_sections(struct yaml_node *doc)
{
        for (size_t i = 1; doc->kind == YAML_MAP && i < doc->n_items; i++) {
                struct yaml_node *key = doc->keys[i], *item = doc->items[i];
                size_t at = i;

                for (; at > 0 && goes_before(key->text, doc->keys[at - 1]->text); at--) {
                        doc->keys[at] = doc->keys[at - 1];
                        doc->items[at] = doc->items[at - 1];
                }
                doc->keys[at] = key;
                doc->items[at] = item;
        }
}

int facts_view_of(struct facts *f, size_t i_task, struct facts_view *ret)
{
        struct yaml_node *task = i_task < f->n_tasks ? yaml_get(f->tasks[i_task], "task") : NULL;
        const char *entity = node_text(task, "entity"),
                   *subject = entity ? entity : node_text(task, "package");
        bool has_own = false;

        *ret = (struct facts_view){.task = task, .facts = f};
        for (size_t i = 0; i < f->n_uses && f->n_made < FACTS_DOCS_MAX; i++) {
                if (!str_is_equal(node_text(yaml_get(f->uses[i], "uses"), "path"),
                                  node_text(task, "path")))
                        continue;
                ret->docs[0] = uses_make(f, f->uses[i]);
                if (!ret->docs[0])
                        return -ENOMEM;
                ret->n_docs = 1;
                sort_sections(ret->docs[0]);
                f->made[f->n_made++] = ret->docs[0];
                return 0;
        }
        for (size_t i = 0; i < f->n_docs; i++)
                has_own |= subject && str_is_equal(subject_of(f->docs[i], entity), subject);
        for (size_t i = 0; i < f->n_docs; i++) {
                const char *first = subject_of(f->docs[i], entity);

                if (f->n_tasks > 1 && has_own && first && !str_is_equal(first, subject))
                        continue;
                sort_sections(f->docs[i]);
                ret->docs[ret->n_docs++] = f->docs[i];
        }
        return 0;
}

void facts_each(const struct facts_view *v, const char *key, facts_item_fn *fn, void *arg)
{
        for (size_t i = 0; i < v->n_docs; i++) {
                const struct yaml_node *list = yaml_get(v->docs[i], key);

                for (size_t j = 0; j < node_size(list); j++)
                        fn(node_at(list, j), arg);
        }
}

size_t facts_list(const struct facts_view *v, const char *key, struct yaml_node **items, size_t max)
{
        size_t n = 0;

        for (size_t i = 0; i < v->n_docs; i++) {
                const struct yaml_node *list = yaml_get(v->docs[i], key);

                for (size_t j = 0; j < node_size(list) && n < max; j++)
                        items[n++] = node_at(list, j);
        }
        return n;
}

struct yaml_node *facts_find(const struct facts_view *v, const char *list, const char *key,
                             const char *value)
{
        for (size_t i = 0; value && i < v->n_docs; i++) {
                const struct yaml_node *items = yaml_get(v->docs[i], list);

                for (size_t j = 0; j < node_size(items); j++)
                        if (str_is_equal(node_text(node_at(items, j), key), value))
                                return node_at(items, j);
        }
        return NULL;
}

struct yaml_node *facts_get(const struct facts_view *v, const char *key)
{
        for (size_t i = 0; i < v->n_docs; i++) {
                struct yaml_node *n = yaml_get(v->docs[i], key);

                if (n)
                        return n;
        }
        return NULL;
}

bool facts_says(const struct facts_view *v, const char *text)
{
        const struct buf *b = &v->facts->prose;

        return b->n && memmem(b->at, b->n, text, strlen(text));
}

const char *facts_setting(const struct facts_view *v, const char *name)
{
        static const char *const places[] = {"project", "parameters", "build", "testing"};
        const char *text = NULL;

        for (size_t i = 0; i < N_ELEMENTS(places) && !text; i++)
                for (size_t d = 0; d < v->n_docs && !text; d++)
                        text = node_text(yaml_get(v->docs[d], places[i]), name);
        for (size_t d = 0; d < v->n_docs && !text; d++)
                text = node_text(v->docs[d], name);
        return text;
}

uint32_t facts_digest(const struct facts_view *v)
{
        _cleanup_buf_ struct buf b = {0};

        for (size_t i = 0; i < v->n_docs; i++) {
                node_write(v->docs[i], &b);
                buf_add_char(&b, '\n');
        }
        return (uint32_t)XXH3_64bits(b.at ? b.at : "", b.n);
}
