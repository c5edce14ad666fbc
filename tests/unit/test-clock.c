#include "unit.h"

#include "common/clock.h"

static void test_format(void **state)
{
        char text[CLOCK_RFC3339_BYTES];

        (void)state;
        clock_format_rfc3339(0, text);
        assert_string_equal(text, "1970-01-01T00:00:00.000Z");
        clock_format_rfc3339(UINT64_C(1767323045678), text);
        assert_string_equal(text, "2026-01-02T03:04:05.678Z");
        clock_format_rfc3339(UINT64_MAX, text); /* no room for a year of five digits */
        assert_string_equal(text, "9999-12-31T23:59:59.999Z");
}

static void test_parse(void **state)
{
        static const struct {
                const char *text;
                uint64_t ms;
        } rows[] = {
                {"1970-01-01T00:00:00Z", 0},
                {"2026-01-02T03:04:05.678Z", UINT64_C(1767323045678)},
                {"2026-01-02t03:04:05.678901z", UINT64_C(1767323045678)},
                {"2026-01-02 03:04:05Z", UINT64_C(1767323045000)},
                {"2026-01-02T05:34:05.678+02:30", UINT64_C(1767323045678)},
                {"2026-01-01T19:04:05.678-08:00", UINT64_C(1767323045678)},
                {"2024-02-29T00:00:00Z", UINT64_C(1709164800000)},
                {"2016-12-31T23:59:60Z", UINT64_C(1483228799000)},
        };
        static const char *const refused[] = {
                "",
                "2026-01-02",
                "2026-01-02T03:04:05",
                "2026-01-02T03:04:05.Z",
                "2026-13-02T03:04:05Z",
                "2026-00-02T03:04:05Z",
                "2026-02-30T03:04:05Z",
                "2025-02-29T00:00:00Z",
                "2026-01-02T24:04:05Z",
                "2026-01-02T03:60:05Z",
                "2026-01-02T03:04:61Z",
                "2026-01-02T03:04:05Zx",
                "2026-01-02T03:04:05+0230",
                "26-01-02T03:04:05Z",
                "1969-12-31T23:59:59Z",
                " 2026-01-02T03:04:05Z",
        };
        uint64_t ms;

        (void)state;
        for (size_t i = 0; i < N_ELEMENTS(rows); i++) {
                assert_int_equal(clock_parse_rfc3339(rows[i].text, &ms), 0);
                assert_true(ms == rows[i].ms);
        }
        for (size_t i = 0; i < N_ELEMENTS(refused); i++)
                assert_int_equal(clock_parse_rfc3339(refused[i], &ms), -EINVAL);
        assert_int_equal(clock_parse_rfc3339("1970-01-01T00:00:00+01:00", &ms), -ERANGE);
}

static void test_clocks_go_forward(void **state)
{
        uint64_t before = clock_monotonic_usec();

        (void)state;
        assert_true(clock_monotonic_usec() >= before);
        assert_true(clock_boottime_usec() >= before); /* counts sleep too */
        assert_true(clock_realtime_ms() > UINT64_C(1700000000000));
}

static void test_random(void **state)
{
        uint8_t a[300] = {0}, b[300] = {0};
        unsigned seen = 0;

        (void)state;
        clock_random(a, sizeof(a));
        clock_random(b, sizeof(b));
        assert_memory_not_equal(a, b, sizeof(a));
        for (int i = 0; i < 1000; i++) {
                uint64_t value = clock_random_below(5);

                assert_true(value < 5);
                seen |= 1u << value;
        }
        assert_int_equal(seen, 31);
        assert_int_equal(clock_random_below(1), 0);
}

static void test_advance(void **state)
{
        uint64_t monotonic = clock_monotonic_usec(), boot = clock_boottime_usec(),
                 real = clock_realtime_ms();

        (void)state;
        clock_test_advance_usec(UINT64_C(3600) * 1000000);
        assert_in_range(clock_monotonic_usec() - monotonic, 3600000000u, 3660000000u);
        assert_in_range(clock_boottime_usec() - boot, 3600000000u, 3660000000u);
        assert_in_range(clock_realtime_ms() - real, 3600000, 3660000);
}

static void test_seed(void **state)
{
        uint8_t a[21], b[21];

        (void)state;
        clock_test_seed(42);
        clock_random(a, sizeof(a));
        clock_test_seed(42);
        clock_random(b, sizeof(b));
        assert_memory_equal(a, b, sizeof(a));
        clock_test_seed(43);
        clock_random(b, sizeof(b));
        assert_memory_not_equal(a, b, sizeof(a));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_format),
                cmocka_unit_test(test_parse),
                cmocka_unit_test(test_clocks_go_forward),
                cmocka_unit_test(test_random),
                cmocka_unit_test(test_advance),
                cmocka_unit_test(test_seed),
        };

        return cmocka_run_group_tests_name("clock", tests, NULL, NULL);
}
