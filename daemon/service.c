#include "daemon/service.h"

#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <systemd/sd-daemon.h>
#include <systemd/sd-journal.h>

#include "common/clock.h"
#include "common/log.h"
#include "common/str.h"
#include "daemon/loop/loop.h"
#include "daemon/store/store.h"
#include "proto/rpc.h"

#define WATCHDOG_SHARE 3 /* pings per watchdog period */
#define MAX_FIELDS 16
#define REFUSE_MS 1000 /* for whoever started us to connect, to ask, and to hang up */
#define REFUSE_MAX 128 /* of those who wait: the backlog of a unit's socket */

/* A writer with work that ends no batch for a whole period between pings is stuck. One that cannot
 * write (a full disk) ends its batches too: their failure is told, and a restart mends no disk. */
struct watched {
        uint64_t n_ended, got_on_usec;
};
struct service {
        struct loop *loop;
        struct store *store;
        struct timer *watchdog; /* owned; NULL without a watchdog */
        uint64_t period_ms;
        struct watched writers[2]; /* by enum store_env */
        bool is_stuck;
};

/* ---- log ---- */

static bool is_journal_stream(void)
{
        const char *stream = getenv("JOURNAL_STREAM");
        unsigned long long dev, ino;
        struct stat st;

        return stream && sscanf(stream, "%llu:%llu", &dev, &ino) == 2 &&
               fstat(STDERR_FILENO, &st) == 0 && st.st_dev == dev && st.st_ino == ino;
}

static void free_fields(struct iovec *v, size_t n)
{
        for (size_t i = 0; i < n; i++)
                free(v[i].iov_base);
}

static bool add_field(struct iovec *v, size_t *n, char *text)
{
        if (!text)
                return false;
        v[*n] = (struct iovec){text, strlen(text)};
        (*n)++;
        return true;
}

static void to_journal(enum log_level level, const char *event, const char *text,
                       const struct log_field *fields, size_t n_fields, void *arg)
{
        struct iovec v[MAX_FIELDS + 4];
        size_t n = 0;

        (void)arg;
        add_field(v, &n, str_printf("MESSAGE=%s", text));
        add_field(v, &n, str_printf("PRIORITY=%d", (int)level));
        if (event)
                add_field(v, &n, str_printf("GENOPT_EVENT=%s", event));
        for (size_t i = 0; i < n_fields && i < MAX_FIELDS; i++) {
                char *field = str_printf("GENOPT_%s=%s", fields[i].name, fields[i].value);

                for (char *c = field; c && *c && *c != '='; c++)
                        if (*c >= 'a' && *c <= 'z')
                                *c = (char)(*c - 'a' + 'A');
                add_field(v, &n, field);
        }
        (void)sd_journal_sendv(v, (int)n);
        free_fields(v, n);
}

void service_log_to_journal(void)
{
        if (is_journal_stream())
                log_set_sink(to_journal, NULL);
}

/* ---- sockets ---- */

static void free_names(char **names)
{
        for (char **n = names; n && *n; n++)
                free(*n);
        free(names);
}

int service_take_socket(void)
{
        char **names = NULL;
        int n = sd_listen_fds_with_names(true, &names), found = -ENOENT;

        for (int i = 0; i < n; i++)
                if (n == 1 || str_is_equal(names[i], "rpc"))
                        found = SD_LISTEN_FDS_START + i;
        free_names(names);
        if (n < 0)
                return n;
        if (found >= 0 && sd_is_socket(found, AF_UNIX, SOCK_STREAM, 1) <= 0)
                return -EINVAL;
        return found;
}

bool service_has_manager(void)
{
        return getenv("NOTIFY_SOCKET") != NULL;
}

static bool has_come(int fd, int timeout_ms)
{
        struct pollfd p = {.fd = fd, .events = POLLIN};

        return poll(&p, 1, timeout_ms) == 1;
}

/* The first byte of what is asked tells how to answer. Hanging up with something unread would make
 * the peer's write fail before it reads, so what follows is read first. */
