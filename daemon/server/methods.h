#pragma once
/* The handlers, one per method of proto/methods.h. */

#include "daemon/server/server.h"

#define X(id, handler, name, params, sentence, result) \
        int method_##handler(struct server_call *c, const json_t *params);
METHOD_TABLE(X)
#undef X

/* What concerns all users is for the daemon's own user and root. */
bool server_may_manage(const struct server_call *c);
void server_refuse_manage(struct server_call *c);
