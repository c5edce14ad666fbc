#pragma once
/* One run of a plan: four verbs over every task, a file each. To follow a task from ready to
 * delivered, read them in this order, each from its last function upwards:
 *
 * - settle.c, settle(): its last dependency is done, so its key is known: what this job published,
 *   keep(), reuse(); else obtain()
 *
 * - obtain.c, obtain(): a template renders (render_start() in check.c); a call waits in the ready
 *   queue, then obtain_by_call(): what another job has made meanwhile is taken, what one is making
 *   is waited for (group_look(), group_share()); start_call(), on_text(), on_file_end(), on_end()
 *
 * - check.c, judge_start(): a worker's run_judge() makes text, report and interface of it; then
 *   finish_judge(), call_checked(), conclude_task(): accept(), or task_refused(), which climbs the
 *   ladder with its evidence
 *
 * - publish.c, publish_result(): result, `file` and `task.done` (put_and_say()), beside the
 *   settlement of the call (publish_call()): one transaction of state, handed over by
 *   publish_flush(); and into the cache, where who waits for it in another job finds it
 *
 * What they use: run.c moves tasks and gives turns; group.c, share.c, ready.c, window.c, routes.c
 * say when, with whom and where to a call leaves, or what it waits for; prompt.c writes it,
 * answer.c reads what comes; unfinished.c, amend.c and verify.c are for answers that ended too
 * early, edits, and commands of the client's.
 *
 * States of a task: blocked → ready → assigned → checking → done | failed | skipped, and parked (it
 * waits for a person or a client). All on the loop; pure work goes to the pool. A run that is freed
 * leaves nothing behind: its calls are cancelled, what was published stands, and running the same
 * work again goes on from there. */

#include <jansson.h>

#include "common/hash.h"
#include "common/macros.h"
#include "common/ulid.h"
#include "daemon/plan/planner.h"
#include "daemon/work/plan.h"
#include "daemon/work/result.h"
#include "daemon/work/task.h"
#include "proto/failure.h"

struct loop;
struct store;
struct store_batch;
struct calls;
struct provider_room;
struct run;
struct underway;

/* How the file of a task stands in the output directory, as the client said. */
struct stand {
        bool is_in_manifest, is_on_disk;
        struct hash fingerprint, written, disk;
};

/* A file that we wrote once and that no task of the work makes. */
struct orphan {
        char *path; /* owned */
        struct hash written;
};

struct stands {
        struct stand *at;       /* owned: per task */
        struct orphan *orphans; /* owned */
        size_t n_orphans;
};

/* Sums of a run; stored with the job, so that they survive a crash. */
struct run_totals {
        uint64_t files[N_SOURCES];
        uint64_t n_batched, n_joined, n_failed, n_skipped, n_calls, n_retries;
        struct tokens tokens;
        uint64_t n_confident, n_judged, n_rejected;
        uint64_t nanousd, ms;
        uint64_t last_call; /* number of the last call of the job */
        struct {
                char name[32];
                struct tokens tokens;
        } providers[4]; /* for cache shares; further providers count in tokens only */
        size_t n_providers;
};

/* Fallbacks of a tier, in order. */
struct tier_route {
        struct {
                const char *provider, *model; /* borrowed: setup.keeper holds the configuration */
                const struct model_facts *facts; /* likewise, and the prices */
        } at[8];
        size_t n;
};

struct run_setup {
        struct loop *loop;
        struct store *store;
        struct calls *calls;
        struct underway *underway; /* what other jobs have in hand, too */
        struct provider_room *providers;
        struct work *work;        /* owned by the run from run_new() on */
        struct plan *plan;        /* likewise */
        struct stands *stands;    /* likewise */
        struct planning planning; /* settings of the plan; work and facts are set by the run */
        struct tier_route routes[N_TIERS];
        struct ulid job;
        uint32_t uid;
        bool is_interactive, is_fresh;
        bool is_strict; /* a result that the checks doubt is refused, too */
        bool is_mute;   /* a repeated prompt does not say why the last answer was refused */
        unsigned n_calls_max;
        uint64_t budget_nanousd;   /* UINT64_MAX: none */
        struct run_totals totals;  /* of earlier runs of the same job */
        struct estimator *learner; /* borrowed: corrected by every reply; outlives all runs */
        void *keeper; /* what routes and planning.tiers point into; the run's from run_new() on */
        void (*release)(void *keeper); /* or NULL */
};

/* Something to journal: event type and its own fields (owned by the list). */
struct news {
        const char *type;
        json_t *fields;
        struct span plan; /* of a dry run: JSON text, told as the field `plan` */
};

