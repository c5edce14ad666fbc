/* The state as its users see it: batches, reads, scans, blobs, closing. */

#include "store-fixture.h"

#include <fcntl.h>
#include <sys/stat.h>

static void test_round_trip(void **state)
{
        struct fixture *f = *state;
        _cleanup_free_ char *text = fixture_text(100000, 1), *noise = fixture_noise(5000, 2);

        assert_true(f->report.is_state_fresh);
        assert_true(f->report.is_cache_fresh);
        assert_false(f->report.was_unclean);
        assert_string_equal(f->report.text, "");
        assert_absent(f, TABLE_JOB, SPAN("a"));
        fixture_put(f, TABLE_JOB, SPAN("a"), SPAN("one"));
        fixture_put(f, TABLE_RESULT, SPAN("text"), (struct span){text, 100000});
        fixture_put(f, TABLE_RESULT, SPAN("noise"), (struct span){noise, 5000});
        fixture_put(f, TABLE_META, SPAN("empty"), SPAN(""));
        assert_stored(f, TABLE_JOB, SPAN("a"), SPAN("one"));
        assert_absent(f, TABLE_QUEUE, SPAN("a"));
        fixture_put(f, TABLE_JOB, SPAN("a"), SPAN("two"));

        fixture_reopen(f);
        assert_false(f->report.is_state_fresh);
        assert_false(f->report.was_unclean);
        assert_stored(f, TABLE_JOB, SPAN("a"), SPAN("two"));
        assert_stored(f, TABLE_RESULT, SPAN("text"), ((struct span){text, 100000}));
        assert_stored(f, TABLE_RESULT, SPAN("noise"), ((struct span){noise, 5000}));
        assert_stored(f, TABLE_META, SPAN("empty"), SPAN(""));
}

static void test_get_appends(void **state)
{
        struct fixture *f = *state;
        _cleanup_free_ char *text = fixture_text(4000, 1);
        _cleanup_buf_ struct buf b = {0};

        fixture_put(f, TABLE_JOB, SPAN("a"), SPAN("one"));
        fixture_put(f, TABLE_RESULT, SPAN("a"), (struct span){text, 4000});
        assert_int_equal(buf_add_text(&b, "before "), 0);
        assert_int_equal(store_get(f->store, TABLE_JOB, SPAN("a"), &b), 0);
        assert_int_equal(store_get(f->store, TABLE_RESULT, SPAN("a"), &b), 0);
        assert_int_equal(b.n, 10 + 4000);
        assert_memory_equal(b.at, "before one", 10);
        assert_memory_equal(b.at + 10, text, 4000);
        assert_int_equal(b.at[b.n], 0);
}

static void test_batch_is_all_or_nothing_to_its_maker(void **state)
{
        struct fixture *f = *state;
        struct store_batch *b;

        char long_key[512] = {1};

        assert_int_equal(store_batch_new(STORE_STATE, &b), 0);
        assert_int_equal(store_batch_put(b, TABLE_CACHE_RAW, SPAN("k"), SPAN("v")), -EINVAL);
        assert_int_equal(store_batch_put(b, TABLE_JOB, SPAN(""), SPAN("v")), -EINVAL);
        assert_int_equal(store_batch_put(b, TABLE_JOB, (struct span){long_key, 512}, SPAN("v")),
                         -EINVAL);
        assert_int_equal(store_batch_put(b, TABLE_JOB, (struct span){long_key, 511}, SPAN("v")), 0);
        assert_int_equal(store_batch_delete(b, TABLE_JOB, SPAN("never there")), 0);
        assert_int_equal(store_batch_put(b, TABLE_JOB, SPAN("x"), SPAN("1")), 0);
        assert_int_equal(store_batch_put(b, TABLE_JOB, SPAN("x"), SPAN("2")), 0);
        assert_int_equal(store_batch_put(b, TABLE_JOB, SPAN("y"), SPAN("1")), 0);
        assert_int_equal(store_batch_delete(b, TABLE_JOB, SPAN("y")), 0);
        assert_int_equal(fixture_commit(f, b), 0);
        assert_stored(f, TABLE_JOB, SPAN("x"), SPAN("2"));
        assert_absent(f, TABLE_JOB, SPAN("y"));
        assert_stored(f, TABLE_JOB, ((struct span){long_key, 511}), SPAN("v"));
}

