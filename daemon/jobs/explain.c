/* EXPLAIN after the fact: a job's plan, and beside each step, each rule and the whole what its
 * journal says that it came to. In a worker: a large journal takes longer than a turn may. */

#include "common/clock.h"
#include "common/json.h"
#include "daemon/jobs/internal.h"
#include "daemon/jobs/parts.h"
#include "daemon/jobs/query.h"
#include "daemon/jobs/record.h"
#include "daemon/loop/loop.h"
#include "daemon/plan/measure.h"
#include "daemon/plan/prices.h"
#include "daemon/store/store.h"

/* Where a job's time went. Queueing is part of planning: between the two there is no event. */
enum phase { PHASE_NONE, PHASE_PLANNING, PHASE_RUNNING, PHASE_WAITING, N_PHASES };

struct sums {
        const char *kind; /* of the step; borrowed from the plan */
        struct estimate e;
        json_t *rows; /* owned: of its tasks */
};

struct reading {
        json_t *by_path; /* owned: path -> [indices of its steps]: of repairs a file may have
                            several */
        struct sums *steps;
        size_t n_steps, n_tasks;
        uint32_t *step_of;     /* of a task; UINT32_MAX: not known yet */
        struct part *parts;    /* of a task */
        struct strlist models; /* owns the names in measured.calls: they are few */
        struct measured measured;
        size_t n_room;
        enum phase phase;
        uint64_t since_ms, phase_ms[N_PHASES];
};

static void enter_phase(struct reading *r, enum phase phase, uint64_t now_ms)
{
        if (now_ms > r->since_ms)
                r->phase_ms[r->phase] += now_ms - r->since_ms;
        r->since_ms = now_ms;
        r->phase = phase;
}

/* A job that waited for its client goes on without an event of its own. */
static void be_at_work(struct reading *r, uint64_t now_ms)
{
        if (r->phase == PHASE_WAITING)
                enter_phase(r, PHASE_RUNNING, now_ms);
}

static struct sums *step_of_task(struct reading *r, uint64_t task)
{
        return task < r->n_tasks && r->step_of[task] < r->n_steps ? &r->steps[r->step_of[task]]
                                                                  : NULL;
}

/* Of several steps of one path: the first that is of this kind, else the first. */
static size_t choose_step(const struct reading *r, const json_t *steps, const char *kind)
{
        for (size_t i = 0; i < json_array_size(steps); i++) {
                const char *other = r->steps[json_integer_value(json_array_get(steps, i))].kind;

                if (kind && other && strcmp(kind, other) == 0)
                        return i;
        }
        return 0;
}

/* A job of one text has one step, and its task no path. Each task takes a step of its path that no
 * other has taken. */
static void learn_task(struct reading *r, const json_t *event)
{
        const char *path = json_get_text(event, "path");
        const char *source = json_get_text(event, "source");
        json_t *steps = path ? json_object_get(r->by_path, path) : NULL;
        size_t at = choose_step(r, steps, source ? source : json_get_text(event, "step"));
        uint64_t task;

        if (!json_get_u64(event, "task", &task) || task >= r->n_tasks ||
            r->step_of[task] < r->n_steps)
                return;
        if (!path)
                r->step_of[task] = 0;
        if (json_array_size(steps) > 0)
                r->step_of[task] = (uint32_t)json_integer_value(json_array_get(steps, at));
        if (json_array_size(steps) > 1)
                (void)json_array_remove(steps, at);
}

static int note_step(struct reading *r, const char *path, size_t step)
{
        json_t *steps = json_object_get(r->by_path, path);

        if (!steps) {
                steps = json_array();
                if (json_put(r->by_path, path, steps) < 0)
                        return -ENOMEM;
        }
        return json_add(steps, json_integer((json_int_t)step));
}

static int on_task_started(struct reading *r, const json_t *event, uint64_t now_ms)
{
        be_at_work(r, now_ms);
        learn_task(r, event);
        return 0;
}

