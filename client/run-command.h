#pragma once
/* Runs a command of the user's own submit and keeps the end of what it says. */

#include "common/buf.h"

#define RUN_OUTPUT_BYTES ((size_t)64 << 10)

struct run_result {
        int status; /* exit status; 127: it could not be run; 128 + signal when one ended it */
        int signal; /* 0: it exited */
};

/* argv ends with NULL. Standard output and error, merged, at most the last RUN_OUTPUT_BYTES, as
 * UTF-8 (what is none becomes '?'). */
int run_command(char *const *argv, struct buf *output, struct run_result *ret) _must_check_;
