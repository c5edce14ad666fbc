#include "daemon/server/session.h"

#include <event2/event.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "common/log.h"
#include "daemon/loop/loop.h"
#include "daemon/metrics/metrics.h"
#include "daemon/server/answers.h"
#include "proto/rpc.h"

#define OUT_CEILING_BYTES \
        (SESSION_OUT_MAX_BYTES + SESSION_OUT_PAUSE_BYTES) /* with a consumed front */

/* ---- end ---- */

static void free_session(void *arg)
{
        struct session *s = arg;

        buf_done(&s->in);
        buf_done(&s->out);
        timer_free(s->drain);
        timer_free(s->half);
        free(s);
}

static void drop_subscription(struct subscription *sub)
{
        LIST_REMOVE(sub, entry);
        sub->session->n_subscriptions--;
        job_cursor_free(sub->cursor);
        free(sub);
}

void session_close(struct session *s)
{
        if (s->is_dead)
                return;
        s->is_dead = true;
        server_remove_session(s->server, s);
        session_forget_calls(s);
        if (s->n_answers > 0)
                answers_forget(server_answers(s->server), s);
        while (!LIST_EMPTY(&s->subscriptions))
                drop_subscription(LIST_FIRST(&s->subscriptions));
        event_free(s->on_read);
        event_free(s->on_write);
        timer_stop(s->drain);
        timer_stop(s->half);
        close(s->fd);
        if (!s->is_pumping && loop_defer(server_rooms(s->server)->loop, free_session, s) < 0)
                log_error("a session cannot be freed: out of memory");
}

/* ---- writing ---- */

static size_t n_waiting(const struct session *s)
{
        return s->out.n - s->out_start;
}

static void on_drain_timeout(void *arg)
{
        struct session *s = arg;

        log_notice("a client of uid %u does not read: cut off", s->peer.uid);
        metrics_count(sessions_refused);
        session_close(s);
}

static void resume_reading(struct session *s);

/* The consumed front counts against the ceiling of the buffer too: it is given back in time. */
static void compact(struct session *s)
{
        if (s->out_start <= SESSION_OUT_PAUSE_BYTES)
                return;
        buf_consume(&s->out, s->out_start);
        s->out_start = 0;
}

static void wrote(struct session *s, size_t n)
{
        metrics_add(METRIC_bytes_out, n);
        s->out_start += n;
        if (n_waiting(s) == 0) {
                bool is_large = s->out.room > 4 * SESSION_READ_BYTES;

                if (is_large)
                        buf_done(&s->out);
                else
                        buf_clear(&s->out);
                if (is_large)
                        buf_init(&s->out, OUT_CEILING_BYTES);
                s->out_start = 0;
                timer_stop(s->drain);
                event_del(s->on_write);
        } else {
                (void)!timer_start(s->drain, server_rooms(s->server)->drain_ms);
        }
}

static void write_some(struct session *s)
{
        ssize_t n = 0;

        while (n_waiting(s) > 0) {
                n = send(s->fd, s->out.at + s->out_start, n_waiting(s), MSG_NOSIGNAL);
                if (n < 0)
                        break;
                wrote(s, (size_t)n);
        }
        if (n < 0 && errno != EAGAIN && errno != EINTR) {
                session_close(s);
                return;
        }
        if (n_waiting(s) > 0) {
                if (!timer_is_running(s->drain))
                        (void)!timer_start(s->drain, server_rooms(s->server)->drain_ms);
                event_add(s->on_write, NULL);
        } else if (s->is_closing) {
                session_close(s);
        }
}

void session_flush(struct session *s)
{
        if (s->n_answers > 0)
                answers_send(server_answers(s->server));
        if (s->is_dead)
                return;
        if (s->out.failed) {
                log_notice("a client of uid %u is too slow: cut off", s->peer.uid);
                metrics_count(sessions_refused);
                session_close(s);
                return;
        }
        if (!event_pending(s->on_write, EV_WRITE, NULL))
                write_some(s);
        if (s->is_dead)
                return;
        compact(s);
        /* All may have gone at once, and then nobody else wakes what was paused. */
        if (s->is_reading_paused && !event_pending(s->on_write, EV_WRITE, NULL))
                event_active(s->on_write, EV_WRITE, 0);
}

