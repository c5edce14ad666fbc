/* Two runs at once that want the same: it is made once, and whoever leaves leaves nobody waiting.
 */

#include "run-bench.h"

#include "common/json.h"

#define BAD "\xff\xfe" /* no text: refused by the basic rules */

static void await_other_end(void)
{
        bench_until(&bench->is_other_ended);
}

static void end_well(size_t call)
{
        bench_end(call, N_FAILURES);
}

/* The call for these tasks: those of one turn leave in the order of their plan. */
static size_t call_of(const char *tasks)
{
        for (size_t i = bench->n_calls; i-- > 0;)
                if (strcmp(bench->calls[i].tasks, tasks) == 0)
                        return i;
        fail_msg("no call for %s", tasks);
        return 0;
}

/* The same file in the words of another name: its place in a plan is no part of its key. */
static void swap(struct work *w, size_t a, size_t b)
{
        struct task t = w->tasks[a];

        w->tasks[a] = w->tasks[b];
        w->tasks[b] = t;
        w->tasks[a].index = (uint32_t)a;
        w->tasks[b].index = (uint32_t)b;
}

static void test_what_another_job_makes_is_waited_for(void **state)
{
        (void)state;
        bench_start(bench_work(3, false), 3, NULL, NULL);
        bench_await_calls(1);
        bench_start_other(bench_work(3, false), 0, false);
        bench_await_other_waits(3);
        assert_int_equal(bench->n_calls, 1);
        for (size_t i = 0; i < 3; i++) {
                char path[16];

                (void)snprintf(path, sizeof(path), "f%zu.json", i);
                bench_say_file(0, path, "{}");
        }
        await_other_end(); /* before the call that brings them ends */
        assert_false(bench->is_ended);
        end_well(0);
        bench_await_end();
        assert_int_equal(bench->n_calls, 1);
        assert_int_equal(bench_n_other_news("file"), 3);
        assert_int_equal(bench_sum(bench->other, "files", "reuse"), 3);
        assert_int_equal(bench_sum(bench->other, "files", "joined"), 3);
        assert_int_equal(bench_sum(bench->other, NULL, "nanousd"), 0);
        assert_int_equal(bench_sum(bench->run, "files", "joined"), 0);
        assert_int_equal(bench_sum(bench->run, "files", "call"), 3);
}

/* Of a batch the part that is under way is left out. */
static void test_the_rest_of_a_batch_is_asked_for(void **state)
{
        size_t rest, alone;

        (void)state;
        bench_start(bench_work(2, false), 2, NULL, NULL);
        bench_await_calls(1);
        bench_start_other(bench_work(5, false), 4, false);
        bench_await_calls(3);
        bench_await_other_waits(2);
        rest = call_of("[2,3]");
        assert_null(strstr(bench->calls[rest].prompt, "facts of 1"));
        bench_say_file(0, "f0.json", "{}");
        bench_say_file(0, "f1.json", "{}");
        end_well(0);
        bench_say_file(rest, "f2.json", "{}");
        bench_say_file(rest, "f3.json", "{}");
        end_well(rest);
        alone = call_of("[4]");
        bench_say_file(alone, "f4.json", "{}");
        end_well(alone);
        await_other_end();
        bench_await_end();
        assert_int_equal(bench->n_calls, 3);
        assert_int_equal(bench_sum(bench->other, "files", "joined"), 2);
        assert_int_equal(bench_sum(bench->other, "files", "call"), 3);
}

