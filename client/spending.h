#pragma once
/* The options of every command that may be dear: how much may be spent, and whether to ask first.
 * They are short for options of the job. */

#include "client/command.h"

/* Rows of a command's option table, in order of enum spending, from row `at`. */
enum spending { SPENDING_YES, SPENDING_BUDGET, N_SPENDING };
#define SPENDING_ROWS(at)                                                                  \
        [(at) + SPENDING_YES] = {"yes", 'y', NULL,                                         \
                                 "do not ask before spending, however much is estimated"}, \
                [(at) + SPENDING_BUDGET] = {                                               \
                        "budget", 0, "USD",                                                \
                        "spend at most so many dollars; ask only about an estimate above that"}

/* 0, or the exit status of a command line that is wrong, or says two things; said why. */
int spending_check(const struct client *c, size_t at);
/* Into the options that go with the submit, beside what --set has put there. */
int spending_set(struct client *c, size_t at) _must_check_;
