/* How a flight ends: each of its calls gets the outcome, and for a moment an equal call still can.
 *
 * Between the end of an answer and the keeping of what was checked of it lie the judgement of a
 * worker and a commit of the cache. Who asks for the same meanwhile would find it neither there nor
 * on its way. So a flight that came to its proper end stays on the list (LANDED) until the cache
 * has taken in what its first settlement kept, or nobody holds its answer any more; who joins it is
 * told everything on the next turn, and pays nothing. A job that had the answer asks anew: it has
 * refused it. */

#include "common/clock.h"
#include "common/log.h"
#include "common/str.h"
#include "daemon/calls/flight.h"
#include "daemon/metrics/metrics.h"

/* The call holds what was spent until it is settled. */
static void hold_spent(struct call *c, uint64_t nanousd)
{
        c->record.nanousd = nanousd;
        c->account->unsettled += nanousd;
        c->room->unsettled += nanousd;
        metrics_add(METRIC_spent_nanousd, nanousd);
        metrics_add(METRIC_tokens_input, c->record.usage.input);
        metrics_add(METRIC_tokens_cache_read, c->record.usage.cache_read);
        metrics_add(METRIC_tokens_cache_write,
                    c->record.usage.cache_write_5m + c->record.usage.cache_write_1h);
        metrics_add(METRIC_tokens_output, c->record.usage.output);
}

/* ---- the end ---- */

/* A landed flight goes when nobody can join it any more and all who did were told. */
static void review(struct flight *f)
{
        bool is_wanted = f->hh.tbl && (f->is_kept || !TAILQ_EMPTY(&f->held));

        if (f->state == FLIGHT_LANDED && f->n_busy == 0 && TAILQ_EMPTY(&f->owners) && !is_wanted)
                flight_free(f);
}

static void hold_answer(struct flight *f, struct call *c)
{
        struct ulid *longer = realloc(f->had, (f->n_had + 1) * sizeof(*f->had));

        if (!longer) {
                flight_unlist(f); /* it could not tell who had it */
                return;
        }
        f->had = longer;
        f->had[f->n_had++] = c->job;
        TAILQ_INSERT_TAIL(&f->held, c, entry);
        c->landed = f;
}

static void end_call(struct flight *f, struct call *c, const struct call_outcome *o)
{
        TAILQ_REMOVE(&f->owners, c, entry);
        c->flight = NULL;
        if (c->is_catching) {
                TAILQ_REMOVE(&c->room->catching, c, catching);
                c->is_catching = false;
        }
        flight_fill_record(f, c, o->failure ? "failed" : "ok", &o->usage, 0);
        c->record.ms = o->ms;
        c->record.error = o->failure ? failure_table[o->failure->id].name : NULL;
        c->record.is_joined = !o->is_payer;
        if (o->is_payer) {
                c->has_intent = f->has_intent;
                c->is_lost = f->lost_nanousd > 0;
                hold_spent(c, o->nanousd);
        } else
                c->record.usage = (struct usage){};
        if (f->hh.tbl)
                hold_answer(f, c);
        c->is_busy = true;
        c->events.on_end(c, o, c->arg);
        c->is_busy = false;
        if (c->is_gone)
                call_free(c);
}

/* The first of them pays, unless somebody did. */
static void end_calls(struct flight *f)
{
        struct call *c;

        f->n_busy++;
        while ((c = flight_payer(f))) {
                f->outcome.text = buf_span(&f->text);
                end_call(f, c, &f->outcome);
                f->outcome.is_payer = false;
                f->outcome.nanousd = 0;
        }
        f->n_busy--;
}

static uint64_t price_of_end(const struct flight *f, const struct usage *u, bool has_failed)
{
        if (u->is_known)
                return has_failed ? flight_price_of_part(f, u)
                                  : price_of_usage(&flight_payer(f)->price, u);
        /* It came, and its provider does not count. */
        return has_failed ? 0 : flight_payer(f)->estimate_nanousd;
}

