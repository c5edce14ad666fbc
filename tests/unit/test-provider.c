#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "common/buf.h"
#include "common/clock.h"
#include "common/str.h"
#include "daemon/loop/loop.h"
#include "daemon/provider/http.h"
#include "daemon/provider/provider.h"
#include "tests/unit/fake-http.h"

#define DEADLINE_MS 40000 /* the machine may be busy with others */
#define KEY "sk-ant-very-secret"

/* A loop, a room, a server, and what one attempt told. */
struct bench {
        struct loop *loop;
        struct provider_room *room;
        struct provider *provider;
        struct fake *fake;
        struct timer *deadline;
        struct buf text;
        struct usage usage;
        struct advice advice, limits;
        enum stop_reason stop;
        enum failure_id id;
        char message[600], request_id[64];
        struct attempt *attempt;
        unsigned n_started, n_limits, n_texts, n_ends;
        bool has_failure, cancels_in_text, is_late;
};

static void on_deadline(void *arg)
{
        struct bench *b = arg;

        b->is_late = true;
        loop_stop(b->loop);
}

static void run(struct bench *b)
{
        assert_int_equal(timer_start(b->deadline, DEADLINE_MS), 0);
        assert_int_equal(loop_run(b->loop), 0);
        timer_stop(b->deadline);
        assert_false(b->is_late);
}

static struct provider *configure(struct bench *b, const char *url, const char *key)
{
        const struct provider_config c = {
                .name = "p",
                .dialect = "anthropic",
                .base_url = url,
                .key = key,
                .connect_timeout_ms = 3000,
                .first_byte_timeout_ms = 300,
                .stall_timeout_ms = 300,
        };
        struct failure *f = NULL;
        struct provider *p = NULL;

        assert_int_equal(provider_configure(b->room, &c, &p, &f), 0);
        return p;
}

static void open_bench(struct bench *b, const struct fake_step *steps, size_t n)
{
        _cleanup_free_ char *url = NULL;

        *b = (struct bench){};
        assert_int_equal(loop_new(2, &b->loop), 0);
        assert_int_equal(timer_new(b->loop, on_deadline, b, &b->deadline), 0);
        assert_int_equal(provider_room_new(b->loop, &b->room), 0);
        assert_int_equal(fake_new(steps, n, &b->fake), 0);
        url = str_printf("http://127.0.0.1:%u/", fake_port(b->fake));
        b->provider = configure(b, url, KEY);
}

static void close_bench(struct bench *b)
{
        provider_room_free(b->room);
        timer_free(b->deadline);
        loop_free(b->loop);
        fake_free(b->fake);
        buf_done(&b->text);
}

static void on_limits(struct attempt *a, const struct advice *limits, void *arg)
{
        struct bench *b = arg;

        (void)a;
        b->n_limits++;
        b->limits = *limits;
        assert_int_equal(b->n_started + b->n_texts, 0);
}

static void on_started(struct attempt *a, void *arg)
{
        struct bench *b = arg;

        b->n_started++;
        assert_true(attempt_first_event_usec(a) > 0);
}

static void on_text(struct attempt *a, struct span text, void *arg)
{
        struct bench *b = arg;

        b->n_texts++;
        assert_int_equal(buf_add_span(&b->text, text), 0);
        assert_true(str_is_utf8(text));
        if (b->cancels_in_text) {
                provider_cancel(a, &b->usage);
                loop_stop(b->loop);
        }
}

static void on_end(struct attempt *a, enum stop_reason stop, const struct usage *usage,
                   const struct failure *failure, const struct advice *advice, void *arg)
{
        struct bench *b = arg;

        b->n_ends++;
        b->stop = stop;
        b->usage = *usage;
        b->advice = *advice;
        b->has_failure = failure;
        if (failure) {
                b->id = failure->id;
                (void)snprintf(b->message, sizeof(b->message), "%s", failure_message(failure));
        }
        (void)snprintf(b->request_id, sizeof(b->request_id), "%s", attempt_request_id(a) ?: "");
        loop_stop(b->loop);
}

static const struct attempt_events events = {
        .on_limits = on_limits, .on_started = on_started, .on_text = on_text, .on_end = on_end};

