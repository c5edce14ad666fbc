#include "tests/sim/go.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>

#include "tests/sim/writer.h"

static const struct {
        const char *role;
        int (*write)(struct go_out *o);
} roles[] = {
        {"domain", go_write_domain},
        {"repository", go_write_repository},
        {"file_repository", go_write_file_repository},
        {"service", go_write_service},
        {"handler", go_write_handler},
        {"router", go_write_router},
        {"routes", go_write_routes},
        {"main", go_write_main},
        {"cli", go_write_cli},
        {"test", go_write_test},
        {"sqltest", go_write_sqltest},
        {"sql_repository", go_write_sql_repository},
        {"sql_test", go_write_sql_test},
        {"repositories", go_write_repositories},
        {"handler_test", go_write_handler_test},
        {"rpc", go_write_rpc},
        {"store", go_write_store},
        {"transport", go_write_transport},
        {"logic", go_write_logic},
        {"logic_test", go_write_logic_test},
        {"command", go_write_command},
};

void go_emit(struct go_out *o, const char *format, ...)
{
        va_list args;

        va_start(args, format);
        buf_vprintf(&o->body, format, args);
        va_end(args);
}

void go_import(struct go_out *o, const char *path)
{
        if (!strlist_has(&o->imports, path) && strlist_add(&o->imports, path) < 0)
                o->body.failed = -ENOMEM;
}

void go_starve(struct go_out *o, const char *format, ...)
{
        char text[512];
        va_list args;

        va_start(args, format);
        (void)vsnprintf(text, sizeof(text), format, args);
        va_end(args);
        o->is_starved = true;
        go_emit(o, "\n// Not shown in the prompt: %s.\n", text);
}

void go_emit_comment(struct go_out *o, const char *indent, const char *label, const char *text)
{
        bool is_blank = false;

        if (!text || !*text)
                return;
        go_emit(o, "%s// %s", indent, label);
        for (const char *s = text + strspn(text, " \t\r\n"); *s; s++) {
                if (isspace((unsigned char)*s)) {
                        is_blank = true;
                        continue;
                }
                if (is_blank)
                        buf_add_char(&o->body, ' ');
                buf_add_char(&o->body, *s);
                is_blank = false;
        }
        buf_add_char(&o->body, '\n');
}

static bool is_service(const struct go_out *o)
{
        return str_is_equal(node_text(o->v->task, "role"), "service");
}

static void emit_rule(struct go_out *o, const char *indent, const char *kind, struct yaml_node *n)
{
        static const char *const texts[] = {"text",  "title", "description",
                                            "given", "when",  "then"};
        _cleanup_buf_ struct buf text = {0};

        node_write(n, &text);
        go_emit(o, "%s// %s: %s\n", indent, kind, text.at ? text.at : "");
        for (size_t i = 0; i < N_ELEMENTS(texts) && is_service(o); i++)
                if (node_text(n, texts[i]))
                        go_emit_seen(o, indent, node_text(n, texts[i]));
}

void go_emit_rules(struct go_out *o, const char *indent)
{
        struct yaml_node *items[256];
        size_t n = facts_list(o->v, "requirements", items, N_ELEMENTS(items));

        for (size_t i = 0; i < n; i++)
                emit_rule(o, indent, "Requirement", items[i]);
        n = facts_list(o->v, "scenarios", items, N_ELEMENTS(items));
        for (size_t i = 0; i < n; i++)
                emit_rule(o, indent, "Scenario", items[i]);
}

/* As the facts say, else from the task: import path less the folder. */
static void find_module(struct go_out *o)
{
        const char *module = facts_setting(o->v, "module"),
                   *own = node_text(o->v->task, "import_path"), *web = facts_setting(o->v, "web"),
                   *rpc = facts_setting(o->v, "rpc");
        size_t n_own = own ? strlen(own) : 0, n_dir = strlen(o->dir);

        if (module)
                (void)snprintf(o->module, sizeof(o->module), "%s", module);
        else if (own && n_dir && n_own > n_dir + 1 && str_has_suffix(own, o->dir) &&
                 own[n_own - n_dir - 1] == '/')
                (void)snprintf(o->module, sizeof(o->module), "%.*s", (int)(n_own - n_dir - 1), own);
        else if (web && str_has_suffix(web, "/internal/web"))
                (void)snprintf(o->module, sizeof(o->module), "%.*s",
                               (int)(strlen(web) - strlen("/internal/web")), web);
        else if (rpc && str_has_suffix(rpc, "/internal/rpc"))
                (void)snprintf(o->module, sizeof(o->module), "%.*s",
                               (int)(strlen(rpc) - strlen("/internal/rpc")), rpc);
}

