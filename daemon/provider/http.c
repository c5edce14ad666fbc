/* The pool: libcurl multi on the loop. One transfer is http-transfer.c. */

#include "daemon/provider/http.h"

#include <event2/event.h>

#include "common/log.h"
#include "daemon/loop/loop.h"
#include "daemon/provider/http-transfer.h"
#include "daemon/provider/refused.h"

#define HTTP_CONNECTIONS_PER_HOST                                                                \
        256L /* above any number of calls at once: slots are given out in calls/, not by waiting \
                here */
#define HTTP_CONNECTIONS_KEPT 32L /* idle ones in the pool */
#define HTTP_LINGER_MS 1000       /* an end of stream normally comes in the same packet */

/* What a worker prepares. Outlives the pool when that is freed meanwhile. */
struct preparation {
        struct http *http; /* borrowed; NULL: freed meanwhile */
        bool needs_global, needs_store;
        bool has_global;   /* curl_global_init() was done */
        X509_STORE *store; /* owned */
        struct certs_stamp stamp;
        int r;
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
                if (transfer_launch(t) < 0) {
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
                        transfer_finish(t, HTTP_FAULT_INTERNAL);
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

/* libcurl repeats a request whose stream was reset, but not one that a GOAWAY left out. */
static int leave_again(struct http_transfer *t)
{
        transfer_leave_multi(t);
        curl_easy_cleanup(t->easy);
        t->easy = NULL;
        t->was_refused = true;
        t->has_asked = false;
        t->message[0] = 0;
        return transfer_launch(t);
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
                        t->result = transfer_fault(t, code);
                if (t->was_closed)
                        (void)snprintf(t->message, sizeof(t->message),
                                       "the server closed it before it answered");
                else if (t->result == HTTP_FAULT_REFUSED)
                        t->message[0] = 0;
                else if (t->result != HTTP_FAULT_NONE && !t->message[0])
                        (void)snprintf(t->message, sizeof(t->message), "%s",
                                       curl_easy_strerror(code));
                transfer_leave_multi(t);
                t->place = PLACE_DONE;
                TAILQ_INSERT_TAIL(&h->done, t, entry);
        }
}

/* The last callback. From the loop only. */
void transfer_finish(struct http_transfer *t, enum http_fault fault)
{
        transfer_leave_multi(t);
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
                transfer_finish(t, t->result);
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

/* ---- what attempts ask ---- */

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
                k = transfer_launch(t);
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
                transfer_leave_multi(t);
                t->is_gone = true;
        } else
                transfer_free(t);
}

void http_linger(struct http_transfer *t)
{
        if (!t->is_lingering && timer_start(t->timer, HTTP_LINGER_MS) == 0)
                t->is_lingering = true;
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
