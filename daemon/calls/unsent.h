#pragma once
/* Which intents have certainly not left: the file `unsent` in the state's directory.
 *
 * An intent is on disk before its request leaves, so that no call is paid and not booked; of one
 * that a killed process left behind nobody knows whether anything of it was sent. This file knows
 * it of some: it names those that wait for their commit, for a connection, or to try again after
 * attempts that surely cost nothing. A name is written before its intent is, and taken out before
 * the first byte of a request may leave. It is never synced: the end of a process leaves the page
 * cache whole, and after that of the machine the file is not believed, by its boot's id.
 *
 * So it errs on one side only: what it does not name is booked as lost, as if there were no file.
 * An entry that was damaged names no intent there is.
 *
 *     file = "genopt unsent 1\n" boot-id (36 bytes) zeros (12) slot*
 *     slot = ulid (16) n:u64, big endian (8) zeros (8); all zeros: free
 *
 * A slot lies within a page: a process that dies writes all of it or nothing. */

#include "common/macros.h"
#include "common/ulid.h"

struct store;
struct unsent;

#define UNSENT_SLOTS 512 /* what finds none is only not named */
#define UNSENT_NONE (-1)

/* Reads what the run before left. A file that cannot be read or made is done without. */
int unsent_new(struct store *s, struct unsent **ret) _must_check_;
struct unsent *unsent_free(struct unsent *u); /* the file stays as it is */
/* The run before named it. */
bool unsent_was(const struct unsent *u, const struct ulid *job, uint64_t n);
/* Forgets the run before: from now on it is this one's. */
void unsent_begin(struct unsent *u);
/* Its slot, or UNSENT_NONE. */
int unsent_add(struct unsent *u, const struct ulid *job, uint64_t n) _must_check_;
/* Sets *slot to UNSENT_NONE. < 0: the file may still name it, so it must not leave. u NULL, and no
 * slot, are fine. */
int unsent_remove(struct unsent *u, int *slot) _must_check_;
