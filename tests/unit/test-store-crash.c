/* What is left of a store after kill -9, power cuts, damage and other versions. */

#include "store-fixture.h"

#include <event2/event.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "daemon/store/copy.h"
#include "daemon/store/env.h"
#include "daemon/store/marker.h"
#include "daemon/store/schema.h"

struct striker {
        struct fixture *f;
        int fd;
        unsigned first, n_acknowledged;
};

/* Batch i holds three keys; none may ever be there without the others. */
static void submit(struct striker *s, unsigned i, void (*on_done)(void *, int));

static struct span triple_key(char key[16], unsigned i, unsigned j)
{
        return (struct span){key, (size_t)snprintf(key, 16, "%08u-%u", i, j)};
}

static void on_acknowledged(void *arg, int r)
{
        struct striker *s = arg;
        unsigned i = s->first + s->n_acknowledged++;

        if (r != 0 || write(s->fd, &i, sizeof(i)) != sizeof(i))
                _exit(3);
        submit(s, i + 16, on_acknowledged);
}

static void submit(struct striker *s, unsigned i, void (*on_done)(void *, int))
{
        struct store_batch *b;
        char key[16];

        if (store_batch_new(STORE_STATE, &b) < 0)
                _exit(4);
        for (unsigned j = 0; j < 3; j++) {
                size_t n = j == 1 ? 6000 : 50;
                _cleanup_free_ char *noise = fixture_noise(n, i);

                if (store_batch_put(b, TABLE_EVENT, triple_key(key, i, j),
                                    (struct span){noise, n}) < 0)
                        _exit(5);
        }
        if (store_commit(s->f->store, b, on_done, s) < 0)
                _exit(6);
}

static pid_t start_striker(struct fixture *f, unsigned first, int *ret_fd)
{
        int ends[2];
        pid_t pid;

        assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
        (void)fflush(NULL);
        pid = fork();
        assert_true(pid >= 0);
        if (pid > 0) {
                (void)close(ends[1]);
                *ret_fd = ends[0];
                return pid;
        }
        if (fixture_try_open(f) != 0)
                _exit(2);
        for (unsigned i = 0; i < 16; i++)
                submit(&(struct striker){.f = f}, first + i, NULL);
        {
                static struct striker s;

                s = (struct striker){.f = f, .fd = ends[1], .first = first + 16};
                for (unsigned i = 0; i < 16; i++)
                        submit(&s, first + 16 + i, on_acknowledged);
        }
        for (;;)
                (void)event_base_loop(loop_base(f->loop), EVLOOP_ONCE);
}

static unsigned count_triple(struct fixture *f, unsigned i)
{
        unsigned n = 0;
        char key[16];

        for (unsigned j = 0; j < 3; j++) {
                _cleanup_buf_ struct buf b = {0};

                n += store_get(f->store, TABLE_EVENT, triple_key(key, i, j), &b) == 0;
        }
        return n;
}

static void test_kill_while_committing(void **state)
{
        struct fixture *f = *state;
        unsigned first = 0;

        for (unsigned round = 0; round < 12; round++) {
                unsigned last = 0, n, present;
                int fd, status;
                pid_t pid = start_striker(f, first, &fd);

                for (unsigned i = 0; i < 20 + round * 17; i++)
                        assert_int_equal(read(fd, &last, sizeof(last)), sizeof(last));
                assert_int_equal(kill(pid, SIGKILL), 0);
                assert_int_equal(waitpid(pid, &status, 0), pid);
                assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
                while (read(fd, &last, sizeof(last)) == (ssize_t)sizeof(last))
                        ;
                (void)close(fd);
                fixture_open(f);
                assert_true(f->report.was_unclean);
                assert_false(f->report.was_state_restored);
                for (n = 0; n <= last; n++)
                        assert_int_equal(count_triple(f, n), 3);
                for (present = 3; present == 3; n++) {
                        present = count_triple(f, n);
                        assert_true(present == 0 || present == 3);
                }
                first = n;
                /* The gap is filled, so that the next round may count from 0 again. */
                for (unsigned i = n - 1; i < first; i++)
                        submit(&(struct striker){.f = f}, i, NULL);
                fixture_fence(f, STORE_STATE);
                fixture_close(f);
        }
}

