#include "unit.h"

#include <pthread.h>
#include <signal.h>

#include "common/buf.h"
#include "common/clock.h"
#include "daemon/loop/loop.h"

struct fixture {
        struct loop *loop;
        struct buf trace;
        struct timer *timer;
        int n;
        pthread_t owner;
};

static int enter(void **state)
{
        struct fixture *f = calloc(1, sizeof(*f));

        f->owner = pthread_self();
        buf_init(&f->trace, 0);
        assert_int_equal(loop_new(2, &f->loop), 0);
        *state = f;
        return 0;
}

static int leave(void **state)
{
        struct fixture *f = *state;

        timer_free(f->timer);
        loop_free(f->loop);
        buf_done(&f->trace);
        free(f);
        return 0;
}

static void add_d(void *arg)
{
        buf_add_char(&((struct fixture *)arg)->trace, 'd');
}

static void stop(void *arg)
{
        loop_stop(((struct fixture *)arg)->loop);
}

static void defer_again(void *arg)
{
        struct fixture *f = arg;

        buf_add_char(&f->trace, 'a');
        if (++f->n < 3)
                assert_int_equal(loop_defer(f->loop, defer_again, f), 0);
        else
                loop_stop(f->loop);
}

static void post_p(void *arg)
{
        struct fixture *f = arg;

        buf_add_char(&f->trace, 'p');
        assert_int_equal(loop_defer(f->loop, add_d, f), 0);
        buf_add_char(&f->trace, 'q');
}

static void test_deferred_calls_end_the_turn(void **state)
{
        struct fixture *f = *state;

        assert_int_equal(loop_post(f->loop, post_p, f), 0);
        assert_int_equal(loop_post(f->loop, post_p, f), 0);
        assert_int_equal(loop_post(f->loop, stop, f), 0);
        assert_int_equal(loop_run(f->loop), 0);
        /* Not nested in what deferred them, in order, and before the loop ends. */
        assert_string_equal(f->trace.at, "pqpqdd");
}

static void test_deferring_does_not_wait_for_events(void **state)
{
        struct fixture *f = *state;

        assert_int_equal(loop_defer(f->loop, defer_again, f), 0);
        assert_int_equal(loop_run(f->loop), 0);
        assert_string_equal(f->trace.at, "aaa");
        assert_true(loop_n_turns(f->loop) >= 3);
}

static void count_here(void *arg)
{
        struct fixture *f = arg;

        assert_true(pthread_equal(pthread_self(), f->owner));
        if (++f->n == 4000)
                loop_stop(f->loop);
}

static void *post_many(void *arg)
{
        struct fixture *f = arg;

        for (int i = 0; i < 1000; i++)
                if (loop_post(f->loop, count_here, f) < 0)
                        return NULL;
        return f;
}

static void test_posts_of_threads(void **state)
{
        struct fixture *f = *state;
        pthread_t threads[4];

        for (size_t i = 0; i < N_ELEMENTS(threads); i++)
                assert_int_equal(pthread_create(&threads[i], NULL, post_many, f), 0);
        assert_int_equal(loop_run(f->loop), 0);
        for (size_t i = 0; i < N_ELEMENTS(threads); i++) {
                void *got;

                pthread_join(threads[i], &got);
                assert_ptr_equal(got, f);
        }
        assert_int_equal(f->n, 4000);
}

static void *stop_from_thread(void *arg)
{
        stop(arg);
        return NULL;
}

static void test_stop_of_a_thread(void **state)
{
        struct fixture *f = *state;
        pthread_t thread;

        assert_int_equal(pthread_create(&thread, NULL, stop_from_thread, f), 0);
        assert_int_equal(loop_run(f->loop), 0);
        pthread_join(thread, NULL);
}

struct job {
        struct fixture *f;
        int input, output;
};

static void work_run(void *arg)
{
        struct job *j = arg;

        j->output = j->input * j->input;
}

static void work_finish(void *arg)
{
        struct job *j = arg;

        assert_true(pthread_equal(pthread_self(), j->f->owner));
        assert_int_equal(j->output, j->input * j->input);
        if (++j->f->n == 100)
                loop_stop(j->f->loop);
}

static void test_work(void **state)
{
        struct fixture *f = *state;
        struct job jobs[100];

        for (int i = 0; i < 100; i++) {
                struct pool_work work = {work_run, work_finish, &jobs[i]};

                jobs[i] = (struct job){.f = f, .input = i};
                assert_int_equal(loop_work(f->loop, &work), 0);
        }
        assert_int_equal(loop_run(f->loop), 0);
        assert_int_equal(f->n, 100);
        assert_int_equal(loop_n_working(f->loop), 0);
}

static void on_timer(void *arg)
{
        struct fixture *f = arg;

        assert_false(timer_is_running(f->timer));
        if (++f->n == 3)
                loop_stop(f->loop);
        else
                assert_int_equal(timer_start(f->timer, 1), 0);
}

static void test_timer(void **state)
{
        struct fixture *f = *state;
        uint64_t began = clock_monotonic_usec();

        assert_int_equal(timer_new(f->loop, on_timer, f, &f->timer), 0);
        assert_false(timer_is_running(f->timer));
        timer_stop(f->timer); /* harmless */
        assert_int_equal(timer_start(f->timer, 3600000), 0);
        assert_true(timer_is_running(f->timer));
        assert_int_equal(timer_start(f->timer, 20), 0); /* restarts */
        assert_int_equal(loop_run(f->loop), 0);
        assert_int_equal(f->n, 3);
        /* Coarse clock: a tick of 4 ms early at most. */
        assert_true(clock_monotonic_usec() - began >= 12000);
}

