#include <ctype.h>
#include <stdio.h>

#include "common/canon.h"
#include "daemon/blueprint/links.h"
#include "daemon/blueprint/present.h"
#include "daemon/blueprint/types.h"

/* The pieces: what tasks declare, as data, made once. A key stands only where it holds something;
 * lists that templates walk are there also when they are empty, and are left out of the facts. */

#define PIECE_VERSION 1
#define PIECE_NAME_BYTES 80

void piece_done(struct piece *p)
{
        json_decref(p->data);
        free(p->text);
        free(p->name);
}

int piece_hash(const json_t *data, struct hash *ret)
{
        struct canon *c;
        int r = canon_new(PIECE_VERSION, &c);

        if (r < 0)
                return r;
        r = canon_add_json(c, 1, data);
        canon_get(c, ret);
        canon_free(c);
        return r;
}

/* Items without an id are called by the beginning of their text, cut at the end of a character. */
static size_t name_bytes(const char *text)
{
        return str_head(span_of(text), PIECE_NAME_BYTES).n;
}

int piece_set(struct piece *p, json_t *data, const char *name, const char *id)
{
        if (!data)
                return -ENOMEM;
        p->data = data;
        p->name = id ? str_printf("%s:%.*s", name, (int)name_bytes(id), id)
                     : str_dup_span(span_of(name));
        if (!p->name)
                return -ENOMEM;
        return piece_hash(data, &p->hash);
}

int piece_text(struct piece *p, unsigned indent, bool is_item)
{
        _cleanup_buf_ struct buf b = {0};
        int r;

        if (p->text)
                return 0;
        r = is_item ? present_item(p->data, indent, &b) : present_value(p->data, indent, &b);
        if (r == 0)
                r = buf_add(&b, "", 0);
        if (r < 0)
                return r;
        p->n_text = b.n;
        p->text = buf_steal(&b, NULL);
        return p->text ? 0 : -ENOMEM;
}

/* Builders: the first failure makes all that follow do nothing, and the value NULL. */
static void put(json_t **object, const char *key, const char *text)
{
        if (*object && text && json_put(*object, key, json_string(text)) < 0) {
                json_decref(*object);
                *object = NULL;
        }
}

static void put_value(json_t **object, const char *key, json_t *value)
{
        if (*object && json_put(*object, key, value) < 0) {
                json_decref(*object);
                *object = NULL;
        } else if (!*object) {
                json_decref(value);
        }
}

static void put_texts(json_t **object, const char *key, const struct strlist *texts, bool is_always)
{
        json_t *list;

        if (texts->n == 0 && !is_always)
                return;
        list = json_array();
        for (size_t i = 0; list && i < texts->n; i++)
                if (json_add(list, json_string(texts->at[i])) < 0) {
                        json_decref(list);
                        list = NULL;
                }
        put_value(object, key, list);
}

/* A name that begins like one of JSON's ("apiKey", "2nd_line") is one, and stays; "UnitPrice" is an
 * identifier of the language's, which is spelled as is usual in JSON. A name that no tag could hold
 * is none. */
static int put_json_name(const struct layout *l, const struct lay_attribute *a, json_t **o)
{
        const char *name = a->source ? a->source->name : NULL;
        _cleanup_free_ char *snake = NULL;

        if (!l->b->naming.has_json_names || !name || isupper((unsigned char)*name) ||
            strpbrk(name, ",\"'\\`") || strcmp(a->name, l->b->naming.identity) == 0)
                return 0;
        snake = name_in_style(NULL, a->name, STYLE_SNAKE);
        if (!snake)
                return -ENOMEM;
        if (strcmp(snake, name) != 0)
                put(o, "json", name);
        return 0;
}

