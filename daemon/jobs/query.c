#include "daemon/jobs/query.h"

#include <stdio.h>

#include "common/clock.h"
#include "common/json.h"
#include "daemon/calls/calls.h"
#include "daemon/jobs/internal.h"
#include "daemon/jobs/parts.h"
#include "daemon/loop/loop.h"
#include "daemon/store/store.h"

#define LIST_DEFAULT 100
#define LIST_MAX 1000

static json_t *time_json(uint64_t realtime_ms)
{
        char text[CLOCK_RFC3339_BYTES];

        if (realtime_ms == 0)
                return json_null();
        clock_format_rfc3339(realtime_ms, text);
        return json_string(text);
}

/* Work for a worker: large journals and long lists take longer than a turn of the loop may. */
struct looking {
        struct jobs *j; /* borrowed: outlives the pool's work */
        int (*run)(struct looking *x);
        json_t *reply; /* owned: what the loop knows; the worker adds to it */
        struct ulid id;
        struct run_look *tasks; /* owned or NULL */
        bool has_calls, has_prompts;
        size_t n_tasks;
        /* of a list */
        uint32_t uid;
        bool is_root, has_before, has_dry_runs;
        const json_t *states;  /* in `filter`; NULL: all */
        json_t *filter, *rows; /* owned */
        uint64_t limit;
        struct buf out;
        int error;
        jobs_reply_fn *on_reply;
        void *arg;
};

static void free_looking(struct looking *x)
{
        run_look_free(x->tasks);
        json_decref(x->reply);
        json_decref(x->filter);
        json_decref(x->rows);
        buf_done(&x->out);
        free(x);
}

static void run_looking(void *arg)
{
        struct looking *x = arg;

        x->error = x->run(x);
        x->error = x->error ? x->error : json_write(x->reply, &x->out);
}

static void finish_looking(void *arg)
{
        struct looking *x = arg;
        struct failure *failure = NULL;

        if (x->error)
                failure = failure_new(FAILURE_INTERNAL, "%s", strerror(-x->error));
        x->on_reply(x->arg, buf_span(&x->out), x->error ? failure : NULL);
        failure_free(failure);
        free_looking(x);
}

/* Takes x. */
static void start_looking(struct looking *x, int k)
{
        struct pool_work work = {.run = run_looking, .finish = finish_looking, .arg = x};

        x->error = k;
        if (k == 0)
                k = loop_work(x->j->c.loop, &work);
        if (k == 0)
                return;
        x->error = k;
        finish_looking(x);
}

static void refuse(jobs_reply_fn *on_reply, void *arg, int k, struct failure *failure)
{
        if (!failure)
                failure = failure_new(FAILURE_INTERNAL, "%s", strerror(k < 0 ? -k : EIO));
        on_reply(arg, (struct span){0}, failure);
        failure_free(failure);
}

static struct looking *new_looking(struct jobs *j, int (*run)(struct looking *x),
                                   jobs_reply_fn *on_reply, void *arg)
{
        struct looking *x = calloc(1, sizeof(*x));

        if (!x)
                return NULL;
        x->j = j;
        x->run = run;
        x->on_reply = on_reply;
        x->arg = arg;
        buf_init(&x->out, 0);
        return x;
}

/* ---- the list: of the records, newest first ---- */

static bool is_wanted(const struct looking *x, const json_t *record)
{
        const char *state = json_get_text(record, "state");
        uint64_t uid = UINT64_MAX;
        json_t *s;
        size_t i;

        (void)json_get_u64(record, "uid", &uid);
        if ((!x->is_root && uid != x->uid) ||
            (!x->has_dry_runs && json_get_bool(record, "dry_run", false)))
                return false;
        if (!x->states)
                return true;
        json_array_foreach ((json_t *)x->states, i, s) {
                if (json_is_string(s) && str_is_equal(json_string_value(s), state))
                        return true;
        }
        return false;
}