bool go_path_of_dir(struct go_out *o, const char *dir, char at[static GO_NAME_BYTES])
{
        const char *own = node_text(o->v->task, "import_path");

        if (own && str_is_equal(dir, o->dir)) {
                (void)snprintf(at, GO_NAME_BYTES, "%s", own);
                return true;
        }
        if (!*o->module)
                return false;
        (void)snprintf(at, GO_NAME_BYTES, "%.70s%s%.80s", o->module, *dir ? "/" : "", dir);
        return true;
}

static bool path_from_list(struct yaml_node *list, const char *package,
                           char at[static GO_NAME_BYTES])
{
        for (size_t i = 0; i < node_size(list); i++) {
                struct yaml_node *n = node_at(list, i);
                const char *path = node_text(n, "import_path"), *name = node_text(n, "package");
                const char *last = path ? strrchr(path, '/') : NULL;

                if (!name)
                        name = node_text(n, "name");
                last = last ? last + 1 : path;
                if (path && (str_is_equal(name, package) || str_is_equal(last, package))) {
                        (void)snprintf(at, GO_NAME_BYTES, "%s", path);
                        return true;
                }
        }
        return false;
}

bool go_path_of_package(struct go_out *o, const char *package, char at[static GO_NAME_BYTES])
{
        static const char *const std[][2] = {{"context", "context"}, {"time", "time"},
                                             {"http", "net/http"},   {"json", "encoding/json"},
                                             {"io", "io"},           {"sync", "sync"},
                                             {"errors", "errors"},   {"fmt", "fmt"},
                                             {"big", "math/big"},    {"url", "net/url"}};
        static const char *const lists[] = {"references", "packages", "entities"};
        const struct go_file *f;
        const char *text;

        for (size_t i = 0; i < N_ELEMENTS(std); i++)
                if (str_is_equal(std[i][0], package)) {
                        (void)snprintf(at, GO_NAME_BYTES, "%s", std[i][1]);
                        return true;
                }
        for (size_t d = 0; d < o->v->n_docs; d++) {
                struct yaml_node *doc = o->v->docs[d], *entities = yaml_get(doc, "entities");

                for (size_t i = 0; i < N_ELEMENTS(lists); i++)
                        if (path_from_list(yaml_get(doc, lists[i]), package, at))
                                return true;
                for (size_t i = 0; i < node_size(entities); i++)
                        if (path_from_list(yaml_get(node_at(entities, i), "references"), package,
                                           at))
                                return true;
                text = node_text(doc, package);
                if (!text)
                        text = node_text(yaml_get(doc, package), "import_path");
                if (text && strchr(text, '/')) { /* "web: shop/internal/web" */
                        (void)snprintf(at, GO_NAME_BYTES, "%s", text);
                        return true;
                }
        }
        f = go_find_package(&o->w, package);
        return f && go_path_of_dir(o, f->dir, at);
}

static const char *import_of(const struct go_file *from, struct span name,
                             char at[static GO_NAME_BYTES])
{
        for (size_t i = 0; from && i < from->imports.n; i++) {
                const char *blank = strchr(from->imports.at[i], ' ');

                if (blank &&
                    span_is_equal(name, (struct span){from->imports.at[i],
                                                      (size_t)(blank - from->imports.at[i])})) {
                        (void)snprintf(at, GO_NAME_BYTES, "%s", blank + 1);
                        return at;
                }
        }
        return NULL;
}

bool go_import_of(const struct go_file *from, const char *name, char at[static GO_NAME_BYTES])
{
        return import_of(from, span_of(name), at) != NULL;
}

/* The import path that the facts give for a type: references: [{entity: User, import_path:
 * shop/internal/user}]. */
static bool path_of_reference(struct go_out *o, const char *type, char at[static GO_NAME_BYTES])
{
        size_t n = 0;

        while (isalnum((unsigned char)type[n]) || type[n] == '_')
                n++;
        for (size_t d = 0; n && d < o->v->n_docs; d++) {
                const struct yaml_node *entities = yaml_get(o->v->docs[d], "entities");

                for (size_t i = 0; i < node_size(entities); i++) {
                        const struct yaml_node *list = yaml_get(node_at(entities, i), "references");

                        for (size_t j = 0; j < node_size(list); j++) {
                                const char *entity = node_text(node_at(list, j), "entity"),
                                           *path = node_text(node_at(list, j), "import_path");

                                if (!entity || !path || strlen(entity) != n ||
                                    strncmp(entity, type, n) != 0)
                                        continue;
                                (void)snprintf(at, GO_NAME_BYTES, "%s", path);
                                return true;
                        }
                }
        }
        return false;
}

