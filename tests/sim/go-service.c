#include <ctype.h>
#include <stdio.h>
#include <strings.h>

#include "tests/sim/go.h"

static const char *const verbs[] = {"Create", "Get", "List", "Update", "Delete"};

static bool is_verb(const char *name)
{
        for (size_t i = 0; i < N_ELEMENTS(verbs); i++)
                if (str_is_equal(verbs[i], name))
                        return true;
        return false;
}

static const char *param_name(const struct go_func *f, size_t i)
{
        static const char *const spare[] = {"a", "b", "c", "d", "g", "h"};

        return *f->params[i].name ? f->params[i].name : spare[i % N_ELEMENTS(spare)];
}

/* A method that hands a call of the repository's interface on. */
static void emit_passing(struct go_out *o, const struct go_func *f, const struct go_file *file,
                         bool has_validate)
{
        bool is_checked = has_validate &&
                          (str_is_equal(f->name, "Create") || str_is_equal(f->name, "Update"));
        const char *entity_name = NULL;
        char type[GO_NAME_BYTES];

        go_emit(o,
                "\n// %s does with the %s what its name says, by the rules of the service.\nfunc "
                "(s *%sService) %s(",
                f->name, o->lower, o->entity, f->name);
        for (size_t i = 0; i < f->n_params; i++) {
                bool is_said_next = i + 1 < f->n_params &&
                                    str_is_equal(f->params[i].type, f->params[i + 1].type);

                go_use_type(o, file, f->params[i].type, type);
                go_emit(o, "%s%s", i ? ", " : "", param_name(f, i));
                if (!is_said_next)
                        go_emit(o, " %s", type);
                if (f->params[i].type[0] == '*' && str_is_equal(f->params[i].type + 1, o->entity))
                        entity_name = param_name(f, i);
        }
        go_emit(o, ") %s", f->n_results > 1 ? "(" : "");
        for (size_t i = 0; i < f->n_results; i++) {
                go_use_type(o, file, f->results[i].type, type);
                go_emit(o, "%s%s", i ? ", " : "", type);
        }
        go_emit(o, "%s {\n", f->n_results > 1 ? ")" : "");
        if (is_checked && entity_name)
                go_emit(o, "\tif err := %s.Validate(); err != nil {\n\t\treturn err\n\t}\n",
                        entity_name);
        go_emit(o, f->n_results > 1 ? "\tresult, err := s.repo.%s(" : "\tif err := s.repo.%s(",
                f->name);
        for (size_t i = 0; i < f->n_params; i++)
                go_emit(o, "%s%s", i ? ", " : "", param_name(f, i));
        go_import(o, "fmt");
        if (f->n_results > 1)
                go_emit(o,
                        ")\n\tif err != nil {\n\t\treturn %s, fmt.Errorf(\"%s %s: %%w\", "
                        "err)\n\t}\n\treturn result, nil\n}\n",
                        go_is_integer(f->results[0].type) ? "0" : "nil", f->name, o->lower);
        else
                go_emit(o,
                        "); err != nil {\n\t\treturn fmt.Errorf(\"%s %s: %%w\", "
                        "err)\n\t}\n\treturn nil\n}\n",
                        f->name, o->lower);
}

/* ListByX: those whose field XID, or whose referenced X, has the identifier. */
static void emit_list_by(struct go_out *o, const char *action, const struct go_type *t)
{
        char id_name[GO_NAME_BYTES + 2];
        const char *x = action + strlen("ListBy"), *field = NULL, *pointer = NULL;

        (void)snprintf(id_name, sizeof(id_name), "%sID", x);
        for (size_t i = 0; t && i < t->n_fields; i++) {
                if (go_is_same_name(t->fields[i].name, id_name))
                        field = t->fields[i].name;
                if (go_is_same_name(t->fields[i].name, x) && t->fields[i].type[0] == '*')
                        pointer = t->fields[i].name;
        }
        go_import(o, "context");
        go_import(o, "fmt");
        go_emit(o,
                "\n// %s lists the %s entities that belong to the identifier.\nfunc (s *%sService) "
                "%s(ctx context.Context, id string) ([]*%s, error) {\n",
                action, o->lower, o->entity, action, o->entity);
        go_emit(o,
                "\tall, err := s.repo.List(ctx)\n\tif err != nil {\n\t\treturn nil, "
                "fmt.Errorf(\"%s %s: %%w\", err)\n\t}\n\tfound := make([]*%s, 0)\n",
                action, o->lower, o->entity);
        if (field)
                go_emit(o,
                        "\tfor _, e := range all {\n\t\tif fmt.Sprint(e.%s) == id {\n\t\t\tfound = "
                        "append(found, e)\n\t\t}\n\t}\n\treturn found, nil\n}\n",
                        field);
        else if (pointer)
                go_emit(o,
                        "\tfor _, e := range all {\n\t\tif e.%s != nil && fmt.Sprint(e.%s.ID) == "
                        "id {\n\t\t\tfound = append(found, e)\n\t\t}\n\t}\n"
                        "\treturn found, nil\n}\n",
                        pointer, pointer);
        else
                go_emit(o,
                        "\tfor _, e := range all {\n\t\tif fmt.Sprint(e.ID) == id {\n\t\t\tfound = "
                        "append(found, e)\n\t\t}\n\t}\n\treturn found, nil\n}\n");
}

