#pragma once
/* The plan: priced steps, each a way to obtain one or more tasks; and beside it the naive plan,
 * which is what people do today (one call per task, whole context, best tier, nothing cached, one
 * after another). */

#include "common/hash.h"
#include "common/macros.h"
#include "common/str.h"

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
enum recipe_kind {
        RECIPE_BLOCK,     /* index into work.blocks */
        RECIPE_SET,       /* an enum presentation: facts of many tasks, as one block */
        RECIPE_USES,      /* a task: which of those facts are its own, and what is only its own */
        RECIPE_INTERFACE, /* a task */
        RECIPE_BASE,      /* a task: the text that its answer edits */
        RECIPE_EVIDENCE,
        RECIPE_ANSWER
};

struct recipe_item {
        enum recipe_kind kind;
        uint32_t index;
        bool is_marked, is_mark_for_1h;
        bool is_squeezed; /* RECIPE_INTERFACE: without comments and blank lines */
};

struct recipe {
        struct recipe_item *items; /* owned */
        size_t n_items;
};

/* How a call states its facts: each task's own slice; the facts of all tasks that this plan asks
 * for, once, as a prefix that calls share; the whole model. */
enum presentation { PRESENT_OWN, PRESENT_SHARED, PRESENT_WHOLE, N_PRESENTATIONS };
extern const char *const presentation_names[N_PRESENTATIONS];

/* Beginnings that calls share and that the provider's cache may keep: they end with the standards,
 * with the facts of many tasks, with the prompt of the kind. Three, where Anthropic allows four. */
enum beginning { BEGIN_STANDARDS, BEGIN_SET, BEGIN_PROMPT, N_BEGINNINGS };
#define NO_PREFIX UINT32_MAX

enum step_kind { STEP_KEEP, STEP_REUSE, STEP_TEMPLATE, STEP_MECHANICAL, STEP_CALL, N_STEP_KINDS };
extern const char *const step_kind_names[N_STEP_KINDS];

struct step {
        enum step_kind kind;
        uint32_t *tasks; /* owned */
        size_t n_tasks;
        enum tier tier;  /* calls only */
        bool is_certain; /* else likely: known for sure only when dependencies are done */
        char reason[200];
        struct recipe recipe;        /* calls only */
        struct estimate estimate;    /* likely: as many come below it as above */
        uint64_t output_p90, ms_p90; /* calls only: nine in ten stay below */
        enum presentation presentation;
        uint32_t prefixes[N_BEGINNINGS]; /* those that are marked, into plan.prefixes; NO_PREFIX */
        uint64_t path_ms;                /* from its start to the end of all that waits for it */
};

/* A marked beginning. The first call that has it writes it; others read it once the writer's answer
 * has begun. */
struct plan_prefix {
        uint64_t tokens;
        bool is_awaited;        /* calls wait for the writer: the read is worth the delay */
        bool is_long;           /* kept for an hour; else five minutes */
        uint64_t warm_until_ms; /* an earlier run has written it; providers' time. 0: it has not */
        uint64_t life_ms;       /* from the start of the call that used it last */
        struct hash hash;       /* of provider, model and text */
        char *provider;         /* owned */
};

/* What a template renders of a task that it does not cover: the call shows it, and is answered by
 * edits of it. */
struct frame {
        char *text; /* owned; NULL: the whole is asked for */
        size_t n;
};

#define MAX_RULES 16

struct rule_effect {
        const char *name;
        int64_t calls, input, output, nanousd, ms; /* what the rule saved, estimated */
        uint64_t full, compressed; /* compress: input of all prompts, without and with it */
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
        struct frame *frames;      /* owned; per task */
        size_t n_tasks;
        struct estimate totals, naive;
        uint64_t repeat_nanousd; /* what is likely to be asked again, by what was refused before;
                                    not in totals */
        struct rule_effect effects[MAX_RULES];
        size_t n_effects;
        struct plan_prefix *prefixes; /* owned */
        size_t n_prefixes;
        uint32_t *shared; /* owned: statements of PRESENT_SHARED, by section */
        size_t n_shared;
        bool is_compressed; /* standards in brief */
        struct strlist warnings;
        struct strlist unpriced; /* models that may be asked and whose price is not known */
};

void step_init(struct step *s, enum step_kind kind);
void step_done(struct step *s); /* frees what it owns */
struct plan *plan_new(size_t n_tasks);
struct plan *plan_free(struct plan *p);
DEFINE_CLEANUP(struct plan, plan_free);
