#include "daemon/blueprint/links.h"

#include <ctype.h>
#include <stdio.h>
#include <strings.h>

/* Links: what entities have to do with each other, once for each pair and meaning, however the
 * specification says it: by an attribute that is another entity (`User: "*User"`) or a list of
 * them, by a foreign key (`user_id`), by a declared relationship, from either side or from both.
 *
 *     reference  a column of `from` holds the identifier of one `to`; a collection in `to`
 *     join       both sides have a collection of the other; a table of its own holds the pairs
 *
 * In this order: references of attributes; joins that are declared or that both sides' lists say;
 * declared relationships that none of those is; lists, each of which is the other side of what is
 * there, or else makes a reference in what it lists. The order of relationships in the
 * specification makes no difference: they are taken by name.
 *
 * This is the one place that says who refers to whom by a key: foreign keys of the closure, what an
 * attribute is the key of (`reference`) and fields for relationships that no attribute says
 * (links-fields.c) all come from here. */

enum relation_kind { BELONGS_TO, HAS_MANY, HAS_ONE, MANY_TO_MANY, N_RELATION_KINDS, UNKNOWN };

static const struct {
        const char *word; /* letters and digits of what is written, in lower case */
        enum relation_kind kind;
        bool is_mutual;
} relation_words[] = {
        {"belongsto", BELONGS_TO}, {"manytoone", BELONGS_TO},
        {"n1", BELONGS_TO},        {"references", BELONGS_TO},
        {"partof", BELONGS_TO},    {"hasmany", HAS_MANY},
        {"onetomany", HAS_MANY},   {"1n", HAS_MANY},
        {"contains", HAS_MANY},    {"owns", HAS_MANY},
        {"hasone", HAS_ONE},       {"onetoone", HAS_ONE, true},
        {"11", HAS_ONE, true},     {"manytomany", MANY_TO_MANY},
        {"nm", MANY_TO_MANY},      {"mn", MANY_TO_MANY},
        {"nn", MANY_TO_MANY},      {"hasandbelongstomany", MANY_TO_MANY},
};

static enum relation_kind relation_kind(const char *type, bool *ret_is_mutual)
{
        char word[32];
        size_t n = 0;

        for (; type && *type && n + 1 < sizeof(word); type++)
                if (isalnum((unsigned char)*type))
                        word[n++] = (char)tolower((unsigned char)*type);
        word[n] = '\0';
        for (size_t i = 0; i < N_ELEMENTS(relation_words); i++)
                if (strcmp(relation_words[i].word, word) == 0) {
                        *ret_is_mutual = relation_words[i].is_mutual;
                        return relation_words[i].kind;
                }
        return UNKNOWN;
}

/* A declared relationship of two entities that are there. */
struct said {
        const struct relation *relation;
        uint32_t from, to;
        enum relation_kind kind;
        bool is_mutual; /* has_one, of either side: the key may stand in both */
        bool is_done;   /* it is one of the links */
};

struct links {
        struct layout *l;
        size_t room;
        struct said *said; /* owned */
        size_t n_said;
        const char *text; /* borrowed: what the blueprint makes of the type `string`; NULL */
};

static struct lay_link *find_reference(const struct layout *l, uint32_t from, uint32_t to)
{
        for (size_t i = 0; i < l->n_links; i++)
                if (l->links[i].kind == LINK_REFERENCE && l->links[i].from == from &&
                    l->links[i].to == to)
                        return &l->links[i];
        return NULL;
}

static struct lay_link *find_join(const struct layout *l, uint32_t a, uint32_t b)
{
        for (size_t i = 0; i < l->n_links; i++)
                if (l->links[i].kind == LINK_JOIN &&
                    ((l->links[i].from == a && l->links[i].to == b) ||
                     (l->links[i].from == b && l->links[i].to == a)))
                        return &l->links[i];
        return NULL;
}

static int add_link(struct links *s, const struct lay_link *link)
{
        struct layout *l = s->l;

        if (l->n_links == s->room) {
                struct lay_link *grown = reallocarray(l->links, s->room * 2 + 16, sizeof(*grown));

                if (!grown)
                        return -ENOMEM;
                l->links = grown;
                s->room = s->room * 2 + 16;
        }
        l->links[l->n_links++] = *link;
        return 0;
}

static bool links_are_shown(const struct blueprint *b)
{
        for (size_t i = 0; i < b->n_kinds; i++)
                if (b->kinds[i].inputs & (UINT64_C(1) << INPUT_LINKS))
                        return true;
        return false;
}

/* ---- attributes ---- */

/* "user_id" of "UserID"; owned by the caller. */
char *links_snake(const char *name)
{
        return name_in_style(NULL, name, STYLE_SNAKE);
}

