#pragma once
/* Other programs are started with the signals of a fresh process: none is blocked, none ignored. */

#include <spawn.h>
#include <sys/types.h>

#include "common/macros.h"

/* 0 with *ret, -errno. */
int spawn_program(const char *program, char *const *argv, char *const *envp,
                  const posix_spawn_file_actions_t *actions, pid_t *ret) _must_check_;
