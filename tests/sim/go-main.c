#include <stdio.h>

#include "tests/sim/go.h"

#define ENTITIES_MAX 128

/* What is wired for one entity. */
struct wired {
        const char *entity;
        char package[GO_NAME_BYTES], lower[GO_NAME_BYTES];
        char made_entity[GO_NAME_BYTES]; /* where entity points when no fact names it */
        bool is_asked;                   /* has no handler here */
};

/* A function of the project may be called when an interface block shows it, or when the prompt
 * tells its name for all entities E. */
static bool may_call(struct go_out *o, const char *dir, const char *format, const char *entity)
{
        char name[GO_NAME_BYTES], told[GO_NAME_BYTES];
        bool is_known;

        (void)snprintf(name, sizeof(name), "New%s%s%s", format[0] == 'M' ? "Memory" : "", entity,
                       strchr(format, 'E') + 1);
        (void)snprintf(told, sizeof(told), "New%s", format);
        is_known = go_find_func(&o->w, dir, NULL, name, NULL) || facts_says(o->v, told);
        if (!is_known)
                go_starve(o, "function %s", name);
        return is_known;
}

static bool wire_entity(struct go_out *o, struct yaml_node *e, struct wired *ret)
{
        const char *name = node_text(e, "name"), *package = node_text(e, "package"),
                   *path = node_text(e, "import_path");
        char dir[GO_NAME_BYTES], handler[GO_NAME_BYTES * 2];

        if (!name || !package || !path)
                return false;
        go_dir_of_entity(o, name, dir);
        (void)snprintf(handler, sizeof(handler), "New%sHandler", name);
        if (!go_find_func(&o->w, dir, NULL, handler, NULL)) {
                go_starve(o, "the interface of the file that declares %sHandler", name);
                return false;
        }
        if (!may_call(o, dir, "MemoryERepository", name) || !may_call(o, dir, "EService", name))
                return false;
        ret->entity = name;
        (void)snprintf(ret->package, sizeof(ret->package), "%s", package);
        go_lower_first(name, ret->lower);
        go_import(o, path);
        return true;
}

/* A service that api.NewRoutes asks for, of an entity that has no handler: made as the prompt tells
 * for all entities, in the package that the interface block imports. */
static bool wire_asked(struct go_out *o, const struct go_file *api, const char *type,
                       struct wired *ret)
{
        const char *dot = strchr(type, '.');
        size_t n = dot ? strlen(dot + 1) : 0, n_package = dot ? (size_t)(dot - type - 1) : 0;
        char path[GO_NAME_BYTES];

        if (!dot || *type != '*' || n <= strlen("Service") || !str_has_suffix(type, "Service") ||
            n_package >= sizeof(ret->package))
                return false;
        (void)snprintf(ret->made_entity, sizeof(ret->made_entity), "%.*s",
                       (int)(n - strlen("Service")), dot + 1);
        (void)snprintf(ret->package, sizeof(ret->package), "%.*s", (int)n_package, type + 1);
        ret->entity = ret->made_entity;
        if (!go_import_of(api, ret->package, path) ||
            !may_call(o, NULL, "MemoryERepository", ret->entity) ||
            !may_call(o, NULL, "EService", ret->entity))
                return false;
        go_lower_first(ret->entity, ret->lower);
        ret->is_asked = true;
        go_import(o, path);
        return true;
}

static const struct wired *find_wired(const struct wired *list, size_t n, const char *type)
{
        char text[GO_NAME_BYTES * 3];

        for (size_t i = 0; i < n; i++) {
                (void)snprintf(text, sizeof(text), "*%s.%sService", list[i].package,
                               list[i].entity);
                if (str_is_equal(text, type))
                        return &list[i];
        }
        return NULL;
}

static const struct go_func *find_routes(struct go_out *o, const struct go_file **ret_api)
{
        const struct go_file *api = *ret_api = go_find_package(&o->w, "api");

        return api ? go_find_func(&o->w, api->dir, NULL, "NewRoutes", NULL) : NULL;
}

/* The call of api.NewRoutes, each argument by its type: *order.OrderService. */
static void emit_routes(struct go_out *o, const struct go_func *f, const struct wired *list,
                        size_t n)
{
        char path[GO_NAME_BYTES];

        if (!f || !go_path_of_package(o, "api", path)) {
                if (facts_setting(o->v, "api"))
                        go_emit(o, "\t// Not shown in the prompt: package api.\n");
                return;
        }
        go_import(o, path);
        go_emit(o, "\tapi.NewRoutes(");
        for (size_t i = 0; i < f->n_params; i++) {
                const struct wired *w = find_wired(list, n, f->params[i].type);

                if (w)
                        go_emit(o, "%s%sService", i ? ", " : "", w->lower);
        }
        go_emit(o, ").Register(router)\n");
}

