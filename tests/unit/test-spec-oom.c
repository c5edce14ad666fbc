/* The nth allocation fails, for every n, from the text of a specification to tasks: the answer is
 * -ENOMEM, and nothing is lost or half done. Linked with --wrap for our own allocations; Jansson is
 * given the same allocator. */

#include "no-memory.h"

#include "daemon/blueprint/internal.h"
#include "daemon/input/input.h"

static const struct blueprint_file files[] = {
        {(char *)"p.md", (char *)"prompt\n", 7},
        {(char *)"t.tmpl", (char *)"{{ project.name }}\n", 19},
        {(char *)"blueprint.yaml", NULL, 0}, /* see main() */
};
static struct blueprint_file loaded[N_ELEMENTS(files)];
static struct blueprint *blueprint;

static const char yaml[] =
        "format: 1\nname: tiny\ndescription: d\nlanguage: go\n"
        "choose: [{feature: always, weight: 1, reason: it is there}]\n"
        "parameters: {module: {description: d, from: module, default: \"{{ project.name }}\", "
        "style: kebab, match: '^[a-z]+$'}}\n"
        "names:\n  initialisms: [ID]\n  packages: {default_path: \"p/{{ package.name }}\", "
        "reserved: [go], ending: x}\n"
        "  identity: {name: ID, type: text, types: [text]}\n  by_id: {ending: ID, ending_of_many: "
        "IDs, strip: \"*\"}\n"
        "types: {unknown: text, entity: \"*$1\", qualified: $1.$2, rules: [{match: '^list of "
        "(.+)$', type: \"[]$1\"}, {match: '^text$', type: text}]}\n"
        "actions: {create: c, list: l, get: g, update: u, delete: d, list_by: lb, create_for: cf, "
        "verbs: {GET: Get}}\n"
        "default_contracts: [{method: GET, endpoint: \"/{{ entity.plural }}\", description: \"of "
        "{{ entity.name }}\"}]\n"
        "extractors: {go: {line_comment: \"//\", block_comment: [\"/*\", \"*/\"], strings: ['\"'], "
        "keep: [{match: ^type, member: '^[A-Z]'},\n"
        "  {match: ^import, member: '\"(\\w+)\"', only_used: true}, {match: ^func, drop_body: "
        "true}]}}\n"
        "checks: {c: {pattern: a, must_match: false, confidence: 0.5, message: m}}\n"
        "files:\n"
        "- {kind: mod, each: project, path: mod, template: t.tmpl, prompt: p.md, tier: fast, "
        "logic: true,\n"
        "   inputs: [project, parameter.module, entity_summaries, requirements, scenarios, "
        "criteria, patterns, testing, build, libraries, packages]}\n"
        "- {kind: own, each: entity, path: \"{{ package.path }}/{{ entity.file }}\", prompt: p.md, "
        "standards: p.md, tier: fast,\n"
        "   inputs: [entity, closure, relations, contracts, requirements, scenarios], declares: "
        "[\"{{ entity.name }}\"], expects: [x],\n"
        "   facts: [{name: f, value: \"{{ package.name }}\"}], checks: [c], extractor: go}\n"
        "- {kind: all, each: project, path: all, prompt: p.md, tier: fast, depends: [{kind: own, "
        "of: all}]}\n";

static const char spec[] =
        "name: x\ndescription: |\n  a\n  b\ncolour: red\nmodule: abc\n"
        "architecture: {packages: [{name: u, path: u, dependencies: [v]}, {name: v}], "
        "dependencies: [lib], patterns: [p]}\n"
        "entities: [{name: User, package: u, attributes: {id: text, as: list of accounts}}, {name: "
        "Account, package: v, attributes: {owner: User}}, Go]\n"
        "relationships: [{from: User, to: Account}, {from: User, to: Ghost}]\n"
        "requirements: [{id: R, description: Users exist}, {id: R, description: \"GET /users is "
        "fast\"}, free]\n"
        "success_criteria: [{criterion: c, measurable: m}]\n"
        "testing_strategy: {coverage_target: 80, unit_tests: yes}\nbuild_config: {build_flags: "
        "[a]}\n";

static int make_blueprint(void)
{
        struct failure *f = NULL;
        struct blueprint *b = NULL;
        int r = blueprint_new("tiny", loaded, N_ELEMENTS(loaded), &b, &f);

        if (r > 0 && allowed < 0 && !has_failed)
                fail_msg("%s", failure_message(f));
        failure_free(f);
        blueprint_unref(b);
        return r;
}

static int make_tasks(void)
{
        struct failure *f = NULL;
        struct model *m = NULL;
        struct work *w = NULL;
        int r = spec_read(SPAN(spec), "spec.yaml", &m, &f);

        if (r == 0)
                r = blueprint_apply(blueprint, m, &w, &f);
        failure_free(f);
        work_free(w);
        model_free(m);
        return r;
}

