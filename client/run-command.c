#include "client/run-command.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>

#include "common/clock.h"
#include "common/str.h"

#define GRACE_SECONDS 2 /* from SIGTERM to SIGKILL */
#define LOOK_MS 200
#define PIPE_READS 8 /* more than empty a pipe */

static _Noreturn void become(char *const *argv, int output_fd, int errors_fd)
{
        static const int restored[] = {SIGINT,  SIGTERM,  SIGHUP, SIGQUIT,
                                       SIGTSTP, SIGWINCH, SIGPIPE};
        int null_fd = open("/dev/null", O_RDONLY);
        sigset_t none;

        for (size_t i = 0; i < N_ELEMENTS(restored); i++)
                signal(restored[i], SIG_DFL);
        sigemptyset(&none);
        sigprocmask(SIG_SETMASK, &none, NULL);
        if (null_fd < 0 || dup2(null_fd, 0) < 0 || dup2(output_fd, 1) < 0 || dup2(errors_fd, 2) < 0)
                _exit(127);
        (void)close_range(3, ~0u, CLOSE_RANGE_CLOEXEC);
        execvp(argv[0], argv);
        dprintf(2, "%s: %s\n", argv[0], strerror(errno));
        _exit(127);
}

/* 1: there may be more. */
static int read_some(int fd, struct buf *output)
{
        ssize_t n;
        int r = buf_reserve(output, 16384);

        if (r < 0)
                return r;
        n = read(fd, output->at + output->n, 16384);
        if (n <= 0)
                return n == 0 ? 0 : errno == EINTR ? 1 : -errno;
        output->n += (size_t)n;
        if (output->n > 2 * RUN_OUTPUT_BYTES)
                buf_consume(output, output->n - RUN_OUTPUT_BYTES);
        return 1;
}

static int collect(int fd, struct buf *output)
{
        int r;

        do
                r = read_some(fd, output);
        while (r > 0);
        return r;
}

/* Length of the UTF-8 sequence that begins at `at`, 0 if none does. */
static size_t sequence_length(const char *at, size_t n)
{
        for (size_t k = 1; k <= MIN2(n, (size_t)4); k++)
                if (str_is_utf8((struct span){at, k}))
                        return k;
        return 0;
}

static void make_utf8(struct buf *output)
{
        size_t i = 0, k;

        if (output->n > RUN_OUTPUT_BYTES)
                buf_consume(output, output->n - RUN_OUTPUT_BYTES);
        while (i < output->n) {
                k = sequence_length(output->at + i, output->n - i);
                if (k == 0 || output->at[i] == '\0') {
                        output->at[i] = '?';
                        k = 1;
                }
                i += k;
        }
        if (output->at)
                output->at[output->n] = '\0';
}

static int reap(pid_t pid, struct buf *output, struct run_result *ret)
{
        int status;

        while (waitpid(pid, &status, 0) < 0)
                if (errno != EINTR)
                        return -errno;
        make_utf8(output);
        *ret = (struct run_result){
                .status = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status),
                .signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0,
        };
        return 0;
}

int run_command(char *const *argv, struct buf *output, struct run_result *ret)
{
        int fds[2], r, k;
        pid_t pid;

        if (pipe2(fds, O_CLOEXEC) < 0)
                return -errno;
        pid = fork();
        if (pid == 0)
                become(argv, fds[1], fds[1]);
        close(fds[1]);
        if (pid < 0) {
                close(fds[0]);
                return -EAGAIN;
        }
        r = collect(fds[0], output);
        close(fds[0]);
        k = reap(pid, output, ret);
        return r < 0 ? r : k;
}

/* Both until they end: who reads one alone waits for who writes the other. */
static int collect_both(int output_fd, int errors_fd, struct buf *output, struct buf *errors)
{
        struct pollfd p[] = {{.fd = output_fd, .events = POLLIN},
                             {.fd = errors_fd, .events = POLLIN}};
        struct buf *const to[] = {output, errors};

        while (p[0].fd >= 0 || p[1].fd >= 0) {
                if (poll(p, N_ELEMENTS(p), -1) < 0 && errno != EINTR)
                        return -errno;
                for (size_t i = 0; i < N_ELEMENTS(p); i++) {
                        int r = p[i].revents ? read_some(p[i].fd, to[i]) : 1;

                        if (r < 0)
                                return r;
                        if (r == 0)
                                p[i].fd = -1;
                        p[i].revents = 0;
                }
        }
        return 0;
}

int run_query(char *const *argv, struct buf *output, struct buf *errors, struct run_result *ret)
{
        int fds[2], error_fds[2], r, k;
        pid_t pid;

        if (pipe2(fds, O_CLOEXEC) < 0)
                return -errno;
        if (pipe2(error_fds, O_CLOEXEC) < 0) {
                r = -errno;
                close(fds[0]);
                close(fds[1]);
                return r;
        }
        pid = fork();
        if (pid == 0)
                become(argv, fds[1], error_fds[1]);
        close(fds[1]);
        close(error_fds[1]);
        r = pid < 0 ? -EAGAIN : collect_both(fds[0], error_fds[0], output, errors);
        close(fds[0]);
        close(error_fds[0]);
        if (pid < 0)
                return r;
        k = reap(pid, output, ret);
        make_utf8(errors);
        return r < 0 ? r : k;
}

bool run_is_verdict(const struct run_result *result)
{
        static const int by_others[] = {SIGINT, SIGTERM, SIGKILL, SIGHUP, SIGQUIT};

        if (result->status == 126 || result->status == 127)
                return false;
        for (size_t i = 0; i < N_ELEMENTS(by_others); i++)
                if (result->status == 128 + by_others[i])
                        return false;
        return true;
}

