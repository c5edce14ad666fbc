#include "common/yaml.h"
#include "daemon/exec/answer.h"
#include "daemon/plan/cost.h"
#include "tests/unit/unit.h"

#define TAG "4f2a9c01"

static const char *const paths[] = {"a.go", "dir/b c.go", "z.go"};

struct log {
        struct buf text;  /* "begin 0;end 0 [content];" */
        struct buf parts; /* what on_file_text gave */
};

static void on_begin(size_t file, void *arg)
{
        struct log *log = arg;

        buf_printf(&log->text, "begin %zu;", file);
}

static void on_text(size_t file, struct span text, void *arg)
{
        struct log *log = arg;

        assert_true(file < 3);
        buf_add_span(&log->parts, text);
}

static void on_end(size_t file, struct span text, void *arg)
{
        struct log *log = arg;

        buf_printf(&log->text, "end %zu [%.*s];", file, (int)text.n, text.at);
}

static const struct answer_events events = {
        .on_file_begin = on_begin, .on_file_text = on_text, .on_file_end = on_end};

/* Reads the text in pieces of n bytes; the log is the caller's to free. */
static struct answer *read_pieces(const char *text, size_t n_text, size_t n, struct log *log)
{
        struct answer *a;

        *log = (struct log){0};
        assert_int_equal(answer_new(TAG, paths, 3, &events, log, &a), 0);
        for (size_t i = 0; i < n_text; i += n)
                assert_int_equal(answer_feed(a, (struct span){text + i, MIN2(n, n_text - i)}), 0);
        answer_finish(a);
        return a;
}

static void log_done(struct log *log)
{
        buf_done(&log->text);
        buf_done(&log->parts);
}

/* The same events in whatever pieces the text comes. */
static void expect(const char *text, const char *events_wanted, struct answer_counts wanted)
{
        for (size_t n = 1; n <= strlen(text) + 1; n++) {
                struct log log;
                struct answer *a = read_pieces(text, strlen(text), n, &log);
                const struct answer_counts *c = answer_counts(a);

                assert_string_equal(log.text.at ? log.text.at : "", events_wanted);
                assert_int_equal(c->n_done, wanted.n_done);
                assert_int_equal(c->n_chatter_bytes, wanted.n_chatter_bytes);
                assert_int_equal(c->n_unexpected, wanted.n_unexpected);
                assert_int_equal(c->n_repeated, wanted.n_repeated);
                assert_int_equal(c->n_unended, wanted.n_unended);
                log_done(&log);
                answer_free(a);
        }
}

static void test_reads_files(void **state _unused_)
{
        expect("<<<file a.go " TAG "\npackage a\n>>>end " TAG "\n<<<file dir/b c.go " TAG
               "\nb\n\n>>>end " TAG "\n",
               "begin 0;end 0 [package a\n];begin 1;end 1 [b\n\n];",
               (struct answer_counts){.n_done = 2});
}

static void test_empty_file_is_a_file(void **state _unused_)
{
        expect("<<<file a.go " TAG "\n>>>end " TAG "\n", "begin 0;end 0 [];",
               (struct answer_counts){.n_done = 1});
}

static void test_last_line_may_lack_its_break(void **state _unused_)
{
        expect("<<<file a.go " TAG "\nx\n>>>end " TAG, "begin 0;end 0 [x\n];",
               (struct answer_counts){.n_done = 1});
}

static void test_cr_is_tolerated_in_markers_and_kept_in_content(void **state _unused_)
{
        expect("<<<file a.go " TAG "\r\nx\r\ny\r\n>>>end " TAG "\r\n",
               "begin 0;end 0 [x\r\ny\r\n];", (struct answer_counts){.n_done = 1});
}

static void test_chatter_is_counted(void **state _unused_)
{
        expect("Sure!\n\n<<<file a.go " TAG "\nx\n>>>end " TAG "\nDone.", "begin 0;end 0 [x\n];",
               (struct answer_counts){.n_done = 1, .n_chatter_bytes = 7 + 5});
}

static void test_another_tag_is_text(void **state _unused_)
{
        expect("<<<file a.go " TAG "\n<<<file z.go 00000000\n>>>end 00000000\n>>>end " TAG
               "0\n>>>end " TAG "\n",
               "begin 0;end 0 [<<<file z.go 00000000\n>>>end 00000000\n>>>end " TAG "0\n];",
               (struct answer_counts){.n_done = 1});
        expect("<<<file a.go 00000000\nx\n>>>end 00000000\n", "",
               (struct answer_counts){.n_chatter_bytes = 22 + 2 + 16});
}

