#include "spec-help.h"

#include "daemon/blueprint/internal.h"

/* Keys and interfaces are frozen: whoever meets a manifest, a cache or another machine must come to
 * the same ones. A change of what goes into them is a change of version, because then nothing that
 * was made before may be taken for what is asked for now. This holds what they were: a row per
 * version. When it fails without a new version, what was changed was not meant to change keys, or
 * its version (TASK_KEY_VERSION, INTERFACE_VERSION) must be raised and a row added. */

#define BLUEPRINT_TEXT                                                                          \
        "format: 1\n"                                                                           \
        "name: frozen\n"                                                                        \
        "description: never changes\n"                                                          \
        "language: go\n"                                                                        \
        "parameters:\n"                                                                         \
        "  app: {description: program, default: \"{{ project.name }}\", style: kebab}\n"        \
        "names:\n"                                                                              \
        "  packages: {default_path: \"src/{{ package.name }}\"}\n"                              \
        "  identity: {name: id, type: text, types: [text]}\n"                                   \
        "  by_id: {ending: _id, ending_of_many: _ids}\n"                                        \
        "types:\n"                                                                              \
        "  unknown: text\n"                                                                     \
        "  entity: $1\n"                                                                        \
        "  qualified: $1.$2\n"                                                                  \
        "  rules: [{match: '^string$', type: text}, {match: '^int$', type: number}]\n"          \
        "actions: {create: c, list: l, get: g, update: u, delete: d, list_by: lb, create_for: " \
        "cf}\n"                                                                                 \
        "extractors:\n"                                                                         \
        "  go:\n"                                                                               \
        "    line_comment: \"//\"\n"                                                            \
        "    strings: ['\"']\n"                                                                 \
        "    keep: [{match: '^package \\w+'}, {match: '^func [A-Z]', drop_body: true}]\n"       \
        "checks:\n"                                                                             \
        "  clause: {pattern: '^package', must_match: true, confidence: 0.9, message: m}\n"      \
        "files:\n"                                                                              \
        "  - {kind: one, each: entity, path: \"{{ package.path }}/{{ entity.file }}.go\", "     \
        "prompt: p.md, standards: s.md, tier: balanced, inputs: [entity, closure, relations, "  \
        "requirements, scenarios, testing, build], declares: [\"{{ entity.name }}\"], checks: " \
        "[clause], extractor: go}\n"                                                            \
        "  - {kind: two, each: project, logic: true, path: main.go, template: t.tmpl, prompt: " \
        "p.md, tier: fast, inputs: [project, parameter.app, entities, requirements, criteria, " \
        "patterns], facts: [{name: extra, value: yes}], depends: [{kind: one, of: all}]}\n"

#define SPEC_TEXT                                                                       \
        "name: Frozen lake\n"                                                           \
        "requirements:\n"                                                               \
        "  - {id: FR-1, description: A fish must swim, priority: P1}\n"                 \
        "  - Everything is written down\n"                                              \
        "data_model:\n"                                                                 \
        "  entities:\n"                                                                 \
        "    - {name: Fish, attributes: {name: string, pond: Pond}}\n"                  \
        "    - {name: Pond, attributes: {depth: int}}\n"                                \
        "  relationships: [{from: Fish, to: Pond, type: belongs_to}]\n"                 \
        "scenarios: [{title: Feed a fish, given: a fish, when: fed, then: it grows}]\n" \
        "testing_strategy: {coverage_target: 80}\n"                                     \
        "build_config: {flags: [-race]}\n"

#define CODE_TEXT                                              \
        "package pond\n\n// Feed feeds.\nfunc Feed(n int) {\n" \
        "\tprintln(\"}\")\n}\n\nfunc hidden() {}\n"

static const struct {
        unsigned key_version, interface_version;
        const char *keys, *interfaces;
} rows[] = {
        {2, 1, "81550035bbb166c6ed835b0ed73a69820d59d02ab04e2f9cacafe2662663d3f6",
         "e7b18c7248c09877ff56a909785bc8ceb6244c2971dfad932489e24c8a56c7bf"},
};

