#include "common/buf.h"

#include <stdio.h>

#define BUF_FIRST_BYTES 64 /* smaller than this is not worth a second allocation */

void buf_init(struct buf *b, size_t max_bytes)
{
        *b = (struct buf){.max_bytes = max_bytes};
}

void buf_done(struct buf *b)
{
        free(b->at);
        *b = (struct buf){.max_bytes = b->max_bytes};
}

void buf_clear(struct buf *b)
{
        b->n = 0;
        b->failed = 0;
        if (b->at)
                b->at[0] = '\0';
}

int buf_reserve(struct buf *b, size_t more)
{
        size_t most = b->max_bytes ? b->max_bytes : BUF_MAX_BYTES, need, room;
        char *at;

        if (b->failed)
                return b->failed;
        if (b->n > most || more > most - b->n)
                return b->failed = -EMSGSIZE;
        need = b->n + more + 1;
        if (need <= b->room)
                return 0;
        room = MAX2(need, MAX2(b->room + b->room / 2, (size_t)BUF_FIRST_BYTES));
        room = MIN2(room, most + 1);
        at = realloc(b->at, room);
        if (!at)
                return b->failed = -ENOMEM;
        if (!b->at)
                at[0] = '\0';
        b->at = at;
        b->room = room;
        return 0;
}

int buf_add(struct buf *b, const void *bytes, size_t n)
{
        int r = buf_reserve(b, n);

        if (r < 0)
                return r;
        if (n > 0)
                memcpy(b->at + b->n, bytes, n);
        b->n += n;
        b->at[b->n] = '\0';
        return 0;
}

int buf_add_span(struct buf *b, struct span s)
{
        return buf_add(b, s.at, s.n);
}

int buf_add_text(struct buf *b, const char *text)
{
        return buf_add(b, text, strlen(text));
}

int buf_add_char(struct buf *b, char c)
{
        return buf_add(b, &c, 1);
}

int buf_add_u64(struct buf *b, uint64_t n)
{
        char text[20], *at = text + sizeof(text);

        do
                *--at = (char)('0' + n % 10);
        while ((n /= 10) > 0);
        return buf_add(b, at, (size_t)(text + sizeof(text) - at));
}

int buf_vprintf(struct buf *b, const char *format, va_list args)
{
        va_list again;
        size_t room;
        int n, r;

        if (buf_reserve(b, 0) < 0)
                return b->failed;
        room = b->room - b->n; /* most often enough */
        va_copy(again, args);
        n = vsnprintf(b->at + b->n, room, format, again);
        va_end(again);
        if (n >= 0 && (size_t)n < room) {
                b->n += (size_t)n;
                return 0;
        }
        b->at[b->n] = '\0';
        if (n < 0)
                return b->failed = -EINVAL;
        r = buf_reserve(b, (size_t)n);
        if (r < 0)
                return r;
        vsnprintf(b->at + b->n, (size_t)n + 1, format, args);
        b->n += (size_t)n;
        return 0;
}

int buf_printf(struct buf *b, const char *format, ...)
{
        va_list args;
        int r;

        va_start(args, format);
        r = buf_vprintf(b, format, args);
        va_end(args);
        return r;
}

void buf_consume(struct buf *b, size_t n)
{
        assert(n <= b->n);
        if (n == 0)
                return;
        memmove(b->at, b->at + n, b->n - n + 1);
        b->n -= n;
}

char *buf_steal(struct buf *b, size_t *ret_n)
{
        char *at;

        if (b->failed || buf_reserve(b, 0) < 0)
                return NULL;
        at = b->at;
        if (ret_n)
                *ret_n = b->n;
        *b = (struct buf){.max_bytes = b->max_bytes};
        return at;
}
