/* The table of options, and a daemon's configuration: its file and its environment. */

#include "tests/unit/options-help.h"

#include <stdio.h>
#include <sys/stat.h>

#include "docs-page.h"

static void expect_refused(const char *text, const char *where, const char *message)
{
        _cleanup_(failure_freep) struct failure *f = NULL;
        struct config *c = NULL;

        assert_int_equal(config_parse(span_of(text), "genopt.yaml", "/etc/x", &c, &f),
                         CONDITION_REFUSED);
        assert_int_equal(f->id, FAILURE_BAD_CONFIG);
        assert_string_equal(f->where, where);
        if (!strstr(f->message, message))
                fail_msg("%s", f->message);
}

static const char design_block[] =
        "providers:\n"
        "  anthropic: {dialect: anthropic, base_url: \"https://api.anthropic.com\", key: {env: "
        "ANTHROPIC_API_KEY}}   # or\n"
        "  desk:      {dialect: openai, base_url: \"http://127.0.0.1:1234/v1\"}\n"
        "tiers:\n"
        "  fast:     {provider: anthropic, model: claude-haiku-4-5}\n"
        "  balanced: {provider: anthropic, model: claude-sonnet-5-5}\n"
        "  quality:  {provider: anthropic, model: claude-opus-5-5}\n"
        "optimization: {objective: balanced, template: on, batch: {enabled: on, max_output: 8000, "
        "max_files: 0}}\n"
        "limits: {calls: 8}\n"
        "budget: {job_usd: 5, day_usd: 20, warn_at: 0.8}\n"
        "cache: {disk: 2GiB, memory: 4MiB, max_age: 30d}\n";

static void the_defaults_are_the_documented_block(void **state)
{
        _cleanup_(config_unrefp) struct config *none = options_parse(""),
                                               *block = options_parse(design_block);
        struct hash a, b;
        size_t n;

        (void)state;
        for (size_t i = 0; i < N_OPTIONS; i++)
                assert_true(none->values[i] == block->values[i]);
        assert_int_equal(config_hash(none, &a), 0);
        assert_int_equal(config_hash(block, &b), 0);
        assert_true(hash_is_equal(&a, &b));
        assert_int_equal(config_get_u64(none, OPTION_CALLS), 8);
        assert_true(config_get_u64(none, OPTION_JOB_USD) == 5000000000u);
        assert_true(config_get_u64(none, OPTION_CACHE_DISK) == 2147483648u);
        assert_true(config_get_u64(none, OPTION_CACHE_MAX_AGE) == 30ull * 86400000);
        assert_int_equal(config_get_u64(none, OPTION_WARN_AT), 800000);
        assert_int_equal(config_get_u64(none, OPTION_OBJECTIVE), OBJECTIVE_BALANCED);
        assert_null(config_get_text(none, OPTION_TEMPLATE_DIR));
        assert_null(config_path(none));
        assert_int_equal(config_providers(none, &n)[1].key_source, KEY_NONE);
        assert_int_equal(n, 2);
        assert_string_equal(config_tier(none, TIER_FAST)->routes[0].model, "claude-haiku-4-5");
        assert_string_equal(config_find_provider(block, "anthropic")->where, "genopt.yaml:2:3");
}

static void the_table_is_whole(void **state)
{
        (void)state;
        for (size_t i = 0; i < N_OPTIONS; i++) {
                const struct option *o = &option_table[i];

                assert_non_null(o->name);
                assert_non_null(o->sentence);
                assert_non_null(o->variable);
                assert_ptr_equal(option_find(o->name), o);
                assert_true((o->type == OPTION_CHOICE) == (o->choices != NULL));
                /* job options are numbers, so that struct job_options is plain data */
                assert_true(o->scope == SCOPE_DAEMON || o->type != OPTION_TEXT);
                for (size_t k = 0; k < i; k++)
                        assert_string_not_equal(o->variable, option_table[k].variable);
        }
}

