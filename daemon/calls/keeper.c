#include "daemon/calls/keeper.h"

#include "common/canon.h"
#include "common/clock.h"
#include "common/log.h"
#include "common/str.h"
#include "daemon/calls/flight.h"

#define KEPT_MAX 8         /* beginnings: three tiers of two providers, and some */
#define KEPT_BLOCKS_MAX 64 /* of a beginning: real ones have two or three */
#define WINDOWS 16         /* lifetimes of quiet that are told apart */
#define MARGIN_PARTS 10    /* the request leaves a tenth of the lifetime before its end */
#define GUESS_BYTES 4      /* of a token, until a reply has counted */
#define KEY_FORMAT 1

struct kept;

/* An intent on its way to the disk. Outlives what it is for when that goes first. */
struct keeping {
        struct kept *kept; /* borrowed; NULL: gone */
};

struct kept {
        TAILQ_ENTRY(kept) entry;
        struct keeper *keeper; /* borrowed: frees them */
        struct hash key;
        char *provider, *model, *text; /* owned; text: of all blocks */
        struct prompt_block *blocks;   /* owned; texts borrowed from text */
        size_t n_blocks;               /* with the last one, which asks for nothing */
        struct price price;
        bool is_cache_explicit;
        uint32_t uid;
        uint64_t lifetime_ms, used_ms, touched_ms; /* providers' time */
        uint64_t tokens;
        struct timer *timer; /* owned */
        int unsent;          /* slot of that file */
        bool has_left;
        struct attempt *attempt; /* owned by the provider room; NULL: none under way */
        struct keeping *intent;  /* owned by the commit; NULL: none under way */
        uint64_t n;              /* of the request under way; 0: none */
        uint64_t estimate_nanousd, reserved;
};

struct keeper {
        struct calls *room; /* borrowed: frees it */
        uint64_t keep_for_ms;
        TAILQ_HEAD(, kept) all; /* the one used last is the last */
        size_t n;
        uint64_t n_waited[WINDOWS], n_came[WINDOWS];
        uint64_t n_requests, nanousd;
        uint64_t last_n;
};

/* ---- is it worth it? ---- */

static size_t window_of(const struct kept *e, uint64_t now_ms)
{
        return MIN2((now_ms - e->used_ms) / e->lifetime_ms, (uint64_t)WINDOWS - 1);
}

/* Somebody came, or it was given up, after that many quiet lifetimes. */
static void learn(struct keeper *k, size_t window, bool has_come)
{
        for (size_t i = 0; i <= window; i++)
                k->n_waited[i]++;
        if (has_come)
                k->n_came[window]++;
}

bool keeper_pays(uint64_t n_came, uint64_t n_waited, uint64_t tokens, const struct price *price)
{
        double chance = (double)(n_came + 1) / (double)(n_waited + 4), n = (double)tokens;
        double read = (double)price->cache_read, write = (double)price->cache_write_5m;

        return chance * n * (write - read) > n * read + (double)price->output;
}

static bool is_worth_it(const struct kept *e, uint64_t now_ms)
{
        const struct keeper *k = e->keeper;
        /* The lifetime that the request would add. */
        size_t w = MIN2(window_of(e, now_ms) + 1, (size_t)WINDOWS - 1);

        return keeper_pays(k->n_came[w], k->n_waited[w], e->tokens, &e->price);
}

static uint64_t worst_of(const struct kept *e)
{
        return e->tokens * e->price.cache_write_5m + e->price.output;
}

static bool is_affordable(const struct kept *e)
{
        const struct calls *c = e->keeper->room;
        uint64_t day = c->config.day_budget_nanousd, month = c->config.month_budget_nanousd,
                 worst = worst_of(e);

        return (day == 0 || calls_spent_today(c) + worst <= day) &&
               (month == 0 || calls_spent_this_month(c) + worst <= month);
}

/* ---- the request ---- */

static void kept_free(struct kept *e);

static void arm(struct kept *e, uint64_t now_ms)
{
        uint64_t at = e->touched_ms + e->lifetime_ms - e->lifetime_ms / MARGIN_PARTS;
        uint64_t wait = at > now_ms ? at - now_ms : 0, scale = clock_provider_scale_ms(1);

        if (timer_start(e->timer, wait / MAX2(scale, (uint64_t)1)) < 0)
                kept_free(e);
}