static void test_delete_prefix(void **state)
{
        struct fixture *f = *state;
        struct store_batch *b;
        char key[16];

        assert_int_equal(store_batch_new(STORE_STATE, &b), 0);
        for (unsigned i = 0; i < 3000; i++) {
                int n = snprintf(key, sizeof(key), "%c%05u", "abc"[i % 3], i);
                _cleanup_free_ char *noise = fixture_noise(i % 5 == 0 ? 3000 : 40, i);

                assert_int_equal(store_batch_put(b, TABLE_EVENT, (struct span){key, (size_t)n},
                                                 (struct span){noise, i % 5 == 0 ? 3000 : 40}),
                                 0);
        }
        assert_int_equal(fixture_commit(f, b), 0);
        assert_int_equal(store_batch_new(STORE_STATE, &b), 0);
        assert_int_equal(store_batch_put(b, TABLE_EVENT, SPAN("b"), SPAN("the prefix itself")), 0);
        assert_int_equal(store_batch_put(b, TABLE_EVENT, SPAN("c\xff\xff"), SPAN("last of c")), 0);
        assert_int_equal(store_batch_delete_prefix(b, TABLE_EVENT, SPAN("b")), 0);
        assert_int_equal(store_batch_put(b, TABLE_EVENT, SPAN("b00001"), SPAN("after")), 0);
        assert_int_equal(fixture_commit(f, b), 0);
        for (unsigned i = 0; i < 3000; i++) {
                int n = snprintf(key, sizeof(key), "%c%05u", "abc"[i % 3], i);
                _cleanup_buf_ struct buf v = {0};

                assert_int_equal(
                        store_get(f->store, TABLE_EVENT, (struct span){key, (size_t)n}, &v),
                        i % 3 == 1 && i != 1 ? CONDITION_ABSENT : 0);
        }
        assert_stored(f, TABLE_EVENT, SPAN("b00001"), SPAN("after"));
        assert_absent(f, TABLE_EVENT, SPAN("b"));

        assert_int_equal(store_batch_new(STORE_STATE, &b), 0);
        assert_int_equal(store_batch_delete_prefix(b, TABLE_EVENT, SPAN("")), 0);
        assert_int_equal(fixture_commit(f, b), 0);
        assert_absent(f, TABLE_EVENT, SPAN("c\xff\xff"));
        assert_absent(f, TABLE_EVENT, SPAN("a00000"));
}

struct seen {
        struct buf keys;
        size_t n, stop_after, n_value_bytes;
        int with;
};

static int note(struct span key, struct span value, void *arg)
{
        struct seen *s = arg;

        assert_int_equal(buf_add_span(&s->keys, key), 0);
        assert_int_equal(buf_add_char(&s->keys, ' '), 0);
        s->n_value_bytes += value.n;
        return ++s->n == s->stop_after ? s->with : 0;
}

static void assert_scan(struct fixture *f, struct span prefix, struct span from, const char *keys)
{
        struct seen s = {0};

        assert_int_equal(buf_add_text(&s.keys, ""), 0);
        assert_int_equal(store_scan(f->store, TABLE_RESULT, prefix, from, note, &s), 0);
        assert_string_equal(s.keys.at ? s.keys.at : "", keys);
        buf_done(&s.keys);
}

