/* The life of a job: one function moves its state. Work on it is a planning item or a run; when it
 * waits for a person, it has neither (going on is planning again), except while it waits for the
 * client's command, whose candidate only the run has. */

#include "common/clock.h"
#include "common/json.h"
#include "common/log.h"
#include "daemon/calls/calls.h"
#include "daemon/jobs/internal.h"
#include "daemon/jobs/unknown.h"
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

static void move(struct job *job, enum job_state to)
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
        move(job, JOB_PLANNING);
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
        move(job, JOB_QUEUED);
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
        move(job, JOB_QUEUED);
        journal_say(job, "queued", queued_json(job));
}

void job_continue(struct job *job)
{
        if (job->wait == WAIT_CLIENT && job->run) {
                free(job->wait_remedy);
                job->wait_remedy = NULL;
                move(job, JOB_RUNNING);
                return;
        }
        job_stop_work(job);
        free(job->wait_remedy);
        job->wait_remedy = NULL;
        job_enqueue(job);
        journal_say(job, "queued", queued_json(job));
}

/* ---- waiting and ending ---- */

/* Jobs that wait for room on the disk are looked at again so often; ever more seldom while trying
 * does not help. */
#define DISK_CHECK_MS 1000
#define DISK_CHECK_MS_MAX 32000

static void watch_disk(struct jobs *j);

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
                watch_disk(job->jobs);
        jobs_schedule(job->jobs);
}

/* What it was about to say when it could not be written is said now; else it is worked on again:
 * what stands falls out by its key. */
static void go_on(struct job *job)
{
        enum job_state end = job->lost_end;

        job->lost_end = JOB_QUEUED;
        job->has_lost = false;
        if (end == JOB_CANCELLED)
                job_end(job, JOB_CANCELLED, "cancelled", json_object());
        else if (end == JOB_FAILED)
                job_fail(job, take(job->failure));
        else
                job_continue(job);
}

/* The first of those that wait for this, unless it came after the others. */
static struct job *first_waiting(const struct jobs *j, enum job_wait wait, uint64_t last)
{
        struct job *job = TAILQ_FIRST(&j->registry.waiting[wait]);

        return job && job->wait_number <= last ? job : NULL;
}

#define CONTINUE_AT_ONCE 64 /* each is a commit; thousands would hold the loop */

static void continue_some(void *arg)
{
        struct jobs *j = arg;
        struct job *job;
        int n = 0;

        j->is_continuing = false;
        if (j->is_draining)
                return;
        while (n < CONTINUE_AT_ONCE && (job = first_waiting(j, WAIT_KEY, j->continue_key))) {
                job_continue(job);
                n++;
        }
        while (n < CONTINUE_AT_ONCE && (job = first_waiting(j, WAIT_DISK, j->continue_disk))) {
                if (job->n_commits == 0)
                        go_on(job);
                else /* what is on its way counts when it is there: next time */
                        registry_note(&j->registry, job);
                n++;
        }
        if (n == CONTINUE_AT_ONCE && loop_defer(j->c.loop, continue_some, j) == 0)
                j->is_continuing = true;
}

static void begin_to_continue(struct jobs *j)
{
        if (!j->is_continuing)
                continue_some(j);
}

void jobs_continue_keys(struct jobs *j)
{
        j->continue_key = j->registry.n_waits;
        begin_to_continue(j);
}

static void on_disk_timer(void *arg)
{
        struct jobs *j = arg;
        bool has_room = store_has_room(j->c.store);

        if (j->is_draining)
                return;
        if (TAILQ_EMPTY(&j->registry.waiting[WAIT_DISK])) {
                j->disk_check_ms = DISK_CHECK_MS;
                return;
        }
        if (has_room)
                j->disk_check_ms = MIN2(2 * j->disk_check_ms, (uint64_t)DISK_CHECK_MS_MAX);
        (void)!timer_start(j->disk_timer, j->disk_check_ms);
        if (!has_room)
                return;
        j->continue_disk = j->registry.n_waits;
        begin_to_continue(j);
}