static int settle_into(struct kept *e, const struct ledger_entry *row, struct store_batch *b)
{
        struct record_key key, mark;
        int r;

        record_key_of(&record_keeping, e->n, &key);
        record_key_of_mark(&record_keeping, e->n, &mark);
        r = store_batch_delete(b, TABLE_CALL, record_key_span(&key));
        if (r == 0)
                r = store_batch_delete(b, TABLE_CALL, record_key_span(&mark));
        if (r == 0 && row->nanousd > 0)
                r = ledger_add(e->keeper->room->ledger, b, row);
        return r;
}

/* The end of a request: its intent goes, what it cost stays. */
static void settle(struct kept *e, const struct usage *usage, bool was_perhaps_paid)
{
        struct calls *c = e->keeper->room;
        const struct ledger_entry row = {.uid = e->uid,
                                         .provider = e->provider,
                                         .model = e->model,
                                         .usage = *usage,
                                         .nanousd = usage->is_known
                                                            ? price_of_usage(&e->price, usage)
                                                    : was_perhaps_paid ? e->estimate_nanousd
                                                                       : 0,
                                         .is_lost = !usage->is_known};
        struct store_batch *b;
        int r = store_batch_new(STORE_STATE, &b);

        e->keeper->nanousd += row.nanousd;
        c->reserved -= e->reserved;
        e->reserved = 0;
        if (r == 0) {
                r = settle_into(e, &row, b);
                if (r == 0)
                        r = calls_commit(c, b, NULL);
                else
                        store_batch_free(b);
        }
        e->n = 0;
        (void)!unsent_remove(c->unsent, &e->unsent);
        if (r < 0)
                log_error("what keeping a provider's cache cost could not be booked, it will be "
                          "as lost: %s",
                          strerror(-r));
}

static void kept_free(struct kept *e)
{
        struct usage usage = {};

        if (e->attempt) {
                provider_cancel(take(e->attempt), &usage);
                settle(e, &usage, e->has_left);
        } else if (e->n > 0)
                settle(e, &usage, false);
        if (e->intent)
                e->intent->kept = NULL;
        TAILQ_REMOVE(&e->keeper->all, e, entry);
        e->keeper->n--;
        timer_free(e->timer);
        free(e->provider);
        free(e->model);
        free(e->text);
        free(e->blocks);
        free(e);
}

static void on_end(struct attempt *a _unused_, enum stop_reason stop _unused_,
                   const struct usage *usage, const struct failure *failure,
                   const struct advice *advice, void *arg)
{
        struct kept *e = arg;

        e->attempt = NULL;
        settle(e, usage, !failure || advice->was_perhaps_paid);
        if (failure) { /* no tries: the next call writes it anew */
                log_debug("provider %s: its cache is not kept: %s", e->provider,
                          failure_message(failure));
                kept_free(e);
                return;
        }
        if (usage->is_known && usage->cache_read + usage->cache_write_5m > 0)
                e->tokens = usage->cache_read + usage->cache_write_5m;
        arm(e, clock_provider_ms());
}

static int on_leaving(void *arg)
{
        struct kept *e = arg;
        int r = unsent_remove(e->keeper->room->unsent, &e->unsent);

        e->has_left = r == 0;
        return r;
}

static void on_started(struct attempt *a _unused_, void *arg _unused_)
{
}

static void on_text(struct attempt *a _unused_, struct span text _unused_, void *arg _unused_)
{
}

static int send(struct kept *e)
{
        static const struct attempt_events events = {.on_leaving = on_leaving,
                                                     .on_started = on_started,
                                                     .on_text = on_text,
                                                     .on_end = on_end};
        struct provider *p = provider_find(e->keeper->room->providers, e->provider);
        enum failure_id lack;
        const char *reason;
        int r;

        if (!p || !provider_is_ready(p, &lack, &reason))
                return -ENOENT;
        r = provider_send(p,
                          &(struct request){.model = e->model,
                                            .blocks = e->blocks,
                                            .n_blocks = e->n_blocks,
                                            .max_tokens = 1,
                                            .is_cache_explicit = e->is_cache_explicit,
                                            .job = "keeping"},
                          &events, e, &e->attempt);
        if (r < 0)
                return r;
        e->touched_ms = clock_provider_ms();
        e->keeper->n_requests++;
        return 0;
}

