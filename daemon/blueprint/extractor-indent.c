#include <ctype.h>

#include "daemon/blueprint/extractor.h"

/* Interfaces of languages whose blocks are told by indentation.
 *
 *     text      = *(line)
 *     line      = indentation statement *(";" statement) line break
 *     statement = code up to a line break or ";" outside of brackets and strings; "\" joins lines
 *
 * Comments fall away, and blanks that mean nothing. What stands deeper below a statement is its
 * block. Lines that begin with "@" go with the statement that follows. The first rule whose `match`
 * matches a statement of the outermost block keeps it:
 *
 *     drop_body  without its block
 *     member     with those statements of its block that match, without their own blocks
 *     only_used  if the first group of `member` (else its second) is a word of what is kept; with
 *                `each`, what that matches stands before each of the list that follows it
 *     cut, put   as for braces, in each line
 *
 * `heads` tells statements that may have a block: such a one ends at its first ":" outside of
 * brackets. */

#define MAX_INDENTS 100u /* deeper blocks count as one */
#define TAB_COLUMNS 8u

struct line {
        size_t from, to;   /* in the normal form */
        unsigned depth;    /* of its block */
        bool is_decorator; /* goes with the next */
};

struct reader {
        const struct extractor *e;
        struct span text; /* what is left */
        struct buf norm;
        struct line *at; /* owned */
        size_t n, room;
        unsigned indents[MAX_INDENTS]; /* columns of the blocks that are open */
        unsigned n_indents;
        unsigned brackets;
        uint64_t calls; /* bits of the open brackets: it stands behind a name */
        size_t from;    /* of the statement that is being read */
        bool has_blank;
};

static bool is_word(char c)
{
        return isalnum((unsigned char)c) || c == '_' || (c & 0x80);
}

static char last_char(const struct reader *s)
{
        return s->norm.n > s->from ? s->norm.at[s->norm.n - 1] : '\0';
}

/* Ends the statement: it becomes a line, if there is anything of it. */
static int end_statement(struct reader *s, unsigned depth)
{
        struct line *grown;

        s->has_blank = false;
        if (s->norm.n == s->from)
                return 0;
        if (s->n == s->room) {
                grown = reallocarray(s->at, s->room * 2 + 64, sizeof(*grown));
                if (!grown)
                        return -ENOMEM;
                s->at = grown;
                s->room = s->room * 2 + 64;
        }
        s->at[s->n++] = (struct line){s->from, s->norm.n, depth, s->norm.at[s->from] == '@'};
        s->from = s->norm.n;
        return 0;
}

/* A blank is kept where words would run into each other, and before a relative name. */
static void add_blank(struct reader *s, char next)
{
        char last = last_char(s);

        if (s->has_blank && last && is_word(last) && (is_word(next) || strchr("\"'.*-(", next)))
                (void)buf_add_char(&s->norm, ' ');
        else if (s->has_blank && (last == '"' || last == '\'') && is_word(next))
                (void)buf_add_char(&s->norm, ' ');
        else if ((last == ',' || last == ':') && !strchr(")]}=", next))
                (void)buf_add_char(&s->norm, ' ');
        s->has_blank = false;
}

static bool is_assignment(const struct reader *s)
{
        char next = s->text.n > 1 ? s->text.at[1] : '\0';

        return s->brackets == 0 && next != '=' && !strchr("=!<>+-*/%|&^@:", last_char(s));
}

