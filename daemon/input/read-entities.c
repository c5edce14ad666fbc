#include "daemon/input/formats.h"
#include "daemon/input/sentence.h"

/* A list of entities, as systems for entities keep them and as a recognised request looks:
 *
 *     - {entity: student, attributes: ["name:str", {name: age, type: int, required: true}]}
 *     - {entity: course, attributes: [title], related_entity: student}
 *     - add email to student
 *
 * or one such map. `detected_entity`, `new_attributes` and the other names of a recognition are
 * taken; how sure it was and why says nothing about what is to be made. Every entity has `id: int`
 * first. */

static const char *const said_of_recognition[] = {"confidence",        "reasoning",
                                                  "language_detected", "action_intent",
                                                  "operation_type",    "relationship_direction",
                                                  "explanation",       "entities_mentioned"};

static bool is_entity(const struct yaml_node *n)
{
        if (n->kind == YAML_SCALAR)
                return sentence_is_one((struct span){n->text, n->n_text});
        return reader_peek(n, "detected_entity") ||
               ((reader_peek(n, "entity") || reader_peek(n, "name")) &&
                (reader_peek(n, "attributes") || reader_peek(n, "fields") ||
                 reader_peek(n, "new_attributes")));
}

/* Entities may stand behind those that refer to them: this comes when all are there. */
static void relate(struct reader *rd, struct yaml_node *n)
{
        struct yaml_node *analysis = reader_map(rd, n, "relationship_analysis");
        _cleanup_free_ char *from = reader_text(rd, n, "entity|detected_entity|name");
        _cleanup_free_ char *to = reader_text(rd, n, "related_entity|target_entity");
        struct entity *e = from && !rd->error ? sentence_find(rd, from) : NULL, *other;

        if (!to && reader_bool(rd, analysis, "is_relationship_request", false))
                to = reader_text(rd, analysis, "secondary_entity");
        yaml_mark_read(analysis);
        if (!e || !to || rd->error)
                return;
        other = sentence_find(rd, to);
        if (other)
                sentence_relate(rd, e, other->name, false, n);
        else
                reader_warn(rd, n, "there is no entity %.60s: the relationship is left out", to);
}

static void add_types(struct reader *rd, struct entity *e)
{
        for (size_t i = 0; i < e->n_attributes && !rd->error; i++)
                if (!e->attributes[i].type)
                        e->attributes[i].type = reader_copy(rd, "str");
}

static void read_item(struct reader *rd, struct yaml_node *n)
{
        struct model *m = rd->model;
        void *grown = m->entities;
        struct entity *e;

        if (n->kind == YAML_SCALAR) {
                sentence_read(rd, (struct span){n->text, n->n_text}, n);
                return;
        }
        if (n->kind == YAML_LIST) {
                reader_refuse(rd, n, "an entity must be a map {entity, attributes} or a sentence");
                return;
        }
        if (!reader_more(rd, &grown, m->n_entities, 1, sizeof(struct entity)))
                return;
        m->entities = grown;
        e = &m->entities[m->n_entities++];
        reader_note(rd, &rd->entities, n);
        e->name = reader_text(rd, n, "entity|detected_entity|name");
        if (!rd->error && !e->name)
                reader_refuse(rd, n, "an entity has no name: write `entity: …`");
        if (rd->error)
                return;
        e->description = reader_text(rd, n, "description");
        read_attributes(rd, reader_get(rd, n, "attributes|fields|new_attributes"), e->name,
                        &e->attributes, &e->n_attributes);
        if (rd->error)
                return;
        add_types(rd, e);
        sentence_add_identity(rd, e);
        for (size_t i = 0; i < N_ELEMENTS(said_of_recognition); i++)
                yaml_mark_read(yaml_get(n, said_of_recognition[i]));
        read_relations(rd, reader_get(rd, n, "relationships|relations"), e->name);
}

static void read_entity_list(struct reader *rd, struct yaml_node *top)
{
        if (top->kind == YAML_MAP) {
                read_item(rd, top);
                relate(rd, top);
                return;
        }
        if (top->n_items > SPEC_MAX_ITEMS)
                reader_refuse(rd, top, "more than %u entities", SPEC_MAX_ITEMS);
        for (size_t i = 0; i < top->n_items && !rd->error; i++)
                read_item(rd, top->items[i]);
        for (size_t i = 0; i < top->n_items && !rd->error; i++)
                if (top->items[i]->kind == YAML_MAP)
                        relate(rd, top->items[i]);
}

static const char *knows(const struct yaml_node *top)
{
        if (top->kind == YAML_LIST && top->n_items > 0 && is_entity(top->items[0]))
                return "it is a list, and begins with an entity";
        if (reader_peek(top, "detected_entity") || (reader_peek(top, "entity") && is_entity(top)))
                return "it is one entity";
        return NULL;
}

const struct spec_format spec_format_entities = {
        .name = "a list of entities", .knows = knows, .read = read_entity_list};