static void emit_contract_comment(struct go_out *o, struct yaml_node *n)
{
        _cleanup_buf_ struct buf text = {0};

        if (!n)
                return;
        node_write(n, &text);
        go_emit_comment(o, "\t", "By ", text.at);
}

/* CreateForX: a new entity whose field XID is the identifier. */
static void emit_create_for(struct go_out *o, const char *action, const struct go_type *t,
                            const char *id_type, bool has_validate, struct yaml_node *source)
{
        char id_name[GO_NAME_BYTES];
        const char *field = NULL;

        (void)snprintf(id_name, sizeof(id_name), "%sID", action + strlen("CreateFor"));
        for (size_t i = 0; t && i < t->n_fields; i++)
                if (go_is_same_name(t->fields[i].name, id_name) &&
                    str_is_equal(t->fields[i].type, id_type))
                        field = t->fields[i].name;
        go_import(o, "context");
        go_import(o, "fmt");
        go_emit(o,
                "\n// %s makes a %s that belongs to the identifier.\nfunc (s *%sService) %s(ctx "
                "context.Context, id %s) (*%s, error) {\n",
                action, o->lower, o->entity, action, id_type, o->entity);
        emit_contract_comment(o, source);
        go_emit(o, "\te := &%s{}\n", o->entity);
        go_emit(o,
                field ? "\te.%s = id\n"
                      : "\tif fmt.Sprint(id) == \"\" {\n\t\treturn nil, Err%sNotFound\n\t}\n",
                field ? field : o->entity);
        if (has_validate)
                go_emit(o, "\tif err := e.Validate(); err != nil {\n\t\treturn nil, err\n\t}\n");
        go_emit(o,
                "\tif err := s.repo.Create(ctx, e); err != nil {\n\t\treturn nil, fmt.Errorf(\"%s "
                "%s: %%w\", err)\n\t}\n\treturn e, nil\n}\n",
                action, o->lower);
}

/* The boolean field that an action sets: Complete sets Completed, Done sets IsDone, else the only
 * one there is. */
static const char *flag_of(const struct go_type *t, const char *action)
{
        const char *only = NULL;
        size_t n = 0;

        for (size_t i = 0; t && i < t->n_fields; i++) {
                if (!str_is_equal(t->fields[i].type, "bool"))
                        continue;
                if (!strncasecmp(t->fields[i].name, action, strlen(action)) ||
                    strcasestr(t->fields[i].name, action))
                        return t->fields[i].name;
                only = t->fields[i].name;
                n++;
        }
        return n == 1 ? only : NULL;
}

/* An action on one stored entity. */
static void emit_action_by_id(struct go_out *o, const char *action, const char *id_type,
                              const struct go_type *t, struct yaml_node *source)
{
        const char *flag = flag_of(t, action);

        go_import(o, "context");
        go_import(o, "fmt");
        go_emit(o,
                "\n// %s acts on the %s with this identifier and returns it.\nfunc (s *%sService) "
                "%s(ctx context.Context, id %s) (*%s, error) {\n",
                action, o->lower, o->entity, action, id_type, o->entity);
        emit_contract_comment(o, source);
        go_emit(o,
                "\te, err := s.repo.Get(ctx, id)\n\tif err != nil {\n\t\treturn nil, "
                "fmt.Errorf(\"%s %s: %%w\", err)\n\t}\n",
                action, o->lower);
        if (flag)
                go_emit(o, "\te.%s = true\n", flag);
        go_emit(o,
                "\tif err := s.repo.Update(ctx, e); err != nil {\n\t\treturn nil, fmt.Errorf(\"%s "
                "%s: %%w\", err)\n\t}\n\treturn e, nil\n}\n",
                action, o->lower);
}

static void emit_action(struct go_out *o, const char *action, bool has_validate,
                        struct yaml_node *source)
{
        go_import(o, "context");
        go_import(o, "fmt");
        go_emit(o,
                "\n// %s acts on the given %s and returns it.\nfunc (s *%sService) %s(ctx "
                "context.Context, e *%s) (*%s, error) {\n",
                action, o->lower, o->entity, action, o->entity, o->entity);
        emit_contract_comment(o, source);
        if (has_validate)
                go_emit(o, "\tif err := e.Validate(); err != nil {\n\t\treturn nil, err\n\t}\n");
        go_emit(o,
                "\tif err := s.repo.Create(ctx, e); err != nil {\n\t\treturn nil, fmt.Errorf(\"%s "
                "%s: %%w\", err)\n\t}\n\treturn e, nil\n}\n",
                action, o->lower);
}

