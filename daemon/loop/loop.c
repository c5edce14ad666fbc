#include "daemon/loop/loop.h"

#include <pthread.h>
#include <sys/eventfd.h>
#include <sys/queue.h>
#include <time.h>

#include <event2/event.h>

#include "common/clock.h"

struct call_later {
        STAILQ_ENTRY(call_later) entry;
        void (*fn)(void *arg);
        void *arg;
};
STAILQ_HEAD(call_list, call_later);

#define MAX_SIGNALS 8 /* those a daemon has a use for */

struct watched_signal {
        struct event *event; /* owned */
        int number;
        void (*fn)(int number, void *arg);
        void *arg;
};

#define MAX_HOOKS 4

struct loop {
        struct event_base *base; /* owned */
        struct pool *pool;       /* owned */
        struct {
                void (*fn)(void *arg);
                void *arg;
        } hooks[MAX_HOOKS]; /* before the loop waits */
        size_t n_hooks;
        bool is_turning;
        struct event *wake_event;  /* owned */
        int wake_fd;               /* owned: eventfd, written from any thread */
        int is_woken;              /* atomic: something was finished in the pool */
        int is_stopping;           /* atomic */
        pthread_mutex_t lock;      /* guards posted */
        struct call_list posted;   /* owned */
        struct call_list deferred; /* owned; loop thread only */
        struct watched_signal signals[MAX_SIGNALS];
        size_t n_signals;
        uint64_t turn_usec_max, turn_processor_usec_max, n_turns;
        uint64_t turn_began; /* 0: not known in this turn */
        uint64_t processor;  /* this thread's time at the end of the last turn */
};

struct timer {
        struct event *event; /* owned */
        struct loop *loop;   /* borrowed: timers go before their loop */
        void (*fn)(void *arg);
        void *arg;
};

/* A turn begins when waiting ends. libevent 2.1 tells it only from inside a callback, by the time
 * it cached then; so every function here that a callback may call notes it. A turn in which none
 * was called is measured by the processor time it took, which a wait cannot spoil but which misses
 * what blocked. */
static void note_turn(struct loop *l)
{
        struct timeval now, began;
        int64_t usec;

        if (l->turn_began || event_base_gettimeofday_cached(l->base, &began) < 0 ||
            evutil_gettimeofday(&now, NULL) < 0)
                return;
        usec = (int64_t)(now.tv_sec - began.tv_sec) * 1000000 + (now.tv_usec - began.tv_usec);
        l->turn_began = clock_monotonic_usec() - (uint64_t)MAX2(usec, 0);
}