static void on_intent(void *arg, int r)
{
        struct keeping *k = arg;
        struct kept *e = k->kept;

        free(k);
        if (!e)
                return;
        e->intent = NULL;
        if (r < 0 || send(e) < 0)
                kept_free(e);
}

static int put_intent(const struct kept *e, struct store_batch *b)
{
        const struct record record = {.n = e->n,
                                      .uid = e->uid,
                                      .provider = e->provider,
                                      .model = e->model,
                                      .state = "running",
                                      .started_ms = clock_realtime_ms(),
                                      .estimate_nanousd = e->estimate_nanousd};
        _cleanup_buf_ struct buf text = {};
        struct record_key key, mark;
        int r = record_write(&record, &text);

        record_key_of(&record_keeping, e->n, &key);
        record_key_of_mark(&record_keeping, e->n, &mark);
        if (r == 0)
                r = store_batch_put(b, TABLE_CALL, record_key_span(&key), buf_span(&text));
        return r < 0 ? r : store_batch_put(b, TABLE_CALL, record_key_span(&mark), SPAN("1"));
}

static int commit_intent(struct kept *e)
{
        struct keeping *k = calloc(1, sizeof(*k));
        struct store_batch *b = NULL;
        int r = k ? store_batch_new(STORE_STATE, &b) : -ENOMEM;

        if (r == 0)
                r = put_intent(e, b);
        if (r == 0)
                r = store_commit(e->keeper->room->store, b, on_intent, k);
        if (r < 0) {
                store_batch_free(b);
                free(k);
                return r;
        }
        k->kept = e;
        e->intent = k;
        return 0;
}

/* As any call: first the intent is on disk, then the request leaves. */
static int touch(struct kept *e)
{
        int r;

        e->estimate_nanousd = e->tokens * e->price.cache_read + e->price.output;
        e->n = ++e->keeper->last_n;
        e->has_left = false;
        e->unsent = unsent_add(e->keeper->room->unsent, &record_keeping, e->n);
        r = commit_intent(e);
        if (r < 0) {
                e->n = 0;
                (void)!unsent_remove(e->keeper->room->unsent, &e->unsent);
                return r;
        }
        e->reserved = worst_of(e);
        e->keeper->room->reserved += e->reserved;
        return 0;
}

static void on_timer(void *arg)
{
        struct kept *e = arg;
        struct keeper *k = e->keeper;
        uint64_t now = clock_provider_ms();
        bool is_over = now - e->used_ms >= clock_provider_scale_ms(k->keep_for_ms);

        if (is_over || !is_worth_it(e, now) || k->room->is_draining || !is_affordable(e) ||
            touch(e) < 0) {
                learn(k, window_of(e, now), false);
                kept_free(e);
        }
}

/* ---- what is kept ---- */

/* Blocks up to the first mark; 0: there is none, or it lives for an hour by itself. */
static size_t find_beginning(const struct flight *f)
{
        for (size_t i = 0; i < f->n_blocks && i < KEPT_BLOCKS_MAX; i++)
                if (f->blocks[i].is_marked)
                        return f->blocks[i].is_mark_for_1h ? 0 : i + 1;
        return 0;
}

static int key_of(const struct flight *f, size_t n, struct hash *ret)
{
        struct canon *c;
        int r = canon_new(KEY_FORMAT, &c);

        if (r < 0)
                return r;
        canon_add_text(c, 1, f->lane->provider);
        canon_add_text(c, 2, f->model);
        for (size_t i = 0; i < n; i++)
                canon_add_bytes(c, f->blocks[i].is_system ? 3 : 4, f->blocks[i].text.at,
                                f->blocks[i].text.n);
        canon_get(c, ret);
        canon_free(c);
        return 0;
}

