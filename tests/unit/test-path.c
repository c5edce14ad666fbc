#include "unit.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/stat.h>

#include "common/path.h"
#include "common/str.h"

/* A directory with `in/` to be confined to and `outside` beside it. */
struct place {
        char top[64];
        int top_fd, in_fd;
};

static void put(int dir_fd, const char *name, const char *text)
{
        int fd = openat(dir_fd, name, O_WRONLY | O_CREAT | O_TRUNC, 0600);

        assert_true(fd >= 0);
        assert_int_equal(write(fd, text, strlen(text)), strlen(text));
        close(fd);
}

static void expect(int dir_fd, const char *name, const char *text)
{
        _cleanup_buf_ struct buf b = {0};

        assert_int_equal(path_read(dir_fd, name, 1000, &b), 0);
        assert_string_equal(b.at, text);
}

static int enter(void **state)
{
        struct place *p = calloc(1, sizeof(*p));

        snprintf(p->top, sizeof(p->top), "/tmp/genopt-test-path-XXXXXX");
        assert_non_null(mkdtemp(p->top));
        p->top_fd = open(p->top, O_RDONLY | O_DIRECTORY);
        assert_int_equal(mkdirat(p->top_fd, "in", 0700), 0);
        put(p->top_fd, "outside", "secret");
        p->in_fd = openat(p->top_fd, "in", O_RDONLY | O_DIRECTORY);
        assert_true(p->in_fd >= 0);
        *state = p;
        return 0;
}

static int leave(void **state)
{
        struct place *p = *state;
        char command[128];

        close(p->in_fd);
        close(p->top_fd);
        snprintf(command, sizeof(command), "rm -rf -- '%s'", p->top);
        assert_int_equal(system(command), 0);
        free(p);
        return 0;
}

static void test_rule(void **state)
{
        static const char *const good[] = {"a",
                                           "a/b",
                                           ".a",
                                           "a.",
                                           "...",
                                           "a/..b/.c",
                                           "gr\xc3\xbc\xc3\x9f/x y",
                                           ".genopt/manifest.json"};
        static const char *const bad[] = {
                "",    "/",    "/a",   "a/",   "a//b",  ".",     "..",   "a/.",           "a/../b",
                "./a", "../a", "a\\b", "a\nb", "a\x7f", "a\x01", "\xff", "a/\xed\xa0\x80"};
        char path[PATH_REL_BYTES + 2];

        (void)state;
        for (size_t i = 0; i < N_ELEMENTS(good); i++)
                assert_true(path_is_relative(span_of(good[i])));
        for (size_t i = 0; i < N_ELEMENTS(bad); i++)
                assert_false(path_is_relative(span_of(bad[i])));
        assert_true(path_is_reserved("a/.GIT/hooks") && path_is_reserved(".genopt"));
        assert_false(path_is_reserved(".gitignore") || path_is_reserved("x.git/.genopt2/y"));
        assert_false(path_is_relative(SPAN("a\0b")));
        memset(path, 'x', sizeof(path));
        assert_true(path_is_relative((struct span){path, 255}));
        assert_false(path_is_relative((struct span){path, 256}));
        for (size_t i = 0; i < sizeof(path); i += 2)
                path[i] = '/';
        assert_true(path_is_relative((struct span){path + 1, PATH_REL_BYTES - 1}));
        for (size_t i = 0; i < sizeof(path); i++)
                path[i] = i % 200 == 199 ? '/' : 'x';
        assert_true(path_is_relative((struct span){path, PATH_REL_BYTES}));
        assert_false(path_is_relative((struct span){path, PATH_REL_BYTES + 1}));
}

