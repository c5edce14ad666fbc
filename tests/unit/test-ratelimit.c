#include "tests/unit/unit.h"

#include "daemon/calls/calls.h"
#include "daemon/calls/keeper.h"
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
        gate_on_refusal(&g, 1 * S, 2 * S);
        assert_true(g.limit == 4);
        gate_on_refusal(&g, 1 * S + 5, 2 * S + 9); /* was under way then: says nothing new */
        assert_true(g.limit == 4);
        gate_on_refusal(&g, 3 * S, 4 * S);
        assert_true(g.limit == 2);
        for (uint64_t i = 5; i < 20; i++)
                gate_on_refusal(&g, i * S, i * S);
        assert_true(g.limit == 1);
}

/* n answers, one each `step`, with the gate full or not. */
static void answer(struct gate *g, unsigned n, uint64_t step, uint64_t *now)
{
        g->n_running = (unsigned)g->limit;
        for (unsigned i = 0; i < n; i++) {
                *now += step;
                gate_on_success(g, 100, *now);
                g->n_running = (unsigned)g->limit;
        }
}

static void test_gate_grows_while_that_brings_more(void **state)
{
        struct gate g;
        uint64_t now = 10;

        (void)state;
        gate_init(&g, 8);
        gate_on_refusal(&g, 1, 2);
        gate_on_success(&g, 100, now); /* nothing else is running: the limit was not tried */
        assert_true(g.limit == 4);
        answer(&g, 1 + 4, 100, &now); /* the first begins the round */
        assert_true(g.limit == 5);
        answer(&g, 5, 90, &now);
        assert_true(g.limit == 6);
        answer(&g, 6, 90, &now); /* as fast as before: six at once are enough */
        assert_true(g.limit == 6);
        answer(&g, 6 * GATE_REST_ROUNDS, 90, &now);
        assert_true(g.limit == 6);
        answer(&g, 6, 90, &now); /* rested: it tries again */
        assert_true(g.limit == 7);
        answer(&g, 7, 70, &now);
        assert_true(g.limit == 8);
        answer(&g, 100, 10, &now);
        assert_true(g.limit == 8);
}

static void test_gate_follows_configuration(void **state)
{
        struct gate g;

        (void)state;
        gate_init(&g, 8);
        gate_set_max(&g, 16);
        assert_true(g.limit == 16);
        gate_on_refusal(&g, 1, 2);
        gate_set_max(&g, 32);
        assert_true(g.limit == 8); /* what was learned stays */
        gate_set_max(&g, 3);
        assert_true(g.limit == 3);
}

static void test_bucket_knows_nothing_at_first(void **state)
{
        struct bucket b = {};

        (void)state;
        assert_int_equal(bucket_wait_usec(&b, 1, 1), 0);
        bucket_settle(&b, 0, 100, 1);
        assert_int_equal(bucket_wait_usec(&b, 1, 1), 0);
        bucket_update(&b, UINT64_MAX, 0, 0, 1);
        bucket_update(&b, 100, UINT64_MAX, 0, 1);
        assert_false(b.is_known);
}

static void test_bucket_refills_evenly_until_its_reset(void **state)
{
        struct bucket b = {};

        (void)state;
        bucket_update(&b, 100, 0, 10000, 0); /* empty; all of it is back in 10 s */
        assert_in_range(bucket_wait_usec(&b, 1, 0), S / 10 - 2, S / 10 + 2);
        assert_int_equal(bucket_wait_usec(&b, 1, S / 10 + 2), 0);
        bucket_update(&b, 100, 50, 10000, 0);
        assert_int_equal(bucket_wait_usec(&b, 1, 0), 0);
        bucket_settle(&b, 0, 50, 0);
        assert_in_range(bucket_wait_usec(&b, 1, 0), S / 5 - 2, S / 5 + 2);
}

/* A reset in another year is a clock that is wrong, or a header: it is asked again before. */
static void test_bucket_believes_no_reset_for_long(void **state)
{
        struct bucket b = {};

        (void)state;
        bucket_update(&b, 100, 0, UINT64_C(40000000000), 0);
        assert_in_range(bucket_wait_usec(&b, 100, 0), 300 * S - 2, 300 * S + 2);
        bucket_update(&b, 100, 100, UINT64_C(40000000000), 0);
        assert_int_equal(bucket_wait_usec(&b, 100, 0), 0);
}

