#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/json.h"
#include "common/str.h"
#include "daemon/provider/dialects.h"

#define BLOCK(words, ...) ((struct prompt_block){.text = SPAN(words), __VA_ARGS__})

/* ---- requests ---- */

static int write_blocks(const struct prompt_block *blocks, size_t n, struct buf *out)
{
        const struct request r = {.model = "m", .blocks = blocks, .n_blocks = n, .max_tokens = 99};

        return dialect_anthropic.write_body(&r, &(struct manner){}, out);
}

static void test_request(void **state)
{
        const struct prompt_block blocks[] = {
                BLOCK("rules \"quoted\"\n", .is_system = true, .is_marked = true,
                      .is_mark_for_1h = true),
                BLOCK("shared", .is_marked = true),
                BLOCK("task \xc3\xa9"),
        };
        _cleanup_buf_ struct buf out = {};

        (void)state;
        assert_int_equal(write_blocks(blocks, N_ELEMENTS(blocks), &out), 0);
        assert_string_equal(
                out.at,
                "{\"model\":\"m\",\"max_tokens\":99,\"stream\":true,\"system\":[{\"type\":\"text\","
                "\"text\":"
                "\"rules "
                "\\\"quoted\\\"\\n\",\"cache_control\":{\"type\":\"ephemeral\",\"ttl\":\"1h\"}}],"
                "\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":"
                "\"shared\","
                "\"cache_control\":{\"type\":\"ephemeral\"}},{\"type\":\"text\",\"text\":\"task "
                "\xc3\xa9\"}]}]}");
}

static void test_no_system(void **state)
{
        const struct prompt_block blocks[] = {BLOCK("x")};
        _cleanup_buf_ struct buf out = {};

        (void)state;
        assert_int_equal(write_blocks(blocks, 1, &out), 0);
        assert_null(strstr(out.at, "system"));
        assert_null(strstr(out.at, "temperature"));
}

static void test_what_was_said_before(void **state)
{
        const struct prompt_block blocks[] = {
                BLOCK("a"),
                BLOCK("begun", .is_assistant = true),
                BLOCK("go on"),
        };
        _cleanup_buf_ struct buf out = {};

        (void)state;
        assert_int_equal(write_blocks(blocks, N_ELEMENTS(blocks), &out), 0);
        assert_string_equal(
                strstr(out.at, "\"messages\""),
                "\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":\"a\"}]"
                "},{\"role\":\"assistant\",\"content\":[{\"type\":\"text\",\"text\":\"begun\"}]},"
                "{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":\"go on\"}]}]}");
}

static void test_blank_blocks_are_dropped_and_their_mark_moves(void **state)
{
        const struct prompt_block blocks[] = {
                BLOCK(" \n", .is_system = true, .is_marked = true), /* nothing before it to mark */
                BLOCK("a"),
                BLOCK("", .is_marked = true),
                BLOCK("b"),
        };
        _cleanup_buf_ struct buf out = {};

        (void)state;
        assert_int_equal(write_blocks(blocks, N_ELEMENTS(blocks), &out), 0);
        assert_string_equal(
                strstr(out.at, "\"messages\""),
                "\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":\"a\","
                "\"cache_control\":{\"type\":\"ephemeral\"}},{\"type\":\"text\",\"text\":\"b\"}]}]"
                "}");
        assert_null(strstr(out.at, "system"));
}

static void test_illegal_marks(void **state)
{
        const struct prompt_block five[] = {
                BLOCK("a", .is_marked = true), BLOCK("b", .is_marked = true),
                BLOCK("c", .is_marked = true), BLOCK("d", .is_marked = true),
                BLOCK("e", .is_marked = true),
        };
        const struct prompt_block order[] = {
                BLOCK("a", .is_marked = true),
                BLOCK("b", .is_marked = true, .is_mark_for_1h = true),
        };
        _cleanup_buf_ struct buf out = {};

        (void)state;
        assert_int_equal(write_blocks(five, 5, &out), -EINVAL);
        buf_clear(&out);
        assert_int_equal(write_blocks(five, 4, &out), 0);
        buf_clear(&out);
        assert_int_equal(write_blocks(order, 2, &out), -EINVAL);
}

