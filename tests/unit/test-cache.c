/* The cache: hits, misses, the memory layer, age, quota, trimming, clearing, verifying, losing its
 * directory. */

#include "store-fixture.h"

#include <fcntl.h>

#include "common/clock.h"
#include "common/log.h"
#include "common/str.h"
#include "daemon/store/env.h"

#define DAY_USEC ((uint64_t)24 * 3600 * 1000000)
#define PAGE_BYTES 4096
#define MAX_FILE_BYTES (1 << 20)

static void put(struct fixture *f, enum cache_kind k, unsigned seed, struct span value)
{
        struct hash h = fixture_hash(seed);

        cache_put(f->store, k, &h, value);
}

static bool has(struct fixture *f, enum cache_kind k, unsigned seed)
{
        _cleanup_buf_ struct buf b = {0};
        struct hash h = fixture_hash(seed);
        int r = cache_get(f->store, k, &h, &b);

        assert_true(r == 0 || (r == CONDITION_ABSENT && b.n == 0));
        return r == 0;
}

static void assert_cached(struct fixture *f, enum cache_kind k, unsigned seed, struct span value)
{
        _cleanup_buf_ struct buf b = {0};
        struct hash h = fixture_hash(seed);

        assert_int_equal(cache_get(f->store, k, &h, &b), 0);
        assert_int_equal(b.n, value.n);
        assert_memory_equal(b.at ? b.at : "", value.at, value.n);
}

static struct cache_stats stats_of(struct fixture *f, unsigned layer)
{
        struct cache_stats stats[N_CACHE_STATS];

        cache_get_stats(f->store, stats);
        return stats[layer];
}

enum { MEMORY, RESULT, SEEN, INPUTS, RAW };

static void test_hits_and_misses(void **state)
{
        struct fixture *f = *state;

        assert_true(store_has_cache(f->store));
        assert_false(has(f, CACHE_RAW, 1));
        put(f, CACHE_RAW, 1, SPAN("raw"));
        put(f, CACHE_SEEN, 1, SPAN("seen"));
        put(f, CACHE_RESULT, 1, SPAN(""));
        fixture_fence(f, STORE_CACHE);
        assert_cached(f, CACHE_RAW, 1, SPAN("raw"));
        assert_cached(f, CACHE_SEEN, 1, SPAN("seen"));
        assert_cached(f, CACHE_RESULT, 1, SPAN(""));
        assert_false(has(f, CACHE_RAW, 2));
        put(f, CACHE_RAW, 1, SPAN("raw again"));
        fixture_fence(f, STORE_CACHE);
        fixture_reopen(f);
        assert_cached(f, CACHE_RAW, 1, SPAN("raw again"));
        {
                struct hash h = fixture_hash(1);

                cache_remove(f->store, CACHE_RAW, &h);
        }
        fixture_fence(f, STORE_CACHE);
        assert_false(has(f, CACHE_RAW, 1));
        assert_true(has(f, CACHE_SEEN, 1));
        assert_int_equal(stats_of(f, RAW).hits, 1);
        assert_int_equal(stats_of(f, RAW).misses, 1);
        assert_int_equal(stats_of(f, RAW).entries, 0);
        assert_int_equal(stats_of(f, SEEN).entries, 1);
        assert_string_equal(stats_of(f, RAW).name, "raw");
        assert_int_equal(stats_of(f, RAW).max_size, f->config.cache_max_bytes);
}

struct sent {
        const char *at;
        size_t n;
        int with;
};

static int on_span(struct span value, void *arg)
{
        struct sent *s = arg;

        s->at = value.at;
        s->n = value.n;
        return s->with;
}

