#include <stdio.h>

#include "tests/sim/py.h"

/* A valid value as a literal; `turn` makes those of different files differ. */
static void write_value(struct py_out *o, const struct py_field *f, unsigned turn, struct buf *b)
{
        static const char *const fixed[][2] = {
                {"float", "2.25"},
                {"bool", "True"},
                {"Decimal", "3.5"},
                {"time", "\"08:45:00\""},
                {"timedelta", "3600.0"},
                {"bytes", "\"c29tZQ==\""},
                {"json", "[\"any\", 1]"},
                {"dict", "{\"key\": \"value\"}"},
                {"url", "\"https://example.org/some\""},
                {"email", "\"some@example.org\""},
        };
        const char *least = node_text(py_rule(o, "range", f->name), "min");

        if (!least)
                least = node_text(py_rule(o, "minimum", f->name), "min");
        if (!least)
                least = node_text(py_rule(o, "maximum", f->name), "max");
        for (size_t i = 0; i < N_ELEMENTS(fixed); i++)
                if (str_is_equal(fixed[i][0], f->kind)) {
                        buf_add_text(b, fixed[i][1]);
                        return;
                }
        if (str_is_equal(f->kind, "int"))
                buf_printf(b, "%ld", least ? strtol(least, NULL, 10) : (long)turn);
        else if (str_is_equal(f->kind, "date"))
                buf_printf(b, "\"2023-%02u-15\"", turn % 12 + 1);
        else if (str_is_equal(f->kind, "datetime"))
                buf_printf(b, "\"2023-%02u-15T09:10:00+00:00\"", turn % 12 + 1);
        else if (str_is_equal(f->kind, "UUID"))
                buf_printf(b, "\"%08u-1111-4111-8111-111111111111\"", turn);
        else if (str_is_equal(f->kind, "enum"))
                buf_printf(b, "\"%.*s\"", (int)strcspn(f->size, ","), f->size);
        else {
                const char *most = node_text(py_rule(o, "longest", f->name), "max"),
                           *few = node_text(py_rule(o, "shortest", f->name), "min");
                long n = few ? MAX2(strtol(few, NULL, 10), 6L) : 6;

                if (*f->size && !most)
                        most = f->size;
                if (most)
                        n = MIN2(n, strtol(most, NULL, 10));
                buf_add_char(b, '"');
                for (long i = 0; i < n; i++)
                        buf_add_char(b, "sample"[i % 6]);
                buf_add_char(b, '"');
        }
}

static void write_set(struct py_out *o, const char *head, const struct py_field *list, size_t n,
                      bool of_unique)
{
        size_t count = 0;

        py_begin(o, 1, "%s", head);
        for (size_t i = 0; i < n; i++) {
                if (!(of_unique ? list[i].is_unique : list[i].is_required))
                        continue;
                py_arg(o, "\"%s\"", list[i].given ? list[i].given : list[i].name);
                count++;
        }
        if (count)
                py_end(o, "}");
}

static void add_bad(struct py_out *o, const struct py_field *f)
{
        static const struct {
                const char *rule, *key, *format;
                long step;
        } table[] = {
                {"range", "min", "(\"%s\", %ld)", -1},
                {"range", "max", "(\"%s\", %ld)", 1},
                {"minimum", "min", "(\"%s\", %ld)", -1},
                {"maximum", "max", "(\"%s\", %ld)", 1},
                {"longest", "max", "(\"%s\", \"y\" * %ld)", 1},
                {"shortest", "min", "(\"%s\", \"y\" * %ld)", -1},
        };
        const char *name = f->given ? f->given : f->name;

        if (py_rule(o, "positive", f->name))
                py_arg(o, "(\"%s\", 0)", name);
        for (size_t i = 0; i < N_ELEMENTS(table); i++) {
                const char *text = node_text(py_rule(o, table[i].rule, f->name), table[i].key);
                char value[PY_NAME_BYTES * 2];

                if (!text)
                        continue;
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
                (void)snprintf(value, sizeof(value), table[i].format, name,
                               strtol(text, NULL, 10) + table[i].step);
#pragma GCC diagnostic pop
                py_arg(o, "%s", value);
        }
}

int py_write_test(struct py_out *o)
{
        struct py_field list[PY_FIELDS_MAX];
        size_t n = py_fields(o, list, PY_FIELDS_MAX);
        char words[PY_NAME_BYTES], text[PY_NAME_BYTES * 2];
        unsigned turn = 1;

        for (const char *s = o->entity; *s; s++)
                turn = (turn * 33 + (unsigned char)*s) % 9000;
        py_words(o->entity, words);
        (void)snprintf(text, sizeof(text), "What a %s promises.", words);
        py_docstring(o, 0, text);
        (void)snprintf(text, sizeof(text), "%s as routes", o->module);
        py_import(o, "app.routes", text);
        py_import(o, "tests", "contract");
        py_emit(o, "\n\nclass Test%s(contract.Contract):\n", o->entity);
        (void)snprintf(text, sizeof(text), "A %s, and what is sent of it.", words);
        py_docstring(o, 1, text);
        py_emit(o, "\n    resource = routes.RESOURCE\n");
        py_begin(o, 1, "sample = {");
        for (size_t i = 0; i < n; i++) {
                _cleanup_buf_ struct buf value = {0};

                for (unsigned k = 0; k < list[i].n_lists; k++)
                        buf_add_char(&value, '[');
                write_value(o, &list[i], turn + (unsigned)i, &value);
                for (unsigned k = 0; k < list[i].n_lists; k++)
                        buf_add_char(&value, ']');
                py_arg(o, "\"%s\": %s", list[i].given ? list[i].given : list[i].name,
                       value.at ? value.at : "None");
        }
        py_end(o, "}");
        write_set(o, "required = {", list, n, false);
        write_set(o, "unique = {", list, n, true);
        py_begin(o, 1, "bad = [");
        for (size_t i = 0; i < n; i++)
                add_bad(o, &list[i]);
        if (o->args.n)
                py_end(o, "]");
        return 0;
}
