#pragma once
/* Which jobs are in memory: by id, and by what they do.
 *
 * By id they stand in many small hash tables, chosen by the id's last byte: one large table moves
 * all its entries when it grows, which held the loop for 25 ms at 50,000 jobs.
 *
 * Those at work and those that wait stand in a list each, so that nobody walks over a hundred
 * thousand queued jobs to find them. Who begins to wait gets the next number of `n_waits`: a walk
 * that goes on in later turns ends at the number that was the last when it began. */

#include <sys/queue.h>

#define HASH_NONFATAL_OOM 1 /* then hh.tbl of what was to be added is NULL */
#include <uthash.h>

#include "common/ulid.h"
#include "daemon/jobs/states.h"

#define REGISTRY_TABLES 256

struct job;
TAILQ_HEAD(job_list, job);

struct registry {
        struct job *tables[REGISTRY_TABLES]; /* hash by id */
        struct job_list at_work, waiting[N_JOB_WAITS];
        uint64_t n_waits;
        size_t n_waiting;
};

void registry_init(struct registry *r);
int registry_add(struct registry *r, struct job *job) _must_check_;
void registry_remove(struct registry *r, struct job *job);
struct job *registry_find(const struct registry *r, const struct ulid *id);
/* Any order; NULL: the first, after the last. */
struct job *registry_next(const struct registry *r, const struct job *job);
/* Its state or what it waits for was set: it goes to the end of the list for that, or to none. */
void registry_note(struct registry *r, struct job *job);
