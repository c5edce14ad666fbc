/* Operators, with Python's semantics on 64-bit integers: what does not fit is an error. */

#include <math.h>

#include "daemon/template/engine.h"

static const char *const op_names[] = {
        [OP_ADD] = "+",       [OP_SUB] = "-", [OP_MUL] = "*",           [OP_DIV] = "/",
        [OP_FLOORDIV] = "//", [OP_MOD] = "%", [OP_POW] = "** or pow()", [OP_LT] = "<",
        [OP_LE] = "<=",       [OP_GT] = ">",  [OP_GE] = ">=",
};

static int refuse_kinds(struct render *r, enum op op, struct value a, struct value b)
{
        return render_fail(r, "unsupported operand type(s) for %s: '%s' and '%s'", op_names[op],
                           value_type_name(a), value_type_name(b));
}

static int refuse_overflow(struct render *r)
{
        return render_fail(r, "integer overflow: integers have 64 bits");
}

static int power_of_integers(struct render *r, int64_t base, int64_t exponent, struct value *ret)
{
        int64_t total = 1;

        if (exponent < 0) {
                if (base == 0)
                        return render_fail(r, "0.0 cannot be raised to a negative power");
                *ret = VALUE_FLOAT(pow((double)base, (double)exponent));
                return 0;
        }
        while (exponent) {
                if ((exponent & 1) && __builtin_mul_overflow(total, base, &total))
                        return refuse_overflow(r);
                exponent >>= 1;
                if (exponent && __builtin_mul_overflow(base, base, &base))
                        return refuse_overflow(r);
        }
        *ret = VALUE_INT(total);
        return 0;
}

static int integers(struct render *r, enum op op, int64_t a, int64_t b, struct value *ret)
{
        int64_t total = 0;
        bool is_over = false;

        if (b == 0 && (op == OP_DIV || op == OP_FLOORDIV || op == OP_MOD))
                return render_fail(r, op == OP_DIV ? "division by zero"
                                                   : "integer division or modulo by zero");
        switch (op) {
        case OP_ADD:
                is_over = __builtin_add_overflow(a, b, &total);
                break;
        case OP_SUB:
                is_over = __builtin_sub_overflow(a, b, &total);
                break;
        case OP_MUL:
                is_over = __builtin_mul_overflow(a, b, &total);
                break;
        case OP_DIV:
                *ret = VALUE_FLOAT((double)((long double)a / (long double)b));
                return 0;
        case OP_FLOORDIV:
                is_over = a == INT64_MIN && b == -1;
                if (!is_over)
                        total = a / b - (a % b != 0 && (a % b < 0) != (b < 0));
                break;
        case OP_MOD:
                total = b == -1 ? 0 : a % b;
                if (total != 0 && (total < 0) != (b < 0))
                        total += b;
                break;
        default:
                return power_of_integers(r, a, b, ret);
        }
        if (is_over)
                return refuse_overflow(r);
        *ret = VALUE_INT(total);
        return 0;
}

/* CPython's float_divmod(). */
static void divide_floats(double a, double b, double *ret_floor, double *ret_mod)
{
        double mod = fmod(a, b), div = (a - mod) / b, floor_of_div;

        if (mod != 0) {
                if ((b < 0) != (mod < 0)) {
                        mod += b;
                        div -= 1.0;
                }
        } else {
                mod = copysign(0.0, b);
        }
        if (div != 0) {
                floor_of_div = floor(div);
                if (div - floor_of_div > 0.5)
                        floor_of_div += 1.0;
        } else {
                floor_of_div = copysign(0.0, a / b);
        }
        *ret_floor = floor_of_div;
        *ret_mod = mod;
}

static int floats(struct render *r, enum op op, double a, double b, struct value *ret)
{
        double whole = 0, mod = 0, total = 0;

        if (b == 0 && (op == OP_DIV || op == OP_FLOORDIV || op == OP_MOD))
                return render_fail(r, op == OP_DIV ? "float division by zero"
                                                   : "float modulo by zero");
        if (op == OP_FLOORDIV || op == OP_MOD)
                divide_floats(a, b, &whole, &mod);
        switch (op) {
        case OP_ADD:
                total = a + b;
                break;
        case OP_SUB:
                total = a - b;
                break;
        case OP_MUL:
                total = a * b;
                break;
        case OP_DIV:
                total = a / b;
                break;
        case OP_FLOORDIV:
                total = whole;
                break;
        case OP_MOD:
                total = mod;
                break;
        default:
                if (a == 0 && b < 0)
                        return render_fail(r, "0.0 cannot be raised to a negative power");
                if (a < 0 && isfinite(a) && isfinite(b) && b != floor(b))
                        return render_fail(r, "complex numbers are not supported");
                total = pow(a, b);
                if (isinf(total) && isfinite(a) && isfinite(b))
                        return render_fail(r, "the result is too large");
        }
        *ret = VALUE_FLOAT(total);
        return 0;
}

