#include "tests/unit/unit.h"

#include <ftw.h>
#include <stdio.h>

#include "common/buf.h"
#include "common/clock.h"
#include "common/json.h"
#include "common/str.h"
#include "daemon/calls/calls.h"
#include "daemon/loop/loop.h"
#include "daemon/provider/provider.h"
#include "daemon/store/store.h"
#include "tests/unit/fake-http.h"

#define DEADLINE_USEC UINT64_C(10000000)
#define N_ASKERS 60

struct bench;

/* One call and what it was told. */
struct asker {
        struct bench *bench;
        struct call *call;
        struct buf text;  /* as streamed */
        struct buf whole; /* as in the outcome */
        enum failure_id id;
        enum stop_reason stop;
        struct usage usage;
        uint64_t nanousd, delay_ms;
        unsigned n_started, n_retries, n_attempts, n_ends;
        bool has_failure, is_payer;
        bool cancels_in_text, settles_in_end, cancels_in_end;
};

struct bench {
        char dir[64];
        struct loop *loop;
        struct store *store;
        struct provider_room *room;
        struct calls *calls;
        struct fake *fake;
        struct timer *poll;
        bool (*condition)(struct bench *b, unsigned n);
        unsigned n;
        uint64_t late_usec;
        bool is_late, is_drained, is_committed;
        struct asker askers[N_ASKERS];
};

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

static void run_until(struct bench *b, bool (*condition)(struct bench *b, unsigned n), unsigned n)
{
        b->condition = condition;
        b->n = n;
        b->late_usec = clock_monotonic_usec() + DEADLINE_USEC;
        assert_int_equal(timer_start(b->poll, 0), 0);
        assert_int_equal(loop_run(b->loop), 0);
        assert_false(b->is_late);
}

static bool have_ended(struct bench *b, unsigned n)
{
        unsigned n_ended = 0;

        for (size_t i = 0; i < N_ASKERS; i++)
                n_ended += b->askers[i].n_ends;
        return n_ended >= n;
}

static bool have_requested(struct bench *b, unsigned n)
{
        return fake_n_requests(b->fake) >= n;
}

static bool has_text(struct bench *b, unsigned n)
{
        return b->askers[n].text.n > 0;
}

static bool has_hung_up(struct bench *b, unsigned n)
{
        return fake_n_hung_up(b->fake) >= n;
}

static bool is_drained(struct bench *b, unsigned n)
{
        (void)n;
        return b->is_drained;
}

static bool is_settled(struct bench *b, unsigned n)
{
        (void)n;
        return b->is_committed;
}

static bool is_written(struct bench *b, unsigned n)
{
        (void)n;
        return store_n_pending(b->store, STORE_STATE) == 0;
}

/* ---- the bench ---- */

static void open_store(struct bench *b)
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

static void close_store(struct bench *b)
{
        calls_free(b->calls);
        provider_room_free(b->room);
        store_close(b->store);
        timer_free(b->poll);
        loop_free(b->loop);
}

static void configure(struct bench *b)
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

static void open_bench(struct bench *b, const struct fake_step *steps, size_t n)
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

static void close_bench(struct bench *b)
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

static void on_committed(void *arg, int r)
{
        struct bench *b = arg;

        assert_int_equal(r, 0);
        b->is_committed = true;
}

static void settle(struct asker *a)
{
        struct store_batch *batch;

        assert_int_equal(store_batch_new(STORE_STATE, &batch), 0);
        assert_int_equal(call_settle(a->call, batch), 0);
        a->call = NULL;
        a->bench->is_committed = false;
        assert_int_equal(store_commit(a->bench->store, batch, on_committed, a->bench), 0);
}

static void settle_and_wait(struct asker *a)
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
        a->n_attempts = o->n_attempts;
        assert_int_equal(buf_add_span(&a->whole, o->text), 0);
        if (a->settles_in_end)
                settle(a);
        if (a->cancels_in_end)
                call_cancel(c);
}

static const struct call_events events = {on_started, on_text, on_retry, on_end};

static struct ulid job_of(uint8_t name)
{
        struct ulid u = {};

        memset(u.at, name, sizeof(u.at));
        return u;
}

