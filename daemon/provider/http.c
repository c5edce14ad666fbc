#include "daemon/provider/http.h"

#include <curl/curl.h>
#include <event2/event.h>
#include <sys/queue.h>

#include "common/clock.h"
#include "common/log.h"
#include "common/str.h"
#include "daemon/loop/loop.h"
#include "daemon/provider/certs.h"
#include "daemon/provider/dialects.h"
#include "daemon/provider/refused.h"

#define HTTP_CONNECTIONS_PER_HOST                                                                \
        256L /* above any number of calls at once: slots are given out in calls/, not by waiting \
                here */
#define HTTP_CONNECTIONS_KEPT 32L /* idle ones in the pool */
#define HTTP_LINGER_MS 1000       /* an end of stream normally comes in the same packet */
#define HTTP_KEEPALIVE_S 60L      /* as the provider's own clients do */

/* What a worker prepares. Outlives the pool when that is freed meanwhile. */
struct preparation {
        struct http *http; /* borrowed; NULL: freed meanwhile */
        bool needs_global, needs_store;
        bool has_global;   /* curl_global_init() was done */
        X509_STORE *store; /* owned */
        struct certs_stamp stamp;
        int r;
};

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

static void hand_on(struct http *h);

/* ---- preparation in a worker ---- */

static void prepare(void *arg)
{
        struct preparation *p = arg;

        if (p->needs_global)
                p->has_global = curl_global_init(CURL_GLOBAL_DEFAULT) == 0;
        if (p->needs_store && (p->has_global || !p->needs_global)) {
                const char *path = certs_path(curl_version_info(CURLVERSION_NOW)->cainfo);

                certs_get_stamp(path, &p->stamp);
                p->r = certs_load(path, &p->store);
        }
}

static int start_preparation(struct http *h);
static int launch(struct http_transfer *t);
static void finish(struct http_transfer *t, enum http_fault fault);
static int make_multi(struct http *h);

static bool is_prepared(const struct http *h, bool is_tls)
{
        return h->multi && (!is_tls || h->has_store);
}

static void launch_waiting(struct http *h)
{
        struct http_transfer *t, *next;

        for (t = TAILQ_FIRST(&h->waiting); t; t = next) {
                next = TAILQ_NEXT(t, entry);
                if (!is_prepared(h, t->is_tls))
                        continue;
                TAILQ_REMOVE(&h->waiting, t, entry);
                t->place = PLACE_NONE;
                if (launch(t) < 0) {
                        t->result = HTTP_FAULT_INTERNAL;
                        t->place = PLACE_DONE;
                        TAILQ_INSERT_TAIL(&h->done, t, entry);
                }
        }
        if (!TAILQ_EMPTY(&h->waiting) && start_preparation(h) < 0)
                while ((t = TAILQ_FIRST(&h->waiting))) {
                        TAILQ_REMOVE(&h->waiting, t, entry);
                        t->result = HTTP_FAULT_INTERNAL;
                        t->place = PLACE_DONE;
                        TAILQ_INSERT_TAIL(&h->done, t, entry);
                }
        hand_on(h);
}

static void finish_preparation(void *arg)
{
        struct preparation *p = arg;
        struct http *h = p->http;

        if (!h) {
                certs_free(p->store);
                if (p->has_global)
                        curl_global_cleanup();
                free(p);
                return;
        }
        h->preparing = NULL;
        h->has_global |= p->has_global;
        if (p->needs_store) {
                h->has_store = true;
                h->store = p->store;
                h->stamp = p->stamp;
                if (p->r < 0)
                        log_warning(
                                "no certificates could be read: https providers cannot be used");
        }
        free(p);
        /* Without a multi everything that waits is given up: there is no memory to wait for, or no
         * libcurl. */
        if (!h->multi && make_multi(h) < 0) {
                struct http_transfer *t;

                while ((t = TAILQ_FIRST(&h->waiting))) {
                        TAILQ_REMOVE(&h->waiting, t, entry);
                        t->place = PLACE_NONE;
                        if (!h->has_global)
                                (void)snprintf(t->message, sizeof(t->message),
                                               "libcurl cannot be loaded");
                        finish(t, HTTP_FAULT_INTERNAL);
                }
                return;
        }
        launch_waiting(h);
}

