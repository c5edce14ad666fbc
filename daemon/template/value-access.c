/* Attributes, elements and slices, by the rules of jinja2.Environment.getattr() and getitem(). */

#include <inttypes.h>

#include "common/str.h"
#include "daemon/template/filters.h"
#include "daemon/template/render.h"
#include "daemon/template/unicode.h"
#include "daemon/template/value.h"

static int bind(struct render *r, struct value subject, const struct method_row *method,
                struct value *ret)
{
        struct bound *bound = arena_alloc(&r->arena, sizeof(*bound));

        if (!bound)
                return render_no_room(r);
        bound->subject = subject;
        bound->method = method;
        *ret = (struct value){.kind = V_METHOD, .bound = bound};
        return 0;
}

/* What Python's getattr() finds on the object itself; V_MISSING when nothing. */
static int find_attribute(struct render *r, struct value v, struct span name, struct value *ret)
{
        const struct method_row *method;
        bool is_known = false;

        if (v.kind == V_LOOP)
                return loop_attribute(r, v, name, ret);
        if (v.kind == V_NAMESPACE)
                return dict_get(r, v.dict, VALUE_SPAN(name), ret);
        if (v.kind == V_MODULE)
                return dict_get(r, &v.module->exports, VALUE_SPAN(name), ret);
        if (v.kind == V_MACRO)
                return macro_attribute(r, v.macro, name, ret);
        if (v.kind == V_BLOCK)
                return block_attribute(r, v.block, name, ret);
        if (v.kind == V_SELF)
                return self_attribute(r, v.space, name, ret);
        if (v.kind == V_TUPLE && v.list->is_group && v.list->n == 2) {
                *ret = span_is_equal(name, SPAN("grouper")) ? v.list->at[0]
                       : span_is_equal(name, SPAN("list"))  ? v.list->at[1]
                                                            : VALUE_MISSING;
                if (ret->kind != V_MISSING)
                        return 0;
        }
        method = value_method_find(v.kind, name, &is_known);
        if (method)
                return bind(r, v, method, ret);
        if (is_known || (name.n > 4 && memcmp(name.at, "__", 2) == 0 &&
                         memcmp(name.at + name.n - 2, "__", 2) == 0))
                return render_fail(r, "attribute '%.*s' of '%s' is not supported",
                                   (int)MIN2(name.n, 60u), name.at, value_type_name(v));
        *ret = VALUE_MISSING;
        return 0;
}

int value_attribute(struct render *r, struct value v, struct span name, struct value *ret)
{
        int failed;

        if (v.kind == V_UNDEFINED)
                return value_refuse_undefined(r, v);
        failed = find_attribute(r, v, name, ret);
        if (!failed && ret->kind == V_MISSING && v.kind == V_DICT)
                failed = dict_get(r, v.dict, VALUE_SPAN(name), ret);
        if (!failed && ret->kind == V_MISSING)
                failed = value_undefined(r, NULL, &v, VALUE_SPAN(name), ret);
        return failed;
}

/* |attr: what the object has itself, never an element. */
int filter_attr(struct render *r, const struct call *c, struct value *ret)
{
        struct span name;
        int failed = call_text(r, c, 0, SPAN(""), &name);

        if (!failed && c->subject.kind == V_UNDEFINED)
                failed = value_refuse_undefined(r, c->subject);
        if (!failed)
                failed = find_attribute(r, c->subject, name, ret);
        if (!failed && ret->kind == V_MISSING)
                failed = value_undefined(r, NULL, &c->subject, VALUE_SPAN(name), ret);
        return failed;
}

static int element_at(struct render *r, struct value v, int64_t index, struct value *ret)
{
        const char *at;
        size_t n;
        int failed = value_length(r, v, &n);

        *ret = VALUE_MISSING;
        if (failed)
                return failed;
        if (index < 0)
                index += (int64_t)n;
        if (index < 0 || (uint64_t)index >= n)
                return 0;
        if (v.kind == V_RANGE) {
                *ret = VALUE_INT(v.range->start + index * v.range->step);
        } else if (v.kind == V_TEXT) {
                size_t begin = utf8_offset(v.text, (size_t)index);

                at = v.text.at + begin;
                utf8_next(&at, v.text.at + v.text.n);
                *ret = VALUE_SPAN(
                        ((struct span){v.text.at + begin, (size_t)(at - v.text.at) - begin}));
        } else {
                *ret = v.list->at[index];
        }
        return 0;
}

int value_item(struct render *r, struct value v, struct value key, struct value *ret)
{
        int failed = 0;

        *ret = VALUE_MISSING;
        switch (v.kind) {
        case V_UNDEFINED:
                return value_refuse_undefined(r, v);
        case V_DICT:
                if (key.kind != V_LIST &&
                    key.kind != V_DICT) /* which cannot be hashed: no such element */
                        failed = dict_get(r, v.dict, key, ret);
                break;
        case V_TEXT:
        case V_LIST:
        case V_TUPLE:
        case V_RANGE:
                if (value_is_integer(key))
                        failed = element_at(r, v, value_integer(key), ret);
                break;
        default:
                break;
        }
        if (!failed && ret->kind == V_MISSING && key.kind == V_TEXT)
                failed = find_attribute(r, v, key.text, ret);
        if (!failed && ret->kind == V_MISSING)
                failed = value_undefined(r, NULL, &v, key, ret);
        return failed;
}