#define INPUT_PRICE 1000
#define OUTPUT_PRICE 5000
#define GOOD_NANOUSD (100 * INPUT_PRICE + 20 * OUTPUT_PRICE)
#define PART_NANOUSD(n_text) (100 * INPUT_PRICE + MAX2(1, (n_text) / 3) * OUTPUT_PRICE)

struct wish {
        uint8_t job;
        uint32_t uid;
        const char *words;
        bool is_interactive;
        uint64_t worst, left;
};

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
                .provider = "p",
                .model = "m",
                .blocks = blocks,
                .n_blocks = N_ELEMENTS(blocks),
                .max_tokens = 100,
                .price = {.input = INPUT_PRICE, .output = OUTPUT_PRICE},
                .estimate_nanousd = 7777,
                .worst_nanousd = w->worst ?: 1000000,
                .budget_left_nanousd = w->left ?: UINT64_MAX,
                .tasks = "[3,4]",
        };

        b->askers[i].bench = b;
        return calls_start(b->calls, &spec, &events, &b->askers[i], &b->askers[i].call, ret);
}

static void ask(struct bench *b, unsigned i, const struct wish *w)
{
        struct failure *f = NULL;

        assert_int_equal(try_ask(b, i, w, &f), 0);
        assert_int_equal(b->askers[i].n_ends + b->askers[i].n_started, 0);
}

static void expect_refusal(struct bench *b, unsigned i, const struct wish *w, enum failure_id id)
{
        struct failure *f = NULL;

        assert_int_equal(try_ask(b, i, w, &f), CONDITION_REFUSED);
        assert_int_equal(f->id, id);
        failure_free(f);
}

static uint64_t n_batches(struct bench *b)
{
        struct store_counters counters;

        store_get_counters(b->store, &counters);
        return counters.state_batches;
}

static json_t *describe(struct bench *b, uint8_t job)
{
        struct ulid u = job_of(job);
        json_t *list = NULL;

        assert_int_equal(calls_describe(b->calls, &u, true, &list), 0);
        return list;
}

static void expect_record(struct bench *b, uint8_t job, size_t i, const char *state,
                          uint64_t nanousd)
{
        _cleanup_json_ json_t *list = describe(b, job);
        const json_t *o = json_array_get(list, i);

        assert_non_null(o);
        assert_string_equal(json_get_text(o, "state"), state);
        assert_int_equal(json_integer_value(json_object_get(o, "nanousd")), nanousd);
}

static void expect_sum(struct bench *b, uint8_t job, uint64_t n_last, uint64_t nanousd)
{
        struct ulid u = job_of(job);
        struct calls_sum sum;

        assert_int_equal(calls_get_sum(b->calls, &u, &sum), 0);
        assert_int_equal(sum.n_last, n_last);
        assert_int_equal(sum.nanousd, nanousd);
}

#define GOOD                                            \
        {                                               \
                .answer = FAKE_GOOD, .then = FAKE_CLOSE \
        }
#define HELD_GOOD                                                      \
        {                                                              \
                .answer = FAKE_GOOD, .waits = true, .then = FAKE_CLOSE \
        }
#define HANGING                                                                      \
        {                                                                            \
                .answer = FAKE_SSE FAKE_START FAKE_TEXT("Hello "), .then = FAKE_HOLD \
        }
#define BUSY                                                                         \
        {                                                                            \
                .answer = FAKE_ERROR("529 Busy", "retry-after-ms: 1\r\n",            \
                                     "{\"error\":{\"type\":\"overloaded_error\"}}"), \
                .then = FAKE_CLOSE                                                   \
        }

/* ---- tests ---- */

