#include "tests/unit/unit.h"

#include "common/str.h"
#include "daemon/provider/dialects.h"

static const struct manner home = {.is_home = true}, desk = {.is_local = true};

#define BLOCK(words, ...) ((struct prompt_block){.text = SPAN(words), __VA_ARGS__})

static void test_request(void **state)
{
        const struct prompt_block blocks[] = {
                BLOCK("rules\n", .is_system = true, .is_marked = true),
                BLOCK(" \n", .is_system = true),
                BLOCK("\"more\"\n", .is_system = true),
                BLOCK("a\n"),
                BLOCK("b"),
        };
        const struct request r = {
                .model = "m", .blocks = blocks, .n_blocks = N_ELEMENTS(blocks), .max_tokens = 9};
        _cleanup_buf_ struct buf out = {};

        (void)state;
        assert_int_equal(dialect_openai.write_body(&r, &home, &out), 0);
        assert_string_equal(
                out.at,
                "{\"model\":\"m\",\"max_completion_tokens\":9,\"stream\":true,\"stream_options\":"
                "{\"include_usage\":true,\"include_obfuscation\":false},\"messages\":[{\"role\":"
                "\"system\",\"content\":\"rules\\n"
                "\\\"more\\\"\\n\"},{\"role\":\"user\",\"content\":\"a\\nb\"}]}");
        buf_clear(&out);
        assert_int_equal(dialect_openai.write_body(&r, &desk, &out), 0);
        assert_non_null(strstr(out.at, "\"max_tokens\":9"));
}

static void test_what_was_said_before(void **state)
{
        const struct prompt_block blocks[] = {
                BLOCK("a\n"),
                BLOCK("begun", .is_assistant = true),
                BLOCK("rules\n", .is_system = true),
                BLOCK("go on"),
        };
        const struct request r = {.model = "m", .blocks = blocks, .n_blocks = 4, .max_tokens = 9};
        _cleanup_buf_ struct buf out = {};

        (void)state;
        assert_int_equal(dialect_openai.write_body(&r, &desk, &out), 0);
        assert_string_equal(
                strstr(out.at, "\"messages\""),
                "\"messages\":[{\"role\":\"system\",\"content\":\"rules\\n\"},{\"role\":\"user\","
                "\"content\":\"a\\n\"},{\"role\":\"assistant\",\"content\":\"begun\"},{\"role\":"
                "\"user\",\"content\":\"go on\"}]}");
}

/* Newer models keep what is marked: a part for each stretch up to a mark, and nothing unasked. */
static void test_marks_are_breakpoints(void **state)
{
        const struct prompt_block blocks[] = {
                BLOCK("rules\n", .is_system = true),
                BLOCK("kind\n", .is_system = true),
                BLOCK(" \n", .is_system = true, .is_marked = true),
                BLOCK("facts\n", .is_marked = true, .is_mark_for_1h = true),
                BLOCK("a\n"),
                BLOCK("b"),
        };
        struct request r = {.model = "m",
                            .blocks = blocks,
                            .n_blocks = N_ELEMENTS(blocks),
                            .max_tokens = 9,
                            .is_cache_explicit = true};
        struct prompt_block many[6];
        _cleanup_buf_ struct buf out = {};

        (void)state;
        assert_int_equal(
                dialect_openai.write_body(&r, &(struct manner){.is_limit_renamed = true}, &out), 0);
        assert_string_equal(
                out.at,
                "{\"model\":\"m\",\"max_completion_tokens\":9,\"stream\":true,\"stream_options\":"
                "{\"include_usage\":true},\"prompt_cache_options\":{\"mode\":\"explicit\"},"
                "\"messages\":[{\"role\":\"system\",\"content\":[{\"type\":\"text\",\"text\":"
                "\"rules\\nkind\\n\",\"prompt_cache_breakpoint\":{\"mode\":\"explicit\"}}]},"
                "{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":\"facts\\n\","
                "\"prompt_cache_breakpoint\":{\"mode\":\"explicit\"}},"
                "{\"type\":\"text\",\"text\":\"a\\nb\"}]}]}");
        /* Without marks nothing is kept, and the text needs no parts. */
        buf_clear(&out);
        r.blocks = &blocks[4];
        r.n_blocks = 2;
        assert_int_equal(dialect_openai.write_body(&r, &desk, &out), 0);
        assert_non_null(strstr(out.at, "\"mode\":\"explicit\"},\"messages\":[{\"role\":\"user\","
                                       "\"content\":\"a\\nb\"}]"));
        for (size_t i = 0; i < N_ELEMENTS(many); i++)
                many[i] = BLOCK("x", .is_marked = true);
        r.blocks = many;
        r.n_blocks = N_ELEMENTS(many);
        assert_int_equal(dialect_openai.write_body(&r, &desk, &out), -EINVAL);
}

