#include "unit.h"

#include <pthread.h>

#include "common/json.h"
#include "daemon/metrics/metrics.h"

static void test_counter_and_gauge(void **state)
{
        uint64_t before = metrics_get(METRIC_cache_hits);

        (void)state;
        metrics_count(cache_hits);
        metrics_add(METRIC_cache_hits, 4);
        assert_int_equal(metrics_get(METRIC_cache_hits), before + 5);
        metrics_set(METRIC_sessions, 7);
        metrics_move(METRIC_sessions, 1);
        metrics_move(METRIC_sessions, -3);
        assert_int_equal(metrics_get(METRIC_sessions), 5);
}

/* Every value must come back from its bucket within the promised error, at all sizes and at their
 * edges. */
static void test_quantile_of_one_value(void **state)
{
        (void)state;
        for (unsigned power = 0; power < 37; power++) {
                for (int delta = -1; delta <= 1; delta++) {
                        uint64_t value = (UINT64_C(1) << power) + (uint64_t)(int64_t)delta, got;

                        metrics_test_reset();
                        metrics_observe(METRIC_call_ms, value);
                        got = metrics_quantile(METRIC_call_ms, 500);
                        assert_true(got <= value && value - got <= value * 7 / 100);
                }
        }
        metrics_test_reset();
        metrics_observe(METRIC_call_ms, UINT64_MAX); /* more than the range: counted, not lost */
        assert_int_equal(metrics_get(METRIC_call_ms), 1);
        assert_true(metrics_quantile(METRIC_call_ms, 500) > UINT64_C(1) << 36);
}

static void test_quantiles(void **state)
{
        (void)state;
        metrics_test_reset();
        assert_int_equal(metrics_quantile(METRIC_submit_usec, 500), 0);
        for (uint64_t i = 1; i <= 10000; i++)
                metrics_observe(METRIC_submit_usec, i);
        assert_in_range(metrics_quantile(METRIC_submit_usec, 500), 4650, 5350);
        assert_in_range(metrics_quantile(METRIC_submit_usec, 990), 9207, 10000);
        assert_in_range(metrics_quantile(METRIC_submit_usec, 0), 1, 1);
        assert_in_range(metrics_quantile(METRIC_submit_usec, 1000), 9300, 10000);
}

static void test_json(void **state)
{
        _cleanup_json_ json_t *all = NULL;
        const json_t *histogram;
        uint64_t value;

        (void)state;
        metrics_test_reset();
        metrics_add(METRIC_frames_in, 12);
        metrics_observe(METRIC_commit_usec, 100);
        metrics_observe(METRIC_commit_usec, 300);
        assert_int_equal(metrics_to_json(&all), 0);
        assert_int_equal(json_object_size(all), N_METRICS);
        assert_true(json_get_u64(all, "frames_in", &value));
        assert_int_equal(value, 12);
        histogram = json_object_get(all, "commit_usec");
        assert_true(json_get_u64(histogram, "count", &value));
        assert_int_equal(value, 2);
        assert_true(json_get_u64(histogram, "sum", &value));
        assert_int_equal(value, 400);
        assert_true(json_get_u64(histogram, "max", &value));
        assert_int_equal(value, 300);
}

static void test_text(void **state)
{
        _cleanup_buf_ struct buf b = {0};

        (void)state;
        metrics_test_reset();
        metrics_add(METRIC_cache_hits, 3);
        metrics_set(METRIC_sessions, 2);
        metrics_observe(METRIC_call_ms, 7);
        metrics_observe(METRIC_call_ms, 8);
        metrics_observe(METRIC_call_ms, 1023);
        metrics_observe(METRIC_call_ms, 1024);
        metrics_observe(METRIC_call_ms, UINT64_C(1) << 60);
        assert_int_equal(metrics_write_text(&b), 0);
        assert_non_null(strstr(
                b.at, "# TYPE genopt_cache_hits_total counter\ngenopt_cache_hits_total 3\n"));
        assert_non_null(strstr(b.at, "# TYPE genopt_sessions gauge\ngenopt_sessions 2\n"));
        assert_non_null(strstr(b.at, "# TYPE genopt_call_ms histogram\n"));
        assert_non_null(strstr(b.at, "genopt_call_ms_bucket{le=\"7\"} 1\n"));
        assert_non_null(strstr(b.at, "genopt_call_ms_bucket{le=\"15\"} 2\n"));
        assert_non_null(strstr(b.at, "genopt_call_ms_bucket{le=\"1023\"} 3\n"));
        assert_non_null(strstr(b.at, "genopt_call_ms_bucket{le=\"2047\"} 4\n"));
        assert_non_null(strstr(b.at, "genopt_call_ms_bucket{le=\"+Inf\"} 5\n"));
        assert_non_null(strstr(b.at, "genopt_call_ms_count 5\n"));
}

static void *count_many(void *arg)
{
        for (int i = 0; i < 10000; i++) {
                metrics_count(bytes_in);
                metrics_observe(METRIC_plan_usec, (uint64_t)i);
        }
        return arg;
}

static void test_threads(void **state)
{
        uint64_t counted = metrics_get(METRIC_bytes_in), observed = metrics_get(METRIC_plan_usec);
        pthread_t threads[4];

        (void)state;
        for (size_t i = 0; i < N_ELEMENTS(threads); i++)
                assert_int_equal(pthread_create(&threads[i], NULL, count_many, NULL), 0);
        for (size_t i = 0; i < N_ELEMENTS(threads); i++)
                pthread_join(threads[i], NULL);
        assert_int_equal(metrics_get(METRIC_bytes_in), counted + 40000);
        assert_int_equal(metrics_get(METRIC_plan_usec), observed + 40000);
}

static void test_names(void **state)
{
        (void)state;
        assert_string_equal(metrics_name(METRIC_loop_turn_usec_max), "loop_turn_usec_max");
        for (int id = 0; id < N_METRICS; id++)
                assert_true(strlen(metrics_help((enum metric_id)id)) > 0);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_counter_and_gauge),
                cmocka_unit_test(test_quantile_of_one_value),
                cmocka_unit_test(test_quantiles),
                cmocka_unit_test(test_json),
                cmocka_unit_test(test_text),
                cmocka_unit_test(test_threads),
                cmocka_unit_test(test_names),
        };

        return cmocka_run_group_tests_name("metrics", tests, NULL, NULL);
}
