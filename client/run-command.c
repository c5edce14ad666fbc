#include "client/run-command.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>

#include "common/str.h"

static _Noreturn void become(char *const *argv, int output_fd)
{
        static const int restored[] = {SIGINT,  SIGTERM,  SIGHUP, SIGQUIT,
                                       SIGTSTP, SIGWINCH, SIGPIPE};
        int null_fd = open("/dev/null", O_RDONLY);
        sigset_t none;

        for (size_t i = 0; i < N_ELEMENTS(restored); i++)
                signal(restored[i], SIG_DFL);
        sigemptyset(&none);
        sigprocmask(SIG_SETMASK, &none, NULL);
        if (null_fd < 0 || dup2(null_fd, 0) < 0 || dup2(output_fd, 1) < 0 || dup2(output_fd, 2) < 0)
                _exit(127);
        (void)close_range(3, ~0u, CLOSE_RANGE_CLOEXEC);
        execvp(argv[0], argv);
        dprintf(2, "%s: %s\n", argv[0], strerror(errno));
        _exit(127);
}

static int collect(int fd, struct buf *output)
{
        ssize_t n;
        int r;

        for (;;) {
                r = buf_reserve(output, 16384);
                if (r < 0)
                        return r;
                n = read(fd, output->at + output->n, 16384);
                if (n == 0)
                        return 0;
                if (n < 0) {
                        if (errno == EINTR)
                                continue;
                        return -errno;
                }
                output->n += (size_t)n;
                if (output->n > 2 * RUN_OUTPUT_BYTES)
                        buf_consume(output, output->n - RUN_OUTPUT_BYTES);
        }
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

int run_command(char *const *argv, struct buf *output, struct run_result *ret)
{
        int fds[2], status, r;
        pid_t pid;

        if (pipe2(fds, O_CLOEXEC) < 0)
                return -errno;
        pid = fork();
        if (pid == 0)
                become(argv, fds[1]);
        close(fds[1]);
        if (pid < 0) {
                close(fds[0]);
                return -EAGAIN;
        }
        r = collect(fds[0], output);
        close(fds[0]);
        while (waitpid(pid, &status, 0) < 0)
                if (errno != EINTR)
                        return -errno;
        if (r < 0)
                return r;
        make_utf8(output);
        *ret = (struct run_result){
                .status = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status),
                .signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0,
        };
        return 0;
}
