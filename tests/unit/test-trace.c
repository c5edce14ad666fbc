#include "daemon/edit/trace.h"
#include "tests/unit/unit.h"

struct seen {
        unsigned lines[8];
        size_t n;
};

static int see(unsigned line, void *arg)
{
        struct seen *s = arg;

        assert_true(s->n < N_ELEMENTS(s->lines));
        s->lines[s->n++] = line;
        return 0;
}

static void note(const char *before, const char *after, unsigned line, struct buf *b)
{
        struct traces *t = NULL;

        assert_int_equal(traces_new(span_of(before), span_of(after), &t), 0);
        assert_int_equal(traces_add(t, line, b), 0);
        traces_free(t);
}

/* line 0: nowhere. */
static void expect(const struct buf *b, const char *text, unsigned line)
{
        struct seen s = {0};

        assert_int_equal(traces_find(buf_span(b), span_of(text), see, &s), 0);
        assert_int_equal(s.n, line > 0);
        if (line > 0)
                assert_int_equal(s.lines[0], line);
}

static const char before[] = "head\nbody {\n  moored\n}\ntail\n",
                  after[] = "head\nbody {\n  // repaired\n  moored\n}\ntail\n";

static void test_a_repair_is_found_where_lines_moved(void **state _unused_)
{
        _cleanup_buf_ struct buf b = {0};

        note(before, after, 3, &b);
        assert_true(b.n > 0);
        expect(&b, after, 4);
        expect(&b, before, 0);
        expect(&b, "licence\n\nhead\nbody {\n  // repaired\n  moored\n}\ntail\n", 6);
        expect(&b, "head\nbody {\n  // repaired\n  moored\n}\ntail\nmore", 4);
        expect(&b, "head\r\nbody {\r\n  // repaired\r\n  moored\r\n}\r\ntail\r\n", 4);
        expect(&b, "head\nbody {\n  // repaired\n  other\n", 4);
        expect(&b, "else {\n  // repaired\n  other\n", 0);
        expect(&b, "", 0);
}

static void test_what_took_lines_away_is_found(void **state _unused_)
{
        _cleanup_buf_ struct buf b = {0};

        note(before, "head\nbody {\n}\ntail\n", 3, &b);
        expect(&b, "new\nhead\nbody {\n}\ntail\n", 4);
        expect(&b, before, 0);
}

static void test_far_changes_leave_no_trace(void **state _unused_)
{
        _cleanup_buf_ struct buf b = {0}, old = {0}, new = {0};

        for (int i = 0; i < 60; i++) {
                (void)buf_printf(&old, "line %d\n", i);
                (void)buf_printf(&new, "line %d%s\n", i, i == 50 ? " changed" : "");
        }
        note(old.at, new.at, 3, &b);
        note(old.at, old.at, 3, &b);
        assert_int_equal(b.n, 0);
        note(old.at, new.at, 0, &b);
        expect(&b, new.at, 51);
}

static void test_notes_grow_without_repeating(void **state _unused_)
{
        _cleanup_buf_ struct buf a = {0}, b = {0};
        size_t n;

        note(before, after, 3, &a);
        note(before, after, 3, &b);
        n = b.n;
        assert_int_equal(traces_join(buf_span(&a), &b), 0);
        assert_int_equal(b.n, n);
        note(before, "head\nbody {\n}\ntail\n", 3, &a);
        assert_int_equal(traces_join(buf_span(&a), &b), 0);
        assert_int_equal(b.n, a.n);
        for (size_t i = 0; i < b.n; i++) { /* cut off anywhere: what is whole is read */
                struct seen s = {0};

                assert_int_equal(traces_find((struct span){b.at, i}, span_of(after), see, &s), 0);
                assert_int_equal(s.n, i >= n);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_a_repair_is_found_where_lines_moved),
                cmocka_unit_test(test_what_took_lines_away_is_found),
                cmocka_unit_test(test_far_changes_leave_no_trace),
                cmocka_unit_test(test_notes_grow_without_repeating),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
