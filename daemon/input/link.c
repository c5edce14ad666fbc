#include <ctype.h>
#include <stdio.h>

#include "daemon/blueprint/words.h"
#include "daemon/input/reader.h"
#include "daemon/template/unicode.h"

/* A name as an identity: letters and digits in lower case. "Order Item", order_item and OrderItem
 * are one entity. */
static void normalise(const char *name, char *ret, size_t room)
{
        size_t n = 0;

        for (; *name && n + 1 < room; name++)
                if (isalnum((unsigned char)*name) || (unsigned char)*name >= 0x80)
                        ret[n++] = (char)tolower((unsigned char)*name);
        ret[n] = '\0';
}

/* Symbols alone (a fish, an arrow) make no identifier in any language. */
static bool has_letter_or_digit(const char *name)
{
        const char *end = name + strlen(name);

        while (name < end) {
                uint32_t c = utf8_next(&name, end);

                if (c != '_' && unicode_is_word(c))
                        return true;
        }
        return false;
}

#define NAME_BYTES 128 /* a longer name would make no file name */

struct name {
        char key[NAME_BYTES];
        size_t index;
};

struct names {
        struct name *at; /* owned; sorted by key */
        size_t n;
};

static int compare_names(const void *a, const void *b)
{
        const struct name *x = a, *y = b;
        int r = strcmp(x->key, y->key);

        return r != 0 ? r : x->index < y->index ? -1 : x->index > y->index;
}

/* The element with this name as written or otherwise; NULL: none. */
static const struct name *names_find(const struct names *names, const char *name)
{
        char key[NAME_BYTES];
        size_t low = 0, high = names->n;

        normalise(name, key, sizeof(key));
        while (low < high) {
                size_t middle = low + (high - low) / 2;

                if (strcmp(names->at[middle].key, key) < 0)
                        low = middle + 1;
                else
                        high = middle;
        }
        return low < names->n && strcmp(names->at[low].key, key) == 0 ? &names->at[low] : NULL;
}

static void names_add(struct names *names, const char *name, size_t index)
{
        normalise(name, names->at[names->n].key, NAME_BYTES);
        names->at[names->n++].index = index;
}

static struct names names_new(struct reader *rd, size_t n)
{
        struct names names = {.at = calloc(n + 1, sizeof(struct name))};

        if (!names.at)
                reader_fail(rd, -ENOMEM);
        return names;
}

static void names_sort(struct names *names)
{
        if (names->n > 0) /* without memory there is nothing, not even an array */
                qsort(names->at, names->n, sizeof(*names->at), compare_names);
}

static void name_entities(struct reader *rd, struct names *names)
{
        struct model *m = rd->model;

        *names = names_new(rd, m->n_entities);
        for (size_t i = 0; i < m->n_entities && !rd->error; i++) {
                if (strlen(m->entities[i].name) >= NAME_BYTES)
                        reader_refuse(rd, rd->entities.at[i],
                                      "the name of an entity has more than %d bytes",
                                      NAME_BYTES - 1);
                else
                        names_add(names, m->entities[i].name, i);
        }
        names_sort(names);
        for (size_t i = 1; i < names->n && !rd->error; i++) {
                const struct name *a = &names->at[i - 1], *b = &names->at[i];

                if (strcmp(a->key, b->key) == 0)
                        reader_refuse(rd, rd->entities.at[b->index],
                                      "entity %s is there already (line %u): merge the two, or "
                                      "rename one",
                                      m->entities[b->index].name, rd->entities.at[a->index]->line);
        }
        for (size_t i = 0; i < names->n && !rd->error; i++)
                if (!has_letter_or_digit(m->entities[names->at[i].index].name))
                        reader_refuse(rd, rd->entities.at[names->at[i].index],
                                      "an entity's name has neither letter nor digit");
}

static bool set_text(struct reader *rd, char **at, const char *text)
{
        char *copy = str_dup_span(span_of(text));

        if (!copy) {
                reader_fail(rd, -ENOMEM);
                return false;
        }
        free(*at);
        *at = copy;
        return true;
}

/* Gives *end the entity's own spelling; false: there is no such entity. */
static bool link_entity(struct reader *rd, const struct names *entities, char **end)
{
        const struct name *found = names_find(entities, *end);

        return found && set_text(rd, end, rd->model->entities[found->index].name);
}

