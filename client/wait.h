#pragma once
/* What a job waits for, and what this client can do about it.
 *
 * Files and commands are answered at once by the client that submitted them. An approval is asked
 * for on a terminal. Whatever only a person can end: its remedy is said; off a terminal, or with
 * --json, we leave then and the job stays, unless --wait was given. */

#include "client/follow.h"
#include "client/run-command.h"

#define WAIT_LEAVE 16 /* a condition: the remedy was said, there is no use in staying */

/* event: a `waiting` event. CONDITION_REFUSED with failure. */
int wait_act(struct follow *f, const json_t *event, struct failure **ret_failure) _must_check_;
/* Runs a command of ours and says how it went. WAIT_LEAVE: it came to no verdict, which was said.
 */
int wait_run(struct follow *f, char *const *argv, struct buf *output,
             struct run_result *ret) _must_check_;
/* Before the last word of a job of repairs is told: the command of ours that the job had no use
 * for, since nothing was left to judge, or that failed when the job ended before. What it says goes
 * into the summary. */
int wait_verify(struct follow *f, json_t *done) _must_check_;
/* 77 for keys, else 75. */
int wait_exit_code(const json_t *event);
/* Says which keys this shell has that the daemon lacks. */
void wait_hint_keys(struct follow *f);
