#include <ctype.h>
#include <stdio.h>

#include "tests/sim/py.h"

static bool is_start(const char *s, size_t i)
{
        return isupper((unsigned char)s[i]) && i && !strchr("_ -", s[i - 1]) &&
               (!isupper((unsigned char)s[i - 1]) || islower((unsigned char)s[i + 1]));
}

static void cut(const char *s, char between, char at[static PY_NAME_BYTES])
{
        size_t n = 0;

        for (size_t i = 0; s[i] && n + 2 < PY_NAME_BYTES; i++) {
                if (is_start(s, i))
                        at[n++] = between;
                at[n++] = (char)(strchr("_ -", s[i]) ? between : tolower((unsigned char)s[i]));
        }
        while (n && at[n - 1] == ' ')
                n--;
        at[n] = '\0';
}

void py_words(const char *s, char at[static PY_NAME_BYTES])
{
        cut(s, ' ', at);
}

void py_snake(const char *s, char at[static PY_NAME_BYTES])
{
        cut(s, '_', at);
}

void py_capital(const char *s, char at[static PY_NAME_BYTES])
{
        (void)snprintf(at, PY_NAME_BYTES, "%s", s);
        *at = (char)toupper((unsigned char)*at);
}

static const char *const odd[][2] = {
        {"person", "people"}, {"child", "children"}, {"man", "men"},    {"woman", "women"},
        {"people", "people"}, {"series", "series"},  {"news", "news"},  {"mouse", "mice"},
        {"leaf", "leaves"},   {"shelf", "shelves"},  {"life", "lives"}, {"knife", "knives"},
};

static bool is_vowel(char c)
{
        return c && strchr("aeiou", c);
}

/* Replaces the last word by the other of its pair, if it has one. */
static bool by_list(const char *s, size_t from, char at[static PY_NAME_BYTES])
{
        for (size_t i = 0; i < N_ELEMENTS(odd); i++) {
                size_t n = strlen(odd[i][from]), n_s = strlen(s);

                if (!str_has_suffix(s, odd[i][from]) ||
                    (n_s > n && isalpha((unsigned char)s[n_s - n - 1])))
                        continue;
                (void)snprintf(at, PY_NAME_BYTES, "%.*s%s", (int)(n_s - n), s, odd[i][!from]);
                return true;
        }
        return false;
}

void py_plural(const char *s, char at[static PY_NAME_BYTES])
{
        static const char *const hissing[] = {"s", "x", "z", "ch", "sh"};
        size_t n = strlen(s);
        bool hisses = false;

        if (by_list(s, 0, at))
                return;
        for (size_t i = 0; i < N_ELEMENTS(hissing); i++)
                hisses |= str_has_suffix(s, hissing[i]);
        if (n > 1 && s[n - 1] == 'y' && !is_vowel(s[n - 2]))
                (void)snprintf(at, PY_NAME_BYTES, "%.*sies", (int)n - 1, s);
        else
                (void)snprintf(at, PY_NAME_BYTES, "%s%s", s, hisses ? "es" : "s");
}

void py_singular(const char *s, char at[static PY_NAME_BYTES])
{
        static const char *const hissing[] = {"ses", "xes", "zes", "ches", "shes"};
        size_t n = strlen(s), cut = 0;

        if (by_list(s, 1, at))
                return;
        for (size_t i = 0; i < N_ELEMENTS(hissing); i++)
                if (str_has_suffix(s, hissing[i]))
                        cut = 2;
        if (str_has_suffix(s, "ies") && n > 4) {
                (void)snprintf(at, PY_NAME_BYTES, "%.*sy", (int)n - 3, s);
                return;
        }
        if (!cut && str_has_suffix(s, "s") && !str_has_suffix(s, "ss"))
                cut = 1;
        (void)snprintf(at, PY_NAME_BYTES, "%.*s", (int)(n - cut), s);
}

void py_table(const char *entity, const char *module, char at[static PY_NAME_BYTES])
{
        static const char ending[] = "_entity";
        char own[PY_NAME_BYTES];
        size_t n = module ? strlen(module) : 0, n_ending = strlen(ending);

        py_snake(entity, own);
        if (n > n_ending && str_has_suffix(module, ending) && !str_has_suffix(own, ending))
                n -= n_ending;
        if (n)
                (void)snprintf(own, sizeof(own), "%.*s", (int)n, module);
        py_plural(own, at);
}

size_t py_width(struct span s)
{
        size_t n = 0;

        for (size_t i = 0; i < s.n; i++)
                n += ((unsigned char)s.at[i] & 0xc0) != 0x80;
        return n;
}

void py_quote(const char *text, struct buf *b)
{
        bool is_blank = false;

        buf_add_char(b, '"');
        for (const char *s = text + strspn(text, " \t\r\n"); *s; s++) {
                if (isspace((unsigned char)*s)) {
                        is_blank = true;
                        continue;
                }
                if (is_blank)
                        buf_add_char(b, ' ');
                is_blank = false;
                if (*s == '\\')
                        buf_add_char(b, '\\');
                buf_add_char(b, *s == '"' ? '\'' : *s);
        }
        buf_add_char(b, '"');
}
