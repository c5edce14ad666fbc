#pragma once
/* Which requests a server refused by HTTP/2 before it looked at them: it reset their stream with
 * REFUSED_STREAM, or named an earlier stream as its last one (GOAWAY). Such a request was not
 * processed, so nothing of it is paid, and it may be sent again (RFC 9113, 8.7).
 *
 * libcurl (7.88, and 8 as well) knows that and does not tell: on a connection that was used before,
 * to it a refused stream is a connection that died, like one that was closed after a request was
 * read. But it speaks HTTP/2 by nghttp2, and gives it a function for the ends of streams. A symbol
 * of the program comes before those of what it loads, so the function by which libcurl does that
 * stands in refused.c, exported: it passes on, and puts a look at the reason before libcurl's own.
 * nghttp2 gives what libcurl has put to a stream, which is the easy handle of its transfer. That is
 * only compared with handles of ours, never looked into: with a libcurl that does otherwise no
 * request is ever named here, and a refused one counts as perhaps paid, as before.
 *
 * On the loop's thread only, as all of libcurl. */

#include <curl/curl.h>

#include "common/macros.h"

/* Whether the stream of that handle was refused since it was last asked. Ask before a handle is
 * used, and when it has ended: another handle may have been at its address. */
bool refused_take(const CURL *easy);
