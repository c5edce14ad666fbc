#pragma once
/* The events of a job: one row each. A `job/event` notification carries {job, seq, time, type} and
 * the fields of its type; docs and tests are compared with this table, and what a job journals is
 * checked against it in test builds. */

#include <jansson.h>

#include "common/macros.h"

enum event_id {
        EVENT_QUEUED,
        EVENT_PLANNED,
        EVENT_STARTED,
        EVENT_WAITING,
        EVENT_TASK_STARTED,
        EVENT_TASK_DELTA,
        EVENT_TASK_RETRY,
        EVENT_TASK_DONE,
        EVENT_CALL_DONE,
        EVENT_FILE,
        EVENT_WARNING,
        EVENT_PROGRESS,
        EVENT_DONE,
        EVENT_FAILED,
        EVENT_CANCELLED,
        N_EVENTS,
};

struct event_field {
        const char *name;
        bool is_required;
};

#define EVENT_MAX_FIELDS 16

struct event_type {
        const char *name;
        bool is_journalled;                              /* has a seq */
        bool is_last;                                    /* nothing of the job follows */
        struct event_field fields[EVENT_MAX_FIELDS + 1]; /* ended by a NULL name */
};

extern const struct event_type event_table[N_EVENTS];
const struct event_type *event_find(const char *name); /* NULL: there is none */
/* NULL when the fields are those of the type; else the name of one that is missing or unknown. */
const char *event_check(const struct event_type *t, const json_t *fields);
