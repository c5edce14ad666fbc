/* Values as text: Python's str() and repr(), json.dumps(). */

#include <inttypes.h>
#include <math.h>
#include <stdio.h>

#include "daemon/template/render.h"
#include "daemon/template/unicode.h"
#include "daemon/template/value.h"

/* The shortest digits that read back as the same number; exponent form below 1e-4 and from 1e16 on.
 */
void write_float(double real, struct buf *out)
{
        char digits[32], plain[24];
        int exponent, n = 0;

        if (isnan(real) || isinf(real)) {
                buf_add_text(out, isnan(real) ? "nan" : real < 0 ? "-inf" : "inf");
                return;
        }
        for (int precision = 0; precision < 17; precision++) {
                snprintf(digits, sizeof(digits), "%.*e", precision, fabs(real));
                if (strtod(digits, NULL) == fabs(real))
                        break;
        }
        exponent = (int)strtol(strchr(digits, 'e') + 1, NULL, 10);
        for (const char *p = digits; *p != 'e'; p++)
                if (*p >= '0' && *p <= '9')
                        plain[n++] = *p;
        while (n > 1 && plain[n - 1] == '0')
                n--;
        plain[n] = 0;
        if (signbit(real))
                buf_add_char(out, '-');
        if (exponent < -4 || exponent >= 16) {
                buf_add_char(out, plain[0]);
                if (n > 1)
                        buf_printf(out, ".%s", plain + 1);
                buf_printf(out, "e%c%02d", exponent < 0 ? '-' : '+', abs(exponent));
        } else if (exponent < 0) {
                buf_add_text(out, "0.");
                for (int i = -1; i > exponent; i--)
                        buf_add_char(out, '0');
                buf_add(out, plain, (size_t)n);
        } else {
                for (int i = 0; i <= exponent; i++)
                        buf_add_char(out, i < n ? plain[i] : '0');
                buf_add_char(out, '.');
                buf_add_text(out, n > exponent + 1 ? plain + exponent + 1 : "0");
        }
}

static void write_text_repr(struct span s, struct buf *out)
{
        const char *at = s.at, *end = s.at + s.n;
        bool has_single = memchr(s.at, '\'', s.n), has_double = memchr(s.at, '"', s.n);
        char quote = has_single && !has_double ? '"' : '\'';

        buf_add_char(out, quote);
        while (at < end) {
                uint32_t c = utf8_next(&at, end);

                if (c == (unsigned char)quote || c == '\\')
                        buf_printf(out, "\\%c", (char)c);
                else if (c == '\n' || c == '\r' || c == '\t')
                        buf_add_text(out, c == '\n' ? "\\n" : c == '\r' ? "\\r" : "\\t");
                else if (unicode_is_printable(c))
                        utf8_add(out, c);
                else if (c < 0x100)
                        buf_printf(out, "\\x%02x", c);
                else
                        buf_printf(out, c < 0x10000 ? "\\u%04x" : "\\U%08x", c);
        }
        buf_add_char(out, quote);
}

static int write_list(struct render *r, struct value v, struct buf *out)
{
        int failed = list_open(r, v.list);

        buf_add_char(out, v.kind == V_TUPLE ? '(' : '[');
        for (size_t i = 0; i < v.list->n && !failed; i++) {
                if (i)
                        buf_add_text(out, ", ");
                failed = value_write_repr(r, v.list->at[i], out);
        }
        if (v.kind == V_TUPLE && v.list->n == 1)
                buf_add_char(out, ',');
        buf_add_char(out, v.kind == V_TUPLE ? ')' : ']');
        return failed;
}

static int write_dict(struct render *r, struct dict *d, struct buf *out)
{
        int failed = dict_open(r, d);

        buf_add_char(out, '{');
        for (size_t i = 0; i < d->n && !failed; i++) {
                if (i)
                        buf_add_text(out, ", ");
                failed = value_write_repr(r, d->pairs[i].key, out);
                buf_add_text(out, ": ");
                if (!failed)
                        failed = value_write_repr(r, d->pairs[i].item, out);
        }
        buf_add_char(out, '}');
        return failed;
}

