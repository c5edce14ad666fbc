#include <stdio.h>

#include "daemon/input/openapi.h"

/* Schemas (OpenAPI 3.0 and 3.1, which is JSON Schema). An entity is a schema of `components` with
 * properties, its own or by allOf; a reference to it is its name. Everything else is a type: the
 * words of no language that blueprints know (string, datetime, enum(a, b), list of X, map<string,
 * X>, object, any), with what JSON Schema demands beyond it as words in the attribute's
 * description, so that nothing is lost and each word counts in the keys. Maps have no order:
 * properties stand by name, an identity first. */

static const struct {
        const char *type, *format, *word;
} types[] = {
        {"string", "date-time", "datetime"},
        {"string", "date", "date"},
        {"string", "time", "string"},
        {"string", "duration", "duration"},
        {"string", "uuid", "uuid"},
        {"string", "email", "email"},
        {"string", "idn-email", "email"},
        {"string", "uri", "url"},
        {"string", "url", "url"},
        {"string", "iri", "url"},
        {"string", "password", "password"},
        {"string", "byte", "bytes"},
        {"string", "binary", "bytes"},
        {"integer", "int32", "integer"},
        {"integer", "int64", "long"},
        {"number", "float", "float"},
        {"number", "double", "double"},
        {"string", NULL, "string"},
        {"integer", NULL, "integer"},
        {"number", NULL, "number"},
        {"boolean", NULL, "boolean"},
        {"null", NULL, "any"},
};

/* What is demanded of a value, in words. */
static const struct {
        const char *key;
        enum { A_NUMBER, A_TEXT, A_FLAG } kind;
        const char *words;
} demands[] = {
        {"minimum", A_NUMBER, "at least %s"},
        {"exclusiveMinimum", A_NUMBER, "more than %s"},
        {"maximum", A_NUMBER, "at most %s"},
        {"exclusiveMaximum", A_NUMBER, "less than %s"},
        {"multipleOf", A_NUMBER, "a multiple of %s"},
        {"minLength", A_NUMBER, "at least %s characters"},
        {"maxLength", A_NUMBER, "at most %s characters"},
        {"pattern", A_TEXT, "matches %s"},
        {"minItems", A_NUMBER, "at least %s items"},
        {"maxItems", A_NUMBER, "at most %s items"},
        {"uniqueItems", A_FLAG, "no item twice"},
        {"const", A_TEXT, "always %s"},
        {"default", A_TEXT, "default %s"},
        {"readOnly", A_FLAG, "read only"},
        {"writeOnly", A_FLAG, "write only"},
        {"nullable", A_FLAG, "may be null"},
};

void openapi_pass(struct openapi *o, struct yaml_node *n)
{
        static const char *const names[] = {"operationId",  "tags",         "example", "examples",
                                            "externalDocs", "deprecated",   "xml",     "title",
                                            "$comment",     "discriminator"};

        (void)o;
        for (size_t i = 0; i < N_ELEMENTS(names); i++)
                yaml_mark_read(yaml_get(n, names[i]));
}

void openapi_count(struct openapi *o, const struct yaml_node *at, const char *text)
{
        o->n_bytes += text ? strlen(text) : 0;
        if (o->n_bytes > OPENAPI_MAX_BYTES)
                reader_refuse(o->rd, at,
                              "types and descriptions are more than %zu bytes in all, with what "
                              "references repeat",
                              OPENAPI_MAX_BYTES);
}

/* ---- types ---- */

/* The one alternative of oneOf or anyOf beside null (as generators write what may be absent), or
 * NULL. */
static struct yaml_node *only_alternative(struct yaml_node *n, bool *ret_is_nullable)
{
        struct yaml_node *list = yaml_get(n, "anyOf"), *only = NULL;
        size_t n_others = 0;

        list = list ? list : yaml_get(n, "oneOf");
        for (size_t i = 0; list && list->kind == YAML_LIST && i < list->n_items; i++) {
                const struct yaml_node *type = reader_peek(list->items[i], "type");

                if (type && type->kind == YAML_SCALAR && strcmp(type->text, "null") == 0) {
                        yaml_mark_read(list->items[i]);
                        *ret_is_nullable = true;
                } else {
                        only = list->items[i];
                        n_others++;
                }
        }
        return n_others == 1 ? only : NULL;
}

