#include "tests/sim/go-procedures.h"

#include <stdio.h>
#include <string.h>

/* What a service does: each procedure by the form of its messages, which its transport shows. */

const struct go_file *api_in(struct go_out *o, const char *dir)
{
        const struct go_file *file = NULL;

        return go_find_type(&o->w, dir, "API", &file) ? file : NULL;
}

const struct go_func *api_method(const struct go_file *api, size_t *i)
{
        while (*i < api->n_funcs) {
                const struct go_func *f = &api->funcs[(*i)++];

                if (str_is_equal(f->receiver, "API") && f->n_params == 2 && f->n_results == 2)
                        return f;
        }
        return NULL;
}

const struct go_type *api_message(struct go_out *o, const struct go_file *api,
                                  const struct go_func *f, bool is_response)
{
        const char *type = is_response ? f->results[0].type : f->params[1].type;

        return go_find_type(&o->w, api->dir, type + strspn(type, "*"), NULL);
}

const struct go_param *message_id(const struct go_type *message, const char *entity)
{
        char name[GO_NAME_BYTES];

        for (size_t i = 0; message && i < message->n_fields; i++) {
                (void)snprintf(name, sizeof(name), "%.150sID", entity ? entity : "");
                if (go_is_same_name(message->fields[i].name, "ID") ||
                    go_is_same_name(message->fields[i].name, name))
                        return &message->fields[i];
        }
        return NULL;
}

const struct procedure *procedure_named(const struct procedure *list, size_t n, const char *name)
{
        for (size_t i = 0; i < n; i++)
                if (str_is_equal(list[i].name, name))
                        return &list[i];
        return NULL;
}

/* The store of an entity is a field of Service. */
static void store_of(const char *entity, char at[static GO_NAME_BYTES])
{
        go_lower_first(entity, at);
        (void)snprintf(at + strlen(at), GO_NAME_BYTES - strlen(at), "Store");
}

/* ---- the struct ---- */

struct parts {
        char names[MESSAGE_MAX][GO_NAME_BYTES], types[MESSAGE_MAX][GO_NAME_BYTES * 2];
        size_t n, n_stores;
};

static void add_part(struct parts *p, const char *name, const char *type)
{
        if (p->n == MESSAGE_MAX)
                return;
        (void)snprintf(p->names[p->n], sizeof(p->names[0]), "%s", name);
        (void)snprintf(p->types[p->n++], sizeof(p->types[0]), "%s", type);
}

static const struct go_file *api_of_package(struct go_out *o, const char *package)
{
        for (size_t i = 0; i < o->w.n_files; i++)
                if (str_is_equal(o->w.files[i].package, package) && api_in(o, o->w.files[i].dir))
                        return api_in(o, o->w.files[i].dir);
        return NULL;
}

static void find_parts(struct go_out *o, struct parts *p)
{
        struct yaml_node *entities[MESSAGE_MAX],
                *own = facts_find(o->v, "packages", "name", o->package),
                *others = yaml_get(own, "depends_on");
        size_t n = facts_list(o->v, "entities", entities, MESSAGE_MAX);
        char name[GO_NAME_BYTES], type[GO_NAME_BYTES * 2], path[GO_NAME_BYTES];

        for (size_t i = 0; i < n; i++) {
                const char *entity = node_text(entities[i], "name");

                if (!entity || !go_find_type(&o->w, o->dir, entity, NULL))
                        continue;
                store_of(entity, name);
                (void)snprintf(type, sizeof(type), "*store.Store[%s]", entity);
                add_part(p, name, type);
        }
        p->n_stores = p->n;
        for (size_t i = 0; own && i < node_size(others); i++) {
                const char *package = node_at(others, i)->text;
                const struct go_file *api = api_of_package(o, package);

                if (!api || !go_path_of_dir(o, api->dir, path))
                        continue;
                go_import(o, path);
                (void)snprintf(name, sizeof(name), "%.150sAPI", package);
                (void)snprintf(type, sizeof(type), "%.150s.API", package);
                add_part(p, name, type);
        }
}

