#pragma once
/* What repairs do to the user's tree besides changing the text of their file: they take it away,
 * move it, make others beside it. Allowed are changes that a finding asks for (repair.may), at
 * plain paths below the root where nothing stands, each path for one repair of a job. Not for other
 * rooms. */

#include "daemon/exec/internal.h"

/* In a worker: into the candidate's result. CONDITION_REFUSED: item->diag says why not. */
int tree_amend(struct run_work_item *item, const struct edits *e) _must_check_;
/* On the loop: the paths are this task's from now on. CONDITION_REFUSED: one of them is another
 * task's, or something stands there by now; *ret_path names it (borrowed from the result). */
int tree_claim(struct run *r, uint32_t task, const struct result *result,
               const char **ret_path) _must_check_;
/* The contents of new files, for the client to fetch. */
int tree_put_blobs(struct run *r, struct store_batch *b, const struct result *result) _must_check_;
/* Events in place of the one of a file that is written; and those that take them back. */
int tree_publish(struct run *r, uint32_t task, const struct result *result,
                 enum source source) _must_check_;
int tree_revert(struct run *r, uint32_t task, const struct result *result) _must_check_;