static int write_view(struct render *r, const struct view *view, struct buf *out)
{
        static const char *const names[] = {"dict_keys([", "dict_values([", "dict_items(["};
        int failed = dict_open(r, view->dict);

        buf_add_text(out, names[view->kind]);
        for (size_t i = 0; i < view->dict->n && !failed; i++) {
                const struct pair *p = &view->dict->pairs[i];

                if (i)
                        buf_add_text(out, ", ");
                if (view->kind == VIEW_ITEMS)
                        buf_add_char(out, '(');
                if (view->kind != VIEW_VALUES)
                        failed = value_write_repr(r, p->key, out);
                if (view->kind == VIEW_ITEMS)
                        buf_add_text(out, ", ");
                if (view->kind != VIEW_KEYS && !failed)
                        failed = value_write_repr(r, p->item, out);
                if (view->kind == VIEW_ITEMS)
                        buf_add_char(out, ')');
        }
        buf_add_text(out, "])");
        return failed;
}

static void write_range(const struct range *g, struct buf *out)
{
        buf_printf(out, "range(%" PRId64 ", %" PRId64, g->start, g->stop);
        if (g->step != 1)
                buf_printf(out, ", %" PRId64, g->step);
        buf_add_char(out, ')');
}

static void write_integer(int64_t n, struct buf *out)
{
        char digits[24];
        size_t at = sizeof(digits);
        uint64_t rest = n < 0 ? 0 - (uint64_t)n : (uint64_t)n;

        do
                digits[--at] = (char)('0' + rest % 10);
        while (rest /= 10);
        if (n < 0)
                digits[--at] = '-';
        buf_add(out, digits + at, sizeof(digits) - at);
}

static int write_repr_inner(struct render *r, struct value v, struct buf *out)
{
        size_t n;
        int failed;

        switch (v.kind) {
        case V_UNDEFINED: /* repr() is the one thing that may be done with it */
                buf_add_text(out, "Undefined");
                return 0;
        case V_NONE:
                buf_add_text(out, "None");
                return 0;
        case V_BOOL:
                buf_add_text(out, v.is_true ? "True" : "False");
                return 0;
        case V_INT:
                write_integer(v.integer, out);
                return 0;
        case V_FLOAT:
                write_float(v.real, out);
                return 0;
        case V_TEXT:
                write_text_repr(v.text, out);
                return render_step(r, v.text.n);
        case V_LIST:
        case V_TUPLE:
                return write_list(r, v, out);
        case V_DICT:
                return write_dict(r, v.dict, out);
        case V_VIEW:
                return write_view(r, v.view, out);
        case V_RANGE:
                write_range(v.range, out);
                return 0;
        case V_LOOP:
                failed = loop_length(r, v.loop, &n);
                if (!failed)
                        buf_printf(out, "<LoopContext %" PRId64 "/%zu>", v.loop->index0 + 1, n);
                return failed;
        case V_NAMESPACE:
                buf_add_text(out, "<Namespace ");
                failed = write_dict(r, v.dict, out);
                buf_add_char(out, '>');
                return failed;
        case V_MACRO:
                if (!v.macro->function->name.at) {
                        buf_add_text(out, "<Macro anonymous>");
                        return 0;
                }
                buf_add_text(out, "<Macro ");
                write_text_repr(v.macro->function->name, out);
                buf_add_char(out, '>');
                return 0;
        case V_MODULE:
                buf_add_text(out, "<TemplateModule ");
                write_text_repr(span_of(v.module->unit->name), out);
                buf_add_char(out, '>');
                return 0;
        case V_METHOD:
        case V_FUNCTION:
        case V_BLOCK:
                return render_fail(r, "a function is printed: it lacks its parentheses");
        default:
                return render_fail(r, "a %s cannot be printed: make it a list first (|list)",
                                   value_type_name(v));
        }
}

