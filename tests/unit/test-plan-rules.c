/* Rules by themselves: bounds, marks, switches, objectives, and sums that can be done by hand. */

#include <stdio.h>

#include "daemon/plan/cost.h"
#include "daemon/plan/planner.h"
#include "tests/unit/unit.h"

/* A token is a byte, so that tokens can be counted here. Dollars per million: 3, 3.75, 0.30, 15. */
static struct model_facts balanced = {.name = (char *)"m",
                                      .price = {3000, 300, 3750, 6000, 15000},
                                      .window = 200000,
                                      .max_output = 64000,
                                      .cache_minimum = 1024,
                                      .cache_short_ms = 300000,
                                      .cache_long_ms = 3600000,
                                      .first_token_ms = 1000,
                                      .input_per_second = 20000,
                                      .output_per_second = 80,
                                      .bytes_per_token = {1, 1, 1}};

#define ANSWER_TOKENS (COST_ANSWER_BYTES + COST_PATH_BYTES + strlen("f0.go"))

static void add(struct work *w, struct task *t, enum block_class class, char c, size_t n)
{
        _cleanup_free_ char *text = malloc(n + 1);

        assert_non_null(text);
        memset(text, c, n);
        assert_int_equal(
                work_add_block(w, class, (struct span){text, n}, &t->blocks[t->n_blocks++]), 0);
}

/* Tokens of an answer for one file, its marks included. */
static size_t content_of(size_t n_output)
{
        return n_output > COST_FILE_BYTES ? n_output - COST_FILE_BYTES : 1;
}

/* n tasks of one kind and group that share standards; each has facts of its own. */
static struct work *make_work(size_t n, size_t n_standards, size_t n_facts, size_t n_output)
{
        struct work *w = work_new();
        char text[32];

        assert_non_null(w);
        w->tasks = calloc(n, sizeof(*w->tasks));
        w->n_tasks = n;
        for (size_t i = 0; i < n; i++) {
                struct task *t = &w->tasks[i];

                snprintf(text, sizeof(text), "f%zu.go", i);
                *t = (struct task){.index = (uint32_t)i,
                                   .kind = strdup("domain"),
                                   .batch = strdup("domain"),
                                   .tier = strdup("balanced"),
                                   .path = strdup(text),
                                   .title = strdup(text),
                                   .rest = NO_BLOCK,
                                   .expected_output_bytes = content_of(n_output),
                                   .command = -1,
                                   .blocks = calloc(3, sizeof(uint32_t))};
                if (n_standards > 0)
                        add(w, t, BLOCK_STANDARDS, 's', n_standards);
                add(w, t, BLOCK_FACTS, (char)('a' + i % 26), n_facts + i / 26);
        }
        return w;
}

static struct planning settings(const struct work *w)
{
        struct planning in = {.work = w,
                              .n_parallel = 4,
                              .objective = PLAN_BALANCED,
                              .batch_max_output = 8000,
                              .now_ms = 1000};

        in.tiers[TIER_BALANCED] = (struct tier_model){"p", "m", &balanced, true};
        for (size_t i = 0; i < N_PLAN_RULES; i++)
                in.is_on[i] = true;
        return in;
}

static struct plan *make(const struct planning *in)
{
        struct plan *p = NULL;

        assert_int_equal(plan_make(in, &p), 0);
        return p;
}

/* ---- what compressing does to all prompts ---- */

static void full_and_compressed_are_told(void **state)
{
        _cleanup_(work_freep) struct work *w = make_work(3, 9000, 200, 100);
        struct planning in = settings(w);
        _cleanup_(plan_freep) struct plan *p = NULL;
        _cleanup_json_ json_t *o = NULL;
        char brief[5000];
        uint32_t block;
        json_t *rule;

        (void)state;
        memset(brief, 'b', sizeof(brief));
        assert_int_equal(
                work_add_block(w, BLOCK_STANDARDS, (struct span){brief, sizeof(brief)}, &block), 0);
        w->blocks[w->tasks[0].blocks[0]].compressed = block;
        in.tiers[TIER_QUALITY] = in.tiers[TIER_BALANCED];
        p = make(&in);
        assert_int_equal(plan_to_json(&in, p, &o), 0);
        for (size_t i = 0; (rule = json_array_get(json_object_get(o, "rules"), i)); i++) {
                int64_t full = json_integer_value(json_object_get(rule, "full")),
                        compressed = json_integer_value(json_object_get(rule, "compressed"));

                if (strcmp(json_string_value(json_object_get(rule, "name")), "compress") != 0) {
                        assert_null(json_object_get(rule, "full"));
                        continue;
                }
                /* Three prompts, each with standards of 9,000 tokens, or of 5,000. */
                assert_int_equal(full, 3 * (9000 + 200 + ANSWER_TOKENS));
                assert_int_equal(compressed, full - 3 * (9000 - 5000));
                assert_int_equal(full - compressed,
                                 json_integer_value(json_object_get(rule, "input")));
                return;
        }
        fail_msg("no word of compress");
}

