#include "unit.h"

#include <stdio.h>

#include "common/json.h"
#include "common/str.h"

static void test_refuses(void **state)
{
        static const struct {
                struct span text;
                unsigned line;
        } rows[] = {
                {SPAN(""), 1},
                {SPAN("{\"a\":1,\"a\":2}"), 1},
                {SPAN("{} {}"), 1},
                {SPAN("[1,]"), 1},
                {SPAN("{\n\"a\": tru\n}"), 2},
                {SPAN("\"\\u0000\""), 1},
                {SPAN("\"\xff\""), 1},
                {SPAN("\"\xed\xa0\x80\""), 1},
                {SPAN("NaN"), 1},
                {SPAN("123456789012345678901234567890"), 1},
                {SPAN("'a'"), 1},
                {SPAN("\"a\0b\""), 1},
        };

        (void)state;
        for (size_t i = 0; i < N_ELEMENTS(rows); i++) {
                struct diag diag = {0};
                json_t *value = NULL;

                assert_int_equal(json_read(rows[i].text, &value, &diag), CONDITION_REFUSED);
                assert_null(value);
                assert_int_equal(diag.line, rows[i].line);
                assert_true(strlen(diag.text) > 0);
                assert_int_equal(json_read(rows[i].text, &value, NULL), CONDITION_REFUSED);
        }
}

static void test_depth_bomb(void **state)
{
        _cleanup_free_ char *text = malloc(100000);
        struct diag diag;
        json_t *value;

        (void)state;
        memset(text, '[', 100000);
        assert_int_equal(json_read((struct span){text, 100000}, &value, &diag), CONDITION_REFUSED);
}

static void test_reads_any_value_exactly(void **state)
{
        static const char *const texts[] = {"null",
                                            "true",
                                            "\"a\"",
                                            "9007199254740993",
                                            "[]",
                                            "{}",
                                            "{\"a\":[1,-2.5,\"\xf0\x9f\x98\x80\",null]}"};

        (void)state;
        for (size_t i = 0; i < N_ELEMENTS(texts); i++) {
                _cleanup_json_ json_t *value = NULL;
                _cleanup_free_ char *text = NULL;

                assert_int_equal(json_read(span_of(texts[i]), &value, NULL), 0);
                text = json_to_text(value);
                assert_string_equal(text, texts[i]);
        }
}

static void test_write_sorts_keys(void **state)
{
        _cleanup_json_ json_t *value = json_object();
        _cleanup_buf_ struct buf b;

        (void)state;
        buf_init(&b, 0);
        assert_int_equal(json_put(value, "b", json_integer(2)), 0);
        assert_int_equal(json_put(value, "a", json_real(0.1)), 0);
        assert_int_equal(json_put(value, "B", json_null()), 0);
        assert_int_equal(buf_add_text(&b, "x"), 0);
        assert_int_equal(json_write(value, &b), 0);
        assert_string_equal(b.at, "x{\"B\":null,\"a\":0.10000000000000001,\"b\":2}");
}

/* A value of any form, from a sequence that is the same in every run. */
static json_t *some_value(uint32_t *seed, unsigned depth)
{
        static const char *const texts[] = {"", "a", "\n\t\"\\", "\x01\x1f\x7f", "\xc3\xa9", "b/c"};
        uint32_t n = (*seed = *seed * 1664525 + 1013904223) >> 16;
        json_t *value;

        switch (depth == 0 ? n % 6 : n % 8) {
        case 0:
                return json_integer((json_int_t)n * (n % 2 ? -7919 : 1));
        case 1:
                return json_real((n % 2 ? 1e22 : 1e-7) * n);
        case 2:
                return json_boolean(n % 2);
        case 3:
                return json_null();
        case 4:
        case 5:
                return json_string(texts[n % N_ELEMENTS(texts)]);
        case 6:
                value = json_array();
                for (uint32_t i = 0; i < n % 5; i++)
                        json_array_append_new(value, some_value(seed, depth - 1));
                return value;
        default:
                value = json_object();
                for (uint32_t i = 0; i < n % 50; i++) {
                        char key[16];

                        snprintf(key, sizeof(key), "%x", (n * (i + 1)) % 1000);
                        json_object_set_new(value, key, some_value(seed, depth - 1));
                }
                return value;
        }
}

static void test_writes_what_jansson_writes(void **state)
{
        uint32_t seed = 7;

        (void)state;
        for (size_t i = 0; i < 2000; i++) {
                _cleanup_json_ json_t *value = some_value(&seed, 3), *again = NULL;
                _cleanup_free_ char *text = json_to_text(value);
                _cleanup_free_ char *theirs =
                        json_dumps(value, JSON_COMPACT | JSON_SORT_KEYS | JSON_ENCODE_ANY |
                                                  JSON_REAL_PRECISION(17));

                if (!strstr(text, "\\u00")) /* digits of those are small here, large there */
                        assert_string_equal(text, theirs);
                assert_int_equal(json_read(span_of(text), &again, NULL), 0);
                assert_true(json_equal(value, again));
        }
}