/* A call that joined late may find text in the outcome that no on_text() brought. */
void flight_end(struct flight *f, struct failure *failure, enum stop_reason stop,
                const struct usage *usage)
{
        struct call_outcome *o = &f->outcome;
        struct calls *room = f->room;

        calls_name_key(room, failure, f->lane->provider);
        flight_detach(f);
        if (failure)
                flight_unlist(f);
        flight_move(f, FLIGHT_ENDING);
        budget_reserve(f, 0);
        *o = (struct call_outcome){
                .stop = stop,
                .usage = usage ? *usage : (struct usage){},
                .failure = failure,
                .ms = f->left_usec > 0 ? (clock_monotonic_usec() - f->left_usec) / 1000 : 0,
                .first_token_ms = f->first_token_ms,
                .n_attempts = f->n_attempts,
                .request_id = f->request_id[0] ? f->request_id : NULL,
                .is_payer = true,
                .is_broken = f->is_broken,
        };
        o->nanousd = f->lost_nanousd + price_of_end(f, &o->usage, failure != NULL);
        metrics_add(failure ? METRIC_calls_failed : METRIC_calls_done, 1);
        if (f->left_usec > 0)
                metrics_observe(METRIC_call_ms, o->ms);
        end_calls(f);
        o->failure = NULL;
        failure_free(failure);
        flight_move(f, FLIGHT_LANDED);
        review(f);
        calls_kick(room, 0);
}

/* ---- after the end ---- */

bool landing_can_join(const struct flight *f, const struct call_spec *spec)
{
        if (f->state != FLIGHT_ENDING && f->state != FLIGHT_LANDED)
                return true;
        for (size_t i = 0; i < f->n_had; i++)
                if (memcmp(&f->had[i], &spec->job, sizeof(spec->job)) == 0)
                        return false;
        return !spec->is_fresh;
}

void landing_deliver(struct flight *f)
{
        if (f->state != FLIGHT_LANDED)
                return;
        end_calls(f);
        review(f);
}

void landing_leave(struct call *c, bool is_settled)
{
        struct flight *f = c->landed;

        if (!f)
                return;
        c->landed = NULL;
        TAILQ_REMOVE(&f->held, c, entry);
        if (is_settled && !f->is_kept && f->hh.tbl) {
                f->is_kept = true;
                TAILQ_INSERT_TAIL(&f->room->kept, f, entry);
                f->is_in_kept = true;
        }
        review(f);
}

/* What a settlement keeps was submitted in its turn of the loop: an empty batch after it comes back
 * when the cache has taken it in. */
static int fence(struct flight *f)
{
        struct store_batch *b;
        int r = store_batch_new(STORE_CACHE, &b);

        return r < 0 ? r : calls_commit(f->room, b, f);
}

void landing_fence(struct calls *c)
{
        struct flight *f;

        while ((f = TAILQ_FIRST(&c->kept))) {
                TAILQ_REMOVE(&c->kept, f, entry);
                f->is_in_kept = false;
                if (!store_has_cache(c->store) || fence(f) < 0)
                        landing_on_kept(f);
        }
}

void landing_on_kept(struct flight *f)
{
        flight_unlist(f);
        review(f);
}

/* ---- leaving before the end ---- */

/* The next owner pays from now on: its intent stands beside the end of the one that left, in one
 * transaction. */