static void start(struct bench *b)
{
        const struct prompt_block blocks[] = {{.text = SPAN("say hello")}};
        const struct request r = {.model = "m",
                                  .blocks = blocks,
                                  .n_blocks = 1,
                                  .max_tokens = 50,
                                  .job = "J",
                                  .call = 1};

        assert_int_equal(provider_send(b->provider, &r, &events, b, &b->attempt), 0);
        assert_int_equal(b->n_ends + b->n_texts, 0);
}

static void send_one(struct bench *b)
{
        buf_clear(&b->text);
        b->n_started = b->n_limits = b->n_texts = b->n_ends = 0;
        start(b);
        run(b);
        assert_int_equal(b->n_ends, 1);
}

static void assert_good(const struct bench *b)
{
        assert_false(b->has_failure);
        assert_string_equal(b->text.at, "Hello world");
        assert_int_equal(b->stop, STOP_END);
        assert_int_equal(b->n_started, 1);
        assert_int_equal(b->n_limits, 1);
        assert_true(b->usage.is_known);
        assert_int_equal(b->usage.input, 100);
        assert_int_equal(b->usage.output, 20);
}

/* One attempt against one step. */
static void expect_good(const struct fake_step *step)
{
        struct bench b;

        open_bench(&b, step, 1);
        send_one(&b);
        assert_good(&b);
        close_bench(&b);
}

static struct advice expect_failure(const struct fake_step *step, enum failure_id id,
                                    bool is_retryable)
{
        struct bench b;

        open_bench(&b, step, 1);
        send_one(&b);
        assert_true(b.has_failure);
        assert_string_equal(failure_table[b.id].name, failure_table[id].name);
        assert_int_equal(b.advice.is_retryable, is_retryable);
        assert_null(strstr(b.message, KEY));
        close_bench(&b);
        return b.advice;
}

static void test_good(void **state)
{
        struct bench b;

        (void)state;
        open_bench(&b, &(struct fake_step){.answer = FAKE_GOOD, .then = FAKE_CLOSE}, 1);
        send_one(&b);
        assert_good(&b);
        assert_string_equal(b.request_id, "req_1");
        assert_non_null(strstr(fake_request(b.fake, 0), "POST /v1/messages HTTP/1.1\r\n"));
        assert_non_null(strstr(fake_request(b.fake, 0), "x-api-key: " KEY "\r\n"));
        assert_non_null(strstr(fake_request(b.fake, 0), "anthropic-version: 2023-06-01\r\n"));
        assert_non_null(strstr(fake_request(b.fake, 0), "content-type: application/json\r\n"));
        assert_null(strcasestr(fake_request(b.fake, 0), "expect:"));
        close_bench(&b);
}

static void test_bytes_one_by_one(void **state)
{
        (void)state;
        expect_good(&(struct fake_step){.answer = FAKE_GOOD, .split = 1, .then = FAKE_CLOSE});
}

static void test_server_that_does_not_close(void **state)
{
        uint64_t before = clock_monotonic_usec();

        (void)state;
        expect_good(&(struct fake_step){.answer = FAKE_GOOD, .then = FAKE_HOLD});
        assert_true(clock_monotonic_usec() - before < 20000000);
}

static void test_reset_after_the_end_is_fine(void **state)
{
        (void)state;
        expect_good(&(struct fake_step){.answer = FAKE_GOOD, .then = FAKE_RESET});
}

static void test_cut_anywhere(void **state)
{
        static const char good[] = FAKE_GOOD;
        const size_t places[] = {strlen(FAKE_SSE) + 10, strlen(FAKE_SSE FAKE_START),
                                 strlen(good) - 1, strlen(good) - strlen(FAKE_STOP)};

        (void)state;
        for (size_t i = 0; i < N_ELEMENTS(places); i++) {
                struct advice a =
                        expect_failure(&(struct fake_step){.answer = good,
                                                           .cut = places[i],
                                                           .then = i % 2 ? FAKE_CLOSE : FAKE_RESET},
                                       FAILURE_STREAM_BROKEN, true);

                assert_true(a.was_perhaps_paid);
        }
}