static void test_write_limits(void **state)
{
        _cleanup_json_ json_t *deep = json_array(), *around = json_array();
        _cleanup_buf_ struct buf b = {0};

        (void)state;
        buf_init(&b, 0);
        assert_int_equal(json_write(NULL, &b), -ENOMEM);
        for (int i = 0; i < 2047; i++)
                deep = json_pack("[o]", deep);
        assert_int_equal(json_write(deep, &b), 0);
        assert_int_equal(b.n, 2 * 2048);
        deep = json_pack("[o]", deep);
        assert_int_equal(json_write(deep, &b), -EINVAL);
        buf_clear(&b);
        assert_int_equal(json_array_append_new(around, json_integer(INT64_MIN)), 0);
        assert_int_equal(json_write(around, &b), 0);
        assert_string_equal(b.at, "[-9223372036854775808]");
}

static void test_write_over_ceiling(void **state)
{
        _cleanup_json_ json_t *value = json_string("more than ten bytes");
        _cleanup_buf_ struct buf b;

        (void)state;
        buf_init(&b, 10);
        assert_int_equal(json_write(value, &b), -EMSGSIZE);
}

static void test_write_string(void **state)
{
        static const struct {
                struct span s;
                const char *json;
        } rows[] = {
                {SPAN(""), "\"\""},
                {SPAN("a\"b\\c/d"), "\"a\\\"b\\\\c/d\""},
                {SPAN("\b\f\n\r\t\x01\x1f"), "\"\\b\\f\\n\\r\\t\\u0001\\u001f\""},
                {SPAN("\0"), "\"\\u0000\""},
                {SPAN("\xc3\xa9\xf0\x9f\x98\x80\x7f"), "\"\xc3\xa9\xf0\x9f\x98\x80\x7f\""},
        };
        _cleanup_buf_ struct buf b;

        (void)state;
        buf_init(&b, 0);
        for (size_t i = 0; i < N_ELEMENTS(rows); i++) {
                buf_clear(&b);
                assert_int_equal(json_write_string(&b, rows[i].s), 0);
                assert_string_equal(b.at, rows[i].json);
        }
        buf_clear(&b);
        assert_int_equal(json_write_string(&b, SPAN("\xc3")), -EINVAL);
        assert_int_equal(b.n, 0);
}

static void test_getters(void **state)
{
        _cleanup_json_ json_t *value = NULL;
        uint64_t n = 5;

        (void)state;
        assert_int_equal(json_read(SPAN("{\"t\":\"x\",\"n\":3,\"m\":-1,\"r\":1.0,\"b\":true}"),
                                   &value, NULL),
                         0);
        assert_string_equal(json_get_text(value, "t"), "x");
        assert_null(json_get_text(value, "n"));
        assert_null(json_get_text(value, "absent"));
        assert_null(json_get_text(NULL, "t"));
        assert_true(json_get_u64(value, "n", &n));
        assert_int_equal(n, 3);
        assert_false(json_get_u64(value, "m", &n));
        assert_false(json_get_u64(value, "r", &n));
        assert_false(json_get_u64(value, "t", &n));
        assert_int_equal(n, 3);
        assert_true(json_get_bool(value, "b", false));
        assert_true(json_get_bool(value, "absent", true));
        assert_false(json_get_bool(value, "n", false));
}

/* Constructors may be nested because a missing value is an error of its own. */
static void test_put_of_nothing(void **state)
{
        _cleanup_json_ json_t *object = json_object(), *array = json_array();

        (void)state;
        assert_int_equal(json_put(object, "a", NULL), -ENOMEM);
        assert_int_equal(json_add(array, NULL), -ENOMEM);
        assert_int_equal(json_put(NULL, "a", json_null()), -ENOMEM);
        assert_int_equal(json_put(object, "a", json_string("\xff")), -ENOMEM);
        assert_int_equal(json_object_size(object), 0);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_refuses),
                cmocka_unit_test(test_depth_bomb),
                cmocka_unit_test(test_reads_any_value_exactly),
                cmocka_unit_test(test_write_sorts_keys),
                cmocka_unit_test(test_writes_what_jansson_writes),
                cmocka_unit_test(test_write_limits),
                cmocka_unit_test(test_write_over_ceiling),
                cmocka_unit_test(test_write_string),
                cmocka_unit_test(test_getters),
                cmocka_unit_test(test_put_of_nothing),
        };

        return cmocka_run_group_tests_name("json", tests, NULL, NULL);
}
