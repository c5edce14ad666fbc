#include "tests/sim/uses.h"

#include <stdio.h>

#define KEYS_MAX 64u

/* How a prompt names an item of a list. */
static bool is_named(struct yaml_node *item, const char *name)
{
        static const char *const keys[] = {"name", "id", "text", "title"};
        const char *from = node_text(item, "from"), *method = node_text(item, "method"),
                   *of = node_text(item, "of"), *rule = node_text(item, "rule");
        char text[512];

        if (of)
                snprintf(text, sizeof(text), "%s.%s", of, node_text(item, "name"));
        else if (rule)
                snprintf(text, sizeof(text), "%s of %s.%s", rule, node_text(item, "entity"),
                         node_text(item, "attribute"));
        else if (from)
                snprintf(text, sizeof(text), "%s to %s", from, node_text(item, "to"));
        else if (method)
                snprintf(text, sizeof(text), "%s %s", method, node_text(item, "endpoint"));
        if (of || rule || from || method)
                return str_is_equal(text, name);
        for (size_t i = 0; i < N_ELEMENTS(keys); i++)
                if (node_text(item, keys[i]))
                        return str_is_equal(node_text(item, keys[i]), name);
        return false;
}

static struct yaml_node *shell(enum yaml_kind kind)
{
        struct yaml_node *n = calloc(1, sizeof(*n));

        if (!n)
                return NULL;
        n->kind = kind;
        n->items = calloc(FACTS_DOCS_MAX, sizeof(struct yaml_node *));
        n->keys = calloc(KEYS_MAX, sizeof(struct yaml_node *));
        if (n->items && n->keys)
                return n;
        uses_free(n);
        return NULL;
}

/* Frees lists and the map, which are ours; items and keys are the prompt's. */
void uses_free(struct yaml_node *made)
{
        if (!made)
                return;
        for (size_t i = 0; made->kind == YAML_MAP && i < made->n_items; i++)
                if (made->items[i]->kind == YAML_LIST && made->items[i]->line == 0)
                        uses_free(made->items[i]);
        free(made->items);
        free(made->keys);
        free(made);
}

static void add(struct yaml_node *map, struct yaml_node *key, struct yaml_node *value)
{
        if (map->n_items == KEYS_MAX)
                return;
        map->keys[map->n_items] = key;
        map->items[map->n_items++] = value;
}

/* Items of one name may be several: all relations between two entities. */
static void find_items(const struct facts *f, const char *section, const char *name,
                       struct yaml_node *list)
{
        for (size_t d = 0; d < f->n_docs; d++) {
                const struct yaml_node *from = yaml_get(f->docs[d], section);

                for (size_t i = 0; i < node_size(from) && list->n_items < FACTS_DOCS_MAX; i++) {
                        bool is_there = false;

                        for (size_t k = 0; k < list->n_items; k++)
                                is_there |= list->items[k] == from->items[i];
                        if (!is_there && is_named(from->items[i], name))
                                list->items[list->n_items++] = from->items[i];
                }
        }
}

static int add_section(const struct facts *f, struct yaml_node *key, struct yaml_node *names,
                       struct yaml_node *map)
{
        struct yaml_node *list;

        if (names->kind == YAML_SCALAR) { /* one value: `true` */
                for (size_t d = 0; d < f->n_docs; d++) {
                        struct yaml_node *value = yaml_get(f->docs[d], key->text);

                        if (value) {
                                add(map, key, value);
                                return 0;
                        }
                }
                return 0;
        }
        list = shell(YAML_LIST);
        if (!list)
                return -ENOMEM;
        for (size_t i = 0; i < names->n_items; i++)
                find_items(f, key->text, names->items[i]->text, list);
        add(map, key, list);
        return 0;
}

static void add_rest(struct yaml_node *uses, bool is_parameters, struct yaml_node *map)
{
        for (size_t i = 0; i < uses->n_items; i++)
                if (strcmp(uses->keys[i]->text, "uses") != 0 &&
                    (strcmp(uses->keys[i]->text, "parameters") == 0) == is_parameters)
                        add(map, uses->keys[i], uses->items[i]);
}

struct yaml_node *uses_make(const struct facts *f, struct yaml_node *uses)
{
        struct yaml_node *map = shell(YAML_MAP), *names = yaml_get(uses, "uses");
        bool has_parameters = false;

        if (!map)
                return NULL;
        add_rest(uses, false, map);
        for (size_t i = 0; i < names->n_items; i++) {
                const char *key = names->keys[i]->text;

                if (!has_parameters && strcmp(key, "path") != 0 && strcmp(key, "project") != 0) {
                        has_parameters = true;
                        add_rest(uses, true, map);
                }
                if (strcmp(key, "path") != 0 &&
                    add_section(f, names->keys[i], names->items[i], map) < 0) {
                        uses_free(map);
                        return NULL;
                }
        }
        if (!has_parameters)
                add_rest(uses, true, map);
        return map;
}
