#pragma once
/* What the calls room keeps in the state's table `call`, and how its keys are built.
 *
 *     ulid | n                   the record of a call, as JSON (below)
 *     ulid | n + 2^63            its prompt, as text: after all records of the job, so that listing
 *                                them reads no prompt
 *     16 zero bytes | ulid | n   the mark of an intent, no content of interest: what has one and no
 *                                running call was lost
 *
 *     record = {"call", "tasks": [index…], "uid", "provider", "model",
 *               "state": running | ok | failed | lost | cancelled,
 *               "started" (ms), "estimate", "nanousd", "attempts",
 *               "tokens": {input, cache_read, cache_write, output}, "ms", "first_token_ms",
 *               "request_id"?, "error"?: name of a failure,
 *               "joined"?: true when another call paid}
 *
 * The intent writes it with state `running` (and
 * anew when an attempt before may have been paid: nanousd), the settlement for good. A prompt
 * longer than CALLS_PROMPT_BYTES is cut in its middle, with a note there.
 *
 * Retention drops all of a job by the prefix ulid; marks are gone by then. */

#include <jansson.h>

#include "common/buf.h"
#include "common/macros.h"
#include "common/ulid.h"
#include "daemon/calls/calls.h"

#define CALLS_PROMPT_BYTES \
        ((size_t)4 << 20) /* as plain text; compressed, text of this size is under 1 MiB */
#define CALLS_PROMPT_BIT ((uint64_t)1 << 63)

#define RECORD_KEY_BYTES (ULID_BYTES + 8)
#define MARK_KEY_BYTES (ULID_BYTES + RECORD_KEY_BYTES)

struct record_key {
        uint8_t at[MARK_KEY_BYTES];
        size_t n;
};
void record_key_of(const struct ulid *job, uint64_t n, struct record_key *ret);
void record_key_of_prompt(const struct ulid *job, uint64_t n, struct record_key *ret);
void record_key_of_mark(const struct ulid *job, uint64_t n, struct record_key *ret);
struct span record_mark_prefix(void);
/* In place of a job: requests that keep a provider's cache alive. What is settled of them leaves no
 * record. */
extern const struct ulid record_keeping;
/* Job and number out of the key of a mark. */
bool record_read_mark(struct span key, struct ulid *ret_job, uint64_t *ret_n);
bool record_is_prompt(struct span key);
static inline struct span record_key_span(const struct record_key *k)
{
        return (struct span){(const char *)k->at, k->n};
}

struct record {
        uint64_t n;
        uint32_t uid;
        const char *tasks, *provider, *model; /* borrowed */
        const char *state;                    /* static */
        uint64_t started_ms, estimate_nanousd, nanousd, ms, first_token_ms;
        unsigned n_attempts;
        struct usage usage;
        const char *request_id, *error; /* borrowed; NULL: none */
        bool is_joined;
};

int record_write(const struct record *r, struct buf *out) _must_check_;
/* The prompt as people read it: each block after a line "--- system", "--- user" or "---
 * assistant", with ", cached for 5 minutes" where it is marked. */
int record_write_prompt(const struct prompt_block *blocks, size_t n, struct buf *out) _must_check_;