static void values_survive_being_written(void **state)
{
        static const struct {
                enum option_id id;
                const char *in, *out;
        } values[] = {
                {OPTION_KEEP, "FALSE", "off"},
                {OPTION_KEEP, "1", "on"},
                {OPTION_KEEP, "Yes", "on"},
                {OPTION_OBJECTIVE, "cost", "cost"},
                {OPTION_CALLS, "12", "12"},
                {OPTION_JOB_USD, "2.50", "2.5"},
                {OPTION_JOB_USD, "none", "none"},
                {OPTION_JOB_USD, "0", "0"},
                {OPTION_JOB_USD, "0.000000001", "0.000000001"},
                {OPTION_WARN_AT, "0.75", "0.75"},
                {OPTION_WARN_AT, "1", "1"},
                {OPTION_CACHE_DISK, "1536k", "1572864"},
                {OPTION_TOTAL_MS, "1500", "1500ms"},
                {OPTION_TOTAL_MS, "120s", "2m"},
                {OPTION_RETENTION_JOBS, "48h", "2d"},
                {OPTION_RETENTION_JOBS, "0", "0ms"},
        };

        (void)state;
        for (size_t i = 0; i < N_ELEMENTS(values); i++) {
                const struct option_match m = {&option_table[values[i].id], false};
                _cleanup_buf_ struct buf b = {0};
                char why[OPTION_WHY_BYTES];
                uint64_t value, again;
                bool is_given;

                assert_int_equal(option_read(&m, values[i].in, &value, &is_given, why), 0);
                assert_int_equal(option_write(m.option, value, &b), 0);
                assert_string_equal(b.at, values[i].out);
                assert_int_equal(option_read(&m, b.at, &again, &is_given, why), 0);
                assert_true(value == again);
        }
}

static void bad_values_say_where_and_why(void **state)
{
        (void)state;
        expect_refused("limits: {calls: 0}", "genopt.yaml:1:17", "`limits.calls` is less than 1");
        expect_refused("limits:\n  calls: 257", "genopt.yaml:2:10", "is more than 256");
        expect_refused("limits: {calls: many}", "genopt.yaml:1:17", "is not a number");
        expect_refused("limits: {calls: -1}", "genopt.yaml:1:17", "is not a number");
        expect_refused("limits: {total_ms: 2d}", "genopt.yaml:1:20", "is more than 1d");
        expect_refused("budget: {job_usd: -1}", "genopt.yaml:1:19", "dollars");
        expect_refused("budget: {job_usd: 1.2.3}", "genopt.yaml:1:19", "dollars");
        expect_refused("budget: {job_usd: 99999999999999999999}", "genopt.yaml:1:19", "dollars");
        expect_refused("budget: {warn_at: 1.1}", "genopt.yaml:1:19", "between 0 and 1");
        expect_refused("cache: {disk: big}", "genopt.yaml:1:15", "size");
        expect_refused("optimization: {objective: speed}", "genopt.yaml:1:27",
                       "is none of: cost, balanced, latency");
        expect_refused("optimization: {template: maybe}", "genopt.yaml:1:26", "neither on nor off");
        expect_refused("optimization: {template: [on]}", "genopt.yaml:1:26", "not one value");
        expect_refused("limits: 5", "genopt.yaml:1:9", "group");
        expect_refused("[1]", "genopt.yaml:1:1", "not a map");
        expect_refused("a: [", "genopt.yaml:2:1", "");
}

static void unknown_names_get_the_nearest(void **state)
{
        (void)state;
        expect_refused("limits: {callz: 1}", "genopt.yaml:1:10", "did you mean `limits.calls`?");
        expect_refused("\n  limitz: {calls: 1}", "genopt.yaml:2:3", "`limitz` is unknown");
        expect_refused("optimisation: {template: on}", "genopt.yaml:1:1", "unknown");
        expect_refused("tempaltes: on", "genopt.yaml:1:1", "did you mean `templates`?");
        expect_refused("provider: {}", "genopt.yaml:1:1", "did you mean `providers`?");
        expect_refused("optimization: []", "genopt.yaml:1:1",
                       "`optimization` is a group of options, not a value; did you mean "
                       "`optimization.enabled`?");
        expect_refused("optimization: off", "genopt.yaml:1:15", "did you mean");
        expect_refused("retention: []", "genopt.yaml:1:1", "`retention` is a group");
        expect_refused("tiers: {fastt: {}}", "genopt.yaml:1:9", "did you mean `fast`?");
        expect_refused("providers: {a: {dialekt: x}}", "genopt.yaml:1:17",
                       "did you mean `dialect`?");
}

static void empty_groups_and_values_change_nothing(void **state)
{
        _cleanup_(config_unrefp) struct config *c =
                options_parse("limits:\nbudget:\n  job_usd:\nproviders:\ntiers:\n");

        (void)state;
        assert_int_equal(config_get_u64(c, OPTION_CALLS), 8);
}

