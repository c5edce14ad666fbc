#pragma once
/* A directory with no options in it, and none in the environment. */

#include "tests/unit/unit.h"

#include <sys/types.h>

#include "daemon/options/internal.h"

extern char options_directory[64]; /* also $XDG_CONFIG_HOME */

int options_set_up(void **state);
int options_tear_down(void **state);
void options_clear_environment(void);
/* The text of a genopt.yaml in /etc/x that is right. */
struct config *options_parse(const char *text);
void options_write_file(const char *path, const char *text, mode_t mode);