static bool is_same_relation(const struct relation *a, const struct relation *b)
{
        return str_is_equal(a->from, b->from) && str_is_equal(a->to, b->to) &&
               str_is_equal(a->type, b->type);
}

static void link_relations(struct reader *rd, const struct names *entities)
{
        struct model *m = rd->model;
        size_t n = 0;

        for (size_t i = 0; i < m->n_relations && !rd->error; i++) {
                struct relation r = m->relations[i];
                const char *unknown = NULL;

                m->relations[i] = (struct relation){0};
                if (!link_entity(rd, entities, &r.from))
                        unknown = r.from;
                else if (!link_entity(rd, entities, &r.to))
                        unknown = r.to;
                if (unknown)
                        reader_warn(rd, rd->relations.at[i],
                                    "there is no entity %.60s: the relationship is left out",
                                    unknown);
                else if (n > 0 && is_same_relation(&m->relations[n - 1], &r))
                        reader_warn(rd, rd->relations.at[i], "the relationship stands twice");
                else {
                        m->relations[n++] = r;
                        continue;
                }
                free(r.from);
                free(r.to);
                free(r.type);
                free(r.description);
        }
        if (!rd->error)
                m->n_relations = n;
}

/* Packages that only entities name are added, in the order of their names. */
static void add_packages(struct reader *rd, const struct names *packages)
{
        struct model *m = rd->model;
        struct names missing = names_new(rd, m->n_entities);

        for (size_t i = 0; i < m->n_entities && !rd->error; i++) {
                struct entity *e = &m->entities[i];
                const struct name *found = e->package ? names_find(packages, e->package) : NULL;

                if (found)
                        set_text(rd, &e->package, m->packages[found->index].name);
                else if (e->package)
                        names_add(&missing, e->package, i);
        }
        names_sort(&missing);
        for (size_t i = 0; i < missing.n && !rd->error; i++) {
                const char *name = m->entities[missing.at[i].index].package;

                if (i == 0 || strcmp(missing.at[i].key, missing.at[i - 1].key) != 0) {
                        if (set_text(rd, &m->packages[m->n_packages].name, name))
                                m->n_packages++;
                } else {
                        set_text(rd, &m->entities[missing.at[i].index].package,
                                 m->packages[m->n_packages - 1].name);
                }
        }
        free(missing.at);
}

/* Packages are named by name or by path. */
static void link_packages(struct reader *rd, struct names *packages)
{
        struct model *m = rd->model;
        void *at = m->packages;

        if (!reader_more(rd, &at, m->n_packages, m->n_entities, sizeof(struct package)))
                return;
        m->packages = at;
        *packages = names_new(rd, 2 * m->n_packages);
        for (size_t i = 0; i < m->n_packages && !rd->error; i++) {
                names_add(packages, m->packages[i].name, i);
                if (m->packages[i].path)
                        names_add(packages, m->packages[i].path, i);
        }
        names_sort(packages);
        for (size_t i = 1; i < m->n_packages && !rd->error; i++) {
                const struct name *first = names_find(packages, m->packages[i].name);

                if (first && first->index < i &&
                    str_is_equal(m->packages[first->index].name, m->packages[i].name))
                        reader_refuse(rd, rd->packages.at[i],
                                      "package %.60s is there already (line %u)",
                                      m->packages[i].name, rd->packages.at[first->index]->line);
        }
        if (!rd->error)
                add_packages(rd, packages);
}

static void link_dependencies(struct reader *rd, const struct names *packages, size_t n_written)
{
        struct model *m = rd->model;

        for (size_t i = 0; i < n_written && !rd->error; i++) {
                struct strlist *l = &m->packages[i].depends;
                size_t n = 0;

                for (size_t k = 0; k < l->n && !rd->error; k++) {
                        const struct name *found = names_find(packages, l->at[k]);
                        char *text = take(l->at[k]);

                        if (found && found->index != i &&
                            set_text(rd, &text, m->packages[found->index].name)) {
                                l->at[n++] = text;
                                continue;
                        }
                        if (!found)
                                reader_warn(rd, rd->packages.at[i],
                                            "there is no package %.60s: the dependency of %.60s is "
                                            "left out",
                                            text, m->packages[i].name);
                        free(text);
                }
                if (!rd->error)
                        l->n = n;
        }
}

