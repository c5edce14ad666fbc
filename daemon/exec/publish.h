#pragma once
/* Publishing, for the verbs of a run (publish.c says how). Not for other rooms; internal.h includes
 * it. */

#include "daemon/exec/internal.h"

int publish_news(struct run *r, const char *type,
                 json_t *fields); /* takes fields, also NULL: -ENOMEM */
struct store_batch *publish_batch(
        struct run *r); /* the batch of this turn; NULL for lack of memory */
void publish_flush(struct run *r);
void publish_end(struct run *r); /* the last batch goes with the end */
void publish_result(struct run *r, uint32_t task, enum source source); /* from its candidate */
void publish_kept(struct run *r, uint32_t task);
void publish_call(struct run_call *c);
void publish_failure(struct run *r, uint32_t task);
bool publish_orphans(struct run *r);
