#include "spec-help.h"

static const char fcs[] =
        "{\"schema_version\": \"1.0\", \"id\": \"6f0c\", \"version\": \"1.0.0\", "
        "\"original_spec_id\": \"\",\n"
        " \"metadata\": {\"created_at\": \"2025-11-18T00:00:00Z\", \"hash\": \"\"},\n"
        " \"requirements\": {\"functional\": [{\"id\": \"FR-001\", \"description\": \"Emoji "
        "\\ud83d\\ude00\"}],\n"
        "   \"non_functional\": [{\"id\": \"NFR-001\", \"description\": \"fast\", \"nfr_type\": "
        "\"perf\"}]},\n"
        " \"architecture\": {\"packages\": [{\"name\": \"user\", \"path\": \"internal/user\"}]},\n"
        " \"data_model\": {\"entities\": [{\"name\": \"User\", \"package\": \"user\",\n"
        "   \"attributes\": {\"ID\": \"string\", \"Address\": \"*Address\"}},\n"
        "   {\"name\": \"Address\", \"package\": \"user\", \"attributes\": {\"ID\": "
        "\"string\"}}],\n"
        "   \"relationships\": [{\"from\": \"User\", \"to\": \"Address\", \"type\": "
        "\"has_one\"}]},\n"
        " \"testing_strategy\": {\"coverage_target\": 85.0, \"unit_tests\": true},\n"
        " \"build_config\": {\"go_version\": \"1.21\", \"output_path\": \"./output\"}}\n";

static struct model *read_named(const char *text, const char *name)
{
        struct failure *f = NULL;
        struct model *m = NULL;

        if (spec_read(span_of(text), name, &m, &f) != 0)
                fail_msg("%s", f ? failure_message(f) : "?");
        return m;
}

static void test_dump(void **state)
{
        struct model *m = read_named(fcs, "out/shop.fcs.json");

        (void)state;
        assert_string_equal(m->name, "shop"); /* the format has no name of its own */
        assert_null(m->module);
        assert_int_equal(m->n_entities, 2);
        assert_int_equal(m->n_relations, 1);
        assert_int_equal(m->n_requirements, 2);
        assert_string_equal(m->requirements[0].text, "Emoji \xf0\x9f\x98\x80");
        assert_string_equal(m->testing.coverage_target, "85");
        assert_int_equal(m->warnings.n,
                         0); /* id, times and hashes are no content and no surprise */
        model_free(m);
}

static void test_clarifications_are_told(void **state)
{
        struct model *m = read_named("{\"schema_version\": \"1.1\", \"requirements\": [], "
                                     "\"metadata\": {\"clarifications\": [{\"answer\": \"x\"}]},"
                                     " \"data_model\": {\"entities\": [{\"name\": \"A\"}]}}",
                                     "a.json");

        (void)state;
        assert_line(&m->warnings, "clarifications are not used");
        assert_line(&m->warnings, "schema_version 1.1 is read as 1.0");
        model_free(m);
}

static void test_family_in_json(void **state)
{
        struct model *m =
                read_named("{\n\t\"name\": \"x\",\n\t\"entities\": [\n\t\t{\"name\": \"A\", "
                           "\"attributes\": [{\"name\": \"b\", \"type\": \"int\"}]}\n\t]\n}\n",
                           "x.json");

        (void)state;
        assert_string_equal(m->name, "x");
        assert_string_equal(m->entities[0].attributes[0].type, "int");
        model_free(m);
        must_refuse("x.json", "{\"name\": \"x\", \"entities\": [{\"name\": \"A\"}", "x.json:");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_dump),
                cmocka_unit_test(test_clarifications_are_told),
                cmocka_unit_test(test_family_in_json),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