const struct lay_attribute *links_attribute(const struct lay_entity *e, const char *name,
                                            const struct lay_attribute *but)
{
        for (size_t i = 0; i < e->n_attributes; i++) {
                _cleanup_free_ char *other = links_snake(e->attributes[i].name);

                if (other && &e->attributes[i] != but && strcmp(other, name) == 0)
                        return &e->attributes[i];
        }
        return NULL;
}

static bool is_identity(const struct layout *l, const struct lay_attribute *a)
{
        return strcasecmp(a->name, l->b->naming.identity) == 0;
}

/* What the name of a foreign key leads to: "billing_address_id" to Address, if there is no
 * BillingAddress. The text before the ending is cut off there: *ret_n bytes. */
static bool key_of(const struct layout *l, const char *name, bool is_many, uint32_t *ret,
                   size_t *ret_n)
{
        const char *ending = is_many ? "_ids" : "_id";
        size_t n = strlen(name);

        if (!str_has_suffix(name, ending) || n == strlen(ending))
                return false;
        *ret_n = n - strlen(ending);
        for (size_t from = 0; from < *ret_n; from++)
                if ((from == 0 || name[from - 1] == '_') &&
                    phrases_get(l->phrases, (struct span){name + from, *ret_n - from}, ret) == 0)
                        return true;
        return false;
}

/* Spares most attributes the making of a name. */
static bool may_be_key(const struct lay_attribute *a)
{
        size_t n = strlen(a->name);

        return n > 2 && (strcasecmp(a->name + n - 2, "id") == 0 ||
                         (n > 3 && strcasecmp(a->name + n - 3, "ids") == 0));
}

static bool is_id_type(const struct layout *l, const struct lay_attribute *a)
{
        return strlist_has(&l->b->naming.identity_types, a->skeleton);
}

/* A key of one that is no entity ("parent_id") may be what a declared relationship means, if it can
 * mean no other key. A key of another entity must be of the type of its identity, and not a text:
 * the `transaction_id` of a payment that belongs to an order is a number of the bank's. */
static bool may_be_role(const struct links *s, const struct said *said, uint32_t entity,
                        const struct lay_attribute *a)
{
        bool is_ours = (said->kind == BELONGS_TO && said->from == entity) ||
                       ((said->kind == HAS_MANY || said->kind == HAS_ONE) && said->to == entity);
        uint32_t other = said->from == entity ? said->to : said->from;

        if (!is_ours || said->is_done || find_reference(s->l, entity, other))
                return false;
        return other == entity || (!str_is_equal(a->skeleton, s->text) &&
                                   (strcmp(a->skeleton, s->l->entities[other].id_type) == 0 ||
                                    links_may_give_identity(s->l, other)));
}

static struct said *relation_of_role(const struct links *s, uint32_t entity,
                                     const struct lay_attribute *a)
{
        struct said *found = NULL;

        for (size_t i = 0; i < s->n_said; i++) {
                if (!may_be_role(s, &s->said[i], entity, a))
                        continue;
                if (found)
                        return NULL;
                found = &s->said[i];
        }
        return found;
}

static bool has_one(const struct links *s, uint32_t from, uint32_t to)
{
        for (size_t i = 0; i < s->n_said; i++)
                if (s->said[i].kind == HAS_ONE && s->said[i].from == from && s->said[i].to == to)
                        return true;
        return false;
}

/* One to one, the key on the side that has it. */
static bool is_one_to_one(const struct links *s, uint32_t from, uint32_t to)
{
        for (size_t i = 0; i < s->n_said; i++)
                if (s->said[i].is_mutual && s->said[i].from == from && s->said[i].to == to)
                        return true;
        return has_one(s, to, from);
}

/* Does an attribute of `entity` say that it has one `other`? */
static bool has_lone(const struct layout *l, uint32_t entity, uint32_t other)
{
        const struct lay_entity *e = &l->entities[entity];
        uint32_t to;
        bool is_many;

        for (size_t i = 0; i < e->n_attributes; i++)
                if (skeleton_link(l, e->attributes[i].skeleton, &to, &is_many) == 0 && !is_many &&
                    to == other)
                        return true;
        return false;
}

/* Where both entities have an attribute that is the other, the key stands in the later one. */
static bool is_kept_by_other(const struct links *s, uint32_t entity, uint32_t other)
{
        return has_one(s, entity, other) || (entity < other && has_lone(s->l, other, entity));
}