static bool adds_only_words(const struct yaml_node *part)
{
        static const char *const shapes[] = {"$ref",  "type",  "properties", "items",
                                             "allOf", "oneOf", "anyOf",      "required"};

        for (size_t i = 0; i < N_ELEMENTS(shapes); i++)
                if (reader_peek(part, shapes[i]))
                        return false;
        return true;
}

/* The part of an allOf that is a reference, when the others add nothing but words. */
static struct yaml_node *only_part(struct yaml_node *n)
{
        struct yaml_node *list = yaml_get(n, "allOf"), *only = NULL;

        for (size_t i = 0; list && list->kind == YAML_LIST && i < list->n_items; i++) {
                if (adds_only_words(list->items[i]))
                        continue;
                if (only)
                        return NULL;
                only = list->items[i];
        }
        return only;
}

/* `type`, or in 3.1 the one of a list that is not null. */
static const char *type_of(struct yaml_node *n, bool *ret_is_nullable)
{
        struct yaml_node *type = yaml_get(n, "type");
        const char *found = NULL;

        if (!type)
                return NULL;
        if (type->kind == YAML_SCALAR)
                return type->text;
        for (size_t i = 0; type->kind == YAML_LIST && i < type->n_items; i++) {
                if (type->items[i]->kind != YAML_SCALAR)
                        return NULL;
                if (strcmp(type->items[i]->text, "null") == 0)
                        *ret_is_nullable = true;
                else if (found)
                        return NULL;
                else
                        found = type->items[i]->text;
        }
        return found;
}

static const char *scalar_word(struct yaml_node *n, const char *type)
{
        struct yaml_node *format = yaml_get(n, "format");

        for (size_t i = 0; i < N_ELEMENTS(types); i++)
                if (strcmp(types[i].type, type) == 0 &&
                    (!types[i].format || (format && format->kind == YAML_SCALAR &&
                                          strcmp(types[i].format, format->text) == 0)))
                        return types[i].word;
        return NULL;
}

struct type {
        struct buf words;
        int64_t entity; /* that it is or holds, or -1 */
        bool is_many;   /* in a list or map */
        bool is_nullable;
};

static void add_type(struct openapi *o, struct yaml_node *n, struct type *t, unsigned depth);

static void add_collection(struct openapi *o, struct yaml_node *n, const char *type, struct type *t,
                           unsigned depth)
{
        bool is_list = strcmp(type, "array") == 0;
        struct yaml_node *of = yaml_get(n, is_list ? "items" : "additionalProperties");

        t->is_many = true;
        if (!is_list && (!of || of->kind != YAML_MAP || of->n_items == 0)) {
                (void)buf_add_text(&t->words, "object");
                return;
        }
        (void)buf_add_text(&t->words, is_list ? "list of " : "map<string, ");
        if (of)
                add_type(o, of, t, depth + 1);
        else
                (void)buf_add_text(&t->words, "any");
        if (!is_list)
                (void)buf_add_char(&t->words, '>');
}

static void add_any(struct openapi *o, struct yaml_node *n, const char *key, struct type *t)
{
        struct yaml_node *list = yaml_get(n, key);

        yaml_mark_read(list);
        reader_warn(o->rd, list, "`%s` of several types is read as `any`", key);
        (void)buf_add_text(&t->words, "any");
}

#define CHOICES_BYTES 200 /* of an enum that is a type; others are words alone */

/* "enum(small, big)", "string(40)", "string" */
static void add_text_type(struct yaml_node *n, struct type *t)
{
        const struct yaml_node *list = reader_peek(n, "enum"), *most = reader_peek(n, "maxLength");
        size_t start = t->words.n, n_added = 0;
        uint64_t length;

        (void)buf_add_text(&t->words, "enum(");
        for (size_t i = 0; list && list->kind == YAML_LIST && i < list->n_items; i++) {
                const struct yaml_node *item = list->items[i];

                if (yaml_is_null(item))
                        continue;
                if (item->kind != YAML_SCALAR || !item->n_text ||
                    strpbrk(item->text, ",()[]<>\n\"'`\\") || t->words.n - start > CHOICES_BYTES) {
                        n_added = 0;
                        break;
                }
                (void)buf_add_text(&t->words, n_added++ ? ", " : "");
                (void)buf_add_text(&t->words, item->text);
        }
        if (n_added > 0) {
                (void)buf_add_char(&t->words, ')');
                return;
        }
        if (!t->words.failed)
                t->words.n = start;
        (void)buf_add_text(&t->words, "string");
        if (most && most->kind == YAML_SCALAR && str_to_u64(most->text, &length) == 0)
                (void)buf_printf(&t->words, "(%llu)", (unsigned long long)length);
}

