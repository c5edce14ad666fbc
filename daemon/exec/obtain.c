/* Obtain: a template renders at once, in a worker; a call waits for its turn, leaves, streams and
 * ends. */

#include <inttypes.h>
#include <stdio.h>

#include "common/clock.h"
#include "common/log.h"
#include "daemon/exec/answer.h"
#include "daemon/exec/leaving.h"
#include "daemon/plan/cost.h"

static const struct {
        enum failure_id failure;
        enum run_wait wait;
} parking[] = {
        {FAILURE_KEY_MISSING, RUN_WAIT_KEY},    {FAILURE_KEY_REFUSED, RUN_WAIT_KEY},
        {FAILURE_BILLING, RUN_WAIT_KEY},        {FAILURE_BUDGET, RUN_WAIT_BUDGET},
        {FAILURE_SPEND_LIMIT, RUN_WAIT_BUDGET}, {FAILURE_DISK_FULL, RUN_WAIT_DISK},
        {FAILURE_STOPPING, RUN_WAIT_STOPPING},  {FAILURE_BAD_CONFIG, RUN_WAIT_KEY}, /* it is gone */
};

/* A key is one provider's: other tiers may have another. Budget and disk are everybody's. */
static void note_stop(struct run *r, enum tier tier, enum run_wait wait, const struct failure *why)
{
        for (enum tier t = 0; t < N_TIERS; t++)
                if (!r->stops[t] && (t == tier || wait != RUN_WAIT_KEY))
                        r->stops[t] = failure_copy(why);
}

void task_stopped(struct run *r, uint32_t task, struct failure *why)
{
        for (size_t i = 0; why && i < N_ELEMENTS(parking); i++)
                if (why->id == parking[i].failure) {
                        note_stop(r, r->tasks[task].tier, parking[i].wait, why);
                        run_task_park(r, task, parking[i].wait, why);
                        return;
                }
        run_task_fail(r, task, why);
}

static void fail_errno(struct run *r, uint32_t task, int k)
{
        run_task_fail(r, task, failure_new(FAILURE_INTERNAL, "%s", strerror(-k)));
}

static bool wants_template(const struct run *r, uint32_t task)
{
        const struct task *t = &r->work->tasks[task];

        if (task_is_given(t))
                return !r->tasks[task].is_template_refused &&
                       r->setup.planning.is_on[t->repair->is_noted ? RULE_REUSE : RULE_MECHANICAL];
        return r->work->tasks[task].template && !r->work->tasks[task].uncovered &&
               !r->tasks[task].is_template_refused && r->setup.planning.is_on[RULE_TEMPLATE];
}

void obtain(struct run *r, uint32_t task)
{
        if (wants_template(r, task)) {
                int k;

                run_log(r, task, LOG_LEVEL_DEBUG, "template_selected", "%s",
                        r->work->tasks[task].title);
                group_decide(r, task);
                run_task_move(r, task, TASK_ASSIGNED);
                k = render_start(r, task);
                if (k < 0)
                        fail_errno(r, task, k);
        } else {
                group_ask(r, task);
        }
        run_pump(r);
}

/* ---- the life of a call ---- */

void run_call_free(struct run_call *c)
{
        TAILQ_REMOVE(&c->run->calls, c, entry);
        c->run->n_calls--;
        if (c->call)
                call_cancel(c->call);
        answer_free(c->answer);
        buf_done(&c->before);
        failure_free(c->failure);
        free(c->tasks);
        free(c->model);
        free(c->provider);
        free(c);
}

/* What this call has written into the provider's cache is there from now on. */
static void on_started(struct call *call, void *arg)
{
        struct run_call *c = arg;

        (void)call;
        prefixes_leave(c->run, c->prefixes, true);
}

static void feed(struct run_call *c, struct span text)
{
        if (c->answer && text.n > 0 && answer_feed(c->answer, text) < 0)
                log_warning("an answer could not be kept: out of memory");
}

static void on_text(struct call *call, struct span text, void *arg)
{
        struct run_call *c = arg;

        (void)call;
        c->n_answer_bytes += text.n;
        feed(c, text);
        c->run->events.on_delta(c->tasks[0], text, c->run->arg);
}