static void use_qualifier(struct go_out *o, const struct go_file *from, struct span name)
{
        char path[GO_NAME_BYTES], text[GO_NAME_BYTES];

        if (import_of(from, name, path) || path_of_reference(o, name.at + name.n + 1, path)) {
                go_import(o, path);
                return;
        }
        (void)snprintf(text, sizeof(text), "%.*s", (int)name.n, name.at);
        if (go_path_of_package(o, text, path))
                go_import(o, path);
        else
                go_starve(o, "the import path of package %s", text);
}

void go_use_type(struct go_out *o, const struct go_file *from, const char *type,
                 char at[static GO_NAME_BYTES])
{
        bool is_foreign = from && !str_is_equal(from->dir, o->dir);
        size_t n = 0;

        for (const char *s = type; *s && n + 80 < GO_NAME_BYTES;) {
                struct span word = {s, 0};

                while (isalnum((unsigned char)s[word.n]) || s[word.n] == '_')
                        word.n++;
                if (!word.n) {
                        at[n++] = *s++;
                        continue;
                }
                if (s[word.n] == '.') {
                        use_qualifier(o, from, word);
                } else if (is_foreign && isupper((unsigned char)*s) &&
                           !(s > type && s[-1] == '.')) {
                        char path[GO_NAME_BYTES];

                        n += (size_t)snprintf(at + n, GO_NAME_BYTES - n, "%s.", from->package);
                        if (go_path_of_package(o, from->package, path))
                                go_import(o, path);
                }
                n += (size_t)snprintf(at + n, GO_NAME_BYTES - n, "%.*s",
                                      (int)MIN2(word.n, (size_t)60), word.at);
                s += word.n;
        }
        at[MIN2(n, (size_t)GO_NAME_BYTES - 1)] = '\0';
}

void go_dir_of_entity(struct go_out *o, const char *entity, char at[static GO_NAME_BYTES])
{
        struct yaml_node *e = facts_find(o->v, "entities", "name", entity), *p;
        const char *import = node_text(e, "import_path");
        size_t n = strlen(o->module);
        const struct go_file *f = NULL;

        *at = '\0';
        p = facts_find(o->v, "packages", "name", node_text(e, "package"));
        if (import && n && str_has_prefix(import, o->module) && import[n] == '/')
                (void)snprintf(at, GO_NAME_BYTES, "%s", import + n + 1);
        else if (node_text(p, "path"))
                (void)snprintf(at, GO_NAME_BYTES, "%s", node_text(p, "path"));
        else if (go_find_type(&o->w, NULL, entity, &f))
                (void)snprintf(at, GO_NAME_BYTES, "%s", f->dir);
}

const struct go_param *go_need_id(struct go_out *o, const struct go_file **ret_file)
{
        const struct go_type *t = go_find_type(&o->w, o->dir, o->entity, ret_file);
        const struct go_param *id = go_find_field(t, "ID");

        if (!t)
                go_starve(o, "the interface of the file that declares %s", o->entity);
        else if (!id)
                go_starve(o, "a field ID of %s", o->entity);
        return id;
}

size_t go_fields(struct yaml_node *n, struct go_field *list, size_t max)
{
        struct yaml_node *inner = n && n->kind == YAML_MAP ? yaml_get(n, "fields") : NULL;
        size_t count = 0;

        if (inner && inner->kind != YAML_SCALAR)
                n = inner;
        for (size_t i = 0; i < node_size(n) && count < max; i++) {
                struct yaml_node *item = n->items[i];

                if (n->kind == YAML_LIST && item->kind == YAML_MAP)
                        list[count] =
                                (struct go_field){node_text(item, "name"), node_text(item, "type")};
                else if (n->kind == YAML_LIST)
                        list[count] = (struct go_field){item->text, "string"};
                else
                        list[count] = (struct go_field){n->keys[i]->text, item->kind == YAML_SCALAR
                                                                                  ? item->text
                                                                                  : "object"};
                if (!list[count].type)
                        list[count].type = "string";
                count += list[count].name != NULL;
        }
        return count;
}

static void read_path_params(struct go_contract *c)
{
        for (const char *s = c->endpoint;
             s && *s && *s != '?' && c->n_params < N_ELEMENTS(c->params); s++) {
                const char *end = *s == '{' ? strchr(s, '}') : NULL;

                if (end)
                        (void)snprintf(c->params[c->n_params++], sizeof(c->params[0]), "%.*s",
                                       (int)(end - s - 1), s + 1);
        }
}