static void emit_struct(struct go_out *o, const struct parts *p)
{
        int width = 0;

        go_emit(o, "\n// Service does what the package is for.\ntype Service struct {\n");
        go_emit_rules(o, "\t");
        for (size_t i = 0; i < p->n; i++)
                width = MAX2(width, (int)strlen(p->names[i]));
        for (size_t i = 0; i < p->n; i++)
                go_emit(o, "\t%-*s %s\n", width, p->names[i], p->types[i]);
        go_emit(o, "}\n\n// NewService makes a service without values.\nfunc NewService(");
        for (size_t i = p->n_stores; i < p->n; i++)
                go_emit(o, "%s%s %s", i > p->n_stores ? ", " : "", p->names[i], p->types[i]);
        go_emit(o, ") *Service {\n\treturn &Service{\n");
        for (size_t i = 0; i < p->n; i++) {
                int gap = width + 1 - (int)strlen(p->names[i]);

                if (i >= p->n_stores)
                        go_emit(o, "\t\t%s:%*s%s,\n", p->names[i], gap, "", p->names[i]);
                else
                        go_emit(o, "\t\t%s:%*sstore.New(func(e *%.*s) *string { return &e.ID }),\n",
                                p->names[i], gap, "",
                                (int)(strlen(p->types[i]) - strlen("*store.Store[]")),
                                p->types[i] + strlen("*store.Store["));
        }
        go_emit(o, "\t}\n}\n");
}

/* ---- procedures ---- */

struct answer {
        const char *name; /* of the procedure */
        const char *entity, *store;
        const struct go_type *in, *out, *of; /* of: the entity; NULL: not known */
        const struct go_param *list;         /* field of out that holds many */
};

static const struct go_param *list_of(const struct answer *a)
{
        char many[GO_NAME_BYTES * 2], pointers[GO_NAME_BYTES * 2];

        (void)snprintf(many, sizeof(many), "[]%s", a->entity ? a->entity : "");
        (void)snprintf(pointers, sizeof(pointers), "[]*%s", a->entity ? a->entity : "");
        for (size_t i = 0; a->out && i < a->out->n_fields; i++)
                if (str_is_equal(a->out->fields[i].type, many) ||
                    str_is_equal(a->out->fields[i].type, pointers))
                        return &a->out->fields[i];
        return NULL;
}

static const struct go_param *same_field(const struct go_type *t, const struct go_param *f)
{
        for (size_t i = 0; t && i < t->n_fields; i++)
                if (go_is_same_name(t->fields[i].name, f->name) &&
                    str_is_equal(t->fields[i].type, f->type))
                        return &t->fields[i];
        return NULL;
}

/* Fields of the answer, from entity e. */
static void emit_return(struct go_out *o, const struct answer *a, bool has_entity)
{
        size_t n = 0;

        go_emit(o, "\treturn &%sResponse{", a->name);
        for (size_t i = 0; has_entity && a->out && i < a->out->n_fields; i++) {
                const struct go_param *f = &a->out->fields[i], *from = same_field(a->of, f);
                const char *stars = f->type[0] == '*' ? "" : "*";

                if (from)
                        go_emit(o, "%s%s: e.%s", n++ ? ", " : "", f->name, from->name);
                else if (str_is_equal(f->type + strspn(f->type, "*"), a->entity))
                        go_emit(o, "%s%s: %se", n++ ? ", " : "", f->name, stars);
        }
        go_emit(o, "}, nil\n");
}

#define FAIL "\t\treturn nil, serviceFailure(err)\n\t}\n"

static void emit_keep(struct go_out *o, const struct answer *a, const char *verb)
{
        if (go_find_func(&o->w, o->dir, a->entity, "Validate", NULL))
                go_emit(o, "\tif err := e.Validate(); err != nil {\n" FAIL);
        go_emit(o, "\tif err := s.%s.%s(ctx, e); err != nil {\n" FAIL, a->store, verb);
}

static size_t emit_changes(struct go_out *o, const struct answer *a)
{
        size_t n = 0;

        for (size_t i = 0; a->in && i < a->in->n_fields; i++) {
                const struct go_param *to = same_field(a->of, &a->in->fields[i]);

                if (!to || go_is_same_name(to->name, "ID"))
                        continue;
                go_emit(o, "\te.%s = in.%s\n", to->name, a->in->fields[i].name);
                n++;
        }
        return n;
}

static void emit_list(struct go_out *o, const struct answer *a)
{
        bool is_pointers = str_has_prefix(a->list->type, "[]*");

        go_emit(o, "\tlist, err := s.%s.List(ctx)\n\tif err != nil {\n" FAIL, a->store);
        if (is_pointers)
                go_emit(o, "\treturn &%sResponse{%s: list}, nil\n", a->name, a->list->name);
        else
                go_emit(o,
                        "\tout := &%1$sResponse{}\n\tfor _, e := range list {\n\t\tout.%2$s = "
                        "append(out.%2$s, *e)\n\t}\n\treturn out, nil\n",
                        a->name, a->list->name);
}

