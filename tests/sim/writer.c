#include "tests/sim/writer.h"

#include "tests/sim/go.h"
#include "tests/sim/py.h"

/* Whether every text below n stands somewhere in what was written. */
static bool is_shown(const struct yaml_node *n, struct span written)
{
        _cleanup_buf_ struct buf flat = {0};

        for (size_t i = 0; i < node_size(n); i++)
                if (!is_shown(node_at(n, i), written))
                        return false;
        if (n->kind != YAML_SCALAR)
                return true;
        node_write(n, &flat);
        return !flat.n || memmem(written.at, written.n, flat.at, flat.n);
}

static void add_line(const char *prefix, const char *key, const struct yaml_node *n, size_t from,
                     struct buf *b, size_t *n_lines)
{
        struct span written = {b->at + from, b->n - from};

        if (is_shown(n, written))
                return;
        if (!(*n_lines)++)
                buf_printf(b, "\n%sFurther facts of this file:\n%s\n", prefix, prefix);
        buf_printf(b, "%s%s: ", prefix, key);
        node_write(n, b);
        buf_add_char(b, '\n');
}

static void trim_lines(struct buf *b, size_t from)
{
        size_t to = from;

        for (size_t i = from; i < b->n; i++) {
                if (b->at[i] == '\n')
                        while (to > from && b->at[to - 1] == ' ')
                                to--;
                b->at[to++] = b->at[i];
        }
        b->n = to;
}

void writer_add_rest(const struct facts_view *v, const char *prefix, size_t from, struct buf *b)
{
        size_t n_lines = 0, start = b->n;

        if (b->failed || !b->n || !v->n_docs)
                return;
        for (size_t d = 0; d < v->n_docs; d++) {
                const struct yaml_node *doc = v->docs[d];

                for (size_t i = 0; i < node_size(doc); i++) {
                        const struct yaml_node *value = doc->items[i];

                        if (value->kind != YAML_LIST)
                                add_line(prefix, doc->keys[i]->text, value, from, b, &n_lines);
                        for (size_t j = 0; value->kind == YAML_LIST && j < value->n_items; j++)
                                add_line(prefix, doc->keys[i]->text, value->items[j], from, b,
                                         &n_lines);
                }
        }
        if (n_lines)
                buf_printf(b, "%s\n", prefix);
        else
                buf_add_char(b, '\n');
        buf_printf(b, "%sFacts %08x.\n", prefix, (unsigned)facts_digest(v));
        trim_lines(b, start);
}

int writer_write(const struct facts_view *v, const char *path, struct buf *b)
{
        const char *language = node_text(v->task, "language"), *role = node_text(v->task, "role");
        int r = CONDITION_ABSENT;

        if (!role)
                role = "";
        if (str_is_equal(language, "go") || (!language && str_has_suffix(path, ".go")))
                r = go_write(v, path, role, b);
        if (str_is_equal(language, "python") || (!language && str_has_suffix(path, ".py")))
                r = py_write(v, path, role, b);
        else if (r == CONDITION_ABSENT)
                r = py_write_words(v, role, b);
        if (r == CONDITION_ABSENT)
                r = text_write(v, path, role, b);
        return r;
}
