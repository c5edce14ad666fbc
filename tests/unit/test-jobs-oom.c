/* The nth allocation fails, for every n: records, journal and prompts answer -ENOMEM, or the job
 * waits and goes on. */

#include "jobs-bench.h"
#include "no-memory.h"

#include "daemon/exec/leaving.h"
#include "daemon/jobs/journal.h"
#include "daemon/jobs/life.h"
#include "daemon/jobs/record.h"

static bool is_told(int r)
{
        return r == 0 || r == -ENOMEM || r == -EBADMSG; /* Jansson cannot always tell */
}

static struct job *new_job(void)
{
        struct failure *f = NULL;
        struct job *job;
        struct ulid id;

        ulid_next(&t.jobs->last, &id);
        job = job_new(t.jobs, &id);
        if (!job)
                return NULL;
        job->kind = job_kind_find("ask");
        job->head = job->durable = 1;
        job->has_idem = job->has_raw_key = true;
        if (job_options_resolve(t.config, NULL, &job->options, &f) == 0)
                return job;
        job_unref(job);
        failure_free(f);
        return NULL;
}

static int write_and_read_record(void)
{
        struct job *job = new_job(), *again = NULL;
        struct ulid id;
        struct buf b;
        int k = job ? job_add_need(job, "a/b", NULL) : -ENOMEM;

        buf_init(&b, 0);
        k = k ? k : job_record_write(job, &b);
        if (job)
                id = job->id;
        job_unref(job);
        k = k ? k : job_record_read(t.jobs, &id, buf_span(&b), &again);
        job_unref(again);
        buf_done(&b);
        return k;
}

static void test_record(void **state)
{
        (void)state;
        torture(write_and_read_record, is_told);
        assert_null(registry_next(&t.jobs->registry, NULL));
}

/* What cannot be said now is no event, and the job waits; nothing is half written. */
static int say_something(void)
{
        long mine = allowed;
        struct job *job;

        allowed = -1;
        job = new_job();
        assert_non_null(job);
        allowed = mine;
        journal_say(job, "warning", json_pack("{s:s}", "text", "words"));
        mine = allowed;
        allowed = -1;
        while (t.jobs->n_commits > 0)
                turn();
        if (job->has_lost) {
                assert_int_equal(job->state, JOB_WAITING);
                assert_int_equal(job->durable, 1);
        } else {
                assert_int_equal(job->durable, 2);
        }
        job_end(job, JOB_CANCELLED, "cancelled", json_object());
        while (t.jobs->n_commits > 0)
                turn();
        assert_int_equal(t.jobs->registry.n_waiting, 0);
        job_unref(job);
        assert_null(registry_next(&t.jobs->registry, NULL));
        allowed = mine;
        return 0;
}

static void test_journal(void **state)
{
        (void)state;
        torture(say_something, is_told);
}

static struct run run;

static int write_prompt(void)
{
        struct planning in = {.work = run.work};
        uint32_t both[] = {0, 1};
        struct step s = {0};
        struct prompt p = {0};
        int k = plan_group_step(&in, NULL, NULL, both, 2, TIER_FAST, &s);

        k = k ? k : prompt_write(&run, &s, &p);
        if (k == 0)
                assert_int_equal(p.n_blocks, 4); /* two tasks, the interface, the answer */
        prompt_done(&p);
        step_done(&s);
        return k;
}

static void test_prompt(void **state)
{
        static uint32_t blocks[] = {0, 1}, depends[] = {2};
        struct task tasks[] = {
                {.path = (char *)"a", .title = (char *)"a", .blocks = &blocks[0], .n_blocks = 1},
                {.path = (char *)"b",
                 .title = (char *)"b",
                 .blocks = &blocks[1],
                 .n_blocks = 1,
                 .depends = depends,
                 .n_depends = 1},
                {.path = (char *)"c", .title = (char *)"c"}};
        struct block texts[] = {{BLOCK_FACTS, (char *)"x\n", 2, {{0}}},
                                {BLOCK_FACTS, (char *)"y\n", 2, {{1}}}};
        struct run_task states[3] = {[2] = {.interface = (char *)"type ```T", .n_interface = 9}};
        struct work w = {.tasks = tasks, .n_tasks = 3, .blocks = texts, .n_blocks = 2};

        (void)state;
        run = (struct run){.work = &w, .tasks = states};
        torture(write_prompt, is_told);
}

int main(int argc, char **argv)
{
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(test_record, set_up, tear_down),
                cmocka_unit_test_setup_teardown(test_journal, set_up, tear_down),
                cmocka_unit_test(test_prompt),
        };
        int status;

        if (fixture_is_check(argc, argv, &status))
                return status;
        json_set_alloc_funcs(__wrap_malloc, free);
        return cmocka_run_group_tests(tests, NULL, NULL);
}
