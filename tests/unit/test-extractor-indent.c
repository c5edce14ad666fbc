#include "spec-help.h"

#include "daemon/blueprint/internal.h"

static struct blueprint *python;

static int set_up(void **state)
{
        (void)state;
        python = must_load("fastapi-crud");
        return 0;
}

static int tear_down(void **state)
{
        (void)state;
        blueprint_unref(python);
        return 0;
}

static void check(const char *text, const char *expected)
{
        _cleanup_buf_ struct buf b = {0};

        assert_int_equal(extractor_run(python->extractors[0], span_of(text), &b), 0);
        assert_string_equal(b.at ? b.at : "", expected);
}

static const char model[] = "\"\"\"The table of orders: class Fake: pass\"\"\"\n"
                            "import os\n"
                            "import sqlalchemy as sa  # an alias\n"
                            "from sqlalchemy import orm, pool\n"
                            "from app.users import (\n"
                            "    User,\n"
                            "    Group as Team,\n"
                            ")\n"
                            "\n"
                            "__all__ = [\"Order\", 'LIMIT']\n"
                            "LIMIT: int = 10\n"
                            "_hidden = 1\n"
                            "\n"
                            "\n"
                            "@register(\n"
                            "    'order',\n"
                            ")\n"
                            "class Order(orm.Base):\n"
                            "    '''Docs over\n"
                            "\n"
                            "lines: not code'''\n"
                            "    __tablename__ = \"orders\"\n"
                            "    id: int = sa.Column(sa.Integer,\n"
                            "                        primary_key=True)\n"
                            "    owner: \"User | None\" = None\n"
                            "    _cache = {}\n"
                            "\n"
                            "    @property\n"
                            "    def total(self, rate: float=1.0) -> int:\n"
                            "        if rate:\n"
                            "            return \"}\" and 1\n"
                            "        def inner(): pass\n"
                            "        return 2\n"
                            "\n"
                            "    def _private(self): pass\n"
                            "    class Config:\n"
                            "        orm_mode = True\n"
                            "\n"
                            "\n"
                            "def make(a, *, b: Team = None,\n"
                            "         **rest) -> Order:\n"
                            "    # how\n"
                            "    return os.environ\n"
                            "async def later(): return 1\n"
                            "def _helper():\n"
                            "    pass\n";

static const char model_interface[] = "import sqlalchemy as sa\n"
                                      "from app.users import Group as Team\n"
                                      "from app.users import User\n"
                                      "from sqlalchemy import orm\n"
                                      "__all__ = [\"Order\", 'LIMIT']\n"
                                      "LIMIT: int = 10\n"
                                      "@register('order')\n"
                                      "class Order(orm.Base):\n"
                                      "    __tablename__ = \"orders\"\n"
                                      "    id: int = sa.Column(sa.Integer, primary_key=True)\n"
                                      "    owner: \"User | None\" = None\n"
                                      "    @property\n"
                                      "    def total(self, rate: float=1.0) -> int:\n"
                                      "    class Config:\n"
                                      "async def later():\n"
                                      "def make(a, *, b: Team=None, **rest) -> Order:\n";

static void test_what_others_see(void **state)
{
        (void)state;
        check(model, model_interface);
}

/* Bodies, comments, docs, layout, private names and the order of declarations make no difference.
 */
static void test_what_makes_no_difference(void **state)
{
        (void)state;
        check("from sqlalchemy import orm\n"
              "from app.users import Group as Team, User\n"
              "import sqlalchemy as sa; import os\n"
              "async def later(  ):\n"
              "\treturn 2\n"
              "def make(a,*,b: Team=None,**rest)->Order:  # why\n"
              "    '''New words.'''\n"
              "    return other()\n"
              "\n"
              "@register('order')\n"
              "class Order( orm.Base ):\n"
              "  __tablename__=\"orders\"\n"
              "  id: int = sa.Column( sa.Integer, primary_key=True )\n"
              "  owner: \"User | None\"=None\n"
              "  @property\n"
              "  def total(self, rate: float=1.0) -> int: return 7\n"
              "  def _other(self):\n"
              "      x = 1\n"
              "  class Config:\n"
              "    orm_mode = False\n"
              "LIMIT: int = \\\n"
              "    10\n"
              "__all__ = [ \"Order\", 'LIMIT' ]\n",
              model_interface);
}

static void test_what_makes_a_difference(void **state)
{
        static const char *const texts[] = {
                "def make(a): pass\n",
                "def make(b): pass\n",
                "def make(a=1): pass\n",
                "def make(a: int): pass\n",
                "def make(a) -> int: pass\n",
                "async def make(a): pass\n",
                "@cached\ndef make(a): pass\n",
                "class A: x = 1\n",
                "class A:\n    x = 2\n",
                "class A:\n    x: int = 2\n",
                "class A(B): pass\n",
                "class A:\n    def x(self): pass\n",
                "A = 1\n",
                "A = \"1\"\n",
        };

        (void)state;
        for (size_t i = 0; i < N_ELEMENTS(texts); i++)
                for (size_t k = 0; k < i; k++) {
                        _cleanup_buf_ struct buf a = {0}, b = {0};

                        assert_int_equal(
                                extractor_run(python->extractors[0], span_of(texts[i]), &a), 0);
                        assert_int_equal(
                                extractor_run(python->extractors[0], span_of(texts[k]), &b), 0);
                        assert_string_not_equal(a.at, b.at);
                }
}

static void test_odd_texts(void **state)
{
        (void)state;
        check("", "");
        check("# only\n", "# only\n"); /* nothing is kept: the text itself */
        check("def a(\n", "def a(\n");
        check("def a():\n    x = '''never closed\ndef b(): pass\n", "def a():\n");
        check("class A:\n  x = 1\n      \n\n  # deep\n\n  y = 2\nz = 3\n",
              "z = 3\nclass A:\n    x = 1\n    y = 2\n");
        check("@lonely\n", "@lonely\n");
        check("class A:\n    @lonely\nB = 1\n", "B = 1\nclass A:\n");
        check("x = {'a': [1, 2], 'b': (3,)}\n", "x = {'a': [1, 2], 'b': (3,)}\n");
        check("if x:\n    def inner(): pass\ndef outer(): pass\n", "def outer():\n");
        check("A = r'\\'\nB = 1\n", "A = r'\\'\nB = 1\n");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_what_others_see),
                cmocka_unit_test(test_what_makes_no_difference),
                cmocka_unit_test(test_what_makes_a_difference),
                cmocka_unit_test(test_odd_texts),
        };

        return cmocka_run_group_tests(tests, set_up, tear_down);
}
