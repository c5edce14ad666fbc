/* What a template and those that it includes, imports and extends read of the context, from their
 * trees: names that are looked up in the context, and
 * keys (attributes, elements, and the words of constants, which filters such as map() and
 * selectattr() take for attributes). A key is counted wherever it stands: "a.price" and "b.price"
 * both read `price`. */

#include <stdio.h>

#include "common/str.h"
#include "daemon/template/engine.h"
#include "daemon/template/set.h"

struct reading {
        struct strlist *names, *keys;
};

static int add(struct strlist *to, struct span word)
{
        if (word.n == 0)
                return 0;
        for (size_t i = 0; i < to->n; i++)
                if (span_is_equal(span_of(to->at[i]), word))
                        return 0;
        return strlist_add_span(to, word);
}

/* "address.city": two keys. */
static int add_path(struct strlist *to, struct span text)
{
        int r = 0;

        while (text.n > 0 && r == 0) {
                const char *dot = memchr(text.at, '.', text.n);
                size_t n = dot ? (size_t)(dot - text.at) : text.n;

                r = add(to, (struct span){text.at, n});
                n += dot ? 1 : 0;
                text = (struct span){text.at + n, text.n - n};
        }
        return r;
}

static int read_frame(const struct frame *f, struct reading *to)
{
        int r = 0;

        for (size_t i = 0; f && i < f->n_loads && r == 0; i++)
                if (f->loads[i].kind == LOAD_RESOLVE)
                        r = add(to->names, f->loads[i].name);
        return r;
}

static int read_list(const struct node_list *list, struct reading *to);

static int read_node(const struct node *n, struct reading *to)
{
        const struct node *below[] = {n->left, n->right, n->test, n->target};
        const struct frame *frames[] = {n->frame, n->frame_else, n->frame_test,
                                        n->function ? n->function->frame : NULL};
        const struct node_list *lists[] = {&n->items, &n->body, &n->otherwise};
        int r = 0;

        if (n->kind == N_ATTRIBUTE)
                r = add(to->keys, n->name);
        else if (n->kind == N_CONST && n->constant.kind == V_TEXT)
                r = add_path(to->keys, n->constant.text);
        for (size_t i = 0; i < N_ELEMENTS(frames) && r == 0; i++)
                r = read_frame(frames[i], to);
        for (size_t i = 0; i < N_ELEMENTS(below) && r == 0; i++)
                r = below[i] ? read_node(below[i], to) : 0;
        for (size_t i = 0; i < N_ELEMENTS(lists) && r == 0; i++)
                r = read_list(lists[i], to);
        return r;
}

static int read_list(const struct node_list *list, struct reading *to)
{
        int r = 0;

        for (const struct node *n = list->first; n && r == 0; n = n->next)
                r = read_node(n, to);
        return r;
}

int template_reads(const struct template *t, struct strlist *names, struct strlist *keys)
{
        struct reading to = {names, keys};
        int r = 0;

        for (size_t i = 0; i < t->n_units && r == 0; i++) {
                r = read_frame(t->units[i]->root.frame, &to);
                if (r == 0)
                        r = read_list(&t->units[i]->body, &to);
        }
        return r;
}

/* ---- names that nothing gives ---- */

struct unknowns {
        struct strlist names; /* that are read of the context */
        struct strlist bound; /* that some template gives a value, or asks whether they have one */
        const struct unit *unit;
        const struct strlist *known;
        void (*on_unknown)(const char *name, const struct diag *d, void *arg);
        void *arg;
};

typedef int visit_fn(struct unknowns *u, const struct node *n);

static int visit_list(struct unknowns *u, const struct node_list *list, visit_fn *fn);

static int visit(struct unknowns *u, const struct node *n, visit_fn *fn)
{
        const struct node *below[] = {n->left, n->right, n->test, n->target};
        const struct node_list *lists[] = {&n->items, &n->body, &n->otherwise};
        int r = fn(u, n);

        for (size_t i = 0; i < N_ELEMENTS(below) && r == 0; i++)
                r = below[i] ? visit(u, below[i], fn) : 0;
        for (size_t i = 0; i < N_ELEMENTS(lists) && r == 0; i++)
                r = visit_list(u, lists[i], fn);
        return r;
}

