#include <curl/curl.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "common/str.h"
#include "daemon/provider/http.h"

static void url_freep(CURLU **u)
{
        curl_url_cleanup(*u);
}

static void part_freep(char **at)
{
        curl_free(*at);
}

static bool has_part(CURLU *u, CURLUPart part)
{
        _cleanup_(part_freep) char *text = NULL;

        return curl_url_get(u, part, &text, 0) == CURLUE_OK;
}

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
        _cleanup_(url_freep) CURLU *u = curl_url();
        _cleanup_(part_freep) char *scheme = NULL, *host = NULL, *whole = NULL, *port = NULL;
        uint64_t number = 0;
        size_t n;

        if (!u)
                return -ENOMEM;
        if (text && str_has_prefix(text, "unix:"))
                return read_unix(text + 5, ret, ret_why);
        if (!text || curl_url_set(u, CURLUPART_URL, text, CURLU_DISALLOW_USER) != CURLUE_OK) {
                *ret_why = "is not a URL, or holds a user name (keys belong into `key`)";
                return CONDITION_REFUSED;
        }
        if (curl_url_get(u, CURLUPART_SCHEME, &scheme, 0) != CURLUE_OK ||
            (!str_is_equal(scheme, "http") && !str_is_equal(scheme, "https"))) {
                *ret_why = "must begin with http://, https:// or unix:";
                return CONDITION_REFUSED;
        }
        if (has_part(u, CURLUPART_QUERY) || has_part(u, CURLUPART_FRAGMENT)) {
                *ret_why = "must not have a query or a fragment";
                return CONDITION_REFUSED;
        }
        if (curl_url_get(u, CURLUPART_HOST, &host, 0) != CURLUE_OK ||
            curl_url_get(u, CURLUPART_PORT, &port, CURLU_DEFAULT_PORT) != CURLUE_OK ||
            curl_url_get(u, CURLUPART_URL, &whole, 0) != CURLUE_OK)
                return -ENOMEM;
        n = strlen(whole);
        while (n > 0 && whole[n - 1] == '/')
                n--;
        *ret = (struct http_base){.url = strndup(whole, n),
                                  .is_tls = str_is_equal(scheme, "https"),
                                  .is_local = is_local_host(host)};
        if (!ret->url)
                return -ENOMEM;
        if (str_to_u64(port, &number) == 0 && number <= UINT16_MAX)
                ret->port = (uint16_t)number;
        if (strlen(host) < sizeof(ret->host))
                memcpy(ret->host, host, strlen(host) + 1);
        return 0;
}
