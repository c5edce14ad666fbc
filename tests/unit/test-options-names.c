/* A configuration as earlier systems had it: every key of it does something here. */

#include "tests/unit/options-help.h"

static void a_file_of_an_earlier_system_is_loaded(void **state)
{
        _cleanup_(config_unrefp) struct config *c =
                options_parse("optimization:\n"
                              "  prompt_caching:\n    enabled: true\n"
                              "    provider_support:\n      anthropic: false\n      openai: false\n"
                              "  batching:\n    enabled: false\n    max_batch_size: 7\n"
                              "  templates:\n    enabled: false\n    template_dir: own/templates\n"
                              "  parallelization:\n    enabled: true\n    max_workers: 3\n"
                              "  incremental:\n    enabled: false\n"
                              "  progress:\n    enabled: false\n");

        (void)state;
        assert_true(config_get_bool(c, OPTION_PREFIX));
        assert_false(config_get_bool(c, OPTION_PREFIX_ANTHROPIC));
        assert_false(config_get_bool(c, OPTION_PREFIX_OPENAI));
        assert_true(config_get_bool(c, OPTION_PREFIX_LOCAL));
        assert_false(config_get_bool(c, OPTION_BATCH_ENABLED));
        assert_int_equal(config_get_u64(c, OPTION_BATCH_MAX_FILES), 7);
        assert_false(config_get_bool(c, OPTION_TEMPLATE));
        assert_string_equal(config_get_text(c, OPTION_TEMPLATE_DIR), "/etc/x/own/templates");
        assert_int_equal(config_get_u64(c, OPTION_CALLS), 3);
        assert_false(config_get_bool(c, OPTION_KEEP));
        assert_false(config_get_bool(c, OPTION_PROGRESS));
}

/* The short form: a switch where a group could stand, at the top or under `optimization`. */
static void a_group_may_be_a_switch(void **state)
{
        static const struct {
                const char *name;
                enum option_id id;
        } switches[] = {
                {"templates", OPTION_TEMPLATE},    {"batching", OPTION_BATCH_ENABLED},
                {"prompt_caching", OPTION_PREFIX}, {"incremental", OPTION_KEEP},
                {"progress", OPTION_PROGRESS},
        };

        (void)state;
        for (size_t i = 0; i < N_ELEMENTS(switches); i++)
                for (int is_below = 0; is_below <= 1; is_below++) {
                        _cleanup_free_ char *off =
                                str_printf(is_below ? "optimization: {%s: false}" : "%s: false",
                                           switches[i].name);
                        _cleanup_free_ char *on =
                                str_printf(is_below ? "optimization: {%s: true}" : "%s: true",
                                           switches[i].name);
                        _cleanup_(config_unrefp) struct config *c = options_parse(off),
                                                               *d = options_parse(on);

                        assert_false(config_get_bool(c, switches[i].id));
                        assert_true(config_get_bool(d, switches[i].id));
                }
        {
                _cleanup_(config_unrefp) struct config *c = options_parse("parallelization: false"),
                                                       *d = options_parse("parallelization: true");

                assert_int_equal(config_get_u64(c, OPTION_CALLS), 1);
                assert_int_equal(config_get_u64(d, OPTION_CALLS), 8);
        }
}

/* The variables of earlier systems, as a client sends them with a job. */
static void variables_of_earlier_systems_set_a_job(void **state)
{
        static const struct {
                const char *variable;
                enum option_id id;
                uint64_t off, on; /* what it comes to */
        } rows[] = {
                {"ENABLE_TEMPLATES", OPTION_TEMPLATE, false, true},
                {"ENABLE_RECOGNITION_CACHE", OPTION_REUSE, false, true},
                {"ENABLE_COMPRESSED_STANDARDS", OPTION_COMPRESS, false, true},
                {"ENABLE_PARALLEL_EXECUTION", OPTION_CALLS, 1, 6},
                {"ENABLE_SMART_RETRY", OPTION_EVIDENCE, false, true},
                {"ENABLE_CONFIDENCE_VALIDATION", OPTION_CONFIDENCE, false, true},
        };
        _cleanup_(config_unrefp) struct config *c = options_parse("limits: {calls: 6}");

        (void)state;
        for (size_t i = 0; i < 2 * N_ELEMENTS(rows); i++) {
                bool is_on = i % 2;
                _cleanup_free_ char *json = str_printf("{\"%s\":\"%s\"}", rows[i / 2].variable,
                                                       is_on ? "true" : "false");
                enum option_id id = rows[i / 2].id;
                _cleanup_json_ json_t *given = json_loads(json, 0, NULL);
                struct failure *refused = NULL;
                struct job_options o;

                assert_int_equal(job_options_resolve(c, given, &o, &refused), 0);
                assert_int_equal(id == OPTION_CALLS ? job_options_get_u64(&o, id)
                                                    : job_options_get_bool(&o, id),
                                 is_on ? rows[i / 2].on : rows[i / 2].off);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_file_of_an_earlier_system_is_loaded),
                cmocka_unit_test(a_group_may_be_a_switch),
                cmocka_unit_test(variables_of_earlier_systems_set_a_job),
        };

        return cmocka_run_group_tests(tests, options_set_up, options_tear_down);
}
