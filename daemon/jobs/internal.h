#pragma once
/* What the files of the jobs room share. Not for other rooms. What they ask of each other stands in
 * life.h, journal.h and record.h, and for the smaller ones here. */

#include <sys/queue.h>

#include "common/str.h"
#include "daemon/exec/run.h"
#include "daemon/input/input.h"
#include "daemon/jobs/approval.h"
#include "daemon/jobs/blobs.h"
#include "daemon/jobs/estimates.h"
#include "daemon/jobs/jobs.h"
#include "daemon/jobs/queue.h"
#include "daemon/jobs/registry.h"
#include "daemon/jobs/states.h"
#include "daemon/options/options.h"

#define JOBS_BATCH_RUNNING_MAX 48 /* of those below: who waits at a prompt finds a place */
#define JOBS_RUNNING_MAX \
        64 /* side by side; calls are shared out fairly among them by the calls room */
#define JOB_MAX_DEATHS 3        /* of the daemon while it works on one job: then it is set aside */
#define JOB_TEXT_IN_EVENT 16384 /* a longer text travels as a blob */
#define CURSOR_MAX_DELTA_BYTES 65536

struct planning_item;
struct plan_texts {
        struct buf plan, why; /* JSON, written in a worker: large ones take their time */
};
struct submit;

struct job {
        UT_hash_handle hh;
        struct jobs *jobs;
        unsigned n_refs; /* registry (while live), cursors, commits under way */
        struct ulid id;
        char id_text[ULID_TEXT_BYTES];
        uint32_t uid;
        const struct job_kind *kind;
        enum job_state state;
        enum job_wait wait;
        uint64_t wait_id;
        uint32_t wait_task;
        int wait_command;
        char *wait_remedy; /* owned */
        uint64_t created_ms, ended_ms, client;
        char *label;           /* owned or NULL */
        json_t *params;        /* owned; until it is on disk */
        struct store_tie *tie; /* counted; until it is on disk: what it writes meanwhile fails with
                                  its acceptance */
        struct hash params_hash;
        struct job_options options; /* resolved at submit */
        bool has_raw_key, has_idem, has_seed;
        struct hash seed; /* standing.c; only while the daemon lives */
        struct hash raw_key, idem;
        struct hash generation, planned; /* when the raw key was made; when this run was planned */
        bool is_dry_run, is_fresh;
        bool has_new_options; /* since it was planned */
        struct approval approval;
        unsigned deaths;
        uint64_t head, durable, n_commits; /* last seq given; committed; commits on their way */
        struct need *needs;
        size_t n_needs;
        LIST_HEAD(, upload) uploads;
        size_t n_uploads;
        struct planning_item *planning; /* in a worker */
        struct run *run;
        const struct config *planned_by; /* borrowed: the run's; compared, nothing else */
        struct run_totals totals;
        uint64_t n_tasks, n_done;
        bool has_failed_tasks;
        json_t *summary; /* owned; when it ended */
        json_t *rest;    /* owned: what it takes to go on, as of when work on it ended; or NULL */
        json_t *placed;  /* owned: what of that came into the tree (placed.c); NULL: not told */
        struct failure *failure; /* owned */
        LIST_HEAD(, job_cursor) cursors;
        uint64_t delta_offset; /* bytes of text told of by deltas */
        bool is_in_queue, is_live, has_queue_row, is_queue_row_unsure;
        bool is_recovered;       /* of an earlier daemon, which it may have killed */
        bool has_lost;           /* a commit of its own failed */
        enum job_state lost_end; /* the end that could not be written: JOB_QUEUED if none */
        struct client_queue *queue;
        TAILQ_ENTRY(job) queue_entry;
        struct job_list *list; /* of the registry: those at work, or that wait for the same */
        TAILQ_ENTRY(job) list_entry;
        uint64_t wait_number;
        LIST_ENTRY(job) accepting_entry;
        struct submit *twins; /* owned: submits with its idempotency key while it was accepted */
};

struct job_cursor {
        LIST_ENTRY(job_cursor) entry;
        struct job *job; /* counted */
        uint64_t next;
        bool has_deltas;
        struct buf delta;
        uint32_t delta_task;
        uint64_t delta_offset;
        void (*on_ready)(void *arg);
        void *arg;
};

struct jobs {
        struct jobs_config c;
        struct registry registry;   /* jobs that have not ended, or that a cursor looks at */
        struct ulid last, retained; /* last id given; where the next slice of retention begins */
        struct client_queues queues[2]; /* interactive, batch */
        struct client_queue *by_client; /* hash by key: those that have a job */
        LIST_HEAD(, job) accepting;     /* their acceptance is not durable yet */
        size_t n_queued, n_running, n_batch_running, n_commits;
        struct hash generation, salt, shelf; /* shelf: its part in the generation */
        struct estimates estimates;
        struct job_options written_options; /* of the record that was written last, */
        struct buf written_text;            /* and how they stand there */
        struct timer *retain_timer;         /* while old jobs are left to be removed */
        struct timer *disk_timer;           /* while jobs wait for room on the disk */
        uint64_t disk_check_ms;
        struct blob_owner owner;
        bool is_draining, is_scheduling;
        /* Those that wait for it are continued, up to this number; 0: none are. */
        uint64_t continue_key, continue_disk;
        bool is_continuing;
        void (*on_drained)(void *arg);
        void *drained_arg;
};

/* jobs.c */
struct job *job_new(struct jobs *j, const struct ulid *id);
struct job *job_ref(struct job *job);
struct job *job_unref(struct job *job);
/* Live or loaded; counted. CONDITION_REFUSED: NO_SUCH_JOB, also for another uid's. */
int job_find(struct jobs *j, const struct peer *p, struct span id, struct job **ret,
             struct failure **ret_failure) _must_check_;
int job_find_param(struct jobs *j, const struct peer *p, const json_t *params, struct job **ret,
                   struct failure **ret_failure) _must_check_;
void jobs_check_drained(struct jobs *j);
/* A worker read blueprints (for job, or NULL): changed ones make known answers old. */
void jobs_look_at_shelf(struct jobs *j, struct job *job);
/* submit.c */
void job_warm_providers(const struct job *job);
void job_idem_key(uint32_t uid, const struct hash *h, uint8_t ret[4 + HASH_BYTES]);
/* settings.c: from options to what planning and running want */
void job_planning(const struct job *job, struct planning *ret, struct tier_route routes[N_TIERS]);
/* Do they differ in what a plan is made by? A budget, an approval are none of that. */
bool job_options_shape_plan(const struct job_options *a, const struct job_options *b);
/* prepare.c: from stored parameters to a plan, in a worker */
int prepare_start(struct job *job) _must_check_;
void prepare_forget(struct planning_item *item);
/* placed.c: `job/settle`, and the summary as it stands by that; NULL: there is none */
int placed_take(struct job *job, const json_t *params, struct failure **ret_failure) _must_check_;
int placed_summary(const struct job *job, json_t **ret) _must_check_;
/* outcome.c */
json_t *outcome_fields(struct job *job);                      /* of a `done` event */
void outcome_remember(struct job *job, const json_t *fields); /* raw answer for the next time */
void outcome_note_rest(struct job *job);                      /* of its run, as it stands */
json_t *outcome_unmade(struct job *job); /* of a `cancelled` event, and in one of `failed` */
/* The reply to a submit whose single text is stored under its full key. */
int outcome_cached(struct jobs *j, const struct result *result, struct buf *out) _must_check_;
