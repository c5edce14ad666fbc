/* Values and pages: what is told from damage. */

#include "store-fixture.h"

#include <fcntl.h>
#include <sys/stat.h>

#include "common/clock.h"
#include "daemon/store/env.h"
#include "daemon/store/pages.h"
#include "daemon/store/value.h"

static size_t encode(enum store_table t, struct span key, struct span content, bool is_packed,
                     char *out)
{
        struct value v = {.codec = CODEC_PLAIN, .payload = content, .n_content = content.n};
        struct packer p = {.level = 1};
        char *payload = NULL;
        size_t n;

        if (is_packed) {
                packer_pack(&p, content, &payload, &n);
                assert_non_null(payload);
                v.codec = CODEC_ZLIB;
                v.payload = (struct span){payload, n};
        }
        value_write_head(out, t, key, &v);
        memcpy(out + VALUE_HEADER_BYTES, v.payload.at, v.payload.n);
        n = VALUE_HEADER_BYTES + v.payload.n;
        free(payload);
        packer_rest(&p);
        return n;
}

static void test_every_flipped_bit_is_seen(void **state)
{
        _cleanup_free_ char *text = fixture_text(600, 1);
        char out[1024];

        (void)state;
        for (int is_packed = 0; is_packed < 2; is_packed++) {
                size_t n = encode(TABLE_JOB, SPAN("key"), (struct span){text, 600}, is_packed, out);
                _cleanup_buf_ struct buf b = {0};
                struct value v;

                assert_int_equal(value_open(TABLE_JOB, SPAN("key"), (struct span){out, n}, &v), 0);
                assert_int_equal(value_unpack(&v, &b), 0);
                assert_int_equal(b.n, 600);
                assert_memory_equal(b.at, text, 600);
                for (size_t bit = 0; bit < n * 8; bit++) {
                        out[bit / 8] ^= (char)(1 << bit % 8);
                        assert_int_equal(
                                value_open(TABLE_JOB, SPAN("key"), (struct span){out, n}, &v),
                                CONDITION_BAD_VALUE);
                        out[bit / 8] ^= (char)(1 << bit % 8);
                }
                for (size_t less = 0; less < n; less++)
                        assert_int_equal(
                                value_open(TABLE_JOB, SPAN("key"), (struct span){out, less}, &v),
                                CONDITION_BAD_VALUE);
                assert_int_equal(value_open(TABLE_JOB, SPAN("kez"), (struct span){out, n}, &v),
                                 CONDITION_BAD_VALUE);
                assert_int_equal(value_open(TABLE_CALL, SPAN("key"), (struct span){out, n}, &v),
                                 CONDITION_BAD_VALUE);
        }
}

/* A checksum that is right over compressed bytes that are not: whoever wrote them was not us. */
static void test_bad_stream_under_a_good_checksum(void **state)
{
        _cleanup_free_ char *text = fixture_text(3000, 1);
        struct packer p = {.level = 6};
        struct value v = {.codec = CODEC_ZLIB}, got;
        char *payload;
        size_t n;

        (void)state;
        packer_pack(&p, (struct span){text, 3000}, &payload, &n);
        assert_non_null(payload);
        for (size_t i = 0; i < 5; i++) {
                char out[4096];
                _cleanup_buf_ struct buf b = {0};
                const size_t contents[] = {2999, 3001, 3000, 3000, 3000};
                const size_t payloads[] = {n, n, n - 1, n / 2, 0};

                assert_int_equal(buf_add_text(&b, "before"), 0);
                v.n_content = contents[i];
                v.payload = (struct span){payload, payloads[i]};
                value_write_head(out, TABLE_JOB, SPAN("k"), &v);
                memcpy(out + VALUE_HEADER_BYTES, payload, payloads[i]);
                assert_int_equal(value_open(TABLE_JOB, SPAN("k"),
                                            (struct span){out, VALUE_HEADER_BYTES + payloads[i]},
                                            &got),
                                 0);
                assert_int_equal(value_unpack(&got, &b), CONDITION_BAD_VALUE);
                assert_string_equal(b.at, "before");
                assert_int_equal(b.n, 6);
        }
        free(payload);
        packer_rest(&p);
}

