#include <stdio.h>

#include "tests/sim/go.h"

/* The repositories of a whole program, and the test of a handler. */

#define ENTITIES_MAX 512

static const char *id_type_of(struct yaml_node *e)
{
        struct yaml_node *list = yaml_get(e, "attributes");

        for (size_t i = 0; i < node_size(list); i++)
                if (str_is_equal(node_text(node_at(list, i), "name"), "ID"))
                        return node_text(node_at(list, i), "type");
        return "string";
}

/* The entity that a field refers to by identifiers of the type that they have there. */
static struct yaml_node *referred(struct go_out *o, struct yaml_node *attribute, bool *ret_is_many)
{
        struct yaml_node *other =
                facts_find(o->v, "entities", "name", node_text(attribute, "reference"));
        const char *type = node_text(attribute, "type");

        if (!other || !type)
                return NULL;
        *ret_is_many = str_has_prefix(type, "[]");
        return str_is_equal(type + (*ret_is_many ? 2 : 0), id_type_of(other)) ? other : NULL;
}

static void emit_look(struct go_out *o, struct yaml_node *e, struct yaml_node *a,
                      struct yaml_node *other, bool is_many)
{
        const char *name = node_text(a, "name"), *to = node_text(other, "name");
        char lower[GO_NAME_BYTES], key[GO_NAME_BYTES];

        go_lower_first(to, lower);
        go_snake(name, key);
        if (is_many)
                go_emit(o, "\tfor _, id := range e.%s {\n", name);
        else
                go_emit(o, "\tif id := e.%s; id != %s {\n", name,
                        str_is_equal(node_text(a, "type"), "string") ? "\"\"" : "0");
        go_emit(o,
                "\t\tif _, err := g.known.%sRepository.Get(ctx, id); err != nil {\n"
                "\t\t\tif errors.Is(err, %s.Err%sNotFound) {\n"
                "\t\t\t\terr = fmt.Errorf(\"%%w: %s %%v is absent\", %s.ErrInvalid%s, id)\n"
                "\t\t\t}\n\t\t\treturn err\n\t\t}\n\t}\n",
                lower, node_text(other, "package"), to, key, node_text(e, "package"),
                node_text(e, "name"));
}

static bool has_references(struct go_out *o, struct yaml_node *e)
{
        struct yaml_node *list = yaml_get(e, "attributes");
        bool is_many;

        for (size_t i = 0; i < node_size(list); i++)
                if (referred(o, node_at(list, i), &is_many))
                        return true;
        return false;
}

/* A repository around another, that looks before it keeps. */
static void emit_guard(struct go_out *o, struct yaml_node *e)
{
        struct yaml_node *list = yaml_get(e, "attributes");
        const char *name = node_text(e, "name"), *package = node_text(e, "package");
        char lower[GO_NAME_BYTES];

        go_lower_first(name, lower);
        go_import(o, "context");
        go_import(o, "errors");
        go_import(o, "fmt");
        go_emit(o,
                "\ntype %1$sGuard struct {\n\t%2$s.%3$sRepository\n\tknown *repositories\n}\n"
                "\nfunc (g %1$sGuard) look(ctx context.Context, e *%2$s.%3$s) error {\n"
                "\tif e == nil {\n\t\treturn nil\n\t}\n",
                lower, package, name);
        for (size_t i = 0; i < node_size(list); i++) {
                bool is_many;
                struct yaml_node *other = referred(o, node_at(list, i), &is_many);

                if (other)
                        emit_look(o, e, node_at(list, i), other, is_many);
        }
        go_emit(o, "\treturn nil\n}\n");
        for (size_t i = 0; i < 2; i++)
                go_emit(o,
                        "\nfunc (g %1$sGuard) %4$s(ctx context.Context, e *%2$s.%3$s) error {\n"
                        "\tif err := g.look(ctx, e); err != nil {\n\t\treturn err\n\t}\n"
                        "\treturn g.%3$sRepository.%4$s(ctx, e)\n}\n",
                        lower, package, name, i ? "Update" : "Create");
}

