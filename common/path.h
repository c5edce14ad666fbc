#pragma once
/* Confined file access: everything below a directory, whatever path comes (openat2:
 * RESOLVE_BENEATH, RESOLVE_NO_SYMLINKS, with a component walk where the kernel lacks it).
 *
 * A *relative path* here is 1..PATH_REL_BYTES of UTF-8 without NUL, control characters or
 * backslash, has no empty, "." or ".." component, does not start with "/", and no component is
 * longer than 255 bytes. */

#include <sys/types.h>

#include "common/buf.h"
#include "common/macros.h"

#define PATH_REL_BYTES 1024

bool path_is_relative(struct span path); /* the rule above */
/* Has a component `.git` (whose hooks git runs) or `.genopt` (our bookkeeping), in any case that a
 * file system may fold: no generated file lies there. */
bool path_is_reserved(const char *path);
/* Opens below dir_fd. -ELOOP for links, -EXDEV for escapes, -EINVAL for what the rule forbids. */
int path_open_beneath(int dir_fd, const char *path, int flags, mode_t mode) _must_check_;
/* Whole regular file, at most max_bytes (-EFBIG). Appends to b. */
int path_read(int dir_fd, const char *path, size_t max_bytes, struct buf *b) _must_check_;
/* All of it, also where the system takes it in parts. */
int path_write_whole(int fd, struct span content) _must_check_;
/* Makes missing parents (0777 & ~umask), writes a temporary file beside the target, fsyncs it if
 * asked, renames over the target. */
int path_write_atomic(int dir_fd, const char *path, struct span content, mode_t mode,
                      bool is_synced) _must_check_;
int path_remove(int dir_fd, const char *path)
        _must_check_; /* 0 also when it was not there; then empty parents too */
/* Removes the directories above `path` from the innermost, until one is not empty. */
void path_remove_empty_parents(int dir_fd, const char *path);
/* The directory that holds the last component of `path`, and that component (points into path).
 * Makes missing directories when asked. Never through a link. */
int path_open_parent(int dir_fd, const char *path, bool is_made, int *ret_fd,
                     const char **ret_name) _must_check_;
int path_make_dirs(const char *absolute, mode_t mode) _must_check_;
char *path_join(const char *a, const char *b) _must_check_;
/* Directory of this executable's file (from /proc/self/exe), for finding the other program and the
 * data. */
char *path_of_program(void) _must_check_;

/* Test builds only: */
void path_test_force_walk(bool is_forced); /* as on a kernel without openat2() */