/* RUN_WAIT_STOPPING: the daemon drains; the job goes on after its restart. */
enum run_wait {
        RUN_WAIT_KEY,
        RUN_WAIT_BUDGET,
        RUN_WAIT_DISK,
        RUN_WAIT_STOPPING,
        RUN_WAIT_CLIENT,
        N_RUN_WAITS
};

struct run_events {
        /* Commit this batch with these events; the run does not wait for it. Takes the batch; the
         * news only for the call. */
        void (*on_news)(struct store_batch *b, const struct news *news, size_t n_news, void *arg);
        void (*on_delta)(uint32_t task, struct span text, void *arg);
        /* Nothing can go on until run_resume() or run_answer(). task: for RUN_WAIT_CLIENT. */
        void (*on_wait)(enum run_wait wait, uint32_t task, const struct failure *why, void *arg);
        /* All tasks are at rest. What was not handed to on_news yet comes with it, as there: to be
         * committed together with what tells of the end, so that no end stands without it. */
        void (*on_end)(struct store_batch *b, const struct news *news, size_t n_news, void *arg);
};

/* Frees a work in a worker: a large one takes its time. */
void work_release(struct work *w, struct loop *loop);
/* 0: the run owns work, plan and stands. Otherwise they stay the caller's. */
int run_new(const struct run_setup *s, const struct run_events *events, void *arg,
            struct run **ret) _must_check_;
struct run *run_free(struct run *r);
/* Before run_free(), of a run that is not gone on with: its calls end, and are told with what they
 * have cost, which is in its totals from now on. Not from its callbacks. */
void run_stop(struct run *r);
int run_start(struct run *r) _must_check_;
void run_resume(struct run *r); /* what is parked for key, budget or disk is tried again */
/* The client ran the command of the task that on_wait() named. */
int run_answer(struct run *r, uint32_t task, bool is_passed, const char *output) _must_check_;

const struct run_totals *run_totals(const struct run *r);
size_t run_n_tasks(const struct run *r);
size_t run_n_done(const struct run *r); /* at rest: done, failed or skipped */
const struct work *run_work(const struct run *r);
const struct plan *run_plan(const struct run *r);
/* The single text of a job of one text, when it is done; borrowed. */
const struct result *run_text(const struct run *r);
/* It said something that an equal run would say again. */
bool run_has_warned(const struct run *r);
/* Every file of a run whose tasks are all done: borrowed from it. CONDITION_ABSENT: it has none,
 * one was not made, or something was said of one that has to be said again. */
struct run_file {
        const char *path;
        struct hash key, content; /* full key, and of what was written */
};
int run_files(const struct run *r, struct run_file **ret, size_t *ret_n) _must_check_;
/* What making the tasks that are not done would take: an estimate, with `calls`. */
int run_rest(const struct run *r, json_t **ret) _must_check_;
/* `summary` and `failures` of a `done` event. */
int run_summary(struct run *r, json_t **ret) _must_check_;
int run_failures(struct run *r, json_t **ret) _must_check_;
/* `left` of it: findings that are left to a person, need no change, or whose repair a person is to
 * look at: [{fate, path, line?, rule, why, task?}]. The first of them; `summary` counts all. */
#define RUN_LEFT_MAX 1000u
int run_left(struct run *r, json_t **ret) _must_check_;
/* For job/get: a look at all tasks, taken on the loop; its rows may be written in a worker. */
struct run_look;
int run_look(struct run *r, struct run_look **ret) _must_check_;
int run_look_rows(const struct run_look *l, json_t **ret) _must_check_;
struct run_look *run_look_free(struct run_look *l); /* on the loop */
int run_totals_to_json(const struct run_totals *t, json_t **ret) _must_check_;
void run_totals_from_json(struct run_totals *t, const json_t *value); /* what does not fit is 0 */

/* What a plan needs to know of the store, gathered in one go; runs in a worker. ret_need: hashes
 * (hex) of standing files whose content is needed because nothing else tells their interface. */
int facts_gather(struct store *s, const struct work *w, const struct stands *stands, uint32_t uid,
                 struct task_facts **ret, struct strlist *ret_need) _must_check_;
/* From params.input of a submit: manifest and disk, per task of the work, and what is of no task.
 */
int stands_read(const struct work *w, const json_t *input, struct stands **ret) _must_check_;
struct stands *stands_free(struct stands *s);
DEFINE_CLEANUP(struct stands, stands_free);
