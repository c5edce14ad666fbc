#include <stdio.h>

#include "tests/sim/go.h"

#define FIELDS_MAX 128

struct field {
        char name[GO_NAME_BYTES], type[GO_NAME_BYTES], tag[GO_NAME_BYTES + 40];
        const char *description, *note;
        bool is_required;
};

/* A bare name of an entity that lies in another package is written with its package. */
static void qualify_entities(struct go_out *o, char type[static GO_NAME_BYTES])
{
        size_t at = strcspn(type, "ABCDEFGHIJKLMNOPQRSTUVWXYZ");
        struct yaml_node *e =
                strchr(type, '.') ? NULL : facts_find(o->v, "entities", "name", type + at);
        const char *package = node_text(e, "package");
        char text[GO_NAME_BYTES * 2];

        if (!package || str_is_equal(package, o->package))
                return;
        (void)snprintf(text, sizeof(text), "%.*s%s.%s", (int)at, type, package, type + at);
        if (strlen(text) < GO_NAME_BYTES)
                memcpy(type, text, strlen(text) + 1);
}

static size_t read_fields(struct go_out *o, struct yaml_node *e, struct field *fields)
{
        struct yaml_node *list = yaml_get(e, "attributes");
        size_t n = 0;

        for (size_t i = 0; i < node_size(list) && n < FIELDS_MAX; i++) {
                struct yaml_node *a = node_at(list, i);
                const char *name = node_text(a, "name"), *type = node_text(a, "type"),
                           *required = node_text(a, "required");
                char snake[GO_NAME_BYTES], raw[GO_NAME_BYTES];
                struct field *f = &fields[n];

                if (!name)
                        continue;
                if (name[0] >= 'A' && name[0] <= 'Z')
                        (void)snprintf(f->name, sizeof(f->name), "%s", name);
                else
                        go_export(name, f->name);
                go_type_of(type ? type : "string", raw, &f->note);
                qualify_entities(o, raw);
                go_use_type(o, NULL, raw, f->type);
                go_snake(f->name, snake);
                (void)snprintf(f->tag, sizeof(f->tag), "`json:\"%s%s\"`",
                               node_text(a, "json") ? node_text(a, "json") : snake,
                               strchr("*[m", f->type[0]) ? ",omitempty" : "");
                f->description = node_text(a, "description");
                f->is_required = str_is_equal(required, "true");
                n++;
        }
        return n;
}

static bool has_comment(const struct field *f)
{
        return f->description || *f->note;
}

/* gofmt aligns the columns of fields that stand on neighbouring lines; a comment line ends such a
 * run. */
static void emit_fields(struct go_out *o, const struct field *f, size_t n)
{
        for (size_t i = 0; i < n;) {
                size_t end = i + 1;
                int names = (int)strlen(f[i].name), types = (int)strlen(f[i].type);

                for (; end < n && !has_comment(&f[end]); end++) {
                        names = MAX2(names, (int)strlen(f[end].name));
                        types = MAX2(types, (int)strlen(f[end].type));
                }
                if (f[i].description) {
                        char label[GO_NAME_BYTES + 3];

                        (void)snprintf(label, sizeof(label), "%s: ", f[i].name);
                        go_emit_comment(o, "\t", label, f[i].description);
                }
                if (*f[i].note)
                        go_emit_comment(o, "\t", "Type as given: ", f[i].note);
                for (; i < end; i++)
                        go_emit(o, "\t%-*s %-*s %s\n", names, f[i].name, types, f[i].type,
                                f[i].tag);
        }
}

static void emit_check(struct go_out *o, const struct field *f)
{
        char label[GO_NAME_BYTES];

        go_snake(f->name, label);
        for (char *s = label; *s; s++)
                if (*s == '_')
                        *s = ' ';
        if (!f->is_required || str_is_equal(f->name, "ID"))
                return;
        if (str_is_equal(f->type, "string")) {
                go_import(o, "strings");
                go_emit(o, "\tif strings.TrimSpace(e.%s) == \"\" {\n", f->name);
        } else if (str_is_equal(f->type, "time.Time")) {
                go_emit(o, "\tif e.%s.IsZero() {\n", f->name);
        } else if (f->type[0] == '*') {
                go_emit(o, "\tif e.%s == nil {\n", f->name);
        } else if (f->type[0] == '[' || str_has_prefix(f->type, "map[")) {
                go_emit(o, "\tif len(e.%s) == 0 {\n", f->name);
        } else if (go_is_integer(f->type) || str_has_prefix(f->type, "float")) {
                go_emit(o, "\tif e.%s == 0 {\n", f->name);
        } else {
                return;
        }
        go_emit(o, "\t\treturn fmt.Errorf(\"%%w: %s is required\", ErrInvalid%s)\n\t}\n", label,
                o->entity);
}

int go_write_domain(struct go_out *o)
{
        struct yaml_node *e = facts_find(o->v, "entities", "name", o->entity);
        _cleanup_free_ struct field *fields = calloc(FIELDS_MAX, sizeof(*fields));
        size_t n;

        if (!fields)
                return -ENOMEM;
        if (!e) {
                go_starve(o, "the facts of entity %s", o->entity);
                return 0;
        }
        n = read_fields(o, e, fields);
        go_import(o, "errors");
        go_import(o, "fmt");
        go_emit(o,
                "\n// ErrInvalid%s is wrapped by every error of Validate.\nvar ErrInvalid%s = "
                "errors.New(\"invalid %s\")\n",
                o->entity, o->entity, o->lower);
        go_emit(o, "\n// %s is an entity of the project.\n", o->entity);
        if (node_text(e, "description")) {
                go_emit(o, "//\n");
                go_emit_comment(o, "", "It stands for: ", node_text(e, "description"));
        }
        go_emit(o, "type %s struct {\n", o->entity);
        emit_fields(o, fields, n);
        go_emit(o, "}\n");
        go_emit(o,
                "\n// Validate reports whether the values of the %s may be stored.\nfunc (e *%s) "
                "Validate() error {\n",
                o->lower, o->entity);
        go_emit_rules(o, "\t");
        go_emit(o,
                "\tif e == nil {\n\t\treturn fmt.Errorf(\"%%w: it is nil\", ErrInvalid%s)\n\t}\n",
                o->entity);
        for (size_t i = 0; i < n; i++)
                emit_check(o, &fields[i]);
        go_emit(o, "\treturn nil\n}\n");
        return 0;
}
