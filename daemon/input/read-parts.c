#include <ctype.h>
#include <strings.h>

#include "daemon/input/reader.h"

/* Attributes come as
 *
 *     {ID: string, User: "*User"}                                   name -> type
 *     {ID: {type: string, description: …, required: true}}          name -> map
 *     [{name|attribute|field: ID, type: string, description: …}]    list of maps
 *     [ID: string, Name: string]                                    list of maps: name -> type
 *     ["ID: string", "name:str", "email"]                           list of texts
 *
 * A map has no order: its attributes stand by name, an identity (id, ID, Id) first. Lists keep
 * theirs. */

#define NAME_KEYS "name|attribute|field"

/* A nested shape ({items: [...]}, {street: string}) stays readable as compact JSON. */
static char *nested_type(struct reader *rd, struct yaml_node *n)
{
        _cleanup_json_ json_t *value = NULL;
        char *text;
        int r;

        yaml_mark_read(n);
        r = yaml_to_json(n, &value);
        text = r == 0 ? json_to_text(value) : NULL;
        if (!text)
                reader_fail(rd, r < 0 ? r : -ENOMEM);
        return text;
}

/* What else is said of an attribute: a default is words. */
static void read_rest(struct reader *rd, struct yaml_node *n, struct attribute *a)
{
        struct yaml_node *otherwise = reader_get(rd, n, "default");
        _cleanup_free_ char *said = NULL;

        a->description = reader_text(rd, n, "description");
        a->is_required = reader_bool(rd, n, "required", false);
        a->is_unique = reader_bool(rd, n, "unique", false);
        a->was = reader_text(rd, n, "was");
        if (!otherwise || otherwise->kind != YAML_SCALAR || rd->error)
                return;
        said = take(a->description);
        a->description =
                str_printf("%s%sdefault %s", said ? said : "", said ? "; " : "", otherwise->text);
        if (!a->description)
                reader_fail(rd, -ENOMEM);
        if (*otherwise->text)
                a->otherwise = reader_copy(rd, otherwise->text);
}

static void read_attribute_value(struct reader *rd, struct yaml_node *n, struct attribute *a)
{
        if (n->kind == YAML_SCALAR) {
                a->type = reader_scalar(rd, n, "type");
                return;
        }
        if (n->kind == YAML_MAP && reader_get(rd, n, "type")) {
                struct yaml_node *type = reader_get(rd, n, "type");

                a->type = type->kind == YAML_SCALAR ? reader_scalar(rd, type, "type")
                                                    : nested_type(rd, type);
                read_rest(rd, n, a);
                return;
        }
        a->type = nested_type(rd, n);
}

/* "ID: string", "name:str", "email" */
static void read_attribute_text(struct reader *rd, const struct yaml_node *n, struct attribute *a)
{
        _cleanup_free_ char *text = reader_scalar(rd, n, "attribute");
        char *colon, *end;

        if (!text)
                return;
        colon = strchr(text, ':');
        if (colon) {
                *colon = '\0';
                for (end = colon; end > text && isspace((unsigned char)end[-1]);)
                        *--end = '\0';
                colon++;
                colon += strspn(colon, " \t");
                if (*colon) {
                        a->type = str_dup_span(span_of(colon));
                        if (!a->type)
                                reader_fail(rd, -ENOMEM);
                }
        }
        if (*text)
                a->name = take(text);
}

static void read_attribute_item(struct reader *rd, struct yaml_node *n, const char *of,
                                struct attribute *a)
{
        struct yaml_node *name;

        if (n->kind == YAML_SCALAR) {
                read_attribute_text(rd, n, a);
        } else if (n->kind == YAML_LIST) {
                reader_refuse(rd, n,
                              "an attribute of %s must be a name or a map, but a list stands here",
                              of);
                return;
        } else {
                name = reader_get(rd, n, NAME_KEYS);
                if (name) {
                        struct yaml_node *type = reader_get(rd, n, "type");

                        a->name = reader_scalar(rd, name, "name");
                        if (type)
                                a->type = type->kind == YAML_SCALAR
                                                  ? reader_scalar(rd, type, "type")
                                                  : nested_type(rd, type);
                        read_rest(rd, n, a);
                } else if (n->n_items == 1) {
                        a->name = reader_scalar(rd, n->keys[0], "name");
                        read_attribute_value(rd, reader_item(n, 0), a);
                }
        }
        if (!rd->error && !a->name)
                reader_refuse(rd, n, "an attribute of %s has no name: write `name: …`, `type: …`",
                              of);
}

