#pragma once
/* Jobs: life cycle, durable queue, fair share, journal and cursors, blobs, recovery, retention.
 *
 * A job is on disk before its id is answered; from then on it survives any crash. Recovery is
 * planning again: input and resolved options are stored, never the plan; what was published falls
 * out by key. Everything here belongs to a uid: another uid (root excepted) gets "no such job".
 *
 * States: queued → planning → running ⇄ waiting(blobs|approval|client|key|budget|disk) → done |
 * failed | cancelled. Functions that answer a method give the encoded JSON result, or
 * CONDITION_REFUSED with a failure. */

#include <jansson.h>

#include "common/buf.h"
#include "common/hash.h"
#include "common/macros.h"
#include "common/ulid.h"
#include "proto/failure.h"

struct loop;
struct store;
struct calls;
struct provider_room;
struct blueprint_shelf;
struct config;
struct price_book;
struct jobs;
struct job_cursor;

/* Who asks: from the connection's credentials. */
struct peer {
        uint32_t uid;
        bool is_root;
};

struct jobs_config {
        /* Borrowed: they outlive the room. */
        struct loop *loop;
        struct store *store;
        struct calls *calls;
        struct provider_room *providers;
        /* Replaced by jobs_reload(); counted. */
        struct config *config;
        struct blueprint_shelf *shelf;
        struct price_book *prices;
        /* A share of a job's budget is spent (budget.warn_at). May be NULL. */
        void (*on_budget)(const char *job, uint64_t spent_nanousd, uint64_t limit_nanousd,
                          void *arg);
        void *arg;
};

int jobs_new(const struct jobs_config *c, struct jobs **ret) _must_check_;
struct jobs *jobs_free(struct jobs *j);
/* Loads live jobs from the store, counts deaths, queues them. Before the first connection is
 * served. */
int jobs_recover(struct jobs *j) _must_check_;
/* New configuration for jobs that start from now on; waiting(key) jobs whose provider is ready now
 * go on. */
void jobs_reload(struct jobs *j, struct config *config, struct blueprint_shelf *shelf,
                 struct price_book *prices);
/* Tells all jobs that are at work. */
void jobs_warn(struct jobs *j, const char *text);
/* No new job, no new call; on_drained when nothing is running any more. */
void jobs_drain(struct jobs *j, void (*on_drained)(void *arg), void *arg);
void jobs_stop(struct jobs *j); /* NULL is allowed. All work ends now; what was accepted goes on at
                                   the next start */
void jobs_retain(
        struct jobs *j); /* one slice of retention; called from an hourly timer and at start */

/* Covers build, options, prices and all data read at start or reload: part of every raw key. */
const struct hash *jobs_generation(const struct jobs *j);
/* The stored answer of a repeated submit, as it lies: fn(result) sends it. CONDITION_ABSENT. */
int jobs_answer_raw(struct jobs *j, const struct hash *raw_key,
                    int (*fn)(struct span result, void *arg), void *arg) _must_check_;

/* The reply comes by on_reply, once, perhaps before this returns: result (encoded JSON) or failure.
 */
typedef void jobs_reply_fn(void *arg, struct span result, const struct failure *failure);
struct jobs_request {
        const json_t *params;
        /* Where a manifest may be most of the request, params have [] in its place, and these are
         * borrowed until jobs_submit() returns: params as they came, and the manifest therein, of
         * the form of proto/listed.h. n = 0: params have all. */
        struct span text, manifest;
        const struct hash *raw_key; /* K of this request; NULL: none */
};
void jobs_submit(struct jobs *j, const struct peer *p, const struct jobs_request *q,
                 jobs_reply_fn *on_reply, void *arg);
void jobs_put_blob(struct jobs *j, const struct peer *p, const json_t *params,
                   jobs_reply_fn *on_reply, void *arg);
void jobs_cancel(struct jobs *j, const struct peer *p, const json_t *params,
                 jobs_reply_fn *on_reply, void *arg);
void jobs_resume(struct jobs *j, const struct peer *p, const json_t *params,
                 jobs_reply_fn *on_reply, void *arg);
void jobs_answer(struct jobs *j, const struct peer *p, const json_t *params,
                 jobs_reply_fn *on_reply, void *arg);
/* What of its repairs stands in the tree, from who wrote them there. */
void jobs_settle(struct jobs *j, const struct peer *p, const json_t *params,
                 jobs_reply_fn *on_reply, void *arg);
void jobs_explain(struct jobs *j, const struct peer *p, const json_t *params,
                  jobs_reply_fn *on_reply, void *arg);
void jobs_list(struct jobs *j, const struct peer *p, const json_t *params, jobs_reply_fn *on_reply,
               void *arg);
void jobs_get(struct jobs *j, const struct peer *p, const json_t *params, jobs_reply_fn *on_reply,
              void *arg);
/* Read only: answered at once. */
int jobs_get_blob(struct jobs *j, const struct peer *p, const json_t *params, struct buf *out,
                  struct failure **ret_failure) _must_check_;
int jobs_why(struct jobs *j, const struct peer *p, const json_t *params, struct buf *out,
             struct failure **ret_failure) _must_check_;
/* The blueprints at hand, and whether the files of one make a blueprint: in a worker, which reads
 * them. */
void jobs_list_blueprints(struct jobs *j, jobs_reply_fn *on_reply, void *arg);
void jobs_check_blueprint(struct jobs *j, const json_t *params, jobs_reply_fn *on_reply, void *arg);
/* {"running", "queued", "waiting"} for daemon/status. */
int jobs_count(struct jobs *j, json_t **ret) _must_check_;

/* A cursor over a job's journal: replay and live are one path. on_ready is called on the loop when
 * job_cursor_next() may have something again (never from within it). Deltas go only to cursors that
 * asked for them and stand at the head; they may be merged or dropped. */
int job_cursor_new(struct jobs *j, const struct peer *p, struct span job, uint64_t after,
                   bool has_deltas, void (*on_ready)(void *arg), void *arg, struct job_cursor **ret,
                   struct buf *ret_reply, struct failure **ret_failure) _must_check_;
struct job_cursor *job_cursor_free(struct job_cursor *c);
/* Appends the params of the next `job/event` notification (encoded JSON). CONDITION_ABSENT: nothing
 * for now. */
int job_cursor_next(struct job_cursor *c, struct buf *out) _must_check_;
/* The job has ended and the cursor has given all of it. */
bool job_cursor_is_over(const struct job_cursor *c);
void job_cursor_job(const struct job_cursor *c, struct ulid *ret);
