/* Linked once with each implementation: they must agree. */

#include "unit.h"

#include <pthread.h>

#include "common/hash.h"

/* FIPS 180-2, appendix B, and the empty text. */
static const struct {
        const char *text, *hex;
} known[] = {
        {"", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
        {"abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
        {"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
         "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"},
};

static void test_known_values(void **state)
{
        char hex[HASH_HEX_BYTES];
        struct hash h;

        (void)state;
        for (size_t i = 0; i < N_ELEMENTS(known); i++) {
                hash_of(known[i].text, strlen(known[i].text), &h);
                hash_to_hex(&h, hex);
                assert_string_equal(hex, known[i].hex);
        }
        hash_of(NULL, 0, &h);
        hash_to_hex(&h, hex);
        assert_string_equal(hex, known[0].hex);
}

static void test_pieces_and_reset(void **state)
{
        _cleanup_(hasher_freep) struct hasher *h = NULL;
        struct hash whole, pieces;
        char text[1000];

        (void)state;
        for (size_t i = 0; i < sizeof(text); i++)
                text[i] = (char)(i * 7);
        hash_of(text, sizeof(text), &whole);
        assert_int_equal(hasher_new(&h), 0);
        for (int round = 0; round < 2; round++) {
                for (size_t i = 0, n = 1; i < sizeof(text); i += n, n = n * 2 + 1) {
                        size_t piece = MIN2(n, sizeof(text) - i);

                        hasher_add(h, text + i, piece);
                }
                hasher_get(h, &pieces);
                assert_true(hash_is_equal(&whole, &pieces));
                hasher_reset(h);
        }
        hasher_get(h, &pieces);
        assert_false(hash_is_equal(&whole, &pieces));
}

static void test_hex(void **state)
{
        char hex[HASH_HEX_BYTES] = {0};
        struct hash h, back = {{1}};

        (void)state;
        hash_of("x", 1, &h);
        hash_to_hex(&h, hex);
        assert_int_equal(hash_from_hex(span_of(hex), &back), 0);
        assert_true(hash_is_equal(&h, &back));
        assert_int_equal(hash_from_hex((struct span){hex, 63}, &back), -EINVAL);
        assert_int_equal(hash_from_hex((struct span){hex, 65}, &back), -EINVAL);
        hex[10] = 'A'; /* one spelling only: texts of hashes are compared */
        assert_int_equal(hash_from_hex(span_of(hex), &back), -EINVAL);
        hex[10] = 'g';
        assert_int_equal(hash_from_hex(span_of(hex), &back), -EINVAL);
        assert_true(hash_is_equal(&h, &back));
}

static void test_zero(void **state)
{
        struct hash h = {{0}};

        (void)state;
        assert_true(hash_is_zero(&h));
        h.at[31] = 1;
        assert_false(hash_is_zero(&h));
}

static void *hash_many(void *arg)
{
        for (int i = 0; i < 1000; i++) {
                struct hash h;
                char hex[HASH_HEX_BYTES];

                hash_of(known[1].text, 3, &h);
                hash_to_hex(&h, hex);
                if (strcmp(hex, known[1].hex) != 0)
                        return NULL;
        }
        return arg;
}

static void test_threads(void **state)
{
        pthread_t threads[4];
        int token;

        (void)state;
        for (size_t i = 0; i < N_ELEMENTS(threads); i++)
                assert_int_equal(pthread_create(&threads[i], NULL, hash_many, &token), 0);
        for (size_t i = 0; i < N_ELEMENTS(threads); i++) {
                void *got;

                pthread_join(threads[i], &got);
                assert_ptr_equal(got, &token);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_known_values), cmocka_unit_test(test_pieces_and_reset),
                cmocka_unit_test(test_hex),          cmocka_unit_test(test_zero),
                cmocka_unit_test(test_threads),
        };

        return cmocka_run_group_tests_name("hash", tests, NULL, NULL);
}
