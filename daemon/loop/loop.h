#pragma once
/* The event loop: one thread that owns all state. A thin face over libevent so that rooms below
 * `server` need not know it.
 *
 * Turn: ready descriptors, timers, completions of workers and writers, then deferred frees, in this
 * order. Every callback runs on the loop thread. The longest turn is measured (metrics
 * loop_turn_usec_max, set by main from the getters below). */

#include "common/macros.h"
#include "common/pool.h"

struct event_base;
struct loop;
struct timer;

int loop_new(unsigned n_workers, struct loop **ret) _must_check_;
/* Waits for the pool's work and calls what was posted or deferred, while all rooms are still there.
 * No work is taken after it. loop_free() does the same for those who had nothing to wait for. */
void loop_end(struct loop *l);
/* Waits for the pool's work; what was posted or deferred is still called, with the loop as it was.
 */
struct loop *loop_free(struct loop *l);
DEFINE_CLEANUP(struct loop, loop_free);
int loop_run(struct loop *l) _must_check_; /* until loop_stop() */
void loop_stop(struct loop *l); /* from any thread, or a callback: the turn is finished first */
struct event_base *loop_base(
        struct loop *l); /* for rooms that hold libevent objects (server, provider) */
/* fn(number, arg) on the loop thread. At most 8 signals; watched until loop_free(). */
int loop_on_signal(struct loop *l, int number, void (*fn)(int number, void *arg),
                   void *arg) _must_check_;

/* For the metrics, which this room does not know: the longest turn so far without its wait (by the
 * clock), the most of the processor that one took (where both differ, others had the processor, or
 * something blocked), and how many there were. */
uint64_t loop_turn_usec_max(const struct loop *l);
uint64_t loop_turn_processor_usec_max(const struct loop *l);
uint64_t loop_n_turns(const struct loop *l);
size_t loop_n_working(const struct loop *l); /* pieces of work in the pool */

/* fn(arg) before the loop waits for events, when nothing more is deferred: for what wants to be
 * done once for many. At most 4 hooks, called until loop_free(). */
int loop_before_wait(struct loop *l, void (*fn)(void *arg), void *arg) _must_check_;
void loop_forget_before_wait(struct loop *l, void *arg);
bool loop_is_turning(
        const struct loop *l); /* called from within loop_run(), so that hooks will come */

/* Pure work in the pool; finish() on the loop. -ENOMEM; -ECANCELED in what loop_free() still calls.
 */
int loop_work(struct loop *l, const struct pool_work *work) _must_check_;
/* From any thread: fn(arg) on the loop, soon. Allocation happens in the caller; -ENOMEM. */
int loop_post(struct loop *l, void (*fn)(void *arg), void *arg) _must_check_;
/* On the loop thread: fn(arg) at the end of this turn. For frees of what may be on the stack, and
 * for calls that must not nest. */
int loop_defer(struct loop *l, void (*fn)(void *arg), void *arg) _must_check_;

/* For a queue of the owner's that other threads fill: waker_wake(), from any thread, cannot fail;
 * fn(arg) follows on the loop, once for any number of wakes before it. */
struct waker;
int waker_new(struct loop *l, void (*fn)(void *arg), void *arg, struct waker **ret) _must_check_;
struct waker *waker_free(struct waker *w);
DEFINE_CLEANUP(struct waker, waker_free);
void waker_wake(struct waker *w);

/* One-shot timers on CLOCK_MONOTONIC. The owner frees them. */
int timer_new(struct loop *l, void (*fn)(void *arg), void *arg, struct timer **ret) _must_check_;
struct timer *timer_free(struct timer *t);
DEFINE_CLEANUP(struct timer, timer_free);
int timer_start(struct timer *t, uint64_t delay_ms) _must_check_; /* restarts */
void timer_stop(struct timer *t);
bool timer_is_running(const struct timer *t);
