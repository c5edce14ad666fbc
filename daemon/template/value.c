#include "daemon/template/value.h"

#include <math.h>
#include <stdio.h>

#include "daemon/template/engine.h"
#include "daemon/template/unicode.h"

#define DICT_SMALL 8u

const char *value_type_name(struct value v)
{
        static const char *const names[N_VALUE_KINDS] = {
                [V_MISSING] = "missing",
                [V_UNDEFINED] = "Undefined",
                [V_NONE] = "NoneType",
                [V_BOOL] = "bool",
                [V_INT] = "int",
                [V_FLOAT] = "float",
                [V_TEXT] = "str",
                [V_LIST] = "list",
                [V_TUPLE] = "tuple",
                [V_DICT] = "dict",
                [V_RANGE] = "range",
                [V_METHOD] = "builtin_function_or_method",
                [V_FUNCTION] = "function",
                [V_LOOP] = "LoopContext",
                [V_NAMESPACE] = "Namespace",
                [V_MACRO] = "Macro",
                [V_MODULE] = "TemplateModule",
                [V_SELF] = "TemplateReference",
                [V_BLOCK] = "BlockReference",
        };
        static const char *const views[] = {"dict_keys", "dict_values", "dict_items"};

        if (v.kind == V_VIEW)
                return views[v.view->kind];
        if (v.kind == V_ITER)
                return v.iter->type;
        return names[v.kind];
}

static void *alloc(struct render *r, size_t n, int *ret_failed)
{
        void *got = arena_alloc(&r->arena, n);

        if (!got)
                *ret_failed = render_no_room(r);
        return got;
}

int value_from_json(struct render *r, const json_t *json, struct value *ret)
{
        int failed = 0;

        switch (json_typeof(json)) {
        case JSON_NULL:
                *ret = VALUE_NONE;
                return 0;
        case JSON_TRUE:
        case JSON_FALSE:
                *ret = VALUE_BOOL(json_is_true(json));
                return 0;
        case JSON_INTEGER:
                *ret = VALUE_INT(json_integer_value(json));
                return 0;
        case JSON_REAL:
                *ret = VALUE_FLOAT(json_real_value(json));
                return 0;
        case JSON_STRING:
                *ret = VALUE_SPAN(
                        ((struct span){json_string_value(json), json_string_length(json)}));
                return 0;
        case JSON_ARRAY: {
                struct list *l = alloc(r, sizeof(*l), &failed);

                if (!l)
                        return failed;
                l->pending = json;
                *ret = (struct value){.kind = V_LIST, .list = l};
                return 0;
        }
        case JSON_OBJECT: {
                struct dict *d = alloc(r, sizeof(*d), &failed);

                if (!d)
                        return failed;
                d->pending = json;
                *ret = (struct value){.kind = V_DICT, .dict = d};
                return 0;
        }
        }
        return render_fail(r, "the context holds an unknown kind of data");
}

int value_text_copy(struct render *r, struct span s, struct value *ret)
{
        char *copy = arena_copy(&r->arena, s);
        int failed = render_step(r, s.n);

        if (!copy)
                return render_no_room(r);
        *ret = VALUE_SPAN(((struct span){copy, s.n}));
        return failed;
}

int value_text_take(struct render *r, struct buf *b, struct value *ret)
{
        int failed = render_buf_failed(r, b);

        return failed ? failed : value_text_copy(r, buf_span(b), ret);
}

int value_list(struct render *r, enum value_kind kind, size_t room, struct value *ret)
{
        int failed = 0;
        struct list *l = alloc(r, sizeof(*l), &failed);

        if (!l)
                return failed;
        if (room > RENDER_MAX_BYTES / sizeof(*l->at))
                return render_fail(r, "a list of %zu elements is too long", room);
        if (room) {
                l->at = alloc(r, room * sizeof(*l->at), &failed);
                if (!l->at)
                        return failed;
                l->room = room;
        }
        *ret = (struct value){.kind = kind, .list = l};
        return 0;
}

