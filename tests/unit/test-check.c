#include "daemon/check/check.h"

#include "daemon/check/language.h"
#include "tests/unit/unit.h"

static struct check_set *go_rules(void)
{
        static const struct check_rule_source rules[] = {
                {"package", "^package \\w+$", true, 0.99, "no package clause"},
                {"no_panic", "\\bpanic\\(", false, 0.8, "no panic"},
                {"imports", "\"github\\.com/", false, 0.97, "only the standard library"},
        };
        struct check_set *s = NULL;
        struct diag d;

        assert_int_equal(check_set_new("go", rules, N_ELEMENTS(rules), &s, &d), 0);
        return s;
}

static enum verdict judge(const struct check_set *s, const char *text, const char *expected,
                          struct check_report *r)
{
        struct check_subject subject = {.path = "a.go",
                                        .text = span_of(text),
                                        .expected = &expected,
                                        .n_expected = expected ? 1 : 0};

        check_run(s, &subject, r);
        return r->verdict;
}

static bool found(const struct check_report *r, const char *rule, unsigned line)
{
        for (size_t i = 0; i < r->n_findings; i++)
                if (strcmp(r->findings[i].rule, rule) == 0 && r->findings[i].line == line)
                        return true;
        return false;
}

static void good_code_is_accepted(void **state)
{
        _cleanup_(check_set_freep) struct check_set *s = go_rules();
        struct check_report r;

        (void)state;
        assert_int_equal(judge(s, "package a\n\n// Order is one.\ntype Order struct{ ID string }\n",
                               "Order", &r),
                         VERDICT_ACCEPTED);
        assert_int_equal(r.n_findings, 0);
        assert_true(r.n_rules >= 8);
}

/* What must be refused, and which rule says so on which line. */
static void faults_are_found(void **state)
{
        static const struct {
                const char *text, *rule;
                unsigned line;
        } cases[] = {
                {"", "empty", 0},
                {" \n\t\n", "empty", 0},
                {"```go\npackage a\n\ntype Order struct{}\n```\n", "fence", 1},
                {"Here is the file:\npackage a\n\ntype Order struct{}\n", "chatter", 1},
                {"package a\n\ntype Order struct {\n", "syntax", 0},
                {"package a\n\ntype Order struct{}\n}\n", "syntax", 4},
                {"package a\n\nvar s = `Order\n", "syntax", 0},
                {"package a\n\ntype OrderItem struct{}\n", "names", 0},
                {"type Order struct{}\n", "package", 0},
                {"package a\n\nimport \"github.com/x/y\"\n\ntype Order struct{}\n", "imports", 3},
                {"package a\n\ntype Order struct{} // \xff\n", "encoding", 0},
        };
        _cleanup_(check_set_freep) struct check_set *s = go_rules();

        (void)state;
        for (size_t i = 0; i < N_ELEMENTS(cases); i++) {
                struct check_report r;

                assert_int_equal(judge(s, cases[i].text, "Order", &r), VERDICT_REJECTED);
                if (!found(&r, cases[i].rule, cases[i].line))
                        fail_msg("case %zu: %s:%u was not found", i, cases[i].rule, cases[i].line);
        }
}

/* A word in a comment or a string is no call. */
static void comments_and_strings_do_not_count(void **state)
{
        _cleanup_(check_set_freep) struct check_set *s = go_rules();
        struct check_report r;

        (void)state;
        assert_int_equal(judge(s,
                               "package a\n\n// Order never calls panic( or {\nvar Order = "
                               "\"panic(\" + `} panic(`\n",
                               "Order", &r),
                         VERDICT_ACCEPTED);
        assert_int_equal(judge(s, "package a\n\nfunc Order() {\n\tpanic(\"no\")\n}\n", "Order", &r),
                         VERDICT_REJECTED);
        assert_true(found(&r, "no_panic", 4));
}

static void cut_text_is_refused(void **state)
{
        struct check_subject subject = {.text = SPAN("A sentence that"), .was_cut = true};
        struct check_report r;

        (void)state;
        check_run(NULL, &subject, &r);
        assert_int_equal(r.verdict, VERDICT_REJECTED);
        subject.was_cut = false;
        check_run(NULL, &subject, &r);
        assert_int_equal(r.verdict, VERDICT_ACCEPTED);
}

