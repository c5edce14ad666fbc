#include "daemon/calls/limiter.h"

#define BUCKET_WINDOW_USEC 60e6 /* limits are per minute where no reset says otherwise */

void gate_init(struct gate *g, unsigned n_max)
{
        *g = (struct gate){.n_max = MAX2(n_max, 1U)};
        g->limit = g->n_max;
}

void gate_set_max(struct gate *g, unsigned n_max)
{
        bool was_full = g->limit >= g->n_max;

        g->n_max = MAX2(n_max, 1U);
        if (was_full || g->limit > g->n_max)
                g->limit = g->n_max;
}

bool gate_has_slot(const struct gate *g)
{
        return g->n_running < (unsigned)g->limit;
}

uint64_t gate_wait_usec(const struct gate *g, uint64_t now_usec)
{
        return g->closed_until_usec > now_usec ? g->closed_until_usec - now_usec : 0;
}

void gate_enter(struct gate *g)
{
        g->n_running++;
}

void gate_leave(struct gate *g)
{
        assert(g->n_running > 0);
        g->n_running--;
}

void gate_on_success(struct gate *g)
{
        /* Only a limit that was reached has been tried. */
        if (g->n_running >= (unsigned)g->limit)
                g->limit += 1.0 / g->limit;
        if (g->limit > g->n_max)
                g->limit = g->n_max;
}

void gate_on_refusal(struct gate *g, uint64_t sent_usec, uint64_t retry_after_ms, uint64_t now_usec)
{
        if (g->halved_usec == 0 || sent_usec > g->halved_usec) {
                g->limit = MAX2(g->limit / 2, 1.0);
                g->halved_usec = now_usec;
        }
        if (retry_after_ms > 0)
                g->closed_until_usec = MAX2(g->closed_until_usec, now_usec + retry_after_ms * 1000);
}

static double level_at(const struct bucket *b, uint64_t now_usec)
{
        double passed = now_usec > b->at_usec ? (double)(now_usec - b->at_usec) : 0;
        double level = b->level + passed * b->per_usec;

        return MIN2(level, b->limit);
}

void bucket_update(struct bucket *b, uint64_t limit, uint64_t remaining, uint64_t reset_ms,
                   uint64_t now_usec)
{
        double missing;

        if (limit == UINT64_MAX || remaining == UINT64_MAX || limit == 0)
                return;
        missing = limit > remaining ? (double)(limit - remaining) : 0;
        *b = (struct bucket){
                .is_known = true,
                .limit = (double)limit,
                .level = (double)MIN2(limit, remaining),
                .per_usec = (double)limit / BUCKET_WINDOW_USEC,
                .at_usec = now_usec,
        };
        if (reset_ms == 0)
                b->level = b->limit;
        else if (reset_ms != UINT64_MAX && missing > 0)
                b->per_usec = missing / ((double)reset_ms * 1000);
}

uint64_t bucket_wait_usec(const struct bucket *b, uint64_t now_usec)
{
        double level;

        if (!b->is_known)
                return 0;
        level = level_at(b, now_usec);
        if (level >= 1)
                return 0;
        return (uint64_t)((1 - level) / b->per_usec) + 1;
}

void bucket_take(struct bucket *b, uint64_t n, uint64_t now_usec)
{
        if (!b->is_known)
                return;
        /* Not below empty by more than one bucket: a bad guess shall not hold us for minutes. */
        b->level = MAX2(level_at(b, now_usec) - (double)n, -b->limit);
        b->at_usec = now_usec;
}

void buckets_update(struct buckets *b, const struct advice *a, uint64_t now_usec)
{
        bucket_update(&b->requests, a->requests_limit, a->requests_remaining, a->requests_reset_ms,
                      now_usec);
        bucket_update(&b->input, a->input_limit, a->input_remaining, a->input_reset_ms, now_usec);
        bucket_update(&b->output, a->output_limit, a->output_remaining, a->output_reset_ms,
                      now_usec);
}

uint64_t buckets_wait_usec(const struct buckets *b, uint64_t now_usec)
{
        uint64_t requests = bucket_wait_usec(&b->requests, now_usec);
        uint64_t input = bucket_wait_usec(&b->input, now_usec);
        uint64_t output = bucket_wait_usec(&b->output, now_usec);

        return MAX2(requests, MAX2(input, output));
}

void buckets_take(struct buckets *b, uint64_t input, uint64_t output, uint64_t now_usec)
{
        bucket_take(&b->requests, 1, now_usec);
        bucket_take(&b->input, input, now_usec);
        bucket_take(&b->output, output, now_usec);
}

uint64_t backoff_ms(unsigned n_failed, unsigned n_refusals, uint64_t retry_after_ms,
                    unsigned chance)
{
        static const uint64_t plain[] = {1000, 2000, 4000}, refused[] = {1000, 16000, 32000};
        uint64_t delay;

        if (retry_after_ms > 0)
                return retry_after_ms + chance / 4;
        delay = plain[MIN2(n_failed, (unsigned)N_ELEMENTS(plain)) - 1];
        if (n_refusals >= 2)
                delay = refused[MIN2(n_refusals, (unsigned)N_ELEMENTS(refused)) - 1];
        return delay - delay * chance / 4000;
}