int value_undefined(struct render *r, const char *hint, const struct value *object,
                    struct value name, struct value *ret)
{
        int failed = 0;
        struct undefined *u = alloc(r, sizeof(*u), &failed);

        if (!u)
                return failed;
        u->hint = hint;
        if (object)
                u->object = object->kind == V_NONE ? "None" : value_type_name(*object);
        u->name = name;
        *ret = (struct value){.kind = V_UNDEFINED, .undefined = u};
        return 0;
}

int value_undefined_lenient(struct render *r, const char *hint, struct value *ret)
{
        int failed = 0;
        struct undefined *u = alloc(r, sizeof(*u), &failed);

        if (!u)
                return failed;
        u->hint = hint;
        u->is_lenient = true;
        *ret = (struct value){.kind = V_UNDEFINED, .undefined = u};
        return 0;
}

int value_refuse_undefined(struct render *r, struct value v)
{
        const struct undefined *u = v.undefined;
        _cleanup_buf_ struct buf name = {0};
        const char *object = u->object && strcmp(u->object, "None") == 0 ? "" : " object";
        int failed;

        if (u->hint)
                return render_fail(r, "%s", u->hint);
        buf_init(&name, 0);
        failed = value_write_repr(r, u->name, &name);
        if (failed || name.failed)
                return failed ? failed : name.failed;
        if (!u->object)
                return render_fail(r, "%.100s is undefined", name.at);
        if (u->name.kind == V_TEXT)
                return render_fail(r, "'%s%s' has no attribute %.100s", u->object, object, name.at);
        return render_fail(r, "%s%s has no element %.100s", u->object, object, name.at);
}

int list_open(struct render *r, struct list *l)
{
        const json_t *json = l->pending;
        int failed = 0;

        if (!json)
                return 0;
        l->pending = NULL;
        l->room = json_array_size(json);
        l->at = alloc(r, MAX2(l->room, 1u) * sizeof(*l->at), &failed);
        if (!l->at)
                return failed;
        for (size_t i = 0; i < l->room && !failed; i++)
                failed = value_from_json(r, json_array_get(json, i), &l->at[i]);
        l->n = l->room;
        return failed;
}

int list_add(struct render *r, struct list *l, struct value v)
{
        int failed = list_open(r, l);

        if (failed)
                return failed;
        if (l->n == l->room) {
                size_t room = MAX2(l->room * 2, 4u);
                struct value *more = alloc(r, room * sizeof(*more), &failed);

                if (!more)
                        return failed;
                if (l->n)
                        memcpy(more, l->at, l->n * sizeof(*more));
                l->at = more;
                l->room = room;
        }
        l->at[l->n++] = v;
        return 0;
}

int dict_new(struct render *r, struct dict **ret)
{
        int failed = 0;

        *ret = alloc(r, sizeof(**ret), &failed);
        return failed;
}

static void index_pair(struct dict *d, size_t i)
{
        size_t at = d->pairs[i].hash;

        while (d->index[at & d->index_mask])
                at++;
        d->index[at & d->index_mask] = (uint32_t)i + 1;
}

static int grow_dict(struct render *r, struct dict *d)
{
        size_t room = MAX2(d->room * 2, 4u);
        int failed = 0;
        struct pair *more = alloc(r, room * sizeof(*more), &failed);

        if (!more)
                return failed;
        if (d->n)
                memcpy(more, d->pairs, d->n * sizeof(*more));
        d->pairs = more;
        d->room = room;
        if (room <= DICT_SMALL)
                return 0;
        d->index = alloc(r, room * 2 * sizeof(*d->index), &failed);
        if (!d->index)
                return failed;
        d->index_mask = room * 2 - 1;
        for (size_t i = 0; i < d->n; i++)
                index_pair(d, i);
        return 0;
}

static int find_pair(struct render *r, struct dict *d, struct value key, uint64_t hash,
                     struct pair **ret)
{
        bool is_equal = false;
        int failed = 0;

