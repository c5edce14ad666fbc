#pragma once
/* What a provider may answer. First byte even: a stream, read in pieces of as many bytes as the
 * second says; odd: the body of an error with the status 300 + second byte, and the rest up to the
 * first NUL as the value of every header. */

#include "common/str.h"
#include "daemon/provider/dialects.h"

/* Not assert(), which a build may leave out. */
#define check(condition)          \
        do {                      \
                if (!(condition)) \
                        abort();  \
        } while (0)

static inline void read_stream(const struct dialect *d, struct span bytes, size_t n_piece)
{
        struct reading r;

        reading_init(&r);
        r.n_prompt_bytes = n_piece * 100; /* that of Ollama compares its count with it */
        for (size_t at = 0; at < bytes.n; at += n_piece) {
                size_t n_text = r.n_text;
                bool is_over = r.is_ended || r.failure;

                check(d->read(&r, (struct span){bytes.at + at, MIN2(n_piece, bytes.n - at)}) == 0);
                check(!is_over || n_text == r.n_text);
                check(str_is_utf8(buf_span(&r.text)));
                buf_clear(&r.text);
        }
        if (d->read_end)
                check(d->read_end(&r) == 0);
        check(str_is_utf8(buf_span(&r.text)));
        check(!r.failure || !r.is_ended);
        check(!r.failure || str_is_utf8(span_of(failure_message(r.failure))));
        reading_done(&r);
}

static const char *same_header(const char *name, void *arg)
{
        check(*name);
        return arg;
}

static inline void read_error(const struct dialect *d, unsigned status, struct span bytes)
{
        char *value = str_dup_span(bytes);
        struct failure *f = NULL;
        struct manner m = {};
        struct advice a;

        check(value);
        size_t n = strlen(value);
        size_t skip = MIN2(n + 1, bytes.n);
        const struct error_answer e = {
                status, {bytes.at + skip, bytes.n - skip}, same_header, value, 1767323045678};
        check(d->read_error(&e, &f, &a) == 0);
        check(f && str_is_utf8(span_of(failure_message(f))));
        check(a.is_retryable || a.retry_after_ms == 0);
        if (d->adapt)
                check(!d->adapt(&e, &(const struct manner){.is_home = m.is_home}, &m) ||
                      m.is_limit_renamed);
        failure_free(f);
        advice_init(&a);
        d->read_limits(same_header, value, 1767323045678, &a);
        free(value);
}

static inline int read_input(const struct dialect *d, const uint8_t *data, size_t size)
{
        struct span bytes;

        if (size < 3)
                return 0;
        bytes = (struct span){(const char *)data + 2, size - 2};
        if (data[0] % 2 == 0)
                read_stream(d, bytes, (size_t)data[1] + 1);
        else
                read_error(d, 300U + data[1], bytes);
        return 0;
}
