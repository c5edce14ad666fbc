#pragma once
/* One connection to genoptd: requests answered in order of asking, and the events that come
 * between.
 *
 * One JSON text per line (docs/protocol.md). Events that arrive while a reply is awaited are kept
 * in order and given by connection_next(). While a large request is sent, what the daemon says is
 * read, so that neither waits for the other. */

#include <jansson.h>
#include <signal.h>

#include "client/client.h"
#include "client/link/start.h"

#define CONNECTION_EVENTS_MAX \
        500000 /* kept while a reply is awaited: more means that something is wrong */

struct connection;

/* CONDITION_REFUSED with a failure. */
int connection_open(const struct client *c, enum start_mode mode, struct connection **ret,
                    struct failure **ret_failure) _must_check_;
/* A connected socket becomes a connection; consumes fd on success. */
int connection_adopt(int fd, struct connection **ret) _must_check_;
struct connection *connection_free(struct connection *k);
DEFINE_CLEANUP(struct connection, connection_free);
/* Of another user than ours: it reads no file of ours. */
bool connection_is_foreign(const struct connection *k);
/* Asks and waits for the reply. Consumes params in any case (NULL: none).
 * CONDITION_REFUSED: *ret_failure holds the daemon's error. -ECONNRESET: the daemon went away.
 * ret_result may be NULL. */
int connection_call(struct connection *k, const char *method, json_t *params, json_t **ret_result,
                    struct failure **ret_failure) _must_check_;
/* One question on a connection of its own; otherwise as connection_call(). */
int connection_ask(const struct client *c, enum start_mode mode, const char *method, json_t *params,
                   json_t **ret_result, struct failure **ret_failure) _must_check_;
/* connection_call() with params and result as JSON text; the result lies in the connection until
 * the next use of it. */
int connection_call_text(struct connection *k, const char *method, struct span params,
                         struct span *ret_result, struct failure **ret_failure) _must_check_;
/* Asks without waiting for the reply. Nothing else may be asked before connection_settle(), and no
 * more than the daemon takes at a time. */
#define CONNECTION_SENT_MAX 64
int connection_send_text(struct connection *k, const char *method, struct span params) _must_check_;
/* Waits for all replies to these, whatever they are. CONDITION_REFUSED: *ret_failure is the first
 * error of the daemon's. */
int connection_settle(struct connection *k, struct failure **ret_failure) _must_check_;
/* The params of the next job/event. CONDITION_ABSENT: none within timeout_ms (< 0: no end). -EINTR:
 * a signal that `mask` lets in; mask may be NULL. */
int connection_next(struct connection *k, int timeout_ms, const sigset_t *mask,
                    json_t **ret_event) _must_check_;
/* Waits until the daemon closes; 0, CONDITION_ABSENT after timeout_ms, -errno. */
int connection_wait_close(struct connection *k, int timeout_ms) _must_check_;
