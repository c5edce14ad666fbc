/* One request on its way: intent, attempts, retries, and what its calls are told. */

#include "daemon/calls/flight.h"

#include <inttypes.h>

#include "common/clock.h"
#include "common/log.h"
#include "common/str.h"
#include "daemon/calls/keeper.h"
#include "daemon/metrics/metrics.h"

struct call *flight_payer(const struct flight *f)
{
        return TAILQ_FIRST(&f->owners);
}

uint64_t flight_input(const struct flight *f)
{
        const struct call *c = flight_payer(f);
        uint64_t n = c->input_tokens;

        if (!f->is_whole_charged)
                n -= MIN2(n, c->cache_read_tokens);
        return f->is_whole_charged ? n + f->max_tokens : n;
}

uint64_t flight_output(const struct flight *f)
{
        return f->is_whole_charged ? 0 : flight_payer(f)->output_tokens;
}

/* ---- life ---- */

void flight_move(struct flight *f, enum flight_state to)
{
        static const char *const names[N_FLIGHT_STATES] = {"queued", "intent", "sent",
                                                           "delay",  "ending", "landed"};
        static const unsigned may_come_from[N_FLIGHT_STATES] _unused_ = {
                [FLIGHT_QUEUED] = 1U << FLIGHT_QUEUED | 1U << FLIGHT_DELAY | 1U << FLIGHT_INTENT |
                                  1U << FLIGHT_SENT, /* again */
                [FLIGHT_INTENT] = 1U << FLIGHT_QUEUED,
                [FLIGHT_SENT] = 1U << FLIGHT_QUEUED | 1U << FLIGHT_INTENT,
                [FLIGHT_DELAY] = 1U << FLIGHT_QUEUED | 1U << FLIGHT_SENT,
                [FLIGHT_ENDING] = 1U << FLIGHT_QUEUED | 1U << FLIGHT_INTENT | 1U << FLIGHT_SENT |
                                  1U << FLIGHT_DELAY,
                [FLIGHT_LANDED] = 1U << FLIGHT_ENDING,
        };
        const struct call *payer = flight_payer(f);
        char job[ULID_TEXT_BYTES] = "";

        assert(may_come_from[to] & 1U << f->state);
        if (payer)
                ulid_to_text(&payer->job, job);
        log_debug("job %s call %llu: %s -> %s", job, payer ? (unsigned long long)payer->n : 0,
                  names[f->state], names[to]);
        f->state = to;
}

static void take_slot(struct flight *f)
{
        gate_enter(&f->lane->gate);
        f->has_slot = true;
        metrics_set(METRIC_calls_live, ++f->room->n_running);
}

static void give_slot(struct flight *f)
{
        const struct usage *u = &f->attempt_usage;
        uint64_t input =
                u->is_known ? u->input + u->cache_write_5m + u->cache_write_1h : UINT64_MAX;

        if (u->is_known && f->is_whole_charged)
                input += u->cache_read;
        charge_done(&f->charge, &f->limits->buckets, input,
                    u->is_known ? u->output : f->text.n / BYTES_PER_TOKEN, clock_monotonic_usec());
        f->attempt_usage = (struct usage){};
        gate_leave(&f->lane->gate);
        f->has_slot = false;
        metrics_set(METRIC_calls_live, --f->room->n_running);
}

static int copy_blocks(struct flight *f, const struct call_spec *spec)
{
        size_t n = 0, at = 0;

        for (size_t i = 0; i < spec->n_blocks; i++)
                n += spec->blocks[i].text.n;
        f->prompt = malloc(n + 1);
        f->blocks = calloc(spec->n_blocks + 1, sizeof(*f->blocks));
        if (!f->prompt || !f->blocks)
                return -ENOMEM;
        for (size_t i = 0; i < spec->n_blocks; i++) {
                struct span text = spec->blocks[i].text;

                f->blocks[i] = spec->blocks[i];
                f->blocks[i].text.at = f->prompt + at;
                if (text.n > 0)
                        memcpy(f->prompt + at, text.at, text.n);
                at += text.n;
        }
        f->n_blocks = spec->n_blocks;
        return 0;
}

static void on_delay_over(void *arg);

int flight_new(struct calls *c, const struct call_spec *spec, const struct hash *key,
               struct flight **ret)
{
        struct flight *f = calloc(1, sizeof(*f));
        int r;

