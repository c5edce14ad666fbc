#include "daemon/edit/edits.h"
#include "tests/unit/unit.h"

#define TAG "4f2a9c01"
#define OLD "<<<old " TAG "\n"
#define NEW "===new " TAG "\n"

static const char base[] = "package a\n"
                           "\n"
                           "func A() {\n"
                           "\treturn\n"
                           "}\n"
                           "\n"
                           "func B() {\n"
                           "\treturn\n"
                           "}\n";

/* NULL: refused, and then the diag says `why`. */
static void expect(const char *text, const char *answer, const char *wanted, const char *why)
{
        _cleanup_edits_ struct edits e = {0};
        _cleanup_buf_ struct buf out = {0};
        struct diag d = {0};
        int k = edits_read(span_of(answer), TAG, &e, &d);

        k = k ? k : edits_apply(&e, span_of(text), &out, &d);
        assert_int_equal(k, wanted ? 0 : CONDITION_REFUSED);
        if (wanted)
                assert_string_equal(out.at ? out.at : "", wanted);
        else if (!strstr(d.text, why))
                fail_msg("`%s` does not say `%s`", d.text, why);
        if (!wanted)
                assert_int_equal(out.n, 0);
}

static void test_lines_take_the_place_of_lines(void **state _unused_)
{
        expect("a\nb\nc\n", OLD "b\n" NEW "B\nBB\n", "a\nB\nBB\nc\n", NULL);
        expect("a\nb\nc\n", OLD "b\n" NEW, "a\nc\n", NULL);
        expect("a\nb\nc\n", OLD "c\n" NEW "c\nd\n", "a\nb\nc\nd\n", NULL);
        expect("a\nb\nc\n", OLD "a\n" NEW "z\n" OLD "c\n" NEW "x\n", "z\nb\nx\n", NULL);
}

static void test_order_does_not_matter(void **state _unused_)
{
        expect("a\nb\nc\n", OLD "c\n" NEW "x\n" OLD "a\n" NEW "z\n", "z\nb\nx\n", NULL);
}

static void test_no_edits_change_nothing(void **state _unused_)
{
        expect("a\n", "", "a\n", NULL);
        expect("a\n", "\n", "a\n", NULL);
}

static void test_last_line_may_lack_its_break(void **state _unused_)
{
        expect("a\nb\nc\n", OLD "b\n" NEW "B", "a\nB\nc\n", NULL);
}

static void test_cr_is_tolerated_in_markers(void **state _unused_)
{
        expect("a\nb\n", "<<<old " TAG "\r\nb\n===new " TAG "\r\nc\n", "a\nc\n", NULL);
}

/* The same lines twice are nobody's. */
static void test_another_tag(void **state _unused_)
{
        char text[] = "+++to b.go " TAG "\n" OLD "a " TAG "\n" NEW TAG "\n<<<old " TAG
                      " \n<<<old " TAG "\r\nx\n===new " TAG;

        edits_retag(text, strlen(text), TAG, "01234567");
        assert_string_equal(text,
                            "+++to b.go 01234567\n<<<old 01234567\na " TAG "\n===new 01234567\n" TAG
                            "\n<<<old " TAG " \n<<<old 01234567\r\nx\n===new 01234567");
        edits_retag(text, 0, TAG, "01234567");
}

static void test_ambiguous_is_refused(void **state _unused_)
{
        expect(base, OLD "\treturn\n" NEW "\tprint()\n", NULL, "in lines 4 and 8");
        expect(base, OLD "func B() {\n\treturn\n" NEW "func B() {\n",
               "package a\n\nfunc A() {\n\treturn\n}\n\nfunc B() {\n}\n", NULL);
        expect("x\nx\nx\n", OLD "x\nx\n" NEW "y\n", NULL, "more than once"); /* they overlap */
}

static void test_what_is_not_there_is_refused(void **state _unused_)
{
        expect(base, OLD "func C() {\n" NEW "x\n", NULL, "do not stand in the text");
        expect(base, OLD "    return\n" NEW "x\n", NULL, "every blank");
        expect(base, OLD "eturn\n" NEW "x\n", NULL, "do not stand"); /* lines are whole */
        expect(base,
               OLD "func A()"
                   "\n" NEW "x\n",
               NULL, "do not stand");
        expect("", OLD "a\n" NEW "b\n", NULL, "do not stand");
}

