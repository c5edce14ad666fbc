/* text % arguments: Python's printf-style formatting.
 *
 *     conversion = "%" ["(" key ")"] {"-" | "+" | " " | "0" | "#"} [width | "*"]
 *                  ["." (digits | "*")] [hlL] letter
 *     letter     = one of d i u o x X e E f F g G c r s a % */

#include <inttypes.h>
#include <math.h>
#include <stdio.h>

#include "daemon/template/engine.h"
#include "daemon/template/unicode.h"

#define FORMAT_MAX_WIDTH 100000
#define FORMAT_MAX_PRECISION 300

struct conversion {
        bool is_left, has_plus, has_blank, has_zero, is_alternate;
        int64_t width;
        int64_t precision; /* -1: not given */
        char letter;
};

struct formatter {
        struct render *r;
        struct value arguments;
        size_t n_used;
        bool is_by_key;
        struct buf out;
};

static int next_argument(struct formatter *f, struct value *ret)
{
        size_t n = f->arguments.kind == V_TUPLE ? f->arguments.list->n : 1;

        if (f->n_used >= n || f->is_by_key)
                return render_fail(f->r, "not enough arguments for format string");
        *ret = f->arguments.kind == V_TUPLE ? f->arguments.list->at[f->n_used] : f->arguments;
        f->n_used++;
        return 0;
}

static int read_number(struct formatter *f, const char **at, const char *end, int64_t *ret)
{
        struct value v;
        int failed;

        if (*at < end && **at == '*') {
                ++*at;
                failed = next_argument(f, &v);
                if (failed)
                        return failed;
                if (!value_is_integer(v))
                        return render_fail(f->r, "* wants int");
                *ret = value_integer(v);
                return 0;
        }
        *ret = 0;
        while (*at < end && **at >= '0' && **at <= '9') {
                *ret = *ret * 10 + (*(*at)++ - '0');
                if (*ret > FORMAT_MAX_WIDTH)
                        return render_fail(f->r, "a width of more than %d", FORMAT_MAX_WIDTH);
        }
        return 0;
}

static int read_conversion(struct formatter *f, const char **at, const char *end,
                           struct conversion *c)
{
        int failed;

        for (; *at < end; ++*at) {
                if (**at == '-')
                        c->is_left = true;
                else if (**at == '+')
                        c->has_plus = true;
                else if (**at == ' ')
                        c->has_blank = true;
                else if (**at == '0')
                        c->has_zero = true;
                else if (**at == '#')
                        c->is_alternate = true;
                else
                        break;
        }
        failed = read_number(f, at, end, &c->width);
        if (failed)
                return failed;
        if (c->width < 0) {
                c->is_left = true;
                c->width = c->width == INT64_MIN ? INT64_MAX : -c->width;
        }
        c->precision = -1;
        if (*at < end && **at == '.') {
                ++*at;
                failed = read_number(f, at, end, &c->precision);
                if (failed)
                        return failed;
                c->precision = MAX2(c->precision, 0);
        }
        if (c->width > FORMAT_MAX_WIDTH)
                return render_fail(f->r, "a width of more than %d", FORMAT_MAX_WIDTH);
        while (*at < end && (**at == 'h' || **at == 'l' || **at == 'L'))
                ++*at;
        if (*at >= end)
                return render_fail(f->r, "incomplete format");
        c->letter = *(*at)++;
        return 0;
}

/* Sign and prefix stand before zeros, after blanks. */
static void write_padded(struct formatter *f, const struct conversion *c, struct span sign,
                         struct span body, bool may_zero)
{
        int64_t n = (int64_t)(sign.n + utf8_length(body)), missing = MAX2(c->width - n, 0);
        bool is_zero = c->has_zero && !c->is_left && may_zero;

        for (int64_t i = 0; i < missing && !c->is_left && !is_zero; i++)
                buf_add_char(&f->out, ' ');
        buf_add_span(&f->out, sign);
        for (int64_t i = 0; i < missing && is_zero; i++)
                buf_add_char(&f->out, '0');
        buf_add_span(&f->out, body);
        for (int64_t i = 0; i < missing && c->is_left; i++)
                buf_add_char(&f->out, ' ');
}

static const char *sign_of(const struct conversion *c, bool is_negative)
{
        return is_negative ? "-" : c->has_plus ? "+" : c->has_blank ? " " : "";
}

