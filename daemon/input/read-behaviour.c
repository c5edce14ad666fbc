#include <ctype.h>
#include <stdio.h>
#include <strings.h>

#include "daemon/input/reader.h"

/* Requirements come as a list of maps or texts, as {functional: […], non_functional: […]}, or as
 * {FR-001: text}. */

static bool is_non_functional(const char *type)
{
        return type && (strcasecmp(type, "non-functional") == 0 ||
                        strcasecmp(type, "non_functional") == 0 ||
                        strcasecmp(type, "nonfunctional") == 0 || strcasecmp(type, "nfr") == 0);
}

static struct requirement *more_requirements(struct reader *rd, size_t n)
{
        void *at = rd->model->requirements;

        if (!reader_more(rd, &at, rd->model->n_requirements, n, sizeof(struct requirement)))
                return NULL;
        rd->model->requirements = at;
        return rd->model->requirements;
}

/* "FR-001: text": an id of capital letters and digits, as people write it before a sentence. */
static void split_id(struct reader *rd, struct requirement *r)
{
        const char *text = r->text;
        size_t n_letters = strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZ"), n = n_letters;
        char *rest;

        n += text[n] == '-' || text[n] == '_';
        n += strspn(text + n, "0123456789");
        if (n_letters == 0 || !isdigit((unsigned char)text[n - 1]) || text[n] != ':' ||
            text[n + 1] != ' ' || text[n + 2 + strspn(text + n + 2, " \t\n")] == '\0')
                return;
        r->id = str_dup_span((struct span){text, n});
        n += 2;
        n += strspn(text + n, " \t\n");
        rest = str_dup_span(span_of(text + n));
        if (!r->id || !rest)
                reader_fail(rd, -ENOMEM);
        if (!rest)
                return;
        free(r->text);
        r->text = rest;
}

static void read_requirement(struct reader *rd, struct yaml_node *n, struct requirement *r)
{
        reader_note(rd, &rd->requirements, n);
        if (n->kind == YAML_SCALAR) {
                r->text = reader_scalar(rd, n, "requirement");
                if (r->text && !r->id)
                        split_id(rd, r);
        } else if (n->kind == YAML_LIST) {
                reader_refuse(rd, n,
                              "a requirement must be a text or a map {id, description}, but a list "
                              "stands here");
        } else {
                _cleanup_free_ char *type = reader_text(rd, n, "type");

                if (is_non_functional(type))
                        r->kind = REQUIREMENT_NON_FUNCTIONAL;
                r->id = reader_text(rd, n, "id");
                r->text = reader_paragraph(rd, n, "description|text|requirement|title");
                r->priority = reader_text(rd, n, "priority");
                r->category = reader_text(rd, n, "category|nfr_type");
                r->threshold = reader_text(rd, n, "threshold|target|measurable");
                reader_texts(rd, n, "applies_to|entity|entities", &r->applies_to);
        }
        if (!rd->error && !r->text)
                reader_refuse(rd, n, "a requirement has no `description`");
}

static void read_requirement_list(struct reader *rd, struct yaml_node *n,
                                  enum requirement_kind kind)
{
        if (!n || !more_requirements(rd, n->n_items))
                return;
        for (size_t i = 0; i < n->n_items && !rd->error; i++) {
                struct requirement *r = &rd->model->requirements[rd->model->n_requirements++];

                r->kind = kind;
                read_requirement(rd, n->items[i], r);
        }
}

/* {FR-001: text}: in the order of the ids, because a map has none of its own. */
static void read_requirement_map(struct reader *rd, struct yaml_node *n, enum requirement_kind kind)
{
        _cleanup_free_ size_t *order = reader_sorted_keys(rd, n);

        if (!order || !more_requirements(rd, n->n_items))
                return;
        for (size_t i = 0; i < n->n_items && !rd->error; i++) {
                struct requirement *r;

                if (n->keys[order[i]]->was_read || n->items[order[i]]->kind != YAML_SCALAR)
                        continue;
                r = &rd->model->requirements[rd->model->n_requirements++];
                r->kind = kind;
                r->id = reader_scalar(rd, n->keys[order[i]], "id");
                read_requirement(rd, reader_item(n, order[i]), r);
        }
}