/* One of each format, with all that its reader allocates for. */
static const struct {
        const char *file_name, *text;
} others[] = {
        {"a.yaml",
         "openapi: 3.0.0\ninfo: {title: x, description: d}\nservers: []\n"
         "paths:\n  /users/{id}:\n    get: {summary: s, description: d, parameters: [{name: "
         "q, in: query, schema: {type: integer, maximum: 3}}], responses: {\"200\": "
         "{description: r, content: {application/json: {schema: {$ref: "
         "\"#/components/schemas/User\"}}}}, \"404\": {description: n}}}\n"
         "    post: {requestBody: {content: {text/csv: {schema: {type: array, items: {type: "
         "string}}}}}, responses: {}}\n"
         "components:\n  schemas:\n"
         "    Base: {required: [id], properties: {id: {type: string}, o: {type: object, "
         "properties: {a: {type: string, description: w, enum: [a, b]}}}}}\n"
         "    User: {allOf: [{$ref: \"#/components/schemas/Base\"}, {properties: {o: {type: "
         "integer}, f: {type: array, items: {$ref: \"#/components/schemas/User\"}}, e: "
         "{oneOf: [{type: string}, {type: integer}]}, x: {$ref: \"b.yaml\"}}}]}\n"
         "    NewUser: {properties: {a: {type: string, description: d, pattern: p}}}\n"},
        {"a.json", "{\"schema_version\": \"1.0\", \"data_model\": {\"entities\": [{\"name\": "
                   "\"A\", \"attributes\": {\"b\": \"\\ud83d\\ude00\"}}]}}"},
        {"a.md", "---\nbase: &b {c: 1, d: [x]}\nentities:\n- {name: A, attributes: {<<: *b, e: "
                 "string}}\nrequirements: [\"FR-1: A is\"]\n---\n# Title\n\ntext\n"},
        {"a.txt", "create a user with name (string, required, unique, short)\ncreate an order\n"
                  "add user to order\nadd orders to user\nadd a:int to user\nremove a from user\n"
                  "Requirements:\n- b (int)\n- words\n\ncreate x with no y\ndelete order\n"},
        {"a.yaml", "- {entity: a, attributes: [\"b:int\", {name: c, default: 1}], related_entity: "
                   "d}\n- {entity: d, attributes: [e]}\n- add f to a\n"},
};
static size_t other;

static int read_other(void)
{
        struct failure *f = NULL;
        struct model *m = NULL;
        int r = spec_read(span_of(others[other].text), others[other].file_name, &m, &f);

        if (r > 0 && !has_failed)
                fail_msg("%s", failure_message(f));
        failure_free(f);
        model_free(m);
        return r;
}

static int refuse_spec(void)
{
        struct failure *f = NULL;
        struct model *m = NULL;
        int r = spec_read(SPAN("name: x\nentities: [{name: A}, {name: a}]\n"), "spec.yaml", &m, &f);

        assert_null(m);
        failure_free(f);
        return r == CONDITION_REFUSED ? 0 : r;
}

static int refuse_blueprint(void)
{
        static const struct blueprint_file bad[] = {
                {(char *)"blueprint.yaml", (char *)"format: 3\nfiles: [{kind: x}]\n", 30}};
        struct failure *f = NULL;
        struct blueprint *b = NULL;
        int r = blueprint_new("bad", bad, 1, &b, &f);

        assert_null(b);
        failure_free(f);
        return r == CONDITION_REFUSED ? 0 : r;
}

static int extract(void)
{
        _cleanup_buf_ struct buf b = {0};

        return extractor_run(blueprint->extractors[0],
                             SPAN("import (\n\"a\"\n\"b\"\n)\ntype A struct {\n\tB a.C // x\n\td "
                                  "int\n}\nfunc F(\na int,\n) { x() }\n"),
                             &b);
}

static json_t *ask_params, *echo_params; /* made before any allocation fails */

static int read_kind(const char *kind, const json_t *params)
{
        static const struct input_file file = {"a", {"text", 4}, false};
        struct input in = {params, &file, 1, NULL};
        struct strlist paths = {0};
        struct failure *f = NULL;
        struct work *w = NULL;
        int r = job_kind_find(kind)->need(params, &paths, &f);

        if (r == 0)
                r = job_kind_find(kind)->read(&in, &w, &f);
        strlist_done(&paths);
        failure_free(f);
        work_free(w);
        return r;
}

static int ask(void)
{
        return read_kind("ask", ask_params);
}

static int echo(void)
{
        return read_kind("echo-check", echo_params);
}

static void test_everything(void **state)
{
        (void)state;
        torture(ask, NULL);
        torture(echo, NULL);
        torture(make_blueprint, NULL);
        torture(make_tasks, NULL);
        torture(refuse_spec, NULL);
        for (other = 0; other < N_ELEMENTS(others); other++)
                torture(read_other, NULL);
        torture(refuse_blueprint, NULL);
        torture(extract, NULL);
}

int main(void)
{
        const struct CMUnitTest tests[] = {cmocka_unit_test(test_everything)};
        struct failure *f = NULL;
        int r;

        json_set_alloc_funcs(__wrap_malloc, free);
        memcpy(loaded, files, sizeof(files));
        loaded[2].text = (char *)yaml;
        loaded[2].n_text = sizeof(yaml) - 1;
        if (blueprint_new("tiny", loaded, N_ELEMENTS(loaded), &blueprint, &f) != 0) {
                print_error("%s\n", f ? failure_message(f) : "?");
                return 1;
        }
        ask_params = json_pack("{s:{s:s,s:s}}", "input", "prompt", "p", "system", "s");
        echo_params = json_pack("{s:{s:s,s:i},s:[[s]]}", "input", "path", "a", "command", 0,
                                "commands", "true");
        r = cmocka_run_group_tests(tests, NULL, NULL);
        json_decref(ask_params);
        json_decref(echo_params);
        blueprint_unref(blueprint);
        return r;
}