/* Left out where nothing failed. */
static json_t *failed_json(uint64_t n)
{
        return n > 0 ? json_integer((json_int_t)n) : NULL;
}

static json_t *row_of_record(const struct ulid *id, const json_t *record)
{
        uint64_t created = 0, ended = 0, done = 0, tasks = 0, nanousd = 0, failed = 0;
        const json_t *totals = json_object_get(record, "totals");
        char text[ULID_TEXT_BYTES];

        ulid_to_text(id, text);
        (void)json_get_u64(record, "created", &created);
        (void)json_get_u64(record, "ended", &ended);
        (void)json_get_u64(record, "done", &done);
        (void)json_get_u64(record, "tasks", &tasks);
        (void)json_get_u64(totals, "nanousd", &nanousd);
        (void)json_get_u64(json_object_get(totals, "files"), "failed", &failed);
        return json_pack("{s:s,s:s?,s:s?,s:s?,s:o,s:o,s:I,s:I,s:I,s:o*,s:o*}", "job", text, "kind",
                         json_get_text(record, "kind"), "state", json_get_text(record, "state"),
                         "label", json_get_text(record, "label"), "created", time_json(created),
                         "ended", time_json(ended), "done", (json_int_t)done, "total",
                         (json_int_t)tasks, "nanousd", (json_int_t)nanousd, "failed",
                         failed_json(failed), "dry_run",
                         json_get_bool(record, "dry_run", false) ? json_true() : NULL);
}

/* One more than was asked for tells that there are more. */
static int add_record(struct span key, struct span value, void *arg)
{
        struct looking *x = arg;
        _cleanup_json_ json_t *record = NULL;
        struct diag diag;
        struct ulid id;

        if (key.n != ULID_BYTES) /* what is kept beside a job */
                return 0;
        if (json_array_size(x->rows) > x->limit)
                return CONDITION_REFUSED;
        if (json_read(value, &record, &diag) != 0 || !is_wanted(x, record))
                return 0;
        memcpy(id.at, key.at, ULID_BYTES);
        return json_add(x->rows, row_of_record(&id, record));
}

static int run_list(struct looking *x)
{
        struct span before = {(const char *)x->id.at, x->has_before ? ULID_BYTES : 0};
        bool has_more;
        int k = store_scan_back(x->j->c.store, TABLE_JOB, before, add_record, x);

        if (k < 0)
                return k;
        has_more = json_array_size(x->rows) > x->limit;
        if (has_more)
                (void)!json_array_remove(x->rows, x->limit);
        k = json_put(x->reply, "jobs", json_incref(x->rows));
        return k ? k : json_put(x->reply, "more", json_boolean(has_more));
}

void jobs_list(struct jobs *j, const struct peer *p, const json_t *params, jobs_reply_fn *on_reply,
               void *arg)
{
        struct looking *x = new_looking(j, run_list, on_reply, arg);
        const char *before = json_get_text(params, "before");

        if (!x) {
                refuse(on_reply, arg, -ENOMEM, NULL);
                return;
        }
        x->reply = json_object();
        x->rows = json_array();
        x->filter = json_deep_copy(params);
        x->states = json_object_get(x->filter, "state");
        x->uid = p->uid;
        x->is_root = p->is_root;
        x->has_before = before && ulid_from_text(span_of(before), &x->id) == 0;
        x->has_dry_runs = json_get_bool(params, "dry_runs", true);
        x->limit = LIST_DEFAULT;
        (void)json_get_u64(params, "limit", &x->limit);
        x->limit = MIN2(x->limit, (uint64_t)LIST_MAX);
        start_looking(x, x->reply && x->rows && (x->filter || !params) ? 0 : -ENOMEM);
}

/* ---- one job ---- */

