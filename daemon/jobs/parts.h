#pragma once
/* A task's part of its calls, retries included: of a call for several files an equal one, because
 * nobody counts which token was whose. So the parts add up to the bill. Read from `call.done`
 * events; in a worker. */

#include <jansson.h>

#include "daemon/work/plan.h"

struct part {
        struct tokens tokens;
        uint64_t nanousd;
        bool is_known;  /* a call has told of it; else the task's own event counts */
        bool is_joined; /* another job paid for the last one: known after what it streamed */
};

void tokens_read(const json_t *o, struct tokens *t);
/* parts: of n_tasks tasks. */
void parts_add(struct part *parts, size_t n_tasks, const json_t *call);
/* Into rows of tasks (job_task_row()), which name them by `task`. */
int parts_put(const struct part *parts, size_t n_tasks, json_t *rows) _must_check_;