static int join(struct render *r, struct value a, struct value b, struct value *ret)
{
        int failed = 0;

        if (a.kind == V_TEXT) {
                char *to = arena_alloc(&r->arena, a.text.n + b.text.n + 1);

                if (!to)
                        return render_no_room(r);
                memcpy(to, a.text.at, a.text.n);
                memcpy(to + a.text.n, b.text.at, b.text.n);
                *ret = VALUE_SPAN(((struct span){to, a.text.n + b.text.n}));
                return render_step(r, ret->text.n);
        }
        failed = list_open(r, a.list);
        if (!failed)
                failed = list_open(r, b.list);
        if (!failed)
                failed = value_list(r, a.kind, a.list->n + b.list->n, ret);
        for (size_t i = 0; !failed && i < a.list->n; i++)
                failed = list_add(r, ret->list, a.list->at[i]);
        for (size_t i = 0; !failed && i < b.list->n; i++)
                failed = list_add(r, ret->list, b.list->at[i]);
        return failed ? failed : render_step(r, ret->list->n * sizeof(*ret->list->at));
}

static int repeat(struct render *r, struct value v, int64_t times, struct value *ret)
{
        _cleanup_buf_ struct buf b = {0};
        size_t n;
        int failed;

        times = MAX2(times, 0);
        if (v.kind == V_TEXT) {
                if (v.text.n && (uint64_t)times > RENDER_MAX_BYTES / v.text.n)
                        return render_fail(r, "the text would be too long");
                buf_init(&b, RENDER_MAX_BYTES);
                for (int64_t i = 0; v.text.n && i < times && !b.failed; i++)
                        buf_add_span(&b, v.text);
                return value_text_take(r, &b, ret);
        }
        failed = list_open(r, v.list);
        if (failed)
                return failed;
        n = v.list->n;
        if (n && (uint64_t)times > RENDER_MAX_BYTES / sizeof(struct value) / n)
                return render_fail(r, "the list would be too long");
        failed = value_list(r, v.kind, n * (size_t)times, ret);
        for (int64_t i = 0; n && i < times && !failed; i++)
                for (size_t j = 0; j < n && !failed; j++)
                        failed = list_add(r, ret->list, v.list->at[j]);
        return failed ? failed : render_step(r, n * (size_t)times * sizeof(struct value));
}

static bool is_sequence(struct value v)
{
        return v.kind == V_TEXT || v.kind == V_LIST || v.kind == V_TUPLE;
}

int op_binary(struct render *r, enum op op, struct value a, struct value b, struct value *ret)
{
        if (a.kind == V_UNDEFINED)
                return value_refuse_undefined(r, a);
        if (op == OP_MOD && a.kind == V_TEXT)
                return format_percent(r, a.text, b, ret);
        if (b.kind == V_UNDEFINED)
                return value_refuse_undefined(r, b);
        if (value_is_integer(a) && value_is_integer(b))
                return integers(r, op, value_integer(a), value_integer(b), ret);
        if (value_is_number(a) && value_is_number(b))
                return floats(r, op, value_real(a), value_real(b), ret);
        if (op == OP_ADD && a.kind == b.kind && is_sequence(a))
                return join(r, a, b, ret);
        if (op == OP_MUL && is_sequence(a) && value_is_integer(b))
                return repeat(r, a, value_integer(b), ret);
        if (op == OP_MUL && is_sequence(b) && value_is_integer(a))
                return repeat(r, b, value_integer(a), ret);
        return refuse_kinds(r, op, a, b);
}

int op_negate(struct render *r, struct value v, bool is_minus, struct value *ret)
{
        if (v.kind == V_UNDEFINED)
                return value_refuse_undefined(r, v);
        if (v.kind == V_FLOAT) {
                *ret = VALUE_FLOAT(is_minus ? -v.real : v.real);
                return 0;
        }
        if (!value_is_integer(v))
                return render_fail(r, "bad operand type for unary %c: '%s'", is_minus ? '-' : '+',
                                   value_type_name(v));
        if (is_minus && value_integer(v) == INT64_MIN)
                return refuse_overflow(r);
        *ret = VALUE_INT(is_minus ? -value_integer(v) : value_integer(v));
        return 0;
}

int op_compare(struct render *r, enum op op, struct value a, struct value b, bool *ret)
{
        int order, failed;

        switch (op) {
        case OP_EQ:
        case OP_NE:
                failed = value_is_equal(r, a, b, ret);
                *ret = (op == OP_EQ) == *ret;
                return failed;
        case OP_IN:
        case OP_NOT_IN:
                failed = value_contains(r, a, b, ret);
                *ret = (op == OP_IN) == *ret;
                return failed;
        default:
                failed = value_order(r, op_names[op], a, b, &order);
        }
        if (failed)
                return failed;
        *ret = order != 2 && (op == OP_LT   ? order < 0
                              : op == OP_LE ? order <= 0
                              : op == OP_GT ? order > 0
                                            : order >= 0);
        return 0;
}