/* A schema without reference. */
static void add_plain_type(struct openapi *o, struct yaml_node *n, struct type *t, unsigned depth)
{
        const char *type = type_of(n, &t->is_nullable), *word;
        struct yaml_node *other;

        if (!type && ((other = only_alternative(n, &t->is_nullable)) || (other = only_part(n)))) {
                add_type(o, other, t, depth + 1);
        } else if (!type && (reader_peek(n, "oneOf") || reader_peek(n, "anyOf"))) {
                add_any(o, n, reader_peek(n, "oneOf") ? "oneOf" : "anyOf", t);
        } else if (reader_peek(n, "properties") || reader_peek(n, "allOf")) {
                (void)buf_add_text(&t->words, "object");
        } else if (!type && (reader_peek(n, "enum") || reader_peek(n, "const"))) {
                add_text_type(n, t);
        } else if (!type && reader_peek(n, "items")) {
                add_collection(o, n, "array", t, depth);
        } else if (!type) {
                (void)buf_add_text(&t->words, "any");
        } else if (strcmp(type, "array") == 0 || strcmp(type, "object") == 0) {
                add_collection(o, n, type, t, depth);
        } else if (strcmp(type, "string") == 0 && !reader_peek(n, "format")) {
                add_text_type(n, t);
        } else if ((word = scalar_word(n, type))) {
                (void)buf_add_text(&t->words, word);
        } else {
                reader_refuse(o->rd, yaml_get(n, "type"),
                              "`%.40s` is no type: string, integer, number, boolean, array, object",
                              type);
        }
}

static void add_type(struct openapi *o, struct yaml_node *n, struct type *t, unsigned depth)
{
        struct yaml_node *to;
        int64_t schema;

        if (depth > OPENAPI_MAX_STEPS) {
                reader_refuse(o->rd, n, "a type leads round in a circle, or is nested too deep");
                return;
        }
        if (n->kind != YAML_MAP) { /* `true`: anything */
                (void)buf_add_text(&t->words, "any");
                return;
        }
        to = openapi_resolve(o, n, &schema);
        if (!to) {
                (void)buf_add_text(&t->words, "any");
        } else if (schema >= 0 && (o->flags[schema] & SCHEMA_IS_ENTITY)) {
                t->entity = schema;
                (void)buf_add_text(&t->words, o->schemas->keys[schema]->text);
        } else {
                add_plain_type(o, to, t, depth);
        }
}

static struct type read_type(struct openapi *o, struct yaml_node *n)
{
        struct type t = {.entity = -1};

        if (!o->rd->error)
                add_type(o, n, &t, 0);
        if (t.words.failed)
                reader_fail(o->rd, t.words.failed);
        return t;
}

/* ---- attributes ---- */

static void add_demand(struct buf *b, const char *format, const char *value)
{
        (void)buf_add_text(b, b->n > 0 ? "; " : "");
        for (const char *at = format; *at; at++) {
                if (at[0] == '%' && at[1] == 's') {
                        (void)buf_add_text(b, value);
                        at++;
                } else {
                        (void)buf_add_char(b, *at);
                }
        }
}

/* 1, 1.0 and 1e0 are one number. */
static void number_text(const struct yaml_node *n, char *ret, size_t room)
{
        double value;

        if (str_to_double(n->text, &value) == 0)
                snprintf(ret, room, "%.15g", value);
        else
                snprintf(ret, room, "%s", n->text);
}

static void add_choices(struct yaml_node *n, struct buf *b)
{
        struct yaml_node *list = yaml_get(n, "enum");
        size_t n_added = 0;

        for (size_t i = 0; list && list->kind == YAML_LIST && i < list->n_items; i++) {
                const struct yaml_node *item = list->items[i];

                if (item->kind != YAML_SCALAR || yaml_is_null(item))
                        continue;
                (void)buf_add_text(b, n_added++ ? ", " : b->n ? "; one of: " : "one of: ");
                (void)buf_add_text(b, item->text);
        }
}

static void add_words(struct openapi *o, struct yaml_node *n, struct buf *b);

