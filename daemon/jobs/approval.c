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

/* Calls that no budget counts. */
static bool is_uncounted(const struct job *job, const struct plan *p)
{
        return p->unpriced.n > 0 && !job->is_dry_run &&
               job_options_get_u64(&job->options, OPTION_UNPRICED) == UNPRICED_ASK &&
               job_options_get_u64(&job->options, OPTION_APPROVAL_WHEN) != APPROVAL_NEVER;
}

bool approval_is_due(const struct job *job, const struct plan *p)
{
        const struct estimate *e = &p->totals;
        uint64_t tokens = job_options_get_u64(&job->options, OPTION_APPROVAL_TOKENS);
        uint64_t nanousd = job_options_get_u64(&job->options, OPTION_APPROVAL_USD);
        bool is_uncounted_here = is_uncounted(job, p);

        if (e->calls == 0 || (!may_ask(job) && !is_uncounted_here))
                return false;
        if (job->approval.is_given && is_within(tokens_of(e), job->approval.tokens) &&
            is_within(e->nanousd, job->approval.nanousd))
                return false;
        return is_uncounted_here || (may_ask(job) && ((tokens > 0 && tokens_of(e) > tokens) ||
                                                      e->nanousd + p->repeat_nanousd > nanousd));
}

int approval_warn(const struct job *job, struct plan *p)
{
        uint64_t budget = job_options_get_u64(&job->options, OPTION_JOB_USD),
                 left = budget - MIN2(budget, job->totals.nanousd);
        _cleanup_free_ char *text = NULL;

        if (budget == UINT64_MAX || p->totals.nanousd <= left)
                return 0;
        text = str_printf(
                "the plan is estimated at $%.4f, and $%.4f of the job's budget is left: it "
                "will stop there and wait; --budget or budget.job_usd sets another",
                (double)p->totals.nanousd / 1e9, (double)left / 1e9);
        return text ? strlist_add(&p->warnings, text) : -ENOMEM;
}

#define WAYS_ON                                                                                \
        "`genopt resume JOB` approves of it, `genopt attach JOB` asks at a terminal, `genopt " \
        "cancel JOB` drops it; --yes does not ask"

/* What helps for good stands first. */
static char *remedy_of(const struct job *job, const struct plan *p)
{
        _cleanup_free_ char *models = NULL;

        if (!is_uncounted(job, p))
                return strdup(WAYS_ON);
        models = strlist_join(&p->unpriced, ", ");
        return models ? str_printf(
                                "the price of %s is not known, so that no budget holds: say it in "
                                "genopt.yaml (`price: {input: …, output: …}` beside `model`) and "
                                "`genopt reload`; or " WAYS_ON,
                                models)
                      : NULL;
}

void approval_ask(struct job *job, const struct plan *p)
{
        _cleanup_free_ char *remedy = remedy_of(job, p);
        json_t *estimate = NULL, *fields = NULL;

        job->approval.is_given = false;
        job->approval.tokens = tokens_of(&p->totals);
        job->approval.nanousd = p->totals.nanousd;
        fields = job_begin_wait(job, WAIT_APPROVAL, remedy ? remedy : WAYS_ON);
        if (fields &&
            (totals_to_json(&p->totals, &estimate) < 0 ||
             json_put(fields, "estimate", estimate) < 0 || plan_put_unpriced(p, fields) < 0)) {
                json_decref(fields);
                fields = NULL;
        }
        json_decref(job->rest);
        job->rest = json_incref(estimate);
        journal_say(job, "waiting", fields);
        jobs_schedule(job->jobs);
}
