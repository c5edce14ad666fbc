#pragma once
/* What checks know of languages: how comments and strings look. One row per language in language.c.
 */

#include "common/macros.h"

struct check_language {
        const char *name;
        const char *line_comment;             /* NULL: none */
        const char *block_open, *block_close; /* NULL: none */
        const char *quotes;                   /* strings that end on their line; \ escapes */
        const char *raw_quotes;               /* strings over lines, without escapes */
        bool has_triple_quotes;               /* """ and ''' over lines */
        bool is_code; /* brackets must balance; a fence or chatter around it is a fault */
};

/* Never NULL: what is not known counts as text. */
const struct check_language *check_language_find(const char *name);

/* A copy of text in which comments and the inside of strings are blanks (line breaks stay), so that
 * offsets and lines agree. *ret_is_open: a string or block comment does not end. NULL for lack of
 * memory. */
char *check_language_mask(const struct check_language *l, struct span text, bool *ret_is_open);