static void check_attributes(struct reader *rd, const struct yaml_node *n, const char *of,
                             const struct attribute *at, size_t n_at)
{
        for (size_t i = 0; i < n_at && !rd->error; i++)
                for (size_t k = 0; k < i; k++)
                        if (strcmp(at[i].name, at[k].name) == 0) {
                                reader_refuse(rd, n->items[n->kind == YAML_LIST ? i : 0],
                                              "%s has two attributes `%s`: remove or rename one",
                                              of, at[i].name);
                                return;
                        }
}

static void attributes_of_map(struct reader *rd, struct yaml_node *n, struct attribute *at,
                              size_t *n_at)
{
        _cleanup_free_ size_t *order = reader_sorted_keys(rd, n);

        for (int pass = 0; order && pass < 2; pass++)
                for (size_t i = 0; i < n->n_items && !rd->error; i++) {
                        struct yaml_node *key = n->keys[order[i]];

                        if (reader_is_identity(key->text) != (pass == 0))
                                continue;
                        (void)reader_item(n, order[i]);
                        at[*n_at].name = reader_scalar(rd, key, "attribute");
                        if (!at[*n_at].name) {
                                reader_refuse(rd, key, "an attribute has no name");
                                return;
                        }
                        if (!yaml_is_null(n->items[order[i]]))
                                read_attribute_value(rd, n->items[order[i]], &at[*n_at]);
                        ++*n_at;
                }
}

void read_attributes(struct reader *rd, struct yaml_node *n, const char *of, struct attribute **ret,
                     size_t *ret_n)
{
        void *at = *ret;

        if (!n || rd->error)
                return;
        if (n->kind == YAML_SCALAR) {
                reader_refuse(
                        rd, n,
                        "the attributes of %s must be a list or a map, but a text stands here", of);
                return;
        }
        if (n->n_items > SPEC_MAX_ATTRIBUTES) {
                reader_refuse(rd, n, "%s has more than %u attributes", of, SPEC_MAX_ATTRIBUTES);
                return;
        }
        if (!reader_more(rd, &at, *ret_n, n->n_items, sizeof(struct attribute)))
                return;
        *ret = at;
        if (n->kind == YAML_MAP) {
                attributes_of_map(rd, n, *ret, ret_n);
                return;
        }
        for (size_t i = 0; i < n->n_items && !rd->error; i++)
                read_attribute_item(rd, n->items[i], of, &(*ret)[(*ret_n)++]);
        check_attributes(rd, n, of, *ret, *ret_n);
}

void read_relations(struct reader *rd, struct yaml_node *n, const char *from)
{
        void *at = rd->model->relations;

        if (!n || rd->error)
                return;
        if (n->kind != YAML_LIST) {
                reader_refuse(rd, n, "`relationships` must be a list of maps {from, to, type}");
                return;
        }
        if (!reader_more(rd, &at, rd->model->n_relations, n->n_items, sizeof(struct relation)))
                return;
        rd->model->relations = at;
        for (size_t i = 0; i < n->n_items && !rd->error; i++) {
                struct yaml_node *item = n->items[i];
                struct relation *r = &rd->model->relations[rd->model->n_relations];

                if (item->kind != YAML_MAP) {
                        reader_refuse(rd, item, "a relationship must be a map {from, to, type}");
                        return;
                }
                rd->model->n_relations++;
                reader_note(rd, &rd->relations, item);
                r->from = reader_text(rd, item, "from|source");
                if (!r->from && from && !rd->error) {
                        r->from = str_dup_span(span_of(from));
                        if (!r->from)
                                reader_fail(rd, -ENOMEM);
                }
                r->to = reader_text(rd, item, "to|target|entity");
                r->type = reader_text(rd, item, "type|kind|cardinality");
                r->is_required = reader_bool(rd, item, "required", false);
                r->description = reader_text(rd, item, "description");
                if (!rd->error && (!r->from || !r->to))
                        reader_refuse(rd, item, "a relationship needs `%s`",
                                      r->from ? "to" : "from");
        }
}

