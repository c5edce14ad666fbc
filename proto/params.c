#include "proto/params.h"

#include <stdio.h>

#include "common/hash.h"
#include "common/json.h"
#include "common/str.h"
#include "common/ulid.h"
#include "proto/base64.h"

/* Where we are, as a chain on the stack: the pointer is written only when something is wrong. */
struct place {
        const struct place *parent;
        const char *key; /* NULL: index */
        size_t index;
};

struct checking {
        struct failure *failure; /* what was found */
};

static void add_place(struct buf *b, const struct place *at)
{
        if (!at)
                return;
        add_place(b, at->parent);
        if (!at->key) {
                buf_printf(b, "/%zu", at->index);
                return;
        }
        buf_add_char(b, '/');
        for (const char *c = at->key; *c; c++) { /* RFC 6901 */
                if (*c == '~')
                        buf_add_text(b, "~0");
                else if (*c == '/')
                        buf_add_text(b, "~1");
                else
                        buf_add_char(b, *c);
        }
}

static int refuse(struct checking *c, const struct place *at, const char *format, ...)
        _printf_(3, 4);
static int refuse(struct checking *c, const struct place *at, const char *format, ...)
{
        _cleanup_buf_ struct buf where = {0}, text = {0};
        va_list args;

        add_place(&where, at);
        if (at->key)
                buf_printf(&text, "`%s` ", at->key);
        else
                buf_printf(&text, "item %zu ", at->index);
        va_start(args, format);
        buf_vprintf(&text, format, args);
        va_end(args);
        if (where.failed || text.failed)
                return -ENOMEM;
        c->failure = failure_new_at(FAILURE_INVALID_PARAMS, buf_span(&where).at, "%s", text.at);
        return c->failure ? CONDITION_REFUSED : -ENOMEM;
}

static const char *type_name(const json_t *v)
{
        static const char *const names[] = {
                [JSON_OBJECT] = "an object",   [JSON_ARRAY] = "an array",  [JSON_STRING] = "text",
                [JSON_INTEGER] = "an integer", [JSON_REAL] = "a fraction", [JSON_TRUE] = "true",
                [JSON_FALSE] = "false",        [JSON_NULL] = "null",
        };

        return names[json_typeof(v)];
}

static int refuse_type(struct checking *c, const struct place *at, const char *wanted,
                       const json_t *v)
{
        return refuse(c, at, "is %s, not %s", type_name(v), wanted);
}

static int check_choice(struct checking *c, const char *const *choices, const char *text,
                        const struct place *at)
{
        _cleanup_buf_ struct buf list = {0};

        for (size_t i = 0; choices[i]; i++) {
                if (str_is_equal(choices[i], text))
                        return 0;
                buf_printf(&list, "%s%s", i > 0 ? ", " : "", choices[i]);
        }
        if (list.failed)
                return list.failed;
        return refuse(c, at, "is none of: %s", buf_span(&list).at);
}

static int check_text(struct checking *c, const struct param *p, const json_t *v,
                      const struct place *at)
{
        size_t n = json_string_length(v);

        if (!json_is_string(v))
                return refuse_type(c, at, "text", v);
        if (p->choices)
                return check_choice(c, p->choices, json_string_value(v), at);
        if (n < p->min)
                return refuse(c, at, p->min == 1 ? "is empty" : "is too short");
        if (p->max && n > p->max)
                return refuse(c, at, "is longer than %llu bytes", (unsigned long long)p->max);
        return 0;
}

static int check_u64(struct checking *c, const struct param *p, const json_t *v,
                     const struct place *at)
{
        json_int_t n = json_integer_value(v);

        if (!json_is_integer(v))
                return refuse_type(c, at, "an integer", v);
        if (n < 0 || (uint64_t)n < p->min)
                return refuse(c, at, "is less than %llu", (unsigned long long)p->min);
        if (p->max && (uint64_t)n > p->max)
                return refuse(c, at, "is more than %llu", (unsigned long long)p->max);
        return 0;
}

static int check_count(struct checking *c, const struct param *p, size_t n, const struct place *at)
{
        if (p->max && n > p->max)
                return refuse(c, at, "has more than %llu members", (unsigned long long)p->max);
        return 0;
}

static int check_texts(struct checking *c, const json_t *v, const char *const *choices,
                       const struct place *at)
{
        struct place item = {.parent = at};
        json_t *text;

        json_array_foreach (v, item.index, text) {
                int r = 0;

                if (!json_is_string(text))
                        return refuse_type(c, &item, "text", text);
                if (choices)
                        r = check_choice(c, choices, json_string_value(text), &item);
                if (r != 0)
                        return r;
        }
        return 0;
}

static int check_argvs(struct checking *c, const struct param *p, const json_t *v,
                       const struct place *at)
{
        struct place item = {.parent = at};
        json_t *argv;
        int r;

        r = check_count(c, p, json_array_size(v), at);
        if (r != 0)
                return r;
        json_array_foreach (v, item.index, argv) {
                if (!json_is_array(argv))
                        return refuse_type(c, &item, "an array of texts", argv);
                if (json_array_size(argv) == 0)
                        return refuse(c, &item, "is empty");
                if (json_array_size(argv) > PARAM_MAX_ARGS)
                        return refuse(c, &item, "has more than %d members", PARAM_MAX_ARGS);
                r = check_texts(c, argv, NULL, &item);
                if (r != 0)
                        return r;
        }
        return 0;
}

