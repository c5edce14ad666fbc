#pragma once
/* A job as it lies on disk: its record, under its id, and what is kept beside it. */

#include "common/buf.h"
#include "common/ulid.h"

struct job;
struct jobs;
struct plan_texts;
struct store_batch;
struct work;

int job_record_write(const struct job *job, struct buf *out) _must_check_;
int job_record_read(struct jobs *j, const struct ulid *id, struct span value,
                    struct job **ret) _must_check_;
/* What is kept beside a job's record, under its key with a byte more, and goes with its events. */
#define JOB_BESIDE_PLAN 'p' /* for `explain` */
#define JOB_BESIDE_WHY 'w'  /* for `why`: exec/remember.h */
int job_put_beside(const struct job *job, struct store_batch *b, char what,
                   struct span text) _must_check_;
/* A job that goes on after an end of the daemon, or after a wait, is planned again, for the rest.
 * What is measured is of the whole, and stands beside the plan of the whole: that one stays. */
bool job_has_plan_of_whole(const struct job *job, const struct work *work);
int job_put_plan(struct job *job, struct store_batch *b,
                 const struct plan_texts *texts) _must_check_;
int job_get_beside(const struct job *job, char what,
                   struct buf *out) _must_check_; /* CONDITION_ABSENT */
int job_delete_beside(const struct ulid *id, struct store_batch *b) _must_check_;
int job_record_put(struct job *job,
                   struct store_batch *b) _must_check_; /* and its row of the queue */
