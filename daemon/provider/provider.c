#include "daemon/provider/provider.h"

#include <sys/queue.h>

#include "common/clock.h"
#include "common/log.h"
#include "common/str.h"
#include "daemon/loop/loop.h"
#include "daemon/provider/dialects.h"
#include "daemon/provider/http.h"

#define PROVIDER_WARM_MS 60000 /* servers and libcurl (118 s) close what is idle for longer */
#define PROVIDER_WARM_LIMIT_MS \
        10000                /* a connection that is opened ahead of need may be given up early */
#define REQUEST_ID_BYTES 128 /* real ones have 30 */

TAILQ_HEAD(provider_list, provider);
TAILQ_HEAD(attempt_list, attempt);

struct provider_room {
        struct loop *loop; /* borrowed: outlives all rooms */
        struct http *http; /* owned */
        struct provider_list providers;
        struct attempt_list attempts;
};

struct provider {
        TAILQ_ENTRY(provider) entry;
        struct provider_room *room;    /* borrowed: frees its providers */
        unsigned n_refs;               /* the room's list, and each attempt */
        const struct dialect *dialect; /* borrowed: static */
        char *name, *base, *url;       /* owned */
        char *key;                     /* owned, wiped; NULL: none */
        bool is_tls, is_local;
        uint64_t connect_ms, first_byte_ms, stall_ms, total_ms;
        unsigned n_attempts;
        struct http_transfer *warming; /* owned; the HEAD under way */
        struct timer *warm_timer;      /* owned */
        uint64_t warmed_usec;          /* when a connection was last used or opened; 0: never */
};

struct attempt {
        TAILQ_ENTRY(attempt) entry;
        struct provider *provider;  /* counted */
        struct http_transfer *http; /* owned; NULL once it ended */
        struct attempt_events events;
        void *arg;
        struct buf body;  /* of the request */
        struct buf error; /* body of an answer that is no success */
        struct reading reading;
        struct advice advice; /* limits from the head */
        char request_id[REQUEST_ID_BYTES];
        char *job; /* owned; for log lines */
        uint64_t call, sent_usec, first_usec;
        bool has_head, is_told_started;
        bool is_busy, is_gone; /* cancelled while a callback of its owner was on the stack */
};

static void on_warm_timer(void *arg);

/* ---- providers ---- */

static struct provider *provider_unref(struct provider *p)
{
        if (!p || --p->n_refs > 0)
                return NULL;
        if (p->key) {
                explicit_bzero(p->key, strlen(p->key));
                free(p->key);
        }
        timer_free(p->warm_timer);
        free(p->name);
        free(p->base);
        free(p->url);
        free(p);
        return NULL;
}
DEFINE_CLEANUP(struct provider, provider_unref);

static void provider_unlink(struct provider *p)
{
        if (p->warming)
                http_cancel(take(p->warming));
        timer_stop(p->warm_timer);
        TAILQ_REMOVE(&p->room->providers, p, entry);
        provider_unref(p);
}

static bool key_is_sound(const char *key)
{
        for (const char *c = key; *c; c++)
                if (*c <= ' ' || *c > '~')
                        return false;
        return *key;
}

static int refuse(struct failure **ret, struct failure *f)
{
        if (!f)
                return -ENOMEM;
        *ret = f;
        return CONDITION_REFUSED;
}

static int read_config(struct provider *p, const struct provider_config *c,
                       struct failure **ret_failure)
{
        const char *why;
        int r;

        p->dialect = dialect_find(c->dialect);
        if (!p->dialect) {
                _cleanup_buf_ struct buf names = {};

                dialect_list(&names);
                return refuse(ret_failure, failure_new(FAILURE_BAD_CONFIG,
                                                       "provider %s: there is no dialect `%s`: %s",
                                                       c->name, c->dialect ?: "", names.at ?: ""));
        }
        r = http_read_base(c->base_url, &p->base, &p->is_tls, &p->is_local, &why);
        if (r == CONDITION_REFUSED)
                return refuse(ret_failure, failure_new(FAILURE_BAD_CONFIG,
                                                       "provider %s: base_url %s", c->name, why));
        if (r < 0)
                return r;
        if (c->key && !key_is_sound(c->key))
                return refuse(
                        ret_failure,
                        failure_new(FAILURE_BAD_CONFIG,
                                    "provider %s: the key is empty or holds blanks or characters "
                                    "that no key has",
                                    c->name));
        if (c->key && !p->is_tls && !p->is_local)
                log_warning(
                        "provider %s: its key travels in the clear, because base_url is not https",
                        c->name);
        p->connect_ms = c->connect_timeout_ms ?: PROVIDER_CONNECT_MS;
        p->first_byte_ms = c->first_byte_timeout_ms ?: PROVIDER_FIRST_BYTE_MS;
        p->stall_ms = c->stall_timeout_ms ?: PROVIDER_STALL_MS;
        p->total_ms = c->total_timeout_ms ?: PROVIDER_TOTAL_MS;
        return 0;
}

