/* Iteration: what `for` and the filters run over, one pass each, lazily as in Python. */

#include "daemon/template/iter.h"
#include "daemon/template/unicode.h"

int iter_new(struct render *r, const char *type,
             int (*next)(struct render *, struct iter *, struct value *), struct iter **ret)
{
        struct iter *it = arena_alloc(&r->arena, sizeof(*it));

        if (!it)
                return render_no_room(r);
        it->next = next;
        it->type = type;
        *ret = it;
        return 0;
}

static int next_of_list(struct render *r, struct iter *it, struct value *ret)
{
        struct list *l = it->over.list;
        int failed = l->pending ? list_open(r, l) : 0;

        if (!failed && it->index < l->n)
                *ret = l->at[it->index++];
        return failed;
}

int iter_next(struct render *r, struct iter *it, struct value *ret)
{
        int failed;

        ret->kind = V_MISSING;
        if (it->is_done)
                return 0;
        failed = render_enter(r);
        if (!failed)
                failed = render_step(r, 0);
        if (!failed)
                failed = it->next == next_of_list ? next_of_list(r, it, ret) : it->next(r, it, ret);
        r->depth--;
        if (!failed && ret->kind == V_MISSING)
                it->is_done = true;
        return failed;
}

static int next_of_text(struct render *r _unused_, struct iter *it, struct value *ret)
{
        const char *begin = it->over.text.at + it->index, *at = begin;

        if (it->index >= it->over.text.n)
                return 0;
        utf8_next(&at, it->over.text.at + it->over.text.n);
        it->index += (size_t)(at - begin);
        *ret = VALUE_SPAN(((struct span){begin, (size_t)(at - begin)}));
        return 0;
}

static int next_of_range(struct render *r, struct iter *it, struct value *ret)
{
        size_t n;
        int failed = value_length(r, it->over, &n);

        if (!failed && it->index < n)
                *ret = VALUE_INT((int64_t)((uint64_t)it->over.range->start +
                                           it->index++ * (uint64_t)it->over.range->step));
        return failed;
}

static int next_of_view(struct render *r, struct iter *it, struct value *ret)
{
        const struct view *view = it->over.view;
        const struct pair *p;
        int failed = dict_open(r, view->dict);

        if (failed || it->index >= view->dict->n)
                return failed;
        p = &view->dict->pairs[it->index++];
        if (view->kind != VIEW_ITEMS) {
                *ret = view->kind == VIEW_KEYS ? p->key : p->item;
                return 0;
        }
        failed = value_list(r, V_TUPLE, 2, ret);
        if (!failed)
                failed = list_add(r, ret->list, p->key);
        if (!failed)
                failed = list_add(r, ret->list, p->item);
        return failed;
}

static int next_of_dict(struct render *r, struct iter *it, struct value *ret)
{
        struct dict *d = it->over.dict;
        int failed = dict_open(r, d);

        if (!failed && it->index < d->n)
                *ret = d->pairs[it->index++].key;
        return failed;
}

static int next_of_nothing(struct render *r _unused_, struct iter *it _unused_,
                           struct value *ret _unused_)
{
        return 0;
}

int iter_open(struct render *r, struct value v, struct iter **ret)
{
        static const struct {
                const char *type;
                int (*next)(struct render *, struct iter *, struct value *);
        } rows[N_VALUE_KINDS] = {
                [V_TEXT] = {"str_iterator", next_of_text},
                [V_LIST] = {"list_iterator", next_of_list},
                [V_TUPLE] = {"tuple_iterator", next_of_list},
                [V_DICT] = {"dict_keyiterator", next_of_dict},
                [V_RANGE] = {"range_iterator", next_of_range},
                [V_VIEW] = {"dict_iterator", next_of_view},
        };
        int failed;

        if (v.kind == V_UNDEFINED && !value_is_lenient(v))
                return value_refuse_undefined(r, v);
        if (v.kind == V_UNDEFINED)
                return iter_new(r, "generator", next_of_nothing, ret);
        if (v.kind == V_ITER) {
                *ret = v.iter;
                return 0;
        }
        if (!rows[v.kind].next)
                return render_fail(r, "'%s' object is not iterable", value_type_name(v));
        failed = iter_new(r, rows[v.kind].type, rows[v.kind].next, ret);
        if (!failed)
                (*ret)->over = v;
        return failed;
}

static int fill_list(struct render *r, struct iter *it, struct list *l)
{
        struct value v;
        int failed = 0;

        while (!failed) {
                failed = iter_next(r, it, &v);
                if (failed || v.kind == V_MISSING)
                        break;
                failed = list_add(r, l, v);
        }
        return failed;
}

int iter_to_list(struct render *r, struct iter *it, struct value *ret)
{
        int failed = value_list(r, V_LIST, 0, ret);

        return failed ? failed : fill_list(r, it, ret->list);
}

int value_to_list(struct render *r, struct value v, struct value *ret)
{
        struct iter *it = NULL;
        size_t room = 0;
        int failed = iter_open(r, v, &it);

        if (!failed && v.kind == V_RANGE) /* refused before it is filled, if it is too long */
                failed = value_length(r, v, &room);
        if (!failed)
                failed = value_list(r, V_LIST, room, ret);
        return failed ? failed : fill_list(r, it, ret->list);
}

