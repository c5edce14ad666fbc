#pragma once
/* A store of its own for each test: directories, loop, and ways to wait for what it tells. */

#include "unit.h"

#include <stdio.h>

#include "daemon/loop/loop.h"
#include "daemon/store/store.h"

struct fixture {
        char dir[64], state[80], cache[80];
        struct loop *loop;
        struct store *store;
        struct store_config config;
        struct store_report report;
};

void fixture_remove_tree(const char *path);
void fixture_prepare(struct fixture *f);
int fixture_try_open(struct fixture *f);
void fixture_open(struct fixture *f);
void fixture_close(struct fixture *f);
void fixture_reopen(struct fixture *f);
void fixture_discard(struct fixture *f);
int fixture_setup(void **state);
/* The test opens it itself. */
int fixture_setup_closed(void **state);
int fixture_teardown(void **state);
/* Turns the loop until *n_done is n. The whole test program has a deadline, so that this need not.
 */
void fixture_await(struct fixture *f, const unsigned *n_done, unsigned n);

struct outcome {
        unsigned n_done;
        int result;
        uint64_t n, m;
};

void fixture_on_done(void *arg, int r);
void fixture_on_counts(void *arg, int r, uint64_t n, uint64_t m);
int fixture_commit(struct fixture *f, struct store_batch *b);
/* What was submitted before is done after. */
void fixture_fence(struct fixture *f, enum store_env env);
/* The same, and what the writer does after a group (eviction, notes of use) is done too. */
void fixture_settle(struct fixture *f);
void fixture_put(struct fixture *f, enum store_table t, struct span key, struct span value);

#define assert_stored(f, t, key, value)                                        \
        do {                                                                   \
                _cleanup_buf_ struct buf got_ = {0};                           \
                struct span want_ = (value);                                   \
                assert_int_equal(store_get((f)->store, (t), (key), &got_), 0); \
                assert_int_equal(got_.n, want_.n);                             \
                if (want_.n > 0)                                               \
                        assert_memory_equal(got_.at, want_.at, want_.n);       \
        } while (0)

#define assert_absent(f, t, key)                                                              \
        do {                                                                                  \
                _cleanup_buf_ struct buf got_ = {0};                                          \
                assert_int_equal(store_get((f)->store, (t), (key), &got_), CONDITION_ABSENT); \
                assert_int_equal(got_.n, 0);                                                  \
        } while (0)

/* n bytes of text that compresses, different for each seed. */
char *fixture_text(size_t n, unsigned seed);
/* n bytes that do not compress. */
char *fixture_noise(size_t n, unsigned seed);
struct hash fixture_hash(unsigned seed);
void fixture_write_file(const char *dir, const char *name, const char *text);
bool fixture_has_file(const char *dir, const char *name);
/* The directory looks as if the machine had lost power while the store was open. */
void fixture_mark_other_boot(const char *dir);
/* Test programs are what they re-execute for a check; and none runs for ever. */
bool fixture_is_check(int argc, char **argv, int *ret_status);
