#include "unit.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

#include "client/files/merge.h"
#include "common/path.h"
#include "common/str.h"

static char directory[64];
static int fd;

static int set_up(void **state)
{
        (void)state;
        snprintf(directory, sizeof(directory), "/tmp/genopt-merge.XXXXXX");
        assert_non_null(mkdtemp(directory));
        fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        assert_true(fd >= 0);
        return mkdirat(fd, ".genopt", 0777);
}

static int tear_down(void **state)
{
        _cleanup_free_ char *command = str_printf("rm -rf %s", directory);

        (void)state;
        close(fd);
        return system(command);
}

/* base NULL: unknown. result NULL: it is refused. */
static const struct {
        const char *yours, *base, *made, *result;
        bool has_conflicts;
} cases[] = {
        {"a\nmine\n", "a\n", "made\na\n", "made\na\nmine\n", false},
        {"", "", "", "", false},
        {"a\nb\nc\nd\nE", "a\nb\nc\nd\ne", "A\nb\nc\nd\ne", "A\nb\nc\nd\nE", false}, /* no end */
        {"a\nb\nc\nd\nmine", "a\nb\nc\nd\n", "A\nb\nc\nd\n", "A\nb\nc\nd\nmine", false},
        {"a\nX\n", "a\nb\n", "a\nX\n", "a\nX\n", false}, /* both the same */
        {"", "a\n", "a\nb\n",
         "<<<<<<< yours\n||||||| generated before\na\n=======\na\nb\n>>>>>>> generated now\n",
         true},
        {"x", "y", "z",
         "<<<<<<< yours\nx\n||||||| generated before\ny\n=======\nz\n>>>>>>> generated now\n",
         true},
        {"a\nx\nb\n", NULL, "a\ny\nb\n",
         "a\n<<<<<<< yours\nx\n=======\ny\n>>>>>>> generated now\nb\n", true},
        {"same\n", NULL, "same\n", "same\n", false},
        /* An editor saved it with CR LF. */
        {"a\r\nb\r\nc\r\nd\r\nmine\r\n", "a\nb\nc\nd\ne\n", "A\nb\nc\nd\ne\n",
         "A\r\nb\r\nc\r\nd\r\nmine\r\n", false},
        /* Mixed: each line as it is. */
        {"a\r\nb\nc\nd\ne\n", "a\nb\nc\nd\ne\n", "a\nb\nc\nd\nE\n", "a\r\nb\nc\nd\nE\n", false},
};

static void texts_are_merged(void **state)
{
        (void)state;
        for (size_t i = 0; i < N_ELEMENTS(cases); i++) {
                struct span base = span_of(cases[i].base);
                struct merge m = {span_of(cases[i].yours), span_of(cases[i].made),
                                  cases[i].base ? &base : NULL};
                _cleanup_buf_ struct buf b = {0};
                _cleanup_free_ char *why = NULL;
                bool has_conflicts;

                assert_int_equal(merge_texts(fd, &m, &b, &has_conflicts, &why), 0);
                assert_string_equal(b.at ? b.at : "", cases[i].result);
                assert_int_equal(has_conflicts, cases[i].has_conflicts);
                assert_int_equal(merge_has_markers(buf_span(&b)), has_conflicts);
        }
        assert_int_equal(unlinkat(fd, ".genopt/tmp", AT_REMOVEDIR), 0); /* it is empty */
}

static void what_is_no_text_is_refused(void **state)
{
        struct span text = SPAN("a\n"), binary = SPAN("a\0b");
        struct merge merges[] = {
                {binary, text, &text}, {text, binary, &text}, {text, text, &binary}};

        (void)state;
        for (size_t i = 0; i < N_ELEMENTS(merges); i++) {
                _cleanup_buf_ struct buf b = {0};
                _cleanup_free_ char *why = NULL;
                bool has_conflicts;

                assert_int_equal(merge_texts(fd, &merges[i], &b, &has_conflicts, &why),
                                 CONDITION_REFUSED);
                assert_non_null(strstr(why, "not text"));
        }
}

/* git gives the number of conflicts as its exit status, as far as that goes. */
static void many_conflicts_are_conflicts(void **state)
{
        _cleanup_buf_ struct buf yours = {0}, base = {0}, made = {0}, result = {0};
        struct span base_span;
        _cleanup_free_ char *why = NULL;
        struct merge m;
        bool has_conflicts;

        (void)state;
        for (int i = 0; i < 400; i++) {
                (void)buf_printf(&yours, "y%d\n\nkeep %d\nand %d\nand %d\nand %d\n\n", i, i, i, i,
                                 i);
                (void)buf_printf(&base, "b%d\n\nkeep %d\nand %d\nand %d\nand %d\n\n", i, i, i, i,
                                 i);
                (void)buf_printf(&made, "m%d\n\nkeep %d\nand %d\nand %d\nand %d\n\n", i, i, i, i,
                                 i);
        }
        base_span = buf_span(&base);
        m = (struct merge){buf_span(&yours), buf_span(&made), &base_span};
        assert_int_equal(merge_texts(fd, &m, &result, &has_conflicts, &why), 0);
        assert_true(has_conflicts);
}

static void markers_are_ours_alone(void **state)
{
        (void)state;
        assert_false(merge_has_markers(SPAN("")));
        assert_false(merge_has_markers(SPAN("<<<<<<< HEAD\na\n=======\nb\n>>>>>>> branch\n")));
        assert_false(merge_has_markers(SPAN("x <<<<<<< yours\n<<<<<<< yours!\n")));
        assert_true(merge_has_markers(SPAN("a\n<<<<<<< yours\n")));
        assert_true(merge_has_markers(SPAN("a\n>>>>>>> generated now"))); /* half settled */
        assert_true(merge_has_markers(SPAN("a\r\n<<<<<<< yours\r\n")));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(texts_are_merged),
                cmocka_unit_test(what_is_no_text_is_refused),
                cmocka_unit_test(many_conflicts_are_conflicts),
                cmocka_unit_test(markers_are_ours_alone),
        };

        return cmocka_run_group_tests(tests, set_up, tear_down);
}