static void test_one_call(void **state)
{
        const struct fake_step steps[] = {GOOD};
        static struct bench b;
        struct asker *a = &b.askers[0];
        _cleanup_json_ json_t *list = NULL;
        const json_t *o;
        uint64_t n_before;

        (void)state;
        open_bench(&b, steps, 1);
        n_before = n_batches(&b);
        ask(&b, 0, &(struct wish){.job = 1, .words = "hi"});
        run_until(&b, have_ended, 1);
        assert_false(a->has_failure);
        assert_true(a->is_payer);
        assert_string_equal(a->text.at, "Hello world");
        assert_string_equal(a->whole.at, "Hello world");
        assert_int_equal(a->n_started, 1);
        assert_int_equal(a->n_attempts, 1);
        assert_int_equal(a->nanousd, GOOD_NANOUSD);
        assert_int_equal(calls_spent_today(b.calls), GOOD_NANOUSD);
        assert_int_equal(calls_n_running(b.calls), 0);
        expect_record(&b, 1, 0, "running", 0);
        settle_and_wait(a);
        assert_int_equal(n_batches(&b) - n_before, 2);
        assert_int_equal(calls_spent_today(b.calls), GOOD_NANOUSD);
        expect_sum(&b, 1, 1, GOOD_NANOUSD);
        list = describe(&b, 1);
        assert_int_equal(json_array_size(list), 1);
        o = json_array_get(list, 0);
        assert_string_equal(json_get_text(o, "state"), "ok");
        assert_string_equal(json_get_text(o, "model"), "m");
        assert_string_equal(json_get_text(o, "request_id"), "req_1");
        assert_string_equal(json_get_text(o, "prompt"),
                            "--- system, cached for 5 minutes\nRules.\n--- user\nhi\n");
        assert_int_equal(json_array_size(json_object_get(o, "tasks")), 2);
        assert_int_equal(json_integer_value(json_object_get(json_object_get(o, "tokens"), "input")),
                         100);
        close_bench(&b);
}

static void test_identical_calls_are_one_request(void **state)
{
        const struct fake_step steps[] = {HELD_GOOD};
        static struct bench b;
        unsigned n_payers = 0;

        (void)state;
        open_bench(&b, steps, 1);
        for (unsigned i = 0; i < 50; i++)
                ask(&b, i, &(struct wish){.job = (uint8_t)(1 + i % 5), .words = "same"});
        run_until(&b, have_requested, 1);
        fake_release(b.fake);
        run_until(&b, have_ended, 50);
        assert_int_equal(fake_n_requests(b.fake), 1);
        for (unsigned i = 0; i < 50; i++) {
                assert_false(b.askers[i].has_failure);
                assert_string_equal(b.askers[i].whole.at, "Hello world");
                assert_string_equal(b.askers[i].text.at, "Hello world");
                n_payers += b.askers[i].is_payer;
                assert_int_equal(b.askers[i].nanousd, b.askers[i].is_payer ? GOOD_NANOUSD : 0);
                settle(&b.askers[i]);
        }
        run_until(&b, is_settled, 0);
        assert_int_equal(n_payers, 1);
        assert_int_equal(calls_spent_today(b.calls), GOOD_NANOUSD);
        close_bench(&b);
}

static void test_what_differs_is_not_joined(void **state)
{
        const struct fake_step steps[] = {GOOD};
        static struct bench b;

        (void)state;
        open_bench(&b, steps, 1);
        ask(&b, 0, &(struct wish){.job = 1, .uid = 1, .words = "same"});
        ask(&b, 1, &(struct wish){.job = 1, .uid = 2, .words = "same"});
        ask(&b, 2, &(struct wish){.job = 1, .uid = 1, .words = "other"});
        run_until(&b, have_ended, 3);
        assert_int_equal(fake_n_requests(b.fake), 3);
        close_bench(&b);
}

static void test_late_joiner_gets_all_text(void **state)
{
        const struct fake_step steps[] = {HANGING};
        static struct bench b;

        (void)state;
        open_bench(&b, steps, 1);
        ask(&b, 0, &(struct wish){.job = 1, .words = "same"});
        run_until(&b, has_text, 0);
        ask(&b, 1, &(struct wish){.job = 2, .words = "same"});
        run_until(&b, has_text, 1);
        assert_string_equal(b.askers[1].text.at, "Hello ");
        assert_int_equal(b.askers[1].n_started, 1);
        assert_int_equal(fake_n_requests(b.fake), 1);
        close_bench(&b);
}

