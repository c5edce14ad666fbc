#include "proto/frame.h"

#include <strings.h>

#define READ_BYTES ((size_t)64 << 10) /* at once; a pipe or socket rarely holds more */

static bool is_blank(char c)
{
        return c == ' ' || c == '\t';
}

static struct span trim(struct span s)
{
        while (s.n > 0 && is_blank(*s.at))
                s.at++, s.n--;
        while (s.n > 0 && is_blank(s.at[s.n - 1]))
                s.n--;
        return s;
}

static bool is_text(struct span line)
{
        for (size_t i = 0; i < line.n; i++)
                if ((unsigned char)line.at[i] < ' ' && line.at[i] != '\t')
                        return false;
        return true;
}

/* Digits only. What is over the limit is FRAME_TOO_LARGE however long it is. */
static int parse_length(struct span s, size_t *ret)
{
        size_t n = 0;

        if (s.n == 0)
                return FRAME_BROKEN;
        for (size_t i = 0; i < s.n; i++)
                if (s.at[i] < '0' || s.at[i] > '9')
                        return FRAME_BROKEN;
        for (size_t i = 0; i < s.n; i++) {
                n = n * 10 + (size_t)(s.at[i] - '0');
                if (n > FRAME_MAX_BYTES)
                        return FRAME_TOO_LARGE;
        }
        *ret = n;
        return 0;
}

/* One header line without its end. */
static int read_header(struct frame_decoder *d, struct span line)
{
        static const char wanted[] = "content-length";
        const char *colon = memchr(line.at, ':', line.n);
        struct span name, value;
        size_t length;
        int r;

        if (!colon || colon == line.at || !is_text(line))
                return FRAME_BROKEN;
        name = (struct span){line.at, (size_t)(colon - line.at)};
        value = trim((struct span){colon + 1, line.n - name.n - 1});
        if (name.n != sizeof(wanted) - 1 || strncasecmp(name.at, wanted, name.n) != 0)
                return 0;
        r = parse_length(value, &length);
        if (r != 0)
                return r;
        if (d->has_length && d->n_body != length)
                return FRAME_BROKEN;
        d->n_body = length;
        d->has_length = true;
        return 0;
}

/* Reads header lines from d->n_seen, the start of a line, up to the blank one. */
static int read_header_section(struct frame_decoder *d, struct span in)
{
        size_t limit = MIN2(in.n, FRAME_HEADER_MAX_BYTES);

        while (d->n_header == 0) {
                const char *line = in.at + d->n_seen;
                const char *end = memchr(line, '\n', limit - d->n_seen);
                struct span text;
                int r;

                if (!end)
                        return limit == FRAME_HEADER_MAX_BYTES ? FRAME_BROKEN : CONDITION_ABSENT;
                text = (struct span){line, (size_t)(end - line)};
                d->n_seen += text.n + 1;
                if (text.n > 0 && text.at[text.n - 1] == '\r')
                        text.n--;
                if (text.n == 0) {
                        if (!d->has_length)
                                return FRAME_BROKEN;
                        d->n_header = d->n_seen;
                        break;
                }
                r = read_header(d, text);
                if (r != 0)
                        return r;
        }
        return 0;
}

static void start_over(struct frame_decoder *d)
{
        *d = (struct frame_decoder){.framing = d->framing};
}

static int next_with_headers(struct frame_decoder *d, struct span in, struct span *ret_frame,
                             size_t *ret_used)
{
        if (d->n_header == 0) {
                int r = read_header_section(d, in);

                if (r != 0)
                        return r;
        }
        if (in.n - d->n_header < d->n_body)
                return CONDITION_ABSENT;
        *ret_frame = (struct span){in.at + d->n_header, d->n_body};
        *ret_used = d->n_header + d->n_body;
        start_over(d);
        return 0;
}

static size_t count_empty_lines(struct span in)
{
        size_t n = 0;

        while (n < in.n && (in.at[n] == '\n' || in.at[n] == '\r'))
                n++;
        return n;
}