/* Words about a part, in parentheses or behind `label`. */
static void add_part(struct openapi *o, struct yaml_node *n, const char *label, struct buf *b)
{
        _cleanup_buf_ struct buf words = {0};
        _cleanup_free_ char *said = NULL;

        if (n->kind != YAML_MAP || o->rd->error)
                return;
        openapi_pass(o, n);
        said = reader_text(o->rd, n, "description");
        if (said)
                (void)buf_add_text(&words, said);
        add_words(o, n, &words);
        if (words.failed)
                reader_fail(o->rd, words.failed);
        else if (words.n > 0 && label)
                (void)buf_printf(b, "%s%s: %s", b->n ? "; " : "", label, words.at);
        else if (words.n > 0)
                (void)buf_printf(b, " (%s)", words.at);
}

/* An object inside an object has no name of its own: its fields are words. */
static void add_fields(struct openapi *o, struct yaml_node *n, struct buf *b)
{
        struct yaml_node *properties = reader_map(o->rd, n, "properties");
        _cleanup_free_ size_t *order = properties ? reader_sorted_keys(o->rd, properties) : NULL;
        struct strlist required = {0};

        if (!properties)
                return;
        reader_texts(o->rd, n, "required", &required);
        for (size_t i = 0; order && i < properties->n_items && !o->rd->error; i++) {
                struct yaml_node *schema = reader_item(properties, order[i]);
                const char *name = properties->keys[order[i]]->text;
                struct type t = read_type(o, schema);

                (void)buf_printf(b, "%s%s%s ",
                                 i      ? ", "
                                 : b->n ? "; with "
                                        : "with ",
                                 strlist_has(&required, name) ? "required " : "", name);
                (void)buf_add_span(b, buf_span(&t.words));
                buf_done(&t.words);
                add_part(o, schema, NULL, b);
                if (b->n > OPENAPI_MAX_WORDS)
                        reader_refuse(o->rd, schema, "more than %zu bytes describe one property",
                                      OPENAPI_MAX_WORDS);
        }
        strlist_done(&required);
}

/* Formats that the type says whole. The others stand in words too: blueprints make strings of an
 * email and a URL, and the same of a date as of a point in time. */
static bool is_said_by_type(const char *format)
{
        static const char *const said[] = {"date-time", "duration", "byte",  "binary",
                                           "int64",     "float",    "double"};

        for (size_t i = 0; i < N_ELEMENTS(said); i++)
                if (strcmp(said[i], format) == 0)
                        return true;
        return false;
}

static void add_demands(struct yaml_node *n, struct buf *b)
{
        char number[64];

        for (size_t i = 0; i < N_ELEMENTS(demands); i++) {
                struct yaml_node *value = yaml_get(n, demands[i].key);

                if (!value || value->kind != YAML_SCALAR || yaml_is_null(value)) {
                        yaml_mark_read(value); /* default: {}, [] */
                        continue;
                }
                if (demands[i].kind == A_FLAG && strcmp(value->text, "true") != 0)
                        continue;
                if (demands[i].kind == A_NUMBER && strcmp(value->text, "false") == 0)
                        continue; /* exclusiveMinimum of 3.0 */
                if (demands[i].kind == A_NUMBER) {
                        number_text(value, number, sizeof(number));
                        add_demand(b, demands[i].words, number);
                } else {
                        add_demand(b, demands[i].words, value->text);
                }
        }
}

/* All that a schema demands beyond its type. References are not followed: what they lead to has a
 * name, or is an alias and read where it stands. */
static void add_words(struct openapi *o, struct yaml_node *n, struct buf *b)
{
        struct yaml_node *format = yaml_get(n, "format"), *part;

        add_choices(n, b);
        add_demands(n, b);
        if (format && format->kind == YAML_SCALAR && !is_said_by_type(format->text))
                add_demand(b, "format %s", format->text);
        part = reader_peek(n, "items") ? yaml_get(n, "items") : yaml_get(n, "additionalProperties");
        if (part)
                add_part(o, part, "each", b);
        add_fields(o, n, b);
}