static void test_cut_within_the_head(void **state)
{
        (void)state;
        assert_true(expect_failure(
                            &(struct fake_step){.answer = FAKE_GOOD, .cut = 20, .then = FAKE_CLOSE},
                            FAILURE_STREAM_BROKEN, true)
                            .was_perhaps_paid);
        assert_true(
                expect_failure(&(struct fake_step){.then = FAKE_RESET}, FAILURE_STREAM_BROKEN, true)
                        .was_perhaps_paid);
}

static void test_chunked_body_ends_early(void **state)
{
        static const char answer[] =
                "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n40\r\nevent: ping\n";

        (void)state;
        (void)expect_failure(&(struct fake_step){.answer = answer, .then = FAKE_CLOSE},
                             FAILURE_STREAM_BROKEN, true);
}

static void test_empty_success(void **state)
{
        (void)state;
        (void)expect_failure(&(struct fake_step){.answer = FAKE_SSE, .then = FAKE_CLOSE},
                             FAILURE_STREAM_BROKEN, true);
        (void)expect_failure(
                &(struct fake_step){.answer =
                                            "HTTP/1.1 204 No Content\r\nconnection: close\r\n\r\n",
                                    .then = FAKE_CLOSE},
                FAILURE_STREAM_BROKEN, true);
}

static void test_answer_without_text(void **state)
{
        (void)state;
        (void)expect_failure(
                &(struct fake_step){.answer = FAKE_SSE FAKE_START FAKE_DELTA("end_turn") FAKE_STOP,
                                    .then = FAKE_CLOSE},
                FAILURE_BAD_ANSWER, true);
}

static void expect_stop(const char *answer, enum stop_reason stop)
{
        struct bench b;

        open_bench(&b, &(struct fake_step){.answer = answer, .then = FAKE_CLOSE}, 1);
        send_one(&b);
        assert_false(b.has_failure);
        assert_int_equal(b.stop, stop);
        close_bench(&b);
}

static void test_stops(void **state)
{
        (void)state;
        expect_stop(FAKE_SSE FAKE_START FAKE_DELTA("refusal") FAKE_STOP, STOP_REFUSAL);
        expect_stop(FAKE_SSE FAKE_START FAKE_TEXT("a") FAKE_DELTA("max_tokens") FAKE_STOP,
                    STOP_LENGTH);
        expect_stop(FAKE_SSE FAKE_START FAKE_TEXT("a") FAKE_DELTA("model_context_window_exceeded")
                            FAKE_STOP,
                    STOP_LENGTH);
}

static void test_web_page(void **state)
{
        (void)state;
        (void)expect_failure(
                &(struct fake_step){.answer = "HTTP/1.1 200 OK\r\ncontent-type: "
                                              "text/html\r\nconnection: close\r\n\r\n<html>",
                                    .then = FAKE_CLOSE},
                FAILURE_BAD_ANSWER, false);
}

static void test_error_in_the_stream(void **state)
{
        static const char answer[] =
                FAKE_SSE FAKE_START FAKE_TEXT("a") "event: error\ndata: "
                                                   "{\"type\":\"error\",\"error\":{\"type\":"
                                                   "\"overloaded_error\",\"message\":\"x\"}}\n\n";
        struct advice a;

        (void)state;
        /* The server holds the connection: the end must not wait for it. */
        a = expect_failure(&(struct fake_step){.answer = answer, .then = FAKE_HOLD},
                           FAILURE_OVERLOADED, true);
        assert_true(a.was_perhaps_paid);
}

static void test_slow_first_byte(void **state)
{
        struct advice a;

        (void)state;
        a = expect_failure(&(struct fake_step){.then = FAKE_HOLD}, FAILURE_STREAM_STALLED, true);
        assert_true(a.was_perhaps_paid);
        (void)expect_failure(&(struct fake_step){.answer = FAKE_SSE, .then = FAKE_HOLD},
                             FAILURE_STREAM_STALLED, true);
}

static void test_stall(void **state)
{
        (void)state;
        (void)expect_failure(&(struct fake_step){.answer = FAKE_SSE FAKE_START FAKE_TEXT("a"),
                                                 .then = FAKE_HOLD},
                             FAILURE_STREAM_STALLED, true);
}

