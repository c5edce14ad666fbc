/* One function moves the state of a job; here it begins, waits and ends. Work on it is a planning
 * item (prepare.c) or a run (running.c); when it waits for a person, it has neither (going on is
 * planning again), except while it waits for the client's command, whose candidate only the run
 * has. */

#include "daemon/jobs/life.h"

#include "common/clock.h"
#include "common/json.h"
#include "common/log.h"
#include "daemon/jobs/internal.h"
#include "daemon/jobs/journal.h"
#include "daemon/loop/loop.h"
#include "daemon/metrics/metrics.h"
#include "daemon/store/store.h"

/* Only asserted. */
_unused_ static const bool may_move[N_JOB_STATES][N_JOB_STATES] = {
        /*                queued plan   run    wait   done   fail   cancel */
        [JOB_QUEUED] = {true, true, false, true, false, true, true},
        [JOB_PLANNING] = {true, false, true, true, true, true, true},
        [JOB_RUNNING] = {true, false, false, true, true, true, true},
        [JOB_WAITING] = {true, false, true, true, false, true, true},
        [JOB_DONE] = {true, false, false, true, false, false, false}, /* wait: see job_suspend */
        [JOB_FAILED] = {true, false, false, true, false, false, false},
        [JOB_CANCELLED] = {true, false, false, true, false, false, false},
};

static bool is_at_work(enum job_state s)
{
        return s == JOB_PLANNING || s == JOB_RUNNING;
}

static void enter_registry(struct job *job)
{
        if (job->is_live)
                return;
        job->is_live = true;
        job_ref(job);
}

static void count_running(const struct job *job, int change)
{
        struct jobs *j = job->jobs;

        j->n_running += (size_t)change;
        if (!job->kind->is_interactive)
                j->n_batch_running += (size_t)change;
}

static void move_to(struct job *job, enum job_state to, enum job_wait wait)
{
        struct jobs *j = job->jobs;

        assert(may_move[job->state][to]);
        log_debug("job %s: %s -> %s", job->id_text, job_state_names[job->state],
                  job_state_names[to]);
        if (is_at_work(job->state) && !is_at_work(to))
                count_running(job, -1);
        if (!is_at_work(job->state) && is_at_work(to))
                count_running(job, 1);
        job->wait = wait;
        job->state = to;
        registry_note(&j->registry, job);
        if (!job_state_is_end(to))
                enter_registry(job);
}

void job_move(struct job *job, enum job_state to)
{
        move_to(job, to, WAIT_NONE);
}

/* An ended job leaves the registry when nobody looks at it any more. */
static void leave_registry(struct job *job)
{
        if (!job->is_live)
                return;
        job->is_live = false;
        job_unref(job);
}

static void free_run(void *arg)
{
        run_free(arg);
}

void job_stop_work(struct job *job)
{
        if (job->planning)
                prepare_forget(job->planning);
        job->planning = NULL;
        outcome_note_rest(job);
        if (job->run && loop_defer(job->jobs->c.loop, free_run, job->run) < 0)
                log_error("job %s: its run cannot be freed: out of memory", job->id_text);
        job->run = NULL;
}

/* ---- beginning ---- */

static void start_planning(struct job *job)
{
        int k = prepare_start(job);

        if (k < 0)
                job_fail(job, failure_new(FAILURE_INTERNAL, "%s", strerror(-k)));
}

static void on_marked(struct job *job, int r, void *arg)
{
        (void)arg;
        if (r == 0 && job->state == JOB_PLANNING && !job->planning && !job->run)
                start_planning(job);
}

/* A job of an earlier daemon may be what ended it: from now on its record says that it is at work,
 * so that a death while it is read and planned is counted, too. */
static void mark_then_plan(struct job *job)
{
        struct store_batch *b = NULL;

        job->is_recovered = false;
        if (store_batch_new(STORE_STATE, &b) < 0)
                b = NULL;
        journal_commit(job, b, NULL, 0, on_marked, NULL);
}

static void start_work(struct job *job)
{
        job_check_needs(job);
        if (!job_needs_met(job)) {
                job_wait_for(job, WAIT_BLOBS, NULL);
                return;
        }
        log_event(LOG_LEVEL_INFO, "job_started", "job %s (%s)", job->id_text, job->kind->name);
        job_move(job, JOB_PLANNING);
        if (job->is_recovered) {
                job_warm_providers(job);
                mark_then_plan(job);
        } else {
                start_planning(job);
        }
}

static void schedule(void *arg)
{
        struct jobs *j = arg;
        struct job *job;

        j->is_scheduling = false;
        while (!j->is_draining && j->n_running < JOBS_RUNNING_MAX && (job = jobs_queue_take(j)))
                start_work(job);
}

void jobs_schedule(struct jobs *j)
{
        if (!j->is_scheduling && loop_defer(j->c.loop, schedule, j) == 0)
                j->is_scheduling = true;
}

void job_enqueue(struct job *job)
{
        job_move(job, JOB_QUEUED);
        jobs_queue_add(job);
        jobs_schedule(job->jobs);
}

static json_t *queued_json(const struct job *job)
{
        size_t n_before = job->jobs->n_queued - job->is_in_queue; /* itself does not count */

        return json_pack("{s:s,s:I}", "kind", job->kind->name, "position", (json_int_t)n_before);
}

