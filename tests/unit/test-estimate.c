#include "daemon/plan/estimate.h"

#include <math.h>

#include "common/json.h"
#include "tests/unit/unit.h"

static const struct model_facts facts = {.name = (char *)"m",
                                         .bytes_per_token = {4, 2, 3},
                                         .first_token_ms = 1000,
                                         .input_per_second = 10000,
                                         .output_per_second = 50};

static struct counted_reply reply_of(const struct text_bytes *bytes, uint64_t counted)
{
        return (struct counted_reply){.model = "m",
                                      .facts = &facts,
                                      .prompt = *bytes,
                                      .input = counted,
                                      .fresh = counted};
}

static void ratios_hold_until_replies_correct_them(void **state)
{
        struct estimator e = {0};
        struct text_bytes bytes = {.at = {400, 200, 300}};
        struct counted_reply r = reply_of(&bytes, 330);

        (void)state;
        assert_int_equal(estimator_tokens(&e, &facts, "m", &bytes), 100 + 100 + 100);
        estimator_learn(&e, &r);
        assert_in_range(estimator_tokens(&e, &facts, "m", &bytes), 328, 331);
        assert_int_equal(estimator_tokens(&e, &facts, "other", &bytes), 300);
}

static uint64_t next_random(uint64_t *x)
{
        *x ^= *x << 13;
        *x ^= *x >> 7;
        *x ^= *x << 17;
        return *x;
}

/* A tokenizer whose classes are off by different amounts, on prompts of changing mixture: after 20
 * replies the others are within 3 %. */
static void classes_are_told_apart(void **state)
{
        static const double off[N_TEXT_CLASSES] = {1.25, 0.8, 1.1};
        struct estimator e = {0};
        uint64_t seed = 42;

        (void)state;
        for (int i = 0; i < 60; i++) {
                struct text_bytes b;
                struct counted_reply r;
                double counted = 0, error;

                for (size_t c = 0; c < N_TEXT_CLASSES; c++) {
                        b.at[c] = 500 + next_random(&seed) % 6000;
                        counted += (double)b.at[c] / facts.bytes_per_token[c] * off[c];
                }
                counted *= 0.99 + 0.02 * (double)(next_random(&seed) % 1000) / 1000;
                error = (double)estimator_tokens(&e, &facts, "m", &b) / counted - 1;
                assert_true(i < 20 || (error < 0.03 && error > -0.03));
                r = reply_of(&b, (uint64_t)counted);
                estimator_learn(&e, &r);
        }
}

static void nonsense_is_not_learned(void **state)
{
        struct estimator e = {0};
        struct text_bytes bytes = {.at = {4000, 0, 0}};
        struct counted_reply r = reply_of(&bytes, 1000000000);
        char name[ESTIMATOR_MODEL_BYTES + 8];

        (void)state;
        estimator_learn(&e, &r);
        assert_int_equal(estimator_tokens(&e, &facts, "m", &bytes), 1000);
        r = reply_of(&bytes, 0);
        estimator_learn(&e, &r);
        memset(name, 'x', sizeof(name));
        name[sizeof(name) - 1] = 0;
        r = reply_of(&bytes, 2000);
        r.model = name;
        estimator_learn(&e, &r);
        assert_int_equal(e.n_models, 1);
}

static bool is_known(const struct estimator *e, const char *model)
{
        struct text_bytes bytes = {.at = {4000, 0, 0}};

        return estimator_tokens(e, &facts, model, &bytes) != 1000;
}

/* Names of models change: that which was not seen longest makes room, after a restart as well. */
static void the_oldest_model_goes(void **state)
{
        struct estimator e = {0}, back;
        struct text_bytes bytes = {.at = {4000, 0, 0}};
        struct counted_reply r = reply_of(&bytes, 2000);
        _cleanup_json_ json_t *o = NULL;
        char name[32];

        (void)state;
        for (int i = 0; i < ESTIMATOR_MAX_MODELS; i++) {
                snprintf(name, sizeof(name), "model-%d", i);
                r.model = name;
                estimator_learn(&e, &r);
        }
        r.model = "model-0"; /* it stays in use */
        estimator_learn(&e, &r);
        r.model = "one more";
        estimator_learn(&e, &r);
        assert_int_equal(e.n_models, ESTIMATOR_MAX_MODELS);
        assert_true(is_known(&e, "one more") && is_known(&e, "model-0"));
        assert_false(is_known(&e, "model-1"));
        assert_int_equal(estimator_to_json(&e, &o), 0);
        estimator_from_json(&back, o);
        r.model = "and another";
        estimator_learn(&back, &r);
        assert_true(is_known(&back, "and another") && is_known(&back, "one more"));
        assert_true(is_known(&back, "model-0"));
        assert_false(is_known(&back, "model-2"));
}