static void test_scan(void **state)
{
        struct fixture *f = *state;
        _cleanup_free_ char *text = fixture_text(9000, 1);
        static const char *const keys[] = {"a1", "b", "b1", "b2", "b3", "c1"};
        struct seen s = {0};

        assert_scan(f, SPAN(""), (struct span){NULL, 0}, "");
        for (size_t i = 0; i < N_ELEMENTS(keys); i++)
                fixture_put(f, TABLE_RESULT, span_of(keys[i]),
                            (struct span){text, i % 2 ? 9000 : 9});
        assert_scan(f, SPAN(""), (struct span){NULL, 0}, "a1 b b1 b2 b3 c1 ");
        assert_scan(f, SPAN("b"), (struct span){NULL, 0}, "b b1 b2 b3 ");
        assert_scan(f, SPAN("b"), SPAN("b2"), "b2 b3 ");
        assert_scan(f, SPAN("b"), SPAN("b25"), "b3 ");
        assert_scan(f, SPAN("b"), SPAN("b9"), "");
        assert_scan(f, SPAN("zz"), (struct span){NULL, 0}, "");

        s = (struct seen){.stop_after = 2, .with = CONDITION_REFUSED};
        assert_int_equal(store_scan(f->store, TABLE_RESULT, SPAN("b"), SPAN(""), note, &s), 0);
        assert_int_equal(s.n, 2);
        assert_int_equal(s.n_value_bytes, 9000 + 9);
        buf_done(&s.keys);
        s = (struct seen){.stop_after = 1, .with = -EMSGSIZE};
        assert_int_equal(store_scan(f->store, TABLE_RESULT, SPAN("b"), SPAN(""), note, &s),
                         -EMSGSIZE);
        buf_done(&s.keys);
}

struct order {
        unsigned expected, n_done;
};

struct ordered {
        struct order *order;
        unsigned i;
};

static void on_ordered(void *arg, int r)
{
        struct ordered *o = arg;

        assert_int_equal(r, 0);
        assert_int_equal(o->i, o->order->expected++);
        o->order->n_done++;
}

#define MANY 3000

static void submit_many(struct fixture *f, struct ordered *list, struct order *order)
{
        char key[16];

        for (unsigned i = 0; i < MANY; i++) {
                int n = snprintf(key, sizeof(key), "%08u", i);
                struct store_batch *b;

                list[i] = (struct ordered){order, i};
                assert_int_equal(store_batch_new(STORE_STATE, &b), 0);
                assert_int_equal(store_batch_put(b, TABLE_EVENT, (struct span){key, (size_t)n},
                                                 (struct span){key, (size_t)n}),
                                 0);
                assert_int_equal(store_commit(f->store, b, on_ordered, &list[i]), 0);
        }
}

static void test_callbacks_come_in_order(void **state)
{
        struct fixture *f = *state;
        static struct ordered list[MANY];
        struct order order = {0};
        struct store_counters counters;

        submit_many(f, list, &order);
        fixture_await(f, &order.n_done, MANY);
        assert_int_equal(store_n_pending(f->store, STORE_STATE), 0);
        assert_stored(f, TABLE_EVENT, SPAN("00000000"), SPAN("00000000"));
        assert_stored(f, TABLE_EVENT, SPAN("00002999"), SPAN("00002999"));
        store_get_counters(f->store, &counters);
        assert_int_equal(counters.state_batches, MANY);
        assert_true(counters.state_commits < MANY); /* they were grouped */
        assert_int_equal(counters.state_failed, 0);
}

static void test_close_commits_what_waits(void **state)
{
        struct fixture *f = *state;
        static struct ordered list[MANY];
        struct order order = {0};

        submit_many(f, list, &order);
        fixture_close(f);
        assert_int_equal(order.n_done, MANY);
        assert_false(fixture_has_file(f->state, "dirty"));
        fixture_open(f);
        assert_stored(f, TABLE_EVENT, SPAN("00002999"), SPAN("00002999"));
}

static void on_late(void *arg, int r)
{
        struct fixture *f = arg;
        struct store_batch *b;

        assert_int_equal(r, 0);
        assert_stored(f, TABLE_JOB, SPAN("x"), SPAN("1")); /* reading goes on */
        assert_int_equal(store_batch_new(STORE_STATE, &b), 0);
        assert_int_equal(store_commit(f->store, b, NULL, NULL), -ESHUTDOWN);
        (void)store_batch_free(b);
        assert_int_equal(store_n_pending(f->store, STORE_STATE), 0);
        assert_false(store_has_cache(f->store));
}