static int to_integer(struct formatter *f, const struct conversion *c, struct value v, int64_t *ret)
{
        bool is_decimal = c->letter == 'd' || c->letter == 'i' || c->letter == 'u';

        if (v.kind == V_UNDEFINED)
                return value_refuse_undefined(f->r, v);
        if (value_is_integer(v)) {
                *ret = value_integer(v);
                return 0;
        }
        if (v.kind != V_FLOAT || !is_decimal)
                return render_fail(f->r, "%%%c format: %s is required, not %s", c->letter,
                                   is_decimal ? "a real number" : "an integer", value_type_name(v));
        if (!(v.real > -0x1p63 && v.real < 0x1p63))
                return render_fail(f->r, "integer overflow: integers have 64 bits");
        *ret = (int64_t)v.real;
        return 0;
}

static int write_integer(struct formatter *f, const struct conversion *c, struct value v)
{
        char digits[32 + FORMAT_MAX_PRECISION], sign[8];
        int64_t n = 0;
        uint64_t magnitude;
        int failed = to_integer(f, c, v, &n), precision = c->precision < 0 ? 1 : (int)c->precision;
        const char *prefix = "";

        if (failed)
                return failed;
        if (c->precision > FORMAT_MAX_PRECISION)
                return render_fail(f->r, "a precision of more than %d", FORMAT_MAX_PRECISION);
        magnitude = n < 0 ? -(uint64_t)n : (uint64_t)n;
        precision = MAX2(precision, 1); /* unlike C, zero has a digit */
        switch (c->letter) {
        case 'o':
                snprintf(digits, sizeof(digits), "%.*" PRIo64, precision, magnitude);
                prefix = "0o";
                break;
        case 'x':
                snprintf(digits, sizeof(digits), "%.*" PRIx64, precision, magnitude);
                prefix = "0x";
                break;
        case 'X':
                snprintf(digits, sizeof(digits), "%.*" PRIX64, precision, magnitude);
                prefix = "0X";
                break;
        default:
                snprintf(digits, sizeof(digits), "%.*" PRIu64, precision, magnitude);
        }
        snprintf(sign, sizeof(sign), "%s%s", sign_of(c, n < 0), c->is_alternate ? prefix : "");
        write_padded(f, c, span_of(sign), span_of(digits), true);
        return 0;
}

static int write_real(struct formatter *f, const struct conversion *c, struct value v)
{
        char digits[400 + FORMAT_MAX_PRECISION];
        int precision = c->precision < 0 ? 6 : (int)c->precision;
        bool is_upper = c->letter == 'E' || c->letter == 'F' || c->letter == 'G';
        double real;

        if (v.kind == V_UNDEFINED)
                return value_refuse_undefined(f->r, v);
        if (!value_is_number(v))
                return render_fail(f->r, "must be real number, not %s", value_type_name(v));
        if (c->precision > FORMAT_MAX_PRECISION)
                return render_fail(f->r, "a precision of more than %d", FORMAT_MAX_PRECISION);
        real = value_real(v);
        if (!isfinite(real)) {
                bool is_negative = !isnan(real) && real < 0;
                const char *word = isnan(real) ? (is_upper ? "NAN" : "nan")
                                   : is_upper  ? "INF"
                                               : "inf";

                write_padded(f, c, span_of(sign_of(c, is_negative)), span_of(word), true);
                return 0;
        }
        switch (c->letter | 0x20) {
        case 'e':
                snprintf(digits, sizeof(digits), c->is_alternate ? "%#.*e" : "%.*e", precision,
                         fabs(real));
                break;
        case 'f':
                snprintf(digits, sizeof(digits), c->is_alternate ? "%#.*f" : "%.*f", precision,
                         fabs(real));
                break;
        default:
                snprintf(digits, sizeof(digits), c->is_alternate ? "%#.*g" : "%.*g", precision,
                         fabs(real));
        }
        for (char *p = digits; is_upper && *p; p++)
                if (*p == 'e')
                        *p = 'E';
        write_padded(f, c, span_of(sign_of(c, signbit(real))), span_of(digits), true);
        return 0;
}

static int write_char(struct formatter *f, const struct conversion *c, struct value v)
{
        char bytes[4];
        int64_t code;

        if (v.kind == V_UNDEFINED)
                return value_refuse_undefined(f->r, v);
        if (v.kind == V_TEXT && utf8_length(v.text) == 1) {
                write_padded(f, c, SPAN(""), v.text, false);
                return 0;
        }
        if (!value_is_integer(v))
                return render_fail(f->r, "%%c requires int or char");
        code = value_integer(v);
        if (code < 0 || code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff))
                return render_fail(f->r, "%%c arg is no character");
        write_padded(f, c, SPAN(""), (struct span){bytes, utf8_write((uint32_t)code, bytes)},
                     false);
        return 0;
}

