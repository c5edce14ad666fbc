#include "spec-help.h"

#include <jansson.h>

#include "common/json.h"

/* What the files of an entity are told of its links, however the specification says it. */

static struct blueprint *python, *go;

static int set_up(void **state)
{
        (void)state;
        python = must_load("fastapi-crud");
        go = must_load("go-service");
        return 0;
}

static int tear_down(void **state)
{
        (void)state;
        blueprint_unref(python);
        blueprint_unref(go);
        return 0;
}

/* "kind name->Entity.back column[!][1]" of each link, in their order; ! required, 1 unique. */
static void check(const char *spec, const char *path, const char *expected)
{
        struct work *w = must_apply(python, spec);
        const json_t *links = json_object_get(must_find(w, path)->context, "links"), *link;
        _cleanup_buf_ struct buf b = {0};
        size_t i;

        json_array_foreach ((json_t *)links, i, link)
                (void)buf_printf(&b, "%s%s %s->%s.%s %s%s%s", i ? "; " : "",
                                 json_get_text(link, "kind"), json_get_text(link, "name"),
                                 json_get_text(link, "entity"), json_get_text(link, "back"),
                                 json_get_text(link, "column"),
                                 json_object_get(link, "required") ? "!" : "",
                                 json_object_get(link, "unique") ? "1" : "");
        assert_string_equal(b.at ? b.at : "", expected);
        work_free(w);
}

#define ENTITY(name, ...) "  - {name: " name ", attributes: {" __VA_ARGS__ "}}\n"
#define RELATIONS(rows) "relationships:\n" rows
#define RELATION(from, to, type) "  - {from: " from ", to: " to ", type: " type "}\n"
#define HEAD "name: x\nentities:\n"
#define ORDER "app/models/order.py"
#define USER "app/models/user.py"

/* One meaning, many ways to say it. */
static void test_one_to_many(void **state)
{
        static const char *const ways[] = {
                HEAD ENTITY("Order", "user_id: int") ENTITY("User", "name: str"),
                HEAD ENTITY("Order", "UserID: int") ENTITY("User", "name: str"),
                HEAD ENTITY("Order", "user: User") ENTITY("User", "name: str"),
                HEAD ENTITY("Order", "user: User, user_id: int")
                        ENTITY("User", "orders: list of Order"),
                HEAD ENTITY("Order", "a: str") ENTITY("User", "orders: \"[]*Order\""),
                HEAD ENTITY("Order", "a: str") ENTITY("User", "a: str")
                        RELATIONS(RELATION("Order", "User", "belongs_to")),
                HEAD ENTITY("Order", "a: str") ENTITY("User", "a: str")
                        RELATIONS(RELATION("User", "Order", "one-to-many")),
                HEAD ENTITY("Order", "user_id: int") ENTITY("User", "orders: list of Order")
                        RELATIONS(RELATION("User", "Order", "has_many")
                                          RELATION("Order", "User", "belongs_to")),
        };

        (void)state;
        for (size_t i = 0; i < N_ELEMENTS(ways); i++) {
                check(ways[i], ORDER, "reference user->User.orders user_id");
                check(ways[i], USER, "collection orders->Order.user user_id");
        }
}

static void test_many_to_many(void **state)
{
        static const char *const ways[] = {
                HEAD ENTITY("Order", "users: list of User") ENTITY("User", "orders: list of Order"),
                HEAD ENTITY("Order", "user_ids: list of int") ENTITY("User", "name: str"),
                HEAD ENTITY("Order", "a: str") ENTITY("User", "a: str")
                        RELATIONS(RELATION("Order", "User", "many_to_many")),
                HEAD ENTITY("Order", "users: list of User") ENTITY("User", "a: str")
                        RELATIONS(RELATION("Order", "User", "\"n:m\"")),
        };

        (void)state;
        for (size_t i = 0; i < N_ELEMENTS(ways); i++) {
                check(ways[i], ORDER, "join users->User.orders order_id");
                check(ways[i], USER, "join orders->Order.users user_id");
        }
}