int value_write_repr(struct render *r, struct value v, struct buf *out)
{
        int failed = render_enter(r);

        if (!failed)
                failed = render_step(r, 0);
        if (!failed)
                failed = write_repr_inner(r, v, out);
        r->depth--;
        return failed ? failed : render_buf_failed(r, out);
}

int value_write(struct render *r, struct value v, struct buf *out)
{
        int failed;

        if (v.kind == V_UNDEFINED)
                return value_is_lenient(v) ? 0 : value_refuse_undefined(r, v);
        if (v.kind == V_MODULE)
                v = v.module->text;
        if (v.kind == V_INT) {
                write_integer(v.integer, out);
                return render_buf_failed(r, out);
        }
        if (v.kind != V_TEXT)
                return value_write_repr(r, v, out);
        failed = render_step(r, v.text.n);
        return failed ? failed : render_write(r, out, v.text);
}

int value_to_text(struct render *r, struct value v, struct value *ret)
{
        _cleanup_buf_ struct buf b = {0};
        int failed;

        if (v.kind == V_TEXT) {
                *ret = v;
                return 0;
        }
        buf_init(&b, RENDER_MAX_BYTES);
        failed = value_write(r, v, &b);
        return failed ? failed : value_text_take(r, &b, ret);
}

/* json.dumps(value, sort_keys=True), in ASCII. */
static void write_json_text(struct span s, struct buf *out)
{
        static const char from[] = "\"\\\b\f\n\r\t", to[] = "\"\\bfnrt";
        const char *at = s.at, *end = s.at + s.n, *which;

        buf_add_char(out, '"');
        while (at < end) {
                uint32_t c = utf8_next(&at, end);

                which = c && c < 0x80 ? strchr(from, (int)c) : NULL;
                if (which) {
                        buf_add_char(out, '\\');
                        buf_add_char(out, to[which - from]);
                } else if (c >= 0x20 && c < 0x7f) {
                        buf_add_char(out, (char)c);
                } else if (c < 0x10000) {
                        buf_printf(out, "\\u%04x", c);
                } else {
                        buf_printf(out, "\\u%04x\\u%04x", 0xd800 + ((c - 0x10000) >> 10),
                                   0xdc00 + ((c - 0x10000) & 0x3ff));
                }
        }
        buf_add_char(out, '"');
}

struct json_style {
        bool has_lines;
        struct span indent;
};

static int write_json(struct render *r, struct value v, const struct json_style *style,
                      unsigned level, struct buf *out);

static void new_line(const struct json_style *style, unsigned level, struct buf *out)
{
        if (!style->has_lines)
                return;
        buf_add_char(out, '\n');
        for (unsigned i = 0; i < level; i++)
                buf_add_span(out, style->indent);
}

static int write_json_key(struct render *r, struct value key, struct buf *out)
{
        int failed = 0;

        if (key.kind == V_TEXT) {
                write_json_text(key.text, out);
                return 0;
        }
        if (key.kind != V_INT && key.kind != V_FLOAT && key.kind != V_BOOL && key.kind != V_NONE)
                return render_fail(r, "keys must be str, int, float, bool or None, not %s",
                                   value_type_name(key));
        buf_add_char(out, '"');
        failed = write_json(r, key, NULL, 0, out);
        buf_add_char(out, '"');
        return failed;
}

/* The order of the sorted keys, by insertion of runs: a stable merge as sorted() has. */
static int sort_pairs(struct render *r, const struct pair **at, const struct pair **spare, size_t n)
{
        size_t half = n / 2, i = 0, j = half, k = 0;
        int failed, order;

        if (n < 2)
                return 0;
        failed = sort_pairs(r, at, spare, half);
        if (!failed)
                failed = sort_pairs(r, at + half, spare, n - half);
        while (!failed && i < half && j < n) {
                failed = value_order(r, "<", at[j]->key, at[i]->key, &order);
                spare[k++] = !failed && order == -1 ? at[j++] : at[i++];
        }
        while (i < half)
                spare[k++] = at[i++];
        memcpy(at, spare, k * sizeof(*at));
        return failed;
}

