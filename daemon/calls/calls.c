#include "daemon/calls/calls.h"

#include "common/canon.h"
#include "common/clock.h"
#include "common/json.h"
#include "common/log.h"
#include "common/str.h"
#include "daemon/calls/flight.h"
#include "daemon/calls/keeper.h"
#include "daemon/calls/underway.h"
#include "daemon/metrics/metrics.h"
#include "daemon/options/options.h"

#define KEY_FORMAT 1 /* of identical work in flight; never stored */

uint64_t price_of_usage(const struct price *p, const struct usage *u)
{
        return p->input * u->input + p->cache_read * u->cache_read +
               p->cache_write_5m * u->cache_write_5m + p->cache_write_1h * u->cache_write_1h +
               p->output * u->output;
}

/* ---- accounts ---- */

static int account_get(struct calls *c, const struct ulid *job, struct account **ret)
{
        struct account *a;

        HASH_FIND(hh, c->accounts, job, sizeof(*job), a);
        if (!a) {
                a = calloc(1, sizeof(*a));
                if (!a)
                        return -ENOMEM;
                a->job = *job;
                a->left = UINT64_MAX;
                HASH_ADD(hh, c->accounts, job, sizeof(a->job), a);
                if (!a->hh.tbl) {
                        free(a);
                        return -ENOMEM;
                }
        }
        a->n_calls++;
        *ret = a;
        return 0;
}

static void account_put(struct calls *c, struct account *a)
{
        if (--a->n_calls > 0)
                return;
        HASH_DEL(c->accounts, a);
        free(a);
}

/* ---- calls ---- */

void call_free(struct call *c)
{
        struct calls *room = c->room;

        if (c->is_busy) {
                c->is_gone = true;
                return;
        }
        landing_leave(c, false);
        if (c->is_catching)
                TAILQ_REMOVE(&room->catching, c, catching);
        TAILQ_REMOVE(&room->calls, c, in_room);
        account_put(room, c->account);
        free(c->tasks);
        free(c->provider);
        free(c->model);
        free(c);
        if (room->on_drained)
                calls_kick(room, 0);
}

static int call_new(struct calls *room, const struct call_spec *s, struct call **ret)
{
        struct call *c = calloc(1, sizeof(*c));
        int r;

        if (!c)
                return -ENOMEM;
        c->room = room;
        c->job = s->job;
        c->n = s->n;
        c->uid = s->uid;
        c->class = s->is_interactive ? CLASS_NOW : CLASS_ORDINARY;
        c->price = s->price;
        c->estimate_nanousd = s->estimate_nanousd;
        c->worst_nanousd = MAX2(s->worst_nanousd, s->estimate_nanousd);
        c->input_tokens = s->input_tokens;
        c->cache_read_tokens = s->cache_read_tokens;
        c->output_tokens = s->output_tokens;
        c->tasks = strdup(s->tasks ?: "[]");
        c->provider = strdup(s->provider);
        c->model = strdup(s->model);
        r = c->tasks && c->provider && c->model ? account_get(room, &s->job, &c->account) : -ENOMEM;
        if (r < 0) {
                free(c->tasks);
                free(c->provider);
                free(c->model);
                free(c);
                return r;
        }
        TAILQ_INSERT_TAIL(&room->calls, c, in_room);
        *ret = c;
        return 0;
}

uint64_t calls_backoff_ms(const struct calls *c, unsigned n_failed)
{
        uint64_t ms = backoff_ms(n_failed, 0, 0, (unsigned)clock_random_below(1000));

        return ms / MAX2(c->config.n_hurry, 1U);
}

/* Identical: what makes the same bytes leave for the same uid. */
static int key_of(const struct call_spec *s, struct hash *ret)
{
        struct canon *k;
        int r = canon_new(KEY_FORMAT, &k);

        if (r < 0)
                return r;
        canon_add_u64(k, 1, s->uid);
        canon_add_text(k, 2, s->provider);
        canon_add_text(k, 3, s->model);
        canon_add_u64(k, 4, s->max_tokens);
        for (size_t i = 0; i < s->n_blocks; i++) {
                const struct prompt_block *b = &s->blocks[i];

                canon_add_u64(k, 5,
                              (uint64_t)b->is_system | (uint64_t)b->is_marked << 1 |
                                      (uint64_t)(b->is_marked && b->is_mark_for_1h) << 2 |
                                      (uint64_t)b->is_assistant << 3);
                canon_add_bytes(k, 6, b->text.at, b->text.n);
        }
        canon_get(k, ret);
        canon_free(k);
        return 0;
}

