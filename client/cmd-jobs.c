/* `genopt jobs`: the caller's jobs, newest first. */

#include <inttypes.h>
#include <stdio.h>

#include "client/command.h"
#include "client/link/connection.h"
#include "client/view/format.h"
#include "client/view/progress.h"
#include "client/view/table.h"
#include "common/str.h"

#define DONE_BYTES 80 /* three numbers of any size */

enum jobs_option { JOBS_STATE, JOBS_LIMIT, JOBS_BEFORE, JOBS_DRY_RUNS };

static const struct option_row jobs_options[] = {
        [JOBS_STATE] = {"state", 0, "STATE[,STATE…]",
                        "only jobs that are queued, planning, running, waiting, done, failed or "
                        "cancelled"},
        [JOBS_LIMIT] = {"limit", 'l', "N", "at most N (default: 100)"},
        [JOBS_BEFORE] = {"before", 0, "JOB", "only jobs older than this one"},
        [JOBS_DRY_RUNS] = {"dry-runs", 0, NULL, "plans that were only made, too"},
        {NULL, 0, NULL, NULL},
};

static json_t *split_states(const char *text)
{
        json_t *states = json_array();
        size_t n;

        for (; states && *text; text += text[n] ? n + 1 : n) {
                n = strcspn(text, ",");
                if (n > 0 && json_array_append_new(states, json_stringn(text, n)) < 0) {
                        json_decref(states);
                        return NULL;
                }
        }
        return states;
}

static json_t *make_params(const struct client *c, uint64_t limit)
{
        json_t *states = c->values[JOBS_STATE] ? split_states(c->values[JOBS_STATE]) : NULL;
        json_t *params =
                json_pack("{s:o*, s:s*, s:b}", "state", states, "before", c->values[JOBS_BEFORE],
                          "dry_runs", c->values[JOBS_DRY_RUNS] != NULL);

        if (params && limit > 0 &&
            json_object_set_new(params, "limit", json_integer((json_int_t)limit)) < 0) {
                json_decref(params);
                return NULL;
        }
        return params;
}

/* "2026-01-02T03:04:05.678Z" without what a list need not say. */
static const char *short_time(const json_t *job, const char *key, char ret[FORMAT_BYTES])
{
        const char *time = json_get_text(job, key);

        if (!time || strlen(time) < 19)
                return "";
        snprintf(ret, FORMAT_BYTES, "%.10s %.8s", time, time + 11);
        return ret;
}

static const char *kind_of(const json_t *job, char ret[FORMAT_BYTES])
{
        const char *kind = json_get_text(job, "kind");

        if (!json_get_bool(job, "dry_run", false))
                return kind;
        snprintf(ret, FORMAT_BYTES, "%s (dry run)", kind ? kind : "");
        return ret;
}

/* What came to an end without a file is told apart. */
static const char *count_done(const json_t *job, char ret[DONE_BYTES])
{
        uint64_t done = progress_number(job, "done"), failed = progress_number(job, "failed");
        int n = snprintf(ret, DONE_BYTES, "%" PRIu64 "/%" PRIu64, done - MIN2(done, failed),
                         progress_number(job, "total"));

        if (failed > 0 && n < DONE_BYTES)
                snprintf(ret + n, DONE_BYTES - (size_t)n, ", %" PRIu64 " failed", failed);
        return ret;
}

static int print_table(const struct client *c, const json_t *result)
{
        static const char *const headings[] = {"job",    "kind",          "state", ">done",
                                               ">money", "created (UTC)", "label"};
        _cleanup_(table_freep) struct table *t = NULL;
        json_t *job, *jobs = json_object_get(result, "jobs");
        size_t i;
        int r;

        r = table_new(headings, N_ELEMENTS(headings), &t);
        json_array_foreach (jobs, i, job) {
                char done[DONE_BYTES], money[FORMAT_BYTES], created[FORMAT_BYTES],
                        kind[FORMAT_BYTES];
                const char *const cells[] = {json_get_text(job, "job"),
                                             kind_of(job, kind),
                                             json_get_text(job, "state"),
                                             count_done(job, done),
                                             format_money(progress_number(job, "nanousd"), money),
                                             short_time(job, "created", created),
                                             json_get_text(job, "label")};

                if (r == 0)
                        r = table_add(t, cells);
        }
        if (r == 0 && json_array_size(jobs) == 0)
                client_say(c, "no jobs");
        else if (r == 0)
                r = table_print(t);
        if (r == 0 && json_get_bool(result, "more", false))
                client_say(c, "there are more: `genopt jobs --before %s`",
                           json_get_text(json_array_get(jobs, json_array_size(jobs) - 1), "job"));
        return r;
}

static int cmd_jobs(struct client *c)
{
        _cleanup_json_ json_t *result = NULL;
        struct failure *failure = NULL;
        uint64_t limit = 0;
        json_t *params;
        int r;

        if (c->values[JOBS_LIMIT] &&
            (str_to_u64(c->values[JOBS_LIMIT], &limit) < 0 || limit == 0 || limit > 1000))
                return client_usage(c, "--limit is a number from 1 to 1000, not `%s`",
                                    c->values[JOBS_LIMIT]);
        params = make_params(c, limit);
        if (!params)
                return client_usage(c, "words must be UTF-8");
        r = connection_ask(c, START_IF_NEEDED, "job/list", params, &result, &failure);
        if (r == 0)
                r = c->is_json ? client_put_json(result) : print_table(c, result);
        return r == 0 ? EXIT_DONE : client_fail(c, r, failure);
}

const struct command command_jobs = {
        .name = "jobs",
        .args = "[OPTION…]",
        .sentence = "list your jobs, newest first",
        .options = jobs_options,
        .run = cmd_jobs,
};
