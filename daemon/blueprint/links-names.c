#include <stdio.h>

#include "daemon/blueprint/links.h"
#include "daemon/template/template.h"

/* What links are called on both sides, and the data that templates and prompts see of them. A name
 * that the specification gives stays; others are made from the entities' and avoid what is there.
 */

static bool is_name_taken(const struct layout *l, uint32_t entity, const char *name,
                          const struct lay_link *but, const struct lay_attribute *own)
{
        const struct lay_attribute *a = links_attribute(&l->entities[entity], name, own);

        if (a)
                return true;
        for (size_t i = 0; i < l->n_links; i++) {
                const struct lay_link *k = &l->links[i];

                if (k->from == entity &&
                    ((k != but && k->name && strcmp(k->name, name) == 0) ||
                     (k->kind == LINK_REFERENCE && k->column && strcmp(k->column, name) == 0)))
                        return true;
                if (k->to == entity && k->back && strcmp(k->back, name) == 0)
                        return true;
        }
        return false;
}

static char *unreserved(const struct layout *l, char *name)
{
        const struct reserved *r = &l->b->naming.fields;
        char *longer;

        if (!name || !strlist_has(&r->words, name))
                return name;
        longer = str_printf("%s%s", name, r->ending);
        free(name);
        return longer;
}

static char *plural(const char *name)
{
        _cleanup_buf_ struct buf b = {0};

        return template_filter_name("plural", span_of(name), &b) == 0 ? str_dup_span(buf_span(&b))
                                                                      : NULL;
}

/* The first of the names that is free in the entity. Takes them all. */
static char *free_name(const struct layout *l, uint32_t entity, const struct lay_link *but,
                       const struct lay_attribute *own, char **names, size_t n)
{
        char *found = NULL;

        for (size_t i = 0; i < n; i++) {
                names[i] = unreserved(l, names[i]);
                if (!found && names[i] &&
                    (i + 1 == n || !is_name_taken(l, entity, names[i], but, own)))
                        found = names[i];
                else
                        free(names[i]);
        }
        return found;
}

static int name_reference(struct layout *l, struct lay_link *k)
{
        const struct lay_entity *to = &l->entities[k->to];

        if (!k->name) {
                const char *base = k->from == k->to ? "parent" : to->snake;
                char *names[] = {str_dup_span(span_of(base)), str_printf("%s_link", base)};

                k->name = free_name(l, k->from, k, NULL, names, N_ELEMENTS(names));
                k->column = str_printf("%s_id", base);
        } else {
                k->name = unreserved(l, k->name);
        }
        return k->name && k->column ? 0 : -ENOMEM;
}

static size_t n_between(const struct layout *l, const struct lay_link *k)
{
        size_t n = 0;

        for (size_t i = 0; i < l->n_links; i++)
                n += l->links[i].kind == LINK_REFERENCE && l->links[i].from == k->from &&
                     l->links[i].to == k->to;
        return n;
}

/* "tag_ids" lists tags. */
static char *side_name(const struct lay_attribute *a)
{
        char *name = links_snake(a->name), *many;

        if (!name || !str_has_suffix(name, "_ids"))
                return name;
        name[strlen(name) - strlen("_ids")] = '\0';
        many = plural(name);
        free(name);
        return many;
}

static int name_back(struct layout *l, struct lay_link *k)
{
        const struct lay_entity *from = &l->entities[k->from];
        _cleanup_free_ char *many = plural(from->snake);

        if (!many)
                return -ENOMEM;
        if (k->back_attribute) {
                k->back = unreserved(l, side_name(k->back_attribute));
        } else {
                const char *base = k->from == k->to ? "children"
                                   : k->is_unique   ? from->snake
                                                    : many;
                char *names[] = {n_between(l, k) > 1 ? str_printf("%s_by_%s", many, k->name)
                                                     : str_dup_span(span_of(base)),
                                 str_printf("%s_by_%s", many, k->name),
                                 str_printf("%s_list", many)};

                k->back = free_name(l, k->to, k, NULL, names, N_ELEMENTS(names));
        }
        return k->back ? 0 : -ENOMEM;
}

