#include "unit.h"

#include <locale.h>
#include <math.h>

#include "common/str.h"

static void test_u64(void **state)
{
        static const char *const refused[] = {"",     " 1",  "1 ",  "+1", "-1",
                                              "0x10", "1.0", "1e3", "１", "1\n"};
        uint64_t value = 7;

        (void)state;
        assert_int_equal(str_to_u64("0", &value), 0);
        assert_int_equal(value, 0);
        assert_int_equal(str_to_u64("18446744073709551615", &value), 0);
        assert_true(value == UINT64_MAX);
        value = 7;
        assert_int_equal(str_to_u64("18446744073709551616", &value), -ERANGE);
        assert_int_equal(str_to_u64("99999999999999999999999", &value), -ERANGE);
        for (size_t i = 0; i < N_ELEMENTS(refused); i++)
                assert_int_equal(str_to_u64(refused[i], &value), -EINVAL);
        assert_int_equal(value, 7); /* written only on success */
}

static void test_i64(void **state)
{
        int64_t value;

        (void)state;
        assert_int_equal(str_to_i64("-9223372036854775808", &value), 0);
        assert_true(value == INT64_MIN);
        assert_int_equal(str_to_i64("9223372036854775807", &value), 0);
        assert_true(value == INT64_MAX);
        assert_int_equal(str_to_i64("9223372036854775808", &value), -ERANGE);
        assert_int_equal(str_to_i64("-9223372036854775809", &value), -ERANGE);
        assert_int_equal(str_to_i64("-", &value), -EINVAL);
        assert_int_equal(str_to_i64("--1", &value), -EINVAL);
        assert_int_equal(str_to_i64("", &value), -EINVAL);
}

static void test_double(void **state)
{
        static const char *const refused[] = {"",   ".",   "nan", "inf", "0x1p3", " 1",
                                              "1 ", "1,5", "1e",  "--1", "1.2.3"};
        double value;

        (void)state;
        assert_int_equal(str_to_double("-1.25e2", &value), 0);
        assert_true(value == -125.0);
        assert_int_equal(str_to_double("1e999", &value), -ERANGE);
        for (size_t i = 0; i < N_ELEMENTS(refused); i++)
                assert_int_equal(str_to_double(refused[i], &value), -EINVAL);
}

static void test_double_to_text(void **state)
{
        static const struct {
                double value;
                const char *text;
        } rows[] = {
                {0.1, "0.1"},
                {85, "85.0"},
                {-3, "-3.0"},
                {1.2, "1.2"},
                {1e22, "1e+22"},
                {1.0 / 3, "0.3333333333333333"},
                {0.1 + 0.2, "0.30000000000000004"},
                {5e-324, "5e-324"},
        };
        char text[STR_DOUBLE_BYTES];

        (void)state;
        for (size_t i = 0; i < N_ELEMENTS(rows); i++) {
                double back;

                str_from_double(rows[i].value, text);
                assert_string_equal(text, rows[i].text);
                assert_int_equal(str_to_double(text, &back), 0);
                assert_true(back == rows[i].value);
        }
        str_from_double(-1.7976931348623157e308, text);
        assert_string_equal(text, "-1.7976931348623157e+308");
}

/* A program's locale must not change identities: a comma there is still a point here. */
static void test_double_in_other_locale(void **state)
{
        static const char *const locales[] = {"de_DE.UTF-8", "de_DE.utf8", "fr_FR.UTF-8"};
        char text[STR_DOUBLE_BYTES];
        double value;
        bool was_set = false;

        (void)state;
        for (size_t i = 0; i < N_ELEMENTS(locales) && !was_set; i++)
                was_set = setlocale(LC_ALL, locales[i]) != NULL;
        if (!was_set)
                skip();
        str_from_double(1.5, text);
        assert_int_equal(str_to_double("1.5", &value), 0);
        setlocale(LC_ALL, "C");
        assert_string_equal(text, "1.5");
        assert_true(value == 1.5);
}

