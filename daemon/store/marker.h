#pragma once
/* The file `dirty` beside an environment: there from its opening until it was synced and closed,
 * and on disk before its first write.
 *
 *     boot-id " " n "\n"        n: runs in a row that did not close it, this one counted
 *
 * The end of a process leaves the page cache whole, so a marker of another boot asks for a check.
 * So does the third run in a row: what ended two may be the file itself, damaged by other hands. */

#include "common/macros.h"

#define MARKER_ENDS_MAX 2 /* runs of this boot that ended badly: beyond, the file is suspected */

enum marker { MARKER_NONE, MARKER_THIS_BOOT, MARKER_OTHER_BOOT };

/* *ret_n_ends: bad ends in a row, 0 without marker. */
enum marker marker_read(int dir_fd, unsigned *ret_n_ends);
/* is_synced: it is on disk when this returns. */
int marker_write(int dir_fd, unsigned n_ends, bool is_synced) _must_check_;
void marker_remove(int dir_fd);
