#include "tests/unit/unit.h"

#include "daemon/calls/limiter.h"

#define S UINT64_C(1000000)

static void test_gate_counts(void **state)
{
        struct gate g;

        (void)state;
        gate_init(&g, 2);
        assert_true(gate_has_slot(&g));
        gate_enter(&g);
        gate_enter(&g);
        assert_false(gate_has_slot(&g));
        gate_leave(&g);
        assert_true(gate_has_slot(&g));
        gate_init(&g, 0);
        assert_true(gate_has_slot(&g)); /* never none at all */
}

static void test_gate_halves_once_per_burst(void **state)
{
        struct gate g;

        (void)state;
        gate_init(&g, 8);
        gate_on_refusal(&g, 1 * S, 0, 2 * S);
        assert_true(g.limit == 4);
        gate_on_refusal(&g, 1 * S + 5, 0, 2 * S + 9); /* was under way then: says nothing new */
        assert_true(g.limit == 4);
        gate_on_refusal(&g, 3 * S, 0, 4 * S);
        assert_true(g.limit == 2);
        for (uint64_t i = 5; i < 20; i++)
                gate_on_refusal(&g, i * S, 0, i * S);
        assert_true(g.limit == 1);
}

static void test_gate_grows_while_it_is_what_holds_back(void **state)
{
        struct gate g;

        (void)state;
        gate_init(&g, 8);
        gate_on_refusal(&g, 1, 0, 2);
        gate_on_success(&g); /* nothing else is running: the limit was not tried */
        assert_true(g.limit == 4);
        for (int i = 0; i < 4; i++)
                gate_enter(&g);
        for (int i = 0; i < 5; i++)
                gate_on_success(&g);
        assert_true(g.limit > 5 && g.limit < 5.2);
        g.n_running = 8;
        for (int i = 0; i < 100; i++)
                gate_on_success(&g);
        assert_true(g.limit == 8);
}

static void test_gate_closes_for_retry_after(void **state)
{
        struct gate g;

        (void)state;
        gate_init(&g, 8);
        assert_int_equal(gate_wait_usec(&g, 5), 0);
        gate_on_refusal(&g, 1 * S, 3000, 2 * S);
        assert_int_equal(gate_wait_usec(&g, 2 * S), 3 * S);
        gate_on_refusal(&g, 1 * S, 1000, 2 * S); /* the longer word counts */
        assert_int_equal(gate_wait_usec(&g, 3 * S), 2 * S);
        assert_int_equal(gate_wait_usec(&g, 5 * S), 0);
}

static void test_gate_follows_configuration(void **state)
{
        struct gate g;

        (void)state;
        gate_init(&g, 8);
        gate_set_max(&g, 16);
        assert_true(g.limit == 16);
        gate_on_refusal(&g, 1, 0, 2);
        gate_set_max(&g, 32);
        assert_true(g.limit == 8); /* what was learned stays */
        gate_set_max(&g, 3);
        assert_true(g.limit == 3);
}

static void test_bucket_knows_nothing_at_first(void **state)
{
        struct bucket b = {};

        (void)state;
        assert_int_equal(bucket_wait_usec(&b, 1), 0);
        bucket_take(&b, 100, 1);
        assert_int_equal(bucket_wait_usec(&b, 1), 0);
        bucket_update(&b, UINT64_MAX, 0, 0, 1);
        bucket_update(&b, 100, UINT64_MAX, 0, 1);
        assert_false(b.is_known);
}

static void test_bucket_refills_evenly_until_its_reset(void **state)
{
        struct bucket b = {};

        (void)state;
        bucket_update(&b, 100, 0, 10000, 0); /* empty; all of it is back in 10 s */
        assert_in_range(bucket_wait_usec(&b, 0), S / 10 - 2, S / 10 + 2);
        assert_int_equal(bucket_wait_usec(&b, S / 10 + 2), 0);
        bucket_update(&b, 100, 50, 10000, 0);
        assert_int_equal(bucket_wait_usec(&b, 0), 0);
        bucket_take(&b, 50, 0);
        assert_in_range(bucket_wait_usec(&b, 0), S / 5 - 2, S / 5 + 2);
}

static void test_bucket_is_never_over_its_limit(void **state)
{
        struct bucket b = {};

        (void)state;
        bucket_update(&b, 10, 10, 0, 0);
        bucket_take(&b, 10, 1000 * S);
        assert_true(bucket_wait_usec(&b, 1000 * S) > 0);
        bucket_update(&b, 10, 400, 5, 0);
        assert_true(b.level == 10);
}

static void test_a_bad_guess_does_not_hold_for_long(void **state)
{
        struct bucket b = {};

        (void)state;
        bucket_update(&b, 60, 60, UINT64_MAX, 0); /* one a second */
        bucket_take(&b, 1000000, 0);
        assert_true(bucket_wait_usec(&b, 0) <= 62 * S);
}

static void test_buckets_take_the_longest_wait(void **state)
{
        struct advice a = {
                .requests_limit = 60,
                .requests_remaining = 5,
                .requests_reset_ms = 1000,
                .input_limit = 1000,
                .input_remaining = 0,
                .input_reset_ms = 50000,
                .output_limit = UINT64_MAX,
                .output_remaining = UINT64_MAX,
                .output_reset_ms = UINT64_MAX,
        };
        struct buckets b = {};

        (void)state;
        buckets_update(&b, &a, 0);
        assert_in_range(buckets_wait_usec(&b, 0), 50000 - 2, 50000 + 2);
        assert_int_equal(buckets_wait_usec(&b, 60000), 0);
        a.input_remaining = 1000;
        buckets_update(&b, &a, 60000);
        for (int i = 0; i < 5; i++)
                buckets_take(&b, 1, 1, 60000);
        assert_true(buckets_wait_usec(&b, 60000) > 0); /* no request left */
}

static void test_backoff(void **state)
{
        (void)state;
        assert_int_equal(backoff_ms(1, 0, 0, 0), 1000);
        assert_int_equal(backoff_ms(2, 0, 0, 0), 2000);
        assert_int_equal(backoff_ms(3, 0, 0, 0), 4000);
        assert_int_equal(backoff_ms(9, 0, 0, 0), 4000);
        assert_int_equal(backoff_ms(1, 1, 0, 0), 1000);
        assert_int_equal(backoff_ms(2, 1, 0, 0), 2000);
        assert_int_equal(backoff_ms(2, 2, 0, 0), 16000);
        assert_int_equal(backoff_ms(3, 3, 0, 0), 32000);
        for (unsigned chance = 0; chance < 1000; chance++) {
                assert_in_range(backoff_ms(1, 0, 0, chance), 750, 1000);
                /* Never before the time that the provider named. */
                assert_in_range(backoff_ms(1, 1, 7000, chance), 7000, 7250);
        }
        assert_true(backoff_ms(1, 0, 0, 999) < 755);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_gate_counts),
                cmocka_unit_test(test_gate_halves_once_per_burst),
                cmocka_unit_test(test_gate_grows_while_it_is_what_holds_back),
                cmocka_unit_test(test_gate_closes_for_retry_after),
                cmocka_unit_test(test_gate_follows_configuration),
                cmocka_unit_test(test_bucket_knows_nothing_at_first),
                cmocka_unit_test(test_bucket_refills_evenly_until_its_reset),
                cmocka_unit_test(test_bucket_is_never_over_its_limit),
                cmocka_unit_test(test_a_bad_guess_does_not_hold_for_long),
                cmocka_unit_test(test_buckets_take_the_longest_wait),
                cmocka_unit_test(test_backoff),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
