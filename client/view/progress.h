#pragma once
/* Where a job stands, from its events. No output: views read it. */

#include <jansson.h>

#include "common/macros.h"

enum progress_source {
        SOURCE_KEEP,
        SOURCE_REUSE,
        SOURCE_TEMPLATE,
        SOURCE_MECHANICAL,
        SOURCE_CALL,
        N_SOURCES
};
extern const char *const progress_source_names[N_SOURCES];

struct progress {
        const char *phase; /* literal */
        uint64_t n_total, n_done, n_failed, n_by_source[N_SOURCES];
        uint64_t n_calls_done, n_retries, n_tokens, nanousd;
        uint64_t eta_ms,
                eta_at_ms;   /* estimate, and when (wall clock) it was made; eta_ms 0: none */
        uint64_t started_ms; /* wall clock of the first event, 0: none yet */
        json_t *running;     /* owned: task -> its task.started */
};

void progress_init(struct progress *p);
void progress_done(struct progress *p);
/* -ENOMEM. Events of unknown types change nothing. */
int progress_apply(struct progress *p, const json_t *event) _must_check_;
/* Tasks under way. */
size_t progress_n_running(const struct progress *p);
/* input + cache_read + cache_write + output of a tokens object */
uint64_t progress_tokens(const json_t *tokens);
/* Value of a member, 0 when it is absent or no number. */
uint64_t progress_number(const json_t *object, const char *key);
