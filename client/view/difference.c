#include "client/view/difference.h"

#include <stdio.h>

#include "client/view/format.h"
#include "common/json.h"
#include "common/str.h"

#define PATH_BYTES 512
#define PATH_COLUMNS 28 /* values stand below each other where names are not longer */
#define DEPTH_MAX 16

struct difference {
        struct buf *b;
        const char *indent;
        size_t columns, n_lines;
        char path[PATH_BYTES];
        unsigned depth;
};

static void write_line(struct difference *d, const char *mark, struct span text)
{
        _cleanup_buf_ struct buf line = {0};

        if (d->n_lines++ >= DIFFERENCE_LINES_MAX)
                return;
        buf_init(&line, 0);
        for (size_t i = 0; i < text.n; i++)
                buf_add_text(&line, text.at[i] == '\t' ? "    " : (char[]){text.at[i], '\0'});
        (void)(buf_add_text(d->b, d->indent), buf_add_text(d->b, mark));
        format_cut(d->b, buf_span(&line),
                   d->columns > strlen(d->indent) + 12 ? d->columns - strlen(d->indent) - 4 : 12);
        buf_add_char(d->b, '\n');
}

/* As one line: texts as they are, the rest as JSON without quotes of names. */
static void add_short(struct buf *b, const json_t *value)
{
        const char *name;
        json_t *item;
        size_t i, n = 0;

        if (json_is_string(value)) {
                buf_add_text(b, json_string_value(value));
        } else if (json_is_object(value)) {
                buf_add_char(b, '{');
                json_object_foreach ((json_t *)value, name, item) {
                        (void)(buf_add_text(b, n++ ? ", " : ""), buf_add_text(b, name));
                        buf_add_text(b, ": ");
                        add_short(b, item);
                }
                buf_add_char(b, '}');
        } else if (json_is_array(value)) {
                buf_add_char(b, '[');
                json_array_foreach ((json_t *)value, i, item) {
                        buf_add_text(b, i ? ", " : "");
                        add_short(b, item);
                }
                buf_add_char(b, ']');
        } else {
                _cleanup_free_ char *text = json_to_text(value);

                buf_add_text(b, text ? text : "?");
        }
}

/* Both shortened to the place where they begin to differ, so that it is seen. */
static void add_pair(struct difference *d, struct buf *line, const json_t *old, const json_t *new)
{
        _cleanup_buf_ struct buf a = {0}, b = {0};
        size_t room = d->columns > strlen(d->indent) + PATH_COLUMNS + 30
                              ? (d->columns - strlen(d->indent) - PATH_COLUMNS - 6) / 2
                              : 24,
               same = 0;

        buf_init(&a, 0);
        buf_init(&b, 0);
        add_short(&a, old);
        add_short(&b, new);
        while (same < a.n && same < b.n && a.at[same] == b.at[same])
                same++;
        same = same > room / 3 && MAX2(a.n, b.n) > room ? same - room / 3 : 0;
        while (same > 0 && same < MIN2(a.n, b.n) && ((unsigned char)a.at[same] & 0xc0) == 0x80)
                same--;
        for (int i = 0; i < 2; i++) {
                struct span text = i ? buf_span(&b) : buf_span(&a);

                buf_add_text(line, i ? " → " : "");
                buf_add_text(line, same ? "…" : "");
                same = MIN2(same, text.n);
                format_cut(line, (struct span){text.at + same, text.n - same}, room);
        }
}

static void write_leaf(struct difference *d, const json_t *old, const json_t *new)
{
        _cleanup_buf_ struct buf line = {0};
        size_t n = strlen(d->path);

        if (d->n_lines++ >= DIFFERENCE_LINES_MAX)
                return;
        buf_init(&line, 0);
        buf_add_text(&line, d->path);
        for (; n > 0 && n < PATH_COLUMNS; n++)
                buf_add_char(&line, ' ');
        buf_add_text(&line, d->path[0] ? "  " : "");
        if (old && new) {
                add_pair(d, &line, old, new);
        } else {
                buf_add_text(&line, old ? "- " : "+ ");
                add_short(&line, old ? old : new);
        }
        buf_add_text(d->b, d->indent);
        format_cut(d->b, buf_span(&line),
                   d->columns > strlen(d->indent) + 20 ? d->columns - strlen(d->indent) : 20);
        buf_add_char(d->b, '\n');
}

/* ---- texts of several lines ---- */

static struct span next_line(struct span *rest)
{
        const char *end = memchr(rest->at, '\n', rest->n);
        struct span line = {rest->at, end ? (size_t)(end - rest->at) : rest->n};
        size_t n = line.n + (end != NULL);

        *rest = (struct span){rest->at + n, rest->n - n};
        return line;
}

static bool is_equal_span(struct span a, struct span b)
{
        return a.n == b.n && memcmp(a.at, b.at, a.n) == 0;
}

