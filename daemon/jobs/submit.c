/* Submit: what is known is answered at once; what must be done is a job, on disk before its id is
 * told. */

#include "common/clock.h"
#include "common/json.h"
#include "daemon/jobs/internal.h"
#include "daemon/jobs/journal.h"
#include "daemon/jobs/life.h"
#include "daemon/jobs/standing.h"
#include "daemon/metrics/metrics.h"
#include "daemon/provider/provider.h"
#include "daemon/store/store.h"

struct submit {
        jobs_reply_fn *on_reply;
        void *arg;
        struct submit *next; /* in job.twins */
};

static int write_accepted(const struct job *job, struct buf *out)
{
        _cleanup_json_ json_t *needs = job_needs_json(job);
        int k;

        buf_printf(out, "{\"job\":\"%s\",\"need\":", job->id_text);
        k = needs ? json_write(needs, out) : -ENOMEM;
        buf_add_char(out, '}');
        return k ? k : out->failed;
}

static void reply_accepted(const struct job *job, jobs_reply_fn *on_reply, void *arg)
{
        _cleanup_buf_ struct buf out = {0};

        buf_init(&out, 0);
        if (write_accepted(job, &out) == 0)
                on_reply(arg, buf_span(&out), NULL);
        else
                on_reply(arg, (struct span){0}, &(struct failure){.id = FAILURE_INTERNAL});
}

/* ---- what is known already ---- */

/* A cheap kind is read at once: its single task has its full key before anything runs. */
static int answer_known(struct jobs *j, const struct job_kind *kind, const json_t *params,
                        const struct hash *raw_key, struct buf *out, struct failure **ret_failure)
{
        _cleanup_(work_freep) struct work *work = NULL;
        _cleanup_result_ struct result result = {0};
        _cleanup_buf_ struct buf value = {0};
        struct input in = {.params = params, .shelf = j->c.shelf};
        struct hash key;
        int k = kind->read(&in, &work, ret_failure);

        if (k)
                return k;
        if (!work->is_one_text || work->n_tasks != 1 || work->tasks[0].command >= 0)
                return CONDITION_ABSENT;
        task_full_key(&work->tasks[0], NULL, &key);
        buf_init(&value, 0);
        k = cache_get(j->c.store, CACHE_RESULT, &key, &value);
        if (k)
                return k;
        if (result_decode(buf_span(&value), &result) < 0 || result.n_text > JOB_TEXT_IN_EVENT)
                return CONDITION_ABSENT;
        k = outcome_cached(j, &result, out);
        if (k == 0 && raw_key)
                cache_put(j->c.store, CACHE_RAW, raw_key, buf_span(out));
        return k;
}

/* ---- idempotency ---- */

void job_idem_key(uint32_t uid, const struct hash *h, uint8_t ret[4 + HASH_BYTES])
{
        for (int i = 0; i < 4; i++)
                ret[i] = (uint8_t)(uid >> (24 - 8 * i));
        memcpy(ret + 4, h->at, HASH_BYTES);
}

/* The job that the same key named before; its acceptance may not be committed yet. */
static int find_idem(struct jobs *j, uint32_t uid, const struct hash *h, struct job **ret)
{
        struct job *job;
        _cleanup_buf_ struct buf value = {0};
        uint8_t key[4 + HASH_BYTES];
        struct failure *failure = NULL;
        char text[ULID_TEXT_BYTES];
        struct ulid id;
        int k;

        job_idem_key(uid, h, key);
        buf_init(&value, 0);
        k = store_get(j->c.store, TABLE_IDEM, (struct span){(char *)key, sizeof(key)}, &value);
        if (k == 0 && value.n == ULID_BYTES) {
                memcpy(id.at, value.at, ULID_BYTES);
                ulid_to_text(&id, text);
                k = job_find(j, &(struct peer){.uid = uid}, span_of(text), ret, &failure);
                failure_free(failure);
                return k == CONDITION_REFUSED ? CONDITION_ABSENT : k;
        }
        if (k != CONDITION_ABSENT && k != 0)
                return k;
        LIST_FOREACH (job, &j->accepting, accepting_entry)
                if (job->has_idem && job->uid == uid && hash_is_equal(&job->idem, h)) {
                        *ret = job_ref(job);
                        return 0;
                }
        return CONDITION_ABSENT;
}

/* ---- a new job ---- */

