/* What a log's work must have taken at least, by logs made by hand; and what the simulator notes of
 * an answer for it. */

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "common/json.h"
#include "tests/sim/bound.h"
#include "tests/sim/told.h"

static const struct limits_config no_limits;

static json_t *bound_of(const char *text, uint64_t n_at_once, const struct limits_config *limits)
{
        _cleanup_json_ json_t *rows = json_loads(text, 0, NULL);
        json_t *o;

        assert_non_null(rows);
        o = bound_of_log(rows, n_at_once, limits);
        assert_non_null(o);
        return o;
}

static int number(const json_t *o, const char *name)
{
        return (int)json_integer_value(json_object_get(o, name));
}

static void assert_path(const json_t *o, const char *expected)
{
        _cleanup_free_ char *text = json_dumps(json_object_get(o, "path"), JSON_COMPACT);

        assert_string_equal(text, expected);
}

#define ROW(n, start, end, more)                                            \
        "{\"n\":" #n ",\"status\":200,\"class\":\"a\",\"start_us\":" #start \
        ",\"end_us\":" #end more "}"

/* The second call needs b.go, which was sent in the middle of the first. */
static void test_the_end_of_a_file_counts(void **state)
{
        _cleanup_json_ json_t *o = bound_of(
                "[" ROW(2, 400, 900,
                        ",\"asks\":[\"c.go\"],\"shows\":[\"b.go\"],\"files\":[{\"path\":\"c.go\","
                        "\"us\":900}]") "," ROW(1, 0, 1000,
                                                ",\"asks\":[\"b.go\",\"d.go\"],\"files\":[{"
                                                "\"path\":\"b.go\",\"us\":300},{\"path\":\"d."
                                                "go\",\"us\":1000}]") "]",
                8, &no_limits);

        (void)state;
        /* 300 to the line that it waited for and 500 of its own are less than the first call. */
        assert_int_equal(number(o, "path_us"), 1000);
        assert_path(o, "[{\"n\":1,\"us\":1000}]");
        assert_int_equal(number(o, "span_us"), 1000);
        assert_int_equal(number(o, "all_us"), 1500 / 8);
        assert_int_equal(number(o, "mean_us"), 750);
        assert_int_equal(number(o, "again"), 0);
        assert_string_equal(json_get_text(o, "by"), "path");
}

/* Three in a row; what nobody waited for is not on the path, however late it began. */
static void test_a_chain(void **state)
{
        _cleanup_json_ json_t *o = bound_of(
                "[" ROW(1, 0, 100, ",\"files\":[{\"path\":\"a\",\"us\":60}]") "," ROW(
                        2, 70, 200,
                        ",\"shows\":[\"a\",\"z\"],\"files\":[{\"path\":\"b\",\"us\":"
                        "170}]") "," ROW(3, 200, 260,
                                         ",\"shows\":[\"a\",\"b\"]") "," ROW(4, 300, 390, "") "]",
                1, &no_limits);

        (void)state;
        assert_int_equal(number(o, "path_us"), 60 + 100 + 60);
        assert_path(o, "[{\"n\":1,\"us\":60,\"file\":\"a\"},{\"n\":2,\"us\":100,\"file\":\"b\"},{"
                       "\"n\":3,\"us\":60}]");
        assert_int_equal(number(o, "all_us"), 100 + 130 + 60 + 90);
        assert_string_equal(json_get_text(o, "by"), "all");
        assert_int_equal(number(o, "bound_us"), 380);
        assert_int_equal(number(o, "span_us"), 390);
}

/* What is shown may have been known before: only what was sent by then can have been waited for. Of
 * two projects that have a name in common, the one that says least. */
