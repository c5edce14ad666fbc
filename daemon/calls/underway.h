#pragma once
/* What is under way in any job, by key: who makes it, and who waits for that instead of making it
 * again.
 *
 * Two things have such keys: results, by full key (exec/share.c), and beginnings of prompts, by
 * what a provider's cache is to hold of them (exec/ready.c). calls/flight.c joins requests that are
 * the same byte for byte; this table is for what is the same thing asked for in other words: in
 * another batch, of another model, for another user. Who waits pays nothing, and is promised
 * nothing.
 *
 *     entry   a key that somebody makes, or that has just been made: it goes with its last maker,
 *             but not before the cache has taken in what was made (landing)
 *     stake   an owner's part in an entry: it makes it, or it waits. Owners are told apart by
 *             address; one that makes a key itself never waits for others
 *
 * A waiter is woken once: when it was made (is_made: look for it where it is kept; it may be gone
 * again, or the cache full), or when the last maker left without it. All waiters of a key are
 * woken, in the order in which they came; the first that makes it is who the others then wait for.
 * So nobody waits for what nobody makes, and two owners that wait for each other's keys both go on
 * as long as makers never wait: a stake is taken when the call leaves, not before.
 *
 * Without memory nothing is shared, and nothing else is lost. All on the loop. */

#include "common/hash.h"
#include "common/macros.h"

struct store;
struct underway;
struct stake;

int underway_new(struct store *store, struct underway **ret) _must_check_;
/* All stakes are gone by then. */
struct underway *underway_free(struct underway *u);

/* Somebody else makes it, or has just made it. */
bool underway_is_elsewhere(const struct underway *u, const struct hash *key, const void *owner);
int underway_make(struct underway *u, const struct hash *key, void *owner,
                  struct stake **ret) _must_check_;
/* wake() comes once and may call nothing of this room; the stake is gone by then. CONDITION_ABSENT:
 * nobody makes it. */
int underway_wait(struct underway *u, const struct hash *key, void *owner,
                  void (*wake)(void *owner, uint32_t tag, bool is_made), uint32_t tag,
                  struct stake **ret) _must_check_;
/* A maker's: it is made, and to be seen at once. */
struct stake *underway_made(struct stake *s);
/* A maker's: it is made, and will be seen when the cache has taken in what was put there before
 * this. */
struct stake *underway_landed(struct stake *s);
/* A maker's: from now on this one's, who goes on with it. */
void underway_hand_over(struct stake *s, void *owner);
/* Not made, or waited for no longer; NULL is allowed. */
struct stake *underway_leave(struct stake *s);
