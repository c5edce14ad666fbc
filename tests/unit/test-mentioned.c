#include "client/offer/mentioned.h"

#include "common/buf.h"
#include "tests/unit/unit.h"

/* Names that end with NULL: whether the text mentions all of them, or none. */
static void expect(const char *text, int is_mentioned, ...)
{
        _cleanup_(mentioned_done) struct mentioned m = {0};
        va_list names;

        assert_int_equal(mentioned_read(&m, span_of(text)), 0);
        va_start(names, is_mentioned);
        for (const char *name; (name = va_arg(names, const char *));)
                if (mentioned_has(&m, name) != (is_mentioned != 0))
                        fail_msg("%s: %s", text, name);
        va_end(names);
}

static void test_a_name_stands_behind_a_slash(void **state _unused_)
{
        const char *text = "uri: file:///srv/shop/Order.java\nother: Cart.java\n";

        expect(text, true, "srv", "shop", "Order.java", NULL);
        expect(text, false, "Cart.java", "Order", "rder.java", "file:", "", NULL);
        expect("", false, "a", "", NULL);
        expect("////", false, "", "/", NULL);
}

static void test_a_name_may_hold_what_ends_others(void **state _unused_)
{
        const char *text = "at /src/my file's `one`.go:12: unused\n";

        expect(text, true, "my", "my file", "my file's", "my file's `one`.go", NULL);
        expect(text, false, "file", "y file", "m", NULL);
        expect("\"/a/b c\"d", true, "b c", NULL);
        expect("\"/a/b c\"d", false, "b c\"d", NULL);
}

static void test_a_name_is_meant_as_its_format_has_it(void **state _unused_)
{
        expect("file:///x/my%20file%2b1.go", true, "my file+1.go", NULL);
        expect("file:///x/100%.go /x/5%2", true, "100%.go", "5%2", NULL);
        expect("\"/x/M\\u00fcller \\ud83d\\ude00.java\"", true, "M\xc3\xbcller",
               "M\xc3\xbcller \xf0\x9f\x98\x80.java", NULL);
        expect("\"/x/M\\xfcller.java\"", true, "M\xc3\xbcller.java", NULL);
        expect("'/x/Dad''s.java'", true, "Dad's.java", NULL);
        expect("/x/lone\\ud83d.go", true, "lone\\ud83d.go", NULL);
}

static void test_a_drive_has_names_behind_backslashes(void **state _unused_)
{
        expect("C:\\app\\src\\My Class.cs(3)", true, "app", "src", "My", "My Class.cs(3)", NULL);
        expect("\"D:\\\\app\\\\A.java\"", true, "app", "A.java", NULL);
        expect("see C:\\a\\b.cs or C:\\c\\d.cs", true, "a", "b.cs", "c", "d.cs", NULL);
        expect("re:\\d+\\w", false, "d+", "w", NULL);
}

static void test_a_name_is_no_longer_than_a_file_s(void **state _unused_)
{
        char text[700] = "/", name[300] = {0};

        memset(text + 1, 'n', 600);
        memset(name, 'n', 255);
        expect(text, true, name, NULL);
        name[255] = 'n';
        expect(text, false, name, NULL);
        for (size_t i = 0; i < 200; i++)
                memcpy(text + 1 + 3 * i, "%6e", 3);
        name[200] = '\0';
        expect(text, true, name, NULL);
}

static uint64_t count_probes(const struct buf *text, size_t *ret_n)
{
        _cleanup_(mentioned_done) struct mentioned m = {0};

        assert_false(text->failed);
        assert_int_equal(mentioned_read(&m, buf_span(text)), 0);
        *ret_n = m.n;
        return m.n_probes;
}

/* Steps for each byte of a text, whatever it is: more names, other names, names in names. */
static void test_time_grows_with_the_text(void **state _unused_)
{
        _cleanup_buf_ struct buf many = {0}, drives = {0}, blanks = {0};
        size_t n;

        for (int i = 0; i < 300000; i++)
                (void)buf_printf(&many, "/f%d.c\n", i);
        assert_true(count_probes(&many, &n) < 8 * many.n);
        assert_int_equal(n, 300000);
        for (int i = 0; i < 20000; i++)
                (void)buf_printf(&drives, "C:\\f%d ", i);
        assert_true(count_probes(&drives, &n) < 8 * drives.n);
        assert_true(n >= 20000);
        for (int i = 0; i < 2000; i++)
                (void)buf_printf(&blanks, "/%d%200s", i, "");
        assert_true(count_probes(&blanks, &n) < 8 * blanks.n);
        assert_true(n >= 2000 * 200);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_a_name_stands_behind_a_slash),
                cmocka_unit_test(test_a_name_may_hold_what_ends_others),
                cmocka_unit_test(test_a_name_is_meant_as_its_format_has_it),
                cmocka_unit_test(test_a_drive_has_names_behind_backslashes),
                cmocka_unit_test(test_a_name_is_no_longer_than_a_file_s),
                cmocka_unit_test(test_time_grows_with_the_text),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
