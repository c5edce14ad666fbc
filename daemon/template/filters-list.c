#include "daemon/template/filters.h"
#include "daemon/template/render.h"
#include "daemon/template/unicode.h"

int filter_default(struct render *r, const struct call *c, struct value *ret)
{
        bool by_truth, is_true = true;
        int failed = call_truth(r, c, 1, false, &by_truth);

        if (!failed && by_truth && c->subject.kind != V_UNDEFINED)
                failed = value_truth(r, c->subject, &is_true);
        if (c->subject.kind != V_UNDEFINED && is_true)
                *ret = c->subject;
        else
                *ret = c->at[0].kind == V_MISSING ? VALUE_TEXT("") : c->at[0];
        return failed;
}

int filter_join(struct render *r, const struct call *c, struct value *ret)
{
        struct capture capture;
        struct span between;
        struct iter *it;
        struct value v;
        bool is_first = true;
        struct path path;
        int failed = iter_open(r, c->subject, &it);

        path_open(r, c->at[1], &path);
        if (!failed)
                failed = call_text(r, c, 0, SPAN(""), &between);
        capture_begin(r, &capture);
        while (!failed) {
                failed = iter_next(r, it, &v);
                if (failed || v.kind == V_MISSING)
                        break;
                if (!is_first)
                        failed = render_write(r, r->out, between);
                is_first = false;
                if (!failed)
                        failed = path_get(r, v, &path, VALUE_MISSING, &v);
                if (!failed)
                        failed = value_write(r, v, r->out);
        }
        return failed ? failed : capture_end(r, &capture, ret);
}

int filter_length(struct render *r, const struct call *c, struct value *ret)
{
        size_t n = 0;
        int failed = value_length(r, c->subject, &n);

        *ret = VALUE_INT((int64_t)n);
        return failed;
}

int filter_first(struct render *r, const struct call *c, struct value *ret)
{
        struct iter *it;
        int failed = iter_open(r, c->subject, &it);

        if (!failed)
                failed = iter_next(r, it, ret);
        if (!failed && ret->kind == V_MISSING)
                failed = value_undefined(r, "No first item, sequence was empty.", NULL, VALUE_NONE,
                                         ret);
        return failed;
}

static bool is_reversible(struct value v)
{
        return v.kind == V_TEXT || v.kind == V_LIST || v.kind == V_TUPLE || v.kind == V_DICT ||
               v.kind == V_RANGE || v.kind == V_VIEW || v.kind == V_UNDEFINED;
}

int filter_last(struct render *r, const struct call *c, struct value *ret)
{
        struct value all;
        int failed;

        if (c->subject.kind == V_UNDEFINED && !value_is_lenient(c->subject))
                return value_refuse_undefined(r, c->subject);
        if (!is_reversible(c->subject))
                return render_fail(r, "'%s' object is not reversible", value_type_name(c->subject));
        failed = value_to_list(r, c->subject, &all);
        if (failed)
                return failed;
        if (all.list->n == 0)
                return value_undefined(r, "No last item, sequence was empty.", NULL, VALUE_NONE,
                                       ret);
        *ret = all.list->at[all.list->n - 1];
        return 0;
}

int filter_list(struct render *r, const struct call *c, struct value *ret)
{
        return value_to_list(r, c->subject, ret);
}

static int reverse_text(struct render *r, struct span s, struct value *ret)
{
        char *to = arena_alloc(&r->arena, s.n + 1), *end = to + s.n;
        const char *at = s.at;

        if (!to)
                return render_no_room(r);
        while (at < s.at + s.n) {
                const char *begin = at;

                utf8_next(&at, s.at + s.n);
                end -= at - begin;
                memcpy(end, begin, (size_t)(at - begin));
        }
        *ret = VALUE_SPAN(((struct span){to, s.n}));
        return render_step(r, s.n);
}

