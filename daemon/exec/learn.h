#pragma once
/* What replies teach the estimator, of this run and of those to come. Not for other rooms. */

#include "daemon/exec/internal.h"

void learn_call(struct run_call *c);
void learn_attempt(struct run_call *c, uint32_t task, bool was_refused, bool was_missing);
void learn_file(struct run *r, uint32_t task, const struct candidate *c);
void learn_interface(struct run *r, uint32_t task); /* however the file was come by */
