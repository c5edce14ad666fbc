#pragma once
/* What a job notes of its repairs, for those that come after it. */

#include "daemon/exec/internal.h"

/* Each finding of this task and of those it follows was repaired: that, what the file is by now,
 * and what it put near the finding. */
void note_repaired(struct run *r, uint32_t task, const struct result *result);
