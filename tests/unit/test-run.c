/* A run: settle, obtain, check, publish, over work made by hand. */

#include "run-bench.h"

#include "common/clock.h"
#include "common/json.h"
#include "daemon/template/template.h"

#define BAD "\xff\xfe" /* no text: refused by the basic rules */

static uint64_t sum(const char *object, const char *key)
{
        _cleanup_json_ json_t *summary = NULL;
        uint64_t n = 0;

        assert_int_equal(run_summary(bench->run, &summary), 0);
        (void)json_get_u64(object ? json_object_get(summary, object) : summary, key, &n);
        return n;
}

static void test_one_task_one_call(void **state)
{
        (void)state;
        bench_start(bench_work(1, false), 0, NULL, NULL);
        bench_await_calls(1);
        assert_non_null(strstr(bench->calls[0].prompt, "facts of 0"));
        assert_string_equal(bench->calls[0].tasks, "[0]");
        assert_int_equal(bench->calls[0].n, 1);
        bench_say_file(0, "f0.json", "{}");
        bench_end(0, N_FAILURES);
        bench_await_end();
        assert_true(bench->calls[0].is_settled);
        assert_int_equal(bench_n_news("file"), 1);
        assert_int_equal(bench_n_news("call.done"), 1);
        assert_int_equal(sum("files", "call"), 1);
        assert_int_equal(sum(NULL, "nanousd"), 1000);
}

/* A file that another job made while its call waited for its turn is taken as it is. */
static void test_what_was_made_meanwhile_is_not_asked_for(void **state)
{
        struct result made = {.text = (char *)"{\"b\": 1}", .n_text = 8};
        _cleanup_buf_ struct buf value = {0};
        struct hash key;

        (void)state;
        bench_start(bench_work(5, false), 0, NULL, NULL);
        bench_await_calls(4);
        assert_string_equal(bench->calls[3].tasks, "[3]");
        task_full_key(&run_work(bench->run)->tasks[4], NULL, &key);
        hash_of(made.text, made.n_text, &made.content);
        assert_int_equal(result_encode(&made, &value), 0);
        cache_put(bench->f.store, CACHE_RESULT, &key, buf_span(&value));
        fixture_fence(&bench->f, STORE_CACHE);
        for (size_t i = 0; i < 4; i++) {
                char path[16];

                (void)snprintf(path, sizeof(path), "f%zu.json", i);
                bench_say_file(i, path, "{}");
                bench_end(i, N_FAILURES);
        }
        bench_await_end();
        assert_int_equal(bench->n_calls, 4);
        assert_int_equal(sum("files", "call"), 4);
        assert_int_equal(sum("files", "reuse"), 1);
}

/* A provider of the tier that cannot be used is not what the call is priced by. */
static void test_fallback_is_priced_as_itself(void **state)
{
        (void)state;
        bench_start(bench_work(1, false), 0, NULL, NULL);
        bench_await_calls(1);
        assert_string_equal(bench->calls[0].model, "fast");
        assert_true(bench->calls[0].worst_nanousd >= 4096U * 45000U);
}

/* One good, one bad, one missing: the good one is delivered while the others stream; only the other
 * two are asked for again, each alone. */
static void test_group_asks_again_for_what_it_did_not_get(void **state)
{
        const char *again;

        (void)state;
        bench_start(bench_work(3, false), 3, NULL, NULL);
        bench_await_calls(1);
        assert_string_equal(bench->calls[0].tasks, "[0,1,2]");
        assert_non_null(strstr(bench->calls[0].prompt, "facts of 2"));
        bench_say_file(0, "f0.json", "{\"a\": 1}");
        bench_await_news("file", 1);
        assert_false(bench->calls[0].is_settled);
        assert_string_equal(json_get_text(bench_news("file", 0), "path"), "f0.json");
        bench_say_file(0, "f1.json", BAD);
        bench_end(0, N_FAILURES);
        bench_await_calls(3);
        assert_int_equal(bench->n_calls, 3);
        assert_true(bench->calls[0].is_settled);
        assert_string_equal(bench->calls[1].tasks, "[1]");
        assert_string_equal(bench->calls[2].tasks, "[2]");
        again = strstr(bench->calls[1].prompt, "was refused");
        assert_non_null(again);
        assert_null(strstr(bench->calls[1].prompt, "facts of 0"));
        bench_say_file(1, "f1.json", "{\"a\": 2}");
        bench_end(1, N_FAILURES);
        bench_say_file(2, "f2.json", "{\"a\": 3}");
        bench_end(2, N_FAILURES);
        bench_await_end();
        assert_int_equal(bench_n_news("file"), 3);
        assert_int_equal(sum("files", "call"), 3);
        assert_int_equal(sum("files", "batched"), 3);
        assert_int_equal(sum(NULL, "calls"), 3);
        assert_int_equal(sum("checks", "rejected"), 1);
}

