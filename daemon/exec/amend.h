#pragma once
/* From an answer to the text that it makes of a base; in a worker. Not for other rooms. */

#include "daemon/exec/internal.h"

/* Edits become the text that they make; of a file that stands, the change is looked at, however it
 * came: does it repair what it is asked to, and leave the rest? CONDITION_REFUSED: the candidate's
 * report says why. */
int amend(struct run_work_item *item) _must_check_;
/* The file's own ends of lines, which neither prompts nor checks see. */
int restore_ends(const struct run_work_item *item) _must_check_;