static void pass_on(struct flight *f, struct call *left)
{
        struct call *payer = flight_payer(f);
        struct store_batch *b;
        uint64_t reserved = f->reserved;
        int r;

        left->account->reserved -= reserved;
        payer->account->reserved += reserved;
        flight_fill_record(f, left, "cancelled", NULL, 0);
        if (f->turn)
                queue_review(f);
        if (!f->has_intent)
                return;
        if (f->unsent != UNSENT_NONE) {
                (void)!unsent_remove(f->room->unsent, &f->unsent);
                flight_name_unsent(f);
        }
        r = store_batch_new(STORE_STATE, &b);
        if (r == 0) {
                struct record_key key, mark;
                _cleanup_buf_ struct buf record = {};

                record_key_of(&left->job, left->n, &key);
                record_key_of_mark(&left->job, left->n, &mark);
                r = record_write(&left->record, &record);
                if (r == 0)
                        r = store_batch_put(b, TABLE_CALL, record_key_span(&key),
                                            buf_span(&record));
                if (r == 0)
                        r = store_batch_delete(b, TABLE_CALL, record_key_span(&mark));
                if (r == 0)
                        r = flight_put_intent(f, b);
                if (r == 0)
                        r = calls_commit(f->room, b, NULL);
                else
                        store_batch_free(b);
        }
        if (r < 0)
                log_error("a shared model call could not be passed on: %s", strerror(-r));
}

/* What was spent is the one's who left, and the room's to settle. */
static void pay_and_leave(struct flight *f, struct call *c)
{
        struct usage usage = {};
        uint64_t nanousd = f->lost_nanousd;

        if (f->attempt) {
                provider_cancel(take(f->attempt), &usage);
                TAILQ_INSERT_HEAD(&f->owners, c, entry); /* whose price counts */
                nanousd += usage.is_known ? flight_price_of_part(f, &usage)
                           : f->has_left  ? c->estimate_nanousd
                                          : 0;
                TAILQ_REMOVE(&f->owners, c, entry);
                c->is_lost = !usage.is_known && f->has_left;
        }
        c->is_lost |= f->lost_nanousd > 0;
        c->has_intent = f->has_intent;
        flight_fill_record(f, c, "cancelled", &usage, 0);
        hold_spent(c, nanousd);
        c->account->reserved -= f->reserved;
        f->room->reserved -= f->reserved;
        f->reserved = 0;
}

/* One of those who stay, whose job may spend what is reserved, is first from now on. */
static bool has_heir(struct flight *f)
{
        struct call *c;

        TAILQ_FOREACH (c, &f->owners, entry) {
                if (f->reserved > 0 && !budget_can_take(c->account, f->reserved))
                        continue;
                TAILQ_REMOVE(&f->owners, c, entry);
                TAILQ_INSERT_HEAD(&f->owners, c, entry);
                return true;
        }
        return false;
}

/* Nobody may take over what is on its way. It ends as the one's who left; for those who stay it
 * begins again when their budgets allow it, or ends in the queue because they never will. */
static void begin_again(struct flight *f, struct call *left)
{
        struct failure *why = failure_new(
                FAILURE_BUDGET, "the job that paid for this call has left, and the budget has no "
                                "room to take it over");

        pay_and_leave(f, left);
        if (!why || flight_restart(f, why) < 0)
                flight_end(f, failure_new(FAILURE_INTERNAL, "out of memory"), STOP_OTHER, NULL);
}

struct call_spent flight_drop(struct flight *f, struct call *c)
{
        struct call_spent spent = {};
        bool was_payer = c == flight_payer(f);

        c->flight = NULL;
        TAILQ_REMOVE(&f->owners, c, entry);
        if (f->state == FLIGHT_ENDING || f->state == FLIGHT_LANDED) {
                call_free(c);
                review(f);
                return spent;
        }
        if (TAILQ_EMPTY(&f->owners)) {
                spent.is_booked = f->has_intent;
                pay_and_leave(f, c);
                flight_free(f);
        } else if (was_payer && has_heir(f)) {
                pass_on(f, c);
        } else if (was_payer) {
                spent.is_booked = f->has_intent;
                begin_again(f, c);
        }
        if (spent.is_booked) {
                spent.usage = c->record.usage;
                spent.nanousd = c->record.nanousd;
                call_settle_alone(c);
        } else {
                call_free(c);
        }
        return spent;
}
