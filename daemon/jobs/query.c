#include "daemon/jobs/query.h"

#include <stdio.h>

#include "common/clock.h"
#include "common/json.h"
#include "daemon/calls/calls.h"
#include "daemon/jobs/internal.h"
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

static json_t *row(const struct job *job)
{
        return json_pack("{s:s,s:s,s:s,s:s?,s:o,s:o,s:I,s:I,s:I}", "job", job->id_text, "kind",
                         job->kind->name, "state", job_state_names[job->state], "label", job->label,
                         "created", time_json(job->created_ms), "ended", time_json(job->ended_ms),
                         "done", (json_int_t)job->n_done, "total", (json_int_t)job->n_tasks,
                         "nanousd", (json_int_t)job->totals.nanousd);
}

struct listing {
        struct jobs *j;
        const struct peer *peer;
        const json_t *states; /* NULL: all */
        json_t *rows;
        struct ulid *ids; /* newest first, as found */
        size_t n_ids, n_room;
};

static int note_id(struct span key, struct span value, void *arg)
{
        struct listing *l = arg;

        (void)value;
        if (key.n != ULID_BYTES)
                return 0; /* a plan beside its job */
        if (l->n_ids == l->n_room) {
                size_t room = l->n_room ? 2 * l->n_room : 256;
                struct ulid *ids = realloc(l->ids, room * sizeof(*ids));

                if (!ids)
                        return -ENOMEM;
                l->ids = ids;
                l->n_room = room;
        }
        memcpy(l->ids[l->n_ids++].at, key.at, ULID_BYTES);
        return 0;
}

static bool is_wanted(const struct listing *l, const struct job *job)
{
        json_t *s;
        size_t i;

        if (!l->states)
                return true;
        json_array_foreach ((json_t *)l->states, i, s) {
                if (json_is_string(s) &&
                    str_is_equal(json_string_value(s), job_state_names[job->state]))
                        return true;
        }
        return false;
}

static int add_row(struct listing *l, const struct ulid *id)
{
        char text[ULID_TEXT_BYTES];
        struct failure *failure = NULL;
        struct job *job = NULL;
        int k;

        ulid_to_text(id, text);
        k = job_find(l->j, l->peer, span_of(text), &job, &failure);
        failure_free(failure);
        if (k == CONDITION_REFUSED)
                return 0;
        if (k == 0 && is_wanted(l, job))
                k = json_add(l->rows, row(job));
        job_unref(job);
        return k;
}

int jobs_list(struct jobs *j, const struct peer *p, const json_t *params, struct buf *out,
              struct failure **ret_failure)
{
        _cleanup_json_ json_t *rows = json_array(), *reply = NULL;
        struct listing l = {
                .j = j, .peer = p, .states = json_object_get(params, "state"), .rows = rows};
        const char *before = json_get_text(params, "before");
        uint64_t limit = LIST_DEFAULT;
        struct ulid last;
        bool has_before = before && ulid_from_text(span_of(before), &last) == 0;
        int k = rows ? 0 : -ENOMEM;

        (void)ret_failure;
        (void)json_get_u64(params, "limit", &limit);
        limit = MIN2(limit, (uint64_t)LIST_MAX);
        k = k ? k
              : store_scan(j->c.store, TABLE_JOB, (struct span){"", 0}, (struct span){0}, note_id,
                           &l);
        for (size_t i = l.n_ids; i-- > 0 && k == 0 && json_array_size(rows) <= limit;)
                if (!has_before || memcmp(l.ids[i].at, last.at, ULID_BYTES) < 0)
                        k = add_row(&l, &l.ids[i]);
        free(l.ids);
        if (k < 0)
                return k;
        reply = json_pack("{s:O,s:b}", "jobs", rows, "more", json_array_size(rows) > limit);
        if (reply && json_array_size(rows) > limit)
                (void)!json_array_remove(rows, limit);
        return reply ? json_write(reply, out) : -ENOMEM;
}

/* ---- one job ---- */

int job_task_row(const json_t *event, json_t **ret)
{
        static const char *const keys[] = {"task",    "path", "source", "verdict", "tokens",
                                           "nanousd", "ms",   "error",  "attempts"};
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

/* The tasks of a job that is not being run, out of its journal. */
static int note_event(struct span key, struct span value, void *arg)
{
        json_t *rows = arg, *one = NULL;
        _cleanup_json_ json_t *event = NULL;
        struct diag diag;
        char name[24];
        uint64_t task;
        int k;

        (void)key;
        if (!memmem(value.at, value.n, "\"task.done\"", 11) ||
            json_read(value, &event, &diag) != 0 || !json_get_u64(event, "task", &task))
                return 0;
        snprintf(name, sizeof(name), "%010llu", (unsigned long long)task);
        k = job_task_row(event, &one);
        return k ? k : json_put(rows, name, one);
}

static int compare_names(const void *a, const void *b)
{
        return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static int tasks_from_journal(struct job *job, json_t **ret)
{
        _cleanup_json_ json_t *rows = json_object(), *list = json_array();
        _cleanup_free_ const char **names = NULL;
        const char *name;
        json_t *value;
        size_t n = 0;
        int k = rows && list ? 0 : -ENOMEM;

        k = k ? k
              : store_scan(job->jobs->c.store, TABLE_EVENT,
                           (struct span){(const char *)job->id.at, ULID_BYTES}, (struct span){0},
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

static int put_details(struct job *job, const json_t *params, json_t *o)
{
        json_t *tasks = NULL, *calls = NULL, *error = NULL, *waits = json_array();
        int k = waits ? 0 : -ENOMEM;

        if (job->wait != WAIT_NONE)
                k = k ? k
                      : json_add(waits,
                                 json_pack("{s:s,s:I,s:s?,s:o}", "on", job_wait_names[job->wait],
                                           "wait", (json_int_t)job->wait_id, "remedy",
                                           job->wait_remedy, "need", job_needs_json(job)));
        k = json_put(o, "waits", waits) < 0 ? -ENOMEM : k;
        k = k ? k : (job->run ? run_tasks(job->run, &tasks) : tasks_from_journal(job, &tasks));
        k = k ? k : json_put(o, "tasks", tasks);
        if (job->summary)
                k = k ? k : json_put(o, "summary", json_incref(job->summary));
        if (job->failure && k == 0) {
                k = failure_to_json(job->failure, &error);
                k = k ? k : json_put(o, "error", error);
        }
        if (k == 0 &&
            (json_get_bool(params, "calls", false) || json_get_bool(params, "prompts", false))) {
                k = calls_describe(job->jobs->c.calls, &job->id,
                                   json_get_bool(params, "prompts", false), &calls);
                k = k ? k : json_put(o, "calls", calls);
        }
        return k;
}

int jobs_get(struct jobs *j, const struct peer *p, const json_t *params, struct buf *out,
             struct failure **ret_failure)
{
        _cleanup_json_ json_t *o = NULL;
        struct job *job = NULL;
        int k = job_find_param(j, p, params, &job, ret_failure);

        if (k)
                return k;
        o = row(job);
        k = o ? put_details(job, params, o) : -ENOMEM;
        k = k ? k : json_write(o, out);
        job_unref(job);
        return k;
}