static void test_no_user_text(void **state)
{
        const struct prompt_block blocks[] = {BLOCK("a", .is_system = true), BLOCK("  ")};
        const struct prompt_block foreign[] = {BLOCK("\xff\xfe")};
        _cleanup_buf_ struct buf out = {};

        (void)state;
        assert_int_equal(write_blocks(blocks, 2, &out), -EINVAL);
        buf_clear(&out);
        assert_int_equal(write_blocks(foreign, 1, &out), -EINVAL);
}

static void test_key_is_wiped(void **state)
{
        struct head h = {};

        (void)state;
        assert_int_equal(dialect_anthropic.write_head(&h, "sk-secret"), 0);
        assert_int_equal(h.n, 2);
        assert_string_equal(h.at[1].name, "x-api-key");
        assert_string_equal(h.at[1].value, "sk-secret");
        head_done(&h);
        assert_int_equal(h.n, 0);
        assert_int_equal(dialect_anthropic.write_head(&h, NULL), 0);
        assert_int_equal(h.n, 1);
        head_done(&h);
}

/* ---- streams ---- */

#define START(usage)                   \
        "event: message_start\ndata: " \
        "{\"type\":\"message_start\",\"message\":{\"id\":\"msg_1\",\"usage\":" usage "}}\n\n"
#define OPEN                                                                                   \
        "event: content_block_start\ndata: {\"type\": \"content_block_start\", \"index\": 0, " \
        "\"content_block\": {\"type\": \"text\", \"text\": \"\"}}\n\n"
#define TEXT(words)                                                                         \
        "event: content_block_delta\ndata: "                                                \
        "{\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"text_delta\"," \
        "\"text\":\"" words "\"}}\n\n"
#define DELTA(reason, usage)           \
        "event: message_delta\ndata: " \
        "{\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"" reason "\"}" usage "}\n\n"
#define PING "event: ping\ndata: {\"type\": \"ping\"}\n\n"
#define STOP "event: message_stop\ndata: {\"type\": \"message_stop\"}\n\n"

static void read_all(struct reading *r, const char *stream, size_t n_piece)
{
        size_t n = strlen(stream);

        reading_init(r);
        for (size_t at = 0; at < n; at += n_piece)
                assert_int_equal(dialect_anthropic.read(
                                         r, (struct span){stream + at, MIN2(n_piece, n - at)}),
                                 0);
}

static void test_stream(void **state)
{
        static const char stream[] =
                START("{\"input_tokens\":25,\"cache_read_input_tokens\":7,\"output_tokens\":1}")
                        OPEN PING TEXT("Hel") "event: new_thing\ndata: whatever\n\n" TEXT(
                                "lo \\u00e9\\ud83d\\ude00")
                                PING DELTA("end_turn", ",\"usage\":{\"output_tokens\":15}") STOP;

        (void)state;
        for (size_t n_piece = 1; n_piece < sizeof(stream); n_piece += 1 + n_piece / 3) {
                struct reading r;

                read_all(&r, stream, n_piece);
                assert_true(r.is_started && r.is_ended && r.has_stop);
                assert_null(r.failure);
                assert_string_equal(r.text.at, "Hello \xc3\xa9\xf0\x9f\x98\x80");
                assert_int_equal(r.n_text, r.text.n);
                assert_int_equal(r.stop, STOP_END);
                assert_true(r.usage.is_known);
                assert_int_equal(r.usage.input, 25);
                assert_int_equal(r.usage.cache_read, 7);
                assert_int_equal(r.usage.output, 15);
                reading_done(&r);
        }
}

static void test_usage_is_overwritten_field_by_field(void **state)
{
        struct reading r;

        (void)state;
        read_all(
                &r,
                START("{\"input_tokens\":2679,\"cache_creation_input_tokens\":30,\"cache_"
                      "creation\":"
                      "{\"ephemeral_5m_input_tokens\":10,\"ephemeral_1h_input_tokens\":20},"
                      "\"output_tokens\":3}")
                        DELTA("end_turn",
                              ",\"usage\":{\"input_tokens\":10682,\"cache_read_input_tokens\":null,"
                              "\"cache_creation_input_tokens\":30,\"output_tokens\":510}")
                                DELTA("end_turn", "") DELTA("end_turn", ",\"usage\":null") STOP,
                50);
        assert_int_equal(r.usage.input, 10682);
        assert_int_equal(r.usage.cache_read, 0);
        assert_int_equal(r.usage.cache_write_5m, 10);
        assert_int_equal(r.usage.cache_write_1h, 20);
        assert_int_equal(r.usage.output, 510);
        reading_done(&r);
}

