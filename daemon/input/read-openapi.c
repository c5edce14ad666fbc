#include <ctype.h>
#include <stdio.h>
#include <strings.h>

#include "daemon/input/formats.h"
#include "daemon/input/openapi.h"

/* OpenAPI 3.0 and 3.1 in YAML or JSON.
 *
 *     info {title, description}       name and description of the project
 *     components.schemas              entities, and types of their attributes; a property that is
 *                                     (a list of) another entity is a relation
 *     paths                           contracts: the request is body and query, the response that
 *                                     of the first success; other answers are words
 *
 * Servers, security, headers, cookies, callbacks and links are not used, which is told once by
 * name. */

static const char *const methods[] = {"get", "post", "put", "patch", "delete", "head", "options"};

/* A body in its JSON form, or the first that there is. */
static struct yaml_node *body_schema(struct openapi *o, struct yaml_node *n)
{
        struct yaml_node *content = reader_map(o->rd, n, "content"), *media = NULL;

        for (size_t i = 0; content && i < content->n_items; i++) {
                const char *type = content->keys[i]->text;

                if (!media && (str_has_prefix(type, "application/json") || strstr(type, "+json")))
                        media = reader_item(content, i);
        }
        if (!media && content && content->n_items > 0) {
                media = reader_item(content, 0);
                reader_warn(o->rd, content->keys[0], "a body of type %.60s is read as JSON",
                            content->keys[0]->text);
        }
        for (size_t i = 0; content && i < content->n_items; i++)
                if (content->items[i] != media)
                        yaml_mark_read(content->items[i]); /* the same in another form */
        for (size_t i = 0; content && i < content->n_items; i++)
                content->keys[i]->was_read = true;
        if (!media || media->kind != YAML_MAP)
                return NULL;
        openapi_pass(o, media);
        return yaml_get(media, "schema");
}

static void add_parameter(struct openapi *o, struct yaml_node *n, struct contract *c)
{
        struct yaml_node *to = openapi_resolve(o, n, NULL), *schema;
        _cleanup_free_ char *in = reader_text(o->rd, to, "in"), *name = NULL;
        void *at = c->request;
        struct attribute *a;

        if (!to || o->rd->error)
                return;
        if (!in) {
                reader_refuse(o->rd, to, "a parameter needs `name` and `in`");
                return;
        }
        if (strcmp(in, "path") == 0) { /* stands in the path */
                yaml_mark_read(to);
                return;
        }
        name = reader_text(o->rd, to, "name");
        if (strcmp(in, "query") != 0) {
                yaml_mark_read(to);
                reader_warn(o->rd, to, "the %.20s parameter `%.60s` is not used", in,
                            name ? name : "?");
                return;
        }
        if (!name || c->n_request >= SPEC_MAX_ATTRIBUTES) {
                reader_refuse(o->rd, to, name ? "too many parameters" : "a parameter needs `name`");
                return;
        }
        for (size_t i = 0; i < c->n_request; i++)
                if (strcmp(c->request[i].name, name) == 0) {
                        yaml_mark_read(to); /* the operation's own counts, and came first */
                        return;
                }
        if (!reader_more(o->rd, &at, c->n_request, 1, sizeof(struct attribute)))
                return;
        c->request = at;
        a = &c->request[c->n_request++];
        a->name = take(name);
        a->description = reader_text(o->rd, to, "description");
        a->is_required = reader_bool(o->rd, to, "required", false);
        openapi_pass(o, to);
        (void)yaml_get(to, "style");
        (void)yaml_get(to, "explode");
        schema = yaml_get(to, "schema");
        schema = schema ? schema : body_schema(o, to);
        if (schema)
                openapi_attribute(o, schema, a);
        if (!o->rd->error) {
                char *text = str_printf("%s%sin the query", a->description ? a->description : "",
                                        a->description ? "; " : "");

                free(a->description);
                a->description = text;
                if (!text)
                        reader_fail(o->rd, -ENOMEM);
        }
}

static void add_parameters(struct openapi *o, struct yaml_node *list, struct contract *c)
{
        for (size_t i = 0; list && i < list->n_items && !o->rd->error; i++)
                add_parameter(o, list->items[i], c);
}

static bool is_success(const char *status)
{
        return status[0] == '2' && strlen(status) == 3;
}

/* Index of the success, the lowest; else of "default", when nothing is said of success; else the
 * number of items. */
static size_t find_success(const struct yaml_node *responses, const size_t *order)
{
        size_t other = responses->n_items;

        for (size_t i = 0; i < responses->n_items; i++) {
                const char *status = responses->keys[order[i]]->text;

                if (is_success(status))
                        return order[i];
                if (strcmp(status, "default") == 0 && responses->n_items == 1)
                        other = order[i];
        }
        return other;
}

