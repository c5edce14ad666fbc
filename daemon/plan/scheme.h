#pragma once
/* A scheme: which tasks are asked for together, at which tier, with which presentation of their
 * facts; and what that costs. It is what rules write and what the search changes; a plan is made
 * from the best one. Inside the planner's room only.
 *
 *     units   one per task: bytes of what its prompt and its answer consist of; fixed
 *     scheme  lots (calls) of units with tier and presentation
 *     pricing one scheme -> prompts in tokens, marks, a simulated run, money and time
 *
 * The simulated run is the cost function, for the search and for the brute-force planner of the
 * tests alike. It starts lots as exec/ does: when all dependencies are done and one of n_parallel
 * places is free, longest path first. A lot that begins with a marked prefix reads what of it an
 * earlier lot's answer has made visible, and writes the rest of it:
 *
 *     nanousd = input × price.input + read × price.cache_read + written × price.cache_write
 *             + output × price.output + expected repetitions
 *     ms(lot) = first_ms + fresh_ms × (input + written) + read ÷ CACHED_SPEEDUP
 *             + writing_ms × output
 *     J       = Σ nanousd + per_ms(objective) × ms of the run + per_call(objective) × calls */

#include "daemon/plan/planner.h"

#define NO_LOT UINT32_MAX
/* A cached prompt is read about ten times as fast as a new one is computed. */
#define CACHED_SPEEDUP 10.0

struct unit {
        uint32_t standards, pair; /* of units.standards; of units.pairs (standards and prompt) */
        uint32_t bucket;          /* only units of one bucket may share a lot */
        uint32_t level;           /* calls on the longest path that leads to it */
        enum tier floor;          /* as its kind requires, or better where that is missing */
        bool is_call;             /* no rule has settled it */
        bool has_shared;          /* its facts are also known in pieces */
        bool has_path;            /* its answer is a file, or edits of one */
        bool is_edits;            /* its answer edits a text that the prompt shows */
        bool is_long;             /* for the windows of the tiers below its floor */
        uint32_t own_bytes, rest_bytes; /* facts: as a block; beside a set */
        uint32_t interface_bytes;
        struct text_bytes tail; /* what is its own in any case */
        double output_bytes;    /* as long as its answer is in tokens of the model */
        double risk[N_TIERS], missing;
        bool is_risk_known[N_TIERS];   /* enough answers were seen that it is no first guess */
        double alone_nanousd[N_TIERS]; /* a call for it alone, as a repeated one; 0: no price */
};

struct units {
        const struct planning *in;
        struct unit *at; /* n_tasks */
        size_t n, n_calls;
        uint32_t *standards; /* block indices, NO_BLOCK for none */
        size_t n_standards;
        struct pair {
                uint32_t standards, prompt; /* index of the former; block index or NO_BLOCK */
        } * pairs;
        size_t n_pairs, n_buckets;
        bool *is_batchable; /* per bucket */
        uint32_t *users, *first_user;
        uint32_t *by_level; /* tasks, lowest level first */
        uint32_t *shared;   /* statements of all calls, by section */
        size_t n_shared, shared_bytes, whole_bytes;
        struct rates rates[N_TIERS];
        double cache_read[N_TIERS], cache_short[N_TIERS], cache_long[N_TIERS]; /* ÷ price.input */
        double nanousd_per_ms, nanousd_per_call;
};

/* Of a window, or of the longest answer, that a shared call may fill: the rest is for bad guesses.
 */
#define PLAN_WINDOW_SHARE 0.8

/* Which rules count: bits of enum plan_rule_id. */
#define RULE_BIT(rule) (1u << (rule))

struct lot {
        enum tier tier;
        enum presentation presentation;
        double ahead_ms;   /* goes before (or after, < 0) those whose path is so much longer */
        uint32_t first, n; /* of scheme.members, by pricing_run() */
};

struct scheme {
        uint32_t *lot_of;  /* per unit: the number of one of the units in its lot; NO_LOT: settled
                              without a call */
        struct lot *lots;  /* per unit; those with n == 0 are not used */
        size_t n_lots;     /* as many as units */
        uint32_t *members; /* units, by lot */
        bool is_compressed;
        unsigned rules; /* those that count */
        unsigned n_parallel;
        bool is_long;        /* marks are for an hour */
        bool is_waiting_off; /* no lot waits for the writer of its prefix, for a search to try */
};

