#include "unit.h"

#include "client/files/left.h"
#include "common/json.h"
#include "no-memory.h"

static json_t *event(int task, const char *path, const char *source, size_t n)
{
        json_t *e = json_pack("{s:i,s:s,s:[]}", "task", task, "path", path, "findings");

        assert_non_null(e);
        for (size_t i = 0; i < n; i++)
                assert_int_equal(json_array_append_new(json_object_get(e, "findings"),
                                                       json_pack("{s:s}", "rule", "r-1")),
                                 0);
        if (source)
                assert_int_equal(json_object_set_new(e, "source", json_string(source)), 0);
        else
                assert_int_equal(json_object_set_new(e, "reason", json_string("reverted")), 0);
        return e;
}

static int note(struct left *l, int task, const char *path, const char *source, size_t n,
                const char *why)
{
        json_t *e = event(task, path, source, n);
        int r = left_note(l, e, why);

        json_decref(e);
        return r;
}

static json_t *done_with(int mechanical, int call)
{
        json_t *d = json_pack("{s:{s:{s:{s:i,s:i},s:i,s:[s,s]}},s:[{s:i,s:s,s:{s:s}}]}", "summary",
                              "findings", "repaired", "mechanical", mechanical, "call", call,
                              "review", 3, "review_files", "a", "b", "failures", "task", 7, "path",
                              "z", "error", "message", "refused");

        assert_non_null(d);
        return d;
}

static const json_t *findings_of(const json_t *done)
{
        return json_object_get(json_object_get(done, "summary"), "findings");
}

static int count(const json_t *done, const char *source)
{
        return (int)json_integer_value(
                json_object_get(json_object_get(findings_of(done), "repaired"), source));
}

static void what_was_left_does_not_count(void **state)
{
        json_t *done = done_with(5, 4);
        struct left *l = NULL;

        (void)state;
        assert_int_equal(left_new(&l), 0);
        assert_int_equal(note(l, 0, "a", "mechanical", 2, NULL), 0);
        assert_int_equal(note(l, 1, "b", "mechanical", 3, "no room"), 0);
        assert_int_equal(note(l, 2, "b", "call", 1, "no room"), 0);
        assert_int_equal(left_settle(l, done), 0);
        assert_int_equal(count(done, "mechanical"), 2);
        assert_int_equal(count(done, "call"), 3);
        assert_int_equal(json_integer_value(json_object_get(findings_of(done), "not_written")), 4);
        assert_int_equal(json_array_size(json_object_get(findings_of(done), "not_written_files")),
                         1);
        assert_int_equal(json_array_size(json_object_get(findings_of(done), "review_files")), 1);
        json_decref(done);
        left_free(l);
}

/* What went in later stands; what was taken back is the daemon's count. */
static void the_last_word_counts(void **state)
{
        json_t *done = done_with(2, 2);
        struct left *l = NULL;

        (void)state;
        assert_int_equal(left_new(&l), 0);
        assert_int_equal(note(l, 0, "a", "mechanical", 2, "no room"), 0);
        assert_int_equal(note(l, 0, "a", "mechanical", 2, NULL), 0);
        assert_int_equal(note(l, 1, "b", "call", 2, NULL), 0);
        assert_int_equal(note(l, 1, "b", NULL, 0, NULL), 0);
        assert_int_equal(left_settle(l, done), 0);
        assert_int_equal(count(done, "mechanical") + count(done, "call"), 4);
        assert_null(json_object_get(findings_of(done), "not_written"));
        json_decref(done);
        left_free(l);
}

static void what_is_stuck_is_told(void **state)
{
        json_t *done = done_with(2, 2), *back = event(7, "z", NULL, 0);
        struct left *l = NULL;
        const char *message;

        (void)state;
        assert_int_equal(left_new(&l), 0);
        assert_int_equal(note(l, 7, "z", "call", 1, NULL), 0);
        assert_false(left_is_moot(l, back));
        assert_int_equal(left_note(l, back, "it changed"), 0);
        assert_int_equal(left_settle(l, done), 0);
        message = json_get_text(
                json_object_get(json_array_get(json_object_get(done, "failures"), 0), "error"),
                "message");
        assert_non_null(strstr(message, "could not be taken back: it changed"));
        json_decref(back);
        json_decref(done);
        left_free(l);
}

static json_t *first, *second, *back, *done; /* made while there is memory */

static int play(void)
{
        json_t *own = json_deep_copy(done);
        struct left *l = NULL;
        int r = own ? left_new(&l) : -ENOMEM;

        r = r ? r : left_note(l, first, "no room");
        r = r ? r : left_note(l, second, NULL);
        r = r ? r : left_note(l, back, "it changed");
        r = r ? r : left_settle(l, own);
        json_decref(own);
        left_free(l);
        return r;
}

static void memory_may_run_out(void **state)
{
        (void)state;
        first = event(0, "a", "mechanical", 2);
        second = event(7, "z", "call", 1);
        back = event(7, "z", NULL, 0);
        done = done_with(2, 1);
        torture(play, NULL);
        json_decref(first);
        json_decref(second);
        json_decref(back);
        json_decref(done);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(what_was_left_does_not_count),
                cmocka_unit_test(the_last_word_counts),
                cmocka_unit_test(what_is_stuck_is_told),
                cmocka_unit_test(memory_may_run_out),
        };

        json_set_alloc_funcs(__wrap_malloc, free);
        return cmocka_run_group_tests(tests, NULL, NULL);
}