static int start_preparation(struct http *h)
{
        struct preparation *p;
        struct http_transfer *t;
        int r;

        if (h->preparing)
                return 0;
        p = calloc(1, sizeof(*p));
        if (!p)
                return -ENOMEM;
        p->http = h;
        p->needs_global = !h->has_global;
        TAILQ_FOREACH (t, &h->waiting, entry)
                p->needs_store |= t->is_tls && !h->has_store;
        r = loop_work(h->loop, &(struct pool_work){prepare, finish_preparation, p});
        if (r < 0) {
                free(p);
                return r;
        }
        h->preparing = p;
        return 0;
}

/* ---- libcurl on the loop ---- */

static enum http_fault fault_of(const struct http_transfer *t, CURLcode code)
{
        curl_off_t sent_after = 0;

        switch (code) {
        case CURLE_OK:
                return HTTP_FAULT_NONE;
        case CURLE_COULDNT_RESOLVE_HOST:
        case CURLE_COULDNT_RESOLVE_PROXY:
                return HTTP_FAULT_UNRESOLVED;
        case CURLE_COULDNT_CONNECT:
        case CURLE_PROXY:
                return HTTP_FAULT_UNCONNECTED;
        case CURLE_PEER_FAILED_VERIFICATION:
        case CURLE_SSL_ISSUER_ERROR:
        case CURLE_SSL_INVALIDCERTSTATUS:
                return HTTP_FAULT_CERTIFICATE;
        case CURLE_SSL_CONNECT_ERROR:
        case CURLE_SSL_CIPHER:
                return HTTP_FAULT_TLS;
        case CURLE_OPERATION_TIMEDOUT:
                (void)curl_easy_getinfo(t->easy, CURLINFO_PRETRANSFER_TIME_T, &sent_after);
                return sent_after > 0 ? HTTP_FAULT_TOTAL : HTTP_FAULT_CONNECT_TIMEOUT;
        case CURLE_UNSUPPORTED_PROTOCOL: /* of our URL, or of what was answered */
                return t->has_asked ? HTTP_FAULT_BROKEN : HTTP_FAULT_INTERNAL;
        case CURLE_URL_MALFORMAT:
        case CURLE_OUT_OF_MEMORY:
        case CURLE_FAILED_INIT:
        case CURLE_BAD_FUNCTION_ARGUMENT:
                return HTTP_FAULT_INTERNAL;
        default: /* PARTIAL_FILE, GOT_NOTHING, RECV_ERROR, SEND_ERROR, HTTP2, HTTP2_STREAM, … */
                return HTTP_FAULT_BROKEN;
        }
}

static void leave_multi(struct http_transfer *t)
{
        if (t->place == PLACE_WAITING)
                TAILQ_REMOVE(&t->http->waiting, t, entry);
        if (t->place == PLACE_RUNNING) {
                (void)curl_multi_remove_handle(t->http->multi, t->easy);
                TAILQ_REMOVE(&t->http->running, t, entry);
        }
        if (t->place == PLACE_DONE)
                TAILQ_REMOVE(&t->http->done, t, entry);
        t->place = PLACE_NONE;
}

/* libcurl repeats a request whose stream was reset, but not one that a GOAWAY left out. */
static int leave_again(struct http_transfer *t)
{
        leave_multi(t);
        curl_easy_cleanup(t->easy);
        t->easy = NULL;
        t->was_refused = true;
        t->has_asked = false;
        t->message[0] = 0;
        return launch(t);
}