        if (!f)
                return -ENOMEM;
        f->room = c;
        f->key = *key;
        f->unsent = UNSENT_NONE;
        f->max_tokens = spec->max_tokens;
        f->is_cache_explicit = spec->is_cache_explicit;
        f->cache_lifetime_ms = spec->cache_lifetime_ms;
        f->created_usec = clock_monotonic_usec();
        f->started_ms = clock_realtime_ms();
        TAILQ_INIT(&f->owners);
        TAILQ_INIT(&f->held);
        buf_init(&f->text, 0);
        LIST_INSERT_HEAD(&c->flights, f, in_room);
        f->model = strdup(spec->model);
        r = f->model ? copy_blocks(f, spec) : -ENOMEM;
        if (r == 0)
                r = lane_get(c, spec->provider, &f->lane);
        if (r == 0)
                r = lane_limits(c, f->lane, spec->model, &f->limits);
        if (r == 0)
                f->is_whole_charged =
                        provider_charges_whole(provider_find(c->providers, spec->provider));
        if (r == 0)
                r = timer_new(c->loop, on_delay_over, f, &f->timer);
        if (r == 0) {
                HASH_ADD(hh, c->by_key, key, sizeof(f->key), f);
                r = f->hh.tbl ? 0 : -ENOMEM;
        }
        if (r < 0) {
                flight_free(f);
                return r;
        }
        *ret = f;
        return 0;
}

/* It goes ahead of the others of its model, if that has never answered. */
static void become_scout(struct flight *f)
{
        const struct provider *p = provider_find(f->room->providers, f->lane->provider);

        if (f->limits->scout || !p || provider_is_manner_known(p, f->model))
                return;
        f->limits->scout = f;
        f->limits->scout_usec = clock_monotonic_usec();
}

static void end_scouting(struct flight *f)
{
        if (!f->limits || f->limits->scout != f)
                return;
        f->limits->scout = NULL;
        calls_kick(f->room, 0);
}

/* Takes it out of everything but list and memory; callbacks of its owners may still be on the
 * stack. */
void flight_detach(struct flight *f)
{
        if (f->turn)
                queue_remove(f);
        end_scouting(f);
        if (f->attempt)
                provider_cancel(take(f->attempt), NULL);
        if (f->intent) {
                f->intent->flight = NULL;
                f->intent = NULL;
        }
        (void)!unsent_remove(f->room->unsent, &f->unsent);
        timer_stop(f->timer);
        if (f->has_slot)
                give_slot(f);
}

void flight_unlist(struct flight *f)
{
        if (!f->hh.tbl)
                return;
        HASH_DEL(f->room->by_key, f);
        f->hh.tbl = NULL;
}

void flight_free(struct flight *f)
{
        struct call *c;

        if (f->lane)
                flight_detach(f);
        flight_unlist(f);
        if (f->n_busy > 0) {
                f->is_gone = true;
                return;
        }
        TAILQ_FOREACH (c, &f->held, entry)
                c->landed = NULL;
        if (f->is_in_kept)
                TAILQ_REMOVE(&f->room->kept, f, entry);
        LIST_REMOVE(f, in_room);
        timer_free(f->timer);
        failure_free(f->retry_why);
        buf_done(&f->text);
        free(f->had);
        free(f->blocks);
        free(f->prompt);
        free(f->model);
        free(f);
}

/* ---- telling ---- */

/* One thing that this call was not told yet. */
static bool tell_next(struct flight *f, struct call *c)
{
        uint64_t held_ms = c->held_ms;

        c->is_busy = true;
        c->held_ms = 0;
        if (held_ms > 0) {
                if (c->events.on_held)
                        c->events.on_held(c, held_ms, c->arg);
        } else if (c->n_told_retries < f->n_retries) {
                c->n_told_retries = f->n_retries;
                c->n_told_text = 0;
                c->is_told_started = false;
                if (c->events.on_retry)
                        c->events.on_retry(c, f->retry_why, f->retry_delay_ms, f->n_attempts + 1,
                                           c->arg);
        } else if (f->is_started && !c->is_told_started) {
                c->is_told_started = true;
                if (c->events.on_started)
                        c->events.on_started(c, c->arg);
        } else if (c->n_told_text < f->text.n) {
                struct span text = {f->text.at + c->n_told_text, f->text.n - c->n_told_text};

                c->n_told_text = f->text.n;
                if (c->events.on_text)
                        c->events.on_text(c, text, c->arg);
        } else {
                c->is_busy = false;
                return false;
        }
        c->is_busy = false;
        if (c->is_gone)
                call_free(c);
        return true;
}

void call_tell_later(struct call *c)
{
        if (c->is_catching)
                return;
        TAILQ_INSERT_TAIL(&c->room->catching, c, catching);
        c->is_catching = true;
        calls_kick(c->room, 0);
}