/* Beside the record: the idempotency key, and the last id given, so that ids never go back. */
static int put_names(const struct job *job, struct store_batch *b)
{
        uint8_t idem[4 + HASH_BYTES];
        int k = 0;

        if (job->has_idem) {
                job_idem_key(job->uid, &job->idem, idem);
                k = store_batch_put(b, TABLE_IDEM, (struct span){(char *)idem, sizeof(idem)},
                                    (struct span){(const char *)job->id.at, ULID_BYTES});
        }
        return k ? k : store_batch_put(b, TABLE_META, SPAN("last_ulid"), span_of(job->id_text));
}

/* What a client asks for. */
struct submission {
        const struct job_kind *kind;
        const json_t *params;
        struct span text, manifest; /* see jobs.h */
        const struct hash *raw_key; /* NULL: none */
        struct job_options options;
        struct strlist needs, warnings;
        bool has_seed; /* see standing.c */
        struct hash seed;
};

static void request_done(struct submission *q)
{
        strlist_done(&q->needs);
        strlist_done(&q->warnings);
}

static int put_job(struct job *job, const struct submission *q, struct store_batch *b)
{
        _cleanup_buf_ struct buf written = {0};
        struct span text = q->text;
        int k;

        buf_init(&written, 0);
        if (text.n == 0) {
                k = json_write(q->params, &written);
                if (k < 0)
                        return k;
                text = buf_span(&written);
        }
        hash_of(text.at, text.n, &job->params_hash);
        k = store_blob_put(b, job->uid, &job->params_hash, text, job->created_ms);
        return k ? k : put_names(job, b);
}

static struct failure *why_unwritten(int r)
{
        if (r == -ENOENT)
                return failure_new(FAILURE_STOPPING, "genoptd ends: its state was taken away");
        return failure_new(r == -ENOSPC ? FAILURE_DISK_FULL : FAILURE_INTERNAL, NULL);
}

/* Takes s. */
static void reply_outcome(const struct job *job, int r, struct submit *s)
{
        if (r == 0) {
                reply_accepted(job, s->on_reply, s->arg);
        } else {
                struct failure *f = why_unwritten(r);

                s->on_reply(s->arg, (struct span){0}, f);
                failure_free(f);
        }
        free(s);
}

static void on_accepted(struct job *job, int r, void *arg)
{
        struct submit *twin;

        LIST_REMOVE(job, accepting_entry);
        reply_outcome(job, r, arg);
        while ((twin = job->twins)) {
                job->twins = twin->next;
                reply_outcome(job, r, twin);
        }
        json_decref(job->params); /* read again when its turn comes */
        job->params = NULL;
        job->tie = store_tie_unref(job->tie);
        if (r < 0) {
                job_abandon(job);
        } else {
                metrics_count(jobs_submitted);
                /* Found on disk, it may be cancelled already. */
                if (job->state == JOB_QUEUED && !job->is_in_queue)
                        job_enqueue(job);
        }
        job_unref(job);
}

/* What comes beside the input: label, idempotency key, who asks. */
static int read_meta(struct job *job, const json_t *params)
{
        const json_t *meta = json_object_get(params, "meta");
        const char *key = json_get_text(meta, "key"), *label = json_get_text(meta, "label");

        (void)json_get_u64(json_object_get(meta, "client"), "pid", &job->client);
        job->approval.can_ask = json_get_bool(json_object_get(meta, "client"), "can_ask", false);
        if (label && !(job->label = strdup(label)))
                return -ENOMEM;
        if (key) {
                hash_of(key, strlen(key), &job->idem);
                job->has_idem = true;
        }
        return 0;
}

static int add_path_needs(struct job *job, const struct strlist *paths)
{
        for (size_t i = 0; i < paths->n; i++) {
                int k = job_add_need(job, paths->at[i], NULL);

                if (k < 0)
                        return k;
        }
        return 0;
}

#define N_NEWS_BESIDE_WARNINGS 2

/* `queued`, what is odd about the options, and what it waits for already. */
static int make_news(struct job *job, const struct strlist *warnings, struct news *news,
                     size_t *ret_n)
{
        size_t n = 0;

        news[n++] = (struct news){"queued", json_pack("{s:s,s:I}", "kind", job->kind->name,
                                                      "position", (json_int_t)job->jobs->n_queued)};
        for (size_t i = 0; i < warnings->n; i++)
                news[n++] = (struct news){"warning",
                                          json_pack("{s:o}", "text", json_words(warnings->at[i]))};
        if (!job_needs_met(job))
                news[n++] = (struct news){"waiting", job_begin_wait(job, WAIT_BLOBS, NULL)};
        *ret_n = n;
        for (size_t i = 0; i < n; i++)
                if (!news[i].fields)
                        return -ENOMEM;
        return 0;
}