static void names_of_earlier_systems_are_accepted(void **state)
{
        _cleanup_(config_unrefp) struct config *c = options_parse(
                "optimization:\n  templates: {enabled: false}\n  incremental: {enabled: false}\n"
                "  batching: {enabled: true, max_batch_size: 5}\n  prompt_caching: {enabled: "
                "true}\n"
                "  parallelization: {enabled: true, max_workers: 3}\n");
        _cleanup_(config_unrefp) struct config *one =
                options_parse("optimization: {parallelization: {enabled: false}}");
        _cleanup_(config_unrefp) struct config *brief = options_parse("templates: off");

        (void)state;
        assert_false(config_get_bool(c, OPTION_TEMPLATE));
        assert_false(config_get_bool(c, OPTION_KEEP));
        assert_int_equal(config_get_u64(c, OPTION_BATCH_MAX_FILES), 5);
        assert_int_equal(config_get_u64(c, OPTION_CALLS), 3);
        assert_int_equal(config_get_u64(one, OPTION_CALLS), 1);
        assert_false(config_get_bool(brief, OPTION_TEMPLATE));
        expect_refused("templates: off\noptimization: {template: on}", "genopt.yaml:2:26",
                       "set twice: as `templates` too");
}

static void the_environment_goes_before_the_file(void **state)
{
        struct config *c = NULL;
        struct failure *f = NULL;

        (void)state;
        setenv("GENOPT_CALLS", "2", 1);
        setenv("ENABLE_TEMPLATES", "false", 1);
        setenv("GENOPT_DAY_USD", "", 1);
        c = options_parse("limits: {calls: 4}");
        assert_int_equal(config_get_u64(c, OPTION_CALLS), 2);
        assert_false(config_get_bool(c, OPTION_TEMPLATE));
        c = config_unref(c);
        setenv("GENOPT_CALLS", "x", 1);
        assert_int_equal(config_parse((struct span){0}, "", "/", &c, &f), CONDITION_REFUSED);
        assert_string_equal(f->where, "$GENOPT_CALLS");
        f = failure_free(f);
        options_clear_environment();
}

static void limits_of_providers_and_models(void **state)
{
        _cleanup_(config_unrefp) struct config *c = options_parse(
                "providers:\n  p: {dialect: anthropic, base_url: 'http://127.0.0.1:1', limits: "
                "{calls: 2, requests: 50, input: 40000}}\n"
                "tiers:\n  fast: {provider: p, model: m1, limits: {output: 8000}}\n"
                "  quality: {provider: p, model: m2}\n");

        (void)state;
        assert_int_equal(config_limits(c, "p", NULL).calls, 2);
        assert_int_equal(config_limits(c, "p", "m2").requests, 50);
        assert_int_equal(config_limits(c, "p", "m2").input, 40000);
        assert_int_equal(config_limits(c, "p", "m1").requests, 0);
        assert_int_equal(config_limits(c, "p", "m1").output, 8000);
        assert_int_equal(config_limits(c, "desk", "m1").requests, 0);
        assert_int_equal(config_limits(c, "nobody", NULL).calls, 0);
}

static void providers_and_tiers_are_read(void **state)
{
        _cleanup_(config_unrefp) struct config *c = options_parse(
                "providers:\n  sim: {dialect: anthropic, base_url: 'http://127.0.0.1:1', key: "
                "{file: k}}\n"
                "  cred: {dialect: openai, base_url: x, key: {credential: openai.key}}\n"
                "tiers:\n  fast: [{provider: sim, model: m1}, {provider: cred, model: m2}]\n");
        const struct provider_option *p;
        size_t n;

        (void)state;
        p = config_providers(c, &n);
        assert_int_equal(n, 4);
        assert_string_equal(p[0].name, "anthropic");
        assert_string_equal(p[3].name, "sim");
        p = config_find_provider(c, "sim");
        assert_int_equal(p->key_source, KEY_FILE);
        assert_string_equal(p->key_name, "/etc/x/k");
        assert_true(str_has_suffix(p->key_file, "/genopt/keys/sim"));
        assert_int_equal(config_tier(c, TIER_FAST)->n_routes, 2);
        assert_string_equal(config_tier(c, TIER_FAST)->routes[1].provider, "cred");
        assert_string_equal(config_tier(c, TIER_QUALITY)->routes[0].provider, "anthropic");
        expect_refused("providers: {a: {dialect: x, base_url: y, limits: {request: 1}}}",
                       "genopt.yaml:1:51", "did you mean `requests`?");
        expect_refused("providers: {a: {dialect: x, base_url: y, limits: {input: 0}}}",
                       "genopt.yaml:1:58", "a number from 1");
        expect_refused("tiers: {fast: {provider: desk, model: m, limits: {calls: 1}}}",
                       "genopt.yaml:1:51", "`calls` is unknown");
        expect_refused("tiers: {fast: {provider: antropic, model: m}}", "genopt.yaml:1:15",
                       "did you mean `anthropic`?");
        expect_refused("tiers: {fast: {provider: desk}}", "genopt.yaml:1:15", "`model` is missing");
        expect_refused("tiers: {fast: []}", "genopt.yaml:1:15", "empty");
        expect_refused("providers: {a: {dialect: x}}", "genopt.yaml:1:16", "`base_url` is missing");
        expect_refused("providers: {'../a': {}}", "genopt.yaml:1:13", "name");
}