static void add_code(struct reader *s, char c)
{
        bool is_call = is_word(last_char(s)),
             is_arrow = c == '-' && s->text.n > 1 && s->text.at[1] == '>';

        if (strchr(")]}", c) && s->brackets > 0) {
                s->brackets--;
                if (last_char(s) == ',' && c == ')' && s->brackets < 64 &&
                    s->calls & UINT64_C(1) << s->brackets) /* (3,) is another thing than (3) */
                        s->norm.at[--s->norm.n] = '\0';
        }
        if (c == '=' && is_assignment(s)) {
                (void)buf_add_text(&s->norm, " = ");
                s->has_blank = false;
                return;
        }
        add_blank(s, c);
        if (is_arrow && last_char(s) != ' ')
                (void)buf_add_char(&s->norm, ' ');
        (void)buf_add_char(&s->norm, c);
        if (c == '>' && s->norm.n > s->from + 1 && s->norm.at[s->norm.n - 2] == '-')
                (void)buf_add_char(&s->norm, ' ');
        if (!strchr("([{", c))
                return;
        if (s->brackets < 64) {
                uint64_t bit = UINT64_C(1) << s->brackets;

                s->calls = is_call ? s->calls | bit : s->calls & ~bit;
        }
        s->brackets++;
}

static void skip(struct reader *s, size_t n)
{
        s->text.at += n;
        s->text.n -= n;
}

/* Column of the first character that is neither blank nor comment; false: an empty line, which is
 * taken whole. */
static bool read_indent(struct reader *s, unsigned *ret)
{
        size_t i = 0, n;
        unsigned column = 0;

        for (; i < s->text.n && strchr(" \t\f\r", s->text.at[i]) && s->text.at[i]; i++)
                column = s->text.at[i] == '\t' ? (column / TAB_COLUMNS + 1) * TAB_COLUMNS
                                               : column + (s->text.at[i] == ' ');
        skip(s, i);
        n = extractor_comment_at(s->e, s->text);
        if (n > 0 && s->text.n > n && s->text.at[n] == '\n')
                skip(s, n);
        if (s->text.n > 0 && *s->text.at != '\n') {
                *ret = column;
                return true;
        }
        skip(s, s->text.n > 0);
        return false;
}

static unsigned depth_of(struct reader *s, unsigned column)
{
        while (s->n_indents > 0 && s->indents[s->n_indents - 1] > column)
                s->n_indents--;
        if (s->n_indents == 0 ||
            (s->indents[s->n_indents - 1] < column && s->n_indents < MAX_INDENTS))
                s->indents[s->n_indents++] = column;
        return s->n_indents - 1;
}

/* A line up to its break, with all that brackets, strings and "\" join to it. */
static int read_line(struct reader *s, unsigned depth)
{
        int r = 0;

        s->brackets = 0;
        while (s->text.n > 0 && r == 0) {
                char c = *s->text.at;
                size_t n;

                if ((n = extractor_comment_at(s->e, s->text)) > 0) {
                        skip(s, n);
                } else if ((n = extractor_string_at(s->e, s->text)) > 0) {
                        add_blank(s, c);
                        r = buf_add(&s->norm, s->text.at, n);
                        skip(s, n);
                } else if (c == '\\' && s->text.n > 1 && s->text.at[1] == '\n') {
                        s->has_blank = true;
                        skip(s, 2);
                } else if (s->brackets == 0 && (c == '\n' || c == ';')) {
                        r = end_statement(s, depth);
                        skip(s, 1);
                        if (c == '\n')
                                return r;
                } else {
                        if (isspace((unsigned char)c) || c == '\0')
                                s->has_blank = true;
                        else
                                add_code(s, c);
                        skip(s, 1);
                }
        }
        return r < 0 ? r : end_statement(s, depth);
}

static int read_lines(struct reader *s)
{
        while (s->text.n > 0) {
                unsigned column;
                int r;

                if (!read_indent(s, &column))
                        continue;
                r = read_line(s, depth_of(s, column));
                if (r < 0)
                        return r;
        }
        return s->norm.failed;
}

/* ---- keeping ---- */

static struct span text_of(const struct reader *s, size_t i)
{
        return (struct span){s->norm.at + s->at[i].from, s->at[i].to - s->at[i].from};
}

/* Bytes of the statement up to its first ":" outside of brackets, with it; all where it is no head.
 */
