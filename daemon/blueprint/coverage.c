#include "daemon/blueprint/coverage.h"

#include <stdio.h>

#include "daemon/blueprint/parse.h"
#include "daemon/template/template.h"

#define PATH_BYTES 200

/* Keys that a blueprint's own layout makes; they say nothing that the specification does not say
 * elsewhere, so a template may pass over them. `was` is of data that stands, not of what is made.
 */
static const char *const made_keys[] = {
        "action",      "back",    "by_id",  "column",    "column_attribute",
        "depends_on",  "entity",  "file",   "id_type",   "identity",
        "import_path", "json",    "module", "of",        "other_column",
        "owner",       "package", "path",   "reference", "references",
        "self",        "table",   "was"};

struct walk {
        const struct blueprint *b;
        const struct kind *k;
        char path[PATH_BYTES]; /* of what is looked at */
        size_t n_path;
        const json_t *item; /* the nearest thing that has a name */
        const char *section;
        struct seen_bounds *seen;
        struct shortfall found;
};

static int find(const void *key, const void *item)
{
        return strcmp(key, *(char *const *)item);
}

static bool has(const struct strlist *l, const char *word)
{
        return l->n > 0 && bsearch(word, l->at, l->n, sizeof(*l->at), find) != NULL;
}

static int find_bound(const void *key, const void *item)
{
        return strcmp(key, ((const struct bound_path *)item)->path);
}

static const struct bound_path *bound_of(const struct walk *w)
{
        const struct coverage *c = &w->k->coverage;

        return c->n_bounds
                       ? bsearch(w->path, c->bounds, c->n_bounds, sizeof(*c->bounds), find_bound)
                       : NULL;
}

static bool lets_pass(struct walk *w, uint32_t limit, struct span text)
{
        uint32_t hash = limit;

        if (text.n == 0 || text.n >= SEEN_TEXT_BYTES || memchr(text.at, 0, text.n))
                return regex_is_match(&w->b->limits[limit].match, text);
        for (size_t i = 0; i < text.n; i++)
                hash = hash * 31 + (unsigned char)text.at[i];
        hash %= SEEN_BOUNDS;
        if (w->seen->at[hash].limit == limit && w->seen->at[hash].text[text.n] == '\0' &&
            memcmp(w->seen->at[hash].text, text.at, text.n) == 0)
                return true;
        if (!regex_is_match(&w->b->limits[limit].match, text))
                return false;
        w->seen->at[hash].limit = limit;
        memcpy(w->seen->at[hash].text, text.at, text.n);
        w->seen->at[hash].text[text.n] = '\0';
        return true;
}

static bool is_empty(const json_t *value)
{
        return !value || json_is_null(value) || json_is_false(value) ||
               (json_is_array(value) && json_array_size(value) == 0) ||
               (json_is_object(value) && json_object_size(value) == 0) ||
               (json_is_string(value) && json_string_length(value) == 0);
}

/* "requirement FR-2", "POST /orders": how people know it. */
static void name_item(const struct walk *w, char *at, size_t n)
{
        static const char *const keys[] = {"id", "name", "title", "endpoint", "to", "text"};
        const char *text = NULL, *method = json_get_text(w->item, "method");

        for (size_t i = 0; i < N_ELEMENTS(keys) && !text; i++)
                text = json_get_text(w->item, keys[i]);
        if (text)
                snprintf(at, n, " of %s%s%.40s", method ? method : "", method ? " " : "", text);
        else
                at[0] = '\0';
}

/* Not read: the item itself counts, where it has a name. n: how many things are passed over. */
static int refuse_unread(struct walk *w, size_t n)
{
        char of[80];

        w->found.n += n;
        if (w->found.reason)
                return 0;
        name_item(w, of, sizeof(of));
        w->found.reason =
                str_printf("%s does not read `%s`%s", template_name(w->k->template), w->path, of);
        return w->found.reason ? 0 : -ENOMEM;
}

