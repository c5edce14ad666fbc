#include "spec-help.h"

#include "common/yaml.h"

/* What a task is told: its slice with closure, the requirements that belong to it, and how it is
 * presented. */

static const char tiny[] = "format: 1\nname: tiny\ndescription: d\nlanguage: text\n"
                           "names:\n"
                           "  initialisms: [ID]\n"
                           "  packages: {default_path: \"{{ package.name }}\"}\n"
                           "  identity: {name: ID, type: text, types: [text, int]}\n"
                           "  by_id: {ending: ID, ending_of_many: IDs, strip: \"*\"}\n"
                           "types:\n"
                           "  unknown: text\n"
                           "  entity: \"*$1\"\n"
                           "  qualified: \"$1.$2\"\n"
                           "  rules:\n"
                           "  - {match: '^\\*(.+)$', type: \"*$1\"}\n"
                           "  - {match: '^\\[\\](.+)$', type: \"[]$1\"}\n"
                           "  - {match: '^map\\[(\\w+)\\](.+)$', type: \"map[$1]$2\"}\n"
                           "  - {match: '^list of (.+)$', type: \"[]$1\"}\n"
                           "  - {match: '^(?:string|text)$', type: text}\n"
                           "  - {match: '^int$', type: int}\n"
                           "  - {match: '^text ?\\(.*\\)$', type: text, loses: its length}\n"
                           "actions: {create: Create, list: List, get: Get, update: Update, "
                           "delete: Delete, list_by: ListBy, create_for: CreateFor,\n"
                           "  verbs: {GET: Get, PUT: Set, POST: \"\", DELETE: Remove}}\n"
                           "files:\n"
                           "- {kind: own, each: entity, path: \"own/{{ entity.file }}\", prompt: "
                           "p.md, tier: fast, inputs: [entity]}\n"
                           "- {kind: closure, each: entity, path: \"closure/{{ entity.file }}\", "
                           "prompt: p.md, tier: fast, inputs: [entity, closure],\n"
                           "   depends: [{kind: own, of: closure}]}\n"
                           "- {kind: direct, each: entity, path: \"direct/{{ entity.file }}\", "
                           "prompt: p.md, tier: fast, depends: [{kind: own, of: references}]}\n"
                           "- {kind: named, each: entity, path: \"named/{{ entity.file }}\", "
                           "prompt: p.md, tier: fast, depends: [{kind: own, of: named}]}\n"
                           "- {kind: asked, each: entity, path: \"asked/{{ entity.file }}\", "
                           "prompt: p.md, tier: fast, inputs: [requirements, scenarios]}\n"
                           "- {kind: api, each: contract, path: \"api/{{ contract.method }}/{{ "
                           "contract.action }}{{ contract.entity }}\", prompt: p.md, tier: fast,\n"
                           "   inputs: [contract, entity, requirements]}\n"
                           "- {kind: folder, each: package, path: \"folder/{{ package.name }}\", "
                           "prompt: p.md, tier: fast,\n"
                           "   inputs: [package, package_entities, requirements, relations, "
                           "contracts], depends: [{kind: own, of: package}]}\n"
                           "- {kind: server, each: service, path: \"server/{{ package.name }}\", "
                           "prompt: p.md, tier: fast, inputs: [package]}\n"
                           "- {kind: calls, each: service, path: \"calls/{{ package.name }}\", "
                           "prompt: p.md, tier: fast, depends: [{kind: server, of: imports}]}\n"
                           "- {kind: built, each: service, path: \"built/{{ package.name }}\", "
                           "prompt: p.md, tier: fast, depends: [{kind: built, of: imports}]}\n"
                           "- {kind: top, each: project, path: top, prompt: p.md, tier: fast, "
                           "logic: true, inputs: [project, requirements, scenarios],\n"
                           "   depends: [{kind: own, of: all}]}\n"
                           "- {kind: all, each: project, path: all, prompt: p.md, tier: fast, "
                           "inputs: [all_requirements, all_scenarios, all_contracts, packages]}\n";

