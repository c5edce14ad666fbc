#pragma once
/* A three-way merge by git's own: `git merge-file --diff3` over copies below .genopt/tmp, with an
 * environment of its own, so that no configuration, hook or repository of the user's takes part.
 *
 * Conflicts come in git's form, the common ancestor in the middle:
 *
 *     <<<<<<< yours
 *     ||||||| generated before
 *     =======
 *     >>>>>>> generated now
 *
 * A file that has CR LF at every line is merged as if it had LF, and gets them back. */

#include "common/buf.h"

struct merge {
        struct span yours, made;
        const struct span *base; /* NULL: unknown; then all that differs is a conflict */
};

/* CONDITION_REFUSED with *ret_why (owned by the caller): it cannot be merged. */
int merge_texts(int dir_fd, const struct merge *m, struct buf *ret, bool *ret_has_conflicts,
                char **ret_why) _must_check_;
/* A merge left conflicts there that nobody resolved. */
bool merge_has_markers(struct span text);
/* Whether there is a git to merge with: 0, CONDITION_ABSENT. Only absolute directories of PATH
 * count. ret: owned by the caller. */
int merge_find_git(char **ret) _must_check_;
