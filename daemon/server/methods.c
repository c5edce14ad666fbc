#include "daemon/server/methods.h"

/* By id; METHOD_CANCEL_REQUEST is the dispatcher's own. */
const struct server_method server_methods[N_METHODS] = {
        [METHOD_INITIALIZE] = {method_initialize},
        [METHOD_RPC_DISCOVER] = {method_rpc_discover},
        [METHOD_JOB_SUBMIT] = {method_job_submit},
        [METHOD_JOB_ATTACH] = {method_job_attach},
        [METHOD_JOB_DETACH] = {method_job_detach},
        [METHOD_JOB_CANCEL] = {method_job_cancel},
        [METHOD_JOB_RESUME] = {method_job_resume},
        [METHOD_JOB_ANSWER] = {method_job_answer},
        [METHOD_JOB_LIST] = {method_job_list},
        [METHOD_JOB_GET] = {method_job_get},
        [METHOD_JOB_EXPLAIN] = {method_job_explain},
        [METHOD_JOB_WHY] = {method_job_why},
        [METHOD_BLOB_PUT] = {method_blob_put},
        [METHOD_BLOB_GET] = {method_blob_get},
        [METHOD_BLUEPRINT_LIST] = {method_blueprint_list},
        [METHOD_BLUEPRINT_CHECK] = {method_blueprint_check},
        [METHOD_CACHE_STATS] = {method_cache_stats},
        [METHOD_CACHE_TRIM] = {method_cache_trim},
        [METHOD_CACHE_CLEAR] = {method_cache_clear},
        [METHOD_CACHE_VERIFY] = {method_cache_verify},
        [METHOD_STATS_GET] = {method_stats_get},
        [METHOD_DAEMON_STATUS] = {method_daemon_status},
        [METHOD_DAEMON_RELOAD] = {method_daemon_reload},
        [METHOD_DAEMON_STOP] = {method_daemon_stop},
};