static struct blueprint *b;

static int set_up(void **state)
{
        const struct blueprint_file files[] = {
                {(char *)"p.md", (char *)"prompt\n", 7},
                {(char *)"blueprint.yaml", (char *)tiny, sizeof(tiny) - 1}};
        struct failure *f = NULL;

        (void)state;
        if (blueprint_new("tiny", files, N_ELEMENTS(files), &b, &f) != 0)
                fail_msg("%s", f ? failure_message(f) : "?");
        return 0;
}

static int tear_down(void **state)
{
        (void)state;
        blueprint_unref(b);
        return 0;
}

static struct work *apply(const char *text)
{
        struct model *m = must_read(text);
        struct failure *f = NULL;
        struct work *w = NULL;

        if (blueprint_apply(b, m, &w, &f) != 0)
                fail_msg("%s", f ? failure_message(f) : "?");
        model_free(m);
        return w;
}

/* Names of the entities of a task's slice, with blanks between. */
static void check_entities(const struct work *w, const char *path, const char *expected)
{
        const json_t *list = json_object_get(must_find(w, path)->context, "entities"), *item;
        _cleanup_buf_ struct buf names = {0};
        size_t i;

        json_array_foreach ((json_t *)list, i, item)
                (void)buf_printf(&names, "%s%s", i ? " " : "",
                                 json_string_value(json_object_get(item, "name")));
        assert_string_equal(names.at ? names.at : "", expected);
}

static void check_depends(const struct work *w, const char *path, const char *expected)
{
        const struct task *t = must_find(w, path);
        _cleanup_buf_ struct buf names = {0};

        for (size_t i = 0; i < t->n_depends; i++)
                (void)buf_printf(&names, "%s%s", i ? " " : "", w->tasks[t->depends[i]].path);
        assert_string_equal(names.at ? names.at : "", expected);
}

/* Texts of the requirements of a task's slice by their first letters. */
static void check_items(const struct work *w, const char *path, const char *section,
                        const char *key, const char *expected)
{
        const json_t *list = json_object_get(must_find(w, path)->context, section), *item;
        _cleanup_buf_ struct buf names = {0};
        size_t i;

        json_array_foreach ((json_t *)list, i, item)
                (void)buf_printf(&names, "%s%s", i ? " " : "",
                                 json_string_value(json_object_get(item, key)));
        if (strcmp(names.at ? names.at : "", expected) != 0)
                fail_msg("%s: %s are `%s`, not `%s`", path, section, names.at ? names.at : "",
                         expected);
}

/* ---- closure ---- */

static void test_closure(void **state)
{
        struct work *w = apply("name: x\n"
                               "entities:\n"
                               "- {name: User, attributes: {Address: \"*Address\"}}\n"
                               "- {name: Address, attributes: {country_id: text}}\n"
                               "- {name: Country, attributes: {Name: text}}\n"
                               "- {name: Order, attributes: {Lines: \"map[string][]OrderItem\", "
                               "BuyerIDs: \"[]string\"}}\n"
                               "- {name: OrderItem, attributes: {Product: list of products}}\n"
                               "- {name: Product, attributes: {Rest: text}}\n"
                               "- {name: Buyer}\n"
                               "- {name: Superuser, attributes: {Level: int}}\n"
                               "relationships: [{from: Buyer, to: User, type: has_one}]\n");

        (void)state;
        check_entities(w, "closure/address", "Address Country"); /* by a foreign key */
        check_entities(w, "closure/user", "User Address");       /* no code gets further by a key */
        check_entities(w, "closure/country", "Country");
        /* through a map and a slice, and on from there; by a list of keys. The own first, then by
         * name. */
        check_entities(w, "closure/order", "Order Buyer OrderItem Product");
        check_entities(w, "closure/buyer", "Buyer Address User"); /* by a relation, then a type */
        check_entities(w, "closure/order_item", "OrderItem Product");
        check_entities(w, "closure/superuser", "Superuser"); /* no User in it */
        check_depends(w, "closure/user", "own/address");
        check_depends(w, "direct/order", "own/buyer own/order_item");
        check_entities(w, "own/order", "Order");
        work_free(w);
}