static int refuse_value(struct walk *w, const char *text)
{
        char of[80];

        w->found.n++;
        if (!has(&w->k->coverage.ignores, w->path)) /* else it only bounds what is passed over */
                w->found.is_misread = true;
        if (w->found.reason)
                return 0;
        name_item(w, of, sizeof(of));
        w->found.reason = str_printf("%s does not know `%s: %.40s`%s",
                                     template_name(w->k->template), w->path, text, of);
        return w->found.reason ? 0 : -ENOMEM;
}

static int check_bound(struct walk *w, const json_t *value)
{
        const struct bound_path *bound = bound_of(w);
        struct span text;

        if (!bound)
                return 0;
        if (json_is_string(value)) {
                text = (struct span){json_string_value(value), json_string_length(value)};
                return lets_pass(w, bound->limit, text) ? 0 : refuse_value(w, text.at);
        }
        return json_is_true(value) && !lets_pass(w, bound->limit, SPAN("true"))
                       ? refuse_value(w, "true")
                       : 0;
}

/* Goes below the path that is looked at; each key of each task, so that printf is too slow. */
static void enter(struct walk *w, const char *key)
{
        size_t n = strlen(key), room = sizeof(w->path) - 1 - w->n_path;

        if (w->n_path > 0 && room > 0) {
                w->path[w->n_path++] = '.';
                room--;
        }
        n = MIN2(n, room);
        memcpy(w->path + w->n_path, key, n);
        w->n_path += n;
        w->path[w->n_path] = '\0';
}

static int walk_value(struct walk *w, const json_t *value);

/* Maps whose keys are the user's words: whoever reads the map reads them. */
static bool is_open_map(const struct walk *w)
{
        return str_has_prefix(w->path, "contracts.re") && strchr(w->path, '.') != NULL;
}

/* Does the kind ignore something below what is looked at? */
static bool ignores_below(const struct walk *w)
{
        const struct strlist *ignores = &w->k->coverage.ignores;

        for (size_t i = 0; i < ignores->n; i++)
                if (str_has_prefix(ignores->at[i], w->path) && ignores->at[i][w->n_path] == '.')
                        return true;
        return false;
}

static size_t n_things(const json_t *value)
{
        return json_is_array(value) ? json_array_size(value) : 1;
}

/* Of a map that is not read every key may be ignored, one by one. */
static int walk_unread(struct walk *w, const json_t *value)
{
        size_t n = w->n_path;
        const char *key;
        json_t *item;
        int r = 0;

        if (!ignores_below(w))
                return refuse_unread(w, n_things(value));
        if (json_is_array(value) && json_is_object(json_array_get(value, 0))) {
                for (size_t i = 0; i < json_array_size(value) && r == 0; i++)
                        r = walk_unread(w, json_array_get(value, i));
                return r;
        }
        if (!json_is_object(value))
                return refuse_unread(w, n_things(value));
        json_object_foreach ((json_t *)value, key, item) {
                if (is_empty(item))
                        continue;
                snprintf(w->path + n, sizeof(w->path) - n, ".%s", key);
                if (!has(&w->k->coverage.ignores, w->path))
                        r = refuse_unread(w, n_things(item));
                else
                        r = json_is_array(item) ? walk_value(w, item) : check_bound(w, item);
                w->path[n] = '\0';
                if (r != 0)
                        break;
        }
        return r;
}

static int walk_key(struct walk *w, const char *key, const json_t *value)
{
        const struct coverage *c = &w->k->coverage;
        size_t n = w->n_path;
        int r;

        if (is_empty(value))
                return 0;
        enter(w, key);
        r = check_bound(w, value);
        if (r == 0 && !has(&c->ignores, w->path)) {
                if (!has(n ? &c->keys : &c->names, key))
                        r = walk_unread(w, value);
                else
                        r = walk_value(w, value);
        } else if (r == 0 && json_is_array(value)) {
                r = walk_value(w, value); /* bounds hold for each */
        }
        w->n_path = n;
        w->path[n] = '\0';
        return r;
}

