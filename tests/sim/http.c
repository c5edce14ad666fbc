#include "tests/sim/http.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdarg.h>
#include <stdio.h>
#include <strings.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/listener.h>

#include "common/clock.h"
#include "common/str.h"

#define LINGER_SECONDS 2 /* for the peer to close after us */

enum state { READ_HEAD, READ_BODY, READ_CHUNK_SIZE, READ_CHUNK, READ_TRAILER, BUSY, CLOSING };

struct http_conn {
        struct http_server *server; /* borrowed: outlives its connections */
        struct bufferevent *bev;    /* owned */
        enum state state;
        struct http_request request;
        size_t n_left;            /* of the body or the chunk */
        struct evbuffer *headers; /* owned: headers added to the reply in hand */
        struct evbuffer *body;    /* owned: the parts of a chunked request so far */
        bool is_keeping;          /* the connection serves another request after this one */
        bool is_streaming;
        bool is_dead;
        void *owner; /* borrowed: whoever makes the reply */
        TAILQ_ENTRY(http_conn) link;
};

TAILQ_HEAD(conn_list, http_conn);

struct http_server {
        struct event_base *base;             /* borrowed: the program's */
        struct evconnlistener *listeners[2]; /* owned */
        size_t n_listeners;
        struct http_events events;
        void *arg;
        struct conn_list conns, dead;
        struct event *reaper; /* owned: frees the dead outside of all callbacks */
        uint64_t n_accepted;
};

static void request_done(struct http_request *r)
{
        free(r->head);
        free(r->body);
        memset(r, 0, sizeof(*r));
}

static void conn_free(struct http_conn *c)
{
        request_done(&c->request);
        if (c->headers)
                evbuffer_free(c->headers);
        if (c->body)
                evbuffer_free(c->body);
        if (c->bev)
                bufferevent_free(c->bev);
        free(c);
}

static void conn_kill(struct http_conn *c)
{
        if (c->is_dead)
                return;
        c->is_dead = true;
        bufferevent_disable(c->bev, EV_READ | EV_WRITE);
        TAILQ_REMOVE(&c->server->conns, c, link);
        TAILQ_INSERT_TAIL(&c->server->dead, c, link);
        event_active(c->server->reaper, EV_TIMEOUT, 0);
}

static void on_reap(_unused_ evutil_socket_t fd, _unused_ short what, void *arg)
{
        struct http_server *s = arg;
        struct http_conn *c;

        while ((c = TAILQ_FIRST(&s->dead))) {
                TAILQ_REMOVE(&s->dead, c, link);
                conn_free(c);
        }
}

/* head = request-line CRLF *(name ":" value CRLF) CRLF; line ends may lack the CR. 0, or the status
 * of the refusal. */
static int parse_head(struct http_request *r)
{
        char *at = r->head, *line = strsep(&at, "\n");

        line[strcspn(line, "\r")] = '\0';
        r->method = strsep(&line, " ");
        r->path = line ? strsep(&line, " ") : NULL;
        if (!r->path || !line || strncmp(line, "HTTP/1.", 7) != 0)
                return 400;
        r->is_1_0 = line[7] == '0';
        r->query = strchr(r->path, '?');
        if (r->query)
                *r->query++ = '\0';
        else
                r->query = r->path + strlen(r->path);
        while ((line = strsep(&at, "\n"))) {
                char *value;

                line[strcspn(line, "\r")] = '\0';
                if (!*line)
                        break;
                value = strchr(line, ':');
                if (!value || r->n_headers == HTTP_HEADERS_MAX)
                        return value ? 431 : 400;
                *value++ = '\0';
                value += strspn(value, " \t");
                for (char *c = line; *c; c++)
                        *c = (char)(*c >= 'A' && *c <= 'Z' ? *c + 32 : *c);
                r->headers[r->n_headers++] = (struct http_header){line, value};
        }
        return 0;
}

const char *http_get_header(const struct http_request *r, const char *name)
{
        for (size_t i = 0; i < r->n_headers; i++)
                if (strcmp(r->headers[i].name, name) == 0)
                        return r->headers[i].value;
        return NULL;
}

static void conn_refuse(struct http_conn *c, int status)
{
        c->is_keeping = false;
        http_reply(c, status, "text/plain", SPAN("bad request\n"));
}

static void conn_dispatch(struct http_conn *c)
{
        c->state = BUSY;
        c->server->events.on_request(c, &c->request, c->server->arg);
}