/* Nothing is found in what another edit wrote. */
static void test_edits_are_about_the_base(void **state _unused_)
{
        expect("a\nb\n", OLD "a\n" NEW "q\n" OLD "q\n" NEW "r\n", NULL, "edit 2");
        expect("a\nb\n", OLD "a\n" NEW "b\n" OLD "b\n" NEW "a\n", "b\na\n", NULL);
}

static void test_overlap_is_refused(void **state _unused_)
{
        expect("a\nb\nc\n", OLD "a\nb\n" NEW "x\n" OLD "b\nc\n" NEW "y\n", NULL,
               "overlap in line 2");
        expect("a\nb\n", OLD "a\n" NEW "x\n" OLD "a\n" NEW "y\n", NULL, "overlap");
}

static void test_form_is_strict(void **state _unused_)
{
        expect("a\n", "Here are the edits:\n" OLD "a\n" NEW "b\n", NULL, "before the first");
        expect("a\n", OLD "a\n", NULL, "lacks its");
        expect("a\n", OLD "a\n" OLD "a\n" NEW "b\n", NULL, "lacks its");
        expect("a\n", NEW "b\n", NULL, "without its");
        expect("a\n", OLD NEW "b\n", NULL, "no old lines");
        expect("a\n", OLD "a\n" NEW "b\n" NEW "c\n", NULL, "without its");
        /* Another tag is text. */
        expect("<<<old 00000000\n", OLD "<<<old 00000000\n" NEW "x\n", "x\n", NULL);
}

static void test_too_many_are_refused(void **state _unused_)
{
        _cleanup_buf_ struct buf b = {0};

        for (unsigned i = 0; i < EDITS_MAX + 1; i++)
                buf_printf(&b, OLD "%u\n" NEW "x\n", i);
        expect("a\n", b.at, NULL, "too many");
}

static void test_a_file_moves(void **state _unused_)
{
        _cleanup_edits_ struct edits e = {0}, twice = {0};
        struct diag d;

        assert_int_equal(
                edits_read(SPAN("+++to b/c d.go " TAG "\n" OLD "a\n" NEW "b\n"), TAG, &e, &d), 0);
        assert_bytes_equal(e.move.at, e.move.n, "b/c d.go");
        assert_int_equal(e.n, 1);
        assert_int_equal(edits_read(SPAN("+++to a " TAG "\n+++to b " TAG "\n"), TAG, &twice, &d),
                         CONDITION_REFUSED);
        assert_int_equal(edits_read(SPAN("+++to " TAG "\n"), TAG, &twice, &d), CONDITION_REFUSED);
        assert_int_equal(edits_read(SPAN(OLD "a\n" NEW "+++to b " TAG "\n"), TAG, &twice, &d),
                         CONDITION_REFUSED);
}

static void expect_removed(const char *from, const char *to, size_t removed, size_t lines)
{
        size_t r = 99, n = 99;

        assert_int_equal(edits_removed(span_of(from), span_of(to), &r, &n), 0);
        assert_int_equal(r, removed);
        assert_int_equal(n, lines);
}

static void test_removed_lines_are_counted(void **state _unused_)
{
        expect_removed("a\nb\nc\n", "a\nb\nc\n", 0, 3);
        expect_removed("a\nb\nc\n", "c\nb\na\n", 0, 3); /* moved is not gone */
        expect_removed("a\n\n  b\n", "\tb\nx\n", 1, 2);
        expect_removed("a\na\na\n", "a\n", 2, 3);
        expect_removed("", "a\n", 0, 0);
        expect_removed("a", "", 1, 1);
}

static void there_and_back(const char *file, size_t n, const char *lines)
{
        _cleanup_edit_base_ struct edit_base b = {0};
        _cleanup_buf_ struct buf out = {0};

        assert_int_equal(edit_base_read((struct span){file, n}, &b), 0);
        assert_string_equal(b.text, lines);
        assert_int_equal(b.n, strlen(lines));
        assert_int_equal(edit_base_write(&b, (struct span){b.text, b.n}, &out), 0);
        assert_int_equal(out.n, n);
        if (n)
                assert_memory_equal(out.at, file, n);
}

#define MARK "\xef\xbb\xbf"