/* Whoever is on the way out leaves them to the next start: a commit that fails after jobs_stop()
 * would otherwise try again for ever. */
static void watch_disk(struct jobs *j)
{
        if (j->is_draining)
                return;
        j->disk_check_ms = MAX2(j->disk_check_ms, (uint64_t)DISK_CHECK_MS);
        if (!j->disk_timer && timer_new(j->c.loop, on_disk_timer, j, &j->disk_timer) < 0) {
                log_error("jobs wait for their resume: out of memory");
                return;
        }
        if (!timer_is_running(j->disk_timer))
                (void)!timer_start(j->disk_timer, j->disk_check_ms);
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
        watch_disk(j);
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
                move(job, JOB_CANCELLED);
        leave_registry(job);
        jobs_schedule(job->jobs);
}

/* Takes the fields of `end`. */
static void end_with(struct job *job, enum job_state state, struct news end, struct store_batch *b,
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
        move(job, state);
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

void job_end_with(struct job *job, enum job_state state, const char *type, json_t *fields,
                  struct store_batch *b, const struct news *news, size_t n_news)
{
        end_with(job, state, (struct news){type, fields}, b, news, n_news);
}

void job_end(struct job *job, enum job_state state, const char *type, json_t *fields)
{
        struct store_batch *b = NULL;

        if (store_batch_new(STORE_STATE, &b) < 0)
                b = NULL;
        job_end_with(job, state, type, fields, b, NULL, 0);
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
                json_pack("{s:o*,s:s}", "error", error, "remedy", why ? failure_remedy(why) : ""));
}

/* ---- the run ---- */

void jobs_warn(struct jobs *j, const char *text)
{
        struct job *job, *next;

        for (job = TAILQ_FIRST(&j->registry.at_work); job; job = next) {
                next = TAILQ_NEXT(job, list_entry); /* telling may fail, and end its work */
                journal_say(job, "warning", json_pack("{s:s}", "text", text));
        }
}

/* Once, when the share that is worth a warning is passed. */
static void watch_budget(struct job *job, uint64_t spent_before)
{
        uint64_t limit = job_options_get_u64(&job->options, OPTION_JOB_USD);
        double share = (double)job_options_get_u64(&job->options, OPTION_WARN_AT) / 1e6;
        double at = (double)limit * share;
        _cleanup_free_ char *text = NULL;

        if (limit == UINT64_MAX || share == 0 || (double)spent_before >= at ||
            (double)job->totals.nanousd < at)
                return;
        text = str_printf("%.0f %% of the job's budget is spent: %.2f of %.2f dollars",
                          100.0 * (double)job->totals.nanousd / (double)limit,
                          (double)job->totals.nanousd / 1e9, (double)limit / 1e9);
        log_push("job", job->id_text);
        log_event(LOG_LEVEL_WARNING, "budget_warning", "%s", text ? text : "");
        log_pop();
        if (text)
                journal_say(job, "warning", json_pack("{s:s}", "text", text));
        if (job->jobs->c.on_budget)
                job->jobs->c.on_budget(job->id_text, job->totals.nanousd, limit, job->jobs->c.arg);
}

static void on_news(struct store_batch *b, const struct news *news, size_t n, void *arg)
{
        struct job *job = arg;
        uint64_t spent = job->totals.nanousd;

        if (!job->run) { /* it was suspended in this very turn */
                store_batch_free(b);
                return;
        }
        job->totals = *run_totals(job->run);
        job->n_done = run_n_done(job->run);
        for (size_t i = 0; i < n; i++)
                if (strcmp(news[i].type, "task.done") == 0)
                        job->deaths = 0; /* it gets on */
        estimates_add(job->jobs, b, false);
        journal_commit(job, b, news, n, NULL, NULL);
        if (job->run)
                watch_budget(job, spent);
}

static void on_delta(uint32_t task, struct span text, void *arg)
{
        journal_delta(arg, task, text);
}

