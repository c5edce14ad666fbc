#pragma once
/* One connection. Plain events and own buffers: bytes are copied once each way. */

#include <sys/queue.h>

#include "common/buf.h"
#include "daemon/server/server.h"
#include "proto/frame.h"

#define SESSION_READ_BYTES 65536 /* per wake-up: a busy client leaves room for others */
#define SESSION_OUT_PAUSE_BYTES \
        ((size_t)1 << 20) /* above: nothing more is produced or read for it */
#define SESSION_OUT_MAX_BYTES \
        (FRAME_MAX_BYTES + SESSION_OUT_PAUSE_BYTES) /* above: cut off; any one frame fits below */
#define SESSION_DRAIN_MS 30000                      /* without reading what waits for it: cut off */
#define SESSION_HALF_FRAME_MS 30000                 /* for the rest of a frame that has begun */
#define SESSION_MAX_CALLS 256                       /* requests under way */
#define SESSION_MAX_SUBSCRIPTIONS 64
#define SESSION_EVENTS_PER_TURN 256 /* of one subscription before the next has its turn */

struct subscription {
        LIST_ENTRY(subscription) entry;
        struct session *session;
        struct job_cursor *cursor; /* owned */
        struct ulid job;
};

struct session {
        LIST_ENTRY(session) entry;
        struct server *server;
        int fd;
        struct peer peer;
        struct event *on_read, *on_write; /* owned */
        struct timer *drain, *half;       /* owned */
        struct frame_decoder decoder;
        struct buf in, out;
        size_t out_start; /* of what waits in out; below SESSION_OUT_PAUSE_BYTES between turns */
        LIST_HEAD(, server_call) calls;
        LIST_HEAD(, subscription) subscriptions;
        size_t n_calls, n_subscriptions;
        size_t n_answers; /* of it in the server's answers */
        bool is_pumping, is_reading_paused;
        bool has_peer_ended; /* it sends nothing more, but may still read */
        bool is_closing;     /* closed once it is drained */
        bool is_dead;
};

struct iovec;

int session_new(struct server *s, int fd, const struct peer *peer,
                struct session **ret) _must_check_;
void session_close(struct session *s); /* now; freed at the end of the turn */
enum framing session_framing(const struct session *s);
/* What was appended to s->out goes out as soon as it can. */
void session_flush(struct session *s);
/* Sends pieces as they lie; only what the socket does not take at once is copied. */
int session_send(struct session *s, const struct iovec *pieces, size_t n_pieces) _must_check_;
/* Gives them away until the end of the turn (answers.h); before anything else is sent, or the
 * session ends, they are. */
int session_answer(struct session *s, const struct iovec *pieces, size_t n_pieces) _must_check_;
void session_deliver(struct session *s, struct span answer); /* answers.c, for each */
void session_call_ended(struct session *s); /* the peer may have waited only for this */
void session_pump(struct session *s); /* events of its subscriptions, at the end of the turn */
int session_subscribe(struct session *s, struct span job, uint64_t after, bool has_deltas,
                      struct buf *ret_reply, struct failure **ret_failure) _must_check_;
bool session_unsubscribe(struct session *s, const struct ulid *job);
/* dispatch.c: one frame. */
void session_handle(struct session *s, struct span frame);
void session_forget_calls(struct session *s);

/* server.c, for sessions */
void server_remove_session(struct server *s, struct session *session);
const struct raw_keyer *server_keyer(struct server *s); /* of what holds now */
struct answers *server_answers(struct server *s);
char *server_scratch(struct server *s); /* SESSION_READ_BYTES, for the turn of one session */