static void on_retry(struct call *call, const struct failure *why, uint64_t delay_ms,
                     unsigned attempt, void *arg)
{
        struct run_call *c = arg;
        struct run *r = c->run;

        (void)call;
        r->totals.n_retries++;
        publish_news(r, "task.retry",
                     json_pack("{s:I,s:I,s:s,s:I,s:i}", "task", (json_int_t)c->tasks[0], "call",
                               (json_int_t)c->n, "reason", failure_message(why), "delay_ms",
                               (json_int_t)delay_ms, "attempt", (int)attempt));
        run_log(r, c->tasks[0], LOG_LEVEL_NOTICE, "retry", "call %llu: %s; again in %llu ms",
                (unsigned long long)c->n, failure_message(why), (unsigned long long)delay_ms);
        if (c->answer)
                answer_reset(c->answer);
        feed(c, buf_span(&c->before));
        c->n_answer_bytes = 0;
        c->n_resets++;
        for (size_t i = 0; i < c->n_tasks; i++)
                judge_again(r, c->tasks[i]);
        run_pump(r);
}

static void on_held(struct call *call, uint64_t wait_ms, void *arg)
{
        struct run_call *c = arg;
        struct run *r = c->run;
        _cleanup_free_ char *text =
                str_printf("calls of %s wait %" PRIu64 " s for a limit of provider %s", c->model,
                           (wait_ms + 999) / 1000, c->provider);

        (void)call;
        if (!text)
                return;
        publish_news(r, "warning", json_pack("{s:s,s:s}", "text", text, "level", "note"));
        run_log(r, NO_TASK, LOG_LEVEL_NOTICE, "held", "%s", text);
        run_pump(r);
}

/* A file is whole: it is checked at once, the others still stream. */
static void on_file_end(size_t file, struct span text, void *arg)
{
        struct run_call *c = arg;
        struct run *r = c->run;
        uint32_t task = c->tasks[file];

        if (r->tasks[task].state != TASK_ASSIGNED)
                return;
        run_task_move(r, task, TASK_CHECKING);
        if (judge_start(r, task, c, text, false) < 0)
                run_task_move(r, task, TASK_ASSIGNED); /* counts as missing: asked for again */
}

static bool has_enough(struct call *call, void *arg)
{
        (void)call;
        return unfinished_has_enough(arg);
}

/* The one text of a call: with what it goes on from before it. */
static int judge_text(struct run_call *c, const struct call_outcome *o)
{
        struct run *r = c->run;
        uint32_t task = c->tasks[0];

        if (buf_add_span(&c->before, o->text) < 0)
                return -ENOMEM;
        unfinished_keep(c, buf_span(&c->before));
        if (c->failure || r->tasks[task].partial)
                return 0;
        run_task_move(r, task, TASK_CHECKING);
        if (judge_start(r, task, c, buf_span(&c->before), o->stop == STOP_LENGTH) < 0)
                run_task_move(r, task, TASK_ASSIGNED);
        return 0;
}

static void keep_outcome(struct run_call *c, const struct call_outcome *o)
{
        c->has_ended = true;
        c->stop = o->stop;
        c->failure = o->failure                ? failure_copy(o->failure)
                     : o->stop == STOP_REFUSAL ? failure_new(FAILURE_REFUSED, NULL)
                                               : NULL;
        c->is_broken = o->is_broken;
        c->usage = o->usage;
        c->nanousd = o->nanousd;
        c->ms = o->ms;
        c->first_token_ms = o->first_token_ms;
        c->n_attempts = o->n_attempts;
        c->is_payer = o->is_payer;
        snprintf(c->request_id, sizeof(c->request_id), "%s", o->request_id ? o->request_id : "");
}

