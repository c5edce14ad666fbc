#include "unit.h"

#include "client/view/difference.h"
#include "common/json.h"
#include "common/str.h"

static void assert_difference(const char *old, const char *new, const char *expected)
{
        json_t *a = old ? json_loads(old, JSON_DECODE_ANY, NULL) : NULL;
        json_t *b = new ? json_loads(new, JSON_DECODE_ANY, NULL) : NULL;
        _cleanup_buf_ struct buf out = {0};

        buf_init(&out, 0);
        assert_int_equal(difference_write(a, b, "  ", 80, &out), 0);
        buf_add_char(&out, '\0');
        assert_string_equal(out.at, expected);
        json_decref(a);
        json_decref(b);
}

static void test_values(void **state)
{
        (void)state;
        assert_difference("1", "1.5", "  1 → 1.5\n");
        assert_difference("\"a\"", "\"b\"", "  a → b\n");
        assert_difference(NULL, "\"b\"", "  + b\n");
        assert_difference("{\"a\": [true]}", NULL, "  - {a: [true]}\n");
        assert_difference(NULL, NULL, "");
}

static void test_maps(void **state)
{
        (void)state;
        assert_difference("{\"text\": \"x\", \"id\": \"1\"}", "{\"id\": \"1\", \"text\": \"y\"}",
                          "  text                          x → y\n");
        assert_difference("{\"a\": 1}", "{\"b\": {\"c\": 2}}",
                          "  a                             - 1\n"
                          "  b                             + {c: 2}\n");
}

static void test_lists(void **state)
{
        (void)state;
        assert_difference(
                "{\"attributes\": [{\"name\": \"Total\", \"type\": \"int\"}, {\"name\": \"Old\"}]}",
                "{\"attributes\": [{\"name\": \"New\"}, {\"name\": \"Total\", \"type\": "
                "\"real\"}]}",
                "  attributes.Total.type         int → real\n"
                "  attributes.Old                - {name: Old}\n"
                "  attributes.New                + {name: New}\n");
        assert_difference("[\"a\", \"b\"]", "[\"b\", \"c\"]", "  - a\n  + c\n");
        assert_difference("[\"a\", \"b\"]", "[\"b\", \"a\"]",
                          "  (order)                       [a, b] → [b, a]\n");
        assert_difference("[1, 2]", "[1, 3, 4]",
                          "  2                             2 → 3\n"
                          "  3                             + 4\n");
}

static void test_texts(void **state)
{
        (void)state;
        assert_difference("\"one\\ntwo\\nthree\\n\"", "\"one\\n\\t2\\nthree\\n\"",
                          "  - two\n  +     2\n");
        assert_difference("\"a\\nb\\n\"", "\"a\\nb\\nc\\n\"", "  + c\n");
        assert_difference("\"x\"", "\"x\\ny\"", "  + y\n");
        assert_difference(NULL, "\"x\\n\\ty\"", "  + x\n  +     y\n");
        assert_difference("\"1\\n2\\n3\\n4\\n5\\n6\\n7\\n8\\n9\\n10\\n11\\n12\\n13\\n14\"", NULL,
                          "  - 1\n  - 2\n  - 3\n  - 4\n  - 5\n  - 6\n  - 7\n  - 8\n  - 9\n  - 10\n"
                          "  - 11\n  - 12\n  … and 2 more (all with --json)\n");
}

/* What is long is cut where it begins to differ; many lines are counted. */
static void test_bounds(void **state)
{
        _cleanup_buf_ struct buf a = {0}, b = {0}, out = {0};
        json_t *old, *new;

        (void)state;
        buf_init(&a, 0);
        buf_init(&b, 0);
        buf_init(&out, 0);
        for (int i = 0; i < 300; i++)
                (void)(buf_add_text(&a, "ä"), buf_add_text(&b, "ä"));
        (void)(buf_add_text(&a, "left"), buf_add_text(&b, "right"));
        old = json_stringn(a.at, a.n);
        new = json_stringn(b.at, b.n);
        assert_int_equal(difference_write(old, new, "", 80, &out), 0);
        buf_add_char(&out, '\0');
        assert_non_null(strstr(out.at, "left → …"));
        assert_non_null(strstr(out.at, "right"));
        assert_true(strlen(out.at) < 160);
        json_decref(old);
        json_decref(new);
        buf_clear(&out);
        old = json_array();
        new = json_array();
        for (int i = 0; i < 40; i++)
                assert_int_equal(json_add(new, json_integer(i)), 0);
        assert_int_equal(difference_write(old, new, "", 80, &out), 0);
        buf_add_char(&out, '\0');
        assert_non_null(strstr(out.at, "… and 28 more"));
        json_decref(old);
        json_decref(new);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_values), cmocka_unit_test(test_maps),
                cmocka_unit_test(test_lists),  cmocka_unit_test(test_texts),
                cmocka_unit_test(test_bounds),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