static int on_task_done(struct reading *r, const json_t *event, uint64_t now_ms)
{
        const char *source = json_get_text(event, "source");
        struct sums *s;
        uint64_t task = UINT64_MAX, ms = 0;
        json_t *row = NULL;
        int k;

        be_at_work(r, now_ms);
        learn_task(r, event);
        (void)json_get_u64(event, "task", &task);
        s = step_of_task(r, task);
        r->measured.n_edited += json_is_true(json_object_get(event, "edits"));
        for (size_t i = 0; source && i < N_STEP_KINDS; i++)
                if (strcmp(source, step_kind_names[i]) == 0)
                        r->measured.n_came[i]++;
        if (!s)
                return 0;
        if (s->e.calls == 0 && json_get_u64(event, "ms", &ms)) /* else its calls tell */
                s->e.ms = MAX2(s->e.ms, ms);
        k = job_task_row(event, &row);
        return k ? k : json_add(s->rows, row);
}

static void add_call(struct estimate *e, const struct measured_call *c)
{
        if (e->calls == 0)
                e->ms = 0;
        e->calls++;
        e->tokens.input += c->tokens.input;
        e->tokens.cache_read += c->tokens.cache_read;
        e->tokens.cache_write += c->tokens.cache_write;
        e->tokens.output += c->tokens.output;
        e->nanousd += c->nanousd;
        e->ms += c->end_ms - c->start_ms;
}

static const char *keep_model(struct reading *r, const char *model)
{
        for (size_t i = 0; i < r->models.n; i++)
                if (strcmp(r->models.at[i], model) == 0)
                        return r->models.at[i];
        return strlist_add(&r->models, model) < 0 ? NULL : r->models.at[r->models.n - 1];
}

static int keep_call(struct reading *r, const struct measured_call *c)
{
        struct measured *m = &r->measured;

        if (m->n_calls == r->n_room) {
                size_t room = r->n_room ? 2 * r->n_room : 64;
                struct measured_call *calls = realloc(m->calls, room * sizeof(*calls));

                if (!calls)
                        return -ENOMEM;
                m->calls = calls;
                r->n_room = room;
        }
        m->calls[m->n_calls++] = *c;
        m->measured_input += c->tokens.input + c->tokens.cache_read + c->tokens.cache_write;
        return 0;
}

static int on_call_done(struct reading *r, const json_t *event, uint64_t now_ms)
{
        const json_t *tasks = json_object_get(event, "tasks");
        const char *model = json_get_text(event, "model"), *state = json_get_text(event, "state");
        struct measured_call c = {.model = keep_model(r, model ? model : "*"),
                                  .n_tasks = json_array_size(tasks),
                                  .is_ok = state && strcmp(state, "ok") == 0};
        uint64_t ms = 0;
        struct sums *s;

        if (!c.model)
                return -ENOMEM;
        be_at_work(r, now_ms);
        tokens_read(json_object_get(event, "tokens"), &c.tokens);
        (void)json_get_u64(event, "nanousd", &c.nanousd);
        (void)json_get_u64(event, "ms", &ms);
        (void)json_get_u64(json_object_get(event, "tokens"), "cache_write_1h", &c.write_1h);
        c.write_1h = MIN2(c.write_1h, c.tokens.cache_write);
        c.end_ms = now_ms;
        c.start_ms = now_ms - MIN2(ms, now_ms);
        s = step_of_task(r, (uint64_t)json_integer_value(json_array_get(tasks, 0)));
        if (s)
                add_call(&s->e, &c);
        parts_add(r->parts, r->n_tasks, event);
        return keep_call(r, &c);
}

static int on_queued(struct reading *r, const json_t *event, uint64_t now_ms)
{
        (void)event;
        enter_phase(r, PHASE_PLANNING, now_ms);
        return 0;
}

static int on_started(struct reading *r, const json_t *event, uint64_t now_ms)
{
        (void)event;
        enter_phase(r, PHASE_RUNNING, now_ms);
        return 0;
}

