/* Jobs that wait for a key, or for room on the disk, go on when there is one; some in each turn. */

#include "common/log.h"
#include "daemon/jobs/internal.h"
#include "daemon/jobs/life.h"
#include "daemon/loop/loop.h"
#include "daemon/store/store.h"

/* Jobs that wait for room on the disk are looked at again so often; ever more seldom while trying
 * does not help. */
#define DISK_CHECK_MS 1000
#define DISK_CHECK_MS_MAX 32000

/* What it was about to say when it could not be written is said now; else it is worked on again:
 * what stands falls out by its key. */
static void go_on(struct job *job)
{
        enum job_state end = job->lost_end;

        job->lost_end = JOB_QUEUED;
        job->has_lost = false;
        if (end == JOB_CANCELLED)
                job_end(job, JOB_CANCELLED, "cancelled", outcome_unmade(job));
        else if (end == JOB_FAILED)
                job_fail(job, take(job->failure));
        else
                job_continue(job);
}

/* The first of those that wait for this, unless it came after the others. */
static struct job *first_waiting(const struct jobs *j, enum job_wait wait, uint64_t last)
{
        struct job *job = TAILQ_FIRST(&j->registry.waiting[wait]);

        return job && job->wait_number <= last ? job : NULL;
}

#define CONTINUE_AT_ONCE 64 /* each is a commit; thousands would hold the loop */

static void continue_some(void *arg)
{
        struct jobs *j = arg;
        struct job *job;
        int n = 0;

        j->is_continuing = false;
        if (j->is_draining)
                return;
        while (n < CONTINUE_AT_ONCE && (job = first_waiting(j, WAIT_KEY, j->continue_key))) {
                job_continue(job);
                n++;
        }
        while (n < CONTINUE_AT_ONCE && (job = first_waiting(j, WAIT_DISK, j->continue_disk))) {
                if (job->n_commits == 0)
                        go_on(job);
                else /* what is on its way counts when it is there: next time */
                        registry_note(&j->registry, job);
                n++;
        }
        if (n == CONTINUE_AT_ONCE && loop_defer(j->c.loop, continue_some, j) == 0)
                j->is_continuing = true;
}

static void begin_to_continue(struct jobs *j)
{
        if (!j->is_continuing)
                continue_some(j);
}

void jobs_continue_keys(struct jobs *j)
{
        j->continue_key = j->registry.n_waits;
        begin_to_continue(j);
}

static void on_disk_timer(void *arg)
{
        struct jobs *j = arg;
        bool has_room = store_has_room(j->c.store);

        if (j->is_draining)
                return;
        if (TAILQ_EMPTY(&j->registry.waiting[WAIT_DISK])) {
                j->disk_check_ms = DISK_CHECK_MS;
                return;
        }
        if (has_room)
                j->disk_check_ms = MIN2(2 * j->disk_check_ms, (uint64_t)DISK_CHECK_MS_MAX);
        (void)!timer_start(j->disk_timer, j->disk_check_ms);
        if (!has_room)
                return;
        j->continue_disk = j->registry.n_waits;
        begin_to_continue(j);
}

/* Whoever is on the way out leaves them to the next start: a commit that fails after jobs_stop()
 * would otherwise try again for ever. */
void jobs_watch_disk(struct jobs *j)
{
        if (j->is_draining)
                return;
        j->disk_check_ms = MAX2(j->disk_check_ms, (uint64_t)DISK_CHECK_MS);
        if (!j->disk_timer && timer_new(j->c.loop, on_disk_timer, j, &j->disk_timer) < 0) {
                log_error("jobs wait for their resume: out of memory");
                return;
        }
        if (!timer_is_running(j->disk_timer))
                (void)!timer_start(j->disk_timer, j->disk_check_ms);
}
