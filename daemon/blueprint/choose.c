#include "daemon/blueprint/layout.h"
#include "daemon/blueprint/shelf.h"

/* Which blueprint a specification is made with: by name, else by a table of features. */

static int by_name(const struct blueprint_shelf *s, const char *name, struct blueprint **ret,
                   struct failure **ret_failure)
{
        _cleanup_free_ const char **names = calloc(s->n + 1, sizeof(*names));
        const char *near;

        if (!names)
                return -ENOMEM;
        for (size_t i = 0; i < s->n; i++) {
                names[i] = s->at[i]->name;
                if (strcmp(names[i], name) == 0)
                        return place_get(s->at[i], ret, ret_failure);
        }
        near = s->n ? str_nearest(name, names, s->n) : NULL;
        *ret_failure =
                failure_new(FAILURE_BAD_BLUEPRINT, "there is no blueprint %.60s%s%s%s", name,
                            near ? "; did you mean " : "", near ? near : "", near ? "?" : "");
        if (*ret_failure &&
            failure_set_remedy(*ret_failure, "`genopt blueprint list` names them") < 0)
                *ret_failure = failure_free(*ret_failure);
        return *ret_failure ? CONDITION_REFUSED : -ENOMEM;
}

static bool says(const struct regex *re, const char *text)
{
        return text && regex_is_match(re, span_of(text));
}

/* Does the specification speak of it anywhere in its prose? */
static bool is_said(const struct regex *re, const struct model *m)
{
        const struct strlist *lists[] = {&m->testing.frameworks, &m->patterns,
                                         &m->success_criteria};
        bool is_found = says(re, m->name) || says(re, m->description);

        for (size_t i = 0; i < m->n_libraries; i++)
                is_found = is_found || says(re, m->libraries[i].name) ||
                           says(re, m->libraries[i].purpose);
        for (size_t i = 0; i < m->n_requirements && !is_found; i++)
                is_found = says(re, m->requirements[i].text);
        for (size_t i = 0; i < N_ELEMENTS(lists); i++)
                for (size_t k = 0; k < lists[i]->n && !is_found; k++)
                        is_found = says(re, lists[i]->at[k]);
        return is_found;
}

static bool has_type(const struct regex *re, const struct model *m)
{
        for (size_t i = 0; i < m->n_entities; i++)
                for (size_t k = 0; k < m->entities[i].n_attributes; k++)
                        if (says(re, m->entities[i].attributes[k].type))
                                return true;
        return false;
}

static unsigned score(const struct blueprint *b, const struct model *m, const char **ret_reason)
{
        unsigned sum = 0, heaviest = 0;
        uint32_t features = model_features(m);

        for (size_t i = 0; i < b->n_choices; i++) {
                const struct choice *c = &b->choices[i];

                if (!(features & 1u << c->feature) || (c->says.code && !is_said(&c->says, m)) ||
                    (c->types.code && !has_type(&c->types, m)))
                        continue;
                sum += c->weight;
                if (c->weight > heaviest) {
                        heaviest = c->weight;
                        *ret_reason = c->reason;
                }
        }
        return sum;
}

/* All are asked, so none may be unreadable: which one is chosen must not hang on that. Of equals
 * the first by name. */
static int by_features(const struct blueprint_shelf *s, const struct model *m,
                       struct blueprint **ret, char **ret_reason, struct failure **ret_failure)
{
        _cleanup_free_ char *reason = NULL;
        struct place *winner = NULL;
        unsigned best = 0;
        int r = regex_prepare();

        for (size_t i = 0; i < s->n && r == 0; i++) {
                _cleanup_(blueprint_unrefp) struct blueprint *head = NULL;
                const char *why = NULL;
                unsigned points;

                r = place_get_head(s->at[i], &head, ret_failure);
                points = r == 0 ? score(head, m, &why) : 0;
                if (points <= best)
                        continue;
                best = points;
                winner = s->at[i];
                free(reason);
                reason = str_dup_span(span_of(why));
                if (!reason)
                        r = -ENOMEM;
        }
        if (r == 0 && !winner) {
                *ret_failure =
                        failure_new(FAILURE_BAD_BLUEPRINT, "no blueprint fits this specification");
                r = *ret_failure ? CONDITION_REFUSED : -ENOMEM;
        }
        if (r == 0)
                r = place_get(winner, ret, ret_failure);
        if (r == 0)
                *ret_reason = take(reason);
        return r;
}

int blueprint_choose(const struct blueprint_shelf *s, const char *name, const struct model *m,
                     struct blueprint **ret, char **ret_reason, struct failure **ret_failure)
{
        _cleanup_free_ char *reason = NULL;
        int r;

        if (!name && !m->blueprint)
                return by_features(s, m, ret, ret_reason, ret_failure);
        reason =
                str_dup_span(span_of(name ? "asked for by name" : "the specification asks for it"));
        if (!reason)
                return -ENOMEM;
        r = by_name(s, name ? name : m->blueprint, ret, ret_failure);
        if (r == 0)
                *ret_reason = take(reason);
        return r;
}
