#pragma once
/* Repairs that did not come into the user's files.
 *
 * The daemon counts what was made; only who writes knows what came in place. So the client notes
 * by task what became of each `file` event, and mends the last word of the job before anybody reads
 * it: what was not written does not count as repaired, and what could not be taken back is not said
 * to be gone. */

#include <jansson.h>

#include "common/macros.h"

struct left;

int left_new(struct left **ret) _must_check_;
struct left *left_free(struct left *l);
DEFINE_CLEANUP(struct left, left_free);
/* What a `file` event came to. why: NULL when it is in place, else why it was left. Events of no
 * task are none of ours. */
int left_note(struct left *l, const json_t *event, const char *why) _must_check_;
/* The event takes back what was never put in place. */
bool left_is_moot(const struct left *l, const json_t *event);
/* A task's deliveries in place are looked at again: where find_loss gives a reason (borrowed, for
 * as long as it is asked), they count as not written. path: the file's name before. */
typedef const char *left_find_loss_fn(const char *path, void *arg);
int left_check(struct left *l, left_find_loss_fn *find_loss, void *arg) _must_check_;
/* In a `done` event: findings.repaired (and .unverified) without what was left; .not_written, and
 * .not_written_files: [{path, why, findings}]; failures tell of what still stands. */
int left_settle(const struct left *l, json_t *done) _must_check_;
