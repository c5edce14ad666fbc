#include "common/json.h"
#include "daemon/input/analysis.h"
#include "daemon/input/fix-phases.h"
#include "daemon/input/fix-place.h"
#include "daemon/input/fix-tasks.h"
#include "daemon/input/input.h"
#include "daemon/input/mechanical.h"
#include "daemon/work/task.h"
#include "tests/unit/unit.h"

/* ---- reading ---- */

static struct analysis *read_ok(const char *text)
{
        struct failure *failure = NULL;
        struct analysis *a = NULL;
        int r = analysis_read(span_of(text), "output.yaml", &a, &failure);

        if (r != 0)
                fail_msg("%s", failure ? failure_message(failure) : "no memory");
        return a;
}

static void expect_refusal(const char *text, const char *where, const char *why)
{
        struct failure *failure = NULL;
        struct analysis *a = NULL;

        assert_int_equal(analysis_read(span_of(text), "output.yaml", &a, &failure),
                         CONDITION_REFUSED);
        if (!strstr(failure->where, where) || !strstr(failure_message(failure), why))
                fail_msg("%s: %s", failure->where, failure_message(failure));
        failure_free(failure);
}

static const char rulesets[] =
        "- name: one\n"
        "  tags: [Java]\n"
        "  violations:\n"
        "    rename-001:\n"
        "      description: Packages have other names\n"
        "      category: mandatory\n"
        "      effort: 1\n"
        "      links: [{url: 'https://example.org/a', title: A}]\n"
        "      incidents:\n"
        "      - uri: file:///opt/input/source/src/Boat.java\n"
        "        message: Replace the `old.sea` import statement with `new.sea`\n"
        "        codeSnip: \"  2  \\n  3  import old.sea.Wave;\\n  4  \\n\"\n"
        "        lineNumber: 3\n"
        "        variables: {name: old.sea.Wave}\n"
        "      - {uri: file:///opt/input/source/src/Boat.java, message: m, lineNumber: null}\n"
        "      - {uri: file:///opt/input/source/src/Boat.java, message: '', lineNumber: 0}\n"
        "  insights:\n"
        "    seen-001: {description: d, incidents: [{uri: "
        "file:///opt/input/source/src/Boat.java}]}\n"
        "  errors: {broken-001: it broke, broken-002: too}\n"
        "  unmatched: [a, b, c]\n"
        "- name: two\n"
        "  violations:\n"
        "    rename-001:\n"
        "      effort: 99\n"
        "      incidents: [{uri: file:///home/user/.m2/repository/x.jar/Y.java, message: n, "
        "lineNumber: "
        "1}]\n"
        "  unmatched: [d]\n"
        "- name: three\n"
        "  violations: null\n";

static void test_reads_rulesets(void **state _unused_)
{
        struct analysis *a = read_ok(rulesets);

        assert_int_equal(a->n_rules, 3);
        assert_int_equal(a->n_incidents, 5);
        assert_int_equal(a->n_errors, 2);
        assert_int_equal(a->n_unmatched, 4);
        assert_string_equal(a->rules[0].ruleset, "one");
        assert_string_equal(a->rules[0].id, "rename-001");
        assert_int_equal(a->rules[0].effort, 1);
        assert_true(a->rules[1].is_insight);
        assert_int_equal(a->rules[1].effort, EFFORT_UNKNOWN);
        assert_string_equal(a->rules[2].ruleset, "two"); /* the same id, another rule */
        assert_int_equal(a->rules[2].effort, 10);
        assert_int_equal(a->incidents[0].line, 3);
        assert_string_equal(a->incidents[0].code, "import old.sea.Wave;");
        assert_string_equal(json_get_text(a->incidents[0].variables, "name"), "old.sea.Wave");
        assert_int_equal(a->incidents[1].line, 0); /* null, zero and nothing are the same */
        assert_int_equal(a->incidents[2].line, 0);
        assert_null(a->incidents[2].code);
        analysis_free(a);
}

