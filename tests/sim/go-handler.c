#include <ctype.h>
#include <stdio.h>

#include "tests/sim/go.h"

/* Package web as the prompt shows it. */
static const struct go_file *need_web(struct go_out *o)
{
        static const char *const needed[] = {"Param", "ReadJSON", "WriteJSON", "WriteError"};
        const struct go_file *web = go_find_package(&o->w, "web");
        char path[GO_NAME_BYTES];

        if (!web || !go_find_func(&o->w, web->dir, "Router", "Handle", NULL) ||
            !go_path_of_package(o, "web", path)) {
                go_starve(o, "the interface of package web");
                return NULL;
        }
        for (size_t i = 0; i < N_ELEMENTS(needed); i++)
                if (!go_find_func(&o->w, web->dir, NULL, needed[i], NULL)) {
                        go_starve(o, "function web.%s", needed[i]);
                        return NULL;
                }
        go_import(o, path);
        return web;
}

/* The entity's field that a JSON name stands for. */
static const struct go_param *field_for(const struct go_type *t, const char *json)
{
        for (size_t i = 0; t && i < t->n_fields; i++)
                if (go_is_same_name(t->fields[i].name, json))
                        return &t->fields[i];
        return NULL;
}

/* Decodes the body into e: the entity itself, or the fields that the contract's request names. */
static void emit_decode(struct go_out *o, const struct go_contract *c, const struct go_type *t,
                        const struct go_file *file)
{
        struct go_field fields[64];
        size_t n = go_fields(yaml_get(c->node, "request"), fields, N_ELEMENTS(fields));
        char type[GO_NAME_BYTES], name[GO_NAME_BYTES];
        const char *note;

        go_emit(o, "\te := &%s{}\n", o->entity);
        if (!n) {
                go_emit(o, "\tif err := web.ReadJSON(req, e); err != nil {\n\t\tweb.WriteError(w, "
                           "http.StatusBadRequest, err)\n\t\treturn\n\t}\n");
                return;
        }
        for (size_t i = 0; i < n; i++) {
                const struct go_param *f = field_for(t, fields[i].name);

                if (f)
                        go_use_type(o, file, f->type, type);
                else
                        go_type_of(fields[i].type, type, &note);
                if (!f && (strpbrk(type, "*.") || isupper((unsigned char)*type)))
                        (void)snprintf(type, sizeof(type), "interface{}");
                go_export(fields[i].name, name);
                go_emit(o, "\tvar body%s struct {\n\t\tValue %s `json:\"%s\"`\n\t}\n", name, type,
                        fields[i].name);
        }
        go_import(o, "encoding/json");
        go_emit(o, "\tvar raw json.RawMessage\n\tif err := web.ReadJSON(req, &raw); err != nil "
                   "{\n\t\tweb.WriteError(w, http.StatusBadRequest, err)\n\t\treturn\n"
                   "\t}\n");
        for (size_t i = 0; i < n; i++) {
                const struct go_param *f = field_for(t, fields[i].name);

                go_export(fields[i].name, name);
                go_emit(o,
                        "\tif err := json.Unmarshal(raw, &body%s); err != nil "
                        "{\n\t\tweb.WriteError(w, http.StatusBadRequest, err)\n\t\treturn\n\t}\n",
                        name);
                if (f)
                        go_emit(o, "\te.%s = body%s.Value\n", f->name, name);
        }
}

/* An argument from the path, or from the query when the path has none left. */
static void emit_argument(struct go_out *o, const struct go_contract *c, size_t *n_used,
                          const char *name, const char *type)
{
        if (*n_used < c->n_params)
                go_emit(o, "\t%sText := web.Param(req, \"%s\")\n", name, c->params[(*n_used)++]);
        else
                go_emit(o, "\t%sText := req.URL.Query().Get(\"%s\")\n", name, name);
        if (str_is_equal(type, "string")) {
                go_emit(o, "\t%s := %sText\n", name, name);
                return;
        }
        go_import(o, "strconv");
        go_emit(o,
                "\t%sNumber, err := strconv.ParseInt(%sText, 10, 64)\n\tif err != nil "
                "{\n\t\tweb.WriteError(w, http.StatusBadRequest, err)\n\t\treturn\n\t}\n"
                "\t%s := %s(%sNumber)\n",
                name, name, name, type, name);
}

