/* One request for many who ask, what they are told, and what is booked. */

#include "tests/unit/unit.h"

#include "tests/unit/calls-bench.h"

#include "common/clock.h"
#include "common/str.h"

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

/* Between its end and the keeping of what was checked of it, a call is still the same call. */
static void test_an_ended_call_is_joined(void **state)
{
        const struct fake_step steps[] = {GOOD};
        static struct bench b;

        (void)state;
        open_bench(&b, steps, 1);
        ask(&b, 0, &(struct wish){.job = 1, .words = "same"});
        run_until(&b, have_ended, 1);
        ask(&b, 1, &(struct wish){.job = 2, .words = "same"});
        assert_int_equal(b.askers[1].n_ends, 0); /* never from within */
        run_until(&b, have_ended, 2);
        assert_int_equal(fake_n_requests(b.fake), 1);
        assert_string_equal(b.askers[1].text.at, "Hello world");
        assert_string_equal(b.askers[1].whole.at, "Hello world");
        assert_int_equal(b.askers[1].n_started, 1);
        assert_false(b.askers[1].is_payer);
        assert_int_equal(b.askers[1].nanousd, 0);
        /* One that leaves before it is told leaves no trace. */
        ask(&b, 2, &(struct wish){.job = 3, .words = "same"});
        call_cancel(b.askers[2].call);
        /* The payer goes; the other still holds the answer. */
        call_cancel(b.askers[0].call);
        ask(&b, 3, &(struct wish){.job = 4, .words = "same"});
        run_until(&b, have_ended, 3);
        assert_int_equal(fake_n_requests(b.fake), 1);
        assert_int_equal(calls_spent_today(b.calls), GOOD_NANOUSD);
        /* Nobody holds it: what nobody kept is asked for. */
        call_cancel(b.askers[1].call);
        call_cancel(b.askers[3].call);
        ask(&b, 4, &(struct wish){.job = 5, .words = "same"});
        run_until(&b, have_ended, 4);
        assert_int_equal(fake_n_requests(b.fake), 2);
        assert_true(b.askers[4].is_payer);
        close_bench(&b);
}

static bool has_fenced(struct bench *b, unsigned n)
{
        struct store_counters now;

        store_get_counters(b->store, &now);
        return now.cache_batches >= n;
}

static void on_fenced(void *arg, int r)
{
        assert_int_equal(r, 0);
        *(bool *)arg = true;
}

