#include "daemon/template/lexer.h"

#include <stdarg.h>
#include <stdio.h>

#include "common/str.h"
#include "daemon/template/unicode.h"

#define LEXER_MAX_BALANCE 256 /* open brackets; the parser's depth is lower */

struct lexer {
        struct arena *arena;
        const char *begin, *at, *end;
        struct tokens *out;
        struct diag *diag;
        struct report *report; /* borrowed; NULL */
        const char *marked;    /* line and column belong to this place */
        unsigned line, column;
        bool line_starting; /* the last thing read ended with a line break */
        char balance[LEXER_MAX_BALANCE];
        size_t n_balance;
};

static const struct {
        const char *text;
        enum token_kind kind;
} operators[] = {
        /* longest first */
        {"//", T_FLOORDIV}, {"**", T_POW},   {"==", T_EQ},      {"!=", T_NE},      {">=", T_GE},
        {"<=", T_LE},       {"+", T_ADD},    {"-", T_SUB},      {"/", T_DIV},      {"*", T_MUL},
        {"%", T_MOD},       {"~", T_TILDE},  {"[", T_LBRACKET}, {"]", T_RBRACKET}, {"(", T_LPAREN},
        {")", T_RPAREN},    {"{", T_LBRACE}, {"}", T_RBRACE},   {">", T_GT},       {"<", T_LT},
        {"=", T_ASSIGN},    {".", T_DOT},    {":", T_COLON},    {"|", T_PIPE},     {",", T_COMMA},
        {";", T_SEMICOLON},
};

const char *token_describe(enum token_kind kind)
{
        static const char *const names[] = {
                [T_EOF] = "end of template",
                [T_DATA] = "template data / text",
                [T_VARIABLE_BEGIN] = "begin of print statement",
                [T_VARIABLE_END] = "end of print statement",
                [T_BLOCK_BEGIN] = "begin of statement block",
                [T_BLOCK_END] = "end of statement block",
                [T_NAME] = "name",
                [T_STRING] = "string",
                [T_INTEGER] = "integer",
                [T_FLOAT] = "float",
        };

        if (kind < N_ELEMENTS(names) && names[kind])
                return names[kind];
        for (size_t i = 0; i < N_ELEMENTS(operators); i++)
                if (operators[i].kind == kind)
                        return operators[i].text;
        return "?";
}

void tokens_done(struct tokens *t)
{
        free(t->at);
        *t = (struct tokens){0};
}

/* Moves the mark to a place at or after it. */
static void mark(struct lexer *lx, const char *at)
{
        for (; lx->marked < at; lx->marked++) {
                if (*lx->marked == '\n') {
                        lx->line++;
                        lx->column = 1;
                } else if (((unsigned char)*lx->marked & 0xc0) != 0x80) {
                        lx->column++;
                }
        }
}

static int _printf_(3, 4) fail(struct lexer *lx, const char *at, const char *format, ...)
{
        va_list args;

        mark(lx, at);
        lx->diag->line = lx->line;
        lx->diag->column = lx->column;
        va_start(args, format);
        vsnprintf(lx->diag->text, sizeof(lx->diag->text), format, args);
        va_end(args);
        return CONDITION_REFUSED;
}

static int no_room(struct lexer *lx)
{
        return lx->arena->is_over ? fail(lx, lx->at, "the template is too large") : -ENOMEM;
}

static int add(struct lexer *lx, enum token_kind kind, const char *at, struct span text)
{
        struct tokens *t = lx->out;

        if (t->n == t->room) {
                size_t room = MAX2(t->room * 2, 64u);
                struct token *more = reallocarray(t->at, room, sizeof(*more));

                if (!more)
                        return -ENOMEM;
                t->at = more;
                t->room = room;
        }
        mark(lx, at);
        t->at[t->n++] =
                (struct token){.kind = kind, .line = lx->line, .column = lx->column, .text = text};
        return 0;
}

static bool looking_at(const struct lexer *lx, const char *at, const char *text)
{
        size_t n = strlen(text);

        return (size_t)(lx->end - at) >= n && memcmp(at, text, n) == 0;
}

