#include "client/link/connection.h"

#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>

#include "client/link/older.h"
#include "common/buf.h"
#include "common/clock.h"
#include "proto/frame.h"
#include "proto/rpc.h"

struct connection {
        int fd;
        struct frame_reader in;
        uint64_t last_id;
        size_t n_sent;  /* requests whose replies connection_settle() takes */
        json_t *events; /* owned: array of kept events, NULL when there are none */
        size_t i_event; /* the first not yet given */
};

int connection_adopt(int fd, struct connection **ret)
{
        struct connection *k = calloc(1, sizeof(*k));

        if (!k)
                return -ENOMEM;
        k->fd = fd;
        frame_reader_init(&k->in);
        *ret = k;
        return 0;
}

bool connection_is_foreign(const struct connection *k)
{
        struct ucred cred;
        socklen_t n = sizeof(cred);

        return getsockopt(k->fd, SOL_SOCKET, SO_PEERCRED, &cred, &n) == 0 && cred.uid != getuid();
}

struct connection *connection_free(struct connection *k)
{
        if (!k)
                return NULL;
        cleanup_close(&k->fd);
        frame_reader_done(&k->in);
        json_decref(k->events);
        free(k);
        return NULL;
}

int connection_open(const struct client *c, enum start_mode mode, struct connection **ret,
                    struct failure **ret_failure)
{
        _cleanup_close_ int fd = -1;
        int r;

        r = start_connect(c->socket, mode, &fd, ret_failure);
        if (r != 0)
                return r;
        r = connection_adopt(fd, ret);
        if (r == 0)
                fd = -1;
        return r;
}

/* Reads once; waits if nothing is there. */
static int receive(struct connection *k)
{
        int r = frame_reader_fill(&k->in, k->fd);

        return r == CONDITION_ABSENT ? -ECONNRESET : r;
}

static int send_all(struct connection *k, struct span text)
{
        while (text.n > 0) {
                struct pollfd p = {.fd = k->fd, .events = POLLIN | POLLOUT};
                ssize_t n = send(k->fd, text.at, text.n, MSG_NOSIGNAL | MSG_DONTWAIT);
                int r;

                if (n >= 0) {
                        text.at += n;
                        text.n -= (size_t)n;
                        continue;
                }
                if (errno == EINTR)
                        continue;
                if (errno != EAGAIN)
                        return errno == EPIPE ? -ECONNRESET : -errno;
                if (poll(&p, 1, -1) < 0) {
                        if (errno == EINTR)
                                continue;
                        return -errno;
                }
                if (p.revents & POLLIN) {
                        r = receive(k);
                        if (r < 0 && r != -EINTR)
                                return r;
                }
        }
        return 0;
}

/* Waits until there is something to read, or for a signal that the mask lets in. deadline_usec 0:
 * no end. */
static int wait_readable(struct connection *k, uint64_t deadline_usec, const sigset_t *mask)
{
        uint64_t now = deadline_usec ? clock_monotonic_usec() : 0,
                 left = deadline_usec > now ? deadline_usec - now : 0;
        struct timespec wait = {.tv_sec = (time_t)(left / 1000000),
                                .tv_nsec = (long)(left % 1000000 * 1000)};
        struct pollfd p = {.fd = k->fd, .events = POLLIN};
        int r;

        r = ppoll(&p, 1, deadline_usec ? &wait : NULL, mask);
        return r < 0 ? -errno : r == 0 ? CONDITION_ABSENT : 0;
}

/* One frame, waiting for it; the span holds until the next call. */
static int read_frame(struct connection *k, int timeout_ms, const sigset_t *mask, struct span *ret)
{
        uint64_t deadline =
                timeout_ms < 0 ? 0 : clock_monotonic_usec() + (uint64_t)timeout_ms * 1000;
        int r;

        for (;;) {
                r = frame_reader_next(&k->in, ret);
                if (r != CONDITION_ABSENT)
                        return r > 0 ? -EBADMSG : r;
                if (deadline || mask) {
                        r = wait_readable(k, deadline, mask);
                        if (r != 0)
                                return r;
                }
                r = receive(k);
                if (r < 0 && (r != -EINTR || mask))
                        return r;
        }
}

/* Our own data comes from json_write() of the daemon: what cannot be read here is a broken daemon.
 */
static int read_value(struct span text, json_t **ret)
{
        struct diag diag;
        int r;

        r = json_read(text, ret, &diag);
        return r > 0 ? -EBADMSG : r;
}

static int read_message(struct connection *k, int timeout_ms, const sigset_t *mask,
                        struct rpc_message *ret)
{
        _cleanup_(failure_freep) struct failure *failure = NULL;
        struct span frame;
        int r;

        r = read_frame(k, timeout_ms, mask, &frame);
        if (r != 0)
                return r;
        r = rpc_read(frame, ret, &failure);
        return r > 0 ? -EBADMSG : r;
}

