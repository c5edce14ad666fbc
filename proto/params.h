#pragma once
/* Parameters by table: what a method takes, from which come validation, the OpenRPC document and a
 * test of docs/protocol.md.
 *
 * Unknown members, missing ones, wrong types and values out of bounds are INVALID_PARAMS whose
 * `where` is a JSON pointer from the top of the message ("/params/meta/key"). What was checked may
 * be read with Jansson's getters without further questions. */

#include <jansson.h>

#include "proto/failure.h"

enum param_type {
        PARAM_TEXT, /* min..max bytes; or one of choices */
        PARAM_U64,  /* min..max; 0 as max: no bound but that of JSON integers here, 2^63-1 */
        PARAM_BOOL,
        PARAM_OBJECT, /* checked by fields; without fields its inside is someone else's matter */
        PARAM_ARRAY,  /* of at most max items of any kind */
        PARAM_TEXTS,  /* array of texts, at most max; each one of choices, if there are */
        PARAM_HASH,   /* 64 digits of lower case hex */
        PARAM_ULID,
        PARAM_BASE64,   /* at most max bytes once decoded */
        PARAM_TEXT_MAP, /* object of texts, at most max members */
        PARAM_ARGVS,    /* array of at most max arrays of at least one text */
        PARAM_ID,       /* text of at most max bytes, or an integer */
};

/* A table ends with a row without name. */
struct param {
        const char *name;
        enum param_type type;
        bool is_required;
        uint64_t min, max;          /* 0 as max: no bound of its own */
        const char *const *choices; /* NULL, or ended by NULL */
        const struct param *fields;
        const char *unless;   /* required only when this member is absent */
        const char *sentence; /* what it is */
};

#define PARAM_MAX_ARGS 1024 /* of one command */

/* params may be NULL: then it counts as {}. CONDITION_REFUSED with failure; -ENOMEM. */
int params_check(const struct param *table, const json_t *params,
                 struct failure **ret_failure) _must_check_;
/* JSON Schema of one parameter; NULL for lack of memory. */
json_t *param_to_schema(const struct param *p);