void job_put_back(struct job *job)
{
        job_stop_work(job);
        job_move(job, JOB_QUEUED);
        journal_say(job, "queued", queued_json(job));
}

void job_continue(struct job *job)
{
        if (job->wait == WAIT_CLIENT && job->run) {
                free(job->wait_remedy);
                job->wait_remedy = NULL;
                job_move(job, JOB_RUNNING);
                return;
        }
        job_stop_work(job);
        free(job->wait_remedy);
        job->wait_remedy = NULL;
        job_enqueue(job);
        journal_say(job, "queued", queued_json(job));
}

/* ---- waiting and ending ---- */

json_t *job_begin_wait(struct job *job, enum job_wait wait, const char *remedy)
{
        json_t *fields;

        move_to(job, JOB_WAITING, wait);
        log_event(LOG_LEVEL_INFO, "job_waiting", "job %s waits: %s", job->id_text,
                  job_wait_names[wait]);
        job->wait_id++;
        free(job->wait_remedy);
        job->wait_remedy = remedy ? strdup(remedy) : NULL;
        fields = json_pack("{s:s,s:I,s:s?}", "on", job_wait_names[wait], "wait",
                           (json_int_t)job->wait_id, "remedy", remedy);
        if (wait == WAIT_BLOBS && fields)
                (void)!json_put(fields, "need", job_needs_json(job));
        if (wait == WAIT_CLIENT && fields)
                (void)!json_put(fields, "command",
                                json_pack("{s:i,s:I}", "index", job->wait_command, "task",
                                          (json_int_t)job->wait_task));
        return fields;
}

void job_wait_for(struct job *job, enum job_wait wait, const char *remedy)
{
        journal_say(job, "waiting", job_begin_wait(job, wait, remedy));
        if (wait == WAIT_DISK)
                jobs_watch_disk(job->jobs);
        jobs_schedule(job->jobs);
}

/* State could not be written: nothing more is done for this job until there is room. Its seqs are
 * not given again: a later batch may have been written, and cursors have passed them. An end that
 * nobody could be told of was none: what it had published falls out by its key when it goes on. */
void job_suspend(struct job *job, int r)
{
        struct jobs *j = job->jobs;

        job_ref(job);
        log_error("job %s: state cannot be written: %s", job->id_text, strerror(-r));
        job_stop_work(job);
        jobs_queue_remove(job);
        if (job_state_is_end(job->state))
                job->lost_end = job->state;
        job->ended_ms = 0;
        move_to(job, JOB_WAITING, WAIT_DISK);
        job->wait_id++;
        free(job->wait_remedy);
        job->wait_remedy = str_printf("state cannot be written: %s", strerror(-r));
        jobs_watch_disk(j);
        jobs_schedule(j);
        job_unref(job);
}

static void unref_job(void *arg)
{
        job_unref(arg);
}

/* Nothing was promised, and of what it wrote since nothing stands (see job.tie). Its run, which
 * tells it of its news, lives until the end of the turn. */
void job_abandon(struct job *job)
{
        job_stop_work(job);
        if (loop_defer(job->jobs->c.loop, unref_job, job) == 0)
                job_ref(job);
        jobs_queue_remove(job);
        if (!job_state_is_end(job->state))
                job_move(job, JOB_CANCELLED);
        leave_registry(job);
        jobs_schedule(job->jobs);
}

void job_end_with(struct job *job, enum job_state state, struct news end, struct store_batch *b,
                  const struct news *news, size_t n_news)
{
        _cleanup_free_ struct news *all = calloc(n_news + 1, sizeof(*all));

        job_ref(job);
        log_push("job", job->id_text);
        log_event(LOG_LEVEL_INFO, "job_done", "%s", end.type);
        log_pop();
        metrics_count(jobs_done);
        job_stop_work(job);
        jobs_queue_remove(job);
        job->lost_end = JOB_QUEUED;
        job_move(job, state);
        job->ended_ms = clock_realtime_ms();
        if (all) {
                if (n_news > 0)
                        memcpy(all, news, n_news * sizeof(*all));
                all[n_news] = end;
                journal_commit(job, b, all, n_news + 1, NULL, NULL);
        } else {
                store_batch_free(b);
                journal_commit(job, NULL, NULL, 0, NULL, NULL); /* says that it cannot */
        }
        json_decref(end.fields);
        job_forget_uploads(job);
        json_decref(job->params);
        job->params = NULL;
        if (job_state_is_end(job->state))
                leave_registry(job);
        jobs_schedule(job->jobs);
        job_unref(job);
}

void job_end(struct job *job, enum job_state state, const char *type, json_t *fields)
{
        struct store_batch *b = NULL;

        if (store_batch_new(STORE_STATE, &b) < 0)
                b = NULL;
        job_end_with(job, state, (struct news){type, fields}, b, NULL, 0);
}

void job_fail(struct job *job, struct failure *why)
{
        json_t *error = NULL;

        failure_free(job->failure);
        job->failure = why;
        if (!why || failure_to_json(why, &error) < 0)
                error = NULL;
        log_notice("job %s failed: %s", job->id_text, why ? failure_message(why) : "out of memory");
        job_end(job, JOB_FAILED, "failed",
                json_pack("{s:o*,s:s,s:O*}", "error", error, "remedy",
                          why ? failure_remedy(why) : "", "resume", job->rest));
}