static void test_quantities(void **state)
{
        static const char *const bad_bytes[] = {"", "GiB", "1.5G", "-1", "1 G", "1Gi", "1x"};
        static const char *const bad_times[] = {"", "30", "s", "1.5s", "-1s", "1 s", "1y"};
        uint64_t value;

        (void)state;
        assert_int_equal(str_to_bytes("2GiB", &value), 0);
        assert_true(value == UINT64_C(2) << 30);
        assert_int_equal(str_to_bytes("500k", &value), 0);
        assert_int_equal(value, 500 * 1024);
        assert_int_equal(str_to_bytes("12", &value), 0);
        assert_int_equal(value, 12);
        assert_int_equal(str_to_bytes("4mb", &value), 0);
        assert_int_equal(value, 4 << 20);
        assert_int_equal(str_to_bytes("99999999TiB", &value), -ERANGE);
        for (size_t i = 0; i < N_ELEMENTS(bad_bytes); i++)
                assert_int_equal(str_to_bytes(bad_bytes[i], &value), -EINVAL);
        assert_int_equal(str_to_ms("30d", &value), 0);
        assert_true(value == UINT64_C(30) * 86400000);
        assert_int_equal(str_to_ms("90s", &value), 0);
        assert_int_equal(value, 90000);
        assert_int_equal(str_to_ms("250ms", &value), 0);
        assert_int_equal(value, 250);
        assert_int_equal(str_to_ms("5m", &value), 0);
        assert_int_equal(value, 300000);
        assert_int_equal(str_to_ms("0", &value), 0);
        assert_int_equal(value, 0);
        assert_int_equal(str_to_ms("18446744073709551615w", &value), -ERANGE);
        for (size_t i = 0; i < N_ELEMENTS(bad_times); i++)
                assert_int_equal(str_to_ms(bad_times[i], &value), -EINVAL);
}

static void test_utf8(void **state)
{
        static const struct {
                struct span s;
                bool is_valid;
        } rows[] = {
                {SPAN(""), true},
                {SPAN("plain ASCII that is longer than eight bytes"), true},
                {SPAN("gr\xc3\xbc\xc3\x9f"), true},
                {SPAN("\xe2\x82\xac"), true},
                {SPAN("\xf0\x9f\x98\x80"), true},
                {SPAN("\xf4\x8f\xbf\xbf"), true},
                {SPAN("a\0b"), true},
                {SPAN("12345678\xc3"), false},     /* cut off at the end */
                {SPAN("\xc0\xaf"), false},         /* overlong */
                {SPAN("\xe0\x80\xaf"), false},     /* overlong */
                {SPAN("\xf0\x80\x80\xaf"), false}, /* overlong */
                {SPAN("\xed\xa0\x80"), false},     /* surrogate */
                {SPAN("\xf4\x90\x80\x80"), false}, /* beyond U+10FFFF */
                {SPAN("\xf5\x80\x80\x80"), false},
                {SPAN("\x80"), false},
                {SPAN("\xc3("), false},
                {SPAN("\xe2\x28\xa1"), false},
                {SPAN("\xff"), false},
        };

        (void)state;
        for (size_t i = 0; i < N_ELEMENTS(rows); i++)
                assert_int_equal(str_is_utf8(rows[i].s), rows[i].is_valid);
}

