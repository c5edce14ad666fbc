/* After a start: live jobs go on. A job in whose processing the daemon died is counted; at the
 * third time it is set aside, because it might be what kills the daemon. */

#include "common/log.h"
#include "daemon/jobs/internal.h"
#include "daemon/jobs/journal.h"
#include "daemon/jobs/life.h"
#include "daemon/jobs/record.h"
#include "daemon/store/store.h"

struct found {
        struct ulid *ids;
        size_t n, room;
};

static int note_row(struct span key, struct span value, void *arg)
{
        struct found *f = arg;

        (void)value;
        if (key.n != 1 + 4 + ULID_BYTES)
                return 0;
        if (f->n == f->room) {
                size_t room = f->room ? 2 * f->room : 256;
                struct ulid *ids = realloc(f->ids, room * sizeof(*ids));

                if (!ids)
                        return -ENOMEM;
                f->ids = ids;
                f->room = room;
        }
        memcpy(f->ids[f->n++].at, key.at + 5, ULID_BYTES);
        return 0;
}

/* A key may have come with the start, content just before the end. */
static bool waits_for_a_person(const struct job *job)
{
        if (job->state != JOB_WAITING)
                return false;
        return job->wait == WAIT_BUDGET || job->wait == WAIT_APPROVAL ||
               (job->wait == WAIT_BLOBS && !job_needs_met(job));
}

static void revive(struct job *job)
{
        bool was_at_work = job->state == JOB_PLANNING || job->state == JOB_RUNNING;

        job->is_recovered = true;
        job->is_live = true; /* the reference of job_record_read() is the registry's */
        if (was_at_work)
                job->deaths++;
        if (job->deaths >= JOB_MAX_DEATHS) {
                job->state = JOB_QUEUED;
                job_fail(job, failure_new(FAILURE_POISONED, NULL));
                return;
        }
        if (job->state == JOB_WAITING && job->wait == WAIT_BLOBS)
                job_check_needs(job); /* content may have come that the record does not tell of */
        if (waits_for_a_person(job)) {
                registry_note(&job->jobs->registry, job);
                return;
        }
        if (was_at_work)
                log_notice("job %s goes on", job->id_text);
        job->state = JOB_QUEUED;
        job->wait = WAIT_NONE;
        jobs_queue_add(job);
        if (was_at_work)
                journal_commit_record(job); /* until its turn comes, it is none of those at work */
}

int jobs_recover(struct jobs *j)
{
        struct found f = {0};
        int k = store_scan(j->c.store, TABLE_QUEUE, (struct span){"", 0}, (struct span){0},
                           note_row, &f);

        for (size_t i = 0; i < f.n && k >= 0; i++) {
                _cleanup_buf_ struct buf value = {0};
                struct job *job = NULL;

                buf_init(&value, 0);
                k = store_get(j->c.store, TABLE_JOB,
                              (struct span){(const char *)f.ids[i].at, ULID_BYTES}, &value);
                k = k ? k : job_record_read(j, &f.ids[i], buf_span(&value), &job);
                if (k == 0) {
                        revive(job);
                } else if (k == -EBADMSG || k == CONDITION_ABSENT) {
                        char text[ULID_TEXT_BYTES];

                        ulid_to_text(&f.ids[i], text);
                        log_error("job %s: its record cannot be read; it is left as it is", text);
                        k = 0;
                }
        }
        free(f.ids);
        jobs_schedule(j);
        return k < 0 ? k : 0;
}