static void test_value_is_given_as_it_lies(void **state)
{
        struct fixture *f = *state;
        _cleanup_free_ char *text = fixture_text(16384, 1), *larger = fixture_text(40000, 2);
        struct hash a = fixture_hash(1), b = fixture_hash(2);
        struct sent first = {0}, second = {.with = -EPIPE};

        cache_put(f->store, CACHE_RAW, &a, (struct span){text, 16384});
        cache_put(f->store, CACHE_RAW, &b, (struct span){larger, 40000});
        fixture_fence(f, STORE_CACHE);
        assert_int_equal(cache_get_with(f->store, CACHE_RAW, &a, on_span, &first), 0);
        assert_int_equal(cache_get_with(f->store, CACHE_RAW, &a, on_span, &second), -EPIPE);
        assert_int_equal(first.n, 16384);
        assert_ptr_equal(first.at, second.at); /* in the map: nothing was copied */
        assert_memory_equal(first.at, text, 16384);
        assert_int_equal(stats_of(f, MEMORY).entries, 0);
        assert_int_equal(stats_of(f, MEMORY).misses, 0);
        first = (struct sent){0};
        assert_int_equal(cache_get_with(f->store, CACHE_RAW, &b, on_span, &first), 0);
        assert_int_equal(first.n, 40000);
        assert_int_equal(stats_of(f, MEMORY).entries, 1); /* was compressed */
}

static void test_memory_layer(void **state)
{
        struct fixture *f = *state;
        _cleanup_free_ char *text = fixture_text(20000, 1), *other = fixture_text(20000, 2);

        put(f, CACHE_RESULT, 1, (struct span){text, 20000});
        fixture_fence(f, STORE_CACHE);
        assert_cached(f, CACHE_RESULT, 1, (struct span){text, 20000});
        assert_int_equal(stats_of(f, MEMORY).hits, 0);
        assert_int_equal(stats_of(f, MEMORY).misses, 1);
        assert_int_equal(stats_of(f, RESULT).hits, 1);
        assert_cached(f, CACHE_RESULT, 1, (struct span){text, 20000});
        assert_int_equal(stats_of(f, MEMORY).hits, 1);
        assert_int_equal(stats_of(f, RESULT).hits, 1); /* not counted twice */

        /* Nothing old comes out of memory, whenever it is asked. */
        put(f, CACHE_RESULT, 1, (struct span){other, 20000});
        for (unsigned i = 0; i < 3; i++)
                (void)has(f, CACHE_RESULT, 1);
        fixture_fence(f, STORE_CACHE);
        for (unsigned i = 0; i < 3; i++)
                assert_cached(f, CACHE_RESULT, 1, (struct span){other, 20000});

        /* Bounded, and the least recently used goes. */
        for (unsigned i = 100; i < 200; i++) {
                _cleanup_free_ char *t = fixture_text(20000, i);

                put(f, CACHE_RESULT, i, (struct span){t, 20000});
                fixture_fence(f, STORE_CACHE);
                assert_cached(f, CACHE_RESULT, i, (struct span){t, 20000});
                assert_true(has(f, CACHE_RESULT, 1));
                assert_true(stats_of(f, MEMORY).size <= f->config.cache_memory_bytes);
        }
        assert_in_range(stats_of(f, MEMORY).entries, 40, 52);
        {
                uint64_t hits = stats_of(f, MEMORY).hits;

                assert_true(has(f, CACHE_RESULT, 1));
                assert_int_equal(stats_of(f, MEMORY).hits, hits + 1);
                assert_true(has(f, CACHE_RESULT, 100));
                assert_int_equal(stats_of(f, MEMORY).hits, hits + 1);
        }
}

static void test_without_memory_layer(void **state)
{
        struct fixture *f = *state;
        _cleanup_free_ char *text = fixture_text(20000, 1);

        f->config.cache_memory_bytes = 0;
        fixture_open(f);
        put(f, CACHE_RESULT, 1, (struct span){text, 20000});
        fixture_fence(f, STORE_CACHE);
        for (unsigned i = 0; i < 3; i++)
                assert_cached(f, CACHE_RESULT, 1, (struct span){text, 20000});
        assert_int_equal(stats_of(f, MEMORY).size, 0);
}

