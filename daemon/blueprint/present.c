#include "daemon/blueprint/present.h"

#include <ctype.h>
#include <stdio.h>
#include <strings.h>

#include "daemon/blueprint/layout.h"

/* Facts are read by models and by people, and paid by the token: small maps stand in one line
 * ({name: ID, type: string}), larger ones in block style; a scalar is plain where YAML 1.1 and 1.2
 * both read it as the text that it is, a literal block where it has several lines, else quoted as
 * JSON. */

#define LINE_BYTES 120 /* what still stands in one line */

static bool is_plain_first(char c)
{
        return isalpha((unsigned char)c) || c == '_' || c == '/' || c == '.' || (c & 0x80);
}

static bool is_plain_rest(char c, bool is_flow)
{
        if (isalnum((unsigned char)c) || (c & 0x80))
                return true;
        return strchr(is_flow ? " _/.-+()<>=;$^~" : " _/.-+()<>=;$^~,{}[]!?'\"*&%@", c) &&
               c != '\0';
}

/* Words that some YAML reads as another type. */
static bool is_reserved_word(struct span s)
{
        static const char *const words[] = {"true", "false", "yes",  "no",   "on",  "off",
                                            "y",    "n",     "null", ".inf", ".nan"};

        for (size_t i = 0; i < N_ELEMENTS(words); i++)
                if (strlen(words[i]) == s.n && strncasecmp(words[i], s.at, s.n) == 0)
                        return true;
        return false;
}

/* Line breaks of YAML 1.1 beyond the usual ones, and the mark that some editors write: bytes, and
 * how they stand in quotes. */
static const struct {
        const char *bytes, *escape;
} odd[] = {{"\xc2\x85", "\\u0085"},
           {"\xe2\x80\xa8", "\\u2028"},
           {"\xe2\x80\xa9", "\\u2029"},
           {"\xef\xbb\xbf", "\\ufeff"}};

static bool has_odd_break(struct span s)
{
        size_t i = 0;

        while (i < s.n && !(s.at[i] & 0x80))
                i++;
        for (size_t k = 0; i < s.n && k < N_ELEMENTS(odd); k++)
                if (memmem(s.at + i, s.n - i, odd[k].bytes, strlen(odd[k].bytes)))
                        return true;
        return false;
}

/* As JSON, which YAML reads as it is but for the odd breaks. */
static int write_quoted(struct span s, struct buf *out)
{
        _cleanup_buf_ struct buf b = {0};
        int r;

        if (!has_odd_break(s))
                return json_write_string(out, s);
        r = json_write_string(&b, s);
        for (size_t i = 0; r == 0 && i < b.n;) {
                size_t k = 0;

                while (k < N_ELEMENTS(odd) &&
                       strncmp(b.at + i, odd[k].bytes, strlen(odd[k].bytes)) != 0)
                        k++;
                if (k < N_ELEMENTS(odd)) {
                        (void)buf_add_text(out, odd[k].escape);
                        i += strlen(odd[k].bytes);
                } else {
                        (void)buf_add_char(out, b.at[i++]);
                }
        }
        return r < 0 ? r : out->failed;
}

static bool is_plain(struct span s, bool is_flow)
{
        if (s.n == 0 || !is_plain_first(s.at[0]) || s.at[s.n - 1] == ' ' || is_reserved_word(s))
                return false;
        if (s.at[0] == '.' && s.n > 1 && (isdigit((unsigned char)s.at[1]) || s.at[1] == '.'))
                return false; /* .5 is a number, ... ends a document */
        for (size_t i = 0; i < s.n; i++) {
                if (s.at[i] == ':' && i + 1 < s.n && s.at[i + 1] != ' ')
                        continue; /* http://x */
                if (!is_plain_rest(s.at[i], is_flow))
                        return false;
        }
        return !has_odd_break(s);
}

/* Lines that a literal block gives back as they are. */
static bool is_literal(struct span s)
{
        if (s.n == 0 || s.at[0] == ' ' || s.at[0] == '\n' || s.at[s.n - 1] == '\n' ||
            s.at[s.n - 1] == ' ' || !memchr(s.at, '\n', s.n))
                return false;
        for (size_t i = 0; i < s.n; i++) {
                if ((unsigned char)s.at[i] < 0x20 && s.at[i] != '\n')
                        return false;
                if (s.at[i] == '\n' &&
                    (s.at[i - 1] == ' ' || (i + 3 < s.n && memcmp(s.at + i + 1, "```", 3) == 0)))
                        return false; /* blanks would be lost; a fence would end the facts */
        }
        return !has_odd_break(s);
}

static int write_scalar(const json_t *value, bool is_flow, struct buf *out)
{
        struct span s;

        if (!json_is_string(value))
                return json_write(value, out);
        s = (struct span){json_string_value(value), json_string_length(value)};
        if (is_plain(s, is_flow))
                return buf_add_span(out, s);
        return write_quoted(s, out);
}

static bool is_scalar(const json_t *value)
{
        return !json_is_object(value) && !json_is_array(value);
}

/* Lists and maps with nothing in them are for templates; a prompt does not mention them. */
static bool is_empty(const json_t *value)
{
        return (json_is_array(value) && json_array_size(value) == 0) ||
               (json_is_object(value) && json_object_size(value) == 0);
}

static bool is_block_text(const json_t *value)
{
        return json_is_string(value) &&
               is_literal((struct span){json_string_value(value), json_string_length(value)});
}