static int on_waiting(struct reading *r, const json_t *event, uint64_t now_ms)
{
        (void)event;
        enter_phase(r, PHASE_WAITING, now_ms);
        return 0;
}

static int on_end(struct reading *r, const json_t *event, uint64_t now_ms)
{
        (void)event;
        enter_phase(r, PHASE_NONE, now_ms);
        return 0;
}

static const struct {
        const char *type;
        int (*fn)(struct reading *r, const json_t *event, uint64_t now_ms);
} readers[] = {
        {"task.started", on_task_started},
        {"task.done", on_task_done},
        {"call.done", on_call_done},
        {"queued", on_queued},
        {"started", on_started},
        {"waiting", on_waiting},
        {"done", on_end},
        {"failed", on_end},
        {"cancelled", on_end},
};

/* An event begins with its job, seq, time and type: files and progress, the most of a journal, are
 * passed over unread. */
static int read_event(struct span key, struct span value, void *arg)
{
        static const char mark[] = "\"type\":\"";
        const char *at = memmem(value.at, value.n, mark, sizeof(mark) - 1);
        struct span rest = {at ? at + sizeof(mark) - 1 : value.at, 0};

        (void)key;
        rest.n = (size_t)(value.at + value.n - rest.at);
        for (size_t i = 0; at && i < N_ELEMENTS(readers); i++) {
                _cleanup_json_ json_t *event = NULL;
                size_t n = strlen(readers[i].type);
                const char *time;
                struct diag diag;
                uint64_t ms;
                int k;

                if (rest.n <= n || memcmp(rest.at, readers[i].type, n) != 0 || rest.at[n] != '"')
                        continue;
                k = json_read(value, &event, &diag);
                if (k)
                        return k < 0 ? k : -EBADMSG;
                time = json_get_text(event, "time");
                return time && clock_parse_rfc3339(time, &ms) == 0 ? readers[i].fn(arg, event, ms)
                                                                   : -EBADMSG;
        }
        return 0;
}

static int index_steps(struct reading *r, const json_t *plan)
{
        const json_t *steps = json_object_get(plan, "steps"), *step, *path;
        size_t i, t;

        r->n_steps = json_array_size(steps);
        r->steps = calloc(r->n_steps + 1, sizeof(*r->steps));
        r->by_path = json_object();
        r->step_of = calloc(r->n_tasks + 1, sizeof(*r->step_of));
        r->parts = calloc(r->n_tasks + 1, sizeof(*r->parts));
        if (!r->steps || !r->by_path || !r->step_of || !r->parts)
                return -ENOMEM;
        memset(r->step_of, 0xff, r->n_tasks * sizeof(*r->step_of));
        json_array_foreach ((json_t *)steps, i, step) {
                const char *kind = json_get_text(step, "kind");
                uint64_t n_frames = 0;

                if (json_get_u64(step, "frames", &n_frames))
                        r->measured.n_framed += n_frames;
                r->steps[i].kind = kind;
                r->steps[i].rows = json_array();
                if (!r->steps[i].rows)
                        return -ENOMEM;
                for (size_t n = 0; kind && n < N_STEP_KINDS; n++)
                        if (strcmp(kind, step_kind_names[n]) == 0)
                                r->measured.n_planned[n] +=
                                        json_array_size(json_object_get(step, "tasks"));
                json_array_foreach (json_object_get(step, "tasks"), t, path)
                        if (note_step(r, json_string_value(path), i) < 0)
                                return -ENOMEM;
        }
        return 0;
}

static void reading_done(struct reading *r)
{
        for (size_t i = 0; r->steps && i < r->n_steps; i++)
                json_decref(r->steps[i].rows);
        free(r->steps);
        free(r->step_of);
        free(r->parts);
        free(r->measured.calls);
        json_decref(r->by_path);
        strlist_done(&r->models);
}