static int walk_value(struct walk *w, const json_t *value)
{
        const json_t *outer = w->item, *item;
        const char *key;
        size_t i;
        int r = 0;

        json_array_foreach ((json_t *)value, i, item) {
                if (json_is_string(item))
                        r = check_bound(w, item);
                else if (!has(&w->k->coverage.ignores, w->path))
                        r = walk_value(w, item);
                if (r != 0)
                        return r;
        }
        if (!json_is_object(value) || is_open_map(w))
                return 0;
        if (json_get_text(value, "name") || json_get_text(value, "id") ||
            json_get_text(value, "endpoint") || json_get_text(value, "to"))
                w->item = value;
        json_object_foreach ((json_t *)value, key, item) {
                r = walk_key(w, key, item);
                if (r != 0)
                        break;
        }
        w->item = outer;
        return r;
}

/* `entity` is the first of `entities`: who reads it alone reads that one. */
static int walk_entities(struct walk *w, const json_t *entities)
{
        const struct coverage *c = &w->k->coverage;
        int r;

        if (has(&c->names, "entities") || !has(&c->names, "entity") ||
            json_array_size(entities) > 1)
                return walk_key(w, "entities", entities);
        w->n_path = strlen("entities");
        memcpy(w->path, "entities", w->n_path + 1);
        r = walk_value(w, json_array_get(entities, 0));
        w->n_path = 0;
        w->path[0] = '\0';
        return r;
}

static int walk_requirements(struct walk *w, const json_t *list, const char *unruled, size_t n)
{
        if (has(&w->k->coverage.names, "requirements"))
                return walk_key(w, "requirements", list);
        if (!unruled)
                return 0;
        w->found.n += n;
        if (!w->found.reason)
                w->found.reason = str_printf("%s does not know what %.60s asks for",
                                             template_name(w->k->template), unruled);
        return w->found.reason ? 0 : -ENOMEM;
}

int coverage_measure(const struct blueprint *b, const struct kind *k, const json_t *context,
                     const char *unruled, size_t n_unruled, struct seen_bounds *seen,
                     struct shortfall *ret)
{
        struct walk w = {.b = b, .k = k, .seen = seen};
        const char *key;
        json_t *value;
        int r = 0;

        *ret = (struct shortfall){0};
        if (!k->template)
                return 0;
        json_object_foreach ((json_t *)context, key, value) {
                if (strcmp(key, "task") == 0 || strcmp(key, "entity") == 0)
                        continue; /* how it is asked for; the same as entities[0] */
                if (strcmp(key, "entities") == 0)
                        r = walk_entities(&w, value);
                else if (strcmp(key, "requirements") == 0)
                        r = walk_requirements(&w, value, unruled, n_unruled);
                else
                        r = walk_key(&w, key, value);
                if (r != 0)
                        break;
        }
        if (r < 0) {
                free(w.found.reason);
                return r;
        }
        *ret = w.found;
        return 0;
}

/* ---- reading ---- */

static int compare_texts(const void *a, const void *b)
{
        return strcmp(*(char *const *)a, *(char *const *)b);
}

static void sort(struct strlist *l)
{
        if (l->n > 1)
                qsort(l->at, l->n, sizeof(*l->at), compare_texts);
}

static int compare_bounds(const void *a, const void *b)
{
        return strcmp(((const struct bound_path *)a)->path, ((const struct bound_path *)b)->path);
}

void coverage_done(struct coverage *c)
{
        strlist_done(&c->names);
        strlist_done(&c->keys);
        strlist_done(&c->ignores);
        for (size_t i = 0; i < c->n_bounds; i++)
                free(c->bounds[i].path);
        free(c->bounds);
}