static void test_switched_off(void **state)
{
        struct fixture *f = *state;

        f->config.cache_max_bytes = 0;
        fixture_open(f);
        assert_false(store_has_cache(f->store));
        assert_string_equal(f->report.text, "");
        put(f, CACHE_RAW, 1, SPAN("x"));
        assert_false(has(f, CACHE_RAW, 1));
        assert_false(fixture_has_file(f->dir, "cache"));
}

static void test_age(void **state)
{
        struct fixture *f = *state;
        _cleanup_free_ char *text = fixture_text(20000, 1);
        struct outcome o = {0};

        put(f, CACHE_RAW, 1, SPAN("old"));
        put(f, CACHE_RESULT, 1, (struct span){text, 20000});
        put(f, CACHE_RAW, 3, SPAN("never asked for"));
        fixture_fence(f, STORE_CACHE);
        assert_true(has(f, CACHE_RESULT, 1));
        clock_test_advance_usec(20 * DAY_USEC);
        assert_true(has(f, CACHE_RAW, 1)); /* use does not make it younger */
        assert_true(has(f, CACHE_RESULT, 1));
        put(f, CACHE_RAW, 2, SPAN("young"));
        fixture_fence(f, STORE_CACHE);
        clock_test_advance_usec(11 * DAY_USEC);
        assert_false(has(f, CACHE_RAW, 1));
        assert_false(has(f, CACHE_RESULT, 1)); /* nor from memory */
        assert_true(has(f, CACHE_RAW, 2));
        fixture_settle(f);
        assert_int_equal(stats_of(f, RAW).entries, 1);
        assert_int_equal(stats_of(f, RESULT).entries, 0);
        clock_test_advance_usec(40 * DAY_USEC);
        assert_int_equal(cache_trim(f->store, 0, fixture_on_counts, &o), 0);
        fixture_await(f, &o.n_done, 1);
        assert_int_equal(o.result, 0);
        assert_true(o.n <= 1); /* the writer may have looked before */
        assert_int_equal(stats_of(f, RAW).entries, 0);
}

static uint64_t disk_bytes(struct fixture *f)
{
        return stats_of(f, RAW).size + stats_of(f, RESULT).size + stats_of(f, SEEN).size;
}

static _Atomic unsigned n_cleanups; /* logged by the writer */

static void on_log(_unused_ enum log_level level, const char *event, _unused_ const char *text,
                   _unused_ const struct log_field *fields, _unused_ size_t n, _unused_ void *arg)
{
        if (str_is_equal(event, "cache_cleanup"))
                n_cleanups++;
}

static void test_least_recently_used_goes_first(void **state)
{
        struct fixture *f = *state;
        _cleanup_free_ char *noise = fixture_noise(8000, 1);
        struct span value = {noise, 8000};
        struct store_counters counters;

        log_set_sink(on_log, NULL);
        f->config.cache_max_bytes = 1u << 20;
        fixture_open(f);
        for (unsigned i = 0; i < 100; i++)
                put(f, CACHE_RAW, i, value);
        fixture_fence(f, STORE_CACHE);
        for (unsigned i = 10; i < 20; i++)
                assert_true(has(f, CACHE_RAW, i));
        for (unsigned i = 100; i < 180; i++) {
                put(f, CACHE_RAW, i, value);
                fixture_settle(f);
                assert_true(disk_bytes(f) <= f->config.cache_max_bytes);
        }
        store_get_counters(f->store, &counters);
        assert_true(counters.cache_evicted > 40);
        log_set_sink(NULL, NULL);
        assert_true(n_cleanups > 0);
        for (unsigned i = 0; i < 180; i++) {
                bool is_there = has(f, CACHE_RAW, i);

                if ((i >= 10 && i < 20) || i >= 100)
                        assert_true(is_there);
                if (i < 10 || (i >= 20 && i < 40))
                        assert_false(is_there);
        }
}