/* What it finished stays; the rest is asked for by who waits, together. */
static void test_the_maker_leaves_in_mid_batch(void **state)
{
        size_t rest, alone;

        (void)state;
        bench_start(bench_work(4, false), 4, NULL, NULL);
        bench_await_calls(1);
        bench_start_other(bench_work(4, false), 3, false); /* another batch: 3 and 1 */
        bench_await_other_waits(4);
        bench_say_file(0, "f0.json", "{}");
        bench_await_news("file", 1);
        bench_await_other_waits(3);
        bench_stop();
        assert_true(bench->calls[0].is_cancelled);
        bench_await_calls(3);
        rest = call_of("[1,2]");
        bench_say_file(rest, "f1.json", "{}");
        bench_say_file(rest, "f2.json", "{}");
        end_well(rest);
        alone = call_of("[3]");
        bench_say_file(alone, "f3.json", "{}");
        end_well(alone);
        await_other_end();
        assert_int_equal(bench->n_calls, 3);
        assert_int_equal(bench_sum(bench->other, "files", "joined"), 1);
        assert_int_equal(bench_sum(bench->other, "files", "call"), 3);
}

/* What makes it wait for a person makes nobody else wait. */
static void test_the_maker_is_parked(void **state)
{
        (void)state;
        bench_start(bench_work(2, false), 2, NULL, NULL);
        bench_await_calls(1);
        bench_start_other(bench_work(2, false), 0, false);
        bench_await_other_waits(2);
        bench_end(0, FAILURE_BILLING);
        bench_await_wait();
        bench_await_calls(3);
        bench_say_file(1, "f0.json", "{}");
        end_well(1);
        bench_say_file(2, "f1.json", "{}");
        end_well(2);
        await_other_end();
        /* And what it could not have, it takes from the other. */
        run_resume(bench->run);
        bench_await_end();
        assert_int_equal(bench->n_calls, 3);
        assert_int_equal(bench_sum(bench->run, "files", "reuse"), 2);
}

/* Nor does its budget: the others of its tasks are still under way. */
static void test_the_maker_is_parked_for_its_budget(void **state)
{
        struct work *w = bench_work(1, false);

        (void)state;
        free(w->tasks[0].tier);
        w->tasks[0].tier = strdup("quality"); /* where no budget refuses it */
        bench_start(bench_work(2, false), 0, NULL, NULL);
        bench_await_calls(2);
        bench_start_other(w, 0, false);
        bench_await_other_waits(1);
        bench_say_file(0, "f0.json", BAD);
        bench->refused_model = "fast"; /* what it costs to ask again is too much */
        bench->refuse_model_with = FAILURE_BUDGET;
        end_well(0);
        bench_await_calls(3);
        assert_string_equal(bench->calls[2].model, "quality");
        assert_int_equal(bench->n_waits, 0);
        bench_say_file(2, "f0.json", "{}");
        end_well(2);
        await_other_end();
        assert_int_equal(bench_sum(bench->other, "files", "call"), 1);
}

static void test_the_maker_fails(void **state)
{
        (void)state;
        bench_start(bench_work(1, false), 0, NULL, NULL);
        bench_await_calls(1);
        bench_start_other(bench_work(1, false), 0, false);
        bench_await_other_waits(1);
        bench_end(0, FAILURE_REFUSED);
        bench_await_end();
        bench_await_calls(2);
        bench_say_file(1, "f0.json", "{}");
        end_well(1);
        await_other_end();
        assert_int_equal(bench_sum(bench->other, "files", "call"), 1);
        assert_int_equal(bench_sum(bench->other, "files", "joined"), 0);
}

/* A refused answer is asked for again by who made it: the others wait on. */
static void test_a_refusal_is_the_makers(void **state)
{
        (void)state;
        bench_start(bench_work(1, false), 0, NULL, NULL);
        bench_await_calls(1);
        bench_start_other(bench_work(1, false), 0, false);
        bench_await_other_waits(1);
        bench_say_file(0, "f0.json", BAD);
        end_well(0);
        bench_await_calls(2);
        assert_non_null(strstr(bench->calls[1].prompt, "was refused"));
        bench_say_file(1, "f0.json", "{}");
        end_well(1);
        await_other_end();
        bench_await_end();
        assert_int_equal(bench->n_calls, 2);
        assert_int_equal(bench_sum(bench->other, "files", "joined"), 1);
        assert_int_equal(bench_sum(bench->other, NULL, "retries"), 0);
}