static void test_reads_other_forms(void **state _unused_)
{
        struct analysis *a =
                read_ok("{\"violations\": [{\"id\": \"a-1\", \"category\": \"optional\", "
                        "\"incidents\": [{\"uri\": \"file:///x/A.java\", "
                        "\"lineNumber\": 7}]}]}");

        assert_int_equal(a->n_incidents, 1);
        assert_int_equal(a->incidents[0].line, 7);
        analysis_free(a);
        a = read_ok("version: '1.0'\nphases:\n- id: phase-1\n  violations:\n  - violation_id: b-1\n"
                    "    incidents: [{uri: 'file:///x/A.java', line_number: 4}]\n");
        assert_int_equal(a->n_phases, 1);
        assert_string_equal(a->phases[a->rules[0].phase].id, "phase-1");
        assert_string_equal(a->rules[0].id, "b-1");
        assert_int_equal(a->incidents[0].line, 4); /* as the documentation writes it */
        analysis_free(a);
        a = read_ok("[]");
        assert_int_equal(a->n_incidents, 0);
        analysis_free(a);
}

static void test_refuses_with_a_place(void **state _unused_)
{
        expect_refusal("- name: x\n  violations: {a: {incidents: [{message: m}]}}\n",
                       ":2:", "`uri`");
        expect_refusal("- name: x\n   violations: {\n", ":2:", "");
        expect_refusal("a: [b\n", "output.yaml:", "");
        expect_refusal("hello: world\n", ":1:", "no analysis");
        expect_refusal("- just text\n", ":1:", "ruleset");
        expect_refusal("violations: [{incidents: []}]\n", ":1:", "`id`");
        expect_refusal("plan_file: p.yaml\nviolations: {}\n", ":1:", "--state");
        expect_refusal("phases: [{id: a}, {id: a}]\n", ":1:", "another phase");
}

/* ---- phases ---- */

static void test_phases_by_risk(void **state _unused_)
{
        struct analysis a = {0};
        struct fix_phases p = {0};
        struct failure *failure = NULL;
        static const struct {
                const char *category;
                int effort;
                bool is_mechanical;
                size_t phase;
        } rows[] = {{"mandatory", 9, true, PHASE_MECHANICAL},
                    {"mandatory", 2, false, PHASE_SIMPLE},
                    {"mandatory", 3, false, PHASE_MODERATE},
                    {"mandatory", EFFORT_UNKNOWN, false, PHASE_MODERATE},
                    {"mandatory", 7, false, PHASE_HARD},
                    {NULL, 0, false, PHASE_SIMPLE},
                    {"optional", 9, false, PHASE_OPTIONAL},
                    {"potential", 1, false, PHASE_OPTIONAL}};
        _cleanup_json_ json_t *wanted = json_pack("[s,s]", "1", "hard"),
                              *unknown = json_pack("[s]", "6");

        assert_int_equal(fix_phases_init(&p, &a, wanted, &failure), 0);
        for (size_t i = 0; i < N_ELEMENTS(rows); i++) {
                struct analysis_rule rule = {.category = (char *)rows[i].category,
                                             .effort = rows[i].effort};

                assert_int_equal(fix_phase_of(&p, &rule, rows[i].is_mechanical), rows[i].phase);
        }
        for (size_t i = 0; i < N_OWN_PHASES; i++)
                assert_int_equal(p.at[i].is_taken, i == PHASE_MECHANICAL || i == PHASE_HARD);
        fix_phases_done(&p);
        assert_int_equal(fix_phases_init(&p, &a, unknown, &failure), CONDITION_REFUSED);
        assert_non_null(strstr(failure_message(failure), "2 simple"));
        failure_free(failure);
        fix_phases_done(&p);
}

static void test_phases_of_a_plan(void **state _unused_)
{
        struct analysis *a = read_ok("phases:\n- {id: first, risk: high, violations: []}\n"
                                     "- {id: second, deferred: true, violations: []}\n");
        _cleanup_json_ json_t *wanted = json_pack("[s]", "second");
        struct failure *failure = NULL;
        struct fix_phases p = {0};

        assert_int_equal(fix_phases_init(&p, a, NULL, &failure), 0);
        assert_true(p.at[0].is_taken && !p.at[1].is_taken); /* the plan defers it */
        fix_phases_done(&p);
        assert_int_equal(fix_phases_init(&p, a, wanted, &failure), 0);
        assert_true(!p.at[0].is_taken && p.at[1].is_taken);
        fix_phases_done(&p);
        analysis_free(a);
}

