/* The store in several threads, and the writer in slow motion. */

#include "store-fixture.h"

#include <pthread.h>
#include <semaphore.h>

#include "daemon/store/env.h"
#include "daemon/store/writer.h"

/* A writer whose first batch waits until it is let go, so that what comes after forms one group. */
struct slow {
        struct fixture *f;
        struct env env;
        struct completions *done;
        struct writer *writer;
        sem_t is_held, may_go;
        unsigned n_done;
        int results[9];
        unsigned order[9];
};

static int hold(void *arg, MDB_txn *txn, const struct op *op)
{
        struct slow *s = arg;

        (void)txn;
        (void)op;
        assert_int_equal(sem_post(&s->is_held), 0);
        assert_int_equal(sem_wait(&s->may_go), 0);
        return 0;
}

struct numbered {
        struct slow *slow;
        unsigned i;
};

static void on_numbered(void *arg, int r)
{
        struct numbered *n = arg;

        n->slow->order[n->slow->n_done++] = n->i;
        n->slow->results[n->i] = r;
}

static void submit(struct numbered *n, enum op_kind kind, size_t n_bytes, struct store_tie *tie)
{
        _cleanup_free_ char *noise = fixture_noise(n_bytes, n->i);
        struct store_batch *b;

        assert_int_equal(store_batch_new(STORE_STATE, &b), 0);
        assert_int_equal(batch_add(b, kind, TABLE_JOB,
                                   (struct span){(const char *)&n->i, sizeof(n->i)}, SPAN(""),
                                   (struct span){noise, n_bytes}),
                         0);
        b->on_done = on_numbered;
        b->arg = n;
        if (tie)
                store_batch_tie(b, tie);
        writer_submit(n->slow->writer, b);
}

/* Batch 3 does not fit: 4 is tied to it, and so is what comes in a later group; 6 is tied to 2,
 * which fits. */
static void test_one_bad_batch_takes_only_its_ties_down(void **state)
{
        struct fixture *f = *state;
        struct slow s = {.f = f};
        struct writer_hooks hooks = {.apply = hold, .arg = &s};
        struct store_tie *bad, *good, *ties[9];
        static const int expected[9] = {0, 0, 0, -ENOSPC, -ECANCELED, -ENOSPC, 0, 0, -ECANCELED};
        struct numbered n[9];
        struct writer_counts counts;

        assert_int_equal(sem_init(&s.is_held, 0, 0), 0);
        assert_int_equal(sem_init(&s.may_go, 0, 0), 0);
        assert_int_equal(env_init(&s.env, STORE_STATE, f->state, 1u << 20), 0); /* a map of 1 MiB */
        assert_int_equal(env_lock(&s.env), 0);
        assert_int_equal(env_open(&s.env), 0);
        assert_int_equal(completions_new(f->loop, &s.done), 0);
        assert_int_equal(writer_new(&s.env, s.done, &hooks, 1, &s.writer), 0);
        assert_int_equal(store_tie_new(&bad), 0);
        assert_int_equal(store_tie_new(&good), 0);
        memcpy(ties, (struct store_tie *[9]){NULL, NULL, good, bad, bad, NULL, good, NULL, bad},
               sizeof(ties));
        for (unsigned i = 0; i < 9; i++)
                n[i] = (struct numbered){&s, i};
        submit(&n[0], OP_CACHE_PUT, 1, NULL);
        assert_int_equal(sem_wait(&s.is_held), 0);
        for (unsigned i = 1; i < 8; i++)
                submit(&n[i], OP_PUT, i == 3 || i == 5 ? 1500000 : 100, ties[i]);
        assert_int_equal(writer_n_pending(s.writer), 8);
        assert_int_equal(sem_post(&s.may_go), 0);
        fixture_await(f, &s.n_done, 8);
        submit(&n[8], OP_PUT, 100, ties[8]);
        bad = store_tie_unref(bad);
        good = store_tie_unref(good);
        fixture_await(f, &s.n_done, 9);
        for (unsigned i = 0; i < 9; i++) {
                assert_int_equal(s.order[i], i);
                assert_int_equal(s.results[i], expected[i]);
        }
        writer_get_counts(s.writer, &counts);
        assert_int_equal(counts.n_batches, 9);
        assert_int_equal(counts.n_commits, 1 + 4);
        assert_int_equal(counts.n_failed, 1 + 3 + 1); /* the group, three of it, and the last */
        s.writer = writer_free(s.writer);
        s.done = completions_free(s.done);
        env_close(&s.env, true);
        env_done(&s.env);
        fixture_open(f);
        for (unsigned i = 1; i < 9; i++) {
                _cleanup_buf_ struct buf b = {0};

                assert_int_equal(store_get(f->store, TABLE_JOB,
                                           (struct span){(const char *)&i, sizeof(i)}, &b),
                                 expected[i] < 0 ? CONDITION_ABSENT : 0);
        }
        (void)sem_destroy(&s.is_held);
        (void)sem_destroy(&s.may_go);
}

/* Threads that read and write the same keys while the loop trims, clears and verifies. */
#define THREADS 4
#define KEYS 64
#define TURNS 1500

struct racer {
        struct fixture *f;
        pthread_barrier_t *start; /* all have looked once before anything is cleared */
        pthread_t thread;
        unsigned seed, n_hits, n_stored;
};