/* What a file has at the ends of its lines, and before them, comes back as it was. */
static void test_line_ends_survive(void **state _unused_)
{
        static const char *const pairs[][2] = {{"a\nb\n", "a\nb\n"},
                                               {"a\nb", "a\nb\n"},
                                               {"a\r\nb\r\n", "a\nb\n"},
                                               {"a\r\nb", "a\nb\n"},
                                               {"a\r\nb\n", "a\r\nb\n"},
                                               {"a\r\r\nb\r\n", "a\r\r\nb\r\n"},
                                               {"a\rb\n", "a\rb\n"},
                                               {"", ""},
                                               {"\r\n", "\n"},
                                               {"a\r", "a\r\n"},
                                               {MARK "a\n", "a\n"},
                                               {MARK MARK "a\n", MARK MARK "a\n"},
                                               {MARK, ""},
                                               {MARK "a\r\nb", "a\nb\n"}};

        for (size_t i = 0; i < N_ELEMENTS(pairs); i++)
                there_and_back(pairs[i][0], strlen(pairs[i][0]), pairs[i][1]);
}

static void test_new_lines_get_the_ends_of_the_file(void **state _unused_)
{
        _cleanup_edit_base_ struct edit_base b = {0};
        _cleanup_buf_ struct buf out = {0};

        assert_int_equal(edit_base_read(SPAN("a\r\nb"), &b), 0);
        assert_int_equal(edit_base_write(&b, SPAN("a\nx\nb\n"), &out), 0);
        assert_string_equal(out.at, "a\r\nx\r\nb");
}

static void expect_form(const char *answer, const char *why)
{
        _cleanup_edits_ struct edits e = {0};
        struct diag d = {0};

        assert_int_equal(edits_read(span_of(answer), TAG, &e, &d), CONDITION_REFUSED);
        if (!strstr(d.text, why))
                fail_msg("`%s` does not say `%s`", d.text, why);
}

static void test_a_tree_is_changed(void **state _unused_)
{
        _cleanup_edits_ struct edits gone = {0}, made = {0};
        struct diag d = {0};

        assert_int_equal(edits_read(span_of("+++gone " TAG "\n"), TAG, &gone, &d), 0);
        assert_true(gone.is_gone && edits_change_tree(&gone));
        assert_int_equal(edits_read(span_of(OLD "a\n" NEW "b\n+++new x/y.c " TAG "\none\n<<<old "
                                                "other\n+++new z " TAG "\n"),
                                    TAG, &made, &d),
                         0);
        assert_int_equal(made.n_made, 2);
        assert_true(span_is_equal(made.made[0].path, SPAN("x/y.c")));
        assert_true(span_is_equal(made.made[0].text, SPAN("one\n<<<old other\n")));
        assert_int_equal(made.made[1].text.n, 0);
        expect_form("+++gone " TAG "\n" OLD "a\n" NEW "b\n", "no edits");
        expect_form("+++to a " TAG "\n+++gone " TAG "\n", "without edits");
        expect_form("+++gone " TAG "\n+++to a " TAG "\n", "before all edits");
        expect_form("+++new a " TAG "\nx\n" OLD "a\n" NEW "b\n", "before the new files");
        expect_form("+++new a " TAG "\n+++new a " TAG "\n", "twice");
        expect_form("+++new " TAG "\n", "names no path");
        expect_form(OLD "a\n+++new a " TAG "\n", "lacks its");
        expect_form("+++new a " TAG "\n+++new b " TAG "\n+++new c " TAG "\n+++new d " TAG
                    "\n+++new e " TAG "\n+++new f " TAG "\n+++new g " TAG "\n+++new h " TAG
                    "\n+++new i " TAG "\n",
                    "too many");
}

static void test_only_what_may_be_is_told(void **state _unused_)
{
        _cleanup_buf_ struct buf none = {0}, some = {0};

        assert_int_equal(edits_write_tree_forms(TAG, 0, &none), 0);
        assert_int_equal(none.n, 0);
        assert_int_equal(edits_write_tree_forms(TAG, TREE_DELETE | TREE_MAKE, &some), 0);
        assert_non_null(strstr(some.at, "+++gone " TAG));
        assert_non_null(strstr(some.at, "+++new NEW/PATH " TAG));
        assert_null(strstr(some.at, "+++to"));
}