/* What stands already drops out of its group; the others still go together. */
static void test_group_without_what_is_known(void **state)
{
        struct work *w = bench_work(3, false);

        (void)state;
        bench_start(w, 0, NULL, NULL);
        bench_await_calls(3);
        bench_say_file(1, "f1.json", "[1]");
        bench_end(1, N_FAILURES);
        bench_await_news("file", 1);
        bench_stop();
        fixture_settle(&bench->f);
        assert_true(bench->calls[0].is_cancelled && bench->calls[2].is_cancelled);
        bench_start(bench_work(3, false), 3, NULL, NULL);
        bench_await_calls(4);
        assert_string_equal(bench->calls[3].tasks, "[0,2]");
        assert_null(strstr(bench->calls[3].prompt, "facts of 1"));
        bench_say_file(3, "f0.json", "{}");
        bench_say_file(3, "f2.json", "{}");
        bench_end(3, N_FAILURES);
        bench_await_end();
        /* What the earlier run of the same job delivered is not said again. */
        assert_int_equal(bench_n_news("file"), 3);
        assert_int_equal(sum("files", "call"), 3);
}

/* A plan that puts a task and what it needs into one call would wait for itself. */
static void test_group_that_waits_for_itself_leaves(void **state)
{
        (void)state;
        bench_start(bench_work(2, true), 2, NULL, NULL);
        bench_await_calls(1);
        assert_string_equal(bench->calls[0].tasks, "[0]");
        bench_say_file(0, "f0.json", "{}");
        bench_end(0, N_FAILURES);
        bench_await_calls(2);
        assert_string_equal(bench->calls[1].tasks, "[1]");
        bench_say_file(1, "f1.json", "{}");
        bench_end(1, N_FAILURES);
        bench_await_end();
        assert_int_equal(sum("files", "call"), 2);
}

/* Text of an attempt that broke off is void: what was refused of it does not stand in the way of
 * the next one's. */
static void test_retry_forgets_what_was_refused(void **state)
{
        (void)state;
        bench_start(bench_work(1, false), 0, NULL, NULL);
        bench_await_calls(1);
        bench_say_file(0, "f0.json", BAD);
        for (int i = 0; i < 20; i++) { /* it is judged */
                bool is_true = true;

                bench_until(&is_true);
        }
        bench_retry(0);
        bench_await_news("task.retry", 1);
        bench_retry(0);
        bench_await_news("task.retry", 2);
        bench_end(0, FAILURE_STREAM_BROKEN);
        bench_await_end();
        assert_int_equal(sum("checks", "rejected"), 0);
        assert_int_equal(sum("files", "failed"), 1);
}

#define LINE "0123456789 and some more of it, a line of fifty.\n"
#define LINES LINE LINE LINE LINE LINE LINE LINE LINE LINE LINE

static void begin_file(size_t i, const char *path, const char *text)
{
        char mark[80];

        snprintf(mark, sizeof(mark), "<<<file %s %s\n", path, bench->calls[i].tag);
        bench_say(i, mark);
        bench_say(i, text);
}

static void expect_content(const char *path, const char *text)
{
        char hex[HASH_HEX_BYTES];
        struct hash h;

        hash_of(text, strlen(text), &h);
        hash_to_hex(&h, hex);
        for (size_t i = 0; i < bench_n_news("file"); i++)
                if (strcmp(json_get_text(bench_news("file", i), "path"), path) == 0) {
                        assert_string_equal(json_get_text(bench_news("file", i), "blob"), hex);
                        return;
                }
        fail_msg("%s was not made", path);
}

