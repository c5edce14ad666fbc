#include <strings.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "common/str.h"
#include "common/url.h"
#include "daemon/provider/http.h"

static bool is_local_host(const char *host)
{
        return strcasecmp(host, "localhost") == 0 || str_has_prefix(host, "127.") ||
               str_is_equal(host, "[::1]") || str_is_equal(host, "::1");
}

void http_base_done(struct http_base *b)
{
        free(b->url);
        free(b->unix_path);
        *b = (struct http_base){};
}

/* unix:/run/llama.sock: the host in the URL is what the server sees, and nothing else. */
static int read_unix(const char *path, struct http_base *ret, const char **ret_why)
{
        if (path[0] != '/' || strlen(path) >= sizeof(((struct sockaddr_un *)0)->sun_path)) {
                *ret_why = "must name a socket by its whole path: unix:/run/server.sock";
                return CONDITION_REFUSED;
        }
        *ret = (struct http_base){
                .url = strdup("http://localhost"), .unix_path = strdup(path), .is_local = true};
        if (ret->url && ret->unix_path)
                return 0;
        http_base_done(ret);
        return -ENOMEM;
}

int http_read_base(const char *text, struct http_base *ret, const char **ret_why)
{
        static const struct {
                int condition;
                const char *why;
        } refusals[] = {
                {CONDITION_NO_URL, "is not a URL, or holds a user name (keys belong into `key`)"},
                {CONDITION_OTHER_SCHEME, "must begin with http://, https:// or unix:"},
                {CONDITION_HAS_QUERY, "must not have a query or a fragment"},
        };
        struct url u;
        size_t n;
        int k;

        if (text && str_has_prefix(text, "unix:"))
                return read_unix(text + 5, ret, ret_why);
        k = text ? url_read(text, &u) : CONDITION_NO_URL;
        for (size_t i = 0; i < N_ELEMENTS(refusals); i++)
                if (k == refusals[i].condition) {
                        *ret_why = refusals[i].why;
                        return CONDITION_REFUSED;
                }
        n = strlen(u.path);
        while (n > 0 && u.path[n - 1] == '/')
                n--;
        *ret = (struct http_base){
                .is_tls = u.is_tls, .is_local = is_local_host(u.host), .port = u.port};
        ret->url = u.has_port ? str_printf("%s://%s:%u%.*s", u.is_tls ? "https" : "http", u.host,
                                           u.port, (int)n, u.path)
                              : str_printf("%s://%s%.*s", u.is_tls ? "https" : "http", u.host,
                                           (int)n, u.path);
        if (!ret->url)
                return -ENOMEM;
        if (strlen(u.host) < sizeof(ret->host))
                memcpy(ret->host, u.host, strlen(u.host) + 1);
        return 0;
}
