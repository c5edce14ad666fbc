/* What a job may set of it: by its client's options, environment and file. */

#include "tests/unit/options-help.h"

#include "common/json.h"
#include "proto/variables.h"

static void resolve(const struct config *c, const char *json, struct job_options *o)
{
        _cleanup_json_ json_t *given = json_loads(json, 0, NULL);
        _cleanup_(failure_freep) struct failure *f = NULL;

        assert_int_equal(job_options_resolve(c, given, o, &f), 0);
}

static void expect_job_refused(const struct config *c, const char *json, const char *where,
                               const char *message)
{
        _cleanup_json_ json_t *given = json_loads(json, 0, NULL);
        _cleanup_(failure_freep) struct failure *f = NULL;
        struct job_options o;

        assert_int_equal(job_options_resolve(c, given, &o, &f), CONDITION_REFUSED);
        assert_int_equal(f->id, FAILURE_BAD_OPTION);
        assert_string_equal(f->where, where);
        if (!strstr(f->message, message))
                fail_msg("%s", f->message);
}

static void jobs_set_what_is_theirs(void **state)
{
        _cleanup_(config_unrefp) struct config *c = options_parse("limits: {calls: 6}");
        struct job_options o;

        (void)state;
        assert_int_equal(job_options_resolve(c, NULL, &o, NULL), 0);
        assert_int_equal(job_options_get_u64(&o, OPTION_CALLS), 6);
        assert_true(job_options_get_bool(&o, OPTION_TEMPLATE));
        resolve(c,
                "{\"optimization.template\":\"off\",\"limits.calls\":\"2\",\"budget.job_usd\":"
                "\"50\"}",
                &o);
        assert_int_equal(job_options_get_u64(&o, OPTION_CALLS), 2);
        assert_false(job_options_get_bool(&o, OPTION_TEMPLATE));
        assert_true(job_options_get_u64(&o, OPTION_JOB_USD) == 50000000000u);
        resolve(c, "{\"ENABLE_TEMPLATES\":\"false\",\"ENABLE_PARALLEL_EXECUTION\":\"0\"}", &o);
        assert_int_equal(job_options_get_u64(&o, OPTION_CALLS), 1);
        assert_false(job_options_get_bool(&o, OPTION_TEMPLATE));
        expect_job_refused(c, "{\"limits.calls\":\"7\"}", "/params/options/limits.calls",
                           "at most 6");
        expect_job_refused(c, "{\"limits.sessions\":\"1\"}", "/params/options/limits.sessions",
                           "daemon");
        expect_job_refused(c, "{\"budget.day_usd\":\"100\"}", "/params/options/budget.day_usd",
                           "daemon");
        expect_job_refused(c, "{\"template_dir\":\"/x\"}", "/params/options/template_dir",
                           "daemon");
        expect_job_refused(c, "{\"optimization.tempalte\":\"on\"}",
                           "/params/options/optimization.tempalte",
                           "did you mean `optimization.template`?");
        expect_job_refused(c, "{\"optimization\":\"off\"}", "/params/options/optimization",
                           "`optimization` is a group of options, not one; did you mean "
                           "`optimization.enabled`?");
        expect_job_refused(c, "{\"optimization.template\":\"x\"}",
                           "/params/options/optimization.template", "neither on nor off");
        expect_job_refused(c, "{\"optimization.template\":\"on\",\"templates\":\"off\"}",
                           "/params/options/templates", "set twice");
        expect_job_refused(c, "{\"optimization.template\":true}",
                           "/params/options/optimization.template", "not a text");
}

/* A user's file at a daemon that is not theirs: only what a job may set counts. */
static void a_users_file_sets_what_jobs_may(void **state)
{
        _cleanup_(config_unrefp) struct config *c =
                options_parse("limits: {calls: 6, sessions: 12}\noptimization: {keep: off}");
        _cleanup_(strlist_done) struct strlist warnings = {0};
        struct failure *f = NULL;
        struct job_options o;

        (void)state;
        assert_int_equal(job_options_read(c, SPAN(""), &o, &warnings, &f), 0);
        assert_int_equal(job_options_get_u64(&o, OPTION_CALLS), 6);
        assert_int_equal(
                job_options_read(c,
                                 SPAN("providers: {x: {dialect: openai, base_url: "
                                      "\"http://x.example\", key: {file: secret}}}\n"
                                      "tiers: {fast: {provider: x, model: m}, balanced: {provider: "
                                      "x, model: m}, quality: {provider: x, model: m}}\n"
                                      "limits: {calls: 9, sessions: 99}\n"
                                      "budget: {job_usd: 2}\ntemplates: off\n"),
                                 &o, &warnings, &f),
                0);
        assert_int_equal(job_options_get_u64(&o, OPTION_CALLS), 6);
        assert_true(job_options_get_u64(&o, OPTION_JOB_USD) == 2000000000u);
        assert_false(job_options_get_bool(&o, OPTION_TEMPLATE));
        assert_false(job_options_get_bool(&o, OPTION_KEEP));
        assert_int_equal(config_get_u64(c, OPTION_SESSIONS), 12);
        assert_int_equal(warnings.n, 1);
        assert_non_null(strstr(warnings.at[0], "limits.calls"));
        assert_int_equal(job_options_read(c, SPAN("limits:\n  cals: 3\n"), &o, NULL, &f),
                         CONDITION_REFUSED);
        assert_int_equal(f->id, FAILURE_BAD_CONFIG);
        assert_string_equal(f->where, "genopt.yaml:2:3");
        failure_free(f);
}