static void test_cancel_with_two_owners(void **state)
{
        const struct fake_step steps[] = {HANGING};
        static struct bench b;

        (void)state;
        open_bench(&b, steps, 1);
        ask(&b, 0, &(struct wish){.job = 1, .words = "same"});
        ask(&b, 1, &(struct wish){.job = 2, .words = "same"});
        run_until(&b, has_text, 1);
        call_cancel(b.askers[0].call);
        assert_int_equal(fake_n_hung_up(b.fake), 0);
        assert_int_equal(calls_n_running(b.calls), 1);
        /* The stream goes on for the other, who pays now. */
        call_cancel(b.askers[1].call);
        run_until(&b, has_hung_up, 1);
        calls_drain(b.calls, NULL, NULL);
        assert_int_equal(calls_n_running(b.calls), 0);
        assert_int_equal(b.askers[0].n_ends + b.askers[1].n_ends, 0);
        close_store(&b);
        open_store(&b);
        expect_record(&b, 1, 0, "cancelled", 0);
        expect_record(&b, 2, 0, "cancelled", PART_NANOUSD(6));
        assert_int_equal(calls_spent_today(b.calls), PART_NANOUSD(6)); /* nothing was lost */
        close_bench(&b);
}

static void test_payer_leaves_and_the_other_pays(void **state)
{
        const struct fake_step steps[] = {HELD_GOOD};
        static struct bench b;

        (void)state;
        open_bench(&b, steps, 1);
        ask(&b, 0, &(struct wish){.job = 1, .words = "same"});
        ask(&b, 1, &(struct wish){.job = 2, .words = "same"});
        run_until(&b, have_requested, 1);
        call_cancel(b.askers[0].call);
        fake_release(b.fake);
        run_until(&b, have_ended, 1);
        assert_true(b.askers[1].is_payer);
        assert_int_equal(b.askers[1].nanousd, GOOD_NANOUSD);
        settle_and_wait(&b.askers[1]);
        expect_record(&b, 1, 0, "cancelled", 0);
        expect_record(&b, 2, 0, "ok", GOOD_NANOUSD);
        close_bench(&b);
}

static void test_cancel_while_queued_costs_nothing(void **state)
{
        const struct fake_step steps[] = {GOOD};
        static struct bench b;

        (void)state;
        open_bench(&b, steps, 1);
        ask(&b, 0, &(struct wish){.job = 1, .words = "a"});
        call_cancel(b.askers[0].call);
        ask(&b, 1, &(struct wish){.job = 1, .words = "b"});
        run_until(&b, have_ended, 1);
        assert_int_equal(fake_n_requests(b.fake), 1);
        expect_sum(&b, 1, 2, 0);
        close_bench(&b);
}

static void test_cancel_from_callbacks(void **state)
{
        const struct fake_step steps[] = {GOOD};
        static struct bench b;

        (void)state;
        open_bench(&b, steps, 1);
        b.askers[0].cancels_in_text = true;
        b.askers[1].cancels_in_end = true;
        b.askers[2].settles_in_end = true;
        for (unsigned i = 0; i < 3; i++)
                ask(&b, i, &(struct wish){.job = (uint8_t)(i + 1), .words = "same"});
        run_until(&b, have_ended, 2);
        assert_int_equal(b.askers[0].n_ends, 0);
        run_until(&b, is_settled, 0);
        close_bench(&b);
}

static void test_last_owner_cancels_in_text(void **state)
{
        const struct fake_step steps[] = {HANGING};
        static struct bench b;

        (void)state;
        open_bench(&b, steps, 1);
        b.askers[0].cancels_in_text = b.askers[1].cancels_in_text = true;
        ask(&b, 0, &(struct wish){.job = 1, .words = "same"});
        ask(&b, 1, &(struct wish){.job = 2, .words = "same"});
        run_until(&b, has_hung_up, 1);
        assert_int_equal(calls_n_running(b.calls), 0);
        close_bench(&b);
}

