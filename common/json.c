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

json_t *json_words(const char *text)
{
        _cleanup_free_ char *mended = NULL;

        if (str_is_utf8(span_of(text)))
                return json_string(text);
        mended = str_mended(span_of(text));
        return mended ? json_string(mended) : NULL;
}

int json_put(json_t *object, const char *key, json_t *value)
{
        return json_object_set_new(object, key, value) == 0 ? 0 : -ENOMEM;
}

int json_add(json_t *array, json_t *value)
{
        return json_array_append_new(array, value) == 0 ? 0 : -ENOMEM;
}
