#include <stdio.h>
#include <string.h>

#include "tests/sim/go.h"
#include "tests/sim/writer.h"

/* What services have beside Go: contracts in Protocol Buffers, and the file that starts all. */

/* A type of Go's as one of Protocol Buffers'. */
static void write_type(const char *type, struct buf *b)
{
        static const char *const plain[][2] = {
                {"string", "string"}, {"bool", "bool"},
                {"int", "int64"},     {"int64", "int64"},
                {"int32", "int32"},   {"uint64", "uint64"},
                {"uint32", "uint32"}, {"float64", "double"},
                {"float32", "float"}, {"time.Time", "google.protobuf.Timestamp"},
                {"[]byte", "bytes"},  {"time.Duration", "int64"},
        };

        for (size_t i = 0; i < N_ELEMENTS(plain); i++)
                if (str_is_equal(plain[i][0], type)) {
                        buf_add_text(b, plain[i][1]);
                        return;
                }
        if (str_has_prefix(type, "[]") && !str_has_prefix(type + 2, "[]")) {
                buf_add_text(b, "repeated ");
                write_type(type + 2, b);
        } else if (str_has_prefix(type, "map[string]")) {
                buf_add_text(b, "google.protobuf.Struct");
        } else if (str_is_equal(type, "interface{}") || type[0] == '[' ||
                   str_is_equal(type, "json.RawMessage")) {
                buf_add_text(b, "google.protobuf.Value");
        } else {
                buf_add_text(b, type + strspn(type, "*"));
        }
}

static void write_field(const char *name, const char *type, size_t number, struct buf *b)
{
        char snake[GO_NAME_BYTES], kept[GO_NAME_BYTES];
        const char *note;

        go_snake(name, snake);
        go_type_of(type ? type : "string", kept, &note);
        buf_add_text(b, "  ");
        write_type(kept, b);
        buf_printf(b, " %s = %zu;\n", snake, number);
}

/* Parameters of the path (NULL: none of them) before the fields. */
static void write_message(const char *procedure, const char *kind, const char *path,
                          struct yaml_node *fields, struct buf *b)
{
        struct go_field list[64];
        size_t n = go_fields(fields, list, N_ELEMENTS(list)), number = 0;

        buf_printf(b, "\nmessage %s%s {\n", procedure, kind);
        for (const char *s = path ? strchr(path, '{') : NULL; s; s = strchr(s + 1, '{')) {
                char name[64];

                (void)snprintf(name, sizeof(name), "%.*s", (int)strcspn(s + 1, "}"), s + 1);
                write_field(name, "string", ++number, b);
        }
        for (size_t i = 0; i < n; i++)
                write_field(list[i].name, list[i].type, ++number, b);
        buf_add_text(b, "}\n");
}

static void write_entity(struct yaml_node *e, struct buf *b)
{
        struct yaml_node *list = yaml_get(e, "attributes");

        buf_printf(b, "\nmessage %s {\n", node_text(e, "name") ? node_text(e, "name") : "Entity");
        for (size_t i = 0; i < node_size(list); i++)
                if (node_text(node_at(list, i), "name"))
                        write_field(node_text(node_at(list, i), "name"),
                                    node_text(node_at(list, i), "type"), i + 1, b);
        buf_add_text(b, "}\n");
}

/* "/shop.Orders/PlaceOrder": shop, Orders, PlaceOrder; else the whole is the procedure. */
struct endpoint {
        char package[GO_NAME_BYTES], service[GO_NAME_BYTES], procedure[GO_NAME_BYTES];
};

static void read_endpoint(struct yaml_node *c, const char *own, struct endpoint *ret)
{
        const char *text = node_text(c, "endpoint"), *action = node_text(c, "action"),
                   *entity = node_text(c, "entity"), *slash = text ? strrchr(text, '/') : NULL,
                   *dot = text ? strrchr(text, '.') : NULL;
        bool is_call = str_is_equal(node_text(c, "method"), "RPC") && slash && dot && dot < slash;

        (void)snprintf(ret->package, sizeof(ret->package), "%s", own);
        (void)snprintf(ret->service, sizeof(ret->service), "Service");
        (void)snprintf(ret->procedure, sizeof(ret->procedure), "%.70s%.70s", action ? action : "",
                       !is_call && entity ? entity : "");
        if (!is_call)
                return;
        (void)snprintf(ret->package, sizeof(ret->package), "%.*s", (int)(dot - text - 1), text + 1);
        (void)snprintf(ret->service, sizeof(ret->service), "%.*s", (int)(slash - dot - 1), dot + 1);
}

/* Procedures of one service stand together: those that follow one another in the facts. */
static void write_services(struct yaml_node **list, size_t n, const char *own, struct buf *b)
{
        struct endpoint at = {.service = ""}, before = {.service = ""};

        for (size_t i = 0; i < n; i++) {
                read_endpoint(list[i], own, &at);
                if (!str_is_equal(at.service, before.service))
                        buf_printf(b, "%s\nservice %s {\n", i ? "}\n" : "", at.service);
                before = at;
                if (node_text(list[i], "description"))
                        buf_printf(b, "  // %s\n", node_text(list[i], "description"));
                buf_printf(b, "  rpc %1$s (%1$sRequest) returns (%1$sResponse);\n", at.procedure);
        }
        if (n)
                buf_add_text(b, "}\n");
}

