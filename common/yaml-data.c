/* From YAML nodes to data: plain scalars are typed by the core schema of YAML 1.2 (10.3.2). */

#include "common/str.h"
#include "common/yaml.h"

/* [-+]? ( . digits | digits ( . digits? )? ) ( [eE] [-+]? digits )?; sets *ret_is_integer when
 * there is neither point nor exponent */
static bool is_number(const char *s, bool *ret_is_integer)
{
        static const char digits[] = "0123456789";
        size_t n_before, n_after = 0;
        bool is_integer = true;

        s += *s == '-' || *s == '+';
        n_before = strspn(s, digits);
        s += n_before;
        if (*s == '.') {
                is_integer = false;
                n_after = strspn(++s, digits);
                s += n_after;
        }
        if (n_before + n_after == 0)
                return false;
        if (*s == 'e' || *s == 'E') {
                size_t n_exponent;

                is_integer = false;
                s++;
                s += *s == '-' || *s == '+';
                n_exponent = strspn(s, digits);
                if (n_exponent == 0)
                        return false;
                s += n_exponent;
        }
        *ret_is_integer = is_integer;
        return *s == '\0';
}

/* 0o17, 0x1f; no sign */
static bool is_based(const char *s, int *ret_base)
{
        if (s[0] != '0' || (s[1] != 'o' && s[1] != 'x') || s[2] == '\0')
                return false;
        *ret_base = s[1] == 'o' ? 8 : 16;
        return s[2 + strspn(s + 2, s[1] == 'o' ? "01234567" : "0123456789abcdefABCDEF")] == '\0';
}

static json_t *text_value(const struct yaml_node *n)
{
        return json_stringn(n->text, n->n_text);
}

/* Numbers that the data model cannot hold (too long, .inf, .nan) stay text: nothing is lost. */
static json_t *plain_value(const struct yaml_node *n)
{
        const char *s = n->text;
        bool is_integer, truth;
        int base;

        if (yaml_is_null(n))
                return json_null();
        if (yaml_to_bool(n, &truth) == 0)
                return json_boolean(truth);
        if (is_based(s, &base)) {
                unsigned long long value;

                errno = 0;
                value = strtoull(s + 2, NULL, base);
                if (errno == 0 && value <= INT64_MAX)
                        return json_integer((json_int_t)value);
        } else if (is_number(s, &is_integer)) {
                int64_t value;
                double real;

                if (is_integer && str_to_i64(s + (*s == '+'), &value) == 0)
                        return json_integer(value);
                if (!is_integer && str_to_double(s, &real) == 0)
                        return json_real(real);
        }
        return text_value(n);
}

static json_t *to_json(const struct yaml_node *n)
{
        _cleanup_json_ json_t *value = NULL;

        if (n->kind == YAML_SCALAR)
                return n->is_quoted ? text_value(n) : plain_value(n);
        value = n->kind == YAML_LIST ? json_array() : json_object();
        for (size_t i = 0; i < n->n_items; i++) {
                json_t *item = to_json(n->items[i]);
                int r = n->kind == YAML_LIST ? json_add(value, item)
                                             : json_put(value, n->keys[i]->text, item);

                if (r < 0)
                        return NULL;
        }
        return take(value);
}

int yaml_to_json(const struct yaml_node *n, json_t **ret)
{
        json_t *value = n ? to_json(n) : json_null();

        if (!value)
                return -ENOMEM;
        *ret = value;
        return 0;
}
