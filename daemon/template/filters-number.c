#include <inttypes.h>
#include <math.h>
#include <stdio.h>

#include "daemon/template/filters.h"
#include "daemon/template/unicode.h"

#define NUMBER_MAX_BYTES 400u /* of a number's text: beyond what any double needs */

/* Digits with single underscores between them; the place after, or NULL. */
static const char *skip_digits(const char *at)
{
        if (*at < '0' || *at > '9')
                return NULL;
        while ((*at >= '0' && *at <= '9') || (*at == '_' && at[1] >= '0' && at[1] <= '9'))
                at++;
        return at;
}

static bool is_float_text(const char *at)
{
        static const char *const words[] = {"inf", "infinity", "nan"};
        const char *next;
        bool has_digits;

        at += *at == '+' || *at == '-';
        for (size_t i = 0; i < N_ELEMENTS(words); i++)
                if (strcasecmp(at, words[i]) == 0)
                        return true;
        next = skip_digits(at);
        has_digits = next;
        at = next ? next : at;
        if (*at == '.') {
                next = skip_digits(++at);
                has_digits |= next != NULL;
                at = next ? next : at;
        }
        if (!has_digits)
                return false;
        if (*at == 'e' || *at == 'E') {
                at++;
                at += *at == '+' || *at == '-';
                at = skip_digits(at);
        }
        return at && *at == 0;
}

/* float(text): false when it is none */
static bool text_to_float(struct span s, double *ret)
{
        char text[NUMBER_MAX_BYTES];
        size_t n = 0;

        s = unicode_trim(s, true, true);
        if (s.n >= sizeof(text) || memchr(s.at, 0, s.n))
                return false;
        memcpy(text, s.at, s.n);
        text[s.n] = 0;
        if (!is_float_text(text))
                return false;
        for (size_t i = 0; i < s.n; i++)
                if (s.at[i] != '_')
                        text[n++] = s.at[i];
        text[n] = 0;
        *ret = strtod(text, NULL);
        return true;
}

static int digit_value(char c)
{
        return c >= '0' && c <= '9'   ? c - '0'
               : c >= 'a' && c <= 'z' ? c - 'a' + 10
               : c >= 'A' && c <= 'Z' ? c - 'A' + 10
                                      : 99;
}

static int64_t base_of_prefix(struct span s)
{
        if (s.n < 3 || s.at[0] != '0')
                return 0;
        switch (s.at[1] | 0x20) {
        case 'b':
                return 2;
        case 'o':
                return 8;
        case 'x':
                return 16;
        default:
                return 0;
        }
}

enum text_number { IS_INTEGER, IS_NO_INTEGER, IS_TOO_LARGE };

/* int(text, base) */
static enum text_number text_to_integer(struct span s, int64_t base, int64_t *ret)
{
        bool is_negative = false, was_digit = false, is_over = false;
        int64_t total = 0, prefix;

        s = unicode_trim(s, true, true);
        if (s.n && (s.at[0] == '-' || s.at[0] == '+')) {
                is_negative = s.at[0] == '-';
                s.at++;
                s.n--;
        }
        prefix = base_of_prefix(s);
        if (base != 0 && (base < 2 || base > 36))
                return IS_NO_INTEGER;
        if (prefix && (base == 0 || base == prefix)) {
                base = prefix;
                s.at += 2;
                s.n -= 2;
                if (s.n && *s.at == '_') { /* may follow a prefix */
                        s.at++;
                        s.n--;
                }
        } else if (base == 0) {
                base = 10;
                for (size_t i = 0; s.n > 1 && s.at[0] == '0' && i < s.n; i++)
                        if (s.at[i] != '0' && s.at[i] != '_')
                                return IS_NO_INTEGER;
        }
        for (size_t i = 0; i < s.n; i++) {
                int digit = digit_value(s.at[i]);

                if (s.at[i] == '_' && was_digit && i + 1 < s.n) {
                        was_digit = false;
                        continue;
                }
                if (digit >= base)
                        return IS_NO_INTEGER;
                was_digit = true;
                is_over |= __builtin_mul_overflow(total, base, &total);
                is_over |= __builtin_sub_overflow(total, digit,
                                                  &total); /* downwards: INT64_MIN fits */
        }
        if (!was_digit)
                return IS_NO_INTEGER;
        if (is_over || (!is_negative && total == INT64_MIN))
                return IS_TOO_LARGE;
        *ret = is_negative ? total : -total;
        return IS_INTEGER;
}

static int refuse_large(struct render *r)
{
        return render_fail(r, "integer overflow: integers have 64 bits");
}

static int truncate_float(struct render *r, double real, struct value otherwise, struct value *ret)
{
        if (!isfinite(real)) {
                *ret = otherwise;
                return 0;
        }
        if (!(real > -0x1p63 && real < 0x1p63))
                return refuse_large(r);
        *ret = VALUE_INT((int64_t)real);
        return 0;
}

