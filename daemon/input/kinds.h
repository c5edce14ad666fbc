#pragma once
/* What the kinds share. Not for other rooms. */

#include <jansson.h>

#include "common/buf.h"
#include "common/canon.h"
#include "common/json.h"
#include "daemon/input/input.h"

/* All there are: a new one is a file and a row. */
#define JOB_KIND_TABLE(X) \
        X(generate)       \
        X(ask)            \
        X(fix)            \
        X(echo_check)
#define X(name) extern const struct job_kind job_kind_##name;
JOB_KIND_TABLE(X)
#undef X

/* The fields of a kind's input. */
struct input_field {
        const char *name;
        json_type type;
        bool is_required;
};

/* `input` of params, checked: an object with these fields and no others, texts without NUL.
 * CONDITION_REFUSED. */
int kind_input(const json_t *params, const struct input_field *fields, size_t n_fields,
               const json_t **ret, struct failure **ret_failure) _must_check_;
int kind_refuse(struct failure **ret_failure, const char *where, const char *format, ...)
        _printf_(3, 4) _must_check_;

/* A work of one task whose result is a text; title is copied. */
int kind_one_text(const char *kind, const char *title, const char *tier,
                  struct work **ret) _must_check_;
int kind_add_block(struct work *w, enum block_class class, const char *text) _must_check_;