static void emit_response(struct go_out *o, const struct go_contract *c, const struct go_type *t,
                          const char *status, const char *value, bool is_list)
{
        struct go_field fields[64];
        size_t n = go_fields(yaml_get(c->node, "response"), fields, N_ELEMENTS(fields));
        bool is_used = is_list;

        if (!n) {
                go_emit(o, "\tweb.WriteJSON(w, %s, %s)\n", status, value);
                return;
        }
        go_emit(o, "\tanswer := make(map[string]interface{})\n");
        for (size_t i = 0; i < n; i++) {
                const struct go_param *f = field_for(t, fields[i].name);

                is_used |= f != NULL;
                if (is_list && (fields[i].type[0] == '[' || fields[i].type[0] == 'a' ||
                                fields[i].type[0] == 'l'))
                        go_emit(o, "\tanswer[\"%s\"] = %s\n", fields[i].name, value);
                else if (is_list)
                        go_emit(o, "\tanswer[\"%s\"] = len(%s)\n", fields[i].name, value);
                else if (f)
                        go_emit(o, "\tanswer[\"%s\"] = %s.%s\n", fields[i].name, value, f->name);
                else
                        go_emit(o,
                                "\t// The %s has no field for this %s.\n\tanswer[\"%s\"] = nil\n",
                                o->lower, fields[i].type, fields[i].name);
        }
        if (!is_used)
                go_emit(o, "\t_ = %s\n", value);
        go_emit(o, "\tweb.WriteJSON(w, %s, answer)\n", status);
}

/* The call of a service's method by its signature, and the reply. */
static void emit_call(struct go_out *o, const struct go_contract *c, const struct go_func *f,
                      const struct go_file *file, const struct go_type *t)
{
        bool has_entity = false, is_list = f->n_results > 1 && f->results[0].type[0] == '[';
        bool is_update = str_is_equal(f->name, "Update");
        const char *status =
                str_is_equal(f->name, "Create") ? "http.StatusCreated" : "http.StatusOK";
        char type[GO_NAME_BYTES], arguments[GO_NAME_BYTES * 2] = "";
        size_t n_used = 0, len = 0;

        for (size_t i = 0; i < f->n_params; i++) {
                const char *text = f->params[i].type,
                           *name = *f->params[i].name ? f->params[i].name : "id";

                if (str_is_equal(text, "context.Context")) {
                        name = "req.Context()";
                } else if (text[0] == '*' && str_is_equal(text + 1, o->entity)) {
                        emit_decode(o, c, t, file);
                        name = "e";
                        has_entity = true;
                        if (c->n_params && go_find_field(t, "ID") && is_update) {
                                go_use_type(o, file, go_find_field(t, "ID")->type, type);
                                emit_argument(o, c, &n_used, "id", type);
                                go_emit(o, "\te.ID = id\n");
                        }
                } else {
                        go_use_type(o, file, text, type);
                        emit_argument(o, c, &n_used, name, type);
                }
                len += (size_t)snprintf(arguments + len, sizeof(arguments) - len, "%s%s",
                                        i ? ", " : "", name);
                len = MIN2(len, sizeof(arguments) - 1);
        }
        go_emit(o,
                f->n_results > 1 ? "\tresult, err := h.service.%s(%s)\n\tif err != nil {\n"
                                 : "\tif err := h.service.%s(%s); err != nil {\n",
                f->name, arguments);
        go_emit(o, "\t\tweb.WriteError(w, %sStatus(err), err)\n\t\treturn\n\t}\n", o->lower);
        if (f->n_results > 1)
                emit_response(o, c, t, status, "result", is_list);
        else if (has_entity) {
                if (str_is_equal(f->name, "Create") && facts_says(o->v, "a header Location") &&
                    go_find_field(t, "ID")) {
                        go_import(o, "fmt");
                        go_import(o, "net/url");
                        go_import(o, "strings");
                        go_emit(o, "\tplace := strings.TrimRight(req.URL.Path, \"/\")\n"
                                   "\tw.Header().Set(\"Location\", place+\"/\"+"
                                   "url.PathEscape(fmt.Sprint(e.ID)))\n");
                }
                emit_response(o, c, t, status, "e", false);
        } else
                go_emit(o, "\tw.WriteHeader(http.StatusNoContent)\n");
}

/* Name of the method that serves a contract: its action, with a number when the action serves
 * several. */
static void handler_name(const struct go_contract *list, size_t i, char at[static GO_NAME_BYTES])
{
        const char *action = list[i].action ? list[i].action : "";
        size_t n = 0;

        for (size_t j = 0; j < i; j++)
                n += str_is_equal(list[j].action, list[i].action);
        if (n || !*action)
                (void)snprintf(at, GO_NAME_BYTES, "serve%.100s%zu", action, n + 1);
        else
                (void)snprintf(at, GO_NAME_BYTES, "serve%.100s", action);
}

