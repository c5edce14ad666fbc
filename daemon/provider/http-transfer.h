#pragma once
/* One transfer of the pool: what libcurl is told of it, and what it tells. For http*.c only. */

#include <curl/curl.h>
#include <sys/queue.h>

#include "daemon/provider/certs.h"
#include "daemon/provider/http.h"

struct event;
struct preparation;
struct timer;

TAILQ_HEAD(transfer_list, http_transfer);

struct http {
        struct loop *loop;             /* borrowed: outlives all rooms */
        CURLM *multi;                  /* owned; NULL until the first transfer */
        struct event *timer;           /* owned; libcurl's one timer */
        struct preparation *preparing; /* borrowed: owned by the worker's queue until it finishes */
        bool has_global;
        bool has_store;    /* reading was tried */
        X509_STORE *store; /* owned; NULL: none could be read, or not wanted yet */
        struct certs_stamp stamp;
        struct transfer_list waiting; /* for the preparation */
        struct transfer_list running;
        struct transfer_list ready; /* running, with bytes to hand on */
        struct transfer_list done;  /* out of the multi, end to hand on */
};

enum place { PLACE_NONE, PLACE_WAITING, PLACE_RUNNING, PLACE_DONE };

struct http_transfer {
        TAILQ_ENTRY(http_transfer) entry; /* of waiting, running or done */
        TAILQ_ENTRY(http_transfer) ready_entry;
        struct http *http; /* borrowed: ends its transfers */
        struct http_events events;
        void *arg;
        enum place place;
        CURL *easy;              /* owned */
        struct curl_slist *head; /* owned, wiped */
        struct timer *timer;     /* owned: first byte, stall, linger */
        struct buf in;           /* bytes not handed on yet */
        char *url, *unix_path;   /* owned */
        struct span body;        /* borrowed: see http_request */
        size_t n_in, max_bytes, max_error_bytes;
        uint64_t connect_ms, first_byte_ms, stall_ms, total_ms;
        uint64_t started_usec, last_usec; /* last: of a byte of the body; 0: none yet */
        bool is_tls, is_direct, is_get;
        bool is_ready; /* in the list of that name */
        bool is_busy;  /* a callback of its owner is on the stack */
        bool is_gone;  /* cancelled then: freed when it returns */
        bool is_lingering;
        bool is_cut;           /* an error's body was long enough */
        bool has_asked;        /* a request was about to leave on some connection */
        bool was_refused;      /* its stream was, and it left again */
        bool was_closed;       /* that connection was closed before it answered */
        enum http_fault fault; /* found by ourselves, before libcurl's result */
        enum http_fault result;
        char message[CURL_ERROR_SIZE];
};

int transfer_new(struct http *h, const struct http_request *r,
                 struct http_transfer **ret) _must_check_;
struct http_transfer *transfer_free(struct http_transfer *t); /* out of every list */
DEFINE_CLEANUP(struct http_transfer, transfer_free);
/* Begins, or begins again: the pool is prepared for it. */
int transfer_launch(struct http_transfer *t) _must_check_;
/* It is in none of the pool's lists any more but that of bytes to hand on. */
void transfer_leave_multi(struct http_transfer *t);
enum http_fault transfer_fault(const struct http_transfer *t, CURLcode code);
/* http.c: the last callback; frees it. From the loop only. */
void transfer_finish(struct http_transfer *t, enum http_fault fault);
