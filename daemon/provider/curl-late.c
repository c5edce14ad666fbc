/* libcurl, loaded when it is first wanted: with all that it brings it takes half of the time that a
 * start takes, and memory that an idle daemon need not hold. curl_global_init(), which comes first
 * and in a worker (http.c), loads it; before that only curl_getdate() may be called. Where it
 * cannot be loaded, which the log says, these two fail, and nothing else is called.
 *
 * The functions of libcurl that this room calls stand here under their own names, so that nobody
 * else need know; each passes on what it is given. A further one is a row. */

#include "daemon/provider/curl-late.h"

#include <curl/curl.h>
#include <dlfcn.h>
#include <pthread.h>
#include <stdarg.h>

#include "common/log.h"
#include "common/macros.h"

/* Of libcurl's OpenSSL flavour; 4 since 2006. */
#define LIBRARY "libcurl.so.4"

/* Result, name, parameters, what is passed on, and what it gives without a library. */
#define LOADING_FUNCTIONS(X)                                                    \
        X(CURLcode, curl_global_init, (long flags), (flags), CURLE_FAILED_INIT) \
        X(time_t, curl_getdate, (const char *text, const time_t *now), (text, now), -1)

#define FUNCTIONS(X)                                                                        \
        X(curl_version_info_data *, curl_version_info, (CURLversion v), (v))                \
        X(CURL *, curl_easy_init, (void), ())                                               \
        X(const char *, curl_easy_strerror, (CURLcode code), (code))                        \
        X(CURLHcode, curl_easy_header,                                                      \
          (CURL * easy, const char *name, size_t i, unsigned origin, int request,           \
           struct curl_header **ret),                                                       \
          (easy, name, i, origin, request, ret))                                            \
        X(CURLM *, curl_multi_init, (void), ())                                             \
        X(CURLMcode, curl_multi_add_handle, (CURLM * multi, CURL * easy), (multi, easy))    \
        X(CURLMcode, curl_multi_remove_handle, (CURLM * multi, CURL * easy), (multi, easy)) \
        X(CURLMcode, curl_multi_assign, (CURLM * multi, curl_socket_t fd, void *arg),       \
          (multi, fd, arg))                                                                 \
        X(CURLMcode, curl_multi_socket_action,                                              \
          (CURLM * multi, curl_socket_t fd, int events, int *n), (multi, fd, events, n))    \
        X(CURLMsg *, curl_multi_info_read, (CURLM * multi, int *n), (multi, n))             \
        X(CURLMcode, curl_multi_cleanup, (CURLM * multi), (multi))

#define VOID_FUNCTIONS(X)                  \
        X(curl_global_cleanup, (void), ()) \
        X(curl_easy_cleanup, (CURL * easy), (easy))

/* Their last parameter is of a type that the option tells. */
#define VARIADIC_FUNCTIONS(X)                           \
        X(CURLcode, curl_easy_setopt, CURL, CURLoption) \
        X(CURLcode, curl_easy_getinfo, CURL, CURLINFO)  \
        X(CURLMcode, curl_multi_setopt, CURLM, CURLMoption)

/* curl.h has macros of these names, which check types where they are called. */
#undef curl_easy_setopt
#undef curl_easy_getinfo
#undef curl_multi_setopt

static struct {
#define X(result, name, ...) __typeof__(&(name)) name;
        LOADING_FUNCTIONS(X)
        FUNCTIONS(X)
        VARIADIC_FUNCTIONS(X)
#undef X
#define X(name, ...) __typeof__(&(name)) name;
        VOID_FUNCTIONS(X)
#undef X
} real;

static const struct {
        const char *name;
        void *at;
} symbols[] = {
#define X(result, name, ...) {#name, &real.name},
        LOADING_FUNCTIONS(X) FUNCTIONS(X) VARIADIC_FUNCTIONS(X)
#undef X
#define X(name, ...) {#name, &real.name},
                VOID_FUNCTIONS(X)
#undef X
};

static bool is_loaded;
static void *library; /* never unloaded */

static void load(void)
{
        void *function;

        library = dlopen(LIBRARY, RTLD_NOW | RTLD_LOCAL);
        for (size_t i = 0; library && i < N_ELEMENTS(symbols); i++) {
                function = dlsym(library, symbols[i].name);
                if (!function) {
                        log_error("%s lacks %s: no provider can be asked", LIBRARY,
                                  symbols[i].name);
                        return;
                }
                memcpy(symbols[i].at, &function, sizeof(function));
        }
        is_loaded = library != NULL;
        if (!is_loaded)
                log_error("%s: no provider can be asked", dlerror());
}

static bool has_library(void)
{
        static pthread_once_t once = PTHREAD_ONCE_INIT;

        (void)pthread_once(&once, load);
        return is_loaded;
}

void *curl_late_symbol(const char *name)
{
        return library ? dlsym(library, name) : NULL;
}

#define X(result, name, parameters, passed, otherwise)               \
        result name parameters                                       \
        {                                                            \
                return has_library() ? real.name passed : otherwise; \
        }
LOADING_FUNCTIONS(X)
#undef X

#define X(result, name, parameters, passed) \
        result name parameters              \
        {                                   \
                assert(is_loaded);          \
                return real.name passed;    \
        }
FUNCTIONS(X)
#undef X

#define X(name, parameters, passed) \
        void name parameters        \
        {                           \
                assert(is_loaded);  \
                real.name passed;   \
        }
VOID_FUNCTIONS(X)
#undef X

/* curl.h: below OBJECTPOINT a long, from OFF_T to BLOB a curl_off_t, else a pointer. What
 * curl_easy_getinfo() takes is always one, and its numbers lie far above. */
#define X(result, name, handle, option)                                              \
        result name(handle *h, option o, ...)                                        \
        {                                                                            \
                va_list args;                                                        \
                result r;                                                            \
                                                                                     \
                assert(is_loaded);                                                   \
                va_start(args, o);                                                   \
                if ((long)o < CURLOPTTYPE_OBJECTPOINT)                               \
                        r = real.name(h, o, va_arg(args, long));                     \
                else if ((long)o >= CURLOPTTYPE_OFF_T && (long)o < CURLOPTTYPE_BLOB) \
                        r = real.name(h, o, va_arg(args, curl_off_t));               \
                else                                                                 \
                        r = real.name(h, o, va_arg(args, void *));                   \
                va_end(args);                                                        \
                return r;                                                            \
        }
VARIADIC_FUNCTIONS(X)
#undef X
