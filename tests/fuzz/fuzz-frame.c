/* The frame decoder: what it finds does not depend on how the bytes are cut. The first byte of the
 * input is the length of a cut. */

#include "common/buf.h"
#include "proto/frame.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

/* Frames with their lengths, and how it ended, in one buffer. */
static void decode(struct span in, size_t step, struct buf *out)
{
        struct frame_decoder d = {0};
        struct span frame;
        size_t start = 0, end = 0, used;
        int r = CONDITION_ABSENT;

        while (r == CONDITION_ABSENT && end < in.n) {
                end = MIN2(in.n, end + step);
                while ((r = frame_next(&d, (struct span){in.at + start, end - start}, &frame,
                                       &used)) == 0) {
                        if (frame.n > FRAME_MAX_BYTES || used > end - start ||
                            frame.at < in.at + start || frame.at + frame.n > in.at + start + used)
                                abort();
                        buf_printf(out, "%zu:", frame.n);
                        buf_add_span(out, frame);
                        start += used;
                }
                if (frame_n_missing(&d, end - start) > FRAME_MAX_BYTES)
                        abort();
        }
        if (r == CONDITION_ABSENT) {
                r = frame_last(&d, (struct span){in.at + start, in.n - start}, &frame);
                if (r == 0)
                        buf_add_span(out, frame);
        }
        buf_printf(out, "=%d", r);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
        _cleanup_buf_ struct buf whole = {0}, cut = {0};
        struct span in;

        if (n == 0)
                return 0;
        in = (struct span){(const char *)bytes + 1, n - 1};
        decode(in, in.n, &whole);
        decode(in, (size_t)bytes[0] + 1, &cut);
        if (!span_is_equal(buf_span(&whole), buf_span(&cut)))
                abort();
        return 0;
}