static void test_one_to_one(void **state)
{
        (void)state;
        check(HEAD ENTITY("User", "order: Order") ENTITY("Order", "user: User"), ORDER,
              "reference user->User.order user_id1");
        check(HEAD ENTITY("User", "order: Order") ENTITY("Order", "user: User"), USER,
              "single order->Order.user user_id1");
        check(HEAD ENTITY("User", "a: str") ENTITY("Order", "a: str")
                      RELATIONS(RELATION("User", "Order", "has_one")),
              ORDER, "reference user->User.order user_id1");
        /* of either side: the key stands where it stands */
        check(HEAD ENTITY("User", "a: str") ENTITY("Order", "user_id: int")
                      RELATIONS(RELATION("User", "Order", "one_to_one")),
              ORDER, "reference user->User.order user_id1");
        check(HEAD ENTITY("User", "a: str") ENTITY("Order", "user_id: int")
                      RELATIONS(RELATION("Order", "User", "one_to_one")),
              ORDER, "reference user->User.order user_id1");
}

static void test_self(void **state)
{
        (void)state;
        check(HEAD ENTITY("Order", "a: str") RELATIONS(RELATION("Order", "Order", "belongs_to")),
              ORDER,
              "reference parent->Order.children parent_id; collection children->Order.parent "
              "parent_id");
        check(HEAD ENTITY("Order", "parent_id: int")
                      RELATIONS(RELATION("Order", "Order", "has_many")),
              ORDER,
              "reference parent->Order.children parent_id; collection children->Order.parent "
              "parent_id");
        check(HEAD ENTITY("User", "friends: list of User")
                      RELATIONS(RELATION("User", "User", "many_to_many")),
              USER,
              "join friends->User.friends_of user_id; join friends_of->User.friends "
              "friend_user_id");
}

/* Several ways between two entities, roles, names that are taken. */
static void test_names(void **state)
{
        (void)state;
        check(HEAD ENTITY("Order", "buyer: User, seller: User") ENTITY("User", "name: str"), USER,
              "collection orders_by_buyer->Order.buyer buyer_id; collection "
              "orders_by_seller->Order.seller seller_id");
        check(HEAD ENTITY("Order", "billing_user_id: int") ENTITY("User", "orders: int"), ORDER,
              "reference billing_user->User.orders_by_billing_user billing_user_id");
        check(HEAD ENTITY("Order", "user: str") ENTITY("User", "a: str")
                      RELATIONS(RELATION("Order", "User", "belongs_to")),
              ORDER, "reference user_link->User.orders user_id");
        check(HEAD ENTITY("Order", "class: Class") ENTITY("Class", "a: str"), ORDER,
              "reference class_->Class.orders class_id");
}

static void test_required(void **state)
{
        (void)state;
        check(HEAD "  - {name: Order, attributes: [{name: user_id, type: int, required: "
                   "true}]}\n" ENTITY("User", "name: str"),
              ORDER, "reference user->User.orders user_id!");
}

/* One reference of a circle becomes optional, the last; the others stay as they are. */
static void test_required_in_a_circle(void **state)
{
#define NEEDS(name, field, type) \
        "  - {name: " name ", attributes: [{name: " field ", type: " type ", required: true}]}\n"
        (void)state;
        check(HEAD NEEDS("Order", "parent", "Order"), ORDER,
              "reference parent->Order.children parent_id; collection children->Order.parent "
              "parent_id");
        check(HEAD NEEDS("User", "shop_id", "int") NEEDS("Shop", "order_id", "int")
                      NEEDS("Order", "user_id", "int"),
              ORDER, "reference user->User.orders user_id; collection shops->Shop.order order_id!");
}

static void test_what_is_no_link(void **state)
{
        (void)state;
        check(HEAD ENTITY("Order", "user: str, order_number_id: text, uuid: str, paid: bool")
                      ENTITY("User", "superuser_id: int"),
              ORDER, "");
}

/* A relationship that says "required" makes the key required, whoever has it; but not where nothing
 * could ever be the first. */
static void test_required_by_relation(void **state)
{
#define REQUIRED(from, to, type) \
        "  - {from: " from ", to: " to ", type: " type ", required: true}\n"
        (void)state;
        check(HEAD ENTITY("Order", "a: str") ENTITY("User", "a: str")
                      RELATIONS(REQUIRED("Order", "User", "belongs_to")),
              ORDER, "reference user->User.orders user_id!");
        check(HEAD ENTITY("Order", "user_id: int") ENTITY("User", "a: str")
                      RELATIONS(REQUIRED("User", "Order", "has_many")),
              ORDER, "reference user->User.orders user_id!");
        check(HEAD ENTITY("Order", "buyer: User, seller: User") ENTITY("User", "a: str")
                      RELATIONS(REQUIRED("Order", "User", "belongs_to")),
              ORDER,
              "reference buyer->User.orders_by_buyer buyer_id; reference "
              "seller->User.orders_by_seller seller_id");
        check(HEAD ENTITY("Order", "a: str") RELATIONS(REQUIRED("Order", "Order", "belongs_to")),
              ORDER,
              "reference parent->Order.children parent_id; collection children->Order.parent "
              "parent_id");
}