static void never(void *arg)
{
        (void)arg;
        fail();
}

static void test_stopped_timer(void **state)
{
        struct fixture *f = *state;
        struct timer *other;

        assert_int_equal(timer_new(f->loop, never, f, &other), 0);
        assert_int_equal(timer_start(other, 1), 0);
        timer_stop(other);
        assert_false(timer_is_running(other));
        assert_int_equal(timer_new(f->loop, stop, f, &f->timer), 0);
        assert_int_equal(timer_start(f->timer, 15), 0);
        assert_int_equal(loop_run(f->loop), 0);
        timer_free(other);
}

static uint64_t processor_usec(void)
{
        struct timespec t;

        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
        return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

#define SPIN_USEC UINT64_C(30000)
#define WAIT_MS UINT64_C(150)
#define COARSE_USEC UINT64_C(10000) /* of the clock that libevent reads */

static void spin(void *arg)
{
        uint64_t until = processor_usec() + SPIN_USEC;

        while (processor_usec() < until)
                ;
        stop(arg);
}

/* The wait before a turn is no part of it. On a crowded machine a turn may take any time, so only
 * what must be left over for the wait is known. */
static void test_longest_turn(void **state)
{
        struct fixture *f = *state;
        uint64_t begin = clock_monotonic_usec(), turn, processor;

        assert_int_equal(timer_new(f->loop, spin, f, &f->timer), 0);
        assert_int_equal(timer_start(f->timer, WAIT_MS), 0);
        assert_int_equal(loop_run(f->loop), 0);
        turn = loop_turn_usec_max(f->loop);
        processor = loop_turn_processor_usec_max(f->loop);
        assert_true(turn >= SPIN_USEC - COARSE_USEC);
        assert_true(turn + WAIT_MS * 1000 - COARSE_USEC <= clock_monotonic_usec() - begin);
        assert_true(processor >= SPIN_USEC);
        assert_true(processor <= turn + COARSE_USEC);
}

static void on_signal(int number, void *arg)
{
        struct fixture *f = arg;

        assert_int_equal(number, SIGUSR1);
        f->n++;
        loop_stop(f->loop);
}

static void raise_signal(_unused_ void *arg)
{
        raise(SIGUSR1);
}

static void test_signal(void **state)
{
        struct fixture *f = *state;

        assert_int_equal(loop_on_signal(f->loop, SIGUSR1, on_signal, f), 0);
        assert_int_equal(loop_post(f->loop, raise_signal, f), 0);
        assert_int_equal(loop_run(f->loop), 0);
        assert_int_equal(f->n, 1);
}

struct woken {
        struct fixture *f;
        struct waker *waker;
        int n_rings; /* atomic */
};

static void on_woken(void *arg)
{
        struct woken *w = arg;

        assert_true(pthread_equal(pthread_self(), w->f->owner));
        w->f->n++;
        if (__atomic_load_n(&w->n_rings, __ATOMIC_ACQUIRE) == 1000)
                loop_stop(w->f->loop);
}

static void wake_self(void *arg)
{
        struct woken *w = arg;

        __atomic_add_fetch(&w->n_rings, 1, __ATOMIC_RELEASE);
        waker_wake(w->waker);
}

static void *wake_many(void *arg)
{
        for (int i = 0; i < 1000; i++)
                wake_self(arg);
        return NULL;
}

static void test_waker(void **state)
{
        struct fixture *f = *state;
        struct woken w = {.f = f};
        pthread_t thread;

        assert_int_equal(waker_new(f->loop, on_woken, &w, &w.waker), 0);
        assert_int_equal(pthread_create(&thread, NULL, wake_many, &w), 0);
        assert_int_equal(loop_run(f->loop), 0);
        pthread_join(thread, NULL);
        assert_in_range(f->n, 1, 1000); /* many wakes may be one call, but the last is seen */
        waker_free(w.waker);
}

static void count(void *arg)
{
        ++*(int *)arg;
}

static void test_free_calls_what_is_left(void **state)
{
        struct fixture *f = *state;
        int n = 0;
        struct pool_work work = {count, count, &n};

        assert_int_equal(loop_post(f->loop, count, &n), 0);
        assert_int_equal(loop_defer(f->loop, count, &n), 0);
        assert_int_equal(loop_work(f->loop, &work), 0);
        f->loop = loop_free(f->loop);
        assert_int_equal(n, 4);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(test_deferred_calls_end_the_turn, enter, leave),
                cmocka_unit_test_setup_teardown(test_deferring_does_not_wait_for_events, enter,
                                                leave),
                cmocka_unit_test_setup_teardown(test_posts_of_threads, enter, leave),
                cmocka_unit_test_setup_teardown(test_stop_of_a_thread, enter, leave),
                cmocka_unit_test_setup_teardown(test_work, enter, leave),
                cmocka_unit_test_setup_teardown(test_timer, enter, leave),
                cmocka_unit_test_setup_teardown(test_stopped_timer, enter, leave),
                cmocka_unit_test_setup_teardown(test_longest_turn, enter, leave),
                cmocka_unit_test_setup_teardown(test_signal, enter, leave),
                cmocka_unit_test_setup_teardown(test_waker, enter, leave),
                cmocka_unit_test_setup_teardown(test_free_calls_what_is_left, enter, leave),
        };

        return cmocka_run_group_tests_name("loop", tests, NULL, NULL);
}