static void test_retry(void **state)
{
        const struct fake_step steps[] = {BUSY, GOOD};
        static struct bench b;
        struct asker *a = &b.askers[0];
        uint64_t n_before;

        (void)state;
        open_bench(&b, steps, 2);
        n_before = n_batches(&b);
        ask(&b, 0, &(struct wish){.job = 1, .words = "x"});
        run_until(&b, have_ended, 1);
        assert_false(a->has_failure);
        assert_int_equal(a->n_retries, 1);
        assert_int_equal(a->n_attempts, 2);
        assert_int_equal(a->id, FAILURE_OVERLOADED);
        assert_in_range(a->delay_ms, 1, 251);
        assert_int_equal(a->nanousd, GOOD_NANOUSD); /* a refusal costs nothing */
        settle_and_wait(a);
        assert_int_equal(n_batches(&b) - n_before, 2); /* a retry commits nothing */
        close_bench(&b);
}

static void test_broken_stream_is_voided_and_booked(void **state)
{
        static const char broken[] =
                "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: "
                "close\r\n\r\n" FAKE_START FAKE_TEXT("Hello ");
        const struct fake_step steps[] = {{.answer = broken, .then = FAKE_RESET}, GOOD};
        static struct bench b;
        struct asker *a = &b.askers[0];

        (void)state;
        open_bench(&b, steps, 2);
        ask(&b, 0, &(struct wish){.job = 1, .words = "x"});
        run_until(&b, have_ended, 1);
        assert_false(a->has_failure);
        assert_int_equal(a->n_retries, 1);
        assert_int_equal(a->id, FAILURE_STREAM_BROKEN);
        assert_in_range(a->delay_ms, 750, 1000);
        assert_string_equal(a->text.at, "Hello world");
        assert_string_equal(a->whole.at, "Hello world");
        assert_int_equal(a->nanousd, GOOD_NANOUSD + PART_NANOUSD(6));
        close_bench(&b);
}

static void test_attempts_are_bounded(void **state)
{
        const struct fake_step steps[] = {BUSY};
        static struct bench b;
        struct asker *a = &b.askers[0];

        (void)state;
        open_bench(&b, steps, 1);
        ask(&b, 0, &(struct wish){.job = 1, .words = "x"});
        run_until(&b, have_ended, 1);
        assert_true(a->has_failure);
        assert_int_equal(a->id, FAILURE_OVERLOADED);
        assert_int_equal(fake_n_requests(b.fake), CALLS_MAX_ATTEMPTS);
        assert_int_equal(a->nanousd, 0);
        settle_and_wait(a);
        expect_record(&b, 1, 0, "failed", 0);
        close_bench(&b);
}

static void expect_single_attempt(const char *answer, enum failure_id id)
{
        const struct fake_step steps[] = {{.answer = answer, .then = FAKE_CLOSE}};
        static struct bench b;

        open_bench(&b, steps, 1);
        ask(&b, 0, &(struct wish){.job = 1, .words = "x"});
        run_until(&b, have_ended, 1);
        assert_true(b.askers[0].has_failure);
        assert_int_equal(b.askers[0].id, id);
        assert_int_equal(fake_n_requests(b.fake), 1);
        close_bench(&b);
}

static void test_what_cannot_succeed_is_not_tried_again(void **state)
{
        (void)state;
        expect_single_attempt(
                FAKE_ERROR("401 No", "", "{\"error\":{\"type\":\"authentication_error\"}}"),
                FAILURE_KEY_REFUSED);
        expect_single_attempt(FAKE_ERROR("429 Cap", "",
                                         "{\"error\":{\"type\":\"rate_limit_error\",\"details\":{"
                                         "\"error_code\":\"enforced_spend_limit_reached\"}}}"),
                              FAILURE_SPEND_LIMIT);
        expect_single_attempt(FAKE_ERROR("413 Large", "", "<html>"), FAILURE_TOO_LONG);
        expect_single_attempt(FAKE_ERROR("529 Busy", "x-should-retry: false\r\n", ""),
                              FAILURE_OVERLOADED);
        /* Later than we wait: the job's to decide. */
        expect_single_attempt(FAKE_ERROR("429 Slow", "retry-after: 4000\r\n", ""),
                              FAILURE_RATE_LIMITED);
}