/* Of those that an entity refers to, a file is shown the ones that its words name: themselves, or
 * an attribute that leads to them. */
static void test_named(void **state)
{
        struct work *w = apply(
                "name: x\n"
                "entities:\n"
                "- {name: Order, attributes: {Lines: \"[]*OrderItem\", BuyerID: text, Rest: "
                "Shop}}\n"
                "- {name: OrderItem, attributes: {Product: \"*Product\", Count: int}}\n"
                "- {name: Product, attributes: {Price: int}}\n"
                "- {name: Buyer, attributes: {Shop: Shop, UserIDs: \"[]text\"}}\n"
                "- {name: Shop, attributes: {Name: text}}\n"
                "- {name: User}\n"
                "- {name: Parcel, attributes: {Content: \"*Order\", SenderID: text}}\n"
                "- {name: Visit, attributes: {ShopID: text, BuyerID: text, OrderID: text}}\n"
                "- {name: Letter, attributes: {ShopID: text, Next: \"*Parcel\"}}\n"
                "requirements:\n"
                "- The total of an order is the sum of its lines with their products' prices\n"
                "- Buyers have a name\n"
                "- {description: The content counts, applies_to: [Parcel]}\n"
                "scenarios: [{title: Send a letter, then: the shop knows}]\n"
                "api_contracts:\n"
                "- {endpoint: \"GET /shops/{id}/visits\", description: List the visits of a shop}\n"
                "- {endpoint: \"GET /buyers/{id}/visits\"}\n"
                "- {endpoint: \"POST /visits/{id}/end\", description: End it, request: {fields: "
                "{order: text}}}\n");

        (void)state;
        check_depends(w, "named/order", "own/order_item own/product"); /* lines, their products */
        check_depends(w, "named/order_item", "");                      /* asked for nothing */
        check_depends(w, "named/buyer", ""); /* nobody but itself is spoken of */
        check_depends(w, "named/parcel",
                      "own/order"); /* `applies_to` says whose, the text of whom */
        check_depends(w, "named/visit", "own/order"); /* a list by a shop needs no shop */
        check_depends(w, "named/letter", "own/shop"); /* not the next parcel */
        work_free(w);
}

/* order_item.go is not Order's, superuser.go is not User's: a file belongs to the entity that it
 * was made for. */
static void test_names_within_names(void **state)
{
        struct work *w = apply("name: x\nentities: [{name: Order, attributes: {A: text}}, {name: "
                               "OrderItem, attributes: {B: text}},\n"
                               "  {name: User}, {name: SuperUser}]\n");

        (void)state;
        check_entities(w, "own/order_item", "OrderItem");
        check_entities(w, "own/order", "Order");
        check_entities(w, "own/super_user", "SuperUser");
        work_free(w);
}