static int provider_new(struct provider_room *room, const struct provider_config *c,
                        struct provider **ret, struct failure **ret_failure)
{
        _cleanup_(provider_unrefp) struct provider *p = NULL;
        int r;

        p = calloc(1, sizeof(*p));
        if (!p)
                return -ENOMEM;
        p->n_refs = 1;
        p->room = room;
        r = read_config(p, c, ret_failure);
        if (r != 0)
                return r;
        p->name = strdup(c->name);
        p->key = c->key ? strdup(c->key) : NULL;
        p->url = str_printf("%s%s%s", p->base, str_has_suffix(p->base, "/v1") ? "" : "/v1",
                            p->dialect->path);
        if (!p->name || !p->url || (c->key && !p->key))
                return -ENOMEM;
        r = timer_new(room->loop, on_warm_timer, p, &p->warm_timer);
        if (r < 0)
                return r;
        *ret = take(p);
        return 0;
}

int provider_configure(struct provider_room *room, const struct provider_config *c,
                       struct provider **ret, struct failure **ret_failure)
{
        struct provider *p = NULL, *old;
        int r;

        r = provider_new(room, c, &p, ret_failure);
        if (r != 0)
                return r;
        old = provider_find(room, c->name);
        if (old)
                provider_unlink(old);
        TAILQ_INSERT_TAIL(&room->providers, p, entry);
        http_reload(room->http);
        if (ret)
                *ret = p;
        return 0;
}

void provider_remove(struct provider_room *room, const char *name)
{
        struct provider *p = provider_find(room, name);

        if (p)
                provider_unlink(p);
}

struct provider *provider_find(struct provider_room *room, const char *name)
{
        struct provider *p;

        TAILQ_FOREACH (p, &room->providers, entry)
                if (str_is_equal(p->name, name))
                        return p;
        return NULL;
}

bool provider_is_ready(const struct provider *p, const char **ret_reason)
{
        const struct dialect *d = p->dialect;

        if (p->key || p->is_local || !d->is_key_needed ||
            (d->key_host && !strstr(p->base, d->key_host)))
                return true;
        *ret_reason = "it has no key";
        return false;
}

bool provider_charges_whole(const struct provider *p)
{
        return p && p->dialect->charges_whole;
}

const char *provider_name(const struct provider *p)
{
        return p->name;
}

/* ---- keeping the connection warm ---- */

static void on_warmed(struct http_transfer *t _unused_, enum http_fault fault,
                      const char *message _unused_, void *arg)
{
        struct provider *p = arg;

        p->warming = NULL;
        if (fault == HTTP_FAULT_NONE)
                p->warmed_usec = clock_monotonic_usec();
}

static void open_connection(struct provider *p)
{
        const struct http_request r = {
                .url = p->base,
                .max_error_bytes = PROVIDER_ERROR_BYTES,
                .max_bytes = PROVIDER_ERROR_BYTES,
                .is_tls = p->is_tls,
                .is_direct = p->is_local,
                .connect_ms = p->connect_ms,
                .first_byte_ms = PROVIDER_WARM_LIMIT_MS,
                .stall_ms = PROVIDER_WARM_LIMIT_MS,
                .total_ms = p->connect_ms + PROVIDER_WARM_LIMIT_MS,
        };

        if (!p->warming)
                (void)(http_start(p->room->http, &r, &(struct http_events){.on_end = on_warmed}, p,
                                  &p->warming) == 0);
}

void provider_warm(struct provider *p)
{
        uint64_t now = clock_monotonic_usec();

        if (p->n_attempts == 0 &&
            (p->warmed_usec == 0 || now - p->warmed_usec >= PROVIDER_WARM_MS * 1000))
                open_connection(p);
}

/* Once after the last request: whoever comes back within two minutes finds the connection open;
 * then it is let go. */
static void on_warm_timer(void *arg)
{
        struct provider *p = arg;

        if (p->n_attempts == 0)
                open_connection(p);
}

/* ---- attempts ---- */

