#include <ctype.h>
#include <stdio.h>

#include "daemon/blueprint/layout.h"
#include "daemon/template/template.h"

/* Contracts: those of the specification, or the blueprint's defaults, in the order of endpoint and
 * method; and what each does (its action), so that the files on both sides of a call name it alike.
 */

#define MAX_SEGMENTS 32

struct segments {
        struct span at[MAX_SEGMENTS];
        size_t n;
};

static void split(const char *endpoint, struct segments *ret)
{
        const char *at = endpoint, *end = endpoint + strcspn(endpoint, "?");

        ret->n = 0;
        while (at < end && ret->n < MAX_SEGMENTS) {
                const char *from;

                while (at < end && *at == '/')
                        at++;
                from = at;
                while (at < end && *at != '/')
                        at++;
                if (at > from)
                        ret->at[ret->n++] = (struct span){from, (size_t)(at - from)};
        }
}

static bool is_param(struct span s)
{
        return s.n > 2 && s.at[0] == '{' && s.at[s.n - 1] == '}';
}

static const char *verb_prefix(const struct layout *l, const char *method)
{
        for (size_t i = 0; i < l->b->actions.n_verbs; i++)
                if (strcmp(l->b->actions.verbs[i].method, method) == 0)
                        return l->b->actions.verbs[i].prefix;
        return "";
}

/* prefix + the segment in PascalCase, in the singular if asked. */
static int join_action(const struct layout *l, const char *prefix, struct span segment,
                       bool is_singular, char **ret)
{
        _cleanup_buf_ struct buf b = {0};
        _cleanup_free_ char *pascal = NULL;
        int r;

        if (is_singular)
                r = template_filter_name("singular", segment, &b);
        else
                r = buf_add_span(&b, segment);
        if (r != 0)
                return r < 0 ? r : -EINVAL;
        pascal = name_in_style(&l->b->naming.initialisms, b.at, STYLE_PASCAL);
        if (!pascal)
                return -ENOMEM;
        *ret = str_printf("%s%s", prefix, pascal);
        return *ret ? 0 : -ENOMEM;
}

static int dup_action(const char *action, char **ret)
{
        *ret = str_dup_span(span_of(action));
        return *ret ? 0 : -ENOMEM;
}

/* What is left behind the segment of the entity: nothing, one parameter, or more. */
static int entity_action(const struct layout *l, const struct lay_contract *c,
                         const struct segments *s, size_t at, char **ret)
{
        const struct actions *a = &l->b->actions;
        const char *method = c->method;
        bool has_parent = at >= 2 && is_param(s->at[at - 1]) && !is_param(s->at[at - 2]);

        if (at + 1 == s->n && strcmp(method, "GET") == 0)
                return has_parent ? join_action(l, a->list_by, s->at[at - 2], true, ret)
                                  : dup_action(a->list, ret);
        if (at + 1 == s->n && strcmp(method, "POST") == 0)
                return has_parent ? join_action(l, a->create_for, s->at[at - 2], true, ret)
                                  : dup_action(a->create, ret);
        if (at + 2 == s->n && is_param(s->at[at + 1])) {
                if (strcmp(method, "GET") == 0)
                        return dup_action(a->get, ret);
                if (strcmp(method, "PUT") == 0 || strcmp(method, "PATCH") == 0)
                        return dup_action(a->update, ret);
                if (strcmp(method, "DELETE") == 0)
                        return dup_action(a->delete, ret);
        }
        for (size_t i = s->n; i-- > at;)
                if (!is_param(s->at[i])) {
                        const char *prefix = verb_prefix(l, method);

                        if (i == at && !*prefix)
                                prefix = method; /* POST /orders/{id}: POSTOrders, which stands out
                                                  */
                        return join_action(l, prefix, s->at[i], false, ret);
                }
        return dup_action(method, ret);
}

static int free_action(const struct layout *l, const struct lay_contract *c,
                       const struct segments *s, char **ret)
{
        _cleanup_buf_ struct buf b = {0};

        for (size_t i = 0; i < s->n; i++)
                if (!is_param(s->at[i])) {
                        (void)buf_add_span(&b, s->at[i]);
                        (void)buf_add_char(&b, ' ');
                }
        if (b.failed)
                return b.failed;
        return b.n ? join_action(l, verb_prefix(l, c->method), buf_span(&b), false, ret)
                   : join_action(l, verb_prefix(l, c->method), SPAN("root"), false, ret);
}

static int contract_action(struct layout *l, struct lay_contract *c)
{
        struct segments s;
        uint32_t index;

        split(c->endpoint, &s);
        if (strcmp(c->method, "RPC") == 0 && s.n > 0) /* "/order.Orders/PlaceOrder" says it */
                return join_action(l, "", s.at[s.n - 1], false, &c->action);
        for (size_t i = s.n; c->entity >= 0 && i-- > 0;)
                if (!is_param(s.at[i]) &&
                    (!c->source || (phrases_get(l->phrases, s.at[i], &index) == 0 &&
                                    index == (uint32_t)c->entity)))
                        return entity_action(l, c, &s, i, &c->action);
        return free_action(l, c, &s, &c->action);
}

