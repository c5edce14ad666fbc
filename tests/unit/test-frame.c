#include "proto/frame.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
/* cmocka wants the above first */
#include <cmocka.h>

/* Feeds text in steps of `step` bytes; frames are joined with '|'. Returns the last condition. */
static int feed(const char *text, size_t n, size_t step, struct buf *out)
{
        struct frame_decoder d = {0};
        size_t start = 0;

        for (size_t end = 0; end < n;) {
                end = MIN2(n, end + step);
                for (;;) {
                        struct span frame;
                        size_t used;
                        int r = frame_next(&d, (struct span){text + start, end - start}, &frame,
                                           &used);

                        if (r == CONDITION_ABSENT)
                                break;
                        if (r != 0)
                                return r;
                        buf_add_span(out, frame);
                        buf_add_char(out, '|');
                        start += used;
                }
        }
        struct span frame;
        int r = frame_last(&d, (struct span){text + start, n - start}, &frame);

        if (r == 0) {
                buf_add_span(out, frame);
                buf_add_text(out, "$");
                return CONDITION_ABSENT;
        }
        return r;
}

static void expect(const char *text, int condition, const char *frames)
{
        for (size_t step = 1; step <= strlen(text); step++) {
                _cleanup_buf_ struct buf out = {0};

                assert_int_equal(feed(text, strlen(text), step, &out), condition);
                assert_string_equal(buf_span(&out).at, frames);
        }
}

static void lines_are_recognised_from_the_first_byte(void **state)
{
        (void)state;
        expect("{\"a\":1}\n[2]\r\n", CONDITION_ABSENT, "{\"a\":1}|[2]|");
        expect("[1]\n\n\r\n{}\n", CONDITION_ABSENT, "[1]|{}|");
}

static void a_last_line_needs_no_end(void **state)
{
        (void)state;
        expect("{}\n{\"a\":1}", CONDITION_ABSENT, "{}|{\"a\":1}$");
        expect("{}\n\n", CONDITION_ABSENT, "{}|");
}

static void headers_are_read_in_any_case_and_order(void **state)
{
        (void)state;
        expect("Content-Length: 2\r\n\r\n{}Content-Length: 3\r\n\r\n[1]", CONDITION_ABSENT,
               "{}|[1]|");
        expect("X: y\ncontent-LENGTH:2  \nContent-Type: z\n\n{}", CONDITION_ABSENT, "{}|");
        expect("Content-Length: 0\r\n\r\nContent-Length: 1\r\n\r\nx", CONDITION_ABSENT, "|x|");
        expect("Content-Length: 2\r\nContent-Length: 2\r\n\r\nhi", CONDITION_ABSENT, "hi|");
}

static void half_frames_are_told(void **state)
{
        (void)state;
        expect("Content-Length: 5\r\n\r\n{}", FRAME_HALF, "");
        expect("Content-Len", FRAME_HALF, "");
        expect("Content-Length: 2\r\n\r\n{}C", FRAME_HALF, "{}|");
}

static void noise_is_refused(void **state)
{
        static const char *const noise[] = {
                "GET / HTTP/1.1\n",
                "hello\n",
                ": 5\n",
                "Content-Length: 5x\r\n",
                "Content-Length: -1\r\n",
                "Content-Length:\r\n",
                "\r\n",
                "Content-Length: 2\r\nContent-Length: 3\r\n",
                "X: y\n\n",
                "X: a\001b\n",
                "\x16\x03\x01\x02\n",
                "Content-Length : 5\r\n\r\nhello",
        };

        (void)state;
        for (size_t i = 0; i < N_ELEMENTS(noise); i++)
                expect(noise[i], FRAME_BROKEN, "");
}

static void the_limit_is_decided_from_the_header(void **state)
{
        (void)state;
        expect("Content-Length: 104857600\r\n", FRAME_TOO_LARGE, "");
        expect("Content-Length: 99999999999999999999999999\r\n", FRAME_TOO_LARGE, "");
        expect("Content-Length: 8388609\r\n", FRAME_TOO_LARGE, "");
        expect("Content-Length: 8388608\r\n", FRAME_HALF, "");
}

