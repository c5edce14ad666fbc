#include <ctype.h>
#include <stdio.h>
#include <strings.h>

#include "tests/sim/go.h"

void go_lower_first(const char *s, char at[static GO_NAME_BYTES])
{
        size_t n = 0, upper = 0;

        while (isupper((unsigned char)s[upper]))
                upper++;
        if (upper > 1 && islower((unsigned char)s[upper]))
                upper--; /* HTTPLog: the L begins the next word */
        for (; s[n] && n + 1 < GO_NAME_BYTES; n++)
                at[n] = (char)(n < upper ? tolower((unsigned char)s[n]) : s[n]);
        at[n] = '\0';
}

void go_snake(const char *s, char at[static GO_NAME_BYTES])
{
        size_t n = 0;

        for (size_t i = 0; s[i] && n + 2 < GO_NAME_BYTES; i++) {
                /* "IDs" is one word, many of them */
                bool is_many = s[i + 1] == 's' && !islower((unsigned char)s[i + 2]);
                bool is_start = isupper((unsigned char)s[i]) && i &&
                                (!isupper((unsigned char)s[i - 1]) ||
                                 (islower((unsigned char)s[i + 1]) && !is_many));

                if (is_start && s[i - 1] != '_')
                        at[n++] = '_';
                at[n++] = (char)(s[i] == '-' || s[i] == ' ' ? '_' : tolower((unsigned char)s[i]));
        }
        at[n] = '\0';
}

void go_export(const char *s, char at[static GO_NAME_BYTES])
{
        static const char *const initialisms[] = {"id",   "url", "http", "api",  "json",
                                                  "html", "ip",  "sql",  "uuid", "uri",
                                                  "xml",  "css", "sku"};
        size_t n = 0;

        while (*s && n + 1 < GO_NAME_BYTES) {
                size_t len = 0;
                bool is_upper = false;

                if (!isalnum((unsigned char)*s)) {
                        s++;
                        continue;
                }
                while (isalnum((unsigned char)s[len]))
                        len++;
                for (size_t i = 0; i < N_ELEMENTS(initialisms); i++)
                        is_upper |= strlen(initialisms[i]) == len &&
                                    !strncasecmp(s, initialisms[i], len);
                for (size_t i = 0; i < len && n + 1 < GO_NAME_BYTES; i++)
                        at[n++] = (char)(i == 0 || is_upper ? toupper((unsigned char)s[i]) : s[i]);
                s += len;
        }
        at[n] = '\0';
}

bool go_is_same_name(const char *a, const char *b)
{
        for (;;) {
                while (*a == '_' || *a == '-')
                        a++;
                while (*b == '_' || *b == '-')
                        b++;
                if (tolower((unsigned char)*a) != tolower((unsigned char)*b))
                        return false;
                if (!*a)
                        return true;
                a++;
                b++;
        }
}

bool go_is_integer(const char *type)
{
        static const char *const names[] = {"int",  "int8",  "int16",  "int32",  "int64",
                                            "uint", "uint8", "uint16", "uint32", "uint64"};

        for (size_t i = 0; i < N_ELEMENTS(names); i++)
                if (str_is_equal(names[i], type))
                        return true;
        return false;
}

/* type = *( "*" | "[]" | "map[" type "]" ) [name "."] name, with a name that Go has or an exported
 * one. */
static bool is_go_type(const char *s)
{
        static const char *const builtin[] = {"string",  "bool",    "byte",  "rune",
                                              "float32", "float64", "error", "any"};
        size_t n = 0;

        for (;;) {
                if (*s == '*')
                        s++;
                else if (str_has_prefix(s, "[]"))
                        s += 2;
                else if (str_has_prefix(s, "map[string]") || str_has_prefix(s, "map[int]"))
                        s = strchr(s, ']') + 1;
                else
                        break;
        }
        if (str_is_equal(s, "interface{}") || go_is_integer(s))
                return true;
        for (size_t i = 0; i < N_ELEMENTS(builtin); i++)
                if (str_is_equal(s, builtin[i]))
                        return true;
        while (isalnum((unsigned char)s[n]) || s[n] == '_')
                n++;
        if (n && s[n] == '.') {
                s += n + 1;
                n = strspn(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_");
        }
        return n && !s[n] && isupper((unsigned char)*s);
}

void go_type_of(const char *type, char at[static GO_NAME_BYTES], const char **ret_note)
{
        static const char *const words[][2] = {
                {"text", "string"},
                {"str", "string"},
                {"unique identifier", "string"},
                {"identifier", "string"},
                {"uuid", "string"},
                {"email", "string"},
                {"url", "string"},
                {"enum", "string"},
                {"integer", "int"},
                {"number", "float64"},
                {"decimal", "float64"},
                {"float", "float64"},
                {"double", "float64"},
                {"money", "float64"},
                {"currency", "float64"},
                {"boolean", "bool"},
                {"timestamp", "time.Time"},
                {"datetime", "time.Time"},
                {"date", "time.Time"},
                {"time", "time.Time"},
                {"long", "int64"},
                {"bytes", "[]byte"},
                {"object", "map[string]interface{}"},
                {"list", "[]string"},
                {"array", "[]string"},
        };

        *ret_note = "";
        if (is_go_type(type)) {
                (void)snprintf(at, GO_NAME_BYTES, "%s", type);
                return;
        }
        *ret_note = type;
        for (size_t i = 0; i < N_ELEMENTS(words); i++)
                if (!strcasecmp(words[i][0], type)) {
                        (void)snprintf(at, GO_NAME_BYTES, "%s", words[i][1]);
                        return;
                }
        (void)snprintf(at, GO_NAME_BYTES, "string");
}

void go_quote(const char *s, struct buf *b)
{
        buf_add_char(b, '"');
        for (; *s; s++) {
                if (*s == '"' || *s == '\\')
                        buf_add_char(b, '\\');
                if (*s == '\n' || *s == '\t' || *s == '\r')
                        buf_add_text(b, *s == '\n' ? "\\n" : *s == '\t' ? "\\t" : "\\r");
                else
                        buf_add_char(b, *s);
        }
        buf_add_char(b, '"');
}
