#pragma once
/* Models in the memory of a local server: loaded at their first use, kept for a while, loaded again
 * when the context changes; and the places at which such a server works. Times are in model time.
 */

#include "tests/sim/dialect.h"

int loaded_new(struct loaded **ret) _must_check_;
struct loaded *loaded_free(struct loaded *l);
void loaded_clear(struct loaded *l);
/* What a request has to wait for: the model, then a place. CONDITION_REFUSED: the server says no
 * (loading, full). Does nothing for a model that is not local. */
int loaded_need(struct sim *s, const struct prompt *p, uint64_t *ret_wait_usec,
                struct refusal *ret) _must_check_;
/* The place that was got is taken until then. */
void loaded_occupy(struct sim *s, uint64_t until_usec);
json_t *loaded_to_json(struct sim *s) _must_check_; /* as GET /api/ps tells it */
