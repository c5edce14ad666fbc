#pragma once
/* Model calls of all jobs: slots, transport retries, identical work in flight, intents and
 * settlement, budgets.
 *
 * A call: calls_start() → waits for a slot → its *intent* (with the prompt) is committed → the
 * request leaves → text streams → it ends, perhaps after retries → on_end. The owner then puts
 * call_settle() into the batch of state in which it publishes the outcome, so that money and result
 * are one transaction. An intent without settlement after a crash is booked as `lost` at its
 * estimate by calls_recover(), unless it is known that nothing of it had left (unsent.h). Two calls
 * of one uid with equal model, blocks and max_tokens that are in flight at once are one request
 * (joined): each owner gets all text and the end; one of them pays. In flight is also what has
 * ended until the cache has taken in what was kept of it, but for the jobs that had it. Cancelling
 * closes the stream when the last owner leaves.
 *
 * Waits between attempts: retry-after, else 1, 2, 4 s with jitter (16, 32 s for repeated refusals),
 * CALLS_MAX_ATTEMPTS in all; never what cannot succeed. Concurrency per provider, and rates per
 * model, as configured and as the provider's headers say: limiter.h.
 *
 * Budgets: a call whose worst case does not fit beside what was spent is refused at once; one that
 * does not fit beside what is reserved by running calls waits until they are settled (and fails
 * with BUDGET when it then does not fit). So no cap is ever passed, and a reserve that is larger
 * than the cost only delays. An attempt that failed after it may have been paid for is booked: at
 * the tokens that the provider named and the text that came, else at the estimate.
 *
 * Commits: the intent is the first, the settlement in the owner's batch the second; retries, joined
 * calls and limits make none. A call that fails before it leaves makes no intent; settling it
 * writes a record without money. */

#include "common/hash.h"
#include "common/macros.h"
#include "common/ulid.h"
#include "daemon/provider/provider.h"
#include "daemon/work/price.h"

struct loop;
struct store;
struct store_batch;
struct calls;
struct call;
struct underway;

#define CALLS_MAX_ATTEMPTS 4
#define CALLS_DEFAULT_MAX 8U
#define CALLS_AT_ONCE_MAX \
        256U /* per provider, whatever is configured: the connections that one host is given */

/* Nano-dollars. */
uint64_t price_of_usage(const struct price *p, const struct usage *u);

struct call_spec {
        struct ulid job;
        uint64_t n; /* number of the call within its job, from 1; key of its record */
        uint32_t uid;
        bool is_interactive; /* goes before others for a slot */
        const char *provider, *model;
        const struct prompt_block *blocks; /* copied */
        size_t n_blocks;
        uint64_t max_tokens;
        bool is_cache_explicit;     /* struct request */
        uint64_t cache_lifetime_ms; /* of what is marked in the provider's cache; 0: not to be kept
                                     */
        struct price price;
        uint64_t estimate_nanousd, worst_nanousd; /* expected, and reserved until settled */
        /* Expected, for the provider's limits; 0: not known. cache_read of the input tokens. */
        uint64_t input_tokens, cache_read_tokens, output_tokens;
        uint64_t budget_left_nanousd; /* of the job: cap less what its settled calls cost;
                                         UINT64_MAX: none */
        const char *tasks;            /* for the record: JSON array of task indices */
        uint64_t delay_ms;            /* it leaves no sooner; unless an identical one has left */
        bool is_fresh; /* asks anew: it joins what is under way, but nothing that has ended */
};

struct call_outcome {
        struct span text; /* all of it; valid until on_end returns */
        enum stop_reason stop;
        struct usage usage;
        const struct failure *failure; /* NULL: the stream came to its proper end. With a failure,
                                          text is what came before it */
        uint64_t nanousd, ms, first_token_ms;
        unsigned n_attempts;
        const char *request_id; /* or NULL */
        bool is_payer;          /* false: another owner of a joined call pays */
        bool is_broken; /* with a failure: has_enough() said so, asking again would have made sense
                         */
};

