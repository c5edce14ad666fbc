#pragma once
/* What servers tell of themselves: lists of models, what is loaded, whether they are ready. */

#include "tests/sim/http.h"
#include "tests/sim/sim.h"

/* False: the path is none of these. */
bool lists_serve(struct sim *s, struct http_conn *c, const struct http_request *r);
