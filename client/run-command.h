#pragma once
/* Runs a command of the user's own submit and keeps the end of what it says. */

#include <sys/types.h>

#include "common/buf.h"

#define RUN_OUTPUT_BYTES ((size_t)64 << 10)

struct run_result {
        int status; /* exit status; 127: it could not be run; 128 + signal when one ended it */
        int signal; /* 0: it exited */
};

/* Looked at a few times a second while a command runs. */
struct run_watch {
        bool (*is_stopped)(void *arg);          /* true: end it, with all that it started */
        void (*tick)(void *arg, uint64_t usec); /* since its beginning */
        void *arg;
        uint64_t limit_usec; /* it is ended after that; 0: never */
};

/* argv ends with NULL. Standard output and error, merged, at most the last RUN_OUTPUT_BYTES, as
 * UTF-8 (what is none becomes '?'). */
int run_command(char *const *argv, struct buf *output, struct run_result *ret) _must_check_;
/* What a program answers apart from what it says besides: warnings are no part of an answer. */
int run_query(char *const *argv, struct buf *output, struct buf *errors,
              struct run_result *ret) _must_check_;
/* The same as run_command() in a session of its own, which ends with us, however we end. -EINTR:
 * stopped; -ETIMEDOUT: over its limit. */
int run_watched(char *const *argv, const struct run_watch *w, struct buf *output,
                struct run_result *ret) _must_check_;
/* A command that was not there, or that somebody ended, says nothing of what it looks at. */
bool run_is_verdict(const struct run_result *result);