/* ---- states ---- */

static const char plan_of_boats[] =
        "violations:\n"
        "- id: a\n"
        "  incidents: [{uri: 'file:///x/A.java', lineNumber: 3}, {uri: 'file:///x/A.java', "
        "lineNumber: 5},\n"
        "    {uri: 'file:///x/B.java', lineNumber: 1}]\n"
        "- id: b\n"
        "  incidents: [{uri: 'file:///x/A.java', lineNumber: 3}]\n";

static void test_a_state_is_of_incidents(void **state _unused_)
{
        struct analysis *a = read_ok(plan_of_boats);
        struct fix_state_counts counts;
        struct failure *failure = NULL;
        uint8_t *states = NULL;
        static const char text[] =
                "plan_file: p\nviolations:\n"
                "  a: {status: completed, incidents: {'file:///x/A.java:3': {status: completed},\n"
                "    'file:///x/B.java': {status: failed}, 'file:///x/A.java': {status: "
                "completed},\n"
                "    'file:///x/C.java': {status: completed}}}\n"
                "  b: {status: completed}\n";

        assert_int_equal(fix_state_read(span_of(text), "s.yaml", a, &states, &counts, &failure), 0);
        assert_int_equal(states[0], INCIDENT_COMPLETED);
        assert_int_equal(states[1], INCIDENT_OPEN); /* an address of two is neither's */
        assert_int_equal(states[2], INCIDENT_FAILED);
        assert_int_equal(states[3], INCIDENT_OPEN); /* a violation's status says nothing */
        assert_int_equal(counts.n_completed, 1);
        assert_int_equal(counts.n_failed, 1);
        assert_int_equal(counts.n_unclear, 1);
        assert_int_equal(counts.n_unknown, 1);
        free(states);
        states = NULL;
        assert_int_equal(
                fix_state_read(SPAN("violations: [a]\n"), "s.yaml", a, &states, &counts, &failure),
                CONDITION_REFUSED);
        assert_non_null(strstr(failure->where, "s.yaml:1:"));
        failure_free(failure);
        analysis_free(a);
}

/* ---- places ---- */

static void expect_places(const char *const *uris, size_t n, const char *const *paths,
                          size_t n_paths, const enum place_kind *kinds, const char *prefix)
{
        struct analysis a = {.n_incidents = n, .incidents = calloc(n, sizeof(struct incident))};
        struct place *places = NULL;
        char *got = NULL;

        for (size_t i = 0; i < n; i++)
                a.incidents[i].uri = strdup(uris[i]);
        assert_int_equal(places_of(&a, paths, n_paths, &places, &got), 0);
        assert_string_equal(got, prefix);
        for (size_t i = 0; i < n; i++)
                if (places[i].kind != kinds[i])
                        fail_msg("%s is %s", uris[i], place_kind_names[places[i].kind]);
        for (size_t i = 0; i < n; i++)
                free(a.incidents[i].uri);
        free(a.incidents);
        free(places);
        free(got);
}

static void test_finds_where_the_tree_was(void **state _unused_)
{
        static const char *const paths[] = {"pom.xml", "src/a b.java", "src/main/A.java"};
        static const char *const uris[] = {
                "file:///opt/input/source/src/main/A.java",
                "file:///opt/input/source/src/a%20b.java",
                "file:///opt/input/source/pom.xml",
                "file:///opt/input/source/src/Gone.java",
                "file:///opt/input/source/target/classes/x.xml",
                "file:///home/user/.m2/repository/org/x/pom.xml",
                "file:///somewhere/else/B.java",
        };
        static const enum place_kind kinds[] = {PLACE_HERE,     PLACE_HERE,  PLACE_HERE,
                                                PLACE_GONE,     PLACE_BUILD, PLACE_DEPENDENCY,
                                                PLACE_ELSEWHERE};

        expect_places(uris, N_ELEMENTS(uris), paths, N_ELEMENTS(paths), kinds,
                      "/opt/input/source/");
}