static void on_end(struct call *call, const struct call_outcome *o, void *arg)
{
        struct run_call *c = arg;
        struct run *r = c->run;

        (void)call;
        keep_outcome(c, o);
        if (o->text.n > c->n_answer_bytes) /* it joined late */
                feed(c,
                     (struct span){o->text.at + c->n_answer_bytes, o->text.n - c->n_answer_bytes});
        c->n_answer_bytes = MAX2(c->n_answer_bytes, o->text.n);
        prefixes_leave(r, c->prefixes, !c->failure);
        if (c->answer) {
                unfinished_keep(c, (struct span){0});
                answer_finish(c->answer);
        } else if (judge_text(c, o) < 0) {
                log_error("call %llu: an answer is lost: out of memory", (unsigned long long)c->n);
        }
        if (c->n_checking == 0)
                call_checked(c);
        run_pump(r);
}

static const struct call_events call_events = {
        .on_started = on_started,
        .on_text = on_text,
        .on_retry = on_retry,
        .on_held = on_held,
        .has_enough = has_enough,
        .on_end = on_end,
};

static int start_answer(struct run_call *c, const char *tag)
{
        static const struct answer_events events = {.on_file_end = on_file_end};
        _cleanup_free_ const char **paths = calloc(c->n_tasks + 1, sizeof(*paths));
        struct span base = {0};
        int k;

        if (!paths)
                return -ENOMEM;
        for (size_t i = 0; i < c->n_tasks; i++)
                paths[i] = c->run->work->tasks[c->tasks[i]].path;
        snprintf(c->tag, sizeof(c->tag), "%s", tag);
        k = answer_new(tag, paths, c->n_tasks, &events, c, &c->answer);
        for (size_t i = 0; i < c->n_tasks && k == 0; i++)
                if (plan_base(c->run->setup.plan, &c->run->work->tasks[c->tasks[i]], &base))
                        answer_allow_edits(c->answer, i);
        return k;
}

static uint64_t budget_left(const struct run *r)
{
        uint64_t budget = r->setup.budget_nanousd;

        if (budget == UINT64_MAX)
                return UINT64_MAX;
        return r->totals.nanousd >= budget ? 0 : budget - r->totals.nanousd;
}

#define CUT_GROWTH_BITS 2 /* what was cut gets four times the room, each time */

/* An answer that was cut is longer than its kind's files are: asking again needs more room. */
static uint64_t allowed_tokens(const struct run *r, const struct step *s)
{
        const struct model_facts *f = r->setup.planning.tiers[s->tier].facts;
        uint64_t n = plan_max_tokens(&r->setup.planning, r->setup.plan, s);
        unsigned n_cut = 0;

        for (size_t i = 0; i < s->n_tasks; i++) {
                const struct evidence *e = &r->tasks[s->tasks[i]].evidence;

                if (r->work->tasks[s->tasks[i]].max_tokens > 0)
                        return n;
                if (e->kind == EVIDENCE_CUT)
                        n_cut = MAX2(n_cut, MIN2(e->attempts, 8u));
        }
        n <<= CUT_GROWTH_BITS * n_cut;
        return f ? MIN2(n, f->max_output) : n;
}

/* The numbers of a call: estimate, reserve, limit of its output. The prompt is written by now. */
static void price_call(struct run *r, const struct step *s, const struct prompt *p,
                       struct call_spec *spec)
{
        struct planning *in = &r->setup.planning;
        const struct model_facts *f = in->tiers[s->tier].facts;
        uint64_t input = estimator_tokens(&in->estimator, f, spec->model, &p->bytes);

        spec->max_tokens = allowed_tokens(r, s);
        if (input < f->window)
                spec->max_tokens = MIN2(spec->max_tokens, f->window - input);
        spec->estimate_nanousd = s->estimate.nanousd;
        spec->input_tokens = input;
        spec->cache_read_tokens = s->estimate.tokens.cache_read;
        spec->output_tokens = s->estimate.tokens.output;
        spec->worst_nanousd = plan_worst_nanousd(in, s, input, spec->max_tokens);
        spec->price = f->price;
        spec->is_cache_explicit = f->cache == PROMPT_CACHE_EXPLICIT;
        spec->cache_lifetime_ms = f->cache == PROMPT_CACHE_PREFIX ? 0 : f->cache_short_ms;
        spec->budget_left_nanousd = budget_left(r);
}