static void test_circles(void **state)
{
        struct work *w = apply(
                "name: x\n"
                "entities:\n"
                "- {name: Order, package: order, attributes: {Customer: Customer, Parent: Order}}\n"
                "- {name: Customer, package: customer, attributes: {Orders: \"[]*Order\", Best: "
                "\"*Order\", BestID: text}}\n"
                "- {name: Item, package: order, attributes: {Order: \"*Order\"}}\n");
        const char *order = block_of(w, must_find(w, "own/order"), BLOCK_FACTS);
        const char *customer = block_of(w, must_find(w, "own/customer"), BLOCK_FACTS);

        (void)state;
        /* one direction is imported, by name: customer imports order; the other holds identifiers
         */
        assert_non_null(strstr(customer, "{name: Orders, type: \"[]*order.Order\"}"));
        assert_non_null(strstr(customer, "{entity: Order, import_path: order}"));
        assert_non_null(strstr(order, "{name: CustomerID, type: text}"));
        assert_non_null(strstr(order, "{entity: Customer, by_id: true}"));
        assert_non_null(
                strstr(order, "{name: Parent, type: \"*Order\"}")); /* within a package nothing is
                                                                       wrong with it */
        assert_non_null(strstr(block_of(w, must_find(w, "own/item"), BLOCK_FACTS),
                               "{name: Order, type: \"*Order\"}"));
        check_entities(w, "closure/order", "Order Customer");
        assert_line(&w->notes, "Order.CustomerID holds an identifier");
        work_free(w);
        /* what the specification declares decides the direction; an identifier that is there is not
         * doubled */
        w = apply("name: x\n"
                  "architecture: {packages: [{name: order, path: order, dependencies: [customer]}, "
                  "{name: customer, path: customer}]}\n"
                  "entities:\n"
                  "- {name: Order, package: order, attributes: {Customer: Customer}}\n"
                  "- {name: Customer, package: customer, attributes: {Orders: \"[]*Order\", Best: "
                  "\"*Order\", BestID: text}}\n");
        order = block_of(w, must_find(w, "own/order"), BLOCK_FACTS);
        customer = block_of(w, must_find(w, "own/customer"), BLOCK_FACTS);
        assert_non_null(strstr(order, "{name: Customer, type: \"*customer.Customer\"}"));
        assert_non_null(strstr(customer, "{name: OrderIDs, type: \"[]text\"}"));
        assert_null(strstr(customer, "name: Best,"));
        assert_line(&w->notes, "Customer.Best is left out");
        work_free(w);
}

static void test_unknown_types(void **state)
{
        struct work *w = apply("name: x\nentities: [{name: A, attributes: {ID: float, B: weird "
                               "thing, C: \"*a\", D: , E: text (20)}}]\n");
        const char *facts = block_of(w, must_find(w, "own/a"), BLOCK_FACTS);

        (void)state;
        assert_line(&w->warnings, "type `weird thing` of A.B is not known: text stands for it");
        assert_line(&w->warnings, "type `text (20)` of A.E: its length");
        assert_non_null(strstr(facts, "{name: E, type: text}"));
        assert_non_null(strstr(facts, "{name: ID, type: text}"));
        assert_non_null(strstr(facts, "{name: B, type: text, unknown_type: weird thing}"));
        assert_non_null(strstr(facts, "{name: C, type: \"*A\"}"));
        assert_non_null(strstr(facts, "{name: D, type: text}"));
        work_free(w);
}

/* ---- routing ---- */

static const char routed[] =
        "name: x\n"
        "entities: [{name: User}, {name: Order, package: sales}, {name: OrderItem, package: "
        "sales}, {name: Category}]\n"
        "api_contracts: [\"GET /orders/{id}\", GET /health, POST /users]\n"
        "requirements:\n"
        "- {id: R1, description: System must manage USERS}\n"
        "- {id: R2, description: \"Every order item has a price; order-items are cheap\"}\n"
        "- {id: R3, description: A superuser sees everything}\n"
        "- {id: R4, description: Categories are unique}\n"
        "- {id: R5, description: \"GET /orders/{order_id} answers in time, GET /orders does not "
        "exist.\"}\n"
        "- {id: R6, description: Sales are counted}\n"
        "- {id: R7, description: Users buy things, applies_to: [Category, Ghost]}\n"
        "- {id: R8, description: \"/health is always green\"}\n"
        "- {id: R9, type: nfr, description: OrderItem and order_items are fast}\n"
        "scenarios:\n"
        "- {id: S1, title: Buying, when: The user buys, then: it is bought}\n"
        "- {id: S2, title: Starting, when: it starts}\n"
        "- {id: S3, title: Sorting, acceptance_criteria: [Categories stand by name]}\n"
        "- {id: S4, title: Users, entity: Category}\n";