/* A part of the list, where the service gives parts and no answer of another form is wanted. */
static bool emit_page(struct go_out *o, const struct go_contract *c, const char *service)
{
        if (!str_is_equal(c->action, "List") || yaml_get(c->node, "response") ||
            !go_find_func(&o->w, o->dir, service, "Page", NULL) ||
            !go_find_func(&o->w, o->dir, service, "Count", NULL))
                return false;
        go_import(o, "strconv");
        go_emit(o,
                "\tbounds := map[string]int{\"offset\": 0, \"limit\": 100}\n"
                "\tfor name := range bounds {\n"
                "\t\ttext := req.URL.Query().Get(name)\n\t\tif text == \"\" {\n"
                "\t\t\tcontinue\n\t\t}\n\t\tn, err := strconv.ParseUint(text, 10, 31)\n"
                "\t\tif err != nil {\n\t\t\tweb.WriteError(w, http.StatusBadRequest, err)\n"
                "\t\t\treturn\n\t\t}\n\t\tbounds[name] = int(n)\n\t}\n"
                "\tif bounds[\"limit\"] > 1000 {\n\t\tbounds[\"limit\"] = 1000\n\t}\n"
                "\ttotal, err := h.service.Count(req.Context())\n\tif err != nil {\n"
                "\t\tweb.WriteError(w, %1$sStatus(err), err)\n\t\treturn\n\t}\n"
                "\tpart, err := h.service.Page(req.Context(), bounds[\"offset\"], "
                "bounds[\"limit\"])\n\tif err != nil {\n"
                "\t\tweb.WriteError(w, %1$sStatus(err), err)\n\t\treturn\n\t}\n"
                "\tw.Header().Set(\"X-Total-Count\", strconv.Itoa(total))\n"
                "\tweb.WriteJSON(w, http.StatusOK, part)\n",
                o->lower);
        return true;
}

static void emit_handler(struct go_out *o, const struct go_contract *list, size_t i,
                         const char *service, const struct go_type *t)
{
        const struct go_contract *c = &list[i];
        const struct go_file *file = NULL;
        const struct go_func *f =
                c->action ? go_find_func(&o->w, o->dir, service, c->action, &file) : NULL;
        _cleanup_buf_ struct buf text = {0};
        char name[GO_NAME_BYTES];

        handler_name(list, i, name);
        node_write(c->node, &text);
        go_emit(o,
                "\n// %s serves a contract.\nfunc (h *%sHandler) %s(w http.ResponseWriter, req "
                "*http.Request) {\n",
                name, o->entity, name);
        go_emit_comment(o, "\t", "Contract: ", text.at);
        if (f && emit_page(o, c, service)) {
                ; /* all is said */
        } else if (f) {
                emit_call(o, c, f, file, t);
        } else {
                go_import(o, "errors");
                go_emit(o, "\t// Not shown in the prompt: method %s of %s.\n",
                        c->action ? c->action : "for this contract", service);
                go_emit(o, "\tweb.WriteError(w, http.StatusNotImplemented, errors.New(\"not "
                           "implemented\"))\n");
        }
        go_emit(o, "}\n");
}

static void emit_status(struct go_out *o)
{
        static const char *const names[] = {"NotFound", "Exists", ""};
        static const char *const statuses[] = {"http.StatusNotFound", "http.StatusConflict",
                                               "http.StatusBadRequest"};
        char name[GO_NAME_BYTES * 2];

        go_emit(o,
                "\n// %sStatus tells the HTTP status of an error.\nfunc %sStatus(err error) int "
                "{\n",
                o->lower, o->lower);
        for (size_t i = 0; i < N_ELEMENTS(names); i++) {
                (void)snprintf(name, sizeof(name), "Err%s%s%s", *names[i] ? "" : "Invalid",
                               o->entity, names[i]);
                if (go_has_variable(&o->w, o->dir, name)) {
                        go_import(o, "errors");
                        go_emit(o, "\tif errors.Is(err, %s) {\n\t\treturn %s\n\t}\n", name,
                                statuses[i]);
                } else {
                        go_emit(o, "\t// Not shown in the prompt: %s.\n", name);
                }
        }
        go_emit(o, "\treturn http.StatusInternalServerError\n}\n");
}

int go_write_handler(struct go_out *o)
{
        struct go_contract list[GO_CONTRACTS_MAX];
        size_t n = go_contracts(o, list, GO_CONTRACTS_MAX);
        const struct go_type *t = go_find_type(&o->w, o->dir, o->entity, NULL);
        char service[GO_NAME_BYTES * 2], name[GO_NAME_BYTES];

        (void)snprintf(service, sizeof(service), "%sService", o->entity);
        if (!go_find_type(&o->w, o->dir, service, NULL)) {
                go_starve(o, "the interface of the file that declares %s", service);
                return 0;
        }
        if (!t) {
                go_starve(o, "the interface of the file that declares %s", o->entity);
                return 0;
        }
        if (!need_web(o))
                return 0;
        go_import(o, "net/http");
        go_emit(o,
                "\n// %1$sHandler is the HTTP face of %1$sService.\ntype %1$sHandler struct "
                "{\n\tservice *%1$sService\n}\n"
                "\n// New%1$sHandler makes a handler over the service.\nfunc "
                "New%1$sHandler(service *%1$sService) *%1$sHandler {\n"
                "\treturn &%1$sHandler{service: service}\n}\n"
                "\n// Register adds the routes.\nfunc (h *%1$sHandler) Register(r *web.Router) {\n",
                o->entity);
        go_emit_rules(o, "\t");
        for (size_t i = 0; i < n; i++) {
                handler_name(list, i, name);
                go_emit(o, "\tr.Handle(\"%s\", \"%.*s\", h.%s)\n", list[i].method,
                        (int)strcspn(list[i].endpoint, "?"), list[i].endpoint, name);
        }
        go_emit(o, "}\n");
        for (size_t i = 0; i < n; i++)
                emit_handler(o, list, i, service, t);
        emit_status(o);
        return 0;
}