/* A job that may call a model will do so in some milliseconds: the connection can be opened while
 * it is committed and planned. */
void job_warm_providers(const struct job *job)
{
        const struct jobs *j = job->jobs;

        for (enum tier t = 0; t < N_TIERS && !job->is_dry_run; t++) {
                const struct tier_option *tier = config_tier(j->c.config, t);
                struct provider *p =
                        tier->n_routes ? provider_find(j->c.providers, tier->routes[0].provider)
                                       : NULL;
                enum failure_id lack;
                const char *reason;

                if (p && provider_is_ready(p, &lack, &reason))
                        provider_warm(p); /* rate limited: several tiers of one provider are one
                                             connection */
        }
}

/* A cheap kind is planned while its acceptance is on its way to the disk, most often in the same
 * group: what it writes meanwhile is tied to it, and a call leaves only after its intent, which is
 * committed later. */
static bool is_begun_at_once(const struct job *job)
{
        return job->kind->is_small && job_needs_met(job);
}

/* Takes b. */
static void commit_accepted(struct job *job, struct store_batch *b, const struct news *news,
                            size_t n_news, struct submit *s)
{
        LIST_INSERT_HEAD(&job->jobs->accepting, job, accepting_entry);
        job_warm_providers(job);
        job_ref(job);
        journal_commit(job, b, news, n_news, on_accepted, s);
        if (job->tie && is_begun_at_once(job)) /* else it has failed already, or waits */
                job_enqueue(job);
        job_unref(job);
}

static int accept_job(struct job *job, const struct submission *q, struct submit *s)
{
        _cleanup_free_ struct news *news =
                calloc(N_NEWS_BESIDE_WARNINGS + q->warnings.n, sizeof(*news));
        struct store_batch *b = NULL;
        size_t n_news = 0;
        int k = news ? make_news(job, &q->warnings, news, &n_news) : -ENOMEM;

        k = k ? k : store_tie_new(&job->tie);
        k = k ? k : store_batch_new(STORE_STATE, &b);
        k = k ? k : put_job(job, q, b);
        if (k == 0) {
                commit_accepted(job, b, news, n_news, s);
        } else {
                store_batch_free(b);
                job_abandon(job);
        }
        for (size_t i = 0; i < n_news; i++)
                json_decref(news[i].fields);
        return k;
}

static struct failure *may_accept(struct jobs *j)
{
        if (j->is_draining)
                return failure_new(FAILURE_STOPPING, NULL);
        if (!store_has_room(j->c.store))
                return failure_new(FAILURE_DISK_FULL, NULL);
        if (j->n_queued + j->registry.n_waiting >= config_get_u64(j->c.config, OPTION_JOBS_QUEUED))
                return failure_new(FAILURE_QUEUE_FULL, "%zu jobs are queued, %zu wait", j->n_queued,
                                   j->registry.n_waiting);
        return NULL;
}

static int create_job(struct jobs *j, const struct peer *p, const struct submission *q,
                      struct submit *s)
{
        struct ulid id;
        struct job *job;
        int k;

        ulid_next(&j->last, &id);
        job = job_new(j, &id);
        if (!job)
                return -ENOMEM;
        job->options = q->options;
        job->kind = q->kind;
        job->uid = p->uid;
        job->created_ms = clock_realtime_ms();
        if (q->kind->is_small) /* planned before they are on disk */
                job->params = json_incref((json_t *)q->params);
        job->is_dry_run = json_get_bool(q->params, "dry_run", false);
        job->is_fresh = json_get_bool(q->params, "fresh", false);
        if (q->raw_key && !job->is_dry_run && !job->is_fresh) {
                job->raw_key = *q->raw_key;
                job->generation = j->generation;
                job->has_raw_key = true;
                job->seed = q->seed;
                job->has_seed = q->has_seed;
        }
        k = read_meta(job, q->params);
        k = k ? k : add_path_needs(job, &q->needs);
        k = k ? k : accept_job(job, q, s);
        if (k < 0)
                job_unref(job);
        return k;
}

