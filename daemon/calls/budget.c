/* Budgets: of a job, of the day, of the month. What was settled stands in the ledger; what ended
 * and is not settled, and the worst case of what is under way, are held beside it. */

#include "daemon/calls/flight.h"

static bool fits(uint64_t limit, uint64_t spent, uint64_t reserved, uint64_t more,
                 bool *ret_is_never)
{
        if (limit == UINT64_MAX)
                return true;
        if (more > limit || spent > limit - more) {
                *ret_is_never = true;
                return false;
        }
        return reserved <= limit - more - spent;
}

static uint64_t limit_of(const struct calls *c, enum budget_period p)
{
        uint64_t limit =
                p == BUDGET_DAY ? c->config.day_budget_nanousd : c->config.month_budget_nanousd;

        return limit ?: UINT64_MAX;
}

static uint64_t spent_in(const struct calls *c, enum budget_period p)
{
        return p == BUDGET_DAY ? ledger_today(c->ledger) : ledger_month(c->ledger);
}

bool budget_fits(const struct flight *f, bool *ret_is_never)
{
        const struct calls *c = f->room;
        const struct call *payer = flight_payer(f);
        const struct account *a = payer->account;
        uint64_t more = payer->worst_nanousd + f->lost_nanousd;
        bool has_room;

        /* Its own reserve, when it has one, is what is being replaced. */
        *ret_is_never = false;
        has_room = fits(a->left, a->unsettled, a->reserved - f->reserved, more, ret_is_never);
        for (enum budget_period p = 0; p < N_BUDGET_PERIODS && has_room; p++)
                has_room = fits(limit_of(c, p), spent_in(c, p) + c->unsettled,
                                c->reserved - f->reserved, more, ret_is_never);
        return has_room;
}

bool budget_can_take(const struct account *a, uint64_t more)
{
        bool is_never;

        return fits(a->left, a->unsettled, a->reserved, more, &is_never);
}

/* A job's own is raised for the job; these are the daemon's. */
static struct failure *refuse_period(enum budget_period p)
{
        static const char *const words[N_BUDGET_PERIODS][3] = {
                {"today's", "day", "tomorrow (UTC)"},
                {"the month's", "month", "next month (UTC)"},
        };
        struct failure *why =
                failure_new(FAILURE_BUDGET, "%s budget does not allow the next call", words[p][0]);

        if (why)
                (void)!failure_set_remedy(why,
                                          "raise budget.%s_usd in genopt.yaml and `genopt reload`, "
                                          "or wait until %s; then `genopt resume JOB`",
                                          words[p][1], words[p][2]);
        return why;
}

struct failure *budget_refuses(const struct calls *c, uint64_t left, uint64_t unsettled,
                               uint64_t more)
{
        bool is_never = false;

        (void)fits(left, unsettled, 0, more, &is_never);
        if (is_never)
                return failure_new(FAILURE_BUDGET,
                                   "the job's budget does not allow the next call, which may cost "
                                   "$%.4f at most: $%.4f of it is left",
                                   (double)more / 1e9,
                                   (double)(left - MIN2(left, unsettled)) / 1e9);
        for (enum budget_period p = 0; p < N_BUDGET_PERIODS; p++) {
                (void)fits(limit_of(c, p), spent_in(c, p) + c->unsettled, 0, more, &is_never);
                if (is_never)
                        return refuse_period(p);
        }
        return NULL;
}

struct failure *budget_refuses_flight(const struct flight *f)
{
        const struct call *payer = flight_payer(f);
        const struct account *a = payer->account;
        struct failure *why = budget_refuses(f->room, a->left, a->unsettled,
                                             payer->worst_nanousd + f->lost_nanousd);

        return why ?: failure_new(FAILURE_BUDGET, NULL);
}

void budget_reserve(struct flight *f, uint64_t nanousd)
{
        struct account *a = flight_payer(f)->account;

        a->reserved = a->reserved - f->reserved + nanousd;
        f->room->reserved = f->room->reserved - f->reserved + nanousd;
        f->reserved = nanousd;
}

bool budget_has_reserved(const struct flight *f)
{
        return f->reserved > 0 && f->reserved >= flight_payer(f)->worst_nanousd + f->lost_nanousd;
}

/* What an earlier daemon has seen pass is not told again. */
void budget_watch(struct calls *c)
{
        for (enum budget_period p = 0; p < N_BUDGET_PERIODS; p++) {
                uint64_t limit = limit_of(c, p), spent = spent_in(c, p);
                uint32_t now = ledger_period(c->ledger, p == BUDGET_MONTH);
                bool has_passed =
                        limit != UINT64_MAX && c->config.warn_at_millionths > 0 &&
                        (double)spent >= (double)limit * (double)c->config.warn_at_millionths / 1e6;

                if (!c->warned[p].is_known || c->warned[p].period != now)
                        c->warned[p].has_passed = !c->warned[p].is_known && has_passed;
                c->warned[p].is_known = true;
                c->warned[p].period = now;
                if (has_passed && !c->warned[p].has_passed && c->config.on_budget)
                        c->config.on_budget(p, spent, limit, c->config.arg);
                c->warned[p].has_passed = has_passed;
        }
}
