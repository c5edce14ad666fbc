#pragma once
/* Faults on demand.
 *
 *     spec = kind *("," name "=" value)         match= takes all the rest of the spec, commas too
 *
 * Which requests: path (default: any model call), match (text in the prompt), model (part of its
 * name); of those the nth (from 1), or every nth, or with a probability, or all; at most `times`
 * times (nth: once; `count` says the same). JSON has the same names:
 *
 *     {"kind": "rate_limit", "nth": 3, "retry_after_ms": 2000}
 *
 * Each kind belongs to a group. A reply fault replaces the reply; of those the first that matches
 * counts. Stream faults shape the stream and add up. Answer faults change what the model says, and
 * do not fire when the prompt tells why the last answer was refused: a model that is told its
 * mistake does not make it again. */

#include <jansson.h>

#include "common/buf.h"
#include "common/macros.h"

enum fault_kind {
        /* reply */
        FAULT_RATE_LIMIT,
        FAULT_SPEND_CAP,
        FAULT_USAGE_LIMIT,
        FAULT_BAD_REQUEST,
        FAULT_UNAUTHORIZED,
        FAULT_BILLING,
        FAULT_FORBIDDEN,
        FAULT_NOT_FOUND,
        FAULT_CONFLICT,
        FAULT_TOO_LARGE,
        FAULT_SERVER_ERROR,
        FAULT_TIMEOUT,
        FAULT_OVERLOADED,
        FAULT_STATUS,
        FAULT_DROP,
        FAULT_RESET,
        FAULT_EMPTY_BODY,
        FAULT_ERROR_TEXT,
        FAULT_ERROR_HTML,
        /* stream */
        FAULT_SLOW_FIRST_BYTE,
        FAULT_HOLD,
        FAULT_CUT,
        FAULT_STALL,
        FAULT_ERROR_FRAME,
        FAULT_EMPTY,
        FAULT_SPLIT,
        FAULT_NO_STOP,
        FAULT_NO_USAGE,
        FAULT_NULL_USAGE,
        FAULT_CRLF,
        FAULT_NOISE,
        FAULT_TIGHT,
        FAULT_USAGE_IN_FINISH,
        FAULT_ODD_CONTENT,
        FAULT_ROLES,
        FAULT_NO_ROLE,
        FAULT_JOINED_FINISH,
        FAULT_TOOL_CALLS,
        FAULT_REASONING,
        FAULT_ERROR_EVENT,
        FAULT_ERROR_LINE,
        FAULT_ERROR_DONE,
        FAULT_ABORT,
        /* answer */
        FAULT_MISSING_FILE,
        FAULT_FENCE,
        FAULT_INNER_FENCE,
        FAULT_CHATTER,
        FAULT_TRUNCATE,
        FAULT_WRONG_PATH,
        FAULT_EMPTY_FILE,
        FAULT_REFUSAL,
        FAULT_NO_END,
        FAULT_WRONG_TAG,
        FAULT_BROKEN,
        FAULT_PLACEHOLDER,
        FAULT_NO_IMPORT,
        N_FAULTS,
};

enum fault_group { GROUP_REPLY, GROUP_STREAM, GROUP_ANSWER };

struct fault {
        enum fault_kind kind;
        unsigned n_refs;
        char *path, *match, *model; /* owned; NULL: any */
        char *body, *error;         /* owned: text of the reply, error type; NULL: the kind's own */
        uint64_t nth, every, times;
        double probability;     /* < 0: not by chance */
        int64_t retry_after_ms; /* -1: no header */
        bool is_date;           /* retry-after as an HTTP date */
        int64_t should_retry;   /* x-should-retry: 0, 1; -1: no header */
        uint64_t status, bytes, events, ms, tokens, file;
        bool is_reset; /* cut: RST instead of FIN */
        uint64_t n_seen, n_fired;
};

/* What hits one request. */
struct fault_set {
        struct fault *reply;        /* counted */
        struct fault *at[N_FAULTS]; /* counted; stream and answer faults by kind */
};

struct faults;

int faults_new(struct faults **ret) _must_check_;
struct faults *faults_free(struct faults *f);
void faults_clear(struct faults *f);
/* CONDITION_REFUSED: why says what is wrong. */
int faults_add_spec(struct faults *f, const char *spec, struct buf *why) _must_check_;
int faults_add_json(struct faults *f, const json_t *value,
                    struct buf *why) _must_check_; /* an object or a list of them */

/* A request as faults see it. */
struct fault_view {
        const char *path, *model;
        const struct span *texts;
        size_t n_texts;
        bool has_evidence;
};
/* chance: called for a number in [0, 1) only when a fault needs one, so that runs with a seed
 * repeat. */
void faults_pick(struct faults *f, const struct fault_view *view, double (*chance)(void *arg),
                 void *arg, struct fault_set *ret);
bool faults_want_evidence(const struct faults *f); /* some fault depends on has_evidence */
void fault_set_done(struct fault_set *s);
const char *fault_kind_name(enum fault_kind kind);
enum fault_group fault_kind_group(enum fault_kind kind);
json_t *faults_to_json(const struct faults *f) _must_check_; /* NULL: no memory */
