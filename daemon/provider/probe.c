#include "daemon/provider/probe.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "common/str.h"
#include "daemon/provider/http.h"

#define PROBE_MS \
        5 /* most kernels are done when connect() returns, the others in a fraction of this */

/* A full backlog (EAGAIN) is a server too. What cannot be found out is taken to be there: the call
 * will tell. */
static bool can_connect(int family, const struct sockaddr *address, socklen_t n)
{
        _cleanup_close_ int fd = socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        struct pollfd p = {.fd = fd, .events = POLLOUT};
        socklen_t n_error = sizeof(int);
        int error = 0;

        if (fd < 0 || connect(fd, address, n) == 0 || errno == EAGAIN)
                return true;
        if (errno != EINPROGRESS)
                return false;
        if (poll(&p, 1, PROBE_MS) <= 0)
                return true;
        return getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &n_error) < 0 || error == 0;
}

static bool probe_unix(const char *path)
{
        struct sockaddr_un a = {.sun_family = AF_UNIX};

        memcpy(a.sun_path, path, strlen(path) + 1); /* its length was checked when it was read */
        return can_connect(AF_UNIX, (const struct sockaddr *)&a, sizeof(a));
}

static bool probe_v4(struct in_addr host, uint16_t port)
{
        struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(port), .sin_addr = host};

        return can_connect(AF_INET, (const struct sockaddr *)&a, sizeof(a));
}

static bool probe_v6(uint16_t port)
{
        struct sockaddr_in6 a = {
                .sin6_family = AF_INET6, .sin6_port = htons(port), .sin6_addr = in6addr_loopback};

        return can_connect(AF_INET6, (const struct sockaddr *)&a, sizeof(a));
}

bool probe_local(const struct http_base *b)
{
        struct in_addr v4 = {.s_addr = htonl(INADDR_LOOPBACK)};

        if (!b->is_local)
                return false;
        if (b->unix_path)
                return probe_unix(b->unix_path);
        if (str_has_prefix(b->host, "["))
                return probe_v6(b->port);
        if (inet_pton(AF_INET, b->host, &v4) == 1)
                return probe_v4(v4, b->port);
        return probe_v4(v4, b->port) || probe_v6(b->port); /* localhost is both */
}
