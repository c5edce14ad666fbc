#include <ctype.h>
#include <stdio.h>

#include "daemon/input/openapi.h"

/* Which schemas of `components` are entities: those with fields, but for what only failures carry,
 * and for forms (what is sent to make or change another one, and never answered). `x-entity` in a
 * schema decides otherwise. */

#define SCHEMAS_PREFIX "#/components/schemas/"

static int64_t find_reference(const struct openapi *o, const char *ref)
{
        return str_has_prefix(ref, SCHEMAS_PREFIX) ? openapi_find(o, ref + strlen(SCHEMAS_PREFIX))
                                                   : -1;
}

/* Each schema gets a flag once, so there is room for all in the queue. */
static void mark_mentioned(struct openapi *o, const struct yaml_node *n, unsigned char flag,
                           size_t *n_queue)
{
        for (size_t i = 0; i < n->n_items; i++) {
                bool is_ref = n->kind == YAML_MAP && strcmp(n->keys[i]->text, "$ref") == 0 &&
                              n->items[i]->kind == YAML_SCALAR;
                int64_t schema = is_ref ? find_reference(o, n->items[i]->text) : -1;

                if (!is_ref)
                        mark_mentioned(o, n->items[i], flag, n_queue);
                if (schema < 0 || (o->flags[schema] & flag))
                        continue;
                o->flags[schema] |= flag;
                o->queue[(*n_queue)++] = (size_t)schema;
        }
}

/* What a schema mentions; but that it is made of another (allOf) is no mention. */
static void mark_schema(struct openapi *o, const struct yaml_node *n, unsigned char flag,
                        size_t *n_queue)
{
        for (size_t i = 0; n->kind == YAML_MAP && i < n->n_items; i++) {
                const struct yaml_node *part = n->items[i];

                if (strcmp(n->keys[i]->text, "$ref") == 0) { /* another name of it */
                        mark_mentioned(o, n, flag, n_queue);
                        return;
                }
                if (strcmp(n->keys[i]->text, "allOf") != 0) {
                        mark_mentioned(o, part, flag, n_queue);
                        continue;
                }
                for (size_t k = 0; k < part->n_items; k++)
                        if (!reader_peek(part->items[k], "$ref"))
                                mark_mentioned(o, part->items[k], flag, n_queue);
        }
}

void openapi_mark(struct openapi *o, const struct yaml_node *n, unsigned char flag)
{
        size_t n_queue = 0;

        if (!n || !o->schemas)
                return;
        mark_mentioned(o, n, flag, &n_queue);
        while (n_queue > 0)
                mark_schema(o, o->schemas->items[o->queue[--n_queue]], flag, &n_queue);
}

static bool is_object(struct openapi *o, const struct yaml_node *n, unsigned depth)
{
        const struct yaml_node *parts = reader_peek(n, "allOf"), *ref = reader_peek(n, "$ref");
        int64_t schema;

        if (depth > OPENAPI_MAX_STEPS || ++o->n_collected > OPENAPI_MAX_COLLECTED)
                return false;
        if (ref && ref->kind == YAML_SCALAR) {
                schema = find_reference(o, ref->text);
                return schema >= 0 && is_object(o, o->schemas->items[schema], depth + 1);
        }
        if (reader_peek(n, "properties"))
                return true;
        for (size_t i = 0; parts && parts->kind == YAML_LIST && i < parts->n_items; i++)
                if (is_object(o, parts->items[i], depth + 1))
                        return true;
        return false;
}

static const char *const form_words[] = {"New", "Create", "Update",  "Patch", "Edit", "Input",
                                         "In",  "Base",   "Request", "Form",  "Body", "Payload"};

/* Without one such word at its beginning or end; false: it has none. */
static bool drop_form_word(struct span *name)
{
        for (size_t i = 0; i < N_ELEMENTS(form_words); i++) {
                size_t n = strlen(form_words[i]);

                if (name->n <= n)
                        continue;
                if (memcmp(name->at, form_words[i], n) == 0 &&
                    isupper((unsigned char)name->at[n])) {
                        *name = (struct span){name->at + n, name->n - n};
                        return true;
                }
                if (memcmp(name->at + name->n - n, form_words[i], n) == 0) {
                        name->n -= n;
                        return true;
                }
        }
        return false;
}

/* NewPet, PetUpdate: what is sent to make or change a Pet, and never answered. */
static bool is_form(struct openapi *o, size_t index)
{
        struct span name = span_of(o->schemas->keys[index]->text);

        while (!(o->flags[index] & SCHEMA_IN_ANSWERS) && drop_form_word(&name)) {
                char whole[128];
                int64_t other;

                snprintf(whole, sizeof(whole), "%.*s", (int)MIN2(name.n, 120), name.at);
                other = openapi_find(o, whole);
                if (other >= 0 && is_object(o, o->schemas->items[other], 0))
                        return true;
        }
        return false;
}

/* Why a schema with fields is no entity; NULL: it is one. */
static const char *why_no_entity(struct openapi *o, size_t index)
{
        unsigned char used = o->flags[index] & SCHEMA_USES;

        if (!reader_bool(o->rd, o->schemas->items[index], "x-entity", true))
                return "says `x-entity: false`";
        if (reader_get(o->rd, o->schemas->items[index], "x-entity"))
                return NULL;
        if (used == SCHEMA_IN_FAILURES)
                return "tells of failures only";
        return is_form(o, index) ? "is only sent, to make or change another" : NULL;
}

void openapi_find_entities(struct openapi *o)
{
        for (size_t i = 0; o->schemas && i < o->schemas->n_items && !o->rd->error; i++) {
                struct yaml_node *n = o->schemas->items[i];
                const char *why;

                if (reader_peek(n, "$ref") || !is_object(o, n, 0))
                        continue;
                why = why_no_entity(o, i);
                if (!why) {
                        o->flags[i] |= SCHEMA_IS_ENTITY;
                        continue;
                }
                reader_say(o->rd, "schema %.60s is no entity: it %s", o->schemas->keys[i]->text,
                           why);
                o->schemas->keys[i]->was_read = true;
                yaml_mark_read(n);
        }
}

static void add_entity(struct openapi *o, const struct yaml_node *key, struct yaml_node *n)
{
        struct model *m = o->rd->model;
        struct entity *e = &m->entities[m->n_entities++];

        reader_note(o->rd, &o->rd->entities, key);
        e->name = reader_copy(o->rd, key->text);
        e->description = reader_text(o->rd, n, "description");
        openapi_fields(o, n, key->text, &e->attributes, &e->n_attributes);
}

void openapi_add_entities(struct openapi *o)
{
        void *at = NULL;

        if (!o->schemas || o->rd->error)
                return;
        if (!reader_more(o->rd, &at, 0, o->schemas->n_items, sizeof(struct entity)))
                return;
        o->rd->model->entities = at;
        for (size_t i = 0; i < o->schemas->n_items && !o->rd->error; i++) {
                size_t index = o->order[i];

                if (o->flags[index] & SCHEMA_IS_ENTITY)
                        add_entity(o, o->schemas->keys[index], reader_item(o->schemas, index));
        }
}