struct call_events {
        void (*on_started)(struct call *c, void *arg);
        void (*on_text)(struct call *c, struct span text, void *arg);
        /* A new attempt begins after delay_ms: text that came before is void. */
        void (*on_retry)(struct call *c, const struct failure *why, uint64_t delay_ms,
                         unsigned attempt, void *arg);
        /* May be NULL. A limit of its provider's keeps it waiting for so long that people want to
         * know; once in a while for each job. */
        void (*on_held)(struct call *c, uint64_t wait_ms, void *arg);
        /* May be NULL; calls nothing of this room. The stream broke off and is to be asked for
         * again. True: what came is too good for that, the owner asks for the rest; on_end follows.
         */
        bool (*has_enough)(struct call *c, void *arg);
        /* Once. The call stays until call_settle() or call_cancel(). */
        void (*on_end)(struct call *c, const struct call_outcome *o, void *arg);
};

/* Limits that the configuration names; 0: none. */
struct calls_limits {
        unsigned n_calls;                 /* at once, to the provider */
        uint64_t requests, input, output; /* a minute, of the model */
};

enum budget_period { BUDGET_DAY, BUDGET_MONTH, N_BUDGET_PERIODS };

struct calls_config {
        unsigned n_calls_max; /* limits.calls: per provider */
        /* Asked when a provider or model is first used, and by calls_configure(). model NULL: of
         * the provider. The function NULL: there are none. */
        struct calls_limits (*find_limits)(const char *provider, const char *model, void *arg);
        void *arg;        /* of the functions here */
        unsigned n_hurry; /* tests: waits of our own are shorter by so much; 0: 1 */
        uint64_t day_budget_nanousd, month_budget_nanousd; /* 0: none */
        uint64_t warn_at_millionths; /* of a budget: then on_budget(), once in its time; 0: never */
        uint64_t keep_for_ms;        /* keeper.h */
        void (*on_budget)(enum budget_period p, uint64_t spent_nanousd, uint64_t limit_nanousd,
                          void *arg);
};

int calls_new(struct loop *loop, struct store *store, struct provider_room *providers,
              struct calls **ret) _must_check_;
/* Before the provider room's. Calls under way end without callbacks; their intents are booked as
 * lost at the next start. */
struct calls *calls_free(struct calls *c);
void calls_configure(struct calls *c, const struct calls_config *config);
/* At start, before any call: books intents without settlement as lost. */
int calls_recover(struct calls *c) _must_check_;
/* Never calls back from within. CONDITION_REFUSED with failure: BUDGET, KEY_MISSING (provider not
 * ready), BAD_CONFIG (no such provider), DISK_FULL, STOPPING. */
int calls_start(struct calls *c, const struct call_spec *spec, const struct call_events *events,
                void *arg, struct call **ret, struct failure **ret_failure) _must_check_;
/* calls_start() would join it to one that is on its way, or has just ended. */
bool calls_is_under_way(const struct calls *c, const struct call_spec *spec);
/* What all jobs have in hand, beyond equal requests: underway.h. */
struct underway *calls_underway(struct calls *c);
/* The delay_ms of a call that goes on from n_failed broken ones. */
uint64_t calls_backoff_ms(const struct calls *c, unsigned n_failed);
/* After on_end: adds settlement and ledger rows to the batch; frees the call when the batch is
 * submitted (0). */
int call_settle(struct call *c, struct store_batch *b) _must_check_;
/* At any time, also from its callbacks; on_end does not come. What was spent is settled by the
 * calls room itself. */
void call_cancel(struct call *c);
/* The same, and tells what of it stands on this call's record: not, where another owner goes on
 * with it and pays, or nothing of it was ever written down. */
struct call_spent {
        bool is_booked;
        struct usage usage;
        uint64_t nanousd;
};
struct call_spent call_stop(struct call *c);
uint64_t calls_n_running(const struct calls *c);
struct json_t *calls_describe_kept(const struct calls *c); /* keeper_describe() */
uint64_t calls_spent_today(
        const struct calls *c); /* nano-dollars, with reserves of running calls */
uint64_t calls_spent_this_month(const struct calls *c); /* likewise */
/* The room's records of a job's calls, as JSON for job/get (docs/protocol.md): prompts only if
 * asked. Also in a worker. */
int calls_describe(struct calls *c, const struct ulid *job, bool has_prompts,
                   struct json_t **ret) _must_check_;
/* What is on disk of a job's calls, lost ones included: where numbering goes on, and what they
 * cost. */
struct calls_sum {
        uint64_t n_last, n_calls, nanousd;
};
int calls_get_sum(struct calls *c, const struct ulid *job, struct calls_sum *ret) _must_check_;
/* Waits for running calls to settle (drain), then on_drained; new calls are refused meanwhile. */
void calls_drain(struct calls *c, void (*on_drained)(void *arg), void *arg);
