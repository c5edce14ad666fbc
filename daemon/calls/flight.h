#pragma once
/* What the files of the calls room do with flights (struct flight: room.h). */

#include "daemon/calls/room.h"

/* flight.c */
int flight_new(struct calls *c, const struct call_spec *spec, const struct hash *key,
               struct flight **ret) _must_check_;
void flight_free(struct flight *f);
void flight_move(struct flight *f, enum flight_state to);
int flight_delay(struct flight *f, uint64_t ms) _must_check_; /* before it queues */
void flight_leave(struct flight *f); /* off the queue, for its way: takes slot and reserve, then
                                        intent, then the request */
void flight_on_intent(struct flight *f, int r); /* the intent is durable, or is not (r < 0) */
void flight_deliver(struct flight *f);          /* to its calls what they were not told yet */
void call_tell_later(struct call *c);           /* on the next turn */
void flight_detach(struct flight *f);           /* out of queue, slot and provider */
/* From the beginning, for the owners that it has; nothing of it is reserved or booked any more. */
int flight_restart(struct flight *f, struct failure *why) _must_check_;
void flight_unlist(struct flight *f); /* nobody joins it any more */
struct call *flight_payer(const struct flight *f);
/* What it is expected to take off its provider's token limits. */
uint64_t flight_input(const struct flight *f);
uint64_t flight_output(const struct flight *f);
/* What an attempt cost that did not come to its end: what the provider said, and of the answer what
 * came. */
uint64_t flight_price_of_part(const struct flight *f, const struct usage *u);
/* A call's record of what ended, and of what is still on its way. */
void flight_fill_record(const struct flight *f, struct call *c, const char *state,
                        const struct usage *u, uint64_t nanousd);
/* Names its payer's intent as one that has not left, if nothing of it can have cost anything. */
void flight_name_unsent(struct flight *f);
int flight_put_intent(struct flight *f, struct store_batch *b) _must_check_;

/* landing.c */
/* Consumes failure (NULL: success). */
void flight_end(struct flight *f, struct failure *failure, enum stop_reason stop,
                const struct usage *usage);
/* A call leaves before the end; settles what it spent. The flight goes with its last call. */
struct call_spent flight_drop(struct flight *f, struct call *c);
bool landing_can_join(const struct flight *f, const struct call_spec *spec);
void landing_deliver(struct flight *f);              /* the end to who joined after it */
void landing_leave(struct call *c, bool is_settled); /* it holds the answer no more */
void landing_fence(struct calls *c);
void landing_on_kept(struct flight *f); /* the cache has what was kept of it */
