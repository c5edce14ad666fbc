#include "daemon/jobs/jobs.h"

#include <stdio.h>

#include "common/canon.h"
#include "common/clock.h"
#include "common/json.h"
#include "common/log.h"
#include "daemon/blueprint/blueprint.h"
#include "daemon/calls/calls.h"
#include "daemon/jobs/internal.h"
#include "daemon/jobs/life.h"
#include "daemon/jobs/record.h"
#include "daemon/loop/loop.h"
#include "daemon/options/options.h"
#include "daemon/store/store.h"

const char *const job_state_names[N_JOB_STATES] = {"queued", "planning", "running",  "waiting",
                                                   "done",   "failed",   "cancelled"};
const char *const job_wait_names[N_JOB_WAITS] = {"none", "blobs",  "approval", "client",
                                                 "key",  "budget", "disk"};

/* ---- one job in memory ---- */

struct job *job_new(struct jobs *j, const struct ulid *id)
{
        struct job *job = calloc(1, sizeof(*job));

        if (!job)
                return NULL;
        job->jobs = j;
        job->n_refs = 1;
        job->id = *id;
        job->wait_command = -1;
        ulid_to_text(id, job->id_text);
        LIST_INIT(&job->uploads);
        LIST_INIT(&job->cursors);
        if (registry_add(&j->registry, job) < 0) {
                free(job);
                return NULL;
        }
        return job;
}

struct job *job_ref(struct job *job)
{
        job->n_refs++;
        return job;
}

static void job_free(struct job *job)
{
        registry_remove(&job->jobs->registry, job);
        job_stop_work(job);
        jobs_queue_remove(job);
        job_forget_uploads(job);
        job_forget_needs(job);
        free(job->label);
        free(job->wait_remedy);
        json_decref(job->params);
        store_tie_unref(job->tie);
        json_decref(job->summary);
        json_decref(job->rest);
        json_decref(job->placed);
        failure_free(job->failure);
        free(job);
}

struct job *job_unref(struct job *job)
{
        if (job && --job->n_refs == 0)
                job_free(job);
        return NULL;
}

/* Not in memory: ended jobs are read when somebody asks for them. */
static int load_job(struct jobs *j, const struct ulid *id, struct job **ret)
{
        _cleanup_buf_ struct buf value = {0};
        int k;

        buf_init(&value, 0);
        k = store_get(j->c.store, TABLE_JOB, (struct span){(const char *)id->at, ULID_BYTES},
                      &value);
        return k ? k : job_record_read(j, id, buf_span(&value), ret);
}

int job_find(struct jobs *j, const struct peer *p, struct span id, struct job **ret,
             struct failure **ret_failure)
{
        struct job *job = NULL;
        struct ulid u;
        int k = ulid_from_text(id, &u) < 0 ? CONDITION_ABSENT : 0;

        if (k == 0) {
                job = registry_find(&j->registry, &u);
                if (job)
                        job_ref(job);
                else
                        k = load_job(j, &u, &job);
        }
        if (k < 0 && k != -EBADMSG)
                return k;
        if (job && !p->is_root && job->uid != p->uid)
                job = job_unref(job);
        if (!job) {
                *ret_failure = failure_new(FAILURE_NO_SUCH_JOB, "no such job: %.*s",
                                           (int)MIN2(id.n, 40u), id.at);
                return *ret_failure ? CONDITION_REFUSED : -ENOMEM;
        }
        *ret = job;
        return 0;
}

int job_find_param(struct jobs *j, const struct peer *p, const json_t *params, struct job **ret,
                   struct failure **ret_failure)
{
        const char *id = json_get_text(params, "job");

        return job_find(j, p, span_of(id ? id : ""), ret, ret_failure);
}

/* ---- the room ---- */

/* All that was read at start or reload: a stored answer holds for the same generation only. */
static int make_generation(struct jobs *j)
{
        struct canon *c = NULL;
        struct hash h;
        int k = canon_new(1, &c);

        if (k < 0)
                return k;
        canon_add_text(c, 1, GENOPT_VERSION);
        k = config_hash(j->c.config, &h);
        canon_add_hash(c, 2, &h);
        price_book_hash(j->c.prices, &h);
        canon_add_hash(c, 3, &h);
        blueprint_shelf_hash(j->c.shelf, &j->shelf);
        canon_add_hash(c, 4, &j->shelf);
        canon_add_hash(c, 5, &j->salt);
        canon_get(c, &j->generation);
        canon_free(c);
        return k;
}

void jobs_look_at_shelf(struct jobs *j, struct job *job)
{
        struct hash before = j->generation, now;

        blueprint_shelf_hash(j->c.shelf, &now);
        if (hash_is_equal(&now, &j->shelf))
                return;
        log_notice("blueprints were changed since they were read: they are read again");
        if (make_generation(j) < 0)
                log_error("blueprints: out of memory");
        else if (job && hash_is_equal(&job->planned, &before))
                job->planned = j->generation;
}

