#include "daemon/edit/excerpt.h"
#include "tests/unit/unit.h"

static const char text[] = "import a\n\none\ntwo\nthree\nfour\nfive\nsix\n";

static void expect_shown(const struct excerpt *e, const char *whole, const char *wanted)
{
        _cleanup_buf_ struct buf b = {0};

        assert_int_equal(excerpt_show(e, span_of(whole), &b), 0);
        assert_string_equal(b.at, wanted);
}

static void expect_joined(const struct excerpt *e, const char *whole, const char *shown,
                          const char *wanted)
{
        _cleanup_buf_ struct buf b = {0};
        struct diag d = {0};
        int r = excerpt_join(e, span_of(whole), span_of(shown), &b, &d);

        assert_int_equal(r, wanted ? 0 : CONDITION_REFUSED);
        if (wanted)
                assert_string_equal(b.at, wanted);
        else
                assert_non_null(strstr(d.text, "are not shown"));
}

#define ABOVE "[… 2 lines here are not shown …]\n"
#define BELOW "[… 2 lines up to the end are not shown …]\n"

static void test_head_and_region_are_shown(void **state _unused_)
{
        struct excerpt *e = NULL;

        assert_int_equal(excerpt_new(span_of(text), 2, 4, 6, &e), 0);
        expect_shown(e, text, "import a\n\n" ABOVE "three\nfour\n" BELOW);
        expect_joined(e, text, "import a\nimport b\n\n" ABOVE "THREE\nfour\nmore\n" BELOW,
                      "import a\nimport b\n\none\ntwo\nTHREE\nfour\nmore\nfive\nsix\n");
        expect_joined(e, text, "import a\n\nthree\nfour\n" BELOW, NULL);
        expect_joined(e, text, "import a\n\n" ABOVE "three\n", NULL);
        expect_joined(e, text, "import a\n" ABOVE ABOVE "three\n" BELOW, NULL);
        expect_joined(e, text, BELOW ABOVE, NULL);
        expect_joined(e, text, "import a\n" ABOVE "three\n" BELOW "after\n", NULL);
        excerpt_free(e);
}

/* What others made of the head, and of what stands below. */
static void test_a_region_is_found_again(void **state _unused_)
{
        static const char now[] = "import a\nimport b\n\none\ntwo\nthree\nfour\nfive\n6\n7\n";
        struct excerpt *e = NULL;
        _cleanup_buf_ struct buf b = {0};

        assert_int_equal(excerpt_new(span_of(text), 2, 4, 6, &e), 0);
        expect_shown(e, now,
                     "import a\nimport b\n\n" ABOVE
                     "three\nfour\n[… 3 lines up to the end are not shown …]\n");
        assert_int_equal(excerpt_show(e, SPAN("import a\none\ntwo\nthree\n"), &b),
                         CONDITION_ABSENT);
        excerpt_free(e);
}

static void test_parts_that_meet_have_no_gap(void **state _unused_)
{
        struct excerpt *e = NULL;

        assert_int_equal(excerpt_new(span_of(text), 2, 2, 8, &e), 0);
        expect_shown(e, text, text);
        expect_joined(e, text, "import a\n", "import a\n");
        excerpt_free(e);
        assert_int_equal(excerpt_new(span_of(text), 0, 0, 1, &e), 0);
        expect_shown(e, text, "import a\n[… 7 lines up to the end are not shown …]\n");
        excerpt_free(e);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_head_and_region_are_shown),
                cmocka_unit_test(test_a_region_is_found_again),
                cmocka_unit_test(test_parts_that_meet_have_no_gap),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