void read_requirements(struct reader *rd, struct yaml_node *n, enum requirement_kind kind)
{
        if (!n || rd->error)
                return;
        if (n->kind == YAML_SCALAR || n->n_items > SPEC_MAX_ITEMS) {
                reader_refuse(rd, n,
                              "requirements must be a list of at most %u items, or a map of lists",
                              SPEC_MAX_ITEMS);
                return;
        }
        if (n->kind == YAML_LIST) {
                read_requirement_list(rd, n, kind);
                return;
        }
        read_requirement_list(rd, reader_list(rd, n, "functional"), REQUIREMENT_FUNCTIONAL);
        read_requirement_list(rd, reader_list(rd, n, "non_functional|nonfunctional|non-functional"),
                              REQUIREMENT_NON_FUNCTIONAL);
        if (!rd->error)
                read_requirement_map(rd, n, kind);
}

void read_scenarios(struct reader *rd, struct yaml_node *n)
{
        void *at = rd->model->scenarios;

        if (!n || rd->error ||
            !reader_more(rd, &at, rd->model->n_scenarios, n->n_items, sizeof(struct scenario)))
                return;
        rd->model->scenarios = at;
        for (size_t i = 0; i < n->n_items && !rd->error; i++) {
                struct yaml_node *item = n->items[i];
                struct scenario *s = &rd->model->scenarios[rd->model->n_scenarios++];

                if (item->kind == YAML_SCALAR) {
                        s->title = reader_scalar(rd, item, "title");
                } else {
                        s->id = reader_text(rd, item, "id");
                        s->title = reader_text(rd, item, "title|name");
                        s->priority = reader_text(rd, item, "priority");
                        s->description = reader_text(rd, item, "description");
                        s->given = reader_paragraph(rd, item, "given");
                        s->when = reader_paragraph(rd, item, "when");
                        s->then = reader_paragraph(rd, item, "then");
                        reader_texts(rd, item, "acceptance_criteria|criteria", &s->criteria);
                        reader_texts(rd, item, "applies_to|entity|entities", &s->applies_to);
                }
                if (!rd->error && !s->id && !s->title && !s->description && !s->when)
                        reader_refuse(
                                rd, item,
                                "a scenario says nothing: give `title`, `given`, `when`, `then`");
        }
}

/* A remote procedure has one method: it is called. */
static const char *const methods[] = {"GET",    "POST", "PUT",     "PATCH",
                                      "DELETE", "HEAD", "OPTIONS", "RPC"};

static char *method_of(struct reader *rd, const struct yaml_node *n, struct span word)
{
        if (word.n == strlen("gRPC") && strncasecmp(word.at, "gRPC", word.n) == 0)
                word = SPAN("RPC");
        for (size_t i = 0; i < N_ELEMENTS(methods); i++)
                if (word.n == strlen(methods[i]) && strncasecmp(word.at, methods[i], word.n) == 0) {
                        char *copy = str_dup_span(span_of(methods[i]));

                        if (!copy)
                                reader_fail(rd, -ENOMEM);
                        return copy;
                }
        reader_refuse(rd, n,
                      "`%.*s` is no HTTP method: GET, POST, PUT, PATCH, DELETE, HEAD, OPTIONS; "
                      "a remote procedure has the method RPC",
                      (int)MIN2(word.n, 40), word.at);
        return NULL;
}

/* "/orders/:id/" and "/orders/<int:id>" become "/orders/{id}": one form, so that spelling makes no
 * difference. */
char *read_path(struct reader *rd, const char *text)
{
        _cleanup_buf_ struct buf b = {0};
        char *path;

        if (*text != '/')
                (void)buf_add_char(&b, '/');
        for (const char *at = text; *at && *at != '?';) {
                bool is_start = at == text || at[-1] == '/';
                size_t n = strcspn(at, "/?");

                if (is_start && *at == ':' && n > 1) {
                        (void)buf_printf(&b, "{%.*s}", (int)n - 1, at + 1);
                } else if (is_start && *at == '<' && n > 2 && at[n - 1] == '>') {
                        const char *colon = memchr(at, ':', n), *from = colon ? colon + 1 : at + 1;

                        (void)buf_printf(&b, "{%.*s}", (int)(at + n - 1 - from), from);
                } else {
                        (void)buf_add(&b, at, n);
                }
                at += n;
                if (*at == '/')
                        (void)buf_add_char(&b, *at++);
        }
        while (b.n > 1 && b.at[b.n - 1] == '/')
                b.at[--b.n] = '\0';
        (void)buf_add_text(&b, strchr(text, '?') ? strchr(text, '?') : "");
        path = b.failed ? NULL : buf_steal(&b, NULL);
        if (!path)
                reader_fail(rd, -ENOMEM);
        return path;
}

