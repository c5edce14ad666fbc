#include "server-rooms.h"

#include <stdarg.h>

#include "common/json.h"
#include "common/str.h"
#include "daemon/calls/calls.h"
#include "daemon/provider/provider.h"
#include "daemon/store/store.h"

#define EVENT_TEXT_BYTES 1000

struct job_cursor {
        struct ulid job;
        unsigned n_sent, n_events;
};

struct server_room room = {.lock = PTHREAD_MUTEX_INITIALIZER};

unsigned peek(const unsigned *value)
{
        unsigned v;

        pthread_mutex_lock(&room.lock);
        v = *value;
        pthread_mutex_unlock(&room.lock);
        return v;
}

const struct hash *jobs_generation(const struct jobs *j)
{
        static const struct hash generation;

        (void)j;
        return &generation;
}

int jobs_answer_raw(struct jobs *j, const struct hash *raw_key,
                    int (*fn)(struct span result, void *arg), void *arg)
{
        (void)j;
        if (!room.has_known || !hash_is_equal(raw_key, &room.known))
                return CONDITION_ABSENT;
        return fn(SPAN("{\"cached\":true}"), arg);
}

/* kind: now, late (answered by the next submit of kind `release`), known (from then on answered by
 * its bytes). */
void jobs_submit(struct jobs *j, const struct peer *p, const struct jobs_request *q,
                 jobs_reply_fn *on_reply, void *arg)
{
        const char *kind = json_get_text(q->params, "kind");

        (void)j, (void)p;
        pthread_mutex_lock(&room.lock);
        room.n_submits++;
        pthread_mutex_unlock(&room.lock);
        if (str_is_equal(kind, "late")) {
                room.late[room.n_late++] = arg;
                return;
        }
        if (str_is_equal(kind, "known")) {
                room.known = *q->raw_key;
                room.has_known = true;
        }
        if (str_is_equal(kind, "release")) {
                for (size_t i = 0; i < room.n_late; i++)
                        on_reply(room.late[i], SPAN("{\"job\":\"late\"}"), NULL);
                room.n_late = 0;
        }
        on_reply(arg, SPAN("{\"job\":\"now\"}"), NULL);
}

static void refuse(jobs_reply_fn *on_reply, void *arg)
{
        struct failure f = {.id = FAILURE_NO_SUCH_JOB};

        on_reply(arg, (struct span){0}, &f);
}

#define NO_SUCH_JOB(name)                                                     \
        void name(struct jobs *j, const struct peer *p, const json_t *params, \
                  jobs_reply_fn *on_reply, void *arg)                         \
        {                                                                     \
                (void)j, (void)p, (void)params;                               \
                refuse(on_reply, arg);                                        \
        }
NO_SUCH_JOB(jobs_put_blob)
NO_SUCH_JOB(jobs_cancel)
NO_SUCH_JOB(jobs_resume)
NO_SUCH_JOB(jobs_answer)
NO_SUCH_JOB(jobs_settle)

int jobs_get_blob(struct jobs *j, const struct peer *p, const json_t *params, struct buf *out,
                  struct failure **ret_failure)
{
        (void)j, (void)p, (void)params, (void)ret_failure;
        buf_add_text(out, "{\"data\":\"");
        if (buf_reserve(out, room.blob_bytes) == 0) {
                memset(out->at + out->n, 'A', room.blob_bytes);
                out->n += room.blob_bytes;
        }
        buf_add_text(out, "\"}");
        return out->failed;
}

#define EMPTY_LIST(name)                                                      \
        void name(struct jobs *j, const struct peer *p, const json_t *params, \
                  jobs_reply_fn *on_reply, void *arg)                         \
        {                                                                     \
                (void)j, (void)p, (void)params;                               \
                on_reply(arg, SPAN("{\"jobs\":[]}"), NULL);                   \
        }
EMPTY_LIST(jobs_list)
EMPTY_LIST(jobs_get)

void jobs_explain(struct jobs *j, const struct peer *p, const json_t *params,
                  jobs_reply_fn *on_reply, void *arg)
{
        (void)j, (void)p, (void)params;
        on_reply(arg, SPAN("{\"jobs\":[]}"), NULL);
}

void jobs_list_blueprints(struct jobs *j, jobs_reply_fn *on_reply, void *arg)
{
        (void)j;
        on_reply(arg, SPAN("{}"), NULL);
}

