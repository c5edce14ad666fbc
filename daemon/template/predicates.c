/* The tests: `x is name`. */

#include "daemon/template/engine.h"
#include "daemon/template/unicode.h"

static int is_kind(const struct call *c, enum value_kind kind, struct value *ret)
{
        *ret = VALUE_BOOL(c->subject.kind == kind);
        return 0;
}

static int test_defined(struct render *r _unused_, const struct call *c, struct value *ret)
{
        *ret = VALUE_BOOL(c->subject.kind != V_UNDEFINED);
        return 0;
}

static int test_undefined(struct render *r _unused_, const struct call *c, struct value *ret)
{
        return is_kind(c, V_UNDEFINED, ret);
}

static int test_none(struct render *r _unused_, const struct call *c, struct value *ret)
{
        return is_kind(c, V_NONE, ret);
}

static int test_boolean(struct render *r _unused_, const struct call *c, struct value *ret)
{
        return is_kind(c, V_BOOL, ret);
}

static int test_true(struct render *r _unused_, const struct call *c, struct value *ret)
{
        *ret = VALUE_BOOL(c->subject.kind == V_BOOL && c->subject.is_true);
        return 0;
}

static int test_false(struct render *r _unused_, const struct call *c, struct value *ret)
{
        *ret = VALUE_BOOL(c->subject.kind == V_BOOL && !c->subject.is_true);
        return 0;
}

static int test_integer(struct render *r _unused_, const struct call *c, struct value *ret)
{
        return is_kind(c, V_INT, ret);
}

static int test_float(struct render *r _unused_, const struct call *c, struct value *ret)
{
        return is_kind(c, V_FLOAT, ret);
}

static int test_number(struct render *r _unused_, const struct call *c, struct value *ret)
{
        *ret = VALUE_BOOL(value_is_number(c->subject));
        return 0;
}

static int test_string(struct render *r _unused_, const struct call *c, struct value *ret)
{
        return is_kind(c, V_TEXT, ret);
}

static int test_mapping(struct render *r _unused_, const struct call *c, struct value *ret)
{
        return is_kind(c, V_DICT, ret);
}

static int test_callable(struct render *r _unused_, const struct call *c, struct value *ret)
{
        enum value_kind k =
                c->subject.kind; /* an undefined value and `loop` can be called, in vain */

        *ret = VALUE_BOOL(k == V_METHOD || k == V_FUNCTION || k == V_UNDEFINED || k == V_LOOP ||
                          k == V_MACRO || k == V_BLOCK);
        return 0;
}

/* What has len() and elements. */
static int test_sequence(struct render *r _unused_, const struct call *c, struct value *ret)
{
        enum value_kind k = c->subject.kind;

        *ret = VALUE_BOOL(k == V_TEXT || k == V_LIST || k == V_TUPLE || k == V_DICT ||
                          k == V_RANGE || value_is_lenient(c->subject));
        return 0;
}

static int test_iterable(struct render *r, const struct call *c, struct value *ret)
{
        enum value_kind k = c->subject.kind;

        if (k == V_UNDEFINED && !value_is_lenient(c->subject))
                return value_refuse_undefined(r, c->subject);
        *ret = VALUE_BOOL(k == V_UNDEFINED || k == V_TEXT || k == V_LIST || k == V_TUPLE ||
                          k == V_DICT || k == V_RANGE || k == V_VIEW || k == V_ITER || k == V_LOOP);
        return 0;
}

static int remainder_is(struct render *r, struct value v, struct value by, int64_t wanted,
                        struct value *ret)
{
        bool is_equal = false;
        int failed = op_binary(r, OP_MOD, v, by, ret);

        if (!failed)
                failed = value_is_equal(r, *ret, VALUE_INT(wanted), &is_equal);
        *ret = VALUE_BOOL(is_equal);
        return failed;
}

static int test_even(struct render *r, const struct call *c, struct value *ret)
{
        return remainder_is(r, c->subject, VALUE_INT(2), 0, ret);
}

static int test_odd(struct render *r, const struct call *c, struct value *ret)
{
        return remainder_is(r, c->subject, VALUE_INT(2), 1, ret);
}

static int test_divisibleby(struct render *r, const struct call *c, struct value *ret)
{
        return remainder_is(r, c->subject, c->at[0], 0, ret);
}

/* str.islower() and str.isupper(): a cased character, and none of another case */
static int has_case(struct render *r, const struct call *c, bool (*is_wanted)(uint32_t),
                    bool (*is_other)(uint32_t), struct value *ret)
{
        struct span s;
        const char *at;
        bool has_cased = false, has_other = false;
        int failed = call_subject_text(r, c, &s);

        if (failed)
                return failed;
        for (at = s.at; at < s.at + s.n;) {
                uint32_t ch = utf8_next(&at, s.at + s.n);

                has_cased |= is_wanted(ch);
                has_other |= is_other(ch) || unicode_is_titled(ch);
        }
        *ret = VALUE_BOOL(has_cased && !has_other);
        return 0;
}

