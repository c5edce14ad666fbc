/* Data as YAML for people and models. See yaml_write() in yaml.h. */

#include "common/str.h"
#include "common/yaml.h"

#define STEP 2 /* columns of one level */

static int write_value(struct buf *b, const json_t *value, unsigned column, unsigned depth);

static void add_columns(struct buf *b, unsigned n)
{
        while (n-- > 0)
                buf_add_char(b, ' ');
}

/* The bytes of a line break or a mark that YAML 1.1 readers treat specially, beyond ASCII: NEL, LS,
 * PS, BOM. */
static size_t special_sequence(const unsigned char *s, size_t n)
{
        if (n >= 2 && s[0] == 0xc2 && s[1] >= 0x80 && s[1] <= 0x9f)
                return 2;
        if (n >= 3 && s[0] == 0xe2 && s[1] == 0x80 && (s[2] == 0xa8 || s[2] == 0xa9))
                return 3;
        if (n >= 3 && s[0] == 0xef &&
            ((s[1] == 0xbb && s[2] == 0xbf) || (s[1] == 0xbf && s[2] >= 0xbe)))
                return 3;
        return 0;
}

struct shape {
        bool has_breaks, has_special, has_tabs;
};

static struct shape shape_of(struct span s)
{
        struct shape shape = {0};

        for (size_t i = 0; i < s.n; i++) {
                unsigned char c = (unsigned char)s.at[i];

                if (c == '\n')
                        shape.has_breaks = true;
                else if (c == '\t')
                        shape.has_tabs = true;
                else if (c < 0x20 || c == 0x7f ||
                         special_sequence((const unsigned char *)s.at + i, s.n - i))
                        shape.has_special = true;
        }
        return shape;
}

/* Words that YAML 1.1 or 1.2 reads as something else, in any case. */
static bool is_reserved(struct span s)
{
        static const char *const words[] = {
                "null", "true", "false", "yes",  "no",    "on",    "off",
                "y",    "n",    ".inf",  ".nan", "+.inf", "-.inf",
        };

        for (size_t i = 0; i < N_ELEMENTS(words); i++)
                if (strlen(words[i]) == s.n && strncasecmp(words[i], s.at, s.n) == 0)
                        return true;
        return span_is_equal(s, SPAN("~")) || span_is_equal(s, SPAN("<<"));
}

/* Numbers of all versions (0b1, 0o7, 0x1f, 1_000, 1:30:00, 1e3, 2001-01-01T00:00:00Z), dates, and
 * document marks, generously. */
static bool is_number_like(struct span s)
{
        if (!strchr("0123456789+.", s.at[0]))
                return false;
        for (size_t i = 0; i < s.n; i++)
                if (!memchr("0123456789abcdefABCDEFxXoO_.:+-tTzZ ", s.at[i], 36))
                        return false;
        return true;
}

static bool is_plain(struct span s, struct shape shape)
{
        unsigned char first;

        if (s.n == 0 || shape.has_breaks || shape.has_special || shape.has_tabs)
                return false;
        first = (unsigned char)s.at[0];
        if (!(first >= 0x80 || (first >= '0' && first <= '9') || (first >= 'a' && first <= 'z') ||
              (first >= 'A' && first <= 'Z') || strchr("_/.($<+", first)))
                return false;
        if (s.at[s.n - 1] == ' ' || s.at[s.n - 1] == ':')
                return false;
        for (size_t i = 0; i + 1 < s.n; i++)
                if ((s.at[i] == ':' && s.at[i + 1] == ' ') ||
                    (s.at[i] == ' ' && s.at[i + 1] == '#'))
                        return false;
        if (s.n > 3 && memcmp(s.at, "... ", 4) == 0)
                return false; /* the end of a document, where it begins a line */
        return !is_reserved(s) && !is_number_like(s);
}

/* Double quotes: JSON's escapes, and \u for what would be read as a break or mark. */
static int write_quoted(struct buf *b, struct span s)
{
        _cleanup_buf_ struct buf json = {0};
        int r;

        r = json_write_string(&json, s);
        if (r < 0)
                return r;
        for (size_t i = 0; i < json.n;) {
                const unsigned char *at = (const unsigned char *)json.at + i;
                size_t n = special_sequence(at, json.n - i);

                if (n == 2)
                        buf_printf(b, "\\u%04x", (unsigned)(at[0] & 0x1f) << 6 | (at[1] & 0x3f));
                else if (n == 3)
                        buf_printf(b, "\\u%04x",
                                   (unsigned)(at[0] & 0x0f) << 12 | (unsigned)(at[1] & 0x3f) << 6 |
                                           (at[2] & 0x3f));
                else if (at[0] == 0x7f)
                        buf_add_text(b, "\\u007f");
                else
                        buf_add_char(b, json.at[i]);
                i += n ? n : 1;
        }
        return b->failed;
}

/* A literal block. Its content stands one step right of the collection it is in, which is also what
 * an indentation indicator counts from; the indicator is needed when the first line begins with a
 * blank or is empty. */
