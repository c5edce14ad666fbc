#include "daemon/check/language.h"

#define QUOTE_CHAR_MAX_BYTES 12 /* '\U0001F600' */
#define DOUBLE                            \
        {                                 \
                "\"", "\"", QUOTE_ESCAPES \
        }
#define SINGLE                          \
        {                               \
                "'", "'", QUOTE_ESCAPES \
        }
#define CHARACTER                                    \
        {                                            \
                "'", "'", QUOTE_ESCAPES | QUOTE_CHAR \
        }
#define TRIPLE_DOUBLE                                           \
        {                                                       \
                "\"\"\"", "\"\"\"", QUOTE_ESCAPES | QUOTE_LINES \
        }
#define TRIPLE_SINGLE                                     \
        {                                                 \
                "'''", "'''", QUOTE_ESCAPES | QUOTE_LINES \
        }

/* clang-format off */
static const struct check_language languages[] = {
        {" go golang ", {"//"}, "/*", "*/", {{"`", "`", QUOTE_LINES}, {"\"", "\"", QUOTE_ESCAPES | QUOTE_MUST_CLOSE}, CHARACTER},
         .bracket_confidence = 0.97, .is_code = true},
        {" c h cpp c++ cc objc ", {"//"}, "/*", "*/", {DOUBLE, CHARACTER}, .bracket_confidence = 0.8, .is_code = true},
        {" java kotlin scala dart swift groovy ", {"//"}, "/*", "*/", {TRIPLE_DOUBLE, DOUBLE, CHARACTER},
         .bracket_confidence = 0.95, .is_code = true},
        /* regular expressions, verbatim strings and heredocs hide brackets from this table */
        {" javascript js jsx typescript ts tsx ", {"//"}, "/*", "*/", {{"`", "`", QUOTE_ESCAPES | QUOTE_LINES}, DOUBLE, SINGLE},
         .bracket_confidence = 0.6, .is_code = true},
        {" csharp cs c# ", {"//"}, "/*", "*/", {DOUBLE, CHARACTER}, .bracket_confidence = 0.6, .is_code = true},
        {" php ", {"//", "#"}, "/*", "*/", {DOUBLE, SINGLE}, .bracket_confidence = 0.6, .is_code = true},
        {" ruby rb ", {"#"}, NULL, NULL, {DOUBLE, SINGLE}, .bracket_confidence = 0.6, .is_code = true},
        {" rust rs ", {"//"}, "/*", "*/", {{"r#\"", "\"#", QUOTE_LINES}, {"\"", "\"", QUOTE_ESCAPES | QUOTE_LINES}, CHARACTER},
         .bracket_confidence = 0.95, .is_code = true},
        {" python py ", {"#"}, NULL, NULL, {TRIPLE_DOUBLE, TRIPLE_SINGLE, DOUBLE, SINGLE},
         .bracket_confidence = 0.95, .is_code = true},
        {" sql ", {"--"}, "/*", "*/", {{"$$", "$$", QUOTE_LINES}, {"'", "'", QUOTE_LINES}, {"\"", "\"", QUOTE_LINES}},
         .bracket_confidence = 0.95, .is_code = true},
        {" proto protobuf ", {"//"}, "/*", "*/", {DOUBLE, SINGLE}, .bracket_confidence = 0.95, .is_code = true},
        {" css scss less ", {NULL}, "/*", "*/", {DOUBLE, SINGLE}, .bracket_confidence = 0.9, .is_code = true},
        {" html vue ", {NULL}, "<!--", "-->", {{0}}, .is_code = true},
        {" xml svg ", {NULL}, "<!--", "-->", {{0}}, .is_code = true, .is_xml = true},
        {" shell sh bash zsh ", {"#"}, NULL, NULL, {{0}}, .is_code = true, .is_comment_after_blank = true},
        {" yaml yml ", {"#"}, NULL, NULL, {{0}}, .is_code = true, .is_comment_after_blank = true},
        {" toml ini conf properties ", {"#", ";"}, NULL, NULL, {{0}}, .is_code = true, .is_comment_after_blank = true},
        {" dockerfile docker ", {"#"}, NULL, NULL, {{0}}, .is_code = true, .is_comment_after_blank = true},
        {" makefile make ", {"#"}, NULL, NULL, {{0}}, .is_code = true, .is_comment_after_blank = true},
        {" json ", {NULL}, NULL, NULL, {{"\"", "\"", QUOTE_ESCAPES | QUOTE_MUST_CLOSE}}, .is_code = true, .is_json = true},
        {" markdown md ", {NULL}, NULL, NULL, {{0}}},
        {" text txt ", {NULL}, NULL, NULL, {{0}}},
};
/* clang-format on */

