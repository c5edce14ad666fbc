#include "daemon/plan/estimate.h"

#include "common/json.h"
#include "tests/unit/unit.h"

static const struct model_facts facts = {.name = (char *)"m", .bytes_per_token = {4, 2, 3}};

static void ratios_hold_until_a_reply_corrects_them(void **state)
{
        struct estimator e = {0};
        struct text_bytes bytes = {.at = {400, 200, 300}};

        (void)state;
        assert_int_equal(estimator_tokens(&e, &facts, "m", &bytes), 100 + 100 + 100);
        estimator_learn(&e, "m", 300, 330);
        assert_int_equal(estimator_tokens(&e, &facts, "m", &bytes), 330);
        assert_int_equal(estimator_tokens(&e, &facts, "other", &bytes), 300);
}

/* A provider that counts 20 % more than the ratios say: the error is gone after some replies, and
 * noise does not bring it back. */
static void it_settles(void **state)
{
        struct estimator e = {0};
        struct text_bytes bytes = {.at = {4000, 0, 0}};

        (void)state;
        for (int i = 0; i < 20; i++) {
                uint64_t predicted = estimator_tokens(&e, &facts, "m", &bytes);

                estimator_learn(&e, "m", predicted, i % 2 ? 1212 : 1188);
        }
        assert_in_range(estimator_tokens(&e, &facts, "m", &bytes), 1164, 1236);
}

static void nonsense_is_clamped(void **state)
{
        struct estimator e = {0};
        struct text_bytes bytes = {.at = {4000, 0, 0}};
        char name[ESTIMATOR_MODEL_BYTES + 8];

        (void)state;
        estimator_learn(&e, "m", 1000, 1000000000);
        assert_int_equal(estimator_tokens(&e, &facts, "m", &bytes), 4000);
        estimator_learn(&e, "m", 0, 5);
        estimator_learn(&e, "m", 5000, 0);
        memset(name, 'x', sizeof(name));
        name[sizeof(name) - 1] = 0;
        estimator_learn(&e, name, 1000, 2000);
        assert_int_equal(e.n_rows, 1);
        for (int i = 0; i < 2 * ESTIMATOR_MAX_MODELS; i++) {
                snprintf(name, sizeof(name), "model-%d", i);
                estimator_learn(&e, name, 1000, 2000);
        }
        assert_int_equal(e.n_rows, ESTIMATOR_MAX_MODELS);
}

/* A question of eight words says nothing about the prompts of a project. */
static void a_short_question_teaches_nothing(void **state)
{
        struct estimator e = {0};

        (void)state;
        estimator_learn(&e, "m", 8, 20);
        assert_int_equal(e.n_rows, 0);
        estimator_learn(&e, "m", 200, 220);
        assert_int_equal(e.n_rows, 1);
}

static void it_survives_a_restart(void **state)
{
        struct estimator e = {0}, back;
        _cleanup_json_ json_t *o = NULL;

        (void)state;
        estimator_learn(&e, "m", 1000, 1500);
        estimator_learn(&e, "n", 1000, 900);
        assert_int_equal(estimator_to_json(&e, &o), 0);
        estimator_from_json(&back, o);
        assert_int_equal(back.n_rows, 2);
        estimator_from_json(&back, NULL);
        assert_int_equal(back.n_rows, 0);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(ratios_hold_until_a_reply_corrects_them),
                cmocka_unit_test(it_settles),
                cmocka_unit_test(nonsense_is_clamped),
                cmocka_unit_test(a_short_question_teaches_nothing),
                cmocka_unit_test(it_survives_a_restart),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