static uint64_t processor_usec(void)
{
        struct timespec t;

        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
        return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

/* From any thread. */
static void wake(struct loop *l)
{
        uint64_t one = 1;
        ssize_t r = write(l->wake_fd, &one, sizeof(one));

        (void)r; /* EAGAIN: it is awake already */
}

static void on_pool_done(void *arg)
{
        struct loop *l = arg;

        __atomic_store_n(&l->is_woken, 1, __ATOMIC_RELEASE);
        wake(l);
}

static void on_wake(evutil_socket_t fd, _unused_ short what, void *arg)
{
        uint64_t count;
        ssize_t r = read(fd, &count, sizeof(count));

        (void)r;
        note_turn(arg);
}

int loop_new(unsigned n_workers, struct loop **ret)
{
        _cleanup_(loop_freep) struct loop *l = calloc(1, sizeof(*l));
        int r;

        if (!l)
                return -ENOMEM;
        l->wake_fd = -1;
        pthread_mutex_init(&l->lock, NULL);
        STAILQ_INIT(&l->posted);
        STAILQ_INIT(&l->deferred);
        l->base = event_base_new();
        if (!l->base)
                return -ENOMEM;
        l->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
        if (l->wake_fd < 0)
                return -errno;
        l->wake_event = event_new(l->base, l->wake_fd, EV_READ | EV_PERSIST, on_wake, l);
        if (!l->wake_event || event_add(l->wake_event, NULL) < 0)
                return -ENOMEM;
        r = pool_new(n_workers, on_pool_done, l, &l->pool);
        if (r < 0)
                return r;
        *ret = take(l);
        return 0;
}

/* Calls what is in the list now; what is added meanwhile waits for the next turn. */
static void call_all(struct call_list *list)
{
        struct call_later *c;

        while ((c = STAILQ_FIRST(list))) {
                STAILQ_REMOVE_HEAD(list, entry);
                c->fn(c->arg);
                free(c);
        }
}

static void call_posted(struct loop *l)
{
        struct call_list now = STAILQ_HEAD_INITIALIZER(now);

        pthread_mutex_lock(&l->lock);
        STAILQ_CONCAT(&now, &l->posted);
        pthread_mutex_unlock(&l->lock);
        call_all(&now);
}

static void call_deferred(struct loop *l)
{
        struct call_list now = STAILQ_HEAD_INITIALIZER(now);

        STAILQ_CONCAT(&now, &l->deferred);
        call_all(&now);
}

/* By the clock, which tells also what blocked and what others took of the processor; and by this
 * thread's own time, which tells what we did (hooks before the wait included). */
static void measure_turn(struct loop *l)
{
        uint64_t now = processor_usec(), processor = now - l->processor;
        uint64_t usec = l->turn_began ? clock_monotonic_usec() - l->turn_began : processor;

        l->processor = now;
        l->turn_usec_max = MAX2(l->turn_usec_max, usec);
        l->turn_processor_usec_max = MAX2(l->turn_processor_usec_max, processor);
        l->n_turns++;
}

int loop_before_wait(struct loop *l, void (*fn)(void *arg), void *arg)
{
        if (l->n_hooks == MAX_HOOKS)
                return -E2BIG;
        l->hooks[l->n_hooks].fn = fn;
        l->hooks[l->n_hooks++].arg = arg;
        return 0;
}

void loop_forget_before_wait(struct loop *l, void *arg)
{
        for (size_t i = 0; i < l->n_hooks; i++)
                if (l->hooks[i].arg == arg) {
                        l->hooks[i] = l->hooks[--l->n_hooks];
                        return;
                }
}

bool loop_is_turning(const struct loop *l)
{
        return l->is_turning;
}

static void call_hooks(struct loop *l)
{
        for (size_t i = 0; i < l->n_hooks; i++)
                l->hooks[i].fn(l->hooks[i].arg);
}

int loop_run(struct loop *l)
{
        l->is_turning = true;
        l->processor = processor_usec();
        while (!__atomic_load_n(&l->is_stopping, __ATOMIC_ACQUIRE)) {
                int flags =
                        STAILQ_EMPTY(&l->deferred) ? EVLOOP_ONCE : EVLOOP_ONCE | EVLOOP_NONBLOCK;

                if (STAILQ_EMPTY(&l->deferred))
                        call_hooks(l);
                l->turn_began = 0;
                if (event_base_loop(l->base, flags) < 0)
                        return -EIO;
                call_posted(l);
                if (__atomic_exchange_n(&l->is_woken, 0, __ATOMIC_ACQ_REL))
                        pool_drain(l->pool);
                call_deferred(l);
                measure_turn(l);
        }
        call_hooks(l);
        l->is_turning = false;
        __atomic_store_n(&l->is_stopping, 0, __ATOMIC_RELEASE); /* it may be run again */
        return 0;
}

void loop_stop(struct loop *l)
{
        __atomic_store_n(&l->is_stopping, 1, __ATOMIC_RELEASE);
        wake(l);
}

void loop_end(struct loop *l)
{
        l->pool = pool_free(l->pool);
        while (!STAILQ_EMPTY(&l->posted) || !STAILQ_EMPTY(&l->deferred)) {
                call_posted(l);
                call_deferred(l);
        }
}

struct loop *loop_free(struct loop *l)
{
        if (!l)
                return NULL;
        loop_end(l);
        for (size_t i = 0; i < l->n_signals; i++)
                event_free(l->signals[i].event);
        if (l->wake_event)
                event_free(l->wake_event);
        if (l->base)
                event_base_free(l->base);
        if (l->wake_fd >= 0)
                close(l->wake_fd);
        pthread_mutex_destroy(&l->lock);
        free(l);
        return NULL;
}

struct event_base *loop_base(struct loop *l)
{
        return l->base;
}

uint64_t loop_turn_usec_max(const struct loop *l)
{
        return l->turn_usec_max;
}

uint64_t loop_turn_processor_usec_max(const struct loop *l)
{
        return l->turn_processor_usec_max;
}

uint64_t loop_n_turns(const struct loop *l)
{
        return l->n_turns;
}

size_t loop_n_working(const struct loop *l)
{
        return pool_n_busy(l->pool);
}

int loop_work(struct loop *l, const struct pool_work *work)
{
        if (!l->pool)
                return -ECANCELED;
        note_turn(l);
        return pool_submit(l->pool, work);
}

static struct call_later *call_new(void (*fn)(void *arg), void *arg)
{
        struct call_later *c = calloc(1, sizeof(*c));

        if (c) {
                c->fn = fn;
                c->arg = arg;
        }
        return c;
}

int loop_post(struct loop *l, void (*fn)(void *arg), void *arg)
{
        struct call_later *c = call_new(fn, arg);
        bool was_empty;

        if (!c)
                return -ENOMEM;
        pthread_mutex_lock(&l->lock);
        was_empty = STAILQ_EMPTY(&l->posted);
        STAILQ_INSERT_TAIL(&l->posted, c, entry);
        /* Under the lock: the owner may free the loop as soon as the call is seen. */
        if (was_empty)
                wake(l);
        pthread_mutex_unlock(&l->lock);
        return 0;
}

int loop_defer(struct loop *l, void (*fn)(void *arg), void *arg)
{
        struct call_later *c = call_new(fn, arg);

        if (!c)
                return -ENOMEM;
        note_turn(l);
        STAILQ_INSERT_TAIL(&l->deferred, c, entry);
        return 0;
}

static void on_signal(evutil_socket_t signal_number, _unused_ short what, void *arg)
{
        struct loop *l = arg;

        note_turn(l);
        for (size_t i = 0; i < l->n_signals; i++)
                if (l->signals[i].number == signal_number)
                        l->signals[i].fn((int)signal_number, l->signals[i].arg);
}

int loop_on_signal(struct loop *l, int number, void (*fn)(int number, void *arg), void *arg)
{
        struct watched_signal *s = &l->signals[l->n_signals];

        if (l->n_signals == MAX_SIGNALS)
                return -E2BIG;
        s->event = evsignal_new(l->base, number, on_signal, l);
        if (!s->event)
                return -ENOMEM;
        if (event_add(s->event, NULL) < 0) {
                event_free(s->event);
                return -ENOMEM;
        }
        s->number = number;
        s->fn = fn;
        s->arg = arg;
        l->n_signals++;
        return 0;
}

static void on_timer(_unused_ evutil_socket_t fd, _unused_ short what, void *arg)
{
        struct timer *t = arg;

        note_turn(t->loop);
        t->fn(t->arg);
}

int timer_new(struct loop *l, void (*fn)(void *arg), void *arg, struct timer **ret)
{
        _cleanup_(timer_freep) struct timer *t = calloc(1, sizeof(*t));

        if (!t)
                return -ENOMEM;
        t->loop = l;
        t->fn = fn;
        t->arg = arg;
        t->event = evtimer_new(l->base, on_timer, t);
        if (!t->event)
                return -ENOMEM;
        *ret = take(t);
        return 0;
}

struct timer *timer_free(struct timer *t)
{
        if (!t)
                return NULL;
        if (t->event)
                event_free(t->event);
        free(t);
        return NULL;
}

int timer_start(struct timer *t, uint64_t delay_ms)
{
        struct timeval delay = {
                .tv_sec = (time_t)(delay_ms / 1000),
                .tv_usec = (suseconds_t)(delay_ms % 1000 * 1000),
        };

        note_turn(t->loop);
        return event_add(t->event, &delay) < 0 ? -ENOMEM : 0;
}

void timer_stop(struct timer *t)
{
        event_del(t->event);
}

bool timer_is_running(const struct timer *t)
{
        return evtimer_pending(t->event, NULL);
}

struct waker {
        struct loop *loop;   /* borrowed: wakers go before their loop */
        struct event *event; /* owned */
        int fd;              /* owned: eventfd */
        void (*fn)(void *arg);
        void *arg;
};

static void on_waker(evutil_socket_t fd, short what, void *arg)
{
        struct waker *w = arg;

        on_wake(fd, what, w->loop);
        w->fn(w->arg);
}

int waker_new(struct loop *l, void (*fn)(void *arg), void *arg, struct waker **ret)
{
        _cleanup_(waker_freep) struct waker *w = calloc(1, sizeof(*w));

        if (!w)
                return -ENOMEM;
        w->loop = l;
        w->fn = fn;
        w->arg = arg;
        w->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
        if (w->fd < 0)
                return -errno;
        w->event = event_new(l->base, w->fd, EV_READ | EV_PERSIST, on_waker, w);
        if (!w->event || event_add(w->event, NULL) < 0)
                return -ENOMEM;
        *ret = take(w);
        return 0;
}

struct waker *waker_free(struct waker *w)
{
        if (!w)
                return NULL;
        if (w->event)
                event_free(w->event);
        if (w->fd >= 0)
                close(w->fd);
        free(w);
        return NULL;
}

void waker_wake(struct waker *w)
{
        uint64_t one = 1;
        ssize_t r = write(w->fd, &one, sizeof(one));

        (void)r; /* EAGAIN: it is awake already */
}
