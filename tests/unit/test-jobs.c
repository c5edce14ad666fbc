/* Jobs against the real store. */

#include "daemon/jobs/record.h"
#include "jobs-bench.h"

#define ASK "{\"kind\": \"ask\", \"input\": {\"prompt\": \"why?\"}}"
#define ASK_WITH_KEY \
        "{\"kind\": \"ask\", \"input\": {\"prompt\": \"why?\"}, \"meta\": {\"key\": \"k\"}}"

static const char *of_job(const char *job, const char *more)
{
        static char text[400];

        snprintf(text, sizeof(text), "{\"job\": \"%s\"%s}", job, more);
        return text;
}

/* ---- tests ---- */

static void test_ask(void **state)
{
        char job[ULID_TEXT_BYTES];
        struct job_cursor *c;

        (void)state;
        assert_true(submit(ASK, job));
        c = attach(job);
        await_event(c, "done");
        job_cursor_free(c);
        check_seqs_grow();
        check_on_disk(job, "done", false);
        assert_string_equal(
                json_get_text(json_array_get(t.events, json_array_size(t.events) - 1), "text"),
                ANSWER);
        assert_null(registry_next(&t.jobs->registry, NULL));
        assert_int_equal(t.jobs->n_running, 0);
        /* Now it is known, without a job; the other writer may still be at it. */
        fixture_settle(&t.f);
        assert_false(submit(ASK, job));
        assert_non_null(strstr(t.reply, "\"cached\":true"));
}

/* Every commit of a job fails once: at once for want of memory, later for want of room. The job is
 * refused, or it is done in the end, and all of it is told. */
static void fail_each(enum fault fault, size_t n_faults)
{
        for (size_t n = 0;; n++) {
                char job[ULID_TEXT_BYTES];
                struct job_cursor *c;
                size_t n_at_end;
                void *state;

                set_up(&state);
                t.fault = fault;
                t.fault_at = n;
                t.n_faults = n_faults;
                if (!submit(ASK, job)) {
                        assert_int_equal(n, 0);
                        assert_int_equal(t.refusal, fault == FAULT_LATER ? FAILURE_DISK_FULL
                                                                         : FAILURE_INTERNAL);
                        for (int i = 0;
                             t.jobs->n_commits > 0 || registry_next(&t.jobs->registry, NULL);
                             i++, turn())
                                assert_true(i < MAX_TURNS);
                        assert_int_equal(t.jobs->n_running + t.jobs->n_queued +
                                                 t.jobs->registry.n_waiting,
                                         0);
                        check_nothing_on_disk();
                        tear_down(&state);
                        continue;
                }
                c = attach(job);
                await_event(c, "done");
                job_cursor_free(c);
                check_seqs_grow();
                assert_int_equal(n_events("done"), 1);
                assert_int_equal(n_events("task.done"), 1);
                check_on_disk(job, "done", false);
                assert_true(t.n_calls <= 2 + n_faults);
                assert_true(t.n_commits < 40); /* nothing spins */
                assert_int_equal(t.jobs->registry.n_waiting, 0);
                n_at_end = t.n_commits;
                tear_down(&state);
                if (n > n_at_end)
                        return;
        }
}

static void test_commits_fail_at_once(void **state)
{
        (void)state;
        fail_each(FAULT_AT_ONCE, 1);
}

static void test_commits_fail_later(void **state)
{
        (void)state;
        fail_each(FAULT_LATER, 1);
        fail_each(FAULT_LATER, 3);
}

/* A cancellation that cannot be written is owed, not forgotten. */
static void test_cancel_without_room(void **state)
{
        char job[ULID_TEXT_BYTES];
        struct job_cursor *c;

        (void)state;
        t.is_key_missing = true;
        assert_true(submit(ASK, job));
        c = attach(job);
        await_event(c, "waiting");
        t.fault = FAULT_LATER;
        t.fault_at = t.n_commits;
        t.n_faults = 2;
        call(jobs_cancel, of_job(job, ""));
        await_event(c, "cancelled");
        job_cursor_free(c);
        check_on_disk(job, "cancelled", false);
        call(jobs_cancel, of_job(job, "")); /* it is */
        assert_int_equal(t.refusal, N_FAILURES);
}

