#pragma once
/* The difference of two texts as a unified diff. Pure. */

#include "common/buf.h"

#define PATCH_CONTEXT 3 /* lines around a change */

/* Lines beginning with " ", "-", "+" or "@@ "; nothing when the texts are equal. A last line
 * without its break is told as `\ No newline at end of file`. Of large changes the old lines stand
 * before the new ones, without a search for what they share. */
int patch_write(struct span before, struct span after, struct buf *out) _must_check_;

/* Changes by themselves: lines [from, from + n) of `before` became [from_new, from_new + n_new) of
 * `after`; counted from 0, in order. */
struct patch_hunk {
        size_t from, n, from_new, n_new;
};

struct patch_hunks {
        struct patch_hunk *at; /* owned */
        size_t n;
};

int patch_find_hunks(struct span before, struct span after, struct patch_hunks *ret) _must_check_;
void patch_hunks_done(struct patch_hunks *h);
/* Appends `before` with some of its changes. */
int patch_apply_hunks(struct span before, struct span after, const struct patch_hunks *h,
                      const bool *is_taken, struct buf *out) _must_check_;
