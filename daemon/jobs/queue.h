#pragma once
/* Who is next: interactive jobs before batch jobs, clients in turn, the jobs of one client in the
 * order of their submission. */

#include "daemon/jobs/registry.h"

struct jobs;

/* The jobs of one client (connection's process) in one class, in order; clients take turns. */
struct client_queue {
        TAILQ_ENTRY(client_queue) entry;
        UT_hash_handle hh;
        struct client_queue_key {
                uint64_t client;
                uint32_t uid, class;
        } key;
        struct job_list jobs;
};
TAILQ_HEAD(client_queues, client_queue);

void jobs_queue_add(struct job *job);
void jobs_queue_remove(struct job *job);
struct job *jobs_queue_take(struct jobs *j); /* NULL: nothing waits */
