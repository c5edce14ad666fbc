#pragma once
/* Where the daemon's socket is, for both programs:
 *
 *     --socket PATH, $GENOPT_SOCKET       that one and no other
 *     $XDG_RUNTIME_DIR/genopt/rpc.sock    the user's instance; without XDG_RUNTIME_DIR
 *                                         /tmp/genopt-UID/rpc.sock
 *     /run/genopt/rpc.sock                the system's
 *
 * A directory below /tmp is trusted only when it is ours and closed to others: anyone could have
 * made it. */

#include <sys/types.h>
#include <sys/un.h>

#include "proto/failure.h"

#define ADDRESS_BYTES sizeof(((struct sockaddr_un *)0)->sun_path) /* with the NUL: 108 */
#define ADDRESS_SYSTEM "/run/genopt/rpc.sock"

struct address {
        char path[ADDRESS_BYTES];
        bool is_users;     /* the user's instance (or a named one): a client may start it */
        bool is_below_tmp; /* its directory must be checked */
};

/* In the order of trying. */
struct address_list {
        struct address at[2];
        size_t n;
};

/* option: of --socket, or NULL. CONDITION_REFUSED with failure: a path that no socket can have. */
int address_find(const char *option, struct address_list *ret,
                 struct failure **ret_failure) _must_check_;
/* 0: *ret_fd is connected, blocking, closed on exec. -ENOENT, -ECONNREFUSED: nobody listens.
 * -ETIMEDOUT: its backlog stayed full. -EPERM: the directory below /tmp is not ours alone. */
int address_connect(const struct address *a, unsigned timeout_ms, int *ret_fd) _must_check_;
/* The first of the list that answers; else the error of the first. *ret_index says which. */
int address_connect_any(const struct address_list *l, unsigned timeout_ms, int *ret_fd,
                        size_t *ret_index) _must_check_;

/* Makes the socket's directory (0700) where it is missing. -EPERM as above. */
int address_make_dir(const struct address *a) _must_check_;
/* Waits for the lock beside the socket, so that of many only one starts a daemon: lock, connect
 * again, and only then bind. Closing *ret_fd ends it. */
int address_lock(const struct address *a, int *ret_fd) _must_check_;
/* A listening socket (blocking, closed on exec), in place of one that nobody listens on.
 * -EADDRINUSE: somebody does. */
int address_listen(const struct address *a, mode_t mode, int *ret_fd) _must_check_;