/* Many short names elsewhere do not outvote the tree. */
static void test_pom_files_of_others_say_little(void **state _unused_)
{
        static const char *const paths[] = {"pom.xml", "src/main/java/org/boats/Boat.java"};
        static const char *const uris[] = {"file:///lib/a/pom.xml", "file:///lib/a/pom.xml",
                                           "file:///lib/a/pom.xml",
                                           "file:///there/src/main/java/org/boats/Boat.java"};
        static const enum place_kind kinds[] = {PLACE_ELSEWHERE, PLACE_ELSEWHERE, PLACE_ELSEWHERE,
                                                PLACE_HERE};

        expect_places(uris, N_ELEMENTS(uris), paths, N_ELEMENTS(paths), kinds, "/there/");
}

static void test_nothing_here_is_elsewhere(void **state _unused_)
{
        static const char *const uris[] = {"file:///a/B.java"};
        static const enum place_kind kinds[] = {PLACE_GONE};

        expect_places(uris, 1, NULL, 0, kinds, "");
}

/* ---- mechanical ---- */

static struct fixes *fixes;

static int load(void **state _unused_)
{
        struct failure *failure = NULL;
        char text[65536];
        FILE *f = fopen(BLUEPRINTS "/fix/fixes.yaml", "r");
        size_t n = f ? fread(text, 1, sizeof(text), f) : 0;
        int r = n > 0 ? fixes_read((struct span){text, n}, "fixes.yaml", &fixes, &failure)
                      : -ENOENT;

        if (f)
                fclose(f);
        if (failure)
                print_error("%s: %s\n", failure->where, failure_message(failure));
        return r;
}

static int unload(void **state _unused_)
{
        fixes_free(fixes);
        return 0;
}

struct found {
        const char *path, *message;
        unsigned line;
        const char *code;
};

static void expect_fix(const char *text, const struct found *f, enum fix_outcome outcome,
                       const char *wanted)
{
        struct analysis_rule rule = {.id = (char *)"r-1"};
        struct incident i = {
                .message = (char *)f->message, .code = (char *)f->code, .line = f->line};
        _cleanup_buf_ struct buf b = {0};
        enum fix_outcome got;
        const char *name = NULL;

        buf_add_text(&b, text);
        assert_int_equal(fixes_apply(fixes, f->path, &rule, &i,
                                     incident_find_line(&i, buf_span(&b)), &b, &got, &name),
                         0);
        assert_string_equal(b.at, wanted ? wanted : text);
        assert_int_equal(got, outcome);
}

#define IMPORT "Replace the `javax.persistence` import statement with `jakarta.persistence`"

static void test_imports_are_renamed(void **state _unused_)
{
        expect_fix("package a;\nimport javax.persistence.Id;\nclass A {}\n",
                   &(struct found){"A.java", IMPORT, 2, "import javax.persistence.Id;"}, FIX_DONE,
                   "package a;\nimport jakarta.persistence.Id;\nclass A {}\n");
        /* On its line alone, and whole words. */
        expect_fix("import javax.persistence.Id;\nimport javax.persistence.Column;\n",
                   &(struct found){"A.java", IMPORT, 2, NULL}, FIX_DONE,
                   "import javax.persistence.Id;\nimport jakarta.persistence.Column;\n");
        expect_fix("import xjavax.persistences.Id;\n", &(struct found){"A.java", IMPORT, 1, NULL},
                   FIX_NONE, NULL);
        expect_fix("import javax.persistence.Id;\n", &(struct found){"A.txt", IMPORT, 1, NULL},
                   FIX_NONE, NULL);
}

