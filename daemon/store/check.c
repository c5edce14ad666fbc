#include "daemon/store/check.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "common/clock.h"
#include "common/spawn.h"
#include "daemon/store/env.h"
#include "daemon/store/pages.h"

#define LIFE_FD 3 /* the child's end of the pipe */
#define ARGS_MAX 8

enum { EXIT_WHOLE = 0, EXIT_DAMAGED = 1, EXIT_UNKNOWN = 2 };

int store_check_main(const char *dir)
{
        _cleanup_close_ int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        struct rlimit none = {0, 0};

        (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
        (void)setrlimit(RLIMIT_CORE, &none); /* it would hold what users wrote */
        if (fd < 0)
                return EXIT_UNKNOWN;
        switch (pages_check(fd, clock_monotonic_usec() + (uint64_t)CHECK_CHILD_MS * 1000)) {
        case 0:
        case CONDITION_EMPTY:
                return EXIT_WHOLE;
        case CONDITION_DAMAGED:
                return EXIT_DAMAGED;
        default:
                return EXIT_UNKNOWN;
        }
}

static int spawn(const char *const *argv, int life_fd, pid_t *ret)
{
        posix_spawn_file_actions_t actions;
        int r;

        if (posix_spawn_file_actions_init(&actions) != 0)
                return -ENOMEM;
        r = -posix_spawn_file_actions_adddup2(&actions, life_fd, LIFE_FD);
        if (r == 0)
                r = -posix_spawn_file_actions_addclosefrom_np(&actions, LIFE_FD + 1);
        if (r == 0)
                r = spawn_program(argv[0], (char *const *)argv, environ, &actions, ret);
        (void)posix_spawn_file_actions_destroy(&actions);
        return r;
}

int check_start(struct check *c, const char *const *argv, const char *dir)
{
        static const char *const own[] = {"/proc/self/exe", "--check-store", NULL};
        const char *args[ARGS_MAX + 2];
        unsigned n = 0;
        int ends[2], high, r;

        for (argv = argv ? argv : own; argv[n] && n < ARGS_MAX; n++)
                args[n] = argv[n];
        args[n] = dir;
        args[n + 1] = NULL;
        *c = (struct check){.pid = -1, .fd = -1};
        if (pipe2(ends, O_CLOEXEC) < 0)
                return -errno;
        /* Were it LIFE_FD already, the dup2 in the child would do nothing and leave it to be closed
         * by exec. */
        high = fcntl(ends[1], F_DUPFD_CLOEXEC, LIFE_FD + 1);
        r = high < 0 ? -errno : spawn(args, high, &c->pid);
        (void)close(ends[1]);
        cleanup_close(&high);
        if (r < 0) {
                (void)close(ends[0]);
                return r;
        }
        c->fd = ends[0];
        return 0;
}

static void await_end(struct check *c, uint64_t deadline_usec)
{
        struct pollfd p = {.fd = c->fd, .events = POLLIN};
        uint64_t now;

        for (;;) {
                now = clock_monotonic_usec();
                if (now >= deadline_usec)
                        break;
                if (poll(&p, 1, (int)((deadline_usec - now) / 1000) + 1) > 0)
                        return;
        }
        (void)kill(c->pid, SIGKILL);
}

enum verdict check_wait(struct check *c, uint64_t deadline_usec)
{
        enum verdict v = VERDICT_UNKNOWN;
        int status;
        pid_t pid;

        await_end(c, deadline_usec);
        do
                pid = waitpid(c->pid, &status, 0);
        while (pid < 0 && errno == EINTR);
        cleanup_close(&c->fd);
        c->fd = -1;
        if (pid < 0)
                return VERDICT_UNKNOWN;
        if (WIFEXITED(status) && WEXITSTATUS(status) == EXIT_WHOLE)
                v = VERDICT_WHOLE;
        else if (WIFEXITED(status) && WEXITSTATUS(status) == EXIT_DAMAGED)
                v = VERDICT_DAMAGED;
        else if (WIFSIGNALED(status) && WTERMSIG(status) != SIGKILL)
                v = VERDICT_DAMAGED;
        return v;
}