int loop_next(struct render *r, struct loop *l, struct value *ret)
{
        int failed = 0;

        if (l->has_after) {
                *ret = l->after;
                l->has_after = false;
        } else {
                failed = iter_next(r, l->items, ret);
        }
        if (failed || ret->kind == V_MISSING)
                return failed;
        l->index0++;
        l->before = l->current;
        l->current = *ret;
        return 0;
}

static int peek(struct render *r, struct loop *l, struct value *ret)
{
        int failed = 0;

        if (!l->has_after) {
                failed = iter_next(r, l->items, &l->after);
                l->has_after = !failed && l->after.kind != V_MISSING;
        }
        *ret = l->has_after ? l->after : VALUE_MISSING;
        return failed;
}

int loop_length(struct render *r, struct loop *l, size_t *ret)
{
        struct value rest;
        size_t n;
        int failed = 0;

        if (l->length < 0) {
                switch (l->over.kind) {
                case V_TEXT:
                case V_LIST:
                case V_TUPLE:
                case V_DICT:
                case V_RANGE:
                case V_VIEW:
                        failed = value_length(r, l->over, &n);
                        break;
                default:
                        failed = iter_to_list(r, l->items, &rest);
                        if (!failed)
                                failed = iter_open(r, rest, &l->items);
                        n = failed ? 0 : rest.list->n + (size_t)(l->index0 + 1) + l->has_after;
                }
                if (failed)
                        return failed;
                l->length = (int64_t)n;
        }
        *ret = (size_t)l->length;
        return 0;
}

/* One row per attribute of `loop`. */
enum loop_member {
        LOOP_INDEX,
        LOOP_INDEX0,
        LOOP_FIRST,
        LOOP_LAST,
        LOOP_LENGTH,
        LOOP_REVINDEX,
        LOOP_REVINDEX0,
        LOOP_PREVITEM,
        LOOP_NEXTITEM,
        LOOP_DEPTH,
        LOOP_DEPTH0,
};
static const struct {
        struct span name;
        enum loop_member member;
} loop_members[] = {
        {{"index", 5}, LOOP_INDEX},         {{"index0", 6}, LOOP_INDEX0},
        {{"first", 5}, LOOP_FIRST},         {{"last", 4}, LOOP_LAST},
        {{"length", 6}, LOOP_LENGTH},       {{"revindex", 8}, LOOP_REVINDEX},
        {{"revindex0", 9}, LOOP_REVINDEX0}, {{"previtem", 8}, LOOP_PREVITEM},
        {{"nextitem", 8}, LOOP_NEXTITEM},   {{"depth", 5}, LOOP_DEPTH},
        {{"depth0", 6}, LOOP_DEPTH0},
};

static int loop_member(struct render *r, struct loop *l, enum loop_member member, struct value *ret)
{
        struct value next;
        size_t n = 0;
        int failed = 0;

        switch (member) {
        case LOOP_INDEX:
        case LOOP_INDEX0:
                *ret = VALUE_INT(l->index0 + (member == LOOP_INDEX));
                return 0;
        case LOOP_FIRST:
                *ret = VALUE_BOOL(l->index0 == 0);
                return 0;
        case LOOP_LAST:
                failed = peek(r, l, &next);
                *ret = VALUE_BOOL(next.kind == V_MISSING);
                return failed;
        case LOOP_LENGTH:
        case LOOP_REVINDEX:
        case LOOP_REVINDEX0:
                failed = loop_length(r, l, &n);
                *ret = VALUE_INT((int64_t)n - (member == LOOP_LENGTH     ? 0
                                               : member == LOOP_REVINDEX ? l->index0
                                                                         : l->index0 + 1));
                return failed;
        case LOOP_PREVITEM:
                if (l->index0 == 0)
                        return value_undefined(r, "there is no previous item", NULL, VALUE_NONE,
                                               ret);
                *ret = l->before;
                return 0;
        case LOOP_NEXTITEM:
                failed = peek(r, l, &next);
                if (!failed && next.kind == V_MISSING)
                        return value_undefined(r, "there is no next item", NULL, VALUE_NONE, ret);
                *ret = next;
                return failed;
        case LOOP_DEPTH:
        case LOOP_DEPTH0:
                *ret = VALUE_INT((int64_t)l->depth0 + (member == LOOP_DEPTH));
                return 0;
        }
        return render_fail(r, "unknown member of loop");
}

int loop_attribute(struct render *r, struct value loop, struct span name, struct value *ret)
{
        const struct method_row *method;
        bool is_known = false;

        for (size_t i = 0; i < N_ELEMENTS(loop_members); i++)
                if (span_is_equal(name, loop_members[i].name))
                        return loop_member(r, loop.loop, loop_members[i].member, ret);
        method = value_method_find(V_LOOP, name, &is_known);
        if (!method) {
                *ret = VALUE_MISSING;
                return 0;
        }
        struct bound *bound = arena_alloc(&r->arena, sizeof(*bound));

        if (!bound)
                return render_no_room(r);
        bound->subject = loop;
        bound->method = method;
        *ret = (struct value){.kind = V_METHOD, .bound = bound};
        return 0;
}