static void a_header_section_has_a_limit(void **state)
{
        _cleanup_buf_ struct buf in = {0}, out = {0};

        (void)state;
        while (in.n < FRAME_HEADER_MAX_BYTES)
                buf_add_text(&in, "X-Filler: 0123456789\r\n");
        assert_int_equal(feed(in.at, in.n, 1, &out), FRAME_BROKEN);
        buf_clear(&in);
        while (in.n < 5000)
                buf_add_char(&in, 'x');
        assert_int_equal(feed(in.at, in.n, 7, &out), FRAME_BROKEN);
}

static void a_line_has_a_limit(void **state)
{
        _cleanup_buf_ struct buf in = {0}, out = {0};

        (void)state;
        buf_add_char(&in, '{');
        while (in.n < FRAME_MAX_BYTES)
                buf_add_text(&in, "0123456789abcdef");
        in.n = FRAME_MAX_BYTES;
        assert_int_equal(feed(in.at, in.n, 65536, &out), CONDITION_ABSENT);
        assert_int_equal(out.n, FRAME_MAX_BYTES + 1);
        buf_add_char(&in, 'x');
        assert_int_equal(feed(in.at, in.n, 65536, &out), FRAME_TOO_LARGE);
}

static void what_is_missing_is_known_after_the_header(void **state)
{
        struct frame_decoder d = {0};
        struct span frame, in = SPAN("Content-Length: 100\r\n\r\n{");
        size_t used;

        (void)state;
        assert_int_equal(frame_n_missing(&d, 0), 0);
        assert_int_equal(frame_next(&d, in, &frame, &used), CONDITION_ABSENT);
        assert_int_equal(frame_n_missing(&d, in.n), 99);
}

static void what_is_written_is_read(void **state)
{
        (void)state;
        for (enum framing f = FRAMING_LINES; f <= FRAMING_HEADERS; f++) {
                _cleanup_buf_ struct buf b = {0}, out = {0};

                assert_int_equal(frame_write(&b, f, SPAN("{\"x\":\"y\"}")), 0);
                assert_int_equal(frame_write(&b, f, SPAN("{}")), 0);
                assert_int_equal(feed(b.at, b.n, 3, &out), CONDITION_ABSENT);
                assert_string_equal(out.at, "{\"x\":\"y\"}|{}|");
        }
}

static void a_reader_reads_a_descriptor(void **state)
{
        _cleanup_(frame_reader_done) struct frame_reader r;
        struct span frame;
        int fds[2];

        (void)state;
        assert_int_equal(pipe(fds), 0);
        frame_reader_init(&r);
        assert_int_equal(frame_reader_next(&r, &frame), CONDITION_ABSENT);
        assert_int_equal(write(fds[1], "{}\n[1", 5), 5);
        assert_int_equal(frame_reader_fill(&r, fds[0]), 0);
        assert_int_equal(frame_reader_next(&r, &frame), 0);
        assert_true(span_is_equal(frame, SPAN("{}")));
        assert_int_equal(frame_reader_next(&r, &frame), CONDITION_ABSENT);
        assert_int_equal(write(fds[1], "]\n", 2), 2);
        assert_int_equal(frame_reader_fill(&r, fds[0]), 0);
        assert_int_equal(frame_reader_next(&r, &frame), 0);
        assert_true(span_is_equal(frame, SPAN("[1]")));
        close(fds[1]);
        assert_int_equal(frame_reader_next(&r, &frame), CONDITION_ABSENT);
        assert_int_equal(frame_reader_fill(&r, fds[0]), CONDITION_ABSENT);
        close(fds[0]);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(lines_are_recognised_from_the_first_byte),
                cmocka_unit_test(a_last_line_needs_no_end),
                cmocka_unit_test(headers_are_read_in_any_case_and_order),
                cmocka_unit_test(half_frames_are_told),
                cmocka_unit_test(noise_is_refused),
                cmocka_unit_test(the_limit_is_decided_from_the_header),
                cmocka_unit_test(a_header_section_has_a_limit),
                cmocka_unit_test(a_line_has_a_limit),
                cmocka_unit_test(what_is_missing_is_known_after_the_header),
                cmocka_unit_test(what_is_written_is_read),
                cmocka_unit_test(a_reader_reads_a_descriptor),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