static void load_meta(struct jobs *j)
{
        _cleanup_buf_ struct buf value = {0};

        buf_init(&value, 0);
        if (store_get(j->c.store, TABLE_META, SPAN("last_ulid"), &value) == 0)
                (void)!ulid_from_text(buf_span(&value), &j->last);
}

/* Random bytes of this state: what raw keys are keyed with. If they cannot be kept, what the cache
 * knows by raw keys is not found after the next start. */
static void load_salt(struct jobs *j)
{
        _cleanup_buf_ struct buf value = {0};
        struct store_batch *b = NULL;
        struct span salt = {(const char *)j->salt.at, HASH_BYTES};

        buf_init(&value, 0);
        if (store_get(j->c.store, TABLE_META, SPAN("salt"), &value) == 0 && value.n == HASH_BYTES) {
                memcpy(j->salt.at, value.at, HASH_BYTES);
                return;
        }
        clock_random(j->salt.at, HASH_BYTES);
        if (store_batch_new(STORE_STATE, &b) < 0)
                return;
        if (store_batch_put(b, TABLE_META, SPAN("salt"), salt) < 0 ||
            store_commit(j->c.store, b, NULL, NULL) < 0)
                store_batch_free(b);
}

int jobs_new(const struct jobs_config *c, struct jobs **ret)
{
        struct jobs *j = calloc(1, sizeof(*j));
        int k;

        if (!j)
                return -ENOMEM;
        j->c = *c;
        buf_init(&j->written_text, 0);
        config_ref(j->c.config);
        blueprint_shelf_ref(j->c.shelf);
        price_book_ref(j->c.prices);
        for (size_t i = 0; i < N_ELEMENTS(j->queues); i++)
                TAILQ_INIT(&j->queues[i]);
        registry_init(&j->registry);
        load_salt(j);
        k = make_generation(j);
        if (k < 0) {
                jobs_free(j);
                return k;
        }
        load_meta(j);
        estimates_load(j);
        *ret = j;
        return 0;
}

void jobs_stop(struct jobs *j)
{
        struct job *job = NULL;

        if (!j)
                return;
        j->is_draining = true;
        if (j->disk_timer)
                timer_stop(j->disk_timer);
        if (j->retain_timer)
                timer_stop(j->retain_timer);
        while ((job = registry_next(&j->registry, job))) {
                if (job->planning)
                        prepare_forget(job->planning);
                job->planning = NULL;
                job->run = run_free(job->run);
        }
}

struct jobs *jobs_free(struct jobs *j)
{
        struct job *job;

        if (!j)
                return NULL;
        while ((job = registry_next(&j->registry, NULL)))
                job_free(job);
        buf_done(&j->written_text);
        timer_free(j->disk_timer);
        timer_free(j->retain_timer);
        config_unref(j->c.config);
        blueprint_shelf_unref(j->c.shelf);
        price_book_unref(j->c.prices);
        free(j);
        return NULL;
}

void jobs_reload(struct jobs *j, struct config *config, struct blueprint_shelf *shelf,
                 struct price_book *prices)
{
        struct jobs_config old = j->c;

        j->c.config = config_ref(config);
        j->c.shelf = blueprint_shelf_ref(shelf);
        j->c.prices = price_book_ref(prices);
        config_unref(old.config);
        blueprint_shelf_unref(old.shelf);
        price_book_unref(old.prices);
        if (make_generation(j) < 0)
                log_error("reload: out of memory");
        jobs_continue_keys(j);
}

const struct hash *jobs_generation(const struct jobs *j)
{
        return &j->generation;
}

int jobs_answer_raw(struct jobs *j, const struct hash *raw_key,
                    int (*fn)(struct span result, void *arg), void *arg)
{
        return cache_get_with(j->c.store, CACHE_RAW, raw_key, fn, arg);
}

int jobs_count(struct jobs *j, json_t **ret)
{
        *ret = json_pack("{s:I,s:I,s:I}", "running", (json_int_t)j->n_running, "queued",
                         (json_int_t)j->n_queued, "waiting", (json_int_t)j->registry.n_waiting);
        return *ret ? 0 : -ENOMEM;
}

/* ---- the end of the daemon ---- */

static void on_calls_drained(void *arg)
{
        struct jobs *j = arg;
        struct job *job;

        /* What was under way is no fault of its jobs: they stand in the queue for the next start.
         */
        while ((job = TAILQ_FIRST(&j->registry.at_work)))
                job_put_back(job);
        estimates_save(j);
        jobs_check_drained(j);
}

void jobs_check_drained(struct jobs *j)
{
        if (!j->is_draining || j->n_running > 0 || j->n_commits > 0 || !j->on_drained)
                return;
        take(j->on_drained)(j->drained_arg);
}

void jobs_drain(struct jobs *j, void (*on_drained)(void *arg), void *arg)
{
        j->is_draining = true;
        j->on_drained = on_drained;
        j->drained_arg = arg;
        calls_drain(j->c.calls, on_calls_drained, j);
}