static int write_literal(struct buf *b, struct span s, unsigned column)
{
        bool is_marked = s.at[0] == ' ' || s.at[0] == '\n' || s.at[0] == '\t';
        bool ends_in_break = s.at[s.n - 1] == '\n';
        const char *keep = "-";

        if (ends_in_break)
                keep = s.n > 1 && s.at[s.n - 2] == '\n' ? "+" : "";
        buf_printf(b, "|%s%s\n", is_marked ? "2" : "", keep);
        for (size_t from = 0; from < s.n;) {
                const char *end = memchr(s.at + from, '\n', s.n - from);
                size_t n = end ? (size_t)(end - s.at) - from : s.n - from;

                if (n > 0)
                        add_columns(b, column + STEP);
                buf_add(b, s.at + from, n);
                buf_add_char(b, '\n');
                from += n + 1;
        }
        return b->failed;
}

static bool has_text_line(struct span s)
{
        for (size_t i = 0; i < s.n; i++)
                if (s.at[i] != '\n' && s.at[i] != ' ' && s.at[i] != '\t')
                        return true;
        return false;
}

/* Ends the line. `column` is that of the collection the text is in; -1 where no block may stand. */
static int write_text(struct buf *b, struct span s, int column)
{
        struct shape shape = shape_of(s);
        int r;

        if (column >= 0 && shape.has_breaks && !shape.has_special && has_text_line(s))
                return write_literal(b, s, (unsigned)column);
        if (is_plain(s, shape)) {
                r = buf_add_span(b, s);
        } else {
                r = write_quoted(b, s);
        }
        return r < 0 ? r : buf_add_char(b, '\n');
}

static int write_scalar(struct buf *b, const json_t *value, int column)
{
        char text[STR_DOUBLE_BYTES];

        switch (json_typeof(value)) {
        case JSON_STRING:
                return write_text(
                        b, (struct span){json_string_value(value), json_string_length(value)},
                        column);
        case JSON_INTEGER:
                return buf_printf(b, "%lld\n", (long long)json_integer_value(value));
        case JSON_REAL:
                str_from_double(json_real_value(value), text);
                return buf_printf(b, "%s\n", text);
        case JSON_TRUE:
                return buf_add_text(b, "true\n");
        case JSON_FALSE:
                return buf_add_text(b, "false\n");
        case JSON_ARRAY:
                return buf_add_text(b, "[]\n");
        case JSON_OBJECT:
                return buf_add_text(b, "{}\n");
        default:
                return buf_add_text(b, "null\n");
        }
}

static bool is_nested(const json_t *value)
{
        return json_array_size(value) > 0 || json_object_size(value) > 0;
}

/* libyaml takes no "key: value" when the key is longer than 1024 characters; longer ones are
 * written "? key", and ": value" below. */
#define SIMPLE_KEY_BYTES 1000

static int write_key(struct buf *b, const char *key, unsigned column)
{
        struct span s = span_of(key);
        size_t start = b->n;
        int r = is_plain(s, shape_of(s)) ? buf_add_span(b, s) : write_quoted(b, s);

        if (r == 0 && b->n - start > SIMPLE_KEY_BYTES) {
                b->n = start;
                buf_add_text(b, "? ");
                write_quoted(b, s);
                buf_add_char(b, '\n');
                add_columns(b, column);
        }
        return r < 0 ? r : buf_add_char(b, ':');
}

/* The cursor stands at `column` when these begin; every further line is moved there. */
static int write_map(struct buf *b, const json_t *map, unsigned column, unsigned depth)
{
        bool is_first = true;
        const char *key;
        json_t *value;

        json_object_foreach ((json_t *)map, key, value) {
                int r;

                if (!is_first)
                        add_columns(b, column);
                is_first = false;
                r = write_key(b, key, column);
                if (r < 0)
                        return r;
                if (is_nested(value)) {
                        buf_add_char(b, '\n');
                        add_columns(b, column + STEP);
                        r = write_value(b, value, column + STEP, depth);
                } else {
                        buf_add_char(b, ' ');
                        r = write_scalar(b, value, (int)column);
                }
                if (r < 0)
                        return r;
        }
        return b->failed;
}

static int write_list(struct buf *b, const json_t *list, unsigned column, unsigned depth)
{
        size_t i;
        json_t *value;

        json_array_foreach (list, i, value) {
                int r;

                if (i > 0)
                        add_columns(b, column);
                buf_add_text(b, "- ");
                r = is_nested(value) ? write_value(b, value, column + STEP, depth)
                                     : write_scalar(b, value, (int)column);
                if (r < 0)
                        return r;
        }
        return b->failed;
}

static int write_value(struct buf *b, const json_t *value, unsigned column, unsigned depth)
{
        if (depth == YAML_MAX_DEPTH)
                return -E2BIG;
        if (json_is_object(value))
                return write_map(b, value, column, depth + 1);
        return write_list(b, value, column, depth + 1);
}

int yaml_write(const json_t *value, unsigned indent, struct buf *b)
{
        add_columns(b, indent);
        if (is_nested(value))
                return write_value(b, value, indent, 0);
        return write_scalar(b, value, -1);
}
