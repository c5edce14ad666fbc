#pragma once
/* A model call from its request to the end of its reply: judged, accounted, answered, paced,
 * damaged as asked, remembered. */

#include "tests/sim/http.h"
#include "tests/sim/sim.h"

void exchange_start(struct sim *s, struct http_conn *c, const struct http_request *r);
void exchange_count_tokens(struct sim *s, struct http_conn *c, const struct http_request *r);
void exchange_gone(void *owner); /* the peer left */
