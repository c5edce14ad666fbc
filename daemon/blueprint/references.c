#include <stdio.h>

#include "daemon/blueprint/layout.h"
#include "daemon/blueprint/types.h"
#include "daemon/template/template.h"

/* Who refers to whom. An entity refers to those that its attributes' types name, those that its
 * relations lead to, and those of its foreign keys, which links.c adds.
 *
 * Types of other packages are imported, and packages must not import each other in a circle. Edges
 * are taken in a fixed order, those that the specification declares as dependencies first, then by
 * name; an edge that would close a circle is not taken, and the attributes that need it hold
 * identifiers instead (by_id). */

int refs_add(struct refs *r, uint32_t value)
{
        size_t i = r->n;
        uint32_t *grown;

        while (i > 0 && r->at[i - 1] > value)
                i--;
        if (i > 0 && r->at[i - 1] == value)
                return 0;
        if ((r->n & (r->n - 1)) == 0) { /* room is the next power of two */
                grown = reallocarray(r->at, r->n ? r->n * 2 : 1, sizeof(*grown));
                if (!grown)
                        return -ENOMEM;
                r->at = grown;
        }
        memmove(r->at + i + 1, r->at + i, (r->n - i) * sizeof(*r->at));
        r->at[i] = value;
        r->n++;
        return 0;
}

bool refs_has(const struct refs *r, uint32_t value)
{
        size_t low = 0, high = r->n;

        while (low < high) {
                size_t middle = low + (high - low) / 2;

                if (r->at[middle] == value)
                        return true;
                if (r->at[middle] < value)
                        low = middle + 1;
                else
                        high = middle;
        }
        return false;
}

static int direct_references(struct layout *l)
{
        int r = 0;

        for (size_t i = 0; i < l->n_entities && r == 0; i++) {
                struct lay_entity *e = &l->entities[i];

                for (size_t k = 0; k < e->n_attributes && r == 0; k++)
                        r = skeleton_entities(e->attributes[k].skeleton, &e->types);
                for (size_t k = 0; k < e->types.n && r == 0; k++)
                        if (e->types.at[k] != i)
                                r = refs_add(&e->direct, e->types.at[k]);
        }
        for (size_t i = 0; i < l->m->n_relations && r == 0; i++) {
                uint32_t from, to;

                if (phrases_get(l->phrases, span_of(l->m->relations[i].from), &from) != 0 ||
                    phrases_get(l->phrases, span_of(l->m->relations[i].to), &to) != 0)
                        continue;
                if (from != to)
                        r = refs_add(&l->entities[from].direct, to);
                if (r == 0)
                        r = refs_add(&l->entities[from].relations, (uint32_t)i);
        }
        return r;
}

/* ---- imports ---- */

struct edge {
        const char *from_name, *to_name;
        uint32_t from, to;
};

static int compare_edges(const void *a, const void *b)
{
        const struct edge *x = a, *y = b;
        int r = strcmp(x->from_name, y->from_name);

        return r != 0 ? r : strcmp(x->to_name, y->to_name);
}

/* Does a way of imports lead from `from` to `to`? */
static bool reaches(const struct layout *l, uint32_t from, uint32_t to, uint32_t *stack,
                    uint32_t *visited, uint32_t mark)
{
        size_t n = 0;

        stack[n++] = from;
        visited[from] = mark;
        while (n > 0) {
                const struct refs *next = &l->packages[stack[--n]].imports;

                for (size_t i = 0; i < next->n; i++) {
                        if (next->at[i] == to)
                                return true;
                        if (visited[next->at[i]] != mark) {
                                visited[next->at[i]] = mark;
                                stack[n++] = next->at[i];
                        }
                }
        }
        return false;
}

