#pragma once
/* Where findings stand in the text as it is shown, when repairs before theirs (of the same file)
 * have moved it since the task was planned. Not for other rooms. */

#include "common/buf.h"
#include "daemon/work/task.h"

/* Of each finding, by its place in the task: the line in `shown` (0: it is about the whole). What
 * stands for a line that is gone is where it was. ret: malloc. */
int moved_lines(const struct task *t, struct span shown, unsigned **ret) _must_check_;
/* Appends the task's block as it was planned, with these lines. CONDITION_ABSENT: none has moved.
 */
int moved_write(const struct task *t, struct span shown, struct buf *out) _must_check_;
