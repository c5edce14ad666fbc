#pragma once
/* Looking at jobs: what answers share. */

#include <jansson.h>

#include "common/buf.h"
#include "common/macros.h"
#include "common/ulid.h"

struct store;

/* As job_get_beside(), without the job: for workers. */
int job_read_beside(struct store *s, const struct ulid *id, char what,
                    struct buf *out) _must_check_;

/* A task as `job/get` lists it, of its task.done. */
int job_task_row(const json_t *event, json_t **ret) _must_check_;