static bool is_flat(const json_t *value)
{
        const char *key;
        json_t *item;
        size_t i;

        if (json_is_array(value)) {
                json_array_foreach ((json_t *)value, i, item)
                        if (!is_scalar(item) || is_block_text(item))
                                return false;
                return true;
        }
        json_object_foreach ((json_t *)value, key, item)
                if (is_block_text(item) ||
                    (!is_scalar(item) && !(json_is_array(item) && is_flat(item))))
                        return false;
        return true;
}

static int write_flow(const json_t *value, struct buf *out)
{
        const char *key, *comma = "";
        json_t *item;
        size_t i;
        int r = 0;

        if (is_scalar(value))
                return write_scalar(value, true, out);
        (void)buf_add_char(out, json_is_array(value) ? '[' : '{');
        if (json_is_array(value)) {
                json_array_foreach ((json_t *)value, i, item) {
                        (void)buf_add_text(out, comma);
                        comma = ", ";
                        r = r == 0 ? write_flow(item, out) : r;
                }
        } else {
                json_object_foreach ((json_t *)value, key, item) {
                        if (is_empty(item))
                                continue;
                        (void)(buf_add_text(out, comma), buf_add_text(out, key),
                               buf_add_text(out, ": "));
                        comma = ", ";
                        r = r == 0 ? write_flow(item, out) : r;
                }
        }
        (void)buf_add_char(out, json_is_array(value) ? ']' : '}');
        return r < 0 ? r : out->failed;
}

/* Writes it in one line if it fits there; *ret_fits tells. Starts where the buffer ends. */
static int try_flow(const json_t *value, unsigned indent, struct buf *out, bool *ret_fits)
{
        size_t start = out->n;
        int r = 0;

        *ret_fits = false;
        if (out->failed)
                return out->failed;
        if (is_scalar(value) || !is_flat(value))
                return 0;
        r = write_flow(value, out);
        *ret_fits = r == 0 && out->n - start + indent <= LINE_BYTES &&
                    !memchr(out->at + start, '\n', out->n - start);
        if (!*ret_fits) {
                out->n = start;
                out->at[start] = '\0';
        }
        return r;
}

static void add_indent(struct buf *out, unsigned n)
{
        while (n-- > 0)
                (void)buf_add_char(out, ' ');
}

static int write_literal(struct span s, unsigned indent, struct buf *out)
{
        (void)buf_add_text(out, "|-\n");
        while (s.n > 0) {
                const char *end = memchr(s.at, '\n', s.n);
                size_t n = end ? (size_t)(end - s.at) : s.n;

                if (n > 0)
                        add_indent(out, indent);
                (void)buf_add(out, s.at, n);
                (void)buf_add_char(out, '\n');
                n += end ? 1 : 0;
                s.at += n;
                s.n -= n;
        }
        return out->failed;
}

int present_key(const char *key, const json_t *value, unsigned indent, struct buf *out)
{
        bool fits;
        int r;

        (void)(buf_add_text(out, key), buf_add_char(out, ':'));
        if (is_scalar(value)) {
                (void)buf_add_char(out, ' ');
                if (json_is_string(value)) {
                        struct span s = {json_string_value(value), json_string_length(value)};

                        if (is_literal(s))
                                return write_literal(s, indent + 2, out);
                }
                r = write_scalar(value, false, out);
                return r < 0 ? r : buf_add_char(out, '\n');
        }
        (void)buf_add_char(out, ' ');
        r = try_flow(value, indent + (unsigned)strlen(key) + 2, out, &fits);
        if (r < 0)
                return r;
        if (fits)
                return buf_add_char(out, '\n');
        out->at[out->n - 1] = '\n';
        return present_value(value, indent + 2, out);
}

int present_item(const json_t *value, unsigned indent, struct buf *out)
{
        const char *key;
        json_t *member;
        bool fits, is_first = true;
        int r;

        add_indent(out, indent);
        (void)buf_add_text(out, "- ");
        if (out->failed)
                return out->failed;
        if (is_scalar(value)) {
                struct span s = {json_string_value(value), json_string_length(value)};

                if (json_is_string(value) && is_literal(s))
                        return write_literal(s, indent + 2, out);
                r = write_scalar(value, false, out);
                return r < 0 ? r : buf_add_char(out, '\n');
        }
        r = try_flow(value, indent + 2, out, &fits);
        if (r < 0)
                return r;
        if (fits || json_is_array(value)) {
                r = fits ? 0 : write_flow(value, out);
                return r < 0 ? r : buf_add_char(out, '\n');
        }
        json_object_foreach ((json_t *)value, key, member) {
                if (is_empty(member))
                        continue;
                if (!is_first)
                        add_indent(out, indent + 2);
                is_first = false;
                r = present_key(key, member, indent + 2, out);
                if (r < 0)
                        return r;
        }
        return out->failed;
}

/* Block style, each key or item on lines of its own. */
int present_value(const json_t *value, unsigned indent, struct buf *out)
{
        const char *key;
        json_t *item;
        size_t i;
        int r = 0;

        if (json_is_array(value)) {
                json_array_foreach ((json_t *)value, i, item)
                        r = r == 0 ? present_item(item, indent, out) : r;
        } else {
                json_object_foreach ((json_t *)value, key, item) {
                        if (is_empty(item))
                                continue;
                        add_indent(out, indent);
                        r = r == 0 ? present_key(key, item, indent, out) : r;
                }
        }
        return r < 0 ? r : out->failed;
}
