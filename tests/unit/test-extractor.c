#include "spec-help.h"

#include "daemon/blueprint/internal.h"

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

static void check(const char *text, const char *expected)
{
        _cleanup_buf_ struct buf b = {0};

        assert_int_equal(extractor_run(go->extractors[0], span_of(text), &b), 0);
        assert_string_equal(b.at ? b.at : "", expected);
}

static const char order[] = "// Package order is about orders.\n"
                            "package order\n"
                            "\n"
                            "import (\n"
                            "\t\"errors\"\n"
                            "\t\"fmt\"\n"
                            "\t\"time\"\n"
                            "\n"
                            "\t\"shop/internal/user\"\n"
                            ")\n"
                            "\n"
                            "// Order is an order.\n"
                            "type Order struct {\n"
                            "\tID     string     `json:\"id\"` // identity\n"
                            "\tUser   *user.User `json:\"user,omitempty\"`\n"
                            "\tPlaced time.Time  `json:\"placed\"`\n"
                            "\tsecret int\n"
                            "}\n"
                            "\n"
                            "var ErrInvalidOrder = errors.New(\"invalid order\")\n"
                            "\n"
                            "var _ fmt.Stringer = (*Order)(nil)\n"
                            "\n"
                            "const (\n"
                            "\tMax = 10\n"
                            "\tmin = 1\n"
                            ")\n"
                            "\n"
                            "// Validate refuses nonsense: } is not an end.\n"
                            "func (e *Order) Validate() error {\n"
                            "\tif e.ID == \"}\" {\n"
                            "\t\treturn fmt.Errorf(\"%w: {\", ErrInvalidOrder)\n"
                            "\t}\n"
                            "\treturn nil\n"
                            "}\n"
                            "\n"
                            "func (e *Order) hidden() {}\n"
                            "func helper() int { return 1 }\n";

static const char order_interface[] = "package order\n"
                                      "import \"shop/internal/user\"\n"
                                      "import \"time\"\n"
                                      "type Order struct {\n"
                                      "\tID string `json:\"id\"`\n"
                                      "\tUser *user.User `json:\"user,omitempty\"`\n"
                                      "\tPlaced time.Time `json:\"placed\"`\n"
                                      "}\n"
                                      "const (\n"
                                      "\tMax = 10\n"
                                      ")\n"
                                      "var ErrInvalidOrder error\n"
                                      "func (e *Order) Validate() error\n";

static void test_what_others_see(void **state)
{
        (void)state;
        check(order, order_interface);
}

/* Comments, layout, bodies, what is not exported and the order of declarations make no difference.
 */
static void test_what_makes_no_difference(void **state)
{
        (void)state;
        check("package order\n"
              "func (e *Order) Validate() (   error ) { panic(`}` + \"`\") }\n",
              "package order\nfunc (e *Order) Validate() (error)\n");
        check("/* head */ package order /* x */\n"
              "import \"errors\"\n"
              "import \"time\"\n"
              "import \"shop/internal/user\"\n"
              "func (e *Order) Validate() error { /* { */ return nil }\n"
              "func helper(a int,\n b int) int { return 2 }\n"
              "const ( min = 2\n Max = 10 )\n"
              "var ErrInvalidOrder = errors.New(\"another text\")\n"
              "type Order struct { ID string `json:\"id\"`; User *user.User "
              "`json:\"user,omitempty\"`\n\n\n"
              "  Placed   time.Time `json:\"placed\"`\n hidden bool }\n",
              order_interface);
}

static void test_heads_over_lines(void **state)
{
        (void)state;
        check("package a\n"
              "func New(\n"
              "\tctx context.Context, // first\n"
              "\trepo Repository,\n"
              ") (\n"
              "\t*Service, error) {\n"
              "\treturn nil, nil\n"
              "}\n",
              "package a\nfunc New(ctx context.Context, repo Repository) (*Service, error)\n");
        check("package a\nfunc Any() interface{} { return struct{}{} }\n",
              "package a\nfunc Any() interface{}\n");
        check("package a\nfunc Map[K comparable, V any](in map[K]V) []V {\n\tvar out []V\n\treturn "
              "out\n}\n",
              "package a\nfunc Map[K comparable, V any](in map[K]V) []V\n");
}

static void test_interfaces_groups_and_aliases(void **state)
{
        (void)state;
        check("package a\n"
              "type Repository interface {\n"
              "\t// Create adds.\n"
              "\tCreate(ctx context.Context, e *Order) error\n"
              "\n"
              "\tList(ctx context.Context) ([]*Order, error)\n"
              "}\n"
              "type (\n"
              "\tVerb string\n"
              "\tinner struct{ A int }\n"
              ")\n"
              "type ID = string\n",
              "package a\n"
              "type Repository interface {\n"
              "\tCreate(ctx context.Context, e *Order) error\n"
              "\tList(ctx context.Context) ([]*Order, error)\n"
              "}\n"
              "type ID = string\n"
              "type (\n"
              "\tVerb string\n"
              ")\n");
        check("package a\nconst (\n\tA State = iota\n\tB\n\tc\n)\n",
              "package a\nconst (\n\tA State = iota\n\tB\n)\n");
}

/* A method of a type that is not exported is nobody's business, also when it is called Exported. */
static void test_methods_of_hidden_types(void **state)
{
        (void)state;
        check("package a\nfunc (s store) Get() int { return 1 }\nfunc (s *Store) Get() int { "
              "return 1 }\n",
              "package a\nfunc (s *Store) Get() int\n");
}

static void test_imports_by_alias(void **state)
{
        (void)state;
        check("package a\nimport (\n\tu \"x/user\"\n\t_ \"embed\"\n\t\"x/cart\"\n)\nfunc F(a "
              "u.User, mycart int) {}\n",
              "package a\nimport u \"x/user\"\nfunc F(a u.User, mycart int)\n");
}

/* Never empty for a text that is not, and never a crash on what is no Go. */
static void test_foreign_text(void **state)
{
        _cleanup_buf_ struct buf b = {0};

        (void)state;
        check("plain text\nwithout any rule\n", "plain text\nwithout any rule\n");
        check("", "");
        check("func (", "func (");
        check("type A struct {", "type A struct {}\n");
        check("package a\n\"unterminated\nfunc F() {\n", "package a\nfunc F()\n");
        assert_int_equal(extractor_run(go->extractors[0], SPAN("package a\xff\n"), &b), 0);
        assert_string_equal(b.at, "package a\xff\n");
        buf_clear(&b);
        assert_int_equal(extractor_run(NULL, SPAN("func A() {}\n"), &b), 0);
        assert_string_equal(b.at, "func A() {}\n");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_what_others_see),
                cmocka_unit_test(test_what_makes_no_difference),
                cmocka_unit_test(test_heads_over_lines),
                cmocka_unit_test(test_interfaces_groups_and_aliases),
                cmocka_unit_test(test_methods_of_hidden_types),
                cmocka_unit_test(test_imports_by_alias),
                cmocka_unit_test(test_foreign_text),
        };

        return cmocka_run_group_tests(tests, set_up, tear_down);
}
