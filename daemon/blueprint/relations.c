#include <ctype.h>

#include "daemon/blueprint/layout.h"

/* Relationships that no attribute says become fields (`names.relation_fields`): an entity that
 * belongs to another holds its identifier, of many it holds a list of them. "Visit belongs_to Vet"
 * gives Visit a VetID, "Owner has_many Pet" gives Pet an OwnerID; a relationship that either side
 * has an attribute for already adds nothing. An entity that refers to itself has a ParentID, unless
 * it has a key of another name (mentor_id) that can mean nothing else. */

enum relation_form { FORM_UNKNOWN, FORM_BELONGS, FORM_HAS, FORM_MANY };

static enum relation_form form_of(const char *type)
{
        static const struct {
                const char *word; /* letters and digits, lower case */
                enum relation_form form;
        } words[] = {
                {"belongsto", FORM_BELONGS},  {"manytoone", FORM_BELONGS},
                {"references", FORM_BELONGS}, {"hasmany", FORM_HAS},
                {"onetomany", FORM_HAS},      {"hasone", FORM_HAS},
                {"onetoone", FORM_HAS},       {"manytomany", FORM_MANY},
        };
        char word[24];
        size_t n = 0;

        for (; type && *type && n + 1 < sizeof(word); type++)
                if (isalnum((unsigned char)*type))
                        word[n++] = (char)tolower((unsigned char)*type);
        word[n] = '\0';
        for (size_t i = 0; i < N_ELEMENTS(words); i++)
                if (strcmp(words[i].word, word) == 0)
                        return words[i].form;
        return FORM_UNKNOWN;
}

static bool names(const struct layout *l, const struct lay_attribute *a, uint32_t other)
{
        struct refs types = {0};
        bool is_named;
        uint32_t key;

        if (a->reference == other + 1)
                return true;
        if (skeleton_entities(a->skeleton, &types) < 0) {
                free(types.at);
                return false;
        }
        is_named = refs_has(&types, other);
        free(types.at);
        return is_named || (layout_foreign_key(l, a->name, &key) && key == other);
}

/* A key ("MentorID") whose name is no entity's. */
static bool is_role(const struct layout *l, const struct lay_attribute *a)
{
        const char *ending = l->b->naming.by_id_ending;
        uint32_t other;

        return a->source && str_has_suffix(a->name, ending) && strlen(a->name) > strlen(ending) &&
               !layout_foreign_key(l, a->name, &other);
}

static bool is_said(struct layout *l, uint32_t from, uint32_t to)
{
        struct lay_entity *e = &l->entities[from];

        for (size_t i = 0; i < e->n_attributes; i++) {
                if (names(l, &e->attributes[i], to))
                        return true;
                if (from == to && is_role(l, &e->attributes[i])) {
                        e->attributes[i].reference = to + 1;
                        return true;
                }
        }
        return false;
}

static int add_field(struct layout *l, uint32_t from, uint32_t to, bool is_many, bool is_required)
{
        struct lay_entity *e = &l->entities[from];
        const struct lay_entity *other = &l->entities[to];
        const struct naming *n = &l->b->naming;
        struct lay_attribute *grown =
                reallocarray(e->attributes, e->n_attributes + 2, sizeof(*grown));
        const char *base = from == to && !is_many ? "Parent" : other->name, *skeleton;
        char *name, *type;
        int r = 0;

        if (!grown)
                return -ENOMEM;
        e->attributes = grown;
        type = is_many ? str_printf("list of %s", other->id_type) : NULL;
        if (is_many && !type)
                return -ENOMEM;
        skeleton = other->id_type;
        if (is_many)
                r = layout_type(l, type, other->name, &skeleton);
        free(type);
        name = str_printf("%s%s", base, is_many ? n->by_ids_ending : n->by_id_ending);
        if (r < 0 || !name) {
                free(name);
                return r < 0 ? r : -ENOMEM;
        }
        grown[e->n_attributes++] = (struct lay_attribute){.name = name,
                                                          .skeleton = skeleton,
                                                          .reference = to + 1,
                                                          .is_required = is_required};
        return layout_note(l, "%s has a relationship to %s: it is given %s", e->name, other->name,
                           name);
}

/* A relationship of two entities that are there. */
struct pair {
        const struct relation *relation;
        uint32_t from, to;
        enum relation_form form;
};

static int compare_pairs(const void *a, const void *b, void *arg)
{
        const struct layout *l = arg;
        const struct pair *x = a, *y = b;
        int r = strcmp(l->entities[x->from].name, l->entities[y->from].name);

        r = r ? r : strcmp(l->entities[x->to].name, l->entities[y->to].name);
        r = r ? r : (int)x->form - (int)y->form;
        return r ? r : (int)y->relation->is_required - (int)x->relation->is_required;
}

static size_t find_pairs(const struct layout *l, struct pair *pairs)
{
        size_t n = 0;

        for (size_t i = 0; i < l->m->n_relations; i++) {
                const struct relation *relation = &l->m->relations[i];
                struct pair p = {.relation = relation, .form = form_of(relation->type)};

                if (p.form != FORM_UNKNOWN &&
                    phrases_get(l->phrases, span_of(relation->from), &p.from) == 0 &&
                    phrases_get(l->phrases, span_of(relation->to), &p.to) == 0)
                        pairs[n++] = p;
        }
        return n;
}

/* By name: the order of relationships in the specification makes no difference to an entity. */
int layout_relation_fields(struct layout *l)
{
        _cleanup_free_ struct pair *pairs = NULL;
        size_t n;
        int r = 0;

        if (!l->b->naming.has_relation_fields)
                return 0;
        pairs = calloc(l->m->n_relations + 1, sizeof(*pairs));
        if (!pairs)
                return -ENOMEM;
        n = find_pairs(l, pairs);
        qsort_r(pairs, n, sizeof(*pairs), compare_pairs, l);
        for (size_t i = 0; i < n && r == 0; i++) {
                const struct pair *p = &pairs[i];
                bool is_required = p->relation->is_required;

                if (is_said(l, p->from, p->to) || is_said(l, p->to, p->from))
                        continue;
                r = p->form == FORM_HAS
                            ? add_field(l, p->to, p->from, false, is_required)
                            : add_field(l, p->from, p->to, p->form == FORM_MANY, is_required);
        }
        return r;
}