static const char *skip_space(const struct lexer *lx, const char *at)
{
        while (at < lx->end) {
                const char *next = at;

                if (!unicode_is_space(utf8_next(&next, lx->end)))
                        break;
                at = next;
        }
        return at;
}

/* After an end mark of a block or comment: what its sign and trim_blocks take away. */
static const char *after_end(const struct lexer *lx, const char *at, char sign, bool is_trimmed)
{
        if (sign == '-')
                return skip_space(lx, at);
        if (is_trimmed && sign != '+' && at < lx->end && *at == '\n')
                return at + 1;
        return at;
}

static void moved_to(struct lexer *lx, const char *at)
{
        lx->line_starting = at > lx->begin && at[-1] == '\n';
        lx->at = at;
}

/* Text before a tag, without what the tag's sign and lstrip_blocks take away. */
static struct span text_before(const struct lexer *lx, struct span text, char sign,
                               bool is_variable)
{
        const char *line = text.at + text.n;
        struct span rest;

        if (sign == '-')
                return unicode_trim(text, false, true);
        if (sign == '+' || is_variable)
                return text;
        while (line > text.at && line[-1] != '\n')
                line--;
        if (line == text.at && !lx->line_starting)
                return text;
        rest = (struct span){line, (size_t)(text.at + text.n - line)};
        if (unicode_trim(rest, true, false).n == 0)
                text.n -= rest.n;
        return text;
}

static int add_data(struct lexer *lx, struct span text)
{
        return text.n ? add(lx, T_DATA, text.at, text) : 0;
}

/* "raw" and "endraw" tags: the place after the tag, or NULL. *ret_sign is the sign at its
 * beginning. */
static const char *match_word_tag(const struct lexer *lx, const char *at, const char *word,
                                  bool is_end, char *ret_sign)
{
        char sign = 0;

        at += 2;
        *ret_sign = at < lx->end && (*at == '-' || *at == '+') ? *at++ : 0;
        at = skip_space(lx, at);
        if (!looking_at(lx, at, word))
                return NULL;
        at = skip_space(lx, at + strlen(word));
        if (at < lx->end && (*at == '-' || (is_end && *at == '+')))
                sign = *at++;
        if (!looking_at(lx, at, "%}"))
                return NULL;
        return after_end(lx, at + 2, sign, is_end);
}

static int read_raw(struct lexer *lx, const char *tag)
{
        const char *begin = lx->at;

        for (const char *at = begin; (at = memmem(at, (size_t)(lx->end - at), "{%", 2)); at += 2) {
                char sign;
                const char *after = match_word_tag(lx, at, "endraw", true, &sign);
                struct span text = {begin, (size_t)(at - begin)};
                int r;

                if (!after)
                        continue;
                r = add_data(lx, text_before(lx, text, sign, false));
                if (r)
                        return r;
                moved_to(lx, after);
                return 0;
        }
        if (begin == lx->end) /* as there: nothing is missing from the very end */
                return 0;
        return fail(lx, tag, "missing end of raw directive");
}

static int read_comment(struct lexer *lx, const char *tag)
{
        const char *end = memmem(lx->at, (size_t)(lx->end - lx->at), "#}", 2);
        char sign = 0;

        if (!end && lx->at == lx->end)
                return 0;
        if (!end)
                return fail(lx, tag, "missing end of comment tag");
        if (end > lx->at && (end[-1] == '-' || end[-1] == '+'))
                sign = end[-1];
        moved_to(lx, after_end(lx, end + 2, sign, true));
        return 0;
}

static int write_escaped_char(struct lexer *lx, struct buf *b, const char **at, const char *end,
                              size_t n_digits)
{
        uint32_t c = 0;

        for (size_t i = 0; i < n_digits; i++) {
                char digit = *at < end ? **at : 0;
                int value = digit >= '0' && digit <= '9'   ? digit - '0'
                            : digit >= 'a' && digit <= 'f' ? digit - 'a' + 10
                            : digit >= 'A' && digit <= 'F' ? digit - 'A' + 10
                                                           : -1;

                if (value < 0)
                        return fail(lx, *at, "truncated escape in a string");
                c = c * 16 + (uint32_t)value;
                ++*at;
        }
        if (c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff))
                return fail(lx, *at, "an escape in a string is no character");
        return utf8_add(b, c);
}