/* The model is shown the complete lines that it wrote, and goes on. Files that were not begun are
 * asked for again together; what is whole stands. */
static void test_cut_answer_is_continued(void **state)
{
        char begun[1000];
        size_t k;

        (void)state;
        bench_start(bench_work(4, false), 4, NULL, NULL);
        bench_await_calls(1);
        bench_say_file(0, "f0.json", "{}");
        begin_file(0, "f1.json", LINES "half a li");
        bench_cut(0);
        bench_await_calls(3);
        assert_string_equal(bench->calls[1].tasks, "[1]");
        assert_string_equal(bench->calls[2].tasks, "[2,3]");
        assert_string_equal(bench->calls[2].said, "");
        snprintf(begun, sizeof(begun), "<<<file f1.json %s\n" LINES, bench->calls[1].tag);
        assert_string_equal(bench->calls[1].said, begun);
        assert_null(strstr(bench->calls[1].prompt, "was refused"));
        assert_true(bench->calls[1].max_tokens > bench->calls[0].max_tokens / 4);
        bench_say(1, "the rest\n");
        for (k = 0; k < 3; k++) /* and once more: nothing is lost between two continuations */
                bench_say(1, LINES);
        bench_cut(1);
        bench_await_calls(4);
        bench_say(3, ">>>end ");
        bench_say(3, bench->calls[3].tag);
        bench_say(3, "\n");
        bench_end(3, N_FAILURES);
        bench_say_file(2, "f2.json", "{}");
        bench_say_file(2, "f3.json", "{}");
        bench_end(2, N_FAILURES);
        bench_await_end();
        expect_content("f1.json", LINES "the rest\n" LINES LINES LINES);
        assert_int_equal(bench_n_news("file"), 4);
        assert_int_equal(sum("checks", "rejected"), 0);
        assert_int_equal(sum("files", "failed"), 0);
}

/* One that begins again in spite of that is taken at its word. */
static void test_continued_answer_that_begins_again(void **state)
{
        (void)state;
        bench_start(bench_work(1, false), 0, NULL, NULL);
        bench_await_calls(1);
        begin_file(0, "f0.json", LINES);
        bench_cut(0);
        bench_await_calls(2);
        bench_retry(1); /* what it goes on from is not lost by a retry */
        bench_say_file(1, "f0.json", "[]");
        bench_end(1, N_FAILURES);
        bench_await_end();
        expect_content("f0.json", "[]\n");
}

/* What came before the connection broke stands, after a pause; a stream that brought nothing is
 * asked for again by the calls room. */
static void test_broken_stream_keeps_its_files(void **state)
{
        const json_t *retry;

        (void)state;
        bench_start(bench_work(3, false), 3, NULL, NULL);
        bench_await_calls(1);
        begin_file(0, "f0.json", "too little to go on from\n");
        assert_false(bench_break(0));
        bench_retry(0);
        bench_say_file(0, "f0.json", "{}");
        assert_true(bench_break(0));
        bench_await_calls(2);
        assert_string_equal(bench->calls[1].tasks, "[1,2]");
        assert_int_equal(bench->calls[1].delay_ms, 1000);
        retry = bench_news("task.retry", 1);
        assert_int_equal(json_integer_value(json_object_get(retry, "delay_ms")), 1000);
        begin_file(1, "f1.json", LINES);
        assert_true(bench_break(1));
        bench_await_calls(4);
        assert_string_equal(bench->calls[2].tasks, "[1]");
        assert_string_equal(bench->calls[3].tasks, "[2]");
        bench_say_file(3, "f2.json", "{}");
        bench_end(3, N_FAILURES);
        bench_say(2, LINES);
        assert_true(bench_break(2));
        bench_await_calls(5);
        bench_say(4, LINES);
        assert_false(bench_break(4)); /* enough is enough */
        bench_end(4, FAILURE_STREAM_BROKEN);
        bench_await_end();
        assert_int_equal(bench_n_news("file"), 2);
        assert_int_equal(sum("files", "failed"), 1);
}