static void test_only_what_was_there(void **state)
{
        _cleanup_json_ json_t *late =
                bound_of("[" ROW(1, 0, 100, ",\"files\":[{\"path\":\"a\",\"us\":100}]") "," ROW(
                                 2, 50, 120, ",\"shows\":[\"a\"]") "]",
                         8, &no_limits);
        _cleanup_json_ json_t *two =
                bound_of("[" ROW(1, 0, 100,
                                 ",\"asks\":[\"a\"],\"files\":[{\"path\":\"a\",\"us\":100}"
                                 "]") "," ROW(2, 110, 130,
                                              ",\"asks\":[\"a\"],\"files\":[{\"path\":"
                                              "\"a\",\"us\":120}]") "," ROW(3, 140, 240,
                                                                            ",\"shows\":["
                                                                            "\"a\"]") "]",
                         8, &no_limits);

        (void)state;
        assert_int_equal(number(late, "path_us"), 100);
        assert_int_equal(number(two, "again"), 0);
        assert_int_equal(number(two, "path_us"), 110);
        assert_path(two, "[{\"n\":2,\"us\":10,\"file\":\"a\"},{\"n\":3,\"us\":100}]");
}

#define REFUSED ROW(1, 0, 100, ",\"asks\":[\"a\",\"b\"],\"files\":[{\"path\":\"a\",\"us\":40}]")
#define AGAIN           \
        ROW(3, 50, 200, \
            ",\"asks\":[\"a\"],\"told_why\":true,\"files\":[{\"path\":\"a\",\"us\":190}]")

/* A file that did not come is asked for at the end of the call; one that was refused, at its own,
 * and what comes then stands in its place. */
static void test_what_is_asked_again(void **state)
{
        _cleanup_json_ json_t *o =
                bound_of("[" REFUSED "," ROW(2, 100, 150, ",\"asks\":[\"b\"]") "," AGAIN "," ROW(
                                 4, 195, 200, ",\"shows\":[\"a\"]") "]",
                         8, &no_limits);
        _cleanup_json_ json_t *used =
                bound_of("[" REFUSED "," AGAIN "," ROW(4, 195, 295, ",\"shows\":[\"a\"]") "]", 8,
                         &no_limits);

        (void)state;
        assert_int_equal(number(o, "again"), 2);
        assert_int_equal(number(o, "path_us"), 40 + 150);
        assert_path(o, "[{\"n\":1,\"us\":40,\"file\":\"a\"},{\"n\":3,\"us\":150}]");
        assert_int_equal(number(used, "path_us"), 40 + 140 + 100);
}

/* Refusals and faults are no work; a client that left had its call under way. */
static void test_which_calls_count(void **state)
{
        _cleanup_json_ json_t *o = bound_of(
                "[{\"n\":1,\"status\":429,\"class\":\"a\",\"start_us\":0,\"end_us\":900},"
                "{\"n\":2,\"status\":529,\"class\":\"a\",\"start_us\":0,\"end_us\":900},"
                "{\"n\":3,\"status\":499,\"class\":\"a\",\"start_us\":0,\"end_us\":30},"
                "{\"n\":4,\"status\":200,\"start_us\":0,\"end_us\":900}," ROW(5, 10, 20, "") "]",
                0, &no_limits);
        _cleanup_json_ json_t *none = bound_of("[]", 0, &no_limits);

        (void)state;
        assert_int_equal(number(o, "calls"), 2);
        assert_int_equal(number(o, "at_once"), 2);
        assert_int_equal(number(o, "path_us"), 30);
        assert_int_equal(number(o, "all_us"), 20);
        assert_int_equal(number(none, "bound_us"), 0);
}

/* A full bucket of 100 passes; the 140 tokens after it flow in at 100 a minute, and the shortest
 * call takes 990. Another class has a
 * bucket of its own. */
