#include "proto/address.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
/* cmocka wants the above first */
#include <cmocka.h>
#include <fcntl.h>
#include <ftw.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>

static char directory[64];

static int set_up(void **state)
{
        (void)state;
        snprintf(directory, sizeof(directory), "/tmp/test-address-XXXXXX");
        return mkdtemp(directory) ? 0 : -1;
}

static int remove_one(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
        (void)st, (void)flag, (void)ftw;
        return remove(path);
}

static int tear_down(void **state)
{
        (void)state;
        return nftw(directory, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

static void set(const char *socket, const char *runtime)
{
        assert_int_equal(socket ? setenv("GENOPT_SOCKET", socket, 1) : unsetenv("GENOPT_SOCKET"),
                         0);
        assert_int_equal(
                runtime ? setenv("XDG_RUNTIME_DIR", runtime, 1) : unsetenv("XDG_RUNTIME_DIR"), 0);
}

static void addresses_are_found_in_order(void **state)
{
        struct address_list l;
        struct failure *f = NULL;
        char expected[64];

        (void)state;
        set("/a/b", "/run/user/7");
        assert_int_equal(address_find("/x/y", &l, &f), 0);
        assert_int_equal(l.n, 1);
        assert_string_equal(l.at[0].path, "/x/y");
        assert_int_equal(address_find(NULL, &l, &f), 0);
        assert_int_equal(l.n, 1);
        assert_string_equal(l.at[0].path, "/a/b");
        set("", "/run/user/7");
        assert_int_equal(address_find(NULL, &l, &f), 0);
        assert_int_equal(l.n, 2);
        assert_string_equal(l.at[0].path, "/run/user/7/genopt/rpc.sock");
        assert_true(l.at[0].is_users);
        assert_string_equal(l.at[1].path, "/run/genopt/rpc.sock");
        assert_false(l.at[1].is_users);
        set(NULL, NULL);
        assert_int_equal(address_find(NULL, &l, &f), 0);
        snprintf(expected, sizeof(expected), "/tmp/genopt-%u/rpc.sock", (unsigned)geteuid());
        assert_string_equal(l.at[0].path, expected);
        assert_true(l.at[0].is_below_tmp);
}

static void a_long_path_is_said_in_words(void **state)
{
        struct address_list l;
        struct failure *f = NULL;
        char path[200];

        (void)state;
        memset(path, 'x', sizeof(path));
        path[ADDRESS_BYTES - 1] = 0;
        assert_int_equal(address_find(path, &l, &f), 0);
        path[ADDRESS_BYTES - 1] = 'x';
        path[ADDRESS_BYTES] = 0;
        assert_int_equal(address_find(path, &l, &f), CONDITION_REFUSED);
        assert_non_null(strstr(f->message, "108 bytes"));
        assert_non_null(strstr(f->message, "107"));
        f = failure_free(f);
}

static struct address named(const char *name)
{
        struct address a = {.is_users = true};

        snprintf(a.path, sizeof(a.path), "%s/%s/rpc.sock", directory, name);
        return a;
}

static void one_listens_and_others_connect(void **state)
{
        struct address a = named("one");
        struct address_list l = {.at = {named("nobody"), a}, .n = 2};
        struct stat st;
        size_t index;
        int listener, fd, other;

        (void)state;
        assert_int_equal(address_connect(&a, 100, &fd), -ENOENT);
        assert_int_equal(address_listen(&a, 0600, &listener), 0);
        assert_int_equal(stat(a.path, &st), 0);
        assert_int_equal(st.st_mode & 0777, 0600);
        assert_int_equal(address_connect(&a, 100, &fd), 0);
        close(fd);
        assert_int_equal(address_connect_any(&l, 100, &fd, &index), 0);
        assert_int_equal(index, 1);
        close(fd);
        assert_int_equal(address_listen(&a, 0600, &other), -EADDRINUSE);
        close(listener);
        assert_int_equal(address_connect(&a, 100, &fd), -ECONNREFUSED);
        assert_int_equal(address_listen(&a, 0600, &listener), 0);
        close(listener);
}

static void a_full_backlog_ends_in_time(void **state)
{
        struct address a = named("full");
        int listener, fds[16], r = 0;
        size_t n = 0;

        (void)state;
        assert_int_equal(address_listen(&a, 0600, &listener), 0);
        /* What address_listen() asks for takes long to fill. */
        assert_int_equal(listen(listener, 2), 0);
        while (n < N_ELEMENTS(fds) && (r = address_connect(&a, 20, &fds[n])) == 0)
                n++;
        assert_int_equal(r, -ETIMEDOUT);
        while (n > 0)
                close(fds[--n]);
        close(listener);
}

static void what_is_no_socket_is_left_alone(void **state)
{
        struct address a = named("file");
        int fd;

        (void)state;
        assert_int_equal(address_make_dir(&a), 0);
        fd = open(a.path, O_CREAT | O_WRONLY, 0600);
        assert_true(fd >= 0);
        close(fd);
        assert_int_equal(address_listen(&a, 0600, &fd), -EEXIST);
        assert_int_equal(access(a.path, F_OK), 0);
}

static void a_directory_below_tmp_must_be_ours_alone(void **state)
{
        struct address a = named("tmp");
        char path[200];
        int fd;

        (void)state;
        a.is_below_tmp = true;
        snprintf(path, sizeof(path), "%s/tmp", directory);
        assert_int_equal(address_make_dir(&a), 0);
        assert_int_equal(chmod(path, 0755), 0);
        assert_int_equal(address_make_dir(&a), -EPERM);
        assert_int_equal(address_connect(&a, 100, &fd), -EPERM);
        assert_int_equal(chmod(path, 0700), 0);
        assert_int_equal(address_connect(&a, 100, &fd), -ENOENT);
        assert_int_equal(rmdir(path), 0);
        assert_int_equal(symlink("/tmp", path), 0);
        assert_int_equal(address_make_dir(&a), -EPERM);
}

static void a_lock_is_held_until_closed(void **state)
{
        struct address a = named("lock");
        char path[200];
        int fd, other;

        (void)state;
        assert_int_equal(address_make_dir(&a), 0);
        assert_int_equal(address_lock(&a, &fd), 0);
        snprintf(path, sizeof(path), "%s.lock", a.path);
        other = open(path, O_RDWR);
        assert_true(other >= 0);
        assert_int_equal(flock(other, LOCK_EX | LOCK_NB), -1);
        close(fd);
        assert_int_equal(flock(other, LOCK_EX | LOCK_NB), 0);
        close(other);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(addresses_are_found_in_order),
                cmocka_unit_test(a_long_path_is_said_in_words),
                cmocka_unit_test(one_listens_and_others_connect),
                cmocka_unit_test(a_full_backlog_ends_in_time),
                cmocka_unit_test(what_is_no_socket_is_left_alone),
                cmocka_unit_test(a_directory_below_tmp_must_be_ours_alone),
                cmocka_unit_test(a_lock_is_held_until_closed),
        };

        return cmocka_run_group_tests(tests, set_up, tear_down);
}