static void test_half_a_usage_is_none(void **state)
{
        struct reading r;

        (void)state;
        read_all(&r,
                 START("{\"input_tokens\":null,\"output_tokens\":null}") TEXT("a")
                         DELTA("end_turn", ",\"usage\":{\"output_tokens\":9}") STOP,
                 1000);
        assert_false(r.usage.is_known);
        reading_done(&r);
        read_all(&r, START("null") TEXT("a") STOP, 1000);
        assert_false(r.usage.is_known);
        reading_done(&r);
}

static void test_cache_writes_without_parts(void **state)
{
        struct reading r;

        (void)state;
        read_all(&r, START("{\"input_tokens\":1,\"cache_creation_input_tokens\":30}"), 1000);
        assert_int_equal(r.usage.cache_write_5m, 30);
        reading_done(&r);
        reading_init(&r);
        r.is_write_1h = true;
        assert_int_equal(
                dialect_anthropic.read(&r, span_of(START("{\"cache_creation_input_tokens\":30}"))),
                0);
        assert_int_equal(r.usage.cache_write_1h, 30);
        reading_done(&r);
}

static void test_stop_reasons(void **state)
{
        static const struct {
                const char *stream;
                enum stop_reason stop;
        } cases[] = {
                {DELTA("end_turn", ""), STOP_END},
                {DELTA("stop_sequence", ""), STOP_END},
                {DELTA("max_tokens", ""), STOP_LENGTH},
                {DELTA("model_context_window_exceeded", ""), STOP_LENGTH},
                {DELTA("refusal", ""), STOP_REFUSAL},
                {DELTA("pause_turn", ""), STOP_OTHER},
                {DELTA("something_new", ""), STOP_OTHER},
        };

        (void)state;
        for (size_t i = 0; i < N_ELEMENTS(cases); i++) {
                struct reading r;

                read_all(&r, cases[i].stream, 1000);
                assert_int_equal(r.stop, cases[i].stop);
                assert_true(r.has_stop);
                reading_done(&r);
        }
}

static void test_end_without_a_reason(void **state)
{
        struct reading r;

        (void)state;
        read_all(&r, START("{}") TEXT("a") STOP, 1000);
        assert_true(r.is_ended);
        assert_int_equal(r.stop, STOP_END);
        reading_done(&r);
}

static void test_thinking_is_not_text(void **state)
{
        struct reading r;

        (void)state;
        read_all(&r,
                 START("{}") "data: "
                             "{\"type\":\"content_block_start\",\"index\":0,\"content_block\":{"
                             "\"type\":"
                             "\"thinking\",\"thinking\":\"hm\"}}\n\n"
                             "data: "
                             "{\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":"
                             "\"thinking_delta\",\"thinking\":\"hm\",\"text\":\"hm\"}}\n\n" TEXT(
                                     "yes") STOP,
                 1000);
        assert_string_equal(r.text.at, "yes");
        reading_done(&r);
}

