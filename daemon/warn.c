#include "daemon/warn.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>

#include "common/log.h"
#include "common/spawn.h"
#include "common/str.h"
#include "daemon/loop/loop.h"

#define RUNNING_MAX 4 /* more at once would be a program that hangs */
#define USD_BYTES 32

static pid_t running[RUNNING_MAX]; /* 0: free; loop thread only */

static void on_child(int number, void *arg)
{
        (void)number, (void)arg;
        for (size_t i = 0; i < RUNNING_MAX; i++) {
                int status;

                if (running[i] == 0 || waitpid(running[i], &status, WNOHANG) != running[i])
                        continue;
                if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
                        log_warning("budget.warn_program ended with status %d", status);
                running[i] = 0;
        }
}

int warn_new(struct loop *loop)
{
        return loop_on_signal(loop, SIGCHLD, on_child, NULL);
}

static void usd(uint64_t nanousd, char ret[USD_BYTES])
{
        (void)snprintf(ret, USD_BYTES, "%llu.%06llu", (unsigned long long)(nanousd / 1000000000),
                       (unsigned long long)(nanousd % 1000000000 / 1000));
}

static int spawn(const char *program, char *const *argv, pid_t *ret)
{
        static const char *const kept[] = {"PATH", "HOME", "USER", "LANG", "XDG_RUNTIME_DIR"};
        _cleanup_(strlist_done) struct strlist environment = {0};
        char *envp[N_ELEMENTS(kept) + 1] = {NULL};
        posix_spawn_file_actions_t actions;
        int r = 0;

        for (size_t i = 0; i < N_ELEMENTS(kept) && r == 0; i++) {
                const char *value = getenv(kept[i]);
                _cleanup_free_ char *row = value ? str_printf("%s=%s", kept[i], value) : NULL;

                if (row)
                        r = strlist_add(&environment, row);
        }
        for (size_t i = 0; i < environment.n; i++)
                envp[i] = environment.at[i];
        if (r < 0 || posix_spawn_file_actions_init(&actions) != 0)
                return -ENOMEM;
        r = -posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
        r = r ? r : -posix_spawn_file_actions_addclosefrom_np(&actions, STDERR_FILENO + 1);
        r = r ? r : spawn_program(program, argv, envp, &actions, ret);
        (void)posix_spawn_file_actions_destroy(&actions);
        return r;
}

void warn_run(const char *program, const char *what, uint64_t spent_nanousd, uint64_t limit_nanousd)
{
        char spent[USD_BYTES], limit[USD_BYTES];
        char *argv[] = {(char *)program, (char *)what, spent, limit, NULL};
        size_t i = 0;
        int r;

        while (i < RUNNING_MAX && running[i] != 0)
                i++;
        if (i == RUNNING_MAX) {
                log_warning("budget.warn_program is not run: %d of it do not end", RUNNING_MAX);
                return;
        }
        usd(spent_nanousd, spent);
        usd(limit_nanousd, limit);
        r = spawn(program, argv, &running[i]);
        if (r < 0) {
                running[i] = 0;
                log_warning("budget.warn_program: %s: %s", program, strerror(-r));
        }
}
