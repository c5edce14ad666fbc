#include "tests/sim/edits.h"

#include <stdio.h>

#include "tests/sim/go.h"
#include "tests/sim/py.h"
#include "tests/sim/writer.h"

#define NAME_BYTES 200

const struct shown *edits_find_text(const struct facts *f, const char *path)
{
        for (size_t i = 0; i < f->n_texts; i++)
                if (str_is_equal(f->texts[i].path, path))
                        return &f->texts[i];
        return NULL;
}

static struct span next_line(struct span *s)
{
        const char *lf = memchr(s->at, '\n', s->n);
        struct span line = {s->at, lf ? (size_t)(lf + 1 - s->at) : s->n};

        s->at += line.n;
        s->n -= line.n;
        return line;
}

static bool begins(struct span line, const char *prefix)
{
        return line.n >= strlen(prefix) && memcmp(line.at, prefix, strlen(prefix)) == 0;
}

static bool says(struct span text, const char *word)
{
        return memmem(text.at, text.n, word, strlen(word)) != NULL;
}

/* ---- what Go code lacks ---- */

/* "func (s *OrderService) Cancel(": up to the parameters, the receiver's name left out. */
static bool function_name(struct span line, char at[static NAME_BYTES])
{
        const char *open, *end = line.at + line.n, *from = line.at + strlen("func ");

        if (!begins(line, "func "))
                return false;
        if (*from == '(') {
                const char *blank = memchr(from, ' ', (size_t)(end - from));

                if (!blank)
                        return false;
                from = blank + 1;
                open = memchr(from, ')', (size_t)(end - from));
                if (!open)
                        return false;
                open = memchr(open, '(', (size_t)(end - open));
        } else {
                open = memchr(from, '(', (size_t)(end - from));
        }
        if (!open)
                return false;
        (void)snprintf(at, NAME_BYTES, "%.*s", (int)(open - from), from);
        return true;
}

static bool has_function(struct span text, const char *name)
{
        char other[NAME_BYTES];

        while (text.n)
                if (function_name(next_line(&text), other) && str_is_equal(other, name))
                        return true;
        return false;
}

/* One declaration with the comment above it; s stands behind it. */
static struct span next_declaration(struct span *s)
{
        struct span d = {s->at, 0};
        bool is_inside = false;

        while (s->n) {
                struct span line = next_line(s);

                if (line.n <= 1 && !is_inside) {
                        d = (struct span){s->at, 0};
                        continue;
                }
                d.n = (size_t)(s->at - d.at);
                is_inside |= !begins(line, "//");
                if (is_inside && (line.at[0] == '}' || line.at[0] == ')' ||
                                  (!begins(line, "func ") && line.at[0] != '\t' && line.n > 1 &&
                                   line.at[line.n - 2] != '{' && line.at[line.n - 2] != '(')))
                        break;
        }
        return d;
}

/* Methods of types that the text declares, and that it does not have. */
static void add_methods(struct span text, struct span own, struct buf *b)
{
        while (own.n) {
                struct span d = next_declaration(&own), rest = d, line = {0};
                char name[NAME_BYTES], type[NAME_BYTES + 8];

                while (rest.n && !begins(line, "func "))
                        line = next_line(&rest);
                if (!function_name(line, name) || name[0] != '*' || has_function(text, name))
                        continue;
                (void)snprintf(type, sizeof(type), "type %.*s struct", (int)strcspn(name + 1, ")"),
                               name + 1);
                if (!says(text, type))
                        continue;
                buf_add_char(b, '\n');
                buf_add_span(b, d);
        }
}

/* Does the own file import what the text does not? *ret_path: the first. */
static bool lacks_import(struct span text, struct span own, struct span used_by)
{
        bool is_block = false;

        while (own.n) {
                struct span line = next_line(&own);
                char path[NAME_BYTES], name[NAME_BYTES];
                const char *quote = memchr(line.at, '"', line.n), *slash;

                is_block = begins(line, "import (") || (is_block && line.at[0] != ')');
                if (!quote || !(is_block || begins(line, "import ")))
                        continue;
                (void)snprintf(path, sizeof(path), "%.*s",
                               (int)(line.n - (size_t)(quote - line.at)), quote);
                path[strcspn(path + 1, "\"") + 2] = '\0';
                path[strcspn(path, "\n")] = '\0';
                slash = strrchr(path, '/');
                (void)snprintf(name, sizeof(name), "%s", slash ? slash + 1 : path + 1);
                name[strcspn(name, "\"")] = '.';
                if (!says(text, path) && says(used_by, name))
                        return true;
        }
        return false;
}

/* ---- comments ---- */

static const char *comment_of(const char *path)
{
        static const char *const table[][2] = {
                {".go", "// "}, {".py", "# "}, {".sql", "-- "}, {".md", ""}, {".txt", ""}};

        for (size_t i = 0; i < N_ELEMENTS(table); i++)
                if (str_has_suffix(path, table[i][0]))
                        return table[i][1];
        return "# ";
}

/* The facts that neither the text nor what is added to it shows. */
static void add_facts(const struct facts_view *v, const char *path, struct span text,
                      struct buf *added)
{
        _cleanup_buf_ struct buf all = {0};
        size_t n;

        buf_add_span(&all, text);
        buf_add_span(&all, buf_span(added));
        n = all.n;
        if (str_has_suffix(path, ".py"))
                py_add_rest(v, 0, &all);
        else
                writer_add_rest(v, comment_of(path), 0, &all);
        if (all.n > n)
                buf_add(added, all.at + n, all.n - n);
        added->failed = added->failed ? added->failed : all.failed;
}

/* ---- the edit ---- */

static size_t count_at_lines(struct span text, struct span part)
{
        size_t n = 0;

        for (size_t i = 0; i + part.n <= text.n; i++)
                n += (i == 0 || text.at[i - 1] == '\n') &&
                     memcmp(text.at + i, part.at, part.n) == 0;
        return n;
}

/* The last lines, as few as stand there once. */
static struct span unique_end(struct span text)
{
        struct span end = {text.at + text.n, 0};

        while (end.n < text.n) {
                do {
                        end.at--;
                        end.n++;
                } while (end.n < text.n && end.at[-1] != '\n');
                if (count_at_lines(text, end) == 1)
                        return end;
        }
        return text;
}

int edits_write(const struct facts_view *v, const struct shown *shown, struct span own,
                const char *tag, struct buf *b)
{
        struct span text = {shown->text, shown->n_text}, end = unique_end(text);
        const char *role = node_text(v->task, "role");
        _cleanup_buf_ struct buf added = {0};
        bool is_go = str_has_suffix(shown->path, ".go");

        if (yaml_get(v->task, "findings"))
                return repair_write(v, shown, tag, b);
        if (!text.n || (is_go && !str_is_equal(role, "service") && lacks_import(text, own, own)))
                return CONDITION_ABSENT;
        if (is_go && str_is_equal(role, "service"))
                add_methods(text, own, &added);
        if (is_go && lacks_import(text, own, buf_span(&added)))
                return CONDITION_ABSENT;
        add_facts(v, shown->path, text, &added);
        if (added.n) {
                buf_printf(b, "<<<old %s\n", tag);
                buf_add_span(b, end);
                buf_printf(b, "===new %s\n", tag);
                buf_add_span(b, end);
                buf_add_span(b, buf_span(&added));
        }
        return added.failed ? added.failed : b->failed;
}