static void test_status_errors(void **state)
{
        struct advice a;

        (void)state;
        (void)expect_failure(
                &(struct fake_step){.answer =
                                            FAKE_ERROR("401 No", "",
                                                       "{\"error\":{\"type\":\"authentication_"
                                                       "error\",\"message\":\"bad key " KEY "\"}}"),
                                    .then = FAKE_CLOSE},
                FAILURE_KEY_REFUSED, false);
        a = expect_failure(
                &(struct fake_step){.answer = FAKE_ERROR("429 Slow", "retry-after: 3\r\n", ""),
                                    .then = FAKE_CLOSE},
                FAILURE_RATE_LIMITED, true);
        assert_int_equal(a.retry_after_ms, 3000);
        assert_false(a.was_perhaps_paid);
        (void)expect_failure(
                &(struct fake_step){
                        .answer = FAKE_ERROR("529 Busy", "",
                                             "{\"error\":{\"type\":\"overloaded_error\"}}"),
                        .then = FAKE_CLOSE},
                FAILURE_OVERLOADED, true);
        (void)expect_failure(
                &(struct fake_step){
                        .answer = "HTTP/1.1 413 Large\r\ncontent-type: text/html\r\nconnection: "
                                  "close\r\n\r\n<html>large</html>",
                        .then = FAKE_CLOSE},
                FAILURE_TOO_LONG, false);
        (void)expect_failure(
                &(struct fake_step){.answer = "HTTP/1.1 302 Found\r\nlocation: "
                                              "http://127.0.0.1:1/\r\ncontent-length: 0\r\n\r\n",
                                    .then = FAKE_CLOSE},
                FAILURE_BAD_CONFIG, false);
        /* The body of an error is cut off: its status still counts. */
        (void)expect_failure(
                &(struct fake_step){
                        .answer = "HTTP/1.1 529 Busy\r\ncontent-length: 1000\r\n\r\n{\"err",
                        .then = FAKE_RESET},
                FAILURE_OVERLOADED, true);
}

static void test_endless_error_body_is_cut(void **state)
{
        static char answer[300000];
        size_t n = (size_t)snprintf(answer, sizeof(answer), "HTTP/1.1 500 No\r\n\r\n");

        (void)state;
        memset(answer + n, 'x', sizeof(answer) - 1 - n);
        (void)expect_failure(&(struct fake_step){.answer = answer, .then = FAKE_HOLD},
                             FAILURE_OVERLOADED, true);
}

static void test_limits_come_first(void **state)
{
        struct bench b;

        (void)state;
        open_bench(&b,
                   &(struct fake_step){
                           .answer = "HTTP/1.1 200 OK\r\nanthropic-ratelimit-requests-limit: 50\r\n"
                                     "anthropic-ratelimit-requests-remaining: 49\r\nconnection: "
                                     "close\r\n\r\n" FAKE_START FAKE_TEXT("Hello world")
                                             FAKE_DELTA("end_turn") FAKE_STOP,
                           .then = FAKE_CLOSE},
                   1);
        send_one(&b);
        assert_good(&b);
        assert_int_equal(b.limits.requests_limit, 50);
        assert_int_equal(b.advice.requests_remaining, 49);
        assert_true(b.advice.input_limit == UINT64_MAX);
        close_bench(&b);
}

static void test_refused_connection(void **state)
{
        struct bench b;
        _cleanup_free_ char *url = NULL;

        (void)state;
        open_bench(&b, &(struct fake_step){.answer = FAKE_GOOD}, 1);
        url = str_printf("http://127.0.0.1:%u", fake_port(b.fake));
        b.fake = fake_free(b.fake);
        b.provider = configure(&b, url, KEY);
        send_one(&b);
        assert_int_equal(b.id, FAILURE_UNREACHABLE);
        assert_true(b.advice.is_retryable);
        assert_false(b.advice.was_perhaps_paid);
        close_bench(&b);
}

