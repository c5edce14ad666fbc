#include "client/files/patch.h"
#include "tests/unit/unit.h"

static void expect(const char *before, const char *after, const char *wanted)
{
        _cleanup_buf_ struct buf b = {0};

        assert_int_equal(patch_write(span_of(before), span_of(after), &b), 0);
        assert_string_equal(b.at ? b.at : "", wanted);
}

static void test_equal_texts_differ_in_nothing(void **state _unused_)
{
        expect("a\nb\n", "a\nb\n", "");
        expect("", "", "");
}

static void test_changes_stand_in_their_context(void **state _unused_)
{
        expect("1\n2\n3\n4\n5\n6\n7\n8\n9\n", "1\n2\n3\n4\nx\n6\n7\n8\n9\n",
               "@@ -2,7 +2,7 @@\n 2\n 3\n 4\n-5\n+x\n 6\n 7\n 8\n");
        expect("a\n", "a\nb\n", "@@ -1,1 +1,2 @@\n a\n+b\n");
        expect("a\nb\n", "b\n", "@@ -1,2 +1,1 @@\n-a\n b\n");
        expect("", "a\n", "@@ -0,0 +1,1 @@\n+a\n");
        expect("a\n", "", "@@ -1,1 +0,0 @@\n-a\n");
}

static void test_far_changes_are_hunks_of_their_own(void **state _unused_)
{
        expect("a\n1\n2\n3\n4\n5\n6\n7\n8\n9\nb\n", "x\n1\n2\n3\n4\n5\n6\n7\n8\n9\ny\n",
               "@@ -1,4 +1,4 @@\n-a\n+x\n 1\n 2\n 3\n@@ -8,4 +8,4 @@\n 7\n 8\n 9\n-b\n+y\n");
}

static void test_an_end_without_a_break_is_told(void **state _unused_)
{
        expect("a", "b",
               "@@ -1,1 +1,1 @@\n-a\n\\ No newline at end of file\n+b\n\\ No newline at end of "
               "file\n");
}

static void test_some_changes_are_applied(void **state _unused_)
{
        static const char before[] = "a\nb\nc\nd\ne\n", after[] = "a\nB\nC\nd\nx\ny\n";
        static const char *const wanted[] = {before, "a\nB\nc\nd\ne\n", "a\nb\nC\nd\ne\n",
                                             "a\nB\nC\nd\ne\n", "a\nb\nc\nd\nx\ny\n"};
        struct patch_hunks h = {0};

        assert_int_equal(patch_find_hunks(span_of(before), span_of(after), &h), 0);
        assert_int_equal(h.n, 3); /* lines that take the place of lines are changes by themselves */
        assert_int_equal(h.at[1].from, 2);
        assert_int_equal(h.at[2].n, 1);
        assert_int_equal(h.at[2].n_new, 2);
        for (size_t i = 0; i < N_ELEMENTS(wanted); i++) {
                const bool is_taken[] = {i & 1, (i & 2) != 0, (i & 4) != 0};
                _cleanup_buf_ struct buf b = {0};

                assert_int_equal(
                        patch_apply_hunks(span_of(before), span_of(after), &h, is_taken, &b), 0);
                assert_string_equal(b.at, wanted[i]);
        }
        patch_hunks_done(&h);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_equal_texts_differ_in_nothing),
                cmocka_unit_test(test_changes_stand_in_their_context),
                cmocka_unit_test(test_far_changes_are_hunks_of_their_own),
                cmocka_unit_test(test_an_end_without_a_break_is_told),
                cmocka_unit_test(test_some_changes_are_applied),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
