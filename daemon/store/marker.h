#pragma once
/* The file `dirty` beside an environment: there from before its first write until it was synced and
 * closed. It holds the id of the boot: the end of a process leaves the page cache whole, so only a
 * marker of another boot asks for a check. */

#include "common/macros.h"

enum marker { MARKER_NONE, MARKER_THIS_BOOT, MARKER_OTHER_BOOT };

enum marker marker_read(int dir_fd);
int marker_write(int dir_fd) _must_check_; /* on disk when it returns */
void marker_remove(int dir_fd);
