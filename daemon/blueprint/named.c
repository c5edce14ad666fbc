#include "daemon/blueprint/layout.h"
#include "daemon/blueprint/types.h"

/* Which of the others a file about an entity has to look at, because what it is told in words names
 * them: requirements, scenarios, and contracts that say more than whose entities are meant. All
 * others that it refers to are no more to it than a name or an identifier, and it is not to be made
 * again when they get another attribute.
 *
 * A name is the entity's own, or that of an attribute that leads to it: "the total of an order is
 * the sum of its lines" names OrderLine, if Order has `Lines []OrderLine`. From what is named it
 * goes on: attributes of OrderLine that the same words name lead further. */

struct words {
        struct layout *l;
        const struct lay_entity *e;    /* whose words */
        const struct lay_entity *from; /* whose attributes are looked for; NULL: entities */
        const struct phrases *phrases;
        struct refs *found;
};

static int found_entity(uint32_t value, const char *said, void *arg)
{
        struct words *w = arg;

        (void)said;
        return refs_add(w->found, value);
}

static int found_attribute(uint32_t value, const char *said, void *arg)
{
        struct words *w = arg;
        const struct lay_attribute *a = &w->from->attributes[value];

        (void)said;
        return w->from == w->e && a->reference > 0 ? refs_add(w->found, a->reference - 1)
                                                   : skeleton_entities(a->skeleton, w->found);
}

static int find_in(struct words *w, const char *text)
{
        return text ? phrases_find(w->phrases, span_of(text),
                                   w->from ? found_attribute : found_entity, w)
                    : 0;
}

static int find_in_message(struct words *w, const struct attribute *at, size_t n)
{
        int r = 0;

        for (size_t i = 0; i < n && r == 0; i++) {
                r = find_in(w, at[i].name);
                if (r == 0)
                        r = find_in(w, at[i].type);
                if (r == 0)
                        r = find_in(w, at[i].description);
        }
        return r;
}

/* The five verbs need nobody else, nor do lists and new ones by the identifier of another. */
static bool is_wordy(const struct layout *l, const struct lay_contract *c)
{
        const struct actions *a = &l->b->actions;

        return c->source && !c->is_verb && !str_has_prefix(c->action, a->list_by) &&
               !str_has_prefix(c->action, a->create_for);
}

static int find_in_contracts(struct words *w)
{
        int r = 0;

        for (size_t i = 0; i < w->e->contracts.n && r == 0; i++) {
                const struct lay_contract *c = &w->l->contracts[w->e->contracts.at[i]];

                if (!is_wordy(w->l, c))
                        continue;
                r = find_in(w, c->description);
                if (r == 0)
                        r = find_in_message(w, c->source->request, c->source->n_request);
                if (r == 0)
                        r = find_in_message(w, c->source->response, c->source->n_response);
        }
        return r;
}

static int find_in_scenario(struct words *w, const struct scenario *s)
{
        const char *const texts[] = {s->title, s->description, s->given, s->when, s->then};
        int r = 0;

        for (size_t i = 0; i < N_ELEMENTS(texts) && r == 0; i++)
                r = find_in(w, texts[i]);
        for (size_t i = 0; i < s->criteria.n && r == 0; i++)
                r = find_in(w, s->criteria.at[i]);
        return r;
}

/* In all that the entity's files may be told in words. */
static int find_in_all(struct words *w)
{
        int r = find_in_contracts(w);

        for (size_t i = 0; i < w->e->requirements.n && r == 0; i++)
                r = find_in(w, w->l->requirement_sources[w->e->requirements.at[i]]->text);
        for (size_t i = 0; i < w->e->scenarios.n && r == 0; i++)
                r = find_in_scenario(w, &w->l->m->scenarios[w->e->scenarios.at[i]]);
        return r;
}

/* "BillingUserID" is called billing user. */
static int add_attribute_name(const struct layout *l, struct phrases *p,
                              const struct lay_attribute *a, uint32_t index)
{
        const char *ending = l->b->naming.by_id_ending;
        size_t n = strlen(a->name);
        _cleanup_free_ char *name = NULL;

        if (ending && str_has_suffix(a->name, ending) && n > strlen(ending))
                n -= strlen(ending);
        name = str_dup_span((struct span){a->name, n});
        return name ? phrases_add(p, name, index) : -ENOMEM;
}

/* Where attributes of `from` lead that the words name. */
static int follow(struct words *w, const struct lay_entity *from)
{
        _cleanup_(phrases_freep) struct phrases *phrases = phrases_new();
        size_t n = 0;
        int r = phrases ? 0 : -ENOMEM;

        for (size_t i = 0; i < from->n_attributes && r == 0; i++) {
                const struct lay_attribute *a = &from->attributes[i];
                struct refs types = {0};

                r = skeleton_entities(a->skeleton, &types);
                if (r == 0 && (types.n > 0 || (from == w->e && a->reference > 0))) {
                        r = add_attribute_name(w->l, phrases, a, (uint32_t)i);
                        n++;
                }
                free(types.at);
        }
        w->from = from;
        w->phrases = phrases;
        return r < 0 || n == 0 ? r : find_in_all(w);
}

/* What is found is within reach or does not count. */
static int find_all(struct layout *l, const struct lay_entity *e, const struct refs *reach,
                    struct refs *found)
{
        struct words w = {.l = l, .e = e, .phrases = l->phrases, .found = found};
        _cleanup_free_ bool *is_done = calloc(reach->n + 1, sizeof(*is_done));
        bool has_more = true;
        int r = is_done ? find_in_all(&w) : -ENOMEM;

        if (r == 0)
                r = follow(&w, e);
        while (r == 0 && has_more) {
                has_more = false;
                for (size_t i = 0; i < reach->n && r == 0; i++) {
                        if (is_done[i] || !refs_has(found, reach->at[i]))
                                continue;
                        is_done[i] = has_more = true;
                        r = follow(&w, &l->entities[reach->at[i]]);
                }
        }
        return r;
}

int layout_named(struct layout *l, uint32_t entity, const struct refs **ret)
{
        struct lay_entity *e = &l->entities[entity];
        struct refs found = {0}, reach = {0};
        size_t n = 0;
        int r;

        *ret = &e->named;
        if (e->has_named)
                return 0;
        r = layout_reach(l, entity, &reach);
        if (r == 0 && reach.n > 0)
                r = find_all(l, e, &reach, &found);
        for (size_t i = 0; r == 0 && i < reach.n; i++)
                if (refs_has(&found, reach.at[i]))
                        reach.at[n++] = reach.at[i];
        free(found.at);
        if (r < 0) {
                free(reach.at);
                return r;
        }
        e->named = (struct refs){reach.at, n};
        e->has_named = true;
        return 0;
}