size_t go_contracts(struct go_out *o, struct go_contract *list, size_t max)
{
        struct yaml_node *items[GO_CONTRACTS_MAX];
        size_t n = facts_list(o->v, "contracts", items, MIN2(max, (size_t)GO_CONTRACTS_MAX)),
               count = 0;
        const char *entity;

        for (size_t i = 0; i < n; i++) {
                struct go_contract c = {.method = node_text(items[i], "method"),
                                        .endpoint = node_text(items[i], "endpoint"),
                                        .description = node_text(items[i], "description"),
                                        .action = node_text(items[i], "action"),
                                        .node = items[i]};

                if (!c.method || !c.endpoint)
                        continue;
                entity = node_text(items[i], "entity");
                if (entity && !str_is_equal(entity, o->entity))
                        continue; /* the facts of the whole project may be there */
                read_path_params(&c);
                list[count++] = c;
        }
        return count;
}

static int compare_text(const void *a, const void *b)
{
        return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Standard packages first, then the project's, each group sorted, as gofmt has it. */
static void write_imports(struct go_out *o, struct buf *b)
{
        size_t n_written = 0, n_own = 0;

        if (!o->imports.n)
                return;
        qsort(o->imports.at, o->imports.n, sizeof(*o->imports.at), compare_text);
        if (o->imports.n == 1) {
                buf_printf(b, "\nimport \"%s\"\n", o->imports.at[0]);
                return;
        }
        buf_add_text(b, "\nimport (\n");
        for (int own = 0; own < 2; own++)
                for (size_t i = 0; i < o->imports.n; i++) {
                        bool is_own = *o->module && str_has_prefix(o->imports.at[i], o->module) &&
                                      strchr("/", o->imports.at[i][strlen(o->module)]);

                        if (is_own != own)
                                continue;
                        if (own && !n_own++ && n_written)
                                buf_add_text(b, "\n");
                        n_written++;
                        buf_printf(b, "\t\"%s\"\n", o->imports.at[i]);
                }
        buf_add_text(b, ")\n");
}

static const char *package_of(struct go_out *o, const char *role)
{
        const char *package = node_text(o->v->task, "package");

        if (package)
                return package;
        if (str_is_equal(role, "main") || str_is_equal(role, "cli") ||
            str_has_prefix(o->path, "cmd/"))
                return "main";
        package = strrchr(o->dir, '/');
        return package ? package + 1 : *o->dir ? o->dir : "main";
}

/* At most one empty line in a row, none at the end: as gofmt has it. */
static void trim_blank_lines(struct buf *b, size_t from)
{
        size_t to = from;

        for (size_t i = from; i < b->n; i++)
                if (!(b->at[i] == '\n' && to >= from + 2 && b->at[to - 1] == '\n' &&
                      b->at[to - 2] == '\n'))
                        b->at[to++] = b->at[i];
        while (to >= from + 2 && b->at[to - 1] == '\n' && b->at[to - 2] == '\n')
                to--;
        b->n = to;
}

int go_write(const struct facts_view *v, const char *path, const char *role, struct buf *b)
{
        struct go_out o = {.v = v, .path = path};
        _cleanup_free_ char *dir = strdup(path);
        const char *entity = node_text(v->task, "entity");
        char *slash;
        size_t i, from = b->n;
        int r;

        for (i = 0; i < N_ELEMENTS(roles); i++)
                if (str_is_equal(roles[i].role, role))
                        break;
        if (i == N_ELEMENTS(roles))
                return CONDITION_ABSENT;
        if (!dir)
                return -ENOMEM;
        slash = strrchr(dir, '/');
        *(slash ? slash : dir) = '\0';
        o.dir = dir;
        o.package = package_of(&o, role);
        find_module(&o);
        if (entity) {
                (void)snprintf(o.entity, sizeof(o.entity), "%s", entity);
                go_lower_first(entity, o.lower);
        }
        r = go_world_read(v->facts, &o.w);
        if (!r)
                r = roles[i].write(&o);
        if (!r) {
                buf_printf(b, "package %s\n", o.package);
                write_imports(&o, b);
                buf_add_span(b, buf_span(&o.body));
                writer_add_rest(v, "// ", from, b);
                trim_blank_lines(b, from);
                r = o.body.failed ? o.body.failed : b->failed;
        }
        go_world_done(&o.w);
        buf_done(&o.body);
        strlist_done(&o.imports);
        return r;
}