/* "[]*shop.Order": shop; false: a type of the package itself, or of the standard library. */
static bool package_of(const char *type, char at[static GO_NAME_BYTES])
{
        const char *dot = type ? strchr(type, '.') : NULL;
        size_t n;

        if (!dot)
                return false;
        type += strspn(type, "[]*");
        n = MIN2((size_t)(dot - type), (size_t)GO_NAME_BYTES - 1);
        memcpy(at, type, n);
        at[n] = '\0';
        return !str_is_equal(at, "time") && !str_is_equal(at, "json");
}

/* Contracts of other services whose messages the entities hold. */
static void write_imports(const struct facts_view *v, struct buf *b)
{
        struct yaml_node *entities[128];
        size_t n = facts_list(v, "entities", entities, N_ELEMENTS(entities));
        struct strlist seen = {0};

        for (size_t i = 0; i < n; i++) {
                struct yaml_node *list = yaml_get(entities[i], "attributes");

                for (size_t k = 0; k < node_size(list); k++) {
                        char name[GO_NAME_BYTES];

                        if (!package_of(node_text(node_at(list, k), "type"), name) ||
                            strlist_has(&seen, name))
                                continue;
                        if (strlist_add(&seen, name) < 0)
                                b->failed = -ENOMEM;
                        buf_printf(b, "\nimport \"%s.proto\";\n", name);
                }
        }
        strlist_done(&seen);
}

void text_write_proto(const struct facts_view *v, struct buf *b)
{
        struct yaml_node *contracts[128], *entities[128], *package = NULL;
        size_t n = facts_list(v, "contracts", contracts, N_ELEMENTS(contracts)),
               n_entities = facts_list(v, "entities", entities, N_ELEMENTS(entities));
        _cleanup_buf_ struct buf body = {0};
        struct endpoint at;
        const char *own;

        (void)facts_list(v, "packages", &package, 1);
        own = node_text(package, "name") ? node_text(package, "name") : "service";
        (void)snprintf(at.package, sizeof(at.package), "%s", own);
        if (n)
                read_endpoint(contracts[0], own, &at);
        write_services(contracts, n, own, &body);
        for (size_t i = 0; i < n; i++) {
                struct endpoint one;

                read_endpoint(contracts[i], own, &one);
                write_message(one.procedure, "Request", node_text(contracts[i], "endpoint"),
                              yaml_get(contracts[i], "request"), &body);
                write_message(one.procedure, "Response", NULL, yaml_get(contracts[i], "response"),
                              &body);
        }
        for (size_t i = 0; i < n_entities; i++)
                write_entity(entities[i], &body);
        buf_printf(b, "syntax = \"proto3\";\n\npackage %s;\n", at.package);
        write_imports(v, b);
        for (const char *const *name = (const char *const[]){"struct", "timestamp", NULL}; *name;
             name++)
                if (memmem(body.at, body.n, **name == 's' ? ".Struct" : ".Timestamp",
                           **name == 's' ? 7 : 10))
                        buf_printf(b, "\nimport \"google/protobuf/%s.proto\";\n", *name);
        buf_add_span(b, buf_span(&body));
}

static bool is_served(const struct facts_view *v, const char *package)
{
        return facts_find(v, "entities", "package", package) != NULL;
}

void text_write_compose(const struct facts_view *v, struct buf *b)
{
        struct yaml_node *packages[256];
        size_t n = facts_list(v, "packages", packages, N_ELEMENTS(packages));

        buf_add_text(b, "services:\n");
        for (size_t i = 0; i < n; i++) {
                const char *name = node_text(packages[i], "name");
                struct yaml_node *others = yaml_get(packages[i], "depends_on");
                _cleanup_buf_ struct buf urls = {0}, names = {0};

                if (!name || !is_served(v, name))
                        continue;
                buf_printf(b,
                           "  %1$s:\n    build:\n      context: .\n      args: {SERVICE: %1$s}\n"
                           "    expose: [\"8080\"]\n",
                           name);
                for (size_t k = 0; k < node_size(others); k++) {
                        const char *other = node_at(others, k)->text;

                        if (!other || !is_served(v, other))
                                continue;
                        buf_add_text(&urls, "      ");
                        for (const char *s = other; *s; s++)
                                buf_add_char(&urls, (char)(*s >= 'a' && *s <= 'z' ? *s - 32 : *s));
                        buf_printf(&urls, "_URL: http://%s:8080\n", other);
                        buf_printf(&names, "%s%s", names.n ? ", " : "", other);
                }
                if (names.n)
                        buf_printf(b, "    environment:\n%s    depends_on: [%s]\n", urls.at,
                                   names.at);
        }
}