        *ret = NULL;
        if (!d->index) {
                for (size_t i = 0; i < d->n && !failed; i++) {
                        if (d->pairs[i].hash == hash)
                                failed = value_is_equal(r, d->pairs[i].key, key, &is_equal);
                        if (!failed && is_equal) {
                                *ret = &d->pairs[i];
                                return 0;
                        }
                }
                return failed;
        }
        for (size_t at = hash;; at++) {
                uint32_t i = d->index[at & d->index_mask];

                if (i == 0)
                        return 0;
                if (d->pairs[i - 1].hash != hash)
                        continue;
                failed = value_is_equal(r, d->pairs[i - 1].key, key, &is_equal);
                if (failed || is_equal) {
                        *ret = &d->pairs[i - 1];
                        return failed;
                }
        }
}

static int set_pair(struct render *r, struct dict *d, struct value key, struct value item)
{
        struct pair *at;
        uint64_t hash;
        int failed = value_hash(r, key, &hash);

        if (!failed)
                failed = find_pair(r, d, key, hash, &at);
        if (failed)
                return failed;
        if (at) {
                at->item = item;
                return 0;
        }
        if (d->n == d->room) {
                failed = grow_dict(r, d);
                if (failed)
                        return failed;
        }
        d->pairs[d->n] = (struct pair){.key = key, .item = item, .hash = hash};
        if (d->index)
                index_pair(d, d->n);
        d->n++;
        return 0;
}

int dict_open(struct render *r, struct dict *d)
{
        const json_t *json = d->pending;
        int failed = 0;

        if (!json)
                return 0;
        d->pending = NULL;
        /* Jansson's iteration does not write, but its type says that it might. */
        for (void *i = json_object_iter((json_t *)json); i && !failed;
             i = json_object_iter_next((json_t *)json, i)) {
                const char *key = json_object_iter_key(i);
                struct value item;

                failed = value_from_json(r, json_object_iter_value(i), &item);
                if (!failed)
                        failed = set_pair(r, d, VALUE_SPAN(span_of(key)), item);
        }
        return failed;
}

int dict_set(struct render *r, struct dict *d, struct value key, struct value item)
{
        int failed = dict_open(r, d);

        return failed ? failed : set_pair(r, d, key, item);
}

int dict_get(struct render *r, struct dict *d, struct value key, struct value *ret)
{
        struct pair *at = NULL;
        uint64_t hash;
        int failed = dict_open(r, d);

        if (!failed)
                failed = value_hash(r, key, &hash);
        if (!failed)
                failed = find_pair(r, d, key, hash, &at);
        if (!failed)
                *ret = at ? at->item : VALUE_MISSING;
        return failed;
}

static uint64_t mix(uint64_t h, uint64_t with)
{
        h = (h ^ with) * 0x9e3779b97f4a7c15u;
        return h ^ (h >> 29);
}

static int hash_tuple(struct render *r, const struct list *l, uint64_t *ret)
{
        uint64_t h = 7;
        int failed = render_enter(r);

        for (size_t i = 0; i < l->n && !failed; i++) {
                uint64_t of_item;

                failed = value_hash(r, l->at[i], &of_item);
                if (!failed)
                        h = mix(h, of_item);
        }
        r->depth--;
        *ret = h;
        return failed;
}

static int hash_range(struct render *r, struct value v, uint64_t *ret)
{
        size_t n = 0;
        int failed = value_length(r, v, &n);

        *ret = mix(11, n);
        if (n > 0)
                *ret = mix(*ret, (uint64_t)v.range->start);
        if (n > 1)
                *ret = mix(*ret, (uint64_t)v.range->step);
        return failed;
}

