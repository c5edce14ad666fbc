#pragma once
/* Output directories that stand as an earlier job left them: see standing.c. Not for other rooms.
 */

#include "common/buf.h"
#include "common/json.h"

struct hash;
struct job;
struct jobs;

/* Of the question alone: what the directory holds is no part of it. */
int standing_seed(const struct jobs *j, uint32_t uid, const json_t *params,
                  struct hash *ret) _must_check_;
/* The reply to a request whose files all stand as an equal job left them; CONDITION_ABSENT. The
 * manifest is of the form of proto/listed.h. */
int standing_find(const struct jobs *j, const struct hash *seed, struct span manifest,
                  struct buf *out) _must_check_;
void standing_remember(const struct job *job, struct span reply); /* its files are all there */