static void a_key_in_the_file_is_refused_and_not_repeated(void **state)
{
        static const char *const texts[] = {
                "providers: {a: {dialect: x, base_url: y, key: sk-secret-1}}",
                "providers: {a: {dialect: x, base_url: y, key: [sk-secret-1]}}",
                "providers: {a: {dialect: x, base_url: y, key: {env: A, file: sk-secret-1}}}",
                "providers: {a: {dialect: x, base_url: y, key: {credential: 'sk-secret-1/x'}}}",
        };

        (void)state;
        for (size_t i = 0; i < N_ELEMENTS(texts); i++) {
                _cleanup_(failure_freep) struct failure *f = NULL;
                struct config *c = NULL;

                assert_int_equal(config_parse(span_of(texts[i]), "g", "/", &c, &f),
                                 CONDITION_REFUSED);
                assert_null(strstr(f->message, "secret"));
        }
}

static void a_file_is_found_and_its_paths_are_its_own(void **state)
{
        _cleanup_(config_unrefp) struct config *c = NULL;
        _cleanup_(failure_freep) struct failure *f = NULL;
        char path[200], expected[200];

        (void)state;
        snprintf(path, sizeof(path), "%s/genopt", options_directory);
        mkdir(path, 0700);
        assert_int_equal(config_load(NULL, &c, &f), 0);
        assert_null(config_path(c));
        c = config_unref(c);
        snprintf(path, sizeof(path), "%s/genopt/genopt.yaml", options_directory);
        options_write_file(path, "template_dir: own\nblueprint_dir: /b\n", 0600);
        assert_int_equal(config_load(NULL, &c, &f), 0);
        assert_string_equal(config_path(c), path);
        snprintf(expected, sizeof(expected), "%s/genopt/own", options_directory);
        assert_string_equal(config_get_text(c, OPTION_TEMPLATE_DIR), expected);
        assert_string_equal(config_get_text(c, OPTION_BLUEPRINT_DIR), "/b");
        setenv("GENOPT_CONFIG", "/nowhere/genopt.yaml", 1);
        c = config_unref(c);
        assert_int_equal(config_load(NULL, &c, &f), CONDITION_REFUSED);
        assert_string_equal(f->where, "/nowhere/genopt.yaml");
        options_clear_environment();
        assert_int_equal(unlink(path), 0);
}

static void hashes_follow_what_changes_results(void **state)
{
        static const struct {
                const char *text;
                bool is_same;
        } cases[] = {
                {"limits: {calls: 3}", true},
                {"log: {level: debug}", true},
                {"optimization: {template: off}", false},
                {"template_dir: x", false},
                {"tiers: {fast: {provider: desk, model: m}}", false},
                {"providers: {desk: {dialect: openai, base_url: other}}", false},
                {"providers: {desk: {dialect: openai, base_url: 'http://127.0.0.1:1234/v1', key: "
                 "{env: X}}}",
                 true},
        };
        _cleanup_(config_unrefp) struct config *c = options_parse("");
        struct hash base, h;

        (void)state;
        assert_int_equal(config_hash(c, &base), 0);
        for (size_t i = 0; i < N_ELEMENTS(cases); i++) {
                _cleanup_(config_unrefp) struct config *other = options_parse(cases[i].text);

                assert_int_equal(config_hash(other, &h), 0);
                assert_int_equal(hash_is_equal(&base, &h), cases[i].is_same);
        }
}

