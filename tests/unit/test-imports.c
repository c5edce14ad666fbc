/* What a file used and did not import: added where it belongs, or left alone where it is not
 * certain. */

#include "tests/unit/unit.h"

#include "daemon/check/check.h"
#include "daemon/check/imports.h"

static struct check_imports_source go_source(void)
{
        return (struct check_imports_source){
                .language = "go",
                .use = "(?<![\\w.])([a-z]\\w*)\\.\\p{Lu}",
                .said = "^(?:import\\s+|\\t)((?:[\\w.]+\\s+)?\"[^\"\\n]+\")\\s*$",
                .places = {{"^import \\(\\n", "\\t\"([^\"\\n]+)\"\\n", "\t\"$\"\n"},
                           {"^package \\w+\\n", NULL, "\nimport \"$\"\n"}},
                .n_places = 2,
                .names = {{"json", "encoding/json"},
                          {"errors", "errors"},
                          {"fmt", "fmt"},
                          {"strings", "strings"},
                          {"time", "time"}},
                .n_names = 5,
        };
}

/* NULL: nothing is mended. */
static char *mend(const char *text, char **ret_said)
{
        struct check_imports_source source = go_source();
        _cleanup_(check_imports_freep) struct check_imports *m = NULL;
        struct buf out = {0}, said = {0};
        struct diag diag;
        int r;

        assert_int_equal(check_imports_new(&source, &m, &diag), 0);
        r = check_imports_mend(m, span_of(text), &out, &said);
        assert_true(r == 0 || r == CONDITION_ABSENT);
        *ret_said = buf_steal(&said, NULL);
        if (r == 0)
                return buf_steal(&out, NULL);
        buf_done(&out);
        return NULL;
}

static const struct {
        const char *text, *mended, *said;
} mended[] = {
        {"package a\n\nimport (\n\t\"errors\"\n\t\"time\"\n)\n\nvar x = fmt.Sprint(time.Now(), "
         "errors.New(strings.ToUpper(\"a\")))\n",
         "package a\n\nimport (\n\t\"errors\"\n\t\"fmt\"\n\t\"strings\"\n\t\"time\"\n)\n\nvar x = "
         "fmt.Sprint(time.Now(), errors.New(strings.ToUpper(\"a\")))\n",
         "fmt, strings"},
        {"package a\n\nvar x = fmt.Sprint(json.Valid(nil))\n",
         "package a\n\nimport \"encoding/json\"\n\nimport \"fmt\"\n\nvar x = "
         "fmt.Sprint(json.Valid(nil))\n",
         "encoding/json, fmt"},
        {"package a\n\nimport (\n\t\"context\"\n\n\t\"example.com/x/y\"\n)\n\nvar x = "
         "y.Do(context.TODO(), time.Second)\n",
         "package a\n\nimport (\n\t\"context\"\n\t\"time\"\n\n\t\"example.com/x/y\"\n)\n\nvar x = "
         "y.Do(context.TODO(), time.Second)\n",
         "time"},
};

static void test_what_is_missing_is_added(void **state)
{
        (void)state;
        for (size_t i = 0; i < N_ELEMENTS(mended); i++) {
                _cleanup_free_ char *said = NULL, *again = NULL;
                _cleanup_free_ char *out = mend(mended[i].text, &said);

                assert_non_null(out);
                assert_string_equal(out, mended[i].mended);
                assert_string_equal(said, mended[i].said);
                assert_null(mend(out, &again)); /* nothing is missing any more */
                free(again);
                again = NULL;
        }
}

/* Each of these compiles as it is, or cannot be told. */
static const char *const left_alone[] = {
        "package a\n\nimport \"fmt\"\n\nvar x = fmt.Sprint()\n",
        "package a\n\nimport fmt \"example.com/own/fmt\"\n\nvar x = fmt.Sprint()\n",
        "package a\n\nimport strings \"example.com/words\"\n\nvar x = strings.ToUpper(\"\")\n",
        "package a\n\nimport \"example.com/own/errors\"\n\nvar x = errors.New(\"\")\n",
        "package a\n\n// time.Now is not called\nvar x = \"fmt.Sprint\" + `json.Valid`\n",
        "package a\n\nfunc f(time Clock) { time.Tick() }\n",
        "package a\n\nvar json = codec{}\nvar x = json.Valid(nil)\n",
        "package a\n\nvar x = r.time.Now()\n",
        "package a\n\nvar x = other.Thing()\n",
        "package a\n\nvar x = time.now()\n",
        "no package clause: time.Now()\n",
        "var x = `\npackage a\n` + time.Now()\n",
        "package a\n\nvar x = \"open\nvar y = time.Now()\n",
        "",
};

static void test_what_is_not_certain_is_left_alone(void **state)
{
        (void)state;
        for (size_t i = 0; i < N_ELEMENTS(left_alone); i++) {
                _cleanup_free_ char *said = NULL;

                assert_null(mend(left_alone[i], &said));
        }
}

static void test_bad_rules_are_refused(void **state)
{
        struct check_imports *m = NULL;
        struct diag diag;

        (void)state;
        for (int i = 0; i < 4; i++) {
                struct check_imports_source s = go_source();

                if (i == 0)
                        s.use = "no group";
                if (i == 1)
                        s.said = "(";
                if (i == 2)
                        s.places[0].after = "[";
                if (i == 3)
                        s.places[0].skip = "no group";
                assert_int_equal(check_imports_new(&s, &m, &diag), CONDITION_REFUSED);
                assert_true(diag.text[0]);
        }
}

/* A set that mends is another set: results of before are not of it. */
static void test_set_and_hash(void **state)
{
        struct check_imports_source source = go_source();
        _cleanup_(check_imports_freep) struct check_imports *m = NULL;
        _cleanup_(check_set_freep) struct check_set *s = NULL;
        _cleanup_buf_ struct buf out = {0}, said = {0};
        struct hash before, after;
        struct diag diag;

        (void)state;
        assert_int_equal(check_imports_new(&source, &m, &diag), 0);
        assert_int_equal(check_set_new("go", NULL, 0, &s, &diag), 0);
        check_set_hash(s, &before);
        assert_int_equal(check_set_mend(s, span_of(mended[0].text), &out, &said), CONDITION_ABSENT);
        check_set_use_imports(s, m);
        check_set_hash(s, &after);
        assert_false(hash_is_equal(&before, &after));
        assert_int_equal(check_set_mend(s, span_of(mended[0].text), &out, &said), 0);
        assert_string_equal(out.at, mended[0].mended);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_what_is_missing_is_added),
                cmocka_unit_test(test_what_is_not_certain_is_left_alone),
                cmocka_unit_test(test_bad_rules_are_refused),
                cmocka_unit_test(test_set_and_hash),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
