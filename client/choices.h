#pragma once
/* The options of every command that delivers files: what is to become of the user's edits, and of
 * files that the specification no longer describes. */

#include "client/command.h"
#include "client/files/deliver.h"

/* Rows of a command's option table, in order of enum choice, from row `at`. */
enum choice { CHOICE_MERGE, CHOICE_OVERWRITE, CHOICE_PRUNE, N_CHOICES };
#define CHOICE_ROWS(at)                                                                           \
        [(at) + CHOICE_MERGE] = {"merge", 0, NULL,                                                \
                                 "merge what is new into files that you edited (by git)"},        \
                [(at) + CHOICE_OVERWRITE] = {"overwrite", 0, NULL,                                \
                                             "replace files that you edited, after saving them"}, \
                [(at) + CHOICE_PRUNE] = {                                                         \
                        "prune", 0, NULL,                                                         \
                        "remove files that the specification no longer describes, but "           \
                        "for those you edited"}

/* CONDITION_REFUSED with failure. Both at once are a usage error: choices_fault(). */
int choices_read(const struct client *c, size_t at, enum edits *ret_edits, bool *ret_is_pruning,
                 struct failure **ret_failure) _must_check_;
/* There is a git to merge by; said before anything is paid for. CONDITION_REFUSED with failure. */
int choices_need_git(struct failure **ret_failure) _must_check_;
/* NULL, or why the command line is wrong. */
const char *choices_fault(const struct client *c, size_t at);
