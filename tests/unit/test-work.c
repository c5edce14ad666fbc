#include "unit.h"

#include <stdio.h>

#include "daemon/work/model.h"
#include "daemon/work/task.h"

static void test_blocks_are_shared(void **state)
{
        struct work *w = work_new();
        uint32_t a, b, c, d;

        (void)state;
        assert_non_null(w);
        assert_int_equal(work_add_block(w, BLOCK_STANDARDS, SPAN("one\n"), &a), 0);
        assert_int_equal(work_add_block(w, BLOCK_STANDARDS, SPAN("two\n"), &b), 0);
        assert_int_equal(work_add_block(w, BLOCK_STANDARDS, SPAN("one\n"), &c), 0);
        assert_int_equal(work_add_block(w, BLOCK_PROMPT, SPAN("one\n"), &d), 0);
        assert_int_equal(a, c);
        assert_int_not_equal(a, b);
        assert_int_not_equal(a, d); /* the same text in another place is another block */
        assert_int_equal(w->n_blocks, 3);
        assert_string_equal(w->blocks[a].text, "one\n");
        assert_int_equal(w->blocks[a].n_text, 4);
        work_free(w);
}

static void test_many_blocks(void **state)
{
        struct work *w = work_new();
        char text[32];
        uint32_t index;

        (void)state;
        for (int round = 0; round < 2; round++)
                for (int i = 0; i < 5000; i++) {
                        int n = snprintf(text, sizeof(text), "block %d\n", i);

                        assert_int_equal(work_add_block(w, BLOCK_FACTS,
                                                        (struct span){text, (size_t)n}, &index),
                                         0);
                        assert_int_equal(index, i);
                }
        assert_int_equal(w->n_blocks, 5000);
        work_free(w);
}

static void full_key(const struct hash *s, const struct hash *interfaces, size_t n,
                     struct hash *ret)
{
        struct task t = {.static_key = *s, .n_depends = n};

        task_full_key(&t, interfaces, ret);
}

static void test_full_key(void **state)
{
        struct hash s, other, in[3], swapped[3], keys[6];

        (void)state;
        hash_of("s", 1, &s);
        hash_of("t", 1, &other);
        for (unsigned char i = 0; i < 3; i++)
                hash_of(&i, 1, &in[i]);
        swapped[0] = in[1];
        swapped[1] = in[0];
        full_key(&s, in, 0, &keys[0]);
        full_key(&other, in, 0, &keys[1]);
        full_key(&s, in, 1, &keys[2]);
        full_key(&s, in, 2, &keys[3]);
        full_key(&s, swapped, 2, &keys[4]);
        full_key(&s, in, 3, &keys[5]);
        for (size_t i = 0; i < N_ELEMENTS(keys); i++) {
                assert_false(hash_is_equal(&keys[i], &s)); /* S and F are told apart */
                for (size_t k = 0; k < i; k++)
                        assert_false(hash_is_equal(&keys[i], &keys[k]));
        }
        full_key(&s, in, 2, &keys[0]);
        assert_true(hash_is_equal(&keys[0], &keys[3]));
}

static void count_release(void *keeper)
{
        ++*(int *)keeper;
}

static void test_keeper_is_released(void **state)
{
        struct work *w = work_new();
        int n = 0;

        (void)state;
        w->keeper = &n;
        w->release = count_release;
        assert_null(work_free(w));
        assert_int_equal(n, 1);
        assert_null(work_free(NULL));
        assert_null(model_free(NULL));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_blocks_are_shared),
                cmocka_unit_test(test_many_blocks),
                cmocka_unit_test(test_full_key),
                cmocka_unit_test(test_keeper_is_released),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
