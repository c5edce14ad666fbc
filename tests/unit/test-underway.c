/* What is under way in any job: makers, waiters, and how these are woken. */

#include "no-memory.h"
#include "store-fixture.h"

#include <event2/event.h>

#include "daemon/calls/underway.h"

#define N_OWNERS 6

struct owner {
        struct stake *stake;
        unsigned n_woken, order;
        uint32_t tag;
        bool is_made, is_in_cache;
};

static struct fixture f;
static struct underway *table;
static struct owner owners[N_OWNERS];
static struct hash keys[9];
static unsigned n_wakes;

static int setup(void **state)
{
        (void)state;
        fixture_prepare(&f);
        fixture_open(&f);
        memset(owners, 0, sizeof(owners));
        n_wakes = 0;
        for (unsigned i = 0; i < N_ELEMENTS(keys); i++)
                keys[i] = fixture_hash(i);
        return underway_new(f.store, &table);
}

static int teardown(void **state)
{
        (void)state;
        for (size_t i = 0; i < N_OWNERS; i++)
                owners[i].stake = underway_leave(owners[i].stake);
        table = underway_free(table);
        fixture_fence(&f, STORE_CACHE);
        fixture_discard(&f);
        return 0;
}

static void on_wake(void *owner, uint32_t tag, bool is_made)
{
        struct owner *o = owner;

        o->stake = NULL;
        o->tag = tag;
        o->is_made = is_made;
        o->is_in_cache = cache_has(f.store, CACHE_RESULT, &keys[tag]);
        o->order = ++n_wakes;
        o->n_woken++;
}

static void make(size_t owner, unsigned key)
{
        assert_int_equal(underway_make(table, &keys[key], &owners[owner], &owners[owner].stake), 0);
}

static int try_wait(size_t owner, unsigned key)
{
        return underway_wait(table, &keys[key], &owners[owner], on_wake, key, &owners[owner].stake);
}

static bool is_elsewhere(size_t owner, unsigned key)
{
        return underway_is_elsewhere(table, &keys[key], &owners[owner]);
}

static void expect_woken(size_t owner, bool is_made)
{
        assert_int_equal(owners[owner].n_woken, 1);
        assert_int_equal(owners[owner].is_made, is_made);
        assert_null(owners[owner].stake);
}

static void test_nobody_makes_it(void **state)
{
        (void)state;
        assert_false(is_elsewhere(0, 7));
        assert_int_equal(try_wait(0, 7), CONDITION_ABSENT);
        make(0, 7);
        assert_false(is_elsewhere(0, 7)); /* it makes it itself */
        assert_true(is_elsewhere(1, 7));
        assert_false(is_elsewhere(1, 8));
        owners[0].stake = underway_leave(owners[0].stake);
        assert_false(is_elsewhere(1, 7));
}

static void test_another_goes_on_with_it(void **state)
{
        (void)state;
        make(0, 7);
        underway_hand_over(owners[0].stake, &owners[1]);
        assert_true(is_elsewhere(0, 7));
        assert_false(is_elsewhere(1, 7));
        assert_int_equal(try_wait(2, 7), 0);
        owners[0].stake = underway_made(owners[0].stake);
        expect_woken(2, true);
}

static void test_made_wakes_all_in_order(void **state)
{
        (void)state;
        make(0, 7);
        for (size_t i = 1; i < N_OWNERS; i++)
                assert_int_equal(try_wait(i, 7), 0);
        owners[3].stake = underway_leave(owners[3].stake); /* waits no longer */
        assert_int_equal(n_wakes, 0);
        owners[0].stake = underway_made(owners[0].stake);
        assert_int_equal(n_wakes, N_OWNERS - 2);
        assert_int_equal(owners[3].n_woken, 0);
        for (size_t i = 1; i < N_OWNERS; i++)
                if (i != 3) {
                        expect_woken(i, true);
                        assert_int_equal(owners[i].tag, 7);
                        assert_int_equal(owners[i].order, i < 3 ? i : i - 1);
                }
        assert_false(is_elsewhere(1, 7));
}

