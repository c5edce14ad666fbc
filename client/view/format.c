#include "client/view/format.h"

#include <inttypes.h>
#include <locale.h>
#include <stdio.h>
#include <wchar.h>

#include "common/str.h"

const char *format_money(uint64_t nanousd, char ret[FORMAT_BYTES])
{
        uint64_t n = nanousd;

        if (n == 0)
                snprintf(ret, FORMAT_BYTES, "$0");
        else if (n < 100000)
                snprintf(ret, FORMAT_BYTES, "<$0.0001");
        else if (n < 1000000000)
                snprintf(ret, FORMAT_BYTES, "$0.%04" PRIu64,
                         MIN2((n + 50000) / 100000, (uint64_t)9999));
        else {
                n = (n + 5000000) / 10000000;
                snprintf(ret, FORMAT_BYTES, "$%" PRIu64 ".%02" PRIu64, n / 100, n % 100);
        }
        return ret;
}

const char *format_ms(uint64_t ms, char ret[FORMAT_BYTES])
{
        uint64_t s = ms / 1000;

        if (ms < 1000)
                snprintf(ret, FORMAT_BYTES, "%" PRIu64 " ms", ms);
        else if (s < 60)
                snprintf(ret, FORMAT_BYTES, "%" PRIu64 ".%" PRIu64 " s", s, ms % 1000 / 100);
        else if (s < 3600)
                snprintf(ret, FORMAT_BYTES, "%" PRIu64 ":%02" PRIu64, s / 60, s % 60);
        else
                snprintf(ret, FORMAT_BYTES, "%" PRIu64 ":%02" PRIu64 ":%02" PRIu64, s / 3600,
                         s / 60 % 60, s % 60);
        return ret;
}

static const char *format_scaled(uint64_t n, uint64_t step, const char *const *units,
                                 size_t n_units, char ret[FORMAT_BYTES])
{
        uint64_t unit = 1;
        size_t i = 0;

        while (i + 1 < n_units && n / unit >= step) {
                unit *= step;
                i++;
        }
        if (i == 0)
                snprintf(ret, FORMAT_BYTES, "%" PRIu64 "%s", n, units[0]);
        else
                snprintf(ret, FORMAT_BYTES, "%" PRIu64 ".%" PRIu64 "%s", n / unit,
                         n % unit * 10 / unit, units[i]);
        return ret;
}

const char *format_count(uint64_t n, char ret[FORMAT_BYTES])
{
        static const char *const units[] = {"", "k", "M", "G"};

        return format_scaled(n, 1000, units, N_ELEMENTS(units), ret);
}

const char *format_bytes(uint64_t n, char ret[FORMAT_BYTES])
{
        static const char *const units[] = {" B", " KiB", " MiB", " GiB", " TiB"};

        return format_scaled(n, 1024, units, N_ELEMENTS(units), ret);
}

#define CHANGE_MAX \
        99999u /* percent: what is more has no place in a table, and is said to be more */

const char *format_change(uint64_t is, uint64_t was, char ret[FORMAT_BYTES])
{
        if (was == 0)
                ret[0] = '\0';
        else if (is < was)
                snprintf(ret, FORMAT_BYTES, "−%u %%",
                         (unsigned)((double)(was - is) * 100 / (double)was));
        else if ((double)(is - was) * 100 / (double)was > CHANGE_MAX)
                snprintf(ret, FORMAT_BYTES, ">+%u %%", CHANGE_MAX);
        else if (is > was)
                snprintf(ret, FORMAT_BYTES, "+%u %%",
                         (unsigned)((double)(is - was) * 100 / (double)was));
        else
                snprintf(ret, FORMAT_BYTES, "0 %%");
        return ret;
}

unsigned format_share(uint64_t part, uint64_t whole)
{
        return whole == 0      ? 0
               : part >= whole ? 100
                               : (unsigned)((double)part * 100 / (double)whole);
}

void format_shares(const uint64_t *parts, size_t n, unsigned *ret)
{
        uint64_t whole = 0;
        unsigned rest = 100;

        for (size_t i = 0; i < n; i++)
                whole += parts[i];
        for (size_t i = 0; i < n; i++)
                rest -= ret[i] = format_share(parts[i], whole);
        for (rest = whole > 0 ? rest : 0; rest > 0; rest--) {
                double most = -1;
                size_t best = 0;

                for (size_t i = 0; i < n; i++) {
                        double lost = 100.0 * (double)parts[i] / (double)whole - ret[i];

                        if (lost > most && (ret[i] < 99 || parts[i] == whole)) {
                                most = lost;
                                best = i;
                        }
                }
                ret[best]++;
        }
}