static int name_join(struct layout *l, struct lay_link *k)
{
        const struct lay_entity *from = &l->entities[k->from], *to = &l->entities[k->to];
        _cleanup_free_ char *many = plural(to->snake), *one = NULL;

        if (!many)
                return -ENOMEM;
        if (k->attribute) {
                k->name = unreserved(l, side_name(k->attribute));
        } else {
                char *names[] = {k->from == k->to ? str_printf("related_%s", many)
                                                  : str_dup_span(span_of(many)),
                                 str_printf("%s_list", many)};

                k->name = free_name(l, k->from, k, NULL, names, N_ELEMENTS(names));
        }
        if (!k->name)
                return -ENOMEM;
        if (k->from == k->to) {
                _cleanup_buf_ struct buf b = {0};

                if (template_filter_name("singular", span_of(k->name), &b) != 0)
                        return -ENOMEM;
                k->back = str_printf("%s_of", k->name);
                one = str_printf("%s_%s", b.at, from->snake);
        } else {
                one = str_dup_span(span_of(to->snake));
        }
        k->column = str_printf("%s_id", from->snake);
        k->other = one ? str_printf("%s_id", one) : NULL;
        if (!k->back && k->from != k->to)
                return k->column && k->other ? name_back(l, k) : -ENOMEM;
        return k->column && k->other && k->back ? 0 : -ENOMEM;
}

static int name_links(struct layout *l)
{
        int r = 0;

        for (size_t i = 0; i < l->n_links && r == 0; i++)
                if (l->links[i].kind == LINK_REFERENCE)
                        r = name_reference(l, &l->links[i]);
        for (size_t i = 0; i < l->n_links && r == 0; i++)
                r = l->links[i].kind == LINK_REFERENCE ? name_back(l, &l->links[i])
                                                       : name_join(l, &l->links[i]);
        return r;
}

/* ---- pieces ---- */

static int put(json_t *o, const char *key, const char *text)
{
        return text ? json_put(o, key, json_string(text)) : 0;
}

static int put_flag(json_t *o, const char *key, bool value)
{
        return value ? json_put(o, key, json_true()) : 0;
}

/* "post_tags", unless an entity has that table. */
static int put_table(const struct layout *l, const struct lay_link *k, json_t *o)
{
        _cleanup_free_ char *many = plural(l->entities[k->to].snake), *table = NULL;

        if (k->from == k->to && k->name) {
                free(many);
                many = str_dup_span(span_of(k->name));
        }
        table = many ? str_printf("%s_%s", l->entities[k->from].snake, many) : NULL;
        for (size_t i = 0; table && i < l->n_entities; i++) {
                _cleanup_free_ char *other = plural(l->entities[i].snake);

                if (other && strcmp(other, table) == 0) {
                        free(table);
                        table = str_printf("%s_%s_links", l->entities[k->from].snake, many);
                }
        }
        return table ? put(o, "table", table) : -ENOMEM;
}

/* The attribute that is the column, and how the specification spells it. */
static int put_column_attribute(const struct layout *l, const struct lay_link *k, json_t *o)
{
        const struct lay_attribute *a = k->column_attribute;
        int r = put(o, "column_attribute", a->name);

        if (r == 0 && l->b->naming.field_spelling.keep.code && a->source &&
            strcmp(a->source->name, k->column) != 0)
                r = put(o, "given", a->source->name);
        return r;
}

/* What the column was called. */
static int put_was(const struct lay_link *k, json_t *o)
{
        const struct lay_attribute *a = k->column_attribute ? k->column_attribute : k->attribute;
        _cleanup_free_ char *was = NULL;

        if (!a || !a->was)
                return 0;
        was = str_printf("%s%s", a->was, k->column_attribute ? "" : "_id");
        return was ? put(o, "was", was) : -ENOMEM;
}

