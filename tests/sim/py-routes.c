#include <stdio.h>

#include "tests/sim/py.h"

/* What all functions of one file share. */
struct routes {
        char name[PY_NAME_BYTES], names[PY_NAME_BYTES]; /* order_item, order_items */
        const char *key;                                /* type of an identifier in a path */
};

static const char *path_type(struct py_out *o, const char *id_type)
{
        if (str_is_equal(id_type, "UUID")) {
                py_import(o, "uuid", NULL);
                return "uuid.UUID";
        }
        if (str_is_equal(id_type, "str"))
                return "str";
        py_import(o, "app", "schema");
        return "schema.Id";
}

static void use_schema(struct py_out *o, const char *ending, char at[static PY_NAME_BYTES])
{
        char module[PY_NAME_BYTES * 2];

        (void)snprintf(module, sizeof(module), "app.schemas.%s", o->module);
        (void)snprintf(at, PY_NAME_BYTES, "%.100s%s", o->entity, ending);
        py_import(o, module, at);
}

/* The decorator, and the signature up to its last argument. */
static void begin(struct py_out *o, const struct py_contract *c, const char *name,
                  const char *answer)
{
        char method[16] = "";

        for (size_t i = 0; c->method[i] && i + 1 < sizeof(method); i++)
                method[i] = (char)(c->method[i] | 0x20);
        py_emit(o, "\n\n");
        py_begin(o, 0, "@router.%s(", method);
        py_arg(o, "\"%s\"", c->path);
        if (str_is_equal(c->action, "create"))
                py_arg(o, "status_code=201");
        if (str_is_equal(c->action, "delete"))
                py_arg(o, "status_code=204");
        if (answer)
                py_arg(o, "response_model=%s", answer);
        py_end(o, ")");
        py_begin(o, 0, "def %s(", name);
}

static void end(struct py_out *o, const struct py_contract *c, const char *returns)
{
        char tail[PY_NAME_BYTES * 2 + sizeof(") -> :")], text[PY_NAME_BYTES];

        py_arg(o, "session: orm.Session = fastapi.Depends(database.get_session)");
        (void)snprintf(tail, sizeof(tail), ") -> %s:", returns);
        py_end(o, tail);
        (void)snprintf(text, sizeof(text), "Do what %.80s asks for.", c->action);
        py_docstring(o, 1, c->description && *c->description ? c->description : text);
}

static void write_create(struct py_out *o, const struct py_contract *c, const struct routes *r)
{
        char out[PY_NAME_BYTES], in[PY_NAME_BYTES], name[PY_NAME_BYTES * 2];

        use_schema(o, "Out", out);
        use_schema(o, "In", in);
        (void)snprintf(name, sizeof(name), "create_%s", r->name);
        begin(o, c, name, out);
        py_arg(o, "payload: %s", in);
        py_arg(o, "response: fastapi.Response");
        end(o, c, o->entity);
        py_emit(o, "    made = crud.create(session, %s, payload)\n", o->entity);
        py_emit(o, "    place = crud.location(\"%s\", made)\n", c->list);
        py_emit(o, "    response.headers[\"Location\"] = place\n    return made\n");
}

static void write_list(struct py_out *o, const struct py_contract *c, const struct routes *r)
{
        struct yaml_node *links[PY_FIELDS_MAX];
        size_t n = py_links(o, "reference", links, PY_FIELDS_MAX);
        char out[PY_NAME_BYTES], name[PY_NAME_BYTES * 2], many[PY_NAME_BYTES * 2];

        use_schema(o, "Out", out);
        (void)snprintf(name, sizeof(name), "list_%s", r->names);
        (void)snprintf(many, sizeof(many), "list[%s]", out);
        begin(o, c, name, many);
        py_arg(o, "response: fastapi.Response");
        py_arg(o, "page: crud.Page = fastapi.Depends()");
        for (size_t i = 0; i < n; i++) {
                const char *given = node_text(links[i], "given"),
                           *type = path_type(o, node_text(links[i], "id_type"));

                if (given)
                        py_arg(o, "%s: %s | None = fastapi.Query(None, alias=\"%s\")",
                               node_text(links[i], "column"), type, given);
                else
                        py_arg(o, "%s: %s | None = None", node_text(links[i], "column"), type);
        }
        (void)snprintf(many, sizeof(many), "list[%s]", o->entity);
        end(o, c, many);
        py_begin(o, 1, "rows, total = crud.find(");
        py_arg(o, "session");
        py_arg(o, "%s", o->entity);
        py_arg(o, "page");
        if (n) {
                py_emit(o, "    wanted = {}\n");
                py_arg(o, "wanted");
        }
        for (size_t i = 0; i < n; i++)
                py_emit(o, "    wanted[\"%1$s\"] = %1$s\n", node_text(links[i], "column"));
        py_end(o, ")");
        py_emit(o, "    response.headers[\"X-Total-Count\"] = f\"{total}\"\n    return rows\n");
}

static void write_change(struct py_out *o, const struct py_contract *c, const struct routes *r)
{
        bool is_whole = str_is_equal(c->action, "replace");
        char out[PY_NAME_BYTES], in[PY_NAME_BYTES], sent[PY_NAME_BYTES];
        char name[PY_NAME_BYTES * 2];

        use_schema(o, "Out", out);
        use_schema(o, "In", in);
        use_schema(o, is_whole ? "In" : "Patch", sent);
        (void)snprintf(name, sizeof(name), "%s_%s", c->action, r->name);
        begin(o, c, name, out);
        py_arg(o, "key: %s", r->key);
        py_arg(o, "payload: %s", sent);
        end(o, c, o->entity);
        py_emit(o, "    found = crud.get(session, %s, key)\n", o->entity);
        if (is_whole)
                py_emit(o, "    return crud.replace(session, found, payload)\n");
        else
                py_emit(o, "    return crud.change(session, found, payload, %s)\n", in);
}

