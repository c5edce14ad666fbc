#include "proto/methods.h"

#include "common/str.h"

#define REQUIRED .is_required = true
#define END                  \
        {                    \
                .name = NULL \
        }
#define JOB                                                              \
        {                                                                \
                "job", PARAM_ULID, REQUIRED, .sentence = "id of the job" \
        }

static const struct param no_params[] = {END};
static const struct param job_only[] = {JOB, END};

static const struct param client_fields[] = {
        {"name", PARAM_TEXT, REQUIRED, .max = 128, .sentence = "name of the program"},
        {"version", PARAM_TEXT, .max = 64, .sentence = "its version"},
        END,
};

static const struct param initialize_params[] = {
        {"client", PARAM_OBJECT, .fields = client_fields, .sentence = "who speaks"},
        END,
};

static const struct param submit_client_fields[] = {
        {"pid", PARAM_U64, .sentence = "its process"},
        {"tty", PARAM_TEXT, .max = 4096, .sentence = "its terminal"},
        {"cwd", PARAM_TEXT, .max = 4096, .sentence = "its working directory"},
        {"can_ask", PARAM_BOOL, .sentence = "a person there can approve"},
        END,
};

static const struct param meta_fields[] = {
        {"key", PARAM_TEXT, .min = 1, .max = IDEMPOTENCY_KEY_BYTES,
         .sentence = "idempotency key: a second submit with it gives the same job"},
        {"label", PARAM_TEXT, .max = 256, .sentence = "what lists show for the job"},
        {"client", PARAM_OBJECT, .fields = submit_client_fields, .sentence = "who submits"},
        {"trace", PARAM_TEXT, .max = 256, .sentence = "an id of the caller's, for logs"},
        END,
};

#define CONFIG_BYTES (1 << 20) /* as long as the daemon's own may be */

static const struct param submit_params[] = {
        {"kind", PARAM_TEXT, REQUIRED, .min = 1, .max = 32, .sentence = "kind of the job"},
        {"input", PARAM_OBJECT, REQUIRED, .sentence = "what the kind works on"},
        {"options", PARAM_TEXT_MAP, .max = 256, .sentence = "job options by name"},
        {"config", PARAM_TEXT, .max = CONFIG_BYTES,
         .sentence = "the user's genopt.yaml, of which job options count"},
        {"dry_run", PARAM_BOOL, .sentence = "plan only"},
        {"fresh", PARAM_BOOL, .sentence = "do not reuse results"},
        {"commands", PARAM_ARGVS, .max = 64,
         .sentence = "commands that the client may be asked to run"},
        {"meta", PARAM_OBJECT, .fields = meta_fields, .sentence = "what differs from run to run"},
        END,
};

static const struct param attach_params[] = {
        JOB,
        {"after", PARAM_U64, .sentence = "seq of the last event that is known; 0: from the start"},
        {"deltas", PARAM_BOOL, .sentence = "also text as it streams"},
        END,
};

static const struct param resume_params[] = {
        JOB,
        {"options", PARAM_TEXT_MAP, .max = 256, .sentence = "job options to change"},
        END,
};

static const struct param command_fields[] = {
        {"index", PARAM_U64, REQUIRED, .max = 63, .sentence = "which of the submit's commands"},
        {"status", PARAM_U64, REQUIRED, .max = 255, .sentence = "its exit status"},
        {"signal", PARAM_U64, .max = 64, .sentence = "the signal that ended it"},
        {"output", PARAM_TEXT, REQUIRED, .max = ANSWER_OUTPUT_BYTES,
         .sentence = "the end of its output"},
        END,
};

static const struct param answer_params[] = {
        JOB,
        {"wait", PARAM_ID, REQUIRED, .max = 64, .sentence = "id of the wait"},
        {"approve", PARAM_BOOL, .sentence = "go on, or not"},
        {"command", PARAM_OBJECT, .fields = command_fields, .sentence = "what a command did"},
        END,
};