static void test_errors_within_the_stream(void **state)
{
        static const struct {
                const char *event;
                enum failure_id id;
                bool is_retryable;
        } cases[] = {
                {"event: error\ndata: "
                 "{\"type\":\"error\",\"error\":{\"type\":\"overloaded_error\",\"message\":"
                 "\"Overloaded\"}}\n\n",
                 FAILURE_OVERLOADED, true},
                {"event: error\ndata: "
                 "{\"type\":\"error\",\"error\":{\"type\":\"api_error\",\"message\":\"x\"}}\n\n",
                 FAILURE_OVERLOADED, true},
                {"event: error\ndata: "
                 "{\"type\":\"error\",\"error\":{\"type\":\"brand_new_error\"}}\n\n",
                 FAILURE_OVERLOADED, true},
                {"event: error\ndata: "
                 "{\"type\":\"error\",\"error\":{\"type\":\"invalid_request_error\",\"message\":"
                 "\"no\"}}\n\n",
                 FAILURE_BAD_REQUEST, false},
                {"event: error\ndata: {\"error\":\"text\"}\n\n", FAILURE_OVERLOADED, true},
                {"{\"error\":\"bare\"}\n", FAILURE_OVERLOADED, true},
                {"data: {not json\n\n", FAILURE_BAD_ANSWER, true},
                {"data: [1]\n\n", FAILURE_BAD_ANSWER, true},
        };

        (void)state;
        for (size_t i = 0; i < N_ELEMENTS(cases); i++) {
                _cleanup_free_ char *stream =
                        str_printf("%s%s%s%s", START("{}"), TEXT("a"), cases[i].event, TEXT("b"));
                struct reading r;

                read_all(&r, stream, 7);
                assert_non_null(r.failure);
                assert_int_equal(r.failure->id, cases[i].id);
                assert_int_equal(r.advice.is_retryable, cases[i].is_retryable);
                assert_false(r.is_ended);
                assert_string_equal(r.text.at, "a"); /* nothing counts after it */
                reading_done(&r);
        }
}

static void test_cut_stream_has_no_end(void **state)
{
        struct reading r;

        (void)state;
        read_all(&r,
                 START("{}") TEXT("a") "event: message_stop\ndata: {\"type\":\"message_stop\"}\n",
                 1000);
        assert_false(r.is_ended);
        assert_null(r.failure);
        reading_done(&r);
}

/* ---- errors ---- */

struct headers {
        const char *at[8][2];
};

static const char *find_header(const char *name, void *arg)
{
        const struct headers *h = arg;

        for (size_t i = 0; i < N_ELEMENTS(h->at) && h->at[i][0]; i++)
                if (strcmp(h->at[i][0], name) == 0)
                        return h->at[i][1];
        return NULL;
}

#define NOW_MS UINT64_C(1767323045678) /* 2026-01-02T03:04:05.678Z */

static struct advice explain(unsigned status, const char *body, const struct headers *h,
                             enum failure_id expected)
{
        const struct headers none = {};
        const struct error_answer e = {status, span_of(body), find_header, (void *)(h ? h : &none),
                                       NOW_MS};
        struct failure *f = NULL;
        struct advice a;

        assert_int_equal(dialect_anthropic.read_error(&e, &f, &a), 0);
        assert_int_equal(f->id, expected);
        assert_true(str_is_utf8(span_of(failure_message(f))));
        failure_free(f);
        return a;
}

#define ERROR(type, message) \
        "{\"type\":\"error\",\"error\":{\"type\":\"" type "\",\"message\":\"" message "\"}}"

static void test_error_table(void **state)
{
        static const struct {
                unsigned status;
                const char *body;
                enum failure_id id;
                bool is_retryable;
        } cases[] = {
                {400, ERROR("invalid_request_error", "temperature: not allowed"),
                 FAILURE_BAD_REQUEST, false},
                {400,
                 ERROR("invalid_request_error", "You have reached your specified API usage limits"),
                 FAILURE_SPEND_LIMIT, false},
                {400,
                 ERROR("invalid_request_error",
                       "prompt is too long: 210000 tokens > 200000 maximum"),
                 FAILURE_TOO_LONG, false},
                {400, ERROR("invalid_request_error", "Your credit balance is too low"),
                 FAILURE_BILLING, false},
                {401, ERROR("authentication_error", "invalid x-api-key"), FAILURE_KEY_REFUSED,
                 false},
                {402, ERROR("billing_error", "pay"), FAILURE_BILLING, false},
                {403, ERROR("permission_error", "no"), FAILURE_KEY_REFUSED, false},
                {404, ERROR("not_found_error", "model: x"), FAILURE_MODEL_NOT_FOUND, false},
                {404, "<html>not here</html>", FAILURE_BAD_CONFIG, false},
                {301, "", FAILURE_BAD_CONFIG, false},
                {408, "", FAILURE_OVERLOADED, true},
                {409, ERROR("conflict_error", "x"), FAILURE_OVERLOADED, true},
                {413, "<html><body>413 Payload Too Large \xff</body></html>", FAILURE_TOO_LONG,
                 false},
                {418, "", FAILURE_BAD_REQUEST, false},
                {429, ERROR("rate_limit_error", "slow"), FAILURE_RATE_LIMITED, true},
                {429, "", FAILURE_RATE_LIMITED, true},
                {500, ERROR("api_error", "x"), FAILURE_OVERLOADED, true},
                {502, "<html>bad gateway", FAILURE_OVERLOADED, true},
                {504, ERROR("timeout_error", "x"), FAILURE_OVERLOADED, true},
                {529, ERROR("overloaded_error", "Overloaded"), FAILURE_OVERLOADED, true},
                {529, "{\"error\":\"text\"}", FAILURE_OVERLOADED, true},
                {529, "[]", FAILURE_OVERLOADED, true},
        };

        (void)state;
        for (size_t i = 0; i < N_ELEMENTS(cases); i++) {
                struct advice a = explain(cases[i].status, cases[i].body, NULL, cases[i].id);

                assert_int_equal(a.is_retryable, cases[i].is_retryable);
                assert_int_equal(a.retry_after_ms, 0);
                assert_false(a.was_perhaps_paid);
        }
}

