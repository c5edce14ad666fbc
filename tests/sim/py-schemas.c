#include <stdio.h>

#include "tests/sim/py.h"

/* The annotation of an item, and what has to be imported for it. */
static const char *annotation(struct py_out *o, const char *kind)
{
        static const struct {
                const char *kind, *annotation, *import;
        } table[] = {
                {"str", "str", NULL},
                {"text", "str", NULL},
                {"email", "schema.Email", NULL},
                {"url", "schema.Url", NULL},
                {"int", "int", NULL},
                {"float", "float", NULL},
                {"bool", "bool", NULL},
                {"Decimal", "decimal.Decimal", "decimal"},
                {"date", "datetime.date", "datetime"},
                {"datetime", "datetime.datetime", "datetime"},
                {"time", "datetime.time", "datetime"},
                {"timedelta", "datetime.timedelta", "datetime"},
                {"UUID", "uuid.UUID", "uuid"},
                {"bytes", "schema.Base64", NULL},
                {"json", "schema.Value", NULL},
                {"dict", "dict[str, typing.Any]", "typing"},
        };

        for (size_t i = 0; i < N_ELEMENTS(table); i++) {
                if (!str_is_equal(table[i].kind, kind))
                        continue;
                if (table[i].import)
                        py_import(o, table[i].import, NULL);
                return table[i].annotation;
        }
        return "str";
}

/* typing.Literal of the values, as an alias before the class; the values are cut at commas. */
static void write_choices(struct py_out *o, const struct py_field *f)
{
        const char *s = f->size;
        char name[PY_NAME_BYTES];

        py_import(o, "typing", NULL);
        py_capital(f->name, name);
        py_emit(o, "\n");
        py_begin(o, 0, "%sOf%s = typing.Literal[", name, o->entity);
        while (*s) {
                size_t n = strcspn(s, ","), from = 0, to;

                to = n;
                while (from < to && strchr(" '\"", s[from]))
                        from++;
                while (to > from && strchr(" '\"", s[to - 1]))
                        to--;
                if (to > from)
                        py_arg(o, "\"%.*s\"", (int)(to - from), s + from);
                s += n + (s[n] == ',');
        }
        py_end(o, "]");
}

static const char *rule_value(struct py_out *o, const char *rule, const char *key,
                              const struct py_field *f)
{
        return node_text(py_rule(o, rule, f->name), key);
}

static void add_number(struct py_out *o, const char *name, const char *text)
{
        if (text)
                py_arg(o, "%s=%ld", name, strtol(text, NULL, 10));
}

static void add_bounds(struct py_out *o, const struct py_field *f)
{
        const char *longest = rule_value(o, "longest", "max", f),
                   *shortest = rule_value(o, "shortest", "min", f);
        bool is_text = str_is_equal(f->kind, "str") || str_is_equal(f->kind, "text");
        long least = f->is_required && is_text;

        if (f->n_lists)
                return;
        if (py_rule(o, "positive", f->name))
                py_arg(o, "gt=0");
        for (size_t i = 0; i < 3; i++) {
                static const char *const rules[] = {"range", "minimum", "maximum"};

                add_number(o, "ge", rule_value(o, rules[i], "min", f));
                add_number(o, "le", rule_value(o, rules[i], "max", f));
        }
        if (str_is_equal(f->kind, "str") && *f->size && !longest)
                longest = f->size;
        add_number(o, "max_length", longest);
        if (shortest)
                least = MAX2(least, strtol(shortest, NULL, 10));
        if (least)
                py_arg(o, "min_length=%ld", least);
        if (str_is_equal(f->kind, "text"))
                py_arg(o, "widget=\"textarea\"");
        if (str_is_equal(f->kind, "Decimal") && *f->size) {
                const char *comma = strchr(f->size, ',');

                add_number(o, "max_digits", f->size);
                add_number(o, "decimal_places", comma ? comma + 1 : NULL);
        }
}

