#include "daemon/blueprint/links.h"

/* Identities that nobody gave. An entity without one is given that of the blueprint, a text as it
 * may be; a number that refers to it (`author_id: int`) says what it is, or else it would be the
 * key of nothing. Where one key is a text, a text it stays: the text could be told of no number.
 * Types go by `names.identity.types`; the later is the wider. */

bool links_may_give_identity(const struct layout *l, uint32_t entity)
{
        const struct lay_entity *e = &l->entities[entity];

        return e->n_attributes > 0 && !e->attributes[0].source &&
               str_is_equal(e->id_type, l->b->naming.identity_type) &&
               l->b->naming.identity_types.n > 1;
}

struct vote {
        const struct lay_attribute *by; /* of the widest */
        uint32_t of;
        size_t type; /* index into names.identity.types, plus one; 0: none */
        bool is_text;
};

/* What a key, or a list of keys, says of the identity of `to`. */
static int take_vote(struct layout *l, const struct lay_attribute *a, uint32_t of, uint32_t to,
                     struct vote *votes)
{
        const struct strlist *types = &l->b->naming.identity_types;

        for (size_t i = 0; a && i < types->n; i++) {
                _cleanup_free_ char *list = str_printf("list of %s", types->at[i]);
                const char *skeleton = NULL;
                int r = list ? layout_known_type(l, list, &skeleton) : -ENOMEM;

                if (r < 0)
                        return r;
                if (strcmp(a->skeleton, types->at[i]) != 0 && !str_is_equal(a->skeleton, skeleton))
                        continue;
                if (strcmp(types->at[i], l->b->naming.identity_type) == 0)
                        votes[to].is_text = true;
                else if (i + 1 > votes[to].type)
                        votes[to] = (struct vote){a, of, i + 1, votes[to].is_text};
        }
        return 0;
}

static int give(struct layout *l, uint32_t entity, const struct vote *v)
{
        struct lay_entity *e = &l->entities[entity];
        const char *type;
        char *copy;

        if (v->type == 0 || v->is_text || !links_may_give_identity(l, entity))
                return 0;
        type = l->b->naming.identity_types.at[v->type - 1];
        copy = str_dup_span(span_of(type));
        if (!copy)
                return -ENOMEM;
        free(e->id_type);
        e->id_type = copy;
        e->attributes[0].skeleton = type;
        return layout_note(l, "%s.%s is %s, as %s.%s is that refers to it", e->name,
                           e->attributes[0].name, type, l->entities[v->of].name, v->by->name);
}

int links_identities(struct layout *l, const char *text)
{
        _cleanup_free_ struct vote *votes = NULL;
        int r = 0;

        if (!str_is_equal(l->b->naming.identity_type, text))
                return 0;
        votes = calloc(l->n_entities + 1, sizeof(*votes));
        if (!votes)
                return -ENOMEM;
        for (size_t i = 0; i < l->n_links && r == 0; i++) {
                const struct lay_link *k = &l->links[i];

                r = take_vote(l, k->column_attribute, k->from, k->to, votes);
                if (r == 0)
                        r = take_vote(l, k->attribute, k->from, k->to, votes);
                if (r == 0)
                        r = take_vote(l, k->back_attribute, k->to, k->from, votes);
        }
        for (uint32_t i = 0; i < l->n_entities && r == 0; i++)
                r = give(l, i, &votes[i]);
        return r;
}