/* Takes what ended out of the multi; the message is invalid once its handle is removed. */
static void collect_ended(struct http *h)
{
        const CURLMsg *m;
        int n_left;

        while ((m = curl_multi_info_read(h->multi, &n_left))) {
                struct http_transfer *t = NULL;
                CURLcode code = m->data.result;

                if (m->msg != CURLMSG_DONE)
                        continue;
                (void)curl_easy_getinfo(m->easy_handle, CURLINFO_PRIVATE, (char **)&t);
                if (refused_take(t->easy) && t->fault == HTTP_FAULT_NONE && code != CURLE_OK &&
                    http_status(t) == 0) {
                        if (!t->was_refused && leave_again(t) == 0)
                                continue;
                        t->fault = HTTP_FAULT_REFUSED;
                }
                if (t->fault != HTTP_FAULT_NONE)
                        t->result = t->fault;
                else if (!t->is_cut)
                        t->result = fault_of(t, code);
                if (t->was_closed)
                        (void)snprintf(t->message, sizeof(t->message),
                                       "the server closed it before it answered");
                else if (t->result == HTTP_FAULT_REFUSED)
                        t->message[0] = 0;
                else if (t->result != HTTP_FAULT_NONE && !t->message[0])
                        (void)snprintf(t->message, sizeof(t->message), "%s",
                                       curl_easy_strerror(code));
                leave_multi(t);
                t->place = PLACE_DONE;
                TAILQ_INSERT_TAIL(&h->done, t, entry);
        }
}

static void free_head(struct curl_slist *line)
{
        while (line) {
                struct curl_slist *next = line->next;

                explicit_bzero(line->data, strlen(line->data));
                free(line->data);
                free(line);
                line = next;
        }
}

static struct http_transfer *transfer_free(struct http_transfer *t)
{
        if (!t)
                return NULL;
        leave_multi(t);
        if (t->is_ready)
                TAILQ_REMOVE(&t->http->ready, t, ready_entry);
        timer_free(t->timer);
        if (t->easy)
                curl_easy_cleanup(t->easy);
        free_head(t->head);
        buf_done(&t->in);
        free(t->url);
        free(t->unix_path);
        free(t);
        return NULL;
}
DEFINE_CLEANUP(struct http_transfer, transfer_free);

/* The last callback. From the loop only. */
static void finish(struct http_transfer *t, enum http_fault fault)
{
        leave_multi(t);
        t->is_busy = true;
        if (t->events.on_end)
                t->events.on_end(t, t->is_lingering ? HTTP_FAULT_NONE : fault, t->message, t->arg);
        transfer_free(t);
}

static void hand_on_bytes(struct http_transfer *t)
{
        t->is_busy = true;
        if (t->in.n > 0 && t->events.on_bytes)
                t->events.on_bytes(t, buf_span(&t->in), t->arg);
        t->is_busy = false;
        buf_clear(&t->in);
        if (t->is_gone)
                transfer_free(t);
}

static void hand_on(struct http *h)
{
        struct http_transfer *t;

        while ((t = TAILQ_FIRST(&h->ready))) {
                TAILQ_REMOVE(&h->ready, t, ready_entry);
                t->is_ready = false;
                hand_on_bytes(t);
        }
        while ((t = TAILQ_FIRST(&h->done)))
                finish(t, t->result);
}

static void act(struct http *h, curl_socket_t fd, int what)
{
        int n_running;

        (void)curl_multi_socket_action(h->multi, fd, what, &n_running);
        collect_ended(h);
        hand_on(h);
}

static void on_socket(evutil_socket_t fd, short what, void *arg)
{
        act(arg, fd,
            (what & EV_READ ? CURL_CSELECT_IN : 0) | (what & EV_WRITE ? CURL_CSELECT_OUT : 0));
}

static void on_timer(evutil_socket_t fd _unused_, short what _unused_, void *arg)
{
        act(arg, CURL_SOCKET_TIMEOUT, 0);
}

/* libcurl tells which socket to watch. Nothing of libcurl may be called here but
 * curl_multi_assign(). */
