#pragma once
/* The handlers, one per method; the table that names them is in methods.c. */

#include "daemon/server/server.h"

int method_initialize(struct server_call *c, const json_t *params);
int method_rpc_discover(struct server_call *c, const json_t *params);
int method_job_submit(struct server_call *c, const json_t *params);
int method_job_attach(struct server_call *c, const json_t *params);
int method_job_detach(struct server_call *c, const json_t *params);
int method_job_cancel(struct server_call *c, const json_t *params);
int method_job_resume(struct server_call *c, const json_t *params);
int method_job_answer(struct server_call *c, const json_t *params);
int method_job_list(struct server_call *c, const json_t *params);
int method_job_get(struct server_call *c, const json_t *params);
int method_job_explain(struct server_call *c, const json_t *params);
int method_job_why(struct server_call *c, const json_t *params);
int method_blob_put(struct server_call *c, const json_t *params);
int method_blob_get(struct server_call *c, const json_t *params);
int method_blueprint_list(struct server_call *c, const json_t *params);
int method_blueprint_check(struct server_call *c, const json_t *params);
int method_cache_stats(struct server_call *c, const json_t *params);
int method_cache_trim(struct server_call *c, const json_t *params);
int method_cache_clear(struct server_call *c, const json_t *params);
int method_cache_verify(struct server_call *c, const json_t *params);
int method_stats_get(struct server_call *c, const json_t *params);
int method_daemon_status(struct server_call *c, const json_t *params);
int method_daemon_reload(struct server_call *c, const json_t *params);
int method_daemon_stop(struct server_call *c, const json_t *params);

/* What concerns all users is for the daemon's own user and root. */
bool server_may_manage(const struct server_call *c);
void server_refuse_manage(struct server_call *c);
