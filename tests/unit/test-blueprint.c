#include "spec-help.h"

#include "common/path.h"
#include "daemon/template/template.h"

#include <fcntl.h>

static struct blueprint *go;

static int set_up(void **state)
{
        (void)state;
        go = must_load("go-service");
        return 0;
}

static int tear_down(void **state)
{
        (void)state;
        blueprint_unref(go);
        return 0;
}

static struct work *apply_file(const char *name)
{
        _cleanup_close_ int dir = open(SPECS, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        _cleanup_buf_ struct buf b = {0};

        assert_int_equal(path_read(dir, name, 1 << 20, &b), 0);
        return must_apply(go, b.at);
}

static void must_clash(const char *text, const char *part)
{
        struct model *m = must_read(text);
        struct failure *f = NULL;
        struct work *w = NULL;

        assert_int_equal(blueprint_apply(go, m, &w, &f), CONDITION_REFUSED);
        assert_int_equal(f->id, FAILURE_BAD_SPEC);
        if (!strstr(failure_message(f), part))
                fail_msg("`%s` has no `%s`", failure_message(f), part);
        failure_free(f);
        model_free(m);
}

/* ---- loading ---- */

#define NAMES                                                                                   \
        "names:\n"                                                                              \
        "  packages: {default_path: \"src/{{ package.name }}\"}\n"                              \
        "  identity: {name: id, type: text}\n"                                                  \
        "  by_id: {ending: _id, ending_of_many: _ids}\n"                                        \
        "types: {unknown: text, entity: $1, qualified: $1.$2}\n"                                \
        "actions: {create: c, list: l, get: g, update: u, delete: d, list_by: lb, create_for: " \
        "cf}\n"
#define HEAD "format: 1\nname: tiny\ndescription: d\nlanguage: text\n" NAMES

static int make(const char *yaml, struct blueprint **ret, struct failure **f)
{
        struct blueprint_file files[] = {
                {(char *)"p.md", (char *)"prompt\n", 7},
                {(char *)"t.tmpl", (char *)"{{ parameters.x }\n", 18},
                {(char *)"blueprint.yaml", (char *)yaml, strlen(yaml)},
        };

        return blueprint_new("tiny", files, N_ELEMENTS(files), ret, f);
}

static void test_small_blueprint(void **state)
{
        struct blueprint *b = NULL;
        struct failure *f = NULL;
        struct hash h;

        (void)state;
        if (make(HEAD "files: [{kind: a, each: project, path: a.txt, prompt: p.md, tier: fast}]\n",
                 &b, &f) != 0)
                fail_msg("%s", failure_message(f));
        assert_string_equal(blueprint_name(b), "tiny");
        assert_string_equal(blueprint_description(b), "d");
        blueprint_hash(b, &h);
        assert_false(hash_is_zero(&h));
        blueprint_unref(b);
}

/* A default is held to the bounds, too. */
static void test_default_out_of_bounds(void **state)
{
        struct blueprint *b = NULL;
        struct failure *f = NULL;
        struct work *w;

        (void)state;
        if (make(HEAD "parameters: {x: {description: d, default: \"2.5\", at_least: \"1.0\", "
                      "at_most: \"2.0\"}}\n"
                      "files: [{kind: a, each: project, path: a.txt, prompt: p.md, tier: fast}]\n",
                 &b, &f) != 0)
                fail_msg("%s", failure_message(f));
        w = must_apply(b, "name: x\nentities: [A]\n");
        assert_line(&w->warnings, "x `2.5` becomes 2.0: blueprint tiny supports 1.0 to 2.0");
        work_free(w);
        blueprint_unref(b);
}

static void test_all_faults_at_once(void **state)
{
        static const char *const faults[] = {
                "blueprint.yaml:1:9: `format` 2 is not known",
                "`desciption` here; did you mean `description`?",
                "`language` is missing",
                "`fst` is no value of `tier`; did you mean `fast`?",
                "the blueprint has no file missing.md",
                "there is no variable `entty.name`; did you mean `entity.name`?",
                "`{{ entity.name }}` uses what a file for each project does not have",
                "there is no input `entties`; did you mean `entities`?",
                "there is no kind later before this one",
                "there is no check nothing",
                "there is no extractor go",
                "`has_contract` is no value of `when`; did you mean `has_contracts`?",
                "t.tmpl:1:",
                "`confidence` must be above 0",
                "kind a is there already",
                "expression, at its character",
                "`output_bytes` is at most 16777216: no file is longer",
        };
        struct blueprint *b = NULL;
        struct failure *f = NULL;

        (void)state;
        assert_int_equal(
                make("format: 2\nname: tiny\ndesciption: d\n" NAMES
                     "parameters: {x: {description: d, default: a, match: '('}}\n"
                     "checks: {c: {pattern: a, must_match: true, confidence: 7, message: m}}\n"
                     "files:\n"
                     "- {kind: a, each: project, path: \"{{ entty.name }}\", prompt: missing.md, "
                     "tier: fst}\n"
                     "- {kind: a, each: project, path: \"{{ entity.name }}\", prompt: p.md, tier: "
                     "fast, inputs: [entties], output_bytes: 9223372036854775807}\n"
                     "- {kind: b, each: entity, path: b, prompt: p.md, tier: fast, depends: "
                     "[{kind: later, of: same}],\n"
                     "   checks: [nothing, c], extractor: go, when: [has_contract], template: "
                     "t.tmpl}\n",
                     &b, &f),
                CONDITION_REFUSED);
        assert_int_equal(f->id, FAILURE_BAD_BLUEPRINT);
        for (size_t i = 0; i < N_ELEMENTS(faults); i++)
                if (!strstr(failure_message(f), faults[i]))
                        fail_msg("no `%s` in:\n%s", faults[i], failure_message(f));
        failure_free(f);
}

/* Templates know one another by their paths below templates/; what is wrong is told once. */
static void test_templates_of_templates(void **state)
{
        static const char yaml[] =
                HEAD "files:\n"
                     "- {kind: a, each: project, path: a, tier: fast, prompt: p.md, template: "
                     "templates/a.tmpl}\n"
                     "- {kind: b, each: project, path: b, tier: fast, prompt: p.md, template: "
                     "b.tmpl}\n";
        char part[] = "{% macro m(x) %}<{{ x }}>{% endmacro %}", wrong[] = "\n{% macro m() %}";
        struct blueprint_file files[] = {
                {(char *)"p.md", (char *)"prompt\n", 7},
                {(char *)"templates/a.tmpl", (char *)"{% import 'parts/m.tmpl' as m %}x\n", 34},
                {(char *)"templates/parts/m.tmpl", part, sizeof(part) - 1},
                {(char *)"b.tmpl", (char *)"{% from 'parts/m.tmpl' import m %}x\n", 36},
                {(char *)"blueprint.yaml", (char *)yaml, strlen(yaml)},
        };
        struct blueprint *b = NULL;
        struct failure *f = NULL;

        (void)state;
        if (blueprint_new("tiny", files, N_ELEMENTS(files), &b, &f) != 0)
                fail_msg("%s", failure_message(f));
        b = blueprint_unref(b);
        files[2].text = wrong;
        files[2].n_text = sizeof(wrong) - 1;
        assert_int_equal(blueprint_new("tiny", files, N_ELEMENTS(files), &b, &f),
                         CONDITION_REFUSED);
        assert_non_null(strstr(failure_message(f), "templates/parts/m.tmpl:2:16: unexpected end"));
        assert_null(strchr(failure_message(f), '\n'));
        f = failure_free(f);
        files[2].path = (char *)"parts/m.tmpl"; /* not below templates/ */
        assert_int_equal(blueprint_new("tiny", files, N_ELEMENTS(files), &b, &f),
                         CONDITION_REFUSED);
        assert_non_null(strstr(failure_message(f), "templates/a.tmpl:1:11: there is no template"));
        assert_non_null(strstr(failure_message(f), "b.tmpl:1:9: there is no template"));
        failure_free(f);
}

static void test_misplaced(void **state)
{
        static const struct {
                const char *files, *part;
        } cases[] = {
                {"files: []\n", "`files` is empty"},
                {"", "`files` is missing"},
                {"files: [{kind: a, each: project, path: a, prompt: p.md, tier: fast, inputs: "
                 "[closure]}]\n",
                 "needs an entity"},
                {"files: [{kind: a, each: project, path: a, prompt: p.md, tier: fast, when: "
                 "[is_served]}]\n",
                 "is_served"},
                {"files: [{kind: a, each: project, path: a, prompt: p.md, tier: fast},\n"
                 "  {kind: b, each: project, path: b, prompt: p.md, tier: fast, depends: [{kind: "
                 "a, of: closure}]}]\n",
                 "has no `of: closure`"},
                {"files: [{kind: a, each: project, path: a, tier: fast}]\n", "`prompt` is missing"},
                {"files: [{kind: a, each: project, path: a, prompt: p.md, tier: fast, facts: "
                 "[{name: task, value: x}]}]\n",
                 "a fact cannot be called task"},
                {"files: [{kind: a, each: project, path: a, prompt: p.md, tier: fast, colour: "
                 "red}]\n",
                 "no key `colour`"},
                {"files: 5\n", "`files` must be a list, but a text stands here"},
        };

        (void)state;
        for (size_t i = 0; i < N_ELEMENTS(cases); i++) {
                _cleanup_free_ char *text = str_printf("%s%s", HEAD, cases[i].files);
                struct blueprint *b = NULL;
                struct failure *f = NULL;

                assert_int_equal(make(text, &b, &f), CONDITION_REFUSED);
                if (!strstr(failure_message(f), cases[i].part))
                        fail_msg("no `%s` in `%s`", cases[i].part, failure_message(f));
                failure_free(f);
        }
}

static void test_loading_and_choosing(void **state)
{
        struct blueprint_shelf *shelf = NULL;
        struct blueprint *b = NULL;
        struct failure *f = NULL;
        char *reason = NULL;
        struct model *m = must_read("name: x\nentities: [A]\nbuild_config: {go_version: 1.19}\n");

        (void)state;
        assert_int_equal(blueprint_load(BLUEPRINTS, "nowhere", &b, &f), CONDITION_REFUSED);
        f = failure_free(f);
        assert_int_equal(blueprint_shelf_open(BLUEPRINTS "/nowhere", NULL, &shelf, &f),
                         CONDITION_REFUSED);
        f = failure_free(f);
        assert_int_equal(blueprint_shelf_open(BLUEPRINTS, NULL, &shelf, &f), 0);
        assert_int_equal(blueprint_choose(shelf, NULL, m, &b, &reason, &f), 0);
        assert_string_equal(blueprint_name(b), "go-service");
        assert_string_equal(reason, "the specification states a Go version");
        free(reason);
        blueprint_unref(b);
        assert_int_equal(blueprint_choose(shelf, "go-servise", m, &b, &reason, &f),
                         CONDITION_REFUSED);
        assert_string_equal(failure_message(f),
                            "there is no blueprint go-servise; did you mean go-service?");
        assert_non_null(strstr(failure_remedy(f), "genopt blueprint list"));
        f = failure_free(f);
        assert_int_equal(blueprint_choose(shelf, "go-service", m, &b, &reason, &f), 0);
        assert_string_equal(reason, "asked for by name");
        free(reason);
        blueprint_shelf_unref(shelf);
        assert_string_equal(blueprint_name(b), "go-service"); /* outlives its shelf */
        blueprint_unref(b);
        model_free(m);
}

/* ---- tasks of go-service ---- */

/* Smaller indices, unique relative paths, blocks by class, a key for each. */
static void check_invariants(const struct work *w)
{
        for (size_t i = 0; i < w->n_tasks; i++) {
                const struct task *t = &w->tasks[i];

                assert_int_equal(t->index, i);
                assert_true(path_is_relative(span_of(t->path)));
                assert_ptr_equal(find_task(w, t->path), t);
                for (size_t k = 0; k < t->n_depends; k++) {
                        assert_true(t->depends[k] < i);
                        for (size_t j = 0; j < k; j++)
                                assert_int_not_equal(t->depends[j], t->depends[k]);
                }
                assert_true(t->n_blocks >= 2);
                for (size_t k = 1; k < t->n_blocks; k++)
                        assert_true(w->blocks[t->blocks[k - 1]].class <
                                    w->blocks[t->blocks[k]].class);
                for (size_t k = 0; k < t->n_blocks; k++) {
                        const struct block *b = &w->blocks[t->blocks[k]];

                        assert_int_equal(b->text[b->n_text - 1], '\n');
                        assert_null(strstr(b->text, "```yaml\n```"));
                }
                assert_false(hash_is_zero(&t->static_key));
                assert_non_null(t->checks);
                assert_true(t->expected_output_bytes > 0);
                assert_int_equal(t->command, -1);
                for (size_t k = 0; k < i; k++)
                        assert_false(hash_is_equal(&w->tasks[k].static_key, &t->static_key));
        }
}

/* Every template renders from what its task declares, and says it twice the same. */
static void check_templates(const struct work *w)
{
        for (size_t i = 0; i < w->n_tasks; i++) {
                _cleanup_buf_ struct buf a = {0}, b = {0};
                struct diag d = {0};

                if (!w->tasks[i].template)
                        continue;
                if (template_render(w->tasks[i].template, w->tasks[i].context, &a, &d) != 0)
                        fail_msg("%s:%u:%u: %s", w->tasks[i].path, d.line, d.column, d.text);
                assert_int_equal(template_render(w->tasks[i].template, w->tasks[i].context, &b, &d),
                                 0);
                assert_true(span_is_equal(buf_span(&a), buf_span(&b)));
                assert_true(a.n > 0);
        }
}

static void check_paths(const struct work *w, const char *const *paths, size_t n)
{
        for (size_t i = 0; i < n; i++)
                must_find(w, paths[i]);
        assert_int_equal(w->n_tasks, n);
}

static void test_http_service(void **state)
{
        static const char *const paths[] = {
                "go.mod",
                ".gitignore",
                "Dockerfile",
                "Makefile",
                "README.md",
                "internal/web/router.go",
                "migrations/0001_create_tables.sql",
                "internal/sqltest/sqltest.go",
                "internal/user/user.go",
                "internal/user/user_repository.go",
                "internal/user/user_sql_repository.go",
                "internal/user/user_sql_repository_test.go",
                "internal/user/user_service.go",
                "internal/user/user_handler.go",
                "internal/user/user_service_test.go",
                "internal/user/user_handler_test.go",
                "internal/user/address.go",
                "internal/user/address_repository.go",
                "internal/user/address_sql_repository.go",
                "internal/user/address_sql_repository_test.go",
                "internal/user/address_service.go",
                "internal/user/address_service_test.go",
                "internal/geo/country.go",
                "internal/geo/country_repository.go",
                "internal/geo/country_sql_repository.go",
                "internal/geo/country_sql_repository_test.go",
                "internal/geo/country_service.go",
                "internal/geo/country_service_test.go",
                "internal/order/order.go",
                "internal/order/order_repository.go",
                "internal/order/order_sql_repository.go",
                "internal/order/order_sql_repository_test.go",
                "internal/order/order_service.go",
                "internal/order/order_handler.go",
                "internal/order/order_service_test.go",
                "internal/order/order_handler_test.go",
                "internal/order/order_item.go",
                "internal/order/order_item_repository.go",
                "internal/order/order_item_sql_repository.go",
                "internal/order/order_item_sql_repository_test.go",
                "internal/order/order_item_service.go",
                "internal/order/order_item_service_test.go",
                "internal/api/routes.go",
                "cmd/shop/repositories.go",
                "cmd/shop/main.go",
        };
        struct work *w = apply_file("shop.yaml");
        const struct task *service;

        (void)state;
        check_paths(w, paths, N_ELEMENTS(paths));
        check_invariants(w);
        check_templates(w);
        service = must_find(w, "internal/order/order_service.go");
        assert_true(depends_on(w, service, "internal/order/order.go"));
        assert_true(depends_on(w, service, "internal/order/order_repository.go"));
        /* Order has a User and items, but no requirement of orders speaks of them */
        assert_false(depends_on(w, service, "internal/user/user.go"));
        assert_false(depends_on(w, service, "internal/order/order_item.go"));
        assert_false(depends_on(w, service, "internal/user/user_repository.go"));
        assert_true(
                depends_on(w, must_find(w, "cmd/shop/main.go"), "internal/user/user_handler.go"));
        assert_true(depends_on(w, must_find(w, "cmd/shop/main.go"), "internal/api/routes.go"));
        assert_non_null(must_find(w, "go.mod")->template);
        assert_non_null(service->template);
        assert_non_null(service->uncovered); /* requirements that no rule knows */
        assert_null(must_find(w, "internal/order/order_repository.go")->uncovered);
        assert_string_equal(service->tier, "balanced");
        assert_string_equal(w->blueprint, "go-service");
        assert_true(w->whole_facts_bytes > 2000);
        work_free(w);
}

static void test_command_line_tool(void **state)
{
        static const char *const paths[] = {
                "go.mod",
                ".gitignore",
                "Dockerfile",
                "Makefile",
                "README.md",
                "internal/task/task.go",
                "internal/task/task_repository.go",
                "internal/task/task_file_repository.go",
                "internal/task/task_service.go",
                "internal/task/task_service_test.go",
                "cmd/todo-tool/main.go",
        };
        struct work *w = apply_file("todo.yaml");
        const char *facts;

        (void)state;
        check_paths(w, paths, N_ELEMENTS(paths));
        check_invariants(w);
        check_templates(w);
        assert_string_equal(must_find(w, "cmd/todo-tool/main.go")->kind, "cli");
        facts = block_of(w, must_find(w, "internal/task/task.go"), BLOCK_FACTS);
        assert_non_null(strstr(facts, "- {name: CreatedAt, type: time.Time}"));
        assert_non_null(strstr(facts, "- {name: Title, type: string, required: true}"));
        assert_line(&w->warnings, "go_version `1.21+` becomes 1.19");
        work_free(w);
}

static void test_contracts_where_there_are_none(void **state)
{
        struct work *w =
                must_apply(go, "name: x\nentities: [{name: Person, attributes: {id: uuid}}]\n");
        const char *facts =
                block_of(w, must_find(w, "internal/person/person_handler.go"), BLOCK_FACTS);

        (void)state;
        assert_line(&w->notes,
                    "neither contracts nor scenarios: every entity is given 5 contracts");
        assert_non_null(strstr(facts, "{method: POST, endpoint: /people, action: Create"));
        assert_non_null(strstr(facts, "endpoint: \"/people/{id}\", action: Delete"));
        assert_null(
                strstr(block_of(w, must_find(w, "internal/person/person_service.go"), BLOCK_FACTS),
                       "contracts"));
        work_free(w);
}

/* A contract of no entity is told of those that its words, or requirements about it, name; and
 * depends on their services. */
static void test_free_contracts(void **state)
{
        struct work *w = must_apply(
                go, "name: x\nentities: [User, Order, Invoice]\n"
                    "api_contracts: [{endpoint: POST /login, request: {name: text}}, {endpoint: "
                    "POST /checkout, description: Pays orders}]\n"
                    "requirements: [{id: R, description: Users come in by POST /login}]\n");
        const struct task *t = must_find(w, "internal/api/routes.go");

        (void)state;
        assert_true(depends_on(w, t, "internal/user/user_service.go"));
        assert_true(depends_on(w, t, "internal/order/order_service.go"));
        assert_false(depends_on(w, t, "internal/invoice/invoice_service.go"));
        assert_non_null(strstr(block_of(w, t, BLOCK_FACTS), "Users come in by POST /login"));
        assert_non_null(strstr(block_of(w, t, BLOCK_FACTS), "action: Checkout"));
        work_free(w);
}

static void test_notes_are_bounded(void **state)
{
        _cleanup_buf_ struct buf b = {0};
        struct work *w;

        (void)state;
        (void)buf_add_text(&b, "name: x\nscenarios: [{when: a}]\nentities:\n");
        for (int i = 0; i < 300; i++)
                (void)buf_printf(&b, "- {name: E%d, attributes: {id: float%d}}\n- F%d\n", i, i, i);
        w = must_apply(go, b.at);
        assert_int_equal(w->notes.n, 201);
        assert_string_equal(w->notes.at[200], "\xe2\x80\xa6 and 100 more");
        assert_int_equal(w->warnings.n, 201);
        work_free(w);
}

static void test_no_tests_wanted(void **state)
{
        struct work *w =
                must_apply(go, "name: x\nentities: [A]\ntesting_strategy: {unit_tests: false}\n");

        (void)state;
        assert_null(find_task(w, "internal/a/a_service_test.go"));
        work_free(w);
}

/* ---- names ---- */

static void test_names_that_go_reserves(void **state)
{
        struct work *w = must_apply(go, "name: Context\n"
                                        "architecture: {packages: [{name: main, path: cmd/server}, "
                                        "{name: web, path: internal/web},\n"
                                        "  {name: user-data, path: ./pkg/user-data/}, {name: "
                                        "user_data2, path: /pkg/user-data}]}\n"
                                        "entities:\n"
                                        "- {name: Type, attributes: {validate: bool, type: text, "
                                        "user_id: text, html_url: url}}\n"
                                        "- {name: Speed Test}\n"
                                        "- {name: order linux}\n"
                                        "- {name: Start, package: main}\n"
                                        "- {name: Page, package: web}\n"
                                        "- {name: 2fa code, package: user-data}\n"
                                        "- {name: User, package: user_data2}\n");
        const char *facts = block_of(w, must_find(w, "internal/typemodel/type.go"), BLOCK_FACTS);

        (void)state;
        assert_non_null(strstr(facts, "package: typemodel"));
        assert_non_null(strstr(facts, "name: ValidateValue"));
        assert_non_null(strstr(facts, "name: UserID"));
        assert_non_null(strstr(facts, "name: HTMLURL"));
        assert_non_null(strstr(facts, "import_path: context-app/internal/typemodel"));
        must_find(w, "internal/speedtest/speed_test_entity.go"); /* speed_test.go would be a test */
        must_find(w, "internal/orderlinux/order_linux_entity.go"); /* order_linux.go would be built
                                                                      on one system */
        must_find(w, "internal/mainmodel/start.go");
        must_find(w, "internal/webmodel/page.go");
        must_find(w, "pkg/user-data/2fa_code.go");
        must_find(w, "pkg/user-data/user.go");
        assert_non_null(strstr(block_of(w, must_find(w, "pkg/user-data/2fa_code.go"), BLOCK_TASK),
                               "entity: X2faCode"));
        assert_non_null(strstr(block_of(w, must_find(w, "pkg/user-data/user.go"), BLOCK_TASK),
                               "package: userdata\n"));
        assert_line(&w->warnings, "path `cmd/server` cannot hold package mainmodel");
        assert_line(&w->notes, "Page has no ID: it is given one");
        work_free(w);
}

static void test_packages_of_one_name(void **state)
{
        struct work *w =
                must_apply(go, "name: x\n"
                               "architecture: {packages: [{name: a/user, path: a/user}, {name: "
                               "b/user, path: b/user}, {name: c/user, path: c/user}]}\n"
                               "entities: [{name: A, package: a/user}, {name: B, package: b/user}, "
                               "{name: C, package: c/user}]\n");

        (void)state;
        assert_non_null(
                strstr(block_of(w, must_find(w, "a/user/a.go"), BLOCK_TASK), "package: user\n"));
        assert_non_null(
                strstr(block_of(w, must_find(w, "b/user/b.go"), BLOCK_TASK), "package: user2\n"));
        assert_non_null(
                strstr(block_of(w, must_find(w, "c/user/c.go"), BLOCK_TASK), "package: user3\n"));
        work_free(w);
}

static void test_clashes(void **state)
{
        (void)state;
        must_clash("name: x\nentities: [{name: Order, package: p}, {name: OrderRepository, "
                   "package: p}]\n",
                   "would both declare OrderRepository");
        must_clash("name: x\nentities: [{name: Order, package: p}, {name: ErrInvalidOrder, "
                   "package: p}]\n",
                   "would both declare ErrInvalidOrder");
        must_clash(
                "name: x\nentities: [{name: A, attributes: [{name: user_id}, {name: UserID}]}]\n",
                "attributes `user_id` and `UserID` of A would both be called UserID");
        must_clash("name: x\nentities: [{name: A, attributes: [{name: id_}]}]\n",
                   "attribute `id_` of A would be called ID, as what identifies it is: rename it");
        must_clash("name: x\nentities: [Person, Order, People]\n",
                   "entities `Person` and `People` would both be served as `people`, their plural: "
                   "rename one");
}

static void test_defaults_are_told(void **state)
{
        struct work *w = must_apply(
                go, "name: x\nentities: [{name: Task, attributes: {done: {type: boolean, default: "
                    "false}, open: {type: boolean, description: as a default}}}]\n");

        (void)state;
        assert_line(&w->warnings, "Task.done has the default false, which the templates of "
                                  "blueprint go-service do not set");
        work_free(w);
}

static void test_modules_and_versions(void **state)
{
        static const struct {
                const char *text, *mod, *warning;
        } cases[] = {
                {"name: My Shop!\nentities: [A]\n", "module my-shop\n\ngo 1.19\n", NULL},
                {"name: x\nmodule: github.com/acme/shop\nentities: [A]\n",
                 "module github.com/acme/shop\n\ngo 1.19\n", NULL},
                {"name: x\nmodule: not a module\nentities: [A]\n", "module x\n\ngo 1.19\n",
                 "module `not a module` is not valid"},
                {"name: Time\nentities: [A]\n", "module time-app\n\ngo 1.19\n", NULL},
                {"name: \"???\"\nentities: [A]\n", "module app\n\ngo 1.19\n", NULL},
                {"name: x\nentities: [A]\nbuild_config: {go_version: go1.18.3}\n",
                 "module x\n\ngo 1.18\n", NULL},
                {"name: x\nentities: [A]\nbuild_config: {go_version: 1.20}\n",
                 "module x\n\ngo 1.19\n", "go_version `1.20` becomes 1.19"},
                {"name: x\nentities: [A]\nbuild_config: {go_version: 1.5}\n",
                 "module x\n\ngo 1.18\n", "go_version `1.5` becomes 1.18"},
                {"name: x\nentities: [A]\nbuild_config: {go_version: latest}\n",
                 "module x\n\ngo 1.19\n", "cannot be read"},
        };

        (void)state;
        for (size_t i = 0; i < N_ELEMENTS(cases); i++) {
                struct work *w = must_apply(go, cases[i].text);
                const struct task *t = must_find(w, "go.mod");
                _cleanup_buf_ struct buf b = {0};
                struct diag d;

                assert_int_equal(template_render(t->template, t->context, &b, &d), 0);
                assert_string_equal(b.at, cases[i].mod);
                if (cases[i].warning)
                        assert_line(&w->warnings, cases[i].warning);
                work_free(w);
        }
}

static void test_import_path_in_the_path(void **state)
{
        struct work *w = must_apply(
                go, "name: x\nmodule: github.com/a/b\n"
                    "architecture: {packages: [{name: user, path: github.com/a/b/internal/user}]}\n"
                    "entities: [{name: User, package: user}]\n");

        (void)state;
        assert_non_null(strstr(block_of(w, must_find(w, "internal/user/user.go"), BLOCK_TASK),
                               "import_path: github.com/a/b/internal/user\n"));
        work_free(w);
}

/* Doing it again, with all of it loaded anew, gives the same bytes. */
static void test_twice_the_same(void **state)
{
        struct blueprint *first = go;
        struct work *a = apply_file("shop.yaml"), *b;

        (void)state;
        go = must_load("go-service");
        b = apply_file("shop.yaml");
        assert_int_equal(a->n_tasks, b->n_tasks);
        assert_int_equal(a->n_blocks, b->n_blocks);
        for (size_t i = 0; i < a->n_tasks; i++)
                assert_true(hash_is_equal(&a->tasks[i].static_key, &b->tasks[i].static_key));
        for (size_t i = 0; i < a->n_blocks; i++)
                assert_string_equal(a->blocks[i].text, b->blocks[i].text);
        work_free(b);
        blueprint_unref(go);
        go = first;
        work_free(a);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_small_blueprint),
                cmocka_unit_test(test_default_out_of_bounds),
                cmocka_unit_test(test_all_faults_at_once),
                cmocka_unit_test(test_templates_of_templates),
                cmocka_unit_test(test_misplaced),
                cmocka_unit_test(test_loading_and_choosing),
                cmocka_unit_test(test_http_service),
                cmocka_unit_test(test_command_line_tool),
                cmocka_unit_test(test_contracts_where_there_are_none),
                cmocka_unit_test(test_free_contracts),
                cmocka_unit_test(test_notes_are_bounded),
                cmocka_unit_test(test_no_tests_wanted),
                cmocka_unit_test(test_names_that_go_reserves),
                cmocka_unit_test(test_packages_of_one_name),
                cmocka_unit_test(test_clashes),
                cmocka_unit_test(test_defaults_are_told),
                cmocka_unit_test(test_modules_and_versions),
                cmocka_unit_test(test_import_path_in_the_path),
                cmocka_unit_test(test_twice_the_same),
        };

        return cmocka_run_group_tests(tests, set_up, tear_down);
}