/* Widths are known to the C library only in a locale of UTF-8, whatever the user's is. */
static int columns_of(wchar_t c)
{
        static bool is_known;
        int w;

        if (!is_known)
                is_known = setlocale(LC_CTYPE, "C.UTF-8") != NULL;
        w = wcwidth(c);
        return w >= 0 ? w : c < 0x1100 ? 1 : 2;
}

/* Bytes of the UTF-8 character that begins here; 0: none does. */
static size_t decode(struct span text, wchar_t *ret)
{
        unsigned char first = (unsigned char)*text.at;
        size_t n = first < 0x80 ? 1 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
        wchar_t c = n == 1 ? first : first & (0xff >> (n + 1));

        if (n > text.n || !str_is_utf8((struct span){text.at, n}))
                return 0;
        for (size_t i = 1; i < n; i++)
                c = c << 6 | (text.at[i] & 0x3f);
        *ret = c;
        return n;
}

/* The next character: its bytes, its columns; a byte that is none, a control, or a mark that turns
 * the direction of writing, counts as one '?'. */
static size_t next_char(struct span text, size_t *ret_columns, bool *ret_is_plain)
{
        wchar_t c = 0;
        size_t n = decode(text, &c);

        *ret_is_plain = n > 0 && c >= ' ' && c != 0x7f && (c < 0x80 || c >= 0xa0) &&
                        str_turn_length(text) == 0;
        *ret_columns = c >= 0xa0 && *ret_is_plain ? (size_t)columns_of(c) : 1;
        return n > 0 ? n : 1;
}

size_t format_width(struct span text)
{
        size_t total = 0, columns, n;
        bool is_plain;

        for (; text.n > 0; text.at += n, text.n -= n) {
                n = next_char(text, &columns, &is_plain);
                total += columns;
        }
        return total;
}

static void add_chars(struct buf *b, struct span text, size_t room)
{
        size_t columns, n;
        bool is_plain;

        for (; text.n > 0; text.at += n, text.n -= n) {
                n = next_char(text, &columns, &is_plain);
                if (columns > room)
                        break;
                room -= columns;
                (void)(is_plain ? buf_add(b, text.at, n) : buf_add_char(b, '?'));
        }
}

void format_cut(struct buf *b, struct span text, size_t columns)
{
        if (format_width(text) <= columns) {
                add_chars(b, text, columns);
        } else if (columns > 0) {
                add_chars(b, text, columns - 1);
                (void)buf_add_text(b, "…");
        }
}

void format_cut_front(struct buf *b, struct span text, size_t columns)
{
        size_t width = format_width(text), dropped, n;
        bool is_plain;

        if (width <= columns || columns == 0) {
                add_chars(b, text, columns);
                return;
        }
        for (; text.n > 0 && width > columns - 1; text.at += n, text.n -= n) {
                n = next_char(text, &dropped, &is_plain);
                width -= dropped;
        }
        (void)buf_add_text(b, "…");
        add_chars(b, text, columns - 1);
}

void format_word(struct buf *b, const char *text)
{
        static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                    "0123456789/._-+,:@%";

        if (*text && strspn(text, plain) == strlen(text)) {
                (void)buf_add_text(b, text);
                return;
        }
        (void)buf_add_text(b, "'");
        for (; *text; text++)
                (void)(*text == '\'' ? buf_add_text(b, "'\\''") : buf_add(b, text, 1));
        (void)buf_add_text(b, "'");
}

void format_scrub(char *text)
{
        for (unsigned char *c = (unsigned char *)text; *c; c++) {
                if ((*c < ' ' && *c != '\n' && *c != '\t') || *c == 0x7f)
                        *c = '?';
                if (*c == 0xc2 && c[1] >= 0x80 && c[1] < 0xa0) /* the controls of Latin 1 */
                        *c = c[1] = '?';
                if (str_turn_length((struct span){(char *)c, strnlen((char *)c, 3)}) > 0)
                        memset(c, '?', 3);
        }
}
