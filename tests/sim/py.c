#include "tests/sim/py.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>

#include "tests/sim/writer.h"

static const struct {
        const char *role;
        int (*write)(struct py_out *o);
} roles[] = {
        {"model", py_write_model},
        {"models", py_write_models},
        {"schemas", py_write_schemas},
        {"routes", py_write_routes},
        {"test", py_write_test},
        {"main", py_write_main},
        {"package", py_write_package},
        {"schemas_package", py_write_package},
        {"routes_package", py_write_package},
        {"tests_package", py_write_package},
        {"library", py_write_library},
        {"registry", py_write_registry},
        {"dataclass", py_write_dataclass},
        {"core", py_write_core},
        {"namespace", py_write_namespace},
        {"core_test", py_write_core_test},
};

/* ---- writing ---- */

void py_emit(struct py_out *o, const char *format, ...)
{
        va_list args;

        va_start(args, format);
        buf_vprintf(&o->body, format, args);
        va_end(args);
}

void py_import(struct py_out *o, const char *module, const char *name)
{
        char text[PY_NAME_BYTES * 2];

        (void)snprintf(text, sizeof(text), "%s%s%s", module, name ? " " : "", name ? name : "");
        if (!strlist_has(&o->imports, text) && strlist_add(&o->imports, text) < 0)
                o->body.failed = -ENOMEM;
}

void py_starve(struct py_out *o, const char *what)
{
        py_emit(o, "# Not shown in the prompt: %s.\n", what);
}

void py_begin(struct py_out *o, unsigned depth, const char *format, ...)
{
        va_list args;

        buf_clear(&o->head);
        strlist_done(&o->args);
        o->depth = depth;
        va_start(args, format);
        buf_vprintf(&o->head, format, args);
        va_end(args);
}

void py_arg(struct py_out *o, const char *format, ...)
{
        _cleanup_buf_ struct buf text = {0};
        va_list args;

        va_start(args, format);
        buf_vprintf(&text, format, args);
        va_end(args);
        if (text.failed || strlist_add_span(&o->args, buf_span(&text)) < 0)
                o->body.failed = -ENOMEM;
}

/* The words of a literal (with its quotes) on lines of at most `width`, each a literal of its own
 * that ends with the blank before the next. */
static void write_pieces(struct span literal, size_t width, const char *indent, struct buf *b)
{
        const char *s = literal.at + 1, *end = literal.at + literal.n - 1;

        while (s < end) {
                const char *stop = s;

                for (const char *at = s; at < end;) {
                        const char *blank = memchr(at, ' ', (size_t)(end - at));
                        const char *next = blank ? blank + 1 : end;

                        if (stop > s && py_width((struct span){s, (size_t)(next - s)}) > width)
                                break;
                        stop = at = next;
                }
                buf_printf(b, "\n%s\"%.*s\"", indent, (int)(stop - s), s);
                s = stop;
        }
}

void py_text_arg(struct py_out *o, const char *name, const char *text)
{
        _cleanup_buf_ struct buf literal = {0}, pieces = {0};
        size_t inner = (o->depth + 1) * 4, n_columns;

        py_quote(text, &literal);
        n_columns = inner + strlen(name) + 2 + py_width(buf_span(&literal));
        if (literal.failed || n_columns <= PY_COLUMNS) {
                py_arg(o, "%s=%s", name, literal.at ? literal.at : "");
                return;
        }
        char indent[64];

        (void)snprintf(indent, sizeof(indent), "%*s", (int)(inner + 4), "");
        write_pieces(buf_span(&literal), PY_COLUMNS - inner - 6, indent, &pieces);
        py_arg(o, "%s=(%s\n%*s)", name, pieces.at ? pieces.at : "", (int)inner, "");
}

static bool has_magic_comma(const struct strlist *args)
{
        for (size_t i = 0; i < args->n; i++)
                if (strchr(args->at[i], '\n'))
                        return true;
        return false;
}

void py_end(struct py_out *o, const char *tail)
{
        size_t n = o->depth * 4 + py_width(buf_span(&o->head)) + strlen(tail);

        for (size_t i = 0; i < o->args.n; i++)
                n += py_width(span_of(o->args.at[i])) + (i ? 2 : 0);
        py_emit(o, "%*s%s", (int)o->depth * 4, "", o->head.at ? o->head.at : "");
        if (n <= PY_COLUMNS && !has_magic_comma(&o->args)) {
                for (size_t i = 0; i < o->args.n; i++)
                        py_emit(o, "%s%s", i ? ", " : "", o->args.at[i]);
        } else {
                py_emit(o, "\n");
                for (size_t i = 0; i < o->args.n; i++)
                        py_emit(o, "%*s%s,\n", (int)(o->depth + 1) * 4, "", o->args.at[i]);
                py_emit(o, "%*s", (int)o->depth * 4, "");
        }
        py_emit(o, "%s\n", tail);
}