static bool is_verb(const struct actions *a, const char *action)
{
        const char *const verbs[] = {a->create, a->list, a->get, a->update, a->delete};

        for (size_t i = 0; i < N_ELEMENTS(verbs); i++)
                if (strcmp(verbs[i], action) == 0)
                        return true;
        return false;
}

static int compare_contracts(const void *a, const void *b)
{
        const struct lay_contract *x = a, *y = b;
        int r = strcmp(x->endpoint, y->endpoint);

        return r != 0 ? r : strcmp(x->method, y->method);
}

static int copy_contracts(struct layout *l)
{
        for (size_t i = 0; i < l->m->n_contracts; i++) {
                const struct contract *source = &l->m->contracts[i];
                struct lay_contract *c = &l->contracts[l->n_contracts++];
                uint32_t entity;

                c->source = source;
                c->entity = -1;
                c->method = str_dup_span(span_of(source->method));
                c->endpoint = str_dup_span(span_of(source->endpoint));
                if (!c->method || !c->endpoint)
                        return -ENOMEM;
                if (source->description &&
                    !(c->description = str_dup_span(span_of(source->description))))
                        return -ENOMEM;
                if (source->entity &&
                    phrases_get(l->phrases, span_of(source->entity), &entity) == 0)
                        c->entity = entity;
        }
        return 0;
}

static int render(const struct pattern *p, const struct variables *v, char **ret)
{
        _cleanup_buf_ struct buf b = {0};
        int r;

        if (!p)
                return 0;
        r = pattern_render(p, v, &b);
        if (r != 0)
                return r < 0 ? r : -EINVAL;
        *ret = str_dup_span(buf_span(&b));
        return *ret ? 0 : -ENOMEM;
}

static int default_contracts(struct layout *l)
{
        const struct blueprint *b = l->b;
        int r = 0;

        for (size_t i = 0; i < l->n_entities; i++)
                for (size_t k = 0; k < b->n_default_contracts && r == 0; k++) {
                        struct lay_contract *c = &l->contracts[l->n_contracts++];
                        struct variables v;

                        layout_variables(l, (int64_t)i, l->entities[i].package, -1, &v);
                        c->entity = (int64_t)i;
                        c->method = str_dup_span(span_of(b->default_contracts[k].method));
                        if (!c->method)
                                return -ENOMEM;
                        r = render(b->default_contracts[k].endpoint, &v, &c->endpoint);
                        if (r == 0)
                                r = render(b->default_contracts[k].description, &v,
                                           &c->description);
                }
        if (r == 0 && l->n_contracts > 0)
                r = layout_note(l,
                                "the specification has neither contracts nor scenarios: every "
                                "entity is given %zu contracts",
                                b->n_default_contracts);
        return r;
}

/* Free contracts are told about the entities that their words name. */
static int add_named(uint32_t value, const char *said, void *arg)
{
        (void)said;
        return refs_add(arg, value);
}

static int name_entities(struct layout *l, struct lay_contract *c)
{
        const struct contract *source = c->source;
        int r;

        r = phrases_find(l->phrases, span_of(c->endpoint), add_named, &c->named);
        if (r == 0 && c->description)
                r = phrases_find(l->phrases, span_of(c->description), add_named, &c->named);
        for (size_t i = 0; source && i < source->n_request && r == 0; i++)
                r = phrases_find(l->phrases, span_of(source->request[i].name), add_named,
                                 &c->named);
        for (size_t i = 0; source && i < source->n_response && r == 0; i++)
                r = phrases_find(l->phrases, span_of(source->response[i].name), add_named,
                                 &c->named);
        return r;
}

int layout_contracts(struct layout *l)
{
        bool is_default = l->m->n_contracts == 0 && l->m->n_scenarios == 0;
        int r;

        l->contracts = calloc(
                (is_default ? l->n_entities * l->b->n_default_contracts : l->m->n_contracts) + 1,
                sizeof(*l->contracts));
        if (!l->contracts)
                return -ENOMEM;
        r = is_default ? default_contracts(l) : copy_contracts(l);
        if (r != 0)
                return r;
        qsort(l->contracts, l->n_contracts, sizeof(*l->contracts), compare_contracts);
        for (size_t i = 0; i < l->n_contracts && r == 0; i++) {
                struct lay_contract *c = &l->contracts[i];

                r = contract_action(l, c);
                if (r == 0)
                        c->is_verb = is_verb(&l->b->actions, c->action);
                if (r == 0 && c->entity >= 0) {
                        struct lay_entity *e = &l->entities[c->entity];

                        e->is_served = true;
                        r = refs_add(&e->contracts, (uint32_t)i);
                        if (r == 0)
                                r = refs_add(&l->packages[e->package].contracts, (uint32_t)i);
                } else if (r == 0) {
                        l->features |= 1u << FEATURE_FREE_CONTRACTS;
                        r = name_entities(l, c);
                }
        }
        if (l->n_contracts > 0)
                l->features |= 1u << FEATURE_CONTRACTS;
        return r;
}
