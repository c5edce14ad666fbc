/* What a job came to, as its `done` event says it, and as the answer to the same request next time.
 */

#include "common/json.h"
#include "daemon/jobs/internal.h"
#include "daemon/jobs/standing.h"
#include "daemon/store/store.h"

static int put_text(json_t *o, const struct result *text)
{
        char hex[HASH_HEX_BYTES];

        if (text->n_text <= JOB_TEXT_IN_EVENT)
                return json_put(o, "text", json_stringn(text->text, text->n_text));
        hash_to_hex(&text->content, hex);
        return json_put(o, "blob", json_string(hex));
}

json_t *outcome_fields(struct job *job)
{
        _cleanup_json_ json_t *o = json_object(), *failures = NULL, *left = NULL;
        json_t *summary = NULL;
        int k = o ? 0 : -ENOMEM;

        if (job->run) {
                k = k ? k : run_summary(job->run, &summary);
                if (k == 0) {
                        json_decref(job->summary);
                        job->summary = json_incref(summary);
                        json_decref(take(job->placed));
                        k = json_put(o, "summary", summary);
                }
                k = k ? k : run_failures(job->run, &failures);
                if (k == 0 && json_array_size(failures) > 0)
                        k = json_put(o, "failures", json_incref(failures));
                k = k ? k : run_left(job->run, &left);
                if (k == 0 && json_array_size(left) > 0)
                        k = json_put(o, "left", json_incref(left));
                if (k == 0 && run_text(job->run))
                        k = put_text(o, run_text(job->run));
        }
        return k ? NULL : take(o);
}

void outcome_note_rest(struct job *job)
{
        json_t *rest = NULL;

        if (!job->run)
                return;
        if (run_n_done(job->run) < run_n_tasks(job->run) && run_rest(job->run, &rest) < 0)
                return;
        json_decref(job->rest); /* NULL: all is at rest, and its summary says of what failed */
        job->rest = rest;
}

json_t *outcome_unmade(struct job *job)
{
        outcome_note_rest(job);
        return json_pack("{s:O*}", "resume", job->rest);
}

/* The answer may stand for a later request. */
static bool is_repeatable(const struct job *job)
{
        if (!job->has_raw_key || job->has_failed_tasks || !job->run)
                return false;
        /* The key covers what was read at its making, and of files what the request says: their
         * paths, not their content. */
        if (!hash_is_equal(&job->generation, &job->planned))
                return false;
        for (size_t i = 0; i < job->n_needs; i++)
                if (job->needs[i].path)
                        return false;
        return true;
}

/* Nothing was left to write: it stands for the next equal request. */
static bool is_known_by_request(const struct job *job)
{
        const struct run_totals *t = &job->totals;

        if (run_text(job->run))
                return run_text(job->run)->n_text <= JOB_TEXT_IN_EVENT &&
                       run_work(job->run)->tasks[0].command < 0;
        return t->files[SOURCE_KEEP] == run_n_tasks(job->run) && !run_has_warned(job->run);
}

/* The same outcome, as it is when nothing had to be done: no calls, no money, no time. */
static json_t *as_cached(const json_t *fields, uint64_t n_files)
{
        _cleanup_json_ json_t *o = json_deep_copy(fields);
        json_t *summary = json_object_get(o, "summary"), *files = json_object_get(summary, "files");
        static const char *const zeros[] = {"calls", "retries", "nanousd", "ms"};
        static const char *const token_keys[] = {"input", "cache_read", "cache_write", "output"};
        json_t *tokens = json_object_get(summary, "tokens");
        int k = o ? 0 : -ENOMEM;

        for (size_t i = 0; i < N_ELEMENTS(zeros); i++)
                k = k ? k : json_put(summary, zeros[i], json_integer(0));
        for (size_t i = 0; i < N_ELEMENTS(token_keys); i++)
                k = k ? k : json_put(tokens, token_keys[i], json_integer(0));
        for (size_t i = 0; i < N_SOURCES; i++)
                k = k ? k : json_put(files, source_names[i], json_integer(0));
        k = k ? k : json_put(files, "batched", json_integer(0));
        k = k ? k : json_put(files, "joined", json_integer(0));
        k = k ? k : json_put(summary, "cache_share", json_object());
        k = k ? k
              : json_put(files,
                         source_names[json_object_get(o, "text") ? SOURCE_REUSE : SOURCE_KEEP],
                         json_integer((json_int_t)n_files));
        return k ? NULL : take(o);
}

static int write_reply(const json_t *fields, struct buf *out)
{
        int k;

        buf_add_text(out, "{\"cached\":true,\"result\":");
        k = json_write(fields, out);
        buf_add_char(out, '}');
        return k ? k : out->failed;
}

void outcome_remember(struct job *job, const json_t *fields)
{
        _cleanup_json_ json_t *o = NULL;
        _cleanup_buf_ struct buf reply = {0};

        if (!is_repeatable(job))
                return;
        buf_init(&reply, 0);
        o = as_cached(fields, run_n_tasks(job->run));
        if (!o || write_reply(o, &reply) < 0)
                return;
        if (is_known_by_request(job))
                cache_put(job->jobs->c.store, CACHE_RAW, &job->raw_key, buf_span(&reply));
        standing_remember(job, buf_span(&reply));
}

int outcome_cached(struct jobs *j, const struct result *result, struct buf *out)
{
        _cleanup_json_ json_t *o = NULL;

        (void)j;
        o = json_pack("{s:{s:{s:i,s:i,s:i,s:i,s:i,s:i,s:i},s:i,s:i,s:{s:i,s:i,s:i,s:i},s:{},s:{s:i,"
                      "s:i,s:i},s:i,s:i,"
                      "s:{s:i,s:{s:i,s:i,s:i,s:i},s:I,s:i}}}",
                      "summary", "files", "keep", 0, "reuse", 1, "template", 0, "mechanical", 0,
                      "call", 0, "batched", 0, "failed", 0, "calls", 0, "retries", 0, "tokens",
                      "input", 0, "cache_read", 0, "cache_write", 0, "output", 0, "cache_share",
                      "checks", "confident", 0, "judged", 0, "rejected", 0, "nanousd", 0, "ms", 0,
                      "naive", "calls", 1, "tokens", "input", 0, "cache_read", 0, "cache_write", 0,
                      "output", 0, "nanousd", (json_int_t)result->nanousd, "ms", 0);
        if (!o || json_put(o, "text", json_stringn(result->text, result->n_text)) < 0)
                return -ENOMEM;
        return write_reply(o, out);
}
