#include "daemon/input/kinds.h"

#include <stdarg.h>
#include <stdio.h>

static const struct job_kind *const kinds[] = {
#define X(name) &job_kind_##name,
        JOB_KIND_TABLE(X)
#undef X
};

const struct job_kind *job_kind_find(const char *name)
{
        for (size_t i = 0; i < N_ELEMENTS(kinds); i++)
                if (strcmp(kinds[i]->name, name) == 0)
                        return kinds[i];
        return NULL;
}

size_t job_kinds(const struct job_kind *const **ret)
{
        *ret = kinds;
        return N_ELEMENTS(kinds);
}

int kind_refuse(struct failure **ret_failure, const char *where, const char *format, ...)
{
        char text[300];
        va_list args;

        va_start(args, format);
        vsnprintf(text, sizeof(text), format, args);
        va_end(args);
        *ret_failure = failure_new_at(FAILURE_INVALID_PARAMS, where, "%s", text);
        return *ret_failure ? CONDITION_REFUSED : -ENOMEM;
}

static const char *type_name(json_type type)
{
        switch (type) {
        case JSON_STRING:
                return "a text";
        case JSON_INTEGER:
                return "an integer";
        case JSON_ARRAY:
                return "an array";
        case JSON_OBJECT:
                return "an object";
        default:
                return "true or false";
        }
}

/* A field that may be true may be false. */
static bool is_of_type(const json_t *value, json_type type)
{
        return json_typeof(value) == type || (type == JSON_TRUE && json_is_false(value));
}

static int check_known(const json_t *input, const struct input_field *fields, size_t n_fields,
                       struct failure **ret_failure)
{
        const char *key, *names[16];
        json_t *value;

        assert(n_fields <= N_ELEMENTS(names));
        for (size_t i = 0; i < n_fields; i++)
                names[i] = fields[i].name;
        json_object_foreach ((json_t *)input, key, value) {
                _cleanup_free_ char *where = NULL;
                const char *near;
                size_t i = 0;

                while (i < n_fields && strcmp(fields[i].name, key) != 0)
                        i++;
                if (i < n_fields)
                        continue;
                where = str_printf("/params/input/%s", key);
                if (!where)
                        return -ENOMEM;
                near = str_nearest(key, names, n_fields);
                return kind_refuse(ret_failure, where, "there is no parameter `%.60s`%s%s%s", key,
                                   near ? "; did you mean `" : "", near ? near : "",
                                   near ? "`?" : "");
        }
        return 0;
}

int kind_input(const json_t *params, const struct input_field *fields, size_t n_fields,
               const json_t **ret, struct failure **ret_failure)
{
        const json_t *input = json_object_get(params, "input");
        int r;

        if (!json_is_object(input))
                return kind_refuse(ret_failure, "/params/input", "`input` must be an object");
        r = check_known(input, fields, n_fields, ret_failure);
        for (size_t i = 0; r == 0 && i < n_fields; i++) {
                const json_t *value = json_object_get(input, fields[i].name);
                char where[64];

                snprintf(where, sizeof(where), "/params/input/%s", fields[i].name);
                if (!value) {
                        if (fields[i].is_required)
                                r = kind_refuse(ret_failure, where, "`%s` is missing",
                                                fields[i].name);
                        continue;
                }
                if (!is_of_type(value, fields[i].type))
                        r = kind_refuse(ret_failure, where, "`%s` must be %s", fields[i].name,
                                        type_name(fields[i].type));
                else if (json_is_string(value) &&
                         strlen(json_string_value(value)) != json_string_length(value))
                        r = kind_refuse(ret_failure, where, "`%s` contains the character NUL",
                                        fields[i].name);
        }
        if (r == 0)
                *ret = input;
        return r;
}

int kind_one_text(const char *kind, const char *title, const char *tier, struct work **ret)
{
        _cleanup_(work_freep) struct work *w = work_new();
        struct task *t;

        if (!w)
                return -ENOMEM;
        w->tasks = calloc(1, sizeof(*w->tasks));
        if (!w->tasks)
                return -ENOMEM;
        w->n_tasks = 1;
        w->is_one_text = true;
        t = w->tasks;
        t->command = -1;
        t->kind = str_dup_span(span_of(kind));
        t->title = str_dup_span(span_of(title));
        t->tier = str_dup_span(span_of(tier));
        t->context = json_object();
        t->blocks = calloc(N_BLOCK_CLASSES, sizeof(*t->blocks));
        if (!t->kind || !t->title || !t->tier || !t->context || !t->blocks)
                return -ENOMEM;
        *ret = take(w);
        return 0;
}

int kind_add_block(struct work *w, enum block_class class, const char *text)
{
        struct task *t = w->tasks;
        _cleanup_buf_ struct buf b = {0};
        size_t n = strlen(text);

        assert(t->n_blocks < N_BLOCK_CLASSES);
        (void)buf_add(&b, text, n);
        if (n == 0 || text[n - 1] != '\n')
                (void)buf_add_char(&b, '\n');
        if (b.failed)
                return b.failed;
        return work_add_block(w, class, buf_span(&b), &t->blocks[t->n_blocks++]);
}