static void test_unknown_host(void **state)
{
        struct bench b;

        (void)state;
        open_bench(&b, &(struct fake_step){.answer = FAKE_GOOD}, 1);
        b.provider = configure(&b, "http://no-such-host.invalid", KEY);
        send_one(&b);
        assert_int_equal(b.id, FAILURE_UNREACHABLE);
        assert_true(b.advice.is_retryable);
        assert_false(b.advice.was_perhaps_paid);
        close_bench(&b);
}

static void test_cancel_before_it_leaves(void **state)
{
        struct bench b;

        (void)state;
        open_bench(&b, &(struct fake_step){.answer = FAKE_GOOD, .then = FAKE_CLOSE}, 1);
        start(&b);
        provider_cancel(b.attempt, &b.usage);
        assert_false(b.usage.is_known);
        /* The preparation still runs; the next attempt uses it. */
        send_one(&b);
        assert_good(&b);
        assert_int_equal(fake_n_requests(b.fake), 1);
        close_bench(&b);
}

static void poll_hang_up(void *arg)
{
        struct bench *b = arg;

        if (fake_n_hung_up(b->fake) > 0)
                loop_stop(b->loop);
        else
                assert_int_equal(loop_post(b->loop, poll_hang_up, b), 0);
}

static void test_cancel_within_text(void **state)
{
        struct bench b;

        (void)state;
        open_bench(&b,
                   &(struct fake_step){.answer = FAKE_SSE FAKE_START FAKE_TEXT("a"),
                                       .then = FAKE_HOLD},
                   1);
        b.cancels_in_text = true;
        start(&b);
        run(&b);
        assert_int_equal(b.n_ends, 0);
        assert_true(b.usage.is_known);
        assert_int_equal(b.usage.input, 100);
        assert_int_equal(loop_post(b.loop, poll_hang_up, &b), 0);
        run(&b);
        assert_int_equal(b.n_ends, 0);
        close_bench(&b);
}

static void test_room_goes_with_attempts(void **state)
{
        struct bench b;

        (void)state;
        open_bench(&b, &(struct fake_step){.then = FAKE_HOLD}, 1);
        start(&b);
        start(&b);
        close_bench(&b);
        assert_int_equal(b.n_ends, 0);
}

static void test_connection_is_kept(void **state)
{
        static const char body[] =
                FAKE_START FAKE_TEXT("Hello world") FAKE_DELTA("end_turn") FAKE_STOP;
        _cleanup_free_ char *answer = str_printf(FAKE_KEPT, strlen(body), body);
        struct bench b;

        (void)state;
        open_bench(&b, &(struct fake_step){.answer = answer, .then = FAKE_KEEP}, 1);
        for (int i = 0; i < 3; i++) {
                send_one(&b);
                assert_good(&b);
        }
        assert_int_equal(fake_n_requests(b.fake), 3);
        assert_int_equal(fake_n_connections(b.fake), 1);
        close_bench(&b);
}

/* libcurl would ask again by itself, on a new connection, and nobody would know. */
static void test_kept_connection_is_closed(void **state)
{
        static const char body[] =
                FAKE_START FAKE_TEXT("Hello world") FAKE_DELTA("end_turn") FAKE_STOP;
        _cleanup_free_ char *answer = str_printf(FAKE_KEPT, strlen(body), body);

        (void)state;
        for (int i = 0; i < 2; i++) {
                const struct fake_step steps[] = {
                        {.answer = answer, .then = FAKE_KEEP},
                        {.then = i == 0 ? FAKE_CLOSE : FAKE_RESET},
                        {.answer = answer, .then = FAKE_KEEP},
                };
                struct bench b;

                open_bench(&b, steps, 3);
                send_one(&b);
                assert_good(&b);
                send_one(&b);
                assert_true(b.has_failure);
                assert_int_equal(b.id, FAILURE_STREAM_BROKEN);
                assert_true(b.advice.is_retryable);
                assert_true(b.advice.was_perhaps_paid);
                assert_non_null(strstr(b.message, "before it answered"));
                assert_int_equal(fake_n_requests(b.fake), 2);
                send_one(&b);
                assert_good(&b);
                assert_int_equal(fake_n_requests(b.fake), 3);
                close_bench(&b);
        }
}

static void poll_head(void *arg)
{
        struct bench *b = arg;

        if (fake_n_heads(b->fake) > 0)
                loop_stop(b->loop);
        else
                assert_int_equal(loop_post(b->loop, poll_head, b), 0);
}

