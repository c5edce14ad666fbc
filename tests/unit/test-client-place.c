#include "unit.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

#include "client/files/base.h"
#include "client/files/place.h"
#include "client/files/saved.h"
#include "common/path.h"
#include "common/str.h"

/* A directory of its own. */
struct field {
        char path[64];
        int fd;
};

static int set_up(void **state)
{
        struct field *f = calloc(1, sizeof(*f));

        snprintf(f->path, sizeof(f->path), "/tmp/genopt-place.XXXXXX");
        assert_non_null(mkdtemp(f->path));
        f->fd = open(f->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        assert_true(f->fd >= 0);
        assert_int_equal(mkdirat(f->fd, ".genopt", 0777), 0);
        *state = f;
        return 0;
}

static int tear_down(void **state)
{
        struct field *f = *state;
        _cleanup_free_ char *command = str_printf("rm -rf %s", f->path);

        close(f->fd);
        assert_int_equal(system(command), 0);
        free(f);
        return 0;
}

static struct hash hash(const char *text)
{
        struct hash h;

        hash_of(text, strlen(text), &h);
        return h;
}

static void put(struct field *f, const char *path, const char *text)
{
        assert_int_equal(path_write_atomic(f->fd, path, span_of(text), 0666, false), 0);
}

static void expect(struct field *f, const char *path, const char *text)
{
        _cleanup_buf_ struct buf b = {0};

        assert_int_equal(path_read(f->fd, path, 1000, &b), text ? 0 : -ENOENT);
        if (text)
                assert_string_equal(b.at ? b.at : "", text);
}

static int count_left(const char *name, struct span content, void *arg)
{
        (void)name;
        (void)content;
        ++*(int *)arg;
        return 0;
}

/* How many whole files stand in tmp. */
static int n_left(struct field *f)
{
        int n = 0;

        assert_int_equal(place_recover(f->fd, count_left, &n), 0);
        return n;
}

static void only_what_was_seen_is_replaced(void **state)
{
        struct field *f = *state;
        struct hash seen = hash("one"), other = hash("other");

        assert_int_equal(place_write(f->fd, "d/a", SPAN("one"), NULL), 0);
        expect(f, "d/a", "one");
        assert_int_equal(place_write(f->fd, "d/a", SPAN("two"), NULL), PLACE_CHANGED);
        assert_int_equal(place_write(f->fd, "d/a", SPAN("two"), &other), PLACE_CHANGED);
        expect(f, "d/a", "one");
        assert_int_equal(fchmodat(f->fd, "d/a", 0750, 0), 0);
        assert_int_equal(place_write(f->fd, "d/a", SPAN("two"), &seen), 0);
        expect(f, "d/a", "two");
        assert_int_equal(place_write(f->fd, "gone/a", SPAN("two"), &seen), PLACE_CHANGED);
        assert_int_equal(faccessat(f->fd, "gone", F_OK, 0), -1);
        assert_int_equal(n_left(f), 0);
}

static void bits_of_mode_stay(void **state)
{
        struct field *f = *state;
        struct hash seen = hash("one");
        struct stat st;

        put(f, "a", "one");
        assert_int_equal(fchmodat(f->fd, "a", 0750, 0), 0);
        assert_int_equal(place_write(f->fd, "a", SPAN("two"), &seen), 0);
        assert_int_equal(fstatat(f->fd, "a", &st, 0), 0);
        assert_int_equal(st.st_mode & 07777, 0750);
}

static void links_and_directories_are_left(void **state)
{
        struct field *f = *state;
        struct hash seen = hash("one");

        put(f, "a", "one");
        assert_int_equal(symlinkat("a", f->fd, "link"), 0);
        assert_int_equal(mkdirat(f->fd, "dir", 0777), 0);
        put(f, "dir/x", "one");
        assert_int_equal(place_write(f->fd, "link", SPAN("two"), &seen), PLACE_CHANGED);
        assert_int_equal(place_write(f->fd, "link", SPAN("two"), NULL), PLACE_CHANGED);
        assert_int_equal(place_write(f->fd, "dir", SPAN("two"), &seen), PLACE_CHANGED);
        assert_int_equal(place_write(f->fd, "a/b", SPAN("two"), NULL), -ENOTDIR);
        assert_int_equal(place_remove(f->fd, "link", &seen), PLACE_CHANGED);
        assert_int_equal(place_remove(f->fd, "dir", &seen), PLACE_CHANGED);
        expect(f, "a", "one");
        expect(f, "dir/x", "one");
        assert_int_equal(path_read(f->fd, "link", 100, &(struct buf){0}), -ELOOP);
        assert_int_equal(n_left(f), 0);
}

static void only_what_was_seen_is_removed(void **state)
{
        struct field *f = *state;
        struct hash seen = hash("one");

        put(f, "d/e/a", "mine");
        assert_int_equal(place_remove(f->fd, "d/e/a", &seen), PLACE_CHANGED);
        expect(f, "d/e/a", "mine");
        put(f, "d/e/a", "one");
        put(f, "d/b", "one");
        assert_int_equal(place_remove(f->fd, "d/e/a", &seen), 0);
        assert_int_equal(place_remove(f->fd, "d/e/a", &seen), 0); /* gone already */
        assert_int_equal(faccessat(f->fd, "d/e", F_OK, 0), -1);
        expect(f, "d/b", "one");
        assert_int_equal(n_left(f), 0);
}

static int save_left(const char *name, struct span content, void *arg)
{
        struct field *f = arg;
        struct saved saved = {0};
        _cleanup_free_ char *where = NULL;
        struct hash h;

        hash_of(content.at, content.n, &h);
        if (base_has(f->fd, &h))
                return 0;
        assert_int_equal(saved_put(&saved, f->fd, "left", content, 0640, &where), 0);
        expect(f, where, "mine");
        return strcmp(name, "2") == 0 ? 0 : CONDITION_ABSENT; /* that one is to stay */
}

static void what_a_crash_left_is_looked_at(void **state)
{
        struct field *f = *state;
        struct hash ours = hash("ours");

        assert_int_equal(base_put(f->fd, &ours, SPAN("ours")), 0);
        put(f, ".genopt/tmp/part-0", "half");
        put(f, ".genopt/tmp/1", "ours");
        put(f, ".genopt/tmp/2", "mine");
        put(f, ".genopt/tmp/3", "mine");
        put(f, ".genopt/tmp/merge-4/yours", "mine");
        assert_int_equal(place_recover(f->fd, save_left, f), 0);
        expect(f, ".genopt/tmp/part-0", NULL);
        expect(f, ".genopt/tmp/1", NULL);
        expect(f, ".genopt/tmp/2", NULL);
        expect(f, ".genopt/tmp/3", "mine");
        assert_int_equal(faccessat(f->fd, ".genopt/tmp/merge-4", F_OK, 0), -1);
}

static void runs_of_one_second_save_apart(void **state)
{
        struct field *f = *state;
        struct saved first = {0}, second = {0};
        _cleanup_free_ char *a = NULL, *b = NULL, *too_long = NULL, *long_path = NULL;

        assert_int_equal(saved_put(&first, f->fd, "d/a", SPAN("one"), 0640, &a), 0);
        assert_int_equal(saved_put(&second, f->fd, "d/a", SPAN("two"), 0640, &b), 0);
        assert_string_not_equal(a, b);
        expect(f, a, "one");
        expect(f, b, "two");
        long_path = str_printf("%0250d/%0250d/%0250d/%0250d", 1, 2, 3, 4);
        assert_true(path_is_relative(span_of(long_path)));
        assert_int_equal(saved_put(&first, f->fd, long_path, SPAN("x"), 0640, &too_long),
                         -ENAMETOOLONG);
}

static void copies_are_checked_and_bounded(void **state)
{
        struct field *f = *state;
        _cleanup_(manifest_freep) struct manifest *m = NULL;
        _cleanup_buf_ struct buf b = {0};
        _cleanup_free_ char *large = calloc(1, BASE_SPARE_BYTES / 2), *path = NULL;
        struct hash listed = hash("listed"), spare = hash("spare"), old;
        char hex[HASH_HEX_BYTES];

        assert_non_null(large);
        hash_of(large, BASE_SPARE_BYTES / 2, &old);
        assert_int_equal(manifest_new(&m), 0);
        assert_int_equal(manifest_set(m, "a", "f", &listed), 0);
        assert_int_equal(base_sweep(f->fd, m), 0); /* none yet */
        assert_int_equal(base_put(f->fd, &old, (struct span){large, BASE_SPARE_BYTES / 2}), 0);
        large[0] = 1;
        hash_of(large, BASE_SPARE_BYTES / 2, &spare);
        hash_to_hex(&old, hex);
        path = str_printf(".genopt/base/%s", hex);
        assert_int_equal(utimensat(f->fd, path, (struct timespec[2]){{1, 0}, {1, 0}}, 0), 0);
        assert_int_equal(base_put(f->fd, &spare, (struct span){large, BASE_SPARE_BYTES / 2}), 0);
        assert_int_equal(base_put(f->fd, &listed, SPAN("listed")), 0);
        put(f, ".genopt/base/.genopt-0123", "torn");
        assert_int_equal(base_sweep(f->fd, m), 0);
        assert_true(base_has(f->fd, &old)); /* both fit */
        assert_int_equal(base_put(f->fd, &(struct hash){{1}}, SPAN("not its hash")), 0);
        assert_int_equal(base_sweep(f->fd, m), 0);
        assert_false(base_has(f->fd, &old)); /* the oldest goes */
        assert_true(base_has(f->fd, &spare) && base_has(f->fd, &listed));
        expect(f, ".genopt/base/.genopt-0123", NULL);
        assert_int_equal(base_get(f->fd, &(struct hash){{1}}, &b), CONDITION_ABSENT);
        assert_int_equal(base_get(f->fd, &listed, &b), 0);
        assert_string_equal(b.at, "listed");
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, set_up, tear_down)

int main(void)
{
        const struct CMUnitTest tests[] = {
                TEST(only_what_was_seen_is_replaced), TEST(bits_of_mode_stay),
                TEST(links_and_directories_are_left), TEST(only_what_was_seen_is_removed),
                TEST(what_a_crash_left_is_looked_at), TEST(runs_of_one_second_save_apart),
                TEST(copies_are_checked_and_bounded),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
