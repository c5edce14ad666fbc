/* One attempt: a request leaves, its stream is read and told, its end is explained. */

#include "common/clock.h"
#include "common/log.h"
#include "common/str.h"
#include "daemon/provider/internal.h"

#define REQUEST_ID_BYTES 128 /* real ones have 30 */
#define ATTEMPT_LIST_MS 5000 /* a list of models is a nicety */
/* Tokens that a request or an answer may have beside what was sent or allowed: a template of the
 * server's, thoughts. No token is shorter than a byte. */
#define USAGE_BESIDE_TOKENS ((uint64_t)1 << 16)

struct attempt {
        TAILQ_ENTRY(attempt) entry;
        struct provider *provider;  /* counted */
        struct http_transfer *http; /* owned; NULL once it ended */
        struct attempt_events events;
        void *arg;
        struct buf body;  /* of the request */
        size_t n_sent;    /* bytes of it */
        struct buf error; /* body of an answer that is no success */
        struct reading reading;
        struct advice advice; /* limits from the head */
        char request_id[REQUEST_ID_BYTES];
        char *job;               /* owned; for log lines */
        char *model;             /* owned */
        struct failure *pending; /* owned: told when the server has said what models it has */
        uint64_t call, sent_usec, first_usec, max_tokens;
        struct manner used; /* in which it was asked; without its texts */
        bool has_head, is_told_started;
        bool goes_on; /* it was asked to go on from what it has said: there may be nothing more */
        bool is_busy, is_gone; /* cancelled while a callback of its owner was on the stack */
};

struct attempt *attempt_free(struct attempt *a)
{
        if (!a)
                return NULL;
        if (a->http)
                http_cancel(a->http);
        if (a->provider) {
                TAILQ_REMOVE(&a->provider->room->attempts, a, entry);
                provider_end_attempt(a->provider);
        }
        reading_done(&a->reading);
        buf_done(&a->body);
        buf_done(&a->error);
        failure_free(a->pending);
        free(a->job);
        free(a->model);
        free(a);
        return NULL;
}
DEFINE_CLEANUP(struct attempt, attempt_free);

static const char *header_of(const char *name, void *arg)
{
        return http_header(arg, name);
}

/* Counts that no such request can have are none: they would be money. */
static bool is_plausible(const struct attempt *a, const struct usage *u)
{
        const uint64_t in[] = {u->input, u->cache_read, u->cache_write_5m, u->cache_write_1h};
        uint64_t left = (uint64_t)a->n_sent + USAGE_BESIDE_TOKENS;

        for (size_t i = 0; i < N_ELEMENTS(in); i++) {
                if (in[i] > left)
                        return false;
                left -= in[i];
        }
        return u->output <= 2 * a->max_tokens + USAGE_BESIDE_TOKENS;
}

static struct usage usage_of(const struct attempt *a)
{
        const struct usage *u = &a->reading.usage;

        return u->is_known && is_plausible(a, u) ? *u : (struct usage){};
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
        if (d->adapt && http_status(a->http) < 300)
                model_note_manner(a->provider, a->model, &a->used, true);
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
        [HTTP_FAULT_REFUSED] = {FAILURE_OVERLOADED, true, "it refused the request unread"},
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
        ret->was_perhaps_paid =
                id != FAILURE_UNREACHABLE && fault != HTTP_FAULT_REFUSED && http_has_left(a->http);
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
        struct reading *r = &a->reading;
        const char *type = http_header(a->http, "content-type");

        if (r->failure) { /* the last line was one */
                *ret = r->advice;
                ret->was_perhaps_paid = r->is_started;
                return take(r->failure);
        }
        *ret_is_fine = r->is_ended &&
                       (r->n_text > 0 || a->goes_on || (r->stop != STOP_END && r->has_stop));
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

static struct failure *explain_status(struct attempt *a, struct http_transfer *t, unsigned status,
                                      struct advice *ret)
{
        struct provider *p = a->provider;
        const struct error_answer e = {status, buf_span(&a->error), header_of, t,
                                       clock_realtime_ms()};
        struct manner other = a->used;
        struct failure *failure = NULL;

