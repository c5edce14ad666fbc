#pragma once
/* Puts a content where a path leads, or takes a file away, without destroying what nobody looked
 * at.
 *
 * Between a look at a file and a rename() over it an editor may save. So the new content is written
 * below .genopt/tmp, the two files are exchanged, and what came out is compared with what was seen
 * before it is deleted; if it is something else, they are exchanged back. A file to be removed is
 * moved to .genopt/tmp first, and looked at there. After a crash there may stand
 *
 *     .genopt/tmp/part-N-NAME what we had not finished: nobody's loss
 *     .genopt/tmp/N-NAME      a whole file: ours, or what the user had there
 *     .genopt/tmp/merge-N/    copies that git was to merge
 *
 * Where a file system cannot exchange (or .genopt is on another one), the file is looked at once
 * more right before it is replaced. Mode bits of a file that is replaced are kept. */

#include "common/buf.h"
#include "common/hash.h"

#define PLACE_TMP ".genopt/tmp"
#define PLACE_FILE_BYTES ((size_t)16 << 20) /* a blob is at most this */
#define PLACE_CHANGED 17 /* a condition: what stands there is not what was seen; it was left */

/* seen: hash of what is to be replaced; NULL: nothing stood there. Synced before it returns. */
int place_write(int dir_fd, const char *path, struct span content,
                const struct hash *seen) _must_check_;
/* Removes empty directories above it, too. 0 also when nothing stands there. */
int place_remove(int dir_fd, const char *path, const struct hash *seen) _must_check_;
/* Called for each whole file that a crash left behind: 0 when it may be deleted. */
typedef int place_left_fn(const char *name, struct span content, void *arg);
/* Empties .genopt/tmp. To be called by the holder of the lock only. */
int place_recover(int dir_fd, place_left_fn *left, void *arg) _must_check_;
/* Opens .genopt/tmp; made if it is missing. */
int place_open_tmp(int dir_fd, int *ret_fd) _must_check_;
