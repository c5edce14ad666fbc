#include "unit.h"

#include "common/canon.h"
#include "common/json.h"
#include "common/str.h"

static struct hash of_json(const char *text)
{
        _cleanup_(canon_freep) struct canon *c = NULL;
        _cleanup_json_ json_t *value = NULL;
        struct hash h;

        assert_int_equal(json_read(span_of(text), &value, NULL), 0);
        assert_int_equal(canon_new(1, &c), 0);
        assert_int_equal(canon_add_json(c, 1, value), 0);
        canon_get(c, &h);
        return h;
}

static void test_equal_values(void **state)
{
        static const char *const pairs[][2] = {
                {"{\"a\":1,\"b\":[true,null]}", " { \"b\" : [ true , null ] , \"a\" : 1 } "},
                {"\"\\u00e9\"", "\"\xc3\xa9\""},
                {"1.50", "1.5"},
                {"1.5e1", "15.0"},
                {"-0.0", "0.0"},
                {"{\"aa\":1,\"a\":2,\"\":3}", "{\"\":3,\"a\":2,\"aa\":1}"},
        };

        (void)state;
        for (size_t i = 0; i < N_ELEMENTS(pairs); i++) {
                struct hash a = of_json(pairs[i][0]), b = of_json(pairs[i][1]);

                assert_true(hash_is_equal(&a, &b));
        }
}

/* All of these are different from each other. */
static void test_different_values(void **state)
{
        static const char *const values[] = {
                "null",
                "false",
                "true",
                "0",
                "1",
                "-1",
                "\"\"",
                "\"0\"",
                "\"null\"",
                "[]",
                "{}",
                "[[]]",
                "[null]",
                "85",
                "85.0",
                "\"85\"",
                "85.00000000000001",
                "[1,2]",
                "[2,1]",
                "[[1],2]",
                "[1,[2]]",
                "[[1,2]]",
                "{\"a\":\"b\"}",
                "[\"a\",\"b\"]",
                "{\"ab\":\"\"}",
                "{\"a\":null}",
                "{\"a\":1,\"b\":2}",
                "{\"a\":2,\"b\":1}",
                "9007199254740993",
                "9007199254740992",
                "1.20",
                "\"1.20\"",
                "\"1.2\"",
                "\"\xc3\xa9\"",
                "\"e\xcc\x81\"", /* no normalisation: bytes are what models see */
        };
        struct hash hashes[N_ELEMENTS(values)];

        (void)state;
        for (size_t i = 0; i < N_ELEMENTS(values); i++) {
                hashes[i] = of_json(values[i]);
                for (size_t j = 0; j < i; j++)
                        assert_false(hash_is_equal(&hashes[i], &hashes[j]));
        }
}

static struct hash of_records(uint16_t version, int which)
{
        _cleanup_(canon_freep) struct canon *c = NULL;
        static const struct hash zero;
        struct hash h;

        assert_int_equal(canon_new(version, &c), 0);
        switch (which) {
        case 0:
                break;
        case 1:
                canon_add_text(c, 1, "");
                break;
        case 2:
                canon_add_text(c, 1, "ab");
                canon_add_text(c, 2, "c");
                break;
        case 3:
                canon_add_text(c, 1, "a");
                canon_add_text(c, 2, "bc");
                break;
        case 4:
                canon_add_bytes(c, 1, "ab", 2);
                canon_add_text(c, 2, "c");
                break;
        case 5:
                canon_add_text(c, 2, "ab");
                canon_add_text(c, 1, "c");
                break;
        case 6:
                canon_add_u64(c, 1, 0);
                break;
        case 7:
                canon_add_bytes(c, 1, "\0\0\0\0\0\0\0\0", 8);
                break;
        case 8:
                canon_add_hash(c, 1, &zero);
                break;
        case 9:
                canon_add_bytes(c, 1, zero.at, sizeof(zero.at));
                break;
        case 10:
                canon_add_bytes(c, 1, NULL, 0);
                break;
        }
        canon_get(c, &h);
        return h;
}

static void test_records_differ(void **state)
{
        (void)state;
        for (int i = 0; i <= 10; i++) {
                struct hash a = of_records(1, i), again = of_records(1, i),
                            other = of_records(2, i);

                assert_true(hash_is_equal(&a, &again));
                assert_false(hash_is_equal(&a, &other));
                for (int j = 0; j < i; j++) {
                        struct hash b = of_records(1, j);

                        assert_false(hash_is_equal(&a, &b));
                }
        }
}

static void test_absent_is_left_out(void **state)
{
        _cleanup_(canon_freep) struct canon *c = NULL;
        struct hash h, empty = of_records(1, 0);

        (void)state;
        assert_int_equal(canon_new(1, &c), 0);
        canon_add_text(c, 1, NULL);
        canon_get(c, &h);
        assert_true(hash_is_equal(&h, &empty));
}

/* Stored keys outlive the program: the format may change only with its version. */
static void test_format_is_stable(void **state)
{
        _cleanup_(canon_freep) struct canon *c = NULL;
        _cleanup_json_ json_t *value = NULL;
        static const char whole[] = "\0\1"
                                    "\0\7t\0\0\0\0\0\0\0\2hi"
                                    "\0\10u\0\0\0\0\0\0\0\10\0\0\0\0\0\0\1\2"
                                    "\1\2j\0\0\0\0\0\0\0\45"
                                    "o\0\0\0\0\0\0\0\1\0\0\0\0\0\0\0\1k"
                                    "a\0\0\0\0\0\0\0\2n"
                                    "i\377\377\377\377\377\377\377\377";
        struct hash got, expected;

        (void)state;
        assert_int_equal(json_read(SPAN("{\"k\":[null,-1]}"), &value, NULL), 0);
        assert_int_equal(canon_new(1, &c), 0);
        canon_add_text(c, 7, "hi");
        canon_add_u64(c, 8, 258);
        assert_int_equal(canon_add_json(c, 258, value), 0);
        canon_get(c, &got);
        hash_of(whole, sizeof(whole) - 1, &expected);
        assert_true(hash_is_equal(&got, &expected));
}

static void test_depth(void **state)
{
        _cleanup_(canon_freep) struct canon *c = NULL;
        _cleanup_json_ json_t *value = json_null();

        (void)state;
        assert_int_equal(canon_new(1, &c), 0);
        for (int i = 0; i < 63; i++) {
                json_t *outer = json_array();

                assert_int_equal(json_add(outer, value), 0);
                value = outer;
        }
        assert_int_equal(canon_add_json(c, 1, value), 0);
        {
                json_t *outer = json_array();

                assert_int_equal(json_add(outer, value), 0);
                value = outer;
        }
        assert_int_equal(canon_add_json(c, 1, value), -E2BIG);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_equal_values),     cmocka_unit_test(test_different_values),
                cmocka_unit_test(test_records_differ),   cmocka_unit_test(test_absent_is_left_out),
                cmocka_unit_test(test_format_is_stable), cmocka_unit_test(test_depth),
        };

        return cmocka_run_group_tests_name("canon", tests, NULL, NULL);
}