static void test_spend_cap_is_not_retried(void **state)
{
        static const char body[] =
                "{\"type\":\"error\",\"error\":{\"type\":\"rate_limit_error\",\"message\":\"cap\","
                "\"details\":{\"error_code\":\"enforced_spend_limit_reached\"}}}";
        const struct headers again = {{{"x-should-retry", "true"}}};

        (void)state;
        assert_false(explain(429, body, NULL, FAILURE_SPEND_LIMIT).is_retryable);
        assert_false(explain(429, body, &again, FAILURE_SPEND_LIMIT).is_retryable);
}

static void test_retry_headers(void **state)
{
        static const struct {
                const char *name, *value;
                uint64_t ms;
        } cases[] = {
                {"retry-after", "7", 7000},
                {"retry-after", "0.25", 250},
                {"retry-after-ms", "1500", 1500},
                {"retry-after", "Fri, 02 Jan 2026 03:04:15 GMT", 9322},
                {"retry-after", "Fri, 02 Jan 2026 03:04:00 GMT", 0},
                {"retry-after", "soon", 0},
                {"retry-after", "-3", 0},
                {"retry-after", "1e300", 0},
        };

        (void)state;
        for (size_t i = 0; i < N_ELEMENTS(cases); i++) {
                const struct headers h = {{{cases[i].name, cases[i].value}}};

                assert_int_equal(
                        explain(429, ERROR("rate_limit_error", "x"), &h, FAILURE_RATE_LIMITED)
                                .retry_after_ms,
                        cases[i].ms);
        }
        const struct headers both = {{{"retry-after", "7"}, {"retry-after-ms", "20"}}};
        assert_int_equal(explain(529, "", &both, FAILURE_OVERLOADED).retry_after_ms, 20);
}

static void test_x_should_retry_wins(void **state)
{
        const struct headers no = {{{"x-should-retry", "false"}, {"retry-after", "1"}}};
        const struct headers yes = {{{"x-should-retry", "true"}}};

        (void)state;
        assert_false(explain(529, "", &no, FAILURE_OVERLOADED).is_retryable);
        assert_int_equal(explain(529, "", &no, FAILURE_OVERLOADED).retry_after_ms, 0);
        assert_true(explain(400, ERROR("invalid_request_error", "x"), &yes, FAILURE_BAD_REQUEST)
                            .is_retryable);
}

static void test_messages_are_bounded(void **state)
{
        _cleanup_buf_ struct buf body = {};
        struct failure *f = NULL;
        struct advice a;

        (void)state;
        assert_int_equal(
                buf_add_text(&body,
                             "{\"error\":{\"type\":\"api_error\",\"message\":\"line\\nbreak "),
                0);
        for (int i = 0; i < 2000; i++)
                assert_int_equal(buf_add_text(&body, "\xc3\xa9"), 0);
        assert_int_equal(buf_add_text(&body, "\"}}"), 0);
        const struct headers none = {};
        const struct error_answer e = {500, buf_span(&body), find_header, (void *)&none, NOW_MS};
        assert_int_equal(dialect_anthropic.read_error(&e, &f, &a), 0);
        assert_true(strlen(failure_message(f)) < PROVIDER_MESSAGE_BYTES + 100);
        assert_true(str_is_utf8(span_of(failure_message(f))));
        assert_null(strchr(failure_message(f), '\n'));
        failure_free(f);
}

