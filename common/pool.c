#include "common/pool.h"

#include <pthread.h>
#include <signal.h>
#include <sys/queue.h>
#include <time.h>

#define POOL_MAX_THREADS                                                         \
        64 /* more than processors help nobody here; bounds the table of threads \
            */

struct item {
        STAILQ_ENTRY(item) entry;
        struct pool_work work;
};
STAILQ_HEAD(item_list, item);

enum worker_state { WORKER_NONE, WORKER_RUNS, WORKER_ENDED };

struct worker {
        pthread_t thread;
        enum worker_state state;
        struct pool *pool; /* borrowed: joins its workers before it goes */
};

struct pool {
        pthread_mutex_t lock; /* guards all below */
        pthread_cond_t wakes;
        struct item_list queued, done; /* owned */
        size_t n_queued, n_running, n_done;
        unsigned n_threads, n_idle, n_threads_max;
        bool is_ending;
        struct worker workers[POOL_MAX_THREADS];
        unsigned idle_ms;
        void (*wake)(void *arg);
        void *arg; /* borrowed: the owner of the pool */
};

int pool_new(unsigned n_threads_max, void (*wake)(void *arg), void *arg, struct pool **ret)
{
        struct pool *p = calloc(1, sizeof(*p));
        pthread_condattr_t attributes;
        int e;

        if (!p)
                return -ENOMEM;
        p->n_threads_max = MIN2(n_threads_max, (unsigned)POOL_MAX_THREADS);
        p->idle_ms = POOL_IDLE_MS;
        p->wake = wake;
        p->arg = arg;
        STAILQ_INIT(&p->queued);
        STAILQ_INIT(&p->done);
        pthread_mutex_init(&p->lock, NULL);
        pthread_condattr_init(&attributes);
        pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
        e = pthread_cond_init(&p->wakes, &attributes);
        pthread_condattr_destroy(&attributes);
        if (e) {
                free(p);
                return -e;
        }
        *ret = p;
        return 0;
}

/* Waits for work; false when there was none for long, or never will be. */
static bool wait_for_work(struct pool *p)
{
        struct timespec until;
        int e = 0;

        clock_gettime(CLOCK_MONOTONIC, &until);
        until.tv_sec += p->idle_ms / 1000;
        until.tv_nsec += (long)(p->idle_ms % 1000) * 1000000;
        if (until.tv_nsec >= 1000000000) {
                until.tv_sec++;
                until.tv_nsec -= 1000000000;
        }
        p->n_idle++;
        while (p->n_queued == 0 && !p->is_ending && e != ETIMEDOUT)
                e = pthread_cond_timedwait(&p->wakes, &p->lock, &until);
        p->n_idle--;
        return p->n_queued > 0;
}

/* With the lock held; returns with it held. */
static void run_one(struct pool *p)
{
        struct item *i = STAILQ_FIRST(&p->queued);
        bool was_empty;

        STAILQ_REMOVE_HEAD(&p->queued, entry);
        p->n_queued--;
        p->n_running++;
        pthread_mutex_unlock(&p->lock);
        i->work.run(i->work.arg);
        pthread_mutex_lock(&p->lock);
        p->n_running--;
        was_empty = STAILQ_EMPTY(&p->done);
        STAILQ_INSERT_TAIL(&p->done, i, entry);
        p->n_done++;
        /* Under the lock, so that the owner cannot free the pool, and what wake() uses, in between.
         */
        if (was_empty && p->wake)
                p->wake(p->arg);
}

static void *worker_main(void *arg)
{
        struct worker *w = arg;
        struct pool *p = w->pool;

        pthread_mutex_lock(&p->lock);
        while (wait_for_work(p))
                run_one(p);
        p->n_threads--;
        w->state = WORKER_ENDED;
        pthread_mutex_unlock(&p->lock);
        return NULL;
}

/* With the lock held. */
static int start_worker(struct pool *p)
{
        sigset_t all, before;
        struct worker *w = p->workers;
        int e;

        while (w->state == WORKER_RUNS)
                w++;
        if (w->state == WORKER_ENDED)
                pthread_join(w->thread, NULL); /* it holds no lock any more and only returns */
        w->state = WORKER_NONE;
        w->pool = p;
        sigfillset(&all);
        pthread_sigmask(SIG_SETMASK, &all, &before);
        e = pthread_create(&w->thread, NULL, worker_main, w);
        pthread_sigmask(SIG_SETMASK, &before, NULL);
        if (e)
                return -e;
        w->state = WORKER_RUNS;
        p->n_threads++;
        return 0;
}

int pool_submit(struct pool *p, const struct pool_work *work)
{
        struct item *i = calloc(1, sizeof(*i));

        if (!i)
                return -ENOMEM;
        i->work = *work;
        pthread_mutex_lock(&p->lock);
        STAILQ_INSERT_TAIL(&p->queued, i, entry);
        p->n_queued++;
        if (p->n_idle < p->n_queued && p->n_threads < p->n_threads_max)
                (void)!start_worker(p); /* those that run will take it */
        if (p->n_threads == 0)
                run_one(p);
        pthread_cond_signal(&p->wakes);
        pthread_mutex_unlock(&p->lock);
        return 0;
}

void pool_drain(struct pool *p)
{
        struct item_list done = STAILQ_HEAD_INITIALIZER(done);
        struct item *i;

        pthread_mutex_lock(&p->lock);
        STAILQ_CONCAT(&done, &p->done);
        p->n_done = 0;
        pthread_mutex_unlock(&p->lock);
        while ((i = STAILQ_FIRST(&done))) {
                STAILQ_REMOVE_HEAD(&done, entry);
                i->work.finish(i->work.arg);
                free(i);
        }
}

size_t pool_n_busy(const struct pool *p)
{
        struct pool *q = (struct pool *)p; /* the lock is not part of what the caller sees */
        size_t n;

        pthread_mutex_lock(&q->lock);
        n = p->n_queued + p->n_running + p->n_done;
        pthread_mutex_unlock(&q->lock);
        return n;
}

static bool worker_was_started(struct pool *p, const struct worker *w)
{
        bool was_started;

        pthread_mutex_lock(&p->lock);
        was_started = w->state != WORKER_NONE;
        pthread_mutex_unlock(&p->lock);
        return was_started;
}

struct pool *pool_free(struct pool *p)
{
        if (!p)
                return NULL;
        pthread_mutex_lock(&p->lock);
        p->is_ending = true;
        pthread_cond_broadcast(&p->wakes);
        pthread_mutex_unlock(&p->lock);
        for (size_t i = 0; i < POOL_MAX_THREADS; i++)
                if (worker_was_started(p, &p->workers[i]))
                        pthread_join(p->workers[i].thread, NULL);
        /* Finishing may submit more; without threads it runs at once. */
        p->n_threads_max = 0;
        while (pool_n_busy(p) > 0)
                pool_drain(p);
        pthread_cond_destroy(&p->wakes);
        pthread_mutex_destroy(&p->lock);
        free(p);
        return NULL;
}

#if GENOPT_TESTING
void pool_test_set_idle_ms(struct pool *p, unsigned ms)
{
        pthread_mutex_lock(&p->lock);
        p->idle_ms = ms;
        pthread_mutex_unlock(&p->lock);
}

unsigned pool_test_n_threads(struct pool *p)
{
        unsigned n;

        pthread_mutex_lock(&p->lock);
        n = p->n_threads;
        pthread_mutex_unlock(&p->lock);
        return n;
}
#endif
