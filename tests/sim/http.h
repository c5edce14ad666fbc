#pragma once
/* A small HTTP/1.x server on libevent's bufferevents, made for lying: it lets its user send half a
 * reply, cut a stream at a byte, reset a connection. One request of a connection is in hand at a
 * time; what was pipelined waits in the buffer.
 *
 * A reply is either http_reply() or http_stream_begin(), http_stream_write()*, http_stream_end().
 * Streams are chunked (HTTP/1.0: until the end of the connection). Callbacks never come from within
 * a function called here. */

#include <event2/event.h>

#include "common/macros.h"

#define HTTP_HEAD_BYTES ((size_t)64 << 10) /* above what any client sends before a body */
#define HTTP_HEADERS_MAX 64
#define HTTP_BODY_BYTES ((size_t)32 << 20) /* the limit of the real service */

struct http_server;
struct http_conn;

struct http_header {
        char *name;  /* in the head, lower case */
        char *value; /* in the head */
};

struct http_request {
        char *head;                  /* owned; all else points into it */
        char *method, *path, *query; /* query is "" when there is none */
        bool is_1_0;
        struct http_header headers[HTTP_HEADERS_MAX];
        size_t n_headers;
        char *body; /* owned; terminated by a NUL that n_body does not count */
        size_t n_body;
        bool is_too_large;   /* the body was over HTTP_BODY_BYTES and was not read */
        uint64_t woken_usec; /* when the turn began that completed it */
};

struct http_events {
        /* The request is borrowed until the reply has ended or on_gone came. */
        void (*on_request)(struct http_conn *c, struct http_request *r, void *arg);
        /* The peer left while the reply was under way; the connection may not be used any more. */
        void (*on_gone)(struct http_conn *c, void *owner, void *arg);
};

int http_server_new(struct event_base *base, const struct http_events *events, void *arg,
                    struct http_server **ret) _must_check_;
struct http_server *http_server_free(struct http_server *s);
/* port 0: any; *ret_port says which. */
int http_server_listen(struct http_server *s, const char *address, uint16_t port,
                       uint16_t *ret_port) _must_check_;
int http_server_listen_unix(struct http_server *s, const char *path) _must_check_;
uint64_t http_server_n_accepted(const struct http_server *s);

void http_set_owner(struct http_conn *c, void *owner);                       /* handed to on_gone */
const char *http_get_header(const struct http_request *r, const char *name); /* NULL: absent */
/* Adds a header to the reply of the request in hand. */
void http_add_header(struct http_conn *c, const char *name, const char *format, ...) _printf_(3, 4);
void http_reply(struct http_conn *c, int status, const char *content_type, struct span body);
void http_stream_begin(struct http_conn *c, int status, const char *content_type);
void http_stream_write(struct http_conn *c, struct span bytes);
void http_stream_end(struct http_conn *c);
/* Ends the connection as a crash would: what was written may still arrive; is_reset sends RST at
 * once. on_gone does not come. */
void http_abort(struct http_conn *c, bool is_reset);