static void test_routing(void **state)
{
        struct work *w = apply(routed);

        (void)state;
        check_items(w, "asked/user", "requirements", "id", "R1");
        check_items(w, "asked/order", "requirements", "id",
                    "R5 R6"); /* by its endpoint; by its package */
        check_items(w, "asked/order_item", "requirements", "id", "R2 R6 R9");
        check_items(w, "asked/category", "requirements", "id",
                    "R4 R7"); /* an id wins over the words */
        check_items(w, "top", "requirements", "id",
                    "R3"); /* names nobody: the logic of the whole */
        check_items(w, "api/GET/GetOrder", "requirements", "id", "R5 R6");
        check_items(w, "api/GET/GetHealth", "requirements", "id", "R8");
        check_items(w, "folder/sales", "requirements", "id", "R2 R5 R6 R9");
        check_items(w, "all", "requirements", "id", "R1 R2 R3 R4 R5 R6 R7 R8 R9");
        check_items(w, "asked/user", "scenarios", "id", "S1");
        check_items(w, "asked/category", "scenarios", "id", "S3 S4");
        check_items(w, "top", "scenarios", "id", "S2");
        check_items(w, "all", "scenarios", "id", "S1 S2 S3 S4");
        work_free(w);
}

static void test_packages_and_services(void **state)
{
        struct work *w =
                apply("name: x\narchitecture: {packages: [{name: empty, path: e}, {name: sales, "
                      "path: s}]}\n"
                      "entities: [{name: Order, package: sales}, {name: Item, package: sales}]\n"
                      "relationships: [{from: Order, to: Item}]\napi_contracts: [GET /items]\n");

        (void)state;
        must_find(w, "folder/empty");
        assert_null(find_task(w, "server/empty")); /* a package without entities serves nothing */
        must_find(w, "server/sales");
        check_entities(w, "folder/sales", "Order Item");
        check_items(w, "folder/sales", "contracts", "endpoint", "/items");
        check_items(w, "folder/sales", "relations", "to", "Item");
        check_depends(w, "folder/sales", "own/order own/item");
        check_depends(w, "top", "own/item own/order");
        check_items(w, "all", "packages", "name", "empty sales");
        work_free(w);
}

static void test_imports(void **state)
{
        struct work *w = apply("name: x\narchitecture: {packages: [{name: a, dependencies: [c, b, "
                               "empty]}, {name: b, dependencies: [a, c]}, {name: c}, {name: "
                               "empty}]}\n"
                               "entities: [{name: A, package: a}, {name: B, package: b}, {name: C, "
                               "package: c}]\n");

        (void)state;
        check_depends(w, "calls/a",
                      "server/b server/c");      /* nothing of a package that has nothing */
        check_depends(w, "calls/b", "server/c"); /* no circle */
        check_depends(w, "calls/c", "");
        check_depends(w, "built/a", "built/b built/c");
        check_depends(w, "built/b", "built/c");
        assert_true(must_find(w, "built/c")->index < must_find(w, "built/b")->index);
        assert_true(must_find(w, "built/b")->index < must_find(w, "built/a")->index);
        work_free(w);
}

static void test_actions(void **state)
{
        static const struct {
                const char *endpoint, *path;
        } cases[] = {
                {"POST /orders", "api/POST/CreateOrder"},
                {"GET /api/v1/orders", "api/GET/ListOrder"},
                {"GET /orders/{id}", "api/GET/GetOrder"},
                {"PATCH /orders/{id}", "api/PATCH/UpdateOrder"},
                {"DELETE /orders/{id}", "api/DELETE/DeleteOrder"},
                {"GET /users/{id}/orders", "api/GET/ListByUserOrder"},
                {"POST /users/{id}/orders", "api/POST/CreateForUserOrder"},
                {"POST /orders/{id}/cancel", "api/POST/CancelOrder"},
                {"GET /orders/{id}/status", "api/GET/GetStatusOrder"},
                {"PUT /orders/{id}/status", "api/PUT/SetStatusOrder"},
                {"POST /orders/search", "api/POST/SearchOrder"},
                {"POST /log-in", "api/POST/LogIn"},
                {"GET /health?deep=1", "api/GET/GetHealth"},
                {"RPC /shop.Orders/PlaceOrder", "api/RPC/PlaceOrderOrder"},
        };

        (void)state;
        for (size_t i = 0; i < N_ELEMENTS(cases); i++) {
                _cleanup_free_ char *text =
                        str_printf("name: x\nentities: [Order, User]\napi_contracts: [\"%s\"]\n",
                                   cases[i].endpoint);
                struct work *w = apply(text);

                must_find(w, cases[i].path);
                work_free(w);
        }
}