/* A job that waits for a key goes on by resume, and at the next start. */
static void test_waits_for_a_key(void **state)
{
        char job[ULID_TEXT_BYTES];
        struct job_cursor *c;

        (void)state;
        t.is_key_missing = true;
        assert_true(submit(ASK, job));
        c = attach(job);
        await_event(c, "waiting");
        job_cursor_free(c);
        check_on_disk(job, "waiting", true);
        assert_int_equal(t.jobs->registry.n_waiting, 1);
        call(jobs_resume, of_job(job, ""));
        assert_non_null(strstr(t.reply, "queued"));
        c = attach(job);
        for (int i = 0; n_events("waiting") < 3; i++, turn(), drain(c, ""))
                assert_true(i < MAX_TURNS);
        job_cursor_free(c);
        t.is_key_missing = false;
        close_jobs();
        fixture_reopen(&t.f);
        open_jobs();
        c = attach(job);
        await_event(c, "done");
        job_cursor_free(c);
        check_on_disk(job, "done", false);
}

/* Two submits with one key: one job, whose id is told to both when it is on disk, and to nobody
 * when it is not. */
static void test_twins(void **state)
{
        char *first;

        (void)state;
        t.fault = FAULT_LATER;
        t.n_faults = 1;
        submit_now(ASK_WITH_KEY);
        submit_now(ASK_WITH_KEY);
        assert_int_equal(t.n_replies, 0);
        while (t.n_replies < 2)
                turn();
        assert_null(t.reply);
        assert_int_equal(t.refusal, FAILURE_DISK_FULL);
        for (int i = 0; registry_next(&t.jobs->registry, NULL);
             i++, turn()) /* its planning may still be on its way */
                assert_true(i < MAX_TURNS);
        submit_now(ASK_WITH_KEY);
        submit_now(ASK_WITH_KEY);
        while (t.n_replies < 3)
                turn();
        first = strdup(t.reply);
        while (t.n_replies < 4)
                turn();
        assert_string_equal(first, t.reply);
        free(first);
}

/* A death while a job is read and planned counts like any other. */
static void test_deaths_while_planning(void **state)
{
        char job[ULID_TEXT_BYTES];
        struct job_cursor *c;

        (void)state;
        t.is_key_missing = true;
        assert_true(submit(ASK, job));
        c = attach(job);
        await_event(c, "waiting");
        job_cursor_free(c);
        for (int i = 0; i < JOB_MAX_DEATHS; i++) {
                close_jobs();
                t.fault = FAULT_LATER; /* after the mark nothing reaches the disk: it died there */
                t.fault_at = t.n_commits + (i > 0 ? 2 : 1);
                t.n_faults = (size_t)1 << 30;
                open_jobs();
                while (t.n_commits <= t.fault_at)
                        turn();
                check_on_disk(job, "planning", true);
        }
        close_jobs();
        t.fault = FAULT_NONE;
        open_jobs();
        c = attach(job);
        await_event(c, "failed");
        job_cursor_free(c);
        check_on_disk(job, "failed", false);
}

/* What was made under one reading is not remembered under the key of another. */
static void test_raw_key_of_another_generation(void **state)
{
        char job[ULID_TEXT_BYTES];
        struct job_cursor *c;
        struct buf value;

        (void)state;
        buf_init(&value, 0);
        submit_now(ASK);
        t.jobs->generation.at[0] ^= 1; /* a reload, before it is planned */
        while (t.n_replies < 1)
                turn();
        snprintf(job, sizeof(job), "%.26s", strstr(t.reply, "\"job\":\"") + 7);
        c = attach(job);
        await_event(c, "done");
        job_cursor_free(c);
        fixture_settle(&t.f);
        assert_int_equal(cache_get(t.f.store, CACHE_RAW, &raw_key, &value), CONDITION_ABSENT);
        buf_done(&value);
}