static void test_callback_during_close(void **state)
{
        struct fixture *f = *state;
        struct store_batch *b;

        assert_int_equal(store_batch_new(STORE_STATE, &b), 0);
        assert_int_equal(store_batch_put(b, TABLE_JOB, SPAN("x"), SPAN("1")), 0);
        assert_int_equal(store_commit(f->store, b, on_late, f), 0);
        fixture_close(f);
}

static void test_blobs(void **state)
{
        struct fixture *f = *state;
        size_t n = (700u << 10) + 77;
        _cleanup_free_ char *text = fixture_text(n, 5);
        struct hash h = fixture_hash(1), empty = fixture_hash(2);
        _cleanup_buf_ struct buf b = {0};
        struct store_batch *batch;
        uint64_t size;

        assert_int_equal(store_blob_size(f->store, 7, &h, &size), CONDITION_ABSENT);
        assert_int_equal(store_batch_new(STORE_STATE, &batch), 0);
        assert_int_equal(store_blob_put(batch, 7, &h, (struct span){text, n}, 1000), 0);
        assert_int_equal(store_blob_put(batch, 7, &empty, SPAN(""), 1000), 0);
        assert_int_equal(fixture_commit(f, batch), 0);
        assert_int_equal(store_blob_size(f->store, 7, &h, &size), 0);
        assert_int_equal(size, n);
        assert_int_equal(store_blob_size(f->store, 8, &h, &size), CONDITION_ABSENT);
        assert_int_equal(store_blob_get(f->store, 7, &h, 0, UINT64_MAX, &b), 0);
        assert_int_equal(b.n, n);
        assert_memory_equal(b.at, text, n);
        for (size_t offset = 0; offset < n; offset += 100001) {
                buf_clear(&b);
                assert_int_equal(store_blob_get(f->store, 7, &h, offset, 300000, &b), 0);
                assert_int_equal(b.n, MIN2(n - offset, 300000));
                assert_memory_equal(b.at, text + offset, b.n);
        }
        buf_clear(&b);
        assert_int_equal(store_blob_get(f->store, 7, &h, n, 10, &b), 0);
        assert_int_equal(store_blob_get(f->store, 7, &h, UINT64_MAX, 10, &b), 0);
        assert_int_equal(store_blob_get(f->store, 7, &empty, 0, 10, &b), 0);
        assert_int_equal(b.n, 0);
        assert_int_equal(store_blob_get(f->store, 8, &h, 0, 10, &b), CONDITION_ABSENT);
}

static bool is_even(uint32_t uid, const struct hash *h, void *arg)
{
        (void)h;
        ++*(unsigned *)arg;
        return uid % 2 == 0;
}

static unsigned count_blobs(struct fixture *f, unsigned n, unsigned uids)
{
        unsigned found = 0;
        uint64_t size;

        for (unsigned i = 0; i < n; i++) {
                struct hash h = fixture_hash(i);

                found += store_blob_size(f->store, i % uids, &h, &size) == 0;
        }
        return found;
}

static void test_blobs_expire(void **state)
{
        struct fixture *f = *state;
        struct store_batch *b;
        unsigned n_asked = 0;

        assert_int_equal(store_batch_new(STORE_STATE, &b), 0);
        for (unsigned i = 0; i < 2500; i++) {
                struct hash h = fixture_hash(i);

                assert_int_equal(
                        store_blob_put(b, i % 4, &h, SPAN("content"), i < 1000 ? 100 : 200), 0);
        }
        assert_int_equal(fixture_commit(f, b), 0);
        assert_int_equal(store_blob_expire(f->store, 100, 10000, NULL, NULL), 0);
        fixture_fence(f, STORE_STATE);
        assert_int_equal(count_blobs(f, 2500, 4), 2500);
        assert_int_equal(store_blob_expire(f->store, 150, 10, NULL, NULL), 0);
        fixture_fence(f, STORE_STATE);
        assert_int_equal(count_blobs(f, 2500, 4), 2490);
        for (unsigned i = 0; i < 6; i++) { /* comes round at least once */
                assert_int_equal(store_blob_expire(f->store, 150, 10000, is_even, &n_asked), 0);
                fixture_fence(f, STORE_STATE);
        }
        assert_true(n_asked >= 990);
        /* The ten of before were of uid 1, where the first call had stopped: of the odd half that
         * went. */
        assert_int_equal(count_blobs(f, 2500, 4), 2500 - 500);
        for (unsigned i = 0; i < 6; i++) {
                assert_int_equal(store_blob_expire(f->store, 150, 10000, NULL, NULL), 0);
                fixture_fence(f, STORE_STATE);
        }
        assert_int_equal(count_blobs(f, 2500, 4), 1500);
}