static int add_lone(struct links *s, uint32_t entity, const struct lay_attribute *a, uint32_t to)
{
        struct lay_link link = {.kind = LINK_REFERENCE, .from = entity, .to = to, .attribute = a};
        _cleanup_free_ char *name = links_snake(a->name), *column = NULL;
        int r;

        if (entity != to && is_kept_by_other(s, entity, to))
                return 0; /* the other side holds it: add_lists() */
        column = name ? str_printf("%s_id", name) : NULL;
        if (!column)
                return -ENOMEM;
        link.column_attribute = links_attribute(&s->l->entities[entity], column, a);
        link.is_unique = entity != to &&
                         (has_one(s, to, entity) || (to < entity && has_lone(s->l, to, entity)));
        link.name = take(name);
        link.column = take(column);
        r = add_link(s, &link);
        if (r < 0) {
                free(link.name);
                free(link.column);
        }
        return r;
}

static bool is_column(const struct layout *l, const struct lay_attribute *a)
{
        for (size_t i = 0; i < l->n_links; i++)
                if (l->links[i].column_attribute == a)
                        return true;
        return false;
}

static int add_key(struct links *s, uint32_t entity, const struct lay_attribute *a, uint32_t to,
                   size_t n_name, const char *column)
{
        struct lay_link link = {
                .kind = LINK_REFERENCE,
                .from = entity,
                .to = to,
                .column_attribute = a,
                .is_unique = entity != to && is_one_to_one(s, entity, to),
                .name = str_dup_span((struct span){column, n_name}),
                .column = str_dup_span(span_of(column)),
        };
        int r = link.name && link.column ? add_link(s, &link) : -ENOMEM;

        if (r < 0) {
                free(link.name);
                free(link.column);
        }
        return r;
}

static int add_role(struct links *s, uint32_t entity, const struct lay_attribute *a,
                    const char *column)
{
        struct said *said = relation_of_role(s, entity, a);

        if (!said)
                return 0;
        said->is_done = true;
        return add_key(s, entity, a, said->from == entity ? said->to : said->from,
                       strlen(column) - strlen("_id"), column);
}

/* An attribute that is another entity: within, or by identifier where a circle is cut. */
static int add_entity(struct links *s, uint32_t entity, const struct lay_attribute *a, uint32_t to,
                      const char *column)
{
        size_t n = strlen(column);

        if (!a->is_by_id)
                return add_lone(s, entity, a, to);
        return add_key(s, entity, a, to, str_has_suffix(column, "_id") ? n - strlen("_id") : n,
                       column);
}

/* First what is plain, then roles: what a role means depends on what is plain. */
static int add_references(struct links *s, uint32_t entity, int pass)
{
        const struct lay_entity *e = &s->l->entities[entity];
        int r = 0;

        for (size_t i = 0; i < e->n_attributes && r == 0; i++) {
                const struct lay_attribute *a = &e->attributes[i];
                _cleanup_free_ char *column = NULL;
                uint32_t to;
                size_t n_name = 0;
                bool is_many, is_entity = skeleton_link(s->l, a->skeleton, &to, &is_many) == 0;

                if (is_identity(s->l, a) || is_entity != (pass == 0) || (is_entity && is_many))
                        continue;
                if (!is_entity && (!may_be_key(a) || !is_id_type(s->l, a) || is_column(s->l, a)))
                        continue;
                column = links_snake(a->name);
                if (!column)
                        return -ENOMEM;
                if (is_entity)
                        r = add_entity(s, entity, a, to, column);
                else if (pass == 1 && key_of(s->l, column, false, &to, &n_name))
                        r = add_key(s, entity, a, to, n_name, column);
                else if (pass == 2 && str_has_suffix(column, "_id"))
                        r = add_role(s, entity, a, column);
        }
        return r;
}

/* ---- joins ---- */

/* The entity that the attribute is or lists: by its type, or by its name (`tag_ids`). */
static bool leads_to(const struct layout *l, const struct lay_attribute *a, uint32_t *ret,
                     bool *ret_is_many, bool *ret_is_by_name)
{
        _cleanup_free_ char *name = NULL;
        size_t n;

        if (is_identity(l, a))
                return false;
        *ret_is_by_name = a->is_by_id;
        if (skeleton_link(l, a->skeleton, ret, ret_is_many) == 0)
                return *ret_is_many || !a->is_by_id;
        if (!may_be_key(a) || is_id_type(l, a))
                return false;
        name = links_snake(a->name);
        *ret_is_by_name = *ret_is_many = true;
        return name && key_of(l, name, true, ret, &n);
}