static int watch_socket(CURL *easy _unused_, curl_socket_t fd, int what, void *arg, void *data)
{
        struct http *h = arg;
        struct event *e = data;
        short kind = EV_PERSIST;

        if (what == CURL_POLL_REMOVE) {
                if (e)
                        event_free(e);
                (void)curl_multi_assign(h->multi, fd, NULL);
                return 0;
        }
        kind |= (short)(what & CURL_POLL_IN ? EV_READ : 0);
        kind |= (short)(what & CURL_POLL_OUT ? EV_WRITE : 0);
        if (e) {
                (void)event_del(e);
                if (event_assign(e, loop_base(h->loop), fd, kind, on_socket, h) < 0)
                        return -1;
        } else {
                e = event_new(loop_base(h->loop), fd, kind, on_socket, h);
                if (!e)
                        return -1;
                (void)curl_multi_assign(h->multi, fd, e);
        }
        return event_add(e, NULL);
}

static int watch_timer(CURLM *multi _unused_, long ms, void *arg)
{
        struct http *h = arg;
        struct timeval after = {ms / 1000, ms % 1000 * 1000};

        return ms < 0 ? evtimer_del(h->timer) : evtimer_add(h->timer, &after);
}

static int make_multi(struct http *h)
{
        if (!h->has_global)
                return -ENOMEM;
        h->timer = evtimer_new(loop_base(h->loop), on_timer, h);
        h->multi = h->timer ? curl_multi_init() : NULL;
        if (!h->multi) {
                if (h->timer)
                        event_free(h->timer);
                h->timer = NULL;
                return -ENOMEM;
        }
        curl_multi_setopt(h->multi, CURLMOPT_SOCKETFUNCTION, watch_socket);
        curl_multi_setopt(h->multi, CURLMOPT_SOCKETDATA, h);
        curl_multi_setopt(h->multi, CURLMOPT_TIMERFUNCTION, watch_timer);
        curl_multi_setopt(h->multi, CURLMOPT_TIMERDATA, h);
        curl_multi_setopt(h->multi, CURLMOPT_PIPELINING, (long)CURLPIPE_MULTIPLEX);
        curl_multi_setopt(h->multi, CURLMOPT_MAX_HOST_CONNECTIONS, HTTP_CONNECTIONS_PER_HOST);
        curl_multi_setopt(h->multi, CURLMOPT_MAXCONNECTS, HTTP_CONNECTIONS_KEPT);
        return 0;
}

/* ---- one transfer ---- */

static size_t collect_bytes(char *at, size_t size, size_t n_items, void *arg)
{
        struct http_transfer *t = arg;
        size_t n = size * n_items, n_kept = n;
        bool is_error = http_status(t) >= 300;

        /* From the first byte on the patience is another, perhaps shorter. */
        if (t->last_usec == 0 && timer_start(t->timer, t->stall_ms) < 0)
                return 0;
        t->last_usec = clock_monotonic_usec();
        if (is_error && n > t->max_error_bytes - MIN2(t->n_in, t->max_error_bytes)) {
                n_kept = t->max_error_bytes - MIN2(t->n_in, t->max_error_bytes);
                t->is_cut = true;
        }
        if (!is_error && n > t->max_bytes - t->n_in) {
                t->fault = HTTP_FAULT_TOO_LARGE;
                return 0;
        }
        if (buf_add(&t->in, at, n_kept) < 0) {
                t->fault = HTTP_FAULT_INTERNAL;
                return 0;
        }
        t->n_in += n_kept;
        if (!t->is_ready) {
                t->is_ready = true;
                TAILQ_INSERT_TAIL(&t->http->ready, t, ready_entry);
        }
        return t->is_cut ? 0 : n;
}

/* A refused stream was not looked at; twice in a row is a server that wants time. */
static bool may_leave_again(struct http_transfer *t)
{
        bool is_refused = refused_take(t->easy);

        if (is_refused && !t->was_refused) {
                t->was_refused = true;
                return true;
        }
        t->fault = is_refused ? HTTP_FAULT_REFUSED : HTTP_FAULT_BROKEN;
        t->was_closed = !is_refused;
        return false;
}

/* Called before each request that leaves. When a kept connection is closed before its first byte,
 * libcurl sends the request again by itself, on a new one: what asks a model for something could be
 * paid for twice and booked once. So it is not sent again here; whoever counts and books decides.
 */