static int write_escape(struct lexer *lx, struct buf *b, const char **at, const char *end)
{
        static const char from[] = "\\'\"abfnrtv", to[] = "\\'\"\a\b\f\n\r\t\v";
        const char *which;
        uint32_t c;
        char e = **at;

        which = e ? strchr(from, e) : NULL;
        if (which) {
                ++*at;
                return buf_add_char(b, to[which - from]);
        }
        if (e == '\n') {
                ++*at;
                return 0;
        }
        if (e >= '0' && e <= '7') {
                c = 0;
                for (int i = 0; i < 3 && *at < end && **at >= '0' && **at <= '7'; i++)
                        c = c * 8 + (uint32_t)(*(*at)++ - '0');
                return utf8_add(b, c);
        }
        if (e == 'x' || e == 'u' || e == 'U') {
                ++*at;
                return write_escaped_char(lx, b, at, end, e == 'x' ? 2 : e == 'u' ? 4 : 8);
        }
        if (e == 'N')
                return fail(lx, *at, "characters by name (\\N) are not supported");
        if ((unsigned char)e < 0x80) /* an unknown escape stands for itself */
                return buf_add_char(b, '\\');
        c = utf8_next(at, end); /* Python's decoder sees the character already escaped */
        return buf_printf(b, c < 0x100 ? "\\x%02x" : c < 0x10000 ? "\\u%04x" : "\\U%08x", c);
}

static int read_string(struct lexer *lx)
{
        _cleanup_buf_ struct buf b = {0};
        const char *begin = lx->at, *at = begin + 1;
        char quote = *begin, *copy;
        int r = 0;

        buf_init(&b, 0);
        while (at < lx->end && *at != quote && !r) {
                if (*at != '\\') {
                        r = buf_add_char(&b, *at++);
                        continue;
                }
                if (++at < lx->end)
                        r = write_escape(lx, &b, &at, lx->end);
        }
        if (r)
                return r;
        if (at >= lx->end)
                return fail(lx, begin, "unexpected char %c: the string has no end", quote);
        copy = arena_copy(lx->arena, buf_span(&b));
        if (!copy)
                return no_room(lx);
        r = add(lx, T_STRING, begin, (struct span){copy, b.n});
        moved_to(lx, at + 1);
        return r;
}

static bool is_digit(char c)
{
        return c >= '0' && c <= '9';
}

/* (\d+_)*\d+ : the place after, or NULL */
static const char *match_digits(const struct lexer *lx, const char *at)
{
        if (at >= lx->end || !is_digit(*at))
                return NULL;
        while (at < lx->end && is_digit(*at)) {
                at++;
                if (at + 1 < lx->end && *at == '_' && is_digit(at[1]))
                        at++;
        }
        return at;
}

static const char *match_float(const struct lexer *lx)
{
        const char *at, *more, *end = NULL;

        if (lx->at > lx->begin && lx->at[-1] == '.')
                return NULL;
        at = match_digits(lx, lx->at);
        if (!at)
                return NULL;
        if (*at == '.' && (more = match_digits(lx, at + 1)))
                end = at = more;
        if (at < lx->end && (*at == 'e' || *at == 'E')) {
                more = at + 1;
                if (more < lx->end && (*more == '+' || *more == '-'))
                        more++;
                more = match_digits(lx, more);
                if (more)
                        end = more;
        }
        return end;
}

static bool is_digit_of(char c, unsigned base)
{
        unsigned value = is_digit(c)            ? (unsigned)(c - '0')
                         : c >= 'a' && c <= 'f' ? (unsigned)(c - 'a' + 10)
                         : c >= 'A' && c <= 'F' ? (unsigned)(c - 'A' + 10)
                                                : 99;

        return value < base;
}

static const char *match_digits_of(const struct lexer *lx, const char *at, unsigned base)
{
        for (;;) {
                const char *digit = at < lx->end && *at == '_' ? at + 1 : at;

                if (digit >= lx->end || !is_digit_of(*digit, base))
                        return at;
                at = digit + 1;
        }
}

