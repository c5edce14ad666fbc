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

static const struct param settle_params[] = {
        JOB,
        {"findings", PARAM_OBJECT, REQUIRED,
         .sentence = "its numbers in the summary as they are by what came into the tree"},
        {"verified", PARAM_BOOL, .sentence = "what a command said that was run after the end"},
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
#define X(id, handler, name, params, sentence, result) \
        [METHOD_##id] = {name, false, params, sentence, result},
        METHOD_TABLE(X)
#undef X
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
