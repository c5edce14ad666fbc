#pragma once
/* Checking an environment in a re-executed child: what a damaged file does to the process that
 * reads it stays there.
 *
 *     PROGRAM --check-store DIR
 *     exit status: 0 whole or empty, 1 damaged, 2 no verdict in time; killed by a signal: damaged
 *
 * The checks of both environments run side by side. */

#include <sys/types.h>

#include "common/macros.h"

#define CHECK_CHILD_MS 20000  /* the child's own bound */
#define CHECK_PARENT_MS 30000 /* jobs wait no longer for a verdict */

enum verdict { VERDICT_WHOLE, VERDICT_DAMAGED, VERDICT_UNKNOWN };

struct check {
        pid_t pid;
        int fd; /* owned: its other end is the child's alone, so that it ends with the child */
};

/* argv: the program and its arguments before DIR, ended by NULL; NULL: this program with
 * --check-store. */
int check_start(struct check *c, const char *const *argv, const char *dir) _must_check_;
/* Ends the child when it has not ended by deadline_usec. */
enum verdict check_wait(struct check *c, uint64_t deadline_usec);