void calls_name_key(const struct calls *c, struct failure *f, const char *provider)
{
        if (!f || (f->id != FAILURE_KEY_MISSING && f->id != FAILURE_KEY_REFUSED))
                return;
        if (provider_has_bad_key(provider_find(c->providers, provider)))
                (void)!failure_set_remedy(f,
                                          "mend that, then `genopt reload`: the job goes on then");
        else
                (void)!key_set_remedy(f, provider, ": the job goes on then");
}

static int refuse(struct failure **ret, struct failure *f)
{
        if (!f)
                return -ENOMEM;
        *ret = f;
        return CONDITION_REFUSED;
}

/* What can be told at once; what may only have to wait for others to settle is the queue's to
 * judge. */
static int judge(struct calls *c, const struct call_spec *s, struct failure **ret)
{
        struct provider *p = provider_find(c->providers, s->provider);
        uint64_t more = MAX2(s->worst_nanousd, s->estimate_nanousd);
        struct failure *f;
        const struct account *a;
        enum failure_id lack;
        const char *reason;

        HASH_FIND(hh, c->accounts, &s->job, sizeof(s->job), a);
        if (c->is_draining)
                return refuse(ret, failure_new(FAILURE_STOPPING, NULL));
        if (!p)
                return refuse(ret, failure_new(FAILURE_BAD_CONFIG, "there is no provider %s",
                                               s->provider));
        if (!provider_is_ready(p, &lack, &reason)) {
                f = failure_new(lack, "provider %s: %s", s->provider, reason);
                calls_name_key(c, f, s->provider);
                return refuse(ret, f);
        }
        if (!store_has_room(c->store))
                return refuse(ret, failure_new(FAILURE_DISK_FULL, NULL));
        f = budget_refuses(c, s->budget_left_nanousd, a ? a->unsettled : 0, more);
        if (f)
                return refuse(ret, f);
        return 0;
}

static void join(struct call *c, struct flight *f)
{
        c->flight = f;
        c->n_told_retries = f->n_retries;
        TAILQ_INSERT_TAIL(&f->owners, c, entry);
        if (f->is_started || f->text.n > 0 || f->state == FLIGHT_LANDED)
                call_tell_later(c);
        if (f->turn)
                queue_review(f);
}

int calls_start(struct calls *c, const struct call_spec *spec, const struct call_events *events,
                void *arg, struct call **ret, struct failure **ret_failure)
{
        struct flight *f = NULL;
        struct call *call;
        struct hash key;
        int r;

        r = judge(c, spec, ret_failure);
        if (r == 0)
                r = key_of(spec, &key);
        if (r != 0)
                return r;
        r = call_new(c, spec, &call);
        if (r < 0)
                return r;
        call->events = *events;
        call->arg = arg;
        call->account->left = spec->budget_left_nanousd;
        HASH_FIND(hh, c->by_key, &key, sizeof(key), f);
        if (f && !landing_can_join(f, spec)) {
                landing_on_kept(f); /* the one that leaves now takes its place */
                f = NULL;
        }
        if (f) {
                metrics_count(calls_joined);
                join(call, f);
        } else {
                r = flight_new(c, spec, &key, &f);
                if (r == 0) {
                        join(call, f);
                        r = spec->delay_ms > 0 ? flight_delay(f, spec->delay_ms)
                                               : queue_add(f, false);
                        if (r < 0)
                                flight_free(f);
                }
        }
        if (r < 0) {
                call_free(call);
                return r;
        }
        calls_kick(c, 0);
        *ret = call;
        return 0;
}

bool calls_is_under_way(const struct calls *c, const struct call_spec *spec)
{
        struct flight *f = NULL;
        struct hash key;

        if (key_of(spec, &key) == 0)
                HASH_FIND(hh, c->by_key, &key, sizeof(key), f);
        return f && landing_can_join(f, spec);
}

struct underway *calls_underway(struct calls *c)
{
        return c->underway;
}

