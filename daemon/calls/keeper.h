#pragma once
/* Keeps what providers' caches hold of our prompts alive while a person thinks: shortly before an
 * entry's lifetime ends, a request for one token reads it, which makes it live on. Off unless
 * configured (optimization.prefix.keep_for), because it spends money, and then only while it is
 * expected to save:
 *
 *     chance × tokens × (price of writing - price of reading)  >  tokens × price of reading + the
 *     price of the token
 *
 * where chance is that of somebody coming back within the next lifetime, after as many quiet ones
 * as there were: (times that somebody did + 1) ÷ (times that it was waited for + 4), counted since
 * the start. What is kept is the beginning up to the first mark, which all calls of a kind share;
 * one that is marked for an hour is left alone. Lifetimes are in providers' time (common/clock.h).
 *
 * Such a request has an intent on disk before it leaves, like any other, and is booked under the
 * user who asked last; it does not leave when a budget has no room for writing the beginning anew.
 */

#include "common/macros.h"

struct calls;
struct flight;
struct json_t;
struct keeper;
struct price;

int keeper_new(struct calls *room, struct keeper **ret) _must_check_;
struct keeper *keeper_free(struct keeper *k);
void keeper_configure(struct keeper *k, uint64_t keep_for_ms); /* 0: forgets all */
void keeper_note(struct keeper *k, const struct flight *f);    /* its answer came to its end */
/* The formula above. */
bool keeper_pays(uint64_t n_came, uint64_t n_waited, uint64_t tokens, const struct price *price);
/* {"keep_for_ms", "kept", "requests", "nanousd"}; NULL: no memory. */
struct json_t *keeper_describe(const struct keeper *k);