static json_t *attribute_data(struct layout *l, const struct lay_entity *e,
                              const struct lay_attribute *a)
{
        json_t *o = json_object();
        _cleanup_buf_ struct buf b = {0};

        if (skeleton_write(l, a->skeleton, e->package, a->is_by_id, &b) < 0) {
                json_decref(o);
                return NULL;
        }
        put(&o, "name", a->name);
        if (l->b->naming.field_spelling.keep.code && a->source &&
            strcmp(a->source->name, a->name) != 0)
                put(&o, "given", a->source->name);
        put(&o, "type", b.at ? b.at : "");
        if (o && put_json_name(l, a, &o) < 0) {
                json_decref(o);
                return NULL;
        }
        if (a->source && strcmp(a->name, l->b->naming.identity) != 0 &&
            layout_type_is_unknown(l, a->source->type))
                put(&o, "unknown_type", a->source->type); /* no template reads it: a model may */
        if (attribute_is_required(a))
                put_value(&o, "required", json_true());
        if (a->source && a->source->is_unique && !a->is_ruled)
                put_value(&o, "must_be_unique", json_true()); /* a word that no rule has */
        put(&o, "was", a->was);
        put(&o, "description", a->source ? a->source->description : NULL);
        if (l->b->naming.has_relation_fields && a->reference)
                put(&o, "reference", l->entities[a->reference - 1].name);
        return o;
}

/* Types of other packages: with their import path, or by identifier. */
static json_t *references_data(struct layout *l, const struct lay_entity *e)
{
        json_t *list = json_array();

        for (size_t rank = 0; list && rank < e->types.n; rank++) {
                const struct lay_entity *other = &l->entities[e->types.at[rank]];
                json_t *o;

                if (other->package == e->package)
                        continue;
                o = json_object();
                put(&o, "entity", other->name);
                if (layout_may_import(l, e->package, other->package))
                        put(&o, "import_path", l->packages[other->package].import_path);
                else
                        put_value(&o, "by_id", json_true());
                if (json_add(list, o) < 0) {
                        json_decref(list);
                        list = NULL;
                }
        }
        return list;
}

static int compare_references(const void *a, const void *b)
{
        return strcmp(json_get_text(*(json_t *const *)a, "entity"),
                      json_get_text(*(json_t *const *)b, "entity"));
}

/* By name: their order in the file makes no difference. */
static json_t *sorted(json_t *list)
{
        size_t n = json_array_size(list), i;
        json_t *item, *result = json_array();
        _cleanup_free_ json_t **at = calloc(n + 1, sizeof(json_t *));

        if (!list || !result || !at) {
                json_decref(list);
                json_decref(result);
                return NULL;
        }
        json_array_foreach (list, i, item)
                at[i] = item;
        qsort(at, n, sizeof(json_t *), compare_references);
        for (i = 0; i < n; i++)
                if (json_array_append(result, at[i]) < 0) {
                        json_decref(list);
                        json_decref(result);
                        return NULL;
                }
        json_decref(list);
        return result;
}

static json_t *entity_head(const struct layout *l, const struct lay_entity *e, bool is_described)
{
        json_t *o = json_object();

        put(&o, "name", e->name);
        if (l->b->naming.modules.words.n > 0)
                put(&o, "module", e->file);
        if (!l->b->naming.single_package) {
                put(&o, "package", l->packages[e->package].name);
                put(&o, "import_path", l->packages[e->package].import_path);
        }
        if (is_described)
                put(&o, "description", e->source->description);
        return o;
}

static int entity_pieces(struct layout *l, struct lay_entity *e)
{
        json_t *o = entity_head(l, e, true), *list = json_array(), *references;
        int r;

        for (size_t i = 0; list && i < e->n_attributes; i++)
                if (json_add(list, attribute_data(l, e, &e->attributes[i])) < 0) {
                        json_decref(list);
                        list = NULL;
                }
        put_value(&o, "attributes", list);
        references = sorted(references_data(l, e));
        if (!references || json_array_size(references) > 0)
                put_value(&o, "references", references);
        else
                json_decref(references);
        r = piece_set(&e->full, o, "entity", e->name);
        if (r == 0)
                r = piece_set(&e->brief, entity_head(l, e, false), "entity.name", e->name);
        return r < 0 ? r
                     : piece_set(&e->summary, entity_head(l, e, true), "entity.summary", e->name);
}

