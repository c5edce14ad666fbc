/* One frame: what it asks for, whether its answer is known by its own bytes, who handles it. */

#include <sys/uio.h>

#include "common/clock.h"
#include "common/json.h"
#include "common/log.h"
#include "daemon/loop/loop.h"
#include "daemon/metrics/metrics.h"
#include "daemon/server/raw-key.h"
#include "daemon/server/session.h"
#include "proto/listed.h"
#include "proto/rpc.h"

struct server_call {
        LIST_ENTRY(server_call) entry;
        struct server *server;
        struct session *session; /* NULL: gone, or the request was cancelled */
        struct peer peer;
        bool has_raw_key;
        struct hash raw_key;
        struct span text, manifest; /* borrowed: of the frame, while it is handled */
        enum method_id method;
        uint64_t started_usec;
        size_t n_id;
        char id[SCAN_ID_BYTES]; /* as it stood in the request */
};

struct server *server_call_server(const struct server_call *c)
{
        return c->server;
}

const struct peer *server_call_peer(const struct server_call *c)
{
        return &c->peer;
}

const struct hash *server_call_raw_key(const struct server_call *c)
{
        return c->has_raw_key ? &c->raw_key : NULL;
}

void server_call_manifest(const struct server_call *c, struct span *ret_text,
                          struct span *ret_manifest)
{
        *ret_text = c->text;
        *ret_manifest = c->manifest;
}

struct session *server_call_session(const struct server_call *c)
{
        return c->session;
}

/* ---- ends of a call ---- */

static void detach(struct server_call *c)
{
        if (!c->session)
                return;
        LIST_REMOVE(c, entry);
        c->session->n_calls--;
        c->session = NULL;
}

static void finish(struct server_call *c, struct session *s)
{
        if (c->method == METHOD_JOB_SUBMIT)
                metrics_observe(METRIC_submit_usec, clock_monotonic_usec() - c->started_usec);
        detach(c);
        free(c);
        if (!s)
                return;
        metrics_count(frames_out);
        session_call_ended(s);
}

static struct span id_of(const struct server_call *c)
{
        return (struct span){c->id, c->n_id};
}

void server_call_reply(struct server_call *c, struct span result)
{
        struct session *s = c->session;

        if (s && rpc_write_result(&s->out, session_framing(s), id_of(c), result) < 0)
                log_error("a reply cannot be written: out of memory");
        finish(c, s);
}

void server_call_fail(struct server_call *c, const struct failure *failure)
{
        static const struct failure out_of_memory = {.id = FAILURE_INTERNAL};
        struct session *s = c->session;

        if (s && rpc_write_error(&s->out, session_framing(s), id_of(c),
                                 failure ? failure : &out_of_memory) < 0)
                log_error("an error cannot be written: out of memory");
        finish(c, s);
}

void server_call_answer(void *arg, struct span result, const struct failure *failure)
{
        if (failure)
                server_call_fail(arg, failure);
        else
                server_call_reply(arg, result);
}

void server_call_reply_json(struct server_call *c, json_t *result)
{
        struct buf out;

        buf_init(&out, 0);
        if (result && json_write(result, &out) == 0)
                server_call_reply(c, buf_span(&out));
        else
                server_call_fail(c, NULL);
        buf_done(&out);
        json_decref(result);
}

/* Requests of a connection that is gone go on, without anybody to tell: what was accepted is not
 * lost. */
void session_forget_calls(struct session *s)
{
        while (!LIST_EMPTY(&s->calls))
                detach(LIST_FIRST(&s->calls));
}

/* ---- cancelling a request ---- */

static void cancel_request(struct session *s, const json_t *params)
{
        _cleanup_free_ char *id = NULL;
        struct server_call *c;

        id = json_dumps(json_object_get(params, "id"), JSON_ENCODE_ANY | JSON_COMPACT);
        if (!id)
                return;
        LIST_FOREACH (c, &s->calls, entry) {
                struct failure f = {.id = FAILURE_REQUEST_CANCELLED};

                if (!span_is_equal(id_of(c), span_of(id)))
                        continue;
                (void)!rpc_write_error(&s->out, session_framing(s), id_of(c), &f);
                detach(c);
                session_call_ended(s);
                return;
        }
}

/* ---- a request known by its bytes ---- */

struct raw_answer {
        struct session *session;
        struct span id;
};

static int send_raw(struct span result, void *arg)
{
        struct raw_answer *a = arg;
        struct rpc_envelope e;

        rpc_envelope_init(&e, session_framing(a->session), a->id, result.n);
        const struct iovec pieces[] = {
                {e.head, e.n_head},
                {(char *)result.at, result.n},
                {(char *)e.tail.at, e.tail.n},
        };
        return session_answer(a->session, pieces, N_ELEMENTS(pieces));
}

static bool answer_raw(struct session *s, const struct scan *scan, struct hash *ret_key)
{
        struct raw_answer a = {s, scan->id};
        uint64_t start = clock_monotonic_usec();

        raw_key_make(server_keyer(s->server), s->peer.uid, scan->params_at, ret_key);
        if (jobs_answer_raw(server_rooms(s->server)->jobs, ret_key, send_raw, &a) != 0) {
                metrics_count(cache_misses);
                return false;
        }
        metrics_count(cache_hits);
        metrics_count(frames_out);
        metrics_observe(METRIC_submit_usec, clock_monotonic_usec() - start);
        return true;
}

