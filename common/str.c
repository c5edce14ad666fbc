#include "common/str.h"

#include <ctype.h>
#include <locale.h>
#include <math.h>
#include <pthread.h>
#include <stdio.h>

#include "common/buf.h"

char *str_dup_span(struct span s)
{
        char *text = malloc(s.n + 1);

        if (!text)
                return NULL;
        if (s.n > 0)
                memcpy(text, s.at, s.n);
        text[s.n] = '\0';
        return text;
}

char *str_vprintf(const char *format, va_list args)
{
        char *text = NULL;

        return vasprintf(&text, format, args) < 0 ? NULL : text;
}

char *str_printf(const char *format, ...)
{
        char *text;
        va_list args;

        va_start(args, format);
        text = str_vprintf(format, args);
        va_end(args);
        return text;
}

struct span str_trim(struct span s)
{
        while (s.n > 0 && isspace((unsigned char)s.at[0])) {
                s.at++;
                s.n--;
        }
        while (s.n > 0 && isspace((unsigned char)s.at[s.n - 1]))
                s.n--;
        return s;
}

bool str_is_equal(const char *a, const char *b)
{
        if (!a || !b)
                return a == b;
        return strcmp(a, b) == 0;
}

bool str_has_prefix(const char *s, const char *prefix)
{
        return strncmp(s, prefix, strlen(prefix)) == 0;
}

bool str_has_suffix(const char *s, const char *suffix)
{
        size_t n = strlen(s), n_suffix = strlen(suffix);

        return n >= n_suffix && memcmp(s + n - n_suffix, suffix, n_suffix) == 0;
}

/* Digits from *at; leaves *at behind them. */
static int read_digits(const char **at, uint64_t *ret)
{
        const char *s = *at;
        uint64_t value = 0;

        if (*s < '0' || *s > '9')
                return -EINVAL;
        for (; *s >= '0' && *s <= '9'; s++) {
                if (__builtin_mul_overflow(value, 10, &value) ||
                    __builtin_add_overflow(value, (uint64_t)(*s - '0'), &value))
                        return -ERANGE;
        }
        *at = s;
        *ret = value;
        return 0;
}

int str_to_u64(const char *s, uint64_t *ret)
{
        uint64_t value;
        int r;

        if (s[strspn(s, "0123456789")] != '\0')
                return -EINVAL;
        r = read_digits(&s, &value);
        if (r < 0)
                return r;
        *ret = value;
        return 0;
}

int str_to_i64(const char *s, int64_t *ret)
{
        bool is_negative = *s == '-';
        uint64_t value;
        int r;

        r = str_to_u64(s + is_negative, &value);
        if (r < 0)
                return r;
        if (value > (uint64_t)INT64_MAX + is_negative)
                return -ERANGE;
        *ret = is_negative ? (int64_t)(0 - value) : (int64_t)value;
        return 0;
}

static locale_t c_locale;

static void make_c_locale(void)
{
        c_locale = newlocale(LC_ALL_MASK, "C", (locale_t)0);
}

int str_to_double(const char *s, double *ret)
{
        static pthread_once_t once = PTHREAD_ONCE_INIT;
        double value;
        char *end;

        /* strtod() also reads blanks, hexadecimal, "inf" and "nan"; we do not. */
        if (*s == '\0' || s[strspn(s, "0123456789+-.eE")] != '\0')
                return -EINVAL;
        pthread_once(&once, make_c_locale);
        if (!c_locale)
                return -ENOMEM;
        value = strtod_l(s, &end, c_locale);
        if (*end != '\0' || end == s)
                return -EINVAL;
        if (!isfinite(value))
                return -ERANGE;
        *ret = value;
        return 0;
}

void str_from_double(double value, char ret[STR_DOUBLE_BYTES])
{
        char text[STR_DOUBLE_BYTES], *to = ret;
        bool is_real = false;
        int precision;

        for (precision = 1; precision < 17; precision++) {
                snprintf(text, sizeof(text), "%.*g", precision, value);
                if (strtod(text, NULL) == value)
                        break;
        }
        snprintf(text, sizeof(text), "%.*g", precision, value);
        /* The decimal point of the locale, perhaps of several bytes, becomes one '.'. */
        for (const char *from = text; *from; from++) {
                if (strchr("0123456789+-enaif", *from)) {
                        is_real = is_real || *from == 'e' || *from == 'n';
                        *to++ = *from;
                } else if (!is_real) {
                        is_real = true;
                        *to++ = '.';
                }
        }
        if (!is_real) {
                *to++ = '.';
                *to++ = '0';
        }
        *to = '\0';
}