static int put_steps(const struct reading *r, json_t *plan)
{
        json_t *step;
        size_t i;

        json_array_foreach (json_object_get(plan, "steps"), i, step) {
                json_t *o = NULL;
                int k = totals_to_json(&r->steps[i].e, &o);

                k = k ? k : json_put(step, "measured", o);
                k = k ? k : parts_put(r->parts, r->n_tasks, r->steps[i].rows);
                k = k ? k : json_put(o, "tasks", json_incref(r->steps[i].rows));
                if (k < 0)
                        return k;
        }
        return 0;
}

static int put_phases(struct reading *r, json_t *plan)
{
        uint64_t calls = MIN2(measured_busy_ms(&r->measured), r->phase_ms[PHASE_RUNNING]);

        return json_put(plan, "phases",
                        json_pack("{s:I,s:I,s:I,s:I}", "planning",
                                  (json_int_t)r->phase_ms[PHASE_PLANNING], "calls",
                                  (json_int_t)calls, "other",
                                  (json_int_t)(r->phase_ms[PHASE_RUNNING] - calls), "waiting",
                                  (json_int_t)r->phase_ms[PHASE_WAITING]));
}

/* What a worker needs of a job: it may change or go meanwhile. */
struct explaining {
        struct store *store;       /* borrowed: outlives the workers */
        struct price_book *prices; /* counted */
        struct ulid id;
        char id_text[ULID_TEXT_BYTES];
        enum job_state state;
        bool is_dry_run;
        uint64_t n_tasks;
        struct run_totals totals;
        struct buf summary; /* JSON, or nothing */
        jobs_reply_fn *on_reply;
        void *arg;
        int error; /* CONDITION_ABSENT: there is no plan */
        struct buf reply;
};

/* What no event tells of: calls under way when a daemon died. They may have been paid for, and are
 * booked so, at their estimates. */
static int put_lost(const struct run_totals *t, const struct measured *m, json_t *plan)
{
        uint64_t n = t->n_calls - MIN2(t->n_calls, m->n_calls), nanousd = 0;

        for (size_t i = 0; i < m->n_calls; i++)
                nanousd += m->calls[i].nanousd;
        nanousd = t->nanousd - MIN2(t->nanousd, nanousd);
        return n == 0 ? 0
                      : json_put(plan, "lost",
                                 json_pack("{s:I,s:I}", "calls", (json_int_t)n, "nanousd",
                                           (json_int_t)nanousd));
}

static int put_totals(const struct run_totals *t, json_t *plan)
{
        struct estimate e = {t->tokens, t->n_calls, t->nanousd, t->ms};
        json_t *o = NULL;
        int k = totals_to_json(&e, &o);

        return k ? k : json_put(plan, "measured", o);
}

static int put_measured(const struct explaining *x, json_t *plan)
{
        struct reading r = {.n_tasks = x->n_tasks};
        struct estimate all = {0};
        int k = index_steps(&r, plan);

        k = k ? k
              : store_scan(x->store, TABLE_EVENT, (struct span){(const char *)x->id.at, ULID_BYTES},
                           (struct span){0}, read_event, &r);
        if (r.phase != PHASE_NONE)
                enter_phase(&r, PHASE_NONE, clock_realtime_ms());
        tokens_read(json_object_get(plan, "totals"), &all.tokens);
        r.measured.estimated_input =
                all.tokens.input + all.tokens.cache_read + all.tokens.cache_write;
        k = k ? k : put_steps(&r, plan);
        k = k ? k : put_totals(&x->totals, plan);
        k = k || !job_state_is_end(x->state) ? k : put_lost(&x->totals, &r.measured, plan);
        k = k ? k : put_phases(&r, plan);
        k = k ? k : plan_measure_rules(plan, &r.measured, x->prices);
        reading_done(&r);
        return k;
}

/* CONDITION_ABSENT. */
static int read_beside(const struct explaining *x, char what, json_t **ret)
{
        _cleanup_buf_ struct buf value = {0};
        struct diag diag;
        int k;

        buf_init(&value, 0);
        k = job_read_beside(x->store, &x->id, what, &value);
        if (k)
                return k;
        k = json_read(buf_span(&value), ret, &diag);
        return k > 0 ? -EBADMSG : k;
}