static void emit_actions(struct go_out *o, const struct go_type *t, const char *id_type,
                         bool has_validate, struct strlist *made)
{
        struct go_contract list[GO_CONTRACTS_MAX];
        size_t n = go_contracts(o, list, GO_CONTRACTS_MAX);

        for (size_t i = 0; i < n; i++) {
                const char *action = list[i].action;

                if (!action || is_verb(action) || strlist_has(made, action) ||
                    !isupper((unsigned char)*action))
                        continue;
                if (strlist_add(made, action) < 0)
                        o->body.failed = -ENOMEM;
                if (str_has_prefix(action, "ListBy") && action[6])
                        emit_list_by(o, action, t);
                else if (list[i].n_params && str_has_prefix(action, "CreateFor") && action[9])
                        emit_create_for(o, action, t, id_type, has_validate, list[i].node);
                else if (list[i].n_params)
                        emit_action_by_id(o, action, id_type, t, list[i].node);
                else
                        emit_action(o, action, has_validate, list[i].node);
        }
}

/* The word of the title that names what a flag tells: Completed and "marks a task as complete" give
 * Complete. */
static bool action_for_flag(const char *flag, const char *title, char at[static GO_NAME_BYTES])
{
        const char *stem =
                flag + (str_has_prefix(flag, "Is") && isupper((unsigned char)flag[2]) ? 2 : 0);
        size_t n = strlen(stem), len = 0;

        n -= n > 4 && str_has_suffix(stem, "ed") ? 2 : 0;
        for (const char *s = title; *s; s++) {
                if (strncasecmp(s, stem, n) != 0 || (s > title && isalpha((unsigned char)s[-1])))
                        continue;
                while (isalpha((unsigned char)s[len]) && len + 1 < GO_NAME_BYTES)
                        len++;
                if (len > n && s[len - 1] == 's')
                        len--;
                (void)snprintf(at, GO_NAME_BYTES, "%.*s", (int)len, s);
                *at = (char)toupper((unsigned char)*at);
                return !is_verb(at);
        }
        return false;
}

/* A scenario may ask for more than the verbs: "todo done 1", "marks as complete" on an entity with
 * a flag of that name. */
static void emit_scenario_actions(struct go_out *o, const struct go_type *t, const char *id_type,
                                  struct strlist *made)
{
        struct yaml_node *items[128];
        size_t n = facts_list(o->v, "scenarios", items, N_ELEMENTS(items));

        for (size_t i = 0; i < n; i++) {
                const char *title = node_text(items[i], "title");

                for (size_t j = 0; t && title && j < t->n_fields; j++) {
                        char action[GO_NAME_BYTES];

                        if (!str_is_equal(t->fields[j].type, "bool") ||
                            !action_for_flag(t->fields[j].name, title, action) ||
                            strlist_has(made, action))
                                continue;
                        if (strlist_add(made, action) < 0)
                                o->body.failed = -ENOMEM;
                        emit_action_by_id(o, action, id_type, t, items[i]);
                }
        }
}

int go_write_service(struct go_out *o)
{
        const struct go_file *file = NULL, *repository_file = NULL;
        const struct go_param *id = go_need_id(o, &file);
        const struct go_type *t = go_find_type(&o->w, o->dir, o->entity, NULL);
        bool has_validate = go_find_func(&o->w, o->dir, o->entity, "Validate", NULL) != NULL;
        char interface[GO_NAME_BYTES * 2], id_type[GO_NAME_BYTES];
        struct strlist made = {0};

        (void)snprintf(interface, sizeof(interface), "%sRepository", o->entity);
        if (!id)
                return 0;
        if (!go_find_type(&o->w, o->dir, interface, &repository_file)) {
                go_starve(o, "the interface of the file that declares %s", interface);
                return 0;
        }
        go_use_type(o, file, id->type, id_type);
        go_emit(o,
                "\n// %1$sService holds the rules for %2$s entities.\ntype %1$sService struct "
                "{\n\trepo %1$sRepository\n",
                o->entity, o->lower);
        go_emit_rules(o, "\t");
        go_emit(o,
                "}\n\n// New%1$sService makes a service over a repository.\nfunc "
                "New%1$sService(repo %1$sRepository) *%1$sService {\n"
                "\treturn &%1$sService{repo: repo}\n}\n",
                o->entity);
        for (size_t i = 0; i < repository_file->n_funcs; i++)
                if (str_is_equal(repository_file->funcs[i].receiver, interface))
                        emit_passing(o, &repository_file->funcs[i], repository_file, has_validate);
        for (size_t i = 0; i < N_ELEMENTS(verbs); i++)
                if (!go_find_func(&o->w, o->dir, interface, verbs[i], NULL))
                        go_starve(o, "method %s of %s", verbs[i], interface);
        if (!o->is_starved) {
                emit_actions(o, t, id_type, has_validate, &made);
                emit_scenario_actions(o, t, id_type, &made);
        }
        strlist_done(&made);
        return 0;
}