/* A question of eight words says nothing about the prompts of a project. */
static void a_short_question_teaches_nothing(void **state)
{
        struct estimator e = {0};
        struct text_bytes bytes = {.at = {600, 0, 0}};
        struct counted_reply r = reply_of(&bytes, 199);

        (void)state;
        estimator_learn(&e, &r);
        assert_int_equal(estimator_tokens(&e, &facts, "m", &bytes), 150);
        r = reply_of(&bytes, 200);
        estimator_learn(&e, &r);
        assert_in_range(estimator_tokens(&e, &facts, "m", &bytes), 195, 200);
}

/* Files of a kind are 1.5 times what the blueprint guessed, and grow with their input; nine in ten
 * of those not learned from stay below P90, and half below P50. */
static void sizes_and_their_spread(void **state)
{
        struct estimator e = {0};
        uint64_t seed = 7, n_below_50 = 0, n_below_90 = 0, n = 0;

        (void)state;
        for (int i = 0; i < 400; i++) {
                uint64_t input = 100 + next_random(&seed) % 4000;
                /* The mean of four dice is near enough to a normal. */
                double noise = 0, bytes;
                struct size_guess g = estimator_file_bytes(estimator_kind(&e, "b/k"), 2000, input);
                struct size_sum sum = {0};
                struct quantiles q;

                size_sum_add(&sum, &g, 0);
                q = size_sum_get(&sum);
                for (int k = 0; k < 4; k++)
                        noise += (double)(next_random(&seed) % 1000) / 1000 - 0.5;
                bytes = 2000 * 1.5 * pow(1 + (double)input / 500, 0.3) * exp(0.4 * noise);
                if (i >= 40) {
                        n++;
                        n_below_50 += bytes < q.p50;
                        n_below_90 += bytes < q.p90;
                }
                estimator_learn_file(&e, "b/k", 2000, input, (uint64_t)bytes);
                estimator_learn_interface(&e, "b/k", 400, input, (uint64_t)bytes / 4);
        }
        assert_in_range(n_below_50 * 100 / n, 38, 62);
        assert_in_range(n_below_90 * 100 / n, 80, 97);
        assert_true(fabs(estimator_interface_bytes(estimator_kind(&e, "b/k"), 400, 1500) -
                         2000 * 1.5 * pow(4, 0.3) / 4) < 250);
        assert_true(estimator_interface_bytes(NULL, 400, 1500) == 400);
}

/* What is not known of a kind errs in all its files alike, so that a sum is not surer. */
static void sums_err_as_their_files_do(void **state)
{
        const struct size_guess own = {1000, 0.04, 0}, alike = {1000, 0, 0.04};
        struct size_sum a = {0}, b = {0};
        struct quantiles q, r;

        (void)state;
        for (int i = 0; i < 25; i++) {
                size_sum_add(&a, &own, 0);
                size_sum_add(&b, &alike, 0);
        }
        q = size_sum_get(&a);
        r = size_sum_get(&b);
        assert_true(q.p50 == 25000 && r.p50 == 25000);
        assert_true(fabs(q.p90 - 25000 * exp(1.2816 * 0.2 / 5)) < 1);
        assert_true(fabs(r.p90 - 25000 * exp(1.2816 * 0.2)) < 1);
}

