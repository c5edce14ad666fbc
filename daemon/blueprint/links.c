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
 * specification makes no difference to what an entity is told: its links stand by kind and name. */

enum relation_kind { BELONGS_TO, HAS_MANY, HAS_ONE, MANY_TO_MANY, N_RELATION_KINDS, UNKNOWN };

static const struct {
        const char *word; /* letters and digits of what is written, in lower case */
        enum relation_kind kind;
} relation_words[] = {
        {"belongsto", BELONGS_TO}, {"manytoone", BELONGS_TO},
        {"n1", BELONGS_TO},        {"references", BELONGS_TO},
        {"partof", BELONGS_TO},    {"hasmany", HAS_MANY},
        {"onetomany", HAS_MANY},   {"1n", HAS_MANY},
        {"contains", HAS_MANY},    {"owns", HAS_MANY},
        {"hasone", HAS_ONE},       {"onetoone", HAS_ONE},
        {"11", HAS_ONE},           {"manytomany", MANY_TO_MANY},
        {"nm", MANY_TO_MANY},      {"mn", MANY_TO_MANY},
        {"nn", MANY_TO_MANY},      {"hasandbelongstomany", MANY_TO_MANY},
};

static enum relation_kind relation_kind(const char *type)
{
        char word[32];
        size_t n = 0;

        for (; type && *type && n + 1 < sizeof(word); type++)
                if (isalnum((unsigned char)*type))
                        word[n++] = (char)tolower((unsigned char)*type);
        word[n] = '\0';
        for (size_t i = 0; i < N_ELEMENTS(relation_words); i++)
                if (strcmp(relation_words[i].word, word) == 0)
                        return relation_words[i].kind;
        return UNKNOWN;
}

