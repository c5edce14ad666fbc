#include "proto/scan.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
/* cmocka wants the above first */
#include <cmocka.h>

#include "common/buf.h"

#define HEAD "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"m\",\"params\":"

static int scan_text(const char *text, struct scan *s)
{
        /* a copy of exactly this size, so that the sanitizer sees a read past the end */
        size_t n = strlen(text);
        char *copy = malloc(n ? n : 1);
        int r;

        assert_non_null(copy);
        memcpy(copy, text, n);
        r = scan_message((struct span){copy, n}, s);
        free(copy);
        return r;
}

static void assert_span(struct span s, const char *text)
{
        assert_int_equal(s.n, strlen(text));
        assert_memory_equal(s.at, text, s.n);
}

static void spans_are_found(void **state)
{
        const char *text =
                " { \"params\" : {\"a\": [1, {\"b\": null}], \"meta\": {\"key\": \"k\"}} ,"
                "\"id\":\"x\\\"1\",\n\"method\":\"job\\/submit\", \"jsonrpc\":\"2.0\" } \r\n";
        struct scan s;
        char method[SCAN_METHOD_BYTES];

        (void)state;
        assert_int_equal(scan_message(span_of(text), &s), 0);
        assert_span(s.id, "\"x\\\"1\"");
        assert_span(s.params, "{\"a\": [1, {\"b\": null}], \"meta\": {\"key\": \"k\"}}");
        assert_span(s.meta, "{\"key\": \"k\"}");
        assert_span(s.params_at[0], "{\"a\": [1, {\"b\": null}]");
        assert_span(s.params_at[1], "}");
        assert_true(s.has_version);
        assert_true(s.is_params_object);
        scan_get_method(&s, method);
        assert_string_equal(method, "job/submit");
}

static void replies_are_scanned_too(void **state)
{
        struct scan s;

        (void)state;
        assert_int_equal(
                scan_message(SPAN("{\"jsonrpc\":\"2.0\",\"id\":7,\"result\":{\"a\":1}}"), &s), 0);
        assert_span(s.result, "{\"a\":1}");
        assert_span(s.id, "7");
        assert_int_equal(scan_message(SPAN("{\"jsonrpc\":\"2.0\",\"id\":null,\"error\":{}}"), &s),
                         0);
        assert_span(s.error, "{}");
        assert_span(s.id, "null");
}

static void join_params(const char *params, char *ret, size_t n_ret)
{
        _cleanup_buf_ struct buf b = {0};
        struct scan s;

        buf_printf(&b, HEAD "%s}", params);
        assert_int_equal(scan_message(buf_span(&b), &s), 0);
        snprintf(ret, n_ret, "%.*s%.*s", (int)s.params_at[0].n, s.params_at[0].at,
                 (int)s.params_at[1].n, s.params_at[1].n ? s.params_at[1].at : "");
}

static void where_meta_stands_makes_no_difference(void **state)
{
        static const struct {
                const char *in, *out;
        } cases[] = {
                {"{\"a\":1,\"b\":2}", "{\"a\":1,\"b\":2}"},
                {"{\"meta\":{\"k\":1},\"a\":1,\"b\":2}", "{\"a\":1,\"b\":2}"},
                {"{\"a\":1,\"meta\":{\"k\":2},\"b\":2}", "{\"a\":1,\"b\":2}"},
                {"{\"a\":1,\"b\":2,\"meta\":[]}", "{\"a\":1,\"b\":2}"},
                {"{\"meta\": 1, \"a\": 1, \"b\": 2}", "{\"a\": 1, \"b\": 2}"},
                {"{\"a\": 1, \"meta\" : 1, \"b\": 2}", "{\"a\": 1, \"b\": 2}"},
                {"{\"a\": 1, \"b\": 2, \"meta\": null}", "{\"a\": 1, \"b\": 2}"},
                {"{\"meta\":true}", "{}"},
                {"{}", "{}"},
                {"{\"a\":{\"meta\":1}}", "{\"a\":{\"meta\":1}}"},
                {"[1]", "[1]"},
        };

        (void)state;
        for (size_t i = 0; i < N_ELEMENTS(cases); i++) {
                char out[200];

                join_params(cases[i].in, out, sizeof(out));
                assert_string_equal(out, cases[i].out);
        }
}

static void well_formed_values_are_accepted(void **state)
{
        static const char *const values[] = {
                "0",
                "-0",
                "12.5e+3",
                "1E9",
                "-1.0e-2",
                "true",
                "false",
                "null",
                "\"\"",
                "[]",
                "{}",
                "[[],{},[1,2,{\"a\":[]}]]",
                "{\"a\":{},\"b\":[{}]}",
                "\"\\u00e9\\ud83d\\ude00\\n\\/\"",
                "\"\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\xf4\x8f\xbf\xbf\xee\x80\x80\"",
                "[ 1 , 2 ]",
                "\"0123456789abcdef0123456789abcdef\\\"0123456\x7f\"",
        };

        (void)state;
        for (size_t i = 0; i < N_ELEMENTS(values); i++)
                assert_int_equal(scan_value(span_of(values[i])), 0);
}