static const enum job_wait wait_of_run[N_RUN_WAITS] = {
        [RUN_WAIT_KEY] = WAIT_KEY,
        [RUN_WAIT_BUDGET] = WAIT_BUDGET,
        [RUN_WAIT_DISK] = WAIT_DISK,
        [RUN_WAIT_CLIENT] = WAIT_CLIENT,
};

#define NEEDS_TOLD 3

/* Which files a model is for though they have templates, and what no template says. */
static void say_needs(const struct work *w, struct buf *to)
{
        size_t n = 0, n_told = 0;

        for (size_t i = 0; i < w->n_tasks; i++)
                n += w->tasks[i].template && w->tasks[i].uncovered;
        if (n == 0)
                return;
        (void)buf_printf(to, "; %zu %s a model: ", n, n == 1 ? "file needs" : "files need");
        for (size_t i = 0; i < w->n_tasks && n_told < NEEDS_TOLD; i++)
                if (w->tasks[i].template && w->tasks[i].uncovered)
                        (void)buf_printf(to, "%s%s (%s)", n_told++ ? ", " : "", w->tasks[i].path,
                                         w->tasks[i].uncovered);
        if (n > n_told)
                (void)buf_printf(to, " and %zu more", n - n_told);
}

static void on_wait(enum run_wait wait, uint32_t task, const struct failure *why, void *arg)
{
        struct job *job = arg;
        _cleanup_buf_ struct buf remedy = {0};

        if (wait == RUN_WAIT_STOPPING || !job->run)
                return;
        if (wait == RUN_WAIT_CLIENT) {
                job->wait_task = task;
                job->wait_command = run_work(job->run)->tasks[task].command;
                job_wait_for(job, WAIT_CLIENT, "the client runs the command");
                return;
        }
        if (why) { /* the sentence may be a provider's, with or without its stop */
                const char *what = failure_message(why);
                size_t n = strlen(what);

                (void)buf_printf(&remedy, "%.*s: %s",
                                 (int)(n > 0 && what[n - 1] == '.' ? n - 1 : n), what,
                                 failure_remedy(why));
        }
        if (wait == RUN_WAIT_KEY && remedy.n > 0)
                say_needs(run_work(job->run), &remedy);
        job_stop_work(job);
        job_wait_for(job, wait_of_run[wait], remedy.failed ? NULL : remedy.at);
}

static void say_summary(const struct job *job)
{
        const struct run_totals *t = &job->totals;
        const struct estimate *naive = &run_plan(job->run)->naive;

        log_event(LOG_LEVEL_INFO, "optimization_summary",
                  "%llu of %llu calls, %llu of %llu nano-dollars, %llu of %llu ms (beside the "
                  "naive plan)",
                  (unsigned long long)t->n_calls, (unsigned long long)naive->calls,
                  (unsigned long long)t->nanousd, (unsigned long long)naive->nanousd,
                  (unsigned long long)t->ms, (unsigned long long)naive->ms);
}

static void on_end(struct store_batch *b, const struct news *news, size_t n, void *arg)
{
        struct job *job = arg;
        uint64_t spent = job->totals.nanousd;
        json_t *fields;

        if (!job->run) {
                store_batch_free(b);
                return;
        }
        job->n_done = run_n_done(job->run);
        job->totals = *run_totals(job->run);
        watch_budget(job, spent);
        if (!job->run) { /* that could not be written */
                store_batch_free(b);
                return;
        }
        job->has_failed_tasks = job->totals.n_failed + job->totals.n_skipped > 0;
        fields = outcome_fields(job);
        if (!fields) {
                journal_commit(job, b, news, n, NULL, NULL);
                job_fail(job, NULL);
                return;
        }
        outcome_remember(job, fields);
        say_summary(job);
        estimates_add(job->jobs, b, !job->kind->is_small);
        job_end_with(job, JOB_DONE, "done", fields, b, news, n);
}

static const struct run_events run_events = {
        .on_news = on_news, .on_delta = on_delta, .on_wait = on_wait, .on_end = on_end};