static int collect_edges(struct layout *l, struct edge **ret, size_t *ret_n, size_t *ret_n_declared)
{
        struct edge *edges;
        size_t n = 0, room = 1;

        for (size_t i = 0; i < l->n_packages; i++)
                room += l->packages[i].source ? l->packages[i].source->depends.n : 0;
        for (size_t i = 0; i < l->n_entities; i++)
                room += l->entities[i].types.n;
        edges = calloc(room, sizeof(*edges));
        if (!edges)
                return -ENOMEM;
        for (size_t i = 0; i < l->m->n_packages; i++)
                for (size_t k = 0; k < l->m->packages[i].depends.n; k++)
                        for (uint32_t j = 0; j < l->m->n_packages; j++)
                                if (j != i && strcmp(l->m->packages[j].name,
                                                     l->m->packages[i].depends.at[k]) == 0)
                                        edges[n++] =
                                                (struct edge){l->packages[i].name,
                                                              l->packages[j].name, (uint32_t)i, j};
        *ret_n_declared = n;
        for (size_t i = 0; i < l->n_entities; i++) {
                const struct lay_entity *e = &l->entities[i];

                for (size_t k = 0; k < e->types.n; k++) {
                        uint32_t to = l->entities[e->types.at[k]].package;

                        if (to != e->package)
                                edges[n++] = (struct edge){l->packages[e->package].name,
                                                           l->packages[to].name, e->package, to};
                }
        }
        *ret = edges;
        *ret_n = n;
        return 0;
}

static int choose_imports(struct layout *l)
{
        _cleanup_free_ struct edge *edges = NULL;
        _cleanup_free_ uint32_t *stack = calloc(l->n_packages + 1, sizeof(*stack));
        _cleanup_free_ uint32_t *visited = calloc(l->n_packages + 1, sizeof(*visited));
        size_t n, n_declared;
        int r;

        if (!stack || !visited)
                return -ENOMEM;
        r = collect_edges(l, &edges, &n, &n_declared);
        if (r < 0)
                return r;
        qsort(edges, n_declared, sizeof(*edges), compare_edges);
        qsort(edges + n_declared, n - n_declared, sizeof(*edges), compare_edges);
        for (size_t i = 0; i < n && r == 0; i++) {
                const struct edge *e = &edges[i];

                if (!refs_has(&l->packages[e->from].imports, e->to) &&
                    !reaches(l, e->to, e->from, stack, visited, (uint32_t)i + 1))
                        r = refs_add(&l->packages[e->from].imports, e->to);
        }
        return r;
}

bool layout_may_import(const struct layout *l, uint32_t from, uint32_t to)
{
        return from == to || refs_has(&l->packages[from].imports, to);
}

/* ---- by_id ---- */

static bool is_legal(const struct layout *l, const struct lay_entity *e, const struct refs *types)
{
        for (size_t i = 0; i < types->n; i++)
                if (!layout_may_import(l, e->package, l->entities[types->at[i]].package))
                        return false;
        return true;
}

/* Nothing but the entity itself (and what an identifier strips): one of them. */
static bool is_one(const struct layout *l, const char *skeleton)
{
        const char *strip = l->b->naming.by_id_strip ? l->b->naming.by_id_strip : "";

        skeleton += strspn(skeleton, strip);
        return *skeleton == '\x01' && skeleton[strcspn(skeleton, "\x02")] &&
               !skeleton[strcspn(skeleton, "\x02") + 1];
}

/* "Starts" of many becomes "StartIDs". */
static char *name_by_id(const struct layout *l, const struct lay_attribute *a)
{
        const struct naming *n = &l->b->naming;
        _cleanup_buf_ struct buf b = {0};

        if (is_one(l, a->skeleton))
                return str_printf("%s%s", a->name, n->by_id_ending);
        if (template_filter_name("singular", span_of(a->name), &b) != 0)
                return NULL;
        return str_printf("%s%s", b.at, n->by_ids_ending);
}

static int hold_by_id(struct layout *l, struct lay_entity *e, size_t index, bool *ret_dropped)
{
        struct lay_attribute *a = &e->attributes[index];
        char *name = name_by_id(l, a);

        if (!name)
                return -ENOMEM;
        *ret_dropped = false;
        for (size_t i = 0; i < e->n_attributes; i++)
                *ret_dropped = *ret_dropped ||
                               (e->attributes[i].name && strcmp(e->attributes[i].name, name) == 0);
        if (*ret_dropped) {
                int r = layout_note(l,
                                    "%s.%s is left out: importing its package would close a "
                                    "circle, and %s holds the identifier",
                                    e->name, a->name, name);

                free(name);
                return r;
        }
        free(a->name);
        a->name = name;
        a->is_by_id = true;
        return layout_note(l,
                           "%s.%s holds an identifier: importing its package would close a circle",
                           e->name, a->name);
}