/* ---- presentation ---- */

static void test_facts(void **state)
{
        struct work *w = apply("name: \"Shop: a\"\n"
                               "description: |\n  Two\n  lines.\n"
                               "entities:\n"
                               "- name: A\n"
                               "  description: \"yes\"\n"
                               "  attributes:\n"
                               "  - {name: n, type: int, description: 'says \"x\": {y}, [z] # no', "
                               "required: true}\n"
                               "requirements: [{id: 007, description: \"line\\n```\\nfence\"}]\n");

        (void)state;
        assert_string_equal(block_of(w, must_find(w, "own/a"), BLOCK_FACTS),
                            "```yaml\n"
                            "entities:\n"
                            "  - name: A\n"
                            "    package: a\n"
                            "    import_path: a\n"
                            "    description: \"yes\"\n"
                            "    attributes:\n"
                            "      - {name: ID, type: text}\n"
                            "      - {name: \"N\", type: int, required: true, description: \"says "
                            "\\\"x\\\": {y}, [z] # no\"}\n"
                            "```\n");
        assert_string_equal(block_of(w, must_find(w, "top"), BLOCK_FACTS),
                            "```yaml\n"
                            "project:\n"
                            "  name: \"Shop: a\"\n"
                            "  description: |-\n"
                            "    Two\n"
                            "    lines.\n"
                            "requirements:\n"
                            "  - {id: \"007\", text: \"line\\n```\\nfence\"}\n"
                            "```\n");
        assert_string_equal(block_of(w, must_find(w, "own/a"), BLOCK_TASK), "```yaml\n"
                                                                            "task:\n"
                                                                            "  path: own/a\n"
                                                                            "  role: own\n"
                                                                            "  package: a\n"
                                                                            "  import_path: a\n"
                                                                            "  entity: A\n"
                                                                            "  language: text\n"
                                                                            "```\n");
        assert_string_equal(block_of(w, must_find(w, "direct/a"), BLOCK_FACTS),
                            ""); /* it declares nothing */
        work_free(w);
}

/* The facts of a task, read back. */
static struct yaml_node *facts_of(const struct work *w, const char *path)
{
        const char *text = block_of(w, must_find(w, path), BLOCK_FACTS), *at = strchr(text, '\n');
        struct yaml_node *node = NULL;
        struct diag d = {0};

        assert_non_null(at);
        assert_null(strstr(at, "\n```\n\n")); /* the only fence is the last */
        if (yaml_read((struct span){at + 1, strlen(at + 1) - strlen("```\n")}, 1 << 20, &node,
                      &d) != 0)
                fail_msg("%u:%u: %s in\n%s", d.line, d.column, d.text, text);
        return node;
}