static void test_request_needs_a_user_text(void **state)
{
        const struct prompt_block blocks[] = {BLOCK("rules\n", .is_system = true)};
        const struct request r = {.model = "m", .blocks = blocks, .n_blocks = 1, .max_tokens = 9};
        _cleanup_buf_ struct buf out = {};

        (void)state;
        assert_int_equal(dialect_openai.write_body(&r, &home, &out), -EINVAL);
}

static void test_the_other_name_of_the_limit(void **state)
{
        static const struct {
                const char *body;
                bool is_home, is_taken;
        } cases[] = {
                {"{\"error\":{\"message\":\"Unsupported parameter: 'max_tokens'\",\"param\":\"max_"
                 "tokens\",\"code\":\"unsupported_parameter\"}}",
                 false, true},
                {"{\"error\":\"Unsupported parameter: max_completion_tokens\"}", true, true},
                {"{\"error\":{\"message\":\"max_tokens is too large\",\"param\":\"max_tokens\"}}",
                 false, false},
                {"{\"error\":{\"code\":\"unsupported_parameter\",\"param\":\"temperature\"}}",
                 false, false},
                {"<html>", false, false},
        };

        (void)state;
        for (size_t i = 0; i < N_ELEMENTS(cases); i++) {
                const struct error_answer e = {400, span_of(cases[i].body), NULL, NULL, 1};
                struct manner m = {.is_home = cases[i].is_home};

                const struct manner used = m;

                assert_int_equal(dialect_openai.adapt(&e, &used, &m), cases[i].is_taken);
                assert_int_equal(m.is_limit_renamed, cases[i].is_taken);
                /* Another that left with it: what was learned stays learned. */
                assert_int_equal(dialect_openai.adapt(&e, &used, &m), cases[i].is_taken);
                assert_int_equal(m.is_limit_renamed, cases[i].is_taken);
        }
}

static void test_head(void **state)
{
        struct head h = {};

        (void)state;
        assert_int_equal(dialect_openai.write_head(&h, "sk-x"), 0);
        assert_string_equal(h.at[0].name, "authorization");
        assert_string_equal(h.at[0].value, "Bearer sk-x");
        head_done(&h);
        assert_int_equal(dialect_openai.write_head(&h, NULL), 0);
        assert_int_equal(h.n, 0);
}

#define CHUNK(delta, finish, rest)                                       \
        "data: {\"id\":\"c\",\"choices\":[{\"index\":0,\"delta\":" delta \
        ",\"finish_reason\":" finish "}]" rest "}\n\n"
#define USAGE                                                                                   \
        "data: "                                                                                \
        "{\"choices\":[],\"usage\":{\"prompt_tokens\":2006,\"completion_tokens\":300,\"prompt_" \
        "tokens_details\":"                                                                     \
        "{\"cached_tokens\":1900,\"cache_write_tokens\":6}}}\n\n"

static void read_all(struct reading *r, const char *stream, size_t n_piece)
{
        size_t n = strlen(stream);

        reading_init(r);
        for (size_t at = 0; at < n; at += n_piece)
                assert_int_equal(
                        dialect_openai.read(r, (struct span){stream + at, MIN2(n_piece, n - at)}),
                        0);
}

static void test_stream(void **state)
{
        static const char stream[] =
                CHUNK("{\"role\":\"assistant\",\"content\":\"\"}", "null",
                      ",\"usage\":null") ": ping\n\n" CHUNK("{\"content\":null,\"reasoning_"
                                                            "content\":\"hm\"}",
                                                            "null", "")
                        CHUNK("{\"content\":\"Hel\"}", "null", "")
                                CHUNK("{\"content\":\"lo\"}", "\"stop\"", "") USAGE
                "data: [DONE]\n\n";

        (void)state;
        for (size_t n_piece = 1; n_piece < sizeof(stream); n_piece += 1 + n_piece / 2) {
                struct reading r;

                read_all(&r, stream, n_piece);
                assert_true(r.is_started && r.is_ended);
                assert_null(r.failure);
                assert_string_equal(r.text.at, "Hello");
                assert_int_equal(r.stop, STOP_END);
                assert_true(r.usage.is_known);
                assert_int_equal(r.usage.input, 100);
                assert_int_equal(r.usage.cache_read, 1900);
                assert_int_equal(r.usage.cache_write_5m, 6);
                assert_int_equal(r.usage.output, 300);
                reading_done(&r);
        }
}