int session_send(struct session *s, const struct iovec *pieces, size_t n_pieces)
{
        ssize_t sent = 0;

        if (n_waiting(s) == 0 && !s->out.failed) {
                struct msghdr m = {.msg_iov = (struct iovec *)pieces, .msg_iovlen = n_pieces};

                sent = n_pieces == 1 ? send(s->fd, pieces->iov_base, pieces->iov_len, MSG_NOSIGNAL)
                                     : sendmsg(s->fd, &m, MSG_NOSIGNAL);
                if (sent > 0)
                        metrics_add(METRIC_bytes_out, (uint64_t)sent);
        }
        /* A fault of the socket shows again, and is handled, when the rest is flushed. */
        for (size_t i = 0, skip = (size_t)MAX2(sent, 0); i < n_pieces; i++) {
                size_t n = MIN2(skip, pieces[i].iov_len);

                buf_add(&s->out, (const char *)pieces[i].iov_base + n, pieces[i].iov_len - n);
                skip -= n;
        }
        return s->out.failed;
}

int session_answer(struct session *s, const struct iovec *pieces, size_t n_pieces)
{
        if (n_waiting(s) > 0 || !answers_add(server_answers(s->server), s, pieces, n_pieces))
                return session_send(s, pieces, n_pieces);
        s->n_answers++;
        return 0;
}

void session_deliver(struct session *s, struct span answer)
{
        const struct iovec piece = {(char *)answer.at, answer.n};

        s->n_answers--;
        (void)!session_send(s, &piece, 1); /* what failed shows in the flush */
        if (n_waiting(s) > 0 || s->out.failed || s->is_closing || s->is_reading_paused)
                session_flush(s);
}

static void on_writable(evutil_socket_t fd, short what, void *arg)
{
        struct session *s = arg;

        (void)fd;
        (void)what;
        write_some(s);
        if (s->is_dead)
                return;
        compact(s);
        if (n_waiting(s) >= SESSION_OUT_PAUSE_BYTES)
                return;
        session_pump(s);
        if (s->is_reading_paused)
                resume_reading(s);
}

/* ---- events of jobs ---- */

static bool pump_one(struct session *s, struct subscription *sub)
{
        struct buf body;
        int k = 0;

        buf_init(&body, 0);
        for (int i = 0; i < SESSION_EVENTS_PER_TURN && n_waiting(s) < SESSION_OUT_PAUSE_BYTES;
             i++) {
                buf_clear(&body);
                k = job_cursor_next(sub->cursor, &body);
                k = k ? k
                      : rpc_write_notification(&s->out, session_framing(s), "job/event",
                                               buf_span(&body));
                if (k)
                        break;
                metrics_count(frames_out);
        }
        buf_done(&body);
        if (k < 0)
                log_error("an event cannot be sent: %s", strerror(-k));
        return k == 0; /* there may be more */
}

static void pump(void *arg)
{
        struct session *s = arg;
        struct subscription *sub, *next;
        bool has_more = false;

        s->is_pumping = false;
        if (s->is_dead) {
                free_session(s);
                return;
        }
        for (sub = LIST_FIRST(&s->subscriptions); sub; sub = next) {
                next = LIST_NEXT(sub, entry);
                if (pump_one(s, sub))
                        has_more = true;
                else if (job_cursor_is_over(sub->cursor))
                        drop_subscription(sub); /* all is told, and nothing follows */
        }
        session_flush(s);
        if (has_more && !s->is_dead && n_waiting(s) < SESSION_OUT_PAUSE_BYTES)
                session_pump(s);
}

void session_pump(struct session *s)
{
        if (s->is_pumping || s->is_dead || s->n_subscriptions == 0)
                return;
        if (loop_post(server_rooms(s->server)->loop, pump, s) == 0)
                s->is_pumping = true;
}

static void on_ready(void *arg)
{
        struct subscription *sub = arg;

        session_pump(sub->session);
}

static bool is_watching(const struct session *s, struct span job)
{
        const struct subscription *sub;
        struct ulid id;

        if (ulid_from_text(job, &id) < 0)
                return false;
        LIST_FOREACH (sub, &s->subscriptions, entry)
                if (memcmp(sub->job.at, id.at, ULID_BYTES) == 0)
                        return true;
        return false;
}

int session_subscribe(struct session *s, struct span job, uint64_t after, bool has_deltas,
                      struct buf *ret_reply, struct failure **ret_failure)
{
        struct subscription *sub;
        int k;

