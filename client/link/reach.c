#include "client/link/reach.h"

#include <netdb.h>
#include <poll.h>
#include <sys/socket.h>

#include "common/str.h"

#define HOST_BYTES 256
#define PORT_BYTES 8

/* HOST[:PORT], an IPv6 address in brackets. */
static bool split(const char *base_url, char host[HOST_BYTES], char port[PORT_BYTES])
{
        bool is_tls = str_has_prefix(base_url, "https://");
        const char *at = base_url + (is_tls ? 8 : 7), *end, *colon;
        size_t n;

        if (!is_tls && !str_has_prefix(base_url, "http://"))
                return false;
        n = strcspn(at, "/?#");
        end = at + n;
        if (*at == '[') {
                at++;
                colon = memchr(at, ']', n - 1);
                if (!colon)
                        return false;
                n = (size_t)(colon - at);
                colon++;
        } else {
                colon = memchr(at, ':', n);
                n = colon ? (size_t)(colon - at) : n;
        }
        if (n == 0 || n >= HOST_BYTES)
                return false;
        memcpy(host, at, n);
        host[n] = 0;
        n = colon && colon < end && *colon == ':' ? (size_t)(end - colon - 1) : 0;
        if (n >= PORT_BYTES)
                return false;
        memcpy(port, n > 0 ? colon + 1 : is_tls ? "443" : "80", n > 0 ? n : is_tls ? 3 : 2);
        port[n > 0 ? n : is_tls ? 3 : 2] = 0;
        return true;
}

static int connect_to(const struct addrinfo *a)
{
        _cleanup_close_ int fd =
                socket(a->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        struct pollfd p = {.fd = fd, .events = POLLOUT};
        int error = 0;
        socklen_t n = sizeof(error);

        if (fd < 0)
                return -errno;
        if (connect(fd, a->ai_addr, a->ai_addrlen) == 0)
                return 0;
        if (errno != EINPROGRESS)
                return -errno;
        if (poll(&p, 1, REACH_MS) != 1)
                return -ETIMEDOUT;
        if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &n) < 0)
                return -errno;
        return -error;
}

int reach_server(const char *base_url, const char **ret_why)
{
        struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *all = NULL;
        char host[HOST_BYTES], port[PORT_BYTES];
        int r;

        if (!split(base_url, host, port))
                return CONDITION_ABSENT;
        r = getaddrinfo(host, port, &hints, &all);
        if (r != 0) {
                *ret_why = gai_strerror(r);
                return r == EAI_MEMORY ? -ENOMEM : CONDITION_REFUSED;
        }
        r = -ENOENT;
        for (const struct addrinfo *a = all; a && r != 0; a = a->ai_next)
                r = connect_to(a);
        freeaddrinfo(all);
        if (r == 0)
                return 0;
        *ret_why = strerror(-r);
        return CONDITION_REFUSED;
}