static struct run_call *call_record(struct run *r, const struct step *s)
{
        struct run_call *c = calloc(1, sizeof(*c));

        if (!c)
                return NULL;
        c->run = r;
        c->again = NO_TASK;
        buf_init(&c->before, 0);
        c->tasks = malloc(s->n_tasks * sizeof(*c->tasks));
        if (!c->tasks) {
                free(c);
                return NULL;
        }
        memcpy(c->tasks, s->tasks, s->n_tasks * sizeof(*c->tasks));
        c->n_tasks = s->n_tasks;
        c->n = ++r->totals.last_call;
        TAILQ_INSERT_TAIL(&r->calls, c, entry);
        r->n_calls++;
        return c;
}

static char *tasks_text(const struct step *s)
{
        _cleanup_buf_ struct buf b = {0};

        buf_init(&b, 0);
        buf_add_char(&b, '[');
        for (size_t i = 0; i < s->n_tasks; i++)
                buf_printf(&b, "%s%u", i ? "," : "", s->tasks[i]);
        buf_add_char(&b, ']');
        return buf_steal(&b, NULL);
}

static void say_started(struct run *r, const struct step *s)
{
        for (size_t i = 0; i < s->n_tasks; i++) {
                const struct task *t = &r->work->tasks[s->tasks[i]];

                publish_news(r, "task.started",
                             json_pack("{s:I,s:s?,s:s,s:i}", "task", (json_int_t)s->tasks[i],
                                       "path", t->path, "step", step_kind_names[s->kind], "attempt",
                                       (int)r->tasks[s->tasks[i]].evidence.attempts + 1));
        }
}

/* What it goes on from stands before what will come; also for who follows the text. */
static void take_up(struct run_call *c)
{
        struct run_task *t = run_task_of(c->run, c->tasks[0]);

        if (c->before.n == 0)
                return;
        feed(c, buf_span(&c->before));
        c->run->events.on_delta(c->tasks[0], buf_span(&c->before), c->run->arg);
        unfinished_forget(t);
}

/* A call as it would leave. */
struct departure {
        struct prompt prompt;
        char *tasks;           /* owned */
        struct call_spec spec; /* borrows from both, and from the setup */
};

static void departure_done(struct departure *d)
{
        prompt_done(&d->prompt);
        free(d->tasks);
}

/* CONDITION_REFUSED: *ret_failure. */
static int prepare_call(struct run *r, struct step *s, struct departure *d,
                        struct failure **ret_failure)
{
        int k;

        if (!run_choose_route(r, s->tier)) {
                *ret_failure =
                        failure_new(FAILURE_KEY_MISSING, "no model is configured for tier %s",
                                    tier_names[s->tier]);
                return CONDITION_REFUSED;
        }
        cost_step(&r->setup.planning, r->setup.plan, s);
        d->tasks = tasks_text(s);
        k = d->tasks ? prompt_write(r, s, &d->prompt) : -ENOMEM;
        if (k < 0)
                return k;
        d->spec = (struct call_spec){.job = r->setup.job,
                                     .uid = r->setup.uid,
                                     .is_interactive = r->setup.is_interactive,
                                     .is_fresh = r->setup.is_fresh,
                                     .provider = r->setup.planning.tiers[s->tier].provider,
                                     .model = r->setup.planning.tiers[s->tier].model,
                                     .blocks = d->prompt.blocks,
                                     .n_blocks = d->prompt.n_blocks,
                                     .tasks = d->tasks};
        price_call(r, s, &d->prompt, &d->spec);
        return 0;
}

/* Is the very same request on its way? Then its answer comes to both, and goes on for this job when
 * the other one leaves. */
static bool would_join(struct run *r, uint32_t task)
{
        _cleanup_(departure_done) struct departure d = {0};
        struct failure *why = NULL;
        struct step s = {0};
        bool is = group_step(r, task, &s) == 0 && prepare_call(r, &s, &d, &why) == 0 &&
                  calls_is_under_way(r->setup.calls, &d.spec);

        failure_free(why);
        step_done(&s);
        return is;
}

