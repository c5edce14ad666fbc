#include <ctype.h>

#include "daemon/input/reader.h"

/* Markdown with front matter:
 *
 *     file  = blank-line* "---" LF yaml "---" LF body
 *
 * The front matter is the specification. GoCreator reads nothing of the body ("additional
 * documentation"); here it gives the description where the front matter has none, and the first
 * `# heading` the name. Else it is told that nothing of it is used. */

static bool is_fence(struct span line)
{
        while (line.n > 0 && isspace((unsigned char)line.at[line.n - 1]))
                line.n--;
        return span_is_equal(line, SPAN("---"));
}

/* The line at *at without its end; moves *at behind it. */
static struct span next_line(struct span text, size_t *at)
{
        const char *start = text.at + *at, *end = memchr(start, '\n', text.n - *at);
        struct span line = {start, end ? (size_t)(end - start) : text.n - *at};

        *at += line.n + (end ? 1 : 0);
        return line;
}

static bool is_blank(struct span line)
{
        for (size_t i = 0; i < line.n; i++)
                if (!isspace((unsigned char)line.at[i]))
                        return false;
        return true;
}

static bool is_yaml_name(const char *file_name)
{
        return str_has_suffix(file_name, ".yaml") || str_has_suffix(file_name, ".yml") ||
               str_has_suffix(file_name, ".json");
}

bool markdown_split(struct span text, const char *file_name, struct span *ret_front,
                    struct span *ret_body, unsigned *ret_body_line)
{
        size_t at = text.n >= 3 && memcmp(text.at, "\xEF\xBB\xBF", 3) == 0 ? 3 : 0;
        unsigned line_number = 1;
        struct span line = {0};

        if (is_yaml_name(file_name))
                return false; /* there `---` begins a second document, which is a mistake to tell */
        while (at < text.n && is_blank(line = next_line(text, &at)))
                line_number++;
        if (!is_fence(line))
                return false;
        while (at < text.n) {
                size_t start = at;

                line_number++;
                if (!is_fence(next_line(text, &at)))
                        continue;
                *ret_front = (struct span){text.at, start};
                *ret_body = (struct span){text.at + at, text.n - at};
                *ret_body_line = line_number + 1;
                return true;
        }
        return false;
}

static char *heading_of(struct reader *rd, struct span line)
{
        struct span s = str_trim((struct span){line.at + 2, line.n - 2});
        char *text;

        text = s.n > 0 ? str_dup_span(s) : NULL;
        if (s.n > 0 && !text)
                reader_fail(rd, -ENOMEM);
        return text;
}

void markdown_read_body(struct reader *rd, struct span body, unsigned line)
{
        struct yaml_node place = {.line = line, .column = 1};
        size_t at = 0, start = 0, end = body.n;

        while (start < body.n && is_blank(next_line(body, &at))) {
                start = at;
                place.line++;
        }
        if (start >= body.n || rd->error)
                return;
        at = start;
        if (body.n - start > 2 && memcmp(body.at + start, "# ", 2) == 0) {
                struct span heading = next_line(body, &at);

                if (!rd->model->name)
                        rd->model->name = heading_of(rd, heading);
                start = at;
        }
        while (end > start && isspace((unsigned char)body.at[end - 1]))
                end--;
        while (start < end && isspace((unsigned char)body.at[start]))
                start++;
        if (start == end || rd->error)
                return;
        if (rd->model->description) {
                reader_warn(rd, &place,
                            "the text below the front matter is not used: what is to be made "
                            "stands between the `---` lines");
                return;
        }
        rd->model->description = str_dup_span((struct span){body.at + start, end - start});
        if (!rd->model->description)
                reader_fail(rd, -ENOMEM);
}