/* Reads the head if it is all there. Returns whether the state moved. */
static bool read_head(struct http_conn *c, struct evbuffer *in)
{
        struct http_request *r = &c->request;
        struct evbuffer_ptr end = evbuffer_search(in, "\r\n\r\n", 4, NULL);
        const char *text;
        uint64_t n = 0;
        int status;

        if (end.pos < 0) {
                if (evbuffer_get_length(in) > HTTP_HEAD_BYTES)
                        conn_refuse(c, 431);
                return false;
        }
        r->head = malloc((size_t)end.pos + 5);
        if (!r->head) {
                conn_kill(c);
                return false;
        }
        evbuffer_remove(in, r->head, (size_t)end.pos + 4);
        r->head[end.pos + 4] = '\0';
        status = parse_head(r);
        text = http_get_header(r, "connection");
        c->is_keeping = text ? strcasecmp(text, "close") != 0 &&
                                        (!r->is_1_0 || !strcasecmp(text, "keep-alive"))
                             : !r->is_1_0;
        text = http_get_header(r, "content-length");
        if (!status && text && str_to_u64(text, &n) < 0)
                status = 400;
        if (status) {
                conn_refuse(c, status);
                return false;
        }
        text = http_get_header(r, "transfer-encoding");
        c->state = text && !strcasecmp(text, "chunked") ? READ_CHUNK_SIZE : READ_BODY;
        c->n_left = n;
        if (n > HTTP_BODY_BYTES) {
                r->is_too_large = true;
                c->is_keeping = false;
                conn_dispatch(c);
                return false;
        }
        text = http_get_header(r, "expect");
        if (text && !strcasecmp(text, "100-continue"))
                bufferevent_write(c->bev, "HTTP/1.1 100 Continue\r\n\r\n", 25);
        return true;
}

static bool take_body(struct http_conn *c, struct evbuffer *from, size_t n)
{
        c->request.body = malloc(n + 1);
        if (!c->request.body) {
                conn_kill(c);
                return false;
        }
        evbuffer_remove(from, c->request.body, n);
        c->request.body[n] = '\0';
        c->request.n_body = n;
        conn_dispatch(c);
        return true;
}

/* chunked-body = *(size-hex [ext] CRLF bytes CRLF) "0" CRLF CRLF (no trailers). Returns whether the
 * state moved. */
static bool read_chunked(struct http_conn *c, struct evbuffer *in)
{
        _cleanup_free_ char *line = NULL;

        if (c->state == READ_CHUNK) {
                if (evbuffer_get_length(in) < c->n_left + 2)
                        return false;
                evbuffer_remove_buffer(in, c->body, c->n_left);
                evbuffer_drain(in, 2);
                c->state = READ_CHUNK_SIZE;
                return true;
        }
        line = evbuffer_readln(in, NULL, EVBUFFER_EOL_CRLF);
        if (!line)
                return false;
        if (c->state == READ_TRAILER) {
                if (!*line)
                        return take_body(c, c->body, evbuffer_get_length(c->body));
                return true;
        }
        c->n_left = strtoul(line, NULL, 16);
        if (c->n_left > HTTP_BODY_BYTES ||
            evbuffer_get_length(c->body) + c->n_left > HTTP_BODY_BYTES) {
                c->request.is_too_large = true;
                c->is_keeping = false;
                conn_dispatch(c);
                return false;
        }
        c->state = c->n_left ? READ_CHUNK : READ_TRAILER;
        return true;
}

/* All is written and the peer shall see the end of it. Closing with unread input would send RST,
 * which may overtake what was written; so only our side is shut, and the rest is read away until
 * the peer closes too. */
static void conn_linger(struct http_conn *c)
{
        (void)shutdown(bufferevent_getfd(c->bev), SHUT_WR);
        bufferevent_set_timeouts(c->bev, &(struct timeval){LINGER_SECONDS, 0}, NULL);
        bufferevent_enable(c->bev, EV_READ);
}

static void conn_read(struct http_conn *c)
{
        struct evbuffer *in = bufferevent_get_input(c->bev);
        uint64_t now = clock_monotonic_usec();
        bool is_moving = true;

        while (is_moving && !c->is_dead) {
                c->request.woken_usec = now;
                switch (c->state) {
                case READ_HEAD:
                        is_moving = evbuffer_get_length(in) && read_head(c, in);
                        break;
                case READ_BODY:
                        is_moving =
                                evbuffer_get_length(in) >= c->n_left && take_body(c, in, c->n_left);
                        break;
                case READ_CHUNK_SIZE:
                case READ_CHUNK:
                case READ_TRAILER:
                        is_moving = read_chunked(c, in);
                        break;
                case BUSY:
                        is_moving = false;
                        break;
                case CLOSING:
                        evbuffer_drain(in, evbuffer_get_length(in));
                        is_moving = false;
                        break;
                }
        }
}

