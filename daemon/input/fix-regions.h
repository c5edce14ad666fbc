#pragma once
/* A file that is too long to be shown whole is asked for in regions around its findings, the lowest
 * first: so what is repaired below moves nothing above. */

#include "common/buf.h"
#include "daemon/input/fix-making.h"

struct fix_region {
        size_t first, n; /* findings, of the list that was given */
        size_t head;     /* lines at the beginning that are always shown */
        size_t from, to; /* lines, counted from 0 */
};

/* So many bytes are shown in one call; SIZE_MAX: no end is known. */
size_t fix_room(uint64_t window_tokens);
/* Sorts at by line. ret: malloc, from the top. */
int fix_regions(struct span text, struct open *at, size_t n, size_t room, struct fix_region **ret,
                size_t *ret_n) _must_check_;
