#pragma once
/* Where a server is, as people write it into a configuration: http://HOST[:PORT][/PATH], or https.
 *
 *     url  = scheme "://" host [":" port] path      scheme in any case, stored in small letters
 *     host = name | "[" IPv6 "]"                    letters, digits and -._~; no user, no %XX
 *     path = "" | "/" and what is printable, without blank, "?" and "#" */

#include "common/macros.h"

#define URL_HOST_BYTES 256

#define CONDITION_NO_URL 20
#define CONDITION_OTHER_SCHEME 21
#define CONDITION_HAS_QUERY 22 /* or a fragment */

struct url {
        bool is_tls;
        char host[URL_HOST_BYTES]; /* in small letters, an IPv6 address in brackets */
        uint16_t port;             /* the scheme's own when none is given */
        bool has_port;
        const char *path; /* borrowed: within the text */
};

int url_read(const char *text, struct url *ret) _must_check_;