static int before_request(void *arg, char *their_ip _unused_, char *our_ip _unused_,
                          int their_port _unused_, int our_port _unused_)
{
        struct http_transfer *t = arg;

        if (t->has_asked && t->body.at)
                return may_leave_again(t) ? CURL_PREREQFUNC_OK : CURL_PREREQFUNC_ABORT;
        if (!t->has_asked && t->events.on_leaving && t->events.on_leaving(t->arg) < 0) {
                t->fault = HTTP_FAULT_INTERNAL;
                return CURL_PREREQFUNC_ABORT;
        }
        t->has_asked = true;
        return CURL_PREREQFUNC_OK;
}

static CURLcode give_store(CURL *easy _unused_, void *ssl_ctx, void *arg)
{
        struct http_transfer *t = arg;

        if (t->http->store)
                certs_use(t->http->store, ssl_ctx);
        return CURLE_OK;
}

/* libcurl 7.88 sets up its own store after the callback, in the handshake: without a CAINFO that
 * adds nothing to ours, but with its cache on it would keep the first one that it saw and put that
 * over what the callback gave (curl issue 11800). */
static void set_tls(struct http_transfer *t)
{
        curl_easy_setopt(t->easy, CURLOPT_CA_CACHE_TIMEOUT, 0L);
        curl_easy_setopt(t->easy, CURLOPT_CAINFO, NULL);
        curl_easy_setopt(t->easy, CURLOPT_CAPATH, NULL);
        curl_easy_setopt(t->easy, CURLOPT_PROXY_CAINFO, NULL);
        curl_easy_setopt(t->easy, CURLOPT_PROXY_CAPATH, NULL);
        curl_easy_setopt(t->easy, CURLOPT_SSL_CTX_FUNCTION, give_store);
        curl_easy_setopt(t->easy, CURLOPT_SSL_CTX_DATA, t);
}

static void set_limits(struct http_transfer *t)
{
        curl_easy_setopt(t->easy, CURLOPT_NOSIGNAL, 1L);
        curl_easy_setopt(t->easy, CURLOPT_QUICK_EXIT, 1L);
        curl_easy_setopt(t->easy, CURLOPT_PROTOCOLS_STR, "http,https");
        curl_easy_setopt(t->easy, CURLOPT_REDIR_PROTOCOLS_STR, "http,https");
        curl_easy_setopt(t->easy, CURLOPT_FOLLOWLOCATION, 0L);
        curl_easy_setopt(t->easy, CURLOPT_CONNECTTIMEOUT_MS, (long)t->connect_ms);
        curl_easy_setopt(t->easy, CURLOPT_TIMEOUT_MS, (long)t->total_ms);
        curl_easy_setopt(t->easy, CURLOPT_TCP_KEEPALIVE, 1L);
        curl_easy_setopt(t->easy, CURLOPT_TCP_KEEPIDLE, HTTP_KEEPALIVE_S);
        curl_easy_setopt(t->easy, CURLOPT_TCP_KEEPINTVL, HTTP_KEEPALIVE_S);
        if (t->is_direct)
                curl_easy_setopt(t->easy, CURLOPT_PROXY, "");
}

/* On plain http libcurl would hold every transfer back until the first answer tells whether the
 * server multiplexes, so only https waits for a connection that is being made. */
static void set_version(struct http_transfer *t)
{
        curl_easy_setopt(t->easy, CURLOPT_HTTP_VERSION,
                         (long)(t->is_tls ? CURL_HTTP_VERSION_2TLS : CURL_HTTP_VERSION_1_1));
        curl_easy_setopt(t->easy, CURLOPT_PIPEWAIT, t->is_tls ? 1L : 0L);
}