static int next_backwards(struct render *r _unused_, struct iter *it, struct value *ret)
{
        if (it->index > 0)
                *ret = it->over.list->at[--it->index];
        return 0;
}

int filter_reverse(struct render *r, const struct call *c, struct value *ret)
{
        struct value all;
        struct iter *it;
        int failed;

        if (c->subject.kind == V_TEXT)
                return reverse_text(r, c->subject.text, ret);
        failed = value_to_list(r, c->subject, &all);
        if (!failed)
                failed = iter_new(r, "list_reverseiterator", next_backwards, &it);
        if (failed)
                return failed;
        it->over = all;
        it->index = all.list->n;
        *ret = (struct value){.kind = V_ITER, .iter = it};
        if (!is_reversible(c->subject)) /* what has no order of its own becomes a list there */
                failed = iter_to_list(r, it, ret);
        return failed;
}

static int smallest_or_largest(struct render *r, const struct call *c, int wanted,
                               struct value *ret)
{
        bool is_sensitive;
        struct iter *it;
        struct value v, key, best_key = VALUE_MISSING;
        struct path path;
        int order, failed = call_truth(r, c, 0, false, &is_sensitive);

        path_open(r, c->at[1], &path);
        if (!failed)
                failed = iter_open(r, c->subject, &it);
        *ret = VALUE_MISSING;
        while (!failed) {
                failed = iter_next(r, it, &v);
                if (failed || v.kind == V_MISSING)
                        break;
                failed = path_get(r, v, &path, VALUE_MISSING, &key);
                if (!failed)
                        failed = value_fold_case(r, is_sensitive, key, &key);
                order = wanted;
                if (!failed && ret->kind != V_MISSING)
                        failed = value_order(r, wanted < 0 ? "<" : ">", key, best_key, &order);
                if (!failed && order == wanted) {
                        *ret = v;
                        best_key = key;
                }
        }
        if (!failed && ret->kind == V_MISSING)
                failed = value_undefined(r, "No aggregated item, sequence was empty.", NULL,
                                         VALUE_NONE, ret);
        return failed;
}

int filter_min(struct render *r, const struct call *c, struct value *ret)
{
        return smallest_or_largest(r, c, -1, ret);
}

int filter_max(struct render *r, const struct call *c, struct value *ret)
{
        return smallest_or_largest(r, c, 1, ret);
}

int filter_sum(struct render *r, const struct call *c, struct value *ret)
{
        struct iter *it;
        struct value v;
        struct path path;
        int failed = iter_open(r, c->subject, &it);

        path_open(r, c->at[0], &path);
        *ret = c->at[1].kind == V_MISSING ? VALUE_INT(0) : c->at[1];
        if (!failed && ret->kind == V_TEXT)
                return render_fail(r, "sum() can't sum strings");
        while (!failed) {
                failed = iter_next(r, it, &v);
                if (failed || v.kind == V_MISSING)
                        break;
                failed = path_get(r, v, &path, VALUE_MISSING, &v);
                if (!failed)
                        failed = op_binary(r, OP_ADD, *ret, v, ret);
        }
        return failed;
}

static int copy_call(struct render *r, const struct call *c, const struct call **ret)
{
        struct call *copy =
                arena_alloc(&r->arena, sizeof(*copy) + (c->n + c->n_keyed) * sizeof(*c->at) +
                                               c->n_keyed * sizeof(*c->keys));

        if (!copy)
                return render_no_room(r);
        *copy = *c;
        copy->at = (struct value *)(copy + 1);
        copy->keyed = copy->at + c->n;
        copy->keys = (struct span *)(copy->keyed + c->n_keyed);
        if (c->n)
                memcpy(copy->at, c->at, c->n * sizeof(*c->at));
        if (c->n_keyed) {
                memcpy(copy->keyed, c->keyed, c->n_keyed * sizeof(*c->keyed));
                memcpy((struct span *)copy->keys, c->keys, c->n_keyed * sizeof(*c->keys));
        }
        *ret = copy;
        return 0;
}

