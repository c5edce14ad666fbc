#pragma once
/* The plan: priced steps, each a way to obtain one or more tasks; and beside it the naive plan,
 * which is what people do today (one call per task, whole context, best tier, nothing cached, one
 * after another). */

#include "common/hash.h"
#include "common/macros.h"

struct tokens {
        uint64_t input, cache_read, cache_write,
                output; /* input: neither read from nor written to the provider's cache */
};

struct estimate {
        struct tokens tokens;
        uint64_t calls;
        uint64_t nanousd;
        uint64_t ms;
};

enum tier { TIER_FAST, TIER_BALANCED, TIER_QUALITY, N_TIERS };
extern const char *const tier_names[N_TIERS];
int tier_from_name(const char *name, enum tier *ret) _must_check_; /* -EINVAL */

/* A prompt is a list of references; exec/prompt.c makes bytes just before the call. Rules write
 * recipes and never touch text. */
enum recipe_kind { RECIPE_BLOCK, RECIPE_INTERFACE, RECIPE_EVIDENCE, RECIPE_ANSWER };

struct recipe_item {
        enum recipe_kind kind;
        uint32_t index; /* RECIPE_BLOCK: into work.blocks; RECIPE_INTERFACE: a task */
        bool is_marked, is_mark_for_1h;
};

struct recipe {
        struct recipe_item *items; /* owned */
        size_t n_items;
};

enum step_kind { STEP_KEEP, STEP_REUSE, STEP_TEMPLATE, STEP_MECHANICAL, STEP_CALL, N_STEP_KINDS };
extern const char *const step_kind_names[N_STEP_KINDS];

struct step {
        enum step_kind kind;
        uint32_t *tasks; /* owned */
        size_t n_tasks;
        enum tier tier;  /* calls only */
        bool is_certain; /* else likely: known for sure only when dependencies are done */
        char reason[160];
        struct recipe recipe; /* calls only */
        struct estimate estimate;
};

#define MAX_RULES 16

struct rule_effect {
        const char *name;
        int64_t calls, input, output, nanousd, ms; /* what the rule saved, estimated */
};

/* What the plan foretells of a task: its full key and the interface of its result; zero where that
 * cannot be. Certain: nothing that it rests on will be made again. */
struct foretold {
        struct hash key, interface;
        bool has_key, is_certain, has_interface, is_interface_certain;
};

struct plan {
        struct step *steps; /* owned, in the order of their first task */
        size_t n_steps;
        uint32_t *step_of_task;    /* owned */
        struct foretold *foretold; /* owned; per task */
        size_t n_tasks;
        struct estimate totals, naive;
        struct rule_effect effects[MAX_RULES];
        size_t n_effects;
};

void step_done(struct step *s); /* frees what it owns */
struct plan *plan_new(size_t n_tasks);
struct plan *plan_free(struct plan *p);
DEFINE_CLEANUP(struct plan, plan_free);
