/* The planner beside one that tries everything: 500 random cases, the worst ratio and its seed.
 * $BRUTE_FULL=n: in their place n cases of five tasks, over all tiers and presentations too
 * (minutes; ./dev bench brute). $BRUTE_FIRST: the first seed;
 * $BRUTE_CASES: how many in place of 500. */

#include <math.h>
#include <stdio.h>

#include "tests/unit/brute-plan.h"
#include "tests/unit/unit.h"

#define CASES 500
#define FULL_UP_TO 4 /* tasks: above, tiers and presentations are as the planner chose them */
#define WORST_ALLOWED 1.05

#define FULL_TASKS 5
#define FULL_FIRST_SEED 1000

/* n_wanted: of tasks, 0: any; cases of another size have the ratio 0. */
static double compare(uint64_t seed, size_t n_wanted, size_t full_up_to)
{
        struct brute_case c;
        enum step_kind settled[16];
        struct draft d = {.settled = settled};
        double planned, best;

        brute_case_make(seed, &c);
        if (n_wanted > 0 && c.work->n_tasks != n_wanted) {
                brute_case_done(&c);
                return 0;
        }
        d.in = &c.in;
        d.plan = plan_new(c.work->n_tasks);
        for (size_t i = 0; i < N_ELEMENTS(settled); i++)
                settled[i] = STEP_CALL;
        assert_int_equal(draft_write_scheme(&d), 0);
        planned = pricing_run(d.pricing, d.scheme);
        best = brute_plan(d.units, d.scheme, c.work->n_tasks <= full_up_to);
        assert_true(isfinite(planned) && isfinite(best));
        scheme_free(d.scheme);
        pricing_free(d.pricing);
        units_free(d.units);
        plan_free(d.plan);
        brute_case_done(&c);
        return planned / best;
}

static void compare_many(uint64_t seed, uint64_t n_cases, size_t n_wanted, size_t full_up_to)
{
        double worst = 0, sum = 0;
        uint64_t worst_seed = 0, n_best = 0;

        for (uint64_t n = 0; n < n_cases; seed++) {
                double ratio = compare(seed, n_wanted, full_up_to);

                if (ratio <= 0)
                        continue;
                n++;
                if (ratio > 1.02 && getenv("BRUTE_VERBOSE"))
                        printf("seed %llu: %.4f\n", (unsigned long long)seed, ratio);
                sum += ratio;
                n_best += ratio < 1 + 1e-9;
                if (ratio > worst) {
                        worst = ratio;
                        worst_seed = seed;
                }
        }
        printf("%llu cases: worst ratio %.4f (seed %llu), mean %.5f, the best in %llu\n",
               (unsigned long long)n_cases, worst, (unsigned long long)worst_seed,
               sum / (double)n_cases, (unsigned long long)n_best);
        assert_true(worst <= WORST_ALLOWED);
}

static void within_a_twentieth_of_the_best(void **state)
{
        const char *full = getenv("BRUTE_FULL"), *given = getenv("BRUTE_FIRST"),
                   *many = getenv("BRUTE_CASES");
        uint64_t first = given ? strtoull(given, NULL, 10) : full ? FULL_FIRST_SEED : 1;

        (void)state;
        if (full)
                compare_many(first, strtoull(full, NULL, 10), FULL_TASKS, FULL_TASKS);
        else
                compare_many(first, many ? strtoull(many, NULL, 10) : CASES, 0, FULL_UP_TO);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(within_a_twentieth_of_the_best),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
