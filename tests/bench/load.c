/* One load generator for different servers: the same loop, the same clock, in alternating short
 * rounds, so that what the machine does meanwhile does to all the same.
 *
 *     bench-load CONNECTIONS REQUESTS ROUNDS PEER...
 *     PEER: resp:SOCKET:FILE   an answer is a bulk string of RESP
 *           line:SOCKET:FILE   an answer is a line
 *
 * FILE holds one request (see bench.h for its mark). Each connection sends it, waits for the whole
 * answer, and sends it again: REQUESTS times in all per round. The first answer is written to
 * FILE.answer; one that is not as long as the first ends the run. With one connection nothing but
 * send() and recv() is called; with more, epoll says who has an answer. Prints {"peers":
 * [[{"p50_us", "p99_us", "per_s"}, …rounds], …]}; a round before the first is not counted. */

#include <stdio.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "bench.h"

#define CONNECTIONS_MAX 1024
#define PEERS_MAX 4
#define ANSWER_BYTES ((size_t)256 << 10)

struct connection {
        int fd;
        uint64_t sent_at;
        size_t n_got, n_whole; /* whole: 0 when not known yet */
};

struct peer {
        bool is_resp;
        const char *file;
        struct request request;
        struct connection *connections; /* owned */
        int epoll;
        size_t n_answer; /* of the first */
};

struct figures {
        double p50_usec, p99_usec, per_second;
};

static char answer[ANSWER_BYTES];
static size_t n_connections;

static void peer_open(struct peer *p, char *text)
{
        char *socket_path = strchr(text, ':'),
             *file = socket_path ? strchr(socket_path + 1, ':') : NULL;

        if (!file)
                bench_die("`%s` is not KIND:SOCKET:FILE", text);
        *socket_path++ = *file++ = '\0';
        p->is_resp = strcmp(text, "resp") == 0;
        if (!p->is_resp && strcmp(text, "line") != 0)
                bench_die("a peer speaks resp or line, not `%s`", text);
        p->file = file;
        request_read(file, &p->request);
        p->connections = calloc(n_connections, sizeof(*p->connections));
        p->epoll = epoll_create1(EPOLL_CLOEXEC);
        if (!p->connections || p->epoll < 0)
                bench_die("out of memory");
        for (size_t i = 0; i < n_connections; i++) {
                struct connection *c = &p->connections[i];
                struct epoll_event e = {.events = EPOLLIN, .data.ptr = c};

                c->fd = bench_connect_unix(socket_path);
                if (epoll_ctl(p->epoll, EPOLL_CTL_ADD, c->fd, &e) < 0)
                        bench_die("epoll: %s", strerror(errno));
        }
}

static void ask(struct peer *p, struct connection *c)
{
        request_renew(&p->request);
        c->n_got = c->n_whole = 0;
        c->sent_at = bench_now();
        bench_send(c->fd, p->request.at, p->request.n);
}

/* `$8192\r\n`, so many bytes, `\r\n`. */
static size_t whole_resp(const char *at, size_t n)
{
        const char *end = memchr(at, '\n', n);
        size_t n_text = 0;

        if (!end || at[0] != '$')
                bench_die("not a bulk string: %.*s", (int)MIN2(n, (size_t)80), at);
        for (const char *d = at + 1; *d >= '0' && *d <= '9'; d++)
                n_text = n_text * 10 + (size_t)(*d - '0');
        return (size_t)(end + 1 - at) + n_text + 2;
}

static void keep_answer(struct peer *p, const char *at, size_t n)
{
        char path[4096];
        FILE *f;

        p->n_answer = n;
        snprintf(path, sizeof(path), "%s.answer", p->file);
        f = fopen(path, "w");
        if (!f || fwrite(at, 1, n, f) != n || fclose(f) != 0)
                bench_die("%s: cannot be written", path);
}

