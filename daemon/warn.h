#pragma once
/* The program that an administrator wants to be run with a warning (budget.warn_program). It gets
 * arguments, nothing on its standard input, and an environment without keys; nobody waits for it.
 */

#include "common/macros.h"

struct loop;

/* Watches for the ends of such programs. */
int warn_new(struct loop *loop) _must_check_;
/* what: "day", "month", "job ID". */
void warn_run(const char *program, const char *what, uint64_t spent_nanousd,
              uint64_t limit_nanousd);