/* What a run borrows of what a reload replaces. */
struct keeper {
        struct config *config;     /* counted */
        struct price_book *prices; /* counted */
};

static void release_keeper(void *arg)
{
        struct keeper *k = arg;

        config_unref(k->config);
        price_book_unref(k->prices);
        free(k);
}

static struct keeper *keep_readings(const struct jobs *j)
{
        struct keeper *k = malloc(sizeof(*k));

        if (k)
                *k = (struct keeper){config_ref(j->c.config), price_book_ref(j->c.prices)};
        return k;
}

/* Calls of earlier runs, those that a crash lost included: numbers go on, and what was spent counts
 * against the budget. */
static int add_earlier_calls(const struct job *job, struct run_totals *t)
{
        struct calls_sum sum = {0};
        int k = calls_get_sum(job->jobs->c.calls, &job->id, &sum);

        if (k < 0)
                return k;
        t->last_call = MAX2(t->last_call, sum.n_last);
        t->n_calls = MAX2(t->n_calls, sum.n_calls);
        t->nanousd = MAX2(t->nanousd, sum.nanousd);
        return 0;
}

static void start_run(struct job *job, struct work *work, struct stands *stands, struct plan *plan)
{
        struct run_setup s = {.loop = job->jobs->c.loop,
                              .store = job->jobs->c.store,
                              .calls = job->jobs->c.calls,
                              .underway = calls_underway(job->jobs->c.calls),
                              .providers = job->jobs->c.providers,
                              .work = work,
                              .plan = plan,
                              .stands = stands,
                              .job = job->id,
                              .uid = job->uid,
                              .is_interactive = job->kind->is_interactive,
                              .is_fresh = job->is_fresh,
                              .totals = job->totals,
                              .learner = &job->jobs->estimates.now};
        int k;

        job_planning(job, &s.planning, s.routes);
        s.n_calls_max = s.planning.n_parallel;
        s.is_strict = !job_options_get_bool(&job->options, OPTION_CONFIDENCE);
        s.is_mute = !job_options_get_bool(&job->options, OPTION_EVIDENCE);
        s.budget_nanousd = job_options_get_u64(&job->options, OPTION_JOB_USD);
        /* Failed tasks are tried again: they do not count as failed before they did. */
        s.totals.n_failed = s.totals.n_skipped = 0;
        s.keeper = keep_readings(job->jobs);
        s.release = release_keeper;
        k = s.keeper ? add_earlier_calls(job, &s.totals) : -ENOMEM;
        k = k ? k : run_new(&s, &run_events, job, &job->run);
        if (k < 0) {
                if (s.keeper)
                        release_keeper(s.keeper);
                work_free(work);
                plan_free(plan);
                stands_free(stands);
                job_fail(job, failure_new(FAILURE_INTERNAL, "%s", strerror(-k)));
                return;
        }
        job->n_tasks = run_n_tasks(job->run);
        move(job, JOB_RUNNING);
        k = run_start(job->run);
        if (k < 0)
                job_fail(job, failure_new(FAILURE_INTERNAL, "%s", strerror(-k)));
}

static json_t *planned_fields(const struct plan *p)
{
        _cleanup_json_ json_t *kinds = json_object();
        json_t *totals = NULL, *naive = NULL;
        size_t counts[N_STEP_KINDS] = {0};

        for (size_t i = 0; i < p->n_steps; i++)
                counts[p->steps[i].kind]++;
        for (size_t i = 0; i < N_STEP_KINDS; i++)
                if (json_put(kinds, step_kind_names[i], json_integer((json_int_t)counts[i])) < 0)
                        return NULL;
        if (estimate_to_json(&p->totals, &totals) < 0 || estimate_to_json(&p->naive, &naive) < 0)
                return NULL;
        return json_pack("{s:I,s:I,s:O,s:o,s:o}", "tasks", (json_int_t)p->n_tasks, "steps",
                         (json_int_t)p->n_steps, "kinds", kinds, "estimate", totals, "naive",
                         naive);
}