int go_write_repositories(struct go_out *o)
{
        struct yaml_node *entities[ENTITIES_MAX];
        size_t n = facts_list(o->v, "entities", entities, ENTITIES_MAX), width = 0;
        char lower[GO_NAME_BYTES];

        go_import(o, "database/sql");
        for (size_t i = 0; i < n; i++) {
                go_lower_first(node_text(entities[i], "name"), lower);
                width = MAX2(width, strlen(lower));
        }
        go_emit(o, "\ntype repositories struct {\n");
        for (size_t i = 0; i < n; i++) {
                go_lower_first(node_text(entities[i], "name"), lower);
                go_import(o, node_text(entities[i], "import_path"));
                go_emit(o, "\t%sRepository%*s %s.%sRepository\n", lower,
                        (int)(width - strlen(lower)), "", node_text(entities[i], "package"),
                        node_text(entities[i], "name"));
        }
        go_emit(o, "}\n\nfunc newRepositories(db *sql.DB) *repositories {\n"
                   "\tmade := new(repositories)\n\tif db == nil {\n");
        for (int in_db = 0; in_db < 2; in_db++) {
                for (size_t i = 0; i < n; i++) {
                        go_lower_first(node_text(entities[i], "name"), lower);
                        go_emit(o, "\t\tmade.%sRepository = %s.New%s%sRepository(%s)\n", lower,
                                node_text(entities[i], "package"), in_db ? "SQL" : "Memory",
                                node_text(entities[i], "name"), in_db ? "db" : "");
                }
                go_emit(o, in_db ? "\t}\n" : "\t} else {\n");
        }
        for (size_t i = 0; i < n; i++) {
                go_lower_first(node_text(entities[i], "name"), lower);
                if (has_references(o, entities[i]))
                        go_emit(o, "\tmade.%1$sRepository = %1$sGuard{made.%1$sRepository, made}\n",
                                lower);
        }
        go_emit(o, "\treturn made\n}\n");
        for (size_t i = 0; i < n; i++)
                if (has_references(o, entities[i]))
                        emit_guard(o, entities[i]);
        return 0;
}

/* A request for each contract: whatever is asked for is absent or refused, and nothing breaks. */
static void emit_requests(struct go_out *o)
{
        struct go_contract list[GO_CONTRACTS_MAX];
        size_t n = go_contracts(o, list, GO_CONTRACTS_MAX);

        for (size_t i = 0; i < n; i++) {
                const char *s = list[i].endpoint;

                go_emit(o, "\t\t{\"%s\", \"", list[i].method);
                for (; *s && *s != '?'; s++) {
                        const char *end = *s == '{' ? strchr(s, '}') : NULL;

                        if (end)
                                go_emit(o, "77");
                        else
                                go_emit(o, "%c", *s);
                        s = end ? end : s;
                }
                go_emit(o, "\"},\n");
        }
}

int go_write_handler_test(struct go_out *o)
{
        static const char *const imports[] = {"net/http/httptest", "net/url", "strings", "testing"};
        char handler[GO_NAME_BYTES * 2], service[GO_NAME_BYTES * 2], memory[GO_NAME_BYTES * 2],
                path[GO_NAME_BYTES];

        (void)snprintf(handler, sizeof(handler), "New%sHandler", o->entity);
        (void)snprintf(service, sizeof(service), "New%sService", o->entity);
        (void)snprintf(memory, sizeof(memory), "NewMemory%sRepository", o->entity);
        if (!go_find_func(&o->w, o->dir, NULL, handler, NULL) ||
            !go_find_func(&o->w, o->dir, NULL, service, NULL) ||
            !go_find_func(&o->w, o->dir, NULL, memory, NULL) ||
            !go_path_of_package(o, "web", path)) {
                go_starve(o, "the interfaces of handler, service and repository");
                return 0;
        }
        for (size_t i = 0; i < N_ELEMENTS(imports); i++)
                go_import(o, imports[i]);
        go_import(o, path);
        go_emit(o,
                "\nfunc Test%1$sHandler_Routes(t *testing.T) {\n\trouter := web.NewRouter()\n"
                "\t%2$s(%3$s(%4$s())).Register(router)\n"
                "\tfor _, c := range []struct{ method, path string }{\n",
                o->entity, handler, service, memory);
        emit_requests(o);
        go_emit(o, "\t} {\n\t\tw := httptest.NewRecorder()\n\t\ttarget := (&url.URL{Path: "
                   "c.path}).String()\n"
                   "\t\trouter.ServeHTTP(w, httptest.NewRequest(c.method, target, "
                   "strings.NewReader(\"{\")))\n"
                   "\t\tif w.Code == 405 || w.Code >= 500 {\n"
                   "\t\t\tt.Errorf(\"%%s %%s: %%d\", c.method, c.path, w.Code)\n\t\t}\n\t}\n}\n");
        return 0;
}
