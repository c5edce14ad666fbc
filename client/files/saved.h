#pragma once
/* Files of the user's that are about to be replaced, or that a crash left without a place.
 *
 *     .genopt/saved/YYYYMMDD-HHMMSS[-N]/PATH     one directory per run that saved anything
 *
 * So `cp -r .genopt/saved/RUN/. .` takes them back. Nothing there is ever deleted by genopt. */

#include "common/buf.h"

#define SAVED_DIR_BYTES 64

struct saved {
        char dir[SAVED_DIR_BYTES]; /* "" until something is saved */
};

/* mode: as of the file. ret: where it stands, owned by the caller. -ENAMETOOLONG: the path is too
 * long for a place below ours. On disk when it returns. */
int saved_put(struct saved *s, int dir_fd, const char *path, struct span content, mode_t mode,
              char **ret) _must_check_;