/* Whole, paid for, and still judged when its job is cancelled: it is kept, and who waits for it
 * waits on. */
static void test_the_maker_leaves_while_it_is_judged(void **state)
{
        (void)state;
        bench_start(bench_work(2, false), 2, NULL, NULL);
        bench_await_calls(1);
        bench_start_other(bench_work(2, false), 0, false);
        bench_await_other_waits(2);
        bench_say_file(0, "f0.json", "{}");
        bench_say_file(0, "f1.json", BAD);
        run_stop(bench->run); /* before a turn of the loop brings the verdicts */
        bench_stop();
        assert_true(bench->calls[0].is_cancelled);
        assert_int_equal(bench_n_news("task.done") + bench_n_news("file"), 0);
        bench_await_calls(2); /* what is refused is kept for nobody */
        assert_string_equal(bench->calls[1].tasks, "[1]");
        bench_say_file(1, "f1.json", "{}");
        end_well(1);
        await_other_end();
        assert_int_equal(bench->n_calls, 2);
        assert_int_equal(bench_sum(bench->other, "files", "joined"), 1);
        /* And the same job, resumed, has both. */
        bench_start(bench_work(2, false), 2, NULL, NULL);
        bench_await_end();
        assert_int_equal(bench->n_calls, 2);
        assert_int_equal(bench_sum(bench->run, "files", "reuse"), 2);
        assert_int_equal(bench_n_news("file"), 2);
}

/* The only file of its call was judged, and stood until the call would have ended. */
static void test_the_maker_leaves_before_the_end_of_its_call(void **state)
{
        (void)state;
        bench_start(bench_work(1, false), 0, NULL, NULL);
        bench_await_calls(1);
        bench_start_other(bench_work(1, false), 0, false);
        bench_await_other_waits(1);
        bench_say_file(0, "f0.json", "{}");
        bench_turn();
        assert_int_equal(bench_n_news("file"), 0);
        bench_stop();
        await_other_end();
        assert_int_equal(bench->n_calls, 1);
        assert_int_equal(bench_sum(bench->other, "files", "joined"), 1);
        assert_int_equal(bench_n_other_news("file"), 1);
}

/* What a command of the client's is to judge is kept for nobody: neither is it now. */
static void test_what_a_command_judges_is_not_kept(void **state)
{
        struct work *w = bench_work(1, false);

        (void)state;
        w->tasks[0].command = 0;
        bench_start(w, 0, NULL, NULL);
        bench_await_calls(1);
        bench_say_file(0, "f0.json", "{}");
        bench_stop();
        bench_start(bench_work(1, false), 0, NULL, NULL);
        bench_await_calls(2);
}

/* Who wants it anew gets it anew, and others may have that. */
static void test_a_fresh_run_waits_for_nobody(void **state)
{
        (void)state;
        bench_start_other(bench_work(1, false), 0, true);
        bench_await_calls(1);
        bench_start(bench_work(1, false), 0, NULL, NULL);
        bench_say_file(0, "f0.json", "{}");
        end_well(0);
        await_other_end();
        bench_await_end();
        assert_int_equal(bench->n_calls, 1);
        bench_stop();
        bench_stop_other();
        bench_start(bench_work(2, false), 0, NULL, NULL);
        bench_await_calls(2); /* f0 is what this job published itself; so it is for the other */
        bench_start_other(bench_work(2, false), 0, true);
        bench_await_calls(3);
        assert_non_null(strstr(bench->calls[1].prompt, "f1.json"));
        assert_non_null(strstr(bench->calls[2].prompt, "f1.json"));
}

