#include "unit.h"

#include "daemon/server/raw-key.h"

static struct hash key_of(const struct raw_keyer *k, uint32_t uid, struct span a, struct span b)
{
        const struct span params[2] = {a, b};
        struct hash h;

        raw_key_make(k, uid, params, &h);
        return h;
}

static int setup(void **state)
{
        static struct raw_keyer k;
        struct hash generation;

        hash_of("one", 3, &generation);
        raw_keyer_set(&k, &generation);
        *state = &k;
        return 0;
}

/* Where the pieces were cut says nothing. */
static void test_pieces(void **state)
{
        const struct raw_keyer *k = *state;
        static char text[10000];

        for (size_t i = 0; i < sizeof(text); i++)
                text[i] = (char)(i * 7 + i / 256);
        static const size_t lengths[] = {0, 1, 17, 240, 241, 500, 4095, 4096, 4097, 10000};
        for (size_t i = 0; i < N_ELEMENTS(lengths); i++) {
                size_t n = lengths[i];
                struct hash whole = key_of(k, 5, (struct span){text, n}, (struct span){NULL, 0});

                for (size_t cut = 0; cut <= n; cut += 1 + n / 7) {
                        struct hash h = key_of(k, 5, (struct span){text, cut},
                                               (struct span){text + cut, n - cut});

                        assert_true(hash_is_equal(&h, &whole));
                }
                if (n == 0)
                        continue;
                for (size_t at = 0; at < n; at += 1 + n / 50) {
                        struct hash h;

                        text[at] ^= 1;
                        h = key_of(k, 5, (struct span){text, n}, (struct span){NULL, 0});
                        text[at] ^= 1;
                        assert_false(hash_is_equal(&h, &whole));
                }
        }
}

static void test_what_it_depends_on(void **state)
{
        struct raw_keyer *k = *state;
        struct hash a = key_of(k, 5, SPAN("{}"), SPAN("")), b = key_of(k, 6, SPAN("{}"), SPAN(""));
        struct hash generation, again;

        /* Another user's differs in what is no hash. */
        assert_memory_equal(a.at, b.at, 20);
        assert_false(hash_is_equal(&a, &b));
        hash_of("two", 3, &generation);
        raw_keyer_set(k, &generation);
        b = key_of(k, 5, SPAN("{}"), SPAN(""));
        assert_memory_not_equal(a.at, b.at, 16);
        hash_of("one", 3, &generation);
        raw_keyer_set(k, &generation);
        again = key_of(k, 5, SPAN("{}"), SPAN(""));
        assert_true(hash_is_equal(&a, &again));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup(test_pieces, setup),
                cmocka_unit_test_setup(test_what_it_depends_on, setup),
        };

        return cmocka_run_group_tests_name("raw-key", tests, NULL, NULL);
}
