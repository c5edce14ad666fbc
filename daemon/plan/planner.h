#pragma once
/* The planner: from work to a plan of priced steps. A pure function over an immutable snapshot;
 * runs in a worker.
 *
 *     naive plan ──rules in table order──> plan
 *
 * Every rule is a row of plan_rules (rules.c) and a file in rules/. Its effect is the difference of
 * the totals before and after. */

#include <jansson.h>

#include "common/hash.h"
#include "common/json.h"
#include "common/macros.h"
#include "daemon/plan/estimate.h"
#include "daemon/plan/prices.h"
#include "daemon/work/plan.h"
#include "daemon/work/task.h"

/* A result that exists for a static key: its full key, and the interface that it has. The newest
 * first. */
struct seen_result {
        struct hash key, interface;
        bool is_at_hand; /* the result itself is in state or cache */
};

#define MAX_SEEN                                                                                   \
        4 /* what is remembered of one static key; going back further costs a look at the full key \
             at run time */

/* The answer of the one bulk look-up, per task. */
struct task_facts {
        bool is_in_manifest;
        bool is_standing;            /* the file stands on disk as we wrote it */
        bool is_edited;              /* the file stands on disk, but otherwise */
        struct hash fingerprint;     /* of the manifest */
        bool has_standing_interface; /* of what stands */
        struct hash standing_interface;
        struct seen_result seen[MAX_SEEN];
        size_t n_seen;
};

struct tier_model {
        const char *provider, *model; /* NULL: the tier is not configured */
        const struct model_facts *facts;
        bool is_caching;      /* its provider's prompt cache may be used */
        const char *unpriced; /* the first of its models, those to fall back on among them, that is
                                 asked elsewhere at a price that nobody has told; or NULL */
};

/* All rules (rules.h), in the order in which they are applied: what costs nothing first, so that
 * later rules see only what is left. A new one is a file, a row, and an option that switches it. */
#define PLAN_RULE_TABLE(X)        \
        X(KEEP, keep)             \
        X(REUSE, reuse)           \
        X(TEMPLATE, template)     \
        X(MECHANICAL, mechanical) \
        X(FRAME, frame)           \
        X(CONTEXT, context)       \
        X(COMPRESS, compress)     \
        X(TIER, tier)             \
        X(BATCH, batch)           \
        X(PREFIX, prefix)         \
        X(SCHEDULE, schedule)

enum plan_rule_id {
#define X(id, name) RULE_##id,
        PLAN_RULE_TABLE(X)
#undef X
                N_PLAN_RULES
};

/* What is worth more: money, or time? */
enum plan_objective { PLAN_FOR_COST, PLAN_BALANCED, PLAN_FOR_LATENCY, N_PLAN_OBJECTIVES };
/* Nano-dollars that a millisecond of waiting is worth: nothing but the choice between equals; a
 * cent a minute, which splits long batches over free places and leaves small ones whole; 30 dollars
 * an hour. And what a call counts beside its tokens, because providers limit requests and each may
 * fail: a twentieth of a cent, where neither money nor time is all that counts. */
extern const double plan_nanousd_per_ms[N_PLAN_OBJECTIVES],
        plan_nanousd_per_call[N_PLAN_OBJECTIVES];

struct planning {
        const struct work *work;
        const struct task_facts *facts; /* n_tasks; NULL: nothing is known */
        struct tier_model tiers[N_TIERS];
        bool is_on[N_PLAN_RULES];
        unsigned n_parallel;
        enum plan_objective objective;
        uint64_t batch_max_output, batch_max_files; /* tokens; tasks, 0: as tokens allow */
        uint64_t now_ms; /* providers' time: what of their caches is still warm */
        struct estimator estimator;
};

int plan_make(const struct planning *in, struct plan **ret) _must_check_;
/* The step for tasks whose plan did not hold (a result was gone, a template failed, an answer
 * lacked them): one call at this tier, with the presentation, the standards and the marks of the
 * planned step, so that it reads what the others have written. planned: the step they had. */
int plan_group_step(const struct planning *in, const struct plan *p, const struct step *planned,
                    const uint32_t *tasks, size_t n_tasks, enum tier tier,
                    struct step *ret) _must_check_;
/* Worst case of a call for its reserve: everything uncached, the whole of max_tokens written. */
uint64_t plan_worst_nanousd(const struct planning *in, const struct step *s, uint64_t input_tokens,
                            uint64_t max_tokens);
/* Tokens of the output allowed for a step: room for its expected text and as much again, within the
 * model's limit. */
uint64_t plan_max_tokens(const struct planning *in, const struct plan *p, const struct step *s);

/* The text that the answer for a task edits: what stands, or what its template renders of it.
 * False: it is written whole. p may be NULL. */
bool plan_base(const struct plan *p, const struct task *t, struct span *ret);
/* Renders the template of a task; in any thread. As template_render(). */
int plan_render(const struct task *t, struct buf *out, struct diag *ret_diag) _must_check_;

/* The row of the estimator for a task's kind, or NULL; its name there. Edits are a kind of their
 * own: they are as long as what changes. */
const struct estimated_kind *plan_find_kind(const struct planning *in, const struct task *t,
                                            bool is_edits);
void plan_kind_name(const struct work *w, const struct task *t, bool is_edits,
                    char ret[ESTIMATOR_KIND_BYTES]);
/* Share of its model's window that a call fills, in thousandths; 0: not known. */
unsigned plan_window_share(const struct planning *in, enum tier tier, uint64_t input_tokens,
                           uint64_t max_tokens);

/* The form of a dry run (docs/protocol.md). */
int plan_to_json(const struct planning *in, const struct plan *p, json_t **ret) _must_check_;
int totals_to_json(const struct estimate *e, json_t **ret) _must_check_; /* with `calls` */
/* `unpriced`: the models whose price is not known, where there are such. */
int plan_put_unpriced(const struct plan *p, json_t *o) _must_check_;
int estimate_to_json(const struct estimate *e, json_t **ret) _must_check_;
