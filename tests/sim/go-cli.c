#include <ctype.h>
#include <stdio.h>

#include "tests/sim/go.h"

#define ENTITIES_MAX 64
#define VERBS_MAX 64

/* An entity with what its interface blocks show. */
struct subject {
        const char *entity;
        char package[GO_NAME_BYTES], lower[GO_NAME_BYTES], snake[GO_NAME_BYTES], dir[GO_NAME_BYTES],
                service[GO_NAME_BYTES];
        const struct go_type *type;
        const struct go_file *file;
        const char *id_type;
};

static bool read_subject(struct go_out *o, struct yaml_node *e, struct subject *s)
{
        const char *name = node_text(e, "name"), *package = node_text(e, "package"),
                   *path = node_text(e, "import_path");
        char function[GO_NAME_BYTES];

        if (!name || !package || !path || strlen(name) > 100)
                return false;
        s->entity = name;
        (void)snprintf(s->package, sizeof(s->package), "%s", package);
        (void)snprintf(s->service, sizeof(s->service), "%sService", name);
        go_lower_first(name, s->lower);
        go_snake(name, s->snake);
        go_dir_of_entity(o, name, s->dir);
        s->type = go_find_type(&o->w, s->dir, name, &s->file);
        if (!s->type || !go_find_field(s->type, "ID")) {
                go_starve(o, "the interface of the file that declares %s", name);
                return false;
        }
        s->id_type = go_find_field(s->type, "ID")->type;
        (void)snprintf(function, sizeof(function), "NewFile%sRepository", name);
        if (!go_find_func(&o->w, s->dir, NULL, function, NULL)) {
                go_starve(o, "the interface of the file that declares %s", function);
                return false;
        }
        (void)snprintf(function, sizeof(function), "New%sService", name);
        if (!go_find_func(&o->w, s->dir, NULL, function, NULL)) {
                go_starve(o, "the interface of the file that declares %s", function);
                return false;
        }
        go_import(o, path);
        return true;
}

/* NAME=VALUE to a field; a word without = goes to the first text. */
static void emit_setters(struct go_out *o, const struct subject *s)
{
        const char *plain = NULL;

        go_emit(o,
                "\n// set%1$s gives a field of the %2$s its value.\nfunc set%1$s(e *%3$s.%1$s, "
                "argument string) error {\n",
                s->entity, s->lower, s->package);
        for (size_t i = 0; i < s->type->n_fields && !plain; i++)
                if (str_is_equal(s->type->fields[i].type, "string") &&
                    !str_has_suffix(s->type->fields[i].name, "ID"))
                        plain = s->type->fields[i].name;
        go_emit(o, "\tname, value, ok := strings.Cut(argument, \"=\")\n\tif !ok {\n");
        if (plain)
                go_emit(o,
                        "\t\te.%s = strings.TrimSpace(e.%s + \" \" + argument)\n\t\treturn "
                        "nil\n\t}\n",
                        plain, plain);
        else
                go_emit(o, "\t\treturn fmt.Errorf(\"%%s is not NAME=VALUE\", argument)\n\t}\n");
        go_emit(o, "\tswitch name {\n");
        for (size_t i = 0; i < s->type->n_fields; i++) {
                const struct go_param *f = &s->type->fields[i];
                char snake[GO_NAME_BYTES];

                go_snake(f->name, snake);
                if (str_is_equal(f->type, "string")) {
                        go_emit(o, "\tcase \"%s\":\n\t\te.%s = value\n", snake, f->name);
                } else if (go_is_integer(f->type)) {
                        go_import(o, "strconv");
                        go_emit(o,
                                "\tcase \"%s\":\n\t\tnumber, err := strconv.ParseInt(value, 10, "
                                "64)\n\t\tif err != nil {\n\t\t\treturn err\n\t\t}\n"
                                "\t\te.%s = %s(number)\n",
                                snake, f->name, f->type);
                } else if (str_has_prefix(f->type, "float")) {
                        go_import(o, "strconv");
                        go_emit(o,
                                "\tcase \"%s\":\n\t\tnumber, err := strconv.ParseFloat(value, "
                                "64)\n\t\tif err != nil {\n\t\t\treturn err\n\t\t}\n"
                                "\t\te.%s = %s(number)\n",
                                snake, f->name, f->type);
                } else if (str_is_equal(f->type, "bool")) {
                        go_import(o, "strconv");
                        go_emit(o,
                                "\tcase \"%s\":\n\t\tflag, err := strconv.ParseBool(value)\n\t\tif "
                                "err != nil {\n\t\t\treturn err\n\t\t}\n\t\te.%s = flag\n",
                                snake, f->name);
                }
        }
        go_emit(o,
                "\tdefault:\n\t\treturn fmt.Errorf(\"a %s has no %%s\", name)\n\t}\n\treturn "
                "nil\n}\n",
                s->lower);
}

