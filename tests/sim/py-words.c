#include "tests/sim/py-words.h"

#include "tests/sim/py.h"

/* The next "#: KEY VALUE" line; false: the text itself begins. */
static bool next_line(const char **s, struct span *ret_key, struct span *ret_value)
{
        const char *end = strchr(*s, '\n'), *key = *s + 3, *blank;

        if (strncmp(*s, "#: ", 3) != 0 || !end)
                return false;
        blank = memchr(key, ' ', (size_t)(end - key));
        if (!blank)
                return false;
        *ret_key = (struct span){key, (size_t)(blank - key)};
        *ret_value = (struct span){blank + 1, (size_t)(end - blank - 1)};
        *s = end + 1;
        return true;
}

static bool says_all(const struct facts_view *v, const char *role, const char **text)
{
        struct span key, value;
        bool is_role = false, is_told = true;

        while (next_line(text, &key, &value)) {
                const struct buf *prose = &v->facts->prose;

                if (span_is_equal(key, SPAN("role")))
                        is_role |= span_is_equal(value, span_of(role));
                else if (!prose->n || !memmem(prose->at, prose->n, value.at, value.n))
                        is_told = false;
        }
        return is_role && is_told;
}

int py_write_words(const struct facts_view *v, const char *role, struct buf *b)
{
        for (size_t i = 0; i < n_py_words_files; i++) {
                const char *text = py_words_files[i].text;

                if (!says_all(v, role, &text))
                        continue;
                buf_add_text(b, text);
                return b->failed;
        }
        return CONDITION_ABSENT;
}
