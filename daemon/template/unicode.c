#include "daemon/template/unicode.h"

static bool is_in(uint32_t c, const struct unicode_range *ranges, size_t n)
{
        size_t low = 0, high = n;

        while (low < high) {
                size_t mid = (low + high) / 2;

                if (c > ranges[mid].last)
                        low = mid + 1;
                else if (c < ranges[mid].first)
                        high = mid;
                else
                        return (c - ranges[mid].first) % ranges[mid].step == 0;
        }
        return false;
}

static bool find_shift(uint32_t c, const struct unicode_shift *rows, size_t n, uint32_t *ret)
{
        size_t low = 0, high = n;

        while (low < high) {
                size_t mid = (low + high) / 2;

                if (c > rows[mid].last) {
                        low = mid + 1;
                } else if (c < rows[mid].first) {
                        high = mid;
                } else if ((c - rows[mid].first) % rows[mid].step == 0) {
                        *ret = (uint32_t)((int32_t)c + rows[mid].delta);
                        return true;
                } else {
                        return false;
                }
        }
        return false;
}

static uint32_t shift(uint32_t c, const struct unicode_shift *rows, size_t n)
{
        uint32_t to;

        return find_shift(c, rows, n, &to) ? to : c;
}

static const struct unicode_special *special(uint32_t c, const struct unicode_special *rows,
                                             size_t n)
{
        size_t low = 0, high = n;

        while (low < high) {
                size_t mid = (low + high) / 2;

                if (c > rows[mid].from)
                        low = mid + 1;
                else if (c < rows[mid].from)
                        high = mid;
                else
                        return &rows[mid];
        }
        return NULL;
}

bool unicode_is_word(uint32_t c)
{
        if (c < 0x80)
                return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || c == '_' ||
                       (c >= 'a' && c <= 'z');
        return is_in(c, unicode_word_ranges, n_unicode_word_ranges);
}

bool unicode_is_printable(uint32_t c)
{
        if (c < 0x7f)
                return c >= 0x20;
        return is_in(c, unicode_printable_ranges, n_unicode_printable_ranges);
}

bool unicode_is_space(uint32_t c)
{
        if (c < 0x80)
                return c == ' ' || (c >= 0x09 && c <= 0x0d) || (c >= 0x1c && c <= 0x1f);
        return is_in(c, unicode_space_ranges, n_unicode_space_ranges);
}

bool unicode_is_upper(uint32_t c)
{
        if (c < 0x80)
                return c >= 'A' && c <= 'Z';
        return is_in(c, unicode_upper_ranges, n_unicode_upper_ranges);
}

bool unicode_is_lower(uint32_t c)
{
        if (c < 0x80)
                return c >= 'a' && c <= 'z';
        return is_in(c, unicode_lower_ranges, n_unicode_lower_ranges);
}

bool unicode_is_titled(uint32_t c)
{
        if (c < 0x80)
                return false;
        return is_in(c, unicode_titled_ranges, n_unicode_titled_ranges);
}

bool unicode_is_line_break(uint32_t c)
{
        return (c >= 0x0a && c <= 0x0d) || (c >= 0x1c && c <= 0x1e) || c == 0x85 || c == 0x2028 ||
               c == 0x2029;
}

uint32_t utf8_next(const char **at, const char *end)
{
        const unsigned char *p = (const unsigned char *)*at;
        size_t left = (size_t)(end - *at);

        if (p[0] < 0x80 || left < 2) {
                *at += 1;
                return p[0];
        }
        if (p[0] < 0xe0 || left < 3) {
                *at += 2;
                return ((p[0] & 0x1fu) << 6) | (p[1] & 0x3fu);
        }
        if (p[0] < 0xf0 || left < 4) {
                *at += 3;
                return ((p[0] & 0x0fu) << 12) | ((p[1] & 0x3fu) << 6) | (p[2] & 0x3fu);
        }
        *at += 4;
        return ((p[0] & 0x07u) << 18) | ((p[1] & 0x3fu) << 12) | ((p[2] & 0x3fu) << 6) |
               (p[3] & 0x3fu);
}

size_t utf8_write(uint32_t c, char ret[4])
{
        if (c < 0x80) {
                ret[0] = (char)c;
                return 1;
        }
        if (c < 0x800) {
                ret[0] = (char)(0xc0 | (c >> 6));
                ret[1] = (char)(0x80 | (c & 0x3f));
                return 2;
        }
        if (c < 0x10000) {
                ret[0] = (char)(0xe0 | (c >> 12));
                ret[1] = (char)(0x80 | ((c >> 6) & 0x3f));
                ret[2] = (char)(0x80 | (c & 0x3f));
                return 3;
        }
        ret[0] = (char)(0xf0 | (c >> 18));
        ret[1] = (char)(0x80 | ((c >> 12) & 0x3f));
        ret[2] = (char)(0x80 | ((c >> 6) & 0x3f));
        ret[3] = (char)(0x80 | (c & 0x3f));
        return 4;
}