static size_t head_bytes(const struct reader *s, struct span text)
{
        unsigned brackets = 0;

        if (!s->e->heads.code || !regex_is_match(&s->e->heads, text))
                return text.n;
        for (size_t i = 0; i < text.n; i++) {
                size_t n = extractor_string_at(s->e, (struct span){text.at + i, text.n - i});

                if (n > 0)
                        i += n - 1;
                else if (strchr("([{", text.at[i]))
                        brackets++;
                else if (strchr(")]}", text.at[i]) && brackets > 0)
                        brackets--;
                else if (text.at[i] == ':' && brackets == 0)
                        return i + 1;
        }
        return text.n;
}

/* The statement behind the decorators from `i` on; s->n: there is none. */
static size_t behind_decorators(const struct reader *s, size_t i)
{
        unsigned depth = s->at[i].depth;

        while (i < s->n && s->at[i].is_decorator && s->at[i].depth == depth)
                i++;
        return i < s->n && s->at[i].depth == depth ? i : s->n;
}

static int add_line(const struct keep_rule *rule, const char *indent, struct span text,
                    struct buf *out)
{
        (void)buf_printf(out, "%s%s", out->n > 0 ? "\n" : "", indent);
        return extractor_add_cut(rule, text, out);
}

/* Decorators from `first`, then the head of `i`. */
static int add_head(const struct reader *s, const struct keep_rule *rule, const char *indent,
                    size_t first, size_t i, struct buf *out)
{
        struct span head = text_of(s, i);
        int r = 0;

        for (; first < i && r == 0; first++)
                r = add_line(rule, indent, text_of(s, first), out);
        head.n = head_bytes(s, head);
        return r < 0 ? r : add_line(rule, indent, head, out);
}

static int add_members(const struct reader *s, const struct keep_rule *rule, size_t head,
                       struct buf *out)
{
        unsigned depth = s->at[head].depth + 1;
        struct span text = text_of(s, head), rest = text;
        size_t n = head_bytes(s, text);
        int r = 0;

        rest.at += n;
        rest.n -= n;
        while (rest.n > 0 && *rest.at == ' ')
                rest = (struct span){rest.at + 1, rest.n - 1};
        if (rest.n > 0 && regex_is_match(&rule->member, rest)) /* class A: x = 1 */
                r = add_line(rule, "    ", rest, out);
        for (size_t i = head + 1; i < s->n && s->at[i].depth >= depth && r == 0;) {
                size_t first = i;

                if (s->at[i].depth > depth) {
                        i++;
                        continue;
                }
                i = behind_decorators(s, first);
                if (i == s->n)
                        break;
                if (regex_is_match(&rule->member, text_of(s, i)))
                        r = add_head(s, rule, "    ", first, i, out);
                i++;
        }
        return r;
}

/* Is the name a word of what is kept? */
static bool is_used(struct span kept, struct span name)
{
        const char *at = kept.at, *end = kept.at + kept.n;

        while (name.n > 0 && at < end && (at = memmem(at, (size_t)(end - at), name.at, name.n))) {
                const char *behind = at + name.n;

                if ((at == kept.at || (!is_word(at[-1]) && at[-1] != '.')) &&
                    (behind == end || !is_word(*behind)))
                        return true;
                at++;
        }
        return false;
}

static int keep_used(const struct keep_rule *rule, struct span prefix, struct span item,
                     struct span kept, struct strlist *lines)
{
        _cleanup_buf_ struct buf line = {0};
        struct regex_match m;
        unsigned group;

        while (item.n > 0 && item.at[0] == ' ')
                item = (struct span){item.at + 1, item.n - 1};
        if (!regex_match(&rule->member, item, 0, &m))
                return 0;
        group = m.from[1] <= m.to[1] ? 1 : 2;
        if (m.from[group] > m.to[group] ||
            !is_used(kept, (struct span){item.at + m.from[group], m.to[group] - m.from[group]}))
                return 0;
        (void)buf_add_span(&line, prefix);
        if (buf_add_span(&line, item) < 0)
                return line.failed;
        return strlist_add_span(lines, buf_span(&line));
}