static void test_warm(void **state)
{
        struct bench b;

        (void)state;
        open_bench(&b, &(struct fake_step){.answer = FAKE_GOOD, .then = FAKE_CLOSE}, 1);
        provider_warm(b.provider);
        provider_warm(b.provider);
        assert_int_equal(loop_post(b.loop, poll_head, &b), 0);
        run(&b);
        send_one(&b);
        assert_good(&b);
        provider_warm(b.provider); /* in use a moment ago */
        send_one(&b);
        assert_int_equal(fake_n_heads(b.fake), 1);
        close_bench(&b);
}

static void test_replaced_provider_lets_attempts_end(void **state)
{
        struct bench b;
        _cleanup_free_ char *url = NULL;

        (void)state;
        open_bench(&b, &(struct fake_step){.answer = FAKE_GOOD, .waits = true, .then = FAKE_CLOSE},
                   1);
        url = str_printf("http://127.0.0.1:%u", fake_port(b.fake));
        start(&b);
        b.provider = configure(&b, url, "sk-other");
        fake_release(b.fake);
        run(&b);
        assert_good(&b);
        provider_remove(b.room, "p");
        assert_null(provider_find(b.room, "p"));
        close_bench(&b);
}

static void expect_refusal(struct bench *b, const char *dialect, const char *url, const char *key,
                           const char *words)
{
        const struct provider_config c = {
                .name = "x", .dialect = dialect, .base_url = url, .key = key};
        struct provider *p = NULL;
        struct failure *f = NULL;

        assert_int_equal(provider_configure(b->room, &c, &p, &f), CONDITION_REFUSED);
        assert_int_equal(f->id, FAILURE_BAD_CONFIG);
        assert_non_null(strstr(failure_message(f), words));
        assert_null(strstr(failure_message(f), "sk-"));
        assert_null(strstr(failure_message(f), "hunter2"));
        failure_free(f);
        assert_null(provider_find(b->room, "x"));
}

static void test_configuration(void **state)
{
        const struct provider_config remote = {
                .name = "r", .dialect = "anthropic", .base_url = "https://api.example.com/v1/"};
        struct bench b;
        struct provider *p = NULL;
        struct failure *f = NULL;
        const char *reason = NULL;
        enum failure_id lack;

        (void)state;
        open_bench(&b, &(struct fake_step){.answer = FAKE_GOOD}, 1);
        expect_refusal(&b, "latin", "http://h", NULL, "dialect");
        expect_refusal(&b, "anthropic", "ftp://h", NULL, "http");
        expect_refusal(&b, "anthropic", "not a url", NULL, "base_url");
        expect_refusal(&b, "anthropic", "http://me:hunter2@h", NULL, "user name");
        expect_refusal(&b, "anthropic", "http://h/?a=b", NULL, "query");
        expect_refusal(&b, "openai", "unix:run/s.sock", NULL, "whole path");
        expect_refusal(&b, "anthropic", "http://h", "sk-a\r\nx-evil: 1", "key");
        expect_refusal(&b, "anthropic", "http://h", "", "key");
        assert_int_equal(provider_configure(b.room, &remote, &p, &f), 0);
        assert_false(provider_is_ready(p, &lack, &reason));
        assert_int_equal(lack, FAILURE_KEY_MISSING);
        assert_non_null(reason);
        assert_true(provider_is_ready(b.provider, &lack, &reason));
        close_bench(&b);
}

