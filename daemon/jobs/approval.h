#pragma once
/* Approval: a job whose plan would cost more than its options say asks before its first call.
 *
 * It waits like any other job that only a person can help: journalled, without a run, also over a
 * restart; going on is planning again. Who approves, approves of the estimate that was told: a plan
 * that comes out dearer later (other options, say) asks again.
 *
 * A model whose price nobody has told is asked about in any case, also where nobody sits: what no
 * budget counts, no budget holds. The tokens that were told are what is approved of then. */

#include "daemon/work/plan.h"

struct job;

struct approval {
        bool can_ask;  /* a person sits where the job was submitted */
        bool is_given; /* to what was asked about last: */
        uint64_t tokens, nanousd;
};

bool approval_is_due(const struct job *job, const struct plan *p);
/* A plan that its job's budget will stop says so. */
int approval_warn(const struct job *job, struct plan *p) _must_check_;
void approval_ask(struct job *job, const struct plan *p); /* the job waits */