/* Each has what the other wants: both go on. */
static void test_two_wait_for_each_other(void **state)
{
        struct work *w = bench_work(5, false);

        (void)state;
        swap(w, 0, 4);
        bench_start(bench_work(5, false), 0, NULL, NULL); /* four at once; f4 waits for its turn */
        bench_await_calls(4);
        bench_start_other(w, 0, false); /* f4 first; the others wait */
        bench_await_calls(5);
        bench_await_other_waits(4);
        assert_non_null(strstr(bench->calls[4].prompt, "f4.json"));
        bench_say_file(0, "f0.json", "{}");
        end_well(0);
        bench_await_other_waits(3);
        for (size_t i = 1; i < 5; i++) {
                char path[16];

                (void)snprintf(path, sizeof(path), "f%zu.json", i);
                bench_say_file(i, path, "{}");
                end_well(i);
        }
        await_other_end();
        bench_await_end();
        assert_int_equal(bench->n_calls, 5);
        assert_int_equal(bench_sum(bench->run, "files", "joined"), 1);
        assert_int_equal(bench_sum(bench->other, "files", "joined"), 4);
}

/* The very same request joins the call itself, so that it goes on when the first asker leaves; then
 * a third job waits for the one that is left. */
static void test_the_same_request_joins_the_call(void **state)
{
        (void)state;
        bench_start(bench_work(3, false), 3, NULL, NULL);
        bench_await_calls(1);
        bench->is_same_under_way = true;
        bench_start_other(bench_work(3, false), 3, false);
        bench_await_calls(2);
        assert_string_equal(bench->calls[1].tasks, "[0,1,2]");
        assert_string_equal(bench->calls[1].prompt, bench->calls[0].prompt);
        bench_stop();
        assert_false(bench->calls[1].is_cancelled);
}

/* Leaders before followers, in any job. */
static void test_a_prefix_is_written_once(void **state)
{
        (void)state;
        bench->has_prefix = true;
        bench_start(bench_work(2, false), 0, NULL, NULL);
        bench_await_calls(1);
        bench_start_other(bench_work(4, false), 2, false); /* another step, of the same beginning */
        bench_await_other_waits(1); /* f0; its other calls wait for the beginning */
        assert_int_equal(bench->n_calls, 1);
        bench_begin(0);
        bench_await_calls(4); /* f1 for one of them, f2, f3 */
}

static void test_a_prefix_whose_writer_leaves(void **state)
{
        struct work *w = bench_work(3, false);

        (void)state;
        swap(w, 0, 2);
        bench->has_prefix = true;
        bench_start(bench_work(1, false), 0, NULL, NULL);
        bench_await_calls(1);
        bench_start_other(w, 0, false);
        bench_await_other_waits(1); /* f0; the others wait for the prefix */
        assert_int_equal(bench->n_calls, 1);
        bench_stop();
        bench_await_calls(2); /* one writes it now */
        bench_begin(1);
        bench_await_calls(4);
}

int main(int argc, char **argv)
{
        static const struct CMUnitTest tests[] = {
#define CASE(name) cmocka_unit_test_setup_teardown(name, bench_setup, bench_teardown)
                CASE(test_what_another_job_makes_is_waited_for),
                CASE(test_the_rest_of_a_batch_is_asked_for),
                CASE(test_the_maker_leaves_in_mid_batch),
                CASE(test_the_maker_is_parked),
                CASE(test_the_maker_is_parked_for_its_budget),
                CASE(test_the_maker_fails),
                CASE(test_a_refusal_is_the_makers),
                CASE(test_the_maker_leaves_while_it_is_judged),
                CASE(test_the_maker_leaves_before_the_end_of_its_call),
                CASE(test_what_a_command_judges_is_not_kept),
                CASE(test_a_fresh_run_waits_for_nobody),
                CASE(test_two_wait_for_each_other),
                CASE(test_the_same_request_joins_the_call),
                CASE(test_a_prefix_is_written_once),
                CASE(test_a_prefix_whose_writer_leaves),
        };
        int status;

        if (fixture_is_check(argc, argv, &status))
                return status;
        return cmocka_run_group_tests(tests, NULL, NULL);
}