static const char *const job_states[] = {
        "queued", "planning", "running", "waiting", "done", "failed", "cancelled", NULL,
};

static const struct param list_params[] = {
        {"state", PARAM_TEXTS, .max = 7, .choices = job_states,
         .sentence = "only jobs in these states"},
        {"limit", PARAM_U64, .min = 1, .max = 1000, .sentence = "at most so many (100)"},
        {"before", PARAM_ULID, .sentence = "only jobs older than this one"},
        {"dry_runs", PARAM_BOOL, .sentence = "plans that were only made (true)"},
        END,
};

static const struct param get_params[] = {
        JOB,
        {"calls", PARAM_BOOL, .sentence = "with its model calls"},
        {"prompts", PARAM_BOOL, .sentence = "and what they said"},
        END,
};

static const struct param why_params[] = {
        JOB,
        {"path", PARAM_TEXT, REQUIRED, .min = 1, .max = 1024, .sentence = "a file of the job"},
        END,
};

static const struct param put_params[] = {
        JOB,
        {"path", PARAM_TEXT, .min = 1, .max = 1024, .sentence = "answers a need of this path"},
        {"sha256", PARAM_HASH, REQUIRED, .unless = "absent", .sentence = "hash of the whole"},
        {"absent", PARAM_BOOL, .sentence = "the client does not have it"},
        {"offset", PARAM_U64, .max = BLOB_MAX_BYTES, .sentence = "where the data belongs (0)"},
        {"size", PARAM_U64, REQUIRED, .max = BLOB_MAX_BYTES, .unless = "absent",
         .sentence = "bytes of the whole"},
        {"data", PARAM_BASE64, REQUIRED, .max = BLOB_PART_BYTES, .unless = "absent",
         .sentence = "a part of it"},
        END,
};

static const struct param blob_get_params[] = {
        JOB,
        {"sha256", PARAM_HASH, REQUIRED, .sentence = "hash of the whole"},
        {"offset", PARAM_U64, .max = BLOB_MAX_BYTES, .sentence = "from where (0)"},
        {"limit", PARAM_U64, .min = 1, .max = BLOB_PART_BYTES, .sentence = "at most so many bytes"},
        END,
};

static const struct param check_params[] = {
        {"name", PARAM_TEXT, REQUIRED, .min = 1, .max = 60, .sentence = "name of its folder"},
        {"files", PARAM_TEXT_MAP, REQUIRED, .max = BLUEPRINT_FILES,
         .sentence = "texts of its files by path"},
        END,
};

static const struct param trim_params[] = {
        {"max_bytes", PARAM_U64, .sentence = "shrink to this; else to the configured bounds"},
        END,
};

static const char *const stop_modes[] = {"drain", "restart", "now", NULL};

static const struct param stop_params[] = {
        {"mode", PARAM_TEXT, .choices = stop_modes,
         .sentence = "let running calls end (drain; restart: who connects meanwhile waits for the "
                     "next daemon), or not"},
        END,
};

static const struct param cancel_params[] = {
        {"id", PARAM_ID, REQUIRED, .max = 256, .sentence = "id of the request"},
        END,
};

