/* Methods of jobs, their content and what they are made by: to the jobs room and back. */

#include "common/json.h"
#include "daemon/server/methods.h"
#include "daemon/server/session.h"

static struct jobs *jobs_of(const struct server_call *c)
{
        return server_rooms(server_call_server(c))->jobs;
}

int method_job_submit(struct server_call *c, const json_t *params)
{
        struct jobs_request q = {.params = params, .raw_key = server_call_raw_key(c)};

        server_call_manifest(c, &q.text, &q.manifest);
        jobs_submit(jobs_of(c), server_call_peer(c), &q, server_call_answer, c);
        return 0;
}

int method_job_cancel(struct server_call *c, const json_t *params)
{
        jobs_cancel(jobs_of(c), server_call_peer(c), params, server_call_answer, c);
        return 0;
}

int method_job_resume(struct server_call *c, const json_t *params)
{
        jobs_resume(jobs_of(c), server_call_peer(c), params, server_call_answer, c);
        return 0;
}

int method_job_answer(struct server_call *c, const json_t *params)
{
        jobs_answer(jobs_of(c), server_call_peer(c), params, server_call_answer, c);
        return 0;
}

int method_job_settle(struct server_call *c, const json_t *params)
{
        jobs_settle(jobs_of(c), server_call_peer(c), params, server_call_answer, c);
        return 0;
}

int method_blob_put(struct server_call *c, const json_t *params)
{
        jobs_put_blob(jobs_of(c), server_call_peer(c), params, server_call_answer, c);
        return 0;
}

typedef int query_fn(struct jobs *j, const struct peer *p, const json_t *params, struct buf *out,
                     struct failure **ret_failure);

static int query(struct server_call *c, const json_t *params, query_fn *fn)
{
        _cleanup_buf_ struct buf out = {0};
        struct failure *failure = NULL;
        int k;

        buf_init(&out, 0);
        k = fn(jobs_of(c), server_call_peer(c), params, &out, &failure);
        if (k < 0)
                return k;
        if (k)
                server_call_fail(c, failure);
        else
                server_call_reply(c, buf_span(&out));
        failure_free(failure);
        return 0;
}

int method_blob_get(struct server_call *c, const json_t *params)
{
        return query(c, params, jobs_get_blob);
}

int method_job_list(struct server_call *c, const json_t *params)
{
        jobs_list(jobs_of(c), server_call_peer(c), params, server_call_answer, c);
        return 0;
}

int method_job_get(struct server_call *c, const json_t *params)
{
        jobs_get(jobs_of(c), server_call_peer(c), params, server_call_answer, c);
        return 0;
}

int method_job_explain(struct server_call *c, const json_t *params)
{
        jobs_explain(jobs_of(c), server_call_peer(c), params, server_call_answer, c);
        return 0;
}

int method_job_why(struct server_call *c, const json_t *params)
{
        return query(c, params, jobs_why);
}

int method_blueprint_list(struct server_call *c, const json_t *params)
{
        (void)params;
        jobs_list_blueprints(jobs_of(c), server_call_answer, c);
        return 0;
}

int method_blueprint_check(struct server_call *c, const json_t *params)
{
        jobs_check_blueprint(jobs_of(c), params, server_call_answer, c);
        return 0;
}

int method_job_attach(struct server_call *c, const json_t *params)
{
        const char *job = json_get_text(params, "job");
        struct session *s = server_call_session(c);
        struct failure *failure = NULL;
        _cleanup_buf_ struct buf out = {0};
        uint64_t after = 0;
        int k;

        buf_init(&out, 0);
        (void)json_get_u64(params, "after", &after);
        k = session_subscribe(s, span_of(job), after, json_get_bool(params, "deltas", false), &out,
                              &failure);
        if (k < 0)
                return k;
        if (k)
                server_call_fail(c, failure);
        else
                server_call_reply(c, buf_span(&out));
        failure_free(failure);
        return 0;
}

int method_job_detach(struct server_call *c, const json_t *params)
{
        const char *job = json_get_text(params, "job");
        struct ulid id;

        if (ulid_from_text(span_of(job), &id) == 0)
                session_unsubscribe(server_call_session(c), &id);
        server_call_reply(c, SPAN("{}"));
        return 0;
}
