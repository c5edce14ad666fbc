#pragma once
/* What the simulated provider says of its models: prices, windows, cache minimum, refusals, speed.
 * Written from the provider's pages on its own, not from the tables of the program under test. */

#include "common/macros.h"

struct sim_model {
        const char *prefix; /* a model is the first row that its name begins with */
        /* price of a token in nano-dollars (= dollars per million tokens × 1000) */
        uint64_t input, write_5m, write_1h, read, output;
        uint64_t window, max_output;
        uint64_t cache_minimum;
        unsigned first_ms; /* to the first token of an empty prompt */
        unsigned fresh_per_s, cached_per_s, output_per_s; /* tokens */
        bool is_strict;    /* no sampling parameters, no thinking budget */
        bool has_prefill;  /* the last message may be the assistant's */
        bool has_force;    /* tool_choice any|tool */
        bool is_thinking;  /* thinking cannot be switched off */
        bool is_dense;     /* the newer tokenizer: more tokens for the same text */
        const char *class; /* shares rate limits */
        bool is_marked;    /* its cache wants marks, and a write has a price of its own */
};

enum sim_maker { MAKER_ANTHROPIC, MAKER_OPENAI, MAKER_LOCAL, N_MAKERS };

/* NULL: no such model, or past the end. */
const struct sim_model *sim_model_find(enum sim_maker maker, const char *name);
const struct sim_model *sim_model_at(enum sim_maker maker, size_t i);
