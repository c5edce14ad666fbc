#pragma once
/* Strings: strict numbers, prefixes, lists, names. All functions that allocate return NULL for lack
 * of memory. */

#include <stdarg.h>

#include "common/macros.h"

char *str_dup_span(struct span s) _must_check_;
char *str_printf(const char *format, ...) _printf_(1, 2) _must_check_;
char *str_vprintf(const char *format, va_list args) _printf_(1, 0) _must_check_;
struct span str_trim(struct span s);             /* without white space (ASCII) at its ends */
bool str_is_equal(const char *a, const char *b); /* NULL equals NULL only */
bool str_has_prefix(const char *s, const char *prefix);
bool str_has_suffix(const char *s, const char *suffix);
/* Whole string, decimal, no sign, no blanks; -EINVAL, -ERANGE. */
int str_to_u64(const char *s, uint64_t *ret) _must_check_;
int str_to_i64(const char *s, int64_t *ret) _must_check_;
int str_to_double(const char *s, double *ret) _must_check_; /* C locale, finite */
/* The shortest decimal text that reads back as the same number, in the C locale, with a '.' or an
 * exponent: "85.0", "1e+22". */
#define STR_DOUBLE_BYTES 32
void str_from_double(double value, char ret[STR_DOUBLE_BYTES]);
/* "2GiB", "500k", "12": bytes, all units powers of 1024; "30d", "90s", "250ms", "0": milliseconds
 * (ms s m h d w), a unit is needed. Whole numbers only. -EINVAL, -ERANGE. */
int str_to_bytes(const char *s, uint64_t *ret) _must_check_;
int str_to_ms(const char *s, uint64_t *ret) _must_check_;
/* Valid UTF-8 without surrogates and overlong forms. */
bool str_is_utf8(struct span s);
/* The beginning of a text, at most so many bytes, that does not end within a character. */
struct span str_head(struct span s, size_t max);
/* The text with "…" for each run of bytes that is no UTF-8: half a character, where a text was cut.
 * Owned by the caller; NULL for lack of memory. */
char *str_mended(struct span s) _must_check_;
/* Bytes of the mark that s begins with, if it is one that turns the direction of what is shown
 * (U+202A to E, U+2066 to 9: text is not what it seems); else 0. */
size_t str_turn_length(struct span s);
/* The candidate nearest to `word` by edit distance, or NULL when none is near enough to suggest. */
const char *str_nearest(const char *word, const char *const *candidates, size_t n);

/* A growable list of owned strings. */
struct strlist {
        char **at; /* owned */
        size_t n;
};
int strlist_add(struct strlist *l, const char *s) _must_check_;
int strlist_add_span(struct strlist *l, struct span s) _must_check_;
bool strlist_has(const struct strlist *l, const char *s);
char *strlist_join(const struct strlist *l, const char *between)
        _must_check_; /* owned by the caller; NULL for lack of memory */
void strlist_done(struct strlist *l);