struct unit {
        const char *name;
        uint64_t factor;
};

static int read_quantity(const char *s, const struct unit *units, size_t n_units, uint64_t *ret)
{
        uint64_t value;
        int r;

        r = read_digits(&s, &value);
        if (r < 0)
                return r;
        for (size_t i = 0; i < n_units; i++) {
                if (strcasecmp(s, units[i].name) != 0)
                        continue;
                if (__builtin_mul_overflow(value, units[i].factor, &value))
                        return -ERANGE;
                *ret = value;
                return 0;
        }
        return -EINVAL;
}

int str_to_bytes(const char *s, uint64_t *ret)
{
        static const struct unit units[] = {
                {"", 1},
                {"B", 1},
                {"k", UINT64_C(1) << 10},
                {"kB", UINT64_C(1) << 10},
                {"KiB", UINT64_C(1) << 10},
                {"M", UINT64_C(1) << 20},
                {"MB", UINT64_C(1) << 20},
                {"MiB", UINT64_C(1) << 20},
                {"G", UINT64_C(1) << 30},
                {"GB", UINT64_C(1) << 30},
                {"GiB", UINT64_C(1) << 30},
                {"T", UINT64_C(1) << 40},
                {"TB", UINT64_C(1) << 40},
                {"TiB", UINT64_C(1) << 40},
        };

        return read_quantity(s, units, N_ELEMENTS(units), ret);
}

int str_to_ms(const char *s, uint64_t *ret)
{
        static const struct unit units[] = {
                {"ms", 1},          {"s", 1000},         {"m", 60 * 1000},
                {"h", 3600 * 1000}, {"d", 86400 * 1000}, {"w", 7 * 86400 * 1000},
        };

        if (strcmp(s, "0") == 0) {
                *ret = 0;
                return 0;
        }
        return read_quantity(s, units, N_ELEMENTS(units), ret);
}

/* Table 3-7 of the Unicode standard: well-formed byte sequences. Returns the length, 0 when
 * ill-formed. */
static size_t utf8_sequence(const unsigned char *s, size_t n)
{
        unsigned char low = 0x80, high = 0xbf;
        size_t length;

        if (s[0] < 0x80)
                return 1;
        if (s[0] < 0xc2 || s[0] > 0xf4)
                return 0;
        length = s[0] < 0xe0 ? 2 : s[0] < 0xf0 ? 3 : 4;
        if (n < length)
                return 0;
        if (s[0] == 0xe0)
                low = 0xa0;
        else if (s[0] == 0xed)
                high = 0x9f;
        else if (s[0] == 0xf0)
                low = 0x90;
        else if (s[0] == 0xf4)
                high = 0x8f;
        if (s[1] < low || s[1] > high)
                return 0;
        for (size_t i = 2; i < length; i++)
                if ((s[i] & 0xc0) != 0x80)
                        return 0;
        return length;
}

size_t str_turn_length(struct span s)
{
        const unsigned char *c = (const unsigned char *)s.at;
        bool is = s.n >= 3 && c[0] == 0xe2 &&
                  ((c[1] == 0x80 && c[2] >= 0xaa && c[2] <= 0xae) ||
                   (c[1] == 0x81 && c[2] >= 0xa6 && c[2] <= 0xa9));

        return is ? 3 : 0;
}

bool str_is_utf8(struct span s)
{
        const unsigned char *at = (const unsigned char *)s.at;
        size_t i = 0;

        while (i < s.n) {
                size_t length;
                uint64_t eight;

                /* Most text is ASCII: eight bytes at a step. */
                if (s.n - i >= sizeof(eight)) {
                        memcpy(&eight, at + i, sizeof(eight));
                        if ((eight & UINT64_C(0x8080808080808080)) == 0) {
                                i += sizeof(eight);
                                continue;
                        }
                }
                length = utf8_sequence(at + i, s.n - i);
                if (length == 0)
                        return false;
                i += length;
        }
        return true;
}

struct span str_head(struct span s, size_t max)
{
        if (s.n <= max)
                return s;
        while (max > 0 && ((unsigned char)s.at[max] & 0xc0) == 0x80)
                max--;
        return (struct span){s.at, max};
}

