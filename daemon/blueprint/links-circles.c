#include "daemon/blueprint/links.h"

/* Circles of references that must be there: a folder that must have a folder, an employee that must
 * have a department which must have an employee. Nobody could make the first, and tests that make
 * what a record needs would never end. The references are taken in their order; one that would
 * close a circle becomes optional, whatever says that it is required. */

bool attribute_is_required(const struct lay_attribute *a)
{
        return a && !a->is_optional && (a->is_required || (a->source && a->source->is_required));
}

bool links_is_required(const struct lay_link *k)
{
        return k->is_required || attribute_is_required(k->attribute) ||
               attribute_is_required(k->column_attribute);
}

struct circles {
        const struct layout *l;
        uint32_t *first; /* of each entity: a reference that it needs, plus one; 0: none */
        uint32_t *next;  /* of each link: the next one of the same entity, likewise */
        uint32_t *stack;
        uint32_t *mark; /* of each entity: the round in which it was seen */
        uint32_t round;
};

/* Is `to` reached from `from` by what must be there? */
static bool is_reached(struct circles *c, uint32_t from, uint32_t to)
{
        size_t n = 0;

        c->round++;
        c->mark[from] = c->round;
        c->stack[n++] = from;
        while (n > 0) {
                uint32_t e = c->stack[--n];

                if (e == to)
                        return true;
                for (uint32_t i = c->first[e]; i; i = c->next[i - 1]) {
                        uint32_t other = c->l->links[i - 1].to;

                        if (c->mark[other] == c->round)
                                continue;
                        c->mark[other] = c->round;
                        c->stack[n++] = other;
                }
        }
        return false;
}

static void free_attribute(struct lay_entity *e, const struct lay_attribute *a)
{
        if (a)
                e->attributes[a - e->attributes].is_optional = true;
}

static int make_optional(struct layout *l, struct lay_link *k)
{
        struct lay_entity *e = &l->entities[k->from];
        const struct lay_attribute *a = k->attribute ? k->attribute : k->column_attribute;

        k->is_required = false;
        free_attribute(e, k->attribute);
        free_attribute(e, k->column_attribute);
        return layout_warn(l,
                           "%s.%s closes a circle of required references, so that nobody could "
                           "make the first %s: it becomes optional",
                           e->name, a && a->source ? a->source->name : l->entities[k->to].name,
                           e->name);
}

int links_circles(struct layout *l)
{
        struct circles c = {
                .l = l,
                .first = calloc(l->n_entities + 1, sizeof(uint32_t)),
                .next = calloc(l->n_links + 1, sizeof(uint32_t)),
                .stack = calloc(l->n_entities + 1, sizeof(uint32_t)),
                .mark = calloc(l->n_entities + 1, sizeof(uint32_t)),
        };
        int r = c.first && c.next && c.stack && c.mark ? 0 : -ENOMEM;

        for (uint32_t i = 0; i < l->n_links && r == 0; i++) {
                struct lay_link *k = &l->links[i];

                if (k->kind != LINK_REFERENCE || !links_is_required(k))
                        continue;
                if (is_reached(&c, k->to, k->from)) {
                        r = make_optional(l, k);
                        continue;
                }
                c.next[i] = c.first[k->from];
                c.first[k->from] = i + 1;
        }
        free(c.first);
        free(c.next);
        free(c.stack);
        free(c.mark);
        return r;
}