/* After each callback the list of owners may be another one: from the front again. */
void flight_deliver(struct flight *f)
{
        struct call *c;
        bool has_told;

        f->n_busy++;
        do {
                has_told = false;
                TAILQ_FOREACH (c, &f->owners, entry) {
                        has_told = tell_next(f, c);
                        if (has_told)
                                break;
                }
        } while (has_told && !f->is_gone);
        f->n_busy--;
        if (f->is_gone && f->n_busy == 0)
                flight_free(f);
        else
                landing_deliver(f);
}

/* ---- money ---- */

uint64_t flight_price_of_part(const struct flight *f, const struct usage *u)
{
        struct usage part = *u;

        part.output = MAX2(part.output, (uint64_t)f->text.n / BYTES_PER_TOKEN);
        return price_of_usage(&flight_payer(f)->price, &part);
}

void flight_fill_record(const struct flight *f, struct call *c, const char *state,
                        const struct usage *u, uint64_t nanousd)
{
        memcpy(c->request_id, f->request_id, sizeof(c->request_id));
        c->record = (struct record){
                .n = c->n,
                .uid = c->uid,
                .tasks = c->tasks,
                .provider = c->provider,
                .model = c->model,
                .state = state,
                .started_ms = f->started_ms,
                .estimate_nanousd = c->estimate_nanousd,
                .nanousd = nanousd,
                .ms = f->left_usec > 0 ? (clock_monotonic_usec() - f->left_usec) / 1000 : 0,
                .first_token_ms = f->first_token_ms,
                .n_attempts = f->n_attempts,
                .usage = u ? *u : (struct usage){},
                .request_id = c->request_id[0] ? c->request_id : NULL,
        };
}

/* ---- the intent ---- */

int flight_put_intent(struct flight *f, struct store_batch *b)
{
        _cleanup_buf_ struct buf record = {}, prompt = {};
        struct call *payer = flight_payer(f);
        struct record_key key, prompt_key, mark;
        int r;

        flight_fill_record(f, payer, "running", NULL, f->lost_nanousd);
        f->noted_nanousd = f->lost_nanousd;
        r = record_write(&payer->record, &record);
        if (r == 0)
                r = record_write_prompt(f->blocks, f->n_blocks, &prompt);
        record_key_of(&payer->job, payer->n, &key);
        record_key_of_prompt(&payer->job, payer->n, &prompt_key);
        record_key_of_mark(&payer->job, payer->n, &mark);
        if (r == 0)
                r = store_batch_put(b, TABLE_CALL, record_key_span(&key), buf_span(&record));
        if (r == 0)
                r = store_batch_put(b, TABLE_CALL, record_key_span(&prompt_key), buf_span(&prompt));
        if (r == 0)
                r = store_batch_put(b, TABLE_CALL, record_key_span(&mark), SPAN("1"));
        return r;
}

void flight_name_unsent(struct flight *f)
{
        const struct call *payer = flight_payer(f);

        if (f->unsent == UNSENT_NONE && f->lost_nanousd == 0)
                f->unsent = unsent_add(f->room->unsent, &payer->job, payer->n);
}

static int commit_intent(struct flight *f)
{
        struct store_batch *b;
        int r = store_batch_new(STORE_STATE, &b);

        if (r < 0)
                return r;
        r = flight_put_intent(f, b);
        if (r < 0) {
                store_batch_free(b);
                return r;
        }
        return calls_commit(f->room, b, f);
}

static struct failure *failure_of_errno(int r)
{
        if (r == -ENOSPC)
                return failure_new(FAILURE_DISK_FULL, NULL);
        return failure_new(FAILURE_INTERNAL, "a model call could not be made: %s", strerror(-r));
}

static void send(struct flight *f);

void flight_on_intent(struct flight *f, int r)
{
        if (r < 0) {
                f->has_intent = f->n_attempts > 0; /* the first one's stands */
                flight_end(f, failure_of_errno(r), STOP_OTHER, NULL);
        } else
                send(f);
}

void flight_leave(struct flight *f)
{
        int r;

        take_slot(f);
        become_scout(f);
        charge_reserve(&f->charge, &f->limits->buckets, flight_input(f), flight_output(f));
        if (!budget_has_reserved(f))
                budget_reserve(f, flight_payer(f)->worst_nanousd + f->lost_nanousd);
        if (f->has_intent && f->noted_nanousd == f->lost_nanousd) {
                send(f);
                return;
        }
        flight_move(f, FLIGHT_INTENT);
        flight_name_unsent(f);
        r = commit_intent(f);
        if (r < 0)
                flight_end(f, failure_of_errno(r), STOP_OTHER, NULL);
        else
                f->has_intent = true;
}