static void read_entity(struct reader *rd, struct yaml_node *n, const struct yaml_node *key)
{
        struct entity *e = &rd->model->entities[rd->model->n_entities++];

        reader_note(rd, &rd->entities, key ? key : n);
        if (n->kind == YAML_SCALAR) {
                e->name = key ? reader_scalar(rd, key, "name") : reader_scalar(rd, n, "name");
                if (key)
                        e->description = reader_scalar(rd, n, "description");
        } else if (n->kind == YAML_LIST) {
                reader_refuse(rd, n,
                              "an entity must be a map {name, attributes}, but a list stands here");
                return;
        } else {
                e->name = reader_text(rd, n, "name|entity");
                if (!e->name && key)
                        e->name = reader_scalar(rd, key, "name");
        }
        if (!rd->error && !e->name)
                reader_refuse(rd, n, "an entity has no name: write `name: …`");
        if (rd->error || n->kind == YAML_SCALAR)
                return;
        e->package = reader_text(rd, n, "package");
        e->description = reader_text(rd, n, "description");
        read_attributes(rd, reader_get(rd, n, "attributes|fields|properties"), e->name,
                        &e->attributes, &e->n_attributes);
        read_relations(rd, reader_get(rd, n, "relationships|relations"), e->name);
}

void read_entities(struct reader *rd, struct yaml_node *n)
{
        _cleanup_free_ size_t *order = NULL;
        void *at = rd->model->entities;

        if (!n || rd->error)
                return;
        if (n->kind == YAML_SCALAR || n->n_items > SPEC_MAX_ITEMS) {
                reader_refuse(rd, n,
                              "`entities` must be a list of at most %u maps {name, attributes}",
                              SPEC_MAX_ITEMS);
                return;
        }
        if (!reader_more(rd, &at, rd->model->n_entities, n->n_items, sizeof(struct entity)))
                return;
        rd->model->entities = at;
        if (n->kind == YAML_LIST) {
                for (size_t i = 0; i < n->n_items && !rd->error; i++)
                        read_entity(rd, n->items[i], NULL);
                return;
        }
        order = reader_sorted_keys(rd, n);
        for (size_t i = 0; order && i < n->n_items && !rd->error; i++)
                read_entity(rd, reader_item(n, order[i]), n->keys[order[i]]);
}

void read_packages(struct reader *rd, struct yaml_node *n)
{
        void *at = rd->model->packages;

        if (!n || rd->error)
                return;
        if (n->kind != YAML_LIST || n->n_items > SPEC_MAX_ITEMS) {
                reader_refuse(
                        rd, n,
                        "`packages` must be a list of maps {name, path, purpose, dependencies}");
                return;
        }
        if (!reader_more(rd, &at, rd->model->n_packages, n->n_items, sizeof(struct package)))
                return;
        rd->model->packages = at;
        for (size_t i = 0; i < n->n_items && !rd->error; i++) {
                struct yaml_node *item = n->items[i];
                struct package *p = &rd->model->packages[rd->model->n_packages++];

                reader_note(rd, &rd->packages, item);
                if (item->kind == YAML_SCALAR) {
                        p->path = reader_scalar(rd, item, "path");
                } else {
                        p->name = reader_text(rd, item, "name");
                        p->path = reader_text(rd, item, "path");
                        p->purpose = reader_text(rd, item, "purpose|description");
                        reader_texts(rd, item, "dependencies|depends_on", &p->depends);
                }
                if (!rd->error && !p->name && p->path) {
                        const char *slash = strrchr(p->path, '/');

                        p->name = str_dup_span(span_of(slash && slash[1] ? slash + 1 : p->path));
                        if (!p->name)
                                reader_fail(rd, -ENOMEM);
                }
                if (!rd->error && !p->name)
                        reader_refuse(rd, item, "a package has neither `name` nor `path`");
        }
}

void read_libraries(struct reader *rd, struct yaml_node *n)
{
        void *at = rd->model->libraries;

        if (!n || rd->error)
                return;
        if (n->kind != YAML_LIST || n->n_items > SPEC_MAX_ITEMS) {
                reader_refuse(rd, n,
                              "`dependencies` must be a list of maps {name, version, purpose}");
                return;
        }
        if (!reader_more(rd, &at, rd->model->n_libraries, n->n_items, sizeof(struct library)))
                return;
        rd->model->libraries = at;
        for (size_t i = 0; i < n->n_items && !rd->error; i++) {
                struct yaml_node *item = n->items[i];
                struct library *l = &rd->model->libraries[rd->model->n_libraries++];

                if (item->kind == YAML_SCALAR) {
                        l->name = reader_scalar(rd, item, "name");
                } else {
                        l->name = reader_text(rd, item, "name");
                        l->version = reader_text(rd, item, "version");
                        l->purpose = reader_text(rd, item, "purpose|description");
                }
                if (!rd->error && !l->name)
                        reader_refuse(rd, item, "a dependency has no `name`");
        }
}