static int launch(struct http_transfer *t)
{
        struct http *h = t->http;
        int r;

        t->easy = curl_easy_init();
        if (!t->easy || curl_easy_setopt(t->easy, CURLOPT_URL, t->url) != CURLE_OK)
                return -ENOMEM;
        curl_easy_setopt(t->easy, CURLOPT_PRIVATE, t);
        curl_easy_setopt(t->easy, CURLOPT_ERRORBUFFER, t->message);
        curl_easy_setopt(t->easy, CURLOPT_USERAGENT, "genopt/" GENOPT_VERSION);
        curl_easy_setopt(t->easy, CURLOPT_HTTPHEADER, t->head);
        if (t->body.at) {
                curl_easy_setopt(t->easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)t->body.n);
                curl_easy_setopt(t->easy, CURLOPT_POSTFIELDS, t->body.at);
        } else
                curl_easy_setopt(t->easy, t->is_get ? CURLOPT_HTTPGET : CURLOPT_NOBODY, 1L);
        if (t->unix_path)
                curl_easy_setopt(t->easy, CURLOPT_UNIX_SOCKET_PATH, t->unix_path);
        curl_easy_setopt(t->easy, CURLOPT_WRITEFUNCTION, collect_bytes);
        curl_easy_setopt(t->easy, CURLOPT_WRITEDATA, t);
        curl_easy_setopt(t->easy, CURLOPT_PREREQFUNCTION, before_request);
        curl_easy_setopt(t->easy, CURLOPT_PREREQDATA, t);
        set_limits(t);
        set_version(t);
        if (t->is_tls)
                set_tls(t);
        r = timer_start(t->timer, t->first_byte_ms);
        if (r < 0)
                return r;
        t->started_usec = clock_monotonic_usec();
        (void)refused_take(t->easy);
        if (curl_multi_add_handle(h->multi, t->easy) != CURLM_OK)
                return -ENOMEM;
        t->place = PLACE_RUNNING;
        TAILQ_INSERT_TAIL(&h->running, t, entry);
        return 0;
}

/* Looks how long nothing came; armed again for the rest, so that bytes need not touch the timer. */
static void on_patience(void *arg)
{
        struct http_transfer *t = arg;
        enum http_fault fault = HTTP_FAULT_STALLED;
        uint64_t now = clock_monotonic_usec(), end;
        curl_off_t sent_after = 0;

        if (t->is_lingering) {
                finish(t, HTTP_FAULT_NONE);
                return;
        }
        if (t->last_usec > 0)
                end = t->last_usec + t->stall_ms * 1000;
        else {
                fault = HTTP_FAULT_FIRST_BYTE;
                (void)curl_easy_getinfo(t->easy, CURLINFO_PRETRANSFER_TIME_T, &sent_after);
                /* Not sent yet: connecting has a limit of its own. */
                end = (sent_after > 0 ? t->started_usec + (uint64_t)sent_after : now) +
                      t->first_byte_ms * 1000;
        }
        if (end > now && timer_start(t->timer, (end - now + 999) / 1000) == 0)
                return;
        finish(t, fault);
}

/* A line of the request's head, which may hold a key. libcurl's list is public, and its own
 * functions would have it loaded here, on the loop. */
static int add_line(struct curl_slist ***end, const char *name, const char *value)
{
        struct curl_slist *line = calloc(1, sizeof(*line));

        if (!line)
                return -ENOMEM;
        line->data = str_printf("%s:%s%s", name, *value ? " " : "", value);
        if (!line->data) {
                free(line);
                return -ENOMEM;
        }
        **end = line;
        *end = &line->next;
        return 0;
}

static int copy_head(const struct head *head, bool is_post, struct curl_slist **list)
{
        static const struct {
                const char *name, *value;
        } fixed[] = {{"content-type", "application/json"},
                     {"expect", ""}}; /* no pause of 1 s before large bodies */
        struct curl_slist **end = list;
        int k = 0;

        for (size_t i = 0; head && i < head->n && k == 0; i++)
                k = add_line(&end, head->at[i].name, head->at[i].value);
        for (size_t i = 0; is_post && i < N_ELEMENTS(fixed) && k == 0; i++)
                k = add_line(&end, fixed[i].name, fixed[i].value);
        return k;
}

