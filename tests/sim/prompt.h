#pragma once
/* A request as the model and the cache see it, whatever dialect it came in. */

#include <jansson.h>

#include "common/macros.h"
#include "tests/sim/cache.h"
#include "tests/sim/models.h"

enum prompt_role { ROLE_TOOL, ROLE_SYSTEM, ROLE_USER, ROLE_ASSISTANT };

struct prompt_part {
        enum prompt_role role;
        struct span text; /* borrowed from the body; empty for what is no text */
        enum cache_mark mark;
};

struct prompt {
        const struct sim_model *model; /* borrowed: the table */
        const char *model_name;        /* borrowed from the body */
        bool is_stream;
        uint64_t max_tokens;
        struct prompt_part *parts;        /* owned */
        struct cache_position *positions; /* owned */
        size_t n_parts, room;
        size_t n_positions;
        uint64_t n_tokens; /* of the whole prompt */
};

/* Why a request is refused: an answer in the provider's form. */
struct refusal {
        int status;
        const char *type; /* static */
        char message[512];
};

static inline void prompt_done(struct prompt *p)
{
        free(p->parts);
        free(p->positions);
}
