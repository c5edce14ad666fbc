#include "daemon/plan/planner.h"

#include <math.h>

#include "common/json.h"
#include "daemon/plan/cost.h"
#include "daemon/plan/ladder.h"
#include "tests/unit/unit.h"

static struct model_facts cheap = {.name = (char *)"cheap",
                                   .price = {1000, 100, 1250, 2000, 5000},
                                   .window = 100000,
                                   .max_output = 8000,
                                   .first_token_ms = 100,
                                   .input_per_second = 1000,
                                   .output_per_second = 100,
                                   .bytes_per_token = {4, 4, 4}};
static struct model_facts best = {.name = (char *)"best",
                                  .price = {4000, 400, 5000, 8000, 20000},
                                  .window = 100000,
                                  .max_output = 8000,
                                  .first_token_ms = 200,
                                  .input_per_second = 1000,
                                  .output_per_second = 50,
                                  .bytes_per_token = {4, 4, 4}};

/* A work of n tasks; each has one facts block of 400 bytes and 800 bytes of expected output; task i
 * depends on i-1 when chained. */
static struct work *make_work(size_t n, bool is_chained)
{
        struct work *w = work_new();
        char text[401];

        assert_non_null(w);
        w->tasks = calloc(n, sizeof(*w->tasks));
        w->n_tasks = n;
        for (size_t i = 0; i < n; i++) {
                struct task *t = &w->tasks[i];
                uint32_t block;

                memset(text, 'a' + (int)(i % 26), 400);
                snprintf(text, 24, "%zu", i);
                text[strlen(text)] = '-';
                text[400] = 0;
                assert_int_equal(work_add_block(w, BLOCK_FACTS, (struct span){text, 400}, &block),
                                 0);
                t->index = (uint32_t)i;
                t->kind = strdup("domain");
                t->tier = strdup("fast");
                snprintf(text, sizeof(text), "f%zu.go", i);
                t->path = strdup(text);
                t->title = strdup(text);
                t->command = -1;
                t->expected_output_bytes = 800;
                t->blocks = malloc(sizeof(*t->blocks));
                t->blocks[0] = block;
                t->n_blocks = 1;
                hash_of(text, strlen(text), &t->static_key);
                if (is_chained && i > 0) {
                        t->depends = malloc(sizeof(*t->depends));
                        t->depends[0] = (uint32_t)i - 1;
                        t->n_depends = 1;
                }
        }
        w->whole_facts_bytes = 400 * n;
        return w;
}

static struct planning settings(const struct work *w)
{
        struct planning in = {.work = w, .n_parallel = 4};

        in.tiers[TIER_FAST] = (struct tier_model){"p", "cheap", &cheap};
        in.tiers[TIER_BALANCED] = (struct tier_model){"p", "cheap", &cheap};
        in.tiers[TIER_QUALITY] = (struct tier_model){"p", "best", &best};
        for (size_t i = 0; i < N_PLAN_RULES; i++)
                in.is_on[i] = true;
        return in;
}

static void a_call_costs_what_the_formula_says(void **state)
{
        _cleanup_(work_freep) struct work *w = make_work(1, false);
        _cleanup_(plan_freep) struct plan *p = NULL;
        struct planning in = settings(w);
        const struct step *s;
        double output; /* not rounded */

        (void)state;
        assert_int_equal(plan_make(&in, &p), 0);
        s = &p->steps[0];
        output = (double)(w->tasks[0].expected_output_bytes + COST_FILE_BYTES) /
                 cheap.bytes_per_token[TEXT_CODE];
        assert_int_equal(s->kind, STEP_CALL);
        assert_int_equal(s->tier, TIER_FAST);
        assert_int_equal(s->estimate.tokens.output, (uint64_t)(output + 0.5));
        assert_true(fabs((double)s->estimate.nanousd - (double)s->estimate.tokens.input * 1000 -
                         output * 5000) < 1000);
        assert_true(fabs((double)s->estimate.ms - 100 - (double)s->estimate.tokens.input -
                         output * 10) < 2);
        assert_true(s->output_p90 > s->estimate.tokens.output && s->ms_p90 > s->estimate.ms);
        assert_true(p->naive.nanousd > p->totals.nanousd); /* the best tier costs more */
}