static const char *match_integer(const struct lexer *lx)
{
        const char *at = lx->at, *end;

        if (!is_digit(*at))
                return NULL;
        if (*at == '0' && at + 1 < lx->end) {
                char c = at[1] | 0x20;
                unsigned base = c == 'b' ? 2 : c == 'o' ? 8 : c == 'x' ? 16 : 0;

                if (base && (end = match_digits_of(lx, at + 2, base)) > at + 2)
                        return end;
        }
        return match_digits_of(lx, at + 1, *at == '0' ? 1 : 10);
}

static const char *match_name(const struct lexer *lx)
{
        const char *at = lx->at;

        while (at < lx->end) {
                const char *next = at;

                if (!unicode_is_word(utf8_next(&next, lx->end)))
                        break;
                at = next;
        }
        return at > lx->at ? at : NULL;
}

static int balance(struct lexer *lx, char c)
{
        char wanted = c == '{' ? '}' : c == '(' ? ')' : c == '[' ? ']' : 0;

        if (wanted) {
                if (lx->n_balance == LEXER_MAX_BALANCE)
                        return fail(lx, lx->at, "brackets are nested too deeply");
                lx->balance[lx->n_balance++] = wanted;
                return 0;
        }
        if (c != '}' && c != ')' && c != ']')
                return 0;
        if (lx->n_balance == 0)
                return fail(lx, lx->at, "unexpected '%c'", c);
        wanted = lx->balance[--lx->n_balance];
        if (wanted != c)
                return fail(lx, lx->at, "unexpected '%c', expected '%c'", c, wanted);
        return 0;
}

static int read_operator(struct lexer *lx)
{
        for (size_t i = 0; i < N_ELEMENTS(operators); i++) {
                size_t n = strlen(operators[i].text);
                int r;

                if (!looking_at(lx, lx->at, operators[i].text))
                        continue;
                r = n == 1 ? balance(lx, *lx->at) : 0;
                if (r)
                        return r;
                r = add(lx, operators[i].kind, lx->at, (struct span){lx->at, n});
                moved_to(lx, lx->at + n);
                return r;
        }
        return fail(lx, lx->at, "unexpected char '%.*s'",
                    (int)(utf8_offset((struct span){lx->at, (size_t)(lx->end - lx->at)}, 1)),
                    lx->at);
}

/* The end of the tag that is being read: the place after it, or NULL. */
static const char *match_end(const struct lexer *lx, bool is_block)
{
        const char *mark_text = is_block ? "%}" : "}}", *at = lx->at;
        char sign = 0;

        if (lx->n_balance)
                return NULL;
        if (*at == '-' || (is_block && *at == '+'))
                sign = *at++;
        if (!looking_at(lx, at, mark_text))
                return NULL;
        return after_end(lx, at + 2, sign, is_block);
}

static int read_piece(struct lexer *lx)
{
        enum token_kind kind = T_FLOAT;
        const char *end = match_float(lx), *begin = lx->at;
        int r;

        if (!end) {
                kind = T_INTEGER;
                end = match_integer(lx);
        }
        if (!end) {
                kind = T_NAME;
                end = match_name(lx);
        }
        if (!end)
                return *begin == '\'' || *begin == '"' ? read_string(lx) : read_operator(lx);
        r = add(lx, kind, begin, (struct span){begin, (size_t)(end - begin)});
        moved_to(lx, end);
        return r;
}

static int read_tag(struct lexer *lx, bool is_block)
{
        lx->n_balance = 0;
        while (lx->at < lx->end) {
                const char *end = match_end(lx, is_block), *begin = lx->at;
                int r;

                if (end) {
                        r = add(lx, is_block ? T_BLOCK_END : T_VARIABLE_END, begin,
                                (struct span){begin, (size_t)(end - begin)});
                        moved_to(lx, end);
                        return r;
                }
                end = skip_space(lx, begin);
                if (end > begin) {
                        moved_to(lx, end);
                        continue;
                }
                r = read_piece(lx);
                if (r)
                        return r;
        }
        return 0; /* the parser finds the end missing */
}