static void check_confinement(struct place *p)
{
        _cleanup_buf_ struct buf b = {0};
        int fd;

        put(p->in_fd, "file", "text");
        mkdirat(p->in_fd, "dir", 0700);
        symlinkat("../outside", p->in_fd, "link");
        symlinkat("file", p->in_fd, "inner-link");
        symlinkat("..", p->in_fd, "up");
        symlinkat("dir", p->in_fd, "dir-link");
        fd = path_open_beneath(p->in_fd, "file", O_RDONLY, 0);
        assert_true(fd >= 0);
        assert_int_equal(fcntl(fd, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
        close(fd);
        assert_int_equal(path_open_beneath(p->in_fd, "../outside", O_RDONLY, 0), -EINVAL);
        assert_int_equal(path_open_beneath(p->in_fd, "/etc/passwd", O_RDONLY, 0), -EINVAL);
        assert_int_equal(path_open_beneath(p->in_fd, "link", O_RDONLY, 0), -ELOOP);
        assert_int_equal(path_open_beneath(p->in_fd, "inner-link", O_RDONLY, 0), -ELOOP);
        assert_int_equal(path_open_beneath(p->in_fd, "up/outside", O_RDONLY, 0), -ELOOP);
        assert_int_equal(path_open_beneath(p->in_fd, "dir-link/x", O_WRONLY | O_CREAT, 0600),
                         -ELOOP);
        assert_int_equal(path_open_beneath(p->in_fd, "link", O_PATH, 0), -ELOOP);
        assert_int_equal(path_open_beneath(p->in_fd, "absent/x", O_RDONLY, 0), -ENOENT);
        assert_int_equal(path_open_beneath(p->in_fd, "file/x", O_RDONLY, 0), -ENOTDIR);
        assert_int_equal(path_read(p->in_fd, "link", 100, &b), -ELOOP);
        assert_int_equal(path_write_atomic(p->in_fd, "link", SPAN("x"), 0600, false), -ELOOP);
        assert_int_equal(path_write_atomic(p->in_fd, "up/outside", SPAN("x"), 0600, false), -ELOOP);
        assert_int_equal(path_write_atomic(p->in_fd, "dir-link/x", SPAN("x"), 0600, false), -ELOOP);
        assert_int_equal(path_remove(p->in_fd, "up/outside"), -ELOOP);
        assert_int_equal(path_remove(p->in_fd, "link"), -ELOOP);
        expect(p->top_fd, "outside", "secret");
}

static void test_confinement(void **state)
{
        check_confinement(*state);
}

static void test_confinement_without_openat2(void **state)
{
        path_test_force_walk(true);
        check_confinement(*state);
        path_test_force_walk(false);
}

static void test_read(void **state)
{
        struct place *p = *state;
        _cleanup_buf_ struct buf b = {0};

        put(p->in_fd, "file", "0123456789");
        put(p->in_fd, "empty", "");
        assert_int_equal(mkdirat(p->in_fd, "dir", 0700), 0);
        assert_int_equal(mkfifoat(p->in_fd, "fifo", 0600), 0);
        assert_int_equal(buf_add_text(&b, "before "), 0);
        assert_int_equal(path_read(p->in_fd, "file", 10, &b), 0);
        assert_string_equal(b.at, "before 0123456789");
        assert_int_equal(path_read(p->in_fd, "file", 9, &b), -EFBIG);
        assert_int_equal(path_read(p->in_fd, "dir", 9, &b), -EISDIR);
        assert_int_equal(path_read(p->in_fd, "fifo", 9, &b),
                         -EINVAL); /* and does not wait for a writer */
        assert_int_equal(path_read(p->in_fd, "absent", 9, &b), -ENOENT);
        assert_int_equal(path_read(p->in_fd, "empty", 0, &b), 0);
        assert_string_equal(b.at, "before 0123456789");
}

static void test_write(void **state)
{
        struct place *p = *state;
        struct stat st;

        umask(022);
        assert_int_equal(path_write_atomic(p->in_fd, "a/b/c.txt", SPAN("one"), 0666, false), 0);
        expect(p->in_fd, "a/b/c.txt", "one");
        assert_int_equal(fstatat(p->in_fd, "a/b/c.txt", &st, 0), 0);
        assert_int_equal(st.st_mode & 0777, 0644);
        assert_int_equal(path_write_atomic(p->in_fd, "a/b/c.txt", SPAN("two"), 0600, true), 0);
        expect(p->in_fd, "a/b/c.txt", "two");
        assert_int_equal(path_write_atomic(p->in_fd, "a/b/c.txt", SPAN(""), 0600, false), 0);
        expect(p->in_fd, "a/b/c.txt", "");
        assert_int_equal(path_write_atomic(p->in_fd, "a/b", SPAN("x"), 0600, false), -EISDIR);
        assert_int_equal(path_write_atomic(p->in_fd, "a/b/c.txt/d", SPAN("x"), 0600, false),
                         -ENOTDIR);
        /* No temporary file is left behind, neither by success nor by failure. */
        assert_int_equal(unlinkat(p->in_fd, "a/b/c.txt", 0), 0);
        assert_int_equal(unlinkat(p->in_fd, "a/b", AT_REMOVEDIR), 0);
        assert_int_equal(unlinkat(p->in_fd, "a", AT_REMOVEDIR), 0);
}

static void test_remove(void **state)
{
        struct place *p = *state;

        assert_int_equal(path_write_atomic(p->in_fd, "a/b/c", SPAN("1"), 0600, false), 0);
        assert_int_equal(path_write_atomic(p->in_fd, "a/d", SPAN("2"), 0600, false), 0);
        assert_int_equal(path_remove(p->in_fd, "a/b/c"), 0);
        assert_int_equal(faccessat(p->in_fd, "a/b", F_OK, 0), -1);
        expect(p->in_fd, "a/d", "2");
        assert_int_equal(path_remove(p->in_fd, "a/b/c"), 0);
        assert_int_equal(path_remove(p->in_fd, "a"), -EISDIR);
        assert_int_equal(path_remove(p->in_fd, "a/d"), 0);
        assert_int_equal(faccessat(p->in_fd, "a", F_OK, 0), -1);
        assert_int_equal(path_remove(p->in_fd, "../outside"), -EINVAL);
        expect(p->top_fd, "outside", "secret");
}

struct race {
        int dir_fd;
        int is_over;
};

/* Turns `x` from a directory into a link that leads out, and back. */
static void *swap_directory(void *arg)
{
        struct race *r = arg;

        while (!__atomic_load_n(&r->is_over, __ATOMIC_RELAXED)) {
                renameat(r->dir_fd, "x", r->dir_fd, "kept");
                symlinkat("../way-out", r->dir_fd, "x");
                unlinkat(r->dir_fd, "x", 0);
                renameat(r->dir_fd, "kept", r->dir_fd, "x");
        }
        return NULL;
}

static void check_race(struct place *p)
{
        struct race r = {.dir_fd = p->in_fd};
        struct stat st;
        pthread_t thread;

        assert_int_equal(mkdirat(p->top_fd, "way-out", 0700), 0);
        assert_int_equal(mkdirat(p->in_fd, "x", 0700), 0);
        assert_int_equal(pthread_create(&thread, NULL, swap_directory, &r), 0);
        for (int i = 0; i < 2000; i++) {
                int fd = path_open_beneath(p->in_fd, "x/made", O_WRONLY | O_CREAT, 0600);

                if (fd >= 0)
                        close(fd);
                /* May fail in many ways while the directory comes and goes; but never lead out. */
                (void)!path_write_atomic(p->in_fd, "x/written", SPAN("text"), 0600, false);
        }
        __atomic_store_n(&r.is_over, 1, __ATOMIC_RELAXED);
        pthread_join(thread, NULL);
        assert_int_equal(fstatat(p->top_fd, "way-out/made", &st, 0), -1);
        assert_int_equal(fstatat(p->top_fd, "way-out/written", &st, 0), -1);
        assert_int_equal(unlinkat(p->top_fd, "way-out", AT_REMOVEDIR), 0);
}

static void test_race(void **state)
{
        check_race(*state);
}

static void test_race_without_openat2(void **state)
{
        path_test_force_walk(true);
        check_race(*state);
        path_test_force_walk(false);
}

static void test_make_dirs(void **state)
{
        struct place *p = *state;
        _cleanup_free_ char *deep = path_join(p->top, "one/two//three/");
        _cleanup_free_ char *file = path_join(p->top, "outside/x");
        struct stat st;

        assert_int_equal(path_make_dirs(deep, 0700), 0);
        assert_int_equal(path_make_dirs(deep, 0700), 0);
        assert_int_equal(stat(deep, &st), 0);
        assert_int_equal(st.st_mode & 0777, 0700);
        assert_int_equal(path_make_dirs(file, 0700), -ENOTDIR);
        file[strlen(file) - 2] = '\0';
        assert_int_equal(path_make_dirs(file, 0700), -ENOTDIR);
        assert_int_equal(path_make_dirs("relative", 0700), -EINVAL);
        assert_int_equal(path_make_dirs("/", 0700), 0);
}

static void test_join_and_program(void **state)
{
        static const char *const rows[][3] = {
                {"/a", "b", "/a/b"}, {"/a/", "b", "/a/b"}, {"a", "/b", "/b"},
                {"", "b", "b"},      {"/", "b", "/b"},
        };
        _cleanup_free_ char *program = path_of_program();

        (void)state;
        for (size_t i = 0; i < N_ELEMENTS(rows); i++) {
                _cleanup_free_ char *joined = path_join(rows[i][0], rows[i][1]);

                assert_string_equal(joined, rows[i][2]);
        }
        assert_non_null(program);
        assert_int_equal(program[0], '/');
        assert_int_equal(access(program, X_OK), 0);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_rule),
                cmocka_unit_test_setup_teardown(test_confinement, enter, leave),
                cmocka_unit_test_setup_teardown(test_confinement_without_openat2, enter, leave),
                cmocka_unit_test_setup_teardown(test_race_without_openat2, enter, leave),
                cmocka_unit_test_setup_teardown(test_race, enter, leave),
                cmocka_unit_test_setup_teardown(test_read, enter, leave),
                cmocka_unit_test_setup_teardown(test_write, enter, leave),
                cmocka_unit_test_setup_teardown(test_remove, enter, leave),
                cmocka_unit_test_setup_teardown(test_make_dirs, enter, leave),
                cmocka_unit_test(test_join_and_program),
        };

        return cmocka_run_group_tests_name("path", tests, NULL, NULL);
}