/* "/api/v1/users/{id}/orders" serves the entity that its last telling segment names. */
static int entity_of_endpoint(const struct phrases *entities, const char *endpoint, uint32_t *ret)
{
        size_t end = strcspn(endpoint, "?");

        while (end > 0) {
                size_t start = end;

                while (start > 0 && endpoint[start - 1] != '/')
                        start--;
                if (endpoint[start] != '{' &&
                    phrases_get(entities, (struct span){endpoint + start, end - start}, ret) == 0)
                        return 0;
                end = start > 0 ? start - 1 : 0;
        }
        return CONDITION_ABSENT;
}

#define IS_TAKEN 3 /* beside the conditions of phrases_find() */

static int take_first(uint32_t value, const char *said, void *arg)
{
        (void)said;
        *(uint32_t *)arg = value;
        return IS_TAKEN;
}

/* "/shop.Orders/PlaceOrder" serves the entity that the procedure's name names, else the service's,
 * else the first of the package. */
static int entity_of_procedure(const struct model *m, const struct phrases *entities,
                               const char *endpoint, uint32_t *ret)
{
        const char *procedure = strrchr(endpoint, '/') + 1, *service = endpoint + 1;
        const char *dot = service + strcspn(service, "./");
        int r = phrases_find(entities, span_of(procedure), take_first, ret);

        if (r == 0 && procedure > service && *dot == '.')
                r = phrases_find(entities, (struct span){dot, (size_t)(procedure - dot)},
                                 take_first, ret);
        for (size_t i = 0; r == 0 && i < m->n_entities; i++)
                if (m->entities[i].package &&
                    strncmp(m->entities[i].package, service, (size_t)(dot - service)) == 0 &&
                    !m->entities[i].package[dot - service]) {
                        *ret = (uint32_t)i;
                        return 0;
                }
        return r == IS_TAKEN ? 0 : r < 0 ? r : CONDITION_ABSENT;
}

static void contract_drop(struct contract *c)
{
        free(c->method);
        free(c->endpoint);
        free(c->description);
        free(c->entity);
        for (size_t i = 0; i < c->n_request + c->n_response; i++) {
                struct attribute *a =
                        i < c->n_request ? &c->request[i] : &c->response[i - c->n_request];

                free(a->name);
                free(a->type);
                free(a->description);
                free(a->was);
                free(a->otherwise);
        }
        free(c->request);
        free(c->response);
}

struct contract_key {
        const struct contract *contract;
        size_t index;
};

static int compare_contracts(const void *a, const void *b)
{
        const struct contract_key *x = a, *y = b;
        int r = strcmp(x->contract->endpoint, y->contract->endpoint);

        if (r == 0)
                r = strcmp(x->contract->method, y->contract->method);
        return r != 0 ? r : x->index < y->index ? -1 : x->index > y->index;
}

/* Marks what stands twice by taking its method away. */
static void find_double_contracts(struct reader *rd)
{
        struct model *m = rd->model;
        _cleanup_free_ struct contract_key *keys = calloc(m->n_contracts + 1, sizeof(*keys));
        _cleanup_free_ bool *is_double = calloc(m->n_contracts + 1, sizeof(*is_double));
        size_t n = 0;

        if (!keys || !is_double) {
                reader_fail(rd, -ENOMEM);
                return;
        }
        for (size_t i = 0; i < m->n_contracts; i++)
                keys[i] = (struct contract_key){&m->contracts[i], i};
        qsort(keys, m->n_contracts, sizeof(*keys), compare_contracts);
        for (size_t i = 1; i < m->n_contracts; i++)
                is_double[keys[i].index] =
                        strcmp(keys[i].contract->endpoint, keys[i - 1].contract->endpoint) == 0 &&
                        strcmp(keys[i].contract->method, keys[i - 1].contract->method) == 0;
        for (size_t i = 0; i < m->n_contracts; i++) {
                if (!is_double[i]) {
                        rd->contracts.at[n] = rd->contracts.at[i];
                        if (rd->served.n > i)
                                rd->served.at[n] = rd->served.at[i];
                        m->contracts[n++] = m->contracts[i];
                        continue;
                }
                reader_warn(rd, rd->contracts.at[i], "%s %s stands twice: the second is left out",
                            m->contracts[i].method, m->contracts[i].endpoint);
                contract_drop(&m->contracts[i]);
        }
        m->n_contracts = n;
}

