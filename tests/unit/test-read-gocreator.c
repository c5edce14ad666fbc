#include "spec-help.h"

/* The shapes that specifications have, and what is told about those that have none. */

static void test_builder_shape(void **state)
{
        struct model *m = must_read(
                "name: shop\n"
                "description: order service\n"
                "requirements:\n"
                "- {id: FR-001, description: System must manage users, priority: P1, category: "
                "Core}\n"
                "- {id: N1, type: nfr, description: Fast, nfr_type: performance, threshold: 200 "
                "ms}\n"
                "architecture:\n"
                "  packages: [{name: order, path: internal/order, purpose: orders, dependencies: "
                "[user]},\n"
                "    {name: user, path: internal/user}]\n"
                "  dependencies: [{name: redis, version: v9, purpose: cache}]\n"
                "  patterns: [{name: Repository, description: hides storage}]\n"
                "data_model:\n"
                "  entities:\n"
                "  - {name: Order, package: order, attributes: {User: \"*User\", ID: string}}\n"
                "  - {name: User, package: user, attributes: {ID: string}}\n"
                "  relationships: [{from: Order, to: User, type: belongs_to, description: who}]\n"
                "testing_strategy: {coverage_target: 85.0, unit_tests: yes, frameworks: "
                "[testing]}\n"
                "build_config: {go_version: 1.20, output_path: ./bin, build_flags: [-race]}\n");

        (void)state;
        assert_string_equal(m->name, "shop");
        assert_int_equal(m->n_requirements, 2);
        assert_string_equal(m->requirements[0].text, "System must manage users");
        assert_int_equal(m->requirements[1].kind, REQUIREMENT_NON_FUNCTIONAL);
        assert_string_equal(m->requirements[1].category, "performance");
        assert_string_equal(m->requirements[1].threshold, "200 ms");
        assert_int_equal(m->n_packages, 2);
        assert_string_equal(m->packages[0].depends.at[0], "user");
        assert_int_equal(m->n_entities, 2);
        assert_string_equal(m->entities[0].attributes[0].name,
                            "ID"); /* a map has no order: identity, then by name */
        assert_string_equal(m->entities[0].attributes[1].type, "*User");
        assert_int_equal(m->n_relations, 1);
        assert_string_equal(m->relations[0].description, "who");
        assert_string_equal(m->libraries[0].name, "redis");
        assert_string_equal(m->patterns.at[0], "Repository: hides storage");
        assert_string_equal(m->testing.coverage_target, "85");
        assert_string_equal(m->testing.unit_tests, "true");
        assert_string_equal(m->build.go_version, "1.20"); /* a text, not 1.2 */
        assert_string_equal(m->build.flags.at[0], "-race");
        assert_int_equal(m->warnings.n, 0);
        model_free(m);
}

static void test_readme_shape(void **state)
{
        struct model *m = must_read("name: blog\n"
                                    "description: a blog\n"
                                    "requirements:\n"
                                    "  functional: [Users can post, Users can comment]\n"
                                    "  non_functional: [Answers within 200ms]\n"
                                    "entities:\n"
                                    "- name: Post\n"
                                    "  fields:\n"
                                    "  - {name: title, type: string}\n"
                                    "  - {name: body, type: string}\n");

        (void)state;
        assert_int_equal(m->n_requirements, 3);
        assert_string_equal(m->requirements[0].id, "FR-1");
        assert_string_equal(m->requirements[1].id, "FR-2");
        assert_string_equal(m->requirements[2].id, "NFR-1");
        assert_string_equal(m->entities[0].attributes[1].name, "body");
        assert_int_equal(m->warnings.n, 0);
        model_free(m);
}

