#include "daemon/provider/http-transfer.h"

#include "common/clock.h"
#include "common/str.h"
#include "daemon/loop/loop.h"
#include "daemon/provider/dialects.h"
#include "daemon/provider/refused.h"

#define HTTP_KEEPALIVE_S 60L /* as the provider's own clients do */

/* ---- from its beginning to its end ---- */

void transfer_leave_multi(struct http_transfer *t)
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

struct http_transfer *transfer_free(struct http_transfer *t)
{
        if (!t)
                return NULL;
        transfer_leave_multi(t);
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

/* Looks how long nothing came; armed again for the rest, so that bytes need not touch the timer. */
static void on_patience(void *arg)
{
        struct http_transfer *t = arg;
        enum http_fault fault = HTTP_FAULT_STALLED;
        uint64_t now = clock_monotonic_usec(), end;
        curl_off_t sent_after = 0;

        if (t->is_lingering) {
                transfer_finish(t, HTTP_FAULT_NONE);
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
        transfer_finish(t, fault);
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

int transfer_new(struct http *h, const struct http_request *r, struct http_transfer **ret)
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

enum http_fault transfer_fault(const struct http_transfer *t, CURLcode code)
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

/* ---- with libcurl ---- */

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

int transfer_launch(struct http_transfer *t)
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

/* ---- what is asked of it ---- */

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