int job_task_row(const json_t *event, json_t **ret)
{
        static const char *const keys[] = {"task",    "path", "source", "verdict",  "tokens",
                                           "nanousd", "ms",   "error",  "attempts", "joined"};
        const char *verdict = json_get_text(event, "verdict");
        _cleanup_json_ json_t *row = json_object();

        if (!row)
                return -ENOMEM;
        for (size_t i = 0; i < N_ELEMENTS(keys); i++) {
                json_t *v = json_object_get(event, keys[i]);

                if (v && json_object_set(row, keys[i], v) < 0)
                        return -ENOMEM;
        }
        if (json_put(row, "state",
                     json_string(str_is_equal(verdict, "accepted") ? "done" : verdict)) < 0)
                return -ENOMEM;
        *ret = take(row);
        return 0;
}

static const char *row_name(uint64_t task, char ret[24])
{
        snprintf(ret, 24, "%010llu", (unsigned long long)task);
        return ret;
}

/* Another job paid for a call: it is known at its end, after files that came while it streamed. */
static int note_joined(const json_t *event, json_t *rows)
{
        json_t *tasks = json_object_get(event, "tasks"), *task;
        char name[24];
        size_t i;

        json_array_foreach (tasks, i, task) {
                json_t *row =
                        json_object_get(rows, row_name((uint64_t)json_integer_value(task), name));

                if (row && json_get_text(row, "source") && json_put(row, "joined", json_true()) < 0)
                        return -ENOMEM;
        }
        return 0;
}

static bool holds(struct span text, const char *part)
{
        return memmem(text.at, text.n, part, strlen(part));
}

/* The tasks of a job that is not being run, out of its journal. */
static int note_event(struct span key, struct span value, void *arg)
{
        json_t *rows = arg, *one = NULL;
        _cleanup_json_ json_t *event = NULL;
        struct diag diag;
        const char *type;
        char name[24];
        uint64_t task;
        int k;

        (void)key;
        if (!holds(value, "\"task.done\"") &&
            !(holds(value, "\"call.done\"") && holds(value, "\"joined\"")))
                return 0;
        if (json_read(value, &event, &diag) != 0)
                return 0;
        type = json_get_text(event, "type");
        if (str_is_equal(type, "call.done") && json_get_bool(event, "joined", false))
                return note_joined(event, rows);
        if (!str_is_equal(type, "task.done") || !json_get_u64(event, "task", &task))
                return 0;
        k = job_task_row(event, &one);
        return k ? k : json_put(rows, row_name(task, name), one);
}