int utf8_add(struct buf *out, uint32_t c)
{
        char bytes[4];

        return buf_add(out, bytes, utf8_write(c, bytes));
}

size_t utf8_length(struct span s)
{
        size_t n = 0;

        for (size_t i = 0; i < s.n; i++)
                n += ((unsigned char)s.at[i] & 0xc0) != 0x80;
        return n;
}

size_t utf8_offset(struct span s, size_t index)
{
        size_t i = 0;

        for (; i < s.n; i++)
                if (((unsigned char)s.at[i] & 0xc0) != 0x80 && index-- == 0)
                        return i;
        return s.n;
}

const char *utf8_previous(const char *begin, const char *at)
{
        do
                at--;
        while (at > begin && ((unsigned char)*at & 0xc0) == 0x80);
        return at;
}

static int add_special(struct buf *out, const struct unicode_special *row)
{
        int r = 0;

        for (size_t i = 0; i < 3 && row->to[i] && !r; i++)
                r = utf8_add(out, row->to[i]);
        return r;
}

/* The ASCII characters at the beginning, letters from first to last in the other case; *s is the
 * rest. */
static int add_ascii(struct buf *out, struct span *s, char first, char last, int *ret_before)
{
        size_t n = 0;
        char *to;
        int r;

        while (n < s->n && (unsigned char)s->at[n] < 0x80)
                n++;
        if (n == 0)
                return 0;
        r = buf_add(out, s->at, n);
        if (r)
                return r;
        to = out->at + out->n - n;
        for (size_t i = 0; i < n; i++)
                if (to[i] >= first && to[i] <= last)
                        to[i] ^= 0x20;
        *ret_before = s->at[n - 1];
        s->at += n;
        s->n -= n;
        return 0;
}

int unicode_add_upper(struct buf *out, struct span s)
{
        int before = ' ', r = add_ascii(out, &s, 'a', 'z', &before);
        const char *at = s.at, *end = s.at + s.n;

        while (at < end && !r) {
                uint32_t c = utf8_next(&at, end);
                const struct unicode_special *row = NULL;

                if (c >= 0x80)
                        row = special(c, unicode_special_upper, n_unicode_special_upper);
                r = row ? add_special(out, row)
                        : utf8_add(out, shift(c, unicode_to_upper, n_unicode_to_upper));
        }
        return r;
}

static bool is_cased(uint32_t c)
{
        return unicode_is_upper(c) || unicode_is_lower(c) || unicode_is_titled(c);
}

int unicode_add_lower(struct buf *out, struct span s)
{
        int last = ' ', r = add_ascii(out, &s, 'A', 'Z', &last);
        const char *at = s.at, *end = s.at + s.n;
        uint32_t before = (uint32_t)last;

        while (at < end && !r) {
                uint32_t c = utf8_next(&at, end);
                const struct unicode_special *row = NULL;

                if (c >= 0x80)
                        row = special(c, unicode_special_lower, n_unicode_special_lower);
                if (row) {
                        r = add_special(out, row);
                } else if (c == 0x3a3) { /* sigma has a form of its own at the end of a word */
                        const char *peek = at;
                        bool is_final =
                                is_cased(before) && (at == end || !is_cased(utf8_next(&peek, end)));

                        r = utf8_add(out, is_final ? 0x3c2 : 0x3c3);
                } else {
                        r = utf8_add(out, shift(c, unicode_to_lower, n_unicode_to_lower));
                }
                before = c;
        }
        return r;
}

int unicode_add_capitalized(struct buf *out, struct span s)
{
        const char *at = s.at;
        const struct unicode_special *row;
        uint32_t c, to;
        int r;

        if (s.n == 0)
                return 0;
        c = utf8_next(&at, s.at + s.n);
        row = special(c, unicode_special_title, n_unicode_special_title);
        if (row) {
                r = add_special(out, row);
        } else {
                if (!find_shift(c, unicode_to_title, n_unicode_to_title, &to))
                        to = shift(c, unicode_to_upper, n_unicode_to_upper);
                r = utf8_add(out, to);
        }
        if (r)
                return r;
        return unicode_add_lower(out, (struct span){at, (size_t)(s.at + s.n - at)});
}

struct span unicode_trim(struct span s, bool left, bool right)
{
        const char *at = s.at, *end = s.at + s.n;

        while (left && at < end) {
                const char *next = at;

                if (!unicode_is_space(utf8_next(&next, end)))
                        break;
                at = next;
        }
        while (right && at < end) {
                const char *before = utf8_previous(at, end), *next = before;

                if (!unicode_is_space(utf8_next(&next, end)))
                        break;
                end = before;
        }
        return (struct span){at, (size_t)(end - at)};
}
