/* From a plan to the end of its run: what was prepared becomes a dry run's end, a question for
 * approval, or a run; what a run tells becomes events, waits and the end of the job. */

#include "common/json.h"
#include "common/log.h"
#include "daemon/calls/calls.h"
#include "daemon/jobs/internal.h"
#include "daemon/jobs/journal.h"
#include "daemon/jobs/life.h"
#include "daemon/jobs/record.h"
#include "daemon/jobs/unknown.h"
#include "daemon/loop/loop.h"
#include "daemon/store/store.h"

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
static void say_needs(const struct work *w, const struct plan *p, struct buf *to)
{
        size_t n = 0, n_all = 0, n_told = 0;

        for (size_t i = 0; i < w->n_tasks; i++)
                n += w->tasks[i].template && w->tasks[i].uncovered;
        if (n == 0)
                return;
        for (size_t i = 0; i < p->n_steps; i++)
                n_all += p->steps[i].kind == STEP_CALL ? p->steps[i].n_tasks : 0;
        n_all = MAX2(n_all, n);
        (void)buf_printf(to, "; %zu %s a model", n_all, n_all == 1 ? "file needs" : "files need");
        if (n_all > n)
                (void)buf_printf(to, ", %zu of them in spite of a template", n);
        (void)buf_add_text(to, ": ");
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
                say_needs(run_work(job->run), run_plan(job->run), &remedy);
        /* A provider is gone since it was planned: others may stand in its place. */
        if (why && why->id == FAILURE_BAD_CONFIG && job->planned_by != job->jobs->c.config) {
                job_continue(job);
                return;
        }
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
        job_end_with(job, JOB_DONE, (struct news){"done", fields}, b, news, n);
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
        s.n_calls_max = s.planning.is_on[RULE_SCHEDULE]
                                ? (unsigned)job_options_get_u64(&job->options, OPTION_CALLS)
                                : 1; /* providers' own limits hold besides */
        s.is_strict = !job_options_get_bool(&job->options, OPTION_CONFIDENCE);
        s.is_mute = !job_options_get_bool(&job->options, OPTION_EVIDENCE);
        s.budget_nanousd = job_options_get_u64(&job->options, OPTION_JOB_USD);
        /* Failed tasks are tried again: they do not count as failed before they did. */
        s.totals.n_failed = s.totals.n_skipped = 0;
        s.keeper = keep_readings(job->jobs);
        s.release = release_keeper;
        job->planned_by = job->jobs->c.config;
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
        job_move(job, JOB_RUNNING);
        k = run_start(job->run);
        if (k < 0)
                job_fail(job, failure_new(FAILURE_INTERNAL, "%s", strerror(-k)));
}

static json_t *planned_fields(const struct plan *p)
{
        _cleanup_json_ json_t *kinds = json_object();
        json_t *totals = NULL, *naive = NULL, *o;
        size_t counts[N_STEP_KINDS] = {0};

        for (size_t i = 0; i < p->n_steps; i++)
                counts[p->steps[i].kind]++;
        for (size_t i = 0; i < N_STEP_KINDS; i++)
                if (json_put(kinds, step_kind_names[i], json_integer((json_int_t)counts[i])) < 0)
                        return NULL;
        if (estimate_to_json(&p->totals, &totals) < 0 || estimate_to_json(&p->naive, &naive) < 0)
                return NULL;
        o = json_pack("{s:I,s:I,s:O,s:o,s:o}", "tasks", (json_int_t)p->n_tasks, "steps",
                      (json_int_t)p->n_steps, "kinds", kinds, "estimate", totals, "naive", naive);
        (void)!(o ? plan_put_unpriced(p, o) : 0); /* the plan tells it, too */
        return o;
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
                news[n++] = (struct news){
                        "warning", json_pack("{s:o}", "text", json_words(work->warnings.at[i]))};
        for (size_t i = 0; news && i < plan->warnings.n; i++)
                news[n++] = (struct news){
                        "warning", json_pack("{s:o}", "text", json_words(plan->warnings.at[i]))};
        for (size_t i = 0; news && i < work->notes.n; i++)
                news[n++] = (struct news){"warning", json_pack("{s:o,s:s}", "text",
                                                               json_words(work->notes.at[i]),
                                                               "level", "note")};
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
                job_end_with(job, JOB_DONE,
                             (struct news){"done", json_object(), buf_span(&texts->plan)}, b, NULL,
                             0);
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
        if (plan && !error)
                (void)!approval_warn(job, plan); /* without memory it goes unsaid */
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
                bool is_asking = approval_is_due(job, plan);

                job_ref(job);
                if (job_has_plan_of_whole(job, work))
                        texts = NULL;
                job->n_tasks = work->n_tasks;
                say_planned(job, work, plan, texts, !is_asking);
                if (job->state == JOB_PLANNING && is_asking) {
                        approval_ask(job, plan);
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
