/* Filters that sort. */

#include "daemon/template/filters.h"
#include "daemon/template/render.h"
#include "daemon/template/unicode.h"

/* Text that is compared without case. */
int value_fold_case(struct render *r, bool is_sensitive, struct value v, struct value *ret)
{
        struct capture c;
        int failed;

        *ret = v;
        if (is_sensitive || v.kind != V_TEXT)
                return 0;
        capture_begin(r, &c);
        failed = unicode_add_lower(r->out, v.text);
        return failed && failed != -EMSGSIZE ? failed : capture_end(r, &c, ret);
}

struct sorted {
        struct value item;
        struct value key; /* a list: one per attribute */
};

static int order_keys(struct render *r, struct value a, struct value b, int *ret)
{
        bool is_single = a.kind == V_LIST && b.kind == V_LIST && a.list->n == 1 && b.list->n == 1 &&
                         a.list->at[0].kind == V_TEXT &&
                         b.list->at[0].kind == V_TEXT; /* as most are */

        return is_single ? value_order(r, "<", a.list->at[0], b.list->at[0], ret)
                         : value_order(r, "<", a, b, ret);
}

/* Stable; with is_reversed equal items keep their order too. */
static int merge_sort(struct render *r, struct sorted *at, struct sorted *spare, size_t n,
                      bool is_reversed)
{
        size_t half = n / 2, i = 0, j = half, k = 0;
        int failed, order = 0;

        if (n < 2)
                return 0;
        failed = merge_sort(r, at, spare, half, is_reversed);
        if (!failed)
                failed = merge_sort(r, at + half, spare, n - half, is_reversed);
        while (!failed && i < half && j < n) {
                failed = order_keys(r, at[j].key, at[i].key, &order);
                spare[k++] = !failed && order == (is_reversed ? 1 : -1) ? at[j++] : at[i++];
        }
        if (failed)
                return failed;
        while (i < half)
                spare[k++] = at[i++];
        memcpy(at, spare, k * sizeof(*at));
        return 0;
}

static int sort_items(struct render *r, struct sorted *items, size_t n, bool is_reversed,
                      struct value *ret)
{
        struct sorted *spare = arena_alloc(&r->arena, MAX2(n, 1u) * sizeof(*spare));
        int failed;

        if (!spare)
                return render_no_room(r);
        failed = merge_sort(r, items, spare, n, is_reversed);
        if (!failed)
                failed = value_list(r, V_LIST, n, ret);
        for (size_t i = 0; i < n && !failed; i++)
                failed = list_add(r, ret->list, items[i].item);
        return failed;
}

/* "a,b.c": the list of both attributes. */
static int sort_key(struct render *r, struct value item, struct value attributes, bool is_sensitive,
                    struct value *ret)
{
        struct span rest = attributes.text;
        struct path path;
        struct value v;
        int failed = value_list(r, V_LIST, 1, ret);

        if (failed)
                return failed;
        if (attributes.kind != V_TEXT) {
                failed = path_get_slowly(r, item, attributes, VALUE_MISSING, &v);
                if (!failed)
                        failed = value_fold_case(r, is_sensitive, v, &v);
                return failed ? failed : list_add(r, ret->list, v);
        }
        for (;;) {
                const char *comma = memchr(rest.at, ',', rest.n);
                size_t n = comma ? (size_t)(comma - rest.at) : rest.n;

                path_open(r, VALUE_SPAN(((struct span){rest.at, n})), &path);
                failed = path_get(r, item, &path, VALUE_MISSING, &v);
                if (!failed)
                        failed = value_fold_case(r, is_sensitive, v, &v);
                if (!failed)
                        failed = list_add(r, ret->list, v);
                if (failed || !comma)
                        return failed;
                rest.at += n + 1;
                rest.n -= n + 1;
        }
}

static int sorted_new(struct render *r, size_t n, struct sorted **ret)
{
        if (n > RENDER_MAX_BYTES / sizeof(**ret))
                return render_fail(r, "a list of %zu elements is too long", n);
        *ret = arena_alloc(&r->arena, MAX2(n, 1u) * sizeof(**ret));
        return *ret ? 0 : render_no_room(r);
}

