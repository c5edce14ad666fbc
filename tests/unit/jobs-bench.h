#pragma once
/* The jobs room by itself: the real store on tmpfs, the real loop, a calls room that the bench
 * answers for, and commits that fail when the test says so. */

#include "store-fixture.h"

#include "common/clock.h"
#include "common/json.h"
#include "daemon/blueprint/blueprint.h"
#include "daemon/calls/calls.h"
#include "daemon/calls/underway.h"
#include "daemon/jobs/internal.h"
#include "daemon/plan/prices.h"
#include "daemon/provider/provider.h"

#define ANSWER "Because it is warm."
#define MAX_TURNS                                                                               \
        60000 /* of a millisecond or more: whoever needs so many spins or hangs, also on a busy \
                 machine */

struct call {
        struct call_events events;
        void *arg;
        bool is_ended;
};

enum fault { FAULT_NONE, FAULT_AT_ONCE, FAULT_LATER };

struct jobs_bench {
        struct fixture f;
        struct config *config;
        struct price_book *prices;
        struct blueprint_shelf *shelf;
        struct jobs *jobs;
        struct underway *underway;
        struct call calls[16];
        size_t n_calls;
        struct calls_sum earlier;
        bool is_key_missing;
        enum fault fault;
        size_t n_commits, fault_at, n_faults; /* the commits fault_at.. fault_at + n_faults fail */
        /* the last reply */
        char *reply; /* owned */
        enum failure_id refusal;
        unsigned n_replies;
        json_t *events;
};

extern struct jobs_bench t;
extern const struct peer me;
extern const struct hash raw_key;

typedef void method(struct jobs *j, const struct peer *p, const json_t *params,
                    jobs_reply_fn *on_reply, void *arg);

void open_jobs(void);
void close_jobs(void); /* as if the daemon ended: nothing more is written */
void turn(void);
int set_up(void **state);
int tear_down(void **state);
json_t *parse(const char *text);
void call(method *m, const char *params);
void submit_now(const char *params);
bool submit(const char *params, char ret_job[ULID_TEXT_BYTES]); /* false: answered, or refused */
struct job_cursor *attach(const char *job);
bool drain(struct job_cursor *c, const char *type);
void await_event(struct job_cursor *c, const char *type);
size_t n_events(const char *type);
void check_seqs_grow(void);
void check_nothing_on_disk(void);
void check_on_disk(const char *job, const char *state, bool is_queued);