static void link_contracts(struct reader *rd, const struct names *names,
                           const struct phrases *entities)
{
        struct model *m = rd->model;

        for (size_t i = 0; i < m->n_contracts && !rd->error; i++) {
                struct contract *c = &m->contracts[i];
                uint32_t index;

                if (c->entity && !link_entity(rd, names, &c->entity)) {
                        reader_warn(
                                rd, rd->contracts.at[i],
                                "there is no entity %.60s: the contract %s %.60s belongs to none",
                                c->entity, c->method, c->endpoint);
                        free(take(c->entity));
                } else if (!c->entity &&
                           (strcmp(c->method, "RPC") == 0
                                    ? entity_of_procedure(m, entities, c->endpoint, &index)
                                    : entity_of_endpoint(entities, c->endpoint, &index)) == 0) {
                        set_text(rd, &c->entity, m->entities[index].name);
                } else if (!c->entity && i < rd->served.n && rd->served.at[i]) {
                        const struct name *found = names_find(names, rd->served.at[i]->text);

                        if (found)
                                set_text(rd, &c->entity, m->entities[found->index].name);
                }
        }
}

/* Ids by position of the kind where none are given, so that tasks and people can name them; a
 * doubled one gets a number. */
static void name_requirements(struct reader *rd)
{
        struct model *m = rd->model;
        size_t n_of_kind[2] = {0, 0};

        for (size_t i = 0; i < m->n_requirements && !rd->error; i++) {
                struct requirement *r = &m->requirements[i];

                n_of_kind[r->kind]++;
                if (r->id)
                        continue;
                r->is_id_made = true;
                r->id = str_printf("%s-%zu", r->kind == REQUIREMENT_FUNCTIONAL ? "FR" : "NFR",
                                   n_of_kind[r->kind]);
                if (!r->id)
                        reader_fail(rd, -ENOMEM);
        }
}

static int compare_ids(const void *a, const void *b)
{
        const struct requirement *x = *(struct requirement *const *)a,
                                 *y = *(struct requirement *const *)b;
        int r = strcmp(x->id, y->id);

        return r != 0 ? r : x < y ? -1 : x > y;
}

static void number_doubles(struct reader *rd)
{
        struct model *m = rd->model;
        _cleanup_free_ struct requirement **sorted = calloc(m->n_requirements + 1, sizeof(*sorted));
        const char *first = NULL;
        unsigned n_same = 0;

        if (!sorted) {
                reader_fail(rd, -ENOMEM);
                return;
        }
        for (size_t i = 0; i < m->n_requirements; i++)
                sorted[i] = &m->requirements[i];
        qsort(sorted, m->n_requirements, sizeof(struct requirement *), compare_ids);
        for (size_t i = 0; i < m->n_requirements && !rd->error; i++) {
                _cleanup_free_ char *id = NULL;

                if (!first || strcmp(first, sorted[i]->id) != 0) {
                        first = sorted[i]->id;
                        n_same = 1;
                        continue;
                }
                id = str_printf("%s.%u", first, ++n_same);
                if (!id || !set_text(rd, &sorted[i]->id, id))
                        reader_fail(rd, -ENOMEM);
                reader_warn(rd, rd->requirements.at[sorted[i] - m->requirements],
                            "requirement %.60s stands twice: the second is called %.60s", first,
                            sorted[i]->id);
        }
}

static struct phrases *phrases_of_entities(struct reader *rd)
{
        _cleanup_(phrases_freep) struct phrases *p = phrases_new();
        int r = p ? 0 : -ENOMEM;

        for (size_t i = 0; r == 0 && i < rd->model->n_entities; i++)
                r = phrases_add(p, rd->model->entities[i].name, (uint32_t)i);
        if (r == 0)
                return take(p);
        reader_fail(rd, r);
        return NULL;
}

void reader_link(struct reader *rd)
{
        _cleanup_(phrases_freep) struct phrases *entities = NULL;
        struct names names = {0}, packages = {0};
        size_t n_written = rd->model->n_packages;

        if (rd->error)
                return;
        name_entities(rd, &names);
        if (!rd->error)
                link_relations(rd, &names);
        if (!rd->error)
                link_packages(rd, &packages);
        if (!rd->error)
                link_dependencies(rd, &packages, n_written);
        entities = rd->error ? NULL : phrases_of_entities(rd);
        if (!rd->error)
                find_double_contracts(rd);
        if (!rd->error)
                link_contracts(rd, &names, entities);
        if (!rd->error)
                name_requirements(rd);
        if (!rd->error)
                number_doubles(rd);
        free(names.at);
        free(packages.at);
}