static void test_marker_stands_alone_on_its_line(void **state _unused_)
{
        expect("<<<file a.go " TAG "\n >>>end " TAG "\n>>>end " TAG " \n>>>end  " TAG
               "\nx >>>end " TAG "\n>>>end " TAG "\n",
               "begin 0;end 0 [ >>>end " TAG "\n>>>end " TAG " \n>>>end  " TAG "\nx >>>end " TAG
               "\n];",
               (struct answer_counts){.n_done = 1});
        expect(" <<<file a.go " TAG "\n", "", (struct answer_counts){.n_chatter_bytes = 23});
        expect("<<<file  " TAG "\n", "", (struct answer_counts){.n_chatter_bytes = 18});
}

static void test_unexpected_path_is_refused(void **state _unused_)
{
        expect("<<<file ../etc/passwd " TAG "\nx\n>>>end " TAG "\n<<<file z.go " TAG
               "\nz\n>>>end " TAG "\n",
               "begin 2;end 2 [z\n];", (struct answer_counts){.n_done = 1, .n_unexpected = 1});
}

static void test_second_copy_is_refused(void **state _unused_)
{
        expect("<<<file a.go " TAG "\n1\n>>>end " TAG "\n<<<file a.go " TAG "\n2\n>>>end " TAG "\n",
               "begin 0;end 0 [1\n];", (struct answer_counts){.n_done = 1, .n_repeated = 1});
}

static void test_file_without_end_is_missing(void **state _unused_)
{
        expect("<<<file a.go " TAG "\n1\n<<<file z.go " TAG "\n2\n>>>end " TAG "\n",
               "begin 0;begin 2;end 2 [2\n];", (struct answer_counts){.n_done = 1, .n_unended = 1});
        expect("<<<file a.go " TAG "\npackage", "begin 0;", (struct answer_counts){.n_unended = 1});
        expect("<<<file a.go " TAG "\nx\n>>>end " TAG "x", "begin 0;",
               (struct answer_counts){.n_unended = 1});
}

static void test_end_without_beginning_is_chatter(void **state _unused_)
{
        expect(">>>end " TAG "\n", "", (struct answer_counts){.n_chatter_bytes = 16});
}

static void test_missing_are_listed(void **state _unused_)
{
        static const char text[] = "<<<file dir/b c.go " TAG "\nx\n>>>end " TAG "\n";
        struct log log;
        struct answer *a = read_pieces(text, sizeof(text) - 1, 5, &log);
        size_t missing[1] = {99};

        assert_int_equal(answer_missing(a, missing, 1), 2);
        assert_int_equal(missing[0], 0);
        assert_true(answer_is_done(a, 1));
        assert_false(answer_is_done(a, 2));
        assert_false(answer_is_done(a, 77));
        log_done(&log);
        answer_free(a);
}

static void test_text_arrives_as_it_streams(void **state _unused_)
{
        static const char text[] = "<<<file a.go " TAG "\n<<< is\n>>>en\n<\n\n>>>end " TAG "\n";

        for (size_t n = 1; n < sizeof(text); n++) {
                struct log log;
                struct answer *a = read_pieces(text, sizeof(text) - 1, n, &log);

                assert_string_equal(log.parts.at, "<<< is\n>>>en\n<\n\n");
                log_done(&log);
                answer_free(a);
        }
}

static void test_reset_keeps_what_is_done(void **state _unused_)
{
        static const char first[] =
                "hm\n<<<file a.go " TAG "\n1\n>>>end " TAG "\n<<<file z.go " TAG "\nhal";
        static const char second[] = "<<<file a.go " TAG "\n2\n>>>end " TAG "\n<<<file z.go " TAG
                                     "\nz\n>>>end " TAG "\n";
        struct log log = {0};
        struct answer *a;

        assert_int_equal(answer_new(TAG, paths, 3, &events, &log, &a), 0);
        assert_int_equal(answer_feed(a, span_of(first)), 0);
        answer_reset(a);
        assert_int_equal(answer_counts(a)->n_chatter_bytes, 0);
        assert_int_equal(answer_feed(a, span_of(second)), 0);
        answer_finish(a);
        assert_string_equal(log.text.at, "begin 0;end 0 [1\n];begin 2;begin 2;end 2 [z\n];");
        assert_int_equal(answer_counts(a)->n_done, 2);
        log_done(&log);
        answer_free(a);
}