/* Same step with evidence, then tier by tier, then no more. */
static void test_ladder(void **state)
{
        static const char *const models[] = {"fast", "fast", "balanced", "quality"};

        (void)state;
        bench_start(bench_work(1, false), 0, NULL, NULL);
        for (size_t i = 0; i < 4; i++) {
                bench_await_calls(i + 1);
                assert_string_equal(bench->calls[i].model, models[i]);
                bench_say_file(i, "f0.json", BAD);
                bench_end(i, N_FAILURES);
        }
        bench_await_end();
        assert_int_equal(bench->n_calls, 4);
        assert_int_equal(sum("files", "failed"), 1);
        assert_int_equal(sum("checks", "rejected"), 4);
        assert_string_equal(json_get_text(bench_news("task.done", 0), "verdict"), "failed");
}

/* What depends on what failed is skipped, all the way down, and says why. */
static void test_dependency_failure(void **state)
{
        _cleanup_json_ json_t *failures = NULL;

        (void)state;
        bench_start(bench_work(3000, true), 0, NULL, NULL);
        bench_await_calls(1);
        bench_end(0, FAILURE_TOO_LONG);
        bench_await_end();
        assert_int_equal(bench->n_calls, 1);
        assert_int_equal(sum("files", "failed"), 3000);
        assert_int_equal(run_failures(bench->run, &failures), 0);
        assert_int_equal(json_array_size(failures), 3000);
        assert_non_null(strstr(
                json_get_text(json_object_get(json_array_get(failures, 2999), "error"), "message"),
                "f0.json"));
}

static uint64_t rest_calls(void)
{
        _cleanup_json_ json_t *rest = NULL;
        uint64_t calls = 0, nanousd = 0;

        assert_int_equal(run_rest(bench->run, &rest), 0);
        assert_true(json_get_u64(rest, "calls", &calls) && json_get_u64(rest, "nanousd", &nanousd));
        assert_int_equal(nanousd > 0, calls > 0);
        return calls;
}

/* What is under way counts as not made; of a batch what is missing. */
static void test_what_is_left_at_any_moment(void **state)
{
        size_t alone;

        (void)state;
        bench_start(bench_work(4, false), 3, NULL, NULL);
        assert_int_equal(rest_calls(), 2);
        bench_await_calls(2);
        assert_int_equal(rest_calls(), 2);
        alone = strcmp(bench->calls[0].tasks, "[3]") == 0 ? 0 : 1;
        bench_say_file(alone, "f3.json", "{}");
        bench_end(alone, N_FAILURES);
        bench_await_news("file", 1);
        assert_int_equal(rest_calls(), 1);
        bench_say_file(1 - alone, "f0.json", "{}");
        bench_await_news("file", 2);
        assert_int_equal(rest_calls(), 1);
        bench_say_file(1 - alone, "f1.json", "{}");
        bench_say_file(1 - alone, "f2.json", "{}");
        bench_end(1 - alone, N_FAILURES);
        bench_await_end();
        assert_int_equal(rest_calls(), 0);
}

static void wait_for_model(const char *model, enum failure_id failure)
{
        bench->refused_model = model;
        bench->refuse_model_with = failure;
}

/* A key is missing for one tier: what goes elsewhere is done first, then the run waits. */
static void test_parked_for_a_key(void **state)
{
        struct work *w = bench_work(3, false);

        (void)state;
        free(w->tasks[1].tier);
        w->tasks[1].tier = strdup("quality");
        wait_for_model("fast", FAILURE_KEY_MISSING);
        bench_start(w, 0, NULL, NULL);
        bench_await_calls(1);
        assert_string_equal(bench->calls[0].tasks, "[1]");
        assert_int_equal(bench->n_waits, 0);
        bench_say_file(0, "f1.json", "{}");
        bench_end(0, N_FAILURES);
        bench_await_wait();
        assert_int_equal(bench->wait, RUN_WAIT_KEY);
        assert_int_equal(bench_n_news("file"), 1);
        wait_for_model(NULL, 0);
        run_resume(bench->run);
        bench_await_calls(3);
        bench_say_file(1, "f0.json", "{}");
        bench_end(1, N_FAILURES);
        bench_say_file(2, "f2.json", "{}");
        bench_end(2, N_FAILURES);
        bench_await_end();
        assert_int_equal(bench_n_news("file"), 3);
}