static void test_packing_pays_or_is_left(void **state)
{
        _cleanup_free_ char *noise = fixture_noise(5000, 1), *text = fixture_text(5000, 1);
        struct packer p = {.level = 1};
        char *payload;
        size_t n;

        (void)state;
        packer_pack(&p, (struct span){noise, 5000}, &payload, &n);
        assert_null(payload);
        for (unsigned i = 0; i < 3; i++) { /* the stream is used again */
                packer_pack(&p, (struct span){text, 5000}, &payload, &n);
                assert_non_null(payload);
                assert_true(n < 1000);
                free(payload);
        }
        packer_rest(&p);
        packer_rest(&p);
}

/* An environment with all kinds of pages: branches, runs, free ones. */
static void fill(struct fixture *f)
{
        struct store_batch *b;
        char key[40];

        for (unsigned round = 0; round < 6; round++) {
                assert_int_equal(store_batch_new(STORE_STATE, &b), 0);
                for (unsigned i = 0; i < 400; i++) {
                        size_t n = i % 7 == 0 ? 9000 : i % 3 == 0 ? 1900 : 100;
                        _cleanup_free_ char *noise = fixture_noise(n, i + round);

                        (void)snprintf(key, sizeof(key), "%036u", i * 7919 % 100000 + round);
                        assert_int_equal(store_batch_put(b, i % 2 ? TABLE_EVENT : TABLE_RESULT,
                                                         span_of(key), (struct span){noise, n}),
                                         0);
                        if (i % 5 == 0)
                                assert_int_equal(store_batch_delete_prefix(b, TABLE_EVENT,
                                                                           (struct span){key, 33}),
                                                 0);
                }
                assert_int_equal(fixture_commit(f, b), 0);
        }
}

#define FAR UINT64_MAX

static int open_file(struct fixture *f, const char *name, int flags)
{
        char path[160];
        int fd;

        (void)snprintf(path, sizeof(path), "%s/%s", f->state, name);
        fd = open(path, flags | O_CLOEXEC);
        assert_true(fd >= 0);
        return fd;
}

static void test_whole_pages(void **state)
{
        struct fixture *f = *state;
        int dir = open_file(f, ".", O_RDONLY | O_DIRECTORY);

        assert_int_equal(pages_check(dir, FAR), 0);
        assert_int_equal(pages_glance(dir), 0);
        for (unsigned i = 0; i < 3; i++) {
                fill(f);
                fixture_close(f);
                assert_int_equal(pages_check(dir, FAR), 0);
                fixture_open(f);
        }
        fixture_close(f);
        assert_int_equal(unlinkat(dir, "data.mdb", 0), 0);
        assert_int_equal(pages_check(dir, FAR), CONDITION_EMPTY);
        assert_int_equal(pages_glance(dir), CONDITION_EMPTY);
        fixture_write_file(f->state, "data.mdb", "");
        assert_int_equal(pages_check(dir, FAR), CONDITION_EMPTY);
        fixture_write_file(f->state, "data.mdb", "this is no environment");
        assert_int_equal(pages_check(dir, FAR), CONDITION_DAMAGED);
        assert_int_equal(pages_glance(dir), CONDITION_DAMAGED);
        (void)close(dir);
}