/* The lazy ones: an iterator that remembers the call. */
static int new_generator(struct render *r, const struct call *c,
                         int (*next)(struct render *, struct iter *, struct value *),
                         struct value *ret)
{
        struct iter *it;
        int failed = iter_new(r, "generator", next, &it);

        if (failed)
                return failed;
        failed = copy_call(r, c, &it->call); /* which may lie on the stack */
        if (failed)
                return failed;
        *ret = (struct value){.kind = V_ITER, .iter = it};
        return 0;
}

/* The source is opened when the first item is asked for. */
static int open_source(struct render *r, struct iter *it)
{
        return it->source ? 0 : iter_open(r, it->call->subject, &it->source);
}

static int next_unique(struct render *r, struct iter *it, struct value *ret)
{
        struct value key, seen = VALUE_NONE;
        struct path path;
        bool is_sensitive;
        int failed = open_source(r, it);

        path_open(r, it->call->at[1], &path);
        if (!failed)
                failed = call_truth(r, it->call, 0, false, &is_sensitive);
        if (!failed && !it->over.dict)
                failed = dict_new(r, &it->over.dict);
        while (!failed && seen.kind != V_MISSING) {
                failed = iter_next(r, it->source, ret);
                if (failed || ret->kind == V_MISSING)
                        break;
                failed = path_get(r, *ret, &path, VALUE_MISSING, &key);
                if (!failed)
                        failed = value_fold_case(r, is_sensitive, key, &key);
                if (!failed)
                        failed = dict_get(r, it->over.dict, key, &seen);
                if (!failed && seen.kind == V_MISSING)
                        failed = dict_set(r, it->over.dict, key, VALUE_NONE);
        }
        return failed;
}

int filter_unique(struct render *r, const struct call *c, struct value *ret)
{
        return new_generator(r, c, next_unique, ret);
}

static int next_batch(struct render *r, struct iter *it, struct value *ret)
{
        const struct call *c = it->call;
        bool is_equal = false;
        struct value v, list;
        int failed = open_source(r, it);

        if (!failed)
                failed = value_list(r, V_LIST, 0, &list);
        if (!failed && it->over.kind != V_MISSING) { /* read ahead by the batch before */
                failed = list_add(r, list.list, it->over);
                it->over = VALUE_MISSING;
        }
        while (!failed) {
                failed = iter_next(r, it->source, &v);
                if (failed || v.kind == V_MISSING)
                        break;
                failed = value_is_equal(r, VALUE_INT((int64_t)list.list->n), c->at[0], &is_equal);
                if (!failed && is_equal) {
                        it->over = v;
                        *ret = list;
                        return 0;
                }
                if (!failed)
                        failed = list_add(r, list.list, v);
        }
        if (failed || list.list->n == 0)
                return failed;
        if (c->at[1].kind != V_MISSING && c->at[1].kind != V_NONE) {
                if (!value_is_integer(c->at[0]))
                        return render_fail(r, "batch needs an integer, not '%s'",
                                           value_type_name(c->at[0]));
                while (!failed && (int64_t)list.list->n < value_integer(c->at[0]))
                        failed = list_add(r, list.list, c->at[1]);
        }
        *ret = list;
        return failed;
}

int filter_batch(struct render *r, const struct call *c, struct value *ret)
{
        return new_generator(r, c, next_batch, ret);
}

/* In columns: as many lists as are asked for, the first ones longer by one where it does not come
 * out even. */
