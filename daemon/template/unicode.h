#pragma once
/* Characters as Python knows them: case, classes, UTF-8. Tables are made by unicode-tables.py.
 *
 * All texts given here are valid UTF-8. */

#include "common/buf.h"
#include "common/macros.h"

struct unicode_range {
        uint32_t first, last, step;
};
struct unicode_shift {
        uint32_t first, last, step;
        int32_t delta;
};
struct unicode_special {
        uint32_t from;
        uint32_t to[3];
};

bool unicode_is_word(uint32_t c); /* letters, digits and underscore: \w */
bool unicode_is_printable(uint32_t c);
bool unicode_is_space(uint32_t c);
bool unicode_is_upper(uint32_t c);
bool unicode_is_lower(uint32_t c);
bool unicode_is_titled(uint32_t c);

/* Where str.splitlines() breaks. */
bool unicode_is_line_break(uint32_t c);

uint32_t utf8_next(const char **at, const char *end); /* *at < end */
size_t utf8_write(uint32_t c, char ret[4]);
int utf8_add(struct buf *out, uint32_t c);
size_t utf8_length(struct span s);
/* The offset of character `index`, at most s.n. */
size_t utf8_offset(struct span s, size_t index);
/* The beginning of the character that ends before `at`. */
const char *utf8_previous(const char *begin, const char *at);

/* Append the text in another case; str.upper(), .lower(), .capitalize(). */
int unicode_add_upper(struct buf *out, struct span s);
int unicode_add_lower(struct buf *out, struct span s);
int unicode_add_capitalized(struct buf *out, struct span s);
/* Without white space at the ends. */
struct span unicode_trim(struct span s, bool left, bool right);

extern const struct unicode_range unicode_word_ranges[], unicode_printable_ranges[],
        unicode_space_ranges[], unicode_upper_ranges[], unicode_lower_ranges[],
        unicode_titled_ranges[];
extern const size_t n_unicode_word_ranges, n_unicode_printable_ranges, n_unicode_space_ranges,
        n_unicode_upper_ranges, n_unicode_lower_ranges, n_unicode_titled_ranges;
extern const struct unicode_shift unicode_to_upper[], unicode_to_lower[], unicode_to_title[];
extern const size_t n_unicode_to_upper, n_unicode_to_lower, n_unicode_to_title;
extern const struct unicode_special unicode_special_upper[], unicode_special_lower[],
        unicode_special_title[];
extern const size_t n_unicode_special_upper, n_unicode_special_lower, n_unicode_special_title;