/* Leaves out what a tag holds that cannot be read: it goes on behind the next end of such a tag. */
static int leave_out(struct lexer *lx, size_t n_tokens, bool is_block)
{
        const char *text = is_block ? "%}" : "}}";
        const char *end = memmem(lx->at, (size_t)(lx->end - lx->at), text, 2);
        int r;

        if (lx->arena->is_over || !report_fault(lx->report, lx->diag))
                return CONDITION_REFUSED;
        lx->report->is_torn |= is_block;
        lx->out->n = n_tokens;
        r = add(lx, T_BROKEN, lx->at, (struct span){lx->at, 0});
        if (r || !end)
                moved_to(lx, lx->end);
        if (r || !end)
                return r;
        r = add(lx, is_block ? T_BLOCK_END : T_VARIABLE_END, end, (struct span){end, 2});
        moved_to(lx, after_end(lx, end + 2, 0, is_block));
        return r;
}

static int read_tag_or_leave_it(struct lexer *lx, bool is_block)
{
        size_t n_tokens = lx->out->n;
        int r = read_tag(lx, is_block);

        return r == CONDITION_REFUSED ? leave_out(lx, n_tokens, is_block) : r;
}

static const char *find_tag(const struct lexer *lx)
{
        for (const char *at = lx->at; at + 1 < lx->end; at++) {
                at = memchr(at, '{', (size_t)(lx->end - at - 1));
                if (!at)
                        return NULL;
                if (at[1] == '{' || at[1] == '%' || at[1] == '#')
                        return at;
        }
        return NULL;
}

static int read_root(struct lexer *lx)
{
        const char *tag = find_tag(lx), *after;
        struct span text = {lx->at, (size_t)((tag ? tag : lx->end) - lx->at)};
        char sign = 0;
        int r;

        if (!tag) {
                lx->at = lx->end;
                return add_data(lx, text);
        }
        after = tag[1] == '%' ? match_word_tag(lx, tag, "raw", false, &sign) : NULL;
        if (!after) {
                after = tag + 2;
                sign = after < lx->end && (*after == '-' || *after == '+') ? *after++ : 0;
                if (tag[1] != '%')
                        r = add_data(lx, text_before(lx, text, sign, tag[1] == '{'));
                else
                        r = add_data(lx, text_before(lx, text, sign, false));
                if (r)
                        return r;
                if (tag[1] != '#')
                        r = add(lx, tag[1] == '%' ? T_BLOCK_BEGIN : T_VARIABLE_BEGIN, tag,
                                (struct span){tag, 2});
                moved_to(lx, after);
                if (r)
                        return r;
                return tag[1] == '#' ? read_comment(lx, tag)
                                     : read_tag_or_leave_it(lx, tag[1] == '%');
        }
        r = add_data(lx, text_before(lx, text, sign, false));
        moved_to(lx, after);
        return r ? r : read_raw(lx, tag);
}

static int normalize(struct lexer *lx, struct span source)
{
        char *copy = arena_alloc(lx->arena, source.n + 1), *to = copy;

        if (!copy)
                return no_room(lx);
        for (size_t i = 0; i < source.n; i++) {
                if (source.at[i] == '\r') {
                        if (i + 1 < source.n && source.at[i + 1] == '\n')
                                continue;
                        *to++ = '\n';
                } else {
                        *to++ = source.at[i];
                }
        }
        lx->begin = lx->at = lx->marked = copy;
        lx->end = to;
        return 0;
}

int lexer_run(struct arena *arena, struct span source, struct tokens *ret, struct report *report,
              struct diag *diag)
{
        struct lexer lx = {.arena = arena,
                           .out = ret,
                           .diag = diag,
                           .report = report,
                           .line = 1,
                           .column = 1,
                           .line_starting = true};
        int r;

        lx.begin = lx.at = lx.marked = lx.end = source.at;
        if (!str_is_utf8(source))
                return fail(&lx, lx.at, "the template is not UTF-8");
        r = normalize(&lx, source);
        while (!r && lx.at < lx.end)
                r = read_root(&lx);
        if (r == CONDITION_REFUSED && !arena->is_over && report_fault(report, diag)) {
                report->is_torn =
                        true; /* a comment or raw text without an end: the rest is in it */
                r = 0;
        }
        if (!r)
                r = add(&lx, T_EOF, lx.end, (struct span){lx.end, 0});
        return r;
}
