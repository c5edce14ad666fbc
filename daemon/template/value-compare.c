/* What values are to one another: hashing, equality, order, length, truth. */

#include <math.h>

#include "daemon/template/engine.h"
#include "daemon/template/unicode.h"
#include "daemon/template/value.h"

static uint64_t mix(uint64_t h, uint64_t with)
{
        h = (h ^ with) * 0x9e3779b97f4a7c15u;
        return h ^ (h >> 29);
}

static uint64_t load_64(const char *at)
{
        uint64_t piece;

        memcpy(&piece, at, sizeof(piece));
        return piece;
}

static uint32_t load_32(const char *at)
{
        uint32_t piece;

        memcpy(&piece, at, sizeof(piece));
        return piece;
}

/* The last piece overlaps the one before it. */
uint64_t text_hash(struct span s)
{
        uint64_t h = 14695981039346656037u ^ s.n, last = 0;

        if (s.n >= 8) {
                last = load_64(s.at + s.n - 8);
                for (; s.n > 8; s.at += 8, s.n -= 8)
                        h = mix(h, load_64(s.at));
        } else if (s.n >= 4) {
                last = (uint64_t)load_32(s.at) << 32 | load_32(s.at + s.n - 4);
        } else if (s.n) {
                last = (uint64_t)(unsigned char)s.at[0] << 16 |
                       (uint64_t)(unsigned char)s.at[s.n / 2] << 8 | (unsigned char)s.at[s.n - 1];
        }
        return mix(h, last);
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
                *ret = text_hash(v.text);
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

int value_truth_deep(struct render *r, struct value v, bool *ret)
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

                failed = dict_find(r, b, a->pairs[i].key, a->pairs[i].hash, &other);
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
