#pragma once
/* Regular expressions of blueprints: PCRE2 with a match limit, compiled when the blueprint loads.
 * Also for other data that has expressions (input/mechanical.c).
 *
 * They are not compiled to machine code: what they are matched with are names and lines, and that
 * took longer (a quarter of loading a blueprint) than it saves a project of three hundred entities;
 * and the interpreter alone counts its steps so that a limit means the same everywhere. */

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include "common/json.h"
#include "common/macros.h"

/* A compiled expression; match limit set, never unbounded. */
struct regex {
        pcre2_code *code; /* owned; NULL: none given */
};
struct regex_match {
        size_t from[10], to[10]; /* groups; from > to: not set */
        unsigned n;
};
void regex_done(struct regex *r);
int regex_new(const char *pattern, uint32_t options, struct regex *ret,
              struct diag *ret_diag) _must_check_;
/* Makes this thread's scratch memory, so that a match cannot fail for lack of it. */
int regex_prepare(void) _must_check_;
bool regex_match(const struct regex *r, struct span text, size_t start, struct regex_match *ret);
bool regex_is_match(const struct regex *r,
                    struct span text); /* true where no expression is given */