static void test_budget_parks_a_group_whole(void **state)
{
        (void)state;
        wait_for_model("fast", FAILURE_BUDGET);
        bench_start(bench_work(3, false), 2, NULL, NULL);
        bench_await_wait();
        assert_int_equal(bench->wait, RUN_WAIT_BUDGET);
        assert_int_equal(bench->n_calls, 0);
}

/* The client's command has the last word, and what it refuses is asked for again. */
static void test_command(void **state)
{
        struct work *w = bench_work(1, false);

        (void)state;
        w->tasks[0].command = 0;
        bench_start(w, 0, NULL, NULL);
        bench_await_calls(1);
        bench_say_file(0, "f0.json", "{}");
        bench_end(0, N_FAILURES);
        bench_await_wait();
        assert_int_equal(bench->wait, RUN_WAIT_CLIENT);
        assert_int_equal(bench_n_news("file"), 0);
        assert_int_equal(run_answer(bench->run, 1, true, NULL), -EINVAL);
        assert_int_equal(run_answer(bench->run, 0, false, "it does not compile"), 0);
        assert_int_equal(run_answer(bench->run, 0, true, NULL), -EINVAL);
        bench_await_calls(2);
        assert_non_null(strstr(bench->calls[1].prompt, "it does not compile"));
        bench_say_file(1, "f0.json", "[]");
        bench_end(1, N_FAILURES);
        bench_await_wait();
        assert_int_equal(run_answer(bench->run, 0, true, NULL), 0);
        bench_await_end();
        assert_int_equal(bench_n_news("file"), 1);
}

static void free_template(void *t)
{
        template_free(t);
}

static void give_template(struct work *w, uint32_t task, const char *source)
{
        struct template *t = NULL;
        struct diag d;

        assert_int_equal(template_compile("t", (struct span){source, strlen(source)}, &t, &d), 0);
        w->tasks[task].template = t;
        w->keeper = t; /* as a blueprint would be */
        w->release = free_template;
}

static void test_template_that_renders(void **state)
{
        struct work *w = bench_work(2, false);

        (void)state;
        give_template(w, 0, "{\"n\": 1}\n");
        bench_start(w, 2, NULL, NULL); /* and it leaves its group alone */
        bench_await_calls(1);
        assert_string_equal(bench->calls[0].tasks, "[1]");
        bench_say_file(0, "f1.json", "{}");
        bench_end(0, N_FAILURES);
        bench_await_end();
        assert_int_equal(sum("files", "template"), 1);
        assert_int_equal(sum("files", "call"), 1);
        bench_stop();
}

/* A template that cannot be rendered, or whose text is refused, leaves the task to a model. */
static void test_template_falls_to_a_call(void **state)
{
        static const char *const sources[] = {"{{ 1 / 0 }}", "{{ '' }}"};

        (void)state;
        for (size_t i = 0; i < N_ELEMENTS(sources); i++) {
                struct work *w = bench_work(1, false);

                w->tasks[0].static_key.at[0] = (uint8_t)i; /* another task to the cache */
                give_template(w, 0, sources[i]);
                bench_start(w, 0, NULL, NULL);
                bench_await_calls(i + 1);
                bench_say_file(i, "f0.json", "{}");
                bench_end(i, N_FAILURES);
                bench_await_end();
                assert_int_equal(sum("files", "call"), 1);
                assert_int_equal(bench_n_news("warning"), i + 1);
                bench_stop();
        }
}

static void test_template_without_blocks_fails(void **state)
{
        struct work *w = bench_work(1, false);

        (void)state;
        w->tasks[0].n_blocks = 0;
        give_template(w, 0, "{{ 1 / 0 }}");
        bench_start(w, 0, NULL, NULL);
        bench_await_end();
        assert_int_equal(bench->n_calls, 0);
        assert_int_equal(sum("files", "failed"), 1);
        bench_stop();
}

/* Everything stands: no call, in turns that leave room for others, along a chain deeper than a
 * stack would be. */
static void stands_of(size_t n, bool is_chained, const struct hash *interface, struct stand *stands)
{
        struct work *w = bench_work(n, is_chained);

        for (size_t i = 0; i < n; i++) {
                task_full_key(&w->tasks[i], interface, &stands[i].fingerprint);
                stands[i].is_in_manifest = stands[i].is_on_disk = true;
                stands[i].written = stands[i].disk = *interface;
        }
        work_free(w);
}