static void rules_can_be_switched_off(void **state)
{
        _cleanup_(work_freep) struct work *w = make_work(3, false);
        struct task_facts facts[3] = {0};
        struct planning in = settings(w);

        (void)state;
        for (size_t i = 0; i < 3; i++) {
                struct hash key;

                task_full_key(&w->tasks[i], NULL, &key);
                facts[i] = (struct task_facts){.is_in_manifest = i == 0,
                                               .is_standing = i == 0,
                                               .fingerprint = key,
                                               .n_seen = 1};
                facts[i].seen[0] = (struct seen_result){.key = key, .is_at_hand = i == 1};
        }
        in.facts = facts;
        for (int mask = 0; mask < 4; mask++) {
                _cleanup_(plan_freep) struct plan *p = NULL;

                in.is_on[RULE_KEEP] = mask & 1;
                in.is_on[RULE_REUSE] = mask & 2;
                assert_int_equal(plan_make(&in, &p), 0);
                assert_int_equal(p->steps[0].kind, mask & 1 ? STEP_KEEP : STEP_CALL);
                assert_int_equal(p->steps[1].kind, mask & 2 ? STEP_REUSE : STEP_CALL);
                assert_int_equal(p->steps[2].kind, STEP_CALL);
        }
}

/* The chain: what a task will find is certain only while all before it is. */
static void certainty_follows_the_graph(void **state)
{
        _cleanup_(work_freep) struct work *w = make_work(3, true);
        _cleanup_(plan_freep) struct plan *p = NULL;
        struct task_facts facts[3] = {0};
        struct planning in = settings(w);
        struct hash interfaces[3], key;

        (void)state;
        for (size_t i = 0; i < 3; i++)
                hash_of(&i, sizeof(i), &interfaces[i]);
        for (size_t i = 0; i < 3; i++) {
                task_full_key(&w->tasks[i], i ? &interfaces[i - 1] : NULL, &key);
                facts[i] = (struct task_facts){.is_in_manifest = true,
                                               .is_standing = true,
                                               .fingerprint = key,
                                               .has_standing_interface = true,
                                               .standing_interface = interfaces[i],
                                               .n_seen = 1};
                facts[i].seen[0] = (struct seen_result){
                        .key = key, .interface = interfaces[i], .is_at_hand = true};
        }
        w->tasks[0].static_key.at[0] ^= 1; /* the first was edited: nothing with its key is known */
        facts[0].n_seen = 0;
        in.facts = facts;
        assert_int_equal(plan_make(&in, &p), 0);
        assert_int_equal(p->steps[0].kind, STEP_CALL);
        assert_int_equal(p->steps[1].kind, STEP_KEEP); /* if the first keeps its interface */
        assert_false(p->steps[1].is_certain);
        assert_int_equal(p->steps[2].kind, STEP_KEEP);
        assert_false(p->steps[2].is_certain);
}

static void time_is_bounded_by_path_and_by_width(void **state)
{
        _cleanup_(work_freep) struct work *wide = make_work(16, false), *deep = make_work(16, true);
        _cleanup_(plan_freep) struct plan *a = NULL, *b = NULL;
        struct planning in = settings(wide);
        uint64_t one;

        (void)state;
        assert_int_equal(plan_make(&in, &a), 0);
        one = a->steps[0].estimate.ms;
        assert_in_range(a->totals.ms, 4 * one - 2, 4 * one + 2); /* each is rounded by itself */
        in = settings(deep);
        assert_int_equal(plan_make(&in, &b), 0);
        assert_true(b->totals.ms >= 16 * one);
}

static void a_tier_that_is_not_configured_falls_to_a_better_one(void **state)
{
        _cleanup_(work_freep) struct work *w = make_work(1, false);
        _cleanup_(plan_freep) struct plan *p = NULL;
        struct planning in = settings(w);

        (void)state;
        in.tiers[TIER_FAST] = in.tiers[TIER_BALANCED] = (struct tier_model){0};
        assert_int_equal(plan_make(&in, &p), 0);
        assert_int_equal(p->steps[0].tier, TIER_QUALITY);
}

