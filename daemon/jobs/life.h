#pragma once
/* The life of a job: how it gets from one state to the next (states.h). Whoever moves it tells the
 * journal; on the loop only. */

#include <jansson.h>

#include "daemon/exec/run.h"
#include "daemon/jobs/states.h"

struct job;
struct jobs;
struct plan_texts;

/* life.c */
void job_move(struct job *job, enum job_state to); /* to one in which it waits for nothing */
void job_enqueue(struct job *job); /* state is JOB_QUEUED and durable: have it worked on */
void jobs_schedule(struct jobs *j);
void job_wait_for(struct job *job, enum job_wait wait, const char *remedy);
/* The same, told by the caller: the fields of a `waiting` event, NULL for lack of memory. */
json_t *job_begin_wait(struct job *job, enum job_wait wait, const char *remedy);
void job_continue(struct job *job);                  /* a wait ended */
void job_put_back(struct job *job);                  /* into the queue of the next start */
void job_fail(struct job *job, struct failure *why); /* takes why */
void job_end(struct job *job, enum job_state state, const char *type, json_t *fields);
/* The same together with what a run leaves. Takes the fields of `end` and the batch (NULL: there is
 * no memory for one). */
void job_end_with(struct job *job, enum job_state state, struct news end, struct store_batch *b,
                  const struct news *news, size_t n_news);
void job_suspend(struct job *job, int r); /* state cannot be written: -errno */
void job_abandon(struct job *job);        /* its acceptance could not be written */
void job_stop_work(struct job *job);      /* no run, no planning any more */
/* continue.c */
void jobs_continue_keys(struct jobs *j); /* all that wait for a key now, some in each turn */
void jobs_watch_disk(struct jobs *j);    /* a job waits for it: look again in a while */
/* running.c: what prepare_start() found, or why not (error and failure, taken). Takes work, stands
 * and plan; borrows texts and need. */
void job_prepared(struct job *job, int error, struct failure *failure, struct work *work,
                  struct stands *stands, struct plan *plan, const struct plan_texts *texts,
                  struct strlist *need);
