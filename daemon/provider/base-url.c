#include <curl/curl.h>

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

int http_read_base(const char *text, char **ret_url, bool *ret_is_tls, bool *ret_is_local,
                   const char **ret_why)
{
        _cleanup_(url_freep) CURLU *u = curl_url();
        _cleanup_(part_freep) char *scheme = NULL, *host = NULL, *whole = NULL;
        char *url;
        size_t n;

        if (!u)
                return -ENOMEM;
        if (!text || curl_url_set(u, CURLUPART_URL, text, CURLU_DISALLOW_USER) != CURLUE_OK) {
                *ret_why = "is not a URL, or holds a user name (keys belong into `key`)";
                return CONDITION_REFUSED;
        }
        if (curl_url_get(u, CURLUPART_SCHEME, &scheme, 0) != CURLUE_OK ||
            (!str_is_equal(scheme, "http") && !str_is_equal(scheme, "https"))) {
                *ret_why = "must begin with http:// or https://";
                return CONDITION_REFUSED;
        }
        if (has_part(u, CURLUPART_QUERY) || has_part(u, CURLUPART_FRAGMENT)) {
                *ret_why = "must not have a query or a fragment";
                return CONDITION_REFUSED;
        }
        if (curl_url_get(u, CURLUPART_HOST, &host, 0) != CURLUE_OK ||
            curl_url_get(u, CURLUPART_URL, &whole, 0) != CURLUE_OK)
                return -ENOMEM;
        n = strlen(whole);
        while (n > 0 && whole[n - 1] == '/')
                n--;
        url = strndup(whole, n);
        if (!url)
                return -ENOMEM;
        *ret_url = url;
        *ret_is_tls = str_is_equal(scheme, "https");
        *ret_is_local = is_local_host(host);
        return 0;
}