static const char *const texts[] = {
        "plain words",
        "true",
        "No",
        "null",
        "~",
        "1.20",
        "0x1f",
        "1e3",
        "2025-11-18",
        "- dash",
        "a: b",
        "a:b",
        "# hash",
        "a # b",
        "'quoted'",
        "\"quoted\"",
        "{flow}",
        "[flow]",
        "a, b",
        "trailing:",
        "*star",
        "&and",
        "!bang",
        "%percent",
        "@at",
        "`tick`",
        "|pipe",
        ">more",
        "tab\there",
        "two\nlines",
        "two\n\nlines with blank",
        "  indented? no",
        "line\n  indented",
        "\n```\nfence\n",
        "ends with blank \nnext",
        "\xc3\xa9t\xc3\xa9",
        "\xe2\x98\x90 box",
        "sep\xe2\x80\xa8line",
        "nel\xc2\x85nel",
        "\x01 control",
        "=",
        "<<",
        "...",
        "---",
        "--- x",
        ".5",
        "+1",
        "?",
        "? key",
        ": v",
        "a\\b",
        "y",
        "on",
        "http://x.y/z?q=1#f",
        "50%",
        "$x",
        "^x",
        ("very long text that goes on and on beyond what still stands in one line of a flow "
         "map, so that it must be in a block of its own, plain"),
};

/* Whatever people write, the facts are YAML that gives it back. */
static void test_facts_give_back(void **state)
{
        (void)state;
        for (size_t i = 0; i < N_ELEMENTS(texts); i++)
                for (int is_long = 0; is_long < 2; is_long++) {
                        struct attribute a = {.name = (char *)"n",
                                              .type = (char *)"int",
                                              .description = (char *)texts[i]};
                        struct entity e = {.name = (char *)"A",
                                           .description = (char *)(is_long ? texts[i] : "d"),
                                           .attributes = &a,
                                           .n_attributes = 1};
                        struct requirement q = {.id = (char *)"R",
                                                .text = (char *)texts[i],
                                                .category = (char *)"A"};
                        struct model m = {.name = (char *)"x",
                                          .entities = &e,
                                          .n_entities = 1,
                                          .requirements = &q,
                                          .n_requirements = 1};
                        struct work *w = NULL;
                        struct failure *f = NULL;
                        struct yaml_node *node, *entity, *requirement;

                        assert_int_equal(blueprint_apply(b, &m, &w, &f), 0);
                        node = facts_of(w, "own/a");
                        entity = yaml_get(node, "entities")->items[0];
                        if (is_long)
                                assert_string_equal(yaml_get(entity, "description")->text,
                                                    texts[i]);
                        assert_string_equal(
                                yaml_get(yaml_get(entity, "attributes")->items[1], "description")
                                        ->text,
                                texts[i]);
                        yaml_free(node);
                        node = facts_of(w, "all");
                        requirement = yaml_get(node, "requirements")->items[0];
                        assert_string_equal(yaml_get(requirement, "text")->text, texts[i]);
                        yaml_free(node);
                        work_free(w);
                }
}

/* What is declared is what is told: names of inputs, for `why`. */
static void test_inputs_have_names(void **state)
{
        struct work *w = apply(routed);
        const struct task *t = must_find(w, "asked/order_item");
        static const char *const names[] = {"requirement:R2",
                                            "requirement:R6",
                                            "requirement:R9",
                                            "task",
                                            "prompt",
                                            "checks",
                                            "tier"};

        (void)state;
        assert_int_equal(t->n_inputs, N_ELEMENTS(names));
        for (size_t i = 0; i < N_ELEMENTS(names); i++) {
                assert_string_equal(t->inputs[i].name, names[i]);
                assert_false(hash_is_zero(&t->inputs[i].hash));
        }
        work_free(w);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_closure),
                cmocka_unit_test(test_named),
                cmocka_unit_test(test_names_within_names),
                cmocka_unit_test(test_circles),
                cmocka_unit_test(test_unknown_types),
                cmocka_unit_test(test_routing),
                cmocka_unit_test(test_packages_and_services),
                cmocka_unit_test(test_imports),
                cmocka_unit_test(test_actions),
                cmocka_unit_test(test_facts),
                cmocka_unit_test(test_facts_give_back),
                cmocka_unit_test(test_inputs_have_names),
        };

        return cmocka_run_group_tests(tests, set_up, tear_down);
}