static void test_mended(void **state)
{
        static const char *const rows[][2] = {{"", ""},
                                              {"plain", "plain"},
                                              {"gr\xc3\xbc\xc3\x9f", "gr\xc3\xbc\xc3\x9f"},
                                              {"gr\xc3", "gr…"},
                                              {"\xf0\x9f\x98` is odd", "…` is odd"},
                                              {"\xbc\xff\xfe", "…"},
                                              {"a\xffz\xff", "a…z…"}};

        (void)state;
        for (size_t i = 0; i < N_ELEMENTS(rows); i++) {
                _cleanup_free_ char *mended = str_mended(span_of(rows[i][0]));

                assert_non_null(mended);
                assert_string_equal(mended, rows[i][1]);
                assert_true(str_is_utf8(span_of(mended)));
        }
        assert_int_equal(str_head(span_of("a\xc3\xbc"), 3).n, 3);
        assert_int_equal(str_head(span_of("a\xc3\xbc"
                                          "b"),
                                  2)
                                 .n,
                         1);
        assert_int_equal(str_head(span_of("\xc3\xbc"
                                          "b"),
                                  1)
                                 .n,
                         0);
}

static void test_prefix_suffix_equal(void **state)
{
        (void)state;
        assert_true(str_has_prefix("abc", "ab"));
        assert_true(str_has_prefix("abc", ""));
        assert_false(str_has_prefix("ab", "abc"));
        assert_true(str_has_suffix("abc", "bc"));
        assert_true(str_has_suffix("abc", ""));
        assert_false(str_has_suffix("c", "bc"));
        assert_true(str_is_equal(NULL, NULL));
        assert_false(str_is_equal(NULL, ""));
        assert_false(str_is_equal("", NULL));
        assert_true(str_is_equal("a", "a"));
}

static void test_trim(void **state)
{
        struct span s = str_trim(SPAN(" \t a b\r\n"));

        (void)state;
        assert_bytes_equal(s.at, s.n, "a b");
        assert_int_equal(str_trim(SPAN(" \n ")).n, 0);
        assert_int_equal(str_trim((struct span){NULL, 0}).n, 0);
        s = str_trim(SPAN("\xc2\xa0x")); /* no white space of Unicode */
        assert_int_equal(s.n, 3);
}

static void test_nearest(void **state)
{
        static const char *const names[] = {"entities", "packages", "relations", "a",
                                            "description"};
        char longer[200];

        (void)state;
        assert_string_equal(str_nearest("entites", names, N_ELEMENTS(names)), "entities");
        assert_string_equal(str_nearest("Packages", names, N_ELEMENTS(names)), "packages");
        assert_string_equal(str_nearest("realtions", names, N_ELEMENTS(names)), "relations");
        assert_null(str_nearest("colour", names, N_ELEMENTS(names)));
        assert_null(str_nearest("b", names, N_ELEMENTS(names)));
        assert_null(str_nearest("entities", names, 0));
        memset(longer, 'e', sizeof(longer) - 1);
        longer[sizeof(longer) - 1] = '\0';
        assert_null(str_nearest(longer, names, N_ELEMENTS(names)));
}

static void test_list(void **state)
{
        struct strlist l = {0};

        (void)state;
        assert_false(strlist_has(&l, "0"));
        for (int i = 0; i < 100; i++) {
                _cleanup_free_ char *text = str_printf("%d", i);

                assert_non_null(text);
                assert_int_equal(strlist_add(&l, text), 0);
        }
        assert_int_equal(strlist_add_span(&l, (struct span){"longer", 4}), 0);
        assert_int_equal(l.n, 101);
        assert_string_equal(l.at[57], "57");
        assert_true(strlist_has(&l, "long"));
        assert_false(strlist_has(&l, "longer"));
        strlist_done(&l);
        assert_int_equal(l.n, 0);
        strlist_done(&l);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_u64),
                cmocka_unit_test(test_i64),
                cmocka_unit_test(test_double),
                cmocka_unit_test(test_double_to_text),
                cmocka_unit_test(test_double_in_other_locale),
                cmocka_unit_test(test_quantities),
                cmocka_unit_test(test_utf8),
                cmocka_unit_test(test_mended),
                cmocka_unit_test(test_prefix_suffix_equal),
                cmocka_unit_test(test_trim),
                cmocka_unit_test(test_nearest),
                cmocka_unit_test(test_list),
        };

        return cmocka_run_group_tests_name("str", tests, NULL, NULL);
}