/* A file of 16 MiB is read, one byte more is refused, and what comes after it is read again. */
static void test_bound_of_a_file(void **state _unused_)
{
        size_t n = ANSWER_MAX_FILE_BYTES;
        char *big = malloc(n + 1);
        static const struct answer_events quiet = {0};

        assert_non_null(big);
        memset(big, 'x', n + 1);
        for (size_t extra = 0; extra < 2; extra++) {
                struct answer *a;

                big[n - 1 + extra] = '\n';
                assert_int_equal(answer_new(TAG, paths, 3, &quiet, NULL, &a), 0);
                assert_int_equal(answer_feed(a, SPAN("<<<file a.go " TAG "\n")), 0);
                assert_int_equal(answer_feed(a, (struct span){big, n + extra}), 0);
                assert_int_equal(answer_feed(a, SPAN(">>>end " TAG "\n<<<file z.go " TAG
                                                     "\n>>>end " TAG "\n")),
                                 0);
                assert_int_equal(answer_is_done(a, 0), extra == 0);
                assert_int_equal(answer_counts(a)->n_too_large, extra);
                assert_true(answer_is_done(a, 2));
                answer_free(a);
                big[n - 1 + extra] = 'x';
        }
        free(big);
}

static void test_bound_of_an_answer(void **state _unused_)
{
        static const struct answer_events quiet = {0};
        static char chunk[1 << 20];
        struct answer *a;

        memset(chunk, '-', sizeof(chunk));
        assert_int_equal(answer_new(TAG, paths, 3, &quiet, NULL, &a), 0);
        for (size_t i = 0; i < ANSWER_MAX_BYTES / sizeof(chunk); i++)
                assert_int_equal(answer_feed(a, (struct span){chunk, sizeof(chunk)}), 0);
        assert_int_equal(answer_feed(a, SPAN("\n<<<file a.go " TAG "\n>>>end " TAG "\n")), 0);
        answer_finish(a);
        assert_int_equal(answer_counts(a)->n_unread_bytes, 1 + 22 + 16);
        assert_false(answer_is_done(a, 0));
        answer_free(a);
}

static void test_refuses_bad_arguments(void **state _unused_)
{
        struct answer *a = NULL;

        assert_int_equal(answer_new("", paths, 3, &events, NULL, &a), -EINVAL);
        assert_null(answer_free(NULL));
}

static void test_tag_is_of_the_hash(void **state _unused_)
{
        char tag[ANSWER_TAG_BYTES], other[ANSWER_TAG_BYTES];
        struct hash h;

        hash_of("keys", 4, &h);
        answer_tag(&h, tag);
        assert_int_equal(strlen(tag), 8);
        assert_int_equal(strspn(tag, "0123456789abcdef"), 8);
        hash_of("other", 5, &h);
        answer_tag(&h, other);
        assert_string_not_equal(tag, other);
}

/* What the prompt says is what the parser reads: the fenced block names tag and paths, whatever
 * they look like. */
static void test_instructions_can_be_read(void **state _unused_)
{
        static const char *const odd[] = {"a.go", "with space/no", "null", "x: y.go"};
        _cleanup_(yaml_freep) struct yaml_node *root = NULL;
        _cleanup_buf_ struct buf b = {0};
        struct yaml_node *answer, *files;
        struct diag d;
        const char *fence, *end;

        assert_int_equal(answer_write_instructions("12345678", odd, NULL, 4, &b), 0);
        assert_non_null(strstr(b.at, "\n<<<file PATH 12345678\n"));
        assert_non_null(strstr(b.at, "\n>>>end 12345678\n"));
        fence = strstr(b.at, "```yaml\n");
        assert_non_null(fence);
        fence += strlen("```yaml\n");
        end = strstr(fence, "```\n");
        assert_non_null(end);
        assert_int_equal(end[4], 0);
        assert_int_equal(yaml_read((struct span){fence, (size_t)(end - fence)}, 65536, &root, &d),
                         0);
        answer = yaml_get(root, "answer");
        assert_string_equal(yaml_get(answer, "tag")->text, "12345678");
        assert_true(yaml_get(answer, "tag")->is_quoted); /* else a reader takes it for a number */
        files = yaml_get(answer, "files");
        assert_int_equal(files->n_items, 4);
        for (size_t i = 0; i < 4; i++)
                assert_string_equal(files->items[i]->text, odd[i]);
}

