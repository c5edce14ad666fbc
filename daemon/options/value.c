/* One value: from words and back.
 *
 *     bool    on | off | true | false | yes | no | 1 | 0, in any case
 *     usd     digits [ "." 1..9 digits ] | "none"
 *     ratio   digits [ "." 1..6 digits ], at most 1 */

#include <stdio.h>
#include <strings.h>

#include "daemon/options/internal.h"

#define NANO 1000000000u
#define MILLION 1000000u

static int refuse(char why[OPTION_WHY_BYTES], const char *format, ...) _printf_(2, 3);
static int refuse(char why[OPTION_WHY_BYTES], const char *format, ...)
{
        va_list args;

        va_start(args, format);
        vsnprintf(why, OPTION_WHY_BYTES, format, args);
        va_end(args);
        return CONDITION_REFUSED;
}

static int read_bool(const char *text, uint64_t *ret, char why[OPTION_WHY_BYTES])
{
        static const char *const words[2][4] = {{"off", "false", "no", "0"},
                                                {"on", "true", "yes", "1"}};

        for (unsigned value = 0; value < 2; value++)
                for (size_t i = 0; i < N_ELEMENTS(words[value]); i++)
                        if (strcasecmp(words[value][i], text) == 0) {
                                *ret = value;
                                return 0;
                        }
        return refuse(why, "is neither on nor off");
}

/* A decimal number in units of 1/scale; scale is a power of ten. */
static int read_decimal(const char *text, uint64_t scale, uint64_t *ret)
{
        uint64_t whole = 0, unit = scale;
        const char *c = text;

        if (*c < '0' || *c > '9')
                return -EINVAL;
        for (; *c >= '0' && *c <= '9'; c++)
                if (__builtin_mul_overflow(whole, 10, &whole) ||
                    __builtin_add_overflow(whole, (uint64_t)(*c - '0'), &whole))
                        return -ERANGE;
        if (__builtin_mul_overflow(whole, scale, &whole))
                return -ERANGE;
        if (*c == '.') {
                c++;
                if (*c < '0' || *c > '9')
                        return -EINVAL;
                for (; *c >= '0' && *c <= '9'; c++) {
                        unit /= 10;
                        if (unit == 0 && *c != '0')
                                return -ERANGE;
                        if (__builtin_add_overflow(whole, unit * (uint64_t)(*c - '0'), &whole))
                                return -ERANGE;
                }
        }
        if (*c)
                return -EINVAL;
        *ret = whole;
        return 0;
}

static int read_ms(const char *text, uint64_t *ret)
{
        return str_to_u64(text, ret) == 0 ? 0 : str_to_ms(text, ret);
}

static int read_choice(const struct option *o, const char *text, uint64_t *ret,
                       char why[OPTION_WHY_BYTES])
{
        char list[OPTION_WHY_BYTES - 32] = "";
        size_t n = 0;

        for (size_t i = 0; o->choices[i]; i++) {
                if (str_is_equal(o->choices[i], text)) {
                        *ret = i;
                        return 0;
                }
                n += (size_t)snprintf(list + n, sizeof(list) - n, "%s%s", i > 0 ? ", " : "",
                                      o->choices[i]);
                if (n >= sizeof(list))
                        break;
        }
        return refuse(why, "is none of: %s", list);
}

static int check_range(const struct option *o, uint64_t value, char why[OPTION_WHY_BYTES])
{
        _cleanup_buf_ struct buf bound = {0};
        bool is_small = value < o->min;
        int r;

        if (!is_small && (o->max == 0 || value <= o->max))
                return 0;
        r = option_write(o, is_small ? o->min : o->max, &bound);
        if (r < 0)
                return r;
        return refuse(why, "is %s than %s", is_small ? "less" : "more", bound.at);
}

