#include "daemon/calls/limiter.h"

#define BUCKET_WINDOW_USEC 60e6 /* limits are per minute where no reset says otherwise */
#define BUCKET_GOOD_PART 0.25   /* of a bucket: headers round, to thousands and to seconds */

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

void gate_enter(struct gate *g)
{
        g->n_running++;
}

void gate_leave(struct gate *g)
{
        assert(g->n_running > 0);
        g->n_running--;
}

static void begin_round(struct gate *g, uint64_t now_usec)
{
        g->round.n = 0;
        g->round.n_tokens = 0;
        g->round.since_usec = now_usec;
}

/* A round at this limit is over: did the last growth bring anything? */
static void weigh(struct gate *g, uint64_t now_usec)
{
        double passed = (double)MAX2(now_usec - g->round.since_usec, UINT64_C(1));
        double rate = (double)g->round.n_tokens / passed;

        begin_round(g, now_usec);
        if (g->n_resting > 0) {
                g->n_resting--;
        } else if (rate > g->rate) {
                g->rate = rate;
                g->limit = MIN2(g->limit + 1, (double)g->n_max);
        } else {
                g->rate = 0; /* what it is next measured by is measured anew */
                g->n_resting = GATE_REST_ROUNDS;
        }
}

void gate_on_success(struct gate *g, uint64_t n_tokens, uint64_t now_usec)
{
        /* Only a limit that was reached has been tried. */
        if (g->limit >= g->n_max || g->n_running < (unsigned)g->limit) {
                g->round.since_usec = 0;
                return;
        }
        if (g->round.since_usec == 0) {
                begin_round(g, now_usec); /* its time counts from this end */
                return;
        }
        g->round.n++;
        g->round.n_tokens += MAX2(n_tokens, UINT64_C(1));
        if (g->round.n >= (unsigned)g->limit)
                weigh(g, now_usec);
}

void gate_on_refusal(struct gate *g, uint64_t sent_usec, uint64_t now_usec)
{
        if (g->halved_usec > 0 && sent_usec <= g->halved_usec)
                return;
        g->limit = MAX2(g->limit / 2, 1.0);
        g->halved_usec = now_usec;
        g->rate = 0;
        g->n_resting = 0;
        g->round.since_usec = 0;
}

static double level_at(const struct bucket *b, uint64_t now_usec)
{
        double passed = now_usec > b->at_usec ? (double)(now_usec - b->at_usec) : 0;
        double level = b->level + passed * b->per_usec;

        return MIN2(level, b->limit);
}

void bucket_set(struct bucket *b, uint64_t per_minute, uint64_t now_usec)
{
        double level = b->is_known ? level_at(b, now_usec) : (double)per_minute;

        *b = (struct bucket){
                .is_known = per_minute > 0,
                .limit = (double)per_minute,
                .level = MIN2(level, (double)per_minute),
                .per_usec = (double)per_minute / BUCKET_WINDOW_USEC,
                .pending = b->pending,
                .at_usec = now_usec,
        };
}

void bucket_update(struct bucket *b, uint64_t limit, uint64_t remaining, uint64_t reset_ms,
                   uint64_t now_usec)
{
        double missing, seen = b->limit == (double)limit ? b->seen_per_usec : 0;
        double reset_usec;

        if (limit == UINT64_MAX || remaining == UINT64_MAX || limit == 0)
                return;
        if (reset_ms != UINT64_MAX) /* no clock is believed for longer: then it is asked */
                reset_ms = MIN2(reset_ms, (uint64_t)CALLS_RETRY_AFTER_MAX_MS);
        reset_usec = (double)reset_ms * 1000;
        missing = limit > remaining ? (double)(limit - remaining) : 0;
        if (reset_ms != UINT64_MAX && reset_ms > 0 && remaining > 0 &&
            missing >= (double)limit * BUCKET_GOOD_PART)
                seen = missing / reset_usec;
        *b = (struct bucket){
                .is_known = true,
                .limit = (double)limit,
                .level = (double)MIN2(limit, remaining),
                .per_usec = seen > 0 ? seen : (double)limit / BUCKET_WINDOW_USEC,
                .seen_per_usec = seen,
                .pending = b->pending,
                .at_usec = now_usec,
        };
        if (reset_ms == 0)
                b->level = b->limit;
        else if (reset_ms != UINT64_MAX && remaining == 0 && seen > 0)
                b->level = MAX2(MIN2(b->limit - reset_usec * seen, 0.0), -b->limit);
        else if (reset_ms != UINT64_MAX && missing > 0)
                b->per_usec = missing / reset_usec;
}

