/* A model call three ways, in turn: straight to the provider, through a proxy, and as `ask` of a
 * daemon that has no answer.
 *
 *     bench-miss REQUESTS DIRECT-PORT PROXY-PORT SOCKET HTTP-FILE SUBMIT-FILE
 *
 * HTTP-FILE holds a whole request (head and body), SUBMIT-FILE a line of job/submit; both are
 * renewed for each call (bench.h), so that nobody knows the answer. Each way keeps its connection.
 * The daemon's time is from the submit to the `done` event that carries the text, which a client
 * gets by attaching to the job. Prints {"direct": times, "proxy": times, "daemon": times}. */

#include <stdio.h>
#include <sys/socket.h>

#include "bench.h"

#define ANSWER_BYTES ((size_t)1 << 20)
#define WARM_UP 20
#define LAST_CHUNK "\r\n0\r\n\r\n"

#define ATTACH \
        "{\"jsonrpc\":\"2.0\",\"id\":2,\"method\":\"job/attach\",\"params\":{\"job\":\"%s\"}}\n"
#define DETACH \
        "{\"jsonrpc\":\"2.0\",\"id\":3,\"method\":\"job/detach\",\"params\":{\"job\":\"%s\"}}\n"
#define JOB_BYTES 26

static char answer[ANSWER_BYTES + 1];
static char last_job[JOB_BYTES + 1];

/* Appends what came; NUL behind it. */
static size_t receive(int fd, size_t n, const char *who)
{
        ssize_t got = recv(fd, answer + n, ANSWER_BYTES - n, 0);

        if (got <= 0)
                bench_die("%s: the connection ended after %.*s", who, (int)MIN2(n, (size_t)400),
                          answer);
        answer[n + (size_t)got] = '\0';
        return n + (size_t)got;
}

/* A streamed reply ends with its last chunk. */
static void call_http(int fd, struct request *r, const char *who)
{
        const size_t n_end = strlen(LAST_CHUNK);
        size_t n = 0;

        request_renew(r);
        bench_send(fd, r->at, r->n);
        do
                n = receive(fd, n, who);
        while (n < n_end || memcmp(answer + n - n_end, LAST_CHUNK, n_end) != 0);
        if (memcmp(answer, "HTTP/1.1 200", 12) != 0 || !strstr(answer, "message_stop"))
                bench_die("%s: %.400s", who, answer);
}

/* Attaches to the job that `{"jsonrpc":"2.0","id":1,"result":{"job":"…"…` names. */
static void attach(int fd, const char *reply)
{
        const char *job = strstr(reply, "\"job\":\"");
        char text[200];
        int n;

        if (!job || strlen(job) < JOB_BYTES + 7)
                bench_die("no job: %.400s", reply);
        memcpy(last_job, job + 7, JOB_BYTES);
        n = snprintf(text, sizeof(text), ATTACH, last_job);
        bench_send(fd, text, (size_t)n);
}

/* Reads lines until one is of an event or a reply that is waited for; the line. */
static const char *read_until(int fd, const char *what, bool is_first_attached)
{
        size_t n = 0, done = 0;
        char *end;

        for (;;) {
                n = receive(fd, n, "daemon");
                while ((end = memchr(answer + done, '\n', n - done))) {
                        char *line = answer + done;

                        *end = '\0';
                        done = (size_t)(end + 1 - answer);
                        if (is_first_attached)
                                attach(fd, line);
                        is_first_attached = false;
                        if (strstr(line, "\"type\":\"failed\"") || strstr(line, "\"error\":{"))
                                bench_die("daemon: %.400s", line);
                        if (strstr(line, what))
                                return line;
                }
        }
}

static void call_daemon(int fd, struct request *r)
{
        request_renew(r);
        bench_send(fd, r->at, r->n);
        if (!strstr(read_until(fd, "\"type\":\"done\"", true), "\"text\":"))
                bench_die("daemon: done without a text");
}

/* Not part of what is measured: a connection may watch so many jobs at once. */
static void detach(int fd)
{
        char text[200];
        int n = snprintf(text, sizeof(text), DETACH, last_job);

        bench_send(fd, text, (size_t)n);
        (void)read_until(fd, "\"id\":3", false);
}

int main(int argc, char **argv)
{
        struct request http = {0}, submit = {0};
        struct times times[3] = {0};
        int direct, proxy, daemon;
        uint64_t n_requests;

        if (argc != 7)
                bench_die("REQUESTS DIRECT-PORT PROXY-PORT SOCKET HTTP-FILE SUBMIT-FILE");
        n_requests = bench_number(argv[1]);
        direct = bench_connect_port(bench_number(argv[2]));
        proxy = bench_connect_port(bench_number(argv[3]));
        daemon = bench_connect_unix(argv[4]);
        request_read(argv[5], &http);
        request_read(argv[6], &submit);
        for (uint64_t i = 0; i < n_requests + WARM_UP; i++)
                for (uint64_t way = 0; way < 3; way++) {
                        uint64_t which = (way + i) % 3, start = bench_now(), end;

                        if (which == 0)
                                call_http(direct, &http, "direct");
                        else if (which == 1)
                                call_http(proxy, &http, "proxy");
                        else
                                call_daemon(daemon, &submit);
                        end = bench_now();
                        if (which == 2)
                                detach(daemon);
                        if (i >= WARM_UP)
                                times_add(&times[which], end - start);
                }
        for (int i = 0; i < 3; i++) {
                static const char *const names[] = {
                        "{\"direct\": ", ", \"proxy\": ", ", \"daemon\": "};

                printf("%s", names[i]);
                times_print(&times[i]);
                times_done(&times[i]);
        }
        puts("}");
        request_done(&http);
        request_done(&submit);
        return 0;
}
