#include <dirent.h>
#include <stdio.h>
#include <sys/stat.h>

#include "common/path.h"
#include "daemon/blueprint/layout.h"

#define SHELF_MAX 100 /* folders that are looked at */

struct blueprint_shelf {
        atomic_uint n_refs;
        struct blueprint **at; /* counted; by name */
        size_t n;
};

struct blueprint_shelf *blueprint_shelf_ref(struct blueprint_shelf *s)
{
        atomic_fetch_add(&s->n_refs, 1);
        return s;
}

/* Sorted by name, so the order of the directory does not matter. */
void blueprint_shelf_hash(const struct blueprint_shelf *s, struct hash *ret)
{
        struct hasher *h = NULL;
        struct hash one;

        *ret = (struct hash){0};
        if (hasher_new(&h) < 0)
                return;
        for (size_t i = 0; i < s->n; i++) {
                blueprint_hash(s->at[i], &one);
                hasher_add(h, one.at, HASH_BYTES);
        }
        hasher_get(h, ret);
        hasher_free(h);
}

struct blueprint_shelf *blueprint_shelf_unref(struct blueprint_shelf *s)
{
        if (!s || atomic_fetch_sub(&s->n_refs, 1) != 1)
                return NULL;
        for (size_t i = 0; i < s->n; i++)
                blueprint_unref(s->at[i]);
        free(s->at);
        free(s);
        return NULL;
}

size_t blueprint_shelf_list(const struct blueprint_shelf *s, struct blueprint *const **ret)
{
        *ret = s->at;
        return s->n;
}

int blueprint_shelf_with(const struct blueprint_shelf *s, struct blueprint *b,
                         struct blueprint_shelf **ret)
{
        _cleanup_(blueprint_shelf_unrefp) struct blueprint_shelf *new = calloc(1, sizeof(*new));
        bool is_in = false;

        if (!new)
                return -ENOMEM;
        new->n_refs = 1;
        new->at = calloc(s->n + 1, sizeof(struct blueprint *));
        if (!new->at)
                return -ENOMEM;
        for (size_t i = 0; i < s->n; i++) {
                int c = strcmp(s->at[i]->name, b->name);

                if (c >= 0 && !is_in) {
                        new->at[new->n++] = blueprint_ref(b);
                        is_in = true;
                }
                if (c != 0)
                        new->at[new->n++] = blueprint_ref(s->at[i]);
        }
        if (!is_in)
                new->at[new->n++] = blueprint_ref(b);
        *ret = take(new);
        return 0;
}

static bool is_blueprint(const char *dir, const char *name)
{
        _cleanup_free_ char *path = str_printf("%s/%s/" BLUEPRINT_FILE, dir, name);

        return path && access(path, R_OK) == 0;
}

/* The user's templates, if any, before those of every blueprint. */
static int overlay_all(struct blueprint_shelf *s, const char *templates,
                       struct failure **ret_failure)
{
        struct blueprint_file *files = NULL;
        size_t n = 0;
        int r;

        if (!templates || !*templates)
                return 0;
        r = blueprint_files_read(templates, &files, &n, ret_failure);
        for (size_t i = 0; i < s->n && r == 0; i++) {
                struct blueprint *new = NULL;

                r = blueprint_overlay(s->at[i], files, n, &new, ret_failure);
                if (r == 0) {
                        blueprint_unref(s->at[i]);
                        s->at[i] = new;
                }
        }
        blueprint_files_free(files, n);
        return r;
}

int blueprint_shelf_load(const char *dir, const char *templates, struct blueprint_shelf **ret,
                         struct failure **ret_failure)
{
        _cleanup_(blueprint_shelf_unrefp) struct blueprint_shelf *s = calloc(1, sizeof(*s));
        struct dirent **entries;
        int n, r = 0;

        if (!s)
                return -ENOMEM;
        s->n_refs = 1;
        n = scandir(dir, &entries, NULL, alphasort);
        if (n < 0 && errno == ENOMEM)
                return -ENOMEM;
        if (n < 0) {
                *ret_failure = failure_new_at(FAILURE_BAD_BLUEPRINT, dir,
                                              "the blueprints cannot be read: %s", strerror(errno));
                return *ret_failure ? CONDITION_REFUSED : -ENOMEM;
        }
        s->at = calloc(SHELF_MAX, sizeof(struct blueprint *));
        if (!s->at)
                r = -ENOMEM;
        for (int i = 0; i < n; i++) {
                const char *name = entries[i]->d_name;

                if (r == 0 && name[0] != '.' && s->n < SHELF_MAX && is_blueprint(dir, name)) {
                        r = blueprint_load(dir, name, &s->at[s->n], ret_failure);
                        s->n += r == 0;
                }
                free(entries[i]);
        }
        free(entries);
        if (r == 0)
                r = overlay_all(s, templates, ret_failure);
        if (r == 0)
                *ret = take(s);
        return r;
}

static int by_name(const struct blueprint_shelf *s, const char *name, struct blueprint **ret,
                   struct failure **ret_failure)
{
        _cleanup_free_ const char **names = calloc(s->n + 1, sizeof(*names));
        const char *near;

        if (!names)
                return -ENOMEM;
        for (size_t i = 0; i < s->n; i++) {
                names[i] = s->at[i]->name;
                if (strcmp(names[i], name) == 0) {
                        *ret = blueprint_ref(s->at[i]);
                        return 0;
                }
        }
        near = s->n ? str_nearest(name, names, s->n) : NULL;
        *ret_failure =
                failure_new(FAILURE_BAD_BLUEPRINT, "there is no blueprint %.60s%s%s%s", name,
                            near ? "; did you mean " : "", near ? near : "", near ? "?" : "");
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

int blueprint_choose(const struct blueprint_shelf *s, const char *name, const struct model *m,
                     struct blueprint **ret, char **ret_reason, struct failure **ret_failure)
{
        _cleanup_(blueprint_unrefp) struct blueprint *chosen = NULL;
        const char *reason = name ? "asked for by name" : "the specification asks for it";
        unsigned best = 0;
        int r = 0;

        if (name || m->blueprint) {
                r = by_name(s, name ? name : m->blueprint, &chosen, ret_failure);
                if (r != 0)
                        return r;
        } else {
                const struct blueprint *winner = NULL;
                size_t at = 0;

                r = regex_prepare();
                if (r < 0)
                        return r;
                for (size_t i = 0; i < s->n; i++) {
                        const char *why = NULL;
                        unsigned points = score(s->at[i], m, &why);

                        if (points > best) {
                                best = points;
                                winner = s->at[i];
                                reason = why;
                                at = i;
                        }
                }
                if (!winner) {
                        *ret_failure = failure_new(FAILURE_BAD_BLUEPRINT,
                                                   "no blueprint fits this specification");
                        return *ret_failure ? CONDITION_REFUSED : -ENOMEM;
                }
                chosen = blueprint_ref(s->at[at]);
        }
        *ret_reason = str_dup_span(span_of(reason));
        if (!*ret_reason)
                return -ENOMEM;
        *ret = take(chosen);
        return 0;
}