/* What is cached under a key is one byte, repeated; which, changes. */
static int check_value(struct span value, void *arg)
{
        struct racer *r = arg;

        for (size_t i = 1; i < value.n; i++)
                if (value.at[i] != value.at[0])
                        abort();
        r->n_hits++;
        return 0;
}

static void race_cache(struct racer *r, unsigned x)
{
        enum cache_kind k = x % 2 ? CACHE_RESULT : CACHE_RAW;
        struct hash h = fixture_hash(x / 2 % KEYS);
        size_t n = 1000 + x / 2 % KEYS * 100;
        char *bytes;

        if (x % 7 != 0) {
                if (cache_get_with(r->f->store, k, &h, check_value, r) < 0)
                        abort();
                return;
        }
        bytes = malloc(n);
        if (!bytes)
                abort();
        memset(bytes, (int)(x % 251), n);
        cache_put(r->f->store, k, &h, (struct span){bytes, n});
        free(bytes);
}

static int count(struct span key, struct span value, void *arg)
{
        (void)key;
        (void)value;
        ++*(unsigned *)arg;
        return 0;
}

static void *race(void *arg)
{
        struct racer *r = arg;
        unsigned x = r->seed * 7919 + 1;
        struct hash first = fixture_hash(0);

        if (cache_get_with(r->f->store, CACHE_RESULT, &first, check_value, r) < 0)
                abort();
        (void)pthread_barrier_wait(r->start);
        for (unsigned i = 0; i < TURNS; i++) {
                x = x * 1103515245 + 12345;
                race_cache(r, x >> 8);
                if (i % 50 == 0)
                        r->n_stored = 0;
                if (i % 50 == 0 && store_scan(r->f->store, TABLE_EVENT, SPAN(""), SPAN(""), count,
                                              &r->n_stored) != 0)
                        abort();
        }
        return NULL;
}

static void test_races(void **state)
{
        struct fixture *f = *state;
        struct racer racers[THREADS];
        pthread_barrier_t start;
        struct outcome o = {0}, state_done = {0};
        unsigned n_asked = 0, n_hits = 0, i = 0;

        /* Something to find from the first look on, however the threads are scheduled. */
        for (unsigned k = 0; k < KEYS; k++) {
                struct hash h = fixture_hash(k);

                cache_put(f->store, CACHE_RESULT, &h, SPAN("aaaaaaaa"));
                cache_put(f->store, CACHE_RAW, &h, SPAN("aaaaaaaa"));
        }
        fixture_settle(f);
        assert_int_equal(pthread_barrier_init(&start, NULL, THREADS + 1), 0);
        for (unsigned t = 0; t < THREADS; t++) {
                racers[t] = (struct racer){.f = f, .start = &start, .seed = t};
                assert_int_equal(pthread_create(&racers[t].thread, NULL, race, &racers[t]), 0);
        }
        (void)pthread_barrier_wait(&start);
        for (; i < 60; i++) {
                struct store_batch *b;
                struct cache_stats stats[N_CACHE_STATS];

                assert_int_equal(store_batch_new(STORE_STATE, &b), 0);
                assert_int_equal(store_batch_put(b, TABLE_EVENT,
                                                 (struct span){(const char *)&i, sizeof(i)},
                                                 SPAN("event")),
                                 0);
                assert_int_equal(store_commit(f->store, b, fixture_on_done, &state_done), 0);
                cache_get_stats(f->store, stats);
                if (i % 20 == 5)
                        assert_int_equal(cache_clear(f->store, fixture_on_counts, &o), 0),
                                n_asked++;
                if (i % 20 == 10)
                        assert_int_equal(cache_verify(f->store, fixture_on_counts, &o), 0),
                                n_asked++;
                if (i % 20 == 15)
                        assert_int_equal(cache_trim(f->store, 200000, fixture_on_counts, &o), 0),
                                n_asked++;
                fixture_await(f, &state_done.n_done, i + 1);
                assert_int_equal(state_done.result, 0);
        }
        fixture_await(f, &o.n_done, n_asked);
        assert_int_equal(o.result, 0);
        for (unsigned t = 0; t < THREADS; t++) {
                assert_int_equal(pthread_join(racers[t].thread, NULL), 0);
                n_hits += racers[t].n_hits;
        }
        assert_true(n_hits >= THREADS);
        (void)pthread_barrier_destroy(&start);
        fixture_fence(f, STORE_CACHE);
        assert_int_equal(cache_verify(f->store, fixture_on_counts, &o), 0);
        fixture_await(f, &o.n_done, n_asked + 1);
        assert_int_equal(o.m, 0);
        fixture_close(f);
        assert_int_equal(store_check_main(f->cache), 0);
        assert_int_equal(store_check_main(f->state), 0);
}

int main(int argc, char **argv)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(test_one_bad_batch_takes_only_its_ties_down,
                                                fixture_setup_closed, fixture_teardown),
                cmocka_unit_test_setup_teardown(test_races, fixture_setup, fixture_teardown),
        };
        int status;

        if (fixture_is_check(argc, argv, &status))
                return status;
        return cmocka_run_group_tests(tests, NULL, NULL);
}
