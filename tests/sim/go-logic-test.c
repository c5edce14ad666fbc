#include "tests/sim/go-procedures.h"

#include <stdio.h>
#include <string.h>

/* Tests of a service through its transport, and the program that serves it: from what the
 * interfaces of both show. */

static const struct go_func *new_service(struct go_out *o, const char *dir)
{
        return go_find_func(&o->w, dir, NULL, "NewService", NULL);
}

/* "card.API": package card; false: another form. */
static bool package_of_api(const struct go_param *p, char at[static GO_NAME_BYTES])
{
        const char *dot = strchr(p->type, '.');

        if (!dot || !str_is_equal(dot, ".API"))
                return false;
        (void)snprintf(at, GO_NAME_BYTES, "%.*s", (int)(dot - p->type), p->type);
        return true;
}

static bool import_api(struct go_out *o, const char *package)
{
        for (size_t i = 0; i < o->w.n_files; i++) {
                const struct go_file *f = &o->w.files[i];
                char path[GO_NAME_BYTES];

                if (str_is_equal(f->package, package) && api_in(o, f->dir) &&
                    go_path_of_dir(o, f->dir, path)) {
                        go_import(o, path);
                        return true;
                }
        }
        go_starve(o, "the API of package %s", package);
        return false;
}

/* The facts give what is needed, or the file says what it lacks. */
static bool use_rpc(struct go_out *o)
{
        const char *rpc = facts_setting(o->v, "rpc");

        if (!rpc || !facts_says(o->v, "func NewClient(")) {
                go_starve(o, "package rpc");
                return false;
        }
        go_import(o, rpc);
        return true;
}

/* ---- the test ---- */

static void emit_remote(struct go_out *o, const struct go_func *make)
{
        char package[GO_NAME_BYTES], stub[GO_NAME_BYTES];
        _cleanup_buf_ struct buf stubs = {0};

        for (size_t i = 0; i < make->n_params; i++) {
                if (!package_of_api(&make->params[i], package) || !import_api(o, package))
                        continue;
                go_export(package, stub);
                go_emit(o,
                        "\n// stub%1$s answers nothing: no test here asks it.\ntype stub%1$s "
                        "struct {\n\t%2$s.API\n}\n",
                        stub, package);
                buf_printf(&stubs, "%sstub%s{}", stubs.n ? ", " : "", stub);
        }
        go_emit(o,
                "\nfunc testRemote(t *testing.T) *Remote {\n\tt.Helper()\n\tserver := "
                "rpc.NewServer()\n\tRegister(server, NewService(%s))\n"
                "\tweb := httptest.NewServer(server)\n\tt.Cleanup(web.Close)\n\treturn "
                "NewRemote(rpc.NewClient(web.URL, web.Client()))\n}\n",
                stubs.at ? stubs.at : "");
}

static void emit_request(struct go_out *o, const struct go_file *api, const struct go_type *in)
{
        size_t n = 0;

        for (size_t i = 0; in && i < in->n_fields; i++) {
                char type[GO_NAME_BYTES], value[GO_NAME_BYTES];

                go_use_type(o, api, in->fields[i].type, type);
                if (go_value_for(type, value))
                        go_emit(o, "%s%s: %s", n++ ? ", " : "", in->fields[i].name, value);
        }
}

static void emit_case(struct go_out *o, const struct go_file *api, const struct go_func *f,
                      const struct procedure *told)
{
        const char *entity = told ? told->entity : NULL;
        const struct go_type *in = api_message(o, api, f, false),
                             *out = api_message(o, api, f, true);
        const struct go_param *id = message_id(in, entity), *made = message_id(out, entity);

        go_emit(o, "\nfunc TestService_%s(t *testing.T) {\n", f->name);
        if (told)
                go_emit_comment(o, "\t", "", told->description);
        if (id && str_is_equal(id->type, "string")) {
                go_emit(o,
                        "\t_, err := testRemote(t).%1$s(context.Background(), "
                        "&%1$sRequest{%2$s: \"none\"})\n"
                        "\tif rpc.CodeOf(err) != rpc.NotFound {\n\t\tt.Errorf(\"%1$s of what is "
                        "not there: %%v\", err)\n\t}\n}\n",
                        f->name, id->name);
                return;
        }
        go_emit(o, "\tout, err := testRemote(t).%1$s(context.Background(), &%1$sRequest{", f->name);
        emit_request(o, api, in);
        go_emit(o, "})\n\tif err != nil {\n\t\tt.Fatalf(\"%s: %%v\", err)\n\t}\n", f->name);
        if (made && str_is_equal(made->type, "string"))
                go_emit(o, "\tif out.%s == \"\" {\n\t\tt.Error(\"%s: no identifier\")\n\t}\n}\n",
                        made->name, f->name);
        else
                go_emit(o, "\tif out == nil {\n\t\tt.Error(\"%s: no answer\")\n\t}\n}\n", f->name);
}