static void test_order_survives_reopening_and_clocks(void **state)
{
        struct fixture *f = *state;
        struct outcome o = {0};
        _cleanup_free_ char *noise = fixture_noise(8000, 1);

        clock_test_advance_usec(1000 * DAY_USEC);
        for (unsigned i = 0; i < 20; i++)
                put(f, CACHE_RAW, i, (struct span){noise, 8000});
        fixture_fence(f, STORE_CACHE);
        clock_test_advance_usec(-(uint64_t)(1000 * DAY_USEC)); /* the clock is put right */
        fixture_reopen(f);
        for (unsigned i = 20; i < 40; i++)
                put(f, CACHE_RAW, i, (struct span){noise, 8000});
        fixture_fence(f, STORE_CACHE);
        assert_int_equal(cache_trim(f->store, 250000, fixture_on_counts, &o), 0);
        fixture_await(f, &o.n_done, 1);
        assert_int_equal(o.result, 0);
        assert_true(o.n > 5 && o.n < 35);
        assert_true(o.m <= 250000);
        for (unsigned i = 0; i < 40; i++)
                assert_int_equal(has(f, CACHE_RAW, i), i >= o.n);
}

static void test_too_large_for_the_quota(void **state)
{
        struct fixture *f = *state;
        _cleanup_free_ char *noise = fixture_noise(1u << 20, 1);

        f->config.cache_max_bytes = 2u << 20;
        fixture_open(f);
        put(f, CACHE_RAW, 1, (struct span){noise, 1u << 20});
        put(f, CACHE_RAW, 2, (struct span){noise, 1u << 17});
        fixture_fence(f, STORE_CACHE);
        assert_false(has(f, CACHE_RAW, 1));
        assert_true(has(f, CACHE_RAW, 2));
}

static void test_many_uses_between_writes(void **state)
{
        struct fixture *f = *state;
        struct outcome o = {0};

        for (unsigned i = 0; i < 3000; i++)
                put(f, CACHE_SEEN, i, SPAN("value"));
        fixture_fence(f, STORE_CACHE);
        for (unsigned round = 0; round < 3; round++)
                for (unsigned i = 0; i < 3000; i++)
                        assert_true(has(f, CACHE_SEEN, i));
        assert_int_equal(stats_of(f, SEEN).hits, 9000);
        assert_int_equal(cache_verify(f->store, fixture_on_counts, &o), 0);
        fixture_await(f, &o.n_done, 1);
        assert_int_equal(o.n, 3000);
        assert_int_equal(o.m, 0);
}

/* Through LMDB, past the store: flips a bit in the nth value of a table; returns how many there
 * are. */
static unsigned flip_bit(struct fixture *f, enum store_table t, unsigned nth)
{
        MDB_cursor *cursor;
        MDB_val key, value;
        struct env e;
        MDB_txn *txn;
        unsigned n = 0;

        assert_int_equal(env_init(&e, STORE_CACHE, f->cache, ENV_MAP_BYTES), 0);
        assert_int_equal(env_lock(&e), 0);
        assert_int_equal(env_open(&e), 0);
        assert_int_equal(env_write_begin(&e, &txn), 0);
        assert_int_equal(mdb_cursor_open(txn, e.dbi[t], &cursor), 0);
        while (mdb_cursor_get(cursor, &key, &value, MDB_NEXT) == 0)
                if (n++ == nth) {
                        _cleanup_free_ char *copy = malloc(value.mv_size),
                                            *name = malloc(key.mv_size);

                        memcpy(copy, value.mv_data, value.mv_size);
                        memcpy(name, key.mv_data, key.mv_size);
                        copy[value.mv_size - 1] ^= 4;
                        key.mv_data = name;
                        value.mv_data = copy;
                        assert_int_equal(mdb_put(txn, e.dbi[t], &key, &value, 0), 0);
                        assert_int_equal(mdb_cursor_get(cursor, &key, &value, MDB_SET), 0);
                }
        mdb_cursor_close(cursor);
        assert_int_equal(mdb_txn_commit(txn), 0);
        env_close(&e, true);
        env_done(&e);
        return n;
}