static int write_json_dict(struct render *r, struct dict *d, const struct json_style *style,
                           unsigned level, struct buf *out)
{
        const struct pair **order;
        int failed = dict_open(r, d);

        if (failed)
                return failed;
        order = arena_alloc(&r->arena, 2 * MAX2(d->n, 1u) * sizeof(*order));
        if (!order)
                return render_no_room(r);
        for (size_t i = 0; i < d->n; i++)
                order[i] = &d->pairs[i];
        failed = sort_pairs(r, order, order + d->n, d->n);
        buf_add_char(out, '{');
        for (size_t i = 0; i < d->n && !failed; i++) {
                if (i)
                        buf_add_text(out, style->has_lines ? "," : ", ");
                new_line(style, level + 1, out);
                failed = write_json_key(r, order[i]->key, out);
                buf_add_text(out, ": ");
                if (!failed)
                        failed = write_json(r, order[i]->item, style, level + 1, out);
        }
        if (d->n)
                new_line(style, level, out);
        buf_add_char(out, '}');
        return failed;
}

static int write_json_list(struct render *r, struct list *l, const struct json_style *style,
                           unsigned level, struct buf *out)
{
        int failed = list_open(r, l);

        buf_add_char(out, '[');
        for (size_t i = 0; i < l->n && !failed; i++) {
                if (i)
                        buf_add_text(out, style->has_lines ? "," : ", ");
                new_line(style, level + 1, out);
                failed = write_json(r, l->at[i], style, level + 1, out);
        }
        if (l->n)
                new_line(style, level, out);
        buf_add_char(out, ']');
        return failed;
}

static int write_json_inner(struct render *r, struct value v, const struct json_style *style,
                            unsigned level, struct buf *out)
{
        switch (v.kind) {
        case V_NONE:
                buf_add_text(out, "null");
                return 0;
        case V_BOOL:
                buf_add_text(out, v.is_true ? "true" : "false");
                return 0;
        case V_INT:
                write_integer(v.integer, out);
                return 0;
        case V_FLOAT:
                if (isnan(v.real) || isinf(v.real))
                        buf_add_text(out, isnan(v.real) ? "NaN"
                                          : v.real < 0  ? "-Infinity"
                                                        : "Infinity");
                else
                        write_float(v.real, out);
                return 0;
        case V_TEXT:
                write_json_text(v.text, out);
                return render_step(r, v.text.n);
        case V_LIST:
        case V_TUPLE:
                return write_json_list(r, v.list, style, level, out);
        case V_DICT:
                return write_json_dict(r, v.dict, style, level, out);
        default:
                return render_fail(r, "object of type %s is not JSON serializable",
                                   value_type_name(v));
        }
}

static int write_json(struct render *r, struct value v, const struct json_style *style,
                      unsigned level, struct buf *out)
{
        int failed = render_enter(r);

        if (!failed)
                failed = render_step(r, 0);
        if (!failed)
                failed = write_json_inner(r, v, style, level, out);
        r->depth--;
        return failed ? failed : render_buf_failed(r, out);
}

int value_write_json(struct render *r, struct value v, struct value indent, struct buf *out)
{
        static const char blanks[] = "                                ";
        struct json_style style = {0};
        int64_t n;

        if (indent.kind == V_TEXT) {
                style.has_lines = true;
                style.indent = indent.text;
        } else if (value_is_integer(indent)) {
                n = value_integer(indent);
                if (n > (int64_t)sizeof(blanks) - 1)
                        return render_fail(r, "an indent of %" PRId64 " is too wide", n);
                style.has_lines = true;
                style.indent = (struct span){blanks, n > 0 ? (size_t)n : 0};
        } else if (indent.kind != V_MISSING && indent.kind != V_NONE) {
                return render_fail(r, "can't multiply sequence by non-int of type '%s'",
                                   value_type_name(indent));
        }
        return write_json(r, v, &style, 0, out);
}
