#pragma once
/* One pass over a JSON-RPC message: where its members lie, and that it is well formed. Copies and
 * allocates nothing.
 *
 * This is all that a repeated request costs before its stored answer is found: what it costs to
 * know a request by its own bytes.
 *
 *     message = object of: jsonrpc "2.0", id, method, params, result, error; each at most once,
 *               nothing else
 *     id      = string | number | null, at most SCAN_ID_BYTES
 *     params  = object (with at most one member `meta`) or array
 *
 * Accepted texts are well-formed JSON: grammar, strict UTF-8 (no overlong forms, no surrogates),
 * escapes and pairs of surrogate escapes are checked. Left to the parser that reads the spans:
 * duplicate keys below the top, \u0000, numbers out of range. */

#include "common/macros.h"

#define SCAN_MAX_DEPTH 64
#define SCAN_ID_BYTES 256    /* it is repeated in the reply */
#define SCAN_METHOD_BYTES 64 /* longer than any there is */

/* Conditions. */
#define SCAN_BAD_JSON 3    /* PARSE_ERROR */
#define SCAN_BAD_REQUEST 4 /* INVALID_REQUEST: JSON, but not one JSON-RPC message */

/* Spans lie in the text; n = 0: the member is absent. */
struct scan {
        struct span id;     /* as it stands: with its quotes if it is a string */
        struct span method; /* between its quotes, escapes and all */
        struct span params, result, error;
        struct span meta;         /* value of params.meta */
        struct span params_at[2]; /* params without meta: these two, one after the other */
        struct span manifest;     /* value of params.input.manifest, an array that stands once */
        bool has_version;         /* jsonrpc is there and "2.0" */
        bool is_params_object;
        bool has_input;    /* params.input is an object */
        const char *fault; /* after a condition: what is wrong, a literal */
        size_t fault_at;   /* and at which byte */
};

/* 0, SCAN_BAD_JSON, SCAN_BAD_REQUEST. After SCAN_BAD_REQUEST `id` may be known. */
int scan_message(struct span text, struct scan *ret) _must_check_;
/* Is it one well-formed JSON value of any kind (same rules)? 0, SCAN_BAD_JSON. */
int scan_value(struct span text) _must_check_;
/* The method with escapes resolved; "" when it is longer than any method is. */
void scan_get_method(const struct scan *s, char ret[SCAN_METHOD_BYTES]);