/* ---- money ---- */

static void a_large_call_by_hand(void **state)
{
        _cleanup_(work_freep) struct work *w = make_work(1, 0, 85000 - ANSWER_TOKENS, 12000);
        struct planning in = settings(w);
        _cleanup_(plan_freep) struct plan *p = make(&in);

        (void)state;
        assert_int_equal(p->totals.tokens.input, 85000);
        assert_int_equal(p->totals.nanousd, 435000000);
}

static void the_same_read_from_a_warm_cache(void **state)
{
        _cleanup_(work_freep) struct work *two = make_work(2, 57000, 1000, 10);
        _cleanup_(work_freep) struct work *w = make_work(1, 57000, 28000 - ANSWER_TOKENS, 12000);
        struct planning in = settings(two);
        _cleanup_(plan_freep) struct plan *first = NULL, *p = NULL, *cold = NULL;

        (void)state;
        in.is_on[RULE_BATCH] = false;
        first = make(&in);
        assert_int_equal(first->n_prefixes, 1);
        in = settings(w);
        estimator_learn_prefix(&in.estimator, &first->prefixes[0].hash, 57000, in.now_ms + 100000);
        p = make(&in);
        assert_int_equal(p->totals.tokens.cache_read, 57000);
        assert_int_equal(p->totals.tokens.input, 28000);
        assert_int_equal(p->totals.nanousd, 281100000);
        /* Nobody reads what a lone call would write: no mark. */
        in.now_ms += 200000;
        cold = make(&in);
        assert_int_equal(cold->totals.tokens.cache_write, 0);
        assert_int_equal(cold->n_prefixes, 0);
}

static void three_calls_that_share_four_fifths(void **state)
{
        _cleanup_(work_freep) struct work *w = make_work(3, 6400, 1600 - ANSWER_TOKENS, 100);
        struct planning in = settings(w);
        _cleanup_(plan_freep) struct plan *p = NULL, *without = NULL;

        (void)state;
        in.is_on[RULE_BATCH] = false;
        p = make(&in);
        assert_int_equal(p->totals.tokens.cache_write, 6400);
        assert_int_equal(p->totals.tokens.cache_read, 2 * 6400);
        assert_int_equal(p->totals.tokens.input, 3 * 1600);
        assert_int_equal(p->totals.nanousd, 42240000 + 3 * 100 * 15000);
        assert_true(p->prefixes[0].is_awaited);
        in.is_on[RULE_PREFIX] = false;
        without = make(&in);
        assert_int_equal(without->totals.nanousd, 72000000 + 3 * 100 * 15000);
}

static void below_the_minimum_nothing_is_marked(void **state)
{
        _cleanup_(work_freep) struct work *w = make_work(3, 1023, 100, 100),
                                          *enough = make_work(3, 1024, 100, 100);
        struct planning in = settings(w);
        _cleanup_(plan_freep) struct plan *p = NULL, *q = NULL;

        (void)state;
        in.is_on[RULE_BATCH] = false;
        p = make(&in);
        assert_int_equal(p->n_prefixes, 0);
        in.work = enough;
        q = make(&in);
        assert_int_equal(q->n_prefixes, 1);
        in.tiers[TIER_BALANCED].is_caching = false;
        plan_free(q);
        q = make(&in);
        assert_int_equal(q->n_prefixes, 0);
}

/* A chain: three calls share a beginning, and between them stand calls that take longer than the
 * provider keeps it for the price of a short mark. */
