#include "daemon/server/server.h"

#include <event2/event.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "common/clock.h"
#include "common/log.h"
#include "daemon/loop/loop.h"
#include "daemon/metrics/metrics.h"
#include "daemon/options/options.h"
#include "daemon/server/answers.h"
#include "daemon/server/raw-key.h"
#include "daemon/server/session.h"
#include "proto/rpc.h"

#define ACCEPTS_PER_TURN 32
#define ACCEPT_PAUSE_MS 200 /* without descriptors: others may be closed meanwhile */

struct server {
        struct server_setup setup;
        struct event *on_accept; /* owned; NULL once it does not listen any more */
        struct timer *pause;
        uint64_t started_usec;
        struct raw_keyer keyer;
        struct answers *answers; /* owned */
        char *scratch;           /* owned: SESSION_READ_BYTES */
        LIST_HEAD(, session) sessions;
        size_t n_sessions;
        bool is_stopping;
        bool is_open; /* to other uids: the socket's mode and group say who may connect */
};

size_t server_n_sessions(const struct server *s)
{
        return s->n_sessions;
}

bool server_is_stopping(const struct server *s)
{
        return s->is_stopping;
}

uint64_t server_uptime_s(const struct server *s)
{
        return (clock_monotonic_usec() - s->started_usec) / 1000000;
}

const struct server_setup *server_rooms(const struct server *s)
{
        return &s->setup;
}

const struct raw_keyer *server_keyer(struct server *s)
{
        raw_keyer_set(&s->keyer, jobs_generation(s->setup.jobs));
        return &s->keyer;
}

struct answers *server_answers(struct server *s)
{
        return s->answers;
}

char *server_scratch(struct server *s)
{
        return s->scratch;
}

void server_remove_session(struct server *s, struct session *session)
{
        LIST_REMOVE(session, entry);
        s->n_sessions--;
        metrics_set(METRIC_sessions, s->n_sessions);
}

static size_t n_sessions_of(const struct server *s, uint32_t uid)
{
        const struct session *session;
        size_t n = 0;

        LIST_FOREACH (session, &s->sessions, entry)
                n += session->peer.uid == uid;
        return n;
}

static bool may_connect(const struct server *s, const struct peer *p)
{
        return s->is_open || p->is_root || p->uid == getuid();
}

/* A user's instance has a socket of mode 0600 and serves its own uid and root. Where the mode lets
 * others connect (a system instance), whoever made the socket meant them. */
static bool is_open_to_others(int listen_fd)
{
        struct sockaddr_un address = {0};
        socklen_t n = sizeof(address) - 1;
        struct stat st;

        return getsockname(listen_fd, (struct sockaddr *)&address, &n) == 0 &&
               address.sun_path[0] == '/' && stat(address.sun_path, &st) == 0 &&
               S_ISSOCK(st.st_mode) && (st.st_mode & 077);
}

/* Says why in one line, in the framing of shells, and closes. */
static void refuse(int fd, enum failure_id why)
{
        struct failure f = {.id = why};
        struct buf out;

        metrics_count(sessions_refused);
        buf_init(&out, 0);
        if (rpc_write_error(&out, FRAMING_LINES, (struct span){0}, &f) == 0)
                (void)!send(fd, out.at, out.n, MSG_NOSIGNAL | MSG_DONTWAIT);
        buf_done(&out);
        close(fd);
}

static void welcome(struct server *s, int fd)
{
        struct ucred cred;
        socklen_t n = sizeof(cred);
        struct session *session;
        struct peer peer;

        if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &n) < 0) {
                close(fd);
                return;
        }
        peer = (struct peer){.uid = cred.uid, .is_root = cred.uid == 0};
        if (!may_connect(s, &peer)) {
                log_warning("connection of uid %u refused", cred.uid);
                metrics_count(sessions_refused);
                close(fd);
                return;
        }
        if (s->n_sessions >= config_get_u64(s->setup.config, OPTION_SESSIONS) ||
            n_sessions_of(s, peer.uid) >=
                    config_get_u64(s->setup.config, OPTION_SESSIONS_PER_USER)) {
                refuse(fd, FAILURE_TOO_MANY_SESSIONS);
                return;
        }
        if (session_new(s, fd, &peer, &session) < 0) {
                refuse(fd, FAILURE_INTERNAL);
                return;
        }
        LIST_INSERT_HEAD(&s->sessions, session, entry);
        s->n_sessions++;
        metrics_count(sessions_opened);
        metrics_set(METRIC_sessions, s->n_sessions);
}