/* True when the answer is whole. */
static bool take_answer(struct peer *p, struct connection *c)
{
        /* Kept one after the other only while nobody else's come between: the first request of all
         * is alone. */
        size_t at = p->n_answer ? 0 : c->n_got;
        ssize_t n = recv(c->fd, answer + at, sizeof(answer) - at, 0);

        if (n <= 0)
                bench_die("%s: the connection ended: %s", p->file, n < 0 ? strerror(errno) : "end");
        if (p->is_resp && c->n_got == 0)
                c->n_whole = whole_resp(answer, (size_t)n);
        c->n_got += (size_t)n;
        if (p->is_resp ? c->n_got < c->n_whole : answer[at + (size_t)n - 1] != '\n')
                return false;
        if (p->n_answer == 0)
                keep_answer(p, answer, c->n_got);
        if (c->n_got != p->n_answer)
                bench_die("%s: an answer of %zu bytes, not %zu: %.*s", p->file, c->n_got,
                          p->n_answer, (int)MIN2((size_t)n, (size_t)400), answer);
        return true;
}

static void run_alone(struct peer *p, uint64_t n, struct times *t)
{
        struct connection *c = p->connections;

        while (n-- > 0) {
                ask(p, c);
                while (!take_answer(p, c))
                        ;
                times_add(t, bench_now() - c->sent_at);
        }
}

static void run_together(struct peer *p, uint64_t n, struct times *t)
{
        struct epoll_event events[64];
        uint64_t n_sent = 0;

        for (size_t i = 0; i < n_connections && n_sent < n; i++, n_sent++)
                ask(p, &p->connections[i]);
        while (t->n < n) {
                int k = epoll_wait(p->epoll, events, N_ELEMENTS(events), -1);

                for (int i = 0; i < k; i++) {
                        struct connection *c = events[i].data.ptr;

                        if (!take_answer(p, c))
                                continue;
                        times_add(t, bench_now() - c->sent_at);
                        if (n_sent++ < n)
                                ask(p, c);
                }
        }
}

static void run_round(struct peer *p, uint64_t n, struct figures *ret)
{
        struct times t = {0};
        uint64_t start = bench_now(), end;

        if (n_connections == 1)
                run_alone(p, n, &t);
        else
                run_together(p, n, &t);
        end = bench_now();
        *ret = (struct figures){times_usec(&t, 500), times_usec(&t, 990),
                                (double)n * 1e9 / (double)(end - start)};
        times_done(&t);
}

static void print_rounds(const struct figures *f, uint64_t n)
{
        putchar('[');
        for (uint64_t i = 0; i < n; i++)
                printf("%s{\"p50_us\": %.2f, \"p99_us\": %.2f, \"per_s\": %.0f}", i ? ", " : "",
                       f[i].p50_usec, f[i].p99_usec, f[i].per_second);
        putchar(']');
}

int main(int argc, char **argv)
{
        size_t n_peers = argc > 4 ? (size_t)argc - 4 : 0;
        struct peer peers[PEERS_MAX] = {0};
        struct figures *figures;
        uint64_t n_requests, n_rounds;

        if (n_peers == 0 || n_peers > PEERS_MAX)
                bench_die("CONNECTIONS REQUESTS ROUNDS PEER... (at most %d)", PEERS_MAX);
        n_connections = bench_number(argv[1]);
        n_requests = bench_number(argv[2]);
        n_rounds = bench_number(argv[3]);
        figures = calloc(n_peers * (n_rounds + 1), sizeof(*figures));
        if (n_connections > CONNECTIONS_MAX || !figures)
                bench_die("at most %d connections", CONNECTIONS_MAX);
        for (size_t i = 0; i < n_peers; i++) {
                struct times t = {0};

                peer_open(&peers[i], argv[4 + i]);
                run_alone(&peers[i], 1, &t); /* leaves the length that every answer has */
                times_done(&t);
        }
        for (uint64_t round = 0; round <= n_rounds; round++)
                for (size_t i = 0; i < n_peers; i++) { /* who begins alternates too */
                        size_t which = round % 2 ? n_peers - 1 - i : i;

                        run_round(&peers[which], n_requests,
                                  &figures[which * (n_rounds + 1) + round]);
                }
        printf("{\"peers\": [");
        for (size_t i = 0; i < n_peers; i++) {
                printf("%s", i ? ", " : "");
                print_rounds(&figures[i * (n_rounds + 1) + 1], n_rounds);
                request_done(&peers[i].request);
                free(peers[i].connections);
        }
        puts("]}");
        free(figures);
        return 0;
}