static void test_example_shape(void **state)
{
        struct model *m =
                must_read("name: todo\n"
                          "scenarios:\n"
                          "- id: US1\n"
                          "  title: Add\n"
                          "  given: [the tool, an empty list]\n"
                          "  when: User adds\n"
                          "  then: |\n"
                          "    - one\n"
                          "    - two\n"
                          "  acceptance_criteria: [kept]\n"
                          "success_criteria:\n"
                          "- {criterion: It stays, measurable: 100%, priority: High}\n"
                          "entities:\n"
                          "- name: Task\n"
                          "  attributes:\n"
                          "  - {attribute: id, type: unique identifier, description: Identity}\n"
                          "  - {attribute: title, type: text, required: true}\n"
                          "nonfunctional_requirements:\n"
                          "- {category: Performance, description: Fast}\n"
                          "api_contracts:\n"
                          "- endpoint: POST /tasks\n"
                          "  request_body: {title: string}\n"
                          "  response_200: {id: string}\n"
                          "metadata: {version: 1, author: me, deep: {er: 1}}\n"
                          "build_config: {target_os: any, test_coverage_target: 80.0}\n");

        (void)state;
        assert_string_equal(m->scenarios[0].given, "- the tool\n- an empty list");
        assert_string_equal(m->scenarios[0].then, "- one\n- two");
        assert_string_equal(m->scenarios[0].criteria.at[0], "kept");
        assert_string_equal(m->success_criteria.at[0], "It stays (100%)");
        assert_string_equal(m->entities[0].attributes[0].type, "unique identifier");
        assert_true(m->entities[0].attributes[1].is_required);
        assert_int_equal(m->requirements[0].kind, REQUIREMENT_NON_FUNCTIONAL);
        assert_string_equal(m->contracts[0].method, "POST");
        assert_string_equal(m->contracts[0].endpoint, "/tasks");
        assert_string_equal(m->contracts[0].entity, "Task");
        assert_string_equal(m->contracts[0].request[0].name, "title");
        assert_string_equal(m->contracts[0].response[0].name, "id");
        assert_string_equal(m->testing.coverage_target, "80");
        assert_int_equal(m->warnings.n, 0);
        model_free(m);
}

/* Every way to write attributes gives the same. */
static void test_attribute_forms(void **state)
{
        static const char *const forms[] = {
                "{b: int, id: string}",
                "{b: {type: int}, id: {type: string}}",
                "[{name: id, type: string}, {name: b, type: int}]",
                "[{attribute: id, type: string}, {field: b, type: int}]",
                "[id: string, b: int]",
                "[\"id: string\", \"b:int\"]",
        };

        (void)state;
        for (size_t i = 0; i < N_ELEMENTS(forms); i++) {
                _cleanup_free_ char *text =
                        str_printf("name: x\nentities: [{name: A, attributes: %s}]\n", forms[i]);
                struct model *m = must_read(text);
                const struct entity *e = m->entities;

                assert_int_equal(e->n_attributes, 2);
                assert_string_equal(e->attributes[0].name, "id");
                assert_string_equal(e->attributes[0].type, "string");
                assert_string_equal(e->attributes[1].name, "b");
                assert_string_equal(e->attributes[1].type, "int");
                model_free(m);
        }
}

static void test_entities_as_map(void **state)
{
        struct model *m =
                must_read("name: x\nentities:\n  Zebra: {attributes: {id: int}}\n  Ant: small\n");

        (void)state;
        assert_string_equal(m->entities[0].name, "Ant");
        assert_string_equal(m->entities[0].description, "small");
        assert_string_equal(m->entities[1].name, "Zebra");
        model_free(m);
}

/* A scalar keeps its text: `no` is a word, 1.20 is a version. */
static void test_scalars_keep_their_text(void **state)
{
        struct model *m = must_read("name: no\ndescription: 1.20\nentities: [{name: Null_, "
                                    "attributes: [{name: yes, type: \"null\"}]}]\n");

        (void)state;
        assert_string_equal(m->name, "no");
        assert_string_equal(m->description, "1.20");
        assert_string_equal(m->entities[0].attributes[0].name, "yes");
        assert_string_equal(m->entities[0].attributes[0].type, "null");
        model_free(m);
}

static void test_endpoints_have_one_form(void **state)
{
        struct model *m = must_read("name: x\nentities: [Order, OrderItem, User]\n"
                                    "api_contracts:\n"
                                    "- GET /orders/:id/\n"
                                    "- {method: put, path: /orders/<int:id>}\n"
                                    "- {endpoint: orders, method: POST}\n"
                                    "- GET /users/{id}/orders?limit=10\n"
                                    "- GET /api/v1/order-items\n"
                                    "- GET /health\n"
                                    "- {endpoint: /reports, method: GET, entity: order}\n"
                                    "- GET /orders/{id}\n");

        (void)state;
        assert_int_equal(m->n_contracts, 7);
        assert_string_equal(m->contracts[0].endpoint, "/orders/{id}");
        assert_string_equal(m->contracts[0].entity, "Order");
        assert_string_equal(m->contracts[1].method, "PUT");
        assert_string_equal(m->contracts[1].endpoint, "/orders/{id}");
        assert_string_equal(m->contracts[2].endpoint, "/orders");
        assert_string_equal(m->contracts[3].endpoint, "/users/{id}/orders?limit=10");
        assert_string_equal(m->contracts[3].entity, "Order");
        assert_string_equal(m->contracts[4].entity, "OrderItem");
        assert_null(m->contracts[5].entity);
        assert_string_equal(m->contracts[6].entity, "Order");
        assert_line(&m->warnings, "GET /orders/{id} stands twice");
        model_free(m);
}