static void test_moved_lines_are_found(void **state _unused_)
{
        expect_fix("\n\n\nimport javax.persistence.Id;\n",
                   &(struct found){"A.java", IMPORT, 2, "import javax.persistence.Id;"}, FIX_DONE,
                   "\n\n\nimport jakarta.persistence.Id;\n");
}

static void test_what_is_repaired_stays(void **state _unused_)
{
        expect_fix("import jakarta.persistence.Id;\n",
                   &(struct found){"A.java", IMPORT, 1, "import javax.persistence.Id;"}, FIX_THERE,
                   NULL);
}

static void test_packages_of_the_jdk_stay(void **state _unused_)
{
        static const char *const names[] = {
                "javax.xml.parsers.SAXParser", "javax.annotation.processing.Processor",
                "javax.transaction.xa.XAResource", "javax.sql.DataSource"};

        for (size_t i = 0; i < N_ELEMENTS(names); i++) {
                char text[100], message[200];

                snprintf(text, sizeof(text), "import %s;\n", names[i]);
                snprintf(message, sizeof(message),
                         "Replace the `javax.%.*s` import statement with `jakarta.x`",
                         (int)strcspn(names[i] + 6, "."), names[i] + 6);
                expect_fix(text, &(struct found){"A.java", message, 1, NULL}, FIX_FALSE, NULL);
        }
        expect_fix("import javax.xml.bind.JAXB;\n",
                   &(struct found){
                           "A.java",
                           "Replace the `javax.xml.bind` import statement with `jakarta.xml.bind`",
                           1, NULL},
                   FIX_DONE, "import jakarta.xml.bind.JAXB;\n");
}

static void test_xml_is_repaired(void **state _unused_)
{
        static const char text[] = "<?xml version=\"1.0\"?>\n<!-- <a version=\"2.1\"> -->\n"
                                   "<unit version=\"2.1\"\n  xmlns=\"http://old/ns\"\n"
                                   "  loc=\"http://old/ns http://old/ns/u_2_1.xsd\">\n</unit>\n";

        expect_fix(text,
                   &(struct found){"u.xml",
                                   "In the root tag, replace the `version` attribute value `2.1` "
                                   "with `3.0`",
                                   3, NULL},
                   FIX_DONE,
                   "<?xml version=\"1.0\"?>\n<!-- <a version=\"2.1\"> -->\n"
                   "<unit version=\"3.0\"\n  xmlns=\"http://old/ns\"\n"
                   "  loc=\"http://old/ns http://old/ns/u_2_1.xsd\">\n</unit>\n");
        expect_fix(text,
                   &(struct found){"u.xml",
                                   "Replace `http://old/ns` with `https://new/ns` and change the "
                                   "schema version number",
                                   5, NULL},
                   FIX_DONE,
                   "<?xml version=\"1.0\"?>\n<!-- <a version=\"2.1\"> -->\n"
                   "<unit version=\"2.1\"\n  xmlns=\"http://old/ns\"\n"
                   "  loc=\"https://new/ns https://new/ns/u_2_1.xsd\">\n</unit>\n");
        expect_fix(text,
                   &(struct found){"u.xml",
                                   "Replace `u_2_1.xsd` with `u_3_0.xsd` and update the version "
                                   "attribute to `\"3.0\"`",
                                   5, NULL},
                   FIX_DONE,
                   "<?xml version=\"1.0\"?>\n<!-- <a version=\"2.1\"> -->\n"
                   "<unit version=\"3.0\"\n  xmlns=\"http://old/ns\"\n"
                   "  loc=\"http://old/ns http://old/ns/u_3_0.xsd\">\n</unit>\n");
}

static void test_coordinates_are_swapped(void **state _unused_)
{
        expect_fix("<groupId>javax</groupId>\n<artifactId>javaee-api</artifactId>\n",
                   &(struct found){"pom.xml",
                                   "Update group dependency by replacing the `javax` groupId with "
                                   "`jakarta.platform`",
                                   1, NULL},
                   FIX_DONE,
                   "<groupId>jakarta.platform</groupId>\n<artifactId>javaee-api</artifactId>\n");
        expect_fix(
                "<groupId>javax.x</groupId>\n",
                &(struct found){"pom.xml", "replacing the `javax` groupId with `jakarta`", 1, NULL},
                FIX_NONE, NULL);
}