static int keep_event(struct connection *k, const struct rpc_message *m)
{
        char method[SCAN_METHOD_BYTES];
        json_t *params;
        int r;

        scan_get_method(&m->scan, method);
        if (m->kind != RPC_NOTIFICATION || strcmp(method, "job/event") != 0)
                return 0; /* of a later protocol */
        if (!k->events)
                k->events = json_array();
        if (json_array_size(k->events) >= CONNECTION_EVENTS_MAX)
                return -ENOBUFS;
        r = read_value(m->body, &params);
        if (r < 0)
                return r;
        return json_array_append_new(k->events, params) < 0 ? -ENOMEM : 0;
}

/* The reply's result lies in the reader until the next read. */
static int await_reply(struct connection *k, uint64_t id, struct span *ret_result,
                       struct failure **ret_failure)
{
        for (;;) {
                struct rpc_message m;
                int r;

                r = read_message(k, -1, NULL, &m);
                if (r < 0)
                        return r;
                if (m.kind == RPC_RESULT && m.has_number && m.number == id) {
                        *ret_result = m.body;
                        return 0;
                }
                if (m.kind == RPC_ERROR &&
                    (!m.has_number || m.number == id)) { /* without: what we sent was unreadable */
                        r = rpc_read_error(&m, ret_failure);
                        return r < 0 ? r : CONDITION_REFUSED;
                }
                r = keep_event(k, &m);
                if (r < 0)
                        return r;
        }
}

int connection_call_text(struct connection *k, const char *method, struct span params,
                         struct span *ret_result, struct failure **ret_failure)
{
        _cleanup_buf_ struct buf b = {0};
        int r;

        r = rpc_write_request(&b, FRAMING_LINES, ++k->last_id, method, params);
        if (r < 0)
                return r;
        r = send_all(k, buf_span(&b));
        if (r < 0 && r != -ECONNRESET) /* a daemon that hangs up may have said why */
                return r;
        return await_reply(k, k->last_id, ret_result, ret_failure);
}

int connection_send_text(struct connection *k, const char *method, struct span params)
{
        _cleanup_buf_ struct buf b = {0};
        int r = rpc_write_request(&b, FRAMING_LINES, ++k->last_id, method, params);

        if (r == 0)
                k->n_sent++;
        r = r ? r : send_all(k, buf_span(&b));
        return r == -ECONNRESET ? 0 : r; /* a daemon that hangs up may have said why */
}

int connection_settle(struct connection *k, struct failure **ret_failure)
{
        _cleanup_(failure_freep) struct failure *first = NULL;

        while (k->n_sent > 0) {
                struct failure *failure = NULL;
                struct rpc_message m;
                int r = read_message(k, -1, NULL, &m);

                r = r                            ? r
                    : m.kind == RPC_ERROR        ? rpc_read_error(&m, &failure)
                    : m.kind == RPC_NOTIFICATION ? keep_event(k, &m)
                                                 : 0;
                if (r < 0)
                        return r;
                k->n_sent -= m.kind == RPC_RESULT || m.kind == RPC_ERROR;
                if (first)
                        failure_free(failure);
                else
                        first = failure;
        }
        if (!first)
                return 0;
        *ret_failure = take(first);
        return CONDITION_REFUSED;
}

static int call_once(struct connection *k, const char *method, const json_t *params,
                     struct span *ret_result, struct failure **ret_failure)
{
        _cleanup_buf_ struct buf text = {0};
        int r = params ? json_write(params, &text) : 0;

        return r < 0 ? r
                     : connection_call_text(k, method, buf_span(&text), ret_result, ret_failure);
}

int connection_call(struct connection *k, const char *method, json_t *params, json_t **ret_result,
                    struct failure **ret_failure)
{
        _cleanup_json_ json_t *owned = params;
        struct span result;
        int r = call_once(k, method, owned, &result, ret_failure);

        while (r == CONDITION_REFUSED && older_mend(method, owned, *ret_failure)) {
                *ret_failure = failure_free(*ret_failure);
                r = call_once(k, method, owned, &result, ret_failure);
        }
        if (r != 0 || !ret_result)
                return r;
        return read_value(result, ret_result);
}

int connection_ask(const struct client *c, enum start_mode mode, const char *method, json_t *params,
                   json_t **ret_result, struct failure **ret_failure)
{
        _cleanup_(connection_freep) struct connection *k = NULL;
        int r = connection_open(c, mode, &k, ret_failure);

        if (r != 0) {
                json_decref(params);
                return r;
        }
        return connection_call(k, method, params, ret_result, ret_failure);
}

int connection_next(struct connection *k, int timeout_ms, const sigset_t *mask, json_t **ret_event)
{
        for (;;) {
                struct rpc_message m;
                int r;

                if (k->i_event < json_array_size(k->events)) {
                        *ret_event = json_incref(json_array_get(k->events, k->i_event++));
                        if (k->i_event == json_array_size(k->events)) {
                                json_array_clear(k->events);
                                k->i_event = 0;
                        }
                        return 0;
                }
                r = read_message(k, timeout_ms, mask, &m);
                if (r == 0)
                        r = keep_event(k, &m);
                if (r != 0)
                        return r;
        }
}

int connection_wait_close(struct connection *k, int timeout_ms)
{
        struct span frame;
        int r;

        do
                r = read_frame(k, timeout_ms, NULL, &frame);
        while (r == 0);
        return r == -ECONNRESET ? 0 : r;
}