static int visit_list(struct unknowns *u, const struct node_list *list, visit_fn *fn)
{
        int r = 0;

        for (const struct node *n = list->first; n && r == 0; n = n->next)
                r = visit(u, n, fn);
        return r;
}

static int bind_target(struct unknowns *u, const struct node *n)
{
        int r = n->kind == N_NAME ? add(&u->bound, n->name) : 0;

        for (const struct node *i = n->items.first; i && r == 0; i = i->next)
                r = bind_target(u, i);
        return r;
}

/* Does the filter or test take what is undefined? */
static bool asks_whether(const struct node *n)
{
        static const char *const words[] = {"d", "default", "defined", "undefined"};

        if ((n->kind != N_FILTER && n->kind != N_TEST) || !n->row || !n->left)
                return false;
        for (size_t i = 0; i < N_ELEMENTS(words); i++)
                if (strcmp(n->row->name, words[i]) == 0)
                        return true;
        return false;
}

static int bind(struct unknowns *u, const struct node *n)
{
        int r = n->target ? bind_target(u, n->target) : 0;

        if (r == 0 && (n->kind == N_MACRO || n->kind == N_PARAMETER || n->kind == N_ALIAS))
                r = add(&u->bound, n->name);
        if (n->kind == N_WITH)
                for (const struct node *i = n->items.first; i && r == 0; i = i->next->next)
                        r = bind_target(u, i);
        return r == 0 && asks_whether(n) ? bind_target(u, n->left) : r;
}

static bool has(const struct strlist *l, struct span word)
{
        for (size_t i = 0; i < l->n; i++)
                if (span_is_equal(span_of(l->at[i]), word))
                        return true;
        return false;
}

static int tell(struct unknowns *u, const struct node *n)
{
        static const char *const given[] = {"loop", "self", "super", "caller", "kwargs", "varargs"};
        static const struct {
                const char *name, *instead;
        } left_out[] = {
                {"cycler", "use loop.cycle(…)"},
                {"lipsum", "the same input gives the same text"},
        };
        struct diag d = {.line = n->line, .column = n->column};
        char name[64];
        const char *near;

        if (n->kind != N_NAME || has(&u->bound, n->name) || !has(&u->names, n->name) ||
            has(u->known, n->name))
                return 0;
        for (size_t i = 0; i < N_ELEMENTS(given); i++)
                if (span_is_equal(n->name, span_of(given[i])))
                        return 0;
        for (size_t i = 0; i < N_ELEMENTS(left_out); i++)
                if (span_is_equal(n->name, span_of(left_out[i].name))) {
                        snprintf(d.text, sizeof(d.text), "the function '%s' is left out: %s",
                                 left_out[i].name, left_out[i].instead);
                        u->on_unknown(u->unit->name, &d, u->arg);
                        return 0;
                }
        if (global_find(n->name))
                return 0;
        snprintf(name, sizeof(name), "%.*s", (int)MIN2(n->name.n, 60u), n->name.at);
        near = str_nearest(name, (const char *const *)u->known->at, u->known->n);
        snprintf(d.text, sizeof(d.text), "there is no variable '%s' here%s%s%s", name,
                 near ? "; did you mean '" : "", near ? near : "", near ? "'?" : "");
        u->on_unknown(u->unit->name, &d, u->arg);
        return 0;
}

int template_unknown(const struct template *t, const struct strlist *known,
                     void (*on_unknown)(const char *name, const struct diag *d, void *arg),
                     void *arg)
{
        struct unknowns u = {.known = known, .on_unknown = on_unknown, .arg = arg};
        struct strlist keys = {0};
        int r = template_reads(t, &u.names, &keys);

        for (size_t i = 0; i < t->n_units && r == 0; i++)
                r = visit_list(&u, &t->units[i]->body, bind);
        for (size_t i = 0; i < t->n_units && r == 0; i++) {
                u.unit = t->units[i];
                r = visit_list(&u, &t->units[i]->body, tell);
        }
        strlist_done(&keys);
        strlist_done(&u.names);
        strlist_done(&u.bound);
        return r;
}
