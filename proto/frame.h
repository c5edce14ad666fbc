#pragma once
/* Frames on the wire, in one of two framings, recognised from the first byte of a connection:
 *
 *     lines    first byte `{` or `[`: one JSON text per line; LF or CR LF ends it, empty lines are
 *              skipped
 *     headers  any other: header* blank body
 *
 *     header = name ":" value eol      names in any case; all but Content-Length are ignored
 *     blank  = eol
 *     body   = Content-Length bytes
 *     eol    = LF | CR LF
 *
 * Decoding is incremental and copies nothing: the owner keeps unread bytes in a buffer and asks for
 * the next frame in it; the decoder remembers how far it has looked, so that feeding byte by byte
 * costs the same as all at once.
 *
 * Limits: a frame FRAME_MAX_BYTES (room for a blob part of 4 MiB in base64 and its neighbours), a
 * header section FRAME_HEADER_MAX_BYTES. Both are enforced before anything over them is kept. */

#include "common/buf.h"
#include "common/macros.h"

#define FRAME_MAX_BYTES ((size_t)8 << 20)
#define FRAME_HEADER_MAX_BYTES ((size_t)4096)

/* Conditions (and CONDITION_ABSENT: more bytes are needed). After one of these the connection
 * cannot go on. */
#define FRAME_TOO_LARGE 3 /* decided from the header, or when a line passes the limit */
#define FRAME_BROKEN 4    /* not a header section, or a frame without length */
#define FRAME_HALF 5      /* the peer ended in the middle of a frame */

enum framing { FRAMING_UNKNOWN, FRAMING_LINES, FRAMING_HEADERS };

/* Starts zeroed. */
struct frame_decoder {
        enum framing framing;
        size_t n_seen;   /* bytes of the frame in hand that were looked at */
        size_t n_header; /* headers: length of the header section once it is complete, else 0 */
        size_t n_body;   /* headers: length of the body once known */
        bool has_length;
};

/* `in` begins where the last frame ended and must begin there again, only longer, after
 * CONDITION_ABSENT. 0: *ret_frame lies within in, and *ret_used bytes of in are done with (frame
 * and framing). */
int frame_next(struct frame_decoder *d, struct span in, struct span *ret_frame,
               size_t *ret_used) _must_check_;
/* The peer has ended. 0: a last line without its end; CONDITION_ABSENT: nothing is left;
 * FRAME_HALF. */
int frame_last(struct frame_decoder *d, struct span in, struct span *ret_frame) _must_check_;
/* How many bytes beyond those in hand the frame needs at least; 0 when unknown. Readers reserve
 * them at once. */
size_t frame_n_missing(const struct frame_decoder *d, size_t n_in_hand);

/* Writing: open with the exact length of the body, append the body, close. In lines the body must
 * hold no line break. FRAMING_UNKNOWN writes lines. Errors stick to b (see buf.h). */
void frame_open(struct buf *b, enum framing f, size_t n_body);
void frame_close(struct buf *b, enum framing f);
int frame_write(struct buf *b, enum framing f, struct span body);

/* A decoder with a buffer, for programs that read one connection. */
struct frame_reader {
        struct frame_decoder decoder;
        struct buf in;
        size_t start; /* of what is unread in `in` */
};

void frame_reader_init(struct frame_reader *r);
void frame_reader_done(struct frame_reader *r);
/* Reads once from fd: 0, CONDITION_ABSENT at the peer's end, -errno (-EAGAIN, -EINTR as they are).
 */
int frame_reader_fill(struct frame_reader *r, int fd) _must_check_;
/* The next frame, valid until the next call of fill. CONDITION_ABSENT: fill first. */
int frame_reader_next(struct frame_reader *r, struct span *ret_frame) _must_check_;
