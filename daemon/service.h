#pragma once
/* The service manager's side: readiness, status, watchdog, the journal as log sink, inherited
 * sockets. Without systemd all of it does nothing and costs nothing. */

#include "common/macros.h"

struct failure;
struct loop;
struct store;
struct service;

/* Sends log lines to journald as fields GENOPT_…, when standard error is its stream. */
void service_log_to_journal(void);
/* The inherited listener named "rpc" (or the only one): its descriptor, or -ENOENT. -EINVAL: what
 * was inherited is no such socket. */
int service_take_socket(void) _must_check_;
/* Somebody supervises us and holds our socket; without, `genopt` started us, or a person. */
bool service_has_manager(void);
/* A daemon that cannot start: who waits at the inherited socket is told why instead of meeting a
 * closed door. Blocks, for a few seconds at most. Without such a socket nothing happens. */
void service_refuse(const struct failure *why);
int service_new(struct loop *loop, struct store *store, struct service **ret) _must_check_;
struct service *service_free(struct service *s);
void service_ready(struct service *s,
                   const char *status); /* starts the watchdog's timer, if there is a watchdog */
void service_reloading(struct service *s);
void service_stopping(struct service *s);