static void test_limits(void **state)
{
        const struct headers h = {{
                {"anthropic-ratelimit-requests-limit", "1000"},
                {"anthropic-ratelimit-requests-remaining", "999"},
                {"anthropic-ratelimit-requests-reset", "2026-01-02T03:04:06Z"},
                {"anthropic-ratelimit-input-tokens-limit", "2000000"},
                {"anthropic-ratelimit-input-tokens-remaining", "0"},
                {"anthropic-ratelimit-input-tokens-reset", "2026-01-02T03:05:05.678Z"},
                {"anthropic-ratelimit-output-tokens-limit", "many"},
                {"anthropic-ratelimit-output-tokens-reset", "2020-01-02T03:04:05Z"},
        }};
        struct advice a;

        (void)state;
        advice_init(&a);
        dialect_anthropic.read_limits(find_header, (void *)&h, NOW_MS, &a);
        assert_int_equal(a.requests_limit, 1000);
        assert_int_equal(a.requests_remaining, 999);
        assert_int_equal(a.requests_reset_ms, 322);
        assert_int_equal(a.input_limit, 2000000);
        assert_int_equal(a.input_remaining, 0);
        assert_int_equal(a.input_reset_ms, 60000);
        assert_true(a.output_limit == UINT64_MAX);
        assert_true(a.output_remaining == UINT64_MAX);
        assert_int_equal(a.output_reset_ms, 0);
}

/* Times of day are by the provider's clock, wherever ours stands. */
static void test_limits_by_another_clock(void **state)
{
        static const char *const dates[] = {"Fri, 02 Jan 2026 02:04:05 GMT",
                                            "Fri, 02 Jan 2026 09:04:05 GMT"};
        static const char *const resets[] = {"2026-01-02T02:04:35Z", "2026-01-02T09:04:35Z"};

        (void)state;
        for (size_t i = 0; i < N_ELEMENTS(dates); i++) {
                const struct headers h = {
                        {{"date", dates[i]}, {"anthropic-ratelimit-requests-reset", resets[i]}}};
                const struct headers later = {{{"date", dates[i]}, {"retry-after", dates[1 - i]}}};
                struct advice a;

                advice_init(&a);
                dialect_anthropic.read_limits(find_header, (void *)&h, NOW_MS, &a);
                assert_int_equal(a.requests_reset_ms, 30000);
                assert_int_equal(advice_retry_after_ms(find_header, (void *)&later, NOW_MS),
                                 i == 0 ? 7 * 3600000 : 0);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_request),
                cmocka_unit_test(test_no_system),
                cmocka_unit_test(test_what_was_said_before),
                cmocka_unit_test(test_blank_blocks_are_dropped_and_their_mark_moves),
                cmocka_unit_test(test_illegal_marks),
                cmocka_unit_test(test_no_user_text),
                cmocka_unit_test(test_key_is_wiped),
                cmocka_unit_test(test_stream),
                cmocka_unit_test(test_usage_is_overwritten_field_by_field),
                cmocka_unit_test(test_half_a_usage_is_none),
                cmocka_unit_test(test_cache_writes_without_parts),
                cmocka_unit_test(test_stop_reasons),
                cmocka_unit_test(test_end_without_a_reason),
                cmocka_unit_test(test_thinking_is_not_text),
                cmocka_unit_test(test_errors_within_the_stream),
                cmocka_unit_test(test_cut_stream_has_no_end),
                cmocka_unit_test(test_error_table),
                cmocka_unit_test(test_spend_cap_is_not_retried),
                cmocka_unit_test(test_retry_headers),
                cmocka_unit_test(test_x_should_retry_wins),
                cmocka_unit_test(test_messages_are_bounded),
                cmocka_unit_test(test_limits),
                cmocka_unit_test(test_limits_by_another_clock),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
