/* What rules saved in truth. Prices per million: 3 in, 0.30 read, 3.75 written, 15 out; the naive
 * plan's model 5 in, 25 out. */

#include "common/json.h"
#include "daemon/plan/measure.h"
#include "tests/unit/unit.h"

#define ROW(name, in, write_5m, write_1h, read, out)                                             \
        "  - name: \"" name "\"\n    price: {input: " in ", cache_write_5m: " write_5m           \
        ", cache_write_1h: " write_1h ", cache_read: " read ", output: " out "}\n"               \
        "    window: 1000\n    max_output: 500\n    cache_minimum: 16\n    first_token_ms: 10\n" \
        "    input_per_second: 100\n    output_per_second: 10\n"                                 \
        "    bytes_per_token: {prose: 4, data: 3, code: 3}\n"

static const char book_text[] =
        "format: 1\ndate: 2026-01-01\nmodels:\n" ROW("mid", "3", "3.75", "6", "0.3", "15")
                ROW("great", "5", "6.25", "10", "0.5", "25") ROW("*", "0", "0", "0", "0", "0");

static struct price_book *book(void)
{
        struct price_book *b = NULL;
        struct failure *failure = NULL;

        if (price_book_read(SPAN(book_text), "book", &b, &failure) != 0)
                fail_msg("%s", failure_message(failure));
        return b;
}

static json_t *plan_with(const char *rules)
{
        _cleanup_buf_ struct buf b = {0};
        json_t *plan = NULL;
        struct diag diag;

        assert_int_equal(
                buf_printf(&b, "{\"naive\": {\"model\": \"great\"}, \"rules\": [%s]}", rules), 0);
        assert_int_equal(json_read(buf_span(&b), &plan, &diag), 0);
        return plan;
}

static json_int_t measured_of(const json_t *plan, size_t rule, const char *key)
{
        const json_t *m =
                json_object_get(json_array_get(json_object_get(plan, "rules"), rule), "measured");

        assert_non_null(m);
        return json_integer_value(json_object_get(m, key));
}

static struct measured_call two_calls[] = {
        {.model = "mid",
         .tokens = {100, 1000, 0, 10},
         .start_ms = 1000,
         .end_ms = 3000,
         .n_tasks = 3,
         .is_ok = true},
        {.model = "mid",
         .tokens = {100, 0, 1000, 10},
         .start_ms = 0,
         .end_ms = 2000,
         .n_tasks = 1,
         .is_ok = true},
        {.model = "mid",
         .tokens = {0, 0, 0, 0},
         .start_ms = 5000,
         .end_ms = 5500,
         .n_tasks = 9,
         .is_ok = false},
};

static void rules_are_measured_by_what_calls_did(void **state)
{
        _cleanup_(price_book_unrefp) struct price_book *prices = book();
        struct measured m = {.calls = two_calls, .n_calls = 3};
        _cleanup_json_ json_t *plan = plan_with(
                "{\"name\": \"prefix\"}, {\"name\": \"tier\"}, {\"name\": \"schedule\"}, "
                "{\"name\": \"batch\", \"calls\": 4, \"input\": 8000}, {\"name\": \"other\"}");

        (void)state;
        assert_int_equal(plan_measure_rules(plan, &m, prices), 0);
        /* read 1000 at 3.00 - 0.30, written 1000 at 3.75 - 3.00 */
        assert_int_equal(measured_of(plan, 0, "nanousd"), 1000 * 2700 - 1000 * 750);
        /* in 200 × 2, read 1000 × 0.2, written 1000 × 2.5, out 20 × 10 */
        assert_int_equal(measured_of(plan, 1, "nanousd"),
                         200 * 2000 + 1000 * 200 + 1000 * 2500 + 20 * 10000);
        assert_int_equal(measured_of(plan, 2, "ms"), 4500 - 3500);
        assert_int_equal(measured_of(plan, 3, "calls"), 2); /* a call that failed saved nothing */
        assert_int_equal(measured_of(plan, 3, "input"), 4000);
        assert_null(json_object_get(json_array_get(json_object_get(plan, "rules"), 4), "measured"));
}

/* Estimated before files share calls, at twice of what the plan's calls show: reached as far as
 * they are. */
