#include "daemon/provider/refused.h"

#include "daemon/provider/curl-late.h"

#define REFUSED_STREAM 7 /* RFC 9113, 7 */
#define REFUSED_MAX                                                                  \
        256 /* streams at once to one host; what has no place counts as perhaps paid \
             */

/* nghttp2.h's own words for what is passed through here; they are fixed by its ABI. */
typedef struct nghttp2_session nghttp2_session;
typedef struct nghttp2_session_callbacks nghttp2_session_callbacks;
typedef int (*stream_close_callback)(nghttp2_session *session, int32_t stream, uint32_t error,
                                     void *arg);
typedef void *(*get_user_data)(nghttp2_session *session, int32_t stream);
typedef void (*set_callback)(nghttp2_session_callbacks *callbacks, stream_close_callback f);

#define SETTER "nghttp2_session_callbacks_set_on_stream_close_callback"

static stream_close_callback their_callback;
static const void *refused[REFUSED_MAX]; /* borrowed, never looked into */
static size_t n_refused;

bool refused_take(const CURL *easy)
{
        for (size_t i = 0; i < n_refused; i++)
                if (refused[i] == easy) {
                        refused[i] = refused[--n_refused];
                        return true;
                }
        return false;
}

static void note(nghttp2_session *session, int32_t stream)
{
        static get_user_data get;
        const void *easy;

        if (!get) {
                void *function = curl_late_symbol("nghttp2_session_get_stream_user_data");

                memcpy(&get, &function, sizeof(get));
        }
        easy = get ? get(session, stream) : NULL;
        if (easy && n_refused < REFUSED_MAX)
                refused[n_refused++] = easy;
}

static int on_stream_close(nghttp2_session *session, int32_t stream, uint32_t error, void *arg)
{
        if (error == REFUSED_STREAM)
                note(session, stream);
        return their_callback(session, stream, error, arg);
}

/* Called by libcurl, for each connection that speaks HTTP/2. */
__attribute__((used, visibility("default"))) void
nghttp2_session_callbacks_set_on_stream_close_callback(nghttp2_session_callbacks *callbacks,
                                                       stream_close_callback f);

void nghttp2_session_callbacks_set_on_stream_close_callback(nghttp2_session_callbacks *callbacks,
                                                            stream_close_callback f)
{
        void *function = curl_late_symbol(SETTER);
        set_callback set;

        memcpy(&set, &function, sizeof(set));
        if (!set)
                return; /* nobody but libcurl, which has it, calls this */
        their_callback = f;
        set(callbacks, on_stream_close);
}