/* A number of the bank's is no key of the order's. */
static void test_roles(void **state)
{
        (void)state;
        check(HEAD ENTITY("Order", "author_id: int") ENTITY("User", "a: str")
                      RELATIONS(RELATION("Order", "User", "belongs_to")),
              ORDER, "reference author->User.orders author_id");
        check(HEAD ENTITY("Order", "transaction_id: string") ENTITY("User", "a: str")
                      RELATIONS(RELATION("Order", "User", "belongs_to")),
              ORDER, "reference user->User.orders user_id");
}

/* ---- links as fields ---- */

/* "Name type[!][>Entity]" of each attribute of Order in Go; ! required, > whose key it is. */
static void check_fields(const char *spec, const char *expected)
{
        struct work *w = must_apply(go, spec);
        const json_t *entities =
                json_object_get(must_find(w, "internal/order/order.go")->context, "entities");
        const json_t *list = json_object_get(json_array_get(entities, 0), "attributes"), *a;
        _cleanup_buf_ struct buf b = {0};
        size_t i;

        json_array_foreach ((json_t *)list, i, a)
                (void)buf_printf(
                        &b, "%s%s %s%s%s%s", i ? "; " : "", json_get_text(a, "name"),
                        json_get_text(a, "type"), json_object_get(a, "required") ? "!" : "",
                        json_object_get(a, "reference") ? ">" : "",
                        json_object_get(a, "reference") ? json_get_text(a, "reference") : "");
        assert_string_equal(b.at ? b.at : "", expected);
        work_free(w);
}

static void test_fields_of_relations(void **state)
{
        static const char *const types[] = {"belongs_to", "many-to-one", "\"n:1\"", "part of"};

        (void)state;
        for (size_t i = 0; i < N_ELEMENTS(types); i++) {
                _cleanup_free_ char *spec =
                        str_printf(HEAD ENTITY("Order", "a: str") ENTITY("User", "a: str")
                                           RELATIONS(RELATION("Order", "User", "%s")),
                                   types[i]);

                check_fields(spec, "ID string; A string; UserID string>User");
        }
        check_fields(HEAD ENTITY("Order", "a: str") ENTITY("User", "a: str")
                             RELATIONS(RELATION("User", "Order", "owns")),
                     "ID string; A string; UserID string>User");
        check_fields(HEAD ENTITY("Order", "a: str") ENTITY("User", "a: str")
                             RELATIONS(REQUIRED("User", "Order", "has_many")),
                     "ID string; A string; UserID string!>User");
        check_fields(HEAD ENTITY("Order", "a: str") ENTITY("User", "id: int")
                             RELATIONS(RELATION("Order", "User", "many_to_many")),
                     "ID string; A string; UserIDs []int>User");
        check_fields(HEAD ENTITY("Order", "a: str") ENTITY("User", "a: str")
                             RELATIONS(RELATION("User", "Order", "many_to_many")),
                     "ID string; A string");
        check_fields(HEAD ENTITY("Order", "a: str")
                             RELATIONS(RELATION("Order", "Order", "has_many")),
                     "ID string; A string; ParentID string>Order");
        check_fields(HEAD ENTITY("Order", "a: str") ENTITY("User", "a: str")
                             RELATIONS(REQUIRED("Order", "User", "many_to_many")),
                     "ID string; A string; UserIDs []string!>User");
}

/* A number that refers to what has no identity says what that is; a text, and what is given, stay.
 */
