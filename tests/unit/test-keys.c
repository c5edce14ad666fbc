/* Keys: where they come from, and which are refused. */

#include "tests/unit/options-help.h"

#include <stdio.h>

static int read_key(struct provider_option *p, char *ret, size_t n_ret, struct failure **f)
{
        struct buf b;
        int r = key_read(p, &b, f);

        if (r == 0) {
                snprintf(ret, n_ret, "%s", buf_span(&b).at);
                key_wipe(&b);
        }
        return r;
}

static void keys_come_from_where_the_option_says(void **state)
{
        char path[200], own[200], common[200], key[64];
        struct provider_option p = {
                .name = (char *)"p", .key_source = KEY_FILE, .key_name = path, .key_file = own};
        struct failure *f = NULL;

        (void)state;
        snprintf(path, sizeof(path), "%s/k", options_directory);
        snprintf(own, sizeof(own), "%s/own", options_directory);
        assert_int_equal(read_key(&p, key, sizeof(key), &f), CONDITION_ABSENT);
        assert_int_equal(f->id, FAILURE_KEY_MISSING);
        assert_non_null(strstr(f->remedy, "genopt key set p"));
        f = failure_free(f);
        options_write_file(own, "second\n", 0600);
        assert_int_equal(read_key(&p, key, sizeof(key), &f), 0);
        assert_string_equal(key, "second");
        options_write_file(path, "  sk-first \r\n", 0600);
        assert_int_equal(read_key(&p, key, sizeof(key), &f), 0);
        assert_string_equal(key, "sk-first");
        p.key_source = KEY_ENV;
        p.key_name = (char *)"TEST_OPTIONS_KEY";
        setenv("TEST_OPTIONS_KEY", "from-env", 1);
        assert_int_equal(read_key(&p, key, sizeof(key), &f), 0);
        assert_string_equal(key, "from-env");
        unsetenv("TEST_OPTIONS_KEY");
        assert_int_equal(read_key(&p, key, sizeof(key), &f), 0);
        assert_string_equal(key, "second");
        p.key_source = KEY_CREDENTIAL;
        p.key_name = (char *)"k";
        setenv("CREDENTIALS_DIRECTORY", options_directory, 1);
        assert_int_equal(read_key(&p, key, sizeof(key), &f), 0);
        assert_string_equal(key, "sk-first");
        p.key_name = (char *)"absent";
        assert_int_equal(unlink(own), 0);
        snprintf(common, sizeof(common), "%s/keys_p", options_directory);
        options_write_file(common, "third\n", 0400); /* of the directory that the unit names */
        assert_int_equal(read_key(&p, key, sizeof(key), &f), 0);
        assert_string_equal(key, "third");
        assert_int_equal(unlink(common), 0);
        setenv("CREDENTIALS_DIRECTORY", "/run/credentials/no-such.service", 1);
        assert_int_equal(read_key(&p, key, sizeof(key), &f), CONDITION_ABSENT);
        assert_non_null(strstr(f->message, "nor in /etc/genopt/keys/p"));
        assert_non_null(strstr(f->remedy, "systemctl restart genoptd"));
        f = failure_free(f);
        options_clear_environment();
        p.key_source = KEY_NONE;
        assert_int_equal(read_key(&p, key, sizeof(key), &f), 0);
        assert_string_equal(key, "");
}

static void keys_that_others_can_read_are_refused(void **state)
{
        static const struct {
                const char *text;
                mode_t mode;
                const char *why;
        } cases[] = {
                {"secret", 0644, "0600"},
                {"secret", 0640, "0600"},
                {"", 0600, "empty"},
                {"a b", 0600, "does not hold a key"},
                {"a\nb", 0600, "does not hold a key"},
                {"\xc3\xa9", 0600, "does not hold a key"},
        };
        char path[200], key[64];
        struct provider_option p = {
                .name = (char *)"p", .key_source = KEY_FILE, .key_name = path, .key_file = path};

        (void)state;
        snprintf(path, sizeof(path), "%s/bad", options_directory);
        for (size_t i = 0; i < N_ELEMENTS(cases); i++) {
                _cleanup_(failure_freep) struct failure *f = NULL;

                options_write_file(path, cases[i].text, cases[i].mode);
                assert_int_equal(read_key(&p, key, sizeof(key), &f), CONDITION_REFUSED);
                assert_non_null(strstr(f->message, cases[i].why));
                assert_null(strstr(f->message, "secret"));
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(keys_come_from_where_the_option_says),
                cmocka_unit_test(keys_that_others_can_read_are_refused),
        };

        return cmocka_run_group_tests(tests, options_set_up, options_tear_down);
}