static int read_request(const struct jobs *j, struct submission *q, struct failure **ret_failure)
{
        const char *name = json_get_text(q->params, "kind"),
                   *config = json_get_text(q->params, "config");
        int k;

        q->kind = job_kind_find(name ? name : "");
        if (!q->kind) {
                *ret_failure = failure_new_at(FAILURE_INVALID_PARAMS, "/params/kind",
                                              "there is no kind of job `%s`", name ? name : "");
                return CONDITION_REFUSED;
        }
        k = q->kind->need(q->params, &q->needs, ret_failure);
        if (k)
                return k;
        if (!config)
                return job_options_resolve(j->c.config, json_object_get(q->params, "options"),
                                           &q->options, ret_failure);
        k = job_options_read(j->c.config, span_of(config), &q->options, &q->warnings, ret_failure);
        return k ? k
                 : job_options_change(&q->options, j->c.config,
                                      json_object_get(q->params, "options"), ret_failure);
}

static int answer_standing(struct jobs *j, uint32_t uid, struct submission *q, struct buf *out)
{
        int k = standing_seed(j, uid, q->params, &q->seed);

        if (k)
                return k;
        q->has_seed = true;
        if (q->manifest.n == 0 || !job_options_get_bool(&q->options, OPTION_KEEP))
                return CONDITION_ABSENT;
        k = standing_find(j, &q->seed, q->manifest, out);
        if (k == 0 && q->raw_key) /* the next one will be the same in all its bytes */
                cache_put(j->c.store, CACHE_RAW, q->raw_key, buf_span(out));
        return k;
}

/* CONDITION_ABSENT: it has to be worked on. */
static int reply_known(struct jobs *j, uint32_t uid, struct submission *q, struct submit *s,
                       struct failure **ret_failure)
{
        _cleanup_buf_ struct buf out = {0};
        int k = CONDITION_ABSENT;

        if (q->needs.n > 0 || json_get_bool(q->params, "fresh", false) ||
            json_get_bool(q->params, "dry_run", false))
                return CONDITION_ABSENT;
        buf_init(&out, 0);
        if (!q->kind->is_small)
                k = answer_standing(j, uid, q, &out);
        else if (job_options_get_bool(&q->options, OPTION_REUSE))
                k = answer_known(j, q->kind, q->params, q->raw_key, &out, ret_failure);
        if (k == 0) {
                s->on_reply(s->arg, buf_span(&out), NULL);
                free(s);
        }
        return k;
}

/* CONDITION_ABSENT: no job has this idempotency key. */
static int reply_idem(struct jobs *j, const struct peer *p, const json_t *params, struct submit *s)
{
        const char *key = json_get_text(json_object_get(params, "meta"), "key");
        struct job *job = NULL;
        struct hash h;
        int k;

        if (!key)
                return CONDITION_ABSENT;
        hash_of(key, strlen(key), &h);
        k = find_idem(j, p->uid, &h, &job);
        if (k)
                return k;
        if (job->durable == 0) { /* told together with the one that came first */
                s->next = job->twins;
                job->twins = s;
        } else {
                reply_outcome(job, 0, s);
        }
        job_unref(job);
        return 0;
}

/* CONDITION_REFUSED with a failure; 0: answered, or to be answered by s (which is consumed then);
 * CONDITION_ABSENT never leaves. */
static int submit(struct jobs *j, const struct peer *p, const struct jobs_request *request,
                  struct submit *s, struct failure **ret_failure)
{
        _cleanup_(request_done) struct submission q = {.params = request->params,
                                                       .text = request->text,
                                                       .manifest = request->manifest,
                                                       .raw_key = request->raw_key};
        int k = read_request(j, &q, ret_failure);

        k = k ? k : reply_known(j, p->uid, &q, s, ret_failure);
        k = k == CONDITION_ABSENT ? reply_idem(j, p, q.params, s) : k;
        if (k != CONDITION_ABSENT)
                return k;
        *ret_failure = may_accept(j);
        if (*ret_failure)
                return CONDITION_REFUSED;
        return create_job(j, p, &q, s);
}

void jobs_submit(struct jobs *j, const struct peer *p, const struct jobs_request *q,
                 jobs_reply_fn *on_reply, void *arg)
{
        struct submit *s = calloc(1, sizeof(*s));
        struct failure *failure = NULL;
        int k = s ? 0 : -ENOMEM;

        if (s)
                *s = (struct submit){.on_reply = on_reply, .arg = arg};
        k = k ? k : submit(j, p, q, s, &failure);
        if (k == 0)
                return;
        if (!failure)
                failure =
                        failure_new(FAILURE_INTERNAL, "%s", k < 0 ? strerror(-k) : "out of memory");
        on_reply(arg, (struct span){0}, failure);
        failure_free(failure);
        free(s);
}