/* The attribute of `entity` that lists `of`, the first that is no side of a link yet. */
static const struct lay_attribute *list_of(const struct layout *l, uint32_t entity, uint32_t of)
{
        const struct lay_entity *e = &l->entities[entity];

        for (size_t i = 0; i < e->n_attributes; i++) {
                uint32_t to;
                bool is_many, is_by_name, is_taken = false;

                if (!leads_to(l, &e->attributes[i], &to, &is_many, &is_by_name) || !is_many ||
                    to != of)
                        continue;
                for (size_t k = 0; k < l->n_links; k++)
                        is_taken = is_taken || l->links[k].attribute == &e->attributes[i] ||
                                   l->links[k].back_attribute == &e->attributes[i];
                if (!is_taken)
                        return &e->attributes[i];
        }
        return NULL;
}

static int add_join(struct links *s, uint32_t from, uint32_t to)
{
        struct lay_link link = {.kind = LINK_JOIN, .from = from, .to = to};

        link.attribute = list_of(s->l, from, to);
        if (from != to)
                link.back_attribute = list_of(s->l, to, from);
        return add_link(s, &link);
}

/* Both list each other. */
static int add_mutual_joins(struct links *s, uint32_t entity)
{
        struct layout *l = s->l;
        int r = 0;

        for (size_t i = 0; i < l->entities[entity].n_attributes && r == 0; i++) {
                uint32_t other;
                bool is_many, is_by_name;

                if (leads_to(l, &l->entities[entity].attributes[i], &other, &is_many,
                             &is_by_name) &&
                    is_many && other > entity && list_of(l, entity, other) &&
                    list_of(l, other, entity) && !find_reference(l, entity, other) &&
                    !find_reference(l, other, entity) && !find_join(l, entity, other))
                        r = add_join(s, entity, other);
        }
        return r;
}

static int add_joins(struct links *s)
{
        int r = 0;

        for (size_t i = 0; i < s->n_said && r == 0; i++) {
                struct said *said = &s->said[i];

                if (said->kind != MANY_TO_MANY)
                        continue;
                said->is_done = true;
                if (!find_join(s->l, said->from, said->to))
                        r = add_join(s, said->from, said->to);
        }
        for (uint32_t i = 0; i < s->l->n_entities && r == 0; i++)
                r = add_mutual_joins(s, i);
        return r;
}

/* ---- relationships and lists ---- */

/* "Visit must have a vet" holds for the only way from one to the other. What refers to itself
 * begins somewhere: nobody could make the first. */
static void require(struct links *s, uint32_t from, uint32_t to)
{
        struct lay_link *only = NULL;

        for (size_t i = 0; i < s->l->n_links; i++) {
                struct lay_link *k = &s->l->links[i];

                if (k->kind != LINK_REFERENCE || k->from != from || k->to != to)
                        continue;
                if (only)
                        return;
                only = k;
        }
        if (only && from != to)
                only->is_required = true;
}

/* "Book must have tags": of several ways there is at most one that is declared. */
static void require_some(struct links *s, const struct said *said)
{
        struct lay_link *k = find_join(s->l, said->from, said->to);

        if (k && k->from == said->from)
                k->is_required = true;
        else if (k)
                k->is_back_required = true;
}

static int add_relation(struct links *s, const struct said *said)
{
        bool is_back = said->kind == HAS_MANY || said->kind == HAS_ONE;
        uint32_t from = is_back ? said->to : said->from, to = is_back ? said->from : said->to;
        struct lay_link link = {
                .kind = LINK_REFERENCE, .from = from, .to = to, .is_unique = said->kind == HAS_ONE};
        int r = 0;

        if (said->is_mutual && find_reference(s->l, to, from))
                return 0;
        if (!said->is_done && !find_reference(s->l, from, to) && !find_join(s->l, from, to))
                r = add_link(s, &link);
        if (r == 0 && said->relation->is_required && said->kind != MANY_TO_MANY)
                require(s, from, to);
        if (r == 0 && said->relation->is_required && said->kind == MANY_TO_MANY)
                require_some(s, said);
        return r;
}

static int add_list(struct links *s, uint32_t entity, const struct lay_attribute *a, uint32_t of,
                    bool is_many, bool is_by_name)
{
        struct layout *l = s->l;
        struct lay_link link = {.kind = LINK_REFERENCE,
                                .from = of,
                                .to = entity,
                                .back_attribute = a,
                                .is_unique = !is_many};
        int r;

        for (size_t i = 0; i < l->n_links; i++) {
                struct lay_link *k = &l->links[i];

                if (k->attribute == a || k->back_attribute == a)
                        return 0;
        }
        for (size_t i = 0; i < l->n_links; i++) {
                struct lay_link *k = &l->links[i];

                if (k->from == of && k->to == entity && !k->back_attribute) {
                        k->back_attribute = a;
                        return 0;
                }
                if (k->kind == LINK_JOIN && k->from == entity && k->to == of && !k->attribute) {
                        k->attribute = a;
                        return 0;
                }
        }
        if (is_by_name) /* identifiers of what has a life of its own */
                return add_join(s, entity, of);
        r = add_link(s, &link);
        if (r == 0 && is_many && links_are_shown(l->b))
                r = layout_note(l,
                                "%s.%s: each %s is taken to belong to one %s; a relationship of "
                                "type many_to_many would say otherwise",
                                l->entities[entity].name, a->name, l->entities[of].name,
                                l->entities[entity].name);
        return r;
}

