#pragma once
/* Answers that were known at once, gathered during a turn of the loop and sent at its end.
 *
 * Sent between one request and the next, each would wake a peer that sleeps, and find it asleep
 * again at the next; sent together they find it awake. A wake-up costs about as much as the rest of
 * a cached answer. The bytes lie in one buffer of the server's, for a client that waits keeps none.
 *
 * What does not fit makes the others leave early. */

#include "common/macros.h"

#define ANSWERS_MAX 32 /* as many peers as the loop takes up in a turn */
#define ANSWERS_BYTES ((size_t)128 << 10)

struct answers;
struct iovec;
struct loop;
struct session;

int answers_new(struct loop *loop, struct answers **ret) _must_check_;
struct answers *answers_free(struct answers *a); /* what waits is dropped */
DEFINE_CLEANUP(struct answers, answers_free);
/* False: the answer was not taken and must be sent in another way. */
bool answers_add(struct answers *a, struct session *s, const struct iovec *pieces,
                 size_t n_pieces) _must_check_;
void answers_send(struct answers *a); /* all; may end sessions */
void answers_forget(struct answers *a, const struct session *s);