        if (p->dialect->read_error(&e, &failure, ret) < 0)
                return NULL;
        /* It wants to be asked in another way, and is the next time, for which nothing is to be
         * waited. What others have found out since this one left stands. */
        if (p->dialect->adapt && p->dialect->adapt(&e, &a->used, &other)) {
                ret->is_retryable = true;
                ret->retry_after_ms = 1;
                if (model_manner(p, a->model).is_limit_renamed == a->used.is_limit_renamed)
                        model_note_manner(p, a->model, &other, false);
        }
        return failure;
}

/* ---- a model that the server does not know ---- */

static void on_list_bytes(struct http_transfer *t, struct span bytes, void *arg)
{
        struct attempt *a = arg;

        if (http_status(t) == 200)
                (void)buf_add_span(&a->error, bytes); /* what is too long is no list of models */
}

static void on_list_end(struct http_transfer *t _unused_, enum http_fault fault _unused_,
                        const char *message _unused_, void *arg)
{
        struct attempt *a = arg;
        struct failure *failure = take(a->pending);
        struct advice advice;

        a->http = NULL;
        if (models_advise(a->provider, a->model, buf_span(&a->error), failure) < 0)
                log_debug("provider %s: no memory for the list of its models", a->provider->name);
        advice_init(&advice);
        advice = with_limits(a, advice);
        attempt_end(a, failure, &advice);
}

/* Asks the server what it has, so that the failure can say it; takes the failure. False: it cannot
 * be asked. */
static bool ask_models(struct attempt *a, struct failure **failure)
{
        struct provider *p = a->provider;
        _cleanup_free_ char *url = models_url(p);
        struct http_request r = provider_request(p);
        struct head head = {};
        int k;

        if (!url)
                return false;
        model_forget(p, a->model);
        r.url = url;
        r.head = &head;
        r.is_get = true;
        r.max_bytes = PROVIDER_ERROR_BYTES;
        r.first_byte_ms = r.stall_ms = r.total_ms = ATTEMPT_LIST_MS;
        buf_clear(&a->error);
        k = p->dialect->write_head(&head, p->key);
        if (k == 0)
                k = http_start(
                        p->room->http, &r,
                        &(struct http_events){.on_bytes = on_list_bytes, .on_end = on_list_end}, a,
                        &a->http);
        head_done(&head);
        if (k == 0)
                a->pending = take(*failure);
        return k == 0;
}

/* The body ended in order, and perhaps with something to tell. CONDITION_ABSENT: the owner
 * cancelled. */
static int end_reading(struct attempt *a)
{
        const struct dialect *d = a->provider->dialect;

        if (d->read_end && d->read_end(&a->reading) < 0)
                (void)reading_fail(&a->reading,
                                   failure_new(FAILURE_INTERNAL, "no memory for the answer"), true);
        return tell(a);
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
                failure = explain_status(a, t, status, &advice);
                if (failure && failure->id == FAILURE_MODEL_NOT_FOUND && ask_models(a, &failure))
                        return;
        } else if (status > 0 && fault == HTTP_FAULT_NONE && end_reading(a) != 0)
                return;
        else if (status > 0)
                failure = explain_success(a, fault, message, &advice, &is_fine);
        else
                failure = explain_transport(a, fault, message, &advice);
        if (failure && failure->id == FAILURE_UNREACHABLE)
                provider_doubt(a->provider);
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

static int on_leaving(void *arg)
{
        const struct attempt *a = arg;

        return a->events.on_leaving ? a->events.on_leaving(a->arg) : 0;
}

static int start(struct attempt *a)
{
        struct provider *p = a->provider;
        struct head head = {};
        struct http_request r = provider_request(p);
        int k;

        r.head = &head;
        r.body = buf_span(&a->body);
        k = p->dialect->write_head(&head, p->key);
        if (k == 0)
                k = http_start(p->room->http, &r,
                               &(struct http_events){on_leaving, on_bytes, on_http_end}, a,
                               &a->http);
        head_done(&head);
        return k;
}

static int write_body(struct provider *p, const struct request *r, struct attempt *a)
{
        struct manner m = model_manner(p, r->model);

        for (size_t i = 0; i < r->n_blocks; i++) {
                a->reading.n_prompt_bytes += r->blocks[i].text.n;
                a->goes_on |= r->blocks[i].is_assistant;
        }
        if (p->dialect->wants_context)
                m.context = model_context(p, r->model, a->reading.n_prompt_bytes, r->max_tokens);
        a->reading.context = m.context;
        a->used = m;
        a->used.keep_alive = NULL;
        return p->dialect->write_body(r, &m, &a->body);
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
        k = write_body(p, r, a);
        if (k < 0)
                return k;
        a->job = strdup(r->job ?: "");
        a->model = strdup(r->model);
        if (!a->job || !a->model)
                return -ENOMEM;
        a->call = r->call;
        a->n_sent = a->body.n;
        a->max_tokens = r->max_tokens;
        a->reading.is_write_1h = has_only_1h_marks(r);
        a->events = *events;
        a->arg = arg;
        a->provider = p;
        provider_begin_attempt(p);
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