static void test_retry_after_closes_the_gate(void **state)
{
        const struct fake_step steps[] = {
                {.answer = FAKE_ERROR("429 Slow", "retry-after-ms: 300\r\n", ""),
                 .then = FAKE_CLOSE},
                GOOD,
        };
        static struct bench b;
        uint64_t before;

        (void)state;
        open_bench(&b, steps, 2);
        calls_configure(b.calls, &(struct calls_config){.n_calls_max = 1});
        before = clock_monotonic_usec();
        ask(&b, 0, &(struct wish){.job = 1, .words = "a"});
        ask(&b, 1, &(struct wish){.job = 2, .words = "b"});
        run_until(&b, have_ended, 1);
        /* Neither the refused one nor the other left before its time. */
        assert_true(clock_monotonic_usec() - before >= 300000);
        run_until(&b, have_ended, 2);
        assert_false(b.askers[0].has_failure || b.askers[1].has_failure);
        close_bench(&b);
}

static void test_empty_bucket_holds_back(void **state)
{
        char answer[1024], when[CLOCK_RFC3339_BYTES];
        const struct fake_step steps[] = {{.answer = answer, .then = FAKE_CLOSE}, GOOD};
        static struct bench b;
        uint64_t before;

        (void)state;
        clock_format_rfc3339(clock_realtime_ms() + 60000, when);
        (void)snprintf(answer, sizeof(answer),
                       "HTTP/1.1 200 OK\r\nconnection: "
                       "close\r\nanthropic-ratelimit-requests-limit: 200\r\n"
                       "anthropic-ratelimit-requests-remaining: "
                       "0\r\nanthropic-ratelimit-requests-reset: %s\r\n\r\n%s",
                       when, FAKE_START FAKE_TEXT("a") FAKE_DELTA("end_turn") FAKE_STOP);
        open_bench(&b, steps, 2);
        ask(&b, 0, &(struct wish){.job = 1, .words = "a"});
        run_until(&b, have_ended, 1);
        before = clock_monotonic_usec();
        ask(&b, 1, &(struct wish){.job = 1, .words = "b"});
        run_until(&b, have_ended, 2);
        /* 200 a minute: one each 300 ms. */
        assert_in_range(clock_monotonic_usec() - before, 200000, 3000000);
        close_bench(&b);
}

static void test_slots(void **state)
{
        const struct fake_step steps[] = {HELD_GOOD};
        static struct bench b;
        char words[] = "a";

        (void)state;
        open_bench(&b, steps, 1);
        calls_configure(b.calls, &(struct calls_config){.n_calls_max = 2});
        for (unsigned i = 0; i < 6; i++, words[0]++)
                ask(&b, i, &(struct wish){.job = 1, .words = words});
        for (unsigned i = 0; i < 6; i++) {
                run_until(&b, have_requested, MIN2(i + 2, 6U));
                assert_int_equal(fake_n_requests(b.fake), MIN2(i + 2, 6U));
                assert_int_equal(calls_n_running(b.calls), MIN2(2U, 6 - i));
                fake_release(b.fake);
                run_until(&b, have_ended, i + 1);
        }
        close_bench(&b);
}

/* The order in which prompts of one letter reached the server. */
static void expect_order(struct bench *b, const char *letters)
{
        for (unsigned i = 0; letters[i]; i++) {
                char pattern[32];

                (void)snprintf(pattern, sizeof(pattern), "\"text\":\"%c\"", letters[i]);
                assert_non_null(strstr(fake_request(b->fake, i), pattern));
        }
}

static void test_interactive_goes_first_and_jobs_take_turns(void **state)
{
        const struct fake_step steps[] = {GOOD};
        static struct bench b;

        (void)state;
        open_bench(&b, steps, 1);
        calls_configure(b.calls, &(struct calls_config){.n_calls_max = 1});
        ask(&b, 0, &(struct wish){.job = 1, .words = "a"});
        ask(&b, 1, &(struct wish){.job = 1, .words = "b"});
        ask(&b, 2, &(struct wish){.job = 1, .words = "c"});
        ask(&b, 3, &(struct wish){.job = 2, .words = "d"});
        ask(&b, 4, &(struct wish){.job = 3, .words = "e"});
        ask(&b, 5, &(struct wish){.job = 4, .words = "f", .is_interactive = true});
        /* An interactive owner takes the shared request forward. */
        ask(&b, 6, &(struct wish){.job = 5, .words = "c", .is_interactive = true});
        run_until(&b, have_ended, 7);
        assert_int_equal(fake_n_requests(b.fake), 6);
        expect_order(&b, "fcadeb");
        close_bench(&b);
}