static void test_bucket_waits_for_all_that_is_wanted(void **state)
{
        struct bucket b = {};

        (void)state;
        bucket_set(&b, 600, 0); /* ten a second */
        assert_int_equal(bucket_wait_usec(&b, 600, 0), 0);
        bucket_reserve(&b, 400); /* leaves, and is not counted yet */
        assert_int_equal(bucket_wait_usec(&b, 200, 0), 0);
        assert_in_range(bucket_wait_usec(&b, 300, 0), 10 * S - 2, 10 * S + 2);
        bucket_settle(&b, 400, 400, 0);
        assert_in_range(bucket_wait_usec(&b, 300, 0), 10 * S - 2, 10 * S + 2);
        /* Larger than the bucket: a full one has to do. */
        assert_in_range(bucket_wait_usec(&b, 5000, 0), 40 * S - 2, 40 * S + 2);
        /* What a header says replaces the level, not what is under way. */
        bucket_reserve(&b, 50);
        bucket_update(&b, 600, 100, 50000, 0);
        assert_int_equal(bucket_wait_usec(&b, 50, 0), 0);
        assert_true(bucket_wait_usec(&b, 51, 0) > 0);
        /* A lower limit lowers what is there; none lets everything through. */
        bucket_set(&b, 60, 0);
        assert_true(b.level == 60 && b.pending == 50);
        bucket_set(&b, 0, 0);
        assert_int_equal(bucket_wait_usec(&b, 1000, 0), 0);
}

static void test_bucket_is_never_over_its_limit(void **state)
{
        struct bucket b = {};

        (void)state;
        bucket_update(&b, 10, 10, 0, 0);
        bucket_settle(&b, 0, 10, 1000 * S);
        assert_true(bucket_wait_usec(&b, 1, 1000 * S) > 0);
        bucket_update(&b, 10, 400, 5, 0);
        assert_true(b.level == 10);
}

static void test_a_bad_guess_does_not_hold_for_long(void **state)
{
        struct bucket b = {};

        (void)state;
        bucket_update(&b, 60, 60, UINT64_MAX, 0); /* one a second */
        bucket_settle(&b, 0, 1000000, 0);
        assert_true(bucket_wait_usec(&b, 1, 0) <= 62 * S);
}

/* Nothing is left, and more than that: the time until it is full again tells how much. */
static void test_bucket_that_is_below_empty(void **state)
{
        struct bucket b = {};

        (void)state;
        /* Who never saw it refill takes it for slow. */
        bucket_update(&b, 100, 0, 15000, 0);
        assert_true(b.level == 0 && b.per_usec == 100 / (15.0 * (double)S));
        bucket_update(&b, 100, 60, 4000, 0); /* ten a second */
        bucket_update(&b, 100, 0, 15000, 0);
        assert_true(b.level == -50);
        assert_in_range(bucket_wait_usec(&b, 1, 0), 51 * S / 10 - 2, 51 * S / 10 + 2);
        /* What is rounded away does not count, nor what was true of another limit. */
        bucket_update(&b, 100, 99, 4000, 0);
        bucket_update(&b, 100, 0, 15000, 0);
        assert_true(b.level == -50);
        bucket_update(&b, 100, 0, 900000, 0);
        assert_true(b.level == -100); /* an hour's silence for one wrong header? no */
        bucket_update(&b, 200, 0, 40000, 0);
        assert_true(b.level == 0);
}

/* Output: as long as any is left, and one bucket more. */
static void test_output_is_not_asked_for_ahead(void **state)
{
        struct bucket b = {};

        (void)state;
        assert_int_equal(bucket_wait_any_usec(&b, 0), 0);
        bucket_set(&b, 600, 0); /* ten a second */
        bucket_reserve(&b, 900);
        assert_int_equal(bucket_wait_any_usec(&b, 0), 0);
        bucket_reserve(&b, 400); /* 1300: more than what is there and one bucket */
        assert_in_range(bucket_wait_any_usec(&b, 0), 10 * S - 2, 10 * S + 2);
        bucket_settle(&b, 900, 900, 0); /* now it is below empty, by 300 */
        assert_in_range(bucket_wait_any_usec(&b, 0), 301 * S / 10 - 2, 301 * S / 10 + 2);
        assert_int_equal(bucket_wait_any_usec(&b, 31 * S), 0);
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
        struct charge c;

        (void)state;
        buckets_update(&b, &a, 0);
        assert_in_range(buckets_wait_usec(&b, 1, 0), 50000 - 2, 50000 + 2);
        assert_int_equal(buckets_wait_usec(&b, 1, 60000), 0);
        a.input_remaining = 1000;
        buckets_update(&b, &a, 60000);
        for (int i = 0; i < 5; i++) {
                charge_reserve(&c, &b, 1, 1);
                charge_admitted(&c, &b, 60000);
                charge_done(&c, &b, 1, 1, 60000);
        }
        assert_true(buckets_wait_usec(&b, 1, 60000) > 0); /* no request left */
        buckets_close(&b, 3000, 60000);
        assert_int_equal(buckets_wait_usec(&b, 1, 60000), 3 * S);
        buckets_close(&b, 1000, 60000); /* the longer word counts */
        assert_int_equal(buckets_wait_usec(&b, 1, 60000), 3 * S);
}