static void die_at(struct fixture *f, const char *variable, unsigned n_expected)
{
        struct striker s = {.f = f};
        int status;
        pid_t pid;

        (void)fflush(NULL);
        pid = fork();
        assert_true(pid >= 0);
        if (pid == 0) {
                (void)setenv(variable, "5", 1);
                if (fixture_try_open(f) != 0)
                        _exit(2);
                for (unsigned i = 0; i < 10; i++)
                        submit(&s, i, NULL);
                fixture_fence(f, STORE_STATE);
                _exit(0);
        }
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
        fixture_open(f);
        for (unsigned i = 0; i < 10; i++)
                assert_int_equal(count_triple(f, i), i < n_expected ? 3 : 0);
}

static void test_die_after(void **state)
{
        die_at(*state, "GENOPT_TEST_DIE_AFTER", 5);
}

static void test_die_before(void **state)
{
        die_at(*state, "GENOPT_TEST_DIE_BEFORE", 4);
}

static void put_some(struct fixture *f)
{
        struct hash h = fixture_hash(1);

        for (unsigned i = 0; i < 40; i++) {
                submit(&(struct striker){.f = f}, i, NULL);
                h = fixture_hash(i);
                cache_put(f->store, CACHE_RAW, &h, SPAN("cached"));
        }
        fixture_fence(f, STORE_STATE);
        fixture_fence(f, STORE_CACHE);
}

static bool is_cached(struct fixture *f)
{
        _cleanup_buf_ struct buf b = {0};
        struct hash h = fixture_hash(1);

        return cache_get(f->store, CACHE_RAW, &h, &b) == 0;
}

static void test_power_cut_without_damage(void **state)
{
        struct fixture *f = *state;

        put_some(f);
        fixture_close(f);
        fixture_mark_other_boot(f->state);
        fixture_mark_other_boot(f->cache);
        fixture_open(f);
        assert_true(f->report.was_unclean);
        assert_false(f->report.was_cache_set_aside);
        assert_false(f->report.was_state_restored);
        assert_int_equal(count_triple(f, 39), 3);
        assert_true(is_cached(f));
        fixture_reopen(f);
        assert_false(f->report.was_unclean);
}

/* Every page from the third on says that it is another. */
static void damage(const char *dir)
{
        char path[160];
        struct stat st;
        int fd;

        (void)snprintf(path, sizeof(path), "%s/data.mdb", dir);
        fd = open(path, O_RDWR | O_CLOEXEC);
        assert_true(fd >= 0);
        assert_int_equal(fstat(fd, &st), 0);
        for (off_t at = 2 * 4096; at < st.st_size; at += 4096)
                assert_int_equal(pwrite(fd, "damaged!damaged!", 16, at), 16);
        (void)close(fd);
}

static void test_damaged_cache_is_set_aside(void **state)
{
        struct fixture *f = *state;

        put_some(f);
        fixture_close(f);
        fixture_mark_other_boot(f->cache);
        damage(f->cache);
        fixture_open(f);
        assert_true(f->report.was_cache_set_aside);
        assert_true(f->report.is_cache_fresh);
        assert_non_null(strstr(f->report.text, "the cache was damaged and is set aside"));
        assert_true(fixture_has_file(f->cache, "data.mdb.damaged"));
        assert_true(store_has_cache(f->store));
        assert_false(is_cached(f));
        assert_int_equal(count_triple(f, 39), 3);
        put_some(f);
        assert_true(is_cached(f));
}