static struct attempt *attempt_free(struct attempt *a)
{
        if (!a)
                return NULL;
        if (a->http)
                http_cancel(a->http);
        if (a->provider) {
                struct provider *p = a->provider;

                TAILQ_REMOVE(&p->room->attempts, a, entry);
                p->n_attempts--;
                p->warmed_usec = clock_monotonic_usec();
                /* Not for one that was replaced: nobody would find its connection. */
                if (p->n_attempts == 0 && p->n_refs > 1)
                        (void)(timer_start(p->warm_timer, PROVIDER_WARM_MS) == 0);
                provider_unref(p);
        }
        reading_done(&a->reading);
        buf_done(&a->body);
        buf_done(&a->error);
        free(a->job);
        free(a);
        return NULL;
}
DEFINE_CLEANUP(struct attempt, attempt_free);

static const char *header_of(const char *name, void *arg)
{
        return http_header(arg, name);
}

static struct usage usage_of(const struct attempt *a)
{
        return a->reading.usage.is_known ? a->reading.usage : (struct usage){};
}

/* The owner's word after one of its callbacks: true when the attempt is to be touched no more. */
static bool was_cancelled(struct attempt *a)
{
        bool is_gone = a->is_gone;

        a->is_busy = false;
        if (is_gone)
                attempt_free(a);
        return is_gone;
}

/* A provider that repeats the key in an error shall not bring it into logs and events. */
static void hide_key(const struct provider *p, struct failure *f)
{
        char *at;

        if (!p->key || !f->message)
                return;
        while ((at = strstr(f->message, p->key)))
                memset(at, '*', strlen(p->key));
}

static void attempt_end(struct attempt *a, struct failure *failure, const struct advice *advice)
{
        struct usage usage = usage_of(a);

        if (failure) {
                hide_key(a->provider, failure);
                log_debug("provider %s, job %s call %llu: %s", a->provider->name, a->job,
                          (unsigned long long)a->call, failure_table[failure->id].name);
        }
        a->is_busy = true; /* never cleared: a late provider_cancel() finds the end under way */
        a->events.on_end(a, failure ? STOP_OTHER : a->reading.stop, &usage, failure, advice,
                         a->arg);
        failure_free(failure);
        attempt_free(a);
}

/* Limits of the head into the advice of an end. */
static struct advice with_limits(const struct attempt *a, struct advice advice)
{
        struct advice all = a->advice;

        all.is_retryable = advice.is_retryable;
        all.retry_after_ms = advice.retry_after_ms;
        all.was_perhaps_paid = advice.was_perhaps_paid;
        return all;
}

static int take_head(struct attempt *a)
{
        const struct dialect *d = a->provider->dialect;
        const char *id = http_header(a->http, "request-id") ?: http_header(a->http, "x-request-id");

        a->has_head = true;
        if (id && str_is_utf8(span_of(id)))
                (void)snprintf(a->request_id, sizeof(a->request_id), "%s", id);
        d->read_limits(header_of, a->http, clock_realtime_ms(), &a->advice);
        if (!a->events.on_limits)
                return 0;
        a->is_busy = true;
        a->events.on_limits(a, &a->advice, a->arg);
        return was_cancelled(a) ? CONDITION_ABSENT : 0;
}

/* What was read goes to the owner. CONDITION_ABSENT: it cancelled. */
static int tell(struct attempt *a)
{
        struct reading *r = &a->reading;

        if (r->is_started && !a->is_told_started) {
                a->is_told_started = true;
                a->first_usec = MAX2(clock_monotonic_usec() - a->sent_usec, (uint64_t)1);
                a->is_busy = true;
                a->events.on_started(a, a->arg);
                if (was_cancelled(a))
                        return CONDITION_ABSENT;
        }
        if (r->text.n > 0) {
                a->is_busy = true;
                a->events.on_text(a, buf_span(&r->text), a->arg);
                if (was_cancelled(a))
                        return CONDITION_ABSENT;
                buf_clear(&r->text);
        }
        return 0;
}

static void on_bytes(struct http_transfer *t, struct span bytes, void *arg)
{
        struct attempt *a = arg;
        struct reading *r = &a->reading;
        struct failure *failure;
        struct advice advice;

        if (!a->has_head && take_head(a) != 0)
                return;
        if (http_status(t) >= 300) {
                (void)buf_add_span(&a->error, bytes); /* bounded by the transfer; without memory it
                                                         is explained by its status */
                return;
        }
        if (a->provider->dialect->read(r, bytes) < 0 || r->text.failed)
                (void)reading_fail(r, failure_new(FAILURE_INTERNAL, "no memory for the answer"),
                                   true);
        if (tell(a) != 0)
                return;
        if (r->is_ended)
                http_linger(t);
        if (!r->failure)
                return;
        /* Said within the stream: nothing that matters follows, and the server may hold the
         * connection. */
        failure = take(r->failure);
        advice = r->advice;
        advice.was_perhaps_paid = r->is_started;
        http_cancel(take(a->http));
        advice = with_limits(a, advice);
        attempt_end(a, failure, &advice);
}