        /* Attaching again takes no room: it moves the cursor. */
        if (s->n_subscriptions - is_watching(s, job) >= SESSION_MAX_SUBSCRIPTIONS) {
                *ret_failure = failure_new(FAILURE_TOO_MANY_SESSIONS,
                                           "a connection watches at most %d jobs",
                                           SESSION_MAX_SUBSCRIPTIONS);
                return *ret_failure ? CONDITION_REFUSED : -ENOMEM;
        }
        sub = calloc(1, sizeof(*sub));
        if (!sub)
                return -ENOMEM;
        sub->session = s;
        k = job_cursor_new(server_rooms(s->server)->jobs, &s->peer, job, after, has_deltas,
                           on_ready, sub, &sub->cursor, ret_reply, ret_failure);
        if (k) {
                free(sub);
                return k;
        }
        job_cursor_job(sub->cursor, &sub->job);
        session_unsubscribe(s, &sub->job);
        LIST_INSERT_HEAD(&s->subscriptions, sub, entry);
        s->n_subscriptions++;
        session_pump(s);
        return 0;
}

bool session_unsubscribe(struct session *s, const struct ulid *job)
{
        struct subscription *sub;

        LIST_FOREACH (sub, &s->subscriptions, entry)
                if (memcmp(sub->job.at, job->at, ULID_BYTES) == 0) {
                        drop_subscription(sub);
                        return true;
                }
        return false;
}

/* ---- reading ---- */

enum framing session_framing(const struct session *s)
{
        return s->decoder.framing;
}

/* The stream cannot be followed any more: say so, let it drain, close. */
static void give_up(struct session *s, enum failure_id why, const char *message)
{
        struct failure f = {.id = why, .message = (char *)message};

        if (rpc_write_error(&s->out, session_framing(s), (struct span){0}, &f) < 0) {
                session_close(s);
                return;
        }
        s->is_closing = true;
        event_del(s->on_read);
        session_flush(s);
}

/* A peer that has shut down its side may still read. One that is gone altogether is told from it by
 * POLLHUP. */
static bool is_gone(const struct session *s)
{
        struct pollfd p = {.fd = s->fd};

        return poll(&p, 1, 0) == 1 && (p.revents & (POLLHUP | POLLERR));
}

static void on_half_timeout(void *arg)
{
        struct session *s = arg;

        if (!s->has_peer_ended)
                give_up(s, FAILURE_PARSE_ERROR, "the rest of a frame did not come in time");
        else if (is_gone(s))
                session_close(s);
        else
                (void)!timer_start(s->half, server_rooms(s->server)->half_frame_ms);
}

/* Handles the whole frames in `in`; gives the number of bytes that are done with. */
static size_t take_frames(struct session *s, struct span in)
{
        size_t done = 0, used;
        struct span frame;
        int k = 0;

        while (!s->is_dead && !s->is_closing && n_waiting(s) < SESSION_OUT_PAUSE_BYTES) {
                k = frame_next(&s->decoder, (struct span){in.at + done, in.n - done}, &frame,
                               &used);
                if (k)
                        break;
                metrics_count(frames_in);
                done += used;
                session_handle(s, frame);
        }
        if (s->is_dead || s->is_closing)
                return in.n;
        if (k == FRAME_TOO_LARGE)
                give_up(s, FAILURE_FRAME_TOO_LARGE, NULL);
        else if (k != 0 && k != CONDITION_ABSENT)
                give_up(s, FAILURE_PARSE_ERROR,
                        "neither a line of JSON nor a header section with Content-Length");
        else if (k == 0)
                s->is_reading_paused = event_del(s->on_read) == 0;
        return done;
}

/* What waits in the session's own buffer: the beginning of a frame, or frames that came while it
 * was paused. */
static void take_input(struct session *s)
{
        size_t done = take_frames(s, buf_span(&s->in));

        if (s->is_dead)
                return;
        buf_consume(&s->in, done);
        if (s->in.n == 0) {
                buf_done(&s->in);
                buf_init(&s->in, 0);
                timer_stop(s->half);
        } else if (!s->is_reading_paused && !timer_is_running(s->half)) {
                (void)!timer_start(s->half, server_rooms(s->server)->half_frame_ms);
        }
        session_flush(s);
}

/* Once nothing is under way for a peer that has ended: what waits for it goes out, then it is
 * closed. */
static void end_if_idle(struct session *s)
{
        if (s->n_calls > 0 || s->n_subscriptions > 0)
                return;
        s->is_closing = true;
        session_flush(s);
        if (!s->is_dead && n_waiting(s) == 0)
                session_close(s);
}

