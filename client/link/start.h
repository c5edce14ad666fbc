#pragma once
/* Reaching a daemon, and starting one on demand.
 *
 * A daemon that we start gets its socket from us, as it would from systemd: under a lock beside the
 * socket we bind, listen, and exec genoptd with the socket as LISTEN_FDS. Then we connect: the
 * kernel queues us until the daemon accepts. No polling, and two clients at once start one daemon,
 * because the second finds a listener when it gets the lock.
 *
 * Where sockets are: proto/address.h. A daemon is only started at the first address, which is the
 * user's own.
 */

#include "common/macros.h"
#include "proto/address.h"
#include "proto/failure.h"

#define START_LOG_BYTES (8 << 20) /* a larger log of the daemon is moved to genoptd.log.1 */

enum start_mode {
        START_NEVER,
        START_IF_NEEDED,
        START_IF_DIED, /* it was there a moment ago: started again unless `genopt stop` took its
                          socket away */
};

/* given: --socket or NULL. CONDITION_REFUSED with UNAVAILABLE. */
int start_connect(const char *given, enum start_mode mode, int *ret_fd,
                  struct failure **ret_failure) _must_check_;
/* For stop and restart: the address that a daemon answers at (the first one if none does), and the
 * lock under which daemons are started there, taken before the daemon is told, so that nobody
 * starts one while it goes. The lock's file names the socket that a client made last (device and
 * inode): one of the service manager's is not ours to remove. The system's instance is started by
 * nobody but the manager: no lock, lock_fd -1. */
struct start_hold {
        struct address address;
        int lock_fd;
};

int start_hold(const char *given, struct start_hold *ret,
               struct failure **ret_failure) _must_check_;
/* When the daemon has ended: takes the socket away if a client made it. */
void start_forget(const struct start_hold *h);
/* Starts a daemon (the system's: its manager does) and connects. */
int start_again(const struct start_hold *h, int *ret_fd, struct failure **ret_failure) _must_check_;
void start_release(struct start_hold *h);
/* Path of the log that a daemon started by us writes; NULL without a home or memory. */
char *start_log_path(void) _must_check_;
/* Path of genoptd: $GENOPT_DAEMON, beside this program (or in a build tree), $PATH, the prefix;
 * NULL when there is none. */
char *start_find_daemon(void) _must_check_;
