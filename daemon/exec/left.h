#pragma once
/* Findings that an answer leaves as they are. A finding counts as repaired only where something
 * changed that belongs to it:
 *
 *     what begins in its line (a statement, a tag), or lines beside it (TOUCHED_LINES)
 *     a line with a name that its rule puts in backticks, or one beside it, if that change touches
 *     no line of another finding
 *     what the file declares to use, or any of it           where data says so (enum repair_reach)
 *
 * Others the answer keeps, saying why they need no change (edits.h): those are taken for what they
 * are at once. Or it says nothing of them: then it is refused, once, with a list of them; after
 * that they are left to a person. Not for other rooms. */

#include "daemon/edit/trace.h"
#include "daemon/exec/internal.h"

/* What a repair makes of the text that was shown; all borrowed. */
struct change {
        struct span base, text;
        const struct traces *traces; /* what differs */
        const unsigned *lines;       /* of the task's findings, in base; 0: in the whole */
};

/* In a worker: fills the candidate's result. CONDITION_REFUSED: item->diag says why. */
int left_find(struct run_work_item *item, const struct edits *edits,
              const struct change *change) _must_check_;
/* For who reads of the change: the findings that it repairs; NULL: no repair, or no memory. */
json_t *left_without(const struct repair *repair, const struct result *result);

enum finding_fate { FATE_REPAIRED, FATE_LEFT, FATE_KEPT };

/* On the loop, of a result that counts: what the summary will say of it, and whether a person is to
 * look at it; and what people hear of each finding that it leaves. */
void left_note(struct run *r, uint32_t task, const struct result *result);
void left_tell(struct run *r, uint32_t task, const struct result *result);
/* ret_why: what is said of it, borrowed; may be NULL. */
enum finding_fate left_fate(struct run *r, uint32_t task, uint32_t finding, const char **ret_why);
/* How many findings of the task the result leaves, and how many of them need no change. */
size_t left_count(const struct result *result, size_t *ret_kept);
