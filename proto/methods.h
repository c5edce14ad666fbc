#pragma once
/* The methods: one row each, with what they take and give. Validation, rpc.discover and the test of
 * docs/protocol.md are made from this table; the server's handlers are looked up by id. */

#include "proto/params.h"

enum method_id {
        METHOD_INITIALIZE,
        METHOD_RPC_DISCOVER,
        METHOD_JOB_SUBMIT,
        METHOD_JOB_ATTACH,
        METHOD_JOB_DETACH,
        METHOD_JOB_CANCEL,
        METHOD_JOB_RESUME,
        METHOD_JOB_ANSWER,
        METHOD_JOB_LIST,
        METHOD_JOB_GET,
        METHOD_JOB_EXPLAIN,
        METHOD_JOB_WHY,
        METHOD_BLOB_PUT,
        METHOD_BLOB_GET,
        METHOD_BLUEPRINT_LIST,
        METHOD_BLUEPRINT_CHECK,
        METHOD_CACHE_STATS,
        METHOD_CACHE_TRIM,
        METHOD_CACHE_CLEAR,
        METHOD_CACHE_VERIFY,
        METHOD_STATS_GET,
        METHOD_DAEMON_STATUS,
        METHOD_DAEMON_RELOAD,
        METHOD_DAEMON_STOP,
        METHOD_CANCEL_REQUEST,
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