/* ---- the attempt ---- */

static int on_leaving(void *arg)
{
        struct flight *f = arg;

        f->leave_error = unsent_remove(f->room->unsent, &f->unsent);
        f->has_left = f->leave_error == 0;
        return f->leave_error;
}

static void on_limits(struct attempt *a _unused_, const struct advice *limits, void *arg)
{
        struct flight *f = arg;
        uint64_t now = clock_monotonic_usec();

        charge_admitted(&f->charge, &f->limits->buckets, now);
        buckets_update(&f->limits->buckets, limits, now);
        if (f->limits->scout == f &&
            provider_is_manner_known(provider_find(f->room->providers, f->lane->provider),
                                     f->model))
                end_scouting(f);
}

static void on_started(struct attempt *a _unused_, void *arg)
{
        struct flight *f = arg;

        f->is_started = true;
        f->first_token_ms = attempt_first_event_usec(f->attempt) / 1000;
        metrics_observe(METRIC_first_token_ms, f->first_token_ms);
        flight_deliver(f);
}

static void on_text(struct attempt *a _unused_, struct span text, void *arg)
{
        struct flight *f = arg;
        struct usage usage;

        if (buf_add_span(&f->text, text) == 0) {
                flight_deliver(f);
                return;
        }
        provider_cancel(take(f->attempt), &usage);
        flight_end(f, failure_of_errno(f->text.failed), STOP_OTHER, &usage);
}

/* What a failed attempt may have cost. */
static uint64_t price_of_failed(const struct flight *f, const struct usage *u,
                                bool was_perhaps_paid)
{
        if (u->is_known)
                return flight_price_of_part(f, u);
        return was_perhaps_paid ? flight_payer(f)->estimate_nanousd : 0;
}

static bool may_retry(const struct flight *f, const struct advice *advice)
{
        return advice->is_retryable && f->n_attempts < CALLS_MAX_ATTEMPTS &&
               advice->retry_after_ms <= CALLS_RETRY_AFTER_MAX_MS;
}

static void start_retry(struct flight *f, struct failure *why, const struct advice *advice)
{
        uint64_t delay = backoff_ms(f->n_attempts, f->n_refusals, advice->retry_after_ms,
                                    (unsigned)clock_random_below(1000));

        if (advice->retry_after_ms == 0)
                delay /= MAX2(f->room->config.n_hurry, 1U);

        give_slot(f);
        end_scouting(f);
        metrics_count(calls_retries);
        failure_free(f->retry_why);
        f->retry_why = why;
        f->retry_delay_ms = delay;
        f->n_retries++;
        f->is_started = false;
        f->has_left = false;
        buf_clear(&f->text);
        flight_name_unsent(f);
        flight_move(f, FLIGHT_DELAY);
        if (timer_start(f->timer, delay) < 0) {
                flight_end(f, take(f->retry_why), STOP_OTHER, NULL);
                return;
        }
        calls_kick(f->room, 0);
        flight_deliver(f);
}

/* Consumes why. */
int flight_restart(struct flight *f, struct failure *why)
{
        struct call *c = flight_payer(f);

        flight_detach(f);
        failure_free(f->retry_why);
        f->retry_why = why;
        f->retry_delay_ms = 0;
        f->n_retries++;
        f->lost_nanousd = f->noted_nanousd = 0;
        f->left_usec = 0;
        f->has_intent = f->has_left = f->is_started = false;
        buf_clear(&f->text);
        call_tell_later(c); /* what left is on the stack */
        return queue_add(f, true);
}

int flight_delay(struct flight *f, uint64_t ms)
{
        flight_move(f, FLIGHT_DELAY);
        return timer_start(f->timer, ms);
}

static void on_delay_over(void *arg)
{
        struct flight *f = arg;

        if (queue_add(f, true) < 0)
                flight_end(f, failure_of_errno(-ENOMEM), STOP_OTHER, NULL);
        else
                calls_kick(f->room, 0);
}

/* Why it is not asked again, though that would make sense; NULL: it is. A budget that has no room
 * beside what others have reserved is waited for, in the queue. */
static struct failure *refuse_retry(struct flight *f)
{
        bool is_never, fits = budget_fits(f, &is_never);

        if (f->room->is_draining) /* its next try is the next daemon's: no failure of its task */
                return failure_new(FAILURE_STOPPING, NULL);
        if (!fits && is_never)
                return budget_refuses_flight(f);
        budget_reserve(f, f->lost_nanousd + (fits ? flight_payer(f)->worst_nanousd : 0));
        return NULL;
}

