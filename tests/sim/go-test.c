#include <stdio.h>

#include "tests/sim/go.h"

static const char *zero_of(const char *type)
{
        if (str_is_equal(type, "string"))
                return "\"\"";
        if (str_is_equal(type, "bool"))
                return "false";
        if (go_is_integer(type) || str_has_prefix(type, "float"))
                return "0";
        return strchr("*[mi", *type) ? "nil"
                                     : "{}"; /* pointer, slice, map, interface; else a struct */
}

bool go_value_for(const char *type, char at[static GO_NAME_BYTES])
{
        const char *text = NULL;

        if (str_is_equal(type, "string"))
                text = "\"example\"";
        else if (go_is_integer(type) || str_has_prefix(type, "float"))
                text = "1";
        else if (str_is_equal(type, "bool"))
                text = "true";
        else if (str_is_equal(type, "time.Time"))
                text = "time.Unix(1, 0).UTC()";
        if (text)
                (void)snprintf(at, GO_NAME_BYTES, "%s", text);
        else if (type[0] == '*' && type[1] != '*' && type[1] != '[')
                (void)snprintf(at, GO_NAME_BYTES, "&%s{}", type + 1);
        else if (str_has_prefix(type, "[]"))
                (void)snprintf(at, GO_NAME_BYTES, "make(%.120s, 1)", type);
        else if (str_has_prefix(type, "map[string]"))
                (void)snprintf(at, GO_NAME_BYTES, "%.120s{\"example\": %s}", type,
                               zero_of(type + strlen("map[string]")));
        else
                return false;
        return true;
}

static void emit_example(struct go_out *o, const struct go_type *t, const struct go_file *file)
{
        struct yaml_node *list =
                yaml_get(facts_find(o->v, "entities", "name", o->entity), "attributes");

        go_emit(o,
                "\n// %1$sExample makes a value that is valid.\nfunc %1$sExample() *%2$s {\n\te := "
                "&%2$s{}\n",
                o->lower, o->entity);
        for (size_t i = 0; i < node_size(list); i++) {
                const char *name = node_text(node_at(list, i), "name");
                const struct go_param *f = name ? go_find_field(t, name) : NULL;
                char type[GO_NAME_BYTES], value[GO_NAME_BYTES];

                if (!f || str_is_equal(name, "ID") ||
                    !str_is_equal(node_text(node_at(list, i), "required"), "true"))
                        continue;
                if (!go_value_for(f->type, value))
                        continue;
                go_use_type(o, file, f->type, type);
                go_value_for(type, value);
                go_emit(o, "\te.%s = %s\n", f->name, value);
        }
        go_emit(o, "\treturn e\n}\n");
}

static void emit_verbs(struct go_out *o, bool has_absent)
{
        go_emit(o,
                "\nfunc Test%1$sService_Verbs(t *testing.T) {\n\tctx := context.Background()\n\ts "
                ":= New%1$sService(NewMemory%1$sRepository())\n"
                "\te := %2$sExample()\n\tif err := s.Create(ctx, e); err != nil "
                "{\n\t\tt.Fatalf(\"Create: %%v\", err)\n\t}\n"
                "\tgot, err := s.Get(ctx, e.ID)\n\tif err != nil {\n\t\tt.Fatalf(\"Get: %%v\", "
                "err)\n\t}\n\tif got.ID != e.ID {\n"
                "\t\tt.Errorf(\"Get: identifier %%v, want %%v\", got.ID, e.ID)\n\t}\n\tlist, err "
                ":= s.List(ctx)\n\tif err != nil || len(list) != 1 {\n"
                "\t\tt.Errorf(\"List: %%d entities, %%v\", len(list), err)\n\t}\n\tif err := "
                "s.Update(ctx, got); err != nil {\n"
                "\t\tt.Errorf(\"Update: %%v\", err)\n\t}\n\tif err := s.Delete(ctx, e.ID); err != "
                "nil {\n\t\tt.Errorf(\"Delete: %%v\", err)\n\t}\n",
                o->entity, o->lower);
        if (has_absent) {
                go_import(o, "errors");
                go_emit(o,
                        "\tif _, err := s.Get(ctx, e.ID); !errors.Is(err, Err%sNotFound) "
                        "{\n\t\tt.Errorf(\"Get of what is absent: %%v\", err)\n\t}\n",
                        o->entity);
        }
        go_emit(o, "}\n");
}