static int next_line(struct frame_decoder *d, struct span in, struct span *ret_frame,
                     size_t *ret_used)
{
        size_t skip = d->n_header; /* here: line breaks before the text */
        const char *end;
        size_t n;

        if (d->n_seen == skip)
                d->n_seen = d->n_header = skip +=
                        count_empty_lines((struct span){in.at + skip, in.n - skip});
        end = d->n_seen < in.n ? memchr(in.at + d->n_seen, '\n', in.n - d->n_seen) : NULL;
        n = (end ? (size_t)(end - in.at) : in.n) - skip;
        if (n > FRAME_MAX_BYTES || skip > FRAME_MAX_BYTES)
                return FRAME_TOO_LARGE;
        if (!end) {
                d->n_seen = in.n;
                return CONDITION_ABSENT;
        }
        *ret_used = skip + n + 1;
        if (n > 0 && in.at[skip + n - 1] == '\r')
                n--;
        *ret_frame = (struct span){in.at + skip, n};
        start_over(d);
        return 0;
}

int frame_next(struct frame_decoder *d, struct span in, struct span *ret_frame, size_t *ret_used)
{
        if (in.n == 0)
                return CONDITION_ABSENT;
        if (d->framing == FRAMING_UNKNOWN)
                d->framing = *in.at == '{' || *in.at == '[' ? FRAMING_LINES : FRAMING_HEADERS;
        if (d->framing == FRAMING_LINES)
                return next_line(d, in, ret_frame, ret_used);
        return next_with_headers(d, in, ret_frame, ret_used);
}

int frame_last(struct frame_decoder *d, struct span in, struct span *ret_frame)
{
        size_t skip = 0;

        if (d->framing == FRAMING_LINES) {
                skip = count_empty_lines(in);
                if (in.n - skip > FRAME_MAX_BYTES)
                        return FRAME_TOO_LARGE;
        }
        if (in.n == skip)
                return CONDITION_ABSENT;
        if (d->framing != FRAMING_LINES)
                return FRAME_HALF;
        *ret_frame = (struct span){in.at + skip, in.n - skip};
        return 0;
}

size_t frame_n_missing(const struct frame_decoder *d, size_t n_in_hand)
{
        size_t n = d->n_header + d->n_body;

        if (d->framing != FRAMING_HEADERS || d->n_header == 0 || n < n_in_hand)
                return 0;
        return n - n_in_hand;
}

void frame_open(struct buf *b, enum framing f, size_t n_body)
{
        if (f == FRAMING_HEADERS)
                buf_printf(b, "Content-Length: %zu\r\n\r\n", n_body);
}

void frame_close(struct buf *b, enum framing f)
{
        if (f != FRAMING_HEADERS)
                buf_add_char(b, '\n');
}

int frame_write(struct buf *b, enum framing f, struct span body)
{
        frame_open(b, f, body.n);
        buf_add_span(b, body);
        frame_close(b, f);
        return b->failed;
}

void frame_reader_init(struct frame_reader *r)
{
        *r = (struct frame_reader){0};
        buf_init(&r->in, FRAME_MAX_BYTES + FRAME_HEADER_MAX_BYTES + READ_BYTES);
}

void frame_reader_done(struct frame_reader *r)
{
        buf_done(&r->in);
}

int frame_reader_fill(struct frame_reader *r, int fd)
{
        size_t room;
        ssize_t n;
        int k;

        if (r->start > 0) {
                buf_consume(&r->in, r->start);
                r->start = 0;
        }
        room = MAX2(READ_BYTES, frame_n_missing(&r->decoder, r->in.n));
        k = buf_reserve(&r->in, room);
        if (k < 0)
                return k;
        n = read(fd, r->in.at + r->in.n, room);
        if (n < 0)
                return -errno;
        r->in.n += (size_t)n;
        r->in.at[r->in.n] = 0;
        return n > 0 ? 0 : CONDITION_ABSENT;
}

int frame_reader_next(struct frame_reader *r, struct span *ret_frame)
{
        struct span in = {r->in.at + r->start, r->in.n - r->start};
        size_t used;
        int k;

        if (in.n == 0)
                return CONDITION_ABSENT;
        k = frame_next(&r->decoder, in, ret_frame, &used);
        if (k == 0)
                r->start += used;
        return k;
}