/* What came stands for all owners or for none: they were told the same. */
static bool has_enough(struct flight *f)
{
        struct call *c = flight_payer(f);
        bool has;

        if (!c->events.has_enough)
                return false;
        c->is_busy = true;
        has = c->events.has_enough(c, c->arg);
        c->is_busy = false;
        return has;
}

static void on_failed(struct flight *f, const struct usage *usage, const struct failure *failure,
                      const struct advice *advice)
{
        struct failure *why = failure_copy(failure);
        uint64_t nanousd = price_of_failed(f, usage, advice->was_perhaps_paid);
        bool is_refusal = failure->id == FAILURE_RATE_LIMITED || failure->id == FAILURE_OVERLOADED;
        uint64_t now = clock_monotonic_usec();

        if (is_refusal) {
                uint64_t pause = failure->id == FAILURE_RATE_LIMITED ? advice->retry_after_ms : 0;

                f->n_refusals++;
                gate_on_refusal(&f->lane->gate, f->sent_usec, now);
                buckets_close(&f->limits->buckets, MIN2(pause, (uint64_t)CALLS_RETRY_AFTER_MAX_MS),
                              now);
        }
        f->lost_nanousd += nanousd;
        if (why && may_retry(f, advice)) {
                struct failure *stop = NULL;

                f->is_broken = f->text.n > 0 && has_enough(f);
                if (!f->is_broken)
                        stop = refuse_retry(f);
                if (!f->is_broken && !stop) {
                        start_retry(f, why, advice);
                        return;
                }
                if (stop) {
                        failure_free(why);
                        why = stop;
                }
        }
        if (why && is_refusal && advice->retry_after_ms > CALLS_RETRY_AFTER_MAX_MS)
                (void)!failure_set_remedy(why,
                                          "`genopt resume JOB` in %" PRIu64
                                          " minutes: so long the provider wants to be left alone",
                                          advice->retry_after_ms / 60000 + 1);
        /* What the provider said of the last attempt is booked as its usage, not as lost. */
        if (usage->is_known)
                f->lost_nanousd -= nanousd;
        flight_end(f, why ?: failure_new(FAILURE_INTERNAL, NULL), STOP_OTHER, usage);
}

static void on_end(struct attempt *a, enum stop_reason stop, const struct usage *usage,
                   const struct failure *failure, const struct advice *advice, void *arg)
{
        struct flight *f = arg;
        const char *id = attempt_request_id(a);

        f->attempt = NULL;
        f->attempt_usage = *usage;
        (void)snprintf(f->request_id, sizeof(f->request_id), "%s", id ? id : "");
        if (failure && f->leave_error < 0) {
                flight_end(f, failure_of_errno(f->leave_error), STOP_OTHER, NULL);
                return;
        }
        if (failure) {
                on_failed(f, usage, failure, advice);
                return;
        }
        gate_on_success(&f->lane->gate, usage->output, clock_monotonic_usec());
        keeper_note(f->room->keeper, f);
        flight_end(f, NULL, stop, usage);
}

static void send(struct flight *f)
{
        static const struct attempt_events events = {
                .on_leaving = on_leaving,
                .on_limits = on_limits,
                .on_started = on_started,
                .on_text = on_text,
                .on_end = on_end,
        };
        struct call *payer = flight_payer(f);
        struct provider *p = provider_find(f->room->providers, f->lane->provider);
        char job[ULID_TEXT_BYTES];
        enum failure_id lack;
        const char *reason;
        int r;

        flight_move(f, FLIGHT_SENT);
        if (!p) {
                flight_end(f,
                           failure_new(FAILURE_BAD_CONFIG, "there is no provider %s any more",
                                       f->lane->provider),
                           STOP_OTHER, NULL);
                return;
        }
        if (!provider_is_ready(p, &lack, &reason)) {
                flight_end(f, failure_new(lack, "provider %s: %s", f->lane->provider, reason),
                           STOP_OTHER, NULL);
                return;
        }
        ulid_to_text(&payer->job, job);
        f->sent_usec = clock_monotonic_usec();
        r = provider_send(p,
                          &(struct request){
                                  .model = f->model,
                                  .blocks = f->blocks,
                                  .n_blocks = f->n_blocks,
                                  .max_tokens = f->max_tokens,
                                  .is_cache_explicit = f->is_cache_explicit,
                                  .job = job,
                                  .call = payer->n,
                          },
                          &events, f, &f->attempt);
        if (r < 0) {
                flight_end(f, failure_of_errno(r), STOP_OTHER, NULL);
                return;
        }
        f->n_attempts++;
        if (f->left_usec == 0) {
                f->left_usec = f->sent_usec;
                metrics_count(calls_started);
        }
}
