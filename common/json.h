#pragma once
/* Jansson with our limits: strict UTF-8, no duplicate keys, depth bounded by Jansson, sorted
 * output. */

#include <jansson.h>

#include "common/buf.h"
#include "common/macros.h"

static inline void json_releasep(json_t **at)
{
        json_decref(*at);
}
#define _cleanup_json_ _cleanup_(json_releasep)

/* Where and why a text could not be read: for people. line and column count from 1; 0 = unknown. */
struct diag {
        unsigned line, column;
        char text[240];
};

/* CONDITION_REFUSED (diag filled), -ENOMEM. The whole text must be one value. Lack of memory in the
 * midst of a token looks like bad syntax to Jansson 2.14 and so to us. */
int json_read(struct span text, json_t **ret, struct diag *ret_diag) _must_check_;
/* Compact, keys sorted, reals with 17 digits; appends to b. -ENOMEM also for NULL, which is a value
 * that could not be made; -EINVAL for one that contains itself. */
int json_write(const json_t *value, struct buf *b) _must_check_;
char *json_to_text(const json_t *value)
        _must_check_; /* owned by the caller; NULL for lack of memory */
/* Appends s as a JSON string with quotes. s must be valid UTF-8 (-EINVAL). */
int json_write_string(struct buf *b, struct span s) _must_check_;
/* For people: bytes that are no UTF-8 are "…" (str_mended()), so that a text that was cut is one.
 * NULL for lack of memory. */
json_t *json_words(const char *text) _must_check_;
/* Text member or NULL; borrowed from the object. */
const char *json_get_text(const json_t *object, const char *key);
bool json_get_u64(const json_t *object, const char *key,
                  uint64_t *ret); /* false: absent or not an integer ≥ 0 */
bool json_get_bool(const json_t *object, const char *key, bool otherwise);
/* Sets and steals value; -ENOMEM also when value is NULL, so that constructors may be nested. */
int json_put(json_t *object, const char *key, json_t *value) _must_check_;
int json_add(json_t *array, json_t *value) _must_check_;
