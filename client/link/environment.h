#pragma once
/* What a daemon that we start gets of our environment: where it lives and speaks, its directories,
 * how it reaches the network, and the keys that its configuration names. Nothing else of the
 * caller's shell: a run's settings must not stay in a daemon. */

#include "common/buf.h"
#include "common/str.h"

#define ENVIRONMENT_CONFIG_BYTES (1u << 20) /* of genopt.yaml are searched for names of keys */

/* NAME=VALUE entries of `from` (ends with NULL) that may pass; config: text of genopt.yaml or
 * empty. */
int environment_clean(char *const *from, struct span config, struct strlist *ret) _must_check_;
/* Text of the genopt.yaml that the daemon would read; empty when there is none. */
int environment_read_config(struct buf *b) _must_check_;
/* The user's own only: what a daemon of another user cannot read. */
int environment_read_own_config(struct buf *b) _must_check_;
/* $XDG_CONFIG_HOME/genopt, else ~/.config/genopt; NULL: no home, or no memory. */
char *environment_config_dir(void) _must_check_;
/* $GENOPT_STATE_DIR, $XDG_STATE_HOME/genopt, else ~/.local/state/genopt; NULL: no home, or no
 * memory. */
char *environment_state_dir(void) _must_check_;
/* The same with $GENOPT_CACHE_DIR, $XDG_CACHE_HOME/genopt, ~/.cache/genopt. */
char *environment_cache_dir(void) _must_check_;
/* Path of the user's genopt.yaml, whether it is there or not. */
char *environment_own_config(void) _must_check_;