static void test_identities(void **state)
{
        struct work *w;

        (void)state;
        check_fields(HEAD ENTITY("Order", "user_id: int") ENTITY("User", "a: str"),
                     "ID string; UserID int>User");
        check_fields(HEAD ENTITY("Order", "a: str") ENTITY("User", "order_id: int64, a: str")
                             ENTITY("Item", "order_id: int"),
                     "ID int64; A string");
        check_fields(HEAD ENTITY("Order", "a: str") ENTITY("User", "order_id: int")
                             ENTITY("Item", "order_id: string"),
                     "ID string; A string");
        check_fields(HEAD ENTITY("Order", "parent_id: int")
                             RELATIONS(RELATION("Order", "Order", "has_many")),
                     "ID int; ParentID int>Order");
        check_fields(HEAD ENTITY("Order", "assignee_id: int") ENTITY("User", "a: str")
                             RELATIONS(RELATION("Order", "User", "belongs_to")),
                     "ID string; AssigneeID int>User");
        check_fields(HEAD ENTITY("Order", "user_ids: list of int") ENTITY("User", "a: str"),
                     "ID string; UserIds []int>User");
        w = must_apply(go, HEAD ENTITY("Order", "user_id: int") ENTITY("User", "id: str"));
        assert_line(&w->warnings, "Order.UserID is int, and what identifies User is string: it is "
                                  "kept as it is, nothing sees to it that there is one");
        work_free(w);
        w = must_apply(python, HEAD ENTITY("Order", "a: str") ENTITY("User", "a: str")
                                       RELATIONS(REQUIRED("Order", "User", "many_to_many")));
        assert_line(&w->warnings, "Order is to have at least one User, and nothing sees to it");
        work_free(w);
        w = must_apply(go, HEAD ENTITY("Order", "users: list of User") ENTITY("User", "a: str")
                                   RELATIONS(RELATION("Order", "User", "many_to_many")));
        assert_line(&w->notes, "Order.Users holds copies of User, and nothing sees to it that they "
                               "are kept: without it Order would be given a list of identifiers");
        work_free(w);
}

/* What an attribute says needs no other, and the attribute is told whose key it is. */
static void test_fields_that_are_said(void **state)
{
        (void)state;
        check_fields(HEAD ENTITY("Order", "user_id: string") ENTITY("User", "a: str"),
                     "ID string; UserID string>User");
        check_fields(HEAD ENTITY("Order", "user_id: string") ENTITY("User", "a: str")
                             RELATIONS(REQUIRED("Order", "User", "belongs_to")),
                     "ID string; UserID string!>User");
        check_fields(HEAD ENTITY("Order", "billing_user_id: string") ENTITY("User", "a: str"),
                     "ID string; BillingUserID string>User");
        check_fields(HEAD ENTITY("Order", "user_ids: list of string") ENTITY("User", "a: str"),
                     "ID string; UserIds []string>User");
        check_fields(HEAD ENTITY("Order", "user_ids: list of string")
                             ENTITY("User", "order_id: string"),
                     "ID string; UserIds []string>User");
        check_fields(HEAD ENTITY("Order", "mentor_id: string")
                             RELATIONS(RELATION("Order", "Order", "belongs_to")),
                     "ID string; MentorID string>Order");
        check_fields(HEAD ENTITY("Order", "transaction_id: string") ENTITY("User", "a: str")
                             RELATIONS(RELATION("Order", "User", "belongs_to")),
                     "ID string; TransactionID string; UserID string>User");
        check_fields(HEAD ENTITY("Order", "a: str") ENTITY("User", "orders: list of Order")
                             RELATIONS(RELATION("User", "Order", "has_many")),
                     "ID string; A string");
        check_fields(HEAD ENTITY("Order", "user_id: float") ENTITY("User", "a: str")
                             RELATIONS(RELATION("Order", "User", "belongs_to")),
                     "ID string; UserID float64");
}

/* What a circle of packages cuts is a key like any other. */
static void test_fields_by_identifier(void **state)
{
        (void)state;
        check_fields(HEAD ENTITY("Order", "user: User, more: list of User") ENTITY(
                             "User", "a: str") "packages:\n  - {name: user, depends_on: [order]}\n"
                                               "  - {name: order}\n",
                     "ID string; MoreIDs []string>User; UserID string>User");
}

/* ---- what attributes say beside their type ---- */

