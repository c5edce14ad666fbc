#include "bench.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <spawn.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>

void bench_die(const char *format, ...)
{
        va_list args;

        va_start(args, format);
        fprintf(stderr, "%s: ", program_invocation_short_name);
        vfprintf(stderr, format, args);
        fputc('\n', stderr);
        va_end(args);
        exit(1);
}

uint64_t bench_now(void)
{
        struct timespec t;

        (void)clock_gettime(CLOCK_MONOTONIC, &t);
        return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

uint64_t bench_number(const char *text)
{
        char *end;
        unsigned long long n = strtoull(text, &end, 10);

        if (n == 0 || *end)
                bench_die("`%s` is not a number above 0", text);
        return n;
}

/* ---- times ---- */

void times_add(struct times *t, uint64_t ns)
{
        if (t->n == t->room) {
                t->room = t->room ? 2 * t->room : 1024;
                t->at = reallocarray(t->at, t->room, sizeof(*t->at));
                if (!t->at)
                        bench_die("out of memory");
        }
        t->at[t->n++] = ns;
}

static int compare(const void *a, const void *b)
{
        uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

        return x < y ? -1 : x > y;
}

double times_usec(struct times *t, unsigned per_mille)
{
        if (t->n == 0)
                bench_die("nothing was measured");
        qsort(t->at, t->n, sizeof(*t->at), compare);
        return (double)t->at[MIN2(t->n * per_mille / 1000, t->n - 1)] / 1000;
}

void times_print(struct times *t)
{
        printf("{\"n\": %zu, \"p10_us\": %.2f, \"p50_us\": %.2f, \"p90_us\": %.2f, \"p99_us\": "
               "%.2f}",
               t->n, times_usec(t, 100), times_usec(t, 500), times_usec(t, 900),
               times_usec(t, 990));
}

void times_done(struct times *t)
{
        free(t->at);
        *t = (struct times){0};
}

/* ---- requests ---- */

void request_read(const char *path, struct request *ret)
{
        FILE *f = fopen(path, "r");
        long n;

        if (!f || fseek(f, 0, SEEK_END) != 0 || (n = ftell(f)) <= 0)
                bench_die("%s: no request", path);
        rewind(f);
        ret->at = calloc(1, (size_t)n + 1);
        if (!ret->at || fread(ret->at, 1, (size_t)n, f) != (size_t)n)
                bench_die("%s: cannot be read", path);
        ret->n = (size_t)n;
        for (char *at = ret->at; (at = strstr(at, BENCH_MARK)) && ret->n_marks < BENCH_MARKS_MAX;
             at += BENCH_MARK_BYTES)
                ret->marks[ret->n_marks++] = at;
        fclose(f);
}

/* The wall clock, in nanoseconds: unlike a counter it does not begin again in the next run. */
void request_renew(struct request *r)
{
        static uint64_t last;
        struct timespec t;
        char number[BENCH_MARK_BYTES + 1];

        if (r->n_marks == 0)
                return;
        if (!last) {
                (void)clock_gettime(CLOCK_REALTIME, &t);
                last = (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
        }
        snprintf(number, sizeof(number), "%016llx", (unsigned long long)++last);
        for (size_t i = 0; i < r->n_marks; i++)
                memcpy(r->marks[i], number, BENCH_MARK_BYTES);
}

void request_done(struct request *r)
{
        free(r->at);
        *r = (struct request){0};
}

/* ---- peers ---- */

static int connect_to(int domain, const void *address, socklen_t n, const char *name)
{
        int fd = socket(domain, SOCK_STREAM | SOCK_CLOEXEC, 0);

        if (fd < 0 || connect(fd, address, n) < 0)
                bench_die("%s: %s", name, strerror(errno));
        return fd;
}

int bench_connect_unix(const char *path)
{
        struct sockaddr_un a = {.sun_family = AF_UNIX};

        if (strlen(path) >= sizeof(a.sun_path))
                bench_die("%s: too long for a socket", path);
        memcpy(a.sun_path, path, strlen(path));
        return connect_to(AF_UNIX, &a, sizeof(a), path);
}

int bench_connect_port(uint64_t port)
{
        struct sockaddr_in a = {.sin_family = AF_INET,
                                .sin_port = htons((uint16_t)port),
                                .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
        int fd = connect_to(AF_INET, &a, sizeof(a), "127.0.0.1"), one = 1;

        (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
        return fd;
}

void bench_send(int fd, const char *at, size_t n)
{
        ssize_t sent = send(fd, at, n, MSG_NOSIGNAL);

        if (sent != (ssize_t)n)
                bench_die("a request cannot be sent: %s", sent < 0 ? strerror(errno) : "short");
}

pid_t bench_spawn(char **argv, char **envp)
{
        posix_spawn_file_actions_t actions;
        pid_t pid;
        int r;

        (void)posix_spawn_file_actions_init(&actions);
        (void)posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
        (void)posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
        r = posix_spawn(&pid, argv[0], &actions, NULL, argv, envp);
        (void)posix_spawn_file_actions_destroy(&actions);
        if (r != 0)
                bench_die("%s: %s", argv[0], strerror(r));
        return pid;
}
