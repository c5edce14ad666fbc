#pragma once
/* The working memory of pricing.c, simulate.c and marks.c. Not for others. */

#include "daemon/plan/scheme.h"

struct event {
        double at_ms;
        uint32_t lot;
        bool is_end; /* else: a prefix that it waits for becomes visible */
};

struct pricing {
        const struct units *units; /* borrowed */
        struct lot_price *lots;    /* per lot */
        struct node *nodes;
        size_t n_nodes;
        uint32_t *stamps, stamp; /* per task: interfaces that a lot has counted */
        /* of the simulated run */
        uint32_t *n_waiting;   /* per task: dependencies that are not done */
        uint32_t *lot_waiting; /* per lot: members that are not ready */
        uint32_t *ready;       /* heap of lots, best first */
        size_t n_ready;
        struct event *events; /* heap, earliest first */
        size_t n_events;
        uint32_t *stack;       /* tasks that are done */
        const uint32_t *order; /* per lot; NULL: longest path first */
        double *after_ms;      /* per task: from its end to the end of the run */
        double now_ms, end_ms;
        size_t n_free, n_started, n_used;
};

/* Node of a beginning: standards; standards and set; with the prompt of the kind. */
uint32_t node_of_standards(const struct units *u, enum tier tier, uint32_t standards);
uint32_t node_of_set(const struct units *u, enum tier tier, uint32_t standards,
                     enum presentation p);
uint32_t node_of_pair(const struct units *u, enum tier tier, uint32_t pair, enum presentation p);
/* Runs the lots whose prices stand; false when some never became ready. */
bool simulate(struct pricing *p, struct scheme *s);