void py_docstring(struct py_out *o, unsigned depth, const char *text)
{
        _cleanup_buf_ struct buf literal = {0};
        char indent[64];
        struct span s;

        py_quote(text, &literal);
        if (literal.failed || literal.n < 3)
                return;
        s = (struct span){literal.at + 1, literal.n - 2};
        (void)snprintf(indent, sizeof(indent), "%*s", (int)depth * 4, "");
        if (depth * 4 + py_width(s) + 6 <= PY_COLUMNS) {
                py_emit(o, "%s\"\"\"%.*s\"\"\"\n", indent, (int)s.n, s.at);
                return;
        }
        py_emit(o, "%s\"\"\"", indent);
        for (size_t column = 0; s.n;) {
                const char *blank = memchr(s.at, ' ', s.n);
                struct span word = {s.at, blank ? (size_t)(blank - s.at) : s.n};

                if (column && column + 1 + py_width(word) > 70 - depth * 4) {
                        py_emit(o, "\n%s", indent);
                        column = 0;
                }
                py_emit(o, "%s%.*s", column ? " " : "", (int)word.n, word.at);
                column += py_width(word) + 1;
                s.at += word.n + (blank ? 1 : 0);
                s.n -= word.n + (blank ? 1 : 0);
        }
        py_emit(o, "\n%s\"\"\"\n", indent);
}

/* ---- imports, as isort with black's profile has them ---- */

static int section_of(struct py_out *o, const char *module)
{
        static const char *const standard[] = {
                "abc",       "base64",  "collections", "contextlib", "csv",     "dataclasses",
                "datetime",  "decimal", "enum",        "functools",  "inspect", "io",
                "itertools", "json",    "logging",     "math",       "os",      "pathlib",
                "random",    "re",      "sqlite3",     "string",     "sys",     "textwrap",
                "time",      "typing",  "unittest",    "uuid"};
        const char *own = facts_setting(o->v, "module");
        char top[PY_NAME_BYTES];
        size_t n = strcspn(module, ". ");

        if (str_has_prefix(module, "__future__ "))
                return 0;
        (void)snprintf(top, sizeof(top), "%.*s", (int)n, module);
        for (size_t i = 0; i < N_ELEMENTS(standard); i++)
                if (str_is_equal(standard[i], top))
                        return 1;
        if (str_is_equal(own, top))
                return 3;
        (void)snprintf(top, sizeof(top), "`%.*s`", (int)n, module);
        /* "first party: `app`, `tests`", or the folder that the file itself lies in */
        if ((strlen(o->path) > n && !strncmp(o->path, module, n) && o->path[n] == '/') ||
            (facts_says(o->v, "first party: ") && facts_says(o->v, top)))
                return 3;
        return 2;
}

/* Numbers within names by their value, upper and lower case alike. */
static int compare_natural(const char *a, const char *b)
{
        for (; *a && *b; a++, b++) {
                if (isdigit((unsigned char)*a) && isdigit((unsigned char)*b)) {
                        char *end_a, *end_b;
                        unsigned long x = strtoul(a, &end_a, 10), y = strtoul(b, &end_b, 10);

                        if (x != y)
                                return x < y ? -1 : 1;
                        a = end_a - 1;
                        b = end_b - 1;
                        continue;
                }
                if (tolower((unsigned char)*a) != tolower((unsigned char)*b))
                        break;
        }
        return tolower((unsigned char)*a) - tolower((unsigned char)*b);
}

/* import lines before from lines; then by module; then constants, classes, others. */
static int compare_imports(const void *a, const void *b)
{
        const char *x = *(char *const *)a, *y = *(char *const *)b;
        const char *x_name = strchr(x, ' '), *y_name = strchr(y, ' ');
        char x_module[PY_NAME_BYTES * 2], y_module[PY_NAME_BYTES * 2];
        int d = (x_name != NULL) - (y_name != NULL);

        if (d)
                return d;
        (void)snprintf(x_module, sizeof(x_module), "%.*s", (int)strcspn(x, " "), x);
        (void)snprintf(y_module, sizeof(y_module), "%.*s", (int)strcspn(y, " "), y);
        d = compare_natural(x_module, y_module);
        if (d || !x_name)
                return d;
        d = (isupper((unsigned char)y_name[1]) != 0) - (isupper((unsigned char)x_name[1]) != 0);
        return d ? d : compare_natural(x_name + 1, y_name + 1);
}

