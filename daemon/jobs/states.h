#pragma once
/* The states of a job, and what it may wait for; their names are those of the protocol. */

#include "common/macros.h"

enum job_state {
        JOB_QUEUED,
        JOB_PLANNING,
        JOB_RUNNING,
        JOB_WAITING,
        JOB_DONE,
        JOB_FAILED,
        JOB_CANCELLED,
        N_JOB_STATES
};
enum job_wait {
        WAIT_NONE,
        WAIT_BLOBS,
        WAIT_APPROVAL,
        WAIT_CLIENT,
        WAIT_KEY,
        WAIT_BUDGET,
        WAIT_DISK,
        N_JOB_WAITS
};

extern const char *const job_state_names[N_JOB_STATES];
extern const char *const job_wait_names[N_JOB_WAITS];

static inline bool job_state_is_end(enum job_state s)
{
        return s >= JOB_DONE;
}