static int hold_all_by_id(struct layout *l)
{
        for (size_t i = 0; i < l->n_entities; i++) {
                struct lay_entity *e = &l->entities[i];
                size_t n = 0;

                if (is_legal(l, e, &e->types))
                        continue;
                for (size_t k = 0; k < e->n_attributes; k++) {
                        struct refs types = {0};
                        bool is_dropped = false;
                        int r;

                        r = skeleton_entities(e->attributes[k].skeleton, &types);
                        if (r == 0 && !is_legal(l, e, &types))
                                r = hold_by_id(l, e, k, &is_dropped);
                        free(types.at);
                        if (r < 0)
                                return r;
                        if (is_dropped) {
                                free(take(e->attributes[k].name));
                                free(take(e->attributes[k].was));
                        }
                }
                for (size_t k = 0; k < e->n_attributes; k++)
                        if (e->attributes[k].name)
                                e->attributes[n++] = e->attributes[k];
                e->n_attributes = n;
        }
        return 0;
}

int layout_references(struct layout *l)
{
        int r;

        r = direct_references(l);
        if (r == 0)
                r = choose_imports(l);
        return r < 0 ? r : hold_all_by_id(l);
}

/* ---- closure ----
 *
 * What a file about the entity may have to name: all that the entity refers to, and from there on
 * what can be reached through types. A foreign key or a relation of another entity leads nowhere
 * that code could follow, and would make a file again for what it cannot see. */

static int compare_ranks(const void *a, const void *b)
{
        uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

        return x < y ? -1 : x > y;
}

/* Marks and stacks the entity, `first`, and what can be reached from there through types; n. */
static size_t walk(struct layout *l, uint32_t entity, const struct refs *first, uint32_t mark)
{
        size_t n = 0, n_done = 0;

        l->closure_stack[n++] = entity;
        l->closure_mark[entity] = mark;
        while (n_done < n) {
                const struct lay_entity *at = &l->entities[l->closure_stack[n_done]];
                const struct refs *next = n_done++ == 0 ? first : &at->types;

                for (size_t i = 0; i < next->n; i++)
                        if (l->closure_mark[next->at[i]] != mark) {
                                l->closure_mark[next->at[i]] = mark;
                                l->closure_stack[n++] = next->at[i];
                        }
        }
        return n;
}

/* The stack but its first, sorted by name: by rank, which is then given back to indices. */
static int take_sorted(struct layout *l, size_t n, struct refs *ret)
{
        struct refs list = {.at = calloc(n, sizeof(uint32_t)), .n = n - 1};

        if (!list.at)
                return -ENOMEM;
        for (size_t i = 1; i < n; i++)
                list.at[i - 1] = l->rank[l->closure_stack[i]];
        qsort(list.at, list.n, sizeof(uint32_t), compare_ranks);
        for (size_t i = 0; i < list.n; i++)
                list.at[i] = l->by_name[list.at[i]];
        *ret = list;
        return 0;
}

static int prepare_walk(struct layout *l)
{
        if (l->closure_mark)
                return 0;
        l->closure_stack = calloc(l->n_entities + 1, sizeof(uint32_t));
        if (!l->closure_stack)
                return -ENOMEM;
        l->closure_mark = calloc(l->n_entities + 1, sizeof(uint32_t));
        return l->closure_mark ? 0 : -ENOMEM;
}

int layout_closure(struct layout *l, uint32_t entity, const struct refs **ret)
{
        struct lay_entity *e = &l->entities[entity];
        int r;

        *ret = &e->closure;
        if (e->has_closure)
                return 0;
        r = prepare_walk(l);
        if (r == 0)
                r = take_sorted(l, walk(l, entity, &e->direct, 2 * entity + 1), &e->closure);
        e->has_closure = r == 0;
        return r;
}

int layout_reach(struct layout *l, uint32_t entity, struct refs *ret)
{
        const struct lay_entity *e = &l->entities[entity];
        uint32_t mark = 2 * entity + 2;
        size_t n;
        int r = prepare_walk(l);

        if (r < 0)
                return r;
        n = walk(l, entity, &e->types, mark);
        for (size_t i = 0; i < e->direct.n; i++)
                if (l->closure_mark[e->direct.at[i]] != mark)
                        l->closure_stack[n++] = e->direct.at[i];
        return take_sorted(l, n, ret);
}