static void what_a_reload_cannot_change_is_listed(void **state)
{
        _cleanup_(config_unrefp) struct config *a = options_parse(""),
                                               *b = options_parse(
                                                       "cache: {disk: 1GiB}\nlimits: {calls: 2}");
        _cleanup_(strlist_done) struct strlist l = {0};

        (void)state;
        assert_int_equal(config_list_restarts(a, b, &l), 0);
        assert_int_equal(l.n, 1);
        assert_string_equal(l.at[0], "cache.disk");
}

static void compare_row(struct span *cells, size_t n, void *arg)
{
        bool *is_documented = arg, is_optional;
        _cleanup_buf_ struct buf otherwise = {0};
        const struct option *o;
        char name[64];

        assert_int_equal(n, 7);
        assert_true(page_next_name(&cells[0], name, &is_optional));
        o = option_find(name);
        if (!o || !str_is_equal(o->name, name))
                fail_msg("docs/options.md has an option that is not in the table: %s", name);
        is_documented[o - option_table] = true;
        buf_printf(&otherwise, " %s ", o->otherwise);
        if (!span_is_equal(cells[2], *o->otherwise ? buf_span(&otherwise) : SPAN("  ")))
                fail_msg("%s: docs/options.md has another default", name);
        assert_int_equal(memmem(cells[3].at, cells[3].n, "job", 3) != NULL,
                         o->scope != SCOPE_DAEMON);
        assert_int_equal(memmem(cells[4].at, cells[4].n, "reload", 6) != NULL, o->is_reloaded);
        assert_true(page_next_name(&cells[5], name, &is_optional));
        assert_string_equal(name, o->variable);
        assert_non_null(memmem(cells[6].at, cells[6].n, o->sentence, strlen(o->sentence)));
}

static void the_page_and_the_table_agree(void **state)
{
        _cleanup_free_ char *page = page_read(DOCS_PAGE);
        bool is_documented[N_OPTIONS] = {false};
        struct option_match m;

        (void)state;
        /* the first table; names of earlier systems come after it */
        page_rows(DOCS_PAGE, "# Options", compare_row, is_documented);
        for (size_t i = 0; i < N_OPTIONS; i++)
                if (!is_documented[i])
                        fail_msg("docs/options.md lacks %s", option_table[i].name);
        for (const char *at = strstr(page, "## Names of"); (at = strchr(at, '`'));) {
                const char *end = strchr(at + 1, '`');
                _cleanup_free_ char *name =
                        str_dup_span((struct span){at + 1, (size_t)(end - at) - 1});

                if (!(*name == '$' ? option_match_variable(name + 1, &m) : option_match(name, &m)))
                        fail_msg("docs/options.md has an unknown name: %s", name);
                at = end + 1;
        }
}

/* Who switches calls side by side off leaves the number of workers where it stands. */
static void a_switch_that_is_off_holds_beside_its_number(void **state)
{
        static const char *const files[] = {
                "optimization:\n  parallelization: {enabled: false, max_workers: 4}",
                "optimization:\n  parallelization: {max_workers: 4, enabled: false}",
                "limits: {calls: 4}\nparallel: off",
        };

        (void)state;
        for (size_t i = 0; i < N_ELEMENTS(files); i++) {
                _cleanup_(config_unrefp) struct config *c = options_parse(files[i]);

                assert_int_equal(config_get_u64(c, OPTION_CALLS), 1);
        }
        expect_refused("parallel: off\noptimization: {parallelization: {enabled: off}}",
                       "genopt.yaml:2:43", "set twice: as `parallel` too");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(the_defaults_are_the_documented_block),
                cmocka_unit_test(the_table_is_whole),
                cmocka_unit_test(values_survive_being_written),
                cmocka_unit_test(bad_values_say_where_and_why),
                cmocka_unit_test(unknown_names_get_the_nearest),
                cmocka_unit_test(empty_groups_and_values_change_nothing),
                cmocka_unit_test(names_of_earlier_systems_are_accepted),
                cmocka_unit_test(the_environment_goes_before_the_file),
                cmocka_unit_test(limits_of_providers_and_models),
                cmocka_unit_test(providers_and_tiers_are_read),
                cmocka_unit_test(a_key_in_the_file_is_refused_and_not_repeated),
                cmocka_unit_test(a_file_is_found_and_its_paths_are_its_own),
                cmocka_unit_test(hashes_follow_what_changes_results),
                cmocka_unit_test(what_a_reload_cannot_change_is_listed),
                cmocka_unit_test(the_page_and_the_table_agree),
                cmocka_unit_test(a_switch_that_is_off_holds_beside_its_number),
        };

        return cmocka_run_group_tests(tests, options_set_up, options_tear_down);
}
