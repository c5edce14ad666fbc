#pragma once
/* What a job notes of its repairs, for those that come after it (docs/architecture.md, Repairs):
 *
 *     of a finding that was repaired     that, with what was put near it; its file as it is by now;
 *                                        by which edits, to be made again after a revert
 *     of one that needs no change        that, with the lines around it
 *
 * Texts are compared in a worker; the loop only puts. */

#include "daemon/exec/internal.h"

/* In a worker, of a result that is not refused. base: the text that the task edits; empty: not
 * known. Without memory less is noted. */
void notes_make(const struct work *w, const struct task *t, struct span base, struct candidate *c);
struct notes *notes_free(struct notes *n);
/* On the loop: each finding of this task and of those that it follows. */
void note_repaired(struct run *r, uint32_t task, const struct candidate *c);
/* What a command refused is not made again in the same way. */
void note_forget(struct run *r, uint32_t task);