/* What is said: beside a reference, or at what it leads to when that is no entity. */
static void read_attribute(struct openapi *o, struct yaml_node *schema, struct attribute *a)
{
        _cleanup_buf_ struct buf demanded = {0};
        struct type t = read_type(o, schema);
        struct yaml_node *to = schema;

        a->type = o->rd->error ? NULL : buf_steal(&t.words, NULL);
        buf_done(&t.words);
        if (o->rd->error || schema->kind != YAML_MAP)
                return;
        openapi_pass(o, schema);
        if (t.entity < 0 && reader_peek(schema, "$ref") && t.words.failed == 0 &&
            reader_peek(schema, "$ref")->text && reader_peek(schema, "$ref")->text[0] == '#')
                to = openapi_resolve(o, schema, NULL);
        if (!a->description)
                a->description = reader_text(o->rd, schema, "description");
        if (!a->description && to && to != schema)
                a->description = reader_text(o->rd, to, "description");
        if (to)
                add_words(o, to, &demanded);
        if (t.is_nullable)
                add_demand(&demanded, "may be null", "");
        if (demanded.failed)
                reader_fail(o->rd, demanded.failed);
        if (o->rd->error || demanded.n == 0)
                return;
        if (!a->description) {
                a->description = buf_steal(&demanded, NULL);
        } else {
                char *both = str_printf("%s (%s)", a->description, demanded.at);

                free(a->description);
                a->description = both;
        }
        if (!a->description)
                reader_fail(o->rd, -ENOMEM);
}

void openapi_attribute(struct openapi *o, struct yaml_node *schema, struct attribute *a)
{
        read_attribute(o, schema, a);
        openapi_count(o, schema, a->type);
        openapi_count(o, schema, a->description);
}

/* ---- objects ---- */

struct fields {
        struct attribute *at;
        size_t n;
        struct strlist required;
        const char *entity; /* whose relations are noted; or NULL */
};

static void fields_done(struct fields *f)
{
        for (size_t i = 0; i < f->n; i++) {
                free(f->at[i].name);
                free(f->at[i].type);
                free(f->at[i].description);
        }
        free(f->at);
        strlist_done(&f->required);
}

/* "customer" beside "customer_id" or "customerId". */
static bool has_key_of(const struct yaml_node *properties, const char *name)
{
        char with[2][80];

        snprintf(with[0], sizeof(with[0]), "%.70s_id", name);
        snprintf(with[1], sizeof(with[1]), "%.70sId", name);
        return reader_peek(properties, with[0]) || reader_peek(properties, with[1]);
}

static void add_relation(struct openapi *o, const struct yaml_node *key, const char *from,
                         const char *to, const char *type)
{
        struct model *m = o->rd->model;
        void *at = m->relations;
        struct relation *r;

        if (!reader_more(o->rd, &at, m->n_relations, 1, sizeof(struct relation)))
                return;
        m->relations = at;
        r = &m->relations[m->n_relations++];
        reader_note(o->rd, &o->rd->relations, key);
        r->from = reader_copy(o->rd, from);
        r->to = reader_copy(o->rd, to);
        r->type = reader_copy(o->rd, type);
}

static void relate(struct openapi *o, const struct yaml_node *properties,
                   const struct yaml_node *key, struct yaml_node *schema, const char *from)
{
        struct type t = read_type(o, schema);

        buf_done(&t.words);
        if (t.entity >= 0 && !o->rd->error)
                add_relation(o, key, from, o->schemas->keys[t.entity]->text,
                             t.is_many                           ? "has_many"
                             : has_key_of(properties, key->text) ? "belongs_to"
                                                                 : "has_one");
}

/* There is room for it. The first n_before fields come from other parts: one map has no key
 * twice. */
static void add_property(struct openapi *o, struct fields *f, size_t n_before,
                         const struct yaml_node *key, struct yaml_node *schema)
{
        struct attribute a = {0};

        if (!*key->text || (schema->kind != YAML_MAP && yaml_is_null(schema))) {
                reader_refuse(o->rd, key, "a property needs a name and a schema");
                return;
        }
        openapi_attribute(o, schema, &a);
        a.name = reader_copy(o->rd, key->text);
        for (size_t i = 0; i < n_before && !o->rd->error; i++) {
                if (strcmp(f->at[i].name, a.name) != 0)
                        continue;
                if (!str_is_equal(f->at[i].type, a.type))
                        reader_warn(o->rd, key,
                                    "`%.60s` is %.60s here and %.60s before: the last counts",
                                    a.name, a.type, f->at[i].type);
                free(f->at[i].name);
                free(f->at[i].type);
                free(f->at[i].description);
                f->at[i] = a;
                return;
        }
        if (f->n >= SPEC_MAX_ATTRIBUTES || ++o->n_fields > OPENAPI_MAX_FIELDS)
                reader_refuse(o->rd, key, "more than %u properties here, or %u in all",
                              SPEC_MAX_ATTRIBUTES, OPENAPI_MAX_FIELDS);
        if (o->rd->error) {
                free(a.name);
                free(a.type);
                free(a.description);
                return;
        }
        f->at[f->n++] = a;
}