int value_hash(struct render *r, struct value v, uint64_t *ret)
{
        uint64_t h = 14695981039346656037u;

        switch (v.kind) {
        case V_NONE:
                *ret = 3;
                return 0;
        case V_BOOL:
        case V_INT:
                *ret = mix(1, (uint64_t)value_integer(v));
                return 0;
        case V_FLOAT: /* equal numbers have equal hashes */
                if (v.real >= -0x1p63 && v.real < 0x1p63 && v.real == floor(v.real)) {
                        *ret = mix(1, (uint64_t)(int64_t)v.real);
                } else {
                        uint64_t bits;

                        memcpy(&bits, &v.real, sizeof(bits));
                        *ret = mix(2, bits);
                }
                return 0;
        case V_TEXT:
                for (size_t i = 0; i < v.text.n; i++)
                        h = (h ^ (unsigned char)v.text.at[i]) * 1099511628211u;
                *ret = h;
                return render_step(r, v.text.n);
        case V_TUPLE:
                return hash_tuple(r, v.list, ret);
        case V_UNDEFINED:
                *ret = 5;
                return value_is_lenient(v) ? 0 : value_refuse_undefined(r, v);
        case V_RANGE:
                return hash_range(r, v, ret);
        case V_ITER:
        case V_LOOP:
        case V_NAMESPACE:
        case V_FUNCTION:
        case V_MACRO:
        case V_MODULE:
                *ret = mix(13, (uintptr_t)v.iter); /* by identity; nothing is ordered by it */
                return 0;
        default:
                return render_fail(r, "unhashable type: '%s'", value_type_name(v));
        }
}

int value_length(struct render *r, struct value v, size_t *ret)
{
        int failed = 0;

        switch (v.kind) {
        case V_TEXT:
                *ret = utf8_length(v.text);
                return render_step(r, v.text.n);
        case V_LIST:
        case V_TUPLE:
                failed = list_open(r, v.list);
                *ret = v.list->n;
                return failed;
        case V_DICT:
                failed = dict_open(r, v.dict);
                *ret = v.dict->n;
                return failed;
        case V_VIEW:
                failed = dict_open(r, v.view->dict);
                *ret = v.view->dict->n;
                return failed;
        case V_RANGE: {
                const struct range *g = v.range;
                __int128 distance = (__int128)g->stop - g->start;
                __int128 step = g->step;
                __int128 n = 0;

                if (step > 0 && distance > 0)
                        n = (distance + step - 1) / step;
                else if (step < 0 && distance < 0)
                        n = (distance + step + 1) / step;
                if (n > INT64_MAX)
                        return render_fail(r, "the range is too long");
                *ret = (size_t)n;
                return 0;
        }
        case V_LOOP:
                return loop_length(r, v.loop, ret);
        case V_UNDEFINED:
                *ret = 0;
                return value_is_lenient(v) ? 0 : value_refuse_undefined(r, v);
        default:
                return render_fail(r, "object of type '%s' has no len()", value_type_name(v));
        }
}

int value_truth(struct render *r, struct value v, bool *ret)
{
        size_t n;
        int failed;

        switch (v.kind) {
        case V_MISSING:
        case V_NONE:
                *ret = false;
                return 0;
        case V_BOOL:
                *ret = v.is_true;
                return 0;
        case V_INT:
                *ret = v.integer != 0;
                return 0;
        case V_FLOAT:
                *ret = v.real != 0;
                return 0;
        case V_TEXT:
                *ret = v.text.n != 0;
                return 0;
        case V_LIST:
        case V_TUPLE:
        case V_DICT:
        case V_VIEW:
        case V_RANGE:
        case V_LOOP:
        case V_UNDEFINED:
                failed = value_length(r, v, &n);
                if (!failed)
                        *ret = n != 0;
                return failed;
        default:
                *ret = true;
                return 0;
        }
}