/* Two kinds of one model, of which one needs twice the tokens for a byte. */
static void dense_kinds_are_told_apart(void **state)
{
        struct estimator e = {0};
        struct text_bytes bytes = {.at = {4000, 0, 0}};
        struct counted_reply r = reply_of(&bytes, 1000);
        struct rates rates;

        (void)state;
        r.answer_bytes = 3000;
        for (int i = 0; i < 60; i++) {
                r.output = i % 2 ? 1600 : 800;
                estimator_learn(&e, &r);
                estimator_learn_density(&e, i % 2 ? "b/dense" : "b/loose", &r);
        }
        estimator_rates(&e, &facts, "m", &rates);
        assert_true(fabs(3000 * rates.answer * estimator_density(estimator_kind(&e, "b/dense")) -
                         1600) < 100);
        assert_true(fabs(3000 * rates.answer * estimator_density(estimator_kind(&e, "b/loose")) -
                         800) < 100);
        assert_true(estimator_density(NULL) == 1);
}

/* What prose comes to is its kind's: files of code are foretold as before. */
static void questions_teach_nothing_of_files(void **state)
{
        struct estimator e = {0};
        struct text_bytes bytes = {.at = {4000, 0, 0}};
        struct counted_reply r = reply_of(&bytes, 1000);
        struct rates before, after;

        (void)state;
        r.answer_bytes = 3000;
        r.output = 1000;
        for (int i = 0; i < 20; i++)
                estimator_learn(&e, &r);
        estimator_rates(&e, &facts, "m", &before);
        r.is_prose = true;
        r.answer_bytes = 5000;
        for (int i = 0; i < 40; i++) {
                estimator_learn(&e, &r);
                estimator_learn_density(&e, "/ask", &r);
        }
        estimator_rates(&e, &facts, "m", &after);
        assert_true(before.answer == after.answer);
        assert_true(fabs(5000 * after.answer * estimator_density(estimator_kind(&e, "/ask")) -
                         1000) < 50);
}

/* One count that cannot be, and honest ones after it. */
static void an_absurd_count_is_forgotten(void **state)
{
        struct estimator e = {0};
        struct text_bytes bytes = {.at = {4000, 0, 0}};
        struct counted_reply r = reply_of(&bytes, 1000);
        const struct quantiles output = {500, 500};
        struct quantiles q;

        (void)state;
        r.answer_bytes = 1500;
        r.first_token_ms = 1000;
        r.ms = 1000 + 10000;
        r.output = 3000000000;
        estimator_learn(&e, &r);
        r.output = 500; /* as the book says */
        for (int i = 0; i < 20; i++)
                estimator_learn(&e, &r);
        q = estimator_time(&e, &facts, "m", 1000, output);
        assert_true(q.p50 > 8000 && q.p50 < 14000);
}

static void time_is_learned(void **state)
{
        struct estimator e = {0};
        struct text_bytes bytes = {.at = {4000, 0, 0}};
        struct counted_reply r = reply_of(&bytes, 1000);
        const struct quantiles output = {500, 500}, unsure = {500, 1500};
        struct quantiles before = estimator_time(&e, &facts, "m", 1000, output), after;

        (void)state;
        assert_true(before.p50 > 11000 && before.p50 < 11200);
        r.output = 500;
        r.answer_bytes = 1500;
        r.first_token_ms = 600;
        r.ms = 600 + 5000; /* a hundred tokens a second */
        for (int i = 0; i < 20; i++)
                estimator_learn(&e, &r);
        after = estimator_time(&e, &facts, "m", 1000, output);
        assert_true(after.p50 > 5300 && after.p50 < 5900);
        assert_true(after.p90 > after.p50 && after.p90 < 2 * after.p50);
        /* A thousand tokens more are ten seconds more. */
        before = estimator_time(&e, &facts, "m", 1000, unsure);
        assert_true(before.p50 == after.p50 && before.p90 > after.p50 + 9500);
}