static void test_rates(void **state)
{
        static const char log[] =
                "[" ROW(1, 0, 1000, ",\"charged\":80,\"usage\":{\"output\":300}") "," ROW(
                        2, 10, 1000,
                        ",\"charged\":80,\"usage\":{\"output\":1}") "," ROW(3, 2000, 3000,
                                                                            ",\"charged\":80,"
                                                                            "\"usage\":{\"output\":"
                                                                            "300}") ","
                                                                                    "{\"n\":4,"
                                                                                    "\"status\":"
                                                                                    "200,\"class\":"
                                                                                    "\"b\",\"start_"
                                                                                    "us\":5,\"end_"
                                                                                    "us\":9,"
                                                                                    "\"charged\":"
                                                                                    "90,\"usage\":{"
                                                                                    "\"output\":9}}"
                                                                                    "]";
        _cleanup_json_ json_t *input =
                bound_of(log, 8, &(struct limits_config){.per_minute = {[LIMIT_INPUT] = 100}});
        _cleanup_json_ json_t *requests =
                bound_of(log, 8, &(struct limits_config){.per_minute = {[LIMIT_REQUESTS] = 2}});
        _cleanup_json_ json_t *output =
                bound_of(log, 8, &(struct limits_config){.per_minute = {[LIMIT_OUTPUT] = 100}});
        _cleanup_json_ json_t *wide =
                bound_of(log, 8, &(struct limits_config){.per_minute = {[LIMIT_INPUT] = 240}});

        (void)state;
        assert_int_equal(number(input, "rate_us"), 84000990);
        assert_string_equal(json_get_text(input, "by"), "rate");
        assert_int_equal(number(input, "bound_us"), 84000990);
        assert_string_equal(json_get_text(json_object_get(input, "rate"), "class"), "a");
        assert_string_equal(json_get_text(json_object_get(input, "rate"), "limit"), "input");
        assert_int_equal(number(requests, "rate_us"), 30000990);
        /* The third came when 301 had gone: 202 had to flow in. What it says itself binds nobody.
         */
        assert_int_equal(number(output, "rate_us"), 121200990);
        assert_int_equal(number(wide, "rate_us"), 0);
        assert_null(json_object_get(wide, "rate"));
}

/* A prompt larger than the bucket passes when that is full. */
static void test_more_than_the_bucket(void **state)
{
        _cleanup_json_ json_t *o = bound_of(
                "[" ROW(1, 0, 10, ",\"charged\":500") "," ROW(2, 20, 30, ",\"charged\":500") "]", 8,
                &(struct limits_config){.per_minute = {[LIMIT_INPUT] = 100}});

        (void)state;
        assert_int_equal(number(o, "rate_us"), 5 * 60000000 + 10);
}

/* Runs in the order of the numbers, each call when a slot is free and what it needs was sent: no
 * such run is shorter than its own bound, and with as many slots as calls the path is all of it. */
static void test_no_run_beats_its_bound(void **state)
{
        enum { CALLS = 60, FILES = 3 };
        uint64_t chance = 12345;

        (void)state;
        for (unsigned round = 0; round < 80; round++) {
                _cleanup_json_ json_t *rows = json_array(), *o = NULL;
                size_t slots = round % 4 ? 1 + round % 7 : CALLS;
                uint64_t free_at[CALLS] = {0}, sent[CALLS][FILES], end = 0;

                for (size_t i = 0; i < CALLS; i++) {
                        json_t *files = json_array(), *shows = json_array(), *asks = json_array();
                        uint64_t start = 0, usec;
                        size_t slot = 0;
                        char path[32];

                        for (size_t k = 0; k < i && k < 3; k++) {
                                chance = chance * 6364136223846793005u + 1442695040888963407u;
                                size_t of = (chance >> 33) % i, file = (chance >> 20) % FILES;

                                if ((chance >> 50) % 3 == 0)
                                        continue;
                                (void)snprintf(path, sizeof(path), "%zu/%zu", of, file);
                                json_array_append_new(shows, json_string(path));
                                start = MAX2(start, sent[of][file]);
                        }
                        for (size_t k = 1; k < slots; k++)
                                slot = free_at[k] < free_at[slot] ? k : slot;
                        start = usec = MAX2(start, free_at[slot]);
                        for (size_t f = 0; f < FILES; f++) {
                                chance = chance * 6364136223846793005u + 1442695040888963407u;
                                usec += 1 + (chance >> 40) % 1000;
                                sent[i][f] = usec;
                                (void)snprintf(path, sizeof(path), "%zu/%zu", i, f);
                                json_array_append_new(asks, json_string(path));
                                json_array_append_new(files, json_pack("{s:s s:I}", "path", path,
                                                                       "us", (json_int_t)usec));
                        }
                        usec += (chance >> 20) % 100;
                        free_at[slot] = usec;
                        end = MAX2(end, usec);
                        json_array_append_new(
                                rows, json_pack("{s:i s:i s:s s:I s:I s:o s:o s:o}", "n", (int)i,
                                                "status", 200, "class", "a", "start_us",
                                                (json_int_t)start, "end_us", (json_int_t)usec,
                                                "asks", asks, "shows", shows, "files", files));
                }
                o = bound_of_log(rows, slots, &no_limits);
                assert_non_null(o);
                assert_true((uint64_t)number(o, "bound_us") <= end);
                assert_int_equal(number(o, "again"), 0);
                if (slots == CALLS)
                        assert_int_equal(number(o, "path_us"), end);
                if (slots == 1) /* one after another */
                        assert_int_equal(number(o, "all_us"), end);
        }
}