void jobs_check_blueprint(struct jobs *j, const json_t *params, jobs_reply_fn *on_reply, void *arg)
{
        (void)j;
        (void)params;
        on_reply(arg, SPAN("{}"), NULL);
}

int jobs_why(struct jobs *j, const struct peer *p, const json_t *params, struct buf *out,
             struct failure **ret_failure)
{
        (void)j, (void)p, (void)params, (void)out;
        *ret_failure = failure_new(FAILURE_NO_SUCH_JOB, "%s", "no such job");
        return *ret_failure ? CONDITION_REFUSED : -ENOMEM;
}

int jobs_count(struct jobs *j, json_t **ret)
{
        (void)j;
        *ret = json_object();
        return *ret ? 0 : -ENOMEM;
}

int job_cursor_new(struct jobs *j, const struct peer *p, struct span job, uint64_t after,
                   bool has_deltas, void (*on_ready)(void *arg), void *arg, struct job_cursor **ret,
                   struct buf *ret_reply, struct failure **ret_failure)
{
        struct job_cursor *c = calloc(1, sizeof(*c));

        (void)j, (void)p, (void)after, (void)has_deltas, (void)on_ready, (void)arg,
                (void)ret_failure;
        if (!c || ulid_from_text(job, &c->job) < 0)
                abort();
        pthread_mutex_lock(&room.lock);
        c->n_events = room.n_events;
        room.n_cursors++;
        pthread_mutex_unlock(&room.lock);
        *ret = c;
        return buf_add_text(ret_reply, "{\"head\":0}");
}

struct job_cursor *job_cursor_free(struct job_cursor *c)
{
        pthread_mutex_lock(&room.lock);
        room.n_cursors--;
        pthread_mutex_unlock(&room.lock);
        free(c);
        return NULL;
}

bool job_cursor_is_over(const struct job_cursor *c)
{
        (void)c;
        return false;
}

int job_cursor_next(struct job_cursor *c, struct buf *out)
{
        if (c->n_sent == c->n_events)
                return CONDITION_ABSENT;
        pthread_mutex_lock(&room.lock);
        room.n_produced++;
        pthread_mutex_unlock(&room.lock);
        return buf_printf(out, "{\"seq\":%u,\"text\":\"%0*d\"}", ++c->n_sent, EVENT_TEXT_BYTES, 0);
}

void job_cursor_job(const struct job_cursor *c, struct ulid *ret)
{
        *ret = c->job;
}

void cache_get_stats(struct store *s, struct cache_stats ret[N_CACHE_STATS])
{
        (void)s;
        for (size_t i = 0; i < N_CACHE_STATS; i++)
                ret[i] = (struct cache_stats){.name = "x", .hits = 1, .misses = 1};
}

void store_get_counters(struct store *s, struct store_counters *ret)
{
        (void)s;
        *ret = (struct store_counters){};
}

#define CACHE_METHOD(name, ...)                                                        \
        int name(struct store *s, ##__VA_ARGS__,                                       \
                 void (*on_done)(void *arg, int r, uint64_t a, uint64_t b), void *arg) \
        {                                                                              \
                (void)s;                                                               \
                on_done(arg, 0, 3, 4);                                                 \
                return 0;                                                              \
        }
CACHE_METHOD(cache_trim, _unused_ uint64_t max_bytes)
CACHE_METHOD(cache_clear)
CACHE_METHOD(cache_verify)

uint64_t calls_n_running(const struct calls *c)
{
        (void)c;
        return 0;
}

uint64_t calls_spent_this_month(const struct calls *c)
{
        (void)c;
        return 0;
}

uint64_t calls_spent_today(const struct calls *c)
{
        (void)c;
        return 0;
}

struct provider *provider_find(struct provider_room *r, const char *name)
{
        (void)r, (void)name;
        return NULL;
}

bool provider_is_ready(struct provider *p, enum failure_id *ret_lack, const char **ret_reason)
{
        (void)p;
        *ret_lack = FAILURE_KEY_MISSING;
        *ret_reason = NULL;
        return false;
}

json_t *calls_describe_kept(const struct calls *c)
{
        (void)c;
        return json_object();
}

int provider_describe(const struct provider *p, json_t **ret)
{
        (void)p;
        *ret = NULL;
        return -ENOMEM;
}
