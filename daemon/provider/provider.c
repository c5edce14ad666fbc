#include "daemon/provider/provider.h"

#include "common/clock.h"
#include "common/log.h"
#include "common/str.h"
#include "daemon/loop/loop.h"
#include "daemon/provider/internal.h"
#include "daemon/provider/probe.h"

#define PROVIDER_WARM_MS 60000 /* servers and libcurl (118 s) close what is idle for longer */
#define PROVIDER_SEEN_MS 5000  /* a local server that was there is believed in for so long */
#define PROVIDER_UNSEEN_MS 500 /* one that was not may be starting */
#define PROVIDER_WARM_LIMIT_MS \
        10000 /* a connection that is opened ahead of need may be given up early */

static void on_warm_timer(void *arg);

/* ---- providers ---- */

struct provider *provider_unref(struct provider *p)
{
        if (!p || --p->n_refs > 0)
                return NULL;
        if (p->key) {
                explicit_bzero(p->key, strlen(p->key));
                free(p->key);
        }
        timer_free(p->warm_timer);
        free(p->name);
        http_base_done(&p->base);
        free(p->url);
        free(p->absent);
        free(p->key_fault);
        free(p->manner.keep_alive);
        model_forget_all(p);
        buf_done(&p->load_body);
        free(p);
        return NULL;
}

static void provider_unlink(struct provider *p)
{
        if (p->warming)
                http_cancel(take(p->warming));
        if (p->loading)
                http_cancel(take(p->loading));
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
        r = http_read_base(c->base_url, &p->base, &why);
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
        if (c->key && !p->base.is_tls && !p->base.is_local)
                log_warning(
                        "provider %s: its key travels in the clear, because base_url is not https",
                        c->name);
        p->connect_ms = c->connect_timeout_ms ?: PROVIDER_CONNECT_MS;
        p->first_byte_ms = c->first_byte_timeout_ms ?: PROVIDER_FIRST_BYTE_MS;
        p->stall_ms = c->stall_timeout_ms ?: PROVIDER_STALL_MS;
        p->total_ms = c->total_timeout_ms ?: PROVIDER_TOTAL_MS;
        return 0;
}

/* A base_url may end as its documentation shows it: with what the dialect adds, or, for Ollama,
 * with one of its doors. */
static void cut_root(struct provider *p)
{
        static const char *const roots[] = {"/v1", "/api"};
        size_t n = strlen(p->base.url);

        for (size_t i = 0; i < N_ELEMENTS(roots); i++)
                if ((i == 0 || p->dialect->root[0] == '\0') &&
                    str_has_suffix(p->base.url, roots[i])) {
                        p->base.url[n - strlen(roots[i])] = '\0';
                        return;
                }
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
        p->key_fault = c->key_fault ? strdup(c->key_fault) : NULL;
        cut_root(p);
        p->url = str_printf("%s%s%s", p->base.url, p->dialect->root, p->dialect->path);
        p->absent = str_printf("no server answers at %s: start it", c->base_url);
        p->manner.is_local = p->base.is_local;
        p->manner.is_home = p->dialect->key_host && strstr(p->base.url, p->dialect->key_host);
        p->manner.keep_alive = c->keep_alive ? strdup(c->keep_alive) : NULL;
        if (!p->name || !p->url || !p->absent || (c->key && !p->key) ||
            (c->key_fault && !p->key_fault) || (c->keep_alive && !p->manner.keep_alive))
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

/* Whether the server of a loopback address listens; looked up again after a while. */
static bool is_server_there(struct provider *p)
{
        uint64_t now = clock_monotonic_usec(), age = now - p->probed_usec;

        if (p->n_attempts > 0 ||
            (p->warmed_usec > 0 && now - p->warmed_usec < PROVIDER_WARM_MS * 1000))
                return true;
        if (p->probed_usec == 0 ||
            age >= (p->is_there ? PROVIDER_SEEN_MS : PROVIDER_UNSEEN_MS) * 1000) {
                p->is_there = probe_local(&p->base);
                p->probed_usec = now;
        }
        return p->is_there;
}

bool provider_is_ready(struct provider *p, enum failure_id *ret_lack, const char **ret_reason)
{
        const struct dialect *d = p->dialect;

        if (p->key)
                return true;
        if (p->key_fault) {
                *ret_lack = FAILURE_KEY_MISSING;
                *ret_reason = p->key_fault;
                return false;
        }
        if (p->base.is_local) {
                *ret_lack = FAILURE_UNREACHABLE;
                *ret_reason = p->absent;
                return is_server_there(p);
        }
        if (!d->is_key_needed || (d->key_host && !p->manner.is_home))
                return true;
        *ret_lack = FAILURE_KEY_MISSING;
        *ret_reason = "it has no key";
        return false;
}

bool provider_has_bad_key(const struct provider *p)
{
        return p && p->key_fault && !p->key;
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

struct http_request provider_request(const struct provider *p)
{
        return (struct http_request){
                .url = p->url,
                .unix_path = p->base.unix_path,
                .max_bytes = PROVIDER_ANSWER_BYTES,
                .max_error_bytes = PROVIDER_ERROR_BYTES,
                .is_tls = p->base.is_tls,
                .is_direct = p->base.is_local,
                .connect_ms = p->connect_ms,
                .first_byte_ms = p->first_byte_ms,
                .stall_ms = p->stall_ms,
                .total_ms = p->total_ms,
        };
}

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
        struct http_request r = provider_request(p);

        r.url = p->base.url;
        r.max_bytes = PROVIDER_ERROR_BYTES;
        r.first_byte_ms = r.stall_ms = PROVIDER_WARM_LIMIT_MS;
        r.total_ms = p->connect_ms + PROVIDER_WARM_LIMIT_MS;
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

void provider_begin_attempt(struct provider *p)
{
        p->n_refs++;
        p->n_attempts++;
        timer_stop(p->warm_timer);
}

void provider_doubt(struct provider *p)
{
        p->is_doubted = true;
        p->probed_usec = 0;
}

void provider_end_attempt(struct provider *p)
{
        p->n_attempts--;
        p->warmed_usec = p->is_doubted ? 0 : clock_monotonic_usec();
        p->is_doubted = false;
        /* Not for one that was replaced: nobody would find its connection. */
        if (p->n_attempts == 0 && p->n_refs > 1)
                (void)(timer_start(p->warm_timer, PROVIDER_WARM_MS) == 0);
        provider_unref(p);
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