static int transfer_new(struct http *h, const struct http_request *r, struct http_transfer **ret)
{
        _cleanup_(transfer_freep) struct http_transfer *t = NULL;
        int k;

        t = calloc(1, sizeof(*t));
        if (!t)
                return -ENOMEM;
        t->http = h;
        buf_init(&t->in, r->max_bytes);
        t->url = strdup(r->url);
        t->unix_path = r->unix_path ? strdup(r->unix_path) : NULL;
        if (!t->url || (r->unix_path && !t->unix_path))
                return -ENOMEM;
        k = copy_head(r->head, r->body.at, &t->head);
        if (k == 0)
                k = timer_new(h->loop, on_patience, t, &t->timer);
        if (k < 0)
                return k;
        t->body = r->body;
        t->is_tls = r->is_tls;
        t->is_direct = r->is_direct;
        t->is_get = r->is_get;
        t->max_bytes = r->max_bytes;
        t->max_error_bytes = r->max_error_bytes;
        t->connect_ms = r->connect_ms;
        t->first_byte_ms = r->first_byte_ms;
        t->stall_ms = r->stall_ms;
        t->total_ms = r->total_ms;
        *ret = take(t);
        return 0;
}

int http_start(struct http *h, const struct http_request *r, const struct http_events *events,
               void *arg, struct http_transfer **ret)
{
        _cleanup_(transfer_freep) struct http_transfer *t = NULL;
        int k;

        k = transfer_new(h, r, &t);
        if (k < 0)
                return k;
        t->events = *events;
        t->arg = arg;
        if (is_prepared(h, t->is_tls))
                k = launch(t);
        else {
                TAILQ_INSERT_TAIL(&h->waiting, t, entry);
                t->place = PLACE_WAITING;
                k = start_preparation(h);
        }
        if (k < 0)
                return k;
        *ret = take(t);
        return 0;
}

void http_cancel(struct http_transfer *t)
{
        if (t->is_busy) {
                leave_multi(t);
                t->is_gone = true;
        } else
                transfer_free(t);
}

void http_linger(struct http_transfer *t)
{
        if (!t->is_lingering && timer_start(t->timer, HTTP_LINGER_MS) == 0)
                t->is_lingering = true;
}

unsigned http_status(const struct http_transfer *t)
{
        long status = 0;

        if (t->easy)
                (void)curl_easy_getinfo(t->easy, CURLINFO_RESPONSE_CODE, &status);
        return (unsigned)status;
}

const char *http_header(const struct http_transfer *t, const char *name)
{
        struct curl_header *h;

        if (!t->easy || curl_easy_header(t->easy, name, 0, CURLH_HEADER, -1, &h) != CURLHE_OK)
                return NULL;
        return h->value;
}

bool http_has_left(const struct http_transfer *t)
{
        return t->has_asked;
}

/* ---- the pool ---- */

int http_new(struct loop *loop, struct http **ret)
{
        struct http *h = calloc(1, sizeof(*h));

        if (!h)
                return -ENOMEM;
        h->loop = loop;
        TAILQ_INIT(&h->waiting);
        TAILQ_INIT(&h->running);
        TAILQ_INIT(&h->ready);
        TAILQ_INIT(&h->done);
        *ret = h;
        return 0;
}

struct http *http_free(struct http *h)
{
        struct http_transfer *t;

        if (!h)
                return NULL;
        while ((t = TAILQ_FIRST(&h->waiting)) || (t = TAILQ_FIRST(&h->running)) ||
               (t = TAILQ_FIRST(&h->done)))
                transfer_free(t);
        if (h->multi)
                (void)curl_multi_cleanup(h->multi);
        if (h->timer)
                event_free(h->timer);
        certs_free(h->store);
        if (h->preparing)
                h->preparing->http = NULL;
        if (h->has_global)
                curl_global_cleanup();
        free(h);
        return NULL;
}

void http_reload(struct http *h)
{
        struct certs_stamp now;

        if (!h->has_store)
                return;
        certs_get_stamp(certs_path(curl_version_info(CURLVERSION_NOW)->cainfo), &now);
        if (h->store && certs_stamp_is_equal(&now, &h->stamp))
                return;
        h->store = certs_free(h->store);
        h->has_store = false;
}