static void add_ascii(struct buf *to, struct span s)
{
        const char *at = s.at, *end = s.at + s.n;

        while (at < end) {
                uint32_t c = utf8_next(&at, end);

                if (c < 0x80)
                        buf_add_char(to, (char)c);
                else
                        buf_printf(to,
                                   c < 0x100     ? "\\x%02x"
                                   : c < 0x10000 ? "\\u%04x"
                                                 : "\\U%08x",
                                   c);
        }
}

static int write_text(struct formatter *f, const struct conversion *c, struct value v)
{
        _cleanup_buf_ struct buf b = {0}, ascii = {0};
        struct span s;
        int failed;

        buf_init(&b, RENDER_MAX_BYTES);
        buf_init(&ascii, RENDER_MAX_BYTES);
        failed = c->letter == 's' ? value_write(f->r, v, &b) : value_write_repr(f->r, v, &b);
        if (failed)
                return failed;
        s = buf_span(&b);
        if (c->letter == 'a') {
                add_ascii(&ascii, s);
                s = buf_span(&ascii);
        }
        if (c->precision >= 0)
                s.n = utf8_offset(s, (size_t)c->precision);
        write_padded(f, c, SPAN(""), s, false);
        return render_buf_failed(f->r, &ascii);
}

static int write_conversion(struct formatter *f, const struct conversion *c, struct value v)
{
        switch (c->letter) {
        case 'd':
        case 'i':
        case 'u':
        case 'o':
        case 'x':
        case 'X':
                return write_integer(f, c, v);
        case 'e':
        case 'E':
        case 'f':
        case 'F':
        case 'g':
        case 'G':
                return write_real(f, c, v);
        case 'c':
                return write_char(f, c, v);
        case 's':
        case 'r':
        case 'a':
                return write_text(f, c, v);
        default:
                return render_fail(f->r, "unsupported format character '%c'", c->letter);
        }
}

/* "%(key)s": from the closing parenthesis on all is as without. */
static int read_key(struct formatter *f, const char **at, const char *end, struct value *ret)
{
        const char *begin = ++*at;
        struct span key;
        int depth = 1, failed;

        for (; *at < end; ++*at) {
                depth += **at == '(';
                depth -= **at == ')';
                if (depth == 0)
                        break;
        }
        if (*at >= end)
                return render_fail(f->r, "incomplete format key");
        key = (struct span){begin, (size_t)(*at - begin)};
        ++*at;
        if (f->arguments.kind != V_DICT)
                return render_fail(f->r, "format requires a mapping");
        f->is_by_key = true;
        failed = dict_get(f->r, f->arguments.dict, VALUE_SPAN(key), ret);
        if (!failed && ret->kind == V_MISSING)
                return render_fail(f->r, "format key '%.*s' is missing", (int)MIN2(key.n, 60u),
                                   key.at);
        return failed;
}

static int format_one(struct formatter *f, const char **at, const char *end)
{
        struct conversion c = {0};
        struct value v = VALUE_MISSING;
        int failed = 0;

        if (*at < end && **at == '%') {
                ++*at;
                buf_add_char(&f->out, '%');
                return 0;
        }
        if (*at < end && **at == '(')
                failed = read_key(f, at, end, &v);
        if (!failed)
                failed = read_conversion(f, at, end, &c);
        if (!failed && v.kind == V_MISSING)
                failed = next_argument(f, &v);
        return failed ? failed : write_conversion(f, &c, v);
}

int format_percent(struct render *r, struct span format, struct value arguments, struct value *ret)
{
        struct formatter f = {.r = r, .arguments = arguments};
        const char *at = format.at, *end = format.at + format.n;
        int failed = 0;

        buf_init(&f.out, RENDER_MAX_BYTES);
        while (at < end && !failed) {
                const char *percent = memchr(at, '%', (size_t)(end - at));

                buf_add(&f.out, at, (size_t)((percent ? percent : end) - at));
                if (!percent)
                        break;
                at = percent + 1;
                failed = format_one(&f, &at, end);
                if (!failed)
                        failed = render_step(r, 0);
        }
        if (!failed && arguments.kind == V_TUPLE && f.n_used < arguments.list->n && !f.is_by_key)
                failed = render_fail(r, "not all arguments converted during string formatting");
        /* one argument must be used too, unless it has elements */
        if (!failed && f.n_used == 0 && !f.is_by_key && arguments.kind != V_TUPLE &&
            arguments.kind != V_DICT && arguments.kind != V_LIST && arguments.kind != V_RANGE &&
            arguments.kind != V_UNDEFINED)
                failed = render_fail(r, "not all arguments converted during string formatting");
        if (!failed)
                failed = value_text_take(r, &f.out, ret);
        buf_done(&f.out);
        return failed;
}
