#pragma once
/* What is told of a job: events, durable before anybody hears of them, and deltas of text. */

#include <jansson.h>

#include "common/macros.h"

struct job;
struct news;
struct store_batch;

/* Calls fn when all that was committed before is durable, or lost; at once when it cannot wait. */
void journal_fence(struct job *job, void (*fn)(struct job *job, int r, void *arg), void *arg);
/* Commits the batch without the record: content that says itself that it is there. Takes the batch
 * always, NULL too, and tells as journal_fence() does. */
void journal_commit_beside(struct job *job, struct store_batch *b,
                           void (*fn)(struct job *job, int r, void *arg), void *arg);
/* Adds events and the job's record to the batch and commits; cursors hear of it when it is durable.
 * Takes the batch always; then(job, r) may be NULL. */
void journal_commit(struct job *job, struct store_batch *b, const struct news *news, size_t n_news,
                    void (*then)(struct job *job, int r, void *arg), void *arg);
/* One event (takes fields; NULL: there was no memory for them) in a batch of its own. */
void journal_say(struct job *job, const char *type, json_t *fields);
void journal_commit_record(struct job *job); /* the record alone */
void journal_delta(struct job *job, uint32_t task, struct span text);