static void read_endpoint(struct reader *rd, struct yaml_node *n, struct contract *c)
{
        _cleanup_free_ char *endpoint = NULL, *method = NULL;
        struct yaml_node *at = NULL;
        const char *path, *end;

        at = n->kind == YAML_SCALAR ? n : reader_get(rd, n, "endpoint|path|route");
        endpoint = reader_scalar(rd, at, "endpoint");
        if (!endpoint) {
                reader_refuse(rd, n,
                              "a contract needs `endpoint`: \"POST /orders\", or \"/orders\" "
                              "beside `method`");
                return;
        }
        path = endpoint;
        if (*path != '/') {
                size_t n_word = strcspn(path, " \t");

                path += n_word;
                path += strspn(path, " \t");
                if (*path)
                        c->method = method_of(rd, at, (struct span){endpoint, n_word});
                else
                        path = endpoint; /* "orders": a path without its slash */
        }
        end = path + strcspn(path, " \t\n");
        if (*end) {
                reader_refuse(rd, at, "`%.80s` is no endpoint: a path must not contain blanks",
                              endpoint);
                return;
        }
        method = n->kind == YAML_MAP ? reader_text(rd, n, "method|verb") : NULL;
        if (method && !c->method)
                c->method = method_of(rd, n, span_of(method));
        else if (method && c->method && strcasecmp(method, c->method) != 0)
                reader_refuse(rd, n, "`method` says %.20s, but `endpoint` says %s", method,
                              c->method);
        if (!rd->error && !c->method) {
                reader_warn(rd, n, "the contract %.80s has no method: GET", endpoint);
                c->method = str_dup_span(SPAN("GET"));
                if (!c->method)
                        reader_fail(rd, -ENOMEM);
        }
        c->endpoint = read_path(rd, path);
}

/* {fields: {a: t}}, {a: t}, [{name: a, type: t}] or a text. A text that is not the entity's name is
 * its description, which has no place: a warning. */
static void read_message(struct reader *rd, struct yaml_node *n, const char *what,
                         struct attribute **ret, size_t *ret_n)
{
        struct yaml_node *fields;

        if (!n || rd->error)
                return;
        if (n->kind == YAML_SCALAR) {
                reader_warn(
                        rd, n,
                        "the %s `%.60s` is a text and not used: write a map of fields and types",
                        what, n->text);
                return;
        }
        fields = n->kind == YAML_MAP ? reader_get(rd, n, "fields|properties") : NULL;
        if (fields && n->n_items > 1)
                (void)reader_get(rd, n, "type");
        read_attributes(rd, fields ? fields : n, what, ret, ret_n);
}

/* The first answer of success: response, response_body, response_200 … response_299. */
static struct yaml_node *success_response(struct reader *rd, struct yaml_node *n)
{
        struct yaml_node *at = reader_get(rd, n, "response|response_body|response_schema");
        char key[16];

        for (unsigned status = 200; !at && status < 300; status++) {
                snprintf(key, sizeof(key), "response_%u", status);
                at = reader_get(rd, n, key);
        }
        return at;
}

void read_contracts(struct reader *rd, struct yaml_node *n)
{
        void *at = rd->model->contracts;

        if (!n || rd->error)
                return;
        if (n->kind != YAML_LIST || n->n_items > SPEC_MAX_ITEMS) {
                reader_refuse(rd, n,
                              "`api_contracts` must be a list of maps {endpoint, method, request, "
                              "response}");
                return;
        }
        if (!reader_more(rd, &at, rd->model->n_contracts, n->n_items, sizeof(struct contract)))
                return;
        rd->model->contracts = at;
        for (size_t i = 0; i < n->n_items && !rd->error; i++) {
                struct yaml_node *item = n->items[i];
                struct contract *c = &rd->model->contracts[rd->model->n_contracts++];

                reader_note(rd, &rd->contracts, item);
                read_endpoint(rd, item, c);
                if (rd->error || item->kind != YAML_MAP)
                        continue;
                c->description = reader_text(rd, item, "description|summary|purpose");
                c->entity = reader_text(rd, item, "entity");
                read_message(rd, reader_get(rd, item, "request|request_body|request_schema"),
                             "request", &c->request, &c->n_request);
                read_message(rd, success_response(rd, item), "response", &c->response,
                             &c->n_response);
        }
}

