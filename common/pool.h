#pragma once
/* A pool of worker threads for pure work: immutable inputs in, owned outputs out.
 *
 * A job's `run` is called in a worker; `finish` is called by whoever calls pool_drain(), the loop
 * thread, after `wake` was called from the worker (an eventfd write; set by the owner). Threads
 * start lazily and end after POOL_IDLE_MS without work, so that an idle daemon has none. If no
 * thread can be started, the work runs in pool_submit() itself. Signals are blocked in workers. */

#include "common/macros.h"

#define POOL_IDLE_MS 10000

struct pool;
struct pool_work {
        void (*run)(void *arg);    /* in a worker */
        void (*finish)(void *arg); /* in the thread of pool_drain(); always called exactly once,
                                      also at pool_free() */
        void *arg;
};

int pool_new(unsigned n_threads_max, void (*wake)(void *arg), void *arg,
             struct pool **ret) _must_check_;
struct pool *pool_free(struct pool *p); /* waits for running work, finishes all */
DEFINE_CLEANUP(struct pool, pool_free);
int pool_submit(struct pool *p,
                const struct pool_work *work) _must_check_; /* -ENOMEM: nothing was queued */
void pool_drain(struct pool *p);                            /* calls finish() of what is done */
size_t pool_n_busy(const struct pool *p);

/* Test builds only: */
void pool_test_set_idle_ms(struct pool *p, unsigned ms);
unsigned pool_test_n_threads(struct pool *p);