struct links {
        struct layout *l;
        size_t room;
        uint32_t *from, *to;       /* owned: of each relation */
        bool *is_done;             /* owned: the relation is one of the links */
        enum relation_kind *kinds; /* owned */
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

static bool is_id_type(const struct layout *l, const struct lay_attribute *a)
{
        return strlist_has(&l->b->naming.identity_types, a->skeleton);
}

/* A foreign key whose name is a role ("parent_id"), if a declared relationship of the entity can
 * only mean it. */
static int64_t relation_of_role(const struct links *s, uint32_t entity)
{
        int64_t found = -1;

        for (size_t i = 0; i < s->l->m->n_relations; i++) {
                bool is_ours =
                        (s->kinds[i] == BELONGS_TO && s->from[i] == entity) ||
                        ((s->kinds[i] == HAS_MANY || s->kinds[i] == HAS_ONE) && s->to[i] == entity);
                uint32_t other = s->from[i] == entity ? s->to[i] : s->from[i];

                if (!is_ours || s->is_done[i] || find_reference(s->l, entity, other))
                        continue;
                if (found >= 0)
                        return -1;
                found = (int64_t)i;
        }
        return found;
}

static bool has_one(const struct links *s, uint32_t from, uint32_t to)
{
        for (size_t i = 0; i < s->l->m->n_relations; i++)
                if (s->kinds[i] == HAS_ONE && s->from[i] == from && s->to[i] == to)
                        return true;
        return false;
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
                .is_unique = entity != to && has_one(s, to, entity),
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

/* First what is plain, then roles: what a role means depends on what is plain. */
static int add_references(struct links *s, uint32_t entity, int pass)
{
        const struct lay_entity *e = &s->l->entities[entity];
        int r = 0;

        for (size_t i = 0; i < e->n_attributes && r == 0; i++) {
                const struct lay_attribute *a = &e->attributes[i];
                _cleanup_free_ char *column = links_snake(a->name);
                uint32_t to;
                size_t n_name = 0;
                bool is_many;

                if (!column)
                        return -ENOMEM;
                if (is_identity(s->l, a) || a->is_by_id)
                        continue;
                if (skeleton_link(s->l, a->skeleton, &to, &is_many) == 0) {
                        if (pass == 0 && !is_many)
                                r = add_lone(s, entity, a, to);
                        continue;
                }
                if (pass == 0 || is_column(s->l, a) || !is_id_type(s->l, a))
                        continue;
                if (pass == 1 && key_of(s->l, column, false, &to, &n_name)) {
                        r = add_key(s, entity, a, to, n_name, column);
                } else if (pass == 2 && str_has_suffix(column, "_id")) {
                        int64_t relation = relation_of_role(s, entity);

                        if (relation < 0)
                                continue;
                        to = s->from[relation] == entity ? s->to[relation] : s->from[relation];
                        s->is_done[relation] = true;
                        r = add_key(s, entity, a, to, strlen(column) - 3, column);
                }
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

        *ret_is_by_name = false;
        if (a->is_by_id || is_identity(l, a))
                return false;
        if (skeleton_link(l, a->skeleton, ret, ret_is_many) == 0)
                return true;
        name = links_snake(a->name);
        *ret_is_by_name = *ret_is_many = true;
        return name && !is_id_type(l, a) && key_of(l, name, true, ret, &n);
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

static int add_joins(struct links *s)
{
        struct layout *l = s->l;
        int r = 0;

        for (size_t i = 0; i < l->m->n_relations && r == 0; i++) {
                if (s->kinds[i] != MANY_TO_MANY)
                        continue;
                s->is_done[i] = true;
                if (!find_join(l, s->from[i], s->to[i]))
                        r = add_join(s, s->from[i], s->to[i]);
        }
        for (uint32_t i = 0; i < l->n_entities && r == 0; i++)
                for (size_t k = 0; k < l->entities[i].direct.n && r == 0; k++) {
                        uint32_t other = l->entities[i].direct.at[k];

                        if (other > i && list_of(l, i, other) && list_of(l, other, i) &&
                            !find_reference(l, i, other) && !find_reference(l, other, i) &&
                            !find_join(l, i, other))
                                r = add_join(s, i, other);
                }
        return r;
}

/* ---- relationships and lists ---- */

static int add_relation(struct links *s, size_t i)
{
        enum relation_kind kind = s->kinds[i];
        bool is_back = kind == HAS_MANY || kind == HAS_ONE;
        uint32_t from = is_back ? s->to[i] : s->from[i], to = is_back ? s->from[i] : s->to[i];
        struct lay_link link = {
                .kind = LINK_REFERENCE, .from = from, .to = to, .is_unique = kind == HAS_ONE};

        if (s->is_done[i] || find_reference(s->l, from, to) || find_join(s->l, from, to))
                return 0;
        return add_link(s, &link);
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
        if (r == 0 && is_many)
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

static int read_relations(struct links *s)
{
        struct layout *l = s->l;
        size_t n = l->m->n_relations;
        int r = 0;

        s->from = calloc(n + 1, sizeof(*s->from));
        s->to = calloc(n + 1, sizeof(*s->to));
        s->is_done = calloc(n + 1, sizeof(*s->is_done));
        s->kinds = calloc(n + 1, sizeof(*s->kinds));
        if (!s->from || !s->to || !s->is_done || !s->kinds)
                return -ENOMEM;
        for (size_t i = 0; i < n && r == 0; i++) {
                const struct relation *relation = &l->m->relations[i];

                s->kinds[i] = relation_kind(relation->type);
                if (phrases_get(l->phrases, span_of(relation->from), &s->from[i]) != 0 ||
                    phrases_get(l->phrases, span_of(relation->to), &s->to[i]) != 0) {
                        s->is_done[i] = true;
                        s->kinds[i] = UNKNOWN;
                } else if (s->kinds[i] == UNKNOWN) {
                        s->kinds[i] = BELONGS_TO;
                        r = layout_note(l, "the relationship of %s to %s is `%.60s`: belongs_to",
                                        relation->from, relation->to,
                                        relation->type ? relation->type : "");
                }
        }
        return r;
}

static int find_links(struct links *s)
{
        struct layout *l = s->l;
        int r = read_relations(s);

        for (int pass = 0; pass < 3; pass++)
                for (uint32_t i = 0; i < l->n_entities && r == 0; i++)
                        r = add_references(s, i, pass);
        if (r == 0)
                r = add_joins(s);
        for (size_t i = 0; i < l->m->n_relations && r == 0; i++)
                r = add_relation(s, i);
        for (uint32_t i = 0; i < l->n_entities && r == 0; i++)
                r = add_lists(s, i);
        return r == 0 ? links_finish(l) : r;
}

static bool is_asked_for(const struct blueprint *b)
{
        for (size_t i = 0; i < b->n_kinds; i++)
                if (b->kinds[i].inputs & (UINT64_C(1) << INPUT_LINKS))
                        return true;
        return false;
}

int layout_links(struct layout *l)
{
        struct links s = {.l = l};
        int r;

        if (!is_asked_for(l->b))
                return 0;
        r = find_links(&s);
        free(s.from);
        free(s.to);
        free(s.is_done);
        free(s.kinds);
        return r;
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
