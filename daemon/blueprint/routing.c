#include <ctype.h>
#include <stdio.h>

#include "daemon/blueprint/layout.h"
#include "daemon/blueprint/tell-routes.h"

/* Where requirements and scenarios belong. What the specification says (applies_to) counts alone;
 * else the text is searched for names of entities and packages, as whole words, inflected
 * (words.h), and for endpoints. A package that is called like an entity is the entity. What names
 * nobody is free: it goes to the blueprint's `logic` kinds. */

struct search {
        struct layout *l;
        const struct phrases *phrases; /* entities, then packages from n_entities on */
        struct lay_item *item;
        struct route *route; /* the item's */
        bool is_id;          /* what is searched is an id of the specification */
};

/* Do the words say the name letter by letter? */
static bool is_the_name(const char *name, const char *said)
{
        for (;; name++, said++) {
                while (*name && !isalnum((unsigned char)*name) && (unsigned char)*name < 0x80)
                        name++;
                while (*said == ' ')
                        said++;
                if (!*name || !*said)
                        return !*name && !*said;
                if (tolower((unsigned char)*name) != tolower((unsigned char)*said))
                        return false;
        }
}

static int note_name(struct search *s, uint32_t value, const char *said)
{
        const struct model *m = s->l->m;
        bool is_entity = value < s->l->n_entities;
        const char *name =
                is_entity ? m->entities[value].name : m->packages[value - s->l->n_entities].name;

        return route_note(s->item,
                          s->is_id                  ? "id"
                          : is_the_name(name, said) ? "word"
                                                    : "inflected",
                          said, is_entity ? "entity" : "package", name);
}

static int found_name(uint32_t value, const char *said, void *arg)
{
        struct search *s = arg;
        int r = note_name(s, value, said);

        if (r < 0)
                return r;
        return value < s->l->n_entities
                       ? refs_add(&s->route->entities, value)
                       : refs_add(&s->route->packages, value - (uint32_t)s->l->n_entities);
}

/* "/orders/{id}" and "/orders/:id" and "/orders/{order_id}" are one endpoint. */
static bool is_same_endpoint(const char *endpoint, struct span text)
{
        const char *end = endpoint + strcspn(endpoint, "?"), *at = text.at,
                   *stop = text.at + text.n;

        while (endpoint < end && at < stop) {
                if (*endpoint == '{' && (*at == '{' || *at == ':')) {
                        while (endpoint < end && *endpoint != '/')
                                endpoint++;
                        while (at < stop && *at != '/')
                                at++;
                        continue;
                }
                if (*endpoint != *at)
                        return false;
                endpoint++;
                at++;
        }
        return endpoint == end && at == stop;
}

static const char *const methods[] = {"GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"};

/* The method that stands before an endpoint, or NULL. */
static const char *method_before(struct span text, size_t at)
{
        while (at > 0 && text.at[at - 1] == ' ')
                at--;
        for (size_t i = 0; i < N_ELEMENTS(methods); i++) {
                size_t n = strlen(methods[i]);

                if (at >= n && memcmp(text.at + at - n, methods[i], n) == 0 &&
                    (at == n || !isalnum((unsigned char)text.at[at - n - 1])))
                        return methods[i];
        }
        return NULL;
}

static int found_endpoint(struct search *s, const char *method, struct span path)
{
        for (size_t i = 0; i < s->l->n_contracts; i++) {
                const struct lay_contract *c = &s->l->contracts[i];
                int r;

                if ((method && strcmp(method, c->method) != 0) ||
                    !is_same_endpoint(c->endpoint, path))
                        continue;
                r = refs_add(&s->route->contracts, (uint32_t)i);
                if (r == 0)
                        r = route_note(s->item, s->is_id ? "id" : "endpoint", NULL, "contract",
                                       c->endpoint);
                if (r < 0)
                        return r;
        }
        return 0;
}

static int search_endpoints(struct search *s, struct span text)
{
        for (size_t i = 0; i < text.n; i++) {
                size_t n = 0;
                int r;

                if (text.at[i] != '/' || (i > 0 && !strchr(" \t\n\"'`(", text.at[i - 1])))
                        continue;
                while (i + n < text.n && !strchr(" \t\n\"'`),;?", text.at[i + n]))
                        n++;
                while (n > 1 && strchr("./:", text.at[i + n - 1]))
                        n--;
                r = found_endpoint(s, method_before(text, i), (struct span){text.at + i, n});
                if (r < 0)
                        return r;
                i += n;
        }
        return 0;
}

/* An id of the specification: an entity, a package, or an endpoint. */
static int search_id(struct search *s, const char *text)
{
        uint32_t value;
        int r;

        if (phrases_get(s->phrases, span_of(text), &value) == 0)
                return found_name(value, text, s);
        r = search_endpoints(s, span_of(text));
        return r;
}

static bool route_is_empty(const struct route *r)
{
        return r->entities.n == 0 && r->packages.n == 0 && r->contracts.n == 0;
}

static int route_item(struct search *s, const struct strlist *ids, const char *const *texts,
                      size_t n_texts)
{
        int r = 0;

        s->is_id = true;
        for (size_t i = 0; i < ids->n && r == 0; i++)
                r = search_id(s, ids->at[i]);
        s->is_id = false;
        if (route_is_empty(s->route))
                for (size_t k = 0; k < n_texts && r == 0; k++) {
                        if (!texts[k])
                                continue;
                        r = phrases_find(s->phrases, span_of(texts[k]), found_name, s);
                        if (r == 0)
                                r = search_endpoints(s, span_of(texts[k]));
                }
        s->route->is_free = route_is_empty(s->route);
        return r;
}

