#pragma once
/* The difference of two texts as a unified diff. Pure. */

#include "common/buf.h"

#define PATCH_CONTEXT 3 /* lines around a change */

/* Lines beginning with " ", "-", "+" or "@@ "; nothing when the texts are equal. A last line
 * without its break is told as `\ No newline at end of file`. Of large changes the old lines stand
 * before the new ones, without a search for what they share. */
int patch_write(struct span before, struct span after, struct buf *out) _must_check_;