/* The link as one of its sides sees it. */
static json_t *side(const struct layout *l, const struct lay_link *k, bool is_from)
{
        const struct lay_entity *own = &l->entities[is_from ? k->from : k->to],
                                *other = &l->entities[is_from ? k->to : k->from];
        const struct lay_attribute *a = is_from ? k->attribute : k->back_attribute;
        bool is_join = k->kind == LINK_JOIN;
        json_t *o = json_object();
        int r;

        r = put(o, "of", own->name);
        if (r == 0)
                r = put(o, "kind",
                        is_join        ? "join"
                        : is_from      ? "reference"
                        : k->is_unique ? "single"
                                       : "collection");
        if (r == 0)
                r = put(o, "name", is_from ? k->name : k->back);
        if (r == 0)
                r = put(o, "entity", other->name);
        if (r == 0)
                r = put(o, "file", other->file);
        if (r == 0)
                r = put(o, "column", is_join && !is_from ? k->other : k->column);
        if (r == 0 && is_join)
                r = put(o, "other_column", is_from ? k->other : k->column);
        if (r == 0 && is_join)
                r = put_table(l, k, o);
        if (r == 0)
                r = put(o, "id_type", other->id_type);
        if (r == 0)
                r = put(o, "back", is_from ? k->back : k->name);
        if (r == 0)
                r = put(o, "attribute", a ? a->name : NULL);
        if (r == 0 && !is_join && is_from && k->column_attribute)
                r = put_column_attribute(l, k, o);
        if (r == 0)
                r = put_flag(o, "required", !is_join && links_is_required(k));
        if (r == 0 && !is_join && is_from)
                r = put_was(k, o);
        if (r == 0)
                r = put_flag(o, "unique", k->is_unique);
        if (r == 0)
                r = put_flag(o, "self", k->from == k->to);
        if (r == 0)
                r = put_flag(o, "owner", is_join && is_from);
        if (r == 0)
                return o;
        json_decref(o);
        return NULL;
}

static int compare_sides(const void *a, const void *b)
{
        const json_t *x = *(json_t *const *)a, *y = *(json_t *const *)b;
        int r = strcmp(json_get_text(x, "kind"), json_get_text(y, "kind"));

        return r != 0 ? -r : strcmp(json_get_text(x, "name"), json_get_text(y, "name"));
}

/* By kind (reference, join, collection …) and name. */
static int make_pieces_of(struct layout *l, uint32_t entity, json_t **scratch)
{
        struct lay_entity *e = &l->entities[entity];
        size_t n = 0;
        int r = 0;

        for (size_t i = 0; i < l->n_links && r == 0; i++)
                for (int is_from = 1; is_from >= 0 && r == 0; is_from--) {
                        if ((is_from ? l->links[i].from : l->links[i].to) != entity)
                                continue;
                        scratch[n] = side(l, &l->links[i], is_from);
                        r = scratch[n] ? 0 : -ENOMEM;
                        n += r == 0;
                }
        if (n > 1)
                qsort(scratch, n, sizeof(*scratch), compare_sides);
        e->links = r == 0 ? calloc(n + 1, sizeof(*e->links)) : NULL;
        if (r == 0 && !e->links)
                r = -ENOMEM;
        for (size_t i = 0; i < n; i++) {
                _cleanup_free_ char *id =
                        str_printf("%s.%s", e->name, json_get_text(scratch[i], "name"));

                if (r == 0 && id)
                        r = piece_set(&e->links[e->n_links++], scratch[i], "link", id);
                else
                        json_decref(scratch[i]);
                if (!id)
                        r = -ENOMEM;
        }
        return r;
}

int links_finish(struct layout *l)
{
        _cleanup_free_ json_t **scratch = calloc(l->n_links * 2 + 1, sizeof(*scratch));
        int r = scratch ? name_links(l) : -ENOMEM;

        for (uint32_t i = 0; i < l->n_entities && r == 0; i++)
                r = make_pieces_of(l, i, scratch);
        return r;
}