/* 0: the call is on its way. CONDITION_REFUSED: *ret_failure. */
static int start_call(struct run *r, struct step *s, struct failure **ret_failure)
{
        _cleanup_(departure_done) struct departure d = {0};
        struct run_call *c;
        int k = prepare_call(r, s, &d, ret_failure);

        if (k)
                return k;
        c = call_record(r, s);
        if (!c)
                return -ENOMEM;
        c->prompt_bytes = d.prompt.bytes;
        c->tier = s->tier;
        memcpy(c->prefixes, s->prefixes, sizeof(c->prefixes));
        d.spec.n = c->n;
        c->model = strdup(d.spec.model);
        c->provider = strdup(d.spec.provider);
        k = c->model && c->provider ? 0 : -ENOMEM;
        if (k == 0 && r->work->tasks[s->tasks[0]].path)
                k = start_answer(c, d.prompt.tag);
        if (k == 0)
                k = buf_add_span(&c->before, d.prompt.before);
        d.spec.delay_ms = unfinished_delay_ms(r, s);
        if (k == 0)
                k = calls_start(r->setup.calls, &d.spec, &call_events, c, &c->call, ret_failure);
        if (k) {
                run_call_free(c);
                return k;
        }
        say_started(r, s);
        take_up(c);
        return 0;
}

/* Why no call of this step can leave: it would be refused too, for the same key, the same budget.
 */
static const struct failure *known_stop(const struct run *r, const struct step *s)
{
        return r->stops[s->tier];
}

/* 0: the call is on its way. CONDITION_ABSENT: it is not this call that leaves. */
static int leave(struct run *r, struct step *s, struct failure **ret_failure)
{
        int k;

        if (known_stop(r, s)) {
                *ret_failure = failure_copy(known_stop(r, s));
                return CONDITION_REFUSED;
        }
        k = window_check(r, s, ret_failure);
        return k ? k : start_call(r, s, ret_failure);
}

static void tell_left(struct run *r, const struct step *s, int k, const struct failure *why)
{
        for (size_t i = 0; i < s->n_tasks; i++) {
                if (k == 0) {
                        run_task_move(r, s->tasks[i], TASK_ASSIGNED);
                        share_make(r, s->tasks[i]);
                } else if (k > 0)
                        task_stopped(r, s->tasks[i], why ? failure_copy(why) : NULL);
                else
                        fail_errno(r, s->tasks[i], k);
        }
        if (k == 0)
                run_log(r, s->tasks[0], LOG_LEVEL_INFO, "call_started", "%s%s (tier %s)",
                        r->work->tasks[s->tasks[0]].title, s->n_tasks > 1 ? " and others" : "",
                        tier_names[s->tier]);
}

void obtain_by_call(struct run *r, uint32_t task)
{
        struct failure *why = NULL;
        struct step s = {0};
        uint32_t prefixes[N_BEGINNINGS];
        enum group_share share;
        int k;

        if (run_task_of(r, task)->state != TASK_READY || run_task_of(r, task)->is_elsewhere)
                return; /* its group has left without it, or it was made */
        share = group_look(r, task);
        if (share == GROUP_MADE || (share == GROUP_SHARED && !would_join(r, task)))
                task = group_share(r, task);
        if (task == NO_TASK)
                return;
        group_prefixes(r, task, prefixes);
        if (!prefixes_enter(r, task, prefixes))
                return;
        k = group_step(r, task, &s);
        if (k < 0) {
                prefixes_leave(r, prefixes, false);
                group_fail(r, task, k);
                return;
        }
        group_taken(r, task);
        for (size_t i = 0; i < s.n_tasks; i++)
                r->tasks[s.tasks[i]].tier = s.tier;
        k = leave(r, &s, &why);
        if (k != 0)
                prefixes_leave(r, prefixes, false);
        if (k != CONDITION_ABSENT)
                tell_left(r, &s, k, why);
        failure_free(why);
        step_done(&s);
        run_pump(r);
}
