#include "unit.h"

#include <stdio.h>

#include "common/buf.h"

static void test_append(void **state)
{
        _cleanup_buf_ struct buf b;

        (void)state;
        buf_init(&b, 0);
        assert_null(b.at);
        assert_int_equal(buf_span(&b).n, 0);
        assert_int_equal(buf_add_text(&b, "one"), 0);
        assert_int_equal(buf_add_char(&b, ' '), 0);
        assert_int_equal(buf_printf(&b, "%d-%s", 2, "two"), 0);
        assert_int_equal(buf_add_span(&b, SPAN("")), 0);
        assert_string_equal(b.at, "one 2-two");
        assert_int_equal(b.n, 9);
}

static void test_grows_and_stays_terminated(void **state)
{
        _cleanup_buf_ struct buf b;

        (void)state;
        buf_init(&b, 0);
        for (int i = 0; i < 100000; i++) {
                assert_int_equal(buf_add_char(&b, (char)('a' + i % 26)), 0);
                assert_int_equal(b.at[b.n], '\0');
        }
        assert_int_equal(b.n, 100000);
        assert_int_equal(b.at[99999], 'a' + 99999 % 26);
        /* Geometric: appending byte by byte must not be quadratic, nor waste more than half. */
        assert_true(b.room < 160000);
}

static void test_ceiling_is_sticky(void **state)
{
        _cleanup_buf_ struct buf b;

        (void)state;
        buf_init(&b, 4);
        assert_int_equal(buf_add_text(&b, "abcd"), 0);
        assert_int_equal(buf_add_char(&b, 'e'), -EMSGSIZE);
        assert_int_equal(b.failed, -EMSGSIZE);
        assert_string_equal(b.at, "abcd");
        /* Also for what would fit: a builder tests once, at the end. */
        assert_int_equal(buf_add_span(&b, SPAN("")), -EMSGSIZE);
        assert_int_equal(buf_printf(&b, "x"), -EMSGSIZE);
        assert_null(buf_steal(&b, NULL));
        buf_clear(&b);
        assert_int_equal(buf_add_text(&b, "wxyz"), 0);
        assert_string_equal(b.at, "wxyz");
}

static void test_ceiling_of_huge_request(void **state)
{
        _cleanup_buf_ struct buf b;

        (void)state;
        buf_init(&b, 0);
        assert_int_equal(buf_reserve(&b, SIZE_MAX), -EMSGSIZE);
        buf_clear(&b);
        assert_int_equal(buf_reserve(&b, BUF_MAX_BYTES + 1), -EMSGSIZE);
}

static void test_consume(void **state)
{
        _cleanup_buf_ struct buf b;

        (void)state;
        buf_init(&b, 0);
        buf_consume(&b, 0); /* before the first append */
        assert_int_equal(buf_add(&b, "a\0bc", 4), 0);
        buf_consume(&b, 2);
        assert_bytes_equal(b.at, b.n, "bc");
        buf_consume(&b, 2);
        assert_string_equal(b.at, "");
}

static void test_steal(void **state)
{
        _cleanup_buf_ struct buf b;
        _cleanup_free_ char *first = NULL, *second = NULL;
        size_t n = 99;

        (void)state;
        buf_init(&b, 10);
        first = buf_steal(&b, &n);
        assert_string_equal(first, "");
        assert_int_equal(n, 0);
        assert_int_equal(buf_add_text(&b, "text"), 0);
        second = buf_steal(&b, &n);
        assert_string_equal(second, "text");
        assert_int_equal(n, 4);
        assert_int_equal(b.n, 0);
        assert_int_equal(b.max_bytes, 10);
}

static void test_printf_of_long_text(void **state)
{
        _cleanup_buf_ struct buf b;
        char text[5000];

        (void)state;
        memset(text, 'x', sizeof(text) - 1);
        text[sizeof(text) - 1] = '\0';
        buf_init(&b, 0);
        assert_int_equal(buf_printf(&b, "<%s>", text), 0);
        assert_int_equal(b.n, 5001);
        assert_int_equal(b.at[5000], '>');
}

static void test_numbers(void **state)
{
        static const uint64_t numbers[] = {0, 9, 10, 1234567890, UINT64_MAX};
        _cleanup_buf_ struct buf b;

        (void)state;
        buf_init(&b, 0);
        for (size_t i = 0; i < N_ELEMENTS(numbers); i++) {
                char expected[32];

                snprintf(expected, sizeof(expected), "%llu", (unsigned long long)numbers[i]);
                buf_clear(&b);
                assert_int_equal(buf_add_u64(&b, numbers[i]), 0);
                assert_string_equal(b.at, expected);
        }
}

/* What is longer than the room that is there, and what is just as long. */
static void test_printf_grows(void **state)
{
        _cleanup_buf_ struct buf b;

        (void)state;
        buf_init(&b, 0);
        for (int n = 0; n < 300; n++) {
                buf_clear(&b);
                assert_int_equal(buf_printf(&b, "%*d", n, 7), 0);
                assert_int_equal(b.n, MAX2(n, 1));
                assert_int_equal(strlen(b.at), b.n);
                assert_int_equal(buf_printf(&b, "%s", "tail"), 0);
                assert_string_equal(b.at + b.n - 5, "7tail");
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_numbers),
                cmocka_unit_test(test_printf_grows),
                cmocka_unit_test(test_append),
                cmocka_unit_test(test_grows_and_stays_terminated),
                cmocka_unit_test(test_ceiling_is_sticky),
                cmocka_unit_test(test_ceiling_of_huge_request),
                cmocka_unit_test(test_consume),
                cmocka_unit_test(test_steal),
                cmocka_unit_test(test_printf_of_long_text),
        };

        return cmocka_run_group_tests_name("buf", tests, NULL, NULL);
}
