#pragma once
/* Server-sent events, read as they come (html.spec.whatwg.org, "9.2.6 Interpreting an event
 * stream").
 *
 *     stream = [BOM] event*          event = line* blank
 *     line   = comment / field       end   = CRLF / LF / CR
 *     comment = ":" any*             field = name [":" [SPACE] value]
 *
 * Fields other than `event` and `data` are ignored. Several data lines are joined by a line feed.
 * An event without data is none, and what stands unfinished at the end of the stream is dropped, as
 * the standard says. One addition: a line that begins with "{" is an event of its own without a
 * type, because servers that fail in the middle of a stream write a bare JSON line.
 *
 * Bytes may be split anywhere. Limits: a line and the data of an event are at most SSE_EVENT_BYTES
 * (-EMSGSIZE, after which the reader is of no more use). */

#include "common/buf.h"
#include "common/macros.h"

#define SSE_EVENT_BYTES \
        ((size_t)4 << 20) /* the largest real events carry a whole answer: far below */
#define SSE_TYPE_BYTES 64 /* longer names are cut: none that we know is longer than 30 */

struct sse {
        struct buf line; /* the unfinished line */
        struct buf data; /* of the unfinished event */
        char type[SSE_TYPE_BYTES];
        bool has_data;
        bool was_cr;   /* the last byte ended a line by CR: an LF that follows belongs to it */
        bool is_begun; /* past the place where a byte order mark may stand */
};

/* type is "" when the event names none. What it returns other than 0 ends sse_feed() with that. */
typedef int sse_event_fn(const char *type, struct span data, void *arg);

void sse_init(struct sse *s);
void sse_done(struct sse *s);
/* The stream ended: a bare JSON line needs no line end to be one. Else as sse_feed(). */
int sse_end(struct sse *s, sse_event_fn *fn, void *arg) _must_check_;
/* 0, -ENOMEM, -EMSGSIZE, or what fn returned. */
int sse_feed(struct sse *s, struct span bytes, sse_event_fn *fn, void *arg) _must_check_;