static bool is_key(const json_t *attribute, const char *identity)
{
        const char *name = json_get_text(attribute, "name");

        return json_object_get(attribute, "reference") ||
               (name && identity && strcmp(name, identity) == 0);
}

static json_t *key_data(const json_t *attribute)
{
        static const char *const fields[] = {"name", "type", "json", "reference"};
        json_t *o = json_object();

        for (size_t i = 0; i < N_ELEMENTS(fields); i++)
                put(&o, fields[i], json_get_text(attribute, fields[i]));
        return o;
}

/* By name, with its identity and what refers to others: to who is told of these no other attribute
 * makes a difference. Made when somebody is. */
int layout_entity_keys(struct lay_entity *e, const char *identity)
{
        json_t *o, *list, *attribute;
        size_t i;

        if (e->keys.data)
                return 0;
        o = json_copy(e->brief.data);
        list = json_array();
        json_array_foreach (json_object_get(e->full.data, "attributes"), i, attribute) {
                if (list && is_key(attribute, identity) &&
                    json_add(list, key_data(attribute)) < 0) {
                        json_decref(list);
                        list = NULL;
                }
        }
        put_value(&o, "attributes", list);
        return piece_set(&e->keys, o, "entity.keys", e->name);
}

static int package_piece(struct layout *l, struct lay_package *p)
{
        json_t *o = json_object(), *depends = NULL;

        put(&o, "name", p->name);
        put(&o, "path", p->path);
        put(&o, "import_path", p->import_path);
        put(&o, "purpose", p->source ? p->source->purpose : NULL);
        if (p->imports.n > 0) {
                depends = json_array();
                for (size_t i = 0; depends && i < p->imports.n; i++)
                        if (json_add(depends, json_string(l->packages[p->imports.at[i]].name)) <
                            0) {
                                json_decref(depends);
                                depends = NULL;
                        }
                put_value(&o, "depends_on", depends);
        }
        return piece_set(&p->piece, o, "package", p->name);
}

/* name: type for each field; what else is said of fields stands beside it. */
static int put_message(struct layout *l, json_t **o, const char *key, const struct attribute *at,
                       size_t n, int64_t entity)
{
        json_t *fields = json_object(), *required = json_array(), *notes = json_object();
        uint32_t package = entity >= 0 ? l->entities[entity].package : UINT32_MAX;
        char name[64];
        int r = 0;

        for (size_t i = 0; i < n && r == 0; i++) {
                _cleanup_buf_ struct buf b = {0};
                const char *skeleton;
                struct refs types = {0};
                bool is_legal = true;

                r = layout_type(l, at[i].type, at[i].name, &skeleton);
                if (r == 0)
                        r = skeleton_entities(skeleton, &types);
                for (size_t k = 0; entity >= 0 && k < types.n; k++)
                        is_legal = is_legal &&
                                   layout_may_import(l, package, l->entities[types.at[k]].package);
                free(types.at);
                if (r == 0)
                        r = skeleton_write(l, skeleton, package, !is_legal, &b);
                put(&fields, at[i].name, b.at ? b.at : "");
                if (at[i].is_required && required &&
                    json_add(required, json_string(at[i].name)) < 0)
                        r = -ENOMEM;
                put(&notes, at[i].name, at[i].description);
        }
        if (r == 0 && n > 0)
                put_value(o, key, json_incref(fields));
        snprintf(name, sizeof(name), "%s_required", key);
        if (r == 0 && json_array_size(required) > 0)
                put_value(o, name, json_incref(required));
        snprintf(name, sizeof(name), "%s_notes", key);
        if (r == 0 && json_object_size(notes) > 0)
                put_value(o, name, json_incref(notes));
        json_decref(fields);
        json_decref(required);
        json_decref(notes);
        return r;
}

