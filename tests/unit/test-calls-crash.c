/* What is booked of calls that died with the daemon. */

#include "tests/unit/unit.h"

#include "tests/unit/calls-bench.h"

#include <fcntl.h>

#include "common/str.h"

/* To the state on disk this is what a crash is. Returns when recovery is on disk. */
static void crash_and_reopen(struct bench *b)
{
        close_store(b);
        open_store(b);
        run_until(b, is_written, 0);
}

static void test_crash_books_the_intent_as_lost(void **state)
{
        const struct fake_step steps[] = {HANGING};
        static struct bench b;

        (void)state;
        open_bench(&b, steps, 1);
        ask(&b, 0, &(struct wish){.job = 1, .words = "a"});
        run_until(&b, has_text, 0);
        crash_and_reopen(&b);
        expect_record(&b, 1, 0, "lost", 7777);
        expect_sum(&b, 1, 1, 7777);
        assert_int_equal(calls_spent_today(b.calls), 7777);
        close_store(&b);
        open_store(&b);
        assert_int_equal(calls_spent_today(b.calls), 7777); /* once */
        close_bench(&b);
}

#define LATER                                                                        \
        {                                                                            \
                .answer = FAKE_ERROR("529 Busy", "retry-after: 30\r\n",              \
                                     "{\"error\":{\"type\":\"overloaded_error\"}}"), \
                .then = FAKE_CLOSE                                                   \
        }

/* It waits to try again. */
static void call_that_waits(struct bench *b, const struct fake_step *step)
{
        open_bench(b, step, 1);
        ask(b, 0, &(struct wish){.job = 1, .words = "a"});
        run_until(b, has_retried, 0);
}

/* Nothing that can have cost anything was under way. */
static void test_crash_between_refusals_costs_nothing(void **state)
{
        const struct fake_step step = LATER;
        static struct bench b;

        (void)state;
        call_that_waits(&b, &step);
        crash_and_reopen(&b);
        expect_record(&b, 1, 0, "cancelled", 0);
        expect_sum(&b, 1, 1, 0);
        assert_int_equal(calls_spent_today(b.calls), 0);
        close_bench(&b);
}

/* An attempt before it may have been paid. */
static void test_crash_after_a_broken_stream_is_lost(void **state)
{
        const struct fake_step step = BROKEN;
        static struct bench b;

        (void)state;
        call_that_waits(&b, &step);
        crash_and_reopen(&b);
        expect_record(&b, 1, 0, "lost", 7777);
        close_bench(&b);
}

/* Two attempts: the first's part, and the second's estimate. */
static void test_crash_in_a_second_attempt_books_both(void **state)
{
        const struct fake_step steps[] = {BROKEN, HELD_GOOD};
        static struct bench b;

        (void)state;
        open_bench(&b, steps, 2);
        ask(&b, 0, &(struct wish){.job = 1, .words = "a"});
        run_until(&b, have_requested, 2);
        crash_and_reopen(&b);
        expect_record(&b, 1, 0, "lost", PART_NANOUSD(6) + 7777);
        assert_int_equal(calls_spent_today(b.calls), PART_NANOUSD(6) + 7777);
        close_bench(&b);
}

/* What a machine that lost its power had in memory is not believed. */
static void test_unsent_of_another_boot_is_lost(void **state)
{
        const struct fake_step step = LATER;
        _cleanup_free_ char *path = NULL;
        static struct bench b;
        int fd;

        (void)state;
        call_that_waits(&b, &step);
        path = str_printf("%s/state/unsent", b.dir);
        close_store(&b);
        fd = open(path, O_WRONLY | O_CLOEXEC);
        assert_int_equal(pwrite(fd, "0123", 4, 16), 4);
        close(fd);
        open_store(&b);
        run_until(&b, is_written, 0);
        expect_record(&b, 1, 0, "lost", 7777);
        assert_int_equal(calls_spent_today(b.calls), 7777);
        close_bench(&b);
}

/* The next owner's intent has not left either. */
static void test_unsent_is_passed_on(void **state)
{
        const struct fake_step step = LATER;
        static struct bench b;

        (void)state;
        open_bench(&b, &step, 1);
        ask(&b, 0, &(struct wish){.job = 1, .words = "a"});
        ask(&b, 1, &(struct wish){.job = 2, .words = "a"});
        run_until(&b, has_retried, 1);
        call_cancel(b.askers[0].call);
        run_until(&b, is_written, 0);
        crash_and_reopen(&b);
        expect_record(&b, 2, 0, "cancelled", 0);
        assert_int_equal(calls_spent_today(b.calls), 0);
        close_bench(&b);
}

/* What has left is the next owner's to pay, and is not named as if it had not. */
static void test_what_has_left_is_passed_on_as_such(void **state)
{
        const struct fake_step steps[] = {HANGING};
        static struct bench b;

        (void)state;
        open_bench(&b, steps, 1);
        ask(&b, 0, &(struct wish){.job = 1, .words = "a"});
        ask(&b, 1, &(struct wish){.job = 2, .words = "a"});
        run_until(&b, has_text, 1);
        call_cancel(b.askers[0].call);
        run_until(&b, is_written, 0);
        crash_and_reopen(&b);
        expect_record(&b, 1, 0, "cancelled", 0);
        expect_record(&b, 2, 0, "lost", 7777);
        assert_int_equal(calls_spent_today(b.calls), 7777);
        close_bench(&b);
}

/* Nor is what waits to try again after an attempt that was paid. */
static void test_what_was_paid_is_passed_on_as_such(void **state)
{
        const struct fake_step steps[] = {BROKEN};
        static struct bench b;

        (void)state;
        open_bench(&b, steps, 1);
        ask(&b, 0, &(struct wish){.job = 1, .words = "a"});
        ask(&b, 1, &(struct wish){.job = 2, .words = "a"});
        run_until(&b, has_retried, 1);
        call_cancel(b.askers[0].call);
        run_until(&b, is_written, 0);
        crash_and_reopen(&b);
        expect_record(&b, 2, 0, "lost", 7777 + PART_NANOUSD(6));
        close_bench(&b);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_crash_books_the_intent_as_lost),
                cmocka_unit_test(test_crash_between_refusals_costs_nothing),
                cmocka_unit_test(test_crash_after_a_broken_stream_is_lost),
                cmocka_unit_test(test_crash_in_a_second_attempt_books_both),
                cmocka_unit_test(test_unsent_of_another_boot_is_lost),
                cmocka_unit_test(test_unsent_is_passed_on),
                cmocka_unit_test(test_what_has_left_is_passed_on_as_such),
                cmocka_unit_test(test_what_was_paid_is_passed_on_as_such),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
