#include "unit.h"

#include "common/str.h"
#include "daemon/work/inputs.h"
#include "daemon/work/task.h"

static struct work *make_work(void)
{
        struct work *w = work_new();

        assert_non_null(w);
        w->tasks = calloc(2, sizeof(*w->tasks));
        assert_non_null(w->tasks);
        w->n_tasks = 2;
        for (unsigned i = 0; i < 2; i++)
                w->tasks[i].title = str_printf("file-%u.go", i);
        w->tasks[1].inputs = calloc(2, sizeof(struct task_input));
        w->tasks[1].n_inputs = 2;
        w->tasks[1].inputs[0].name = strdup("entity:Order");
        hash_of("a", 1, &w->tasks[1].inputs[0].hash);
        w->tasks[1].inputs[1].name = strdup("prompt");
        hash_of("b", 1, &w->tasks[1].inputs[1].hash);
        w->tasks[1].depends = calloc(1, sizeof(uint32_t));
        w->tasks[1].n_depends = 1;
        return w;
}

static void encode(struct buf *b, struct hash *ret_interface)
{
        struct work *w = make_work();

        hash_of("i", 1, ret_interface);
        buf_init(b, 0);
        assert_int_equal(inputs_encode(w, &w->tasks[1], ret_interface, b), 0);
        work_free(w);
}

static void test_there_and_back(void **state)
{
        _cleanup_inputs_ struct inputs got = {0};
        _cleanup_buf_ struct buf b = {0};
        struct hash interface, h;

        (void)state;
        encode(&b, &interface);
        assert_int_equal(inputs_decode(buf_span(&b), &got), 0);
        assert_int_equal(got.n, 3);
        assert_string_equal(got.at[0].name, "entity:Order");
        hash_of("a", 1, &h);
        assert_true(hash_is_equal(&got.at[0].hash, &h));
        assert_string_equal(got.at[1].name, "prompt");
        assert_string_equal(got.at[2].name, "interface:file-0.go");
        assert_true(hash_is_equal(&got.at[2].hash, &interface));
}

/* Cut anywhere, longer, or with any byte of its structure changed: never more than a refusal. */
static void test_damage(void **state)
{
        _cleanup_buf_ struct buf b = {0};
        struct inputs got = {0};
        struct hash interface;

        (void)state;
        encode(&b, &interface);
        for (size_t n = 0; n < b.n; n++)
                assert_int_equal(inputs_decode((struct span){b.at, n}, &got), -EBADMSG);
        for (size_t i = 0; i < 9; i++) { /* mark, version, count, the first length */
                b.at[i] ^= 0x40;
                assert_int_equal(inputs_decode(buf_span(&b), &got), -EBADMSG);
                b.at[i] ^= 0x40;
        }
        b.at[9] = '\0';
        assert_int_equal(inputs_decode(buf_span(&b), &got), -EBADMSG);
        b.at[9] = 'e';
        assert_int_equal(buf_add_char(&b, 'x'), 0);
        assert_int_equal(inputs_decode(buf_span(&b), &got), -EBADMSG);
        assert_int_equal(got.n, 0);
}

/* The static key is made of names and values of the inputs, in their order, and of nothing else. */
static void test_static_key(void **state)
{
        struct work *w = make_work();
        struct task *t = &w->tasks[1];
        struct task_input first = t->inputs[0];
        struct hash key, other;

        (void)state;
        assert_int_equal(task_static_key(t), 0);
        key = t->static_key;
        free(t->title);
        t->title = strdup("called otherwise");
        t->max_tokens = 7;
        assert_int_equal(task_static_key(t), 0);
        assert_true(hash_is_equal(&t->static_key, &key));
        t->inputs[0].hash.at[5] ^= 1;
        assert_int_equal(task_static_key(t), 0);
        assert_false(hash_is_equal(&t->static_key, &key));
        other = t->static_key;
        t->inputs[0].hash.at[5] ^= 1;
        t->inputs[0].name[0] = 'E';
        assert_int_equal(task_static_key(t), 0);
        assert_false(hash_is_equal(&t->static_key, &key));
        assert_false(hash_is_equal(&t->static_key, &other));
        t->inputs[0].name[0] = 'e';
        t->inputs[0] = t->inputs[1];
        t->inputs[1] = first;
        assert_int_equal(task_static_key(t), 0);
        assert_false(hash_is_equal(&t->static_key, &key));
        work_free(w);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_there_and_back),
                cmocka_unit_test(test_damage),
                cmocka_unit_test(test_static_key),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
