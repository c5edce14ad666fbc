#pragma once
/* What a user can see going wrong: one table (failure.c) and one object that carries an instance of
 * it.
 *
 * The object travels from where the fault is known to where it is answered: JSON-RPC errors,
 * `failed` and `task.done` events, exit codes. Its name is stable; programs may match on it. */

#include <jansson.h>

#include "common/macros.h"

enum failure_class {
        CLASS_INPUT,
        CLASS_CONFIG,
        CLASS_AUTH,
        CLASS_LIMIT,
        CLASS_PROVIDER,
        CLASS_CHECK,
        CLASS_CONFLICT,
        CLASS_CLIENT,
        CLASS_INTERNAL,
};

/* id, name, class, JSON-RPC code, exit code, retryable, what happened, what to do */
#define FAILURE_TABLE(X)                                                                           \
        X(PARSE_ERROR, "parse_error", INPUT, -32700, 65, false, "the message is not JSON",         \
          "send one JSON-RPC 2.0 object per frame")                                                \
        X(INVALID_REQUEST, "invalid_request", INPUT, -32600, 65, false,                            \
          "the message is not a JSON-RPC 2.0 request", "see docs/protocol.md")                     \
        X(METHOD_NOT_FOUND, "method_not_found", INPUT, -32601, 65, false,                          \
          "there is no such method", "rpc.discover lists the methods")                             \
        X(INVALID_PARAMS, "invalid_params", INPUT, -32602, 65, false,                              \
          "a parameter is missing, unknown or of the wrong type", "correct it at the place named") \
        X(INTERNAL, "internal", INTERNAL, -32603, 70, false, "genoptd has a fault",                \
          "see its log; please report it")                                                         \
        X(REQUEST_CANCELLED, "request_cancelled", CLIENT, -32800, 130, false,                      \
          "the request was cancelled", "")                                                         \
        X(FRAME_TOO_LARGE, "frame_too_large", LIMIT, -32010, 65, false,                            \
          "the frame is larger than the limit", "send large content by blob/put")                  \
        X(TOO_MANY_SESSIONS, "too_many_sessions", LIMIT, -32011, 75, true, "too many connections", \
          "close some, or raise limits.sessions")                                                  \
        X(TOO_SLOW, "too_slow", LIMIT, -32012, 75, true,                                           \
          "the client does not read what it asked for", "read faster, or attach without deltas")   \
        X(NO_SUCH_JOB, "no_such_job", INPUT, -32020, 65, false, "no such job",                     \
          "`genopt jobs` lists your jobs")                                                         \
        X(BAD_SPEC, "bad_spec", INPUT, -32021, 65, false, "the specification cannot be used",      \
          "correct it at the place named")                                                         \
        X(BAD_BLUEPRINT, "bad_blueprint", INPUT, -32022, 65, false,                                \
          "the blueprint cannot be used", "correct it at the place named")                         \
        X(BAD_OPTION, "bad_option", CONFIG, -32023, 78, false,                                     \
          "an option is unknown or out of range", "see genopt(1), OPTIONS")                        \
        X(BAD_CONFIG, "bad_config", CONFIG, -32024, 78, false, "the configuration cannot be used", \
          "correct genopt.yaml at the place named")                                                \
        X(BAD_BLOB, "bad_blob", INPUT, -32025, 65, false,                                          \
          "the content does not match its hash or size", "send it again")                          \
        X(NO_SUCH_BLOB, "no_such_blob", INPUT, -32026, 65, false, "the job has no such content",   \
          "")                                                                                      \
        X(BAD_STATE, "bad_state", CLIENT, -32027, 65, false, "the job is not in a state for this", \
          "`genopt show JOB` tells its state")                                                     \
        X(QUEUE_FULL, "queue_full", LIMIT, -32028, 75, true, "too many jobs are queued",           \
          "wait, or cancel some")                                                                  \
        X(DISK_FULL, "disk_full", LIMIT, -32029, 75, true, "the disk is full",                     \
          "free space below the state directory, then `genopt resume JOB`")                        \
        X(STOPPING, "stopping", CLIENT, -32030, 75, true, "genoptd is stopping",                   \
          "try again; accepted jobs go on after its restart")                                      \
        X(NO_SUCH_FILE, "no_such_file", INPUT, -32031, 65, false, "the job makes no such file",    \
          "`genopt show JOB` lists its files")                                                     \
        X(KEY_MISSING, "key_missing", AUTH, -32040, 77, false, "no key for a model provider",      \
          "`genopt key set NAME`, then `genopt resume JOB`")                                       \
        X(KEY_REFUSED, "key_refused", AUTH, -32041, 77, false, "the provider refused the key",     \
          "`genopt key set NAME`, then `genopt resume JOB`")                                       \
        X(BILLING, "billing", AUTH, -32042, 77, false, "the provider's account cannot pay",        \
          "see the provider's console, then `genopt resume JOB`")                                  \
        X(SPEND_LIMIT, "spend_limit", LIMIT, -32043, 75, false,                                    \
          "the provider's spend limit is reached", "raise it or wait, then `genopt resume JOB`")   \
        X(RATE_LIMITED, "rate_limited", PROVIDER, -32044, 75, true,                                \
          "the provider limits the rate", "`genopt resume JOB` later, or lower limits.calls")      \
        X(OVERLOADED, "overloaded", PROVIDER, -32045, 75, true, "the provider is overloaded",      \
          "`genopt resume JOB` later")                                                             \
        X(UNREACHABLE, "unreachable", PROVIDER, -32046, 69, true,                                  \
          "the provider cannot be reached",                                                        \
          "check network and base_url, then `genopt resume JOB`")                                  \
        X(STREAM_BROKEN, "stream_broken", PROVIDER, -32047, 75, true, "the answer broke off",      \
          "`genopt resume JOB` asks again")                                                        \
        X(STREAM_STALLED, "stream_stalled", PROVIDER, -32048, 75, true, "the answer stalled",      \
          "`genopt resume JOB` asks again")                                                        \
        X(BAD_REQUEST, "bad_request", PROVIDER, -32049, 70, false,                                 \
          "the provider refused the request", "see the provider's message")                        \
        X(MODEL_NOT_FOUND, "model_not_found", CONFIG, -32050, 78, false,                           \
          "the provider does not know the model", "correct `tiers` in genopt.yaml")                \
        X(TOO_LONG, "too_long", LIMIT, -32051, 65, false,                                          \
          "the request is longer than the model reads", "split the input, or use another model")   \
        X(REFUSED, "refused", PROVIDER, -32052, 1, false, "the model declined to answer",          \
          "reword the task")                                                                       \
        X(BAD_ANSWER, "bad_answer", PROVIDER, -32053, 75, true,                                    \
          "the provider's answer cannot be read", "`genopt resume JOB` asks again")                \
        X(CHECK_FAILED, "check_failed", CHECK, -32060, 1, false,                                   \
          "the result does not pass its checks",                                                   \
          "see the evidence; `genopt resume JOB` asks again")                                      \
        X(DEPENDENCY_FAILED, "dependency_failed", CHECK, -32061, 1, false,                         \
          "something it depends on failed", "resolve that first, then `genopt resume JOB`")        \
        X(TEMPLATE_FAILED, "template_failed", CONFIG, -32062, 65, false,                           \
          "a template cannot be rendered", "correct the template at the place named")              \
        X(BUDGET, "budget", LIMIT, -32063, 75, false, "the budget does not allow the next call",   \
          "raise it: `genopt resume JOB --set budget.job_usd=…`")                                  \
        X(POISONED, "poisoned", INTERNAL, -32064, 70, false,                                       \
          "genoptd died three times while working on this job",                                    \
          "see its log; `genopt resume JOB` tries again")                                          \
        X(CONFLICT, "conflict", CONFLICT, -32065, 1, false, "the file on disk was edited",         \
          "move your edit away, or keep it")                                                       \
        X(UNAVAILABLE, "unavailable", CLIENT, -32070, 69, true, "genoptd cannot be reached",       \
          "`genopt start`, then try again")                                                        \
        X(LOCKED, "locked", CONFLICT, -32071, 75, true,                                            \
          "another genopt writes into this directory", "wait for it, or attach to its job")