/* Where a transport's fault leaves us. Row by enum http_fault. */
static const struct {
        enum failure_id id;
        bool is_retryable;
        const char *what;
} transport_faults[] = {
        [HTTP_FAULT_NONE] = {FAILURE_STREAM_BROKEN, true, "the answer ended before its end mark"},
        [HTTP_FAULT_UNRESOLVED] = {FAILURE_UNREACHABLE, true, "its address cannot be found"},
        [HTTP_FAULT_UNCONNECTED] = {FAILURE_UNREACHABLE, true, "no connection"},
        [HTTP_FAULT_CERTIFICATE] = {FAILURE_UNREACHABLE, false, "its certificate is not trusted"},
        [HTTP_FAULT_TLS] = {FAILURE_UNREACHABLE, true, "no secure connection"},
        [HTTP_FAULT_CONNECT_TIMEOUT] = {FAILURE_UNREACHABLE, true, "connecting took too long"},
        [HTTP_FAULT_FIRST_BYTE] = {FAILURE_STREAM_STALLED, true, "nothing was answered in time"},
        [HTTP_FAULT_STALLED] = {FAILURE_STREAM_STALLED, true, "the answer stopped"},
        [HTTP_FAULT_TOTAL] = {FAILURE_STREAM_STALLED, false, "the answer took too long in all"},
        [HTTP_FAULT_BROKEN] = {FAILURE_STREAM_BROKEN, true, "the connection broke"},
        [HTTP_FAULT_TOO_LARGE] = {FAILURE_BAD_ANSWER, false, "the answer is too large"},
        [HTTP_FAULT_INTERNAL] = {FAILURE_INTERNAL, false, "the request could not be sent"},
};

static struct failure *explain_transport(const struct attempt *a, enum http_fault fault,
                                         const char *message, struct advice *ret)
{
        enum failure_id id = transport_faults[fault].id;
        bool is_broken_early =
                id == FAILURE_STREAM_BROKEN && fault != HTTP_FAULT_NONE && !http_has_left(a->http);
        _cleanup_buf_ struct buf words = {};

        ret->is_retryable = transport_faults[fault].is_retryable;
        ret->was_perhaps_paid = id != FAILURE_UNREACHABLE && http_has_left(a->http);
        if (is_broken_early)
                id = FAILURE_UNREACHABLE;
        dialect_quote(span_of(message), &words);
        return failure_new(id, "provider %s: %s%s%s", a->provider->name,
                           transport_faults[fault].what, words.n > 0 ? ": " : "",
                           words.n > 0 ? words.at : "");
}

/* NULL without *ret_is_fine: no memory. */
static struct failure *explain_success(struct attempt *a, enum http_fault fault,
                                       const char *message, struct advice *ret, bool *ret_is_fine)
{
        const struct dialect *d = a->provider->dialect;
        struct reading *r = &a->reading;
        const char *type = http_header(a->http, "content-type");

        if (fault == HTTP_FAULT_NONE && d->read_end)
                d->read_end(r);
        *ret_is_fine = r->is_ended && (r->n_text > 0 || (r->stop != STOP_END && r->has_stop));
        if (*ret_is_fine)
                return NULL;
        if (r->is_ended) {
                ret->is_retryable = true;
                return failure_new(FAILURE_BAD_ANSWER, "provider %s: the answer is empty",
                                   a->provider->name);
        }
        if (!r->is_started && type && str_has_prefix(type, "text/html"))
                return failure_new(
                        FAILURE_BAD_ANSWER,
                        "provider %s answers with a web page: correct base_url, or see to the "
                        "proxy",
                        a->provider->name);
        return explain_transport(a, fault, message, ret);
}