static void test_what_is_configured_holds_beside_what_is_told(void **state)
{
        struct buckets b = {};
        struct charge c[2];

        (void)state;
        buckets_configure(&b, &(struct rate_limits){.input = 6000, .output = 600}, 0);
        charge_reserve(&c[0], &b, 5000, 100);
        charge_reserve(&c[1], &b, 800, 100);
        assert_int_equal(buckets_wait_usec(&b, 200, 0), 0);
        assert_in_range(buckets_wait_usec(&b, 300, 0), S - 2, S + 2);
        /* The estimate was too high by 2000, and nothing is counted twice. */
        charge_admitted(&c[0], &b, 0);
        charge_admitted(&c[0], &b, 0);
        charge_done(&c[0], &b, 3000, 50, 0);
        charge_done(&c[0], &b, 3000, 50, 0);
        assert_int_equal(buckets_wait_usec(&b, 2200, 0), 0);
        assert_true(buckets_wait_usec(&b, 2201, 0) > 0);
        assert_true(b.configured.output.level == 550 && b.configured.output.pending == 100);
        charge_done(&c[1], &b, UINT64_MAX, UINT64_MAX, 0);
        assert_true(b.configured.output.level == 450 && b.configured.output.pending == 0);
        /* Output: as long as there is any, and one bucket more. */
        charge_reserve(&c[0], &b, 0, 1100);
        assert_true(buckets_wait_usec(&b, 0, 0) > 0);
        charge_done(&c[0], &b, 0, 449, 0);
        assert_int_equal(buckets_wait_usec(&b, 0, 0), 0);
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

/* A provider's cache is kept alive only while that is expected to save money. */
static void test_keeping_pays_or_is_left(void **state)
{
        /* 3 dollars in, 3.75 written, 0.30 read, 15 out: a million tokens */
        struct price p = {
                .input = 3000, .cache_read = 300, .cache_write_5m = 3750, .output = 15000};
        unsigned n = 0;

        (void)state;
        /* Nothing is known: a chance of one in four saves 862 for 300. */
        assert_true(keeper_pays(0, 0, 2000, &p));
        /* Nobody came back: one in 11 is the last that pays, 314 for 300. */
        while (keeper_pays(0, n, 20000, &p))
                n++;
        assert_int_equal(n, 8);
        assert_true(keeper_pays(1, n, 20000, &p)); /* once somebody did */
        /* The token that has to be asked for costs as much as 50 that are read. */
        assert_false(keeper_pays(0, 7, 1000, &p));
        assert_true(keeper_pays(0, 7, 2000, &p));
        /* Where reading is hardly cheaper there is nothing to save. */
        p.cache_read = 3000;
        assert_false(keeper_pays(0, 0, 1000000, &p));
        assert_false(keeper_pays(1000, 1000, 1000000, &p));
        p.cache_read = p.cache_write_5m = 0; /* a model of one's own */
        assert_false(keeper_pays(1000, 1000, 1000000, &p));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_gate_counts),
                cmocka_unit_test(test_gate_halves_once_per_burst),
                cmocka_unit_test(test_gate_grows_while_that_brings_more),
                cmocka_unit_test(test_gate_follows_configuration),
                cmocka_unit_test(test_bucket_knows_nothing_at_first),
                cmocka_unit_test(test_bucket_refills_evenly_until_its_reset),
                cmocka_unit_test(test_bucket_believes_no_reset_for_long),
                cmocka_unit_test(test_bucket_waits_for_all_that_is_wanted),
                cmocka_unit_test(test_bucket_is_never_over_its_limit),
                cmocka_unit_test(test_a_bad_guess_does_not_hold_for_long),
                cmocka_unit_test(test_bucket_that_is_below_empty),
                cmocka_unit_test(test_output_is_not_asked_for_ahead),
                cmocka_unit_test(test_buckets_take_the_longest_wait),
                cmocka_unit_test(test_what_is_configured_holds_beside_what_is_told),
                cmocka_unit_test(test_backoff),
                cmocka_unit_test(test_keeping_pays_or_is_left),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