static void bad_patterns_are_named(void **state)
{
        struct check_rule_source rule = {"odd", "(unclosed", true, 0.5, "x"};
        struct check_set *s = NULL;
        struct diag d;

        (void)state;
        assert_int_equal(check_set_new("go", &rule, 1, &s, &d), CONDITION_REFUSED);
        assert_non_null(strstr(d.text, "odd"));
}

/* A pattern that explodes is stopped and says little; it never hangs and never decides. */
static void exploding_patterns_are_bounded(void **state)
{
        struct check_rule_source rule = {"bomb", "^(a+)+$", true, 1.0, "x"};
        _cleanup_(check_set_freep) struct check_set *s = NULL;
        struct check_report r;
        struct diag d;
        char text[64];

        (void)state;
        assert_int_equal(check_set_new("text", &rule, 1, &s, &d), 0);
        memset(text, 'a', sizeof(text));
        memcpy(text + sizeof(text) - 2, "!", 2);
        judge(s, text, NULL, &r);
        assert_int_equal(r.n_findings, 1);
        assert_true(r.findings[0].confidence < 0.5 || r.verdict == VERDICT_REJECTED);
}

static void hashes_tell_rules_apart(void **state)
{
        struct check_rule_source a = {"n", "x", true, 0.5, "m"}, b = {"n", "x", false, 0.5, "m"};
        _cleanup_(check_set_freep) struct check_set *x = NULL, *y = NULL, *z = NULL;
        struct hash hx, hy, hz;
        struct diag d;

        (void)state;
        assert_int_equal(check_set_new("go", &a, 1, &x, &d), 0);
        assert_int_equal(check_set_new("go", &b, 1, &y, &d), 0);
        assert_int_equal(check_set_new("go", &a, 1, &z, &d), 0);
        check_set_hash(x, &hx);
        check_set_hash(y, &hy);
        check_set_hash(z, &hz);
        assert_false(hash_is_equal(&hx, &hy));
        assert_true(hash_is_equal(&hx, &hz));
}

static void a_fence_is_mended(void **state)
{
        struct span s;

        (void)state;
        s = check_mend("go", SPAN("```go\npackage a\n```\n"));
        assert_bytes_equal(s.at, s.n, "package a\n");
        s = check_mend("go", SPAN("Sure, here it is:\n\n```go\npackage a\n```\nAnything else?\n"));
        assert_bytes_equal(s.at, s.n, "package a\n");
        s = check_mend("go", SPAN("package a\n"));
        assert_bytes_equal(s.at, s.n, "package a\n");
        s = check_mend("text", SPAN("```\nx\n```\n"));
        assert_bytes_equal(s.at, s.n, "```\nx\n```\n");
        s = check_mend("go", SPAN("```\na\n```\n```\nb\n```\n")); /* which one? neither */
        assert_bytes_equal(s.at, s.n, "```\na\n```\n```\nb\n```\n");
}

static void masks_keep_lines(void **state)
{
        bool is_open;
        char *mask = check_language_mask(check_language_find("python"),
                                         SPAN("a = '''x\n# y'''\nb = 1 # z\n"), &is_open);

        (void)state;
        assert_string_equal(mask, "a = ''' \n   '''\nb = 1    \n");
        assert_false(is_open);
        free(mask);
        mask = check_language_mask(check_language_find("go"), SPAN("/* open"), &is_open);
        assert_true(is_open);
        free(mask);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(good_code_is_accepted),
                cmocka_unit_test(faults_are_found),
                cmocka_unit_test(comments_and_strings_do_not_count),
                cmocka_unit_test(cut_text_is_refused),
                cmocka_unit_test(bad_patterns_are_named),
                cmocka_unit_test(exploding_patterns_are_bounded),
                cmocka_unit_test(hashes_tell_rules_apart),
                cmocka_unit_test(a_fence_is_mended),
                cmocka_unit_test(masks_keep_lines),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
