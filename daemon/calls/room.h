#pragma once
/* The inside of the calls room, shared by its files and by nobody else.
 *
 *     call    an owner's handle: what one task of one job asked for
 *     flight  one request to a provider, with one or more calls that want it (the first of them
 *             pays)
 *     lane    what leads to one provider: gate, buckets, and the queue of flights
 *     turn    the flights of one job that wait in one class of a lane; turns go round
 *     account what the running calls of one job have reserved
 *
 * A flight moves QUEUED → INTENT (its slot is taken, its intent on the way to disk) → SENT → DELAY
 * (waits to try again) → QUEUED …, and from any of them to its end (flight_end, ENDING), where
 * every call gets its outcome; a call then waits for its settlement alone. LANDED: equal calls
 * still get the answer, see landing.c. */

#include "common/buf.h"
#include "daemon/calls/calls.h"
#include "daemon/calls/lane.h"
#include "daemon/calls/ledger.h"
#include "daemon/calls/record.h"
#include "daemon/calls/unsent.h"
#include "daemon/loop/loop.h"
#include "daemon/store/store.h"

#define REQUEST_ID_BYTES 128
#define BYTES_PER_TOKEN \
        3 /* of an answer that was cut off: a low guess, so that the booking is rather too high */

TAILQ_HEAD(call_list, call);

struct account {
        UT_hash_handle hh;
        struct ulid job;
        unsigned n_calls;   /* that hold on to it */
        uint64_t left;      /* of the job's budget, as last told, less what was settled since;
                               UINT64_MAX: none */
        uint64_t reserved;  /* worst cases of what may be spending now */
        uint64_t unsettled; /* spent by calls that ended and are not settled */
        uint64_t held_usec; /* when it was last told of a wait; 0: never */
};

enum flight_state {
        FLIGHT_QUEUED,
        FLIGHT_INTENT,
        FLIGHT_SENT,
        FLIGHT_DELAY,
        FLIGHT_ENDING,
        FLIGHT_LANDED,
        N_FLIGHT_STATES
};

/* A commit under way. Outlives room and flight when those go first. */
struct pending {
        LIST_ENTRY(pending) entry;
        struct calls *room;    /* borrowed; NULL: gone */
        struct flight *flight; /* borrowed; whose intent or fence it is; NULL: gone, or neither */
};

struct flight {
        UT_hash_handle hh;         /* of the room, by key */
        TAILQ_ENTRY(flight) entry; /* of its turn, or of the room's kept ones */
        LIST_ENTRY(flight) in_room;
        struct hash key;
        struct calls *room;          /* borrowed: frees its flights */
        struct lane *lane;           /* borrowed: lives as long as the room */
        struct model_limits *limits; /* borrowed: likewise */
        struct turn *turn;           /* borrowed: while queued */
        enum flight_state state;
        struct call_list owners;     /* the first one pays */
        char *model;                 /* owned */
        char *prompt;                /* owned: text of all blocks */
        struct prompt_block *blocks; /* owned; text borrowed from prompt */
        size_t n_blocks;
        uint64_t max_tokens;
        bool is_cache_explicit;
        uint64_t cache_lifetime_ms;
        bool is_whole_charged;      /* its provider counts what is read from its cache as well */
        struct charge charge;       /* of the attempt under way */
        struct usage attempt_usage; /* of the attempt that just ended */
        struct attempt *attempt;    /* owned by the provider room; set in SENT */
        struct pending *intent;     /* borrowed; set in INTENT, and in LANDED for its fence */
        struct timer *timer;        /* owned: of DELAY */
        struct buf text;
        uint64_t reserved;      /* as added to the payer's account and to the room */
        uint64_t lost_nanousd;  /* of attempts that failed after they had perhaps been paid; */
        uint64_t noted_nanousd; /* so much of it stands in the intent */
        uint64_t created_usec, sent_usec, first_token_ms, started_ms;
        uint64_t left_usec; /* when the first attempt left; 0: none did */
        unsigned n_attempts, n_refusals;
        unsigned n_retries;        /* announced */
        struct failure *retry_why; /* owned */
        uint64_t retry_delay_ms;
        char request_id[REQUEST_ID_BYTES];
        bool is_started; /* this attempt */
        bool is_broken;  /* it ends with what came before the stream broke off */
        int unsent;      /* its payer's slot of that file; UNSENT_NONE: it is not named there */
        int leave_error; /* of the attempt under way: why it could not leave; 0: it could */
        bool has_left;   /* this attempt, or it is not known that it has not */
        bool has_slot, has_intent; /* intent: its record is on disk or on the way there */
        unsigned n_busy;           /* callbacks of owners on the stack */
        bool is_gone;              /* freed when they return */
        /* Since it came to its end: landing.c. */
        struct call_outcome outcome; /* texts borrowed from this struct */
        struct call_list held;       /* calls that had it and are not settled */
        struct ulid *had;            /* owned: the jobs of all calls that had it */
        size_t n_had;
        bool is_kept, is_in_kept; /* kept: one of them is settled */
};

