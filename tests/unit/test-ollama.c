#include "tests/unit/unit.h"

#include "common/str.h"
#include "daemon/provider/dialects.h"

#define BLOCK(words, ...) ((struct prompt_block){.text = SPAN(words), __VA_ARGS__})

static void test_request(void **state)
{
        const struct prompt_block blocks[] = {
                BLOCK("rules\n", .is_system = true, .is_marked = true),
                BLOCK(" \n"),
                BLOCK("a \"b\"\n"),
                BLOCK("c"),
        };
        const struct request r = {
                .model = "m", .blocks = blocks, .n_blocks = N_ELEMENTS(blocks), .max_tokens = 9};
        struct manner m = {.is_local = true, .context = 4096};
        _cleanup_buf_ struct buf out = {};
        char keep_alive[] = "10m", for_ever[] = "-1";

        (void)state;
        assert_int_equal(dialect_ollama.write_body(&r, &m, &out), 0);
        assert_string_equal(
                out.at, "{\"model\":\"m\",\"stream\":true,\"truncate\":false,\"options\":{\"num_"
                        "ctx\":4096,\"num_predict\":9},\"messages\":[{\"role\":\"system\","
                        "\"content\":\"rules\\n\"},{\"role\":\"user\",\"content\":\"a "
                        "\\\"b\\\"\\nc\"}]}");
        buf_clear(&out);
        m.keep_alive = keep_alive;
        assert_int_equal(dialect_ollama.write_load("m", &m, &out), 0);
        assert_string_equal(out.at, "{\"model\":\"m\",\"keep_alive\":\"10m\",\"stream\":false,"
                                    "\"options\":{\"num_ctx\":4096},\"messages\":[]}");
        buf_clear(&out);
        m.keep_alive = for_ever;
        assert_int_equal(dialect_ollama.write_body(&r, &m, &out), 0);
        assert_non_null(strstr(out.at, "\"keep_alive\":-1,"));
}

static void test_request_needs_a_user_text(void **state)
{
        const struct prompt_block blocks[] = {BLOCK("rules\n", .is_system = true)};
        const struct request r = {.model = "m", .blocks = blocks, .n_blocks = 1, .max_tokens = 9};
        _cleanup_buf_ struct buf out = {};

        (void)state;
        assert_int_equal(dialect_ollama.write_body(&r, &(struct manner){}, &out), -EINVAL);
}

#define LINE(content)                                                               \
        "{\"model\":\"m\",\"message\":{\"role\":\"assistant\",\"content\":" content \
        "},\"done\":false}\n"
#define DONE(rest) "{\"model\":\"m\",\"message\":{\"content\":\"\"},\"done\":true" rest "}\n"
#define COUNTS ",\"done_reason\":\"stop\",\"prompt_eval_count\":26,\"eval_count\":7"

static void read_all(struct reading *r, const char *stream, size_t n_piece, size_t n_prompt_bytes)
{
        size_t n = strlen(stream);

        reading_init(r);
        r->n_prompt_bytes = n_prompt_bytes;
        for (size_t at = 0; at < n; at += n_piece)
                assert_int_equal(
                        dialect_ollama.read(r, (struct span){stream + at, MIN2(n_piece, n - at)}),
                        0);
        assert_int_equal(dialect_ollama.read_end(r), 0);
}

static void test_stream(void **state)
{
        static const char stream[] = LINE("\"Hel\"") "\r\n" LINE("null")
                LINE("\"lo \\u00e4\"") "{\"message\":{\"thinking\":\"hm\",\"content\":\"\"}}"
                                       "\r\n" DONE(COUNTS);

        (void)state;
        for (size_t n_piece = 1; n_piece < sizeof(stream); n_piece += 1 + n_piece / 2) {
                struct reading r;

                read_all(&r, stream, n_piece, 100);
                assert_true(r.is_started && r.is_ended && r.usage.is_known);
                assert_null(r.failure);
                assert_string_equal(r.text.at, "Hello ä");
                assert_int_equal(r.stop, STOP_END);
                assert_int_equal(r.usage.input, 26);
                assert_int_equal(r.usage.output, 7);
                reading_done(&r);
        }
}

static void test_ends(void **state)
{
        static const struct {
                const char *stream;
                enum stop_reason stop;
                bool is_ended, has_usage;
        } cases[] = {
                {LINE("\"a\"") DONE(",\"done_reason\":\"length\",\"prompt_eval_count\":5"),
                 STOP_LENGTH, true, true},
                {LINE("\"a\"") DONE(""), STOP_END, true, false},
                {LINE("\"a\"") DONE(",\"prompt_eval_count\":null,\"eval_count\":4"), STOP_END, true,
                 false},
                {LINE("\"a\"") DONE(",\"done_reason\":\"load\""), STOP_OTHER, true, false},
                {LINE("\"a\""), STOP_OTHER, false, false},
                /* the last line has no end of its own */
                {LINE("\"a\"") "{\"done\":true,\"done_reason\":\"stop\"}", STOP_END, true, false},
                {LINE("\"a\"") "{\"done\":tr", STOP_OTHER, false, false},
        };

        (void)state;
        for (size_t i = 0; i < N_ELEMENTS(cases); i++) {
                struct reading r;

                read_all(&r, cases[i].stream, 7, 10);
                assert_int_equal(r.is_ended, cases[i].is_ended);
                assert_int_equal(r.usage.is_known, cases[i].has_usage);
                assert_int_equal(r.stop, cases[i].stop);
                reading_done(&r);
        }
}

