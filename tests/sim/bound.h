#pragma once
/* What the work in a log must have taken at least, whoever ordered it. In model time, the most of:
 *
 *     path   the longest chain of calls of which each waited for what the one before had sent. A
 *            call shows the text of other files, or tells why a file was refused: it cannot have
 *            been ready before the end line of that file was sent (not: before that call ended).
 *            What asks for a file that did not come waited for the call's end. Each link adds the
 *            time from the call's arrival to that line, the last one all its duration.
 *     all    calls ÷ calls at once × mean duration
 *     rate   tokens ÷ rate: of each class of models and each limit, what had been taken until a
 *            call was let in, less the bucket that was full at first, by what flows in; and the
 *            shortest call, which may be the last
 *
 * Only answers count (status 200, or the client left meanwhile). What the log says happened: a call
 * that nobody needed is in it, which is why `again` counts the calls for what had been asked
 * before. Files are known by their paths: where projects of one log have a path in common, that
 * which says least counts. No order of the same calls can beat the bound, so no run is shorter than
 * its own. */

#include <jansson.h>

#include "tests/sim/limits.h"

/* rows: the log's, in the order of their ends. n_at_once 0: as many as were under way at most.
 *
 *     {"calls": N, "at_once": N, "again": N, "mean_us": T, "path_us": T, "all_us": T, "rate_us": T,
 *      "bound_us": T, "by": "path" | "all" | "rate", "span_us": T,   first arrival to last end
 *      "path": [{"n": NUMBER, "us": T, "file": PATH?}],              file: what the next waited for
 *      "rate": {"class": C, "limit": L, "per_minute": N}?}
 *
 * NULL: no memory. */
json_t *bound_of_log(const json_t *rows, uint64_t n_at_once,
                     const struct limits_config *limits) _must_check_;
