#pragma once
/* What the simulator remembers: a record of every request (the last ones in memory, all in a file
 * of JSON lines), and sums. Keys never appear in it. */

#include <jansson.h>

#include "common/macros.h"
#include "tests/sim/dialect.h"
#include "tests/sim/told.h"

struct journal;
struct sim;

/* One request, at its end. */
struct journal_entry {
        uint64_t n;
        uint64_t realtime_ms;
        const struct http_request *request; /* borrowed; NULL: the connection is gone */
        json_t *headers;                    /* consumed; NULL: none */
        const char *path, *request_id, *scope;
        uint64_t body_hash[2];
        const struct prompt *prompt; /* NULL: not a model call, or refused before it was read */
        json_t *body;                /* borrowed; a reference is kept */
        int status;
        const char *outcome;     /* ok, refused, fault:KIND, client_gone … */
        const char *stop_reason; /* or NULL */
        struct reply_usage usage;
        uint64_t nanousd;
        json_t *faults; /* consumed: names of the faults that hit; NULL: none */
        uint64_t n_answer_bytes;
        const struct told *told; /* NULL: nothing was asked for */
        uint64_t n_charged;      /* input tokens that the limit was charged with */
        uint64_t arrived_usec, first_usec,
                ended_usec; /* model time since the start of the program */
        uint64_t cost_usec; /* our own work */
};

int journal_new(const char *path, uint64_t keep,
                struct journal **ret) _must_check_; /* path NULL: in memory only */
struct journal *journal_free(struct journal *j);
void journal_clear(struct journal *j);
void journal_add(struct journal *j, struct journal_entry *e);
void journal_note_in_flight(struct journal *j, size_t n);
/* Headers as an object, secrets hidden. NULL: no memory. */
json_t *journal_headers(const struct http_request *r);
int journal_write_log(struct journal *j, uint64_t from,
                      struct buf *b) _must_check_; /* JSON lines, from that number on */
/* What is known of the requests from that number on, as the log has it but for prompts.
 * CONDITION_ABSENT: some of them are forgotten. */
int journal_rows(struct journal *j, uint64_t from, json_t **ret) _must_check_;
json_t *journal_stats(const struct journal *j) _must_check_;
uint64_t price_nanousd(const struct sim_model *m, const struct reply_usage *u);
