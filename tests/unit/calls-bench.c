#include "tests/unit/calls-bench.h"

#include <ftw.h>
#include <stdio.h>

#include "common/clock.h"
#include "common/str.h"
#include "daemon/loop/loop.h"

#define DEADLINE_USEC UINT64_C(40000000) /* the machine may be busy with others */

/* ---- waiting ---- */

static void on_poll(void *arg)
{
        struct bench *b = arg;

        b->is_late = clock_monotonic_usec() > b->late_usec;
        if (b->is_late || b->condition(b, b->n))
                loop_stop(b->loop);
        else
                assert_int_equal(timer_start(b->poll, 1), 0);
}

void run_until(struct bench *b, bool (*condition)(struct bench *b, unsigned n), unsigned n)
{
        b->condition = condition;
        b->n = n;
        b->late_usec = clock_monotonic_usec() + DEADLINE_USEC;
        assert_int_equal(timer_start(b->poll, 0), 0);
        assert_int_equal(loop_run(b->loop), 0);
        assert_false(b->is_late);
}

bool have_ended(struct bench *b, unsigned n)
{
        unsigned n_ended = 0;

        for (size_t i = 0; i < N_ASKERS; i++)
                n_ended += b->askers[i].n_ends;
        return n_ended >= n;
}

bool have_requested(struct bench *b, unsigned n)
{
        return fake_n_requests(b->fake) >= n;
}

bool has_text(struct bench *b, unsigned n)
{
        return b->askers[n].text.n > 0;
}

bool has_hung_up(struct bench *b, unsigned n)
{
        return fake_n_hung_up(b->fake) >= n;
}

bool is_drained(struct bench *b, unsigned n)
{
        (void)n;
        return b->is_drained;
}

bool is_settled(struct bench *b, unsigned n)
{
        (void)n;
        return b->is_committed;
}

bool has_retried(struct bench *b, unsigned n)
{
        return b->askers[n].n_retries > 0;
}

bool is_written(struct bench *b, unsigned n)
{
        (void)n;
        return store_n_pending(b->store, STORE_STATE) == 0;
}

/* ---- the bench ---- */

void open_store(struct bench *b)
{
        _cleanup_free_ char *state = str_printf("%s/state", b->dir),
                            *cache = str_printf("%s/cache", b->dir);
        const struct store_config c = {.state_dir = state,
                                       .cache_dir = cache,
                                       .cache_max_bytes = 1 << 20,
                                       .state_floor_bytes = 1};
        struct store_report report;

        assert_int_equal(loop_new(2, &b->loop), 0);
        assert_int_equal(timer_new(b->loop, on_poll, b, &b->poll), 0);
        assert_int_equal(store_open(b->loop, &c, &b->store, &report), 0);
        assert_int_equal(provider_room_new(b->loop, &b->room), 0);
        assert_int_equal(calls_new(b->loop, b->store, b->room, &b->calls), 0);
        assert_int_equal(calls_recover(b->calls), 0);
}

void close_store(struct bench *b)
{
        calls_free(b->calls);
        provider_room_free(b->room);
        store_close(b->store);
        timer_free(b->poll);
        loop_free(b->loop);
}

void configure(struct bench *b)
{
        _cleanup_free_ char *url = str_printf("http://127.0.0.1:%u", fake_port(b->fake));
        const struct provider_config c = {
                .name = "p",
                .dialect = "anthropic",
                .base_url = url,
                .key = "sk-x",
                .first_byte_timeout_ms = 5000,
                .stall_timeout_ms = 5000,
        };
        struct failure *f = NULL;

        assert_int_equal(provider_configure(b->room, &c, NULL, &f), 0);
}

void open_bench(struct bench *b, const struct fake_step *steps, size_t n)
{
        memset(b, 0, sizeof(*b));
        (void)snprintf(b->dir, sizeof(b->dir), "/tmp/genopt-calls-XXXXXX");
        assert_non_null(mkdtemp(b->dir));
        assert_int_equal(fake_new(steps, n, &b->fake), 0);
        open_store(b);
        configure(b);
}

static int remove_one(const char *path, const struct stat *st, int kind, struct FTW *ftw)
{
        (void)st;
        (void)kind;
        (void)ftw;
        return remove(path);
}