static void test_damaged_value_is_a_miss(void **state)
{
        struct fixture *f = *state;
        _cleanup_free_ char *text = fixture_text(3000, 1);
        struct store_counters counters;

        put(f, CACHE_RAW, 1, SPAN("value"));
        put(f, CACHE_RESULT, 1, (struct span){text, 3000});
        fixture_close(f);
        assert_int_equal(flip_bit(f, TABLE_CACHE_RAW, 0), 1);
        assert_int_equal(flip_bit(f, TABLE_CACHE_RESULT, 0), 1);
        fixture_open(f);
        assert_int_equal(stats_of(f, RAW).entries, 1);
        assert_false(has(f, CACHE_RAW, 1));
        assert_false(has(f, CACHE_RESULT, 1));
        fixture_fence(f, STORE_CACHE);
        assert_int_equal(stats_of(f, RAW).entries, 0);
        assert_int_equal(stats_of(f, RESULT).entries, 0);
        store_get_counters(f->store, &counters);
        assert_true(counters.cache_bad_values >= 2);
        put(f, CACHE_RAW, 1, SPAN("value"));
        fixture_fence(f, STORE_CACHE);
        assert_cached(f, CACHE_RAW, 1, SPAN("value"));
}

static void test_verify(void **state)
{
        struct fixture *f = *state;
        static const enum cache_kind kinds[] = {CACHE_RESULT, CACHE_SEEN, CACHE_RAW};
        struct outcome o = {0};
        unsigned n = 0;

        for (unsigned i = 0; i < 450; i++)
                put(f, kinds[i % 3], i, SPAN("some value or other"));
        fixture_close(f);
        assert_int_equal(flip_bit(f, TABLE_CACHE_RAW, 7), 150);
        assert_int_equal(flip_bit(f, TABLE_CACHE_SEEN, 149), 150);
        assert_int_equal(flip_bit(f, TABLE_CACHE_STAMP, 200), 450);
        assert_int_equal(flip_bit(f, TABLE_CACHE_STAMP, 201), 450);
        fixture_open(f);
        assert_int_equal(cache_verify(f->store, fixture_on_counts, &o), 0);
        fixture_await(f, &o.n_done, 1);
        assert_int_equal(o.result, 0);
        assert_int_equal(o.n, 450);
        assert_int_equal(o.m, 2);
        for (unsigned i = 0; i < 450; i++)
                n += has(f, kinds[i % 3], i);
        assert_int_equal(n, 448);
        /* The index was mended: all can be evicted, and nothing is left of it. */
        assert_int_equal(cache_trim(f->store, 1, fixture_on_counts, &o), 0);
        fixture_await(f, &o.n_done, 2);
        assert_int_equal(o.n, 448);
        fixture_close(f);
        assert_int_equal(flip_bit(f, TABLE_CACHE_STAMP, 0), 0);
        assert_int_equal(flip_bit(f, TABLE_CACHE_LRU, 0), 0);
        fixture_open(f);
}

static void test_clear(void **state)
{
        struct fixture *f = *state;
        _cleanup_free_ char *noise = fixture_noise(8000, 1), *text = fixture_text(8000, 1);
        struct outcome o = {0};

        for (unsigned i = 0; i < 300; i++)
                put(f, CACHE_RAW, i, (struct span){noise, 8000});
        put(f, CACHE_RESULT, 1, (struct span){text, 8000});
        fixture_fence(f, STORE_CACHE);
        assert_true(has(f, CACHE_RESULT, 1));
        assert_int_equal(cache_clear(f->store, fixture_on_counts, &o), 0);
        fixture_await(f, &o.n_done, 1);
        assert_int_equal(o.result, 0);
        assert_int_equal(o.n, 301);
        assert_true(o.m < 100000);
        assert_false(has(f, CACHE_RAW, 1));
        assert_false(has(f, CACHE_RESULT, 1));
        assert_int_equal(stats_of(f, MEMORY).entries, 0);
        put(f, CACHE_RAW, 1, SPAN("again"));
        fixture_fence(f, STORE_CACHE);
        fixture_reopen(f);
        assert_false(f->report.was_unclean);
        assert_cached(f, CACHE_RAW, 1, SPAN("again"));
}