/* To whom it belongs, from their side. Lists hold the item's index. */
static int spread(struct layout *l, const struct route *route, uint32_t item, size_t list_of_entity,
                  size_t list_of_package)
{
        int r = 0;

#define LIST(object, offset) ((struct refs *)(void *)((char *)(object) + (offset)))
        for (size_t i = 0; i < route->entities.n && r == 0; i++) {
                struct lay_entity *e = &l->entities[route->entities.at[i]];

                r = refs_add(LIST(e, list_of_entity), item);
                if (r == 0)
                        r = refs_add(LIST(&l->packages[e->package], list_of_package), item);
        }
        for (size_t i = 0; i < route->packages.n && r == 0; i++) {
                struct lay_package *p = &l->packages[route->packages.at[i]];

                r = refs_add(LIST(p, list_of_package), item);
                for (size_t k = 0; k < p->entities.n && r == 0; k++)
                        r = refs_add(LIST(&l->entities[p->entities.at[k]], list_of_entity), item);
        }
        for (size_t i = 0; i < route->contracts.n && r == 0; i++) {
                int64_t entity = l->contracts[route->contracts.at[i]].entity;

                if (entity >= 0)
                        r = refs_add(LIST(&l->entities[entity], list_of_entity), item);
        }
#undef LIST
        return r;
}

/* The order in the file makes no difference for requirements: by id where the user gave one, else
 * by text. */

static int compare_requirements(const void *a, const void *b)
{
        const struct requirement *x = *(const struct requirement *const *)a,
                                 *y = *(const struct requirement *const *)b;
        int r;

        if (x->is_id_made != y->is_id_made)
                return x->is_id_made ? 1 : -1;
        r = x->is_id_made ? 0 : strcmp(x->id, y->id);
        return r != 0 ? r : strcmp(x->text, y->text);
}

static int sort_requirements(struct layout *l)
{
        size_t n = l->m->n_requirements;

        l->requirements = calloc(n + 1, sizeof(*l->requirements));
        l->requirement_sources = calloc(n + 1, sizeof(struct requirement *));
        if (!l->requirements || !l->requirement_sources)
                return -ENOMEM;
        l->n_requirements = n;
        for (size_t i = 0; i < n; i++)
                l->requirement_sources[i] = &l->m->requirements[i];
        qsort(l->requirement_sources, n, sizeof(struct requirement *), compare_requirements);
        return 0;
}

/* Who is named beside a free contract is somebody that the contract's file has to do with. */
static int name_of_free_contracts(struct layout *l, const struct route *route)
{
        int r = 0;

        for (size_t i = 0; i < route->contracts.n; i++) {
                struct lay_contract *c = &l->contracts[route->contracts.at[i]];

                for (size_t k = 0; c->entity < 0 && k < route->entities.n && r == 0; k++)
                        r = refs_add(&c->named, route->entities.at[k]);
        }
        return r;
}

static int route_requirements(struct search *s)
{
        struct layout *l = s->l;
        int r = sort_requirements(l);

        for (size_t i = 0; i < l->n_requirements && r == 0; i++) {
                const struct requirement *source = l->requirement_sources[i];
                const char *texts[] = {source->text};

                s->item = &l->requirements[i];
                s->route = &s->item->route;
                r = route_item(s, &source->applies_to, texts, N_ELEMENTS(texts));
                if (r == 0)
                        r = spread(l, s->route, (uint32_t)i,
                                   offsetof(struct lay_entity, requirements),
                                   offsetof(struct lay_package, requirements));
                if (r == 0)
                        r = name_of_free_contracts(l, s->route);
                if (r == 0 && s->route->is_free)
                        r = route_note(s->item, "logic", NULL, NULL, NULL);
        }
        return r;
}

static int route_scenarios(struct search *s)
{
        struct layout *l = s->l;
        int r = 0;

        l->scenarios = calloc(l->m->n_scenarios + 1, sizeof(*l->scenarios));
        if (!l->scenarios)
                return -ENOMEM;
        l->n_scenarios = l->m->n_scenarios;
        for (size_t i = 0; i < l->n_scenarios && r == 0; i++) {
                const struct scenario *source = &l->m->scenarios[i];
                const char *texts[] = {source->title, source->description, source->given,
                                       source->when, source->then};

                s->item = &l->scenarios[i];
                s->route = &s->item->route;
                r = route_item(s, &source->applies_to, texts, N_ELEMENTS(texts));
                if (r == 0 && s->route->is_free)
                        r = route_item(s, &source->applies_to,
                                       (const char *const *)source->criteria.at,
                                       source->criteria.n);
                if (r == 0)
                        r = spread(l, s->route, (uint32_t)i, offsetof(struct lay_entity, scenarios),
                                   offsetof(struct lay_package, scenarios));
                if (r == 0 && s->route->is_free)
                        r = route_note(s->item, "logic", NULL, NULL, NULL);
        }
        return r;
}

int layout_routes(struct layout *l)
{
        _cleanup_(phrases_freep) struct phrases *phrases = phrases_new();
        struct search s = {.l = l, .phrases = phrases};
        int r = phrases ? 0 : -ENOMEM;

        for (size_t i = 0; i < l->n_entities && r == 0; i++)
                r = phrases_add(phrases, l->m->entities[i].name, (uint32_t)i);
        for (size_t i = 0; i < l->m->n_packages && r == 0; i++)
                r = phrases_add(phrases, l->m->packages[i].name, (uint32_t)(l->n_entities + i));
        if (r == 0)
                r = route_requirements(&s);
        return r < 0 ? r : route_scenarios(&s);
}