/* Which requirement and which scenario went where. */
static int put_routing(const struct explaining *x, json_t *plan)
{
        _cleanup_json_ json_t *beside = NULL;
        json_t *routing;
        int k = read_beside(x, JOB_BESIDE_WHY, &beside);

        if (k)
                return k < 0 ? k : 0;
        routing = json_object_get(beside, "routing");
        return routing ? json_put(plan, "routing", json_incref(routing)) : 0;
}

static int put_summary(const struct explaining *x, json_t *plan)
{
        json_t *summary = NULL;
        struct diag diag;
        int k;

        if (x->summary.n == 0)
                return 0;
        k = json_read(buf_span(&x->summary), &summary, &diag);
        return k ? (k > 0 ? -EBADMSG : k) : json_put(plan, "summary", summary);
}

static void run_explaining(void *arg)
{
        struct explaining *x = arg;
        _cleanup_json_ json_t *plan = NULL;
        int k = read_beside(x, JOB_BESIDE_PLAN, &plan);

        k = k ? k : json_put(plan, "job", json_string(x->id_text));
        k = k ? k : json_put(plan, "state", json_string(job_state_names[x->state]));
        k = k || x->is_dry_run ? k : put_measured(x, plan);
        k = k ? k : put_routing(x, plan);
        k = k ? k : put_summary(x, plan);
        x->error = k ? k : json_write(plan, &x->reply);
}

static void free_explaining(struct explaining *x)
{
        price_book_unref(x->prices);
        buf_done(&x->summary);
        buf_done(&x->reply);
        free(x);
}

static void finish_explaining(void *arg)
{
        struct explaining *x = arg;
        struct failure *failure = NULL;

        if (x->error == CONDITION_ABSENT)
                failure = failure_new(FAILURE_BAD_STATE, "%s",
                                      job_state_is_end(x->state)
                                              ? "the plan of this job is not kept any more"
                                              : "the job has no plan yet");
        else if (x->error)
                failure = failure_new(FAILURE_INTERNAL, "%s", strerror(-x->error));
        x->on_reply(x->arg, buf_span(&x->reply), failure);
        failure_free(failure);
        free_explaining(x);
}

static int start_explaining(const struct job *job, jobs_reply_fn *on_reply, void *arg)
{
        struct explaining *x = malloc(sizeof(*x));
        struct pool_work work = {.run = run_explaining, .finish = finish_explaining, .arg = x};
        _cleanup_json_ json_t *summary = NULL;
        int k;

        if (!x)
                return -ENOMEM;
        *x = (struct explaining){.store = job->jobs->c.store,
                                 .prices = price_book_ref(job->jobs->c.prices),
                                 .id = job->id,
                                 .state = job->state,
                                 .is_dry_run = job->is_dry_run,
                                 .n_tasks = job->n_tasks,
                                 .totals = job->totals,
                                 .on_reply = on_reply,
                                 .arg = arg};
        memcpy(x->id_text, job->id_text, sizeof(x->id_text));
        buf_init(&x->summary, 0);
        buf_init(&x->reply, 0);
        k = placed_summary(job, &summary);
        if (summary && k == 0)
                k = json_write(summary, &x->summary);
        k = k ? k : loop_work(job->jobs->c.loop, &work);
        if (k < 0)
                free_explaining(x);
        return k;
}

void jobs_explain(struct jobs *j, const struct peer *p, const json_t *params,
                  jobs_reply_fn *on_reply, void *arg)
{
        struct failure *failure = NULL;
        struct job *job = NULL;
        int k = job_find_param(j, p, params, &job, &failure);

        k = k ? k : start_explaining(job, on_reply, arg);
        if (k) {
                if (!failure)
                        failure = failure_new(FAILURE_INTERNAL, "%s", strerror(k < 0 ? -k : EIO));
                on_reply(arg, (struct span){0}, failure);
        }
        failure_free(failure);
        job_unref(job);
}