/* The wake comes when a reader finds it, not before; whoever comes in between waits, too. */
static void test_landed_waits_for_the_cache(void **state)
{
        (void)state;
        make(0, 7);
        assert_int_equal(try_wait(1, 7), 0);
        cache_put(f.store, CACHE_RESULT, &keys[7], SPAN("a result"));
        owners[0].stake = underway_landed(owners[0].stake);
        assert_int_equal(n_wakes, 0);
        assert_true(is_elsewhere(2, 7));
        assert_true(is_elsewhere(0, 7));
        assert_int_equal(try_wait(2, 7), 0);
        fixture_await(&f, &n_wakes, 2);
        for (size_t i = 1; i <= 2; i++) {
                expect_woken(i, true);
                assert_true(owners[i].is_in_cache);
        }
        assert_false(is_elsewhere(3, 7));
}

/* Two that make the same, because they asked with the same request: the first one's end is nobody's
 * loss. */
static void test_the_last_maker_counts(void **state)
{
        (void)state;
        make(0, 7);
        make(1, 7);
        assert_int_equal(try_wait(2, 7), 0);
        owners[0].stake = underway_leave(owners[0].stake);
        assert_int_equal(n_wakes, 0);
        assert_true(is_elsewhere(0, 7));
        assert_false(is_elsewhere(1, 7));
        owners[1].stake = underway_leave(owners[1].stake);
        expect_woken(2, false);
}

/* One has it, the other is still at it. */
static void test_another_maker_after_the_landing(void **state)
{
        (void)state;
        make(0, 7);
        make(1, 7);
        assert_int_equal(try_wait(2, 7), 0);
        cache_put(f.store, CACHE_RESULT, &keys[7], SPAN("a result"));
        owners[0].stake = underway_landed(owners[0].stake);
        owners[1].stake = underway_landed(owners[1].stake); /* its fence counts */
        fixture_await(&f, &n_wakes, 1);
        expect_woken(2, true);
        make(3, 7);
        owners[3].stake = underway_landed(owners[3].stake);
        make(4, 7);
        owners[4].stake = underway_leave(owners[4].stake); /* it is on its way all the same */
        assert_int_equal(try_wait(5, 7), 0);
        fixture_await(&f, &n_wakes, 2);
        expect_woken(5, true);
}

static void test_freed_while_it_lands(void **state)
{
        (void)state;
        make(0, 7);
        owners[0].stake = underway_landed(owners[0].stake);
        table = underway_free(table);
        fixture_fence(&f, STORE_CACHE);
        assert_int_equal(underway_new(f.store, &table), 0);
}

/* Whatever fails for want of memory, nobody waits for ever. */
static int use_all(void)
{
        struct underway *saved = table;
        int r, lacking = 0;
        unsigned n_waiting = 0;
        n_wakes = 0;
        memset(owners, 0, sizeof(owners));
        r = underway_new(f.store, &table);
        if (r < 0) {
                table = saved;
                return r;
        }
        for (size_t i = 0; i < 2; i++)
                if (underway_make(table, &keys[7], &owners[i], &owners[i].stake) < 0)
                        lacking = -ENOMEM;
        for (size_t i = 2; i < N_OWNERS; i++) {
                r = try_wait(i, 7);
                n_waiting += r == 0;
                if (r == -ENOMEM)
                        lacking = -ENOMEM;
        }
        for (size_t i = 0; i < 2; i++)
                if (owners[i].stake)
                        owners[i].stake = underway_landed(owners[i].stake);
        fixture_await(&f, &n_wakes, n_waiting);
        assert_int_equal(n_wakes, n_waiting);
        while (is_elsewhere(5, 7)) /* a second fence is on its way */
                assert_true(event_base_loop(loop_base(f.loop), EVLOOP_ONCE) >= 0);
        underway_free(table);
        table = saved;
        return lacking;
}

static bool is_right(int r)
{
        return r == 0 || r == -ENOMEM; /* 0: a fence that could not be made wakes at once */
}

static void test_no_memory(void **state)
{
        (void)state;
        torture(use_all, is_right);
}

int main(int argc, char **argv)
{
        static const struct CMUnitTest tests[] = {
#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
                CASE(test_nobody_makes_it),         CASE(test_another_goes_on_with_it),
                CASE(test_made_wakes_all_in_order), CASE(test_landed_waits_for_the_cache),
                CASE(test_the_last_maker_counts),   CASE(test_another_maker_after_the_landing),
                CASE(test_freed_while_it_lands),    CASE(test_no_memory),
        };
        int status;

        if (fixture_is_check(argc, argv, &status))
                return status;
        return cmocka_run_group_tests(tests, NULL, NULL);
}
