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

static void test_lines_are_followed(void **state _unused_)
{
        struct traces *t = NULL;
        const struct hunk *h;
        size_t n;

        assert_int_equal(traces_new(SPAN("1\n2\n3\n4\n5\n"), SPAN("0\n1\n2\nx\n4\n"), &t), 0);
        h = traces_hunks(t, &n);
        assert_int_equal(n, 3);
        assert_int_equal(traces_line_after(t, 1), 2);
        assert_int_equal(traces_line_after(t, 2), 3);
        assert_int_equal(traces_line_after(t, 3), 0);
        assert_int_equal(traces_line_after(t, 4), 5);
        assert_int_equal(traces_line_after(t, 5), 0);
        assert_int_equal(hunk_distance(&h[0], 1), 0); /* put beside it */
        assert_int_equal(hunk_distance(&h[0], 2), 1);
        assert_int_equal(hunk_distance(&h[1], 1), 2);
        assert_int_equal(hunk_distance(&h[1], 3), 0);
        assert_int_equal(hunk_distance(&h[1], 4), 1);
        assert_int_equal(hunk_distance(&h[1], 5), 2);
        traces_free(t);
}

/* Above what all pairs of lines are compared of: still change by change. */
static void test_long_texts_are_compared(void **state _unused_)
{
        _cleanup_buf_ struct buf a = {0}, b = {0};
        struct traces *t = NULL;
        const struct hunk *h;
        size_t n;

        for (unsigned i = 1; i <= 5000; i++) {
                assert_int_equal(buf_printf(&a, "line %u\n", i), 0);
                if (i == 2 || i == 2500)
                        assert_int_equal(buf_printf(&b, "new %u\n", i), 0);
                if (i != 4000 && i != 4999)
                        assert_int_equal(buf_printf(&b, "line %u\n", i), 0);
        }
        assert_int_equal(traces_new(buf_span(&a), buf_span(&b), &t), 0);
        h = traces_hunks(t, &n);
        assert_int_equal(n, 4);
        assert_int_equal(h[1].b0, 2499);
        assert_int_equal(h[1].a1, 2501);
        assert_int_equal(h[3].b1, 4999);
        assert_int_equal(traces_line_after(t, 3000), 3002);
        assert_int_equal(traces_line_after(t, 4000), 0);
        assert_int_equal(traces_line_after(t, 5000), 5000);
        traces_free(t);
}

static void test_what_stands_around_a_line(void **state _unused_)
{
        static const char text[] = "1\n2\n3\n4\n5\n6\n7\n8\n9\n";
        struct hash a, b;

        assert_int_equal(around_hash(span_of(text), 5, &a), 0);
        assert_int_equal(around_hash(SPAN("x\ny\n2\n3\n4 \n5\n6\n7\n8\nz\n"), 6, &b), 0);
        assert_true(hash_is_equal(&a, &b)); /* moved, and others beyond */
        assert_int_equal(around_hash(SPAN("1\nx\n3\n4\n5\n6\n7\n8\n9\n"), 5, &b), 0);
        assert_false(hash_is_equal(&a, &b));
        assert_int_equal(around_hash(span_of(text), 1, &a), 0);
        assert_int_equal(around_hash(SPAN("1\n2\n3\n4\nx\n"), 1, &b), 0);
        assert_true(hash_is_equal(&a, &b));
        assert_int_equal(around_hash(SPAN(""), 7, &b), 0);
        assert_int_equal(around_hash(span_of(text), 0, &a), 0); /* all of it */
        assert_int_equal(around_hash(SPAN("1\n"), 0, &b), 0);
        assert_false(hash_is_equal(&a, &b));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_a_repair_is_found_where_lines_moved),
                cmocka_unit_test(test_what_took_lines_away_is_found),
                cmocka_unit_test(test_far_changes_leave_no_trace),
                cmocka_unit_test(test_notes_grow_without_repeating),
                cmocka_unit_test(test_lines_are_followed),
                cmocka_unit_test(test_long_texts_are_compared),
                cmocka_unit_test(test_what_stands_around_a_line),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