static void test_findings_are_kept(void **state _unused_)
{
        static const char text[] =
                OLD "a\n" NEW "b\n+++keep 12 moor-001 " TAG "\n  it is right,\nas it is \n" OLD
                    "c\n" NEW "d\n+++keep 0 two words " TAG "\nso\n+++new e " TAG "\nf\n";
        _cleanup_edits_ struct edits e = {0};
        _cleanup_buf_ struct buf told = {0};
        struct diag d;

        assert_int_equal(edits_read(span_of(text), TAG, &e, &d), 0);
        assert_int_equal(e.n, 2);
        assert_int_equal(e.n_kept, 2);
        assert_int_equal(e.n_made, 1);
        assert_int_equal(e.kept[0].line, 12);
        assert_true(span_is_equal(e.kept[0].rule, SPAN("moor-001")));
        assert_true(span_is_equal(e.kept[0].why, SPAN("it is right,\nas it is")));
        assert_int_equal(e.kept[1].line, 0);
        assert_true(span_is_equal(e.kept[1].rule, SPAN("two words")));
        assert_true(span_is_equal(e.at[0].new, SPAN("b\n")));
        assert_int_equal(edits_write_kept_form(TAG, &told), 0);
        assert_non_null(strstr(told.at, "\n+++keep LINE RULE " TAG "\n"));
}

static void test_what_is_kept_is_named_and_explained(void **state _unused_)
{
        expect_form("+++keep 12 a " TAG "\n", "lacks its reason");
        expect_form("+++keep 12 a " TAG "\n \n" OLD "a\n" NEW "b\n", "lacks its reason");
        expect_form("+++keep a " TAG "\nwhy\n", "names the line");
        expect_form("+++keep 12 " TAG "\nwhy\n", "names the line");
        expect_form("+++keep 1234567890 a " TAG "\nwhy\n", "names the line");
        expect_form("+++gone " TAG "\n+++keep 1 a " TAG "\nwhy\n", "no file that goes");
        expect_form("+++new a " TAG "\n+++keep 1 a " TAG "\nwhy\n", "before the new files");
        expect_form(OLD "a\n+++keep 1 a " TAG "\nwhy\n", "lacks its");
        for (size_t n = EDITS_KEPT_MAX; n <= EDITS_KEPT_MAX + 1; n++) {
                _cleanup_buf_ struct buf b = {0};
                _cleanup_edits_ struct edits e = {0};
                struct diag d;

                for (size_t i = 0; i < n; i++)
                        assert_int_equal(buf_add_text(&b, "+++keep 1 a " TAG "\nwhy\n"), 0);
                assert_int_equal(edits_read(buf_span(&b), TAG, &e, &d),
                                 n > EDITS_KEPT_MAX ? CONDITION_REFUSED : 0);
        }
}

static void test_a_huge_base_is_refused(void **state _unused_)
{
        _cleanup_edit_base_ struct edit_base b = {0};
        _cleanup_free_ char *huge = malloc(EDIT_BASE_MAX_BYTES + 1);

        assert_non_null(huge);
        memset(huge, 'a', EDIT_BASE_MAX_BYTES + 1);
        assert_int_equal(edit_base_read((struct span){huge, EDIT_BASE_MAX_BYTES + 1}, &b),
                         -EMSGSIZE);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_lines_take_the_place_of_lines),
                cmocka_unit_test(test_order_does_not_matter),
                cmocka_unit_test(test_no_edits_change_nothing),
                cmocka_unit_test(test_last_line_may_lack_its_break),
                cmocka_unit_test(test_cr_is_tolerated_in_markers),
                cmocka_unit_test(test_another_tag),
                cmocka_unit_test(test_ambiguous_is_refused),
                cmocka_unit_test(test_what_is_not_there_is_refused),
                cmocka_unit_test(test_edits_are_about_the_base),
                cmocka_unit_test(test_overlap_is_refused),
                cmocka_unit_test(test_form_is_strict),
                cmocka_unit_test(test_too_many_are_refused),
                cmocka_unit_test(test_a_file_moves),
                cmocka_unit_test(test_a_tree_is_changed),
                cmocka_unit_test(test_only_what_may_be_is_told),
                cmocka_unit_test(test_findings_are_kept),
                cmocka_unit_test(test_what_is_kept_is_named_and_explained),
                cmocka_unit_test(test_removed_lines_are_counted),
                cmocka_unit_test(test_line_ends_survive),
                cmocka_unit_test(test_new_lines_get_the_ends_of_the_file),
                cmocka_unit_test(test_a_huge_base_is_refused),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