enum failure_id {
#define X(id, ...) FAILURE_##id,
        FAILURE_TABLE(X)
#undef X
                N_FAILURES,
};

struct failure_row {
        const char *name; /* lower case with underscores: "key_missing" */
        enum failure_class class;
        int rpc_code;
        int exit_code;
        bool is_retryable;
        const char *what;
        const char *remedy;
};

struct failure {
        enum failure_id id;
        char *message; /* owned; the particular sentence, or NULL: the table's */
        char *where;   /* owned or NULL: "spec.yaml:12:5", "/params/kind" */
        char *remedy;  /* owned or NULL: the table's */
};

extern const struct failure_row failure_table[N_FAILURES];
const char *failure_class_name(enum failure_class c);

/* NULL for lack of memory; format may be NULL (the table's sentence). */
struct failure *failure_new(enum failure_id id, const char *format, ...) _printf_(2, 3);
struct failure *failure_new_at(enum failure_id id, const char *where, const char *format, ...)
        _printf_(3, 4);
struct failure *failure_free(struct failure *f);
DEFINE_CLEANUP(struct failure, failure_free);
struct failure *failure_copy(const struct failure *f);
int failure_set_remedy(struct failure *f, const char *format, ...) _printf_(2, 3);
const char *failure_message(const struct failure *f);
const char *failure_remedy(const struct failure *f);
/* The JSON-RPC error object (docs/protocol.md), and back (unknown names become INTERNAL with the
 * message kept). */
int failure_to_json(const struct failure *f, json_t **ret) _must_check_;
int failure_from_json(const json_t *error, struct failure **ret) _must_check_;