/* All names of one module, from item i on; gives the item after them. */
static size_t write_from(struct py_out *o, size_t i, struct buf *b)
{
        size_t n = strcspn(o->imports.at[i], " "), end = i;
        _cleanup_buf_ struct buf line = {0};

        buf_printf(&line, "from %.*s import ", (int)n, o->imports.at[i]);
        for (; end < o->imports.n; end++) {
                const char *s = o->imports.at[end];

                if (strncmp(s, o->imports.at[i], n) != 0 || s[n] != ' ')
                        break;
                buf_printf(&line, "%s%s", end > i ? ", " : "", s + n + 1);
        }
        if (py_width(buf_span(&line)) <= PY_COLUMNS) {
                buf_add_span(b, buf_span(&line));
                buf_add_char(b, '\n');
                return end;
        }
        buf_printf(b, "from %.*s import (\n", (int)n, o->imports.at[i]);
        for (size_t k = i; k < end; k++)
                buf_printf(b, "    %s,\n", o->imports.at[k] + n + 1);
        buf_add_text(b, ")\n");
        return end;
}

static void write_imports(struct py_out *o, struct buf *b)
{
        if (o->imports.n)
                qsort(o->imports.at, o->imports.n, sizeof(*o->imports.at), compare_imports);
        for (int section = 0; section < 4; section++) {
                bool is_first = true;

                for (size_t i = 0; i < o->imports.n;) {
                        const char *s = o->imports.at[i];

                        if (section_of(o, s) != section) {
                                i++;
                                continue;
                        }
                        buf_add_text(b, is_first ? "\n" : "");
                        is_first = false;
                        if (strchr(s, ' ')) {
                                i = write_from(o, i, b);
                                continue;
                        }
                        buf_printf(b, "import %s%s\n", s,
                                   str_is_equal(s, "sqlalchemy") ? " as sa" : "");
                        i++;
                }
        }
}

/* ---- comments ---- */

/* Comments of any length as comments of 79 columns. */
static void wrap_comments(struct span s, struct buf *b)
{
        while (s.n) {
                const char *end = memchr(s.at, '\n', s.n);
                struct span line = {s.at, end ? (size_t)(end - s.at) : s.n};

                s = (struct span){s.at + line.n + (end ? 1 : 0), s.n - line.n - (end ? 1 : 0)};
                for (size_t column = 0; line.n;) {
                        const char *blank = memchr(line.at, ' ', line.n);
                        struct span word = {line.at, blank ? (size_t)(blank - line.at) : line.n};

                        if (column && column + 1 + py_width(word) > PY_COLUMNS) {
                                buf_add_text(b, "\n#");
                                column = 1;
                        }
                        if (column == 1 && span_is_equal(word, SPAN("type:"))) {
                                buf_add_text(b, " ..."); /* no comment of a type */
                                column += 4;
                        }
                        buf_printf(b, "%s%.*s", column ? " " : "", (int)word.n, word.at);
                        column += py_width(word) + (column != 0);
                        line.at += word.n + (blank ? 1 : 0);
                        line.n -= word.n + (blank ? 1 : 0);
                }
                buf_add_char(b, '\n');
        }
}

void py_add_rest(const struct facts_view *v, size_t from, struct buf *b)
{
        _cleanup_buf_ struct buf all = {0};
        size_t n = b->n - from;

        buf_add(&all, b->at + from, n);
        writer_add_rest(v, "# ", 0, &all);
        if (all.failed || all.n <= n)
                return;
        buf_add_char(b, '\n');
        wrap_comments((struct span){all.at + n, all.n - n}, b);
}

int py_write(const struct facts_view *v, const char *path, const char *role, struct buf *b)
{
        const char *entity = node_text(v->task, "entity");
        struct py_out o = {.v = v, .path = path, .entity = entity ? entity : "", .module = ""};
        size_t i, from = b->n;
        int r;

        r = py_write_words(v, role, b);
        if (r != CONDITION_ABSENT)
                return r;
        for (i = 0; i < N_ELEMENTS(roles); i++)
                if (str_is_equal(roles[i].role, role))
                        break;
        if (i == N_ELEMENTS(roles))
                return CONDITION_ABSENT;
        o.own = facts_find(v, "entities", "name", entity);
        if (node_text(o.own, "module"))
                o.module = node_text(o.own, "module");
        r = roles[i].write(&o);
        if (!r) {
                const char *rest = o.body.at ? strchr(o.body.at, '\n') : NULL;
                size_t n_doc = rest ? (size_t)(rest - o.body.at) + 1 : 0;

                buf_add(b, o.body.at, n_doc); /* the docstring stands before the imports */
                write_imports(&o, b);
                if (rest)
                        buf_add(b, rest + 1, o.body.n - n_doc);
                py_add_rest(v, from, b);
                r = o.body.failed ? o.body.failed : b->failed;
        }
        buf_done(&o.body);
        buf_done(&o.head);
        strlist_done(&o.args);
        strlist_done(&o.imports);
        return r;
}