void read_criteria(struct reader *rd, struct yaml_node *n)
{
        if (!n || rd->error)
                return;
        for (size_t i = 0; i < n->n_items && !rd->error; i++) {
                struct yaml_node *item = n->items[i];
                _cleanup_free_ char *text = NULL, *measure = NULL, *line = NULL;

                if (item->kind == YAML_MAP) {
                        text = reader_paragraph(rd, item, "criterion|description|text");
                        measure = reader_text(rd, item, "measurable|measure|metric|threshold");
                        (void)reader_get(rd, item,
                                         "priority"); /* says nothing about what to make */
                        (void)reader_get(rd, item, "id");
                } else {
                        text = reader_scalar(rd, item, "criterion");
                }
                if (rd->error || !text)
                        continue;
                line = measure ? str_printf("%s (%s)", text, measure) : str_dup_span(span_of(text));
                if (!line || strlist_add(&rd->model->success_criteria, line) < 0)
                        reader_fail(rd, -ENOMEM);
        }
}

void read_patterns(struct reader *rd, struct yaml_node *n)
{
        if (!n || rd->error)
                return;
        for (size_t i = 0; i < n->n_items && !rd->error; i++) {
                struct yaml_node *item = n->items[i];
                _cleanup_free_ char *name = NULL, *text = NULL, *line = NULL;
                struct strlist where = {0};

                if (item->kind == YAML_MAP) {
                        name = reader_text(rd, item, "name");
                        text = reader_text(rd, item, "description|purpose");
                        reader_texts(rd, item, "applies_to", &where);
                } else {
                        name = reader_scalar(rd, item, "pattern");
                }
                if (!rd->error && name) {
                        line = text ? str_printf("%s: %s", name, text)
                                    : str_dup_span(span_of(name));
                        if (!line || strlist_add(&rd->model->patterns, line) < 0)
                                reader_fail(rd, -ENOMEM);
                }
                if (where.n > 0)
                        reader_warn(rd, item,
                                    "`applies_to` of a pattern is not used: it is told to every "
                                    "service");
                strlist_done(&where);
        }
}

/* 85, 85.0 and "85%" are one number. */
static char *read_percentage(struct reader *rd, struct yaml_node *n, const char *names)
{
        struct yaml_node *at = reader_get(rd, n, names);
        _cleanup_free_ char *text = reader_scalar(rd, at, names);
        char *number;
        double value;
        size_t length;

        if (!text)
                return NULL;
        length = strlen(text);
        if (text[length - 1] == '%')
                text[length - 1] = '\0';
        if (str_to_double(text, &value) < 0 || value < 0 || value > 100) {
                reader_refuse(rd, at, "`%.*s` must be a number from 0 to 100, not `%.40s`",
                              (int)strcspn(names, "|"), names, text);
                return NULL;
        }
        number = str_printf("%.10g", value);
        if (!number)
                reader_fail(rd, -ENOMEM);
        return number;
}

static char *read_flag(struct reader *rd, struct yaml_node *n, const char *name)
{
        char *text;

        if (!reader_get(rd, n, name))
                return NULL;
        text = str_dup_span(span_of(reader_bool(rd, n, name, false) ? "true" : "false"));
        if (!text)
                reader_fail(rd, -ENOMEM);
        return text;
}

void read_settings(struct reader *rd, struct yaml_node *testing, struct yaml_node *build)
{
        struct model *m = rd->model;

        m->testing.coverage_target = read_percentage(rd, testing, "coverage_target|coverage");
        m->testing.unit_tests = read_flag(rd, testing, "unit_tests");
        m->testing.integration_tests = read_flag(rd, testing, "integration_tests");
        reader_texts(rd, testing, "frameworks|framework", &m->testing.frameworks);
        m->build.go_version = reader_text(rd, build, "go_version");
        m->build.output_path = reader_text(rd, build, "output_path");
        m->build.target_os = reader_text(rd, build, "target_os");
        reader_texts(rd, build, "build_flags|flags", &m->build.flags);
        if (!m->testing.coverage_target)
                m->testing.coverage_target = read_percentage(rd, build, "test_coverage_target");
}
