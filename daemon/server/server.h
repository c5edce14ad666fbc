#pragma once
/* The socket: a listener, a session per connection, a handler per method. (Limits: session.h.)
 *
 * A repeated job/submit is answered from its own bytes before any JSON is parsed. Everything else
 * is validated by the method table, then goes to its handler (methods-*.c), which replies now or
 * later: a struct server_call outlives the turn, and its session too. */

#include <jansson.h>

#include "common/macros.h"
#include "daemon/jobs/jobs.h"
#include "proto/failure.h"
#include "proto/methods.h"

struct loop;
struct config;
struct server;
struct server_call;

enum server_stop { SERVER_STOP_DRAIN, SERVER_STOP_RESTART, SERVER_STOP_NOW };

struct server_setup {
        /* Borrowed: they outlive the server. */
        struct loop *loop;
        struct jobs *jobs;
        struct store *store;
        struct calls *calls;
        struct provider_room *providers;
        struct config *config; /* counted by the server */
        int listen_fd;         /* listening; the server's from server_new() on */
        /* CONDITION_REFUSED: the new configuration cannot be used; the old one holds. */
        int (*on_reload)(void *arg, struct failure **ret_failure);
        void (*on_stop)(enum server_stop how, void *arg);
        void *arg;
        /* No manager holds it: server_stop_listening() takes its path away, so that no client whose
         * connection breaks takes a stop for a crash and starts a daemon again. */
        bool is_socket_ours;
        uint64_t stop_ms; /* how long calls under way may take to end, as daemon/stop tells */
        uint64_t drain_ms, half_frame_ms; /* 0: SESSION_DRAIN_MS, SESSION_HALF_FRAME_MS */
};

int server_new(const struct server_setup *s, struct server **ret) _must_check_;
struct server *server_free(struct server *s); /* closes all connections */
void server_configure(struct server *s, struct config *config);
void server_begin_stop(struct server *s);     /* daemon/status says so from now on */
void server_stop_listening(struct server *s); /* on purpose; connections that exist go on */
bool server_is_stopping(const struct server *s);
size_t server_n_sessions(const struct server *s);
uint64_t server_uptime_s(const struct server *s);
const struct server_setup *server_rooms(const struct server *s);

/* ---- for handlers ---- */

struct server_method {
        /* 0: it was answered, or will be. Anything else is answered as INTERNAL. */
        int (*handle)(struct server_call *c, const json_t *params);
};
extern const struct server_method server_methods[N_METHODS];

struct server *server_call_server(const struct server_call *c);
const struct peer *server_call_peer(const struct server_call *c);
const struct hash *server_call_raw_key(
        const struct server_call *c);                             /* NULL: this request has none */
struct session *server_call_session(const struct server_call *c); /* NULL: it is gone */
/* Of a submit whose params have [] for a manifest: as it came, and where the manifest lies therein;
 * until its handler returns. n = 0: params have all. */
void server_call_manifest(const struct server_call *c, struct span *ret_text,
                          struct span *ret_manifest);
/* One of these ends the call. */
void server_call_reply(struct server_call *c, struct span result); /* encoded JSON */
void server_call_reply_json(struct server_call *c,
                            json_t *result); /* takes it; NULL: out of memory */
void server_call_fail(struct server_call *c, const struct failure *failure);
/* The same as a jobs_reply_fn: arg is the call. */
void server_call_answer(void *arg, struct span result, const struct failure *failure);