static int read_number(const struct option *o, const char *text, uint64_t *ret,
                       char why[OPTION_WHY_BYTES])
{
        uint64_t value;
        int r;

        if (o->type == OPTION_U64) {
                r = str_to_u64(text, &value);
                if (r < 0)
                        return refuse(why, "is not a number");
        } else if (o->type == OPTION_BYTES) {
                r = str_to_bytes(text, &value);
                if (r < 0)
                        return refuse(why, "is not a size like 500k or 2GiB");
        } else if (o->type == OPTION_MS) {
                r = read_ms(text, &value);
                if (r < 0)
                        return refuse(why, "is not a time like 90s or 30d");
        } else {
                r = read_decimal(text, MILLION, &value);
                if (r < 0 || value > MILLION)
                        return refuse(why, "is not a share between 0 and 1");
        }
        r = check_range(o, value, why);
        if (r == 0)
                *ret = value;
        return r;
}

static int read_usd(const char *text, uint64_t *ret, char why[OPTION_WHY_BYTES])
{
        uint64_t value;

        if (str_is_equal(text, "none")) {
                *ret = UINT64_MAX;
                return 0;
        }
        if (read_decimal(text, NANO, &value) < 0 || value > UINT64_MAX / 2)
                return refuse(why, "is neither a number of dollars like 2.50 nor none");
        *ret = value;
        return 0;
}

int option_read(const struct option_match *m, const char *text, uint64_t *ret, bool *ret_is_given,
                char why[OPTION_WHY_BYTES])
{
        const struct option *o = m->option;
        uint64_t value = 0;
        int r = 0;

        *ret_is_given = true;
        if (m->is_switch_of_number || o->type == OPTION_BOOL)
                r = read_bool(text, &value, why);
        else if (o->type == OPTION_CHOICE)
                r = read_choice(o, text, &value, why);
        else if (o->type == OPTION_USD)
                r = read_usd(text, &value, why);
        else if (o->type != OPTION_TEXT)
                r = read_number(o, text, &value, why);
        else if (!*text || strlen(text) > 4096)
                r = refuse(why, "is empty or too long");
        if (r != 0)
                return r;
        if (m->is_switch_of_number) {
                *ret_is_given = value == 0;
                value = 1;
        }
        *ret = value;
        return 0;
}

/* value / scale without zeros at the end. */
static void write_decimal(struct buf *b, uint64_t value, uint64_t scale, int digits)
{
        uint64_t rest = value % scale;

        buf_printf(b, "%llu", (unsigned long long)(value / scale));
        if (rest == 0)
                return;
        for (; rest % 10 == 0; rest /= 10)
                digits--;
        buf_printf(b, ".%0*llu", digits, (unsigned long long)rest);
}

static void write_ms(struct buf *b, uint64_t ms)
{
        static const struct {
                uint64_t ms;
                const char *unit;
        } units[] = {{86400000, "d"}, {3600000, "h"}, {60000, "m"}, {1000, "s"}};

        for (size_t i = 0; i < N_ELEMENTS(units); i++)
                if (ms > 0 && ms % units[i].ms == 0) {
                        buf_printf(b, "%llu%s", (unsigned long long)(ms / units[i].ms),
                                   units[i].unit);
                        return;
                }
        buf_printf(b, "%llums", (unsigned long long)ms);
}

int option_write(const struct option *o, uint64_t value, struct buf *b)
{
        switch (o->type) {
        case OPTION_BOOL:
                buf_add_text(b, value ? "on" : "off");
                break;
        case OPTION_CHOICE:
                buf_add_text(b, o->choices[value]);
                break;
        case OPTION_USD:
                if (value == UINT64_MAX)
                        buf_add_text(b, "none");
                else
                        write_decimal(b, value, NANO, 9);
                break;
        case OPTION_RATIO:
                write_decimal(b, value, MILLION, 6);
                break;
        case OPTION_MS:
                write_ms(b, value);
                break;
        case OPTION_U64:
        case OPTION_BYTES:
        case OPTION_TEXT:
                buf_printf(b, "%llu", (unsigned long long)value);
                break;
        }
        return b->failed;
}