/* ---- with an eye on it ---- */

static void end_session(pid_t leader, int signal_number)
{
        if (kill(-leader, signal_number) < 0) /* it has not come to be one yet */
                (void)kill(leader, signal_number);
}

/* Outlives us to end what we started, should we be killed. No signal reaches it. */
static _Noreturn void stand_guard(pid_t parent, pid_t leader)
{
        struct timespec grace = {.tv_sec = GRACE_SECONDS};
        sigset_t all;

        (void)close_range(0, ~0u, 0);
        (void)setsid();
        sigemptyset(&all);
        sigaddset(&all, SIGTERM);
        if (prctl(PR_SET_PDEATHSIG, SIGTERM) == 0 && getppid() == parent)
                while (sigwaitinfo(&all, NULL) < 0)
                        ;
        end_session(leader, SIGTERM);
        while (nanosleep(&grace, &grace) < 0 && errno == EINTR)
                ;
        end_session(leader, SIGKILL);
        _exit(0);
}

/* Without reaping it. What it left in the background may hold its output for ever. */
static bool has_ended(pid_t pid)
{
        siginfo_t info = {0};

        return waitid(P_PID, (id_t)pid, &info, WEXITED | WNOHANG | WNOWAIT) == 0 &&
               info.si_pid == pid;
}

/* What it said before it ended is in the pipe: no more than fits there. */
static int collect_rest(int fd, struct buf *output)
{
        int r = 1;

        for (int n = 0; n < PIPE_READS && r > 0; n++) {
                struct pollfd p = {.fd = fd, .events = POLLIN};

                r = poll(&p, 1, 0) > 0 ? read_some(fd, output) : 0;
        }
        return MIN2(r, 0);
}

/* Until the command has ended: it may shut its output, and go on. */
static int collect_watched(int fd, pid_t leader, const struct run_watch *w, struct buf *output)
{
        const struct timespec look = {.tv_nsec = LOOK_MS * 1000000L};
        _cleanup_close_ int end_fd = pidfd_open(leader, 0); /* < 0: looked for now and then */
        struct pollfd p[] = {{.fd = fd, .events = POLLIN}, {.fd = end_fd, .events = POLLIN}};
        uint64_t begun = clock_monotonic_usec(), until = 0, now = begun;
        sigset_t held, before;
        int r = 0, why = 0;

        sigemptyset(&held);
        sigaddset(&held, SIGINT);
        sigprocmask(SIG_BLOCK, &held, &before);
        while (r >= 0 && (until == 0 || now < until)) {
                if (until == 0 && w->limit_usec > 0 && now - begun >= w->limit_usec)
                        why = -ETIMEDOUT;
                if (until == 0 && w->is_stopped(w->arg))
                        why = -EINTR;
                if (until == 0 && why) {
                        end_session(leader, SIGTERM);
                        until = now + GRACE_SECONDS * UINT64_C(1000000);
                }
                if (has_ended(leader)) {
                        p[1].fd = -1;
                        if (until == 0 || p[0].fd < 0)
                                break;
                }
                if (ppoll(p, N_ELEMENTS(p), &look, &before) > 0 && p[0].revents)
                        r = read_some(fd, output);
                if (p[0].revents && r == 0)
                        p[0].fd = -1;
                p[0].revents = 0;
                now = clock_monotonic_usec();
                if (until == 0)
                        w->tick(w->arg, now - begun);
        }
        if (r >= 0 && p[0].fd >= 0)
                r = collect_rest(fd, output);
        if (until > 0 || r < 0)
                end_session(leader, SIGKILL);
        sigprocmask(SIG_SETMASK, &before, NULL);
        return why ? why : r;
}

/* The command begins when its guard is there: who is killed in between leaves nothing running. */
static _Noreturn void become_guarded(char *const *argv, int output_fd, const int go[2])
{
        ssize_t n;
        char c;

        (void)setsid();
        close(go[1]);
        while ((n = read(go[0], &c, 1)) < 0 && errno == EINTR)
                ;
        if (n != 1)
                _exit(127);
        become(argv, output_fd, output_fd);
}

int run_watched(char *const *argv, const struct run_watch *w, struct buf *output,
                struct run_result *ret)
{
        pid_t pid, guard, own = getpid();
        int fds[2], go[2], r, k;
        sigset_t all, before;

        if (pipe2(fds, O_CLOEXEC) < 0)
                return -errno;
        if (pipe2(go, O_CLOEXEC) < 0) {
                r = -errno;
                close(fds[0]);
                close(fds[1]);
                return r;
        }
        pid = fork();
        if (pid == 0)
                become_guarded(argv, fds[1], go);
        close(fds[1]);
        /* What ends us, and all of our group, does not end it. */
        sigfillset(&all);
        sigprocmask(SIG_SETMASK, &all, &before);
        guard = pid > 0 ? fork() : -1;
        if (guard == 0)
                stand_guard(own, pid);
        sigprocmask(SIG_SETMASK, &before, NULL);
        if (guard > 0)
                (void)!write(go[1], "", 1);
        close(go[0]);
        close(go[1]);
        r = guard < 0 ? -EAGAIN : collect_watched(fds[0], pid, w, output);
        close(fds[0]);
        if (guard < 0 && pid > 0)
                end_session(pid, SIGKILL);
        if (guard > 0) {
                (void)kill(guard, SIGKILL);
                while (waitpid(guard, NULL, 0) < 0 && errno == EINTR)
                        ;
        }
        k = pid > 0 ? reap(pid, output, ret) : 0;
        return r < 0 ? r : k;
}