/* What is under way is answered all the same: this is no giving up. */
static void say_half(struct session *s)
{
        struct failure f = {.id = FAILURE_PARSE_ERROR,
                            .message = (char *)"the stream ends within a frame"};

        if (rpc_write_error(&s->out, session_framing(s), (struct span){0}, &f) < 0)
                session_close(s);
}

/* A shell that closes its end still reads: requests under way are answered, subscriptions go on
 * until it is gone. */
static void on_peer_end(struct session *s)
{
        struct span frame;
        int k;

        event_del(s->on_read);
        timer_stop(s->half);
        if (is_gone(s)) {
                session_close(s);
                return;
        }
        s->has_peer_ended = true;
        k = frame_last(&s->decoder, buf_span(&s->in), &frame);
        if (k == 0)
                session_handle(s, frame);
        else if (k == FRAME_HALF)
                say_half(s);
        if (s->is_dead)
                return;
        session_flush(s);
        if (!s->is_dead)
                end_if_idle(s);
        if (!s->is_dead)
                (void)!timer_start(s->half, server_rooms(s->server)->half_frame_ms);
}

void session_call_ended(struct session *s)
{
        session_flush(s);
        if (!s->is_dead && s->has_peer_ended)
                end_if_idle(s);
}

static void resume_reading(struct session *s)
{
        s->is_reading_paused = false;
        if (!s->has_peer_ended)
                event_add(s->on_read, NULL);
        take_input(s);
}

/* A client that waits keeps no buffer: what comes is read into the server's, and only the rest of
 * it is kept. */
static ssize_t read_fresh(struct session *s)
{
        struct span in = {server_scratch(s->server), 0};
        ssize_t n = recv(s->fd, server_scratch(s->server), SESSION_READ_BYTES, 0);
        size_t done;

        if (n <= 0)
                return n;
        in.n = (size_t)n;
        done = take_frames(s, in);
        if (!s->is_dead && buf_add(&s->in, in.at + done, in.n - done) < 0)
                session_close(s);
        return n;
}

static ssize_t read_more(struct session *s)
{
        size_t missing = frame_n_missing(&s->decoder, s->in.n);
        ssize_t n;

        if (buf_reserve(&s->in, MAX2(missing, (size_t)SESSION_READ_BYTES)) < 0) {
                errno = ENOMEM;
                return -1;
        }
        n = recv(s->fd, s->in.at + s->in.n, s->in.room - s->in.n - 1, 0);
        if (n > 0) {
                s->in.n += (size_t)n;
                s->in.at[s->in.n] = 0;
        }
        return n;
}

static void on_readable(evutil_socket_t fd, short what, void *arg)
{
        struct session *s = arg;
        bool is_fresh = s->in.n == 0;
        ssize_t n = is_fresh ? read_fresh(s) : read_more(s);

        (void)fd;
        (void)what;
        if (s->is_dead || (n < 0 && (errno == EAGAIN || errno == EINTR)))
                return;
        if (n < 0) {
                session_close(s);
                return;
        }
        if (n == 0) {
                on_peer_end(s);
                return;
        }
        metrics_add(METRIC_bytes_in, (uint64_t)n);
        if (is_fresh && s->in.n == 0) {
                if (s->n_answers == 0 || n_waiting(s) > 0)
                        session_flush(s);
                return;
        }
        timer_stop(s->half);
        take_input(s);
}

/* ---- beginning ---- */

int session_new(struct server *server, int fd, const struct peer *peer, struct session **ret)
{
        struct event_base *base = loop_base(server_rooms(server)->loop);
        struct session *s = calloc(1, sizeof(*s));
        int k;

        if (!s)
                return -ENOMEM;
        s->server = server;
        s->fd = fd;
        s->peer = *peer;
        buf_init(&s->in, 0);
        buf_init(&s->out, OUT_CEILING_BYTES);
        LIST_INIT(&s->calls);
        LIST_INIT(&s->subscriptions);
        k = timer_new(server_rooms(server)->loop, on_drain_timeout, s, &s->drain);
        k = k ? k : timer_new(server_rooms(server)->loop, on_half_timeout, s, &s->half);
        s->on_read = event_new(base, fd, EV_READ | EV_PERSIST, on_readable, s);
        s->on_write = event_new(base, fd, EV_WRITE | EV_PERSIST, on_writable, s);
        if (k == 0 && s->on_read && s->on_write && event_add(s->on_read, NULL) == 0) {
                *ret = s;
                return 0;
        }
        if (s->on_read)
                event_free(s->on_read);
        if (s->on_write)
                event_free(s->on_write);
        free_session(s);
        return -ENOMEM;
}