static void options_of_a_job_are_stored_and_read(void **state)
{
        _cleanup_(config_unrefp) struct config
                *c = options_parse(""),
                *other = options_parse("limits: {calls: 2}\noptimization: {objective: latency}");
        _cleanup_json_ json_t *stored = NULL;
        _cleanup_buf_ struct buf text = {0};
        struct job_options o, back;
        struct diag diag;

        (void)state;
        resolve(c,
                "{\"optimization.keep\":\"off\",\"budget.job_usd\":\"none\",\"optimization."
                "objective\":\"cost\"}",
                &o);
        assert_int_equal(job_options_write(&o, &text), 0);
        assert_int_equal(json_read(buf_span(&text), &stored, &diag), 0);
        assert_string_equal(json_get_text(stored, "optimization.keep"), "off");
        assert_null(json_object_get(stored, "log.level"));
        assert_int_equal(job_options_from_json(other, stored, &back), 0);
        assert_memory_equal(&o, &back, sizeof(o));
        json_object_del(stored, "optimization.objective");
        json_object_set_new(stored, "from.the.future", json_string("x"));
        assert_int_equal(job_options_from_json(other, stored, &back), 0);
        assert_int_equal(job_options_get_u64(&back, OPTION_OBJECTIVE), OBJECTIVE_LATENCY);
}

static void a_change_is_all_or_nothing(void **state)
{
        _cleanup_(config_unrefp) struct config *c = options_parse("");
        _cleanup_json_ json_t *bad =
                json_pack("{s:s,s:s}", "budget.job_usd", "9", "limits.calls", "900");
        _cleanup_json_ json_t *good =
                json_pack("{s:s,s:s}", "budget.job_usd", "9", "optimization.batch.enabled", "off");
        _cleanup_(failure_freep) struct failure *f = NULL;
        _cleanup_(strlist_done) struct strlist warnings = {0};
        struct job_options o, before;

        (void)state;
        resolve(c, "{}", &o);
        before = o;
        assert_int_equal(job_options_change(&o, c, bad, &f), CONDITION_REFUSED);
        assert_memory_equal(&o, &before, sizeof(o));
        assert_int_equal(job_options_change(&o, c, good, &f), 0);
        assert_true(job_options_get_u64(&o, OPTION_JOB_USD) == 9000000000u);
        assert_false(job_options_get_bool(&o, OPTION_BATCH_ENABLED));
        assert_int_equal(warnings.n, 0);
}

static bool is_sent_by_clients(const char *variable)
{
        for (const char *const *v = job_variables; *v; v++)
                if (str_is_equal(*v, variable))
                        return true;
        return false;
}

static void clients_and_daemon_know_the_same_variables(void **state)
{
        (void)state;
        for (const char *const *v = job_variables; *v; v++) {
                struct option_match m;

                assert_true(option_match_variable(*v, &m));
                assert_string_equal(m.name, *v);
                assert_true(m.option->scope != SCOPE_DAEMON);
        }
        for (size_t i = 0; i < N_OPTIONS; i++)
                assert_int_equal(is_sent_by_clients(option_table[i].variable),
                                 option_table[i].scope != SCOPE_DAEMON);
        for (const char *const *v = option_alias_variables; *v; v++)
                assert_true(is_sent_by_clients(*v));
}

static void set_goes_before_a_clients_environment(void **state)
{
        _cleanup_(config_unrefp) struct config *c = options_parse("limits: {calls: 6}");
        _cleanup_json_ json_t *options = json_object();
        struct job_options o;

        (void)state;
        setenv("ENABLE_TEMPLATES", "false", 1);
        setenv("ENABLE_RECOGNITION_CACHE", "", 1);
        assert_int_equal(job_variables_add(options), 0);
        options_clear_environment();
        assert_string_equal(json_get_text(options, "ENABLE_TEMPLATES"), "false");
        assert_int_equal(json_object_size(options), 1);
        resolve(c, "{\"templates\":\"on\",\"ENABLE_TEMPLATES\":\"false\"}", &o);
        assert_true(job_options_get_bool(&o, OPTION_TEMPLATE));
        resolve(c, "{\"ENABLE_PARALLEL_EXECUTION\":\"0\",\"limits.calls\":\"4\"}", &o);
        assert_int_equal(job_options_get_u64(&o, OPTION_CALLS), 4);
        resolve(c, "{\"parallel\":\"on\",\"ENABLE_PARALLEL_EXECUTION\":\"0\"}", &o);
        assert_int_equal(job_options_get_u64(&o, OPTION_CALLS), 6);
        resolve(c, "{\"GENOPT_CALLS\":\"4\",\"parallel\":\"off\"}", &o);
        assert_int_equal(job_options_get_u64(&o, OPTION_CALLS), 1);
        expect_job_refused(c, "{\"ENABLE_TEMPLATES\":\"on\",\"GENOPT_TEMPLATE\":\"off\"}",
                           "/params/options/GENOPT_TEMPLATE", "as `ENABLE_TEMPLATES` too");
        expect_job_refused(c, "{\"templates\":\"on\",\"optimization.template\":\"off\"}",
                           "/params/options/optimization.template", "as `templates` too");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(jobs_set_what_is_theirs),
                cmocka_unit_test(a_users_file_sets_what_jobs_may),
                cmocka_unit_test(options_of_a_job_are_stored_and_read),
                cmocka_unit_test(a_change_is_all_or_nothing),
                cmocka_unit_test(clients_and_daemon_know_the_same_variables),
                cmocka_unit_test(set_goes_before_a_clients_environment),
        };

        return cmocka_run_group_tests(tests, options_set_up, options_tear_down);
}