void close_bench(struct bench *b)
{
        close_store(b);
        fake_free(b->fake);
        for (size_t i = 0; i < N_ASKERS; i++) {
                buf_done(&b->askers[i].text);
                buf_done(&b->askers[i].whole);
        }
        (void)nftw(b->dir, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

/* ---- calls ---- */

static void on_started(struct call *c, void *arg)
{
        struct asker *a = arg;

        (void)c;
        a->n_started++;
}

static void on_text(struct call *c, struct span text, void *arg)
{
        struct asker *a = arg;

        assert_int_equal(buf_add_span(&a->text, text), 0);
        if (a->cancels_in_text)
                call_cancel(c);
}

static void on_retry(struct call *c, const struct failure *why, uint64_t delay_ms, unsigned attempt,
                     void *arg)
{
        struct asker *a = arg;

        (void)c;
        a->n_retries++;
        a->id = why->id;
        a->delay_ms = delay_ms;
        assert_true(attempt >= 2);
        buf_clear(&a->text);
}

static void on_held(struct call *c, uint64_t wait_ms, void *arg)
{
        struct asker *a = arg;

        (void)c;
        a->held_ms = wait_ms;
}

static void on_committed(void *arg, int r)
{
        struct bench *b = arg;

        assert_int_equal(r, 0);
        b->is_committed = true;
}

void settle(struct asker *a)
{
        struct store_batch *batch;

        assert_int_equal(store_batch_new(STORE_STATE, &batch), 0);
        assert_int_equal(call_settle(a->call, batch), 0);
        a->call = NULL;
        a->bench->is_committed = false;
        assert_int_equal(store_commit(a->bench->store, batch, on_committed, a->bench), 0);
}

void settle_and_wait(struct asker *a)
{
        settle(a);
        run_until(a->bench, is_settled, 0);
}

static void on_end(struct call *c, const struct call_outcome *o, void *arg)
{
        struct asker *a = arg;

        a->n_ends++;
        a->has_failure = o->failure;
        if (o->failure)
                a->id = o->failure->id;
        a->stop = o->stop;
        a->usage = o->usage;
        a->nanousd = o->nanousd;
        a->is_payer = o->is_payer;
        a->is_broken = o->is_broken;
        a->n_attempts = o->n_attempts;
        assert_int_equal(buf_add_span(&a->whole, o->text), 0);
        if (a->settles_in_end)
                settle(a);
        if (a->cancels_in_end)
                call_cancel(c);
}

static bool has_enough(struct call *c, void *arg)
{
        const struct asker *a = arg;

        (void)c;
        return a->has_enough;
}

static const struct call_events events = {
        .on_started = on_started,
        .on_text = on_text,
        .on_retry = on_retry,
        .on_held = on_held,
        .has_enough = has_enough,
        .on_end = on_end,
};

static struct ulid job_of(uint8_t name)
{
        struct ulid u = {};

        memset(u.at, name, sizeof(u.at));
        return u;
}

static int try_ask(struct bench *b, unsigned i, const struct wish *w, struct failure **ret)
{
        const struct prompt_block blocks[] = {
                {.text = SPAN("Rules.\n"), .is_system = true, .is_marked = true},
                {.text = span_of(w->words)},
        };
        const struct call_spec spec = {
                .job = job_of(w->job),
                .n = i + 1,
                .uid = w->uid,
                .is_interactive = w->is_interactive,
                .is_fresh = w->is_fresh,
                .provider = "p",
                .model = "m",
                .blocks = blocks,
                .n_blocks = N_ELEMENTS(blocks),
                .max_tokens = 100,
                .price = {.input = INPUT_PRICE, .output = OUTPUT_PRICE},
                .estimate_nanousd = 7777,
                .worst_nanousd = w->worst ?: 1000000,
                .budget_left_nanousd = w->left ?: UINT64_MAX,
                .delay_ms = w->delay_ms,
                .tasks = "[3,4]",
        };

        b->askers[i].bench = b;
        return calls_start(b->calls, &spec, &events, &b->askers[i], &b->askers[i].call, ret);
}

void ask(struct bench *b, unsigned i, const struct wish *w)
{
        struct failure *f = NULL;

        assert_int_equal(try_ask(b, i, w, &f), 0);
        assert_int_equal(b->askers[i].n_ends + b->askers[i].n_started, 0);
}

void expect_refusal(struct bench *b, unsigned i, const struct wish *w, enum failure_id id)
{
        struct failure *f = NULL;

        assert_int_equal(try_ask(b, i, w, &f), CONDITION_REFUSED);
        assert_int_equal(f->id, id);
        failure_free(f);
}

uint64_t n_batches(struct bench *b)
{
        struct store_counters counters;

        store_get_counters(b->store, &counters);
        return counters.state_batches;
}

json_t *describe(struct bench *b, uint8_t job)
{
        struct ulid u = job_of(job);
        json_t *list = NULL;

        assert_int_equal(calls_describe(b->calls, &u, true, &list), 0);
        return list;
}

void expect_record(struct bench *b, uint8_t job, size_t i, const char *state, uint64_t nanousd)
{
        _cleanup_json_ json_t *list = describe(b, job);
        const json_t *o = json_array_get(list, i);

        assert_non_null(o);
        assert_string_equal(json_get_text(o, "state"), state);
        assert_int_equal(json_integer_value(json_object_get(o, "nanousd")), nanousd);
}

void expect_sum(struct bench *b, uint8_t job, uint64_t n_last, uint64_t nanousd)
{
        struct ulid u = job_of(job);
        struct calls_sum sum;

        assert_int_equal(calls_get_sum(b->calls, &u, &sum), 0);
        assert_int_equal(sum.n_last, n_last);
        assert_int_equal(sum.nanousd, nanousd);
}
