#include "spec-help.h"

/* Identity, from the text of a specification to keys: what says the same has the same keys, and a
 * change reaches exactly the files that it concerns. */

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

static const char base[] =
        "name: Shop\n"
        "description: sells\n"
        "requirements:\n"
        "- {id: FR-001, description: System must manage users, priority: P1}\n"
        "- {id: FR-002, description: An order item needs a quantity, priority: P2}\n"
        "entities:\n"
        "- {name: User, package: user, attributes: {ID: string, Email: string, AddressID: "
        "string}}\n"
        "- {name: Address, package: user, attributes: {ID: string, Street: string}}\n"
        "- {name: Order, package: order, attributes: {ID: string, User: \"*User\", Items: "
        "\"[]*OrderItem\"}}\n"
        "- {name: OrderItem, package: order, attributes: {ID: string, Quantity: int}}\n"
        "relationships:\n"
        "- {from: Order, to: User, type: belongs_to}\n"
        "api_contracts:\n"
        "- {endpoint: POST /orders, description: place, request: {user_id: string}}\n"
        "- {endpoint: GET /users}\n"
        "testing_strategy: {coverage_target: 85.0}\n"
        "build_config: {go_version: \"1.18\"}\n";

static void assert_same_keys(const struct work *a, const struct work *b)
{
        assert_int_equal(a->n_tasks, b->n_tasks);
        for (size_t i = 0; i < a->n_tasks; i++) {
                const struct task *t = must_find(b, a->tasks[i].path);

                if (!hash_is_equal(&a->tasks[i].static_key, &t->static_key))
                        fail_msg("the key of %s changed", t->path);
        }
}

static char *replaced(const char *text, const char *what, const char *with)
{
        const char *at = strstr(text, what);

        if (!at)
                fail_msg("`%s` is not in the text", what);
        return str_printf("%.*s%s%s", (int)(at - text), text, with, at + strlen(what));
}

/* Quoting, flow and block style, the order of keys in maps, comments, JSON: nothing of it is
 * content. */
static void test_spellings(void **state)
{
        static const struct {
                const char *what, *with;
        } cases[] = {
                {"name: Shop", "name: \"Shop\""},
                {"name: Shop", "# a comment\nname: 'Shop'   # another"},
                {"85.0", "85"},
                {"85.0", "\"85%\""},
                {"{ID: string, Street: string}", "{Street: string, ID: string}"},
                {"{ID: string, Street: string}", "{\"ID\": \"string\", 'Street': 'string'}"},
                {"{ID: string, Street: string}",
                 "[{name: ID, type: string}, {type: string, attribute: Street}]"},
                {"{name: Address, package: user, attributes: {ID: string, Street: string}}",
                 "name: Address\n  attributes:\n    Street: string\n    ID: string\n  package: "
                 "user"},
                {"{id: FR-001, description: System must manage users, priority: P1}",
                 "{priority: P1, description: \"System must manage users\", id: FR-001, category: "
                 "}"},
                {"{endpoint: POST /orders, description: place, request: {user_id: string}}",
                 "{endpoint: /orders, method: post, description: place, request: {fields: "
                 "{user_id: string}}}"},
                {"name: Shop\ndescription: sells\n",
                 "description: |\n  sells\nname: Shop\nmetadata: {created_at: today}\n"},
                {"- {endpoint: GET /users}\n",
                 "- {endpoint: GET /users/}\n- {endpoint: /users, method: GET}\n"},
                {"- {from: Order, to: User, type: belongs_to}",
                 "- {from: Order, to: User, type: belongs_to}\n- {from: Order, to: Ghost}"},
                {"build_config: {go_version: \"1.18\"}", "build_config: {go_version: 1.18}"},
        };
        struct work *first = must_apply(go, base);

        (void)state;
        for (size_t i = 0; i < N_ELEMENTS(cases); i++) {
                _cleanup_free_ char *text = replaced(base, cases[i].what, cases[i].with);
                struct work *w = must_apply(go, text);

                print_message("  %s\n", cases[i].with);
                assert_same_keys(first, w);
                work_free(w);
        }
        work_free(first);
}

