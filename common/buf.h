#pragma once
/* A growable byte buffer with a ceiling. `at` is always terminated by a NUL that `n` does not
 * count.
 *
 * After -ENOMEM or -EMSGSIZE (over max_bytes) the buffer keeps what it had and remembers the error
 * in `failed`, so that a builder may append many pieces and test once at the end: `if (b.failed)
 * return b.failed;`. */

#include <stdarg.h>

#include "common/macros.h"

struct buf {
        char *at;         /* owned; NULL only before the first append */
        size_t n;         /* bytes in use */
        size_t room;      /* bytes allocated */
        size_t max_bytes; /* ceiling of n; 0 = BUF_MAX_BYTES */
        int failed;       /* 0, -ENOMEM or -EMSGSIZE: sticky */
};

#define BUF_MAX_BYTES ((size_t)256 << 20) /* above any frame, blob or prompt there is */

void buf_init(struct buf *b, size_t max_bytes);
void buf_done(struct buf *b);
void buf_clear(struct buf *b); /* n = 0, failed = 0; keeps the memory */
int buf_reserve(struct buf *b, size_t more);
int buf_add(struct buf *b, const void *bytes, size_t n);
int buf_add_span(struct buf *b, struct span s);
int buf_add_text(struct buf *b, const char *text);
int buf_add_char(struct buf *b, char c);
int buf_add_u64(struct buf *b, uint64_t n); /* in decimal */
int buf_printf(struct buf *b, const char *format, ...) _printf_(2, 3);
int buf_vprintf(struct buf *b, const char *format, va_list args) _printf_(2, 0);
void buf_consume(struct buf *b, size_t n); /* drops n bytes from the front */
/* Gives the bytes to the caller (free()); the buffer is empty after. NULL when nothing could be
 * allocated, or when an earlier append failed: what is incomplete is not handed out. */
char *buf_steal(struct buf *b, size_t *ret_n) _must_check_;
static inline struct span buf_span(const struct buf *b)
{
        return (struct span){b->at ? b->at : "", b->n};
}
#define _cleanup_buf_ _cleanup_(buf_done)