static void emit_open(struct go_out *o, const struct subject *s)
{
        go_import(o, "path/filepath");
        go_emit(o,
                "\nfunc open%1$s() (*%2$s.%3$s, error) {\n\tdir, err := dataDir()\n\tif err != nil "
                "{\n\t\treturn nil, err\n\t}\n"
                "\trepo, err := %2$s.NewFile%1$sRepository(filepath.Join(dir, "
                "\"%4$s.json\"))\n\tif err != nil {\n\t\treturn nil, err\n\t}\n"
                "\treturn %2$s.New%1$sService(repo), nil\n}\n",
                s->entity, s->package, s->service, s->snake);
}

/* The identifier of a command line: what was given, or the position in the list. */
static void emit_identify(struct go_out *o, const struct subject *s)
{
        go_import(o, "context");
        go_emit(o,
                "\n// identify%1$s takes an identifier, or the number of a line of the list.\n"
                "func identify%1$s(ctx context.Context, s *%2$s.%3$s, text string) (*%2$s.%1$s, "
                "error) {\n\tall, err := s.List(ctx)\n\tif err != nil {\n"
                "\t\treturn nil, err\n\t}\n\tfor i, e := range all {\n\t\tif fmt.Sprint(e.ID) == "
                "text || fmt.Sprint(i+1) == text {\n\t\t\treturn e, nil\n\t\t}\n\t}\n"
                "\treturn nil, fmt.Errorf(\"no %4$s %%s\", text)\n}\n",
                s->entity, s->package, s->service, s->lower);
}

static void emit_show(struct go_out *o, const struct subject *s)
{
        go_emit(o, "\nfunc show%s(e *%s.%s) string {\n\treturn fmt.Sprint(e.ID", s->entity,
                s->package, s->entity);
        for (size_t i = 0; i < s->type->n_fields; i++) {
                const struct go_param *f = &s->type->fields[i];

                if (!str_is_equal(f->name, "ID") &&
                    (str_is_equal(f->type, "string") || str_is_equal(f->type, "bool") ||
                     go_is_integer(f->type) || str_has_prefix(f->type, "float")))
                        go_emit(o, ", \" %s=\", e.%s", f->name, f->name);
        }
        go_emit(o, ")\n}\n");
}

/* The service's methods that act on one entity by its identifier: commands of their own, by their
 * name in lower case. */
static void emit_actions(struct go_out *o, const struct subject *s)
{
        for (size_t i = 0; i < o->w.n_files; i++)
                for (size_t j = 0; j < o->w.files[i].n_funcs; j++) {
                        const struct go_func *f = &o->w.files[i].funcs[j];
                        char verb[GO_NAME_BYTES];

                        if (!str_is_equal(f->receiver, s->service) ||
                            !str_is_equal(o->w.files[i].dir, s->dir) || f->n_params != 2 ||
                            f->n_results != 2 || f->results[0].type[0] != '*' ||
                            f->params[1].type[0] == '*' || str_is_equal(f->name, "Get"))
                                continue;
                        go_snake(f->name, verb);
                        go_emit(o,
                                "\tcase \"%s\":\n\t\tif e, err = s.%s(ctx, e.ID); err != nil "
                                "{\n\t\t\treturn err\n\t\t}\n",
                                verb, f->name);
                }
}

/* A flag that a word of a command sets when no method of the service does: todo done 1. */
static const char *only_flag(const struct subject *s)
{
        const char *found = NULL;

        for (size_t i = 0; i < s->type->n_fields; i++) {
                if (!str_is_equal(s->type->fields[i].type, "bool"))
                        continue;
                if (found)
                        return NULL;
                found = s->type->fields[i].name;
        }
        return found;
}