static void write_field(struct py_out *o, const struct py_field *f)
{
        bool is_bool = str_is_equal(f->kind, "bool") && !f->n_lists;
        char type[PY_NAME_BYTES * 2], words[PY_NAME_BYTES], title[PY_NAME_BYTES];
        char inner[PY_NAME_BYTES * 2];
        size_t n = 0;

        if (str_is_equal(f->kind, "enum")) {
                py_capital(f->name, words);
                (void)snprintf(inner, sizeof(inner), "%sOf%s", words, o->entity);
        } else {
                (void)snprintf(inner, sizeof(inner), "%s", annotation(o, f->kind));
        }
        for (unsigned i = 0; i < f->n_lists && n + 6 < sizeof(type); i++)
                n += (size_t)snprintf(type + n, sizeof(type) - n, "list[");
        n += (size_t)snprintf(type + n, sizeof(type) - n, "%.150s", inner);
        for (unsigned i = 0; i < f->n_lists && n + 2 < sizeof(type); i++)
                n += (size_t)snprintf(type + n, sizeof(type) - n, "]");
        py_words(f->name, words);
        py_capital(words, title);
        py_import(o, "pydantic", NULL);
        py_begin(o, 1, "%s: %s%s = pydantic.Field(", f->name, type,
                 f->is_required || is_bool ? "" : " | None");
        py_arg(o, "%s", f->is_required ? "..." : is_bool ? "False" : "None");
        if (f->given)
                py_arg(o, "alias=\"%s\"", f->given);
        py_arg(o, "title=\"%s\"", title);
        if (f->description)
                py_text_arg(o, "description", f->description);
        add_bounds(o, f);
        py_end(o, ")");
}

static void write_references(struct py_out *o)
{
        struct yaml_node *links[PY_FIELDS_MAX];
        size_t n = py_links(o, "reference", links, PY_FIELDS_MAX);
        char words[PY_NAME_BYTES], title[PY_NAME_BYTES];

        for (size_t i = 0; i < n; i++) {
                bool is_required = py_is_required_link(o, links[i]);
                const char *type = py_key_type(node_text(links[i], "id_type"));

                (void)annotation(o, node_text(links[i], "id_type"));
                py_words(node_text(links[i], "name"), words);
                py_capital(words, title);
                py_import(o, "pydantic", NULL);
                py_begin(o, 1, "%s: %s%s = pydantic.Field(", node_text(links[i], "column"), type,
                         is_required ? "" : " | None");
                py_arg(o, "%s", is_required ? "..." : "None");
                if (node_text(links[i], "given"))
                        py_arg(o, "alias=\"%s\"", node_text(links[i], "given"));
                py_arg(o, "title=\"%s\"", title);
                py_end(o, ")");
        }
        n = py_links(o, "join", links, PY_FIELDS_MAX);
        for (size_t i = 0; i < n; i++) {
                char ids[PY_NAME_BYTES];

                py_ids_of(links[i], ids);
                (void)annotation(o, node_text(links[i], "id_type"));
                py_words(node_text(links[i], "name"), words);
                py_capital(words, title);
                py_import(o, "pydantic", NULL);
                py_begin(o, 1, "%s: list[%s] = pydantic.Field(", ids,
                         py_key_type(node_text(links[i], "id_type")));
                py_arg(o, "[]");
                py_arg(o, "title=\"%s\"", title);
                py_end(o, ")");
        }
}

int py_write_schemas(struct py_out *o)
{
        struct py_field fields[PY_FIELDS_MAX];
        size_t n = py_fields(o, fields, PY_FIELDS_MAX);
        char words[PY_NAME_BYTES], text[PY_NAME_BYTES * 2];
        const char *id = py_id_type(o);

        py_words(o->entity, words);
        (void)snprintf(text, sizeof(text), "What people say of a %s, and what they get.", words);
        py_docstring(o, 0, text);
        py_import(o, "app", "schema");
        for (size_t i = 0; i < n; i++)
                if (str_is_equal(fields[i].kind, "enum"))
                        write_choices(o, &fields[i]);
        py_emit(o, "\n\nclass %sIn(schema.Schema):\n", o->entity);
        (void)snprintf(text, sizeof(text), "A %s as it is sent.", words);
        py_docstring(o, 1, text);
        py_emit(o, "\n");
        for (size_t i = 0; i < n; i++)
                write_field(o, &fields[i]);
        write_references(o);
        if (o->body.n > 2 && str_has_suffix(o->body.at, "\n\n"))
                o->body.at[--o->body.n] = '\0'; /* no field at all */
        (void)annotation(o, id);
        py_emit(o, "\n\n");
        py_begin(o, 0, "%sPatch = schema.partial(", o->entity);
        py_arg(o, "\"%sPatch\"", o->entity);
        py_arg(o, "%sIn", o->entity);
        py_end(o, ")");
        py_begin(o, 0, "%sOut = schema.shown(", o->entity);
        py_arg(o, "\"%sOut\"", o->entity);
        py_arg(o, "%sIn", o->entity);
        py_arg(o, "%s", py_key_type(id));
        py_end(o, ")");
        return 0;
}