int go_write_main(struct go_out *o)
{
        static const char *const imports[] = {"context", "errors",    "fmt",     "net/http",
                                              "os",      "os/signal", "syscall", "time"};
        struct yaml_node *entities[ENTITIES_MAX];
        _cleanup_free_ struct wired *list = calloc(ENTITIES_MAX, sizeof(*list));
        size_t n = facts_list(o->v, "entities", entities, ENTITIES_MAX), n_wired = 0;
        const struct go_file *web = go_find_package(&o->w, "web"), *api;
        const struct go_func *routes = find_routes(o, &api);
        bool has_repositories =
                facts_says(o->v, "`newRepositories(db *sql.DB) *repositories` of another file");
        char path[GO_NAME_BYTES];

        if (!list)
                return -ENOMEM;
        if (!web || !go_find_func(&o->w, web->dir, NULL, "NewRouter", NULL) ||
            !go_path_of_package(o, "web", path)) {
                go_starve(o, "the interface of package web");
                return 0;
        }
        for (size_t i = 0; i < N_ELEMENTS(imports); i++)
                go_import(o, imports[i]);
        go_import(o, path);
        for (size_t i = 0; i < n; i++) {
                bool is_known = false;

                for (size_t j = 0; j < n_wired; j++)
                        is_known |= str_is_equal(list[j].entity, node_text(entities[i], "name"));
                n_wired += !is_known && wire_entity(o, entities[i], &list[n_wired]);
        }
        for (size_t i = 0; routes && i < routes->n_params && n_wired < ENTITIES_MAX; i++)
                if (!find_wired(list, n_wired, routes->params[i].type))
                        n_wired += wire_asked(o, api, routes->params[i].type, &list[n_wired]);
        go_emit(o, "\nfunc main() {\n\tctx, stop := signal.NotifyContext(context.Background(), "
                   "os.Interrupt, syscall.SIGTERM)\n\terr := run(ctx, os.Getenv)\n"
                   "\tstop()\n\tif err != nil {\n\t\tfmt.Fprintln(os.Stderr, "
                   "err)\n\t\tos.Exit(1)\n\t}\n}\n");
        go_emit(o,
                "\n// routes wires repositories, services and handlers.\nfunc routes() "
                "*web.Router {\n\trouter := web.NewRouter()\n%s",
                has_repositories && n_wired ? "\tall := newRepositories(nil)\n" : "");
        for (size_t i = 0; i < n_wired; i++) {
                if (has_repositories)
                        go_emit(o, "\t%1$sService := %2$s.New%3$sService(all.%1$sRepository)\n",
                                list[i].lower, list[i].package, list[i].entity);
                else
                        go_emit(o,
                                "\t%1$sService := "
                                "%2$s.New%3$sService(%2$s.NewMemory%3$sRepository())\n",
                                list[i].lower, list[i].package, list[i].entity);
                if (!list[i].is_asked)
                        go_emit(o, "\t%2$s.New%3$sHandler(%1$sService).Register(router)\n",
                                list[i].lower, list[i].package, list[i].entity);
        }
        emit_routes(o, routes, list, n_wired);
        go_emit(o, "\treturn router\n}\n");
        go_emit(o, "\n// run serves until the context ends.\nfunc run(ctx context.Context, getenv "
                   "func(string) string) error {\n");
        go_emit_rules(o, "\t");
        go_emit(o, "\tport := getenv(\"PORT\")\n\tif port == \"\" {\n\t\tport = \"8080\"\n\t}\n"
                   "\tserver := &http.Server{Addr: \":\" + port, Handler: routes(), "
                   "ReadHeaderTimeout: 5 * time.Second}\n"
                   "\tfailed := make(chan error, 1)\n\tgo func() {\n\t\tfailed <- "
                   "server.ListenAndServe()\n\t}()\n\tselect {\n\tcase err := <-failed:\n"
                   "\t\treturn fmt.Errorf(\"serve: %%w\", err)\n\tcase <-ctx.Done():\n\t}\n"
                   "\tending, cancel := context.WithTimeout(context.Background(), "
                   "10*time.Second)\n\tdefer cancel()\n"
                   "\tif err := server.Shutdown(ending); err != nil && !errors.Is(err, "
                   "http.ErrServerClosed) {\n"
                   "\t\treturn fmt.Errorf(\"shut down: %%w\", err)\n\t}\n\treturn nil\n}\n");
        return 0;
}
