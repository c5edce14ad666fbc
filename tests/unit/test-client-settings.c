#include "unit.h"

#include "client/settings.h"
#include "daemon/options/options.h"

static const struct setting *find(const char *variable)
{
        for (size_t i = 0; i < n_settings; i++)
                if (strcmp(setting_table[i].variable, variable) == 0)
                        return &setting_table[i];
        return NULL;
}

static void every_job_option_has_its_variable_here_and_no_other(void **state)
{
        (void)state;
        for (size_t i = 0; i < N_OPTIONS; i++) {
                const struct option *o = &option_table[i];
                const struct setting *s = o->variable ? find(o->variable) : NULL;

                if (!o->variable)
                        continue;
                if (o->scope == SCOPE_DAEMON)
                        assert_null(s);
                else {
                        assert_non_null(s);
                        assert_string_equal(s->option, o->name);
                }
        }
}

static void every_setting_names_an_option_of_jobs(void **state)
{
        (void)state;
        for (size_t i = 0; i < n_settings; i++) {
                const struct option *o = option_find(setting_table[i].option);

                assert_non_null(o);
                assert_int_not_equal(o->scope, SCOPE_DAEMON);
        }
}

static void only_variables_that_are_set_are_sent(void **state)
{
        json_t *options = json_object();

        (void)state;
        for (size_t i = 0; i < n_settings; i++)
                unsetenv(setting_table[i].variable);
        assert_int_equal(setenv("GENOPT_TEMPLATE", "", 1), 0);
        assert_int_equal(setenv("ENABLE_TEMPLATES", "false", 1), 0);
        assert_int_equal(settings_from_environment(options), 0);
        assert_int_equal(json_object_size(options), 1);
        assert_string_equal(json_string_value(json_object_get(options, "ENABLE_TEMPLATES")),
                            "false");
        json_decref(options);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(every_job_option_has_its_variable_here_and_no_other),
                cmocka_unit_test(every_setting_names_an_option_of_jobs),
                cmocka_unit_test(only_variables_that_are_set_are_sent),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