static void emit_command(struct go_out *o, const struct subject *s)
{
        const char *flag = only_flag(s);

        go_emit(o,
                "\nfunc run%1$s(ctx context.Context, verb string, args []string, stdout io.Writer) "
                "error {\n\ts, err := open%1$s()\n\tif err != nil {\n"
                "\t\treturn err\n\t}\n\tswitch verb {\n\tcase \"add\", \"create\", \"new\":\n\t\te "
                ":= &%2$s.%1$s{}\n\t\tfor _, argument := range args {\n"
                "\t\t\tif err := set%1$s(e, argument); err != nil {\n\t\t\t\treturn "
                "err\n\t\t\t}\n\t\t}\n\t\tif err := s.Create(ctx, e); err != nil {\n"
                "\t\t\treturn err\n\t\t}\n\t\tfmt.Fprintln(stdout, \"added\", "
                "show%1$s(e))\n\t\treturn nil\n"
                "\tcase \"list\", \"ls\":\n\t\tall, err := s.List(ctx)\n\t\tif err != nil "
                "{\n\t\t\treturn err\n\t\t}\n\t\tif len(all) == 0 {\n"
                "\t\t\tfmt.Fprintln(stdout, \"No %3$ss\")\n\t\t}\n\t\tfor i, e := range all "
                "{\n\t\t\tfmt.Fprintf(stdout, \"%%d. %%s\\n\", i+1, show%1$s(e))\n\t\t}\n"
                "\t\treturn nil\n\t}\n\tif len(args) != 1 {\n\t\treturn errUsage\n\t}\n\te, err := "
                "identify%1$s(ctx, s, args[0])\n\tif err != nil {\n"
                "\t\treturn err\n\t}\n\tswitch verb {\n\tcase \"get\", \"show\":\n\tcase "
                "\"delete\", \"remove\", \"rm\":\n\t\tif err := s.Delete(ctx, e.ID); err != nil {\n"
                "\t\t\treturn err\n\t\t}\n",
                s->entity, s->package, s->lower);
        emit_actions(o, s);
        go_emit(o, "\tdefault:\n");
        if (flag)
                go_emit(o,
                        "\t\te.%s = true\n\t\tif err := s.Update(ctx, e); err != nil "
                        "{\n\t\t\treturn err\n\t\t}\n",
                        flag);
        else
                go_emit(o, "\t\treturn errUsage\n");
        go_emit(o, "\t}\n\tfmt.Fprintln(stdout, verb, show%s(e))\n\treturn nil\n}\n", s->entity);
}

/* The second word of `app verb …` in backticks, or false. */
static bool verb_of(const char *text, char at[static 64])
{
        const char *tick = text ? strchr(text, '`') : NULL, *word = tick ? strchr(tick, ' ') : NULL;
        size_t n = 0;

        if (!word)
                return false;
        while (isalpha((unsigned char)word[n + 1]) && n < 62) {
                at[n] = word[n + 1];
                n++;
        }
        at[n] = '\0';
        return n > 0;
}

static const struct subject *subject_of(const struct subject *list, size_t n,
                                        struct yaml_node *scenario)
{
        const char *title = node_text(scenario, "title");

        for (size_t i = 0; title && i < n; i++)
                if (strcasestr(title, list[i].entity))
                        return &list[i];
        return &list[0];
}

static void emit_scenario_cases(struct go_out *o, const struct subject *list, size_t n)
{
        struct yaml_node *items[VERBS_MAX];
        size_t n_items = facts_list(o->v, "scenarios", items, VERBS_MAX);
        struct strlist made = {0};

        for (size_t i = 0; i < n_items && n; i++) {
                const struct subject *s = subject_of(list, n, items[i]);
                bool is_entity = false;
                char verb[64];

                if (!verb_of(node_text(items[i], "when"), verb) || strlist_has(&made, verb))
                        continue;
                for (size_t j = 0; j < n; j++)
                        is_entity |= str_is_equal(verb, list[j].snake);
                if (is_entity || str_is_equal(verb, "help") || strlist_add(&made, verb) < 0)
                        continue;
                go_emit(o, "\tcase \"%s\":\n\t\treturn run%s(ctx, args[0], args[1:], stdout)\n",
                        verb, s->entity);
        }
        strlist_done(&made);
}

