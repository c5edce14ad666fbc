#include "proto/params.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
/* cmocka wants the above first */
#include <cmocka.h>

#include "common/json.h"
#include "proto/base64.h"

static const char *const colours[] = {"red", "green", NULL};

static const struct param inner[] = {
        {"a/b", PARAM_U64, .is_required = true, .max = 5, .sentence = "x"},
        {NULL},
};

static const struct param table[] = {
        {"text", PARAM_TEXT, .is_required = true, .min = 1, .max = 4, .sentence = "x"},
        {"colour", PARAM_TEXT, .choices = colours, .sentence = "x"},
        {"count", PARAM_U64, .min = 1, .max = 9, .sentence = "x"},
        {"flag", PARAM_BOOL, .sentence = "x"},
        {"object", PARAM_OBJECT, .sentence = "x"},
        {"inner", PARAM_OBJECT, .fields = inner, .sentence = "x"},
        {"array", PARAM_ARRAY, .max = 2, .sentence = "x"},
        {"texts", PARAM_TEXTS, .max = 2, .choices = colours, .sentence = "x"},
        {"hash", PARAM_HASH, .sentence = "x"},
        {"ulid", PARAM_ULID, .sentence = "x"},
        {"data", PARAM_BASE64, .max = 3, .sentence = "x"},
        {"map", PARAM_TEXT_MAP, .max = 1, .sentence = "x"},
        {"argvs", PARAM_ARGVS, .max = 2, .sentence = "x"},
        {"id", PARAM_ID, .max = 4, .sentence = "x"},
        {"either", PARAM_U64, .is_required = true, .unless = "flag", .sentence = "x"},
        {NULL},
};

/* members: what stands beside the two that are required. where NULL: all is well. */
static void expect(const char *members, const char *where)
{
        _cleanup_(failure_freep) struct failure *f = NULL;
        _cleanup_json_ json_t *params = NULL;
        _cleanup_buf_ struct buf b = {0};
        struct diag diag;
        int r;

        buf_printf(&b, "{\"text\":\"t\",\"either\":1%s%s}", *members ? "," : "", members);
        assert_int_equal(json_read(buf_span(&b), &params, &diag), 0);
        r = params_check(table, params, &f);
        if (!where) {
                assert_int_equal(r, 0);
                return;
        }
        assert_int_equal(r, CONDITION_REFUSED);
        assert_int_equal(f->id, FAILURE_INVALID_PARAMS);
        assert_string_equal(f->where, where);
}

static void what_fits_the_table_passes(void **state)
{
        (void)state;
        expect("", NULL);
        expect("\"colour\":\"green\",\"count\":9,\"flag\":false,\"object\":{\"any\":[1]},\"inner\":"
               "{\"a/b\":0}",
               NULL);
        expect("\"array\":[1,{}],\"texts\":[\"red\"],\"data\":\"AAAA\",\"map\":{\"k\":\"v\"},"
               "\"id\":7",
               NULL);
        expect("\"hash\":\"0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef\"",
               NULL);
        expect("\"ulid\":\"01ARZ3NDEKTSV4RRFFQ69G5FAV\",\"id\":\"x\",\"argvs\":[[\"go\",\"vet\"],["
               "\"ls\"]]",
               NULL);
}

static void what_does_not_says_where(void **state)
{
        (void)state;
        expect("\"colour\":\"blue\"", "/params/colour");
        expect("\"count\":0", "/params/count");
        expect("\"count\":10", "/params/count");
        expect("\"count\":-1", "/params/count");
        expect("\"count\":1.5", "/params/count");
        expect("\"count\":\"1\"", "/params/count");
        expect("\"flag\":1", "/params/flag");
        expect("\"object\":[]", "/params/object");
        expect("\"object\":null", "/params/object");
        expect("\"inner\":{}", "/params/inner/a~1b");
        expect("\"inner\":{\"a/b\":6}", "/params/inner/a~1b");
        expect("\"inner\":{\"a/b\":1,\"~\":1}", "/params/inner/~0");
        expect("\"array\":[1,2,3]", "/params/array");
        expect("\"texts\":[\"red\",\"x\"]", "/params/texts/1");
        expect("\"texts\":[1]", "/params/texts/0");
        expect("\"hash\":\"ABCDEF\"", "/params/hash");
        expect("\"ulid\":\"x\"", "/params/ulid");
        expect("\"data\":\"AAAAAAAA\"", "/params/data");
        expect("\"data\":\"AAA\"", "/params/data");
        expect("\"map\":{\"a\":\"1\",\"b\":\"2\"}", "/params/map");
        expect("\"map\":{\"a\":1}", "/params/map/a");
        expect("\"argvs\":[[]]", "/params/argvs/0");
        expect("\"argvs\":[\"ls\"]", "/params/argvs/0");
        expect("\"argvs\":[[\"a\"],[1]]", "/params/argvs/1/0");
        expect("\"id\":\"longer\"", "/params/id");
        expect("\"id\":1.5", "/params/id");
        expect("\"unheard\":1", "/params/unheard");
}