struct indices {
        int64_t start, step;
        size_t n;
};

static int64_t clamp(int64_t i, int64_t n, int64_t low, int64_t high)
{
        if (i < 0)
                i = i < -n ? -1 : i + n;
        return i < low ? low : i > high ? high : i;
}

static int slice_indices(struct render *r, const struct value bounds[3], size_t length,
                         struct indices *ret)
{
        int64_t given[3] = {0}, n = (int64_t)length, step, start, stop;
        bool is_given[3];

        for (int i = 0; i < 3; i++) {
                is_given[i] = bounds[i].kind != V_MISSING && bounds[i].kind != V_NONE;
                if (is_given[i] && bounds[i].kind == V_UNDEFINED)
                        return value_refuse_undefined(r, bounds[i]);
                if (is_given[i] && !value_is_integer(bounds[i]))
                        return render_fail(r, "slice indices must be integers or None");
                if (is_given[i])
                        given[i] = value_integer(bounds[i]);
        }
        step = is_given[2] ? given[2] : 1;
        if (step == 0)
                return render_fail(r, "slice step cannot be zero");
        if (step == INT64_MIN)
                step++;
        if (step > 0) {
                start = is_given[0] ? clamp(given[0], n, 0, n) : 0;
                stop = is_given[1] ? clamp(given[1], n, 0, n) : n;
                ret->n = stop > start ? (size_t)((stop - start - 1) / step + 1) : 0;
        } else {
                start = is_given[0] ? clamp(given[0], n, -1, n - 1) : n - 1;
                stop = is_given[1] ? clamp(given[1], n, -1, n - 1) : -1;
                ret->n = stop < start ? (size_t)((start - stop - 1) / -step + 1) : 0;
        }
        ret->start = start;
        ret->step = step;
        return 0;
}

/* Offsets of all characters, and of the end. */
static int char_offsets(struct render *r, struct span s, size_t n, uint32_t **ret)
{
        uint32_t *offsets = arena_alloc(&r->arena, (n + 1) * sizeof(*offsets));
        size_t k = 0;

        if (!offsets)
                return render_no_room(r);
        for (size_t i = 0; i < s.n; i++)
                if (((unsigned char)s.at[i] & 0xc0) != 0x80)
                        offsets[k++] = (uint32_t)i;
        offsets[n] = (uint32_t)s.n;
        *ret = offsets;
        return 0;
}

static int slice_text(struct render *r, struct span s, size_t length, const struct indices *of,
                      struct value *ret)
{
        _cleanup_buf_ struct buf b = {0};
        uint32_t *offsets = NULL;
        int failed;

        if (of->step == 1) {
                size_t begin = utf8_offset(s, (size_t)of->start), end;

                s.at += begin;
                s.n -= begin;
                end = utf8_offset(s, of->n);
                *ret = VALUE_SPAN(((struct span){s.at, end}));
                return 0;
        }
        buf_init(&b, RENDER_MAX_BYTES);
        failed = char_offsets(r, s, length, &offsets);
        for (size_t i = 0; i < of->n && !failed; i++) {
                size_t at = (size_t)(of->start + (int64_t)i * of->step);

                buf_add(&b, s.at + offsets[at], offsets[at + 1] - offsets[at]);
        }
        return failed ? failed : value_text_take(r, &b, ret);
}

int value_slice(struct render *r, struct value v, const struct value bounds[3], struct value *ret)
{
        struct indices of = {0};
        size_t length;
        int failed;

        if (v.kind == V_UNDEFINED)
                return value_refuse_undefined(r, v);
        if (v.kind != V_TEXT && v.kind != V_LIST && v.kind != V_TUPLE && v.kind != V_RANGE)
                return render_fail(r, "'%s' object cannot be sliced", value_type_name(v));
        failed = value_length(r, v, &length);
        if (!failed)
                failed = slice_indices(r, bounds, length, &of);
        if (failed)
                return failed;
        if (v.kind == V_TEXT)
                return slice_text(r, v.text, length, &of, ret);
        if (v.kind == V_RANGE) {
                struct range *g = arena_alloc(&r->arena, sizeof(*g));

                if (!g)
                        return render_no_room(r);
                if (__builtin_mul_overflow(v.range->step, of.step, &g->step) ||
                    __builtin_mul_overflow((int64_t)of.n, g->step, &g->stop))
                        return render_fail(r, "integer overflow: integers have 64 bits");
                g->start = v.range->start + of.start * v.range->step;
                g->stop += g->start;
                *ret = (struct value){.kind = V_RANGE, .range = g};
                return 0;
        }
        failed = value_list(r, v.kind, of.n, ret);
        for (size_t i = 0; i < of.n && !failed; i++)
                failed = list_add(r, ret->list, v.list->at[of.start + (int64_t)i * of.step]);
        return failed;
}