static int test_lower(struct render *r, const struct call *c, struct value *ret)
{
        return has_case(r, c, unicode_is_lower, unicode_is_upper, ret);
}

static int test_upper(struct render *r, const struct call *c, struct value *ret)
{
        return has_case(r, c, unicode_is_upper, unicode_is_lower, ret);
}

static int test_sameas(struct render *r, const struct call *c, struct value *ret)
{
        struct value a = c->subject, b = c->at[0];
        bool is_same = a.kind == b.kind;

        switch (a.kind) {
        case V_NONE:
                break;
        case V_BOOL:
                is_same = is_same && a.is_true == b.is_true;
                break;
        case V_LIST:
        case V_TUPLE:
                is_same = is_same && a.list == b.list;
                break;
        case V_DICT:
        case V_NAMESPACE:
                is_same = is_same && a.dict == b.dict;
                break;
        case V_LOOP:
                is_same = is_same && a.loop == b.loop;
                break;
        case V_UNDEFINED:
                is_same = is_same && a.undefined == b.undefined;
                break;
        default: /* Python's answer for numbers and texts depends on what it cached */
                if (is_same)
                        return render_fail(r, "sameas is not supported between instances of '%s'",
                                           value_type_name(a));
        }
        *ret = VALUE_BOOL(is_same);
        return 0;
}

static int test_in(struct render *r, const struct call *c, struct value *ret)
{
        bool is_in = false;
        int failed = value_contains(r, c->subject, c->at[0], &is_in);

        *ret = VALUE_BOOL(is_in);
        return failed;
}

static int test_filter(struct render *r _unused_, const struct call *c, struct value *ret)
{
        *ret = VALUE_BOOL(c->subject.kind == V_TEXT && filter_find(c->subject.text));
        return 0;
}

static int test_test(struct render *r _unused_, const struct call *c, struct value *ret)
{
        *ret = VALUE_BOOL(c->subject.kind == V_TEXT && test_find(c->subject.text));
        return 0;
}

static int compare(struct render *r, const struct call *c, enum op op, struct value *ret)
{
        bool is_true = false;
        int failed = op_compare(r, op, c->subject, c->at[0], &is_true);

        *ret = VALUE_BOOL(is_true);
        return failed;
}

static int test_eq(struct render *r, const struct call *c, struct value *ret)
{
        return compare(r, c, OP_EQ, ret);
}

static int test_ne(struct render *r, const struct call *c, struct value *ret)
{
        return compare(r, c, OP_NE, ret);
}

static int test_lt(struct render *r, const struct call *c, struct value *ret)
{
        return compare(r, c, OP_LT, ret);
}

static int test_le(struct render *r, const struct call *c, struct value *ret)
{
        return compare(r, c, OP_LE, ret);
}

static int test_gt(struct render *r, const struct call *c, struct value *ret)
{
        return compare(r, c, OP_GT, ret);
}

static int test_ge(struct render *r, const struct call *c, struct value *ret)
{
        return compare(r, c, OP_GE, ret);
}

/* One row per test, sorted by name. */
const struct filter_row test_table[] = {
        {"!=", test_ne, "b! /"},
        {"<", test_lt, "b! /"},
        {"<=", test_le, "b! /"},
        {"==", test_eq, "b! /"},
        {">", test_gt, "b! /"},
        {">=", test_ge, "b! /"},
        {"boolean", test_boolean, ""},
        {"callable", test_callable, ""},
        {"defined", test_defined, ""},
        {"divisibleby", test_divisibleby, "num!"},
        {"eq", test_eq, "b! /"},
        {"equalto", test_eq, "b! /"},
        {"even", test_even, ""},
        {"false", test_false, ""},
        {"filter", test_filter, ""},
        {"float", test_float, ""},
        {"ge", test_ge, "b! /"},
        {"greaterthan", test_gt, "b! /"},
        {"gt", test_gt, "b! /"},
        {"in", test_in, "seq!"},
        {"integer", test_integer, ""},
        {"iterable", test_iterable, ""},
        {"le", test_le, "b! /"},
        {"lessthan", test_lt, "b! /"},
        {"lower", test_lower, ""},
        {"lt", test_lt, "b! /"},
        {"mapping", test_mapping, ""},
        {"ne", test_ne, "b! /"},
        {"none", test_none, ""},
        {"number", test_number, ""},
        {"odd", test_odd, ""},
        {"sameas", test_sameas, "other!"},
        {"sequence", test_sequence, ""},
        {"string", test_string, ""},
        {"test", test_test, ""},
        {"true", test_true, ""},
        {"undefined", test_undefined, ""},
        {"upper", test_upper, ""},
};
const size_t n_tests = N_ELEMENTS(test_table);

const struct filter_row *test_find(struct span name)
{
        return row_find(test_table, n_tests, name);
}
