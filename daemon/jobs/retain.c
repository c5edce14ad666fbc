/* Retention: events, results, calls and plan of an ended job go some days after its end, its record
 * much later, blobs when no live job can need them. In slices: each looks at a bounded number of
 * rows and the next goes on where it stopped, soon, until all were looked at. Live jobs are never
 * touched. */

#include "common/clock.h"
#include "common/json.h"
#include "common/log.h"
#include "daemon/jobs/internal.h"
#include "daemon/jobs/record.h"
#include "daemon/loop/loop.h"
#include "daemon/store/store.h"

#define SLICE_ROWS 200
#define SLICE_BLOBS 500
#define NEXT_SLICE_MS 1000

/* An ended job that is old enough. */
struct old_job {
        struct ulid id;
        uint8_t idem[4 + HASH_BYTES];
        bool has_plan, has_idem, is_record_due;
};

struct slice {
        struct jobs *j;
        uint64_t now_ms, detail_ms, record_ms;
        struct ulid next;
        bool is_full;
        struct old_job old[SLICE_ROWS];
        size_t n_seen, n_old, n_removed;
};

/* A ULID begins with the time of its making, in ms. */
static uint64_t time_of(const uint8_t *ulid)
{
        uint64_t ms = 0;

        for (int i = 0; i < 6; i++)
                ms = ms << 8 | ulid[i];
        return ms;
}

static bool is_live(struct jobs *j, const uint8_t *ulid)
{
        struct ulid id;

        memcpy(id.at, ulid, ULID_BYTES);
        return registry_find(&j->registry, &id) != NULL;
}

static void read_idem(const json_t *record, struct old_job *o)
{
        const char *hex = json_get_text(record, "idem");
        uint64_t uid = 0;
        struct hash h;

        if (!hex || hash_from_hex(span_of(hex), &h) < 0 || !json_get_u64(record, "uid", &uid))
                return;
        job_idem_key((uint32_t)uid, &h, o->idem);
        o->has_idem = true;
}

/* The record says when it ended; one that cannot be read is as old as its id. */
static void note_job(struct slice *s, const uint8_t *id, struct span value)
{
        struct old_job *o = &s->old[s->n_old];
        _cleanup_json_ json_t *record = NULL;
        uint64_t end = time_of(id);
        struct diag diag;

        if (json_read(value, &record, &diag) == 0)
                (void)json_get_u64(record, "ended", &end);
        if (s->now_ms - MIN2(s->now_ms, end) < s->detail_ms)
                return;
        *o = (struct old_job){.is_record_due = s->now_ms - end >= s->record_ms};
        memcpy(o->id.at, id, ULID_BYTES);
        if (record)
                read_idem(record, o);
        s->n_old++;
}

static int look_at(struct span key, struct span value, void *arg)
{
        struct slice *s = arg;
        const uint8_t *id = (const uint8_t *)key.at;
        struct old_job *last = s->n_old ? &s->old[s->n_old - 1] : NULL;

        if (key.n < ULID_BYTES)
                return 0;
        /* In time order: all that follow are younger. */
        if (s->now_ms - MIN2(s->now_ms, time_of(id)) < s->detail_ms)
                return CONDITION_REFUSED;
        if (key.n > ULID_BYTES) { /* a plan beside its job */
                if (last && memcmp(last->id.at, id, ULID_BYTES) == 0)
                        last->has_plan = true;
                return 0;
        }
        memcpy(s->next.at, id, ULID_BYTES);
        if (s->n_seen++ == SLICE_ROWS) {
                s->is_full = true;
                return CONDITION_REFUSED;
        }
        if (!is_live(s->j, id))
                note_job(s, id, value);
        return 0;
}

static const enum store_table details[] = {TABLE_EVENT, TABLE_RESULT, TABLE_CALL};

static int note_any(struct span key, struct span value, void *arg)
{
        (void)key, (void)value;
        *(bool *)arg = true;
        return CONDITION_REFUSED;
}

/* What was removed before is not removed again, hour by hour. */
static int has_details(struct slice *s, const struct old_job *o, bool *ret)
{
        struct span prefix = {(const char *)o->id.at, ULID_BYTES};
        int k = 0;

        *ret = o->has_plan;
        for (size_t i = 0; i < N_ELEMENTS(details) && k == 0 && !*ret; i++)
                k = store_scan(s->j->c.store, details[i], prefix, (struct span){0}, note_any, ret);
        return k;
}

static int remove_details(struct store_batch *b, const struct old_job *o)
{
        int k = 0;

        for (size_t i = 0; i < N_ELEMENTS(details) && k == 0; i++)
                k = store_batch_delete_prefix(b, details[i],
                                              (struct span){(const char *)o->id.at, ULID_BYTES});
        return k ? k : job_delete_beside(&o->id, b);
}