/* The file as it was, but one page is of no kind. */
static void damage_page(const char *path, struct span file, size_t page)
{
        const uint16_t no_flags = 0; /* which follow a number of 8 bytes and one of 2 */
        int fd = open(path, O_WRONLY | O_TRUNC | O_CREAT | O_CLOEXEC, 0600);

        assert_true(fd >= 0);
        assert_int_equal(write(fd, file.at, file.n), file.n);
        assert_int_equal(pwrite(fd, &no_flags, sizeof(no_flags), (off_t)(page * PAGE_BYTES) + 10),
                         sizeof(no_flags));
        (void)close(fd);
}

static void test_any_page_may_be_damaged(void **state)
{
        struct fixture *f = *state;
        _cleanup_free_ char *noise = fixture_noise(500, 1), *file = malloc(MAX_FILE_BYTES);
        char path[160];
        ssize_t n;
        int fd;

        for (unsigned i = 0; i < 40; i++)
                put(f, i % 2 ? CACHE_RAW : CACHE_RESULT, i, (struct span){noise, 500});
        fixture_fence(f, STORE_CACHE);
        fixture_close(f);
        (void)snprintf(path, sizeof(path), "%s/data.mdb", f->cache);
        fd = open(path, O_RDONLY | O_CLOEXEC);
        assert_non_null(file);
        n = read(fd, file, MAX_FILE_BYTES);
        (void)close(fd);
        assert_true(n > 10 * PAGE_BYTES && n < MAX_FILE_BYTES);
        for (size_t page = 2; page < (size_t)n / PAGE_BYTES; page++) {
                struct outcome o = {0};

                damage_page(path, (struct span){file, (size_t)n}, page);
                fixture_open(f);
                assert_true(store_has_cache(f->store));
                for (unsigned i = 0; i < 40; i++)
                        (void)has(f, i % 2 ? CACHE_RAW : CACHE_RESULT, i);
                put(f, CACHE_RAW, 50, SPAN("value"));
                assert_int_equal(cache_clear(f->store, fixture_on_counts, &o), 0);
                fixture_await(f, &o.n_done, 1);
                assert_int_equal(o.result, 0);
                assert_true(store_has_cache(f->store));
                put(f, CACHE_RAW, 51, SPAN("value"));
                fixture_fence(f, STORE_CACHE);
                assert_cached(f, CACHE_RAW, 51, SPAN("value"));
                fixture_close(f);
        }
        fixture_open(f);
}

static void test_closing_breaks_off_chores(void **state)
{
        struct fixture *f = *state;
        struct outcome o[3] = {0};

        for (unsigned i = 0; i < 3000; i++)
                put(f, CACHE_RAW, i, SPAN("value"));
        for (unsigned i = 0; i < 3; i++)
                assert_int_equal(cache_verify(f->store, fixture_on_counts, &o[i]), 0);
        fixture_close(f);
        for (unsigned i = 0; i < 3; i++) {
                assert_int_equal(o[i].n_done, 1);
                assert_true(o[i].result == 0 || o[i].result == -ECANCELED);
        }
        fixture_open(f);
        assert_int_equal(stats_of(f, RAW).entries, 3000);
}

