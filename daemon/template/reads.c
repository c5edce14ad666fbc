/* What a template and those that it includes, imports and extends read of the context, from their
 * trees: names that are looked up in the context, and
 * keys (attributes, elements, and the words of constants, which filters such as map() and
 * selectattr() take for attributes). A key is counted wherever it stands: "a.price" and "b.price"
 * both read `price`. */

#include "common/str.h"
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