static int contract_piece(struct layout *l, struct lay_contract *c)
{
        json_t *o = json_object();
        _cleanup_free_ char *id = str_printf("%s %s", c->method, c->endpoint);
        int r = 0;

        put(&o, "method", c->method);
        put(&o, "endpoint", c->endpoint);
        put(&o, "action", c->action);
        put(&o, "description", c->description);
        put(&o, "entity", c->entity >= 0 ? l->entities[c->entity].name : NULL);
        if (c->source) {
                r = put_message(l, &o, "request", c->source->request, c->source->n_request,
                                c->entity);
                if (r == 0)
                        r = put_message(l, &o, "response", c->source->response,
                                        c->source->n_response, c->entity);
        }
        if (r != 0 || !id) {
                json_decref(o);
                return r != 0 ? r : -ENOMEM;
        }
        return piece_set(&c->piece, o, "contract", id);
}

static int requirement_piece(struct layout *l, size_t i)
{
        const struct requirement *source = l->requirement_sources[i];
        json_t *o = json_object();

        if (!source->is_id_made)
                put(&o, "id", source->id);
        put(&o, "text", source->text);
        put(&o, "priority", source->priority);
        put(&o, "category", source->category);
        put(&o, "threshold", source->threshold);
        return piece_set(&l->requirements[i].piece, o, "requirement",
                         source->is_id_made ? source->text : source->id);
}

/* Never its position, which changes with what stands before it. */
static const char *scenario_name(const struct scenario *s)
{
        const char *const names[] = {s->id, s->title, s->when, s->given, s->then, s->description};

        for (size_t i = 0; i < N_ELEMENTS(names); i++)
                if (names[i])
                        return names[i];
        return "without a title";
}

static int scenario_piece(struct layout *l, size_t i)
{
        const struct scenario *source = &l->m->scenarios[i];
        json_t *o = json_object();

        put(&o, "id", source->id);
        put(&o, "title", source->title);
        put(&o, "priority", source->priority);
        put(&o, "description", source->description);
        put(&o, "given", source->given);
        put(&o, "when", source->when);
        put(&o, "then", source->then);
        put_texts(&o, "criteria", &source->criteria, false);
        return piece_set(&l->scenarios[i].piece, o, "scenario", scenario_name(source));
}

static int relation_piece(struct layout *l, size_t i)
{
        const struct relation *source = &l->m->relations[i];
        uint32_t from = 0, to = 0;
        json_t *o = json_object();
        _cleanup_free_ char *id = NULL;

        (void)!phrases_get(l->phrases, span_of(source->from), &from); /* linked by the reader */
        (void)!phrases_get(l->phrases, span_of(source->to), &to);
        put(&o, "from", l->entities[from].name);
        put(&o, "to", l->entities[to].name);
        put(&o, "type", source->type);
        if (source->is_required)
                put_value(&o, "required", json_true());
        put(&o, "description", source->description);
        id = str_printf("%s-%s", l->entities[from].name, l->entities[to].name);
        if (!id) {
                json_decref(o);
                return -ENOMEM;
        }
        return piece_set(&l->relations[i].piece, o, "relation", id);
}

static int list_piece(struct piece *p, const struct strlist *texts, const char *name)
{
        json_t *o = json_object(), *list;
        int r;

        put_texts(&o, "list", texts, true);
        list = o ? json_incref(json_object_get(o, "list")) : NULL;
        json_decref(o);
        r = piece_set(p, list, name, NULL);
        return r;
}

