#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "daemon/provider/sse.h"

/* Events as one text: "type=data;" each. */
static int note(const char *type, struct span data, void *arg)
{
        struct buf *seen = arg;

        (void)buf_printf(seen, "%s=", type);
        (void)buf_add_span(seen, data);
        return buf_add_char(seen, ';');
}

static void feed(struct span text, size_t n_piece, struct buf *seen)
{
        struct sse s;

        sse_init(&s);
        for (size_t at = 0; at < text.n; at += n_piece) {
                struct span piece = {text.at + at, MIN2(n_piece, text.n - at)};

                assert_int_equal(sse_feed(&s, piece, note, seen), 0);
        }
        sse_done(&s);
}

/* However the bytes are split. */
static void check(const char *text, const char *expected)
{
        for (size_t n_piece = 1; n_piece <= strlen(text); n_piece++) {
                _cleanup_buf_ struct buf seen = {};

                feed(span_of(text), n_piece, &seen);
                assert_string_equal(seen.at ?: "", expected);
        }
}

static void test_line_ends(void **state)
{
        (void)state;
        check("event: a\ndata: 1\n\ndata: 2\n\n", "a=1;=2;");
        check("event: a\r\ndata: 1\r\n\r\ndata: 2\r\n\r\n", "a=1;=2;");
        check("event: a\rdata: 1\r\rdata: 2\r\r", "a=1;=2;");
        check("data: 1\r\n\ndata: 2\n\r\n", "=1;=2;");
}

static void test_fields(void **state)
{
        (void)state;
        check("data:1\n\n", "=1;");
        check("data:  1\n\n", "= 1;");
        check("data: a\ndata\ndata: b\n\n", "=a\n\nb;");
        check("id: 7\nretry: 5\nfoo\ndata: x\n\n", "=x;");
        check(": a comment\n\n:\ndata: x\n: between\n\n", "=x;");
        check("event: a\n\ndata: x\n\n", "=x;");
        check("data\n\n", "=;");
}

static void test_unfinished_is_dropped(void **state)
{
        (void)state;
        check("data: 1\n\ndata: 2\n", "=1;");
        check("data: 1\n\ndata: 2", "=1;");
        check("\n\n\n", "");
}

static void test_byte_order_mark(void **state)
{
        (void)state;
        check("\xef\xbb\xbf"
              "data: 1\n\n",
              "=1;");
        check("data: \xef\xbb\xbf\n\n", "=\xef\xbb\xbf;");
}

static void test_bare_object(void **state)
{
        (void)state;
        check("data: 1\n\n{\"error\":\"x\"}\n", "=1;={\"error\":\"x\"};");
}

static void test_long_type_is_cut(void **state)
{
        _cleanup_buf_ struct buf seen = {};
        _cleanup_buf_ struct buf text = {};

        (void)state;
        assert_int_equal(buf_add_text(&text, "event: "), 0);
        for (int i = 0; i < 200; i++)
                assert_int_equal(buf_add_char(&text, 't'), 0);
        assert_int_equal(buf_add_text(&text, "\ndata: x\n\n"), 0);
        feed(buf_span(&text), 7, &seen);
        assert_int_equal(seen.n, SSE_TYPE_BYTES - 1 + strlen("=x;"));
}

static void test_limit(void **state)
{
        struct sse s;
        char piece[4096];
        int r = 0;
        size_t n = 0;

        (void)state;
        memset(piece, 'x', sizeof(piece));
        sse_init(&s);
        while (r == 0 && n <= SSE_EVENT_BYTES) {
                r = sse_feed(&s, (struct span){piece, sizeof(piece)}, note, NULL);
                n += sizeof(piece);
        }
        assert_int_equal(r, -EMSGSIZE);
        sse_done(&s);
}

static int stop(const char *type, struct span data, void *arg)
{
        (void)type;
        (void)data;
        (*(int *)arg)++;
        return CONDITION_REFUSED;
}

static void test_reader_may_stop(void **state)
{
        struct sse s;
        int n = 0;

        (void)state;
        sse_init(&s);
        assert_int_equal(sse_feed(&s, SPAN("data: 1\n\ndata: 2\n\n"), stop, &n), CONDITION_REFUSED);
        assert_int_equal(n, 1);
        sse_done(&s);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_line_ends),
                cmocka_unit_test(test_fields),
                cmocka_unit_test(test_unfinished_is_dropped),
                cmocka_unit_test(test_byte_order_mark),
                cmocka_unit_test(test_bare_object),
                cmocka_unit_test(test_long_type_is_cut),
                cmocka_unit_test(test_limit),
                cmocka_unit_test(test_reader_may_stop),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