static int settle_into(struct call *c, struct store_batch *b)
{
        const struct ledger_entry entry = {c->uid,          c->provider,       c->model,
                                           c->record.usage, c->record.nanousd, c->is_lost};
        _cleanup_buf_ struct buf record = {};
        struct record_key key, mark;
        int r;

        record_key_of(&c->job, c->n, &key);
        record_key_of_mark(&c->job, c->n, &mark);
        r = record_write(&c->record, &record);
        if (r == 0)
                r = store_batch_put(b, TABLE_CALL, record_key_span(&key), buf_span(&record));
        if (r == 0 && c->has_intent)
                r = store_batch_delete(b, TABLE_CALL, record_key_span(&mark));
        /* Last, because from here on it counts. A call that never left has no row. */
        if (r == 0 && c->has_intent)
                r = ledger_add(c->room->ledger, b, &entry);
        return r;
}

/* What was held is in the ledger, or lost with the batch. */
static void release(struct call *c)
{
        struct account *a = c->account;
        uint64_t nanousd = c->record.nanousd;

        a->unsettled -= nanousd;
        c->room->unsettled -= nanousd;
        if (a->left != UINT64_MAX)
                a->left -= MIN2(a->left, nanousd);
        c->record.nanousd = 0;
}

int call_settle(struct call *c, struct store_batch *b)
{
        struct calls *room = c->room;
        int r;

        assert(!c->flight && c->record.state);
        r = settle_into(c, b);
        if (r < 0)
                return r;
        landing_leave(c, true);
        release(c);
        call_free(c);
        calls_kick(room, 0);
        return 0;
}

void call_settle_alone(struct call *c)
{
        struct store_batch *b;
        int r;

        r = store_batch_new(STORE_STATE, &b);
        if (r == 0) {
                r = settle_into(c, b);
                if (r == 0)
                        r = calls_commit(c->room, b, NULL);
                else
                        store_batch_free(b);
        }
        if (r < 0)
                log_error("a model call could not be settled, it will be booked as lost: %s",
                          strerror(-r));
        release(c);
        calls_kick(c->room, 0);
        call_free(c);
}

struct call_spent call_stop(struct call *c)
{
        struct calls *room = c->room;
        struct call_spent spent = {};

        if (c->is_gone)
                return spent;
        if (c->flight) {
                spent = flight_drop(c->flight, c);
        } else {
                spent = (struct call_spent){true, c->record.usage, c->record.nanousd};
                call_settle_alone(c);
        }
        calls_kick(room, 0);
        return spent;
}

void call_cancel(struct call *c)
{
        (void)call_stop(c);
}

/* ---- the room ---- */

static void catch_up(struct calls *c)
{
        struct call *call;

        while ((call = TAILQ_FIRST(&c->catching))) {
                TAILQ_REMOVE(&c->catching, call, catching);
                call->is_catching = false;
                flight_deliver(call->flight);
        }
}

/* A stopping room sends nothing more: what waits is given back. */
static void give_back(struct calls *c)
{
        struct flight *f;
        bool has_found;

        do {
                has_found = false;
                LIST_FOREACH (f, &c->flights, in_room) {
                        has_found = f->state == FLIGHT_QUEUED || f->state == FLIGHT_DELAY;
                        if (has_found && !f->is_gone)
                                break;
                        has_found = false;
                }
                if (has_found)
                        flight_end(f, failure_new(FAILURE_STOPPING, NULL), STOP_OTHER, NULL);
        } while (has_found);
}

/* From the timer only: whoever settles may not have handed in its batch yet. */
static void check_drained(struct calls *c)
{
        void (*on_drained)(void *arg) = c->on_drained;

        if (!on_drained || !TAILQ_EMPTY(&c->calls) || !LIST_EMPTY(&c->pendings))
                return;
        c->on_drained = NULL;
        on_drained(c->drained_arg);
}

static void on_kick(void *arg)
{
        struct calls *c = arg;
        uint64_t wait;

        c->kick_usec = 0;
        catch_up(c);
        landing_fence(c);
        if (c->is_draining)
                give_back(c);
        budget_watch(c);
        wait = queue_run(c);
        if (wait != UINT64_MAX)
                calls_kick(c, wait);
        check_drained(c);
}

void calls_kick(struct calls *c, uint64_t after_usec)
{
        uint64_t at = clock_monotonic_usec() + after_usec;

        if (c->kick_usec > 0 && c->kick_usec <= at)
                return;
        if (timer_start(c->kick, (after_usec + 999) / 1000) < 0)
                log_error("the queue of model calls has no timer");
        else
                c->kick_usec = at;
}

