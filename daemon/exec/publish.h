#pragma once
/* Publishing, for the verbs of a run (publish.c says how). Not for other rooms; internal.h includes
 * it. */

#include "daemon/exec/internal.h"

/* How a result lies in state, beside its text: its source; and while a command of the client's is
 * to judge it, that, and how often it was refused. */
#define PUT_WAITING 0x80u
#define PUT_SOURCE 0x0fu
#define PUT_REFUSED_SHIFT 4
#define PUT_REFUSED_MAX 7u
/* What more than one refusal led to, in place of their number. */
enum {
        REFUSED_LAST = 2, /* it was taken back; what was repaired in the file before stands */
        REFUSED_REST = 3, /* likewise, and the command is to say whether that may stand */
        REFUSED_ALL = 4,  /* the file is as it was */
        REFUSED_ONCE = 5, /* only in state: it was taken back, and is being asked for again */
};

/* Takes fields, also NULL: -ENOMEM. */
int publish_news(struct run *r, const char *type, json_t *fields);
/* The batch of this turn; NULL for lack of memory. */
struct store_batch *publish_batch(struct run *r);
void publish_flush(struct run *r);
void publish_end(struct run *r); /* the last batch goes with the end */
void publish_result(struct run *r, uint32_t task, enum source source); /* from its candidate */
/* What a command of the client's is to judge, so that a crash in between costs nothing. */
int publish_waiting(struct run *r, uint32_t task) _must_check_;
void publish_joined(struct run *r, uint32_t task); /* counts it */
void publish_kept(struct run *r, uint32_t task);
void publish_call(struct run_call *c);
void publish_stopped(struct run_call *c); /* likewise, of one that is cancelled with its run */
void publish_failure(struct run *r, uint32_t task);
bool publish_orphans(struct run *r);
int publish_file(struct run *r, uint32_t task, const struct result *result,
                 enum source source) _must_check_;
/* Is what is delivered other than what stands? A repair may leave all as it is. */
bool publish_is_change(struct run *r, uint32_t task, const struct result *result);
int publish_revert(struct run *r, uint32_t task,
                   const struct result *result) _must_check_; /* what was delivered goes back */
/* What a task delivered that others followed goes back, when they have. */
int publish_withdrawal(struct run *r, uint32_t task) _must_check_;
/* What must stand on disk (a hash, or null); the content that a repair was made from. */
json_t *publish_base(struct run *r, uint32_t task);
const struct hash *publish_before(struct run *r, uint32_t task);