/* allOf: the properties of all parts. */
static void collect(struct openapi *o, struct yaml_node *n, struct fields *f, unsigned depth)
{
        struct yaml_node *properties, *parts;
        _cleanup_free_ size_t *order = NULL;
        size_t n_before;
        void *at;

        n = openapi_resolve(o, n, NULL);
        if (!n || o->rd->error)
                return;
        if (depth > OPENAPI_MAX_STEPS || ++o->n_collected > OPENAPI_MAX_COLLECTED) {
                reader_refuse(o->rd, n, "`allOf` leads round in a circle, or to too much");
                return;
        }
        openapi_pass(o, n);
        (void)yaml_get(n, "type");
        (void)yaml_get(n, "description");
        yaml_mark_read(yaml_get(n, "additionalProperties"));
        parts = reader_list(o->rd, n, "allOf");
        for (size_t i = 0; parts && i < parts->n_items && !o->rd->error; i++)
                collect(o, parts->items[i], f, depth + 1);
        n_before = f->n;
        properties = reader_map(o->rd, n, "properties");
        order = properties ? reader_sorted_keys(o->rd, properties) : NULL;
        at = f->at;
        if (order && reader_more(o->rd, &at, f->n, properties->n_items, sizeof(struct attribute)))
                f->at = at;
        for (size_t i = 0; order && i < properties->n_items && !o->rd->error; i++) {
                struct yaml_node *schema = reader_item(properties, order[i]);

                add_property(o, f, n_before, properties->keys[order[i]], schema);
                if (f->entity && !o->rd->error)
                        relate(o, properties, properties->keys[order[i]], schema, f->entity);
        }
        reader_texts(o->rd, n, "required", &f->required);
        if (f->required.n > 2 * SPEC_MAX_ATTRIBUTES)
                reader_refuse(o->rd, n, "more than %u required properties",
                              2 * SPEC_MAX_ATTRIBUTES);
}

static int compare_fields(const void *a, const void *b)
{
        const struct attribute *x = a, *y = b;
        bool is_first = reader_is_identity(x->name), is_other = reader_is_identity(y->name);

        return is_first != is_other ? (is_first ? -1 : 1) : strcmp(x->name, y->name);
}

/* Gives the fields to the caller; f is empty after. */
static void finish_fields(struct openapi *o, struct fields *f, struct attribute **ret,
                          size_t *ret_n)
{
        if (!o->rd->error) {
                if (f->n > 0)
                        qsort(f->at, f->n, sizeof(*f->at), compare_fields);
                for (size_t i = 0; i < f->n; i++)
                        f->at[i].is_required = strlist_has(&f->required, f->at[i].name);
                free(*ret);
                *ret = take(f->at);
                *ret_n = f->n;
                f->n = 0;
        }
        fields_done(f);
}

/* A body that is a list, or no object at all, is one field: `items`, `value`. */
static void single_field(struct openapi *o, struct yaml_node *schema, const char *name,
                         struct fields *f)
{
        void *at = f->at;

        if (!reader_more(o->rd, &at, f->n, 1, sizeof(struct attribute)))
                return;
        f->at = at;
        f->at[f->n].description = reader_copy(o->rd, "the whole body");
        f->at[f->n].name = reader_copy(o->rd, name);
        openapi_attribute(o, schema, &f->at[f->n++]);
}

void openapi_message(struct openapi *o, struct yaml_node *schema, struct attribute **ret,
                     size_t *ret_n, const struct yaml_node **ret_served)
{
        struct fields f = {0};
        struct type t = read_type(o, schema);
        bool is_list = t.words.at && str_has_prefix(t.words.at, "list of ");
        bool is_object = t.entity >= 0 || (t.words.at && strcmp(t.words.at, "object") == 0);

        buf_done(&t.words);
        if (t.entity >= 0)
                *ret_served = o->schemas->keys[t.entity];
        if (is_list || t.is_many || !is_object)
                single_field(o, schema, is_list ? "items" : "value", &f);
        else
                collect(o, schema, &f, 0);
        finish_fields(o, &f, ret, ret_n);
}

void openapi_fields(struct openapi *o, struct yaml_node *schema, const char *entity,
                    struct attribute **ret, size_t *ret_n)
{
        struct fields f = {.entity = entity};

        collect(o, schema, &f, 0);
        finish_fields(o, &f, ret, ret_n);
}