const struct method method_table[N_METHODS] = {
        [METHOD_INITIALIZE] =
                {"initialize", false, initialize_params,
                 "Says who speaks, and asks what the daemon can do. Optional.",
                 "{protocol, version, server, capabilities {frame_bytes, blob_bytes}}"},
        [METHOD_RPC_DISCOVER] = {"rpc.discover", false, no_params, "This document.",
                                 "OpenRPC document"},
        [METHOD_JOB_SUBMIT] = {"job/submit", false, submit_params,
                               "Submits a job, or gives a known answer at once.",
                               "{job, need [need…]} or {cached, result}"},
        [METHOD_JOB_ATTACH] = {"job/attach", false, attach_params,
                               "Starts job/event notifications of a job on this connection.",
                               "{job, state, head}"},
        [METHOD_JOB_DETACH] = {"job/detach", false, job_only, "Ends them.", "{}"},
        [METHOD_JOB_CANCEL] = {"job/cancel", false, job_only, "Cancels a job; finished files stay.",
                               "{state}"},
        [METHOD_JOB_RESUME] = {"job/resume", false, resume_params,
                               "Lets a waiting, failed or cancelled job go on.", "{state}"},
        [METHOD_JOB_ANSWER] = {"job/answer", false, answer_params, "Answers what a job waits for.",
                               "{state}"},
        [METHOD_JOB_LIST] = {"job/list", false, list_params, "The caller's jobs, the newest first.",
                             "{jobs [{job, kind, state, label, created, ended?, done, total, "
                             "nanousd, dry_run?}], "
                             "more}"},
        [METHOD_JOB_GET] = {"job/get", false, get_params, "One job with its tasks.",
                            "as in the list, and {tasks, waits, summary?, calls?}"},
        [METHOD_JOB_EXPLAIN] = {"job/explain", false, job_only,
                                "The plan of a job, with what was measured beside it.", "plan"},
        [METHOD_JOB_WHY] = {"job/why", false, why_params,
                            "Why a file is as it is: which of its inputs changed.",
                            "{path, done, source?, because, sentence, old, new, changes}"},
        [METHOD_BLOB_PUT] = {"blob/put", false, put_params,
                             "Sends content that a job needs, in parts.", "{have, complete}"},
        [METHOD_BLOB_GET] = {"blob/get", false, blob_get_params,
                             "Reads content of a job, in parts.", "{size, offset, data, end}"},
        [METHOD_BLUEPRINT_LIST] =
                {"blueprint/list", false, no_params, "The blueprints of the daemon.",
                 "{blueprints [{name, description, language, parameters, files}], faults [{name, "
                 "where?, message}]}"},
        [METHOD_BLUEPRINT_CHECK] = {"blueprint/check", false, check_params,
                                    "Reads a blueprint as a job would, and keeps nothing.",
                                    "one blueprint, as in the list; or an error with every fault"},
        [METHOD_CACHE_STATS] =
                {"cache/stats", false, no_params, "How the caches do.",
                 "{caches [{name, hits, misses, size, max_size, entries, hit_rate, max_age_s}]}"},
        [METHOD_CACHE_TRIM] = {"cache/trim", false, trim_params,
                               "Removes the entries used longest ago.", "{removed, size}"},
        [METHOD_CACHE_CLEAR] = {"cache/clear", false, no_params, "Removes all entries.",
                                "{removed, size}"},
        [METHOD_CACHE_VERIFY] = {"cache/verify", false, no_params,
                                 "Reads all entries and removes bad ones.", "{checked, bad}"},
        [METHOD_STATS_GET] = {"stats/get", false, no_params, "Counters and histograms by name.",
                              "counters and histograms by name"},
        [METHOD_DAEMON_STATUS] =
                {"daemon/status", false, no_params, "How the daemon does.",
                 "{version, pid, uid, uptime_s, state, jobs, calls, providers, …}"},
        [METHOD_DAEMON_RELOAD] = {"daemon/reload", false, no_params,
                                  "Reads configuration, blueprints and prices again.", "{}"},
        [METHOD_DAEMON_STOP] = {"daemon/stop", false, stop_params,
                                "Ends the daemon; jobs go on after its next start.",
                                "{drain_ms}: how long calls under way may take"},
        [METHOD_CANCEL_REQUEST] = {"$/cancelRequest", true, cancel_params,
                                   "The request is answered with -32800.", "none"},
};

const struct method *method_find(const char *name)
{
        for (size_t i = 0; i < N_METHODS; i++)
                if (str_is_equal(method_table[i].name, name))
                        return &method_table[i];
        return NULL;
}