static void test_directory_removed_while_running(void **state)
{
        struct fixture *f = *state;
        struct outcome o = {0};

        put(f, CACHE_RAW, 1, SPAN("value"));
        fixture_fence(f, STORE_CACHE);
        fixture_remove_tree(f->cache);
        assert_cached(f, CACHE_RAW, 1, SPAN("value")); /* the file lives as long as it is mapped */
        put(f, CACHE_RAW, 2, SPAN("value"));
        fixture_fence(f, STORE_CACHE);
        assert_true(has(f, CACHE_RAW, 2));
        assert_int_equal(cache_clear(f->store, fixture_on_counts, &o), 0);
        fixture_await(f, &o.n_done, 1);
        assert_int_equal(o.result, 0);
        assert_true(fixture_has_file(f->cache, "data.mdb"));
        put(f, CACHE_RAW, 3, SPAN("value"));
        fixture_reopen(f);
        assert_false(has(f, CACHE_RAW, 2));
        assert_true(has(f, CACHE_RAW, 3));
        fixture_remove_tree(f->cache);
        fixture_reopen(f);
        assert_true(f->report.is_cache_fresh);
}

static void test_directory_comes_back_by_itself(void **state)
{
        struct fixture *f = *state;

        (void)setenv("GENOPT_TEST_REST_MS", "3", 1);
        fixture_open(f);
        (void)unsetenv("GENOPT_TEST_REST_MS");
        put(f, CACHE_RAW, 1, SPAN("value"));
        fixture_fence(f, STORE_CACHE);
        fixture_remove_tree(f->cache);
        for (unsigned i = 2; !fixture_has_file(f->cache, "data.mdb"); i++) {
                put(f, CACHE_RAW, i, SPAN("value"));
                fixture_fence(f, STORE_CACHE);
        }
        fixture_fence(f, STORE_CACHE);
        put(f, CACHE_RAW, 1, SPAN("new"));
        fixture_fence(f, STORE_CACHE);
        assert_cached(f, CACHE_RAW, 1, SPAN("new"));
}

/* Not of the cache, but of the same clockwork. */
static void test_daily_copy(void **state)
{
        struct fixture *f = *state;

        (void)setenv("GENOPT_TEST_REST_MS", "3", 1);
        fixture_open(f);
        (void)unsetenv("GENOPT_TEST_REST_MS");
        assert_false(fixture_has_file(f->state, "data.mdb.copy"));
        for (unsigned i = 0; !fixture_has_file(f->state, "data.mdb.copy"); i++)
                fixture_put(f, TABLE_JOB, (struct span){(const char *)&i, sizeof(i)}, SPAN("x"));
        fixture_close(f);
        assert_false(fixture_has_file(f->state, "data.mdb.copy.part"));
}

#define CLOSED(test) cmocka_unit_test_setup_teardown(test, fixture_setup_closed, fixture_teardown)
#define OPEN(test) cmocka_unit_test_setup_teardown(test, fixture_setup, fixture_teardown)

int main(int argc, char **argv)
{
        const struct CMUnitTest tests[] = {
                OPEN(test_hits_and_misses),
                OPEN(test_value_is_given_as_it_lies),
                OPEN(test_memory_layer),
                CLOSED(test_without_memory_layer),
                CLOSED(test_switched_off),
                OPEN(test_age),
                CLOSED(test_least_recently_used_goes_first),
                OPEN(test_order_survives_reopening_and_clocks),
                CLOSED(test_too_large_for_the_quota),
                OPEN(test_many_uses_between_writes),
                OPEN(test_damaged_value_is_a_miss),
                OPEN(test_verify),
                OPEN(test_clear),
                OPEN(test_any_page_may_be_damaged),
                OPEN(test_closing_breaks_off_chores),
                OPEN(test_directory_removed_while_running),
                CLOSED(test_directory_comes_back_by_itself),
                CLOSED(test_daily_copy),
        };
        int status;

        if (fixture_is_check(argc, argv, &status))
                return status;
        return cmocka_run_group_tests(tests, NULL, NULL);
}