int go_write_logic_test(struct go_out *o)
{
        _cleanup_free_ struct procedure *told = calloc(PROCEDURES_MAX, sizeof(*told));
        const struct go_file *api = api_in(o, o->dir);
        const struct go_func *make = new_service(o, o->dir), *f;
        size_t n, i = 0;

        if (!told)
                return -ENOMEM;
        if (!api || !make) {
                go_starve(o, "the interfaces of this package's API and NewService");
                return 0;
        }
        if (!use_rpc(o))
                return 0;
        n = procedures_read(o, told, PROCEDURES_MAX);
        go_import(o, "net/http/httptest");
        go_import(o, "testing");
        go_emit(o, "\n");
        go_emit_rules(o, "");
        emit_remote(o, make);
        if (n)
                go_import(o, "context");
        while ((f = api_method(api, &i)))
                emit_case(o, api, f, procedure_named(told, n, f->name));
        if (!n)
                go_emit(o, "\nfunc TestService_IsMade(t *testing.T) {\n\tif testRemote(t) == nil "
                           "{\n\t\tt.Error(\"no service\")\n\t}\n}\n");
        return 0;
}

/* ---- the program ---- */

static const char *service_dir(struct go_out *o, const char *package)
{
        for (size_t i = 0; i < o->w.n_files; i++)
                if (str_is_equal(o->w.files[i].package, package) &&
                    new_service(o, o->w.files[i].dir))
                        return o->w.files[i].dir;
        return NULL;
}

static void emit_run(struct go_out *o, const char *own, const struct go_func *make)
{
        char package[GO_NAME_BYTES], variable[GO_NAME_BYTES];

        go_emit(o, "\nfunc run(ctx context.Context, getenv func(string) string) error "
                   "{\n\taddress := getenv(\"LISTEN\")\n"
                   "\tif address == \"\" {\n\t\taddress = \":8080\"\n\t}\n");
        for (size_t i = 0; i < make->n_params; i++) {
                if (!package_of_api(&make->params[i], package) || !import_api(o, package))
                        continue;
                (void)snprintf(variable, sizeof(variable), "%.150s", package);
                for (char *s = variable; *s; s++)
                        *s = (char)(*s >= 'a' && *s <= 'z' ? *s - 32 : *s);
                go_emit(o,
                        "\t%1$sURL := getenv(\"%2$s_URL\")\n\tif %1$sURL == \"\" {\n\t\treturn "
                        "errors.New(\"%2$s_URL is not set\")\n\t}\n",
                        package, variable);
                go_import(o, "errors");
        }
        go_emit(o, "\tserver := rpc.NewServer()\n\t%1$s.Register(server, %1$s.NewService(", own);
        for (size_t i = 0, n = 0; i < make->n_params; i++)
                if (package_of_api(&make->params[i], package))
                        go_emit(o, "%2$s%1$s.NewRemote(rpc.NewClient(%1$sURL, nil))", package,
                                n++ ? ", " : "");
        go_emit(o, "))\n\treturn rpc.Serve(ctx, address, server)\n}\n");
}

int go_write_command(struct go_out *o)
{
        static const char *const imports[] = {"context", "fmt", "os", "os/signal", "syscall"};
        struct yaml_node *own = NULL;
        const char *package, *dir;
        char path[GO_NAME_BYTES];

        (void)facts_list(o->v, "packages", &own, 1);
        package = node_text(own, "name");
        dir = package ? service_dir(o, package) : NULL;
        o->package = "main";
        if (!dir || !go_path_of_dir(o, dir, path)) {
                go_starve(o, "the interface of NewService");
                return 0;
        }
        if (!use_rpc(o))
                return 0;
        go_import(o, path);
        for (size_t i = 0; i < N_ELEMENTS(imports); i++)
                go_import(o, imports[i]);
        go_emit(o,
                "\nfunc main() {\n\tctx, stop := signal.NotifyContext(context.Background(), "
                "os.Interrupt, syscall.SIGTERM)\n"
                "\terr := run(ctx, os.Getenv)\n\tstop()\n\tif err != nil "
                "{\n\t\tfmt.Fprintln(os.Stderr, \"%s:\", err)\n\t\tos.Exit(1)\n\t}\n}\n",
                package);
        emit_run(o, package, new_service(o, dir));
        return 0;
}