static void a_tier_is_measured_as_it_was_estimated(void **state)
{
        static const char text[] =
                "{\"naive\": {\"model\": \"great\"}, \"steps\": [{\"model\": \"mid\", "
                "\"estimate\": {\"input\": 1000, \"output\": 100}}, {\"kind\": \"template\"}], "
                "\"rules\": [{\"name\": \"tier\", \"nanousd\": 6000000}]}";
        _cleanup_(price_book_unrefp) struct price_book *prices = book();
        struct measured_call call = {.model = "mid",
                                     .tokens = {1000, 0, 0, 100},
                                     .end_ms = 1,
                                     .n_tasks = 1,
                                     .is_ok = true};
        struct measured m = {.calls = &call, .n_calls = 1};
        _cleanup_json_ json_t *plan = NULL;
        struct diag diag;

        (void)state;
        assert_int_equal(json_read(SPAN(text), &plan, &diag), 0);
        assert_int_equal(plan_measure_rules(plan, &m, prices), 0);
        assert_int_equal(measured_of(plan, 0, "nanousd"), 6000000);
        call.tokens.input = 500;
        call.tokens.output = 50;
        assert_int_equal(plan_measure_rules(plan, &m, prices), 0);
        assert_int_equal(measured_of(plan, 0, "nanousd"), 3000000);
        call.model = "great"; /* as naive: nothing is saved */
        assert_int_equal(plan_measure_rules(plan, &m, prices), 0);
        assert_int_equal(measured_of(plan, 0, "nanousd"), 0);
}

/* What is kept for an hour costs twice the input, not a quarter more. */
static void an_hour_has_its_price(void **state)
{
        _cleanup_(price_book_unrefp) struct price_book *prices = book();
        struct measured_call call = {.model = "mid",
                                     .tokens = {0, 3000, 1000, 0},
                                     .write_1h = 400,
                                     .end_ms = 1,
                                     .n_tasks = 1,
                                     .is_ok = true};
        struct measured m = {.calls = &call, .n_calls = 1};
        _cleanup_json_ json_t *plan = plan_with("{\"name\": \"prefix\"}, {\"name\": \"tier\"}");

        (void)state;
        assert_int_equal(plan_measure_rules(plan, &m, prices), 0);
        assert_int_equal(measured_of(plan, 0, "nanousd"), 3000 * 2700 - 600 * 750 - 400 * 3000);
        /* great: 5, 6.25, 10, 0.5; mid: 3, 3.75, 6, 0.3 */
        assert_int_equal(measured_of(plan, 1, "nanousd"), 3000 * 200 + 600 * 2500 + 400 * 4000);
}

static void rules_are_measured_by_what_came_true(void **state)
{
        _cleanup_(price_book_unrefp) struct price_book *prices = book();
        struct measured m = {.estimated_input = 1000, .measured_input = 1100};
        _cleanup_json_ json_t *plan =
                plan_with("{\"name\": \"template\", \"calls\": 4, \"nanousd\": 400}, {\"name\": "
                          "\"keep\", \"calls\": 1}, "
                          "{\"name\": \"context\", \"input\": 500}");

        (void)state;
        m.n_planned[STEP_TEMPLATE] = 4;
        m.n_came[STEP_TEMPLATE] = 3;
        assert_int_equal(plan_measure_rules(plan, &m, prices), 0);
        assert_int_equal(measured_of(plan, 0, "calls"), 3);
        assert_int_equal(measured_of(plan, 0, "nanousd"), 300);
        assert_int_equal(measured_of(plan, 1, "calls"), 0); /* planned for nothing: saved nothing */
        assert_int_equal(measured_of(plan, 2, "input"), 550);
}

static void time_under_way_counts_once(void **state)
{
        struct measured_call calls[] = {{.start_ms = 10, .end_ms = 20},
                                        {.start_ms = 0, .end_ms = 15},
                                        {.start_ms = 2, .end_ms = 3},
                                        {.start_ms = 30, .end_ms = 31}};
        struct measured m = {.calls = calls, .n_calls = 4}, none = {0};

        (void)state;
        assert_int_equal(measured_busy_ms(&m), 21);
        assert_int_equal(measured_busy_ms(&none), 0);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(rules_are_measured_by_what_calls_did),
                cmocka_unit_test(a_tier_is_measured_as_it_was_estimated),
                cmocka_unit_test(an_hour_has_its_price),
                cmocka_unit_test(rules_are_measured_by_what_came_true),
                cmocka_unit_test(time_under_way_counts_once),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
