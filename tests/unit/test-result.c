#include "unit.h"

#include "common/str.h"
#include "daemon/work/result.h"

static void fill(struct result *r, const char *text, const char *model)
{
        *r = (struct result){.text = str_dup_span(span_of(text)),
                             .n_text = strlen(text),
                             .made_by = SOURCE_CALL,
                             .model = model ? str_dup_span(span_of(model)) : NULL,
                             .nanousd = 0x0102030405060708,
                             .score = 0.75};
        hash_of(text, r->n_text, &r->content);
        hash_of("interface", 9, &r->interface);
}

static void check_back(const char *text, const char *model)
{
        _cleanup_result_ struct result r, back = {0};
        _cleanup_buf_ struct buf b = {0};

        fill(&r, text, model);
        assert_int_equal(result_encode(&r, &b), 0);
        assert_int_equal(result_decode(buf_span(&b), &back), 0);
        assert_int_equal(back.n_text, strlen(text));
        assert_string_equal(back.text, text);
        assert_true(hash_is_equal(&back.content, &r.content));
        assert_true(hash_is_equal(&back.interface, &r.interface));
        assert_int_equal(back.made_by, SOURCE_CALL);
        assert_int_equal(back.nanousd, r.nanousd);
        assert_true(back.score == 0.75);
        assert_true(str_is_equal(back.model, model));
}

static void test_there_and_back(void **state)
{
        (void)state;
        check_back("package order\n", "claude-sonnet-5-5");
        check_back("", NULL);
        check_back("text", NULL);
}

static void test_known_bytes(void **state)
{
        struct result r = {
                .text = (char *)"ab", .n_text = 2, .made_by = SOURCE_TEMPLATE, .nanousd = 258};
        _cleanup_buf_ struct buf b = {0};

        (void)state;
        assert_int_equal(result_encode(&r, &b), 0);
        assert_int_equal(b.n, 4 + 64 + 8 + 8 + 4 + 8 + 2);
        assert_memory_equal(b.at, "GR\1\2", 4);
        assert_memory_equal(b.at + 68, "\0\0\0\0\0\0\1\2", 8);
        assert_memory_equal(b.at + b.n - 10, "\0\0\0\0\0\0\0\2ab", 10);
}

static void test_what_is_left_comes_back(void **state)
{
        struct left_finding left[] = {{2, true, (char *)"it is right"}, {7, false, (char *)""}};
        _cleanup_result_ struct result r, back = {0};
        _cleanup_buf_ struct buf b = {0};

        (void)state;
        fill(&r, "some text", "m");
        r.left = left;
        r.n_left = 2;
        assert_int_equal(result_encode(&r, &b), 0);
        r.left = NULL;
        r.n_left = 0;
        assert_int_equal(result_decode(buf_span(&b), &back), 0);
        assert_string_equal(back.text, "some text");
        assert_false(result_changes_tree(&back));
        assert_int_equal(back.n_left, 2);
        assert_int_equal(back.left[0].index, 2);
        assert_true(back.left[0].is_kept);
        assert_string_equal(back.left[0].why, "it is right");
        assert_int_equal(back.left[1].index, 7);
        assert_false(back.left[1].is_kept);
        for (size_t n = 0; n < b.n; n++) {
                _cleanup_result_ struct result cut = {0};

                assert_int_equal(result_decode((struct span){b.at, n}, &cut), -EBADMSG);
        }
}

static void test_cut_and_foreign_bytes(void **state)
{
        _cleanup_result_ struct result r, back = {0};
        _cleanup_buf_ struct buf b = {0};

        (void)state;
        fill(&r, "some text", "m");
        assert_int_equal(result_encode(&r, &b), 0);
        for (size_t n = 0; n < b.n; n++)
                assert_int_equal(result_decode((struct span){b.at, n}, &back), -EBADMSG);
        (void)buf_add_char(&b, 'x');
        assert_int_equal(result_decode(buf_span(&b), &back), -EBADMSG);
        b.at[2] = 4; /* a version to come */
        assert_int_equal(result_decode((struct span){b.at, b.n - 1}, &back), -EBADMSG);
        b.at[2] = 1;
        b.at[3] = N_SOURCES;
        assert_int_equal(result_decode((struct span){b.at, b.n - 1}, &back), -EBADMSG);
        b.at[3] = 0;
        memset(b.at + 84, 0xff, 4); /* length of the model */
        assert_int_equal(result_decode((struct span){b.at, b.n - 1}, &back), -EBADMSG);
        assert_null(back.text);
}

static void fill_tree(struct result *r)
{
        fill(r, "text", "m");
        r->moved_to = strdup("b/c");
        r->is_gone = true;
        r->made = calloc(2, sizeof(*r->made));
        r->n_made = 2;
        r->made[0] = (struct made_file){.path = strdup("x"), .text = strdup("one"), .n_text = 3};
        hash_of("one", 3, &r->made[0].content);
        r->made[1] = (struct made_file){.path = strdup("y")}; /* its text lies elsewhere */
}

static void test_what_a_tree_becomes(void **state)
{
        _cleanup_result_ struct result r, back = {0};
        _cleanup_buf_ struct buf b = {0};

        (void)state;
        fill_tree(&r);
        assert_int_equal(result_encode(&r, &b), 0);
        assert_int_equal(result_decode(buf_span(&b), &back), 0);
        assert_string_equal(back.moved_to, "b/c");
        assert_true(back.is_gone);
        assert_int_equal(back.n_made, 2);
        assert_string_equal(back.made[0].path, "x");
        assert_string_equal(back.made[0].text, "one");
        assert_true(hash_is_equal(&back.made[0].content, &r.made[0].content));
        assert_int_equal(back.made[1].n_text, 0);
        assert_string_equal(back.text, "text");
        for (size_t n = 0; n < b.n; n++) {
                _cleanup_result_ struct result cut = {0};

                assert_int_equal(result_decode((struct span){b.at, n}, &cut), -EBADMSG);
        }
        r.n_made = RESULT_MADE_MAX + 1;
        assert_int_equal(result_encode(&r, &b), -EINVAL);
        r.n_made = 2;
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_there_and_back),
                cmocka_unit_test(test_known_bytes),
                cmocka_unit_test(test_what_a_tree_becomes),
                cmocka_unit_test(test_what_is_left_comes_back),
                cmocka_unit_test(test_cut_and_foreign_bytes),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
