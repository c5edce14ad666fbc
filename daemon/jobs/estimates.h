#pragma once
/* The estimator in state: one row, written as it learns. It goes with batches that are on their way
 * anyway, so that it costs no commit of its own; at most once a second, because writing all of it
 * takes a millisecond, and when a job of many tasks ends. What a kill takes is the last second. */

#include "daemon/plan/estimate.h"

struct jobs;
struct store_batch;

struct estimates {
        struct estimator now;
        uint64_t n_saved, saved_usec; /* its changes that state has; since when */
};

void estimates_load(struct jobs *j);
/* Into a batch that is on its way, now and then; is_urgent: now, if there is anything new. */
void estimates_add(struct jobs *j, struct store_batch *b, bool is_urgent);
void estimates_save(struct jobs *j); /* in a batch of its own */