static void test_job_budget(void **state)
{
        const struct fake_step steps[] = {HELD_GOOD};
        static struct bench b;

        (void)state;
        open_bench(&b, steps, 1);
        expect_refusal(&b, 0,
                       &(struct wish){.job = 1, .words = "a", .worst = 1000001, .left = 1000000},
                       FAILURE_BUDGET);
        ask(&b, 0, &(struct wish){.job = 1, .words = "a", .worst = 600000, .left = 1000000});
        ask(&b, 1, &(struct wish){.job = 1, .words = "b", .worst = 600000, .left = 1000000});
        ask(&b, 2, &(struct wish){.job = 1, .words = "c", .worst = 800000, .left = 1000000});
        ask(&b, 3, &(struct wish){.job = 2, .words = "d", .worst = 600000, .left = 1000000});
        run_until(&b, have_requested, 2);
        fake_release(b.fake);
        fake_release(b.fake);
        run_until(&b, have_ended, 2);
        /* b fits now: a came to 200,000 of 600,000. It is another job's money that d spent. */
        run_until(&b, have_requested, 3);
        expect_order(&b, "a");
        assert_non_null(strstr(fake_request(b.fake, 2), "\"text\":\"b\""));
        fake_release(b.fake);
        run_until(&b, have_ended, 3);
        /* 400,000 spent: 800,000 never fits any more. */
        run_until(&b, have_ended, 4);
        assert_true(b.askers[2].has_failure);
        assert_int_equal(b.askers[2].id, FAILURE_BUDGET);
        assert_int_equal(fake_n_requests(b.fake), 3);
        settle_and_wait(&b.askers[2]);
        close_bench(&b);
}

static void test_day_budget(void **state)
{
        const struct fake_step steps[] = {GOOD};
        static struct bench b;

        (void)state;
        open_bench(&b, steps, 1);
        calls_configure(b.calls,
                        &(struct calls_config){.n_calls_max = 4, .day_budget_nanousd = 700000});
        ask(&b, 0, &(struct wish){.job = 1, .words = "a", .worst = 500000});
        run_until(&b, have_ended, 1);
        settle_and_wait(&b.askers[0]);
        ask(&b, 1, &(struct wish){.job = 2, .words = "b", .worst = 500000});
        run_until(&b, have_ended, 2);
        expect_refusal(&b, 2, &(struct wish){.job = 3, .words = "c", .worst = 500000},
                       FAILURE_BUDGET);
        settle_and_wait(&b.askers[1]);
        expect_refusal(&b, 2, &(struct wish){.job = 3, .words = "c", .worst = 500000},
                       FAILURE_BUDGET);
        /* It outlives the daemon and ends with the day. */
        close_store(&b);
        open_store(&b);
        configure(&b);
        assert_int_equal(calls_spent_today(b.calls), 2 * GOOD_NANOUSD);
        clock_test_advance_usec(UINT64_C(86400) * 1000000);
        assert_int_equal(calls_spent_today(b.calls), 0);
        close_bench(&b);
}

static void test_refusals(void **state)
{
        const struct fake_step steps[] = {GOOD};
        const struct provider_config keyless = {
                .name = "p", .dialect = "anthropic", .base_url = "https://api.example.com"};
        static struct bench b;
        struct failure *f = NULL;

        (void)state;
        open_bench(&b, steps, 1);
        assert_int_equal(provider_configure(b.room, &keyless, NULL, &f), 0);
        expect_refusal(&b, 0, &(struct wish){.job = 1, .words = "a"}, FAILURE_KEY_MISSING);
        provider_remove(b.room, "p");
        expect_refusal(&b, 0, &(struct wish){.job = 1, .words = "a"}, FAILURE_BAD_CONFIG);
        close_bench(&b);
}

