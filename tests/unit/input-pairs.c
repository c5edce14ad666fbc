#include "input-pairs.h"

/* The rows of test-input-pairs.c. */

const struct pair pairs[] = {
        /* what is said beside: of packages in the readme; libraries are not used, and a note says
           so */
        {BUILDER, "purpose: people", "purpose: persons", "README.md"},
        {BUILDER, ", dependencies: [user]}", "}", "README.md"},
        {BUILDER, "version: v1.2.0, purpose: cache", "version: v1.3.0, purpose: cache", ""},
        {BUILDER, "version: v1.2.0, purpose: cache", "version: v1.2.0, purpose: memory", ""},
        {BUILDER, "type: nfr, description: Orders", "description: Orders", ""},
        /* spelling: nothing of it is content */
        {BUILDER, "name: Shop", "name: \"Shop\"", ""},
        {BUILDER, "name: Shop", "name: 'Shop'   # a comment", ""},
        {BUILDER, "name: Shop\ndescription: sells things\n",
         "description: sells things\n\n\nname: Shop\n", ""},
        {BUILDER, "description: sells things", "description: |\n  sells things\n", ""},
        {BUILDER, "description: sells things", "description: >\n  sells\n  things\n\n", ""},
        {BUILDER, "description: sells things", "description: \"sells\\x20things\"   ", ""},
        {BUILDER, "name: Shop\n", "name: Shop\r\n", ""},
        {BUILDER, "name: Shop\n",
         "\xef"
         "\xbb"
         "\xbf"
         "name: Shop\n",
         ""},
        {BUILDER, "{ID: string, Street: string}", "{Street: string, ID: string}", ""},
        {BUILDER, "{ID: string, Street: string}", "{\"ID\": \"string\", 'Street': string}", ""},
        {BUILDER, "{ID: string, Street: string}",
         "[{name: ID, type: string}, {type: string, attribute: Street}]", ""},
        {BUILDER, "{ID: string, Street: string}", "[\"ID: string\", \"Street:string\"]", ""},
        {BUILDER, "{ID: string, Street: string}",
         "{ID: {type: string}, Street: {type: string, description: }}", ""},
        {BUILDER, "{name: Address, package: user, attributes: {ID: string, Street: string}}",
         "attributes:\n      Street: string\n      ID: string\n    name: Address\n    package: "
         "internal/user",
         ""},
        {BUILDER, "{name: Superuser, package: user, attributes: {ID: string, Level: int}}\n",
         "{name: Superuser, package: user, attributes: {ID: &s string, Level: int}}\n  - {name: "
         "Address, package: user, attributes: {ID: *s, Street: *s}}\n#",
         ""},
        {BUILDER, "request: {user_id: string}, response: {id: string}}",
         "request: &r {user_id: string}, response: {id: string}}", ""},
        {BUILDER, "85.0", "85", ""},
        {BUILDER, "85.0", "8.5e1", ""},
        {BUILDER, "85.0", "\"85%\"", ""},
        {BUILDER | YAML_ONLY, "go_version: \"1.18\"", "go_version: 1.18", ""},
        {BUILDER, "unit_tests: true", "unit_tests: yes", ""},
        {BUILDER, "unit_tests: true", "unit_tests: \"True\"", ""},
        {BUILDER, "priority: P2}", "priority: P2, category: }", ""},
        {BUILDER, "priority: P2}", "priority: P2, category: ~}", ""},
        {BUILDER, "data_model:\n",
         "metadata: {created_at: 2026-01-01, id: 9f, hash: ab}\nversion: 7\ndata_model:\n", ""},
        {BUILDER, "data_model:\n", "x-team: red\ncolour: blue\ndata_model:\n", ""},
        /* the same by other names, and what leads nowhere */
        {BUILDER, "{endpoint: GET /users, description: all users}",
         "{path: /users/, method: get, summary: all users}", ""},
        {BUILDER, "\"GET /addresses/{id}\"", "GET /addresses/:id", ""},
        {BUILDER, "request: {user_id: string}", "request_body: {fields: {user_id: string}}", ""},
        {BUILDER, "response: {id: string}", "response_200: [{name: id, type: string}]", ""},
        {BUILDER, "- {endpoint: GET /users, description: all users}\n",
         "- {endpoint: GET /users, description: all users}\n- {endpoint: GET /users/, description: "
         "again}\n",
         ""},
        {BUILDER, "{from: Order, to: User, type: belongs_to}",
         "{source: order, target: user, kind: belongs_to}", ""},
        {BUILDER, "- {from: User, to: Address, type: has_one}\n",
         "- {from: User, to: Address, type: has_one}\n  - {from: User, to: Ghost}\n", ""},
        {BUILDER, "type: nfr, description: Orders are fast, nfr_type: speed",
         "type: non-functional, text: Orders are fast, category: speed", ""},
        {BUILDER, "api_contracts:\n", "contracts:\n", ""},
        /* order where it means nothing */
        {BUILDER,
         "- {id: FR-001, description: System must manage users, priority: P1, category: Core}\n- "
         "{id: FR-002, description: An order item needs a quantity, priority: P2}\n",
         "- {id: FR-002, description: An order item needs a quantity, priority: P2}\n- {id: "
         "FR-001, description: System must manage users, priority: P1, category: Core}\n",
         ""},
        {BUILDER,
         "- {from: Order, to: User, type: belongs_to}\n  - {from: User, to: Address, type: "
         "has_one}",
         "- {from: User, to: Address, type: has_one}\n  - {from: Order, to: User, type: "
         "belongs_to}",
         ""},
        {BUILDER,
         "- {endpoint: GET /users, description: all users}\n- {endpoint: \"GET /addresses/{id}\", "
         "description: one address}\n",
         "- {endpoint: \"GET /addresses/{id}\", description: one address}\n- {endpoint: GET "
         "/users, description: all users}\n",
         ""},
        {BUILDER,
         "- {name: user, path: internal/user, purpose: people}\n  - {name: order, path: "
         "internal/order, purpose: orders, dependencies: [user]}\n",
         "- {name: order, path: internal/order, purpose: orders, dependencies: [user]}\n  - {name: "
         "user, path: internal/user, purpose: people}\n",
         ""},
        {BUILDER,
         "  - {name: Superuser, package: user, attributes: {ID: string, Level: int}}\n  - {name: "
         "Address, package: user, attributes: {ID: string, Street: string}}\n",
         "  - {name: Address, package: user, attributes: {ID: string, Street: string}}\n  - {name: "
         "Superuser, package: user, attributes: {ID: string, Level: int}}\n",
         ""},
        /* attributes and entities */
        {BUILDER, "Street: string}", "Street: string, Zip: string}",
         "internal/user/address.go internal/user/address_handler.go "
         "internal/user/address_handler_test.go internal/user/address_repository.go "
         "internal/user/address_service.go internal/user/address_service_test.go "
         "internal/user/address_sql_repository.go internal/user/address_sql_repository_test.go "
         "migrations/0001_create_tables.sql"},
        {BUILDER, "Street: string}", "Road: string}",
         "internal/user/address.go internal/user/address_handler.go "
         "internal/user/address_handler_test.go internal/user/address_repository.go "
         "internal/user/address_service.go internal/user/address_service_test.go "
         "internal/user/address_sql_repository.go internal/user/address_sql_repository_test.go "
         "migrations/0001_create_tables.sql"},
        {BUILDER, "Level: int", "Level: string",
         "internal/user/superuser.go internal/user/superuser_repository.go "
         "internal/user/superuser_service.go internal/user/superuser_service_test.go "
         "internal/user/superuser_sql_repository.go internal/user/superuser_sql_repository_test.go "
         "migrations/0001_create_tables.sql"},
        {BUILDER, "Level: int", "Level: {type: int, required: true}",
         "internal/user/superuser.go internal/user/superuser_repository.go "
         "internal/user/superuser_service.go internal/user/superuser_service_test.go "
         "internal/user/superuser_sql_repository.go internal/user/superuser_sql_repository_test.go "
         "migrations/0001_create_tables.sql"},
        {BUILDER, "Level: int", "Level: {type: int, description: from one to five}",
         "internal/user/superuser.go internal/user/superuser_repository.go "
         "internal/user/superuser_service.go internal/user/superuser_service_test.go "
         "internal/user/superuser_sql_repository.go internal/user/superuser_sql_repository_test.go "
         "migrations/0001_create_tables.sql"},
        {BUILDER, "{ID: string, Level: int}",
         "[{name: Level, type: int}, {name: ID, type: string}]",
         "internal/user/superuser.go internal/user/superuser_repository.go "
         "internal/user/superuser_service.go internal/user/superuser_service_test.go "
         "internal/user/superuser_sql_repository.go internal/user/superuser_sql_repository_test.go "
         "migrations/0001_create_tables.sql"},
        {BUILDER, "Email: string", "Mail: string",
         "internal/user/user.go internal/user/user_handler.go internal/user/user_handler_test.go "
         "internal/user/user_repository.go internal/user/user_service.go "
         "internal/user/user_service_test.go internal/user/user_sql_repository.go "
         "internal/user/user_sql_repository_test.go migrations/0001_create_tables.sql"},
        {BUILDER, "Quantity: int", "Amount: int",
         "internal/order/order_item.go internal/order/order_item_repository.go "
         "internal/order/order_item_service.go internal/order/order_item_service_test.go "
         "internal/order/order_item_sql_repository.go "
         "internal/order/order_item_sql_repository_test.go migrations/0001_create_tables.sql"},
        {BUILDER, "\"[]*OrderItem\"", "\"[]OrderItem\"",
         "internal/order/order.go internal/order/order_handler.go "
         "internal/order/order_handler_test.go internal/order/order_repository.go "
         "internal/order/order_service.go internal/order/order_service_test.go "
         "internal/order/order_sql_repository.go internal/order/order_sql_repository_test.go "
         "migrations/0001_create_tables.sql"},
        {BUILDER, "UserID: string", "BuyerID: string",
         "internal/order/order.go internal/order/order_handler.go "
         "internal/order/order_handler_test.go internal/order/order_repository.go "
         "internal/order/order_service.go internal/order/order_service_test.go "
         "internal/order/order_sql_repository.go internal/order/order_sql_repository_test.go "
         "migrations/0001_create_tables.sql"},
        {BUILDER, "\"map[string][]Order\"", "\"map[string][]User\"",
         "internal/order/ledger.go internal/order/ledger_repository.go "
         "internal/order/ledger_service.go internal/order/ledger_service_test.go "
         "internal/order/ledger_sql_repository.go internal/order/ledger_sql_repository_test.go "
         "migrations/0001_create_tables.sql"},
        {BUILDER, "ID: string, UserID: string", "ID: string, Paid: bool, UserID: string",
         "internal/order/order.go internal/order/order_handler.go "
         "internal/order/order_handler_test.go internal/order/order_repository.go "
         "internal/order/order_service.go internal/order/order_service_test.go "
         "internal/order/order_sql_repository.go internal/order/order_sql_repository_test.go "
         "migrations/0001_create_tables.sql"},
        {BUILDER, "  - {name: Superuser, package: user, attributes: {ID: string, Level: int}}\n",
         "",
         "-internal/user/superuser.go -internal/user/superuser_repository.go "
         "-internal/user/superuser_service.go -internal/user/superuser_service_test.go "
         "-internal/user/superuser_sql_repository.go "
         "-internal/user/superuser_sql_repository_test.go README.md cmd/shop/repositories.go "
         "migrations/0001_create_tables.sql"},
        {BUILDER, "  - {name: Superuser, package", "  - {name: Root, package",
         "+internal/user/root.go +internal/user/root_repository.go +internal/user/root_service.go "
         "+internal/user/root_service_test.go +internal/user/root_sql_repository.go "
         "+internal/user/root_sql_repository_test.go -internal/user/superuser.go "
         "-internal/user/superuser_repository.go -internal/user/superuser_service.go "
         "-internal/user/superuser_service_test.go -internal/user/superuser_sql_repository.go "
         "-internal/user/superuser_sql_repository_test.go README.md cmd/shop/repositories.go "
         "migrations/0001_create_tables.sql"},
        {BUILDER, "{name: Superuser, package: user", "{name: Superuser, package: order",
         "+internal/order/superuser.go +internal/order/superuser_repository.go "
         "+internal/order/superuser_service.go +internal/order/superuser_service_test.go "
         "+internal/order/superuser_sql_repository.go "
         "+internal/order/superuser_sql_repository_test.go -internal/user/superuser.go "
         "-internal/user/superuser_repository.go -internal/user/superuser_service.go "
         "-internal/user/superuser_service_test.go -internal/user/superuser_sql_repository.go "
         "-internal/user/superuser_sql_repository_test.go README.md cmd/shop/repositories.go "
         "migrations/0001_create_tables.sql"},
        {BUILDER, "{name: Superuser, package: user",
         "{name: Superuser, description: may do everything, package: user",
         "README.md internal/user/superuser.go internal/user/superuser_repository.go "
         "internal/user/superuser_service.go internal/user/superuser_service_test.go "
         "internal/user/superuser_sql_repository.go internal/user/superuser_sql_repository_test.go "
         "migrations/0001_create_tables.sql"},
        {BUILDER, "  - {name: Ledger",
         "  - {name: Coupon, package: order, attributes: {ID: string}}\n  - {name: Ledger",
         "+internal/order/coupon.go +internal/order/coupon_repository.go "
         "+internal/order/coupon_service.go +internal/order/coupon_service_test.go "
         "+internal/order/coupon_sql_repository.go +internal/order/coupon_sql_repository_test.go "
         "README.md cmd/shop/repositories.go migrations/0001_create_tables.sql"},
        /* requirements */
        {BUILDER, "System must manage users", "System must administer users",
         "internal/user/user.go internal/user/user_service.go internal/user/user_service_test.go"},
        {BUILDER, "An order item needs a quantity", "An order item needs two",
         "internal/order/order_item.go internal/order/order_item_service.go "
         "internal/order/order_item_service_test.go"},
        {BUILDER, "An order item needs a quantity", "An order needs a quantity",
         "internal/order/order.go internal/order/order_item.go "
         "internal/order/order_item_service.go internal/order/order_item_service_test.go "
         "internal/order/order_service.go internal/order/order_service_test.go"},
        {BUILDER, "System must manage users", "Superusers must manage themselves",
         "internal/user/superuser.go internal/user/superuser_service.go "
         "internal/user/superuser_service_test.go internal/user/user.go "
         "internal/user/user_service.go internal/user/user_service_test.go"},
        {BUILDER, "manage users, priority: P1", "manage users, priority: P3",
         "internal/user/user.go internal/user/user_service.go internal/user/user_service_test.go"},
        {BUILDER, "category: Core", "category: Edge",
         "internal/user/user.go internal/user/user_service.go internal/user/user_service_test.go"},
        {BUILDER, "priority: P1, category: Core", "priority: \"null\", category: Core",
         "internal/user/user.go internal/user/user_service.go internal/user/user_service_test.go"},
        {BUILDER, "- {id: FR-002, description: An order item needs a quantity, priority: P2}\n", "",
         "internal/order/order_item.go internal/order/order_item_service.go "
         "internal/order/order_item_service_test.go"},
        {BUILDER, "- {id: NFR-001",
         "- {id: FR-003, description: An address has a street}\n- {id: NFR-001",
         "internal/user/address.go internal/user/address_service.go "
         "internal/user/address_service_test.go"},
        {BUILDER, "id: FR-002", "id: FR-009",
         "internal/order/order_item.go internal/order/order_item_service.go "
         "internal/order/order_item_service_test.go"},
        {BUILDER, "Orders are fast", "Orders are very fast",
         "internal/order/order.go internal/order/order_service.go "
         "internal/order/order_service_test.go"},
        {BUILDER, "threshold: 2 s", "threshold: 3 s",
         "internal/order/order.go internal/order/order_service.go "
         "internal/order/order_service_test.go"},
        /* contracts */
        {BUILDER, "description: place", "description: put",
         "README.md internal/order/order_handler.go internal/order/order_handler_test.go"},
        {BUILDER, "request: {user_id: string}", "request: {user_id: int}",
         "README.md internal/order/order_handler.go internal/order/order_handler_test.go"},
        {BUILDER, "response: {id: string}", "response: {id: string, total: int}",
         "README.md internal/order/order_handler.go internal/order/order_handler_test.go"},
        {BUILDER, "GET /users, description", "PUT /users, description",
         "README.md internal/user/user_handler.go internal/user/user_handler_test.go "
         "internal/user/user_service.go"},
        {BUILDER, "GET /users, description", "GET /people, entity: User, description",
         "README.md internal/user/user_handler.go internal/user/user_handler_test.go "
         "internal/user/user_service.go"},
        {BUILDER, "- {endpoint: GET /users, description: all users}\n", "",
         "-internal/user/user_handler.go -internal/user/user_handler_test.go README.md "
         "cmd/shop/main.go"},
        {BUILDER, "api_contracts:\n",
         "api_contracts:\n- {endpoint: \"POST /orders/{id}/cancel\", description: cancel}\n",
         "README.md internal/order/order_handler.go internal/order/order_handler_test.go "
         "internal/order/order_service.go"},
        /* relations */
        {BUILDER, "type: belongs_to", "type: has_one",
         "cmd/shop/repositories.go internal/order/order_service.go internal/user/user.go "
         "internal/user/user_handler.go internal/user/user_handler_test.go "
         "internal/user/user_repository.go internal/user/user_service.go "
         "internal/user/user_service_test.go internal/user/user_sql_repository.go "
         "internal/user/user_sql_repository_test.go migrations/0001_create_tables.sql"},
        {BUILDER, "to: Address, type: has_one", "to: Address, type: has_one, description: home",
         "internal/user/user_service.go"},
        {BUILDER, "  - {from: User, to: Address, type: has_one}\n", "",
         "cmd/shop/repositories.go internal/user/address.go internal/user/address_handler.go "
         "internal/user/address_handler_test.go internal/user/address_repository.go "
         "internal/user/address_service.go internal/user/address_service_test.go "
         "internal/user/address_sql_repository.go "
         "internal/user/address_sql_repository_test.go internal/user/user_service.go "
         "migrations/0001_create_tables.sql"},
        {BUILDER, "  - {from: User, to: Address",
         "  - {from: Order, to: Ledger, type: has_one}\n  - {from: User, to: Address",
         "cmd/shop/repositories.go internal/order/ledger.go "
         "internal/order/ledger_repository.go internal/order/ledger_service.go "
         "internal/order/ledger_service_test.go internal/order/ledger_sql_repository.go "
         "internal/order/ledger_sql_repository_test.go internal/order/order_service.go "
         "migrations/0001_create_tables.sql"},
        /* testing, build, project, packages */
        {BUILDER, "coverage_target: 85.0", "coverage_target: 90",
         "Makefile internal/order/ledger_service_test.go internal/order/order_item_service_test.go "
         "internal/order/order_service_test.go internal/user/address_service_test.go "
         "internal/user/superuser_service_test.go internal/user/user_service_test.go"},
        {BUILDER, "unit_tests: true", "unit_tests: false",
         "-internal/order/ledger_service_test.go -internal/order/ledger_sql_repository_test.go "
         "-internal/order/order_handler_test.go -internal/order/order_item_service_test.go "
         "-internal/order/order_item_sql_repository_test.go -internal/order/order_service_test.go "
         "-internal/order/order_sql_repository_test.go -internal/sqltest/sqltest.go "
         "-internal/user/address_handler_test.go -internal/user/address_service_test.go "
         "-internal/user/address_sql_repository_test.go -internal/user/superuser_service_test.go "
         "-internal/user/superuser_sql_repository_test.go -internal/user/user_handler_test.go "
         "-internal/user/user_service_test.go -internal/user/user_sql_repository_test.go Makefile"},
        {BUILDER, "unit_tests: true", "unit_tests: true, integration_tests: true",
         "Makefile internal/order/ledger_service_test.go internal/order/order_item_service_test.go "
         "internal/order/order_service_test.go internal/user/address_service_test.go "
         "internal/user/superuser_service_test.go internal/user/user_service_test.go"},
        {BUILDER, "frameworks: [testing]", "frameworks: [testify]",
         "Makefile internal/order/ledger_service_test.go internal/order/order_item_service_test.go "
         "internal/order/order_service_test.go internal/user/address_service_test.go "
         "internal/user/superuser_service_test.go internal/user/user_service_test.go"},
        {BUILDER, "go_version: \"1.18\"", "go_version: \"1.19\"", "Dockerfile go.mod"},
        {BUILDER | YAML_ONLY, "go_version: \"1.18\"", "go_version: 1.20", "Dockerfile go.mod"},
        {BUILDER, "output_path: ./bin", "output_path: ./out", "Dockerfile Makefile"},
        {BUILDER, "[-race]", "[-trimpath]", "Dockerfile Makefile"},
        {BUILDER, "description: sells things", "description: buys things",
         "README.md cmd/shop/main.go"},
        {BUILDER | YAML_ONLY, "description: sells things", "description: no",
         "README.md cmd/shop/main.go"},
        {BUILDER, "description: sells things", "description: \"1.20\"",
         "README.md cmd/shop/main.go"},
        {BUILDER, "name: Shop", "name: Store",
         "+cmd/store/main.go +cmd/store/repositories.go -cmd/shop/main.go "
         "-cmd/shop/repositories.go Dockerfile Makefile README.md"},
        {BUILDER, "module: example.org/shop", "module: example.org/store",
         "README.md cmd/shop/main.go cmd/shop/repositories.go go.mod internal/order/ledger.go "
         "internal/order/ledger_repository.go internal/order/ledger_service.go "
         "internal/order/ledger_service_test.go internal/order/ledger_sql_repository.go "
         "internal/order/ledger_sql_repository_test.go internal/order/order.go "
         "internal/order/order_handler.go internal/order/order_handler_test.go "
         "internal/order/order_item.go internal/order/order_item_repository.go "
         "internal/order/order_item_service.go internal/order/order_item_service_test.go "
         "internal/order/order_item_sql_repository.go "
         "internal/order/order_item_sql_repository_test.go internal/order/order_repository.go "
         "internal/order/order_service.go internal/order/order_service_test.go "
         "internal/order/order_sql_repository.go internal/order/order_sql_repository_test.go "
         "internal/user/address.go internal/user/address_handler.go "
         "internal/user/address_handler_test.go internal/user/address_repository.go "
         "internal/user/address_service.go internal/user/address_service_test.go "
         "internal/user/address_sql_repository.go internal/user/address_sql_repository_test.go "
         "internal/user/superuser.go internal/user/superuser_repository.go "
         "internal/user/superuser_service.go internal/user/superuser_service_test.go "
         "internal/user/superuser_sql_repository.go internal/user/superuser_sql_repository_test.go "
         "internal/user/user.go internal/user/user_handler.go internal/user/user_handler_test.go "
         "internal/user/user_repository.go internal/user/user_service.go "
         "internal/user/user_service_test.go internal/user/user_sql_repository.go "
         "internal/user/user_sql_repository_test.go internal/web/router.go "
         "migrations/0001_create_tables.sql"},
        {BUILDER, "description: place", "description: no",
         "README.md internal/order/order_handler.go internal/order/order_handler_test.go"},
        {BUILDER, "description: place", "description: \"false\"",
         "README.md internal/order/order_handler.go internal/order/order_handler_test.go"},
        {BUILDER, "path: internal/order", "path: internal/orders",
         "+internal/orders/ledger.go +internal/orders/ledger_repository.go "
         "+internal/orders/ledger_service.go +internal/orders/ledger_service_test.go "
         "+internal/orders/ledger_sql_repository.go +internal/orders/ledger_sql_repository_test.go "
         "+internal/orders/order.go +internal/orders/order_handler.go "
         "+internal/orders/order_handler_test.go +internal/orders/order_item.go "
         "+internal/orders/order_item_repository.go +internal/orders/order_item_service.go "
         "+internal/orders/order_item_service_test.go "
         "+internal/orders/order_item_sql_repository.go "
         "+internal/orders/order_item_sql_repository_test.go +internal/orders/order_repository.go "
         "+internal/orders/order_service.go +internal/orders/order_service_test.go "
         "+internal/orders/order_sql_repository.go +internal/orders/order_sql_repository_test.go "
         "-internal/order/ledger.go -internal/order/ledger_repository.go "
         "-internal/order/ledger_service.go -internal/order/ledger_service_test.go "
         "-internal/order/ledger_sql_repository.go -internal/order/ledger_sql_repository_test.go "
         "-internal/order/order.go -internal/order/order_handler.go "
         "-internal/order/order_handler_test.go -internal/order/order_item.go "
         "-internal/order/order_item_repository.go -internal/order/order_item_service.go "
         "-internal/order/order_item_service_test.go -internal/order/order_item_sql_repository.go "
         "-internal/order/order_item_sql_repository_test.go -internal/order/order_repository.go "
         "-internal/order/order_service.go -internal/order/order_service_test.go "
         "-internal/order/order_sql_repository.go -internal/order/order_sql_repository_test.go "
         "README.md cmd/shop/main.go cmd/shop/repositories.go migrations/0001_create_tables.sql"},
        {BUILDER, "hides storage", "keeps storage apart",
         "internal/order/ledger_service.go internal/order/order_item_service.go "
         "internal/order/order_service.go internal/user/address_service.go "
         "internal/user/superuser_service.go internal/user/user_service.go"},
        {BUILDER, "testing_strategy:",
         "success_criteria: [{criterion: Orders survive a restart}]\ntesting_strategy:",
         "README.md"},
        {BUILDER, "testing_strategy:",
         "scenarios: [{id: US1, title: A user orders, when: the user orders, then: an order is "
         "there}]\ntesting_strategy:",
         "README.md internal/order/order_service.go internal/order/order_service_test.go "
         "internal/user/user_service.go internal/user/user_service_test.go"},
        /* OpenAPI: for people and other programs */
        {OPENAPI, "      operationId: listDogs\n", "", ""},
        {OPENAPI, "version: 1.0.0", "version: 2.0.0, license: {name: MIT}, contact: {email: a@b.c}",
         ""},
        {OPENAPI, "paths:\n",
         "servers: [{url: \"https://x.example\"}]\nsecurity: [{k: []}]\ntags: [{name: "
         "a}]\npaths:\n",
         ""},
        {OPENAPI, "summary: all dogs",
         "tags: [dogs]\n      externalDocs: {url: \"https://x.example\"}\n      deprecated: true\n "
         "     summary: all dogs",
         ""},
        {OPENAPI, "name: {type: string}, born", "name: {type: string, example: Rex}, born", ""},
        /* OpenAPI: the same in other words */
        {OPENAPI, "properties: {name: {type: string}, born: {type: string, format: date}}",
         "properties: {born: {format: date, type: string}, name: {type: string}}", ""},
        {OPENAPI, "      - {$ref: \"#/components/schemas/NewDog\"}\n",
         "      - {type: object, required: [name], properties: {name: {type: string}, born: {type: "
         "string, format: date}}}\n",
         ""},
        {OPENAPI, "minimum: 0}", "minimum: 0.0}", ""},
        {OPENAPI, "openapi: 3.0.3", "openapi: 3.1.0", ""},
        {OPENAPI, "debt: {type: number", "debt: {type: [number]", ""},
        {OPENAPI, "\"409\": {description: full}}",
         "\"409\": {description: full, content: {application/json: {schema: {$ref: "
         "\"#/components/schemas/Owner\"}}}}}",
         ""},
        /* OpenAPI: another meaning */
        {OPENAPI, "required: [name]", "required: [born]",
         "README.md internal/dog/dog.go internal/dog/dog_handler.go "
         "internal/dog/dog_handler_test.go internal/dog/dog_repository.go "
         "internal/dog/dog_service.go internal/dog/dog_service_test.go "
         "internal/dog/dog_sql_repository.go internal/dog/dog_sql_repository_test.go "
         "migrations/0001_create_tables.sql"},
        {OPENAPI, "format: date}", "format: date-time}",
         "README.md internal/dog/dog.go internal/dog/dog_handler.go "
         "internal/dog/dog_handler_test.go internal/dog/dog_repository.go "
         "internal/dog/dog_service.go internal/dog/dog_service_test.go "
         "internal/dog/dog_sql_repository.go internal/dog/dog_sql_repository_test.go "
         "migrations/0001_create_tables.sql"},
        {OPENAPI, "enum: [good, bad]", "enum: [good, bad, none]",
         "internal/owner/owner.go internal/owner/owner_repository.go "
         "internal/owner/owner_service.go internal/owner/owner_service_test.go "
         "internal/owner/owner_sql_repository.go internal/owner/owner_sql_repository_test.go "
         "migrations/0001_create_tables.sql"},
        {OPENAPI, "minimum: 0}", "minimum: 1}",
         "internal/owner/owner.go internal/owner/owner_repository.go "
         "internal/owner/owner_service.go internal/owner/owner_service_test.go "
         "internal/owner/owner_sql_repository.go internal/owner/owner_sql_repository_test.go "
         "migrations/0001_create_tables.sql"},
        {OPENAPI, "mood: {type: string", "mood: {description: today, type: string",
         "internal/owner/owner.go internal/owner/owner_repository.go "
         "internal/owner/owner_service.go internal/owner/owner_service_test.go "
         "internal/owner/owner_sql_repository.go internal/owner/owner_sql_repository_test.go "
         "migrations/0001_create_tables.sql"},
        {OPENAPI, "owner: {$ref: \"#/components/schemas/Owner\"}",
         "owners: {type: array, items: {$ref: \"#/components/schemas/Owner\"}}",
         "README.md internal/dog/dog.go internal/dog/dog_handler.go "
         "internal/dog/dog_handler_test.go internal/dog/dog_repository.go "
         "internal/dog/dog_service.go internal/dog/dog_service_test.go "
         "internal/dog/dog_sql_repository.go internal/dog/dog_sql_repository_test.go "
         "migrations/0001_create_tables.sql"},
        {OPENAPI, "summary: take in", "summary: let in",
         "README.md internal/dog/dog_handler.go internal/dog/dog_handler_test.go"},
        {OPENAPI, "description: full", "description: no place",
         "README.md internal/dog/dog_handler.go internal/dog/dog_handler_test.go"},
        {OPENAPI, "{name: limit, in: query, schema: {type: integer}}",
         "{name: limit, in: query, required: true, schema: {type: integer}}",
         "README.md internal/dog/dog_handler.go internal/dog/dog_handler_test.go"},
        {OPENAPI, "    Owner: {",
         "    Bowl: {type: object, properties: {id: {type: string}}}\n    Owner: {",
         "+internal/bowl/bowl.go +internal/bowl/bowl_repository.go +internal/bowl/bowl_service.go "
         "+internal/bowl/bowl_service_test.go +internal/bowl/bowl_sql_repository.go "
         "+internal/bowl/bowl_sql_repository_test.go README.md cmd/kennel/repositories.go "
         "migrations/0001_create_tables.sql"},
        /* FCS: how it was made is not what it says */
        {FCS, "6f0c-11", "77aa-22", ""},
        {FCS, "2025-11-18T00:00:00Z", "2026-01-02T03:04:05Z", ""},
        {FCS, "\"hash\": \"aa\"", "\"hash\": \"bb\"", ""},
        {FCS, "\"version\": \"1.0.0\"", "\"version\": \"1.0.1\", \"original_spec_id\": \"z\"", ""},
        {FCS, "85.0", "85", ""},
        {FCS, "Users come and go", "Users stay",
         "internal/user/user.go internal/user/user_service.go internal/user/user_service_test.go"},
        {FCS, "\"Mail\": \"string\"", "\"Mail\": \"[]string\"",
         "internal/user/user.go internal/user/user_handler.go internal/user/user_handler_test.go "
         "internal/user/user_repository.go internal/user/user_service.go "
         "internal/user/user_service_test.go internal/user/user_sql_repository.go "
         "internal/user/user_sql_repository_test.go migrations/0001_create_tables.sql"},
        {FCS, "belongs_to", "has_many",
         "cmd/spec/repositories.go internal/room/room_service.go internal/user/user.go "
         "internal/user/user_handler.go internal/user/user_handler_test.go "
         "internal/user/user_repository.go internal/user/user_service.go "
         "internal/user/user_service_test.go internal/user/user_sql_repository.go "
         "internal/user/user_sql_repository_test.go migrations/0001_create_tables.sql"},
        /* sentences */
        {SENTENCES, "create a student with name:str, email and age (int, required)",
         "Create the student with the following attributes: name, email:str, required age as int.",
         ""},
        {SENTENCES, "create a course with title\n",
         "\n# second\n- create a course with title (string)\n", ""},
        {SENTENCES, "create a course with title\n", "* create a course with title\n", ""},
        {SENTENCES, "add course to student", "add student to course",
         "cmd/spec/repositories.go internal/course/course.go internal/course/course_handler.go "
         "internal/course/course_handler_test.go internal/course/course_repository.go "
         "internal/course/course_service.go internal/course/course_service_test.go "
         "internal/course/course_sql_repository.go internal/course/course_sql_repository_test.go "
         "internal/student/student.go internal/student/student_handler.go "
         "internal/student/student_handler_test.go internal/student/student_repository.go "
         "internal/student/student_service.go internal/student/student_service_test.go "
         "internal/student/student_sql_repository.go "
         "internal/student/student_sql_repository_test.go migrations/0001_create_tables.sql"},
        {SENTENCES, "email and age (int, required)", "email and age (int)",
         "internal/student/student.go internal/student/student_handler.go "
         "internal/student/student_handler_test.go internal/student/student_repository.go "
         "internal/student/student_service.go internal/student/student_service_test.go "
         "internal/student/student_sql_repository.go "
         "internal/student/student_sql_repository_test.go migrations/0001_create_tables.sql"},
        {SENTENCES, "create a course with title\n", "create a course with no title\n",
         "internal/course/course.go internal/course/course_handler.go "
         "internal/course/course_handler_test.go internal/course/course_repository.go "
         "internal/course/course_service.go internal/course/course_service_test.go "
         "internal/course/course_sql_repository.go internal/course/course_sql_repository_test.go "
         "migrations/0001_create_tables.sql"},
        {SENTENCES, "create a course with title\n", "create a course with unique title\n",
         "internal/course/course_handler_test.go internal/course/course_repository.go "
         "internal/course/course_service_test.go internal/course/course_sql_repository.go "
         "internal/course/course_sql_repository_test.go migrations/0001_create_tables.sql"},
};

const size_t n_pairs = sizeof(pairs) / sizeof(*pairs);