static void test_usage_in_the_last_chunk_and_no_done(void **state)
{
        struct reading r;

        (void)state;
        read_all(&r,
                 CHUNK("{\"content\":\"a\"}", "null", "")
                         CHUNK("{}", "\"length\"",
                               ",\"usage\":{\"prompt_tokens\":5,\"completion_tokens\":7}"),
                 1000);
        assert_false(r.is_ended);
        assert_int_equal(dialect_openai.read_end(&r), 0);
        assert_true(r.is_ended);
        assert_int_equal(r.stop, STOP_LENGTH);
        assert_int_equal(r.usage.input, 5);
        reading_done(&r);
        read_all(&r, CHUNK("{\"content\":\"a\"}", "null", ""), 1000);
        assert_int_equal(dialect_openai.read_end(&r), 0);
        assert_false(r.is_ended); /* cut */
        assert_false(r.usage.is_known);
        reading_done(&r);
}

static void test_timings_of_llama(void **state)
{
        struct reading r;

        (void)state;
        read_all(&r,
                 CHUNK("{}", "\"stop\"",
                       ",\"timings\":{\"cache_n\":236,\"prompt_n\":1,\"predicted_n\":35}"),
                 1000);
        assert_int_equal(r.usage.cache_read, 236);
        assert_int_equal(r.usage.input, 1);
        assert_int_equal(r.usage.output, 35);
        reading_done(&r);
}

static void test_oddities(void **state)
{
        static const struct {
                const char *stream, *text;
                enum stop_reason stop;
        } cases[] = {
                {CHUNK("{\"content\":\"a\"}", "\"stop\"", "") "data:[DONE]\r\n\r\n", "a", STOP_END},
                {"data: {\"choices\":[{\"delta\":{}}]}\n\n" CHUNK("{\"content\":\"a\"}", "null", "")
                         CHUNK("{}", "\"eos\"", ""),
                 "a", STOP_END},
                {CHUNK("{\"tool_calls\":[{\"function\":{\"arguments\":{\"a\":1}}}]}", "null", "")
                         CHUNK("{\"content\":\"a\"}", "\"stop\"", ""),
                 "a", STOP_END},
                {CHUNK("{\"content\":\"<think>b</think>a\"}", "\"length\"", ""), "a", STOP_LENGTH},
                /* a server that does not stream, without a line end */
                {"{\"choices\":[{\"message\":{\"content\":\"a\"},\"finish_reason\":\"stop\"}]}",
                 "a", STOP_END},
        };

        (void)state;
        for (size_t i = 0; i < N_ELEMENTS(cases); i++) {
                struct reading r;

                read_all(&r, cases[i].stream, 13);
                assert_int_equal(dialect_openai.read_end(&r), 0);
                assert_true(r.is_ended);
                assert_false(r.usage.is_known);
                assert_string_equal(r.text.at, cases[i].text);
                assert_int_equal(r.stop, cases[i].stop);
                reading_done(&r);
        }
}

static void test_refusals(void **state)
{
        struct reading r;

        (void)state;
        read_all(&r, CHUNK("{\"refusal\":\"no\"}", "null", "") CHUNK("{}", "\"stop\"", ""), 1000);
        assert_int_equal(r.stop, STOP_REFUSAL);
        reading_done(&r);
        read_all(&r, CHUNK("{}", "\"content_filter\"", ""), 1000);
        assert_int_equal(r.stop, STOP_REFUSAL);
        reading_done(&r);
        read_all(&r, CHUNK("{}", "\"tool_calls\"", ""), 1000);
        assert_int_equal(r.stop, STOP_OTHER);
        reading_done(&r);
}

static void test_errors_within_the_stream(void **state)
{
        static const struct {
                const char *event;
                enum failure_id id;
        } cases[] = {
                {"event: error\ndata: {\"message\":\"x\"}\n\n", FAILURE_OVERLOADED},
                {"data: {\"error\":{\"message\":\"x\",\"type\":\"server_error\"}}\n\ndata: "
                 "[DONE]\n\n",
                 FAILURE_OVERLOADED},
                {"{\"error\":\"bare\"}\n", FAILURE_OVERLOADED},
                {"data: {\"error\":{\"code\":\"context_length_exceeded\"}}\n\n", FAILURE_TOO_LONG},
                {"data: nonsense\n\n", FAILURE_BAD_ANSWER},
                {CHUNK("{\"content\":\"a\"}", "\"abort\"", ""), FAILURE_STREAM_BROKEN},
                {"{\"detail\":\"no room\"}\n", FAILURE_OVERLOADED},
        };

        (void)state;
        for (size_t i = 0; i < N_ELEMENTS(cases); i++) {
                struct reading r;

                read_all(&r, cases[i].event, 5);
                assert_non_null(r.failure);
                assert_int_equal(r.failure->id, cases[i].id);
                assert_int_equal(dialect_openai.read_end(&r), 0);
                assert_false(r.is_ended);
                reading_done(&r);
        }
}