static void test_crash_books_the_intent_as_lost(void **state)
{
        const struct fake_step steps[] = {HANGING};
        static struct bench b;

        (void)state;
        open_bench(&b, steps, 1);
        ask(&b, 0, &(struct wish){.job = 1, .words = "a"});
        run_until(&b, has_text, 0);
        close_store(&b); /* to the state on disk this is what a crash is */
        open_store(&b);
        run_until(&b, is_written, 0);
        expect_record(&b, 1, 0, "lost", 7777);
        expect_sum(&b, 1, 1, 7777);
        assert_int_equal(calls_spent_today(b.calls), 7777);
        close_store(&b);
        open_store(&b);
        assert_int_equal(calls_spent_today(b.calls), 7777); /* once */
        close_bench(&b);
}

static void on_drained(void *arg)
{
        ((struct bench *)arg)->is_drained = true;
}

static void test_drain(void **state)
{
        const struct fake_step steps[] = {HELD_GOOD};
        static struct bench b;

        (void)state;
        open_bench(&b, steps, 1);
        calls_configure(b.calls, &(struct calls_config){.n_calls_max = 1});
        ask(&b, 0, &(struct wish){.job = 1, .words = "a"});
        ask(&b, 1, &(struct wish){.job = 1, .words = "b"});
        run_until(&b, have_requested, 1);
        calls_drain(b.calls, on_drained, &b);
        expect_refusal(&b, 2, &(struct wish){.job = 1, .words = "c"}, FAILURE_STOPPING);
        run_until(&b, have_ended, 1);
        assert_int_equal(b.askers[1].id, FAILURE_STOPPING);
        settle(&b.askers[1]);
        assert_false(b.is_drained);
        fake_release(b.fake);
        run_until(&b, have_ended, 2);
        assert_false(b.askers[0].has_failure);
        assert_false(b.is_drained);
        settle(&b.askers[0]);
        run_until(&b, is_drained, 0);
        close_bench(&b);
}

static void test_long_prompt_is_cut_with_a_note(void **state)
{
        const struct fake_step steps[] = {GOOD};
        static struct bench b;
        size_t n = 5 << 20;
        _cleanup_free_ char *words = malloc(n + 1);
        _cleanup_json_ json_t *list = NULL;
        const char *prompt;

        (void)state;
        assert_non_null(words);
        memset(words, 'x', n);
        words[n] = '\0';
        open_bench(&b, steps, 1);
        ask(&b, 0, &(struct wish){.job = 1, .words = words});
        run_until(&b, have_ended, 1);
        assert_non_null(strstr(fake_request(b.fake, 0), words)); /* what was sent is whole */
        settle_and_wait(&b.askers[0]);
        list = describe(&b, 1);
        prompt = json_get_text(json_array_get(list, 0), "prompt");
        assert_non_null(prompt);
        assert_non_null(strstr(prompt, "bytes were not kept"));
        assert_true(strlen(prompt) < (4 << 20) + 100);
        close_bench(&b);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_one_call),
                cmocka_unit_test(test_identical_calls_are_one_request),
                cmocka_unit_test(test_what_differs_is_not_joined),
                cmocka_unit_test(test_late_joiner_gets_all_text),
                cmocka_unit_test(test_cancel_with_two_owners),
                cmocka_unit_test(test_payer_leaves_and_the_other_pays),
                cmocka_unit_test(test_cancel_while_queued_costs_nothing),
                cmocka_unit_test(test_cancel_from_callbacks),
                cmocka_unit_test(test_last_owner_cancels_in_text),
                cmocka_unit_test(test_retry),
                cmocka_unit_test(test_broken_stream_is_voided_and_booked),
                cmocka_unit_test(test_attempts_are_bounded),
                cmocka_unit_test(test_what_cannot_succeed_is_not_tried_again),
                cmocka_unit_test(test_retry_after_closes_the_gate),
                cmocka_unit_test(test_empty_bucket_holds_back),
                cmocka_unit_test(test_slots),
                cmocka_unit_test(test_interactive_goes_first_and_jobs_take_turns),
                cmocka_unit_test(test_job_budget),
                cmocka_unit_test(test_day_budget),
                cmocka_unit_test(test_refusals),
                cmocka_unit_test(test_crash_books_the_intent_as_lost),
                cmocka_unit_test(test_drain),
                cmocka_unit_test(test_long_prompt_is_cut_with_a_note),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