static int copy_blocks(struct kept *e, const struct flight *f, size_t n)
{
        _cleanup_buf_ struct buf text = {};
        size_t at = 0;

        for (size_t i = 0; i < n; i++)
                (void)buf_add_span(&text, f->blocks[i].text);
        e->blocks = calloc(n + 1, sizeof(*e->blocks));
        e->text = text.failed ? NULL : str_dup_span(buf_span(&text));
        if (!e->blocks || !e->text)
                return -ENOMEM;
        for (size_t i = 0; i < n; i++) {
                e->blocks[i] = f->blocks[i];
                e->blocks[i].text = (struct span){e->text + at, f->blocks[i].text.n};
                at += f->blocks[i].text.n;
        }
        e->blocks[n] = (struct prompt_block){.text = SPAN(".")};
        e->n_blocks = n + 1;
        e->tokens = at / GUESS_BYTES;
        return 0;
}

static struct kept *kept_new(struct keeper *k, const struct flight *f, const struct hash *key,
                             size_t n)
{
        struct kept *e = calloc(1, sizeof(*e));

        if (!e)
                return NULL;
        if (k->n == KEPT_MAX)
                kept_free(TAILQ_FIRST(&k->all));
        e->keeper = k;
        e->key = *key;
        e->unsent = UNSENT_NONE;
        TAILQ_INSERT_TAIL(&k->all, e, entry);
        k->n++;
        e->provider = strdup(f->lane->provider);
        e->model = strdup(f->model);
        if (!e->provider || !e->model || copy_blocks(e, f, n) < 0 ||
            timer_new(k->room->loop, on_timer, e, &e->timer) < 0) {
                kept_free(e);
                return NULL;
        }
        return e;
}

static struct kept *find(struct keeper *k, const struct hash *key)
{
        struct kept *e;

        TAILQ_FOREACH (e, &k->all, entry)
                if (hash_is_equal(&e->key, key))
                        return e;
        return NULL;
}

void keeper_note(struct keeper *k, const struct flight *f)
{
        uint64_t now = clock_provider_ms(), began;
        size_t n = find_beginning(f);
        struct call *payer = flight_payer(f);
        struct hash key;
        struct kept *e;

        if (k->keep_for_ms == 0 || f->cache_lifetime_ms == 0 || n == 0 || !payer ||
            key_of(f, n, &key) < 0)
                return;
        began = now - clock_provider_scale_ms((clock_monotonic_usec() - f->sent_usec) / 1000);
        e = find(k, &key);
        if (e) {
                size_t window = window_of(e, MAX2(began, e->used_ms));

                if (window > 0)
                        learn(k, window, true);
                TAILQ_REMOVE(&k->all, e, entry);
                TAILQ_INSERT_TAIL(&k->all, e, entry);
        } else
                e = kept_new(k, f, &key, n);
        if (!e)
                return;
        e->price = payer->price;
        e->uid = payer->uid;
        e->is_cache_explicit = f->is_cache_explicit;
        e->lifetime_ms = f->cache_lifetime_ms;
        e->used_ms = e->touched_ms = MAX2(began, e->used_ms);
        if (e->n == 0)
                arm(e, now);
}

void keeper_configure(struct keeper *k, uint64_t keep_for_ms)
{
        k->keep_for_ms = keep_for_ms;
        while (keep_for_ms == 0 && !TAILQ_EMPTY(&k->all))
                kept_free(TAILQ_FIRST(&k->all));
}

json_t *keeper_describe(const struct keeper *k)
{
        return json_pack("{s:I,s:I,s:I,s:I}", "keep_for_ms", (json_int_t)k->keep_for_ms, "kept",
                         (json_int_t)k->n, "requests", (json_int_t)k->n_requests, "nanousd",
                         (json_int_t)k->nanousd);
}

int keeper_new(struct calls *room, struct keeper **ret)
{
        struct keeper *k = calloc(1, sizeof(*k));

        if (!k)
                return -ENOMEM;
        k->room = room;
        TAILQ_INIT(&k->all);
        *ret = k;
        return 0;
}

struct keeper *keeper_free(struct keeper *k)
{
        if (!k)
                return NULL;
        keeper_configure(k, 0);
        free(k);
        return NULL;
}