struct call {
        TAILQ_ENTRY(call) entry; /* of the flight's owners, or of those that hold its answer */
        TAILQ_ENTRY(call) in_room;
        TAILQ_ENTRY(call) catching; /* of the room: joined, and something came before */
        bool is_catching;
        struct calls *room;      /* borrowed: frees its calls */
        struct flight *flight;   /* borrowed; NULL once it ended */
        struct flight *landed;   /* borrowed; whose answer it holds, while others can have it */
        struct account *account; /* borrowed: counts its calls */
        struct call_events events;
        void *arg;
        struct ulid job;
        uint64_t n;
        uint32_t uid;
        enum call_class class;
        struct price price;
        uint64_t estimate_nanousd, worst_nanousd, input_tokens, cache_read_tokens, output_tokens;
        char *tasks;            /* owned */
        char *provider, *model; /* owned */
        unsigned n_told_retries;
        size_t n_told_text;
        bool is_told_started;
        uint64_t held_ms;      /* how long it is to wait, to be told; 0: nothing */
        bool is_busy, is_gone; /* freed when its callback returns */
        struct record record;  /* once it ended: what is settled; texts borrowed from this struct */
        char request_id[REQUEST_ID_BYTES];
        bool has_intent; /* once it ended: there is a mark to remove */
        bool is_lost;    /* once it ended: nothing but an estimate is known of a part */
};

/* Of today, or of this month. */
struct warned {
        uint32_t period;
        bool is_known, has_passed;
};

struct calls {
        struct loop *loop;               /* borrowed: outlives all rooms */
        struct store *store;             /* borrowed: likewise */
        struct provider_room *providers; /* borrowed: likewise */
        struct calls_config config;
        struct ledger *ledger;       /* owned */
        struct keeper *keeper;       /* owned */
        struct unsent *unsent;       /* owned; NULL: the room ends, its file stays as it is */
        struct underway *underway;   /* owned */
        struct timer *kick;          /* owned: runs the queues */
        uint64_t kick_usec;          /* when it fires; 0: not set */
        struct lane *lanes;          /* owned */
        struct flight *by_key;       /* flights that can be joined */
        LIST_HEAD(, flight) flights; /* owned: all */
        TAILQ_HEAD(, flight) kept;   /* landed, to be forgotten when the cache has it */
        struct account *accounts;    /* owned */
        struct call_list calls;      /* owned: all, entry in_room */
        struct call_list catching;
        LIST_HEAD(, pending) pendings;
        uint64_t reserved, unsettled; /* sums over the accounts */
        uint64_t n_running;           /* flights that hold a slot */
        struct warned warned[N_BUDGET_PERIODS];
        bool is_draining;
        void (*on_drained)(void *arg);
        void *drained_arg;
};

/* calls.c */
void calls_kick(struct calls *c, uint64_t after_usec);
/* Commits a batch of the room's own; consumes it in any case. flight: whose intent it is, or NULL.
 */
int calls_commit(struct calls *c, struct store_batch *b, struct flight *flight) _must_check_;
/* A failure for want of a good key says whose. */
void calls_name_key(const struct calls *c, struct failure *f, const char *provider);
void call_free(struct call *c);
/* Settles what has ended by a batch of the room's own; frees the call. */
void call_settle_alone(struct call *c);

/* budget.c */
/* Whether the flight's worst case fits beside all that is reserved. *ret_is_never: nor will it when
 * that is settled. */
bool budget_fits(const struct flight *f, bool *ret_is_never);
void budget_reserve(struct flight *f, uint64_t nanousd); /* sets what it has reserved */
bool budget_has_reserved(const struct flight *f);        /* all that its next attempt may come to */
/* Whether the job's own budget has room for what another has reserved. */
bool budget_can_take(const struct account *a, uint64_t more);
/* Why a call of `more` will never fit; NULL: it may. */
struct failure *budget_refuses(const struct calls *c, uint64_t left, uint64_t unsettled,
                               uint64_t more);
struct failure *budget_refuses_flight(const struct flight *f); /* after budget_fits(): is_never */
void budget_watch(struct calls *c); /* warns once where a share of a budget is spent */
