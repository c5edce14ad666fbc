#include "daemon/check/language.h"

#include "common/str.h"

static const struct check_language languages[] = {
        {"go", "//", "/*", "*/", "\"'", "`", false, true},
        {"c", "//", "/*", "*/", "\"'", "", false, true},
        {"java", "//", "/*", "*/", "\"'", "", true, true},
        {"javascript", "//", "/*", "*/", "\"'", "`", false, true},
        {"typescript", "//", "/*", "*/", "\"'", "`", false, true},
        {"rust", "//", "/*", "*/", "\"", "", false, true},
        {"python", "#", NULL, NULL, "\"'", "", true, true},
        {"sql", "--", "/*", "*/", "'\"", "", false, true},
        {"shell", "#", NULL, NULL, "", "", false, true},
        {"yaml", "#", NULL, NULL, "", "", false, false},
        {"json", NULL, NULL, NULL, "\"", "", false, true},
        {"text", NULL, NULL, NULL, "", "", false, false},
};

const struct check_language *check_language_find(const char *name)
{
        for (size_t i = 0; i + 1 < N_ELEMENTS(languages); i++)
                if (str_is_equal(name, languages[i].name))
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

/* Where what begins at `at` and lasts until `end` (exclusive) ends; text.n when it does not. */
static size_t find_end(struct span text, size_t at, const char *end, bool has_escapes,
                       bool is_line_bound, bool *ret_is_open)
{
        while (at < text.n) {
                if (has_escapes && text.at[at] == '\\') {
                        at += 2;
                        continue;
                }
                if (is_line_bound && text.at[at] == '\n')
                        break;
                if (begins(text, at, end))
                        return at;
                at++;
        }
        *ret_is_open = true;
        return MIN2(at, text.n);
}

/* Gives the end of the string or comment at `at` (its inside is blanked), or `at` when there is
 * none. */
static size_t mask_one(const struct check_language *l, struct span text, size_t at, char *out,
                       bool *ret_is_open)
{
        char quote[2] = {text.at[at], 0}, triple[4] = {quote[0], quote[0], quote[0], 0};
        bool is_line_open = false;
        size_t end;

        if (begins(text, at, l->line_comment)) {
                end = find_end(text, at, "\n", false, true, &is_line_open);
                blank(out, at, end);
                return end;
        }
        if (begins(text, at, l->block_open)) {
                end = find_end(text, at + 2, l->block_close, false, false, ret_is_open);
                end = MIN2(end + strlen(l->block_close), text.n);
                blank(out, at, end);
                return end;
        }
        if (l->has_triple_quotes && strchr("\"'", quote[0]) && begins(text, at, triple)) {
                end = find_end(text, at + 3, triple, true, false, ret_is_open);
                blank(out, at + 3, end);
                return MIN2(end + 3, text.n);
        }
        if (quote[0] && strchr(l->raw_quotes, quote[0])) {
                end = find_end(text, at + 1, quote, false, false, ret_is_open);
                blank(out, at + 1, end);
                return MIN2(end + 1, text.n);
        }
        if (quote[0] && strchr(l->quotes, quote[0])) {
                end = find_end(text, at + 1, quote, true, true, &is_line_open);
                if (is_line_open)
                        return at; /* an apostrophe, a lifetime: not a string */
                blank(out, at + 1, end);
                return end + 1;
        }
        return at;
}

char *check_language_mask(const struct check_language *l, struct span text, bool *ret_is_open)
{
        char *out = malloc(text.n + 1);
        size_t at = 0;

        if (!out)
                return NULL;
        if (text.n)
                memcpy(out, text.at, text.n);
        out[text.n] = 0;
        *ret_is_open = false;
        while (at < text.n) {
                size_t end = mask_one(l, text, at, out, ret_is_open);

                at = end > at ? end : at + 1;
        }
        return out;
}
