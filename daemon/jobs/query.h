#pragma once
/* Looking at jobs: what answers share. */

#include <jansson.h>

#include "common/macros.h"

/* A task as `job/get` lists it, of its task.done. */
int job_task_row(const json_t *event, json_t **ret) _must_check_;