static void no_model_at_all_still_gives_a_plan(void **state)
{
        _cleanup_(work_freep) struct work *w = make_work(2, false);
        _cleanup_(plan_freep) struct plan *p = NULL;
        _cleanup_json_ json_t *o = NULL;
        struct planning in = settings(w);

        (void)state;
        memset(in.tiers, 0, sizeof(in.tiers));
        assert_int_equal(plan_make(&in, &p), 0);
        assert_int_equal(p->totals.calls, 2);
        assert_int_equal(plan_to_json(&in, p, &o), 0);
        assert_true(json_is_null(
                json_object_get(json_array_get(json_object_get(o, "steps"), 0), "model")));
}

/* What the rules say they saved adds up to the difference between naive and planned. */
static void effects_add_up(void **state)
{
        _cleanup_(work_freep) struct work *w = make_work(10, false);
        _cleanup_(plan_freep) struct plan *p = NULL;
        struct planning in = settings(w);
        int64_t money = 0, input = 0;

        (void)state;
        assert_int_equal(plan_make(&in, &p), 0);
        for (size_t i = 0; i < p->n_effects; i++) {
                money += p->effects[i].nanousd;
                input += p->effects[i].input;
        }
        assert_int_equal(money, (int64_t)p->naive.nanousd - (int64_t)p->totals.nanousd);
        assert_int_equal(input, (int64_t)p->naive.tokens.input - (int64_t)p->totals.tokens.input);
}

static void the_ladder_ends(void **state)
{
        struct ladder l = {.tier = TIER_FAST, .has_next_tier = true};
        struct evidence e = {.kind = EVIDENCE_CHECKS};
        enum rung rung = RUNG_AGAIN;
        unsigned n_next = 0;

        (void)state;
        for (e.attempts = 1; e.attempts < 100 && rung != RUNG_GIVE_UP; e.attempts++) {
                rung = ladder_next(&l, &e);
                n_next += rung == RUNG_NEXT_TIER;
        }
        assert_int_equal(rung, RUNG_GIVE_UP);
        assert_true(n_next > 0);
        e = (struct evidence){.kind = EVIDENCE_PROVIDER, .attempts = 1};
        assert_int_equal(ladder_next(&l, &e), RUNG_GIVE_UP);
        e = (struct evidence){.kind = EVIDENCE_IDLE, .attempts = 1};
        assert_int_equal(ladder_next(&l, &e), RUNG_AGAIN);
        e.attempts = 2;
        assert_int_equal(ladder_next(&l, &e), RUNG_GIVE_UP);
        l = (struct ladder){.tier = TIER_QUALITY};
        e = (struct evidence){.kind = EVIDENCE_CUT, .attempts = 2};
        assert_int_equal(ladder_next(&l, &e), RUNG_GIVE_UP);
}

static void the_ladder_shows_more_before_a_dearer_tier(void **state)
{
        struct ladder l = {.tier = TIER_FAST, .has_next_tier = true, .may_show_more = true};
        static const enum rung expected[] = {RUNG_AGAIN, RUNG_WHOLE_CONTEXT, RUNG_NEXT_TIER,
                                             RUNG_NEXT_TIER, RUNG_GIVE_UP};
        struct evidence e = {.kind = EVIDENCE_CHECKS};

        (void)state;
        for (size_t i = 0; i < N_ELEMENTS(expected); i++) {
                e.attempts++;
                assert_int_equal(ladder_next(&l, &e), expected[i]);
                l.was_shown_whole |= expected[i] == RUNG_WHOLE_CONTEXT;
        }
        /* It is not the context that a cut answer lacks. */
        l.was_shown_whole = false;
        e = (struct evidence){.kind = EVIDENCE_CUT, .attempts = 2};
        assert_int_equal(ladder_next(&l, &e), RUNG_NEXT_TIER);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_call_costs_what_the_formula_says),
                cmocka_unit_test(rules_can_be_switched_off),
                cmocka_unit_test(certainty_follows_the_graph),
                cmocka_unit_test(time_is_bounded_by_path_and_by_width),
                cmocka_unit_test(a_tier_that_is_not_configured_falls_to_a_better_one),
                cmocka_unit_test(no_model_at_all_still_gives_a_plan),
                cmocka_unit_test(effects_add_up),
                cmocka_unit_test(the_ladder_ends),
                cmocka_unit_test(the_ladder_shows_more_before_a_dearer_tier),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