static void refuse_client(int fd, const struct failure *why)
{
        _cleanup_buf_ struct buf b = {0};
        char in[4096];
        ssize_t n = has_come(fd, REFUSE_MS) ? recv(fd, in, sizeof(in), MSG_DONTWAIT) : -1;
        bool is_line = n < 1 || in[0] == '{' || in[0] == '[';

        if (rpc_write_error(&b, is_line ? FRAMING_LINES : FRAMING_HEADERS, (struct span){0}, why) <
            0)
                return;
        (void)!send(fd, b.at, b.n, MSG_NOSIGNAL | MSG_DONTWAIT);
        shutdown(fd, SHUT_WR);
        while (n > 0 && has_come(fd, REFUSE_MS))
                n = recv(fd, in, sizeof(in), MSG_DONTWAIT);
}

/* The door is shut before anybody is answered: who comes later, with what was wrong perhaps mended,
 * meets the next daemon. */
void service_refuse(const struct failure *why)
{
        int fd = service_take_socket(), clients[REFUSE_MAX], n = 0;
        uint64_t until = clock_monotonic_usec() + 3 * REFUSE_MS * 1000;

        while (fd >= 0 && n < REFUSE_MAX && has_come(fd, n == 0 ? REFUSE_MS : 0)) {
                clients[n] = accept4(fd, NULL, NULL, SOCK_CLOEXEC);
                if (clients[n] < 0)
                        break;
                n++;
        }
        if (fd >= 0)
                close(fd);
        for (int i = 0; i < n; i++) {
                if (clock_monotonic_usec() < until)
                        refuse_client(clients[i], why);
                close(clients[i]);
        }
}

/* ---- readiness and watchdog ---- */

static bool does_get_on(struct service *s, enum store_env env, uint64_t n_ended)
{
        struct watched *w = &s->writers[env];
        uint64_t now = clock_monotonic_usec();

        if (n_ended != w->n_ended || store_n_pending(s->store, env) == 0)
                *w = (struct watched){n_ended, now};
        return now - w->got_on_usec < s->period_ms * 1000;
}

/* Each for itself: a busy cache must not hide that state is stuck. */
static bool do_writers_get_on(struct service *s)
{
        struct store_counters c;
        bool has_state, has_cache;

        store_get_counters(s->store, &c);
        has_state = does_get_on(s, STORE_STATE, c.state_batches);
        has_cache = does_get_on(s, STORE_CACHE, c.cache_batches);
        if (s->is_stuck != !(has_state && has_cache)) {
                s->is_stuck = !s->is_stuck;
                log_warning("%s", !s->is_stuck ? "the writers get on again"
                                  : has_state  ? "the writer of the cache is stuck"
                                               : "the writer of the state is stuck");
        }
        return !s->is_stuck;
}

/* From the loop, and only while the writers get on: a wedged thread is caught too. */
static void ping(void *arg)
{
        struct service *s = arg;

        if (do_writers_get_on(s))
                sd_notify(0, "WATCHDOG=1");
        (void)!timer_start(s->watchdog, s->period_ms);
}

int service_new(struct loop *loop, struct store *store, struct service **ret)
{
        struct service *s = calloc(1, sizeof(*s));
        uint64_t usec = 0;
        int k;

        if (!s)
                return -ENOMEM;
        s->loop = loop;
        s->store = store;
        if (sd_watchdog_enabled(0, &usec) > 0) {
                s->period_ms = MAX2(usec / 1000 / WATCHDOG_SHARE, (uint64_t)1);
                s->writers[STORE_STATE].got_on_usec = clock_monotonic_usec();
                s->writers[STORE_CACHE].got_on_usec = clock_monotonic_usec();
                k = timer_new(loop, ping, s, &s->watchdog);
                if (k < 0) {
                        free(s);
                        return k;
                }
        }
        *ret = s;
        return 0;
}

struct service *service_free(struct service *s)
{
        if (!s)
                return NULL;
        timer_free(s->watchdog);
        free(s);
        return NULL;
}

void service_ready(struct service *s, const char *status)
{
        sd_notifyf(0, "READY=1\nSTATUS=%s", status);
        if (s->watchdog)
                ping(s);
}

void service_reloading(struct service *s)
{
        (void)s;
        sd_notifyf(0, "RELOADING=1\nMONOTONIC_USEC=%llu",
                   (unsigned long long)clock_monotonic_usec());
}

void service_stopping(struct service *s)
{
        (void)s;
        sd_notify(0, "STOPPING=1\nSTATUS=finishing what is under way");
}