/* Of this boot: the first bad end is nobody's fault, two in a row make the file suspect. */
static void test_damaged_cache_that_ends_runs(void **state)
{
        struct fixture *f = *state;

        for (unsigned n = 0; n <= 2; n++) {
                int dir_fd = open(f->cache, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
                unsigned n_ends;

                put_some(f);
                assert_int_equal(marker_read(dir_fd, &n_ends), MARKER_THIS_BOOT);
                assert_int_equal(n_ends, MAX2(n, 1u));
                fixture_close(f);
                assert_int_equal(marker_read(dir_fd, &n_ends), MARKER_NONE);
                if (n > 0)
                        assert_int_equal(marker_write(dir_fd, n, false), 0);
                (void)close(dir_fd);
                if (n == 2)
                        damage(f->cache);
                fixture_open(f);
                assert_int_equal(f->report.was_unclean, n > 0);
                assert_int_equal(f->report.was_cache_set_aside, n == 2);
        }
        put_some(f);
        assert_true(is_cached(f));
        fixture_reopen(f);
        assert_false(f->report.was_unclean);
}

static void test_damaged_state_without_a_copy(void **state)
{
        struct fixture *f = *state;

        put_some(f);
        fixture_close(f);
        fixture_mark_other_boot(f->state);
        damage(f->state);
        fixture_open(f);
        assert_false(f->report.was_state_restored);
        assert_true(f->report.is_state_fresh);
        assert_non_null(strstr(f->report.text, "had no copy"));
        assert_true(fixture_has_file(f->state, "data.mdb.damaged"));
        assert_int_equal(count_triple(f, 0), 0);
        assert_true(is_cached(f));
}

static void make_copy(struct fixture *f)
{
        struct env e;

        assert_int_equal(env_init(&e, STORE_STATE, f->state, ENV_MAP_BYTES), 0);
        assert_int_equal(env_lock(&e), 0);
        assert_int_equal(env_open(&e), 0);
        assert_int_equal(copy_age_ms(&e), UINT64_MAX);
        assert_int_equal(copy_make(&e, NULL), 0);
        assert_true(copy_age_ms(&e) < 60000);
        env_done(&e);
        assert_false(fixture_has_file(f->state, "data.mdb.copy.part"));
}

static void restore_after(struct fixture *f, void (*ruin)(const char *dir))
{
        put_some(f);
        fixture_close(f);
        make_copy(f);
        fixture_open(f);
        submit(&(struct striker){.f = f}, 40, NULL); /* after the copy */
        fixture_close(f);
        fixture_mark_other_boot(f->state);
        ruin(f->state);
        fixture_open(f);
        assert_true(f->report.was_state_restored);
        assert_false(f->report.is_state_fresh);
        assert_non_null(strstr(f->report.text, "what came after its copy of 20"));
        for (unsigned i = 0; i < 40; i++)
                assert_int_equal(count_triple(f, i), 3);
        assert_int_equal(count_triple(f, 40), 0);
        put_some(f);
}

static void test_damaged_state_with_a_copy(void **state)
{
        restore_after(*state, damage);
        assert_true(fixture_has_file(((struct fixture *)*state)->state, "data.mdb.damaged"));
}

static void empty(const char *dir)
{
        fixture_write_file(dir, "data.mdb", "");
}

static void test_emptied_state_with_a_copy(void **state)
{
        restore_after(*state, empty);
}

static void lose(const char *dir)
{
        char path[160];

        (void)snprintf(path, sizeof(path), "%s/data.mdb", dir);
        assert_int_equal(unlink(path), 0);
}

static void test_lost_state_with_a_copy(void **state)
{
        restore_after(*state, lose);
}

static void scribble(const char *dir)
{
        fixture_write_file(dir, "data.mdb", "this was never an environment");
}

static void test_overwritten_state_with_a_copy(void **state)
{
        restore_after(*state, scribble);
}

static void halve(const char *dir)
{
        char path[160];
        struct stat st;

        (void)snprintf(path, sizeof(path), "%s/data.mdb", dir);
        assert_int_equal(stat(path, &st), 0);
        assert_int_equal(truncate(path, st.st_size / 2 / 4096 * 4096), 0);
        (void)snprintf(path, sizeof(path), "%s/dirty", dir);
        assert_int_equal(unlink(path), 0); /* seen without a marker too */
}

static void test_cut_off_state_with_a_copy(void **state)
{
        restore_after(*state, halve);
}

static void test_no_verdict(void **state)
{
        static const char *const none[] = {"/nonexistent/genoptd", NULL};
        static const char *const failing[] = {"/bin/false", NULL}; /* exits 1, as for damage */
        static const char *const crashing[] = {"/bin/sh", "-c", "kill -SEGV $$", NULL};
        static const char *const unsure[] = {"/bin/sh", "-c", "exit 2", NULL};
        const struct {
                const char *const *argv;
                bool is_state_kept;
        } rows[] = {{none, true}, {unsure, true}, {crashing, false}, {failing, false}};
        struct fixture *f = *state;

        for (size_t i = 0; i < N_ELEMENTS(rows); i++) {
                fixture_close(f);
                f->config.check_argv = NULL;
                fixture_open(f);
                put_some(f);
                fixture_close(f);
                fixture_mark_other_boot(f->state);
                fixture_mark_other_boot(f->cache);
                f->config.check_argv = rows[i].argv;
                fixture_open(f);
                assert_true(f->report.was_cache_set_aside);
                assert_int_equal(count_triple(f, 39), rows[i].is_state_kept ? 3 : 0);
                assert_int_equal(strstr(f->report.text, "could not be checked in time") != NULL,
                                 rows[i].is_state_kept);
        }
}

static void rewrite_schema(const char *dir, enum store_env which, const char *schema)
{
        enum store_table meta = which == STORE_STATE ? TABLE_META : TABLE_CACHE_META;
        struct env e;
        MDB_txn *txn;

        assert_int_equal(env_init(&e, which, dir, ENV_MAP_BYTES), 0);
        assert_int_equal(env_lock(&e), 0);
        assert_int_equal(env_open(&e), 0);
        assert_int_equal(env_write_begin(&e, &txn), 0);
        assert_int_equal(env_put(&e, txn, meta, SPAN("schema"), span_of(schema)), 0);
        assert_int_equal(mdb_txn_commit(txn), 0);
        env_close(&e, true);
        env_done(&e);
}

static void test_newer_state_is_refused(void **state)
{
        struct fixture *f = *state;

        put_some(f);
        fixture_close(f);
        rewrite_schema(f->state, STORE_STATE, "99");
        assert_int_equal(fixture_try_open(f), -EPROTO);
        assert_int_equal(fixture_try_open(f), -EPROTO); /* and untouched */
        assert_true(fixture_has_file(f->state, "data.mdb"));
        assert_false(fixture_has_file(f->state, "data.mdb.damaged"));
}

static void test_cache_of_another_version_is_dropped(void **state)
{
        struct fixture *f = *state;

        put_some(f);
        fixture_close(f);
        rewrite_schema(f->cache, STORE_CACHE, "99");
        fixture_open(f);
        assert_true(f->report.is_cache_fresh);
        assert_false(f->report.was_cache_set_aside);
        assert_non_null(strstr(f->report.text, "another version"));
        assert_false(is_cached(f));
        put_some(f);
        assert_true(is_cached(f));
}

static int to_two(struct env *e, MDB_txn *txn)
{
        return env_put(e, txn, TABLE_JOB, SPAN("migrated"), SPAN("two"));
}

static int to_three(struct env *e, MDB_txn *txn)
{
        struct value v;
        int r = env_get(e, txn, TABLE_JOB, SPAN("migrated"), &v);

        return r == 0 ? env_put(e, txn, TABLE_JOB, SPAN("migrated"), SPAN("three")) : r;
}

static int to_nothing(struct env *e, MDB_txn *txn)
{
        int r = env_put(e, txn, TABLE_JOB, SPAN("migrated"), SPAN("half"));

        return r == 0 ? -ENOSPC : r;
}

static int open_as(struct fixture *f, unsigned schema, const struct migration *m, size_t n,
                   unsigned *ret_from)
{
        struct env e;
        int r;

        assert_int_equal(env_init(&e, STORE_STATE, f->state, ENV_MAP_BYTES), 0);
        assert_int_equal(env_lock(&e), 0);
        r = env_open(&e);
        e.is_open = false; /* as a later version, in its env_open() */
        if (r == 0)
                r = schema_open_as(&e, schema, m, n);
        *ret_from = e.from_schema;
        env_close(&e, true);
        env_done(&e);
        return r;
}

static void test_migrations(void **state)
{
        const struct migration broken[] = {{1, to_two}, {2, to_nothing}};
        const struct migration good[] = {{1, to_two}, {2, to_three}};
        struct fixture *f = *state;
        unsigned from;

        put_some(f);
        fixture_close(f);
        assert_int_equal(open_as(f, 3, broken, 2, &from), -ENOSPC);
        assert_int_equal(open_as(f, 3, good, 1, &from), CONDITION_OLDER);
        fixture_open(f); /* still what it was */
        assert_absent(f, TABLE_JOB, SPAN("migrated"));
        fixture_close(f);
        assert_true(fixture_has_file(f->state, "data.mdb.copy"));
        assert_int_equal(open_as(f, 3, good, 2, &from), 0);
        assert_int_equal(from, 1);
        assert_int_equal(fixture_try_open(f), -EPROTO); /* now newer than this version */
        rewrite_schema(f->cache, STORE_CACHE, "1");
}

static void test_cache_directory_becomes_a_file(void **state)
{
        struct fixture *f = *state;
        struct outcome o = {0};

        fixture_close(f);
        (void)setenv("GENOPT_TEST_REST_MS", "3", 1);
        fixture_open(f);
        (void)unsetenv("GENOPT_TEST_REST_MS");
        put_some(f);
        fixture_remove_tree(f->cache);
        fixture_write_file(f->dir, "cache", "in the way");
        assert_int_equal(cache_clear(f->store, fixture_on_counts, &o), 0);
        fixture_await(f, &o.n_done, 1);
        assert_true(o.result < 0);
        assert_false(store_has_cache(f->store));
        assert_false(is_cached(f));
        assert_int_equal(count_triple(f, 39), 3);
        fixture_remove_tree(f->cache);
        while (!store_has_cache(f->store)) { /* found again with what is written next */
                struct hash h = fixture_hash(1);
                struct store_batch *b;

                cache_put(f->store, CACHE_RAW, &h, SPAN("cached"));
                assert_int_equal(store_batch_new(STORE_CACHE, &b), 0);
                (void)fixture_commit(f, b);
        }
        put_some(f);
        assert_true(is_cached(f));
}

static void test_unreadable_cache_directory(void **state)
{
        struct fixture *f = *state;

        fixture_close(f);
        fixture_remove_tree(f->cache);
        fixture_write_file(f->dir, "cache", "a file where the directory should be");
        fixture_open(f);
        assert_false(store_has_cache(f->store));
        assert_non_null(strstr(f->report.text, "no cache"));
        assert_false(is_cached(f));
        {
                struct hash h = fixture_hash(1);
                struct cache_stats stats[N_CACHE_STATS];
                struct store_batch *b;

                cache_put(f->store, CACHE_RAW, &h, SPAN("x"));
                cache_remove(f->store, CACHE_RAW, &h);
                cache_get_stats(f->store, stats);
                assert_int_equal(stats[3].entries, 0);
                assert_int_equal(cache_trim(f->store, 0, NULL, NULL), -ENODEV);
                assert_int_equal(store_batch_new(STORE_CACHE, &b), 0);
                assert_int_equal(store_commit(f->store, b, NULL, NULL), -ENODEV);
                (void)store_batch_free(b);
        }
        submit(&(struct striker){.f = f}, 0, NULL);
        fixture_fence(f, STORE_STATE);
        assert_int_equal(count_triple(f, 0), 3);
}

static void test_copy_can_be_broken_off(void **state)
{
        struct fixture *f = *state;
        struct copier *c;
        struct env e;

        put_some(f);
        fixture_close(f);
        assert_int_equal(env_init(&e, STORE_STATE, f->state, ENV_MAP_BYTES), 0);
        assert_int_equal(env_lock(&e), 0);
        assert_int_equal(env_open(&e), 0);
        for (unsigned i = 0; i < 50; i++) { /* at whatever point it is */
                assert_int_equal(copier_new(&e, &c), 0);
                assert_int_equal(copier_start(c), 0);
                assert_int_equal(copier_start(c), 0);
                for (volatile unsigned spin = 0; spin < i * 2000; spin++)
                        ;
                c = copier_free(c);
        }
        env_done(&e);
        assert_false(fixture_has_file(f->state, "data.mdb.copy.part"));
        fixture_open(f);
        assert_int_equal(count_triple(f, 39), 3);
}

#define CLOSED(test) cmocka_unit_test_setup_teardown(test, fixture_setup_closed, fixture_teardown)
#define OPEN(test) cmocka_unit_test_setup_teardown(test, fixture_setup, fixture_teardown)

int main(int argc, char **argv)
{
        const struct CMUnitTest tests[] = {
                CLOSED(test_kill_while_committing),
                CLOSED(test_die_after),
                CLOSED(test_die_before),
                OPEN(test_power_cut_without_damage),
                OPEN(test_damaged_cache_is_set_aside),
                OPEN(test_damaged_cache_that_ends_runs),
                OPEN(test_damaged_state_without_a_copy),
                OPEN(test_damaged_state_with_a_copy),
                OPEN(test_emptied_state_with_a_copy),
                OPEN(test_lost_state_with_a_copy),
                OPEN(test_overwritten_state_with_a_copy),
                OPEN(test_cut_off_state_with_a_copy),
                OPEN(test_no_verdict),
                OPEN(test_newer_state_is_refused),
                OPEN(test_cache_of_another_version_is_dropped),
                OPEN(test_migrations),
                OPEN(test_cache_directory_becomes_a_file),
                OPEN(test_unreadable_cache_directory),
                OPEN(test_copy_can_be_broken_off),
        };
        int status;

        if (fixture_is_check(argc, argv, &status))
                return status;
        return cmocka_run_group_tests(tests, NULL, NULL);
}
