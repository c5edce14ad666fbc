#pragma once
/* The manifest of a submit, read where it lies: nothing is copied and no tree is built, so that ten
 * thousand files cost milliseconds.
 *
 *     list  = "[" [entry {"," entry}] "]"
 *     entry = object of path, fingerprint, sha256, disk: each at most once, a string without
 *             escapes or null, and nothing else
 *
 * That is how our client writes it. Any other form is legal too and is left to the JSON parser. The
 * text must be one well-formed JSON value (proto/scan.h). */

#include "common/macros.h"

/* n = 0: absent, empty or null; else what stands between the quotes. */
struct listed {
        struct span path, fingerprint, sha256, disk;
};

struct listed_cursor {
        const char *at, *end;
        bool has_begun;
};

void listed_begin(struct listed_cursor *c, struct span list);
/* CONDITION_ABSENT: the end. CONDITION_REFUSED: not of this form. */
int listed_next(struct listed_cursor *c, struct listed *ret) _must_check_;
/* All of it is of this form, and it has an entry. */
bool listed_is_plain(struct span list);