/* texts NULL: those of an earlier plan stay. */
static void say_planned(struct job *job, const struct work *work, const struct plan *plan,
                        const struct plan_texts *texts, bool is_starting)
{
        struct store_batch *b = NULL;
        size_t n = 0, n_max = work->warnings.n + plan->warnings.n + work->notes.n + 2;
        _cleanup_free_ struct news *news = calloc(n_max, sizeof(*news));

        if (store_batch_new(STORE_STATE, &b) < 0)
                b = NULL;
        if (!news || !b || (texts && job_put_plan(job, b, texts) < 0))
                log_warning("job %s: the plan cannot be kept: out of memory", job->id_text);
        for (size_t i = 0; news && i < work->warnings.n; i++)
                news[n++] =
                        (struct news){"warning", json_pack("{s:s}", "text", work->warnings.at[i])};
        for (size_t i = 0; news && i < plan->warnings.n; i++)
                news[n++] =
                        (struct news){"warning", json_pack("{s:s}", "text", plan->warnings.at[i])};
        for (size_t i = 0; news && i < work->notes.n; i++)
                news[n++] = (struct news){"warning", json_pack("{s:s,s:s}", "text",
                                                               work->notes.at[i], "level", "note")};
        if (news) {
                news[n++] = (struct news){"planned", planned_fields(plan)};
                if (is_starting)
                        news[n++] =
                                (struct news){"started", json_pack("{s:I}", "attempt",
                                                                   (json_int_t)job->deaths + 1)};
        }
        journal_commit(job, b, news, n, NULL, NULL);
        for (size_t i = 0; i < n; i++)
                json_decref(news[i].fields);
}

static void end_dry_run(struct job *job, const struct work *work, const struct plan *plan,
                        const struct plan_texts *texts)
{
        struct store_batch *b = NULL;

        job_ref(job);
        say_planned(job, work, plan, texts, false);
        if (store_batch_new(STORE_STATE, &b) < 0)
                b = NULL;
        if (job->state == JOB_PLANNING)
                end_with(job, JOB_DONE,
                         (struct news){"done", json_object(), buf_span(&texts->plan)}, b, NULL, 0);
        else
                store_batch_free(b);
        job_unref(job);
}

void job_prepared(struct job *job, int error, struct failure *failure, struct work *work,
                  struct stands *stands, struct plan *plan, const struct plan_texts *texts,
                  struct strlist *need)
{
        struct loop *loop = job->jobs->c.loop;

        job->planning = NULL;
        if (error) {
                job_fail(job,
                         failure ? failure : failure_new(FAILURE_INTERNAL, "%s", strerror(-error)));
        } else if (need->n > 0) {
                int k = job_ask_for(job, need);

                if (k < 0)
                        job_fail(job, failure_new(FAILURE_INTERNAL, "%s", strerror(-k)));
                else
                        job_wait_for(job, WAIT_BLOBS, NULL);
        } else if (job->is_dry_run) {
                job->n_tasks = work->n_tasks;
                end_dry_run(job, work, plan, texts);
        } else if ((error = job_refuse_unknown(job, work, plan, &failure)) != 0) {
                job_fail(job,
                         failure ? failure : failure_new(FAILURE_INTERNAL, "%s", strerror(-error)));
        } else {
                bool is_asking = approval_is_due(job, &plan->totals);

                job_ref(job);
                if (job_has_plan_of_whole(job, work))
                        texts = NULL;
                job->n_tasks = work->n_tasks;
                say_planned(job, work, plan, texts, !is_asking);
                if (job->state == JOB_PLANNING && is_asking) {
                        approval_ask(job, &plan->totals);
                } else if (job->state == JOB_PLANNING) {
                        start_run(job, work, stands, plan);
                        work = NULL;
                        stands = NULL;
                        plan = NULL;
                }
                job_unref(job);
        }
        work_release(work, loop);
        plan_free(plan);
        stands_free(stands);
}