static void test_one_daemon_at_a_time(void **state)
{
        struct fixture *f = *state, g;

        fixture_prepare(&g);
        g.config.state_dir = f->config.state_dir;
        assert_int_equal(fixture_try_open(&g), -EBUSY);
        g.config.state_dir = g.state;
        g.config.cache_dir = f->config.cache_dir;
        fixture_open(&g);
        assert_false(store_has_cache(g.store));
        assert_non_null(strstr(g.report.text, "in use by another genoptd"));
        fixture_discard(&g);

        fixture_prepare(&g);
        g.config.cache_dir = g.state;
        fixture_open(&g);
        assert_false(store_has_cache(g.store));
        fixture_discard(&g);
}

static void test_directories_and_descriptors(void **state)
{
        struct fixture *f = *state;
        struct stat st;
        char path[160];

        assert_int_equal(stat(f->state, &st), 0);
        assert_int_equal(st.st_mode & 07777, 0700);
        (void)snprintf(path, sizeof(path), "%s/data.mdb", f->state);
        assert_int_equal(stat(path, &st), 0);
        assert_int_equal(st.st_mode & 07777, 0600);
        for (int fd = 3; fd < 64; fd++) {
                _cleanup_free_ char *link = calloc(1, 256);

                (void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
                if (readlink(path, link, 255) > 0 && strstr(link, f->dir))
                        assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
        }
}

static void test_room(void **state)
{
        struct fixture *f = *state;

        assert_true(store_has_room(f->store));
        fixture_close(f);
        f->config.state_floor_bytes = UINT64_MAX;
        fixture_open(f);
        assert_false(store_has_room(f->store));
}

static void test_no_state_directory(void **state)
{
        struct fixture *f = *state;

        f->config.state_dir = "/proc/genopt-cannot-be-made";
        assert_true(fixture_try_open(f) < 0);
}

int main(int argc, char **argv)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(test_round_trip, fixture_setup, fixture_teardown),
                cmocka_unit_test_setup_teardown(test_get_appends, fixture_setup, fixture_teardown),
                cmocka_unit_test_setup_teardown(test_batch_is_all_or_nothing_to_its_maker,
                                                fixture_setup, fixture_teardown),
                cmocka_unit_test_setup_teardown(test_delete_prefix, fixture_setup,
                                                fixture_teardown),
                cmocka_unit_test_setup_teardown(test_scan, fixture_setup, fixture_teardown),
                cmocka_unit_test_setup_teardown(test_callbacks_come_in_order, fixture_setup,
                                                fixture_teardown),
                cmocka_unit_test_setup_teardown(test_close_commits_what_waits, fixture_setup,
                                                fixture_teardown),
                cmocka_unit_test_setup_teardown(test_callback_during_close, fixture_setup,
                                                fixture_teardown),
                cmocka_unit_test_setup_teardown(test_blobs, fixture_setup, fixture_teardown),
                cmocka_unit_test_setup_teardown(test_blobs_expire, fixture_setup, fixture_teardown),
                cmocka_unit_test_setup_teardown(test_one_daemon_at_a_time, fixture_setup,
                                                fixture_teardown),
                cmocka_unit_test_setup_teardown(test_directories_and_descriptors, fixture_setup,
                                                fixture_teardown),
                cmocka_unit_test_setup_teardown(test_room, fixture_setup, fixture_teardown),
                cmocka_unit_test_setup_teardown(test_no_state_directory, fixture_setup_closed,
                                                fixture_teardown),
        };
        int status;

        if (fixture_is_check(argc, argv, &status))
                return status;
        return cmocka_run_group_tests(tests, NULL, NULL);
}