char *str_mended(struct span s)
{
        const unsigned char *at = (const unsigned char *)s.at;
        _cleanup_buf_ struct buf b = {0};
        bool was_broken = false;

        buf_init(&b, 0);
        for (size_t i = 0; i < s.n;) {
                size_t length = utf8_sequence(at + i, s.n - i);

                if (length > 0)
                        (void)buf_add(&b, s.at + i, length);
                else if (!was_broken)
                        (void)buf_add_text(&b, "…");
                was_broken = length == 0;
                i += MAX2(length, 1);
        }
        return b.n > 0 || b.failed ? buf_steal(&b, NULL) : strdup("");
}

#define NEAREST_MAX_BYTES 64 /* names are short; more is not a slip of the finger */

/* Optimal string alignment: insertions, deletions, substitutions, swaps of neighbours; case does
 * not count. */
static size_t edit_distance(const char *a, size_t n_a, const char *b, size_t n_b)
{
        size_t rows[3][NEAREST_MAX_BYTES + 1], *before = rows[0], *last = rows[1], *now = rows[2];

        for (size_t j = 0; j <= n_b; j++)
                last[j] = j;
        for (size_t i = 1; i <= n_a; i++) {
                size_t *swap;

                now[0] = i;
                for (size_t j = 1; j <= n_b; j++) {
                        int x = tolower((unsigned char)a[i - 1]),
                            y = tolower((unsigned char)b[j - 1]);
                        size_t best = last[j - 1] + (x != y);

                        best = MIN2(best, last[j] + 1);
                        best = MIN2(best, now[j - 1] + 1);
                        if (i > 1 && j > 1 && x == tolower((unsigned char)b[j - 2]) &&
                            y == tolower((unsigned char)a[i - 2]))
                                best = MIN2(best, before[j - 2] + 1);
                        now[j] = best;
                }
                swap = before;
                before = last;
                last = now;
                now = swap;
        }
        return last[n_b];
}

const char *str_nearest(const char *word, const char *const *candidates, size_t n)
{
        size_t n_word = strlen(word), best_distance = SIZE_MAX;
        const char *best = NULL;

        if (n_word > NEAREST_MAX_BYTES)
                return NULL;
        for (size_t i = 0; i < n; i++) {
                size_t n_candidate = strlen(candidates[i]), distance;
                /* A third of the longer word may be wrong, but of a short one at least a letter is
                 * right. */
                size_t most = MAX2(MAX2(n_word, n_candidate) / 3, (size_t)1);

                if (n_candidate > NEAREST_MAX_BYTES)
                        continue;
                distance = edit_distance(word, n_word, candidates[i], n_candidate);
                if (distance > most || distance >= MAX2(n_word, n_candidate) ||
                    distance >= best_distance)
                        continue;
                best_distance = distance;
                best = candidates[i];
        }
        return best;
}

int strlist_add_span(struct strlist *l, struct span s)
{
        char *text;

        /* Room doubles at powers of two, so the count alone tells it. */
        if ((l->n & (l->n - 1)) == 0) {
                char **at = reallocarray(l->at, l->n ? l->n * 2 : 1, sizeof(*at));

                if (!at)
                        return -ENOMEM;
                l->at = at;
        }
        text = str_dup_span(s);
        if (!text)
                return -ENOMEM;
        l->at[l->n++] = text;
        return 0;
}

int strlist_add(struct strlist *l, const char *s)
{
        return strlist_add_span(l, span_of(s));
}

bool strlist_has(const struct strlist *l, const char *s)
{
        for (size_t i = 0; i < l->n; i++)
                if (strcmp(l->at[i], s) == 0)
                        return true;
        return false;
}

char *strlist_join(const struct strlist *l, const char *between)
{
        size_t n_between = strlen(between), n = 1;
        char *joined, *at;

        for (size_t i = 0; i < l->n; i++)
                n += strlen(l->at[i]) + n_between;
        at = joined = malloc(n);
        if (!joined)
                return NULL;
        for (size_t i = 0; i < l->n; i++) {
                size_t n_text = strlen(l->at[i]);

                if (i > 0)
                        at = mempcpy(at, between, n_between);
                at = mempcpy(at, l->at[i], n_text);
        }
        *at = '\0';
        return joined;
}

void strlist_done(struct strlist *l)
{
        for (size_t i = 0; i < l->n; i++)
                free(l->at[i]);
        free(l->at);
        *l = (struct strlist){0};
}
