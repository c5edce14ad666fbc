#include "daemon/jobs/approval.h"

#include "common/json.h"
#include "daemon/jobs/internal.h"
#include "daemon/jobs/journal.h"
#include "daemon/jobs/life.h"

/* An estimate learns meanwhile: one that has grown by so much is still the one that was approved.
 */
#define GROWTH_PERCENT 25

static uint64_t tokens_of(const struct estimate *e)
{
        const struct tokens *t = &e->tokens;

        return t->input + t->cache_read + t->cache_write + t->output;
}

static bool is_within(uint64_t is, uint64_t approved)
{
        return is <= approved + approved / 100 * GROWTH_PERCENT;
}

/* Somebody is to be asked: where a terminal is, where the options insist, never about one text. */
static bool may_ask(const struct job *job)
{
        uint64_t when = job_options_get_u64(&job->options, OPTION_APPROVAL_WHEN);

        return !job->kind->is_small && !job->is_dry_run &&
               (when == APPROVAL_ALWAYS || (when == APPROVAL_TERMINAL && job->approval.can_ask));
}

bool approval_is_due(const struct job *job, const struct estimate *e)
{
        uint64_t tokens = job_options_get_u64(&job->options, OPTION_APPROVAL_TOKENS);
        uint64_t nanousd = job_options_get_u64(&job->options, OPTION_APPROVAL_USD);

        if (e->calls == 0 || !may_ask(job))
                return false;
        if (job->approval.is_given && is_within(tokens_of(e), job->approval.tokens) &&
            is_within(e->nanousd, job->approval.nanousd))
                return false;
        return (tokens > 0 && tokens_of(e) > tokens) || e->nanousd > nanousd;
}

void approval_ask(struct job *job, const struct estimate *e)
{
        json_t *estimate = NULL, *fields;

        job->approval.is_given = false;
        job->approval.tokens = tokens_of(e);
        job->approval.nanousd = e->nanousd;
        fields = job_begin_wait(job, WAIT_APPROVAL,
                                "`genopt resume JOB` approves of it, `genopt attach JOB` asks at a "
                                "terminal, `genopt cancel JOB` drops it; --yes does not ask");
        if (fields &&
            (totals_to_json(e, &estimate) < 0 || json_put(fields, "estimate", estimate) < 0)) {
                json_decref(fields);
                fields = NULL;
        }
        json_decref(job->rest);
        job->rest = json_incref(estimate);
        journal_say(job, "waiting", fields);
        jobs_schedule(job->jobs);
}