static void what_is_not_json_is_refused(void **state)
{
        static const char *const values[] = {
                "",
                " ",
                "{",
                "[",
                "\"",
                "\"\\",
                "\"\\u12",
                "01",
                "-",
                "1.",
                ".5",
                "1e",
                "+1",
                "tru",
                "nul",
                "truex",
                "[1,]",
                "[,1]",
                "{,}",
                "{\"a\"}",
                "{\"a\":}",
                "{\"a\":1,}",
                "{a:1}",
                "{1:2}",
                "[1 2]",
                "[1}",
                "{\"a\":1]",
                "1 2",
                "\"\t\"",
                "\"\n\"",
                "\"\\x\"",
                "\"\\u12g4\"",
                "NaN",
                "Infinity",
                "'a'",
                "\"\\ud800\"",
                "\"\\udc00\"",
                "\"\\ud800\\u0041\"",
                "\"\\ud800x\"",
                "\"\xc0\xaf\"",
                "\"\xe0\x80\xaf\"",
                "\"\xed\xa0\x80\"",
                "\"\xf4\x90\x80\x80\"",
                "\"\xff\"",
                "\"\x80\"",
                "\"\xc3\"",
                "\"\xe2\x82\"",
                "\xef\xbb\xbf{}",
                "[1]]",
                "{}}",
                "/* */1",
                "\"abcdefgh\x01\"",
        };

        (void)state;
        for (size_t i = 0; i < N_ELEMENTS(values); i++) {
                _cleanup_buf_ struct buf b = {0};
                struct scan s;

                assert_int_equal(scan_value(span_of(values[i])), SCAN_BAD_JSON);
                buf_printf(&b, HEAD "%s}", values[i]);
                assert_int_equal(scan_text(b.at, &s), SCAN_BAD_JSON);
                assert_non_null(s.fault);
        }
}

static void nesting_has_a_limit(void **state)
{
        char text[400];
        struct scan s;

        (void)state;
        for (size_t depth = SCAN_MAX_DEPTH - 1; depth <= SCAN_MAX_DEPTH + 1; depth++) {
                _cleanup_buf_ struct buf b = {0};

                memset(text, '[', depth);
                memset(text + depth, ']', depth);
                assert_int_equal(scan_value((struct span){text, 2 * depth}),
                                 depth <= SCAN_MAX_DEPTH ? 0 : SCAN_BAD_JSON);
                /* the message and params are two more */
                buf_printf(&b, HEAD "{\"a\":%.*s}}", (int)(2 * (depth - 2)), text + 2);
                assert_int_equal(scan_text(b.at, &s), depth <= SCAN_MAX_DEPTH ? 0 : SCAN_BAD_JSON);
        }
}

static void deep_noise_is_quick_to_refuse(void **state)
{
        size_t n = 8u << 20;
        char *text = malloc(n);
        struct scan s;

        (void)state;
        assert_non_null(text);
        memset(text, '[', n);
        assert_int_equal(scan_message((struct span){text, n}, &s), SCAN_BAD_JSON);
        text[0] = '{';
        assert_int_equal(scan_message((struct span){text, n}, &s), SCAN_BAD_JSON);
        free(text);
}

static void what_is_no_request_is_refused(void **state)
{
        static const char *const texts[] = {
                "[]",
                "[{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"m\"}]",
                "{}",
                "1",
                "\"x\"",
                "null",
                "{\"id\":1,\"method\":\"m\"}",
                "{\"jsonrpc\":\"1.0\",\"id\":1,\"method\":\"m\"}",
                "{\"jsonrpc\":2.0,\"id\":1,\"method\":\"m\"}",
                "{\"jsonrpc\":\"2.0\",\"id\":1}",
                "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":7}",
                "{\"jsonrpc\":\"2.0\",\"id\":[1],\"method\":\"m\"}",
                "{\"jsonrpc\":\"2.0\",\"id\":true,\"method\":\"m\"}",
                "{\"jsonrpc\":\"2.0\",\"id\":{},\"method\":\"m\"}",
                "{\"jsonrpc\":\"2.0\",\"id\":1,\"id\":2,\"method\":\"m\"}",
                "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"m\",\"method\":\"n\"}",
                "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"m\",\"params\":{},\"params\":{}}",
                "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"m\",\"extra\":1}",
                "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"m\",\"params\":7}",
                "{\"jsonrpc\":\"2.0\",\"id\":1,\"m\\u0065thod\":\"m\"}",
        };

        (void)state;
        for (size_t i = 0; i < N_ELEMENTS(texts); i++) {
                struct scan s;

                assert_int_equal(scan_text(texts[i], &s), SCAN_BAD_REQUEST);
                assert_non_null(s.fault);
        }
}

