#include "daemon/provider/sse.h"

void sse_init(struct sse *s)
{
        *s = (struct sse){};
        buf_init(&s->line, SSE_EVENT_BYTES);
        buf_init(&s->data, SSE_EVENT_BYTES);
}

void sse_done(struct sse *s)
{
        buf_done(&s->line);
        buf_done(&s->data);
}

static int dispatch(struct sse *s, sse_event_fn *fn, void *arg)
{
        int r = 0;

        if (s->has_data)
                r = fn(s->type, buf_span(&s->data), arg);
        s->type[0] = '\0';
        s->has_data = false;
        buf_clear(&s->data);
        return r;
}

static int add_data(struct sse *s, struct span value)
{
        int r = 0;

        if (s->has_data)
                r = buf_add_char(&s->data, '\n');
        if (r == 0)
                r = buf_add_span(&s->data, value);
        s->has_data = true;
        return r;
}

static int read_line(struct sse *s, struct span line, sse_event_fn *fn, void *arg)
{
        struct span name = line, value = {"", 0};
        const char *colon;

        if (line.n == 0)
                return dispatch(s, fn, arg);
        if (line.at[0] == '{')
                return fn("", line, arg);
        colon = memchr(line.at, ':', line.n);
        if (colon) {
                name.n = (size_t)(colon - line.at);
                value = (struct span){colon + 1, line.n - name.n - 1};
                if (value.n > 0 && value.at[0] == ' ')
                        value = (struct span){value.at + 1, value.n - 1};
        }
        if (span_is_equal(name, SPAN("data")))
                return add_data(s, value);
        if (span_is_equal(name, SPAN("event"))) {
                size_t n = MIN2(value.n, sizeof(s->type) - 1);

                memcpy(s->type, value.at, n);
                s->type[n] = '\0';
        }
        return 0;
}

/* The line that ends here: the kept beginning, if any, and this part. */
static int end_line(struct sse *s, struct span part, sse_event_fn *fn, void *arg)
{
        int r;

        if (s->line.n == 0)
                return read_line(s, part, fn, arg);
        r = buf_add_span(&s->line, part);
        if (r == 0)
                r = read_line(s, buf_span(&s->line), fn, arg);
        buf_clear(&s->line);
        return r;
}

static struct span find_end(struct span s)
{
        const char *lf = memchr(s.at, '\n', s.n);
        const char *cr = memchr(s.at, '\r', lf ? (size_t)(lf - s.at) : s.n);
        const char *end = cr ? cr : lf;

        return end ? (struct span){end, 1} : (struct span){};
}

int sse_feed(struct sse *s, struct span bytes, sse_event_fn *fn, void *arg)
{
        int r;

        while (bytes.n > 0) {
                struct span end, part;

                if (s->was_cr && bytes.at[0] == '\n') {
                        bytes = (struct span){bytes.at + 1, bytes.n - 1};
                        s->was_cr = false;
                        continue;
                }
                s->was_cr = false;
                end = find_end(bytes);
                if (!end.at)
                        return buf_add_span(&s->line, bytes);
                part = (struct span){bytes.at, (size_t)(end.at - bytes.at)};
                s->was_cr = *end.at == '\r';
                bytes = (struct span){end.at + 1, bytes.n - part.n - 1};
                if (!s->is_begun) {
                        /* A byte order mark may be split: it is taken off the whole first line. */
                        s->is_begun = true;
                        r = buf_add_span(&s->line, part);
                        if (r < 0)
                                return r;
                        if (s->line.n >= 3 && memcmp(s->line.at, "\xef\xbb\xbf", 3) == 0)
                                buf_consume(&s->line, 3);
                        part.n = 0;
                }
                r = end_line(s, part, fn, arg);
                if (r != 0)
                        return r;
        }
        return 0;
}

int sse_end(struct sse *s, sse_event_fn *fn, void *arg)
{
        if (s->line.n == 0 || s->line.at[0] != '{')
                return 0;
        return end_line(s, SPAN(""), fn, arg);
}