/* Nothing that a message holds is taken for an expression. */
static void test_messages_are_text(void **state _unused_)
{
        expect_fix(
                "import a_b.C;\n",
                &(struct found){"A.java", "Replace the `a.b` import statement with `c.d`", 1, NULL},
                FIX_NONE, NULL);
}

static void refuse_rules(const char *text, const char *why)
{
        struct failure *failure = NULL;
        struct fixes *f = NULL;

        assert_int_equal(fixes_read(span_of(text), "f.yaml", &f, &failure), CONDITION_REFUSED);
        if (!strstr(failure_message(failure), why))
                fail_msg("%s", failure_message(failure));
        failure_free(failure);
}

static void test_rules_are_checked(void **state _unused_)
{
        refuse_rules("fixes: []\n", "format: 1");
        refuse_rules("format: 1\nfixes: [{name: a}]\n", "`message`");
        refuse_rules("format: 1\nfixes: [{name: a, files: '(', message: m, edits: [{find: a, put: "
                     "b}]}]\n",
                     "");
        refuse_rules("format: 1\nfixes: [{name: a, files: b, message: m, edits: [{find: a}]}]\n",
                     "`put`");
        refuse_rules("format: 1\nfixes: [{name: a, files: b, message: m, edits: [{find: a, put: b, "
                     "where: there}]}]\n",
                     "`where`");
}

/* ---- filters ---- */

static void test_filters(void **state _unused_)
{
        const struct analysis_rule rule = {.id = (char *)"javax-001",
                                           .category = (char *)"mandatory",
                                           .effort = 3},
                                   insight = {.id = (char *)"x", .is_insight = true};
        struct fix_filter f = {.max_effort = EFFORT_UNKNOWN};
        json_t *list = json_pack("[s,s]", "optional", "mandatory"),
               *rules = json_pack("[s]", "javax-*"), *files = json_pack("[s]", "*.java"),
               *deep = json_pack("[s]", "src/*/A.java");

        assert_true(fix_filter_takes(&f, &rule, "src/x/A.java"));
        assert_false(fix_filter_takes(&f, &insight, "src/x/A.java"));
        f = (struct fix_filter){
                .categories = list, .rules = rules, .max_effort = 3, .files = files};
        assert_true(fix_filter_takes(&f, &rule, "src/x/A.java"));
        f.max_effort = 2;
        assert_false(fix_filter_takes(&f, &rule, "src/x/A.java"));
        f.max_effort = EFFORT_UNKNOWN;
        assert_false(fix_filter_takes(&f, &rule, "src/x/A.xml"));
        f.exclude = deep;
        assert_false(fix_filter_takes(&f, &rule, "src/x/A.java"));
        json_decref(list);
        json_decref(rules);
        json_decref(files);
        json_decref(deep);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_reads_rulesets),
                cmocka_unit_test(test_reads_other_forms),
                cmocka_unit_test(test_refuses_with_a_place),
                cmocka_unit_test(test_phases_by_risk),
                cmocka_unit_test(test_phases_of_a_plan),
                cmocka_unit_test(test_a_state_is_of_incidents),
                cmocka_unit_test(test_finds_where_the_tree_was),
                cmocka_unit_test(test_pom_files_of_others_say_little),
                cmocka_unit_test(test_nothing_here_is_elsewhere),
                cmocka_unit_test(test_imports_are_renamed),
                cmocka_unit_test(test_moved_lines_are_found),
                cmocka_unit_test(test_what_is_repaired_stays),
                cmocka_unit_test(test_packages_of_the_jdk_stay),
                cmocka_unit_test(test_xml_is_repaired),
                cmocka_unit_test(test_coordinates_are_swapped),
                cmocka_unit_test(test_messages_are_text),
                cmocka_unit_test(test_rules_are_checked),
                cmocka_unit_test(test_filters),
        };

        return cmocka_run_group_tests(tests, load, unload);
}
