#pragma once
/* The daemon knows what it made; who writes the files tells it what of that stands in the tree, so
 * that `genopt show` and `genopt report` say the same as the end of the run. */

#include "client/follow.h"

/* done: as it was mended by what came into the tree. What the daemon does not take is no fault of
 * the run: an older one knows no such word. */
void settle_tell(struct follow *f, const json_t *done);