static void test_a_cut_prompt_is_a_failure(void **state)
{
        struct reading r;

        (void)state;
        read_all(&r, LINE("\"a\"") DONE(COUNTS), 50, 2000);
        assert_false(r.is_ended);
        assert_int_equal(r.failure->id, FAILURE_TOO_LONG);
        assert_non_null(strstr(failure_message(r.failure), "only 26 tokens"));
        assert_non_null(strstr(failure_remedy(r.failure), "larger context"));
        assert_false(r.advice.is_retryable);
        reading_done(&r);
        read_all(&r, LINE("\"a\"") DONE(COUNTS), 50, 1900); /* a short one: the frame counts */
        assert_null(r.failure);
        reading_done(&r);
}

static void test_errors_within_the_stream(void **state)
{
        static const struct {
                const char *line;
                enum failure_id id;
                bool is_retryable;
        } cases[] = {
                {"{\"error\":\"the runner stopped\"}\n", FAILURE_OVERLOADED, true},
                {"{\"error\":{\"message\":\"x\"}}", FAILURE_OVERLOADED, true},
                {"{\"error\":\"the input length exceeds the context length\"}\n", FAILURE_TOO_LONG,
                 false},
                {"{nonsense}\n", FAILURE_BAD_ANSWER, true},
        };

        (void)state;
        for (size_t i = 0; i < N_ELEMENTS(cases); i++) {
                _cleanup_free_ char *stream = str_printf("%s%s", LINE("\"a\""), cases[i].line);
                struct reading r;

                read_all(&r, stream, 9, 10);
                assert_false(r.is_ended);
                assert_int_equal(r.failure->id, cases[i].id);
                assert_int_equal(r.advice.is_retryable, cases[i].is_retryable);
                reading_done(&r);
        }
}

static void test_thoughts_are_no_text(void **state)
{
        static const struct {
                const char *in, *out;
        } cases[] = {
                {LINE("\"<think>hm < 3</think>\\n\\nyes\""), "yes"},
                {LINE("\"\\n<think>\"") LINE("\"a\"") LINE("\"</thi\"") LINE("\"nk>yes\""), "yes"},
                {LINE("\"<\"") LINE("\"thinking>\""), "<thinking>"},
                {LINE("\"<thi\""), "<thi"},
                {LINE("\"yes <think>no</think>\""), "yes <think>no</think>"},
                {LINE("\"<think>never done\""), ""},
        };

        (void)state;
        for (size_t i = 0; i < N_ELEMENTS(cases); i++) {
                _cleanup_free_ char *stream = str_printf("%s%s", cases[i].in, DONE(""));
                struct reading r;

                read_all(&r, stream, 11, 10);
                assert_string_equal(r.text.at ?: "", cases[i].out);
                assert_int_equal(r.n_text, strlen(cases[i].out));
                reading_done(&r);
        }
}

static const char *no_header(const char *name, void *arg)
{
        (void)name, (void)arg;
        return NULL;
}

static void test_error_table(void **state)
{
        static const struct {
                unsigned status;
                const char *body;
                enum failure_id id;
                bool is_retryable;
        } cases[] = {
                {404, "{\"error\":\"model 'x' not found\"}", FAILURE_MODEL_NOT_FOUND, false},
                {404, "404 page not found", FAILURE_BAD_CONFIG, false},
                {400, "{\"error\":\"the input length exceeds the context length\"}",
                 FAILURE_TOO_LONG, false},
                {400, "{\"error\":\"invalid options\"}", FAILURE_BAD_REQUEST, false},
                {500, "{\"error\":\"llama runner process has terminated\"}", FAILURE_OVERLOADED,
                 true},
                {500, "{\"error\":\"model requires more system memory (9 GiB) than is available\"}",
                 FAILURE_BAD_CONFIG, false},
                {503, "{\"error\":\"server busy, please try again.\"}", FAILURE_OVERLOADED, true},
                {502, "<html>", FAILURE_OVERLOADED, true},
                {401, "{\"error\":\"unauthorized\"}", FAILURE_KEY_REFUSED, false},
                {429, "{\"error\":\"you have reached your hourly usage limit\"}",
                 FAILURE_SPEND_LIMIT, false},
        };

        (void)state;
        for (size_t i = 0; i < N_ELEMENTS(cases); i++) {
                const struct error_answer e = {cases[i].status, span_of(cases[i].body), no_header,
                                               NULL, 1};
                struct failure *f = NULL;
                struct advice a;

                assert_int_equal(dialect_ollama.read_error(&e, &f, &a), 0);
                assert_string_equal(failure_table[f->id].name, failure_table[cases[i].id].name);
                assert_int_equal(a.is_retryable, cases[i].is_retryable);
                failure_free(f);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_request),
                cmocka_unit_test(test_request_needs_a_user_text),
                cmocka_unit_test(test_stream),
                cmocka_unit_test(test_ends),
                cmocka_unit_test(test_a_cut_prompt_is_a_failure),
                cmocka_unit_test(test_errors_within_the_stream),
                cmocka_unit_test(test_thoughts_are_no_text),
                cmocka_unit_test(test_error_table),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
