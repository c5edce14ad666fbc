#pragma once
/* Shared by the files of this room. */

#include "daemon/check/check.h"
#include "daemon/check/language.h"

/* What a rule looks at; borrowed for the time of one check. */
struct check_view {
        const struct check_language *language;
        const struct check_subject *subject;
        const struct check_mask *mask;
        bool is_text; /* valid UTF-8 without NUL: patterns may run */
};

void check_find(struct check_report *r, const char *rule, unsigned line, double confidence,
                const char *format, ...) _printf_(5, 6);
unsigned check_line_of(struct span text, size_t at);

/* basics.c: the rules that need no blueprint */
void check_basics(const struct check_view *v, struct check_report *r);

/* xml.c */
void check_xml(const struct check_view *v, struct check_report *r);

/* mend.c */
bool check_is_talk(struct span line,
                   bool at_end); /* how models begin or end what they say around code */
/* Fences: lines of ``` that stand in the text itself. */
struct check_fences {
        size_t n;
        struct span first, last;          /* their lines, without the line break */
        bool is_first_line, is_last_line; /* nothing but blanks before the first, after the last */
};
void check_find_fences(const struct check_language *l, struct span text, struct check_fences *ret);
struct span check_trim(struct span text); /* without white space at the ends */