uint64_t bucket_wait_usec(const struct bucket *b, uint64_t n, uint64_t now_usec)
{
        double need = MIN2(MAX2((double)n, 1.0), b->limit), free;

        if (!b->is_known)
                return 0;
        free = level_at(b, now_usec) - b->pending;
        return free >= need ? 0 : (uint64_t)((need - free) / b->per_usec) + 1;
}

uint64_t bucket_wait_any_usec(const struct bucket *b, uint64_t now_usec)
{
        double level, need;

        if (!b->is_known)
                return 0;
        level = level_at(b, now_usec);
        need = MAX2(1.0 - level, b->pending - b->limit - level);
        return need <= 0 ? 0 : (uint64_t)(need / b->per_usec) + 1;
}

void bucket_reserve(struct bucket *b, uint64_t n)
{
        b->pending += (double)n;
}

void bucket_settle(struct bucket *b, uint64_t reserved, uint64_t used, uint64_t now_usec)
{
        b->pending = MAX2(b->pending - (double)reserved, 0.0);
        if (!b->is_known)
                return;
        /* Not below empty by more than one bucket: a bad guess shall not hold us for minutes. */
        b->level = MAX2(level_at(b, now_usec) - (double)used, -b->limit);
        b->at_usec = now_usec;
}

void buckets_configure(struct buckets *b, const struct rate_limits *r, uint64_t now_usec)
{
        bucket_set(&b->configured.requests, r->requests, now_usec);
        bucket_set(&b->configured.input, r->input, now_usec);
        bucket_set(&b->configured.output, r->output, now_usec);
}

void buckets_update(struct buckets *b, const struct advice *a, uint64_t now_usec)
{
        bucket_update(&b->told.requests, a->requests_limit, a->requests_remaining,
                      a->requests_reset_ms, now_usec);
        bucket_update(&b->told.input, a->input_limit, a->input_remaining, a->input_reset_ms,
                      now_usec);
        bucket_update(&b->told.output, a->output_limit, a->output_remaining, a->output_reset_ms,
                      now_usec);
}

void buckets_close(struct buckets *b, uint64_t retry_after_ms, uint64_t now_usec)
{
        if (retry_after_ms > 0)
                b->closed_until_usec = MAX2(b->closed_until_usec, now_usec + retry_after_ms * 1000);
}

uint64_t buckets_wait_usec(const struct buckets *b, uint64_t input, uint64_t now_usec)
{
        const uint64_t waits[] = {
                b->closed_until_usec > now_usec ? b->closed_until_usec - now_usec : 0,
                bucket_wait_usec(&b->configured.requests, 1, now_usec),
                bucket_wait_usec(&b->configured.input, input, now_usec),
                bucket_wait_any_usec(&b->configured.output, now_usec),
                bucket_wait_usec(&b->told.requests, 1, now_usec),
                bucket_wait_usec(&b->told.input, input, now_usec),
                bucket_wait_any_usec(&b->told.output, now_usec),
        };
        uint64_t longest = 0;

        for (size_t i = 0; i < N_ELEMENTS(waits); i++)
                longest = MAX2(longest, waits[i]);
        return longest;
}

void charge_reserve(struct charge *c, struct buckets *b, uint64_t input, uint64_t output)
{
        *c = (struct charge){input, output, true, true};
        bucket_reserve(&b->configured.requests, 1);
        bucket_reserve(&b->configured.input, input);
        bucket_reserve(&b->configured.output, output);
        bucket_reserve(&b->told.requests, 1);
        bucket_reserve(&b->told.input, input);
        bucket_reserve(&b->told.output, output);
}

void charge_admitted(struct charge *c, struct buckets *b, uint64_t now_usec)
{
        if (!c->is_input_due)
                return;
        c->is_input_due = false;
        bucket_settle(&b->configured.requests, 1, 1, now_usec);
        bucket_settle(&b->configured.input, c->input, c->input, now_usec);
        bucket_settle(&b->told.requests, 1, 1, now_usec);
        bucket_settle(&b->told.input, c->input, c->input, now_usec);
}

void charge_done(struct charge *c, struct buckets *b, uint64_t input, uint64_t output,
                 uint64_t now_usec)
{
        charge_admitted(c, b, now_usec);
        if (!c->is_output_due)
                return;
        c->is_output_due = false;
        output = output == UINT64_MAX ? c->output : output;
        bucket_settle(&b->configured.output, c->output, output, now_usec);
        bucket_settle(&b->told.output, c->output, output, now_usec);
        /* The provider corrects its own; ours learns what the estimate was wrong by. */
        if (input != UINT64_MAX && b->configured.input.is_known) {
                double wrong = (double)c->input - (double)input;

                b->configured.input.level = MIN2(level_at(&b->configured.input, now_usec) + wrong,
                                                 b->configured.input.limit);
                b->configured.input.at_usec = now_usec;
        }
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