/* Without the lines that both begin with, and those that both end with. */
static void trim_lines(struct span *a, struct span *b)
{
        for (;;) {
                struct span x = *a, y = *b;

                if (x.n == 0 || y.n == 0 || !is_equal_span(next_line(&x), next_line(&y)))
                        break;
                *a = x;
                *b = y;
        }
        for (;;) {
                size_t n = 0;

                while (n < a->n && n < b->n && a->at[a->n - 1 - n] == b->at[b->n - 1 - n] &&
                       (n == 0 || a->at[a->n - 1 - n] != '\n'))
                        n++;
                if (n == 0 || n >= a->n || n >= b->n || a->at[a->n - 1 - n] != '\n' ||
                    b->at[b->n - 1 - n] != '\n')
                        break;
                a->n -= n;
                b->n -= n;
        }
}

static void write_texts(struct difference *d, const char *old, const char *new)
{
        struct span a = span_of(old), b = span_of(new);
        size_t half;

        trim_lines(&a, &b);
        half = b.n > 0 ? DIFFERENCE_LINES_MAX / 2 : SIZE_MAX;
        for (size_t n = 0; a.n > 0 && n <= half; n++)
                write_line(d, "- ", next_line(&a));
        while (b.n > 0)
                write_line(d, "+ ", next_line(&b));
}

/* ---- values ---- */

static void compare(struct difference *d, const json_t *old, const json_t *new);

static void compare_below(struct difference *d, const char *name, const json_t *old,
                          const json_t *new)
{
        size_t n = strlen(d->path);

        if (json_equal(old, new) || d->depth >= DEPTH_MAX)
                return;
        snprintf(d->path + n, sizeof(d->path) - n, "%s%s", n && *name ? "." : "", name);
        d->depth++;
        compare(d, old, new);
        d->depth--;
        d->path[n] = '\0';
}

static void compare_objects(struct difference *d, const json_t *old, const json_t *new)
{
        const char *name;
        json_t *value;

        json_object_foreach ((json_t *)old, name, value)
                compare_below(d, name, value, json_object_get(new, name));
        json_object_foreach ((json_t *)new, name, value)
                if (!json_object_get(old, name))
                        compare_below(d, name, NULL, value);
}

static const char *name_of(const json_t *item)
{
        static const char *const keys[] = {"name", "id", "path", "endpoint"};

        for (size_t i = 0; i < N_ELEMENTS(keys); i++)
                if (json_get_text(item, keys[i]))
                        return json_get_text(item, keys[i]);
        return json_string_value(item);
}

static const json_t *find_named(const json_t *list, const char *name)
{
        json_t *item;
        size_t i;

        json_array_foreach ((json_t *)list, i, item)
                if (str_is_equal(name_of(item), name))
                        return item;
        return NULL;
}

static bool is_named(const json_t *list)
{
        json_t *item;
        size_t i;

        json_array_foreach ((json_t *)list, i, item)
                if (!name_of(item) || find_named(list, name_of(item)) != item)
                        return false;
        return true;
}

static void compare_lists(struct difference *d, const json_t *old, const json_t *new)
{
        size_t n_before = d->n_lines, i;
        json_t *item;

        if (!is_named(old) || !is_named(new)) {
                for (i = 0; i < MAX2(json_array_size(old), json_array_size(new)); i++) {
                        char number[24];

                        snprintf(number, sizeof(number), "%zu", i + 1);
                        compare_below(d, number, json_array_get(old, i), json_array_get(new, i));
                }
                return;
        }
        json_array_foreach ((json_t *)old, i, item)
                compare_below(d, json_is_string(item) ? "" : name_of(item), item,
                              find_named(new, name_of(item)));
        json_array_foreach ((json_t *)new, i, item)
                if (!find_named(old, name_of(item)))
                        compare_below(d, json_is_string(item) ? "" : name_of(item), NULL, item);
        if (d->n_lines == n_before) {
                size_t n = strlen(d->path);

                snprintf(d->path + n, sizeof(d->path) - n, "%s", n ? " (order)" : "(order)");
                write_leaf(d, old, new);
                d->path[n] = '\0';
        }
}

static bool has_lines(const json_t *text)
{
        return text && strchr(json_string_value(text), '\n');
}

static void compare(struct difference *d, const json_t *old, const json_t *new)
{
        if (json_is_object(old) && json_is_object(new))
                compare_objects(d, old, new);
        else if (json_is_array(old) && json_is_array(new))
                compare_lists(d, old, new);
        else if ((!old || json_is_string(old)) && (!new || json_is_string(new)) &&
                 (has_lines(old) || has_lines(new)))
                write_texts(d, old ? json_string_value(old) : "",
                            new ? json_string_value(new) : "");
        else
                write_leaf(d, old, new);
}

int difference_write(const json_t *old, const json_t *new, const char *indent, size_t columns,
                     struct buf *b)
{
        struct difference d = {.b = b, .indent = indent, .columns = columns};

        if (old || new)
                compare(&d, old, new);
        if (d.n_lines > DIFFERENCE_LINES_MAX)
                (void)buf_printf(b, "%s… and %zu more (all with --json)\n", indent,
                                 d.n_lines - DIFFERENCE_LINES_MAX);
        return b->failed;
}
