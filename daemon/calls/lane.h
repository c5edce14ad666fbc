#pragma once
/* What leads to one provider: its gate, its buckets, and the queue before it (queue.c). Inside of
 * the calls room.
 *
 * A lane has two classes, interactive before ordinary; in a class the jobs take turns; in a job the
 * order of asking holds, except that what must try again goes first. What does not fit a budget is
 * passed over, not waited for; who waits for a bucket of a model is not overtaken there. */

#include <sys/queue.h>

#define HASH_NONFATAL_OOM 1 /* then hh.tbl of what was to be added is NULL */
#include <uthash.h>

#include "common/macros.h"
#include "common/ulid.h"
#include "daemon/calls/limiter.h"

struct calls;
struct flight;

TAILQ_HEAD(flight_list, flight);
TAILQ_HEAD(turn_list, turn);

enum call_class { CLASS_NOW, CLASS_ORDINARY, N_CALL_CLASSES };

struct turn {
        UT_hash_handle hh; /* of the lane's class, by job */
        TAILQ_ENTRY(turn) entry;
        struct ulid job;
        enum call_class class;
        struct flight_list flights;
};

struct model_limits {
        UT_hash_handle hh;
        char *model; /* owned */
        struct buckets buckets;
        bool is_held; /* in this walk through the queue somebody waits for a bucket */
        /* The one whose answer tells how this model wants to be asked, since when; NULL: none.
         * Others wait for that, a little. */
        const struct flight *scout; /* borrowed: leaves this place before it goes */
        uint64_t scout_usec;
};

struct lane {
        UT_hash_handle hh;
        char *provider; /* owned */
        struct gate gate;
        struct model_limits *models; /* owned */
        struct {
                struct turn *by_job; /* owned */
                struct turn_list order;
        } classes[N_CALL_CLASSES];
};

void lane_configure(struct calls *c, struct lane *l);
int lane_get(struct calls *c, const char *provider, struct lane **ret) _must_check_;
struct lane *lane_free(struct lane *l);
int lane_limits(struct calls *c, struct lane *l, const char *model,
                struct model_limits **ret) _must_check_;
int queue_add(struct flight *f,
              bool is_first) _must_check_; /* is_first: has waited its turn before */
void queue_remove(struct flight *f);
void queue_review(
        struct flight *f); /* its owners are others now: it may belong into another turn */
/* Sends what may leave. Returns when to come again, in usec from now; UINT64_MAX: when something
 * ends. */
uint64_t queue_run(struct calls *c);