static int next_slice(struct render *r, struct iter *it, struct value *ret)
{
        const struct call *c = it->call;
        int64_t wanted, number = (int64_t)it->index++, n, long_ones;
        struct value all;
        int failed = call_integer(r, c, 0, 0, &wanted);

        if (!failed && number == 0) {
                failed = value_to_list(r, c->subject, &all);
                it->over = all;
        }
        if (!failed && wanted == 0)
                return render_fail(r, "integer division or modulo by zero");
        if (failed || number >= wanted)
                return failed;
        n = (int64_t)it->over.list->n / wanted;
        long_ones = (int64_t)it->over.list->n % wanted;
        failed = value_list(r, V_LIST, 0, ret);
        for (int64_t i = number * n + MIN2(number, long_ones), k = n + (number < long_ones);
             k > 0 && !failed; k--)
                failed = list_add(r, ret->list, it->over.list->at[i++]);
        if (!failed && number >= long_ones && c->at[1].kind != V_MISSING && c->at[1].kind != V_NONE)
                failed = list_add(r, ret->list, c->at[1]);
        return failed;
}

int filter_slice(struct render *r, const struct call *c, struct value *ret)
{
        return new_generator(r, c, next_slice, ret);
}

static int next_item(struct render *r, struct iter *it, struct value *ret)
{
        struct value view = {.kind = V_VIEW};
        struct value v = it->call->subject;
        int failed = 0;

        if (!it->source) {
                struct view *items;

                if (v.kind == V_UNDEFINED)
                        return 0;
                if (v.kind != V_DICT)
                        return render_fail(r, "Can only get item pairs from a mapping.");
                items = arena_alloc(&r->arena, sizeof(*items));
                if (!items)
                        return render_no_room(r);
                items->kind = VIEW_ITEMS;
                items->dict = v.dict;
                view.view = items;
                failed = iter_open(r, view, &it->source);
        }
        return failed ? failed : iter_next(r, it->source, ret);
}

int filter_items(struct render *r, const struct call *c, struct value *ret)
{
        return new_generator(r, c, next_item, ret);
}

/* A raw call as it came, kept for later with an argument less in front. */
static int call_without_first(struct render *r, const struct call *raw, size_t n_dropped,
                              struct call **ret)
{
        struct call *c = arena_alloc(&r->arena, sizeof(*c));

        if (!c)
                return render_no_room(r);
        *c = *raw;
        c->at += n_dropped;
        c->n -= n_dropped;
        *ret = c;
        return 0;
}

/* `if value:` stands before the loops of map and select there. */
static int open_if_true(struct render *r, struct iter *it)
{
        bool is_true;
        int failed = 0;

        if (it->source)
                return 0;
        failed = value_truth(r, it->call->subject, &is_true);
        if (!failed && !is_true) {
                it->is_done = true;
                return 0;
        }
        return failed ? failed : open_source(r, it);
}

struct mapping {
        struct path path;
        struct value otherwise;
};

static int read_mapping(struct render *r, const struct call *c, struct mapping **ret)
{
        struct mapping *m = arena_alloc(&r->arena, sizeof(*m));
        struct value path = VALUE_MISSING;

        if (!m)
                return render_no_room(r);
        m->otherwise = VALUE_MISSING;
        for (size_t i = 0; i < c->n_keyed; i++) {
                if (text_is_same(c->keys[i], SPAN("attribute")))
                        path = c->keyed[i];
                else if (span_is_equal(c->keys[i], SPAN("default")))
                        m->otherwise = c->keyed[i];
                else
                        return render_fail(r, "Unexpected keyword argument '%.*s'",
                                           (int)MIN2(c->keys[i].n, 60u), c->keys[i].at);
        }
        if (path.kind == V_MISSING)
                return render_fail(r, "map requires a filter argument");
        path_open(r, path, &m->path);
        *ret = m;
        return 0;
}

static int map_attribute(struct render *r, struct iter *it, struct value item, struct value *ret)
{
        int failed = it->mapping ? 0 : read_mapping(r, it->call, &it->mapping);

        return failed ? failed : path_get(r, item, &it->mapping->path, it->mapping->otherwise, ret);
}