int filter_int(struct render *r, const struct call *c, struct value *ret)
{
        struct value otherwise = c->at[0].kind == V_MISSING ? VALUE_INT(0) : c->at[0];
        int64_t base, n;
        double real;
        int failed = call_integer(r, c, 1, 10, &base);

        if (failed)
                return failed;
        switch (c->subject.kind) {
        case V_UNDEFINED:
                return value_refuse_undefined(r, c->subject);
        case V_BOOL:
        case V_INT:
                *ret = VALUE_INT(value_integer(c->subject));
                return 0;
        case V_FLOAT:
                if (isinf(c->subject.real))
                        return render_fail(r, "cannot convert float infinity to integer");
                return truncate_float(r, c->subject.real, otherwise, ret);
        case V_TEXT:
                switch (text_to_integer(c->subject.text, base, &n)) {
                case IS_INTEGER:
                        *ret = VALUE_INT(n);
                        return 0;
                case IS_TOO_LARGE:
                        return refuse_large(r);
                case IS_NO_INTEGER:
                        if (text_to_float(c->subject.text, &real))
                                return truncate_float(r, real, otherwise, ret);
                }
                break;
        default:
                break;
        }
        *ret = otherwise;
        return 0;
}

int filter_float(struct render *r, const struct call *c, struct value *ret)
{
        double real;

        if (c->subject.kind == V_UNDEFINED)
                return value_refuse_undefined(r, c->subject);
        if (value_is_number(c->subject))
                *ret = VALUE_FLOAT(value_real(c->subject));
        else if (c->subject.kind == V_TEXT && text_to_float(c->subject.text, &real))
                *ret = VALUE_FLOAT(real);
        else
                *ret = c->at[0].kind == V_MISSING ? VALUE_FLOAT(0.0) : c->at[0];
        return 0;
}

int filter_abs(struct render *r, const struct call *c, struct value *ret)
{
        struct value v = c->subject;

        if (v.kind == V_UNDEFINED)
                return value_refuse_undefined(r, v);
        if (!value_is_number(v))
                return render_fail(r, "bad operand type for abs(): '%s'", value_type_name(v));
        if (v.kind == V_FLOAT) {
                *ret = VALUE_FLOAT(fabs(v.real));
                return 0;
        }
        if (value_integer(v) == INT64_MIN)
                return refuse_large(r);
        *ret = VALUE_INT(value_integer(v) < 0 ? -value_integer(v) : value_integer(v));
        return 0;
}

/* round(float, digits): correct on the exact value, ties to even; printf() does that. */
static double round_float(double real, int64_t digits)
{
        char text[800];
        double power, scaled;

        if (!isfinite(real) || digits > 320)
                return real;
        if (digits < -310)
                return copysign(0.0, real);
        if (digits >= 0) {
                snprintf(text, sizeof(text), "%.*f", (int)digits, real);
                return strtod(text, NULL);
        }
        power = pow(10, (double)-digits);
        scaled = nearbyint(real / power);
        return scaled * power;
}

static int round_integer(struct render *r, int64_t n, int64_t digits, struct value *ret)
{
        int64_t power = 1, rest, low;

        for (; digits < 0; digits++)
                if (__builtin_mul_overflow(power, 10, &power)) {
                        *ret = VALUE_INT(0);
                        return 0;
                }
        rest = n % power;
        if (rest < 0)
                rest += power;
        if (__builtin_sub_overflow(n, rest, &low))
                return refuse_large(r);
        if (rest > power - rest || (rest == power - rest && (low / power) % 2 != 0))
                if (__builtin_add_overflow(low, power, &low))
                        return refuse_large(r);
        *ret = VALUE_INT(low);
        return 0;
}

int filter_round(struct render *r, const struct call *c, struct value *ret)
{
        int64_t digits;
        struct span method;
        double power, value;
        int failed = call_integer(r, c, 0, 0, &digits);

        if (!failed)
                failed = call_text(r, c, 1, SPAN("common"), &method);
        if (failed)
                return failed;
        if (!span_is_equal(method, SPAN("common")) && !span_is_equal(method, SPAN("ceil")) &&
            !span_is_equal(method, SPAN("floor")))
                return render_fail(r, "method must be common, ceil or floor");
        if (c->subject.kind == V_UNDEFINED)
                return value_refuse_undefined(r, c->subject);
        if (!value_is_number(c->subject))
                return render_fail(r, "type %s doesn't define __round__ method",
                                   value_type_name(c->subject));
        if (span_is_equal(method, SPAN("common"))) {
                if (value_is_integer(c->subject))
                        return round_integer(r, value_integer(c->subject), digits, ret);
                *ret = VALUE_FLOAT(round_float(c->subject.real, digits));
                return 0;
        }
        if (digits > 300 || digits < -300)
                return render_fail(r, "cannot round to %" PRId64 " digits", digits);
        power = pow(10, (double)digits);
        value = value_real(c->subject) * power;
        if (!(value > -0x1p63 && value < 0x1p63))
                return refuse_large(r);
        *ret = VALUE_FLOAT((span_is_equal(method, SPAN("ceil")) ? ceil(value) : floor(value)) /
                           power);
        if (ret->real == 0)
                ret->real = 0.0; /* ceil() gives an integer there: it has no negative zero */
        return 0;
}