static void add_response(struct openapi *o, struct yaml_node *n, struct contract *c,
                         const struct yaml_node **ret_served)
{
        struct yaml_node *schema = body_schema(o, n);

        if (schema && !o->rd->error)
                openapi_message(o, schema, &c->response, &c->n_response, ret_served);
}

/* All that is answered beside a plain 200, in words: "201: the new pet; 404: no such pet". */
static void add_responses(struct openapi *o, struct yaml_node *responses, struct contract *c,
                          struct buf *words, const struct yaml_node **ret_served)
{
        _cleanup_free_ size_t *order = responses ? reader_sorted_keys(o->rd, responses) : NULL;
        size_t success = order ? find_success(responses, order) : 0;

        for (size_t i = 0; order && i < responses->n_items && !o->rd->error; i++) {
                const char *status = responses->keys[order[i]]->text;
                struct yaml_node *n = openapi_resolve(o, reader_item(responses, order[i]), NULL);
                _cleanup_free_ char *said = reader_text(o->rd, n, "description");

                if (str_has_prefix(status, "x-"))
                        continue;
                if (n && order[i] == success)
                        add_response(o, n, c, ret_served);
                else
                        yaml_mark_read(yaml_get(n, "content"));
                if (strcmp(status, "200") == 0)
                        continue;
                (void)buf_printf(words, "%s%s", words->n ? "; " : "answers ",
                                 strcmp(status, "default") == 0 ? "otherwise" : status);
                if (said)
                        (void)(buf_add_text(words, ": "), buf_add_text(words, said));
        }
}

static void describe(struct openapi *o, struct yaml_node *operation, const struct buf *words,
                     struct contract *c)
{
        _cleanup_free_ char *summary = reader_text(o->rd, operation, "summary");
        _cleanup_free_ char *text = reader_text(o->rd, operation, "description");
        const char *const parts[] = {summary, str_is_equal(summary, text) ? NULL : text,
                                     words->n > 0 ? words->at : NULL};
        _cleanup_buf_ struct buf b = {0};

        for (size_t i = 0; i < N_ELEMENTS(parts); i++)
                if (parts[i])
                        (void)(buf_add_text(&b, b.n ? "\n" : ""), buf_add_text(&b, parts[i]));
        if (o->rd->error || (b.n == 0 && !b.failed))
                return;
        c->description = buf_steal(&b, NULL);
        if (!c->description)
                reader_fail(o->rd, b.failed ? b.failed : -ENOMEM);
        openapi_count(o, operation, c->description);
}

static void add_contract(struct openapi *o, const char *path, size_t method, struct yaml_node *key,
                         struct yaml_node *operation, struct yaml_node *shared)
{
        struct model *m = o->rd->model;
        struct contract *c = &m->contracts[m->n_contracts++];
        struct yaml_node *body;
        const struct yaml_node *served = NULL, *of_request = NULL;
        _cleanup_buf_ struct buf words = {0};

        reader_note(o->rd, &o->rd->contracts, key);
        c->method = reader_copy(o->rd, methods[method]);
        for (char *at = c->method; at && *at; at++)
                *at = (char)toupper((unsigned char)*at);
        c->endpoint = read_path(o->rd, path);
        openapi_pass(o, operation);
        body = openapi_resolve(o, reader_map(o->rd, operation, "requestBody"), NULL);
        (void)reader_get(o->rd, body, "required");
        (void)reader_get(o->rd, body, "description");
        body = body ? body_schema(o, body) : NULL;
        if (body && !o->rd->error)
                openapi_message(o, body, &c->request, &c->n_request, &of_request);
        add_parameters(o, reader_list(o->rd, operation, "parameters"), c);
        add_parameters(o, shared, c);
        add_responses(o, reader_map(o->rd, operation, "responses"), c, &words, &served);
        if (words.failed)
                reader_fail(o->rd, words.failed);
        describe(o, operation, &words, c);
        reader_note(o->rd, &o->rd->served, served ? served : of_request);
}

static void add_path(struct openapi *o, struct yaml_node *key, struct yaml_node *item)
{
        struct model *m = o->rd->model;
        void *at = m->contracts;
        struct yaml_node *shared;

        if (key->text[0] != '/') {
                reader_refuse(o->rd, key, "a path begins with `/`, and `%.80s` does not",
                              key->text);
                return;
        }
        item = openapi_resolve(o, item, NULL);
        if (!item || item->kind != YAML_MAP)
                return;
        if (!reader_more(o->rd, &at, m->n_contracts, N_ELEMENTS(methods), sizeof(struct contract)))
                return;
        m->contracts = at;
        shared = reader_list(o->rd, item, "parameters");
        (void)yaml_get(item, "summary");
        (void)yaml_get(item, "description");
        for (size_t i = 0; i < N_ELEMENTS(methods) && !o->rd->error; i++) {
                struct yaml_node *operation = reader_map(o->rd, item, methods[i]);

                if (operation)
                        add_contract(o, key->text, i, key, operation, shared);
        }
}

