#include "common/json.h"

#include <stdio.h>

#include "common/str.h"

int json_read(struct span text, json_t **ret, struct diag *ret_diag)
{
        json_error_t error;
        json_t *value;

        value = json_loadb(text.n ? text.at : "", text.n, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY,
                           &error);
        if (value) {
                *ret = value;
                return 0;
        }
        /* Jansson 2.14 says nothing at all where it could not allocate. */
        if (json_error_code(&error) == json_error_out_of_memory || !error.text[0])
                return -ENOMEM;
        if (ret_diag) {
                *ret_diag = (struct diag){
                        .line = error.line > 0 ? (unsigned)error.line : 0,
                        .column = error.column > 0 ? (unsigned)error.column : 0,
                };
                snprintf(ret_diag->text, sizeof(ret_diag->text), "%s", error.text);
        }
        return CONDITION_REFUSED;
}

static int write_piece(const char *bytes, size_t n, void *arg)
{
        return buf_add(arg, bytes, n);
}

int json_write(const json_t *value, struct buf *b)
{
        int r;

        r = json_dump_callback(value, write_piece, b,
                               JSON_COMPACT | JSON_SORT_KEYS | JSON_ENCODE_ANY |
                                       JSON_REAL_PRECISION(17));
        if (b->failed)
                return b->failed;
        return r == 0 ? 0 : -ENOMEM;
}

char *json_to_text(const json_t *value)
{
        struct buf b;
        char *text = NULL;

        buf_init(&b, 0);
        if (json_write(value, &b) == 0)
                text = buf_steal(&b, NULL);
        buf_done(&b);
        return text;
}

/* The letter after a backslash, 'u' for four digits, or 0 for what stands as it is. */
static char escape_of(unsigned char c)
{
        switch (c) {
        case '"':
        case '\\':
                return (char)c;
        case '\b':
                return 'b';
        case '\f':
                return 'f';
        case '\n':
                return 'n';
        case '\r':
                return 'r';
        case '\t':
                return 't';
        default:
                return c < 0x20 ? 'u' : 0;
        }
}

int json_write_string(struct buf *b, struct span s)
{
        size_t from = 0;

        if (!str_is_utf8(s))
                return -EINVAL;
        buf_add_char(b, '"');
        for (size_t i = 0; i < s.n; i++) {
                char escape = escape_of((unsigned char)s.at[i]);

                if (!escape)
                        continue;
                buf_add(b, s.at + from, i - from);
                from = i + 1;
                if (escape == 'u')
                        buf_printf(b, "\\u%04x", (unsigned char)s.at[i]);
                else
                        buf_add(b, (char[]){'\\', escape}, 2);
        }
        buf_add(b, s.n ? s.at + from : "", s.n - from);
        return buf_add_char(b, '"');
}

const char *json_get_text(const json_t *object, const char *key)
{
        return json_string_value(json_object_get(object, key));
}

bool json_get_u64(const json_t *object, const char *key, uint64_t *ret)
{
        const json_t *value = json_object_get(object, key);

        if (!json_is_integer(value) || json_integer_value(value) < 0)
                return false;
        *ret = (uint64_t)json_integer_value(value);
        return true;
}

bool json_get_bool(const json_t *object, const char *key, bool otherwise)
{
        const json_t *value = json_object_get(object, key);

        return json_is_boolean(value) ? json_is_true(value) : otherwise;
}

int json_put(json_t *object, const char *key, json_t *value)
{
        return json_object_set_new(object, key, value) == 0 ? 0 : -ENOMEM;
}

int json_add(json_t *array, json_t *value)
{
        return json_array_append_new(array, value) == 0 ? 0 : -ENOMEM;
}
