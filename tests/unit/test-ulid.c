#include "unit.h"

#include "common/clock.h"
#include "common/str.h"
#include "common/ulid.h"

static void test_text_of_known_value(void **state)
{
        struct ulid u = {{0x01, 0x56, 0x3e, 0x3a, 0xb5, 0xd3, 0xd6, 0x76, 0x4c, 0x61, 0xef, 0xb9,
                          0x93, 0x02, 0xbd, 0x5b}},
                    back, most;
        char text[ULID_TEXT_BYTES];

        (void)state;
        ulid_to_text(&u, text);
        assert_string_equal(text, "01ARZ3NDEKTSV4RRFFQ69G5FAV"); /* the specification's example */
        assert_int_equal(ulid_from_text(span_of(text), &back), 0);
        assert_memory_equal(u.at, back.at, ULID_BYTES);
        assert_int_equal(ulid_from_text(SPAN("01arz3ndektsv4rrffq69g5fav"), &back), 0);
        assert_memory_equal(u.at, back.at, ULID_BYTES);
        memset(most.at, 0xff, ULID_BYTES);
        ulid_to_text(&most, text);
        assert_string_equal(text, "7ZZZZZZZZZZZZZZZZZZZZZZZZZ");
        assert_int_equal(ulid_from_text(span_of(text), &back), 0);
        assert_memory_equal(most.at, back.at, ULID_BYTES);
}

static void test_refuses(void **state)
{
        static const char *const refused[] = {
                "",
                "01ARZ3NDEKTSV4RRFFQ69G5FA",
                "01ARZ3NDEKTSV4RRFFQ69G5FAVV",
                "81ARZ3NDEKTSV4RRFFQ69G5FAV", /* above 128 bits */
                "01ARZ3NDEKTSV4RRFFQ69G5FAI",
                "01ARZ3NDEKTSV4RRFFQ69G5FAL",
                "01ARZ3NDEKTSV4RRFFQ69G5FAO",
                "01ARZ3NDEKTSV4RRFFQ69G5FAU",
                "01ARZ3NDEK-SV4RRFFQ69G5FAV",
                "01ARZ3NDEK\xc3\xa9V4RRFFQ69G5FAV",
        };
        struct ulid u = {{9}};

        (void)state;
        for (size_t i = 0; i < N_ELEMENTS(refused); i++)
                assert_int_equal(ulid_from_text(span_of(refused[i]), &u), -EINVAL);
        assert_int_equal(u.at[0], 9);
}

static void test_monotonic(void **state)
{
        struct ulid last = {{0}}, before, next;

        (void)state;
        ulid_next(&last, &before);
        for (int i = 0; i < 10000; i++) {
                char a[ULID_TEXT_BYTES], b[ULID_TEXT_BYTES];

                ulid_next(&last, &next);
                assert_true(memcmp(before.at, next.at, ULID_BYTES) < 0);
                assert_memory_equal(last.at, next.at, ULID_BYTES);
                ulid_to_text(&before, a);
                ulid_to_text(&next, b);
                assert_true(strcmp(a, b) < 0);
                before = next;
        }
}

/* Seeded from storage written by a clock that was ahead: ids still grow, and chance may carry into
 * the time. */
static void test_clock_that_was_set_back(void **state)
{
        struct ulid last, next;

        (void)state;
        memset(last.at, 0xff, ULID_BYTES);
        last.at[0] = 0x7f;
        ulid_next(&last, &next);
        assert_int_equal(next.at[0], 0x80);
        for (int i = 1; i < ULID_BYTES; i++)
                assert_int_equal(next.at[i], 0);
}

static void test_carries_the_time(void **state)
{
        struct ulid last = {{0}}, next;
        uint64_t now = clock_realtime_ms(), ms = 0;

        (void)state;
        ulid_next(&last, &next);
        for (int i = 0; i < 6; i++)
                ms = ms << 8 | next.at[i];
        assert_in_range(ms, now, now + 60000);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_text_of_known_value),
                cmocka_unit_test(test_refuses),
                cmocka_unit_test(test_monotonic),
                cmocka_unit_test(test_clock_that_was_set_back),
                cmocka_unit_test(test_carries_the_time),
        };

        return cmocka_run_group_tests_name("ulid", tests, NULL, NULL);
}