static void add_paths(struct openapi *o, struct yaml_node *paths)
{
        _cleanup_free_ size_t *order = paths ? reader_sorted_keys(o->rd, paths) : NULL;

        for (size_t i = 0; order && i < paths->n_items && !o->rd->error; i++)
                if (!str_has_prefix(paths->keys[order[i]]->text, "x-"))
                        add_path(o, paths->keys[order[i]], reader_item(paths, order[i]));
        if (o->rd->model->n_contracts > SPEC_MAX_ITEMS)
                reader_refuse(o->rd, paths, "more than %u operations", SPEC_MAX_ITEMS);
}

/* What an operation's answers mention when it fails, and what is mentioned otherwise. */
static void mark_operation(struct openapi *o, const struct yaml_node *operation)
{
        for (size_t i = 0; i < operation->n_items; i++) {
                struct yaml_node *value = operation->items[i];

                if (operation->kind != YAML_MAP)
                        return;
                if (strcmp(operation->keys[i]->text, "responses") != 0) {
                        openapi_mark(o, openapi_resolve(o, value, NULL), SCHEMA_IN_USE);
                        continue;
                }
                for (size_t k = 0; value->kind == YAML_MAP && k < value->n_items; k++)
                        openapi_mark(o, openapi_resolve(o, value->items[k], NULL),
                                     is_success(value->keys[k]->text) || value->n_items == 1
                                             ? SCHEMA_IN_ANSWERS
                                             : SCHEMA_IN_FAILURES);
        }
}

static void mark_paths(struct openapi *o, const struct yaml_node *paths)
{
        for (size_t i = 0; paths && i < paths->n_items; i++) {
                const struct yaml_node *item = openapi_resolve(o, paths->items[i], NULL);

                for (size_t k = 0; item && item->kind == YAML_MAP && k < item->n_items; k++)
                        mark_operation(o, item->items[k]);
        }
}

static void read_info(struct openapi *o, struct yaml_node *info)
{
        static const char *const passed[] = {"version", "contact", "license", "termsOfService",
                                             "summary"};
        struct model *m = o->rd->model;

        m->name = reader_text(o->rd, info, "title");
        m->description = reader_text(o->rd, info, "description|summary");
        for (size_t i = 0; i < N_ELEMENTS(passed); i++)
                yaml_mark_read(yaml_get(info, passed[i]));
}

/* Parameters, bodies and answers that stand here are read where they are referred to; what nobody
 * refers to is told. */
static void read_components(struct openapi *o)
{
        struct yaml_node *components = reader_map(o->rd, o->top, "components");

        if (!components)
                return;
        o->schemas = reader_map(o->rd, components, "schemas");
        yaml_mark_read(yaml_get(components, "examples"));
}

static void read_openapi(struct reader *rd, struct yaml_node *top)
{
        struct openapi o = {.rd = rd, .top = top};
        struct yaml_node *version = yaml_get(top, "openapi"), *paths;

        rd->groups_unread = true;
        if (!version || version->kind != YAML_SCALAR || !str_has_prefix(version->text, "3.")) {
                reader_refuse(rd, version ? version : top,
                              "OpenAPI 3.0 and 3.1 are read; convert Swagger 2.0 to OpenAPI 3 "
                              "first");
                return;
        }
        openapi_pass(&o, top);
        read_info(&o, reader_map(rd, top, "info"));
        rd->model->module = reader_text(rd, top, "x-module");
        rd->model->blueprint = reader_text(rd, top, "x-blueprint");
        read_components(&o);
        paths = reader_map(rd, top, "paths");
        if (!rd->error && o.schemas) {
                o.flags = calloc(o.schemas->n_items + 1, 1);
                o.order = reader_sorted_keys(rd, o.schemas);
                o.queue = calloc(o.schemas->n_items + 1, sizeof(*o.queue));
                if (!o.flags || !o.queue)
                        reader_fail(rd, -ENOMEM);
        }
        if (!rd->error)
                mark_paths(&o, paths);
        openapi_find_entities(&o);
        openapi_add_entities(&o);
        add_paths(&o, paths);
        free(o.flags);
        free(o.order);
        free(o.queue);
}

static const char *knows(const struct yaml_node *top)
{
        if (reader_peek(top, "openapi"))
                return "it has the key `openapi`";
        return reader_peek(top, "swagger") ? "it has the key `swagger`" : NULL;
}

const struct spec_format spec_format_openapi = {
        .name = "OpenAPI", .knows = knows, .read = read_openapi};
