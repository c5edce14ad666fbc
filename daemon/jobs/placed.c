/* What of a repair came into the user's tree. The summary of a job tells what was made; only who
 * writes the files knows what stands there, and says so when all is done (`job/settle`). It lies
 * beside the summary in the job's record, and goes with it when the job goes on.
 *
 * {findings: {repaired: {source: n}, unverified?: {source: n}, review?, review_files?: [path],
 * not_written?, not_written_files?: [{path, why, findings}]}, verified?} */

#include <stdio.h>

#include "common/json.h"
#include "daemon/jobs/internal.h"
#include "daemon/jobs/journal.h"

#define FILES_MAX 200u /* of each list: the record is read with every list of jobs */
#define PATH_BYTES 1024u
#define WHY_BYTES 1024u

static bool is_text(const json_t *v, size_t max)
{
        return json_is_string(v) && json_string_length(v) <= max;
}

static bool is_count(const json_t *v)
{
        return json_is_integer(v) && json_integer_value(v) >= 0 &&
               json_integer_value(v) <= INT32_MAX;
}

static bool are_counts(const json_t *v)
{
        const char *source;
        json_t *n;

        json_object_foreach ((json_t *)v, source, n) {
                bool is_known = false;

                for (size_t i = 0; i < N_SOURCES; i++)
                        is_known |= str_is_equal(source, source_names[i]);
                if (!is_known || !is_count(n))
                        return false;
        }
        return json_is_object(v);
}

static bool are_paths(const json_t *v)
{
        json_t *one;
        size_t i;

        json_array_foreach ((json_t *)v, i, one)
                if (!is_text(one, PATH_BYTES))
                        return false;
        return json_is_array(v) && json_array_size(v) <= FILES_MAX;
}

static bool are_files(const json_t *v)
{
        json_t *one;
        size_t i;

        json_array_foreach ((json_t *)v, i, one)
                if (json_object_size(one) != 3 ||
                    !is_text(json_object_get(one, "path"), PATH_BYTES) ||
                    !is_text(json_object_get(one, "why"), WHY_BYTES) ||
                    !is_count(json_object_get(one, "findings")))
                        return false;
        return json_is_array(v) && json_array_size(v) <= FILES_MAX;
}

static const struct {
        const char *key;
        bool (*is_right)(const json_t *v);
} fields[] = {{"repaired", are_counts},  {"unverified", are_counts},
              {"review", is_count},      {"review_files", are_paths},
              {"not_written", is_count}, {"not_written_files", are_files}};

static json_int_t sum_of(const json_t *counts)
{
        const char *source;
        json_int_t sum = 0;
        json_t *n;

        json_object_foreach ((json_t *)counts, source, n)
                sum += json_integer_value(n);
        return sum;
}

static json_int_t sum_of_made(const json_t *findings)
{
        return sum_of(json_object_get(findings, "repaired")) +
               sum_of(json_object_get(findings, "unverified"));
}

static int refuse(struct failure **ret_failure, const char *key, const char *what)
{
        char where[64];

        snprintf(where, sizeof(where), "/params/findings%s%s", *key ? "/" : "", key);
        *ret_failure = failure_new_at(FAILURE_INVALID_PARAMS, where, "%s", what);
        return *ret_failure ? CONDITION_REFUSED : -ENOMEM;
}

static int check(const json_t *told, const json_t *made, struct failure **ret_failure)
{
        size_t n = 0;

        for (size_t i = 0; i < N_ELEMENTS(fields); i++) {
                const json_t *v = json_object_get(told, fields[i].key);

                n += v != NULL;
                if (v && !fields[i].is_right(v))
                        return refuse(ret_failure, fields[i].key,
                                      "it has not the form that docs/protocol.md tells");
        }
        if (n != json_object_size(told))
                return refuse(ret_failure, "", "it has members that are not known");
        if (sum_of_made(told) + json_integer_value(json_object_get(told, "not_written")) >
            sum_of_made(made))
                return refuse(ret_failure, "", "more findings are told than were repaired");
        return 0;
}

int placed_take(struct job *job, const json_t *params, struct failure **ret_failure)
{
        const json_t *made = json_object_get(job->summary, "findings"),
                     *told = json_object_get(params, "findings"),
                     *verified = json_object_get(params, "verified");
        json_t *placed;
        int k;

        if (job->state != JOB_DONE || !made) {
                *ret_failure = failure_new(FAILURE_BAD_STATE, "%s",
                                           made ? "the job has not ended"
                                                : "nothing of this job is repaired in a tree");
                return *ret_failure ? CONDITION_REFUSED : -ENOMEM;
        }
        k = check(told, made, ret_failure);
        if (k)
                return k;
        placed = json_pack("{s:O,s:O*}", "findings", told, "verified", verified);
        if (!placed)
                return -ENOMEM;
        json_decref(job->placed);
        job->placed = placed;
        journal_commit_record(job);
        return 0;
}

/* What is told is all that is known of these. */
static int mend(json_t *summary, const json_t *placed)
{
        json_t *findings = json_object_get(summary, "findings"),
               *told = json_object_get(placed, "findings"),
               *verified = json_object_get(placed, "verified");

        for (size_t i = 0; i < N_ELEMENTS(fields); i++)
                (void)json_object_del(findings, fields[i].key);
        if (json_object_update(findings, told) < 0)
                return -ENOMEM;
        if (verified && json_put(summary, "verified", json_incref(verified)) < 0)
                return -ENOMEM;
        return json_put(summary, "placed", json_true());
}

int placed_summary(const struct job *job, json_t **ret)
{
        _cleanup_json_ json_t *copy = NULL;
        int k;

        if (!job->placed) {
                *ret = json_incref(job->summary);
                return 0;
        }
        copy = json_deep_copy(job->summary);
        k = copy ? mend(copy, job->placed) : -ENOMEM;
        if (k == 0)
                *ret = take(copy);
        return k;
}