static void test_json_is_the_same(void **state)
{
        struct work *yaml =
                must_apply(go, "name: x\nrequirements: [{id: R, description: Things count}]\n"
                               "entities: [{name: Thing, attributes: {id: uuid, n: "
                               "int}}]\ntesting_strategy: {coverage_target: 70}\n");
        struct work *json = must_apply(
                go, "{\"testing_strategy\": {\"coverage_target\": 70.0}, \"entities\": "
                    "[{\"attributes\":\n"
                    " {\"n\": \"int\", \"id\": \"uuid\"}, \"name\": \"Thing\"}], \"name\": \"x\",\n"
                    " \"requirements\": [{\"description\": \"Things count\", \"id\": \"R\"}]}");

        (void)state;
        assert_same_keys(yaml, json);
        work_free(yaml);
        work_free(json);
}

/* Order where it means nothing: entities, requirements, contracts, relations. */
static void test_order_of_lists(void **state)
{
        struct work *a = must_apply(
                go,
                "name: x\nrequirements: [{id: A, description: Users and things}, {id: B, "
                "description: Things}]\n"
                "entities: [{name: User, attributes: [a: int, b: int]}, {name: Thing}]\n"
                "relationships: [{from: User, to: Thing}, {from: User, to: Thing, type: has_one}]\n"
                "api_contracts: [GET /users, POST /users, GET /things]\n");
        struct work *b = must_apply(
                go,
                "name: x\nrequirements: [{id: B, description: Things}, {id: A, description: Users "
                "and things}]\n"
                "entities: [{name: Thing}, {name: User, attributes: [a: int, b: int]}]\n"
                "relationships: [{from: User, to: Thing, type: has_one}, {from: User, to: Thing}]\n"
                "api_contracts: [GET /things, POST /users, GET /users]\n");
        struct work *c = must_apply(
                go,
                "name: x\nrequirements: [{id: A, description: Users and things}, {id: B, "
                "description: Things}]\n"
                "entities: [{name: User, attributes: [b: int, a: int]}, {name: Thing}]\n"
                "relationships: [{from: User, to: Thing}, {from: User, to: Thing, type: has_one}]\n"
                "api_contracts: [GET /users, POST /users, GET /things]\n");

        (void)state;
        assert_same_keys(a, b);
        /* a list of attributes has an order, and a struct shows it */
        assert_false(hash_is_equal(&must_find(a, "internal/user/user.go")->static_key,
                                   &must_find(c, "internal/user/user.go")->static_key));
        work_free(a);
        work_free(b);
        work_free(c);
}

/* Positions are no content: a requirement put before others changes only what it concerns. */
static void test_made_ids(void **state)
{
        struct work *a = must_apply(go, "name: x\nrequirements: {functional: [Users can post, "
                                        "Things can be seen]}\nentities: [User, Thing]\n");
        struct work *b =
                must_apply(go, "name: x\nrequirements: {functional: [Things are heavy, Users can "
                               "post, Things can be seen]}\nentities: [User, Thing]\n");

        (void)state;
        assert_true(hash_is_equal(&must_find(a, "internal/user/user.go")->static_key,
                                  &must_find(b, "internal/user/user.go")->static_key));
        assert_false(hash_is_equal(&must_find(a, "internal/thing/thing.go")->static_key,
                                   &must_find(b, "internal/thing/thing.go")->static_key));
        work_free(a);
        work_free(b);
}

static bool is_listed(const char *const *paths, const char *path)
{
        for (; *paths; paths++)
                if (strcmp(*paths, path) == 0)
                        return true;
        return false;
}

/* One edit changes the static keys of exactly the files that declare what was edited. Files that
 * use those are reached through interfaces, when these change. */
