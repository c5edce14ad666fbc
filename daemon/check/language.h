#pragma once
/* What checks know of languages: how comments, strings and brackets look. One row per language in
 * language.c. */

#include "common/macros.h"

enum quote_flags {
        QUOTE_ESCAPES = 1, /* \ takes the next character */
        QUOTE_LINES = 2, /* goes over lines; else it ends with its line, and one that does not is no
                            string */
        QUOTE_CHAR = 4,  /* one character or one escape inside; else it is no string (lifetimes,
                            apostrophes) */
        QUOTE_MUST_CLOSE = 8, /* one that does not end on its line is a fault of syntax */
};

struct check_quote {
        const char *open, *close;
        unsigned flags;
};

struct check_language {
        const char *names; /* the name and other names for it, with blanks around */
        const char *line_comments[2];
        const char *block_open, *block_close;
        struct check_quote quotes[4]; /* the longest first */
        double bracket_confidence;    /* that an unbalanced bracket is a fault; 0: they need not
                                         balance */
        bool is_code;                 /* a fence or talk around it is a fault */
        bool is_comment_after_blank;  /* a line comment begins its line or follows a blank */
        bool is_json, is_xml;
};

/* Never NULL: what is not known counts as text. */
const struct check_language *check_language_find(const char *name);

/* Copies of a text, of equal length, in which parts are blanks; line breaks stay, so that offsets
 * and lines agree. */
struct check_mask {
        char *code;    /* owned: without comments and the inside of strings */
        char *strings; /* owned: without comments */
        size_t n;
        bool is_open; /* a string or block comment does not end */
        size_t open_at;
};
int check_mask_make(const struct check_language *l, struct span text,
                    struct check_mask *ret) _must_check_; /* -ENOMEM */
void check_mask_done(struct check_mask *m);
