/* What a service looks at because a requirement or a scenario speaks of it: an entity that its own
 * refers to, by a field of its type or by a key (UserID), and whose name is a word of the text.
 * What it sees of it stands beside the rule. */

#include <ctype.h>
#include <stdio.h>

#include "tests/sim/go.h"

#define SEEN_MAX 64 /* entities that one refers to */

/* " an order item was sent ": words in lower case between single blanks. */
static void add_words(const char *s, struct buf *b)
{
        bool is_word = false;

        buf_add_char(b, ' ');
        for (; *s; s++) {
                bool is_part = isalnum((unsigned char)*s) || (unsigned char)*s >= 0x80;

                if (is_part && is_word && isupper((unsigned char)*s) &&
                    islower((unsigned char)s[-1]))
                        buf_add_char(b, ' ');
                if (is_part)
                        buf_add_char(b, (char)tolower((unsigned char)*s));
                else if (is_word)
                        buf_add_char(b, ' ');
                is_word = is_part;
        }
        if (is_word)
                buf_add_char(b, ' ');
}

/* In the singular or with an ending of the plural, in words or as one. */
static bool speaks_of(const char *words, const char *name)
{
        static const char *const endings[] = {"", "s", "es"};
        _cleanup_buf_ struct buf apart = {0};
        char together[GO_NAME_BYTES];
        size_t n = 0;

        add_words(name, &apart);
        if (apart.failed || apart.n < 3)
                return false;
        for (size_t i = 0; i < apart.n && n + 1 < sizeof(together); i++)
                if (apart.at[i] != ' ')
                        together[n++] = apart.at[i];
        together[n] = '\0';
        for (size_t i = 0; i < N_ELEMENTS(endings); i++) {
                char text[GO_NAME_BYTES + 8];

                (void)snprintf(text, sizeof(text), " %s%s ", together, endings[i]);
                if (strstr(words, text))
                        return true;
                (void)snprintf(text, sizeof(text), "%.*s%s ", (int)apart.n - 1, apart.at,
                               endings[i]);
                if (strstr(words, text))
                        return true;
        }
        return false;
}

static void add_name(char names[][GO_NAME_BYTES], size_t *n, struct span name)
{
        if (!name.n || name.n >= GO_NAME_BYTES || *n == SEEN_MAX)
                return;
        (void)snprintf(names[*n], GO_NAME_BYTES, "%.*s", (int)name.n, name.at);
        for (size_t i = 0; i < *n; i++)
                if (str_is_equal(names[i], names[*n]))
                        return;
        ++*n;
}

/* Names with a capital in the types of the fields, and fields that end in ID or IDs without it. */
static size_t find_names(const struct go_type *t, char names[][GO_NAME_BYTES])
{
        size_t n = 0;

        for (size_t i = 0; i < t->n_fields; i++) {
                const char *name = t->fields[i].name;
                size_t length = strlen(name);

                if (length > 3 && str_has_suffix(name, "IDs"))
                        add_name(names, &n, (struct span){name, length - 3});
                else if (length > 2 && str_has_suffix(name, "ID"))
                        add_name(names, &n, (struct span){name, length - 2});
                for (const char *s = t->fields[i].type; *s;) {
                        struct span word = {s, 0};

                        while (isalnum((unsigned char)s[word.n]) || s[word.n] == '_')
                                word.n++;
                        if (isupper((unsigned char)*s))
                                add_name(names, &n, word);
                        s += word.n ? word.n : 1;
                }
        }
        return n;
}

/* "order items" speaks of OrderItem, not of Order. */
static bool is_longest(char names[][GO_NAME_BYTES], size_t n, size_t at, const char *words)
{
        for (size_t i = 0; i < n; i++)
                if (i != at && strlen(names[i]) > strlen(names[at]) &&
                    strstr(names[i], names[at]) && speaks_of(words, names[i]))
                        return false;
        return true;
}

void go_emit_seen(struct go_out *o, const char *indent, const char *text)
{
        const struct go_type *own = go_find_type(&o->w, o->dir, o->entity, NULL);
        char names[SEEN_MAX + 1][GO_NAME_BYTES];
        _cleanup_buf_ struct buf words = {0};
        size_t n = own ? find_names(own, names) : 0;

        add_words(text, &words);
        for (size_t i = 0; i < n && !words.failed; i++) {
                const struct go_file *file;
                const struct go_type *t = go_find_type(&o->w, NULL, names[i], &file);

                if (!t || t->kind != GO_STRUCT || str_is_equal(names[i], o->entity) ||
                    !speaks_of(words.at, names[i]) || !is_longest(names, n, i, words.at))
                        continue;
                go_emit(o, "%s// Sees %s.%s:", indent, file->package, t->name);
                for (size_t k = 0; k < t->n_fields; k++)
                        go_emit(o, "%s %s %s", k ? "," : "", t->fields[k].name, t->fields[k].type);
                go_emit(o, "\n");
        }
}
