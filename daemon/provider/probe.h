#pragma once
/* Whether a server of this machine is there, asked of the kernel: a connection to a loopback
 * address or a local socket is made or refused at once, so the loop can wait for it. */

#include "common/macros.h"

struct http_base;

bool probe_local(const struct http_base *b); /* false too for what is not of this machine */
