/* Section imports: by language, how a file says what it imports, and which names are what. See
 * daemon/check/imports.h. */

#include "daemon/blueprint/imports.h"

#include "daemon/check/check.h"
#include "daemon/check/imports.h"

static const char *text_of(struct parse *p, struct yaml_node *map, const char *key,
                           bool is_required)
{
        struct yaml_node *n = parse_get(p, map, key, YAML_SCALAR, is_required);

        return n ? n->text : is_required ? "" : NULL;
}

static void parse_places(struct parse *p, struct yaml_node *rule, struct check_imports_source *ret)
{
        struct yaml_node *list = parse_get(p, rule, "places", YAML_LIST, true);

        if (list && (list->n_items == 0 || list->n_items > CHECK_IMPORTS_MAX_PLACES))
                parse_fault(p, list, "`places` has 1 to %d items", CHECK_IMPORTS_MAX_PLACES);
        for (size_t i = 0; list && i < list->n_items && i < CHECK_IMPORTS_MAX_PLACES; i++) {
                struct yaml_node *at = list->items[i];

                if (at->kind != YAML_MAP) {
                        parse_fault(p, at, "an item of `places` must be a map");
                        continue;
                }
                ret->places[ret->n_places].after = text_of(p, at, "after", true);
                ret->places[ret->n_places].skip = text_of(p, at, "skip", false);
                ret->places[ret->n_places++].line = text_of(p, at, "line", true);
        }
}

static void parse_library(struct parse *p, struct yaml_node *rule, struct check_imports_source *ret)
{
        struct yaml_node *map = parse_get(p, rule, "names", YAML_MAP, true);

        if (map && map->n_items > CHECK_IMPORTS_MAX_NAMES)
                parse_fault(p, map, "`names` has at most %d names", CHECK_IMPORTS_MAX_NAMES);
        for (size_t i = 0; map && i < map->n_items && i < CHECK_IMPORTS_MAX_NAMES; i++) {
                const char *path = text_of(p, map, map->keys[i]->text, true);

                ret->names[ret->n_names].name = map->keys[i]->text;
                ret->names[ret->n_names++].path = path;
        }
}

static void parse_one(struct parse *p, struct yaml_node *map, size_t i, struct imports *ret)
{
        struct yaml_node *rule = parse_get(p, map, map->keys[i]->text, YAML_MAP, true);
        struct check_imports_source *s;
        size_t n_before = p->f->n;
        struct diag diag;
        int r;

        ret->language = parse_dup(p, map->keys[i]->text);
        s = parse_array(p, 1, sizeof(*s));
        if (!rule || !s || !ret->language) {
                free(s);
                return;
        }
        s->language = ret->language;
        s->use = text_of(p, rule, "use", true);
        s->said = text_of(p, rule, "said", true);
        parse_places(p, rule, s);
        parse_library(p, rule, s);
        r = p->f->n > n_before ? CONDITION_ABSENT : check_imports_new(s, &ret->rule, &diag);
        if (r == CONDITION_REFUSED)
                parse_fault(p, rule, "%s", diag.text);
        else if (r < 0)
                p->f->error = r;
        free(s);
}

void imports_parse(struct parse *p, struct yaml_node *top)
{
        struct yaml_node *map = parse_get(p, top, "imports", YAML_MAP, false);
        struct blueprint *b = p->b;

        if (!map || !(b->imports = parse_array(p, map->n_items, sizeof(*b->imports))))
                return;
        b->n_imports = map->n_items;
        for (size_t i = 0; i < map->n_items && !p->f->error; i++)
                parse_one(p, map, i, &b->imports[i]);
}

void imports_use(const struct blueprint *b, const char *language, struct check_set *s)
{
        for (size_t i = 0; i < b->n_imports; i++)
                if (b->imports[i].rule && strcmp(b->imports[i].language, language) == 0)
                        check_set_use_imports(s, b->imports[i].rule);
}

void imports_release(struct blueprint *b)
{
        for (size_t i = 0; i < b->n_imports; i++) {
                free(b->imports[i].language);
                check_imports_free(b->imports[i].rule);
        }
        free(b->imports);
}
