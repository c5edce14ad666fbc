#include "daemon/jobs/queue.h"

#include "daemon/jobs/internal.h"

static struct client_queue *find_queue(struct jobs *j, const struct job *job)
{
        struct client_queue_key key;
        struct client_queue *q;

        memset(&key, 0, sizeof(key)); /* the gaps are compared, too */
        key.client = job->client;
        key.uid = job->uid;
        key.class = job->kind->is_interactive ? 0 : 1;
        HASH_FIND(hh, j->by_client, &key, sizeof(key), q);
        if (q)
                return q;
        q = calloc(1, sizeof(*q));
        if (!q)
                return NULL;
        q->key = key;
        TAILQ_INIT(&q->jobs);
        HASH_ADD(hh, j->by_client, key, sizeof(q->key), q);
        if (!q->hh.tbl) {
                free(q);
                return NULL;
        }
        TAILQ_INSERT_TAIL(&j->queues[key.class], q, entry);
        return q;
}

void jobs_queue_add(struct job *job)
{
        struct jobs *j = job->jobs;
        struct client_queue *q;

        if (job->is_in_queue)
                return;
        q = find_queue(j, job);
        if (!q) /* without memory it stands in somebody's line, but it stands */
                q = TAILQ_FIRST(&j->queues[job->kind->is_interactive ? 0 : 1]);
        if (!q)
                return; /* found again at the next start */
        TAILQ_INSERT_TAIL(&q->jobs, job, queue_entry);
        job->queue = q;
        job->is_in_queue = true;
        j->n_queued++;
}

void jobs_queue_remove(struct job *job)
{
        struct jobs *j = job->jobs;
        struct client_queue *q = job->queue;

        if (!job->is_in_queue)
                return;
        TAILQ_REMOVE(&q->jobs, job, queue_entry);
        job->queue = NULL;
        job->is_in_queue = false;
        j->n_queued--;
        if (TAILQ_EMPTY(&q->jobs)) {
                TAILQ_REMOVE(&j->queues[q->key.class], q, entry);
                HASH_DEL(j->by_client, q);
                free(q);
        }
}

struct job *jobs_queue_take(struct jobs *j)
{
        for (size_t class = 0; class < N_ELEMENTS(j->queues); class ++) {
                struct client_queue *q = TAILQ_FIRST(&j->queues[class]);
                struct job *job;

                if (!q || (class == 1 && j->n_batch_running >= JOBS_BATCH_RUNNING_MAX))
                        continue;
                job = TAILQ_FIRST(&q->jobs);
                TAILQ_REMOVE(&j->queues[class], q,
                             entry); /* its client goes to the end of the line */
                TAILQ_INSERT_TAIL(&j->queues[class], q, entry);
                jobs_queue_remove(job);
                return job;
        }
        return NULL;
}