static void test_edits(void **state)
{
        static const struct {
                const char *what, *with;
                const char *changed[12];
        } cases[] = {
                {"Street: string",
                 "Street: text, Zip: string", /* an attribute */
                 {"internal/user/address.go", "internal/user/address_repository.go",
                  "internal/user/address_sql_repository.go", "migrations/0001_create_tables.sql",
                  "internal/user/address_sql_repository_test.go",
                  "internal/user/address_service.go", "internal/user/address_service_test.go"}},
                {"System must manage users",
                 "System must administer users", /* a requirement that names one entity */
                 {"internal/user/user.go", "internal/user/user_service.go",
                  "internal/user/user_service_test.go"}},
                {"An order item needs a quantity",
                 "An order item needs two", /* … of two words: not Order's */
                 {"internal/order/order_item.go", "internal/order/order_item_service.go",
                  "internal/order/order_item_service_test.go"}},
                {"manage users, priority: P1",
                 "manage users, priority: P3", /* sent, so it counts */
                 {"internal/user/user.go", "internal/user/user_service.go",
                  "internal/user/user_service_test.go"}},
                {"description: place",
                 "description: put",
                 {"README.md", "internal/order/order_handler.go",
                  "internal/order/order_handler_test.go"}},
                {"type: belongs_to", "type: has_one", {"internal/order/order_service.go"}},
                {"coverage_target: 85.0",
                 "coverage_target: 90.0",
                 {"Makefile", "internal/user/user_service_test.go",
                  "internal/user/address_service_test.go", "internal/order/order_service_test.go",
                  "internal/order/order_item_service_test.go"}},
                {"go_version: \"1.18\"", "go_version: \"1.19\"", {"go.mod", "Dockerfile"}},
                {"description: sells", "description: buys", {"README.md", "cmd/shop/main.go"}},
                {"api_contracts:\n",
                 "api_contracts:\n- {endpoint: \"POST /orders/{id}/cancel\"}\n", /* an action is the
                                                                                    service's too */
                 {"README.md", "internal/order/order_handler.go",
                  "internal/order/order_handler_test.go", "internal/order/order_service.go"}},
        };
        struct work *first = must_apply(go, base);

        (void)state;
        for (size_t i = 0; i < N_ELEMENTS(cases); i++) {
                _cleanup_free_ char *text = replaced(base, cases[i].what, cases[i].with);
                struct work *w = must_apply(go, text);

                print_message("  %s\n", cases[i].with);
                assert_int_equal(w->n_tasks, first->n_tasks);
                for (size_t k = 0; k < w->n_tasks; k++) {
                        const struct task *t = &w->tasks[k];
                        bool is_changed = !hash_is_equal(&t->static_key,
                                                         &must_find(first, t->path)->static_key);

                        if (is_changed != is_listed(cases[i].changed, t->path))
                                fail_msg("%s: %s", t->path,
                                         is_changed ? "changed, and should not"
                                                    : "should have changed");
                }
                work_free(w);
        }
        work_free(first);
}

/* Another file name, another day: nothing of it is content. */
static void test_names_of_files(void **state)
{
        struct failure *f = NULL;
        struct model *a = NULL, *b = NULL;
        struct work *v = NULL, *w = NULL;

        (void)state;
        assert_int_equal(spec_read(span_of(base), "a.yaml", &a, &f), 0);
        assert_int_equal(spec_read(span_of(base), "other/b.yml", &b, &f), 0);
        assert_int_equal(blueprint_apply(go, a, &v, &f), 0);
        assert_int_equal(blueprint_apply(go, b, &w, &f), 0);
        assert_same_keys(v, w);
        model_free(a);
        model_free(b);
        work_free(v);
        work_free(w);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_spellings),      cmocka_unit_test(test_json_is_the_same),
                cmocka_unit_test(test_order_of_lists), cmocka_unit_test(test_made_ids),
                cmocka_unit_test(test_edits),          cmocka_unit_test(test_names_of_files),
        };

        return cmocka_run_group_tests(tests, set_up, tear_down);
}