static const char *find_header(const char *name, void *arg)
{
        const char *const *at = arg;

        for (; at && at[0]; at += 2)
                if (strcmp(at[0], name) == 0)
                        return at[1];
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
                {400, "{\"error\":{\"message\":\"bad\",\"type\":\"invalid_request_error\"}}",
                 FAILURE_BAD_REQUEST, false},
                {400,
                 "{\"error\":{\"code\":400,\"type\":\"exceed_context_size_error\",\"n_ctx\":4096}}",
                 FAILURE_TOO_LONG, false},
                {401, "{\"error\":{\"code\":\"invalid_api_key\"}}", FAILURE_KEY_REFUSED, false},
                {404,
                 "{\"error\":{\"message\":\"model 'x' not found\",\"type\":\"not_found_error\"}}",
                 FAILURE_MODEL_NOT_FOUND, false},
                {404, "not found", FAILURE_BAD_CONFIG, false},
                {404,
                 "{\"object\":\"error\",\"message\":\"The model `x` does not "
                 "exist.\",\"type\":\"NotFoundError\",\"code\":404}",
                 FAILURE_MODEL_NOT_FOUND, false},
                {400,
                 "{\"object\":\"error\",\"message\":\"This model's maximum context length is 9 "
                 "tokens.\",\"type\":\"BadRequestError\",\"code\":400}",
                 FAILURE_TOO_LONG, false},
                {400, "{\"error\":\"The number of tokens to keep exceeds the context length\"}",
                 FAILURE_TOO_LONG, false},
                {502, "<html>", FAILURE_OVERLOADED, true},
                {429, "{\"error\":{\"code\":\"rate_limit_exceeded\"}}", FAILURE_RATE_LIMITED, true},
                {429, "{\"error\":{\"type\":\"insufficient_quota\"}}", FAILURE_BILLING, false},
                {429, "{\"error\":{\"code\":\"project_spend_limit_exceeded\"}}",
                 FAILURE_SPEND_LIMIT, false},
                {500, "{\"error\":\"a sentence\"}", FAILURE_OVERLOADED, true},
                {503,
                 "{\"error\":{\"code\":503,\"message\":\"Loading "
                 "model\",\"type\":\"unavailable_error\"}}",
                 FAILURE_OVERLOADED, true},
        };

        (void)state;
        for (size_t i = 0; i < N_ELEMENTS(cases); i++) {
                const struct error_answer e = {cases[i].status, span_of(cases[i].body), find_header,
                                               NULL, 1};
                struct failure *f = NULL;
                struct advice a;

                assert_int_equal(dialect_openai.read_error(&e, &f, &a), 0);
                assert_string_equal(failure_table[f->id].name, failure_table[cases[i].id].name);
                assert_int_equal(a.is_retryable, cases[i].is_retryable);
                assert_int_equal(a.retry_after_ms > 0, strstr(cases[i].body, "Loading") != NULL);
                failure_free(f);
        }
}

static void test_limits(void **state)
{
        static const struct {
                const char *text;
                uint64_t ms;
        } cases[] = {
                {"1s", 1000},         {"6m0s", 360000},  {"120ms", 120},   {"1h2m3.5s", 3723500},
                {"soon", UINT64_MAX}, {"5", UINT64_MAX}, {"", UINT64_MAX},
        };

        (void)state;
        for (size_t i = 0; i < N_ELEMENTS(cases); i++) {
                const char *const headers[] = {"x-ratelimit-limit-requests",
                                               "60",
                                               "x-ratelimit-remaining-requests",
                                               "59",
                                               "x-ratelimit-reset-requests",
                                               cases[i].text,
                                               NULL};
                struct advice a;

                advice_init(&a);
                dialect_openai.read_limits(find_header, (void *)headers, 1, &a);
                assert_int_equal(a.requests_limit, 60);
                assert_int_equal(a.requests_remaining, 59);
                assert_true(a.requests_reset_ms == cases[i].ms);
                assert_true(a.input_limit == UINT64_MAX);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_request),
                cmocka_unit_test(test_what_was_said_before),
                cmocka_unit_test(test_marks_are_breakpoints),
                cmocka_unit_test(test_request_needs_a_user_text),
                cmocka_unit_test(test_the_other_name_of_the_limit),
                cmocka_unit_test(test_head),
                cmocka_unit_test(test_stream),
                cmocka_unit_test(test_usage_in_the_last_chunk_and_no_done),
                cmocka_unit_test(test_timings_of_llama),
                cmocka_unit_test(test_oddities),
                cmocka_unit_test(test_refusals),
                cmocka_unit_test(test_errors_within_the_stream),
                cmocka_unit_test(test_error_table),
                cmocka_unit_test(test_limits),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
