#include "daemon/jobs/registry.h"

#include "daemon/jobs/internal.h"

void registry_init(struct registry *r)
{
        TAILQ_INIT(&r->at_work);
        for (size_t i = 0; i < N_JOB_WAITS; i++)
                TAILQ_INIT(&r->waiting[i]);
}

static size_t table_of(const struct ulid *id)
{
        return id->at[ULID_BYTES - 1];
}

int registry_add(struct registry *r, struct job *job)
{
        HASH_ADD(hh, r->tables[table_of(&job->id)], id, sizeof(job->id), job);
        return job->hh.tbl ? 0 : -ENOMEM;
}

static void leave_list(struct registry *r, struct job *job)
{
        if (!job->list)
                return;
        TAILQ_REMOVE(job->list, job, list_entry);
        if (job->list != &r->at_work)
                r->n_waiting--;
        job->list = NULL;
}

void registry_remove(struct registry *r, struct job *job)
{
        leave_list(r, job);
        HASH_DEL(r->tables[table_of(&job->id)], job);
}

struct job *registry_find(const struct registry *r, const struct ulid *id)
{
        struct job *job = NULL;

        HASH_FIND(hh, r->tables[table_of(id)], id, sizeof(*id), job);
        return job;
}

struct job *registry_next(const struct registry *r, const struct job *job)
{
        struct job *next = job ? job->hh.next : r->tables[0];

        for (size_t i = job ? table_of(&job->id) : 0; !next && ++i < REGISTRY_TABLES;)
                next = r->tables[i];
        return next;
}

void registry_note(struct registry *r, struct job *job)
{
        leave_list(r, job);
        if (job->state == JOB_PLANNING || job->state == JOB_RUNNING) {
                job->list = &r->at_work;
        } else if (job->state == JOB_WAITING) {
                job->list = &r->waiting[job->wait];
                job->wait_number = ++r->n_waits;
                r->n_waiting++;
        } else {
                return;
        }
        TAILQ_INSERT_TAIL(job->list, job, list_entry);
}