static void test_openai(void **state)
{
        static const char answer[] = FAKE_SSE
                "data: {\"choices\":[{\"delta\":{\"content\":\"Hello "
                "world\"},\"finish_reason\":null}]}\n\n"
                "data: {\"choices\":[{\"delta\":{},\"finish_reason\":\"stop\"}],"
                "\"usage\":{\"prompt_tokens\":100,\"completion_tokens\":20}}\n\n"; /* no [DONE] */
        const struct fake_step steps[] = {{.answer = answer, .then = FAKE_CLOSE},
                                          {.answer = answer, .cut = 150, .then = FAKE_RESET}};
        struct provider_config c = {.name = "p", .dialect = "openai", .key = KEY};
        _cleanup_free_ char *url = NULL;
        struct failure *f = NULL;
        enum failure_id lack;
        const char *reason;
        struct bench b;

        (void)state;
        open_bench(&b, steps, 2);
        url = str_printf("http://127.0.0.1:%u/v1", fake_port(b.fake));
        c.base_url = url;
        assert_int_equal(provider_configure(b.room, &c, &b.provider, &f), 0);
        send_one(&b);
        assert_good(&b);
        assert_non_null(strstr(fake_request(b.fake, 0), "POST /v1/chat/completions HTTP/1.1\r\n"));
        assert_non_null(strstr(fake_request(b.fake, 0), "authorization: Bearer " KEY "\r\n"));
        send_one(&b);
        assert_int_equal(b.id, FAILURE_STREAM_BROKEN);
        /* Only OpenAI itself must have a key. */
        c.key = NULL;
        c.base_url = "http://gpu.example:8000/v1";
        assert_int_equal(provider_configure(b.room, &c, &b.provider, &f), 0);
        assert_true(provider_is_ready(b.provider, &lack, &reason));
        c.base_url = "https://api.openai.com/v1";
        assert_int_equal(provider_configure(b.room, &c, &b.provider, &f), 0);
        assert_false(provider_is_ready(b.provider, &lack, &reason));
        close_bench(&b);
}

static void test_base_url(void **state)
{
        static const struct {
                const char *text, *url;
                bool is_tls, is_local;
                unsigned port;
        } cases[] = {
                {"https://api.anthropic.com", "https://api.anthropic.com", true, false, 443},
                {"https://h/v1/", "https://h/v1", true, false, 443},
                {"HTTP://localhost:80//", "http://localhost:80", false, true, 80},
                {"http://LOCALHOST", "http://localhost", false, true, 80},
                {"http://[::1]:9/x", "http://[::1]:9/x", false, true, 9},
                {"http://127.8.0.1", "http://127.8.0.1", false, true, 80},
                {"unix:/run/llama.sock", "http://localhost", false, true, 0},
        };

        (void)state;
        for (size_t i = 0; i < N_ELEMENTS(cases); i++) {
                struct http_base b;
                const char *why;

                assert_int_equal(http_read_base(cases[i].text, &b, &why), 0);
                assert_int_equal(b.is_tls, cases[i].is_tls);
                assert_int_equal(b.is_local, cases[i].is_local);
                assert_int_equal(strcasecmp(b.url, cases[i].url), 0);
                assert_int_equal(b.port, cases[i].port);
                http_base_done(&b);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_good),
                cmocka_unit_test(test_bytes_one_by_one),
                cmocka_unit_test(test_server_that_does_not_close),
                cmocka_unit_test(test_reset_after_the_end_is_fine),
                cmocka_unit_test(test_cut_anywhere),
                cmocka_unit_test(test_cut_within_the_head),
                cmocka_unit_test(test_chunked_body_ends_early),
                cmocka_unit_test(test_empty_success),
                cmocka_unit_test(test_answer_without_text),
                cmocka_unit_test(test_stops),
                cmocka_unit_test(test_web_page),
                cmocka_unit_test(test_error_in_the_stream),
                cmocka_unit_test(test_slow_first_byte),
                cmocka_unit_test(test_stall),
                cmocka_unit_test(test_status_errors),
                cmocka_unit_test(test_endless_error_body_is_cut),
                cmocka_unit_test(test_limits_come_first),
                cmocka_unit_test(test_refused_connection),
                cmocka_unit_test(test_unknown_host),
                cmocka_unit_test(test_cancel_before_it_leaves),
                cmocka_unit_test(test_cancel_within_text),
                cmocka_unit_test(test_room_goes_with_attempts),
                cmocka_unit_test(test_connection_is_kept),
                cmocka_unit_test(test_kept_connection_is_closed),
                cmocka_unit_test(test_warm),
                cmocka_unit_test(test_replaced_provider_lets_attempts_end),
                cmocka_unit_test(test_configuration),
                cmocka_unit_test(test_openai),
                cmocka_unit_test(test_base_url),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