static void on_accept(evutil_socket_t listen_fd, short what, void *arg)
{
        struct server *s = arg;

        (void)what;
        for (int i = 0; i < ACCEPTS_PER_TURN; i++) {
                int fd = accept4(listen_fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

                if (fd >= 0) {
                        welcome(s, fd);
                        continue;
                }
                if (errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS) {
                        log_warning("connections have to wait: %s", strerror(errno));
                        event_del(s->on_accept);
                        (void)!timer_start(s->pause, ACCEPT_PAUSE_MS);
                }
                return;
        }
}

static void on_pause_over(void *arg)
{
        struct server *s = arg;

        if (s->on_accept)
                event_add(s->on_accept, NULL);
}

int server_new(const struct server_setup *setup, struct server **ret)
{
        struct server *s = calloc(1, sizeof(*s));
        int k;

        if (!s)
                return -ENOMEM;
        s->setup = *setup;
        if (s->setup.drain_ms == 0)
                s->setup.drain_ms = SESSION_DRAIN_MS;
        if (s->setup.half_frame_ms == 0)
                s->setup.half_frame_ms = SESSION_HALF_FRAME_MS;
        s->started_usec = clock_monotonic_usec();
        s->is_open = is_open_to_others(setup->listen_fd);
        config_ref(s->setup.config);
        LIST_INIT(&s->sessions);
        s->scratch = malloc(SESSION_READ_BYTES);
        k = s->scratch ? answers_new(setup->loop, &s->answers) : -ENOMEM;
        k = k ? k : timer_new(setup->loop, on_pause_over, s, &s->pause);
        if (k == 0) {
                evutil_make_socket_nonblocking(setup->listen_fd);
                s->on_accept = event_new(loop_base(setup->loop), setup->listen_fd,
                                         EV_READ | EV_PERSIST, on_accept, s);
                k = s->on_accept && event_add(s->on_accept, NULL) == 0 ? 0 : -ENOMEM;
        }
        if (k < 0) {
                s->setup.listen_fd = -1; /* stays the caller's */
                server_free(s);
                return k;
        }
        *ret = s;
        return 0;
}

/* Before it is closed: as long as somebody listens there, nobody puts another in its place. */
static void remove_socket(int fd)
{
        struct sockaddr_un a = {0};
        socklen_t n = sizeof(a) - 1;

        if (getsockname(fd, (struct sockaddr *)&a, &n) == 0 && a.sun_path[0] == '/')
                (void)unlink(a.sun_path);
}

void server_begin_stop(struct server *s)
{
        s->is_stopping = true;
}

void server_stop_listening(struct server *s)
{
        if (!s->on_accept)
                return;
        if (s->setup.is_socket_ours)
                remove_socket(s->setup.listen_fd);
        event_free(take(s->on_accept));
        timer_stop(s->pause);
        close(s->setup.listen_fd);
        s->setup.listen_fd = -1;
}

struct server *server_free(struct server *s)
{
        if (!s)
                return NULL;
        while (!LIST_EMPTY(&s->sessions))
                session_close(LIST_FIRST(&s->sessions));
        if (s->on_accept)
                event_free(s->on_accept);
        if (s->setup.listen_fd >= 0)
                close(s->setup.listen_fd);
        timer_free(s->pause);
        answers_free(s->answers);
        free(s->scratch);
        config_unref(s->setup.config);
        free(s);
        return NULL;
}

void server_configure(struct server *s, struct config *config)
{
        config_ref(config);
        config_unref(s->setup.config);
        s->setup.config = config;
}