static void test_procedures(void **state)
{
        struct model *m =
                must_read("name: x\narchitecture: {packages: [{name: stock}, {name: sales}]}\n"
                          "entities: [{name: Order, package: sales}, {name: Shelf, package: stock},"
                          " {name: Bin, package: stock}]\n"
                          "api_contracts:\n"
                          "- {endpoint: sales.Sales/PlaceOrder, method: gRPC}\n"
                          "- RPC /stock.Bins/Count\n"
                          "- rpc /stock.Stock/Count\n"
                          "- RPC /other.Other/Ping\n"
                          "- {endpoint: RPC /other.Other/Pong, entity: bin}\n");

        (void)state;
        assert_int_equal(m->n_contracts, 5);
        assert_string_equal(m->contracts[0].method, "RPC");
        assert_string_equal(m->contracts[0].endpoint, "/sales.Sales/PlaceOrder");
        assert_string_equal(m->contracts[0].entity, "Order"); /* its name names it */
        assert_string_equal(m->contracts[1].entity, "Bin");   /* its service does */
        assert_string_equal(m->contracts[2].entity, "Shelf"); /* the first of the package */
        assert_null(m->contracts[3].entity);
        assert_string_equal(m->contracts[4].entity, "Bin");
        assert_int_equal(m->warnings.n, 0);
        model_free(m);
}

static void test_unread_keys_are_told(void **state)
{
        struct model *m = must_read("name: x\n"
                                    "descripton: typo\n"
                                    "entities:\n"
                                    "- name: A\n"
                                    "  colour: red\n"
                                    "  atributes: {id: int}\n"
                                    "deployment: {replicas: 3}\n");

        (void)state;
        assert_line(&m->warnings,
                    "spec.yaml:2:1: key `descripton` is not used; did you mean `description`?");
        assert_line(&m->warnings, "spec.yaml:5:3: key `colour` of entities[0] is not used");
        assert_line(&m->warnings, "spec.yaml:6:3: key `atributes` of entities[0] is not used; did "
                                  "you mean `attributes`?");
        assert_line(&m->warnings, "spec.yaml:7:1: key `deployment` is not used");
        assert_int_equal(m->warnings.n, 4);
        model_free(m);
}

static void test_names_that_lead_nowhere(void **state)
{
        struct model *m =
                must_read("name: x\n"
                          "entities: [{name: Order, package: shop}, {name: user, package: shop}]\n"
                          "relationships:\n"
                          "- {from: Order, to: Ghost}\n"
                          "- {from: order, to: User, type: has_one}\n"
                          "architecture: {packages: [{name: a, dependencies: [b, a]}]}\n"
                          "api_contracts: [{endpoint: GET /x, entity: Ghost}]\n"
                          "requirements: [{id: R, description: a}, {id: R, description: b}]\n");

        (void)state;
        assert_int_equal(m->n_relations, 1);
        assert_string_equal(m->relations[0].from, "Order"); /* spelled as the entity is */
        assert_string_equal(m->relations[0].to, "user");
        assert_line(&m->warnings,
                    "spec.yaml:4:3: there is no entity Ghost: the relationship is left out");
        assert_line(&m->warnings, "there is no package b");
        assert_line(&m->warnings, "there is no entity Ghost: the contract GET /x belongs to none");
        assert_line(&m->warnings, "requirement R stands twice: the second is called R.2");
        assert_int_equal(m->n_packages, 2); /* one that only entities name is added */
        assert_string_equal(m->packages[1].name, "shop");
        assert_null(m->packages[1].path);
        model_free(m);
}