int filter_sort(struct render *r, const struct call *c, struct value *ret)
{
        bool is_reversed, is_sensitive;
        struct value all;
        struct sorted *items = NULL;
        int failed = call_truth(r, c, 0, false, &is_reversed);

        if (!failed)
                failed = call_truth(r, c, 1, false, &is_sensitive);
        if (!failed)
                failed = value_to_list(r, c->subject, &all);
        if (!failed)
                failed = sorted_new(r, all.list->n, &items);
        for (size_t i = 0; !failed && i < all.list->n; i++) {
                items[i].item = all.list->at[i];
                failed = sort_key(r, items[i].item, c->at[2], is_sensitive, &items[i].key);
        }
        return failed ? failed : sort_items(r, items, all.list->n, is_reversed, ret);
}

int filter_dictsort(struct render *r, const struct call *c, struct value *ret)
{
        struct span by;
        bool is_sensitive, is_reversed;
        struct dict *d = c->subject.dict;
        struct sorted *items = NULL;
        int failed;

        if (c->subject.kind == V_UNDEFINED)
                return value_refuse_undefined(r, c->subject);
        if (c->subject.kind != V_DICT)
                return render_fail(r, "'%s' object has no attribute 'items'",
                                   value_type_name(c->subject));
        failed = call_truth(r, c, 0, false, &is_sensitive);
        if (!failed)
                failed = call_text(r, c, 1, SPAN("key"), &by);
        if (!failed)
                failed = call_truth(r, c, 2, false, &is_reversed);
        if (!failed && !span_is_equal(by, SPAN("key")) && !span_is_equal(by, SPAN("value")))
                failed = render_fail(r, "You can only sort by either \"key\" or \"value\"");
        if (!failed)
                failed = dict_open(r, d);
        if (!failed)
                failed = sorted_new(r, d->n, &items);
        for (size_t i = 0; !failed && i < d->n; i++) {
                struct pair *p = &d->pairs[i];

                failed = value_list(r, V_TUPLE, 2, &items[i].item);
                if (!failed)
                        failed = list_add(r, items[i].item.list, p->key);
                if (!failed)
                        failed = list_add(r, items[i].item.list, p->item);
                if (!failed)
                        failed = value_fold_case(r, is_sensitive, by.n == 3 ? p->key : p->item,
                                                 &items[i].key);
        }
        return failed ? failed : sort_items(r, items, d->n, is_reversed, ret);
}

/* (grouper, list) of the elements i … end of what is sorted. */
static int make_group(struct render *r, const struct sorted *items, size_t i, size_t end,
                      struct value grouper, struct value *ret)
{
        struct value list;
        int failed = value_list(r, V_LIST, end - i, &list);

        for (; i < end && !failed; i++)
                failed = list_add(r, list.list, items[i].item);
        if (!failed)
                failed = value_list(r, V_TUPLE, 2, ret);
        if (!failed)
                failed = list_add(r, ret->list, grouper);
        if (!failed)
                failed = list_add(r, ret->list, list);
        if (!failed)
                ret->list->is_group = true;
        return failed;
}

static int make_groups(struct render *r, const struct path *path, struct value otherwise,
                       const struct sorted *items, size_t n, struct value *ret)
{
        int failed = value_list(r, V_LIST, 0, ret);

        for (size_t i = 0, end; i < n && !failed; i = end) {
                struct value group, grouper;
                bool is_equal = true;

                for (end = i + 1; end < n && !failed; end++) {
                        failed = value_is_equal(r, items[i].key, items[end].key, &is_equal);
                        if (!is_equal)
                                break;
                }
                /* as the first one has it: not in lower case */
                if (!failed)
                        failed = path_get(r, items[i].item, path, otherwise, &grouper);
                if (!failed)
                        failed = make_group(r, items, i, end, grouper, &group);
                if (!failed)
                        failed = list_add(r, ret->list, group);
        }
        return failed;
}

int filter_groupby(struct render *r, const struct call *c, struct value *ret)
{
        struct value all, sorted, v;
        struct sorted *items = NULL;
        struct path path;
        bool is_sensitive;
        int failed = value_to_list(r, c->subject, &all);

        path_open(r, c->at[0], &path);
        if (!failed)
                failed = call_truth(r, c, 2, false, &is_sensitive);
        if (!failed)
                failed = sorted_new(r, all.list->n, &items);
        for (size_t i = 0; !failed && i < all.list->n; i++) {
                items[i].item = all.list->at[i];
                failed = path_get(r, items[i].item, &path, c->at[1], &v);
                if (!failed)
                        failed = value_fold_case(r, is_sensitive, v, &items[i].key);
        }
        if (!failed)
                failed = sort_items(r, items, all.list->n, false, &sorted);
        return failed ? failed : make_groups(r, &path, c->at[1], items, all.list->n, ret);
}