static int compare_names(const void *a, const void *b)
{
        return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static int tasks_from_journal(const struct looking *x, json_t **ret)
{
        _cleanup_json_ json_t *rows = json_object(), *list = json_array();
        _cleanup_free_ const char **names = NULL;
        const char *name;
        json_t *value;
        size_t n = 0;
        int k = rows && list ? 0 : -ENOMEM;

        k = k ? k
              : store_scan(x->j->c.store, TABLE_EVENT,
                           (struct span){(const char *)x->id.at, ULID_BYTES}, (struct span){0},
                           note_event, rows);
        names = calloc(json_object_size(rows) + 1, sizeof(*names));
        if (k < 0 || !names)
                return k < 0 ? k : -ENOMEM;
        json_object_foreach (rows, name, value)
                names[n++] = name;
        qsort(names, n, sizeof(*names), compare_names);
        for (size_t i = 0; i < n && k == 0; i++)
                k = json_add(list, json_incref(json_object_get(rows, names[i])));
        if (k == 0)
                *ret = take(list);
        return k;
}

struct parts_reading {
        struct part *parts;
        size_t n;
};

static int note_call(struct span key, struct span value, void *arg)
{
        struct parts_reading *p = arg;
        _cleanup_json_ json_t *event = NULL;
        struct diag diag;

        (void)key;
        if (memmem(value.at, value.n, "\"call.done\"", 11) &&
            json_read(value, &event, &diag) == 0 &&
            str_is_equal(json_get_text(event, "type"), "call.done"))
                parts_add(p->parts, p->n, event);
        return 0;
}

/* What each task cost: an event of a task knows of calls for it alone. */
static int put_costs(const struct looking *x, json_t *tasks)
{
        _cleanup_free_ struct part *parts = calloc(x->n_tasks + 1, sizeof(*parts));
        struct parts_reading reading = {parts, x->n_tasks};
        int k = parts ? 0 : -ENOMEM;

        k = k ? k
              : store_scan(x->j->c.store, TABLE_EVENT,
                           (struct span){(const char *)x->id.at, ULID_BYTES}, (struct span){0},
                           note_call, &reading);
        return k ? k : parts_put(parts, x->n_tasks, tasks);
}

static int run_get(struct looking *x)
{
        json_t *tasks = NULL, *calls = NULL;
        int k = x->tasks ? run_look_rows(x->tasks, &tasks) : tasks_from_journal(x, &tasks);

        k = k ? k : put_costs(x, tasks);
        k = k ? k : json_put(x->reply, "tasks", tasks);
        if (k == 0 && (x->has_calls || x->has_prompts)) {
                k = calls_describe(x->j->c.calls, &x->id, x->has_prompts, &calls);
                k = k ? k : json_put(x->reply, "calls", calls);
        }
        return k;
}

static json_t *row(const struct job *job)
{
        return json_pack("{s:s,s:s,s:s,s:s?,s:o,s:o,s:I,s:I,s:I,s:o*,s:o*}", "job", job->id_text,
                         "kind", job->kind->name, "state", job_state_names[job->state], "label",
                         job->label, "created", time_json(job->created_ms), "ended",
                         time_json(job->ended_ms), "done", (json_int_t)job->n_done, "total",
                         (json_int_t)job->n_tasks, "nanousd", (json_int_t)job->totals.nanousd,
                         "failed", failed_json(job->totals.n_failed + job->totals.n_skipped),
                         "dry_run", job->is_dry_run ? json_true() : NULL);
}

static json_t *waits_json(struct job *job)
{
        _cleanup_json_ json_t *waits = json_array();

        if (waits && job->wait != WAIT_NONE &&
            json_add(waits, json_pack("{s:s,s:I,s:s?,s:o}", "on", job_wait_names[job->wait], "wait",
                                      (json_int_t)job->wait_id, "remedy", job->wait_remedy, "need",
                                      job_needs_json(job))) < 0)
                return NULL;
        return take(waits);
}

/* What only the loop knows. */
static int look(struct looking *x, struct job *job)
{
        _cleanup_json_ json_t *summary = NULL;
        json_t *error = NULL;
        int k;

        x->id = job->id;
        x->n_tasks = job->n_tasks;
        x->reply = row(job);
        k = x->reply ? json_put(x->reply, "waits", waits_json(job)) : -ENOMEM;
        k = k ? k : placed_summary(job, &summary);
        if (summary && k == 0) /* a worker writes it: nothing of the job's may be in it */
                k = json_put(x->reply, "summary", json_deep_copy(summary));
        if (job->rest && !job->run && job->state != JOB_DONE && k == 0)
                k = json_put(x->reply, "resume", json_deep_copy(job->rest));
        if (job->failure && k == 0) {
                k = failure_to_json(job->failure, &error);
                k = k ? k : json_put(x->reply, "error", error);
        }
        if (job->run && k == 0)
                k = run_look(job->run, &x->tasks);
        return k;
}

void jobs_get(struct jobs *j, const struct peer *p, const json_t *params, jobs_reply_fn *on_reply,
              void *arg)
{
        struct failure *failure = NULL;
        struct looking *x;
        struct job *job = NULL;
        int k = job_find_param(j, p, params, &job, &failure);

        if (k) {
                refuse(on_reply, arg, k, failure);
                return;
        }
        x = new_looking(j, run_get, on_reply, arg);
        if (x) {
                x->has_calls = json_get_bool(params, "calls", false);
                x->has_prompts = json_get_bool(params, "prompts", false);
                start_looking(x, look(x, job));
        } else {
                refuse(on_reply, arg, -ENOMEM, NULL);
        }
        job_unref(job);
}
