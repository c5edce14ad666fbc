#include "unit.h"

#include "daemon/template/template.h"

/* Whoever writes templates is told all that is wrong with them. */

static void write_fault(const char *name, const struct diag *d, void *arg)
{
        (void)buf_printf(arg, "%s:%u:%u %s\n", name, d->line, d->column, d->text);
}

static void check_faults(const char *const (*sources)[2], size_t n, const char *expected)
{
        _cleanup_(template_set_unrefp) struct template_set *set = NULL;
        _cleanup_(template_freep) struct template *t = NULL;
        _cleanup_buf_ struct buf b = {0};
        const char *where;
        struct diag d;

        assert_int_equal(template_set_new(&set), 0);
        template_set_listen(set, write_fault, &b);
        for (size_t i = 0; i < n; i++)
                assert_int_equal(template_set_add(set, sources[i][0], span_of(sources[i][1])), 0);
        assert_int_equal(template_set_compile(set, "main", &t, &where, &d), CONDITION_REFUSED);
        assert_string_equal(b.at ? b.at : "", expected);
        /* each once, whoever leads there */
        assert_int_equal(template_set_compile(set, "main", &t, &where, &d), CONDITION_REFUSED);
        assert_string_equal(b.at ? b.at : "", expected);
}

static void test_all_faults_are_told(void **state _unused_)
{
        static const struct {
                const char *source, *faults;
        } cases[] = {
                /* what is not known is passed over */
                {"{{ a|nofilter }}{{ b is notest }}\n{{ c|upper|nomore(1)|safe }}{{ d|map('nomap') "
                 "}}",
                 "main:1:6 no filter named 'nofilter'\nmain:1:25 no test named 'notest'\n"
                 "main:2:12 no filter named 'nomore'\n"
                 "main:2:22 the filter 'safe' is left out: nothing is escaped\n"
                 "main:2:34 no filter named 'nomap'\n"},
                /* a tag that cannot be read is left out, and what belongs to it is no fault */
                {"{% if = %}a{% else %}b{% endif %}{% foo %}c{% endfoo %}{{ 1 + }}{% for x y %}{% "
                 "endfor %}",
                 "main:1:7 unexpected '='\nmain:1:37 unknown tag 'foo'\n"
                 "main:1:63 unexpected 'end of print statement'\n"
                 "main:1:74 expected token 'in', got 'y'\n"},
                {"{% if a %}{% if = %}b{% endif %}c{% elif d %}{% else %}{% endif %}{{ x|nofilter "
                 "}}",
                 "main:1:17 unexpected '='\nmain:1:72 no filter named 'nofilter'\n"},
                /* text that is none of the language's */
                {"{{ 'abc }} {{ a ! b }} {{ (a] }}\n{% set x = ? %}{{ y|nofilter }}{% bar %}",
                 "main:1:4 unexpected char ': the string has no end\nmain:1:17 unexpected char "
                 "'!'\n"
                 "main:1:29 unexpected ']', expected ')'\nmain:2:12 unexpected char '?'\n"
                 "main:2:21 no filter named 'nofilter'\nmain:2:35 unknown tag 'bar'\n"},
                {"{% if a %}{{ b|nofilter }}",
                 "main:1:16 no filter named 'nofilter'\n"
                 "main:1:27 unexpected end of template where 'elif' is looked for\n"},
                {"{{ a|nofilter }}{# no end", "main:1:17 missing end of comment tag\n"
                                              "main:1:6 no filter named 'nofilter'\n"},
                {"{% include 'x' %}{% import 'y' as y %}{{ a }}",
                 "main:1:28 there is no template 'y'\nmain:1:12 there is no template 'x'\n"},
        };
        static const char *const several[][2] = {
                {"main", "{% include 'one' %}{% include 'two' %}{{ a|nofilter }}"},
                {"one", "{% include 'two' %}{% include 'gone' %}"},
                {"two", "{{ b|notwo }}{% if %}"},
        };

        for (size_t i = 0; i < N_ELEMENTS(cases); i++) {
                const char *const source[][2] = {{"main", cases[i].source}};

                check_faults(source, 1, cases[i].faults);
        }
        check_faults(several, N_ELEMENTS(several), "main:1:44 no filter named 'nofilter'\n");
        check_faults((const char *const[][2]){{"main", "{% include 'one' %}{% include 'two' %}"},
                                              {"one", several[1][1]},
                                              {"two", several[2][1]}},
                     3,
                     "one:1:31 there is no template 'gone'\ntwo:1:6 no filter named 'notwo'\n"
                     "two:1:20 expected an expression, got 'end of statement block'\n");
}

/* The bound of what is told is no bound of what is refused. */
static void test_faults_are_bounded(void **state _unused_)
{
        _cleanup_buf_ struct buf source = {0}, told = {0};
        _cleanup_(template_set_unrefp) struct template_set *set = NULL;
        _cleanup_(template_freep) struct template *t = NULL;
        const char *where;
        struct diag d;
        size_t n = 0;

        for (unsigned i = 0; i < 1000; i++)
                assert_int_equal(buf_add_text(&source, "{{ a|nofilter }}\n"), 0);
        assert_int_equal(template_set_new(&set), 0);
        template_set_listen(set, write_fault, &told);
        assert_int_equal(template_set_add(set, "main", buf_span(&source)), 0);
        assert_int_equal(template_set_compile(set, "main", &t, &where, &d), CONDITION_REFUSED);
        for (size_t i = 0; i < told.n; i++)
                n += told.at[i] == '\n';
        assert_in_range(n, 100, 101);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_all_faults_are_told),
                cmocka_unit_test(test_faults_are_bounded),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