/* Clients in turn, interactive jobs first, each client's in order. */
static void test_queue(void **state)
{
        const struct job_kind *ask = job_kind_find("ask"), *generate = job_kind_find("generate");
        static const uint64_t clients[] = {1, 1, 1, 2, 3, 3}, expected[] = {4, 1, 2, 3, 1, 3, 1};
        struct job *jobs[7];
        struct ulid id;

        (void)state;
        for (size_t i = 0; i < 7; i++) {
                ulid_next(&t.jobs->last, &id);
                jobs[i] = job_new(t.jobs, &id);
                jobs[i]->kind = i < 6 ? generate : ask;
                jobs[i]->uid = 7;
                jobs[i]->client = i < 6 ? clients[i] : 4;
                jobs_queue_add(jobs[i]);
                jobs_queue_add(jobs[i]); /* once */
        }
        assert_int_equal(t.jobs->n_queued, 7);
        for (size_t i = 0; i < 7; i++)
                assert_int_equal(jobs_queue_take(t.jobs)->client, expected[i]);
        assert_null(jobs_queue_take(t.jobs));
        assert_null(t.jobs->by_client);
        for (size_t i = 0; i < 7; i++)
                job_unref(jobs[i]);
}

#define MANY 100000

static void test_queue_of_many_clients(void **state)
{
        struct job **jobs = calloc(MANY, sizeof(struct job *));
        uint64_t start;
        struct ulid id;

        (void)state;
        for (size_t i = 0; i < MANY; i++) {
                ulid_next(&t.jobs->last, &id);
                jobs[i] = job_new(t.jobs, &id);
                jobs[i]->kind = job_kind_find("ask");
                jobs[i]->client = i;
        }
        start = clock_monotonic_usec();
        for (size_t i = 0; i < MANY; i++)
                jobs_queue_add(jobs[i]);
        while (jobs_queue_take(t.jobs))
                ;
        print_message("%d clients through the queue: %llu ms\n", MANY,
                      (unsigned long long)(clock_monotonic_usec() - start) / 1000);
        for (size_t i = 0; i < MANY; i++)
                job_unref(jobs[i]);
        free(jobs);
}

/* A record is what it was when it is read again. */
static void test_record(void **state)
{
        struct job *job, *again;
        struct buf first, second;
        struct hash h = {{9}};
        struct failure *f = NULL;
        struct ulid id;

        (void)state;
        buf_init(&first, 0);
        buf_init(&second, 0);
        ulid_next(&t.jobs->last, &id);
        job = job_new(t.jobs, &id);
        job->kind = job_kind_find("generate");
        assert_int_equal(job_options_resolve(t.config, NULL, &job->options, &f), 0);
        job->uid = 7;
        job->label = strdup("a \"label\"\n");
        job->state = JOB_WAITING;
        job->wait = WAIT_CLIENT;
        job->wait_id = 3;
        job->wait_task = 4;
        job->wait_command = 1;
        job->wait_remedy = strdup("run it");
        job->created_ms = 5;
        job->deaths = 2;
        job->head = 17;
        job->has_idem = job->has_raw_key = true;
        job->idem = job->raw_key = job->generation = h;
        job->totals.nanousd = 123;
        job->totals.files[SOURCE_CALL] = 2;
        assert_int_equal(job_add_need(job, "a/b", &h), 0);
        assert_int_equal(job_add_need(job, NULL, &h), 0);
        job->needs[0].is_met = job->needs[0].is_absent = true;
        job->failure = failure_new(FAILURE_BUDGET, NULL);
        assert_int_equal(job_record_write(job, &first), 0);
        job_unref(job);
        assert_int_equal(job_record_read(t.jobs, &id, buf_span(&first), &again), 0);
        assert_int_equal(job_record_write(again, &second), 0);
        assert_int_equal(first.n, second.n);
        assert_memory_equal(first.at, second.at, first.n);
        assert_int_equal(again->durable, 17);
        assert_false(job_needs_met(again));
        job_unref(again);
        for (size_t n = 0; n < first.n; n++) /* cut anywhere: no job, and nothing is lost */
                assert_true(job_record_read(t.jobs, &id, (struct span){first.at, n}, &again) < 0);
        assert_null(registry_next(&t.jobs->registry, NULL));
        buf_done(&first);
        buf_done(&second);
}