/* Pages that a tree uses: those where damage must be seen. */
static void test_damaged_pages(void **state)
{
        struct fixture *f = *state;
        unsigned n_seen = 0, n_pages;
        int dir, fd;
        struct stat st;

        fill(f);
        fixture_close(f);
        dir = open_file(f, ".", O_RDONLY | O_DIRECTORY);
        fd = open_file(f, "data.mdb", O_RDWR);
        assert_int_equal(fstat(fd, &st), 0);
        n_pages = (unsigned)(st.st_size / 4096);
        for (unsigned p = 2; p < n_pages; p++) {
                uint64_t number, wrong = p + 1;

                assert_int_equal(pread(fd, &number, 8, (off_t)p * 4096), 8);
                if (number != p)
                        continue; /* within a run */
                assert_int_equal(pwrite(fd, &wrong, 8, (off_t)p * 4096), 8);
                n_seen += pages_check(dir, FAR) == CONDITION_DAMAGED;
                assert_int_equal(pwrite(fd, &number, 8, (off_t)p * 4096), 8);
        }
        assert_true(n_seen > 100); /* all but the free ones */
        assert_int_equal(pages_check(dir, FAR), 0);
        assert_int_equal(ftruncate(fd, st.st_size / 2), 0);
        assert_int_equal(pages_glance(dir), CONDITION_UNFINISHED);
        assert_int_equal(pages_check(dir, FAR), CONDITION_DAMAGED);
        assert_int_equal(ftruncate(fd, 5000), 0);
        assert_int_equal(pages_check(dir, FAR), CONDITION_DAMAGED);
        (void)close(fd);
        (void)close(dir);
}

/* Whatever the bytes, the check ends with a verdict. */
static void test_random_damage_is_survived(void **state)
{
        struct fixture *f = *state;
        unsigned n_damaged = 0;
        struct stat st;
        int dir, fd;

        fill(f);
        fixture_close(f);
        dir = open_file(f, ".", O_RDONLY | O_DIRECTORY);
        fd = open_file(f, "data.mdb", O_RDWR);
        assert_int_equal(fstat(fd, &st), 0);
        clock_test_seed(1);
        for (unsigned i = 0; i < 1500; i++) {
                /* Heads, offsets and nodes rather than content. */
                off_t at = (off_t)(clock_random_below((uint64_t)st.st_size / 4096) * 4096 +
                                   clock_random_below(i % 2 ? 64 : 4096));
                char before, after = (char)clock_random_below(256);
                int r;

                assert_int_equal(pread(fd, &before, 1, at), 1);
                assert_int_equal(pwrite(fd, &after, 1, at), 1);
                r = pages_check(dir, FAR);
                assert_true(r == 0 || r == CONDITION_DAMAGED);
                n_damaged += r != 0;
                if (i % 16 > 0) /* some pile up */
                        assert_int_equal(pwrite(fd, &before, 1, at), 1);
        }
        assert_true(n_damaged > 100);
        (void)close(fd);
        (void)close(dir);
}

static void test_check_ends_in_time(void **state)
{
        struct fixture *f = *state;
        _cleanup_free_ char *noise = fixture_noise(1500, 1);
        struct store_batch *b;
        char key[16];
        int dir;

        assert_int_equal(store_batch_new(STORE_STATE, &b), 0);
        for (unsigned i = 0; i < 10000; i++) {
                int n = snprintf(key, sizeof(key), "%08u", i);

                assert_int_equal(store_batch_put(b, TABLE_EVENT, (struct span){key, (size_t)n},
                                                 (struct span){noise, 1500}),
                                 0);
        }
        assert_int_equal(fixture_commit(f, b), 0);
        dir = open_file(f, ".", O_RDONLY | O_DIRECTORY);
        assert_int_equal(pages_check(dir, 1), CONDITION_UNFINISHED);
        assert_int_equal(pages_check(dir, FAR), 0);
        (void)close(dir);
}

int main(int argc, char **argv)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_every_flipped_bit_is_seen),
                cmocka_unit_test(test_bad_stream_under_a_good_checksum),
                cmocka_unit_test(test_packing_pays_or_is_left),
                cmocka_unit_test_setup_teardown(test_whole_pages, fixture_setup, fixture_teardown),
                cmocka_unit_test_setup_teardown(test_damaged_pages, fixture_setup,
                                                fixture_teardown),
                cmocka_unit_test_setup_teardown(test_random_damage_is_survived, fixture_setup,
                                                fixture_teardown),
                cmocka_unit_test_setup_teardown(test_check_ends_in_time, fixture_setup,
                                                fixture_teardown),
        };
        int status;

        if (fixture_is_check(argc, argv, &status))
                return status;
        return cmocka_run_group_tests(tests, NULL, NULL);
}
