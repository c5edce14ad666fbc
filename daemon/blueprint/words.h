#pragma once
/* Names in prose: finds entities, packages and the like in what people write, as whole words,
 * inflected, in any case.
 *
 * A text falls into words at everything that is neither letter nor digit, and at the humps of camel
 * case; words are lower case. A name is found as its sequence of words ("OrderItem": order item),
 * its last word also in the plural or singular (order items), and written together (orderitem,
 * orderitems). Where several names begin at one word the longest counts, and its words are used up:
 * "order items" names OrderItem and not Order; "superuser" is one word and names no User. */

#include "common/macros.h"

#define PHRASE_MAX_WORDS 8 /* of a name; longer names are found only by their first words */

struct phrases;

struct phrases *phrases_new(void);
struct phrases *phrases_free(struct phrases *p);
DEFINE_CLEANUP(struct phrases, phrases_free);
/* Of several values with one name the first is found. */
int phrases_add(struct phrases *p, const char *name, uint32_t value) _must_check_;
/* Calls fn for every name that stands in the text, in order, also repeatedly, with the words that
 * name it (lower case, a blank between); stops at its first
 * result that is not 0 and returns it. */
int phrases_find(const struct phrases *p, struct span text,
                 int (*fn)(uint32_t value, const char *said, void *arg), void *arg) _must_check_;
/* The name that the whole text is; CONDITION_ABSENT. */
int phrases_get(const struct phrases *p, struct span text, uint32_t *ret) _must_check_;
