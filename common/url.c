#include "common/url.h"

#include <string.h>
#include <strings.h>

#include "common/str.h"

static char to_lower(char c)
{
        return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

static bool is_of_host(char c, bool is_ip6)
{
        char l = to_lower(c);

        if (is_ip6)
                return (l >= 'a' && l <= 'f') || (c >= '0' && c <= '9') || c == ':' || c == '.';
        return (l >= 'a' && l <= 'z') || (c >= '0' && c <= '9') || (c && strchr("-._~", c));
}

/* What follows the host, or NULL. */
static const char *read_host(const char *at, char ret[URL_HOST_BYTES])
{
        bool is_ip6 = *at == '[';
        size_t n = 0;

        if (is_ip6)
                ret[n++] = *at++;
        for (; is_of_host(*at, is_ip6) && n < URL_HOST_BYTES - 2; at++)
                ret[n++] = to_lower(*at);
        if (is_ip6 && *at != ']')
                return NULL;
        if (is_ip6)
                ret[n++] = *at++;
        ret[n] = 0;
        return n > (is_ip6 ? 2u : 0u) ? at : NULL;
}

static const char *read_port(const char *at, struct url *u)
{
        uint32_t port = 0;
        int n = 0;

        for (at++; *at >= '0' && *at <= '9' && n < 6; at++, n++)
                port = port * 10 + (uint32_t)(*at - '0');
        if (n == 0 || port == 0 || port > UINT16_MAX)
                return NULL;
        u->port = (uint16_t)port;
        u->has_port = true;
        return at;
}

static int check_path(const char *path)
{
        bool has_query = false;

        if (*path && !strchr("/?#", *path))
                return CONDITION_NO_URL;
        for (; *path; path++) {
                if (*path <= ' ' || *path > '~')
                        return CONDITION_NO_URL;
                has_query |= *path == '?' || *path == '#';
        }
        return has_query ? CONDITION_HAS_QUERY : 0;
}

int url_read(const char *text, struct url *ret)
{
        const char *colon = strstr(text, "://"), *at;
        struct url u = {0};
        int k;

        if (!colon || colon == text)
                return CONDITION_NO_URL;
        at = colon + 3;
        u.is_tls = colon - text == 5 && strncasecmp(text, "https", 5) == 0;
        if (!u.is_tls && !(colon - text == 4 && strncasecmp(text, "http", 4) == 0))
                return CONDITION_OTHER_SCHEME;
        u.port = u.is_tls ? 443 : 80;
        at = read_host(at, u.host);
        if (at && *at == ':')
                at = read_port(at, &u);
        if (!at)
                return CONDITION_NO_URL;
        k = check_path(at);
        if (k != 0)
                return k;
        u.path = at;
        *ret = u;
        return 0;
}
