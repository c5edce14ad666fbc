/* Two servers from exec to READY=1 on a notify socket, in turn; each is ended by SIGTERM.
 *
 *     bench-ready RUNS NOTIFY-SOCKET PROGRAM [ARGUMENT...] -- PROGRAM [ARGUMENT...]
 *
 * Prints {"a": times, "b": times}; the first start of each is not counted. */

#include <signal.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>

#include "bench.h"

#define READY_SECONDS 20

extern char **environ;

static int listen_at(const char *path)
{
        struct sockaddr_un a = {.sun_family = AF_UNIX};
        struct timeval limit = {.tv_sec = READY_SECONDS};
        int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

        if (fd < 0 || strlen(path) >= sizeof(a.sun_path))
                bench_die("%s: no socket", path);
        memcpy(a.sun_path, path, strlen(path));
        if (bind(fd, (struct sockaddr *)&a, sizeof(a)) < 0)
                bench_die("%s: %s", path, strerror(errno));
        (void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
        return fd;
}

/* What other states a server tells meanwhile, and what an ended one left, is passed over. */
static void await_ready(int notify, const char *name)
{
        char text[4096];

        for (;;) {
                ssize_t n = recv(notify, text, sizeof(text) - 1, 0);

                if (n < 0)
                        bench_die("%s does not become ready: %s", name, strerror(errno));
                text[n] = '\0';
                if (strstr(text, "READY=1"))
                        return;
        }
}

static void drop_rest(int notify)
{
        char text[4096];

        while (recv(notify, text, sizeof(text), MSG_DONTWAIT) >= 0)
                ;
}

static uint64_t start_once(int notify, char **argv)
{
        uint64_t start, end;
        pid_t pid;
        int status;

        drop_rest(notify);
        start = bench_now();
        pid = bench_spawn(argv, environ);
        await_ready(notify, argv[0]);
        end = bench_now();
        if (kill(pid, SIGTERM) < 0 || waitpid(pid, &status, 0) != pid || status != 0)
                bench_die("%s: does not end well", argv[0]);
        return end - start;
}

int main(int argc, char **argv)
{
        struct times a = {0}, b = {0};
        uint64_t n_runs;
        int second = 0, notify;

        for (int i = 3; i < argc && !second; i++)
                if (strcmp(argv[i], "--") == 0)
                        second = i + 1;
        if (second < 5 || second >= argc)
                bench_die("RUNS NOTIFY-SOCKET PROGRAM... -- PROGRAM...");
        n_runs = bench_number(argv[1]);
        notify = listen_at(argv[2]);
        (void)setenv("NOTIFY_SOCKET", argv[2], 1);
        argv[second - 1] = NULL;
        for (uint64_t i = 0; i <= n_runs; i++) {
                uint64_t first_ns = start_once(notify, argv + 3),
                         second_ns = start_once(notify, argv + second);

                if (i == 0)
                        continue;
                times_add(&a, first_ns);
                times_add(&b, second_ns);
        }
        printf("{\"a\": ");
        times_print(&a);
        printf(", \"b\": ");
        times_print(&b);
        puts("}");
        (void)unlink(argv[2]);
        close(notify);
        times_done(&a);
        times_done(&b);
        return 0;
}