static int next_mapped(struct render *r, struct iter *it, struct value *ret)
{
        const struct filter_row *row;
        struct call *c = NULL;
        struct value name, item;
        int failed = open_if_true(r, it);

        if (failed || it->is_done)
                return failed;
        failed = iter_next(r, it->source, &item);
        if (failed || item.kind == V_MISSING)
                return failed;
        if (it->call->n == 0)
                return map_attribute(r, it, item, ret);
        name = it->call->at[0];
        row = name.kind == V_TEXT ? filter_find(name.text) : NULL;
        if (!row)
                return render_fail(r, "No filter named '%.*s'.",
                                   name.kind == V_TEXT ? (int)MIN2(name.text.n, 60u) : 0,
                                   name.kind == V_TEXT ? name.text.at : "");
        failed = call_without_first(r, it->call, 1, &c);
        if (failed)
                return failed;
        c->name = row->name;
        c->subject = item;
        return call_bound(r, row->fn, row->parameters, c, ret);
}

int filter_map(struct render *r, const struct call *c, struct value *ret)
{
        return new_generator(r, c, next_mapped, ret);
}

struct selection {
        bool is_rejecting, by_attribute;
        struct path path;
};

static int is_selected(struct render *r, const struct call *raw, const struct selection *how,
                       struct value item, bool *ret)
{
        size_t off = how->by_attribute ? 1 : 0;
        const struct filter_row *row;
        struct value name, result;
        struct call *c = NULL;
        int failed = 0;

        if (raw->n < off)
                return render_fail(r, "Missing parameter for attribute name");
        if (how->by_attribute)
                failed = path_get(r, item, &how->path, VALUE_MISSING, &item);
        if (failed)
                return failed;
        if (raw->n == off)
                return value_truth(r, item, ret);
        name = raw->at[off];
        row = name.kind == V_TEXT ? test_find(name.text) : NULL;
        if (!row)
                return render_fail(r, "No test named '%.*s'.",
                                   name.kind == V_TEXT ? (int)MIN2(name.text.n, 60u) : 0,
                                   name.kind == V_TEXT ? name.text.at : "");
        failed = call_without_first(r, raw, off + 1, &c);
        if (failed)
                return failed;
        c->name = row->name;
        c->subject = item;
        failed = call_bound(r, row->fn, row->parameters, c, &result);
        return failed ? failed : value_truth(r, result, ret);
}

static int next_selected(struct render *r, struct iter *it, struct value *ret)
{
        const struct selection *how = it->state;
        int failed = open_if_true(r, it);

        while (!failed && !it->is_done) {
                bool is_true;

                failed = iter_next(r, it->source, ret);
                if (failed || ret->kind == V_MISSING)
                        break;
                failed = is_selected(r, it->call, how, *ret, &is_true);
                if (!failed && is_true != how->is_rejecting)
                        break;
        }
        return failed;
}

static int new_selection(struct render *r, const struct call *c, bool is_rejecting,
                         bool by_attribute, struct value *ret)
{
        struct selection *how = arena_alloc(&r->arena, sizeof(*how));
        int failed = how ? new_generator(r, c, next_selected, ret) : render_no_room(r);

        if (failed)
                return failed;
        *how = (struct selection){.is_rejecting = is_rejecting, .by_attribute = by_attribute};
        if (by_attribute && c->n > 0)
                path_open(r, c->at[0], &how->path);
        ret->iter->state = how;
        return 0;
}

int filter_select(struct render *r, const struct call *c, struct value *ret)
{
        return new_selection(r, c, false, false, ret);
}

int filter_reject(struct render *r, const struct call *c, struct value *ret)
{
        return new_selection(r, c, true, false, ret);
}

int filter_selectattr(struct render *r, const struct call *c, struct value *ret)
{
        return new_selection(r, c, false, true, ret);
}

int filter_rejectattr(struct render *r, const struct call *c, struct value *ret)
{
        return new_selection(r, c, true, true, ret);
}