const struct check_language *check_language_find(const char *name)
{
        size_t n = name ? strlen(name) : 0;

        for (size_t i = 0; n > 0 && i < N_ELEMENTS(languages); i++)
                for (const char *at = languages[i].names; (at = strstr(at, name)); at++)
                        if (at[-1] == ' ' && at[n] == ' ')
                                return &languages[i];
        return &languages[N_ELEMENTS(languages) - 1];
}

static bool begins(struct span text, size_t at, const char *with)
{
        size_t n = with ? strlen(with) : 0;

        return n > 0 && at + n <= text.n && memcmp(text.at + at, with, n) == 0;
}

static void blank(char *out, size_t from, size_t to)
{
        for (size_t i = from; i < to; i++)
                if (out[i] != '\n')
                        out[i] = ' ';
}

static void note_open(struct check_mask *m, size_t at)
{
        if (m->is_open)
                return;
        m->is_open = true;
        m->open_at = at;
}

/* One character or one escape between the quotes at `from` and `to`. */
static bool is_character(struct span text, size_t from, size_t to)
{
        size_t n_chars = 0;

        if (to - from > QUOTE_CHAR_MAX_BYTES || to == from)
                return false;
        if (text.at[from] == '\\')
                return true;
        for (size_t i = from; i < to; i++)
                n_chars += ((unsigned char)text.at[i] & 0xc0) != 0x80;
        return n_chars == 1;
}

/* The place after the string that begins at `at`, or `at` when it is none. */
static size_t skip_string(struct span text, const struct check_quote *q, size_t at,
                          struct check_mask *m)
{
        size_t from = at + strlen(q->open), to = from;

        while (to < text.n && !begins(text, to, q->close) &&
               ((q->flags & QUOTE_LINES) || text.at[to] != '\n'))
                to += (q->flags & QUOTE_ESCAPES) && text.at[to] == '\\' && to + 1 < text.n &&
                                      text.at[to + 1] != '\n'
                              ? 2
                              : 1;
        to = MIN2(to, text.n);
        if (!begins(text, to, q->close)) {
                if (q->flags & (QUOTE_LINES | QUOTE_MUST_CLOSE))
                        note_open(m, at);
                if (!(q->flags & QUOTE_LINES))
                        return at;
                blank(m->code, from, text.n);
                return text.n;
        }
        if ((q->flags & QUOTE_CHAR) && !is_character(text, from, to))
                return at;
        blank(m->code, from, to);
        return to + strlen(q->close);
}

static size_t skip_comment(const struct check_language *l, struct span text, size_t at,
                           struct check_mask *m)
{
        bool may_begin = !l->is_comment_after_blank || at == 0 || strchr(" \t\n", text.at[at - 1]);
        size_t to = at;

        for (size_t i = 0; i < N_ELEMENTS(l->line_comments) && to == at; i++)
                if (may_begin && begins(text, at, l->line_comments[i]))
                        while (to < text.n && text.at[to] != '\n')
                                to++;
        if (to == at && begins(text, at, l->block_open)) {
                to = at + strlen(l->block_open);
                while (to < text.n && !begins(text, to, l->block_close))
                        to++;
                if (to == text.n)
                        note_open(m, at);
                to = MIN2(to + strlen(l->block_close), text.n);
        }
        blank(m->code, at, to);
        blank(m->strings, at, to);
        return to;
}

static size_t skip_one(const struct check_language *l, struct span text, size_t at,
                       struct check_mask *m)
{
        size_t to = skip_comment(l, text, at, m);

        for (size_t i = 0; i < N_ELEMENTS(l->quotes) && l->quotes[i].open && to == at; i++)
                if (begins(text, at, l->quotes[i].open))
                        to = skip_string(text, &l->quotes[i], at, m);
        return to > at ? to : at + 1;
}

int check_mask_make(const struct check_language *l, struct span text, struct check_mask *ret)
{
        struct check_mask m = {
                .code = malloc(text.n + 1), .strings = malloc(text.n + 1), .n = text.n};

        if (!m.code || !m.strings) {
                check_mask_done(&m);
                return -ENOMEM;
        }
        if (text.n) {
                memcpy(m.code, text.at, text.n);
                memcpy(m.strings, text.at, text.n);
        }
        m.code[text.n] = m.strings[text.n] = 0;
        for (size_t at = 0; at < text.n;)
                at = skip_one(l, text, at, &m);
        *ret = m;
        return 0;
}

void check_mask_done(struct check_mask *m)
{
        free(m->code);
        free(m->strings);
        *m = (struct check_mask){0};
}