static void what_lapses_in_between_is_kept_for_an_hour(void **state)
{
        _cleanup_(work_freep) struct work *w = make_work(5, 6400, 200, 100);
        struct planning in = settings(w);
        _cleanup_(plan_freep) struct plan *p = NULL, *q = NULL;
        struct model_facts longer = balanced;

        (void)state;
        for (uint32_t i = 0; i < 5; i++) {
                struct task *t = &w->tasks[i];

                if (i % 2) { /* 400 seconds, of another kind */
                        t->blocks[0] = t->blocks[1];
                        t->n_blocks = 1;
                        t->expected_output_bytes = content_of(32000);
                }
                t->depends = calloc(1, sizeof(uint32_t));
                t->n_depends = i > 0;
                t->depends[0] = i ? i - 1 : 0;
        }
        p = make(&in);
        assert_int_equal(p->n_prefixes, 1);
        assert_true(p->prefixes[0].is_long);
        assert_int_equal(p->totals.tokens.cache_write, 6400);
        assert_int_equal(p->totals.tokens.cache_read, 2 * 6400);
        assert_true(p->steps[0].recipe.items[0].is_marked &&
                    p->steps[0].recipe.items[0].is_mark_for_1h);
        assert_int_equal(p->steps[0].estimate.nanousd,
                         6400 * 6000 + p->steps[0].estimate.tokens.input * 3000 + 100 * 15000);
        /* Where half an hour is the only lifetime, it does. */
        longer.cache_short_ms = longer.cache_long_ms = 1800000;
        longer.price.cache_write_1h = longer.price.cache_write_5m;
        in.tiers[TIER_BALANCED].facts = &longer;
        q = make(&in);
        assert_false(q->prefixes[0].is_long);
        assert_int_equal(q->totals.tokens.cache_read, 2 * 6400);
}

/* ---- batches ---- */

static void ten_at_three_a_call_are_four(void **state)
{
        _cleanup_(work_freep) struct work *w = make_work(10, 1200, 200, 120);
        struct planning in = settings(w);
        _cleanup_(plan_freep) struct plan *p = NULL, *q = NULL, *r = NULL;

        (void)state;
        in.batch_max_files = 3;
        p = make(&in);
        assert_int_equal(p->totals.calls, 4);
        for (size_t i = 0; i < p->n_steps; i++)
                assert_in_range(p->steps[i].n_tasks, 1, 3);
        in.batch_max_files = 0;
        q = make(&in);
        assert_int_equal(q->totals.calls, 1);
        in.batch_max_output = 500; /* four of 120 */
        r = make(&in);
        assert_int_equal(r->totals.calls, 3);
}

/* What a call may hold: by the user, by the model's longest answer, by its window. A plan has a
 * price in any case. */
static void expect_within(size_t n, uint64_t user, uint64_t longest, uint64_t window)
{
        _cleanup_(work_freep) struct work *w = make_work(n, 1200, 900, 120);
        struct planning in = settings(w);
        struct model_facts small = balanced;
        _cleanup_(plan_freep) struct plan *p = NULL;
        size_t n_tasks = 0;

        small.max_output = longest;
        small.window = window;
        in.tiers[TIER_BALANCED].facts = &small;
        in.objective = PLAN_FOR_COST;
        in.batch_max_output = user;
        p = make(&in);
        for (size_t i = 0; i < p->n_steps; i++) {
                const struct step *s = &p->steps[i];
                const struct tokens *t = &s->estimate.tokens;

                n_tasks += s->n_tasks;
                if (s->n_tasks == 1)
                        continue;
                assert_true(t->output <= user && t->output * 10 <= longest * 8 + 10);
                assert_true((t->input + t->cache_read + t->cache_write + t->output) * 10 <=
                            window * 8 + 50);
        }
        assert_int_equal(n_tasks, n);
        assert_true(p->totals.nanousd > n * 100 * 15000 && p->totals.ms > 0);
        assert_in_range(p->totals.calls, n / 50, n - 1);
}

static void calls_stay_within_all_bounds(void **state)
{
        static const size_t sizes[] = {12, 60, 700};

        (void)state;
        for (size_t i = 0; i < N_ELEMENTS(sizes); i++) {
                expect_within(sizes[i], 600, 64000, 200000);
                expect_within(sizes[i], 50000, 800, 200000);
                expect_within(sizes[i], 50000, 64000, 6000);
        }
}

static void objectives_move_the_choice(void **state)
{
        _cleanup_(work_freep) struct work *w = make_work(12, 1200, 200, 1200);
        struct planning in = settings(w);
        uint64_t calls[3], ms[3], nanousd[3];

        (void)state;
        in.batch_max_output = 20000;
        for (unsigned i = 0; i < 3; i++) {
                _cleanup_(plan_freep) struct plan *p = NULL;

                in.objective = (enum plan_objective)i;
                p = make(&in);
                calls[i] = p->totals.calls;
                ms[i] = p->totals.ms;
                nanousd[i] = p->totals.nanousd;
        }
        assert_true(calls[PLAN_FOR_COST] < calls[PLAN_FOR_LATENCY]);
        assert_true(ms[PLAN_FOR_LATENCY] < ms[PLAN_FOR_COST]);
        assert_true(nanousd[PLAN_FOR_COST] <= nanousd[PLAN_BALANCED] &&
                    nanousd[PLAN_BALANCED] <= nanousd[PLAN_FOR_LATENCY]);
}

