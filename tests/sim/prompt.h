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
        bool wants_usage; /* in the stream, where a dialect asks */
        bool is_plain;    /* a prompt without messages: the reply has another form */
        bool is_native;   /* it came by a dialect that only one server speaks */
        bool is_load;     /* nothing to answer: load the model, or unload it */
        uint64_t max_tokens;
        uint64_t context; /* of a local server: how many tokens it holds; 0: the model's window */
        int64_t keep_alive_ms;            /* of a local server: < 0 for ever */
        struct prompt_part *parts;        /* owned */
        struct cache_position *positions; /* owned */
        size_t n_parts, room;
        size_t n_positions, positions_room;
        uint64_t n_tokens; /* of the whole prompt */
};

/* Why a request is refused: an answer in the provider's form. */
struct refusal {
        int status;
        const char *type;         /* static */
        const char *code, *param; /* static; NULL: none */
        char message[512];
        char extra[96]; /* more members of the error, as JSON with a comma before; "": none */
};

/* For dialects whose messages are texts (prompt.c). */
int prompt_add(struct prompt *p, enum prompt_role role, struct span text,
               enum cache_mark mark) _must_check_;
/* [{role, content: text | [{type: "text", text}]}]; mark_of may be NULL. CONDITION_REFUSED,
 * -ENOMEM. */
int prompt_add_messages(struct prompt *p, const json_t *messages,
                        enum cache_mark (*mark_of)(const json_t *part),
                        struct refusal *ret) _must_check_;
/* What a server does that is given more than it holds: the front goes. */
void prompt_cut_front(struct prompt *p, uint64_t n_tokens_kept);
/* Fills positions: at each `step` tokens from `minimum` on; step 0: at the end of each part. */
int prompt_index(struct prompt *p, const char *scope, uint64_t step, uint64_t minimum) _must_check_;

static inline void prompt_done(struct prompt *p)
{
        free(p->parts);
        free(p->positions);
}