static void what_is_missing_is_named(void **state)
{
        _cleanup_json_ json_t *params = json_pack("{s:s}", "text", "t");
        _cleanup_(failure_freep) struct failure *f = NULL;

        (void)state;
        assert_int_equal(params_check(table, NULL, &f), CONDITION_REFUSED);
        assert_string_equal(f->where, "/params/text");
        assert_string_equal(f->message, "`text` is missing");
        f = failure_free(f);
        assert_int_equal(params_check(table, params, &f), CONDITION_REFUSED);
        assert_string_equal(f->where, "/params/either");
        f = failure_free(f);
        assert_int_equal(json_object_set_new(params, "flag", json_true()), 0);
        assert_int_equal(params_check(table, params, &f), 0);
}

static void the_nearest_name_is_suggested(void **state)
{
        _cleanup_json_ json_t *params = json_pack("{s:s}", "colour_", "red");
        _cleanup_(failure_freep) struct failure *f = NULL;

        (void)state;
        assert_int_equal(params_check(table, params, &f), CONDITION_REFUSED);
        assert_string_equal(f->message, "`colour_` is unknown; did you mean \"colour\"?");
}

static void params_must_be_an_object(void **state)
{
        _cleanup_json_ json_t *params = json_array();
        _cleanup_(failure_freep) struct failure *f = NULL;

        (void)state;
        assert_int_equal(params_check(table, params, &f), CONDITION_REFUSED);
        assert_string_equal(f->where, "/params");
}

static void base64_is_strict(void **state)
{
        static const struct {
                const char *plain, *encoded;
        } pairs[] = {
                {"", ""},
                {"f", "Zg=="},
                {"fo", "Zm8="},
                {"foo", "Zm9v"},
                {"foob", "Zm9vYg=="},
                {"fooba", "Zm9vYmE="},
                {"\xff\xfe\xfd", "//79"},
        };
        static const char *const bad[] = {
                "Z",        "Zg",     "Zg=",  "Zg===", "Zh==", "Zm9=", "=g==",
                "Zg==Zg==", "Zm9v\n", "Zm 9", "====",  "Z=g=", "_-_-", "Zm9\x80",
        };

        (void)state;
        for (size_t i = 0; i < N_ELEMENTS(pairs); i++) {
                _cleanup_buf_ struct buf b = {0};

                assert_int_equal(base64_encode(&b, span_of(pairs[i].plain)), 0);
                assert_string_equal(buf_span(&b).at, pairs[i].encoded);
                buf_clear(&b);
                assert_int_equal(base64_decode(&b, span_of(pairs[i].encoded)), 0);
                assert_string_equal(buf_span(&b).at, pairs[i].plain);
        }
        for (size_t i = 0; i < N_ELEMENTS(bad); i++) {
                _cleanup_buf_ struct buf b = {0};

                buf_add_text(&b, "kept");
                assert_int_equal(base64_decode(&b, span_of(bad[i])), -EINVAL);
                assert_string_equal(b.at, "kept");
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(what_fits_the_table_passes),
                cmocka_unit_test(what_does_not_says_where),
                cmocka_unit_test(what_is_missing_is_named),
                cmocka_unit_test(the_nearest_name_is_suggested),
                cmocka_unit_test(params_must_be_an_object),
                cmocka_unit_test(base64_is_strict),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
