/* Slots, turns, budgets, what a provider says about its limits, and what is not tried again. */

#include "tests/unit/unit.h"

#include <stdio.h>

#include "common/clock.h"
#include "common/str.h"
#include "tests/unit/calls-bench.h"

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
        before = clock_monotonic_usec();
        ask(&b, 0, &(struct wish){.job = 1, .words = "a"});
        run_until(&b, have_ended, 1);
        ask(&b, 1, &(struct wish){.job = 1, .words = "b"});
        run_until(&b, have_ended, 2);
        /* 200 a minute: one each 300 ms, and not all of them again after a minute. */
        assert_in_range(clock_monotonic_usec() - before, 200000, 30000000);
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

static bool is_held(struct bench *b, unsigned n)
{
        return b->askers[n].held_ms > 0;
}

/* A refusal closes its model for every job: those that were not refused hear of it, too. */
static void test_a_long_wait_is_told(void **state)
{
        const struct fake_step steps[] = {
                {.answer = FAKE_ERROR("429 Too Many Requests", "retry-after: 60\r\n",
                                      "{\"error\":{\"type\":\"rate_limit_error\"}}"),
                 .then = FAKE_CLOSE}};
        static struct bench b;

        (void)state;
        open_bench(&b, steps, 1);
        ask(&b, 0, &(struct wish){.job = 1, .words = "a"});
        run_until(&b, has_retried, 0);
        ask(&b, 1, &(struct wish){.job = 2, .words = "b"});
        run_until(&b, is_held, 1);
        assert_in_range(b.askers[1].held_ms, 10000, 60000);
        assert_int_equal(b.askers[1].n_ends, 0);
        assert_int_equal(fake_n_requests(b.fake), 1);
        close_bench(&b);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_attempts_are_bounded),
                cmocka_unit_test(test_what_cannot_succeed_is_not_tried_again),
                cmocka_unit_test(test_retry_after_closes_the_gate),
                cmocka_unit_test(test_empty_bucket_holds_back),
                cmocka_unit_test(test_slots),
                cmocka_unit_test(test_interactive_goes_first_and_jobs_take_turns),
                cmocka_unit_test(test_job_budget),
                cmocka_unit_test(test_day_budget),
                cmocka_unit_test(test_a_long_wait_is_told),
                cmocka_unit_test(test_refusals),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
