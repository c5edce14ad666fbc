#include "client/offer/text-file.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "common/str.h"
#include "proto/failure.h"

#define PIECE_BYTES 65536

int text_file_refuse(struct failure **ret_failure, const char *where, const char *text)
{
        *ret_failure = failure_new_at(FAILURE_BAD_SPEC, where, "%s", text);
        return *ret_failure ? CONDITION_REFUSED : -ENOMEM;
}

static int refuse_what(struct failure **ret_failure, const char *path, const char *what,
                       const char *is)
{
        _cleanup_free_ char *text = str_printf("%s is %s", what, is);

        return text ? text_file_refuse(ret_failure, path, text) : -ENOMEM;
}

/* The first n bytes are a beginning that goes on to be right. */
static bool is_cut(const char *at, const char *end, size_t n)
{
        for (size_t more = 1; more <= 3 && at + n + more <= end; more++)
                if (str_is_utf8((struct span){at, n + more}))
                        return true;
        return false;
}

/* Names the first line that is none; no sequence of UTF-8 goes over the end of one. */
static int refuse_bytes(struct failure **ret_failure, const char *path, const char *what,
                        struct span text)
{
        const char *end = text.at + text.n, *at = text.at;
        _cleanup_free_ char *where = NULL;
        size_t line = 1, column = 1;

        for (const char *lf; (lf = memchr(at, '\n', (size_t)(end - at))) != NULL; at = lf + 1) {
                struct span s = {at, (size_t)(lf - at)};

                if (!str_is_utf8(s) || memchr(s.at, '\0', s.n))
                        break;
                line++;
        }
        while (at + column <= end && at[column - 1] != '\0' &&
               (str_is_utf8((struct span){at, column}) || is_cut(at, end, column)))
                column++;
        where = str_printf("%s:%zu:%zu", path, line, column);
        return where ? refuse_what(ret_failure, where, what, "UTF-8 text; this byte is none")
                     : -ENOMEM;
}

int text_file_read(int fd, const char *path, const char *what, size_t max, struct buf *out,
                   struct failure **ret_failure)
{
        char limit[32];
        ssize_t n;
        int r;

        if (fd < 0)
                return text_file_refuse(ret_failure, path, strerror(errno));
        do {
                r = buf_reserve(out, PIECE_BYTES);
                if (r < 0)
                        return r;
                n = read(fd, out->at + out->n, PIECE_BYTES);
                if (n < 0)
                        return text_file_refuse(ret_failure, path, strerror(errno));
                out->n += (size_t)n;
                if (out->n > max) {
                        (void)snprintf(limit, sizeof(limit), "at most %zu MiB", max >> 20);
                        return refuse_what(ret_failure, path, what, limit);
                }
        } while (n > 0);
        if (!str_is_utf8(buf_span(out)) || memchr(out->at, '\0', out->n))
                return refuse_bytes(ret_failure, path, what, buf_span(out));
        return 0;
}