static int check_text_map(struct checking *c, const struct param *p, const json_t *v,
                          const struct place *at)
{
        struct place member = {.parent = at};
        json_t *text;
        int r;

        r = check_count(c, p, json_object_size(v), at);
        if (r != 0)
                return r;
        json_object_foreach ((json_t *)v, member.key, text) {
                if (!json_is_string(text))
                        return refuse_type(c, &member, "text", text);
        }
        return 0;
}

static int check_base64(struct checking *c, const struct param *p, const json_t *v,
                        const struct place *at)
{
        struct span text = {json_string_value(v), json_string_length(v)};
        size_t n;

        if (base64_decoded_size(text, &n) < 0)
                return refuse(c, at, "is not base 64");
        if (p->max && n > p->max)
                return refuse(c, at, "is more than %llu bytes", (unsigned long long)p->max);
        return 0;
}

static int check_special_text(struct checking *c, const struct param *p, const json_t *v,
                              const struct place *at)
{
        struct span text = {json_string_value(v), json_string_length(v)};
        struct hash hash;
        struct ulid ulid;

        if (!json_is_string(v))
                return refuse_type(c, at, "text", v);
        if (p->type == PARAM_BASE64)
                return check_base64(c, p, v, at);
        if (p->type == PARAM_HASH && hash_from_hex(text, &hash) < 0)
                return refuse(c, at, "is not 64 digits of lower case hex");
        if (p->type == PARAM_ULID && ulid_from_text(text, &ulid) < 0)
                return refuse(c, at, "is not an id (ULID)");
        return 0;
}

static int check_members(struct checking *c, const struct param *table, const json_t *object,
                         const struct place *at);

static int check_value(struct checking *c, const struct param *p, const json_t *v,
                       const struct place *at)
{
        int r;

        switch (p->type) {
        case PARAM_TEXT:
                return check_text(c, p, v, at);
        case PARAM_U64:
                return check_u64(c, p, v, at);
        case PARAM_BOOL:
                return json_is_boolean(v) ? 0 : refuse_type(c, at, "true or false", v);
        case PARAM_OBJECT:
                if (!json_is_object(v))
                        return refuse_type(c, at, "an object", v);
                return p->fields ? check_members(c, p->fields, v, at) : 0;
        case PARAM_ARRAY:
        case PARAM_TEXTS:
        case PARAM_ARGVS:
                if (!json_is_array(v))
                        return refuse_type(c, at, "an array", v);
                if (p->type == PARAM_ARGVS)
                        return check_argvs(c, p, v, at);
                r = check_count(c, p, json_array_size(v), at);
                return r == 0 && p->type == PARAM_TEXTS ? check_texts(c, v, p->choices, at) : r;
        case PARAM_TEXT_MAP:
                if (!json_is_object(v))
                        return refuse_type(c, at, "an object of texts", v);
                return check_text_map(c, p, v, at);
        case PARAM_HASH:
        case PARAM_ULID:
        case PARAM_BASE64:
                return check_special_text(c, p, v, at);
        case PARAM_ID:
                return json_is_integer(v) ? 0 : check_text(c, p, v, at);
        }
        return refuse(c, at, "cannot be checked");
}

static const struct param *find_param(const struct param *table, const char *name)
{
        for (const struct param *p = table; p->name; p++)
                if (str_is_equal(p->name, name))
                        return p;
        return NULL;
}

#define MAX_NAMES 32 /* rows of the longest table are fewer */

static int refuse_unknown(struct checking *c, const struct param *table, const char *name,
                          const struct place *at)
{
        const char *names[MAX_NAMES], *nearest;
        size_t n = 0;

        for (const struct param *p = table; p->name && n < MAX_NAMES; p++)
                names[n++] = p->name;
        nearest = str_nearest(name, names, n);
        if (nearest)
                return refuse(c, at, "is unknown; did you mean \"%s\"?", nearest);
        return refuse(c, at, "is unknown");
}

static int check_members(struct checking *c, const struct param *table, const json_t *object,
                         const struct place *at)
{
        struct place member = {.parent = at};
        json_t *value;
        int r;

        json_object_foreach ((json_t *)object, member.key, value) {
                const struct param *p = find_param(table, member.key);

                r = p ? check_value(c, p, value, &member)
                      : refuse_unknown(c, table, member.key, &member);
                if (r != 0)
                        return r;
        }
        for (const struct param *p = table; p->name; p++) {
                if (!p->is_required || json_object_get(object, p->name))
                        continue;
                if (p->unless && json_object_get(object, p->unless))
                        continue;
                member.key = p->name;
                return refuse(c, &member, "is missing");
        }
        return 0;
}