/* ---- a request that must be read ---- */

static void refuse(struct session *s, struct span id, struct failure *f)
{
        if (rpc_write_error(&s->out, session_framing(s), id,
                            f ? f : &(struct failure){.id = FAILURE_INTERNAL}) < 0)
                log_error("an error cannot be written: out of memory");
        failure_free(f);
}

static struct server_call *new_call(struct session *s, const struct scan *scan,
                                    enum method_id method, const struct hash *raw_key)
{
        struct server_call *c = calloc(1, sizeof(*c));

        if (!c)
                return NULL;
        c->server = s->server;
        c->session = s;
        c->peer = s->peer;
        c->method = method;
        c->started_usec = clock_monotonic_usec();
        c->n_id = scan->id.n;
        memcpy(c->id, scan->id.at, scan->id.n);
        c->has_raw_key = raw_key != NULL;
        if (raw_key)
                c->raw_key = *raw_key;
        LIST_INSERT_HEAD(&s->calls, c, entry);
        s->n_calls++;
        return c;
}

/* A manifest of ten thousand files would cost more to read than all that is known of them: where it
 * is as our client writes it, params are read with [] in its place. CONDITION_REFUSED: read all. */
static int read_without_manifest(const struct scan *scan, json_t **ret)
{
        const char *end = scan->params.at + scan->params.n;
        struct span before = {scan->params.at, (size_t)(scan->manifest.at - scan->params.at)},
                    after = {scan->manifest.at + scan->manifest.n, 0};
        _cleanup_buf_ struct buf text = {0};
        struct diag ignored;

        after.n = (size_t)(end - after.at);
        buf_init(&text, 0);
        buf_add_span(&text, before);
        buf_add_text(&text, "[]");
        buf_add_span(&text, after);
        return text.failed ? text.failed : json_read(buf_span(&text), ret, &ignored);
}

/* scan->manifest is cleared when params have it. */
static int read_params(struct scan *scan, const struct method *m, json_t **ret,
                       struct failure **ret_failure)
{
        _cleanup_json_ json_t *params = NULL;
        struct diag diag;
        int k = CONDITION_REFUSED;

        if (m != &method_table[METHOD_JOB_SUBMIT] || !listed_is_plain(scan->manifest))
                scan->manifest = (struct span){0};
        if (scan->manifest.n > 0)
                k = read_without_manifest(scan, &params);
        if (k == CONDITION_REFUSED) {
                scan->manifest = (struct span){0};
                k = scan->params.n ? json_read(scan->params, &params, &diag) : 0;
        }
        if (k == CONDITION_REFUSED)
                *ret_failure = failure_new_at(FAILURE_INVALID_PARAMS, "/params", "%s", diag.text);
        k = k ? k : params_check(m->params, params, ret_failure);
        if (k)
                return k;
        *ret = params ? take(params) : json_object();
        return *ret ? 0 : -ENOMEM;
}

static void call_method(struct session *s, struct scan *scan, const struct method *m,
                        const struct hash *raw_key)
{
        _cleanup_json_ json_t *params = NULL;
        struct failure *failure = NULL;
        enum method_id id = (enum method_id)(m - method_table);
        struct server_call *c;
        int k = read_params(scan, m, &params, &failure);

        if (k) {
                if (!m->is_notification)
                        refuse(s, scan->id, failure);
                else
                        failure_free(failure);
                return;
        }
        if (id == METHOD_CANCEL_REQUEST) {
                cancel_request(s, params);
                return;
        }
        c = s->n_calls < SESSION_MAX_CALLS ? new_call(s, scan, id, raw_key) : NULL;
        if (!c) {
                refuse(s, scan->id,
                       failure_new(FAILURE_TOO_MANY_SESSIONS,
                                   "too many requests under way on one connection"));
                return;
        }
        if (scan->manifest.n > 0) {
                c->text = scan->params;
                c->manifest = scan->manifest;
        }
        k = server_methods[id].handle(c, params);
        if (k != 0)
                server_call_fail(
                        c, failure = failure_new(FAILURE_INTERNAL, "%s",
                                                 k < 0 ? strerror(-k) : "an unhandled condition"));
        failure_free(failure);
}

void session_handle(struct session *s, struct span frame)
{
        char name[SCAN_METHOD_BYTES];
        const struct method *m;
        struct hash raw_key;
        struct scan scan;
        int k = scan_message(frame, &scan);

        if (k) {
                refuse(s, scan.id, rpc_scan_failure(k, &scan));
                return;
        }
        if (scan.method.n == 0)
                return; /* a reply: we ask nothing of clients */
        scan_get_method(&scan, name);
        m = method_find(name);
        if (!m) {
                if (scan.id.n)
                        refuse(s, scan.id,
                               failure_new(FAILURE_METHOD_NOT_FOUND, "there is no method `%s`",
                                           name));
                return;
        }
        if (!m->is_notification && scan.id.n == 0)
                return; /* a notification of what is none has no answer */
        if (m == &method_table[METHOD_JOB_SUBMIT]) {
                if (!answer_raw(s, &scan, &raw_key))
                        call_method(s, &scan, m, &raw_key);
        } else {
                call_method(s, &scan, m, NULL);
        }
}
