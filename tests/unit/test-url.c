#include "unit.h"

#include "common/url.h"

static void test_what_is_one(void **state)
{
        static const struct {
                const char *text, *host, *path;
                unsigned port;
                bool is_tls, has_port;
        } cases[] = {
                {"https://api.example.com", "api.example.com", "", 443, true, false},
                {"HTTP://LocalHost:8080/v1/", "localhost", "/v1/", 8080, false, true},
                {"http://[::1]:9/x", "[::1]", "/x", 9, false, true},
                {"https://[2001:DB8::a.b]", "[2001:db8::a.b]", "", 443, true, false},
                {"http://a_b/", "a_b", "/", 80, false, false},
                {"http://a-b.c~d:65535", "a-b.c~d", "", 65535, false, true},
                {"http://h/a%20b;c=~!", "h", "/a%20b;c=~!", 80, false, false},
        };

        (void)state;
        for (size_t i = 0; i < N_ELEMENTS(cases); i++) {
                struct url u;

                assert_int_equal(url_read(cases[i].text, &u), 0);
                assert_string_equal(u.host, cases[i].host);
                assert_string_equal(u.path, cases[i].path);
                assert_int_equal(u.port, cases[i].port);
                assert_int_equal(u.is_tls, cases[i].is_tls);
                assert_int_equal(u.has_port, cases[i].has_port);
        }
}

static void test_what_is_none(void **state)
{
        static const struct {
                const char *text;
                int condition;
        } cases[] = {
                {"", CONDITION_NO_URL},
                {"://h", CONDITION_NO_URL},
                {"api.example.com", CONDITION_NO_URL},
                {"http://", CONDITION_NO_URL},
                {"http:///v1", CONDITION_NO_URL},
                {"http://[]", CONDITION_NO_URL},
                {"http://[::1", CONDITION_NO_URL},
                {"http://[::1]x", CONDITION_NO_URL},
                {"http://h:", CONDITION_NO_URL},
                {"http://h:0", CONDITION_NO_URL},
                {"http://h:65536", CONDITION_NO_URL},
                {"http://h:99999999999999999999", CONDITION_NO_URL},
                {"http://h:8o", CONDITION_NO_URL},
                {"http://user@h", CONDITION_NO_URL},
                {"http://user:secret@h/", CONDITION_NO_URL},
                {"http://h%2f", CONDITION_NO_URL},
                {"http://h x", CONDITION_NO_URL},
                {"http://h/a b", CONDITION_NO_URL},
                {"http://h/\xc3\xbc", CONDITION_NO_URL},
                {"http://h/a\r\nb", CONDITION_NO_URL},
                {"ftp://h", CONDITION_OTHER_SCHEME},
                {"httpss://h", CONDITION_OTHER_SCHEME},
                {"http://h/?q", CONDITION_HAS_QUERY},
                {"http://h#f", CONDITION_HAS_QUERY},
        };
        char text[URL_HOST_BYTES + 20];
        struct url u;

        (void)state;
        for (size_t i = 0; i < N_ELEMENTS(cases); i++)
                assert_int_equal(url_read(cases[i].text, &u), cases[i].condition);
        memset(text, 'a', sizeof(text));
        memcpy(text, "http://", 7);
        text[sizeof(text) - 1] = 0;
        assert_int_equal(url_read(text, &u), CONDITION_NO_URL);
        text[7 + URL_HOST_BYTES - 2] = 0; /* the longest */
        assert_int_equal(url_read(text, &u), 0);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_what_is_one),
                cmocka_unit_test(test_what_is_none),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