static bool is_identical(struct value a, struct value b)
{
        switch (a.kind) {
        case V_LIST:
        case V_TUPLE:
                return b.kind == a.kind && a.list == b.list;
        case V_DICT:
        case V_NAMESPACE:
                return b.kind == a.kind && a.dict == b.dict;
        case V_UNDEFINED:
                return b.kind == a.kind && a.undefined == b.undefined;
        case V_ITER:
                return b.kind == a.kind && a.iter == b.iter;
        case V_LOOP:
                return b.kind == a.kind && a.loop == b.loop;
        case V_FUNCTION:
                return b.kind == a.kind && a.function == b.function;
        case V_MACRO:
                return b.kind == a.kind && a.macro == b.macro;
        case V_MODULE:
                return b.kind == a.kind && a.module == b.module;
        default:
                return false;
        }
}

static int lists_are_equal(struct render *r, struct list *a, struct list *b, bool *ret)
{
        int failed = list_open(r, a);

        if (!failed)
                failed = list_open(r, b);
        *ret = !failed && a->n == b->n;
        for (size_t i = 0; i < a->n && *ret && !failed; i++)
                if (!is_identical(a->at[i], b->at[i])) /* first, as containers do there */
                        failed = value_is_equal(r, a->at[i], b->at[i], ret);
        return failed;
}

static int dicts_are_equal(struct render *r, struct dict *a, struct dict *b, bool *ret)
{
        int failed = dict_open(r, a);

        if (!failed)
                failed = dict_open(r, b);
        *ret = !failed && a->n == b->n;
        for (size_t i = 0; i < a->n && *ret && !failed; i++) {
                struct pair *other;

                failed = find_pair(r, b, a->pairs[i].key, a->pairs[i].hash, &other);
                *ret = !failed && other;
                if (*ret && !is_identical(a->pairs[i].item, other->item))
                        failed = value_is_equal(r, a->pairs[i].item, other->item, ret);
        }
        return failed;
}

static int order_numbers(struct value a, struct value b)
{
        if (value_is_integer(a) && value_is_integer(b)) {
                int64_t x = value_integer(a), y = value_integer(b);

                return x < y ? -1 : x > y;
        } else {
                /* long double holds every int64 and every double */
                long double x =
                        a.kind == V_FLOAT ? (long double)a.real : (long double)value_integer(a);
                long double y =
                        b.kind == V_FLOAT ? (long double)b.real : (long double)value_integer(b);

                return x < y ? -1 : x > y ? 1 : x == y ? 0 : 2;
        }
}

static bool ranges_are_equal(struct render *r, struct value a, struct value b)
{
        size_t n_a = 0, n_b = 0;

        if (value_length(r, a, &n_a) || value_length(r, b, &n_b) || n_a != n_b)
                return false;
        return n_a == 0 ||
               (a.range->start == b.range->start && (n_a == 1 || a.range->step == b.range->step));
}

static int is_equal_inner(struct render *r, struct value a, struct value b, bool *ret)
{
        if (a.kind == V_UNDEFINED || b.kind == V_UNDEFINED) {
                struct value strict = a.kind == V_UNDEFINED && !value_is_lenient(a) ? a : b;

                *ret = a.kind == b.kind; /* two lenient ones */
                if (strict.kind == V_UNDEFINED && !value_is_lenient(strict))
                        return value_refuse_undefined(r, strict);
                return 0;
        }
        if (value_is_number(a) && value_is_number(b)) {
                *ret = order_numbers(a, b) == 0;
                return 0;
        }
        *ret = false;
        if (a.kind != b.kind)
                return 0;
        switch (a.kind) {
        case V_NONE:
                *ret = true;
                return 0;
        case V_TEXT:
                *ret = span_is_equal(a.text, b.text);
                return render_step(r, MIN2(a.text.n, b.text.n));
        case V_LIST:
        case V_TUPLE:
                return lists_are_equal(r, a.list, b.list, ret);
        case V_DICT:
                return dicts_are_equal(r, a.dict, b.dict, ret);
        case V_RANGE:
                *ret = ranges_are_equal(r, a, b);
                return 0;
        default:
                *ret = is_identical(a, b);
                return 0;
        }
}