static void two_metas_are_refused(void **state)
{
        struct scan s;

        (void)state;
        assert_int_equal(scan_text(HEAD "{\"meta\":1,\"meta\":2}}", &s), SCAN_BAD_JSON);
}

static void an_id_has_a_limit(void **state)
{
        _cleanup_buf_ struct buf b = {0};
        struct scan s;

        (void)state;
        buf_printf(&b, "{\"jsonrpc\":\"2.0\",\"method\":\"m\",\"id\":\"%0*d\"}", SCAN_ID_BYTES - 2,
                   0);
        assert_int_equal(scan_text(b.at, &s), 0);
        buf_clear(&b);
        buf_printf(&b, "{\"jsonrpc\":\"2.0\",\"method\":\"m\",\"id\":\"%0*d\"}", SCAN_ID_BYTES - 1,
                   0);
        assert_int_equal(scan_text(b.at, &s), SCAN_BAD_REQUEST);
}

static void long_or_odd_methods_are_no_method(void **state)
{
        _cleanup_buf_ struct buf b = {0};
        char method[SCAN_METHOD_BYTES];
        struct scan s;

        (void)state;
        buf_printf(&b, "{\"jsonrpc\":\"2.0\",\"method\":\"%0100d\"}", 0);
        assert_int_equal(scan_message(buf_span(&b), &s), 0);
        scan_get_method(&s, method);
        assert_string_equal(method, "");
        assert_int_equal(
                scan_message(SPAN("{\"jsonrpc\":\"2.0\",\"method\":\"\\u006aob\\n\\u0000\"}"), &s),
                0);
        scan_get_method(&s, method);
        assert_string_equal(method, "job??");
}

static void a_manifest_is_found_where_it_stands_once(void **state)
{
        static const struct {
                const char *params, *manifest; /* NULL: none that can be told */
        } rows[] = {
                {"{\"input\":{\"spec\":1,\"manifest\":[{\"a\":[]}] ,\"files\":[]}}",
                 "[{\"a\":[]}]"},
                {"{\"meta\":{\"manifest\":[1]},\"input\":{\"manifest\":[]}}", "[]"},
                {"{\"manifest\":[1]}", NULL},
                {"{\"input\":[{\"manifest\":[1]}]}", NULL},
                {"{\"input\":{}}", NULL},
                {"{\"input\":{\"in\":{\"manifest\":[1]}}}", NULL},
                {"{\"input\":{\"manifest\":{\"a\":1}}}", NULL},
                {"{\"input\":{\"manifest\":[1],\"manifest\":[2]}}", NULL},
                {"{\"input\":{\"manifest\":[1],\"manifest\":2}}", NULL},
                {"{\"input\":{\"manifest\":[1]},\"input\":{\"manifest\":[2]}}", NULL},
                {"{\"input\":{\"manifest\":[1]},\"input\":{}}", NULL},
        };

        (void)state;
        for (size_t i = 0; i < N_ELEMENTS(rows); i++) {
                _cleanup_buf_ struct buf b = {0};
                struct scan s;

                buf_printf(&b, "{\"jsonrpc\":\"2.0\",\"method\":\"m\",\"params\":%s}",
                           rows[i].params);
                assert_int_equal(scan_message(buf_span(&b), &s), 0);
                if (!rows[i].manifest)
                        assert_int_equal(s.manifest.n, 0);
                else
                        assert_true(span_is_equal(s.manifest, span_of(rows[i].manifest)));
                assert_true(span_is_equal(s.params, span_of(rows[i].params)));
        }
}

static void every_prefix_is_refused(void **state)
{
        const char *text = HEAD
                "{\"a\":[1.5e3,true,\"\\u00e9\\ud83d\\ude00\xc3\xa9\"],\"meta\":{\"k\":null}}}";
        char copy[200];

        (void)state;
        for (size_t n = 0; n < strlen(text); n++) {
                struct scan s;

                memcpy(copy, text, n);
                copy[n] = 0;
                assert_int_equal(scan_text(copy, &s), SCAN_BAD_JSON);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(spans_are_found),
                cmocka_unit_test(replies_are_scanned_too),
                cmocka_unit_test(where_meta_stands_makes_no_difference),
                cmocka_unit_test(well_formed_values_are_accepted),
                cmocka_unit_test(what_is_not_json_is_refused),
                cmocka_unit_test(nesting_has_a_limit),
                cmocka_unit_test(deep_noise_is_quick_to_refuse),
                cmocka_unit_test(what_is_no_request_is_refused),
                cmocka_unit_test(two_metas_are_refused),
                cmocka_unit_test(an_id_has_a_limit),
                cmocka_unit_test(long_or_odd_methods_are_no_method),
                cmocka_unit_test(a_manifest_is_found_where_it_stands_once),
                cmocka_unit_test(every_prefix_is_refused),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
