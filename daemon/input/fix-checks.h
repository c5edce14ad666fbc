#pragma once
/* The basic checks of the languages that repaired files are in: one set for each, kept by the work
 * that uses them. */

#include "daemon/check/check.h"

struct fix_checks;

int fix_checks_new(struct fix_checks **ret) _must_check_;
void fix_checks_free(void *checks); /* a work's release */
int fix_checks_get(struct fix_checks *c, const char *language,
                   const struct check_set **ret) _must_check_;