static struct blueprint *make_blueprint(void)
{
        const struct blueprint_file files[] = {
                {(char *)"blueprint.yaml", (char *)BLUEPRINT_TEXT, strlen(BLUEPRINT_TEXT)},
                {(char *)"p.md", (char *)"Write it.\n", 10},
                {(char *)"s.md", (char *)"Well.\n", 6},
                {(char *)"t.tmpl", (char *)"{{ parameters.app }}\n", 21},
        };
        struct blueprint *b = NULL;
        struct failure *f = NULL;

        if (blueprint_new("frozen", files, N_ELEMENTS(files), &b, &f) != 0)
                fail_msg("%s", f ? failure_message(f) : "?");
        return b;
}

/* All full keys, each from the interfaces "0", "1", … of what it depends on. */
static void keys_of(const struct work *w, struct hash *ret)
{
        _cleanup_buf_ struct buf all = {0};

        buf_init(&all, 0);
        for (size_t i = 0; i < w->n_tasks; i++) {
                struct hash interfaces[8], key;

                assert_true(w->tasks[i].n_depends <= N_ELEMENTS(interfaces));
                for (size_t k = 0; k < w->tasks[i].n_depends; k++)
                        hash_of(&"01234567"[k], 1, &interfaces[k]);
                task_full_key(&w->tasks[i], interfaces, &key);
                buf_add_text(&all, w->tasks[i].path);
                buf_add(&all, key.at, HASH_BYTES);
        }
        assert_int_equal(all.failed, 0);
        hash_of(all.at, all.n, ret);
}

static void assert_frozen(const char *what, const char *expected, const struct hash *h)
{
        char hex[HASH_HEX_BYTES];

        hash_to_hex(h, hex);
        if (strcmp(hex, expected) != 0)
                fail_msg("%s are %s, and were %s: raise their version and add a row, or undo what "
                         "changed them",
                         what, hex, expected);
}

static void test_frozen(void **state)
{
        struct blueprint *b = make_blueprint();
        struct work *w = must_apply(b, SPEC_TEXT);
        _cleanup_buf_ struct buf interface = {0};
        struct hash keys, interfaces;
        size_t i = 0;

        (void)state;
        while (i < N_ELEMENTS(rows) && (rows[i].key_version != TASK_KEY_VERSION ||
                                        rows[i].interface_version != INTERFACE_VERSION))
                i++;
        if (i == N_ELEMENTS(rows))
                fail_msg("there is no row for key version %u with interface version %u",
                         TASK_KEY_VERSION, INTERFACE_VERSION);
        assert_int_equal(w->n_tasks, 3);
        keys_of(w, &keys);
        assert_frozen("keys", rows[i].keys, &keys);
        buf_init(&interface, 0);
        assert_int_equal(extractor_run(w->tasks[0].extractor, SPAN(CODE_TEXT), &interface), 0);
        hash_of(interface.at, interface.n, &interfaces);
        assert_frozen("interfaces", rows[i].interfaces, &interfaces);
        work_free(w);
        blueprint_unref(b);
}

/* Each input that went into a key is named, and differs from the others. */
static void test_inputs_are_named(void **state)
{
        static const char *const expected[] = {"entity:Fish",
                                               "entity:Pond",
                                               "relation:Fish-Pond",
                                               "requirement:FR-1",
                                               "scenario:Feed a fish",
                                               "testing",
                                               "build",
                                               "task",
                                               "prompt",
                                               "standards",
                                               "checks",
                                               "extractor",
                                               "tier"};
        struct blueprint *b = make_blueprint();
        struct work *w = must_apply(b, SPEC_TEXT);
        const struct task *t = must_find(w, "src/fish/fish.go");

        (void)state;
        for (size_t i = 0; i < t->n_inputs; i++) {
                if (i >= N_ELEMENTS(expected) || strcmp(t->inputs[i].name, expected[i]) != 0)
                        fail_msg("input %zu is %s", i, t->inputs[i].name);
                assert_true(t->inputs[i].data != NULL || t->inputs[i].json.n > 0);
        }
        assert_int_equal(t->n_inputs, N_ELEMENTS(expected));
        t = must_find(w, "main.go");
        assert_string_equal(t->inputs[0].name, "fact:extra");
        assert_true(t->inputs[t->n_inputs - 1].json.n > 0);
        work_free(w);
        blueprint_unref(b);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_frozen),
                cmocka_unit_test(test_inputs_are_named),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