static void test_refused(void **state)
{
        static const struct {
                const char *text, *expected;
        } cases[] = {
                {"name: x\n", "nothing to generate"},
                {"[a, b]\n", "spec.yaml:1:1: a specification is a map"},
                {"name: x\nentities: 5\n", "spec.yaml:2:11: `entities` must be a list"},
                {"name: [x]\nentities: [A]\n",
                 "spec.yaml:1:7: `name` must be a text, but a list stands here"},
                {"name: x\nentities: [{attributes: {a: b}}]\n",
                 "spec.yaml:2:12: an entity has no name"},
                {"name: x\nentities: [{name: A}, {name: B}, {name: a}]\n",
                 "spec.yaml:2:34: entity a is there already (line 2)"},
                {"name: x\nentities: [{name: A, attributes: [{name: b}, {name: b}]}]\n",
                 "spec.yaml:2:46: A has two attributes `b`"},
                {"name: x\nentities: [A]\ntesting_strategy: {coverage_target: lots}\n",
                 "spec.yaml:3:37: `coverage_target` must be a number from 0 to 100, not `lots`"},
                {"name: x\nentities: [A]\ntesting_strategy: {unit_tests: maybe}\n",
                 "must be true or false, not `maybe`"},
                {"name: x\nentities: [A]\napi_contracts: [{method: GET}]\n",
                 "a contract needs `endpoint`"},
                {"name: x\nentities: [A]\napi_contracts: [{endpoint: FETCH /a}]\n",
                 "`FETCH` is no HTTP method"},
                {"name: x\nentities: [A]\napi_contracts: [{endpoint: RPC /a.A/Do it}]\n",
                 "is no endpoint: a path must not contain blanks"},
                {"name: x\nentities: [A]\napi_contracts: [{endpoint: GET /a, method: POST}]\n",
                 "`method` says POST"},
                {"name: x\nentities: [A]\nrequirements: [{id: R1}]\n",
                 "spec.yaml:3:16: a requirement has no `description`"},
                {"name: x\nentities: [A]\nscenarios: [{id2: R1}]\n", "a scenario says nothing"},
                {"name: x\nentities: [A]\nscenarios: {a: b}\n",
                 "`scenarios` must be a list, but a map stands here"},
                {"name: x\nname: y\nentities: [A]\n", "spec.yaml:2:1: duplicate key `name`"},
                {"name: x\nentities: [\"--\"]\n", "has neither letter nor digit"},
                {"name: x\nentities: [\"\U0001F41F\"]\n", "has neither letter nor digit"},
                {"name: x\ndescription: a: b\n", "spec.yaml:2:15: "},
                {"name: x\nentities: [A]\nrelationships: [{from: A}]\n",
                 "a relationship needs `to`"},
        };

        (void)state;
        for (size_t i = 0; i < N_ELEMENTS(cases); i++)
                must_refuse("spec.yaml", cases[i].text, cases[i].expected);
        must_refuse("spec.md", "# x\n", "Markdown is read for its front matter, and there is none");
        must_refuse("spec.yaml", "name: \xff\n", "not UTF-8");
}

static void test_limits(void **state)
{
        _cleanup_buf_ struct buf b = {0};
        struct model *m;

        (void)state;
        (void)buf_add_text(&b, "name: x\nentities: [A]\n#");
        while (b.n <= (4u << 20))
                (void)buf_add_text(
                        &b,
                        "0123456789012345678901234567890123456789012345678901234567890123456789");
        must_refuse("spec.yaml", b.at, "larger than 4 MiB");
        buf_clear(&b);
        (void)buf_add_text(&b, "name: x\nentities: [A]\n");
        for (int i = 0; i < 300; i++)
                (void)buf_printf(&b, "unknown%d: 1\n", i);
        m = must_read(b.at);
        assert_int_equal(m->warnings.n, 201);
        assert_line(&m->warnings, "100 more warnings");
        model_free(m);
        buf_clear(&b);
        (void)buf_add_text(&b, "name: x\nentities:\n");
        for (int i = 0; i < 20001; i++)
                (void)buf_printf(&b, "- E%d\n", i);
        must_refuse("spec.yaml", b.at, "at most 20000");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_builder_shape),
                cmocka_unit_test(test_readme_shape),
                cmocka_unit_test(test_example_shape),
                cmocka_unit_test(test_procedures),
                cmocka_unit_test(test_attribute_forms),
                cmocka_unit_test(test_entities_as_map),
                cmocka_unit_test(test_scalars_keep_their_text),
                cmocka_unit_test(test_endpoints_have_one_form),
                cmocka_unit_test(test_unread_keys_are_told),
                cmocka_unit_test(test_names_that_lead_nowhere),
                cmocka_unit_test(test_refused),
                cmocka_unit_test(test_limits),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