static void emit_run(struct go_out *o, const struct subject *list, size_t n, const char *app)
{
        go_emit(o, "\nvar errUsage = errors.New(\"usage: %s help\")\n", app);
        go_emit(o, "\nfunc main() {\n\tos.Exit(run(os.Args[1:], os.Stdout, os.Stderr))\n}\n");
        go_emit(o, "\n// run executes one command and tells the exit status.\nfunc run(args "
                   "[]string, stdout, stderr io.Writer) int {\n"
                   "\tif len(args) == 0 || args[0] == \"help\" || args[0] == \"--help\" "
                   "{\n\t\tusage(stdout)\n\t\treturn 0\n\t}\n"
                   "\terr := dispatch(context.Background(), args, stdout)\n\tif errors.Is(err, "
                   "errUsage) {\n\t\tusage(stderr)\n\t\treturn 2\n\t}\n\tif err != nil {\n"
                   "\t\tfmt.Fprintln(stderr, err)\n\t\treturn 1\n\t}\n\treturn 0\n}\n");
        go_emit(o, "\nfunc dispatch(ctx context.Context, args []string, stdout io.Writer) error "
                   "{\n\tswitch args[0] {\n");
        for (size_t i = 0; i < n; i++)
                go_emit(o,
                        "\tcase \"%s\":\n\t\tif len(args) < 2 {\n\t\t\treturn "
                        "errUsage\n\t\t}\n\t\treturn run%s(ctx, args[1], args[2:], stdout)\n",
                        list[i].snake, list[i].entity);
        emit_scenario_cases(o, list, n);
        go_emit(o, "\t}\n\treturn errUsage\n}\n\nfunc usage(w io.Writer) {\n");
        go_emit_rules(o, "\t");
        for (size_t i = 0; i < n; i++)
                go_emit(o,
                        "\tfmt.Fprintln(w, \"%1$s %2$s add NAME=VALUE..., list, get ID, delete "
                        "ID\")\n",
                        app, list[i].snake);
        if (!n)
                go_emit(o, "\tfmt.Fprintln(w, \"%s help\")\n", app);
        go_emit(o, "}\n");
}

int go_write_cli(struct go_out *o)
{
        static const char *const imports[] = {"context", "errors", "fmt", "io", "os"};
        struct yaml_node *entities[ENTITIES_MAX];
        _cleanup_free_ struct subject *list = calloc(ENTITIES_MAX, sizeof(*list));
        size_t n_entities = facts_list(o->v, "entities", entities, ENTITIES_MAX), n = 0;
        const char *app = facts_setting(o->v, "app");
        char variable[GO_NAME_BYTES];

        if (!list)
                return -ENOMEM;
        if (!app) {
                go_starve(o, "the name of the program");
                app = "app";
        }
        (void)snprintf(variable, sizeof(variable), "%s", app);
        for (char *s = variable; *s; s++)
                *s = (char)(*s == '-' ? '_' : toupper((unsigned char)*s));
        for (size_t i = 0; i < N_ELEMENTS(imports); i++)
                go_import(o, imports[i]);
        for (size_t i = 0; i < n_entities; i++)
                n += read_subject(o, entities[i], &list[n]);
        emit_run(o, list, n, app);
        if (n) {
                go_import(o, "strings");
                go_import(o, "path/filepath");
                go_emit(o,
                        "\nfunc dataDir() (string, error) {\n\tif dir := os.Getenv(\"%s_DATA\"); "
                        "dir != \"\" {\n\t\treturn dir, nil\n\t}\n"
                        "\thome, err := os.UserHomeDir()\n\tif err != nil {\n\t\treturn \"\", "
                        "err\n\t}\n\treturn filepath.Join(home, \".%s\"), nil\n}\n",
                        variable, app);
        }
        for (size_t i = 0; i < n; i++) {
                emit_open(o, &list[i]);
                emit_setters(o, &list[i]);
                emit_identify(o, &list[i]);
                emit_show(o, &list[i]);
                emit_command(o, &list[i]);
        }
        return 0;
}