int value_is_equal(struct render *r, struct value a, struct value b, bool *ret)
{
        int failed = render_enter(r);

        if (!failed)
                failed = render_step(r, 0);
        if (!failed)
                failed = is_equal_inner(r, a, b, ret);
        r->depth--;
        return failed;
}

static int order_lists(struct render *r, const char *op, struct list *a, struct list *b, int *ret)
{
        int failed = list_open(r, a);

        if (!failed)
                failed = list_open(r, b);
        for (size_t i = 0; !failed && i < a->n && i < b->n; i++) {
                bool is_equal;

                /* containers compare identity first: an element that is undefined equals itself */
                if (is_identical(a->at[i], b->at[i]))
                        continue;
                failed = value_is_equal(r, a->at[i], b->at[i], &is_equal);
                if (!failed && !is_equal)
                        return value_order(r, op, a->at[i], b->at[i], ret);
        }
        *ret = a->n < b->n ? -1 : a->n > b->n;
        return failed;
}

int value_order(struct render *r, const char *op, struct value a, struct value b, int *ret)
{
        int failed = render_step(r, 0);

        if (failed)
                return failed;
        if (a.kind == V_UNDEFINED || b.kind == V_UNDEFINED)
                return value_refuse_undefined(r, a.kind == V_UNDEFINED ? a : b);
        if (value_is_number(a) && value_is_number(b)) {
                *ret = order_numbers(a, b);
                return 0;
        }
        if (a.kind == V_TEXT &&
            b.kind == V_TEXT) { /* bytes of UTF-8 have the order of characters */
                size_t n = MIN2(a.text.n, b.text.n);
                int c = n ? memcmp(a.text.at, b.text.at, n) : 0;

                *ret = c ? (c < 0 ? -1 : 1) : a.text.n < b.text.n ? -1 : a.text.n > b.text.n;
                return render_step(r, n);
        }
        if (a.kind == b.kind && (a.kind == V_LIST || a.kind == V_TUPLE)) {
                failed = render_enter(r);
                if (!failed)
                        failed = order_lists(r, op, a.list, b.list, ret);
                r->depth--;
                return failed;
        }
        return render_fail(r, "'%s' not supported between instances of '%s' and '%s'", op,
                           value_type_name(a), value_type_name(b));
}

static int is_in_iteration(struct render *r, struct value item, struct value in, bool *ret)
{
        struct iter *it;
        struct value v;
        int failed = iter_open(r, in, &it);

        *ret = false;
        while (!failed && !*ret) {
                failed = iter_next(r, it, &v);
                if (failed || v.kind == V_MISSING)
                        break;
                if (is_identical(v, item))
                        *ret = true;
                else
                        failed = value_is_equal(r, v, item, ret);
        }
        return failed;
}

int value_contains(struct render *r, struct value item, struct value in, bool *ret)
{
        struct value got;
        int failed;

        switch (in.kind) {
        case V_TEXT:
                if (item.kind != V_TEXT)
                        return render_fail(r,
                                           "'in <string>' requires string as left operand, not %s",
                                           value_type_name(item));
                *ret = item.text.n == 0 ||
                       memmem(in.text.at, in.text.n, item.text.at, item.text.n) != NULL;
                return render_step(r, in.text.n);
        case V_DICT:
                failed = dict_get(r, in.dict, item, &got);
                if (!failed)
                        *ret = got.kind != V_MISSING;
                return failed;
        case V_VIEW:
                if (in.view->kind == VIEW_KEYS) {
                        failed = dict_get(r, in.view->dict, item, &got);
                        if (!failed)
                                *ret = got.kind != V_MISSING;
                        return failed;
                }
                return is_in_iteration(r, item, in, ret);
        case V_UNDEFINED:
        case V_LIST:
        case V_TUPLE:
        case V_RANGE:
        case V_ITER:
                return is_in_iteration(r, item, in, ret);
        default:
                return render_fail(r, "argument of type '%s' is not iterable", value_type_name(in));
        }
}