static void on_readable(_unused_ struct bufferevent *bev, void *arg)
{
        conn_read(arg);
}

static void on_written(_unused_ struct bufferevent *bev, void *arg)
{
        struct http_conn *c = arg;

        if (c->state == CLOSING && !c->is_dead &&
            !evbuffer_get_length(bufferevent_get_output(c->bev)))
                conn_linger(c);
}

static void on_ended(_unused_ struct bufferevent *bev, _unused_ short what, void *arg)
{
        struct http_conn *c = arg;
        void *owner = c->owner;

        if (c->is_dead)
                return;
        c->owner = NULL;
        if (c->state == BUSY)
                c->server->events.on_gone(c, owner, c->server->arg);
        conn_kill(c);
}

static void on_accepted(_unused_ struct evconnlistener *l, evutil_socket_t fd,
                        struct sockaddr *address, _unused_ int n, void *arg)
{
        struct http_server *s = arg;
        struct http_conn *c = calloc(1, sizeof(*c));
        int one = 1;

        if (c) {
                c->server = s;
                c->headers = evbuffer_new();
                c->body = evbuffer_new();
                c->bev = bufferevent_socket_new(s->base, fd,
                                                BEV_OPT_CLOSE_ON_FREE | BEV_OPT_DEFER_CALLBACKS);
        }
        if (!c || !c->headers || !c->body || !c->bev) {
                if (!c || !c->bev)
                        close(fd);
                if (c)
                        conn_free(c);
                return;
        }
        if (address->sa_family == AF_INET)
                (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
        s->n_accepted++;
        TAILQ_INSERT_TAIL(&s->conns, c, link);
        bufferevent_setcb(c->bev, on_readable, on_written, on_ended, c);
        bufferevent_enable(c->bev, EV_READ | EV_WRITE);
}

int http_server_new(struct event_base *base, const struct http_events *events, void *arg,
                    struct http_server **ret)
{
        struct http_server *s = calloc(1, sizeof(*s));

        if (!s)
                return -ENOMEM;
        s->base = base;
        s->events = *events;
        s->arg = arg;
        TAILQ_INIT(&s->conns);
        TAILQ_INIT(&s->dead);
        s->reaper = event_new(base, -1, 0, on_reap, s);
        if (!s->reaper) {
                free(s);
                return -ENOMEM;
        }
        *ret = s;
        return 0;
}

struct http_server *http_server_free(struct http_server *s)
{
        struct http_conn *c;

        if (!s)
                return NULL;
        for (size_t i = 0; i < s->n_listeners; i++)
                evconnlistener_free(s->listeners[i]);
        while ((c = TAILQ_FIRST(&s->conns))) {
                void *owner = take(c->owner);

                if (c->state == BUSY)
                        s->events.on_gone(c, owner, s->arg);
                conn_kill(c);
        }
        on_reap(-1, 0, s);
        event_free(s->reaper);
        free(s);
        return NULL;
}

static int server_bind(struct http_server *s, const struct sockaddr *address, socklen_t n)
{
        struct evconnlistener *l;

        assert(s->n_listeners < N_ELEMENTS(s->listeners));
        l = evconnlistener_new_bind(s->base, on_accepted, s,
                                    LEV_OPT_CLOSE_ON_FREE | LEV_OPT_REUSEABLE |
                                            LEV_OPT_CLOSE_ON_EXEC,
                                    1024, address, (int)n);
        if (!l)
                return errno ? -errno : -EINVAL;
        s->listeners[s->n_listeners++] = l;
        return 0;
}

int http_server_listen(struct http_server *s, const char *address, uint16_t port,
                       uint16_t *ret_port)
{
        struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons(port)};
        socklen_t n = sizeof(in);
        int r;

        if (evutil_inet_pton(AF_INET, address, &in.sin_addr) != 1)
                return -EINVAL;
        r = server_bind(s, (struct sockaddr *)&in, sizeof(in));
        if (r < 0)
                return r;
        if (getsockname(evconnlistener_get_fd(s->listeners[s->n_listeners - 1]),
                        (struct sockaddr *)&in, &n) < 0)
                return -errno;
        *ret_port = ntohs(in.sin_port);
        return 0;
}

int http_server_listen_unix(struct http_server *s, const char *path)
{
        struct sockaddr_un un = {.sun_family = AF_UNIX};

        if (strlen(path) >= sizeof(un.sun_path))
                return -ENAMETOOLONG;
        memcpy(un.sun_path, path, strlen(path) + 1);
        (void)unlink(path);
        return server_bind(s, (struct sockaddr *)&un, sizeof(un));
}

