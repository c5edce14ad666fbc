/* The first byte says in pieces of how many bytes the rest comes. Whatever it is, the events are
 * those of the whole. */

#include "daemon/provider/sse.h"

/* Not assert(), which a build may leave out. */
#define check(condition)          \
        do {                      \
                if (!(condition)) \
                        abort();  \
        } while (0)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int note(const char *type, struct span data, void *arg)
{
        struct buf *seen = arg;

        check(strlen(type) < SSE_TYPE_BYTES);
        (void)buf_add_text(seen, type);
        (void)buf_add_char(seen, '=');
        (void)buf_add_span(seen, data);
        return buf_add_char(seen, '\n');
}

static int feed(struct span text, size_t n_piece, struct buf *seen)
{
        struct sse s;
        int r = 0;

        sse_init(&s);
        for (size_t at = 0; r == 0 && at < text.n; at += n_piece) {
                /* A copy of its own, so that reading past the piece is seen. */
                size_t n = MIN2(n_piece, text.n - at);
                char *piece = malloc(n);

                check(piece);
                memcpy(piece, text.at + at, n);
                r = sse_feed(&s, (struct span){piece, n}, note, seen);
                free(piece);
        }
        sse_done(&s);
        return r;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        _cleanup_buf_ struct buf whole = {}, parts = {};
        struct span text;

        if (size < 2)
                return 0;
        text = (struct span){(const char *)data + 1, size - 1};
        check(feed(text, text.n, &whole) == 0);
        check(feed(text, (size_t)data[0] % 32 + 1, &parts) == 0);
        check(span_is_equal(buf_span(&whole), buf_span(&parts)));
        return 0;
}