static void emit_refusal(struct go_out *o)
{
        go_import(o, "errors");
        go_emit(o,
                "\nfunc Test%1$sService_RefusesNothing(t *testing.T) {\n\ts := "
                "New%1$sService(NewMemory%1$sRepository())\n"
                "\tif err := s.Create(context.Background(), nil); !errors.Is(err, ErrInvalid%1$s) "
                "{\n\t\tt.Errorf(\"Create of nil: %%v\", err)\n\t}\n}\n",
                o->entity);
}

/* Any further method of the service, by its form. */
static void emit_method(struct go_out *o, const struct go_func *f)
{
        bool is_by_id = f->n_params == 2 && f->params[1].type[0] != '*',
             is_list = f->n_results == 2 && f->results[0].type[0] == '[';

        if (f->n_params != 2 || f->n_results != 2 ||
            !str_is_equal(f->params[0].type, "context.Context"))
                return;
        go_emit(o,
                "\nfunc Test%1$sService_%2$s(t *testing.T) {\n\tctx := context.Background()\n\ts "
                ":= New%1$sService(NewMemory%1$sRepository())\n",
                o->entity, f->name);
        if (is_list) {
                go_emit(o,
                        "\tlist, err := s.%1$s(ctx, %2$s)\n\tif err != nil || len(list) != 0 "
                        "{\n\t\tt.Errorf(\"%1$s: %%d entities, %%v\", len(list), err)\n\t}\n}\n",
                        f->name, str_is_equal(f->params[1].type, "string") ? "\"absent\"" : "0");
        } else if (is_by_id) {
                go_emit(o,
                        "\te := %1$sExample()\n\tif err := s.Create(ctx, e); err != nil "
                        "{\n\t\tt.Fatalf(\"Create: %%v\", err)\n\t}\n"
                        "\tif got, err := s.%2$s(ctx, e.ID); err == nil && got == nil "
                        "{\n\t\tt.Error(\"%2$s: neither result nor error\")\n\t}\n}\n",
                        o->lower, f->name);
        } else {
                go_emit(o,
                        "\tif got, err := s.%1$s(ctx, %2$sExample()); err == nil && got == nil "
                        "{\n\t\tt.Error(\"%1$s: neither result nor error\")\n\t}\n}\n",
                        f->name, o->lower);
        }
}

int go_write_test(struct go_out *o)
{
        static const char *const verbs[] = {"Create", "Get", "List", "Update", "Delete"};
        char service[GO_NAME_BYTES * 2], constructor[GO_NAME_BYTES * 2], name[GO_NAME_BYTES * 2];
        const struct go_file *file = NULL, *service_file = NULL;
        const struct go_param *id = go_need_id(o, &file);
        const struct go_type *t = go_find_type(&o->w, o->dir, o->entity, NULL);

        (void)snprintf(service, sizeof(service), "%sService", o->entity);
        (void)snprintf(constructor, sizeof(constructor), "NewMemory%sRepository", o->entity);
        if (!id)
                return 0;
        if (!go_find_type(&o->w, o->dir, service, &service_file) ||
            !go_find_func(&o->w, o->dir, NULL, constructor, NULL)) {
                go_starve(o, "the interface of the files that declare %s and %s", service,
                          constructor);
                return 0;
        }
        for (size_t i = 0; i < N_ELEMENTS(verbs); i++)
                if (!go_find_func(&o->w, o->dir, service, verbs[i], NULL)) {
                        go_starve(o, "method %s of %s", verbs[i], service);
                        return 0;
                }
        go_import(o, "context");
        go_import(o, "testing");
        emit_example(o, t, file);
        (void)snprintf(name, sizeof(name), "Err%sNotFound", o->entity);
        emit_verbs(o, go_has_variable(&o->w, o->dir, name));
        (void)snprintf(name, sizeof(name), "ErrInvalid%s", o->entity);
        if (go_has_variable(&o->w, o->dir, name) &&
            go_find_func(&o->w, o->dir, o->entity, "Validate", NULL))
                emit_refusal(o);
        for (size_t i = 0; i < service_file->n_funcs; i++) {
                const struct go_func *f = &service_file->funcs[i];
                bool is_verb = false;

                for (size_t j = 0; j < N_ELEMENTS(verbs); j++)
                        is_verb |= str_is_equal(verbs[j], f->name);
                if (str_is_equal(f->receiver, service) && !is_verb)
                        emit_method(o, f);
        }
        go_emit(o, "\n");
        go_emit_rules(o, "");
        return 0;
}