static void emit_body(struct go_out *o, const struct answer *a)
{
        const struct go_param *id = message_id(a->in, a->entity);

        if (!a->of || !a->in || !a->out || a->in->n_fields + a->out->n_fields == 0) {
                emit_return(o, a, false);
        } else if (a->list) {
                emit_list(o, a);
        } else if (!id) {
                go_emit(o, "\te := &%s{}\n", a->entity);
                emit_changes(o, a);
                emit_keep(o, a, "Create");
                emit_return(o, a, true);
        } else if (str_has_prefix(a->name, "Delete") || str_has_prefix(a->name, "Remove")) {
                go_emit(o, "\tif err := s.%s.Delete(ctx, in.%s); err != nil {\n" FAIL, a->store,
                        id->name);
                emit_return(o, a, false);
        } else {
                go_emit(o, "\te, err := s.%s.Get(ctx, in.%s)\n\tif err != nil {\n" FAIL, a->store,
                        id->name);
                if (emit_changes(o, a))
                        emit_keep(o, a, "Update");
                emit_return(o, a, true);
        }
}

static void emit_procedure(struct go_out *o, const struct go_file *api, const struct go_func *f,
                           const struct procedure *told)
{
        char store[GO_NAME_BYTES] = "";
        struct answer a = {.name = f->name,
                           .entity = told ? told->entity : NULL,
                           .store = store,
                           .in = api_message(o, api, f, false),
                           .out = api_message(o, api, f, true)};

        if (a.entity) {
                a.of = go_find_type(&o->w, o->dir, a.entity, NULL);
                store_of(a.entity, store);
        }
        a.list = list_of(&a);
        go_emit(o, "\n// %s does what its contract says.\n", f->name);
        if (told)
                go_emit_comment(o, "", "", told->description);
        go_emit(o,
                "func (s *Service) %1$s(ctx context.Context, in *%1$sRequest) (*%1$sResponse, "
                "error) {\n",
                f->name);
        emit_body(o, &a);
        go_emit(o, "}\n");
}

static void emit_failure(struct go_out *o)
{
        go_emit(o, "\n// serviceFailure gives an error the code that says what it is.\nfunc "
                   "serviceFailure(err error) error {\n"
                   "\tswitch {\n\tcase errors.Is(err, store.ErrNotFound):\n\t\treturn "
                   "rpc.Errorf(rpc.NotFound, \"%%v\", err)\n"
                   "\tcase errors.Is(err, store.ErrExists):\n\t\treturn "
                   "rpc.Errorf(rpc.AlreadyExists, \"%%v\", err)\n\t}\n"
                   "\treturn rpc.Errorf(rpc.InvalidArgument, \"%%v\", err)\n}\n");
}

/* Imports the packages of ours that the facts name and the interfaces show. */
static bool use_package(struct go_out *o, const char *name, const char *must_say)
{
        const char *path = facts_setting(o->v, name);

        if (!path || !facts_says(o->v, must_say)) {
                go_starve(o, "package %s", name);
                return false;
        }
        go_import(o, path);
        return true;
}

int go_write_logic(struct go_out *o)
{
        _cleanup_free_ struct procedure *told = calloc(PROCEDURES_MAX, sizeof(*told));
        _cleanup_free_ struct parts *parts = calloc(1, sizeof(*parts));
        const struct go_file *api = api_in(o, o->dir);
        const struct go_func *f;
        size_t n, i = 0;

        if (!told || !parts)
                return -ENOMEM;
        if (!api) {
                go_starve(o, "the interface API of this package");
                return 0;
        }
        n = procedures_read(o, told, PROCEDURES_MAX);
        find_parts(o, parts);
        if (!parts->n_stores) {
                go_starve(o, "the interface of an entity of this package");
                return 0;
        }
        if (!use_package(o, "store", "type Store[T any] struct"))
                return 0;
        if (n && !use_package(o, "rpc", "func Errorf("))
                return 0;
        if (n) {
                go_import(o, "context");
                go_import(o, "errors");
        }
        emit_struct(o, parts);
        while ((f = api_method(api, &i)))
                emit_procedure(o, api, f, procedure_named(told, n, f->name));
        if (n)
                emit_failure(o);
        return 0;
}