/* What depends on each other never shares a call, however similar. */
static void a_chain_is_not_batched(void **state)
{
        _cleanup_(work_freep) struct work *w = make_work(6, 1200, 200, 120);
        struct planning in = settings(w);
        _cleanup_(plan_freep) struct plan *p = NULL;

        (void)state;
        for (uint32_t i = 1; i < 6; i++) {
                w->tasks[i].depends = malloc(sizeof(uint32_t));
                w->tasks[i].depends[0] = i - 1;
                w->tasks[i].n_depends = 1;
        }
        p = make(&in);
        assert_int_equal(p->totals.calls, 6);
}

/* A kind whose shared answers lack files is asked for one by one, when that is cheaper; in plans of
 * any size. */
static void expect_smaller_batches(uint32_t n)
{
        _cleanup_(work_freep) struct work *w = make_work(n, 1200, 3000, 1500);
        struct planning in = settings(w);
        _cleanup_(plan_freep) struct plan *before = NULL, *after = NULL;

        in.objective = PLAN_FOR_COST;
        before = make(&in);
        for (int i = 0; i < 100; i++)
                estimator_learn_batched(&in.estimator, "/domain", 10, i % 10 != 0);
        after = make(&in);
        assert_true(before->totals.calls < n);
        assert_int_equal(after->totals.calls, n);
}

static void incomplete_batches_become_smaller(void **state)
{
        (void)state;
        expect_smaller_batches(4);
        expect_smaller_batches(40);
        expect_smaller_batches(400);
}

static void refused_answers_raise_the_tier(void **state)
{
        _cleanup_(work_freep) struct work *w = make_work(1, 1200, 200, 3000);
        static struct model_facts best;
        struct planning in = settings(w);
        _cleanup_(plan_freep) struct plan *before = NULL, *after = NULL;

        (void)state;
        best = balanced;
        best.price = (struct price){4000, 400, 5000, 8000, 20000};
        in.tiers[TIER_QUALITY] = (struct tier_model){"p", "best", &best, true};
        before = make(&in);
        assert_int_equal(before->steps[0].tier, TIER_BALANCED);
        for (int i = 0; i < 100; i++)
                estimator_learn_attempt(&in.estimator, "/domain", TIER_BALANCED, i % 4 != 0);
        after = make(&in);
        assert_int_equal(after->steps[0].tier, TIER_QUALITY);
        assert_non_null(strstr(after->steps[0].reason, "refused"));
}

/* A tier that always errs costs its tries and the next tier's: three times the price is cheaper,
 * and where there is nothing better the plan says that more is likely. */
static void a_tier_that_errs_is_left(void **state)
{
        _cleanup_(work_freep) struct work *w = make_work(1, 0, 200, 300);
        struct planning in = settings(w);
        struct model_facts cheap = *in.tiers[TIER_BALANCED].facts;
        _cleanup_(plan_freep) struct plan *before = NULL, *after = NULL, *alone = NULL;

        (void)state;
        cheap.price = (struct price){cheap.price.input / 3, cheap.price.cache_read / 3,
                                     cheap.price.cache_write_5m / 3, cheap.price.cache_write_1h / 3,
                                     cheap.price.output / 3};
        in.tiers[TIER_FAST] = (struct tier_model){"p", "cheap", &cheap, true};
        free(w->tasks[0].tier);
        w->tasks[0].tier = strdup("fast");
        before = make(&in);
        assert_int_equal(before->steps[0].tier, TIER_FAST);
        assert_int_equal(before->warnings.n, 0);
        for (int i = 0; i < 100; i++)
                estimator_learn_attempt(&in.estimator, "/domain", TIER_FAST, true);
        after = make(&in);
        assert_int_equal(after->steps[0].tier, TIER_BALANCED);
        in.tiers[TIER_BALANCED] = in.tiers[TIER_QUALITY] = (struct tier_model){0};
        alone = make(&in);
        assert_int_equal(alone->steps[0].tier, TIER_FAST);
        assert_int_equal(alone->warnings.n, 1);
        assert_non_null(strstr(alone->warnings.at[0], "is likely"));
        assert_true(alone->repeat_nanousd > alone->totals.nanousd / 2);
}