static void test_who_had_an_answer_asks_anew(void **state)
{
        const struct fake_step steps[] = {GOOD};
        static struct bench b;
        struct store_batch *fence;

        (void)state;
        open_bench(&b, steps, 1);
        ask(&b, 0, &(struct wish){.job = 1, .words = "same"});
        run_until(&b, have_ended, 1);
        ask(&b, 1, &(struct wish){.job = 1, .words = "same"});
        ask(&b, 2, &(struct wish){.job = 2, .words = "same"}); /* joins the new one */
        run_until(&b, have_ended, 3);
        assert_int_equal(fake_n_requests(b.fake), 2);
        ask(&b, 3, &(struct wish){.job = 3, .words = "same", .is_fresh = true});
        run_until(&b, have_ended, 4);
        assert_int_equal(fake_n_requests(b.fake), 3);
        /* Settled: until the cache has what was kept of it, and no longer. */
        settle_and_wait(&b.askers[3]);
        run_until(&b, has_fenced, 1);
        assert_int_equal(store_batch_new(STORE_CACHE, &fence), 0);
        b.is_committed = false;
        assert_int_equal(store_commit(b.store, fence, on_fenced, &b.is_committed), 0);
        run_until(&b, is_settled, 0);
        ask(&b, 4, &(struct wish){.job = 4, .words = "same"});
        run_until(&b, have_ended, 5);
        assert_int_equal(fake_n_requests(b.fake), 4);
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

/* Each call fits its budget, both together do not: only one is taken over. */
static void leave_two_to_a_poor_one(uint64_t budget, bool has_both)
{
        const struct fake_step steps[] = {HELD_GOOD, HELD_GOOD, GOOD};
        static struct bench b;

        open_bench(&b, steps, has_both ? 3 : 2);
        ask(&b, 0, &(struct wish){.job = 1, .words = "a", .worst = 300000});
        ask(&b, 1, &(struct wish){.job = 1, .words = "b", .worst = 300000});
        run_until(&b, have_requested, 2);
        ask(&b, 2, &(struct wish){.job = 2, .words = "a", .worst = 300000, .left = budget});
        ask(&b, 3, &(struct wish){.job = 2, .words = "b", .worst = 300000, .left = budget});
        call_cancel(b.askers[0].call);
        call_cancel(b.askers[1].call);
        for (int i = 0; i < 3; i++) /* one for the peer that was hung up on */
                fake_release(b.fake);
        run_until(&b, have_ended, 1);
        assert_true(b.askers[2].is_payer && !b.askers[2].has_failure);
        assert_int_equal(b.askers[2].nanousd, GOOD_NANOUSD);
        settle_and_wait(&b.askers[2]);
        run_until(&b, have_ended, 2);
        assert_int_equal(b.askers[3].n_retries, 1);
        assert_true(b.askers[3].is_payer);
        assert_int_equal(b.askers[3].has_failure, !has_both);
        if (has_both)
                assert_int_equal(b.askers[3].nanousd, GOOD_NANOUSD);
        else {
                assert_int_equal(b.askers[3].id, FAILURE_BUDGET);
                assert_int_equal(b.askers[3].nanousd, 0);
        }
        settle_and_wait(&b.askers[3]);
        expect_record(&b, 2, 0, "ok", GOOD_NANOUSD);
        close_bench(&b);
}

static void test_who_cannot_pay_takes_nothing_over(void **state)
{
        (void)state;
        leave_two_to_a_poor_one(450000, false);
        leave_two_to_a_poor_one(550000, true);
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
        const struct fake_step steps[] = {BROKEN, GOOD};
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

/* What the first attempt cost is spent: the second one is made when the budget has room for its
 * worst case as well. */
static void retry_with(uint64_t budget, bool is_enough)
{
        const struct fake_step steps[] = {BROKEN, GOOD};
        static struct bench b;
        struct asker *a = &b.askers[0];

        open_bench(&b, steps, 2);
        calls_configure(b.calls, &(struct calls_config){.n_hurry = 1000});
        ask(&b, 0, &(struct wish){.job = 1, .words = "x", .worst = 300000, .left = budget});
        run_until(&b, have_ended, 1);
        assert_int_equal(a->has_failure, !is_enough);
        assert_int_equal(a->n_retries, is_enough);
        assert_int_equal(fake_n_requests(b.fake), 1 + is_enough);
        assert_int_equal(a->nanousd, PART_NANOUSD(6) + (is_enough ? GOOD_NANOUSD : 0));
        if (!is_enough)
                assert_int_equal(a->id, FAILURE_BUDGET); /* it waits for that: no fault of its */
        settle_and_wait(a);
        assert_int_equal(calls_spent_today(b.calls), a->nanousd);
        close_bench(&b);
}

static void test_a_retry_keeps_to_the_budget(void **state)
{
        (void)state;
        retry_with(300000 + PART_NANOUSD(6) - 1, false);
        retry_with(300000 + PART_NANOUSD(6), true);
}

/* There will be room when another call is settled: it waits for that, and does not fail. */
static void test_a_retry_waits_for_what_others_reserve(void **state)
{
        const struct fake_step steps[] = {HELD_GOOD, BROKEN, GOOD};
        static struct bench b;

        (void)state;
        open_bench(&b, steps, 3);
        calls_configure(b.calls, &(struct calls_config){.n_hurry = 1000});
        ask(&b, 0, &(struct wish){.job = 1, .words = "a", .worst = 300000, .left = 700000});
        run_until(&b, have_requested, 1);
        ask(&b, 1, &(struct wish){.job = 1, .words = "b", .worst = 300000, .left = 700000});
        run_until(&b, has_retried, 1);
        /* Its own part, and the whole of the other. */
        assert_int_equal(calls_spent_today(b.calls), PART_NANOUSD(6) + 300000);
        fake_release(b.fake);
        run_until(&b, have_ended, 2);
        assert_false(b.askers[0].has_failure || b.askers[1].has_failure);
        assert_int_equal(b.askers[1].nanousd, PART_NANOUSD(6) + GOOD_NANOUSD);
        assert_int_equal(fake_n_requests(b.fake), 3);
        close_bench(&b);
}

/* Asked twice, perhaps paid twice: booked twice, and announced. */
static void test_kept_connection_is_closed(void **state)
{
        static const char body[] =
                FAKE_START FAKE_TEXT("Hello world") FAKE_DELTA("end_turn") FAKE_STOP;
        _cleanup_free_ char *kept = str_printf(FAKE_KEPT, strlen(body), body);
        const struct fake_step steps[] = {
                {.answer = kept, .then = FAKE_KEEP}, {.then = FAKE_CLOSE}, GOOD};
        static struct bench b;
        struct asker *a = &b.askers[1];

        (void)state;
        open_bench(&b, steps, 3);
        ask(&b, 0, &(struct wish){.job = 1, .words = "x"});
        run_until(&b, have_ended, 1);
        ask(&b, 1, &(struct wish){.job = 2, .words = "y"});
        run_until(&b, have_ended, 2);
        assert_false(a->has_failure);
        assert_int_equal(a->id, FAILURE_STREAM_BROKEN);
        assert_int_equal(a->n_attempts, 2);
        assert_int_equal(a->n_retries, 1);
        assert_int_equal(fake_n_requests(b.fake), 3);
        assert_true(a->nanousd > GOOD_NANOUSD);
        close_bench(&b);
}

/* What came is enough for its owner: it ends there, is paid for, and the rest is another call's,
 * which does not leave at once. */
static void test_broken_stream_that_is_enough(void **state)
{
        const struct fake_step steps[] = {BROKEN, GOOD};
        static struct bench b;
        struct asker *a = &b.askers[0];
        uint64_t before;

        (void)state;
        open_bench(&b, steps, 2);
        a->has_enough = true;
        ask(&b, 0, &(struct wish){.job = 1, .words = "x"});
        run_until(&b, have_ended, 1);
        assert_true(a->has_failure && a->is_broken);
        assert_int_equal(a->n_retries, 0);
        assert_string_equal(a->whole.at, "Hello ");
        assert_int_equal(a->nanousd, PART_NANOUSD(6));
        settle_and_wait(a);
        expect_record(&b, 1, 0, "failed", PART_NANOUSD(6));
        before = clock_monotonic_usec();
        ask(&b, 1, &(struct wish){.job = 1, .words = "y", .delay_ms = 200});
        run_until(&b, have_ended, 2);
        assert_true(clock_monotonic_usec() - before >= 200000);
        assert_false(b.askers[1].has_failure);
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
                cmocka_unit_test(test_an_ended_call_is_joined),
                cmocka_unit_test(test_who_had_an_answer_asks_anew),
                cmocka_unit_test(test_cancel_with_two_owners),
                cmocka_unit_test(test_payer_leaves_and_the_other_pays),
                cmocka_unit_test(test_who_cannot_pay_takes_nothing_over),
                cmocka_unit_test(test_cancel_while_queued_costs_nothing),
                cmocka_unit_test(test_cancel_from_callbacks),
                cmocka_unit_test(test_last_owner_cancels_in_text),
                cmocka_unit_test(test_retry),
                cmocka_unit_test(test_broken_stream_is_voided_and_booked),
                cmocka_unit_test(test_a_retry_keeps_to_the_budget),
                cmocka_unit_test(test_a_retry_waits_for_what_others_reserve),
                cmocka_unit_test(test_kept_connection_is_closed),
                cmocka_unit_test(test_broken_stream_that_is_enough),
                cmocka_unit_test(test_drain),
                cmocka_unit_test(test_long_prompt_is_cut_with_a_note),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