static void keep_all(size_t n, bool is_chained)
{
        _cleanup_free_ struct stand *stands = calloc(n, sizeof(*stands));
        struct store_batch *b = NULL;
        struct hash content;
        uint64_t start;

        assert_non_null(stands);
        hash_of("{}\n", 3, &content);
        assert_int_equal(store_batch_new(STORE_STATE, &b), 0);
        assert_int_equal(store_blob_put(b, 7, &content, SPAN("{}\n"), 1), 0);
        assert_int_equal(fixture_commit(&bench->f, b), 0);
        stands_of(n, is_chained, &content, stands);
        start = clock_monotonic_usec();
        bench_start(bench_work(n, is_chained), 0, stands, NULL);
        bench_await_end();
        print_message("%zu kept tasks%s: %llu ms, longest turn %llu us\n", n,
                      is_chained ? " in a chain" : "",
                      (unsigned long long)(clock_monotonic_usec() - start) / 1000,
                      (unsigned long long)loop_turn_usec_max(bench->f.loop));
        assert_int_equal(bench->n_calls, 0);
        assert_int_equal(sum("files", "keep"), n);
        assert_int_equal(bench_n_news("task.done"), n);
}

static void test_keeps_many(void **state)
{
        (void)state;
        keep_all(5000, false);
        assert_true(bench->n_batches > 1); /* in slices */
}

static void test_keeps_a_long_chain(void **state)
{
        (void)state;
        keep_all(20000, true);
}

/* The last results, and what tells of the end, are one batch. */
static void test_end_goes_with_the_last_result(void **state)
{
        (void)state;
        keep_all(1, false);
        assert_int_equal(bench->n_batches, 1);
        assert_true(bench->n_end_news >= 1);
}

/* Freed at any moment: what is under way is cancelled, workers end by themselves. */
static void test_freed_while_it_works(void **state)
{
        (void)state;
        for (int n_turns = 0; n_turns < 4; n_turns++) {
                struct work *w = bench_work(40, false);

                for (uint32_t i = 0; i < 20; i++)
                        if (i == 0)
                                give_template(w, 0, "{\"n\": 1}\n");
                        else
                                w->tasks[i].template = w->tasks[0].template;
                bench_start(w, 0, NULL, NULL);
                for (int i = 0; i < n_turns; i++)
                        bench_turn();
                bench->run = run_free(bench->run);
                while (loop_n_working(bench->f.loop) > 0)
                        bench_turn();
                bench_turn();
        }
        for (size_t i = 0; i < bench->n_calls; i++)
                assert_true(bench->calls[i].is_cancelled);
}

int main(int argc, char **argv)
{
        static const struct CMUnitTest tests[] = {
#define CASE(name) cmocka_unit_test_setup_teardown(name, bench_setup, bench_teardown)
                CASE(test_one_task_one_call),
                CASE(test_what_was_made_meanwhile_is_not_asked_for),
                CASE(test_fallback_is_priced_as_itself),
                CASE(test_group_asks_again_for_what_it_did_not_get),
                CASE(test_group_without_what_is_known),
                CASE(test_group_that_waits_for_itself_leaves),
                CASE(test_retry_forgets_what_was_refused),
                CASE(test_cut_answer_is_continued),
                CASE(test_continued_answer_that_begins_again),
                CASE(test_broken_stream_keeps_its_files),
                CASE(test_ladder),
                CASE(test_dependency_failure),
                CASE(test_what_is_left_at_any_moment),
                CASE(test_parked_for_a_key),
                CASE(test_budget_parks_a_group_whole),
                CASE(test_command),
                CASE(test_template_that_renders),
                CASE(test_template_falls_to_a_call),
                CASE(test_template_without_blocks_fails),
                CASE(test_keeps_many),
                CASE(test_keeps_a_long_chain),
                CASE(test_end_goes_with_the_last_result),
                CASE(test_freed_while_it_works),
        };
        int status;

        if (fixture_is_check(argc, argv, &status))
                return status;
        return cmocka_run_group_tests(tests, NULL, NULL);
}
