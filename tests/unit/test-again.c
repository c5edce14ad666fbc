#include "daemon/edit/again.h"
#include "tests/unit/unit.h"

static const char before[] = "1\n2\n3\n4\n5\n6\n7\n8\n9\n10\n11\n12\n13\n14\n15\n16\n17\n18\n19\n",
                  after[] =
                          "1\n2\n3\n4\nfive\n6\n7\n8\n9\n10\n11\n12\n13\n14\n15\nnew\n16\n17\n18\n";

static const struct hash identities[2] = {{{1}}, {{2}}};

static void write_note(struct buf *note)
{
        struct traces *t = NULL;
        struct again a = {.score = 0.75, .identities = identities, .n = 2};

        assert_int_equal(traces_new(span_of(before), span_of(after), &t), 0);
        assert_int_equal(again_write(&a, t, span_of(before), span_of(after), note), 0);
        traces_free(t);
}

/* NULL: the edits do not fit. */
static void expect(const char *text, const char *made)
{
        _cleanup_buf_ struct buf note = {0}, out = {0};
        _cleanup_free_ struct hash *of = calloc(AGAIN_FINDINGS_MAX, sizeof(*of));
        struct again a;

        write_note(&note);
        assert_non_null(of);
        assert_int_equal(again_read(buf_span(&note), of, &a), 0);
        assert_int_equal(a.n, 2);
        assert_true(a.score == 0.75);
        assert_true(hash_is_equal(&a.identities[1], &identities[1]));
        assert_int_equal(again_apply(&a, span_of(text), &out), made ? 0 : CONDITION_ABSENT);
        if (made)
                assert_true(span_is_equal(buf_span(&out), span_of(made)));
}

static void test_edits_fit_where_the_same_lines_stand(void **state _unused_)
{
        expect(before, after);
        expect("a\nb\n1\n2\n3\n4\n5\n6\n7\n8\nother\n13\n14\n15\n16\n17\n18\n19\n",
               "a\nb\n1\n2\n3\n4\nfive\n6\n7\n8\nother\n13\n14\n15\nnew\n16\n17\n18\n");
        /* One of them stands already. */
        expect("1\n2\n3\n4\nfive\n6\n7\n8\n13\n14\n15\n16\n17\n18\n19\n",
               "1\n2\n3\n4\nfive\n6\n7\n8\n13\n14\n15\nnew\n16\n17\n18\n");
}

static void test_edits_that_do_not_fit_are_not_made(void **state _unused_)
{
        expect(after, NULL); /* nothing to do */
        expect("", NULL);
        expect("1\n2\nx\n4\n5\n6\n7\n8\n13\n14\n15\n16\n17\n18\n19\n",
               NULL);                             /* another line beside */
        expect("1\n2\n3\n4\n5\n6\n7\n8\n", NULL); /* a half of it */
        expect("2\n3\n4\n5\n6\n7\n8\n2\n3\n4\n5\n6\n7\n8\n13\n14\n15\n16\n17\n18\n19\n",
               NULL); /* twice there */
}

static void test_bytes_of_a_disk_are_not_trusted(void **state _unused_)
{
        _cleanup_buf_ struct buf note = {0};
        _cleanup_free_ struct hash *of = calloc(AGAIN_FINDINGS_MAX, sizeof(*of));
        struct again a;

        assert_non_null(of);
        write_note(&note);
        for (size_t n = 0; n < 16 + 2 * HASH_BYTES; n++)
                assert_int_equal(again_read((struct span){note.at, n}, of, &a), CONDITION_ABSENT);
        memset(note.at + 8, 0xff, 4);
        assert_int_equal(again_read(buf_span(&note), of, &a), CONDITION_ABSENT);
        memset(note.at, 0xff, 8); /* no number */
        assert_int_equal(again_read(buf_span(&note), of, &a), CONDITION_ABSENT);
}

static void test_a_long_repair_is_not_noted(void **state _unused_)
{
        _cleanup_free_ char *text = malloc(AGAIN_MAX_BYTES + 2);
        struct again a = {.score = 1, .identities = identities, .n = 1};
        _cleanup_buf_ struct buf note = {0};
        struct traces *t = NULL;

        assert_non_null(text);
        memset(text, 'x', AGAIN_MAX_BYTES + 1);
        text[AGAIN_MAX_BYTES + 1] = '\0';
        assert_int_equal(traces_new(SPAN("a\n"), span_of(text), &t), 0);
        assert_int_equal(again_write(&a, t, SPAN("a\n"), span_of(text), &note), -EMSGSIZE);
        traces_free(t);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_edits_fit_where_the_same_lines_stand),
                cmocka_unit_test(test_edits_that_do_not_fit_are_not_made),
                cmocka_unit_test(test_bytes_of_a_disk_are_not_trusted),
                cmocka_unit_test(test_a_long_repair_is_not_noted),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