/* With its record goes the key that named it, unless that names a younger one by now. */
static int remove_record(struct slice *s, struct store_batch *b, const struct old_job *o)
{
        struct span id = {(const char *)o->id.at, ULID_BYTES},
                    idem = {(const char *)o->idem, sizeof(o->idem)};
        _cleanup_buf_ struct buf named = {0};
        int k = store_batch_delete(b, TABLE_JOB, id);

        if (k < 0 || !o->has_idem)
                return k;
        buf_init(&named, 0);
        k = store_get(s->j->c.store, TABLE_IDEM, idem, &named);
        if (k == 0 && span_is_equal(buf_span(&named), id))
                k = store_batch_delete(b, TABLE_IDEM, idem);
        return k < 0 ? k : 0;
}

static int remove_old(struct slice *s, struct store_batch *b, const struct old_job *o)
{
        bool has = false;
        int k = has_details(s, o, &has);

        if (k == 0 && has)
                k = remove_details(b, o);
        if (k == 0 && o->is_record_due)
                k = remove_record(s, b, o);
        s->n_removed += has || o->is_record_due;
        return k;
}

static int remove_slice(struct slice *s)
{
        _cleanup_(store_batch_freep) struct store_batch *b = NULL;
        int k = store_batch_new(STORE_STATE, &b);

        for (size_t i = 0; i < s->n_old && k == 0; i++)
                k = remove_old(s, b, &s->old[i]);
        if (k < 0 || s->n_removed == 0)
                return k;
        k = store_commit(s->j->c.store, b, NULL, NULL);
        if (k < 0)
                return k;
        b = NULL;
        log_event(LOG_LEVEL_INFO, "retention", "%zu old jobs", s->n_removed);
        return 0;
}

/* ---- blobs ---- */

/* A blob is as old as its last writing, and what a job needs was written since it began: only jobs
 * that are older than the bound can need an old one, and theirs are kept whole. Blobs of one uid
 * stand together, so the last answer is mostly the next one's. */
struct old_jobs {
        struct store *store; /* borrowed */
        uint64_t before_ms;
        uint32_t uid; /* that was asked for last */
        bool is_known, has_any;
};

static int note_age(struct span key, struct span value, void *arg)
{
        (void)value;
        if (key.n == 1 + 4 + ULID_BYTES)
                *(uint64_t *)arg = time_of((const uint8_t *)key.at + 5);
        return CONDITION_REFUSED;
}

/* The first row of a uid in a class of the queue is its oldest job there that has not ended. */
static bool has_old_job(const struct old_jobs *o, uint32_t uid)
{
        uint64_t oldest = UINT64_MAX;
        int k = 0;

        for (char class = 0; class <= 1 && k == 0 && oldest >= o->before_ms; class ++) {
                const char prefix[] = {class, (char)(uid >> 24), (char)(uid >> 16),
                                       (char)(uid >> 8), (char)uid};

                oldest = UINT64_MAX;
                k = store_scan(o->store, TABLE_QUEUE, (struct span){prefix, sizeof(prefix)},
                               (struct span){0}, note_age, &oldest);
        }
        return k < 0 || oldest < o->before_ms; /* who does not know removes nothing */
}

static bool is_blob_live(uint32_t uid, const struct hash *h, void *arg)
{
        struct old_jobs *o = arg;

        (void)h;
        if (!o->is_known || o->uid != uid) {
                o->has_any = has_old_job(o, uid);
                o->uid = uid;
                o->is_known = true;
        }
        return o->has_any;
}

static int expire_blobs(struct jobs *j, uint64_t before_ms)
{
        struct old_jobs old = {.store = j->c.store, .before_ms = before_ms};

        return store_blob_expire(j->c.store, before_ms, SLICE_BLOBS, is_blob_live, &old);
}

static void on_retain_timer(void *arg)
{
        jobs_retain(arg);
}

static void go_on_soon(struct jobs *j)
{
        if (!j->retain_timer && timer_new(j->c.loop, on_retain_timer, j, &j->retain_timer) < 0)
                return; /* the next hour, then */
        (void)!timer_start(j->retain_timer, NEXT_SLICE_MS);
}

void jobs_retain(struct jobs *j)
{
        struct slice *s = calloc(1, sizeof(*s));
        int k = s ? 0 : -ENOMEM;

        if (k == 0) {
                s->j = j;
                s->now_ms = clock_realtime_ms();
                s->detail_ms = config_get_u64(j->c.config, OPTION_RETENTION_EVENTS);
                s->record_ms = config_get_u64(j->c.config, OPTION_RETENTION_JOBS);
                k = store_scan(j->c.store, TABLE_JOB, (struct span){"", 0},
                               (struct span){(const char *)j->retained.at, ULID_BYTES}, look_at, s);
        }
        if (k == 0)
                k = remove_slice(s);
        if (k == 0)
                k = expire_blobs(j, s->now_ms - MIN2(s->now_ms, s->detail_ms));
        if (k == 0) {
                j->retained = s->is_full ? s->next : (struct ulid){0};
                if (s->is_full)
                        go_on_soon(j);
        }
        if (k < 0)
                log_warning("retention: %s", strerror(-k));
        free(s);
}