static void write_delete(struct py_out *o, const struct py_contract *c, const struct routes *r)
{
        char name[PY_NAME_BYTES * 2];

        (void)snprintf(name, sizeof(name), "delete_%s", r->name);
        begin(o, c, name, NULL);
        py_arg(o, "key: %s", r->key);
        end(o, c, "None");
        py_emit(o, "    unwanted = crud.get(session, %s, key)\n", o->entity);
        py_emit(o, "    crud.delete(session, unwanted)\n");
}

/* One record is read and shown; also what a contract with an action of its own comes to, where
 * nobody says more of it. */
static void write_get(struct py_out *o, const struct py_contract *c, const struct routes *r)
{
        char out[PY_NAME_BYTES], name[PY_NAME_BYTES * 2], action[PY_NAME_BYTES];

        use_schema(o, "Out", out);
        py_snake(c->action, action);
        (void)snprintf(name, sizeof(name), "%s_%s", action, c->has_key ? r->name : r->names);
        if (!c->has_key) {
                begin(o, c, name, NULL);
                end(o, c, "dict");
                py_emit(o, "    (_rows, total) = crud.find(session, %s, crud.Page(1, 0))\n",
                        o->entity);
                py_emit(o, "    return {\"total\": total}\n");
                return;
        }
        begin(o, c, name, out);
        py_arg(o, "key: %s", r->key);
        end(o, c, o->entity);
        py_emit(o, "    return crud.get(session, %s, key)\n", o->entity);
}

static void write_resource(struct py_out *o, const struct py_contract *list, size_t n)
{
        static const char *const all[] = {"create", "list", "get", "replace", "change", "delete"};
        char words[PY_NAME_BYTES], names[PY_NAME_BYTES], title[PY_NAME_BYTES];
        bool has[N_ELEMENTS(all)] = {0};
        size_t n_has = 0, first = 0;

        for (size_t i = 0; i < n; i++)
                for (size_t k = 0; k < N_ELEMENTS(all); k++)
                        has[k] |= str_is_equal(list[i].action, all[k]);
        for (size_t k = 0; k < N_ELEMENTS(all); k++)
                n_has += has[k];
        for (size_t i = n; i-- > 0;)
                if (str_is_equal(list[i].action, "list") || str_is_equal(list[i].action, "create"))
                        first = i;
        py_words(o->entity, words);
        py_plural(words, names);
        py_capital(names, title);
        py_emit(o, "\n");
        py_begin(o, 0, "RESOURCE = crud.Resource(");
        py_arg(o, "model=%s", o->entity);
        py_arg(o, "schema=%sIn", o->entity);
        py_arg(o, "path=\"%s\"", n ? list[first].list : "/");
        py_arg(o, "title=\"%s\"", title);
        if (n_has == N_ELEMENTS(all)) {
                py_arg(o, "actions=crud.ALL");
        } else {
                _cleanup_buf_ struct buf b = {0};

                for (size_t k = 0; k < N_ELEMENTS(all); k++)
                        if (has[k])
                                buf_printf(&b, "%s\"%s\"", b.n ? ", " : "", all[k]);
                py_arg(o, "actions=(%s%s)", b.at ? b.at : "", n_has == 1 ? "," : "");
        }
        py_end(o, ")");
        py_emit(o, "\nrouter = fastapi.APIRouter(tags=[\"%s\"])\n", o->entity);
}

int py_write_routes(struct py_out *o)
{
        static const struct {
                const char *action;
                void (*write)(struct py_out *o, const struct py_contract *c,
                              const struct routes *r);
        } table[] = {
                {"create", write_create}, {"list", write_list},     {"replace", write_change},
                {"change", write_change}, {"delete", write_delete}, {"get", write_get},
        };
        struct py_contract list[PY_CONTRACTS_MAX];
        size_t n = py_contracts(o, list, PY_CONTRACTS_MAX);
        char words[PY_NAME_BYTES], text[PY_NAME_BYTES * 2], module[PY_NAME_BYTES * 2];
        struct routes r;

        py_words(o->entity, words);
        py_snake(o->entity, r.name);
        py_plural(r.name, r.names);
        (void)snprintf(text, sizeof(text), "What can be done with a %s.", words);
        py_docstring(o, 0, text);
        py_import(o, "fastapi", NULL);
        py_import(o, "sqlalchemy", "orm");
        py_import(o, "app", "crud");
        py_import(o, "app", "database");
        (void)snprintf(module, sizeof(module), "app.models.%s", o->module);
        py_import(o, module, o->entity);
        use_schema(o, "In", text);
        write_resource(o, list, n);
        r.key = "";
        for (size_t i = 0; i < n; i++) {
                size_t k = 0;

                if (list[i].has_key)
                        r.key = path_type(o, py_id_type(o));
                while (k + 1 < N_ELEMENTS(table) && !str_is_equal(table[k].action, list[i].action))
                        k++;
                table[k].write(o, &list[i], &r);
        }
        return 0;
}