/* What pricing_run() found out of each lot. */
struct lot_price {
        uint32_t nodes[N_BEGINNINGS]; /* shortest first */
        size_t n_nodes;
        double stable, fresh, output; /* tokens: of the beginnings, of the rest, of the answer */
        double read, written, input;
        double path_ms, start_ms, first_ms, end_ms;
        double nanousd, repeat_nanousd, known_repeat_nanousd; /* known: by what was seen */
        bool is_written_long;
        uint32_t n_waiting, n_ready;
};

struct node {
        double tokens; /* from the beginning of the prompt */
        uint32_t parent;
        uint32_t n_lots;
        enum tier tier;
        bool is_marked, is_awaited, is_long, was_warm;
        uint64_t warm_until_ms;
        double visible_ms, expires_ms, used_ms, gap_ms; /* visible < 0: not written */
};

struct pricing; /* working memory; one for many runs */

int units_new(const struct planning *in, const enum step_kind *settled,
              struct units **ret) _must_check_;
/* Its prompt shows a text of so many bytes, and its answer edits that. */
void units_show_frame(struct units *u, uint32_t unit, size_t n_frame);
/* What its answer costs at this tier, with what the ladder (ladder.h) asks again as often as
 * answers of its kind are refused. INFINITY: the tier is not configured. */
double units_expected_nanousd(const struct units *u, const struct unit *x, enum tier tier);
/* A call for it alone fits the window of a tier that may be asked. */
bool units_fit(const struct units *u, uint32_t unit);
struct units *units_free(struct units *u);
DEFINE_CLEANUP(struct units, units_free);

int scheme_new(const struct units *u, struct scheme **ret) _must_check_;
struct scheme *scheme_free(struct scheme *s);
DEFINE_CLEANUP(struct scheme, scheme_free);
void scheme_copy(struct scheme *to, const struct scheme *from, const struct units *u);
/* Every call alone, best tier, own facts. */
void scheme_reset(struct scheme *s, const struct units *u);
/* Takes the unit out of its lot, into that of `to`; to == unit: alone, as the lot it was in. */
void scheme_move(struct scheme *s, const struct units *u, uint32_t unit, uint32_t to);

int pricing_new(const struct units *u, struct pricing **ret) _must_check_;
struct pricing *pricing_free(struct pricing *p);
DEFINE_CLEANUP(struct pricing, pricing_free);
/* J of the scheme; INFINITY where it breaks a bound or waits for itself. */
double pricing_run(struct pricing *p, struct scheme *s);
/* The same with this order of starting in place of longest path first; order: per lot. */
double pricing_run_ordered(struct pricing *p, struct scheme *s, const uint32_t *order);
/* Of the last run, also of one that broke a bound: may the lot be asked for in one call? */
bool pricing_fits(struct pricing *p, struct scheme *s, uint32_t lot);
/* Of the last run: a single file is told so many facts of others that it passes its window. */
bool pricing_overflows(const struct pricing *p, const struct scheme *s);
/* Of the last run. */
const struct lot_price *pricing_lot(const struct pricing *p, uint32_t lot);
const struct node *pricing_node(const struct pricing *p, uint32_t node);
size_t pricing_n_nodes(const struct pricing *p);
void pricing_total(const struct pricing *p, const struct scheme *s, struct estimate *ret);
/* Of the last run: what is likely to be asked again, as far as answers of the kinds were seen. */
double pricing_repetitions(const struct pricing *p, const struct scheme *s);
/* Of model and text of a beginning; false when it has no text. */
bool pricing_node_hash(const struct pricing *p, uint32_t node, bool is_compressed,
                       struct hash *ret);
/* marks.c: which beginnings are worth a mark, given how many lots have each. */
void marks_choose(const struct units *u, const struct scheme *s, struct node *nodes,
                  size_t n_nodes);

/* search.c: exchanges from the scheme that the rules wrote. */
int search(const struct units *u, struct pricing *p, struct scheme *s) _must_check_;
/* rules/batch.c: units of one bucket, tier and level. */
struct batch {
        const uint32_t *units; /* in the order in which lots are filled */
        size_t n;
};
/* Into so many lots of even output, or the next more that bounds allow; returns how many. */
size_t batch_fill(const struct units *u, struct scheme *s, const struct batch *b, size_t n_lots);
/* Lots that bounds of tokens and files leave it. */
size_t batch_fewest(const struct units *u, const struct scheme *s, const struct batch *b);
/* All of them, as the scheme stands; ret_order holds the units that batches point into. Both
 * malloc. */
int batch_list(const struct units *u, const struct scheme *s, struct batch **ret, size_t *ret_n,
               uint32_t **ret_order) _must_check_;
