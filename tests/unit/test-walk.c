#include "common/walk.h"

#include <fcntl.h>
#include <stdio.h>

#include "common/buf.h"
#include "common/path.h"
#include "tests/unit/unit.h"

struct place {
        char top[64];
        int fd;
};

static int enter(void **state)
{
        static const char *const files[] = {"b/2", "b/1", "a", "c", "b/deep/er/3", ".hidden/4"};
        struct place *p = calloc(1, sizeof(*p));

        snprintf(p->top, sizeof(p->top), "/tmp/genopt-test-walk-XXXXXX");
        assert_non_null(mkdtemp(p->top));
        p->fd = open(p->top, O_RDONLY | O_DIRECTORY);
        for (size_t i = 0; i < N_ELEMENTS(files); i++)
                assert_int_equal(path_write_atomic(p->fd, files[i], SPAN("x"), 0600, false), 0);
        assert_int_equal(symlinkat("a", p->fd, "link"), 0);
        assert_int_equal(symlinkat("b", p->fd, "linked-directory"), 0);
        assert_int_equal(mkfifoat(p->fd, "fifo", 0600), 0);
        *state = p;
        return 0;
}

static int leave(void **state)
{
        struct place *p = *state;
        char command[128];

        close(p->fd);
        snprintf(command, sizeof(command), "rm -rf -- '%s'", p->top);
        assert_int_equal(system(command), 0);
        free(p);
        return 0;
}

static int note(const struct walk_file *f, void *arg)
{
        struct buf content = {0};

        assert_true(f->st->st_size == 1);
        assert_int_equal(path_read(f->dir_fd, f->name, 10, &content), 0);
        buf_done(&content);
        return buf_printf(arg, "%s ", f->path);
}

static bool is_visible(const char *name)
{
        return name[0] != '.';
}

static void test_files_come_in_order_and_links_do_not(void **state)
{
        const struct place *p = *state;
        _cleanup_buf_ struct buf seen = {0};
        struct walk w = {.max_depth = 9, .on_file = note, .arg = &seen};

        assert_int_equal(walk_files(p->fd, &w), 0);
        assert_string_equal(seen.at, ".hidden/4 a b/1 b/2 b/deep/er/3 c ");
}

static void test_what_is_not_wanted_or_too_deep_is_passed_over(void **state)
{
        const struct place *p = *state;
        _cleanup_buf_ struct buf seen = {0};
        struct walk w = {.max_depth = 2, .is_wanted = is_visible, .on_file = note, .arg = &seen};

        assert_int_equal(walk_files(p->fd, &w), 0);
        assert_string_equal(seen.at, "a b/1 b/2 c ");
        seen.n = 0;
        w.max_depth = 0;
        assert_int_equal(walk_files(p->fd, &w), 0);
        assert_string_equal(seen.at, "a c ");
}

static int stop(const struct walk_file *f, void *arg)
{
        int r = note(f, arg);

        return r ? r : strcmp(f->path, "b/1") == 0 ? CONDITION_ABSENT : 0;
}

static void test_a_file_may_end_the_walk(void **state)
{
        const struct place *p = *state;
        _cleanup_buf_ struct buf seen = {0};
        struct walk w = {.max_depth = 9, .is_wanted = is_visible, .on_file = stop, .arg = &seen};

        assert_int_equal(walk_files(p->fd, &w), CONDITION_ABSENT);
        assert_string_equal(seen.at, "a b/1 ");
}

/* A descriptor of no directory stands for one that cannot be opened: also root can do this. */
static void test_what_cannot_be_opened_is_told_or_passed_over(void **state)
{
        const struct place *p = *state;
        int fd = openat(p->fd, "a", O_RDONLY);
        struct walk w = {.on_file = note};

        assert_true(fd >= 0);
        assert_int_equal(walk_files(fd, &w), -ENOTDIR);
        w.is_lenient = true;
        assert_int_equal(walk_files(fd, &w), 0);
        close(fd);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(test_files_come_in_order_and_links_do_not, enter,
                                                leave),
                cmocka_unit_test_setup_teardown(test_what_is_not_wanted_or_too_deep_is_passed_over,
                                                enter, leave),
                cmocka_unit_test_setup_teardown(test_a_file_may_end_the_walk, enter, leave),
                cmocka_unit_test_setup_teardown(test_what_cannot_be_opened_is_told_or_passed_over,
                                                enter, leave),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
