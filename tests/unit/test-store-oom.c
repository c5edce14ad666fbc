/* The nth allocation of ours fails, for every n: nothing breaks, nothing is lost that was promised,
 * nothing leaks (the address sanitizer looks). What the cache cannot keep it does not keep. */

#include "no-memory.h"
#include "store-fixture.h"

#include <event2/event.h>

static char text[300000];

static int put_blob(struct fixture *f, struct outcome *o)
{
        _cleanup_(store_batch_freep) struct store_batch *b = NULL;
        struct hash h = {{1}};
        int r;

        r = store_batch_new(STORE_STATE, &b);
        if (r == 0)
                r = store_batch_put(b, TABLE_JOB, SPAN("job"), SPAN("record"));
        if (r == 0)
                r = store_blob_put(b, 7, &h, (struct span){text, sizeof(text)}, 1);
        if (r == 0)
                r = store_commit(f->store, b, fixture_on_done, o);
        if (r == 0)
                b = NULL; /* consumed */
        return r;
}

static int get_blob(struct fixture *f)
{
        _cleanup_buf_ struct buf out = {0};
        struct hash h = {{1}};
        int r;

        r = store_get(f->store, TABLE_JOB, SPAN("job"), &out);
        if (r == 0)
                r = store_blob_get(f->store, 7, &h, 1000, 290000, &out);
        if (r == 0 && (out.n != 6 + 290000 || memcmp(out.at, "record", 6) != 0 ||
                       memcmp(out.at + 6, text + 1000, 290000) != 0))
                r = -EBADMSG;
        return r;
}

static int use_cache(struct fixture *f)
{
        struct hash h = {{2}};
        int r = 0;

        cache_put(f->store, CACHE_RESULT, &h, (struct span){text, 9000});
        cache_put(f->store, CACHE_RAW, &h, (struct span){text, 100});
        for (unsigned i = 0; i < 50 && store_n_pending(f->store, STORE_CACHE) > 0; i++)
                (void)event_base_loop(loop_base(f->loop), EVLOOP_NONBLOCK);
        for (unsigned i = 0; i < 4 && (r == 0 || r == CONDITION_ABSENT); i++) {
                _cleanup_buf_ struct buf out = {0};

                r = cache_get(f->store, i % 2 ? CACHE_RAW : CACHE_RESULT, &h, &out);
                if (r == 0 && memcmp(out.at, text, out.n) != 0)
                        r = -EBADMSG;
        }
        return r == CONDITION_ABSENT ? 0 : r;
}

/* 0 or -ENOMEM. */
static int scenario(struct fixture *f)
{
        struct outcome o = {0}, trimmed = {0};
        int r, r2;

        r = fixture_try_open(f);
        if (r < 0)
                return r;
        r = put_blob(f, &o);
        if (r == 0) {
                fixture_await(f, &o.n_done, 1);
                r = o.result;
        }
        if (r == 0)
                r = get_blob(f);
        r2 = use_cache(f);
        if (r == 0)
                r = r2;
        if (r == 0 && store_has_cache(f->store)) {
                r = cache_trim(f->store, 1, fixture_on_counts, &trimmed);
                if (r == 0)
                        fixture_await(f, &trimmed.n_done, 1);
        }
        if (r == 0)
                r = store_blob_expire(f->store, 2, 10, NULL, NULL);
        fixture_close(f);
        return r;
}

static void test_every_allocation_may_fail(void **state)
{
        struct fixture *f = *state;
        long n = 0;

        for (size_t i = 0; i < sizeof(text); i++)
                text[i] = "text that packs well, "[i % 22];
        do {
                int r;

                assert_true(n < 2000);
                has_failed = false;
                allowed = n++;
                r = scenario(f);
                allowed = -1;
                if (r != 0 && r != -ENOMEM)
                        fail_msg("allocation %ld failed, and the answer was %d", n - 1, r);
        } while (has_failed);
        assert_true(n > 20);
        fixture_open(f);
        assert_true(store_has_cache(f->store));
        assert_stored(f, TABLE_JOB, SPAN("job"), SPAN("record"));
}

int main(int argc, char **argv)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(test_every_allocation_may_fail,
                                                fixture_setup_closed, fixture_teardown),
        };
        int status;

        if (fixture_is_check(argc, argv, &status))
                return status;
        return cmocka_run_group_tests(tests, NULL, NULL);
}