static void on_committed(void *arg, int r)
{
        struct pending *p = arg;
        struct calls *c = p->room;
        struct flight *f = p->flight;

        if (c)
                LIST_REMOVE(p, entry);
        free(p);
        if (f) {
                f->intent = NULL;
                if (f->state == FLIGHT_LANDED)
                        landing_on_kept(f);
                else
                        flight_on_intent(f, r);
        } else if (r < 0)
                log_error("the settlement of a model call was not written: %s", strerror(-r));
        if (c && c->on_drained)
                calls_kick(c, 0);
}

int calls_commit(struct calls *c, struct store_batch *b, struct flight *flight)
{
        struct pending *p = calloc(1, sizeof(*p));
        int r = -ENOMEM;

        if (p)
                r = store_commit(c->store, b, on_committed, p);
        if (r < 0) {
                store_batch_free(b);
                free(p);
                return r;
        }
        p->room = c;
        p->flight = flight;
        LIST_INSERT_HEAD(&c->pendings, p, entry);
        if (flight)
                flight->intent = p;
        return 0;
}

int calls_new(struct loop *loop, struct store *store, struct provider_room *providers,
              struct calls **ret)
{
        struct calls *c = calloc(1, sizeof(*c));
        int r;

        if (!c)
                return -ENOMEM;
        c->loop = loop;
        c->store = store;
        c->providers = providers;
        c->config.n_calls_max = CALLS_DEFAULT_MAX;
        LIST_INIT(&c->flights);
        LIST_INIT(&c->pendings);
        TAILQ_INIT(&c->calls);
        TAILQ_INIT(&c->catching);
        TAILQ_INIT(&c->kept);
        r = keeper_new(c, &c->keeper);
        if (r == 0)
                r = unsent_new(store, &c->unsent);
        if (r == 0)
                r = underway_new(store, &c->underway);
        if (r == 0)
                r = ledger_new(store, &c->ledger);
        if (r == 0)
                r = timer_new(loop, on_kick, c, &c->kick);
        if (r < 0) {
                calls_free(c);
                return r;
        }
        *ret = c;
        return 0;
}

/* What is under way stays an intent on disk and is booked as lost at the next start. */
struct calls *calls_free(struct calls *c)
{
        struct lane *l, *next_lane;
        struct pending *p;
        struct flight *f;
        struct call *call;

        if (!c)
                return NULL;
        c->on_drained = NULL;
        c->unsent = unsent_free(c->unsent);
        keeper_free(c->keeper);
        while ((f = LIST_FIRST(&c->flights)))
                flight_free(f);
        while ((call = TAILQ_FIRST(&c->calls)))
                call_free(call);
        HASH_ITER (hh, c->lanes, l, next_lane) {
                HASH_DEL(c->lanes, l);
                lane_free(l);
        }
        while ((p = LIST_FIRST(&c->pendings))) {
                LIST_REMOVE(p, entry);
                p->room = NULL;
                p->flight = NULL;
        }
        underway_free(c->underway);
        ledger_free(c->ledger);
        timer_free(c->kick);
        free(c);
        return NULL;
}

void calls_configure(struct calls *c, const struct calls_config *config)
{
        struct lane *l, *next;

        c->config = *config;
        keeper_configure(c->keeper, config->keep_for_ms);
        c->config.n_calls_max = MIN2(config->n_calls_max ?: CALLS_DEFAULT_MAX, CALLS_AT_ONCE_MAX);
        HASH_ITER (hh, c->lanes, l, next)
                lane_configure(c, l);
        calls_kick(c, 0);
}

json_t *calls_describe_kept(const struct calls *c)
{
        return keeper_describe(c->keeper);
}

uint64_t calls_n_running(const struct calls *c)
{
        return c->n_running;
}

uint64_t calls_spent_today(const struct calls *c)
{
        return ledger_today(c->ledger) + c->unsettled + c->reserved;
}

uint64_t calls_spent_this_month(const struct calls *c)
{
        return ledger_month(c->ledger) + c->unsettled + c->reserved;
}

void calls_drain(struct calls *c, void (*on_drained)(void *arg), void *arg)
{
        c->is_draining = true;
        keeper_configure(c->keeper, 0);
        c->on_drained = on_drained;
        c->drained_arg = arg;
        calls_kick(c, 0);
}
