#include "proto/listed.h"

#include "common/buf.h"
#include "unit.h"

#define HEX "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

static void entries_are_read_where_they_lie(void **state)
{
        const struct span list = SPAN(" [ {\"disk\":null, \"fingerprint\" : "
                                      "\"f1\",\"path\":\"a/\xc3\xa9.go\",\"sha256\":\"" HEX
                                      "\"} ,\n{\"path\":\"b\",\"disk\":\"" HEX "\"}\t] ");
        struct listed_cursor c;
        struct listed e;

        (void)state;
        listed_begin(&c, list);
        assert_int_equal(listed_next(&c, &e), 0);
        assert_true(span_is_equal(e.path, SPAN("a/\xc3\xa9.go")));
        assert_true(span_is_equal(e.fingerprint, SPAN("f1")));
        assert_true(span_is_equal(e.sha256, SPAN(HEX)));
        assert_int_equal(e.disk.n, 0);
        assert_true(e.path.at > list.at && e.path.at < list.at + list.n);
        assert_int_equal(listed_next(&c, &e), 0);
        assert_true(span_is_equal(e.path, SPAN("b")));
        assert_true(span_is_equal(e.disk, SPAN(HEX)));
        assert_int_equal(e.sha256.n, 0); /* nothing is left of the entry before */
        assert_int_equal(e.fingerprint.n, 0);
        assert_int_equal(listed_next(&c, &e), CONDITION_ABSENT);
        assert_true(listed_is_plain(list));
}

/* Legal JSON, but for the parser to read or to refuse. */
static void other_forms_are_left_to_the_parser(void **state)
{
        static const char *const texts[] = {
                "",
                "null",
                "{}",
                "[]",
                "[{}]",
                "[[]]",
                "[\"a\"]",
                "[{\"path\":\"a\"},null]",
                "[{\"path\":1}]",
                "[{\"path\":true}]",
                "[{\"path\":[\"a\"]}]",
                "[{\"path\":\"a\\n\"}]",
                "[{\"path\":\"a\\\"b\"}]",
                "[{\"p\\u0061th\":\"a\"}]",
                "[{\"path\":\"a\",\"path\":\"b\"}]",
                "[{\"path\":\"a\",\"size\":\"b\"}]",
                "[{\"path\":\"a\"}] 1",
        };

        (void)state;
        for (size_t i = 0; i < N_ELEMENTS(texts); i++)
                if (listed_is_plain(span_of(texts[i])))
                        fail_msg("%s", texts[i]);
}

/* Our callers hand over well-formed text; what is not is no reason to read beyond it. */
static void a_torn_list_is_refused(void **state)
{
        const char *text = "[{\"disk\":null,\"path\":\"a\"},{\"path\":\"b\"}]";

        (void)state;
        for (size_t n = 0; n < strlen(text); n++) {
                _cleanup_free_ char *copy = strndup(text, n);

                assert_non_null(copy);
                assert_false(listed_is_plain((struct span){copy, n}));
        }
        assert_true(listed_is_plain(span_of(text)));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(entries_are_read_where_they_lie),
                cmocka_unit_test(other_forms_are_left_to_the_parser),
                cmocka_unit_test(a_torn_list_is_refused),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
