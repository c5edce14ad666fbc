/* The rules that always hold. Each has a row in the table at the end. */

#include "common/str.h"
#include "daemon/check/internal.h"

#define MAX_NESTING 4096 /* deeper is not judged */

static void rule_cut(const struct check_view *v, struct check_report *r)
{
        if (v->subject->was_cut)
                check_find(r, "cut", 0, 1.0, "the answer was cut off at its length limit");
}

static void rule_encoding(const struct check_view *v, struct check_report *r)
{
        if (!v->is_text)
                check_find(r, "encoding", 0, 1.0, "the text is not plain UTF-8");
}

static bool is_markdown(const struct check_view *v)
{
        const char *path = v->subject->path;

        return !path || str_has_suffix(path, ".md") || str_has_suffix(path, ".markdown") ||
               v->language == check_language_find("markdown");
}

/* A fence around the whole, or at either end of it. In Markdown fences belong to the text. */
static void rule_fence(const struct check_view *v, struct check_report *r)
{
        struct check_fences f;

        if (!v->language->is_code && is_markdown(v))
                return;
        check_find_fences(v->language, v->subject->text, &f);
        if (f.n == 0)
                return;
        if (f.is_first_line || (f.is_last_line && f.n % 2 == 1))
                check_find(r, "fence", f.is_first_line ? 1 : 0, 0.99,
                           "the file is wrapped in a code fence; give its content alone");
        else if (v->language->is_code)
                check_find(
                        r, "fence",
                        check_line_of(v->subject->text, (size_t)(f.first.at - v->subject->text.at)),
                        0.95, "a code fence stands in the file; give its content alone");
}

static void rule_chatter(const struct check_view *v, struct check_report *r)
{
        struct span text = check_trim(v->subject->text), last;
        const char *lf;
        size_t at;

        if (!v->language->is_code || text.n == 0)
                return;
        if (check_is_talk(text, false))
                check_find(r, "chatter", 1, 0.95, "the file begins with talk instead of code");
        lf = memrchr(text.at, '\n', text.n);
        if (!lf)
                return;
        last = (struct span){lf + 1, (size_t)(text.at + text.n - lf - 1)};
        at = (size_t)(last.at - v->subject->text.at);
        if (v->mask->code[at] == *last.at && check_is_talk(last, true))
                check_find(r, "chatter", check_line_of(v->subject->text, at), 0.95,
                           "the file ends with talk instead of code");
}

static void check_json(const struct check_view *v, struct check_report *r)
{
        _cleanup_json_ json_t *value = NULL;
        struct diag d = {0};

        if (json_read(v->subject->text, &value, &d) == CONDITION_REFUSED)
                check_find(r, "syntax", d.line, 0.97, "it is not JSON: %.150s", d.text);
}

/* Brackets outside of comments and strings. */
static void check_brackets(const struct check_view *v, struct check_report *r)
{
        static const char open[] = "([{", close[] = ")]}";
        struct {
                char close;
                size_t at;
        } *stack = malloc(MAX_NESTING * sizeof(*stack));
        double confidence = v->language->bracket_confidence;
        size_t n = 0;

        for (size_t i = 0; stack && i < v->mask->n; i++) {
                char c = v->mask->code[i];
                const char *o = c ? strchr(open, c) : NULL;

                if (o) {
                        if (n == MAX_NESTING) {
                                n = 0;
                                break;
                        }
                        stack[n].close = close[o - open];
                        stack[n++].at = i;
                } else if (c && strchr(close, c)) {
                        if (n == 0 || stack[n - 1].close != c) {
                                unsigned line = check_line_of(v->subject->text, i);

                                if (n == 0)
                                        check_find(r, "syntax", line, confidence,
                                                   "`%c` closes nothing", c);
                                else
                                        check_find(
                                                r, "syntax", line, confidence,
                                                "`%c` where `%c` is needed, for line %u", c,
                                                stack[n - 1].close,
                                                check_line_of(v->subject->text, stack[n - 1].at));
                                free(stack);
                                return;
                        }
                        n--;
                }
        }
        if (n > 0)
                check_find(r, "syntax", check_line_of(v->subject->text, stack[n - 1].at),
                           confidence,
                           "a bracket is not closed: `%c` is missing; the file may be cut off",
                           stack[n - 1].close);
        free(stack);
}

static void rule_syntax(const struct check_view *v, struct check_report *r)
{
        if (!v->is_text)
                return;
        if (v->language->is_json) {
                check_json(v, r);
                return;
        }
        if (v->language->is_xml) {
                check_xml(v, r);
                return;
        }
        if (v->mask->is_open)
                check_find(r, "syntax", check_line_of(v->subject->text, v->mask->open_at), 0.95,
                           "a string or comment that begins here does not end");
        else if (v->language->bracket_confidence > 0)
                check_brackets(v, r);
}

static bool is_word(char c)
{
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
               c == '_' || (c & 0x80);
}

static bool has_word(struct span text, const char *word)
{
        size_t n = strlen(word);
        const char *end = text.at + text.n;

        for (const char *at = text.at; n && (at = memmem(at, (size_t)(end - at), word, n)); at++)
                if ((at == text.at || !is_word(at[-1])) && (at + n == end || !is_word(at[n])))
                        return true;
        return n == 0;
}

/* A name that only a comment speaks of is not there. */
static void rule_names(const struct check_view *v, struct check_report *r)
{
        struct span text = {v->mask->strings, v->mask->n};

        for (size_t i = 0; i < v->subject->n_expected; i++)
                if (!has_word(text, v->subject->expected[i]))
                        check_find(r, "names", 0, 0.95, "the name %.100s does not appear",
                                   v->subject->expected[i]);
}

static void rule_newline(const struct check_view *v, struct check_report *r)
{
        struct span text = v->subject->text;

        if (v->language->is_code && text.at[text.n - 1] != '\n')
                check_find(r, "newline", 0, 0.1, "the file does not end with a line break");
}

static void (*const basics[])(const struct check_view *v, struct check_report *r) = {
        rule_cut, rule_encoding, rule_fence, rule_chatter, rule_syntax, rule_names, rule_newline,
};

void check_basics(const struct check_view *v, struct check_report *r)
{
        for (size_t i = 0; i < N_ELEMENTS(basics); i++)
                basics[i](v, r);
        r->n_rules += N_ELEMENTS(basics);
}