int params_check(const struct param *table, const json_t *params, struct failure **ret_failure)
{
        struct place top = {.key = "params"};
        struct checking c = {0};
        int r;

        if (params && !json_is_object(params))
                r = refuse_type(&c, &top, "an object", params);
        else
                r = check_members(&c, table, params, &top);
        if (r > 0)
                *ret_failure = c.failure;
        return r;
}

static int put_bounds(json_t *schema, const struct param *p, const char *min, const char *max)
{
        if (p->min && json_put(schema, min, json_integer((json_int_t)p->min)) < 0)
                return -ENOMEM;
        if (p->max && json_put(schema, max, json_integer((json_int_t)p->max)) < 0)
                return -ENOMEM;
        return 0;
}

static int put_choices(json_t *schema, const char *const *choices)
{
        json_t *list;

        if (!choices)
                return 0;
        if (json_put(schema, "enum", json_array()) < 0)
                return -ENOMEM;
        list = json_object_get(schema, "enum");
        for (size_t i = 0; choices[i]; i++)
                if (json_add(list, json_string(choices[i])) < 0)
                        return -ENOMEM;
        return 0;
}

static int put_type(json_t *schema, const char *type)
{
        return json_put(schema, "type", json_string(type));
}

/* An object's members; `required` only when something is (JSON Schema draft 4 forbids an empty
 * one). */
static int put_fields(json_t *schema, const struct param *fields)
{
        json_t *properties, *required;

        if (json_put(schema, "properties", json_object()) < 0 ||
            json_put(schema, "required", json_array()) < 0 ||
            json_put(schema, "additionalProperties", json_false()) < 0)
                return -ENOMEM;
        properties = json_object_get(schema, "properties");
        required = json_object_get(schema, "required");
        for (const struct param *p = fields; p->name; p++) {
                if (json_put(properties, p->name, param_to_schema(p)) < 0)
                        return -ENOMEM;
                if (p->is_required && !p->unless && json_add(required, json_string(p->name)) < 0)
                        return -ENOMEM;
        }
        if (json_array_size(required) == 0)
                json_object_del(schema, "required");
        return 0;
}

static int put_items(json_t *schema, const char *type, const char *const *choices)
{
        if (json_put(schema, "items", json_object()) < 0)
                return -ENOMEM;
        schema = json_object_get(schema, "items");
        return put_type(schema, type) < 0 || put_choices(schema, choices) < 0 ? -ENOMEM : 0;
}

static int put_array(json_t *schema, const struct param *p)
{
        if (put_type(schema, "array") < 0 || put_bounds(schema, p, "minItems", "maxItems") < 0)
                return -ENOMEM;
        if (p->type == PARAM_TEXTS)
                return put_items(schema, "string", p->choices);
        if (p->type != PARAM_ARGVS)
                return 0;
        if (put_items(schema, "array", NULL) < 0)
                return -ENOMEM;
        return put_items(json_object_get(schema, "items"), "string", NULL);
}

static int put_string(json_t *schema, const char *keyword, const char *value)
{
        return put_type(schema, "string") < 0 || json_put(schema, keyword, json_string(value)) < 0
                       ? -ENOMEM
                       : 0;
}

static int fill_schema(json_t *schema, const struct param *p)
{
        if (json_put(schema, "description", json_string(p->sentence)) < 0)
                return -ENOMEM;
        switch (p->type) {
        case PARAM_TEXT:
                return put_type(schema, "string") < 0 ||
                                       put_bounds(schema, p, "minLength", "maxLength") < 0 ||
                                       put_choices(schema, p->choices) < 0
                               ? -ENOMEM
                               : 0;
        case PARAM_U64:
                if (json_put(schema, "minimum", json_integer((json_int_t)p->min)) < 0 ||
                    put_bounds(schema, p, "minimum", "maximum") < 0)
                        return -ENOMEM;
                return put_type(schema, "integer");
        case PARAM_BOOL:
                return put_type(schema, "boolean");
        case PARAM_OBJECT:
                if (p->fields && put_fields(schema, p->fields) < 0)
                        return -ENOMEM;
                return put_type(schema, "object");
        case PARAM_ARRAY:
        case PARAM_TEXTS:
        case PARAM_ARGVS:
                return put_array(schema, p);
        case PARAM_HASH:
                return put_string(schema, "pattern", "^[0-9a-f]{64}$");
        case PARAM_ULID:
                return put_string(schema, "pattern", "^[0-7][0-9A-HJKMNP-TV-Z]{25}$");
        case PARAM_BASE64:
                return put_string(schema, "contentEncoding", "base64");
        case PARAM_TEXT_MAP:
                if (json_put(schema, "additionalProperties", json_pack("{s:s}", "type", "string")) <
                    0)
                        return -ENOMEM;
                return put_type(schema, "object");
        case PARAM_ID:
                return json_put(schema, "type", json_pack("[s,s]", "string", "integer"));
        }
        return 0;
}

json_t *param_to_schema(const struct param *p)
{
        _cleanup_json_ json_t *schema = json_object();

        if (!schema || fill_schema(schema, p) < 0)
                return NULL;
        return take(schema);
}