static int add_lists(struct links *s, uint32_t entity)
{
        struct layout *l = s->l;
        const struct lay_entity *e = &l->entities[entity];
        int r = 0;

        for (size_t i = 0; i < e->n_attributes && r == 0; i++) {
                const struct lay_attribute *a = &e->attributes[i];
                uint32_t to;
                bool is_many, is_by_name;

                if (leads_to(l, a, &to, &is_many, &is_by_name))
                        r = add_list(s, entity, a, to, is_many, is_by_name);
        }
        return r;
}

static int compare_said(const void *a, const void *b, void *arg)
{
        const struct layout *l = arg;
        const struct said *x = a, *y = b;
        int r = strcmp(l->entities[x->from].name, l->entities[y->from].name);

        r = r ? r : strcmp(l->entities[x->to].name, l->entities[y->to].name);
        r = r ? r : (int)x->kind - (int)y->kind;
        return r ? r : (int)y->relation->is_required - (int)x->relation->is_required;
}

static int read_relations(struct links *s)
{
        struct layout *l = s->l;
        int r = 0;

        s->said = calloc(l->m->n_relations + 1, sizeof(*s->said));
        if (!s->said)
                return -ENOMEM;
        for (size_t i = 0; i < l->m->n_relations && r == 0; i++) {
                const struct relation *relation = &l->m->relations[i];
                struct said said = {.relation = relation};

                if (phrases_get(l->phrases, span_of(relation->from), &said.from) != 0 ||
                    phrases_get(l->phrases, span_of(relation->to), &said.to) != 0)
                        continue;
                said.kind = relation_kind(relation->type, &said.is_mutual);
                if (said.kind == UNKNOWN) {
                        said.kind = BELONGS_TO;
                        r = layout_note(l, "the relationship of %s to %s is `%.60s`: belongs_to",
                                        relation->from, relation->to,
                                        relation->type ? relation->type : "");
                }
                s->said[s->n_said++] = said;
        }
        qsort_r(s->said, s->n_said, sizeof(*s->said), compare_said, l);
        return r;
}

static int find_links(struct links *s)
{
        struct layout *l = s->l;
        int r = layout_known_type(l, "string", &s->text);

        if (r >= 0)
                r = read_relations(s);
        for (int pass = 0; pass < 3; pass++) {
                for (uint32_t i = 0; i < l->n_entities && r == 0; i++)
                        r = add_references(s, i, pass);
                if (r == 0)
                        r = links_identities(l, s->text);
        }
        if (r == 0)
                r = add_joins(s);
        for (size_t i = 0; i < s->n_said && r == 0; i++)
                r = add_relation(s, &s->said[i]);
        for (uint32_t i = 0; i < l->n_entities && r == 0; i++)
                r = add_lists(s, i);
        return r == 0 ? links_identities(l, s->text) : r;
}

/* One of which there is one for each of the other: what the attribute says, the link does. */
static void take_unique(struct layout *l)
{
        for (size_t i = 0; i < l->n_links && links_are_shown(l->b); i++) {
                struct lay_link *k = &l->links[i];
                const struct lay_attribute *a = k->attribute;

                if (k->kind != LINK_REFERENCE || !a || !a->source || !a->source->is_unique)
                        continue;
                k->is_unique = true;
                l->entities[k->from].attributes[a - l->entities[k->from].attributes].is_ruled =
                        true;
        }
}

int layout_links(struct layout *l)
{
        struct links s = {.l = l};
        int r = find_links(&s);

        free(s.said);
        if (r == 0)
                take_unique(l);
        if (r == 0)
                r = links_circles(l);
        if (r == 0)
                r = links_fields(l);
        return r == 0 && links_are_shown(l->b) ? links_finish(l) : r;
}

void layout_links_free(struct layout *l)
{
        for (size_t i = 0; i < l->n_links; i++) {
                free(l->links[i].name);
                free(l->links[i].back);
                free(l->links[i].column);
                free(l->links[i].other);
        }
        free(l->links);
}