int go_write_routes(struct go_out *o)
{
        struct go_contract list[GO_CONTRACTS_MAX];
        struct yaml_node *entities[64];
        size_t n = go_contracts(o, list, GO_CONTRACTS_MAX),
               n_entities = facts_list(o->v, "entities", entities, N_ELEMENTS(entities));
        _cleanup_buf_ struct buf fields = {0}, params = {0}, values = {0};

        if (!need_web(o))
                return 0;
        go_import(o, "net/http");
        go_import(o, "errors");
        for (size_t i = 0; i < n_entities; i++) {
                const char *entity = node_text(entities[i], "name");
                char service[GO_NAME_BYTES * 2], type[GO_NAME_BYTES], lower[GO_NAME_BYTES * 3];
                const struct go_file *file = NULL;

                (void)snprintf(service, sizeof(service), "%sService", entity ? entity : "");
                if (!go_find_type(&o->w, NULL, service, &file)) {
                        go_starve(o, "the interface of the file that declares %s", service);
                        continue;
                }
                (void)snprintf(lower, sizeof(lower), "*%s", service);
                go_use_type(o, file, lower, type);
                go_lower_first(service, lower);
                buf_printf(&fields, "\t// %s is the service of %s.\n\t%s %s\n", lower, entity,
                           lower, type);
                buf_printf(&params, "%s%s %s", params.n ? ", " : "", lower, type);
                buf_printf(&values, "%s%s: %s", values.n ? ", " : "", lower, lower);
        }
        go_emit(o,
                "\n// Routes serves the contracts that belong to no single entity.\ntype Routes "
                "struct {\n%s}\n",
                fields.n ? fields.at : "");
        go_emit(o,
                "\n// NewRoutes makes the routes over the services.\nfunc NewRoutes(%s) *Routes "
                "{\n\treturn &Routes{%s}\n}\n",
                params.n ? params.at : "", values.n ? values.at : "");
        go_emit(o, "\n// Register adds the routes.\nfunc (r *Routes) Register(router *web.Router) "
                   "{\n");
        go_emit_rules(o, "\t");
        for (size_t i = 0; i < n; i++)
                go_emit(o, "\trouter.Handle(\"%s\", \"%.*s\", r.serve%zu)\n", list[i].method,
                        (int)strcspn(list[i].endpoint, "?"), list[i].endpoint, i + 1);
        go_emit(o, "}\n");
        for (size_t i = 0; i < n; i++) {
                struct go_field answer[64];
                size_t n_answer =
                        go_fields(yaml_get(list[i].node, "response"), answer, N_ELEMENTS(answer));
                _cleanup_buf_ struct buf text = {0};

                node_write(list[i].node, &text);
                go_emit(o,
                        "\n// serve%zu serves a contract.\nfunc (r *Routes) serve%zu(w "
                        "http.ResponseWriter, req *http.Request) {\n",
                        i + 1, i + 1);
                go_emit_comment(o, "\t", "Contract: ", text.at);
                go_emit(o, "\tvar body map[string]interface{}\n\tif req.ContentLength > 0 "
                           "{\n\t\tif err := web.ReadJSON(req, &body); err != nil {\n"
                           "\t\t\tweb.WriteError(w, http.StatusBadRequest, "
                           "err)\n\t\t\treturn\n\t\t}\n\t\tif len(body) == 0 {\n"
                           "\t\t\tweb.WriteError(w, http.StatusBadRequest, errors.New(\"an empty "
                           "object\"))\n\t\t\treturn\n\t\t}\n\t}\n"
                           "\tanswer := make(map[string]interface{})\n");
                for (size_t j = 0; j < n_answer; j++)
                        go_emit(o, "\tanswer[\"%s\"] = body[\"%s\"]\n", answer[j].name,
                                answer[j].name);
                go_emit(o, "\tweb.WriteJSON(w, http.StatusOK, answer)\n}\n");
        }
        return 0;
}