/* A name that is too long is cut, and two that begin alike stay two. */
static void kinds_of_long_names_are_told_apart(void **state)
{
        _cleanup_(work_freep) struct work *w = make_work(2, 1200, 200, 300);
        char one[ESTIMATOR_KIND_BYTES], other[ESTIMATOR_KIND_BYTES];

        (void)state;
        w->blueprint = strdup("our-company-python-library-blueprint-of-the-platform-team");
        free(w->tasks[1].kind);
        w->tasks[1].kind = strdup("else");
        plan_kind_name(w, &w->tasks[0], true, one);
        plan_kind_name(w, &w->tasks[1], true, other);
        assert_string_not_equal(one, other);
        plan_kind_name(w, &w->tasks[0], false, other);
        assert_string_not_equal(one, other);
        free(w->tasks[1].kind);
        w->tasks[1].kind = strdup("domain");
        plan_kind_name(w, &w->tasks[1], true, other);
        assert_string_equal(one, other);
}

/* What counts as free and may not be is told, once a model. */
static void an_unknown_price_is_told(void **state)
{
        _cleanup_(work_freep) struct work *w = make_work(2, 1200, 200, 300);
        struct planning in = settings(w);
        _cleanup_(plan_freep) struct plan *known = make(&in), *p = NULL;

        (void)state;
        assert_int_equal(known->warnings.n, 0);
        in.tiers[TIER_BALANCED].unpriced = "m";
        in.tiers[TIER_QUALITY] = in.tiers[TIER_BALANCED];
        p = make(&in);
        assert_int_equal(p->warnings.n, 1);
        assert_non_null(strstr(p->warnings.at[0], "the price of m is not known"));
        assert_int_equal(p->unpriced.n, 1);
        assert_string_equal(p->unpriced.at[0], "m");
}

/* ---- switches ---- */

static void every_rule_can_be_off(void **state)
{
        _cleanup_(work_freep) struct work *w = make_work(9, 1200, 200, 300);
        struct planning in = settings(w);

        (void)state;
        for (unsigned off = 0; off < N_PLAN_RULES; off++) {
                _cleanup_(plan_freep) struct plan *p = NULL;
                size_t n = 0;

                in = settings(w);
                in.is_on[off] = false;
                p = make(&in);
                /* without findings nothing is said of what findings spell out */
                assert_int_equal(p->n_effects, N_PLAN_RULES - (off == RULE_MECHANICAL ? 1 : 2));
                for (size_t i = 0; i < p->n_steps; i++)
                        n += p->steps[i].n_tasks;
                assert_int_equal(n, 9);
                for (uint32_t i = 0; i < 9; i++) {
                        const struct step *s = &p->steps[p->step_of_task[i]];
                        bool is_there = false;

                        for (size_t k = 0; k < s->n_tasks; k++)
                                is_there |= s->tasks[k] == i;
                        assert_true(is_there);
                }
        }
        memset(in.is_on, 0, sizeof(in.is_on));
        {
                _cleanup_(plan_freep) struct plan *p = make(&in);

                assert_int_equal(p->totals.calls, p->naive.calls);
                assert_int_equal(p->totals.nanousd, p->naive.nanousd);
                assert_int_equal(p->totals.ms, p->naive.ms);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(full_and_compressed_are_told),
                cmocka_unit_test(a_large_call_by_hand),
                cmocka_unit_test(the_same_read_from_a_warm_cache),
                cmocka_unit_test(three_calls_that_share_four_fifths),
                cmocka_unit_test(below_the_minimum_nothing_is_marked),
                cmocka_unit_test(what_lapses_in_between_is_kept_for_an_hour),
                cmocka_unit_test(ten_at_three_a_call_are_four),
                cmocka_unit_test(calls_stay_within_all_bounds),
                cmocka_unit_test(objectives_move_the_choice),
                cmocka_unit_test(a_chain_is_not_batched),
                cmocka_unit_test(incomplete_batches_become_smaller),
                cmocka_unit_test(refused_answers_raise_the_tier),
                cmocka_unit_test(a_tier_that_errs_is_left),
                cmocka_unit_test(kinds_of_long_names_are_told_apart),
                cmocka_unit_test(an_unknown_price_is_told),
                cmocka_unit_test(every_rule_can_be_off),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