static void parse_covers(struct parse *p, struct yaml_node *n, struct coverage *c)
{
        struct yaml_node *map = parse_get(p, n, "covers", YAML_MAP, false);

        if (!map || !(c->bounds = parse_array(p, map->n_items, sizeof(*c->bounds))))
                return;
        for (size_t i = 0; i < map->n_items; i++) {
                const char *path = map->keys[i]->text;
                _cleanup_free_ char *name = parse_text(p, map, path, true);
                struct bound_path *bound = &c->bounds[c->n_bounds];
                size_t j = 0;

                if (!name)
                        continue;
                while (j < p->b->n_limits && strcmp(p->b->limits[j].name, name) != 0)
                        j++;
                if (j == p->b->n_limits) {
                        parse_fault(p, map->keys[i], "there is no limit %.60s", name);
                        continue;
                }
                bound->limit = (uint32_t)j;
                bound->path = parse_dup(p, path);
                if (bound->path)
                        c->n_bounds++;
        }
        if (c->n_bounds > 1)
                qsort(c->bounds, c->n_bounds, sizeof(*c->bounds), compare_bounds);
}

/* What the user wrote may be passed over only within bounds. */
static void parse_ignores(struct parse *p, struct yaml_node *n, const struct kind *k,
                          struct coverage *c)
{
        struct yaml_node *list = parse_get(p, n, "ignores", YAML_LIST, false);

        parse_texts(p, n, "ignores", &c->ignores);
        for (size_t i = 0; list && i < list->n_items; i++) {
                const char *path = list->items[i]->kind == YAML_SCALAR ? list->items[i]->text : "",
                           *dot = strrchr(path, '.'), *key = dot ? dot + 1 : path;
                bool is_good = c->n_bounds > 0 && bsearch(path, c->bounds, c->n_bounds,
                                                          sizeof(*c->bounds), find_bound);

                for (size_t j = 0; dot && j < N_ELEMENTS(made_keys) && !is_good; j++)
                        is_good = strcmp(made_keys[j], key) == 0;
                for (size_t j = 0; !dot && j < k->n_facts && !is_good; j++)
                        is_good = str_is_equal(k->facts[j].name, path);
                if (!is_good)
                        parse_fault(p, list->items[i],
                                    "`%.80s` is what the specification says: it may be ignored "
                                    "only where `covers` bounds it",
                                    path);
        }
        sort(&c->ignores);
}

void coverage_parse(struct parse *p, struct yaml_node *n, struct kind *k)
{
        int r;

        parse_covers(p, n, &k->coverage);
        parse_ignores(p, n, k, &k->coverage);
        if (!k->template) {
                if (!yaml_get(n, "template") && (yaml_get(n, "covers") || yaml_get(n, "ignores")))
                        parse_fault(p, n,
                                    "`covers` and `ignores` say what a template is good "
                                    "for, and there is none");
                return;
        }
        r = template_reads(k->template, &k->coverage.names, &k->coverage.keys);
        if (r < 0)
                p->f->error = r;
        sort(&k->coverage.names);
        sort(&k->coverage.keys);
}

void limits_parse(struct parse *p, struct yaml_node *top)
{
        struct yaml_node *map = parse_get(p, top, "limits", YAML_MAP, false);
        struct blueprint *b = p->b;

        if (!map || !(b->limits = parse_array(p, map->n_items, sizeof(*b->limits))))
                return;
        b->n_limits = map->n_items;
        for (size_t i = 0; i < map->n_items; i++) {
                b->limits[i].name = parse_dup(p, map->keys[i]->text);
                parse_regex(p, map, map->keys[i]->text, PCRE2_CASELESS, &b->limits[i].match);
        }
}

void limits_release(struct blueprint *b)
{
        for (size_t i = 0; i < b->n_limits; i++) {
                free(b->limits[i].name);
                regex_done(&b->limits[i].match);
        }
        free(b->limits);
}
