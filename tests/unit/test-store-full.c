/* A store on file systems that are full, or cannot be written. */

#include "store-fixture.h"

#include <event2/event.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>

/* In a child with a mount name space of its own; its exit status tells. */
#define NO_MOUNT 77

static int mount_small(const char *dir, const char *size)
{
        if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
                return NO_MOUNT;
        (void)mkdir(dir, 0700);
        return mount("tmpfs", dir, "tmpfs", 0, size) < 0 ? NO_MOUNT : 0;
}

struct full {
        unsigned n_done, n_good, n_full;
};

static void on_full(void *arg, int r)
{
        struct full *x = arg;

        x->n_done++;
        x->n_good += r == 0;
        x->n_full += r == -ENOSPC;
}

static int fill_state(struct fixture *f)
{
        _cleanup_free_ char *noise = fixture_noise(8u << 20, 1);
        struct full x = {0};
        struct store_batch *b;

        if (mount_small(f->state, "size=3m") != 0)
                return NO_MOUNT;
        if (fixture_try_open(f) != 0)
                return 2;
        for (unsigned i = 0; i < 30; i++) { /* every third cannot be written */
                size_t n = i % 3 == 0 ? 8u << 20 : 100;

                if (store_batch_new(STORE_STATE, &b) < 0 ||
                    store_batch_put(b, TABLE_JOB, (struct span){(char *)&i, sizeof(i)},
                                    (struct span){noise, n}) < 0 ||
                    store_commit(f->store, b, on_full, &x) < 0)
                        return 3;
        }
        while (x.n_done < 30)
                (void)event_base_loop(loop_base(f->loop), EVLOOP_ONCE);
        if (x.n_good != 20 || x.n_full != 10)
                return 4;
        fixture_close(f);
        if (fixture_try_open(f) != 0)
                return 5;
        for (unsigned i = 0; i < 30; i++) {
                _cleanup_buf_ struct buf got = {0};

                if (store_get(f->store, TABLE_JOB, (struct span){(char *)&i, sizeof(i)}, &got) !=
                    (i % 3 == 0 ? CONDITION_ABSENT : 0))
                        return 6;
        }
        fixture_close(f);
        return 0;
}

static int fill_cache(struct fixture *f)
{
        _cleanup_free_ char *noise = fixture_noise(100000, 1);
        struct hash h;
        unsigned n_found = 0;

        if (mount_small(f->cache, "size=1m") != 0)
                return NO_MOUNT;
        if (fixture_try_open(f) != 0 || !store_has_cache(f->store))
                return 2;
        for (unsigned i = 0; i < 40; i++) {
                h = fixture_hash(i);
                cache_put(f->store, CACHE_RAW, &h, (struct span){noise, 100000});
                fixture_fence(f, STORE_CACHE);
        }
        for (unsigned i = 0; i < 40; i++) {
                _cleanup_buf_ struct buf got = {0};

                h = fixture_hash(i);
                n_found += cache_get(f->store, CACHE_RAW, &h, &got) == 0;
        }
        if (n_found == 0 || n_found == 40)
                return 3;
        fixture_close(f);
        return 0;
}

/* A directory too full even for an empty environment. */
static int no_room_at_all(struct fixture *f)
{
        if (mount_small(f->cache, "size=4k") != 0)
                return NO_MOUNT;
        if (fixture_try_open(f) != 0)
                return 2;
        if (store_has_cache(f->store) || !strstr(f->report.text, "no cache"))
                return 3;
        fixture_close(f);
        return 0;
}

static int read_only_cache(struct fixture *f)
{
        if (mount_small(f->cache, "size=1m") != 0)
                return NO_MOUNT;
        if (mount(NULL, f->cache, NULL, MS_REMOUNT | MS_RDONLY, NULL) < 0)
                return 2;
        if (fixture_try_open(f) != 0)
                return 3;
        if (store_has_cache(f->store) || !strstr(f->report.text, "no cache"))
                return 4;
        fixture_close(f);
        return 0;
}

static void run_mounted(struct fixture *f, int (*fn)(struct fixture *f))
{
        int status;
        pid_t pid;

        (void)fflush(NULL);
        pid = fork();
        assert_true(pid >= 0);
        if (pid == 0)
                _exit(fn(f));
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_true(WIFEXITED(status));
        if (WEXITSTATUS(status) == NO_MOUNT) {
                print_message("skipped: a small file system cannot be mounted here\n");
                skip();
        }
        assert_int_equal(WEXITSTATUS(status), 0);
}

static void test_full_state(void **state)
{
        run_mounted(*state, fill_state);
}

static void test_full_cache(void **state)
{
        run_mounted(*state, fill_cache);
}

static void test_no_room_for_a_cache(void **state)
{
        run_mounted(*state, no_room_at_all);
}

static void test_read_only_cache(void **state)
{
        run_mounted(*state, read_only_cache);
}

#define CLOSED(test) cmocka_unit_test_setup_teardown(test, fixture_setup_closed, fixture_teardown)

int main(int argc, char **argv)
{
        const struct CMUnitTest tests[] = {
                CLOSED(test_full_state),
                CLOSED(test_full_cache),
                CLOSED(test_no_room_for_a_cache),
                CLOSED(test_read_only_cache),
        };
        int status;

        if (fixture_is_check(argc, argv, &status))
                return status;
        return cmocka_run_group_tests(tests, NULL, NULL);
}