static void put(enum store_table table, const void *key, size_t n, const char *value)
{
        fixture_put(&t.f, table, (struct span){key, n}, span_of(value));
}

static bool has(enum store_table table, const void *key, size_t n)
{
        _cleanup_buf_ struct buf value = {0};

        buf_init(&value, 0);
        return store_get(t.f.store, table, (struct span){key, n}, &value) == 0;
}

/* Details go some days after the end, not after the beginning; what is gone is not removed again.
 */
static void test_retention(void **state)
{
        uint64_t day = (uint64_t)24 * 3600 * 1000, now = clock_realtime_ms();
        static const char idem_key[] = "0000000000000000000000000000000000000000000000000000000000"
                                       "000001";
        uint8_t idem[4 + HASH_BYTES] = {0, 0, 0, 7};
        struct {
                unsigned began, ended; /* days ago */
                bool has_record, has_details;
        } cases[] = {{100, 95, false, false},
                     {30, 1, true, true},
                     {30, 10, true, false},
                     {1, 1, true, true}};
        uint8_t ids[4][ULID_BYTES + 8];
        size_t n_commits;

        (void)state;
        memset(ids, 0, sizeof(ids));
        idem[sizeof(idem) - 1] = 1;
        for (size_t i = 0; i < 4; i++) {
                uint64_t ms = now - cases[i].began * day;
                char value[200];

                for (int k = 0; k < 6; k++)
                        ids[i][k] = (uint8_t)(ms >> (40 - 8 * k));
                ids[i][ULID_BYTES - 1] = (uint8_t)i;
                snprintf(value, sizeof(value), "{\"ended\": %llu, \"uid\": 7, \"idem\": \"%s\"}",
                         (unsigned long long)(now - cases[i].ended * day), idem_key);
                put(TABLE_JOB, ids[i], ULID_BYTES, value);
                put(TABLE_EVENT, ids[i], ULID_BYTES + 8, "{}");
        }
        fixture_put(&t.f, TABLE_IDEM, (struct span){(char *)idem, sizeof(idem)},
                    (struct span){(char *)ids[0], ULID_BYTES});
        jobs_retain(t.jobs);
        fixture_fence(&t.f, STORE_STATE);
        for (size_t i = 0; i < 4; i++) {
                assert_int_equal(has(TABLE_JOB, ids[i], ULID_BYTES), cases[i].has_record);
                assert_int_equal(has(TABLE_EVENT, ids[i], ULID_BYTES + 8), cases[i].has_details);
        }
        assert_false(has(TABLE_IDEM, idem, sizeof(idem)));
        n_commits = t.n_commits;
        jobs_retain(t.jobs);
        assert_int_equal(t.n_commits, n_commits);
}

int main(int argc, char **argv)
{
        static const struct CMUnitTest tests[] = {
#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
                CASE(test_ask),
                cmocka_unit_test(test_commits_fail_at_once),
                cmocka_unit_test(test_commits_fail_later),
                CASE(test_cancel_without_room),
                CASE(test_waits_for_a_key),
                CASE(test_twins),
                CASE(test_deaths_while_planning),
                CASE(test_raw_key_of_another_generation),
                CASE(test_queue),
                CASE(test_queue_of_many_clients),
                CASE(test_record),
                CASE(test_retention),
        };
        int status;

        if (fixture_is_check(argc, argv, &status))
                return status;
        return cmocka_run_group_tests(tests, NULL, NULL);
}
