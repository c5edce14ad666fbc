#pragma once
/* HTTP for the provider room: libcurl's multi interface on the loop. http*.c alone include
 * <curl/curl.h> for transfers.
 *
 * Start-up is lazy, because an idle daemon shall cost nothing: http_new() allocates a struct. At
 * the first transfer a worker loads libcurl (curl-late.c), runs curl_global_init() and, when that
 * transfer is https, reads the certificates into one X509_STORE; transfers wait meanwhile; then the
 * multi handle is made on the loop. The store is given to each connection by
 * CURLOPT_SSL_CTX_FUNCTION with CAINFO and CAPATH off (libcurl 7.88 otherwise parses the bundle on
 * the loop, 25 ms a connection). Its file is $SSL_CERT_FILE or libcurl's default; http_reload()
 * forgets it when the file has changed.
 *
 * But for on_leaving() no callback of ours is called from within libcurl: its callbacks only
 * collect bytes, and after each curl_multi_socket_action() they are handed on. So http_start() and
 * http_cancel() may be called from on_bytes() and on_end(). A POST leaves once:
 * libcurl's own repetition, when a kept connection was closed, is forbidden, and it ends as
 * HTTP_FAULT_BROKEN. Only one whose stream was refused, which nobody has read, leaves once more, on
 * another connection, at once. Redirections are not followed, only http and https are spoken, no
 * cookies, no .netrc, nothing verbose. Connections are kept in libcurl's pool; HTTP/2 is used where
 * https offers it, with many streams on one connection. */

#include "common/buf.h"
#include "common/macros.h"

struct loop;
struct http;
struct http_transfer;
struct head;

enum http_fault {
        HTTP_FAULT_NONE,
        HTTP_FAULT_UNRESOLVED,  /* no address for the host */
        HTTP_FAULT_UNCONNECTED, /* refused, no route, proxy */
        HTTP_FAULT_CERTIFICATE, /* the server is not who it should be */
        HTTP_FAULT_TLS,         /* handshake */
        HTTP_FAULT_CONNECT_TIMEOUT,
        HTTP_FAULT_FIRST_BYTE, /* connected, sent, nothing came */
        HTTP_FAULT_STALLED,    /* bytes came, then nothing */
        HTTP_FAULT_TOTAL,      /* over the total time */
        HTTP_FAULT_BROKEN,     /* connection lost, body cut */
        HTTP_FAULT_REFUSED,    /* sent, and not looked at (refused.h) */
        HTTP_FAULT_TOO_LARGE,
        HTTP_FAULT_INTERNAL, /* ours: lack of memory, bad URL */
};

struct http_request {
        const char *url;         /* copied */
        const struct head *head; /* copied, wiped after use; NULL: none */
        const char *unix_path;   /* copied; NULL: the URL's host */
        struct span body;        /* borrowed until the end of the transfer; POST. NULL at: HEAD */
        bool is_get;             /* without a body: GET */
        size_t max_bytes;        /* of the answer's body: over it is HTTP_FAULT_TOO_LARGE */
        size_t max_error_bytes;  /* of the body of an answer that is no success: what is longer is
                                    cut */
        bool is_tls;
        bool is_direct; /* no proxy, whatever the environment says: an address of this machine */
        uint64_t connect_ms, first_byte_ms, stall_ms, total_ms;
};

struct http_events {
        /* May be NULL. The request is about to leave on a connection that stands; < 0: it must not,
         * and ends as HTTP_FAULT_INTERNAL. The only callback from within libcurl: it calls nothing
         * of this room. */
        int (*on_leaving)(void *arg);
        void (*on_bytes)(struct http_transfer *t, struct span bytes, void *arg);
        /* The end, once; the transfer is gone after it. message is libcurl's, "" when there is
         * none. */
        void (*on_end)(struct http_transfer *t, enum http_fault fault, const char *message,
                       void *arg);
};

int http_new(struct loop *loop, struct http **ret) _must_check_;
struct http *http_free(struct http *h); /* ends all transfers without callbacks */
void http_reload(struct http *h);
/* Nothing is called back before it returns. */
int http_start(struct http *h, const struct http_request *r, const struct http_events *events,
               void *arg, struct http_transfer **ret) _must_check_;
void http_cancel(struct http_transfer *t); /* on_end does not come; t is gone */
/* The answer is whole for its reader: give the server a moment to end it, so that the connection
 * can be used again. */
void http_linger(struct http_transfer *t);

unsigned http_status(const struct http_transfer *t); /* 0: none yet */
/* By any case; NULL. Valid until the next call for this transfer. */
const char *http_header(const struct http_transfer *t, const char *name);
bool http_has_left(const struct http_transfer *t); /* the request, or a part of it, was sent */

/* Where a server is: a base URL, or "unix:/path" of its socket. */
struct http_base {
        char *url;       /* owned; without a slash at its end */
        char *unix_path; /* owned; NULL: none */
        char host[64];   /* as the URL has it; "" when it is longer, which no address of ours is */
        uint16_t port;
        bool is_tls;
        bool is_local; /* of this machine */
};
/* Splits and judges: scheme http or https, a host, no user, query or fragment. CONDITION_REFUSED
 * with a sentence. */
int http_read_base(const char *text, struct http_base *ret, const char **ret_why) _must_check_;
void http_base_done(struct http_base *b);
