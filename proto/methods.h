#pragma once
/* The methods. Validation, rpc.discover and the test of docs/protocol.md are made from their table;
 * the server's handlers are looked up by id. */

#include "proto/params.h"

/* Id, handler (in daemon/server: method_NAME), name on the wire, parameters (methods.c), what it
 * does, and what its result is. A new one is a handler and a row. */
/* clang-format off */
#define METHOD_TABLE(X) \
        X(INITIALIZE, initialize, "initialize", initialize_params, "Says who speaks, and asks what the daemon can do. Optional.", \
          "{protocol, version, server, capabilities {frame_bytes, blob_bytes}}") \
        X(RPC_DISCOVER, rpc_discover, "rpc.discover", no_params, "This document.", "OpenRPC document") \
        X(JOB_SUBMIT, job_submit, "job/submit", submit_params, "Submits a job, or gives a known answer at once.", \
          "{job, need [need…]} or {cached, result}") \
        X(JOB_ATTACH, job_attach, "job/attach", attach_params, "Starts job/event notifications of a job on this connection.", \
          "{job, state, head}") \
        X(JOB_DETACH, job_detach, "job/detach", job_only, "Ends them.", "{}") \
        X(JOB_CANCEL, job_cancel, "job/cancel", job_only, "Cancels a job; finished files stay.", "{state}") \
        X(JOB_RESUME, job_resume, "job/resume", resume_params, "Lets a waiting, failed or cancelled job go on.", "{state}") \
        X(JOB_ANSWER, job_answer, "job/answer", answer_params, "Answers what a job waits for.", "{state}") \
        X(JOB_SETTLE, job_settle, "job/settle", settle_params, "Tells what of a job's repairs stands in the tree, when it has ended.", "{state}") \
        X(JOB_LIST, job_list, "job/list", list_params, "The caller's jobs, the newest first.", \
          "{jobs [{job, kind, state, label, created, ended?, done, total, nanousd, dry_run?}], more}") \
        X(JOB_GET, job_get, "job/get", get_params, "One job with its tasks.", "as in the list, and {tasks, waits, summary?, calls?}") \
        X(JOB_EXPLAIN, job_explain, "job/explain", job_only, "The plan of a job, with what was measured beside it.", "plan") \
        X(JOB_WHY, job_why, "job/why", why_params, "Why a file is as it is: which of its inputs changed.", \
          "{path, done, source?, because, sentence, old, new, changes}") \
        X(BLOB_PUT, blob_put, "blob/put", put_params, "Sends content that a job needs, in parts.", "{have, complete}") \
        X(BLOB_GET, blob_get, "blob/get", blob_get_params, "Reads content of a job, in parts.", "{size, offset, data, end}") \
        X(BLUEPRINT_LIST, blueprint_list, "blueprint/list", no_params, "The blueprints of the daemon.", \
          "{blueprints [{name, description, language, parameters, files}], faults [{name, where?, message}]}") \
        X(BLUEPRINT_CHECK, blueprint_check, "blueprint/check", check_params, "Reads a blueprint as a job would, and keeps nothing.", \
          "one blueprint, as in the list; or an error with every fault") \
        X(CACHE_STATS, cache_stats, "cache/stats", no_params, "How the caches do.", \
          "{caches [{name, hits, misses, size, max_size, entries, hit_rate, max_age_s}]}") \
        X(CACHE_TRIM, cache_trim, "cache/trim", trim_params, "Removes the entries used longest ago.", "{removed, size}") \
        X(CACHE_CLEAR, cache_clear, "cache/clear", no_params, "Removes all entries.", "{removed, size}") \
        X(CACHE_VERIFY, cache_verify, "cache/verify", no_params, "Reads all entries and removes bad ones.", "{checked, bad}") \
        X(STATS_GET, stats_get, "stats/get", no_params, "Counters and histograms by name.", "counters and histograms by name") \
        X(DAEMON_STATUS, daemon_status, "daemon/status", no_params, "How the daemon does.", \
          "{version, pid, uid, uptime_s, state, jobs, calls, providers, …}") \
        X(DAEMON_RELOAD, daemon_reload, "daemon/reload", no_params, "Reads configuration, blueprints and prices again.", "{}") \
        X(DAEMON_STOP, daemon_stop, "daemon/stop", stop_params, "Ends the daemon; jobs go on after its next start.", \
          "{drain_ms}: how long calls under way may take")
/* clang-format on */

enum method_id {
#define X(id, handler, name, params, sentence, result) METHOD_##id,
        METHOD_TABLE(X)
#undef X
                METHOD_CANCEL_REQUEST, /* the dispatcher's own */
        N_METHODS,
};

#define PROTOCOL_VERSION 1
#define BLOB_MAX_BYTES ((uint64_t)16 << 20)
#define BLOB_PART_BYTES ((uint64_t)4 << 20) /* of one blob/put or blob/get, before base 64 */
#define BLUEPRINT_FILES 501u /* of one folder, and one more: the refusal is the checker's */
#define IDEMPOTENCY_KEY_BYTES 128
#define ANSWER_OUTPUT_BYTES ((uint64_t)64 << 10) /* of a command's output, its end */

struct method {
        const char *name;
        bool is_notification; /* has no reply */
        const struct param *params;
        const char *sentence;
        const char *result; /* its form, as in docs/protocol.md */
};

extern const struct method method_table[N_METHODS];
const struct method *method_find(const char *name); /* NULL: there is none */
/* OpenRPC document of the table. */
int methods_to_openrpc(const char *version, json_t **ret) _must_check_;