static int keep_each(const struct keep_rule *rule, struct span text, struct span kept,
                     struct strlist *lines)
{
        struct regex_match m;
        struct span prefix, rest;
        int r = 0;

        if (!rule->each.code || !regex_match(&rule->each, text, 0, &m) || m.from[0] != 0)
                return keep_used(rule, (struct span){"", 0}, text, kept, lines);
        prefix = (struct span){text.at, m.to[0]};
        rest = (struct span){text.at + m.to[0], text.n - m.to[0]};
        if (rest.n > 1 && rest.at[0] == '(' && rest.at[rest.n - 1] == ')')
                rest = (struct span){rest.at + 1, rest.n - 2};
        while (rest.n > 0 && r == 0) {
                const char *comma = memchr(rest.at, ',', rest.n);
                size_t n = comma ? (size_t)(comma - rest.at) : rest.n;

                r = keep_used(rule, prefix, (struct span){rest.at, n}, kept, lines);
                n += comma != NULL;
                rest = (struct span){rest.at + n, rest.n - n};
        }
        return r;
}

static int keep(const struct reader *s, size_t first, size_t i, bool is_second, struct span kept,
                struct strlist *by_rule)
{
        const struct extractor *e = s->e;
        _cleanup_buf_ struct buf b = {0};
        size_t k = 0;
        int r;

        while (k < e->n_rules && !regex_is_match(&e->rules[k].match, text_of(s, i)))
                k++;
        if (k == e->n_rules || e->rules[k].only_used != is_second)
                return 0;
        if (is_second)
                return keep_each(&e->rules[k], text_of(s, i), kept, &by_rule[k]);
        r = add_head(s, &e->rules[k], "", first, i, &b);
        if (r == 0 && e->rules[k].member.code)
                r = add_members(s, &e->rules[k], i, &b);
        return r < 0 ? r : strlist_add_span(&by_rule[k], buf_span(&b));
}

/* The first time all but imports, the second time the imports that it uses. */
static int keep_all(const struct reader *s, bool is_second, struct span kept,
                    struct strlist *by_rule)
{
        int r = 0;

        for (size_t i = 0; i < s->n && r == 0; i++) {
                size_t first = i;

                if (s->at[i].depth > 0)
                        continue;
                i = behind_decorators(s, first);
                if (i < s->n)
                        r = keep(s, first, i, is_second, kept, by_rule);
        }
        return r;
}

static int write_interface(const struct reader *s, struct buf *out)
{
        struct strlist *by_rule = calloc(s->e->n_rules + 1, sizeof(*by_rule));
        _cleanup_buf_ struct buf kept = {0};
        int r;

        if (!by_rule)
                return -ENOMEM;
        r = keep_all(s, false, (struct span){"", 0}, by_rule);
        for (size_t i = 0; i < s->e->n_rules && r == 0; i++)
                for (size_t k = 0; k < by_rule[i].n && r == 0; k++)
                        r = buf_printf(&kept, "%s\n", by_rule[i].at[k]);
        if (r == 0)
                r = keep_all(s, true, buf_span(&kept), by_rule);
        if (r == 0)
                r = extractor_write_sorted(by_rule, s->e->n_rules, out);
        for (size_t i = 0; i < s->e->n_rules; i++)
                strlist_done(&by_rule[i]);
        free(by_rule);
        return r;
}

int extractor_run_indented(const struct extractor *e, struct span text, struct buf *out)
{
        struct reader s = {.e = e, .text = text};
        int r;

        r = read_lines(&s);
        if (r == 0)
                r = write_interface(&s, out);
        buf_done(&s.norm);
        free(s.at);
        return r;
}