/* A file that the prompt shows comes as edits or whole; another one whole alone. */
static void test_edits_are_another_form(void **state _unused_)
{
        static const char text[] = "<<<edits a.go " TAG "\nold and new\n>>>end " TAG "\n"
                                   "<<<edits z.go " TAG "\nx\n>>>end " TAG "\n";

        for (size_t n = 1; n <= strlen(text); n++) {
                struct log log = {0};
                struct answer *a;

                assert_int_equal(answer_new(TAG, paths, 3, &events, &log, &a), 0);
                answer_allow_edits(a, 0);
                for (size_t i = 0; i < strlen(text); i += n)
                        assert_int_equal(
                                answer_feed(a, (struct span){text + i, MIN2(n, strlen(text) - i)}),
                                0);
                answer_finish(a);
                assert_string_equal(log.text.at, "begin 0;end 0 [old and new\n];");
                assert_int_equal(answer_counts(a)->n_unexpected, 1);
                log_done(&log);
                answer_free(a);
        }
}

static void test_instructions_tell_both_forms(void **state _unused_)
{
        static const bool is_shown[] = {false, true, false}, all[] = {true, true, true};
        _cleanup_buf_ struct buf b = {0}, edits = {0};

        assert_int_equal(answer_write_instructions(TAG, paths, is_shown, 3, &b), 0);
        assert_non_null(strstr(b.at, "\n<<<file PATH " TAG "\n"));
        assert_non_null(strstr(b.at, "\n<<<edits PATH " TAG "\n<<<old " TAG "\n"));
        assert_non_null(strstr(b.at, "edits:\n"));
        assert_non_null(strstr(b.at, "files:\n"));
        assert_int_equal(answer_write_instructions(TAG, paths, all, 3, &edits), 0);
        assert_null(strstr(edits.at, "<<<file"));
        assert_null(strstr(edits.at, "files:\n"));
}

/* What the planner believes that they take: a few bytes are the plural, the tag's quotes. */
static void test_instructions_are_as_long_as_planned(void **state _unused_)
{
        static const bool shown[][3] = {
                {false, false, false}, {true, true, true}, {true, false, true}};

        for (size_t n = 1; n <= 3; n++)
                for (size_t f = 0; f < N_ELEMENTS(shown) - (n < 2); f++) {
                        _cleanup_buf_ struct buf b = {0};
                        size_t n_edited = 0, planned = 0;

                        for (size_t i = 0; i < n; i++) {
                                n_edited += shown[f][i];
                                planned += COST_PATH_BYTES + strlen(paths[i]);
                        }
                        planned += cost_answer_bytes(n, n_edited);
                        assert_int_equal(answer_write_instructions(TAG, paths, shown[f], n, &b), 0);
                        assert_in_range(b.n, planned - 30, planned + 30);
                }
}

static void test_instructions_are_deterministic(void **state _unused_)
{
        _cleanup_buf_ struct buf a = {0}, b = {0};

        assert_int_equal(answer_write_instructions(TAG, paths, NULL, 3, &a), 0);
        assert_int_equal(answer_write_instructions(TAG, paths, NULL, 3, &b), 0);
        assert_string_equal(a.at, b.at);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_reads_files),
                cmocka_unit_test(test_empty_file_is_a_file),
                cmocka_unit_test(test_last_line_may_lack_its_break),
                cmocka_unit_test(test_cr_is_tolerated_in_markers_and_kept_in_content),
                cmocka_unit_test(test_chatter_is_counted),
                cmocka_unit_test(test_another_tag_is_text),
                cmocka_unit_test(test_marker_stands_alone_on_its_line),
                cmocka_unit_test(test_unexpected_path_is_refused),
                cmocka_unit_test(test_second_copy_is_refused),
                cmocka_unit_test(test_file_without_end_is_missing),
                cmocka_unit_test(test_end_without_beginning_is_chatter),
                cmocka_unit_test(test_missing_are_listed),
                cmocka_unit_test(test_text_arrives_as_it_streams),
                cmocka_unit_test(test_reset_keeps_what_is_done),
                cmocka_unit_test(test_bound_of_a_file),
                cmocka_unit_test(test_bound_of_an_answer),
                cmocka_unit_test(test_refuses_bad_arguments),
                cmocka_unit_test(test_tag_is_of_the_hash),
                cmocka_unit_test(test_instructions_can_be_read),
                cmocka_unit_test(test_edits_are_another_form),
                cmocka_unit_test(test_instructions_tell_both_forms),
                cmocka_unit_test(test_instructions_are_as_long_as_planned),
                cmocka_unit_test(test_instructions_are_deterministic),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