static int project_pieces(struct layout *l)
{
        const struct model *m = l->m;
        json_t *o = json_object(), *testing = json_object(), *build = json_object(),
               *libraries = json_array();
        int r;

        put(&o, "name", m->name);
        for (size_t i = 0; i < l->b->n_parameters; i++)
                if (strcmp(l->b->parameters[i].name, "module") == 0)
                        put(&o, "module", l->parameters[i]);
        put(&o, "description", m->description);
        r = piece_set(&l->project, o, "project", NULL);
        put(&testing, "coverage_target", m->testing.coverage_target);
        put(&testing, "unit_tests", m->testing.unit_tests);
        put(&testing, "integration_tests", m->testing.integration_tests);
        put_texts(&testing, "frameworks", &m->testing.frameworks, true);
        if (r == 0)
                r = piece_set(&l->testing, testing, "testing", NULL);
        else
                json_decref(testing);
        put(&build, "output_path", m->build.output_path);
        put(&build, "target_os", m->build.target_os);
        put_texts(&build, "flags", &m->build.flags, true);
        if (r == 0)
                r = piece_set(&l->build, build, "build", NULL);
        else
                json_decref(build);
        for (size_t i = 0; libraries && i < m->n_libraries; i++) {
                json_t *item = json_object();

                put(&item, "name", m->libraries[i].name);
                put(&item, "version", m->libraries[i].version);
                put(&item, "purpose", m->libraries[i].purpose);
                if (json_add(libraries, item) < 0) {
                        json_decref(libraries);
                        libraries = NULL;
                }
        }
        if (r == 0)
                r = piece_set(&l->libraries, libraries, "libraries", NULL);
        else
                json_decref(libraries);
        if (r == 0)
                r = list_piece(&l->criteria, &m->success_criteria, "criteria");
        return r < 0 ? r : list_piece(&l->patterns, &m->patterns, "patterns");
}

static int parameter_pieces(struct layout *l)
{
        int r = 0;

        l->parameter_pieces = calloc(l->b->n_parameters + 1, sizeof(*l->parameter_pieces));
        if (!l->parameter_pieces)
                return -ENOMEM;
        for (size_t i = 0; i < l->b->n_parameters && r == 0; i++)
                r = piece_set(&l->parameter_pieces[i], json_string(l->parameters[i]), "parameter",
                              l->b->parameters[i].name);
        return r;
}

static int compare_relations(const void *a, const void *b, void *arg)
{
        const struct layout *l = arg;
        const json_t *x = l->relations[*(const uint32_t *)a].piece.data,
                     *y = l->relations[*(const uint32_t *)b].piece.data;
        const char *type_x = json_get_text(x, "type"), *type_y = json_get_text(y, "type");
        int r = strcmp(json_get_text(x, "to"), json_get_text(y, "to"));

        return r != 0 ? r : strcmp(type_x ? type_x : "", type_y ? type_y : "");
}

/* By what they lead to: their order in the file makes no difference. Only slices look at these
 * lists from here on. */
static void sort_relations(struct layout *l)
{
        for (size_t i = 0; i < l->n_entities; i++)
                if (l->entities[i].relations.n > 1)
                        qsort_r(l->entities[i].relations.at, l->entities[i].relations.n,
                                sizeof(uint32_t), compare_relations, l);
}

int layout_pieces(struct layout *l)
{
        int r;

        r = project_pieces(l);
        if (r == 0)
                r = parameter_pieces(l);
        for (size_t i = 0; i < l->n_entities && r == 0; i++)
                r = entity_pieces(l, &l->entities[i]);
        for (size_t i = 0; i < l->n_packages && r == 0; i++)
                r = package_piece(l, &l->packages[i]);
        for (size_t i = 0; i < l->n_contracts && r == 0; i++)
                r = contract_piece(l, &l->contracts[i]);
        for (size_t i = 0; i < l->n_requirements && r == 0; i++)
                r = requirement_piece(l, i);
        for (size_t i = 0; i < l->n_scenarios && r == 0; i++)
                r = scenario_piece(l, i);
        l->relations = r == 0 ? calloc(l->m->n_relations + 1, sizeof(*l->relations)) : NULL;
        if (r == 0 && !l->relations)
                return -ENOMEM;
        l->n_relations = r == 0 ? l->m->n_relations : 0;
        for (size_t i = 0; i < l->n_relations && r == 0; i++)
                r = relation_piece(l, i);
        if (r == 0)
                sort_relations(l);
        return r;
}