static void on_http_end(struct http_transfer *t, enum http_fault fault, const char *message,
                        void *arg)
{
        struct attempt *a = arg;
        unsigned status = http_status(t);
        struct failure *failure = NULL;
        struct advice advice;
        bool is_fine = false;

        /* An answer without a body has a head too. */
        if (!a->has_head && status > 0 && take_head(a) != 0)
                return;
        advice_init(&advice);
        if (status >= 300) {
                const struct error_answer e = {status, buf_span(&a->error), header_of, t,
                                               clock_realtime_ms()};

                if (a->provider->dialect->read_error(&e, &failure, &advice) < 0)
                        failure = NULL;
        } else if (status > 0)
                failure = explain_success(a, fault, message, &advice, &is_fine);
        else
                failure = explain_transport(a, fault, message, &advice);
        a->http = NULL; /* gone when this returns */
        advice = with_limits(a, advice);
        if (!failure && !is_fine) {
                /* Not even memory to say why: the emergency failure is shared by nobody and freed
                 * by nobody. */
                static struct failure no_memory = {.id = FAILURE_INTERNAL};

                a->is_busy = true;
                a->events.on_end(a, STOP_OTHER, &(struct usage){}, &no_memory, &advice, a->arg);
                attempt_free(a);
                return;
        }
        attempt_end(a, failure, &advice);
}

static bool has_only_1h_marks(const struct request *r)
{
        bool has_any = false;

        for (size_t i = 0; i < r->n_blocks; i++) {
                if (r->blocks[i].is_marked && !r->blocks[i].is_mark_for_1h)
                        return false;
                has_any |= r->blocks[i].is_marked;
        }
        return has_any;
}

static int start(struct attempt *a)
{
        struct provider *p = a->provider;
        struct head head = {};
        struct http_request r = {
                .url = p->url,
                .head = &head,
                .body = buf_span(&a->body),
                .max_bytes = PROVIDER_ANSWER_BYTES,
                .max_error_bytes = PROVIDER_ERROR_BYTES,
                .is_tls = p->is_tls,
                .is_direct = p->is_local,
                .connect_ms = p->connect_ms,
                .first_byte_ms = p->first_byte_ms,
                .stall_ms = p->stall_ms,
                .total_ms = p->total_ms,
        };
        int k;

        k = p->dialect->write_head(&head, p->key);
        if (k == 0)
                k = http_start(p->room->http, &r, &(struct http_events){on_bytes, on_http_end}, a,
                               &a->http);
        head_done(&head);
        return k;
}

int provider_send(struct provider *p, const struct request *r, const struct attempt_events *events,
                  void *arg, struct attempt **ret)
{
        _cleanup_(attempt_freep) struct attempt *a = NULL;
        int k;

        a = calloc(1, sizeof(*a));
        if (!a)
                return -ENOMEM;
        reading_init(&a->reading);
        advice_init(&a->advice);
        buf_init(&a->error, PROVIDER_ERROR_BYTES);
        k = p->dialect->write_body(r, p->is_local, &a->body);
        if (k < 0)
                return k;
        a->job = strdup(r->job ?: "");
        if (!a->job)
                return -ENOMEM;
        a->call = r->call;
        a->reading.is_write_1h = has_only_1h_marks(r);
        a->events = *events;
        a->arg = arg;
        a->provider = p;
        p->n_refs++;
        p->n_attempts++;
        timer_stop(p->warm_timer);
        TAILQ_INSERT_TAIL(&p->room->attempts, a, entry);
        a->sent_usec = clock_monotonic_usec();
        k = start(a);
        if (k < 0)
                return k;
        *ret = take(a);
        return 0;
}

void provider_cancel(struct attempt *a, struct usage *ret_usage)
{
        if (ret_usage)
                *ret_usage = usage_of(a);
        if (a->http)
                http_cancel(take(a->http));
        if (a->is_busy)
                a->is_gone = true;
        else
                attempt_free(a);
}

const char *attempt_request_id(const struct attempt *a)
{
        return a->request_id[0] ? a->request_id : NULL;
}

uint64_t attempt_first_event_usec(const struct attempt *a)
{
        return a->first_usec;
}

/* ---- the room ---- */

int provider_room_new(struct loop *loop, struct provider_room **ret)
{
        struct provider_room *room = calloc(1, sizeof(*room));
        int r;

        if (!room)
                return -ENOMEM;
        room->loop = loop;
        TAILQ_INIT(&room->providers);
        TAILQ_INIT(&room->attempts);
        r = http_new(loop, &room->http);
        if (r < 0) {
                free(room);
                return r;
        }
        *ret = room;
        return 0;
}

struct provider_room *provider_room_free(struct provider_room *room)
{
        struct attempt *a;
        struct provider *p;

        if (!room)
                return NULL;
        while ((a = TAILQ_FIRST(&room->attempts)))
                attempt_free(a);
        while ((p = TAILQ_FIRST(&room->providers)))
                provider_unlink(p);
        http_free(room->http);
        free(room);
        return NULL;
}
