#include "daemon/blueprint/links.h"
#include "daemon/blueprint/types.h"

#include <assert.h>

/* What links make of attributes. An attribute that is the column of a reference, or lists the
 * identifiers of a join, is told whose: `reference`. With `names.relation_fields` a link that
 * stands for no attribute gets one: an entity that belongs to another holds its identifier, of many
 * it holds a list of them. "Visit belongs_to Vet" gives Visit a VetID, "Owner has_many Pet" gives
 * Pet an OwnerID; an entity that refers to itself has a ParentID. */

static int add_field(struct layout *l, struct lay_link *k)
{
        struct lay_entity *e = &l->entities[k->from];
        const struct lay_entity *other = &l->entities[k->to];
        const struct naming *n = &l->b->naming;
        bool is_many = k->kind == LINK_JOIN;
        const char *base = k->from == k->to && !is_many ? "Parent" : other->name;
        _cleanup_free_ char *name =
                str_printf("%s%s", base, is_many ? n->by_ids_ending : n->by_id_ending);
        _cleanup_free_ char *type = str_printf("list of %s", other->id_type);
        const char *skeleton = other->id_type;
        struct lay_attribute *a;
        int r = 0;

        if (!name || !type)
                return -ENOMEM;
        for (size_t i = 0; i < e->n_attributes; i++)
                if (strcmp(e->attributes[i].name, name) == 0)
                        return layout_note(l, "%s.%s is all that says its relationship to %s",
                                           e->name, name, other->name);
        if (is_many)
                r = layout_type(l, type, other->name, &skeleton);
        if (r < 0)
                return r;
        assert(e->n_attributes < e->room);
        a = &e->attributes[e->n_attributes++];
        *a = (struct lay_attribute){
                .name = take(name), .skeleton = skeleton, .is_required = k->is_required};
        *(is_many ? &k->attribute : &k->column_attribute) = a;
        return layout_note(l, "%s has a relationship to %s: it is given %s", e->name, other->name,
                           a->name);
}

/* Keys of another type than that of what they are keys of are none that could be followed. */
static int tell(struct layout *l, uint32_t entity, const struct lay_attribute *a, uint32_t to,
                bool is_many)
{
        struct lay_entity *e = &l->entities[entity];
        struct refs types = {0};
        bool is_key;
        int r;

        if (!a)
                return 0;
        r = skeleton_entities(a->skeleton, &types);
        is_key = r == 0 && (types.n == 0 || a->is_by_id);
        free(types.at);
        if (r < 0 || !is_key)
                return r;
        if (is_many || a->is_by_id || strcmp(a->skeleton, l->entities[to].id_type) == 0)
                e->attributes[a - e->attributes].reference = to + 1;
        else if (l->b->naming.has_relation_fields)
                r = layout_warn(l,
                                "%s.%s is %s, and what identifies %s is %s: it is kept as it is, "
                                "nothing sees to it that there is one",
                                e->name, a->name, a->skeleton, l->entities[to].name,
                                l->entities[to].id_type);
        if (r < 0)
                return r;
        return entity == to ? 0 : refs_add(&e->direct, to);
}

/* A list of identifiers is one also where it is the other side of a reference. */
static int tell_both(struct layout *l, const struct lay_link *k)
{
        bool is_join = k->kind == LINK_JOIN;
        const struct lay_attribute *a = k->column_attribute ? k->column_attribute
                                        : is_join           ? k->attribute
                                                            : NULL;
        int r = tell(l, k->from, a, k->to, is_join);

        return r ? r : tell(l, k->to, k->back_attribute, k->from, is_join || !k->is_unique);
}

/* "Book must have tags" holds of the list that says them. */
static int require_some(struct layout *l, const struct lay_link *k, bool is_back)
{
        const struct lay_attribute *a = is_back ? k->back_attribute : k->attribute;
        struct lay_entity *e = &l->entities[is_back ? k->to : k->from];

        if (a && l->b->naming.has_relation_fields) {
                e->attributes[a - e->attributes].is_required = true;
                return 0;
        }
        return layout_warn(l, "%s is to have at least one %s, and nothing sees to it", e->name,
                           l->entities[is_back ? k->from : k->to].name);
}

/* A list of entities holds copies, in a language that has them; a join wants identifiers. */
static int tell_copies(struct layout *l, const struct lay_link *k, bool is_back)
{
        const struct lay_attribute *a = is_back ? k->back_attribute : k->attribute;
        const struct lay_entity *e = &l->entities[is_back ? k->to : k->from],
                                *other = &l->entities[is_back ? k->from : k->to];
        uint32_t to;
        bool is_many;

        if (!a || a->is_by_id || skeleton_link(l, a->skeleton, &to, &is_many) != 0)
                return 0;
        return layout_note(l,
                           "%s.%s holds copies of %s, and nothing sees to it that they are kept: "
                           "without it %s would be given a list of identifiers",
                           e->name, a->name, other->name, e->name);
}

static int join_fields(struct layout *l, const struct lay_link *k)
{
        int r = 0;

        for (int is_back = 0; is_back < 2 && r == 0; is_back++) {
                if (l->b->naming.has_relation_fields)
                        r = tell_copies(l, k, is_back);
                if (r == 0 && (is_back ? k->is_back_required : k->is_required))
                        r = require_some(l, k, is_back);
        }
        return r;
}

int links_fields(struct layout *l)
{
        int r = 0;

        for (size_t i = 0; i < l->n_links && r == 0; i++) {
                struct lay_link *k = &l->links[i];
                struct lay_entity *e = &l->entities[k->from];

                if (l->b->naming.has_relation_fields && !k->attribute && !k->column_attribute &&
                    !k->back_attribute)
                        r = add_field(l, k);
                if (r == 0)
                        r = tell_both(l, k);
                if (r == 0 && k->kind == LINK_JOIN)
                        r = join_fields(l, k);
                if (k->is_required && k->column_attribute)
                        e->attributes[k->column_attribute - e->attributes].is_required = true;
        }
        return r;
}
