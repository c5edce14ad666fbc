/* Linked with --wrap=pthread_create, so that threads can be refused. */

#include "unit.h"

#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <time.h>

#include "common/pool.h"

int __real_pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*fn)(void *),
                          void *arg);
int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*fn)(void *),
                          void *arg);

static int threads_left = -1; /* how many may still be started; negative: any number */
static int threads_started;

int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*fn)(void *),
                          void *arg)
{
        if (threads_left == 0)
                return EAGAIN;
        threads_left -= threads_left > 0;
        threads_started++;
        return __real_pthread_create(thread, attributes, fn, arg);
}

struct fixture {
        struct pool *pool;
        sem_t woken;
        pthread_t owner;
        int n_run, n_finished; /* n_run: atomic; n_finished: the owner's */
        int n_in_worker;       /* atomic */
};

static void wake(void *arg)
{
        sem_post(&((struct fixture *)arg)->woken);
}

static void run(void *arg)
{
        struct fixture *f = arg;

        __atomic_fetch_add(&f->n_run, 1, __ATOMIC_RELAXED);
        if (!pthread_equal(pthread_self(), f->owner))
                __atomic_fetch_add(&f->n_in_worker, 1, __ATOMIC_RELAXED);
}

static void finish(void *arg)
{
        struct fixture *f = arg;

        assert_true(pthread_equal(pthread_self(), f->owner));
        f->n_finished++;
}

static void fixture_init(struct fixture *f, unsigned n_threads_max)
{
        *f = (struct fixture){.owner = pthread_self()};
        threads_left = -1;
        threads_started = 0;
        sem_init(&f->woken, 0, 0);
        assert_int_equal(pool_new(n_threads_max, wake, f, &f->pool), 0);
}

static void fixture_done(struct fixture *f)
{
        f->pool = pool_free(f->pool);
        sem_destroy(&f->woken);
        threads_left = -1;
}

static void submit(struct fixture *f)
{
        struct pool_work work = {run, finish, f};

        assert_int_equal(pool_submit(f->pool, &work), 0);
}

static void drain_until(struct fixture *f, int n_finished)
{
        struct timespec deadline;

        clock_gettime(CLOCK_REALTIME, &deadline);
        deadline.tv_sec += 30;
        while (f->n_finished < n_finished) {
                assert_int_equal(sem_timedwait(&f->woken, &deadline), 0);
                pool_drain(f->pool);
        }
}

static void test_runs_in_workers_finishes_here(void **state)
{
        struct fixture f;

        (void)state;
        fixture_init(&f, 4);
        assert_int_equal(threads_started, 0); /* lazily */
        for (int i = 0; i < 1000; i++)
                submit(&f);
        drain_until(&f, 1000);
        assert_int_equal(f.n_run, 1000);
        assert_int_equal(f.n_in_worker, 1000);
        assert_in_range(threads_started, 1, 4);
        assert_int_equal(pool_n_busy(f.pool), 0);
        fixture_done(&f);
        assert_int_equal(f.n_finished, 1000);
}

static void test_falls_to_one_thread(void **state)
{
        struct fixture f;

        (void)state;
        fixture_init(&f, 4);
        threads_left = 1;
        for (int i = 0; i < 100; i++)
                submit(&f);
        drain_until(&f, 100);
        assert_int_equal(threads_started, 1);
        assert_int_equal(f.n_in_worker, 100);
        fixture_done(&f);
}

static void test_runs_inline_without_threads(void **state)
{
        struct fixture f;

        (void)state;
        fixture_init(&f, 4);
        threads_left = 0;
        submit(&f);
        assert_int_equal(f.n_run, 1);
        assert_int_equal(f.n_in_worker, 0);
        assert_int_equal(f.n_finished, 0); /* never from within pool_submit() */
        assert_int_equal(pool_n_busy(f.pool), 1);
        drain_until(&f, 1);
        threads_left = -1; /* and threads are tried again */
        submit(&f);
        drain_until(&f, 2);
        assert_int_equal(f.n_in_worker, 1);
        fixture_done(&f);
        fixture_init(&f, 0);
        submit(&f);
        drain_until(&f, 1);
        assert_int_equal(f.n_in_worker, 0);
        fixture_done(&f);
}

static void test_free_finishes_all(void **state)
{
        struct fixture f;

        (void)state;
        for (int round = 0; round < 20; round++) {
                fixture_init(&f, 3);
                for (int i = 0; i < 50; i++)
                        submit(&f);
                fixture_done(&f);
                assert_int_equal(f.n_run, 50);
                assert_int_equal(f.n_finished, 50);
        }
}

static void finish_and_submit(void *arg)
{
        struct fixture *f = arg;

        finish(arg);
        if (f->n_finished < 5) {
                struct pool_work work = {run, finish_and_submit, f};

                assert_int_equal(pool_submit(f->pool, &work), 0);
        }
}

static void test_submit_while_freeing(void **state)
{
        struct fixture f;
        struct pool_work work = {run, finish_and_submit, &f};

        (void)state;
        fixture_init(&f, 2);
        assert_int_equal(pool_submit(f.pool, &work), 0);
        pool_free(f.pool);
        f.pool = NULL;
        assert_int_equal(f.n_finished, 5);
        sem_destroy(&f.woken);
}

static void check_signals(void *arg)
{
        sigset_t blocked;

        pthread_sigmask(SIG_BLOCK, NULL, &blocked);
        if (sigismember(&blocked, SIGTERM) && sigismember(&blocked, SIGINT))
                run(arg);
}

static void test_signals_are_blocked(void **state)
{
        struct fixture f;
        struct pool_work work = {check_signals, finish, &f};
        sigset_t blocked;

        (void)state;
        fixture_init(&f, 1);
        assert_int_equal(pool_submit(f.pool, &work), 0);
        drain_until(&f, 1);
        assert_int_equal(f.n_in_worker, 1);
        pthread_sigmask(SIG_BLOCK, NULL, &blocked);
        assert_false(sigismember(&blocked, SIGTERM)); /* here they are as before */
        fixture_done(&f);
}

static void test_idle_threads_end(void **state)
{
        struct fixture f;

        (void)state;
        fixture_init(&f, 2);
        pool_test_set_idle_ms(f.pool, 1);
        for (int round = 0; round < 3; round++) {
                submit(&f);
                drain_until(&f, round + 1);
                while (pool_test_n_threads(f.pool) > 0)
                        sched_yield();
        }
        assert_int_equal(threads_started, 3); /* places of ended threads are used again */
        fixture_done(&f);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_runs_in_workers_finishes_here),
                cmocka_unit_test(test_falls_to_one_thread),
                cmocka_unit_test(test_runs_inline_without_threads),
                cmocka_unit_test(test_free_finishes_all),
                cmocka_unit_test(test_submit_while_freeing),
                cmocka_unit_test(test_signals_are_blocked),
                cmocka_unit_test(test_idle_threads_end),
        };

        return cmocka_run_group_tests_name("pool", tests, NULL, NULL);
}
