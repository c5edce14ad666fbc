/* Is a text well-formed XML? What an XML parser refuses without looking at a schema: tags that do
 * not match, attributes that are twice there or have no quotes, a text that goes on after its root.
 * Names are taken loosely, entities and declarations are not read: no false alarm is worth one. */

#include <ctype.h>
#include <stdio.h>

#include "daemon/check/internal.h"

#define DEPTH_MAX 256u
#define ATTRIBUTES_MAX 128u
#define CERTAIN 0.97

struct xml {
        const struct check_view *v;
        struct check_report *r;
        const char *at, *end;
        struct span open[DEPTH_MAX]; /* names of the elements that are open */
        size_t depth;
        bool has_root, has_failed;
};

static unsigned line_at(const struct xml *x, const char *at)
{
        return check_line_of(x->v->subject->text, (size_t)(at - x->v->subject->text.at));
}

static bool fail(struct xml *x, const char *at, const char *what, struct span name)
{
        check_find(x->r, "syntax", line_at(x, at), CERTAIN, "it is not XML: %s%s%.*s%s", what,
                   name.n ? " `" : "", (int)MIN2(name.n, (size_t)60), name.n ? name.at : "",
                   name.n ? "`" : "");
        x->has_failed = true;
        return false;
}

static bool begins(const struct xml *x, const char *mark)
{
        size_t n = strlen(mark);

        return (size_t)(x->end - x->at) >= n && memcmp(x->at, mark, n) == 0;
}

static bool skip_past(struct xml *x, const char *mark, const char *what)
{
        const char *found = memmem(x->at, (size_t)(x->end - x->at), mark, strlen(mark));

        if (!found)
                return fail(x, x->at, what, (struct span){0});
        x->at = found + strlen(mark);
        return true;
}

/* <!DOCTYPE root [ … ]> */
static bool skip_declaration(struct xml *x)
{
        const char *start = x->at;
        bool is_inside = false;
        char quote = 0;

        for (; x->at < x->end; x->at++) {
                char c = *x->at;

                if (quote)
                        quote = c == quote ? 0 : quote;
                else if (c == '"' || c == '\'')
                        quote = c;
                else if (c == '[' || c == ']')
                        is_inside = c == '[';
                else if (c == '>' && !is_inside) {
                        x->at++;
                        return true;
                }
        }
        return fail(x, start, "a declaration does not end", (struct span){0});
}

static bool is_name_char(char c)
{
        return isalnum((unsigned char)c) || strchr("_:.-", c) || (c & 0x80);
}

static struct span take_name(struct xml *x)
{
        struct span name = {x->at, 0};

        while (x->at < x->end && *x->at && is_name_char(*x->at))
                x->at++;
        name.n = (size_t)(x->at - name.at);
        return name;
}

static void skip_blanks(struct xml *x)
{
        while (x->at < x->end && isspace((unsigned char)*x->at))
                x->at++;
}

static bool take_value(struct xml *x, struct span name)
{
        const char *from = x->at, *close;

        if (x->at == x->end || (*x->at != '"' && *x->at != '\''))
                return fail(x, from, "an attribute has no value in quotes:", name);
        close = memchr(x->at + 1, *x->at, (size_t)(x->end - x->at - 1));
        if (!close || memchr(x->at, '<', (size_t)(close - x->at)))
                return fail(x, from, "the value of an attribute does not end:", name);
        x->at = close + 1;
        return true;
}

/* Up to and with the end of a start tag. */
static bool take_attributes(struct xml *x, struct span element, bool *ret_is_empty)
{
        struct span names[ATTRIBUTES_MAX];
        size_t n = 0;

        for (;;) {
                const char *before = x->at;
                struct span name;

                skip_blanks(x);
                *ret_is_empty = begins(x, "/>");
                if (*ret_is_empty || begins(x, ">")) {
                        x->at += *ret_is_empty ? 2 : 1;
                        return true;
                }
                name = take_name(x);
                if (name.n == 0 || before == name.at)
                        return fail(x, x->at, "a tag does not end:", element);
                for (size_t i = 0; i < n; i++)
                        if (span_is_equal(names[i], name))
                                return fail(x, name.at, "an attribute stands twice:", name);
                if (n < ATTRIBUTES_MAX)
                        names[n++] = name;
                skip_blanks(x);
                if (!begins(x, "="))
                        return fail(x, name.at, "an attribute has no value:", name);
                x->at++;
                skip_blanks(x);
                if (!take_value(x, name))
                        return false;
        }
}

static bool take_start(struct xml *x)
{
        const char *from = x->at++;
        struct span name = take_name(x);
        bool is_empty = false;

        if (name.n == 0 || strchr(".-0123456789", name.at[0]))
                return fail(x, from, "a `<` begins no tag", (struct span){0});
        if (x->depth == 0 && x->has_root)
                return fail(x, from, "there is a second root:", name);
        x->has_root = true;
        if (!take_attributes(x, name, &is_empty))
                return false;
        if (!is_empty && x->depth == DEPTH_MAX)
                return false; /* deeper than we look: nothing is said */
        if (!is_empty)
                x->open[x->depth++] = name;
        return true;
}

static bool take_end(struct xml *x)
{
        const char *from = x->at;
        struct span name;

        x->at += 2;
        name = take_name(x);
        skip_blanks(x);
        if (!begins(x, ">"))
                return fail(x, from, "an end tag does not end:", name);
        x->at++;
        if (x->depth == 0)
                return fail(x, from, "an end tag closes nothing:", name);
        x->depth--;
        if (!span_is_equal(x->open[x->depth], name))
                return fail(x, from, "an end tag closes another element than the open one,",
                            x->open[x->depth]);
        return true;
}

static bool take_text(struct xml *x)
{
        const char *from = x->at, *to = memchr(x->at, '<', (size_t)(x->end - x->at));

        x->at = to ? to : x->end;
        for (; x->depth == 0 && from < x->at; from++)
                if (!isspace((unsigned char)*from))
                        return fail(x, from, "text stands outside of the root", (struct span){0});
        return true;
}

static bool take_next(struct xml *x)
{
        if (begins(x, "<!--"))
                return skip_past(x, "-->", "a comment does not end");
        if (begins(x, "<![CDATA["))
                return skip_past(x, "]]>", "a CDATA section does not end");
        if (begins(x, "<?"))
                return skip_past(x, "?>", "an instruction does not end");
        if (begins(x, "<!"))
                return skip_declaration(x);
        if (begins(x, "</"))
                return take_end(x);
        return *x->at == '<' ? take_start(x) : take_text(x);
}

void check_xml(const struct check_view *v, struct check_report *r)
{
        struct span text = v->subject->text;
        struct xml *x = calloc(1, sizeof(*x));

        if (!x)
                return; /* what is not looked at is not found */
        x->v = v;
        x->r = r;
        x->at = text.at;
        x->end = text.at + text.n;
        if (begins(x, "\xef\xbb\xbf"))
                x->at += 3;
        while (x->at < x->end && take_next(x))
                ;
        if (!x->has_failed && x->at == x->end && x->depth > 0)
                (void)fail(x, x->open[x->depth - 1].at,
                           "an element is not closed:", x->open[x->depth - 1]);
        else if (!x->has_failed && x->at == x->end && !x->has_root)
                (void)fail(x, text.at, "there is no element", (struct span){0});
        free(x);
}