static void test_what_is_noted_of_an_answer(void **state)
{
        static const char text[] =
                "Here.\n<<<file a/b c.go T1\npackage b\n>>>end T1\n<<<edits d.go "
                "T1\nx\n>>>end T1\n<<<file e.go T1\nhalf";
        static const char before[] = "<<<file z.go T1\npackage z\n>>>end T1\n<<<file y.go T1\nfir";
        _cleanup_(told_done) struct told t = {0}, goes_on = {0};
        _cleanup_json_ json_t *row = json_object();
        const json_t *files;

        (void)state;
        assert_int_equal(told_read_answer(SPAN(""), SPAN(text), &t), 0);
        assert_int_equal(t.n_files, 2);
        assert_string_equal(t.files[0].path, "a/b c.go");
        assert_string_equal(t.files[1].path, "d.go");
        told_note_sent(&t, t.files[0].end - 1, 10);
        told_note_sent(&t, t.files[0].end, 20);
        told_note_sent(&t, t.files[0].end + 1, 30);
        told_write(&t, row);
        files = json_object_get(row, "files");
        assert_int_equal(json_array_size(files), 1); /* the second was never sent */
        assert_int_equal(number(json_array_get(files, 0), "us"), 20);

        assert_int_equal(told_read_answer(SPAN(before), SPAN("st line\n>>>end T1\n"), &goes_on), 0);
        assert_int_equal(goes_on.n_files, 1);
        assert_string_equal(goes_on.files[0].path, "y.go");
}

static void test_what_is_noted_of_a_prompt(void **state)
{
        static const char text[] = "```go interface a.go\nfunc A()\n```\n```go text b.go\nx\n```\n"
                                   "```yaml\nanswer:\n  tag: T\n  files:\n    - c.go\n    - {path: "
                                   "d.go}\n  edits: [b.go]\n```\n";
        struct prompt_part part = {ROLE_USER, SPAN(text), MARK_NONE};
        struct prompt p = {.parts = &part, .n_parts = 1};
        _cleanup_(facts_freep) struct facts *f = NULL;
        _cleanup_(told_done) struct told t = {0};
        _cleanup_json_ json_t *row = json_object();
        _cleanup_free_ char *written = NULL;

        (void)state;
        assert_int_equal(facts_read(&p, &f), 0);
        assert_int_equal(told_read_facts(f, &t), 0);
        told_write(&t, row);
        written = json_dumps(row, JSON_COMPACT | JSON_SORT_KEYS);
        assert_string_equal(written, "{\"asks\":[\"c.go\",\"d.go\",\"b.go\"],\"files\":[],"
                                     "\"shows\":[\"a.go\",\"b.go\"]}");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_the_end_of_a_file_counts),
                cmocka_unit_test(test_a_chain),
                cmocka_unit_test(test_only_what_was_there),
                cmocka_unit_test(test_what_is_asked_again),
                cmocka_unit_test(test_which_calls_count),
                cmocka_unit_test(test_rates),
                cmocka_unit_test(test_more_than_the_bucket),
                cmocka_unit_test(test_no_run_beats_its_bound),
                cmocka_unit_test(test_what_is_noted_of_an_answer),
                cmocka_unit_test(test_what_is_noted_of_a_prompt),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