static void refusals_and_gaps_are_counted(void **state)
{
        struct estimator e = {0};

        (void)state;
        assert_true(estimator_refusals(NULL, TIER_FAST, 0.03) == 0.03);
        for (int i = 0; i < 30; i++) {
                estimator_learn_attempt(&e, "b/k", TIER_FAST, i % 2);
                estimator_learn_batched(&e, "b/k", 2 + (size_t)i % 2, i % 3 == 0);
        }
        assert_true(estimator_refusals(estimator_kind(&e, "b/k"), TIER_FAST, 0.03) > 0.3);
        assert_true(estimator_refusals(estimator_kind(&e, "b/k"), TIER_BALANCED, 0.03) < 0.04);
        assert_true(estimator_missing(estimator_kind(&e, "b/k")) > 0.1);
        /* Only the first ever comes: nothing more is sure than that. */
        for (int i = 0; i < 300; i++)
                estimator_learn_batched(&e, "b/first", 10, i % 10 != 0);
        assert_true(estimator_missing(estimator_kind(&e, "b/first")) > 0.8);
        assert_true(estimator_missing(estimator_kind(&e, "b/first")) <= 1);
}

static void the_oldest_kind_and_prefix_go(void **state)
{
        struct estimator e = {0};
        struct hash first, hash;
        char name[32];

        (void)state;
        hash_of("first", 5, &first);
        estimator_learn_prefix(&e, &first, 1000, 1);
        for (int i = 0; i < ESTIMATOR_MAX_KINDS + ESTIMATOR_MAX_PREFIXES; i++) {
                snprintf(name, sizeof(name), "b/%d", i);
                estimator_learn_attempt(&e, name, TIER_FAST, false);
                hash_of(name, strlen(name), &hash);
                estimator_learn_prefix(&e, &hash, 1000, (uint64_t)i + 2);
        }
        assert_null(estimator_kind(&e, "b/0"));
        assert_non_null(estimator_kind(&e, name));
        assert_null(estimator_prefix(&e, &first));
        assert_int_equal(estimator_prefix(&e, &hash)->tokens, 1000);
        estimator_learn_prefix(&e, &hash, 0, 99999); /* it lives on */
        assert_int_equal(estimator_prefix(&e, &hash)->tokens, 1000);
}

static void it_survives_a_restart(void **state)
{
        struct estimator e = {0}, back;
        struct text_bytes bytes = {.at = {4000, 0, 0}};
        struct counted_reply r = reply_of(&bytes, 1300);
        _cleanup_json_ json_t *o = NULL;
        struct hash hash;

        (void)state;
        hash_of("x", 1, &hash);
        estimator_learn(&e, &r);
        estimator_learn_file(&e, "b/k", 100, 10, 300);
        estimator_learn_prefix(&e, &hash, 700, 12345);
        assert_int_equal(estimator_to_json(&e, &o), 0);
        estimator_from_json(&back, o);
        assert_int_equal(estimator_tokens(&back, &facts, "m", &bytes),
                         estimator_tokens(&e, &facts, "m", &bytes));
        assert_true(estimator_file_bytes(estimator_kind(&back, "b/k"), 100, 10).p50 ==
                    estimator_file_bytes(estimator_kind(&e, "b/k"), 100, 10).p50);
        assert_int_equal(estimator_prefix(&back, &hash)->tokens, 700);
        estimator_from_json(&back, NULL);
        assert_int_equal(back.n_models, 0);
        /* Half a row is none. */
        assert_int_equal(
                json_object_del(json_object_get(json_object_get(o, "models"), "m"), "first"), 0);
        estimator_from_json(&back, o);
        assert_int_equal(back.n_models, 0);
        assert_int_equal(back.n_kinds, 1);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(ratios_hold_until_replies_correct_them),
                cmocka_unit_test(classes_are_told_apart),
                cmocka_unit_test(nonsense_is_not_learned),
                cmocka_unit_test(the_oldest_model_goes),
                cmocka_unit_test(a_short_question_teaches_nothing),
                cmocka_unit_test(sizes_and_their_spread),
                cmocka_unit_test(sums_err_as_their_files_do),
                cmocka_unit_test(dense_kinds_are_told_apart),
                cmocka_unit_test(questions_teach_nothing_of_files),
                cmocka_unit_test(an_absurd_count_is_forgotten),
                cmocka_unit_test(time_is_learned),
                cmocka_unit_test(refusals_and_gaps_are_counted),
                cmocka_unit_test(the_oldest_kind_and_prefix_go),
                cmocka_unit_test(it_survives_a_restart),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
