#include "proto/failure.h"

#include <stdarg.h>
#include <stdio.h>

#include "common/json.h"
#include "common/str.h"

const struct failure_row failure_table[N_FAILURES] = {
#define X(id, name, class, code, exit_code, is_retryable, what, remedy) \
        [FAILURE_##id] = {name, CLASS_##class, code, exit_code, is_retryable, what, remedy},
        FAILURE_TABLE(X)
#undef X
};

static const char *const class_names[] = {
        [CLASS_INPUT] = "input",       [CLASS_CONFIG] = "config",     [CLASS_AUTH] = "auth",
        [CLASS_LIMIT] = "limit",       [CLASS_PROVIDER] = "provider", [CLASS_CHECK] = "check",
        [CLASS_CONFLICT] = "conflict", [CLASS_CLIENT] = "client",     [CLASS_INTERNAL] = "internal",
};

const char *failure_class_name(enum failure_class c)
{
        assert((size_t)c < N_ELEMENTS(class_names));
        return class_names[c];
}

/* What we quote from elsewhere may not be UTF-8, and JSON cannot carry it then. */
static void make_utf8(char *text)
{
        if (str_is_utf8(span_of(text)))
                return;
        for (; *text; text++)
                if ((unsigned char)*text >= 0x80)
                        *text = '?';
}

/* NULL format leaves *ret alone. */
static int format_text(const char *format, va_list args, char **ret) _printf_(1, 0);
static int format_text(const char *format, va_list args, char **ret)
{
        char *text;

        if (!format)
                return 0;
        text = str_vprintf(format, args);
        if (!text)
                return -ENOMEM;
        make_utf8(text);
        free(*ret);
        *ret = text;
        return 0;
}

static struct failure *new_at(enum failure_id id, const char *where, const char *format,
                              va_list args) _printf_(3, 0);
static struct failure *new_at(enum failure_id id, const char *where, const char *format,
                              va_list args)
{
        _cleanup_(failure_freep) struct failure *f = NULL;

        assert((unsigned)id < N_FAILURES);
        f = calloc(1, sizeof(*f));
        if (!f)
                return NULL;
        f->id = id;
        if (format_text(format, args, &f->message) < 0)
                return NULL;
        if (where) {
                f->where = strdup(where);
                if (!f->where)
                        return NULL;
                make_utf8(f->where);
        }
        return take(f);
}

struct failure *failure_new(enum failure_id id, const char *format, ...)
{
        struct failure *f;
        va_list args;

        va_start(args, format);
        f = new_at(id, NULL, format, args);
        va_end(args);
        return f;
}

struct failure *failure_new_at(enum failure_id id, const char *where, const char *format, ...)
{
        struct failure *f;
        va_list args;

        va_start(args, format);
        f = new_at(id, where, format, args);
        va_end(args);
        return f;
}

struct failure *failure_free(struct failure *f)
{
        if (!f)
                return NULL;
        free(f->message);
        free(f->where);
        free(f->remedy);
        free(f);
        return NULL;
}

struct failure *failure_copy(const struct failure *f)
{
        _cleanup_(failure_freep) struct failure *copy = NULL;

        if (f->message)
                copy = failure_new_at(f->id, f->where, "%s", f->message);
        else
                copy = failure_new_at(f->id, f->where, NULL);
        if (!copy || (f->remedy && failure_set_remedy(copy, "%s", f->remedy) < 0))
                return NULL;
        return take(copy);
}

int failure_set_remedy(struct failure *f, const char *format, ...)
{
        va_list args;
        int r;

        va_start(args, format);
        r = format_text(format, args, &f->remedy);
        va_end(args);
        return r;
}

const char *failure_message(const struct failure *f)
{
        return f->message ? f->message : failure_table[f->id].what;
}

const char *failure_remedy(const struct failure *f)
{
        return f->remedy ? f->remedy : failure_table[f->id].remedy;
}

int failure_to_json(const struct failure *f, json_t **ret)
{
        const struct failure_row *row = &failure_table[f->id];
        _cleanup_json_ json_t *error = json_object();
        json_t *data;

        if (!error)
                return -ENOMEM;
        if (json_put(error, "code", json_integer(row->rpc_code)) < 0 ||
            json_put(error, "message", json_string(failure_message(f))) < 0 ||
            json_put(error, "data", json_object()) < 0)
                return -ENOMEM;
        data = json_object_get(error, "data");
        if (json_put(data, "name", json_string(row->name)) < 0 ||
            json_put(data, "class", json_string(failure_class_name(row->class))) < 0 ||
            json_put(data, "retryable", json_boolean(row->is_retryable)) < 0 ||
            json_put(data, "remedy", json_string(failure_remedy(f))) < 0)
                return -ENOMEM;
        if (f->where && json_put(data, "where", json_string(f->where)) < 0)
                return -ENOMEM;
        *ret = take(error);
        return 0;
}

static enum failure_id find_id(const char *name, json_int_t code)
{
        for (unsigned i = 0; i < N_FAILURES; i++)
                if (name ? str_is_equal(failure_table[i].name, name)
                         : failure_table[i].rpc_code == code)
                        return i;
        return FAILURE_INTERNAL;
}

int failure_from_json(const json_t *error, struct failure **ret)
{
        const json_t *data = json_object_get(error, "data");
        const char *message = json_get_text(error, "message"), *remedy, *where;
        _cleanup_(failure_freep) struct failure *f = NULL;
        enum failure_id id;

        id = find_id(json_get_text(data, "name"),
                     json_integer_value(json_object_get(error, "code")));
        where = json_get_text(data, "where");
        remedy = json_get_text(data, "remedy");
        f = message ? failure_new_at(id, where, "%s", message) : failure_new_at(id, where, NULL);
        if (!f || (remedy && failure_set_remedy(f, "%s", remedy) < 0))
                return -ENOMEM;
        *ret = take(f);
        return 0;
}
