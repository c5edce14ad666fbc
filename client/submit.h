#pragma once
/* job/submit: from what a command wants to an accepted job, or the answer itself. */

#include "client/link/connection.h"
#include "client/offer/offer.h"

#define SUBMIT_JOB_BYTES 64

struct submission {
        const char *kind;       /* borrowed */
        const json_t *input;    /* borrowed */
        const json_t *commands; /* borrowed or NULL */
        const char *label;      /* borrowed or NULL: what lists show */
        bool is_fresh;
        bool can_ask; /* a person sits here who can approve of what it costs */
};

struct submit_reply {
        char job[SUBMIT_JOB_BYTES]; /* "" when the answer was known */
        json_t *done; /* owned: the answer, in the form of a `done` event; else NULL */
};

/* Options of the job: those of the environment, then --set. Owned by the caller; NULL for lack of
 * memory. */
json_t *submit_options(const struct client *c) _must_check_;
/* Connects (starting a daemon where it must), submits, sends what is needed at once. If the daemon
 * dies on the way it is asked again, with the same idempotency key: one job. */
int submit_job(const struct client *c, const struct submission *s, struct offer *offer,
               struct connection **ret_connection, struct submit_reply *ret,
               struct failure **ret_failure) _must_check_;
