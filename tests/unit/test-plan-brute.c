/* The planner beside one that tries everything: 500 random cases, the worst ratio and its seed. */

#include <math.h>
#include <stdio.h>

#include "tests/unit/brute-plan.h"
#include "tests/unit/unit.h"

#define CASES 500
#define FULL_UP_TO 4 /* tasks: above, tiers and presentations are as the planner chose them */
#define WORST_ALLOWED 1.05

static double compare(uint64_t seed)
{
        struct brute_case c;
        enum step_kind settled[16];
        struct draft d = {.settled = settled};
        double planned, best;

        brute_case_make(seed, &c);
        d.in = &c.in;
        d.plan = plan_new(c.work->n_tasks);
        for (size_t i = 0; i < N_ELEMENTS(settled); i++)
                settled[i] = STEP_CALL;
        assert_int_equal(draft_write_scheme(&d), 0);
        planned = pricing_run(d.pricing, d.scheme);
        best = brute_plan(d.units, d.scheme, c.work->n_tasks <= FULL_UP_TO);
        assert_true(isfinite(planned) && isfinite(best));
        scheme_free(d.scheme);
        pricing_free(d.pricing);
        units_free(d.units);
        plan_free(d.plan);
        brute_case_done(&c);
        return planned / best;
}

static void within_a_twentieth_of_the_best(void **state)
{
        double worst = 0, sum = 0;
        uint64_t worst_seed = 0, n_best = 0;

        (void)state;
        for (uint64_t seed = 1; seed <= CASES; seed++) {
                double ratio = compare(seed);

                if (ratio > 1.02 && getenv("BRUTE_VERBOSE"))
                        printf("seed %llu: %.4f\n", (unsigned long long)seed, ratio);
                sum += ratio;
                n_best += ratio < 1 + 1e-9;
                if (ratio > worst) {
                        worst = ratio;
                        worst_seed = seed;
                }
        }
        printf("%d cases: worst ratio %.4f (seed %llu), mean %.5f, the best in %llu\n", CASES,
               worst, (unsigned long long)worst_seed, sum / CASES, (unsigned long long)n_best);
        assert_true(worst <= WORST_ALLOWED);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(within_a_twentieth_of_the_best),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
