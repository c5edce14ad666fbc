#include "client/link/reach.h"

#include <netdb.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>

#include "common/url.h"

#define PORT_BYTES 8

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
        char port[PORT_BYTES];
        struct url u;
        int r;

        if (url_read(base_url, &u) != 0)
                return CONDITION_ABSENT;
        snprintf(port, sizeof(port), "%u", u.port);
        if (u.host[0] == '[') { /* brackets are the URL's, not the address's */
                memmove(u.host, u.host + 1, strlen(u.host));
                u.host[strlen(u.host) - 1] = 0;
        }
        r = getaddrinfo(u.host, port, &hints, &all);
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
