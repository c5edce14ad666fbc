#pragma once
/* Publishing, for the verbs of a run (publish.c says how). Not for other rooms; internal.h includes
 * it. */

#include "daemon/exec/internal.h"

/* Takes fields, also NULL: -ENOMEM. */
int publish_news(struct run *r, const char *type, json_t *fields);
/* The batch of this turn; NULL for lack of memory. */
struct store_batch *publish_batch(struct run *r);
void publish_flush(struct run *r);
void publish_end(struct run *r); /* the last batch goes with the end */
void publish_result(struct run *r, uint32_t task, enum source source); /* from its candidate */
void publish_kept(struct run *r, uint32_t task);
void publish_call(struct run_call *c);
void publish_failure(struct run *r, uint32_t task);
bool publish_orphans(struct run *r);
int publish_file(struct run *r, uint32_t task, const struct result *result,
                 enum source source) _must_check_;
int publish_revert(struct run *r, uint32_t task) _must_check_; /* what was delivered goes back */
