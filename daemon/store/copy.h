#pragma once
/* The daily copy of the state: data.mdb.copy, compacted, whole at any time since it comes by
 * rename. A thread of its own makes it, from a read transaction, so that no commit waits for it. */

#include "daemon/store/env.h"

#define COPY_EVERY_MS (24u * 3600 * 1000)

struct copier; /* at most one copy under way */

/* Here and now; c (may be NULL) can break it off: -ECANCELED. */
int copy_make(struct env *e, struct copier *c) _must_check_;
/* Puts the copy in the place of the damaged file, which becomes data.mdb.damaged. CONDITION_ABSENT:
 * there is no copy. *ret_made_ms: when the copy was made. */
int copy_restore(struct env *e, uint64_t *ret_made_ms) _must_check_;
/* Age of the copy; UINT64_MAX: there is none. */
uint64_t copy_age_ms(struct env *e);

int copier_new(struct env *e, struct copier **ret) _must_check_;
/* Starts a copy unless one is under way. */
int copier_start(struct copier *c) _must_check_;
bool copier_is_running(struct copier *c);
/* Breaks off a copy under way. */
struct copier *copier_free(struct copier *c);
