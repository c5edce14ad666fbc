#pragma once
/* The simulator's own door for tests: everything below /sim/. See README.md. */

#include "common/buf.h"
#include "tests/sim/http.h"
#include "tests/sim/sim.h"

void control_serve(struct sim *s, struct http_conn *c, const struct http_request *r);
/* Sets an option by its long name on the command line. CONDITION_REFUSED: why says what is wrong.
 */
int control_set_option(struct sim *s, const char *name, const char *value,
                       struct buf *why) _must_check_;
