/* What has not left, told from one run to the next. */

#include "store-fixture.h"

#include <fcntl.h>
#include <sys/stat.h>

#include "daemon/calls/unsent.h"

static struct unsent *begin(struct fixture *f)
{
        struct unsent *u;

        assert_int_equal(unsent_new(f->store, &u), 0);
        unsent_begin(u);
        return u;
}

static struct ulid job(unsigned seed)
{
        struct ulid j = {};

        j.at[0] = 1;
        j.at[15] = (uint8_t)seed;
        return j;
}

/* Whether the next run knows it so. */
static bool was(struct fixture *f, unsigned seed, uint64_t n)
{
        struct ulid j = job(seed);
        struct unsent *u;
        bool is;

        assert_int_equal(unsent_new(f->store, &u), 0);
        is = unsent_was(u, &j, n);
        unsent_free(u);
        return is;
}

static void test_named_until_it_leaves(void **state)
{
        struct fixture *f = *state;
        struct unsent *u = begin(f);
        struct ulid a = job(1), b = job(2);
        int slot_a = unsent_add(u, &a, 7), slot_b = unsent_add(u, &b, UINT64_MAX);

        assert_true(slot_a >= 0 && slot_b >= 0 && slot_a != slot_b);
        assert_true(was(f, 1, 7));
        assert_true(was(f, 2, UINT64_MAX));
        assert_false(was(f, 1, 8));
        assert_false(was(f, 2, 7));
        assert_int_equal(unsent_remove(u, &slot_a), 0);
        assert_int_equal(slot_a, UNSENT_NONE);
        assert_int_equal(unsent_remove(u, &slot_a), 0); /* there is none: fine */
        assert_false(was(f, 1, 7));
        assert_true(was(f, 2, UINT64_MAX));
        unsent_free(u); /* a process that ends leaves its file */
        u = begin(f);
        assert_false(was(f, 2, UINT64_MAX));
        unsent_free(u);
}

static void test_slots_are_bounded_and_used_again(void **state)
{
        struct fixture *f = *state;
        struct unsent *u = begin(f);
        struct ulid j = job(3);
        int slots[UNSENT_SLOTS];

        for (unsigned i = 0; i < UNSENT_SLOTS; i++) {
                slots[i] = unsent_add(u, &j, i);
                assert_true(slots[i] >= 0);
        }
        assert_int_equal(unsent_add(u, &j, UNSENT_SLOTS), UNSENT_NONE);
        assert_int_equal(unsent_remove(u, &slots[5]), 0);
        slots[5] = unsent_add(u, &j, 1000);
        assert_int_equal(slots[5], 5);
        assert_true(was(f, 3, 1000));
        assert_false(was(f, 3, 5));
        assert_true(was(f, 3, UNSENT_SLOTS - 1));
        unsent_free(u);
}

static void spoil(struct fixture *f, off_t at)
{
        int fd = openat(store_state_fd(f->store), "unsent", O_WRONLY | O_CLOEXEC);

        assert_int_equal(pwrite(fd, "?", 1, at), 1);
        close(fd);
}

/* Another boot's, another format's, cut off, or none at all: it names nothing. */
static void test_what_cannot_be_believed_names_nothing(void **state)
{
        static const off_t places[] = {0, 16, 51};
        struct fixture *f = *state;
        struct ulid j = job(4);

        for (size_t i = 0; i < N_ELEMENTS(places); i++) {
                struct unsent *u = begin(f);

                assert_true(unsent_add(u, &j, 1) >= 0);
                unsent_free(u);
                assert_true(was(f, 4, 1));
                spoil(f, places[i]);
                assert_false(was(f, 4, 1));
        }
        assert_int_equal(unlinkat(store_state_fd(f->store), "unsent", 0), 0);
        assert_false(was(f, 4, 1));
        fixture_write_file(f->state, "unsent", "genopt unsent 1\n");
        assert_false(was(f, 4, 1));
}

/* A directory stands in its place: calls go on, all of them count as sent. */
static void test_without_a_file(void **state)
{
        struct fixture *f = *state;
        struct ulid j = job(5);
        struct unsent *u;
        int slot;

        assert_int_equal(mkdirat(store_state_fd(f->store), "unsent", 0700), 0);
        u = begin(f);
        slot = unsent_add(u, &j, 1);
        assert_int_equal(slot, UNSENT_NONE);
        assert_int_equal(unsent_remove(u, &slot), 0);
        assert_false(unsent_was(u, &j, 1));
        unsent_free(u);
        assert_int_equal(unlinkat(store_state_fd(f->store), "unsent", AT_REMOVEDIR), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

int main(int argc, char **argv)
{
        const struct CMUnitTest tests[] = {
                TEST(test_named_until_it_leaves),
                TEST(test_slots_are_bounded_and_used_again),
                TEST(test_what_cannot_be_believed_names_nothing),
                TEST(test_without_a_file),
        };
        int status;

        if (fixture_is_check(argc, argv, &status))
                return status;
        return cmocka_run_group_tests(tests, NULL, NULL);
}
