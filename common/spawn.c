#include "common/spawn.h"

#include <errno.h>
#include <signal.h>

int spawn_program(const char *program, char *const *argv, char *const *envp,
                  const posix_spawn_file_actions_t *actions, pid_t *ret)
{
        posix_spawnattr_t attr;
        sigset_t none, all;
        int r;

        if (posix_spawnattr_init(&attr) != 0)
                return -ENOMEM;
        (void)sigemptyset(&none);
        (void)sigfillset(&all);
        (void)posix_spawnattr_setsigmask(&attr, &none);
        (void)posix_spawnattr_setsigdefault(&attr, &all);
        (void)posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
        r = -posix_spawn(ret, program, actions, &attr, argv, envp);
        (void)posix_spawnattr_destroy(&attr);
        return r;
}