uint64_t http_server_n_accepted(const struct http_server *s)
{
        return s->n_accepted;
}

void http_set_owner(struct http_conn *c, void *owner)
{
        c->owner = owner;
}

void http_add_header(struct http_conn *c, const char *name, const char *format, ...)
{
        va_list args;

        evbuffer_add_printf(c->headers, "%s: ", name);
        va_start(args, format);
        evbuffer_add_vprintf(c->headers, format, args);
        va_end(args);
        evbuffer_add(c->headers, "\r\n", 2);
}

static const char *reason_of(int status)
{
        static const struct {
                int status;
                const char *reason;
        } table[] = {
                {200, "OK"},
                {204, "No Content"},
                {400, "Bad Request"},
                {401, "Unauthorized"},
                {402, "Payment Required"},
                {403, "Forbidden"},
                {404, "Not Found"},
                {405, "Method Not Allowed"},
                {413, "Payload Too Large"},
                {429, "Too Many Requests"},
                {500, "Internal Server Error"},
                {503, "Service Unavailable"},
                {504, "Gateway Timeout"},
        };

        for (size_t i = 0; i < N_ELEMENTS(table); i++)
                if (table[i].status == status)
                        return table[i].reason;
        return "Unknown";
}

static void write_head(struct http_conn *c, struct evbuffer *out, int status, const char *type)
{
        evbuffer_add_printf(out, "HTTP/1.1 %d %s\r\ncontent-type: %s\r\n", status,
                            reason_of(status), type);
        evbuffer_add_buffer(out, c->headers);
        if (!c->is_keeping)
                evbuffer_add(out, "connection: close\r\n", 19);
}

/* The reply is written: next request, or the end once the peer has it. */
static void conn_turn(struct http_conn *c)
{
        c->owner = NULL;
        request_done(&c->request);
        evbuffer_drain(c->body, evbuffer_get_length(c->body));
        c->is_streaming = false;
        if (!c->is_keeping) {
                c->state = CLOSING;
                if (!evbuffer_get_length(bufferevent_get_output(c->bev)))
                        conn_linger(c);
                return;
        }
        c->state = READ_HEAD;
        if (evbuffer_get_length(bufferevent_get_input(c->bev)))
                bufferevent_trigger(c->bev, EV_READ, BEV_OPT_DEFER_CALLBACKS);
}

void http_reply(struct http_conn *c, int status, const char *content_type, struct span body)
{
        struct evbuffer *out = bufferevent_get_output(c->bev);
        bool is_head = c->request.method && !strcmp(c->request.method, "HEAD");

        write_head(c, out, status, content_type);
        evbuffer_add_printf(out, "content-length: %zu\r\n\r\n", body.n);
        if (!is_head)
                evbuffer_add(out, body.at, body.n);
        conn_turn(c);
}

void http_stream_begin(struct http_conn *c, int status, const char *content_type)
{
        struct evbuffer *out = bufferevent_get_output(c->bev);

        if (c->request.is_1_0)
                c->is_keeping = false;
        write_head(c, out, status, content_type);
        if (!c->request.is_1_0)
                evbuffer_add(out, "transfer-encoding: chunked\r\n", 28);
        evbuffer_add(out, "\r\n", 2);
        c->is_streaming = true;
}

void http_stream_write(struct http_conn *c, struct span bytes)
{
        struct evbuffer *out = bufferevent_get_output(c->bev);

        if (!bytes.n)
                return;
        if (!c->request.is_1_0)
                evbuffer_add_printf(out, "%zx\r\n", bytes.n);
        evbuffer_add(out, bytes.at, bytes.n);
        if (!c->request.is_1_0)
                evbuffer_add(out, "\r\n", 2);
}

void http_stream_end(struct http_conn *c)
{
        if (!c->request.is_1_0)
                evbuffer_add(bufferevent_get_output(c->bev), "0\r\n\r\n", 5);
        conn_turn(c);
}

void http_abort(struct http_conn *c, bool is_reset)
{
        struct linger now = {.l_onoff = 1, .l_linger = 0};

        c->owner = NULL;
        c->state = CLOSING;
        if (is_reset)
                (void)setsockopt(bufferevent_getfd(c->bev), SOL_SOCKET, SO_LINGER, &now,
                                 sizeof(now));
        if (is_reset)
                conn_kill(c);
        else if (!evbuffer_get_length(bufferevent_get_output(c->bev)))
                conn_linger(c);
}
