/* What a client says of a job that exists: cancel, resume, answer, settle. */

#include <stdio.h>

#include "common/json.h"
#include "daemon/jobs/internal.h"
#include "daemon/jobs/journal.h"
#include "daemon/jobs/life.h"

static void reply_state(enum job_state state, jobs_reply_fn *on_reply, void *arg)
{
        char text[64];
        int n = snprintf(text, sizeof(text), "{\"state\":\"%s\"}", job_state_names[state]);

        on_reply(arg, (struct span){text, (size_t)n}, NULL);
}

struct reply {
        jobs_reply_fn *on_reply;
        void *arg;
        enum job_state state; /* as the verb left it */
};

/* What the job says of itself is on disk, or the job waits until it can be. */
static void on_settled(struct job *job, int r, void *arg)
{
        struct reply *p = arg;

        (void)r;
        /* An end that waits for the disk is owed, and nothing is done for the job any more. */
        reply_state(job->has_lost && job->lost_end == JOB_QUEUED ? job->state : p->state,
                    p->on_reply, p->arg);
        free(p);
}

static void reply_when_durable(struct job *job, jobs_reply_fn *on_reply, void *arg)
{
        struct reply *p = malloc(sizeof(*p));

        if (!p) {
                reply_state(job->state, on_reply, arg);
                return;
        }
        *p = (struct reply){on_reply, arg, job->state};
        journal_fence(job, on_settled, p);
}

typedef int verb_fn(struct job *job, const json_t *params, struct failure **ret_failure);

/* Finds the job, does the verb, answers. */
static void with_job(struct jobs *j, const struct peer *p, const json_t *params, verb_fn *verb,
                     jobs_reply_fn *on_reply, void *arg)
{
        struct failure *failure = NULL;
        struct job *job = NULL;
        int k = job_find_param(j, p, params, &job, &failure);

        k = k ? k : verb(job, params, &failure);
        if (k == 0) {
                reply_when_durable(job, on_reply, arg);
        } else {
                if (!failure)
                        failure = failure_new(FAILURE_INTERNAL, "%s",
                                              k < 0 ? strerror(-k) : "out of memory");
                on_reply(arg, (struct span){0}, failure);
        }
        failure_free(failure);
        job_unref(job);
}

static int refuse_state(const struct job *job, const char *what, struct failure **ret_failure)
{
        *ret_failure = failure_new(FAILURE_BAD_STATE, "the job is %s; %s",
                                   job_state_names[job->state], what);
        return CONDITION_REFUSED;
}

static int cancel(struct job *job, const json_t *params, struct failure **ret_failure)
{
        (void)params;
        if (job->state == JOB_CANCELLED)
                return 0;
        if (job_state_is_end(job->state))
                return refuse_state(job, "there is nothing to cancel", ret_failure);
        if (job->run)
                run_stop(job->run);
        job->has_lost = false;
        job_end(job, JOB_CANCELLED, "cancelled", outcome_unmade(job));
        return 0;
}

static int resume(struct job *job, const json_t *params, struct failure **ret_failure)
{
        const json_t *changes = json_object_get(params, "options");
        int k;

        if (job->state == JOB_DONE && !job->has_failed_tasks)
                return refuse_state(job, "nothing of it failed", ret_failure);
        if (!job_state_is_end(job->state) && job->state != JOB_WAITING)
                return changes ? refuse_state(job, "its options cannot change now", ret_failure)
                               : 0;
        if (job->state == JOB_WAITING && (job->wait == WAIT_BLOBS || job->wait == WAIT_CLIENT))
                return refuse_state(job, "it waits for its client", ret_failure);
        if (changes) {
                struct job_options before = job->options;

                k = job_options_change(&job->options, job->jobs->c.config, changes, ret_failure);
                if (k)
                        return k;
                job->has_raw_key = false; /* it is not what that request asked for any more */
                job->has_new_options |= job_options_shape_plan(&before, &job->options);
        }
        if (job->wait == WAIT_APPROVAL)
                job->approval.is_given = true;
        job->deaths = 0;
        job->lost_end = JOB_QUEUED;
        job->has_lost = false;
        job->ended_ms = 0;
        job->failure = failure_free(job->failure);
        job_continue(job);
        return 0;
}

/* The command of the client's: its exit status and the end of its output. */
static int answer_command(struct job *job, const json_t *command, struct failure **ret_failure)
{
        const char *output = json_get_text(command, "output");
        uint64_t index = UINT64_MAX, status = 1;
        int k;

        if (job->wait != WAIT_CLIENT || !job->run)
                return refuse_state(job, "it does not wait for a command", ret_failure);
        (void)json_get_u64(command, "index", &index);
        if (index != (uint64_t)job->wait_command) {
                *ret_failure = failure_new_at(FAILURE_INVALID_PARAMS, "/params/command/index",
                                              "command %d was asked for", job->wait_command);
                return CONDITION_REFUSED;
        }
        if (!json_get_u64(command, "status", &status) || json_object_get(command, "signal"))
                status = 1;
        k = run_answer(job->run, job->wait_task, status == 0, output);
        if (k == 0 && job->state == JOB_WAITING && job->wait == WAIT_CLIENT)
                job_continue(job);
        return k;
}

static int answer(struct job *job, const json_t *params, struct failure **ret_failure)
{
        const json_t *command = json_object_get(params, "command");
        uint64_t wait = 0;

        (void)json_get_u64(params, "wait", &wait);
        if (job->state != JOB_WAITING || wait != job->wait_id)
                return refuse_state(job, "this wait is over", ret_failure);
        if (command)
                return answer_command(job, command, ret_failure);
        if (job->wait != WAIT_APPROVAL)
                return refuse_state(job, "it does not wait for approval", ret_failure);
        if (!json_get_bool(params, "approve", false))
                return cancel(job, params, ret_failure);
        job->approval.is_given = true;
        job_continue(job);
        return 0;
}

void jobs_cancel(struct jobs *j, const struct peer *p, const json_t *params,
                 jobs_reply_fn *on_reply, void *arg)
{
        with_job(j, p, params, cancel, on_reply, arg);
}

void jobs_resume(struct jobs *j, const struct peer *p, const json_t *params,
                 jobs_reply_fn *on_reply, void *arg)
{
        with_job(j, p, params, resume, on_reply, arg);
}

void jobs_answer(struct jobs *j, const struct peer *p, const json_t *params,
                 jobs_reply_fn *on_reply, void *arg)
{
        with_job(j, p, params, answer, on_reply, arg);
}

void jobs_settle(struct jobs *j, const struct peer *p, const json_t *params,
                 jobs_reply_fn *on_reply, void *arg)
{
        with_job(j, p, params, placed_take, on_reply, arg);
}
