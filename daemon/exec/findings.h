#pragma once
/* What became of the findings of an analysis. Not for other rooms; run_left() is in run.h. */

#include "daemon/exec/internal.h"

/* Into a summary: `findings`, what was told of the analysis with what came of it. */
int findings_put(struct run *r, json_t *summary) _must_check_;
