#pragma once
/* Whether a server takes a connection: nothing is sent, so nothing is paid. */

#include "common/macros.h"

#define REACH_MS 3000 /* a host that does not take one in that time will not please anybody */

/* base_url of a provider: http[s]://HOST[:PORT][/…]. 0: it does. CONDITION_REFUSED: *ret_why says
 * why not (static). CONDITION_ABSENT: no such URL, or a socket of this machine, of which genoptd
 * tells itself. */
int reach_server(const char *base_url, const char **ret_why) _must_check_;