static void check_rules(const char *attribute, const char *requirements, const char *expected)
{
        _cleanup_free_ char *spec = str_printf("name: x\nentities:\n  - {name: Order, attributes: "
                                               "[%s]}\n  - {name: User}\n%s",
                                               attribute, requirements);
        struct work *w = must_apply(go, spec);
        const struct task *t = must_find(w, "internal/order/order_repository.go");
        const json_t *rule;
        _cleanup_buf_ struct buf b = {0};
        size_t i;

        json_array_foreach (json_object_get(t->context, "rules"), i, rule)
                (void)buf_printf(&b, "%s %s.%s; ", json_get_text(rule, "rule"),
                                 json_get_text(rule, "entity"), json_get_text(rule, "attribute"));
        if (t->uncovered)
                (void)buf_add_text(&b, strstr(t->uncovered, "does not read"));
        assert_string_equal(b.at ? b.at : "", expected);
        work_free(w);
}

static void test_unique_attributes(void **state)
{
        (void)state;
        check_rules("{name: code, type: string, unique: true}", "", "unique Order.Code; ");
        check_rules("{name: code, type: string, unique: true}",
                    "requirements: [{id: R1, description: Every order has a unique code.}]\n",
                    "unique Order.Code; ");
        check_rules("{name: code, type: string, unique: false}", "", "");
        check_rules("{name: id, type: string, unique: true}", "", "");
        check_rules("{name: user_id, type: string, unique: true}", "", "unique Order.UserID; ");
        check_rules("{name: weight, type: float, unique: true}", "",
                    "does not read `entities.attributes.must_be_unique` of Weight");
        check(HEAD
              "  - {name: Order, attributes: [{name: user, type: User, unique: true}]}\n" ENTITY(
                      "User", "a: str"),
              ORDER, "reference user->User.order user_id1");
}

static const char *was_of(const struct work *w, const char *list, size_t i)
{
        const json_t *context = must_find(w, ORDER)->context;
        const json_t *items =
                strcmp(list, "links") == 0
                        ? json_object_get(context, "links")
                        : json_object_get(json_array_get(json_object_get(context, "entities"), 0),
                                          "attributes");

        return json_get_text(json_array_get(items, i), "was");
}

static void test_renamed_attributes(void **state)
{
        static const char spec[] = HEAD
                "  - {name: Order, attributes: [{name: note, type: str, was: OldRemark}, {name: "
                "owner, type: User, was: buyer}, {name: kind, type: str, was: class}]}\n" ENTITY(
                        "User", "a: str");
        struct work *w = must_apply(python, spec);

        (void)state;
        assert_string_equal(was_of(w, "attributes", 1), "old_remark");
        assert_string_equal(was_of(w, "attributes", 3), "class"); /* as the column was called */
        assert_string_equal(was_of(w, "links", 0), "buyer_id");
        work_free(w);
        w = must_apply(go, spec);
        assert_line(&w->notes, "Order.Note was OldRemark: blueprint go-service moves no data");
        work_free(w);
}

/* Whoever is shown the whole model is shown links and rules too, each under a name of its own. */
static void test_whole(void **state)
{
        static const char *const wanted[] = {"Order.user", "Parcel.user", "User.orders",
                                             "User.parcels", "unique of User.name"};
        struct work *w = must_apply(
                python,
                HEAD ENTITY("Order", "user: User") ENTITY("Parcel", "user: User") ENTITY(
                        "User", "name: str") "requirements:\n  - {id: R1, description: Every user "
                                             "has a unique name.}\n");

        (void)state;
        for (size_t i = 0; i < N_ELEMENTS(wanted); i++) {
                size_t n_found = 0;

                for (size_t k = 0; k < w->n_whole; k++)
                        n_found += str_is_equal(w->statements[w->whole[k]].subject, wanted[i]);
                assert_int_equal(n_found, 1);
        }
        work_free(w);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_one_to_many),
                cmocka_unit_test(test_many_to_many),
                cmocka_unit_test(test_one_to_one),
                cmocka_unit_test(test_self),
                cmocka_unit_test(test_names),
                cmocka_unit_test(test_required),
                cmocka_unit_test(test_required_in_a_circle),
                cmocka_unit_test(test_what_is_no_link),
                cmocka_unit_test(test_whole),
                cmocka_unit_test(test_required_by_relation),
                cmocka_unit_test(test_roles),
                cmocka_unit_test(test_fields_of_relations),
                cmocka_unit_test(test_identities),
                cmocka_unit_test(test_fields_that_are_said),
                cmocka_unit_test(test_fields_by_identifier),
                cmocka_unit_test(test_unique_attributes),
                cmocka_unit_test(test_renamed_attributes),
        };

        return cmocka_run_group_tests(tests, set_up, tear_down);
}
