/* Retention: events, results, calls and blobs of ended jobs go after some days, their records much
 * later. In slices: each looks at a bounded number of jobs and goes on where the last one stopped.
 * Live jobs are never touched. */

#include "common/clock.h"
#include "common/log.h"
#include "daemon/jobs/internal.h"
#include "daemon/store/store.h"

#define SLICE_JOBS 200
#define SLICE_BLOBS 500
#define DAY_MS ((uint64_t)24 * 3600 * 1000)

struct slice {
        struct jobs *j;
        struct store_batch *batch;
        uint64_t now_ms, detail_ms, record_ms;
        struct ulid next;
        size_t n_seen, n_removed;
};

/* A ULID begins with the time of its making, in ms. An old live job is looked up by the caller. */
static uint64_t time_of(const uint8_t *ulid)
{
        uint64_t ms = 0;

        for (int i = 0; i < 6; i++)
                ms = ms << 8 | ulid[i];
        return ms;
}

static bool is_live(struct jobs *j, const uint8_t *ulid)
{
        struct job *job = NULL;
        struct ulid id;

        memcpy(id.at, ulid, ULID_BYTES);
        HASH_FIND(hh, j->live, &id, sizeof(id), job);
        return job != NULL;
}

static int remove_details(struct slice *s, const uint8_t *ulid)
{
        static const enum store_table tables[] = {TABLE_EVENT, TABLE_RESULT, TABLE_CALL};
        struct span prefix = {(const char *)ulid, ULID_BYTES};
        int k = 0;

        for (size_t i = 0; i < N_ELEMENTS(tables) && k == 0; i++)
                k = store_batch_delete_prefix(s->batch, tables[i], prefix);
        return k;
}

static int look_at(struct span key, struct span value, void *arg)
{
        struct slice *s = arg;
        const uint8_t *id = (const uint8_t *)key.at;
        uint64_t age = s->now_ms - MIN2(s->now_ms, time_of(id));
        int k = 0;

        (void)value;
        if (key.n < ULID_BYTES)
                return 0;
        memcpy(s->next.at, id, ULID_BYTES);
        if (s->n_seen++ >= SLICE_JOBS)
                return CONDITION_REFUSED;
        if (age < s->detail_ms || is_live(s->j, id))
                return age < s->detail_ms ? CONDITION_REFUSED
                                          : 0; /* in time order: all that follow are younger */
        if (age >= s->record_ms || key.n > ULID_BYTES)
                k = store_batch_delete(s->batch, TABLE_JOB, key);
        if (k == 0 && key.n == ULID_BYTES)
                k = remove_details(s, id);
        s->n_removed++;
        return k;
}

static bool is_blob_live(uint32_t uid, const struct hash *h, void *arg)
{
        struct jobs *j = arg;
        struct job *job, *next;

        HASH_ITER (hh, j->live, job, next) {
                if (job->uid != uid || job_state_is_end(job->state))
                        continue;
                if (hash_is_equal(&job->params_hash, h))
                        return true;
                for (size_t i = 0; i < job->n_needs; i++)
                        if (hash_is_equal(&job->needs[i].hash, h))
                                return true;
                /* Results of a job that still runs were written since it began, and it began less
                 * than a retention ago, or is kept whole: */
                if (clock_realtime_ms() - job->created_ms > DAY_MS)
                        return true;
        }
        return false;
}

void jobs_retain(struct jobs *j)
{
        struct slice s = {.j = j,
                          .now_ms = clock_realtime_ms(),
                          .detail_ms = config_get_u64(j->c.config, OPTION_RETENTION_EVENTS),
                          .record_ms = config_get_u64(j->c.config, OPTION_RETENTION_JOBS)};
        int k = store_batch_new(STORE_STATE, &s.batch);

        k = k ? k
              : store_scan(j->c.store, TABLE_JOB, (struct span){"", 0},
                           (struct span){(const char *)j->retained.at, ULID_BYTES}, look_at, &s);
        j->retained = s.n_seen > SLICE_JOBS ? s.next : (struct ulid){0};
        if (k == 0 && s.n_removed > 0) {
                k = store_commit(j->c.store, s.batch, NULL, NULL);
                if (k == 0)
                        s.batch = NULL;
                log_event(LOG_LEVEL_INFO, "retention", "%zu old jobs", s.n_removed);
        }
        store_batch_free(s.batch);
        if (k == 0)
                k = store_blob_expire(j->c.store, s.now_ms - MIN2(s.now_ms, s.detail_ms),
                                      SLICE_BLOBS, is_blob_live, j);
        if (k < 0)
                log_warning("retention: %s", strerror(-k));
}
