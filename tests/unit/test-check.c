#include "daemon/check/check.h"
#include "daemon/check/language.h"
#include "tests/unit/unit.h"

/* A rule set, compiled; the rules must be good. */
static struct check_set *set_of(const char *language, const struct check_rule_source *rules,
                                size_t n)
{
        struct check_set *s = NULL;
        struct diag d;

        if (check_set_new(language, rules, n, &s, &d) != 0)
                fail_msg("%s", d.text);
        return s;
}

static void run(const char *language, const struct check_subject *subject, struct check_report *ret)
{
        _cleanup_(check_set_freep) struct check_set *s =
                language ? set_of(language, NULL, 0) : NULL;

        check_run(s, subject, ret);
}

static const struct finding *finding_of(const struct check_report *r, const char *rule)
{
        for (size_t i = 0; i < r->n_findings; i++)
                if (strcmp(r->findings[i].rule, rule) == 0)
                        return &r->findings[i];
        return NULL;
}

/* The basic rules on a text: accepted without a finding (rule NULL), or this rule finds something
 * on this line. */
static void expect(const char *language, const char *text, const char *rule, unsigned line)
{
        struct check_subject subject = {.path = "a/file.x", .text = span_of(text)};
        const struct finding *f;
        struct check_report r;

        run(language, &subject, &r);
        if (!rule) {
                if (r.n_findings)
                        fail_msg("%s: %s: %s:%u: %s", language, text, r.findings[0].rule,
                                 r.findings[0].line, r.findings[0].text);
                assert_int_equal(r.verdict, VERDICT_ACCEPTED);
                assert_true(r.score == 1);
                return;
        }
        f = finding_of(&r, rule);
        if (!f)
                fail_msg("%s: %s: no finding of %s", language, text, rule);
        else if (f->line != line)
                fail_msg("%s: %s: line %u, not %u: %s", language, text, f->line, line, f->text);
}

static void test_good_files(void **state _unused_)
{
        expect("go",
               "package a\n\n// it's (fine\nvar s = \"}\" + `{\n[` + string('\\'') // \"\nfunc f() "
               "{ x[1] = '(' }\n",
               NULL, 0);
        expect("python",
               "'''Doc: (\n```\nit's\n```\n'''\nx = \"(\"  # ] don't\ny = ')' \"\"\"\n{\n\"\"\"\n",
               NULL, 0);
        expect("sql", "-- it's (\nSELECT 'it''s (' AS \"a)\", $$ ( $$ /* ( */ FROM t;\n", NULL, 0);
        expect("rust",
               "fn f<'a>(x: &'a str, c: char) { let s = r#\"(\"\"#; let y = ')'; /* { */ }\n", NULL,
               0);
        expect("c", "char c = '{'; /* ( */ // [\nint n = 1'000;\nconst char *s = \"\\\"}\";\n",
               NULL, 0);
        expect("java", "class A { String s = \"\"\"\n {\n \"\"\"; char c = '}'; }\n", NULL, 0);
        expect("javascript", "const s = `{${x}\\``; // (\n", NULL, 0);
        expect("yaml", "a: it's # (\nb: [1, 2]\nc: \"x#y\"\n", NULL, 0);
        expect("json", "{\"a\": [1, 2.5, \"}\\\"\"], \"b\": null}\n", NULL, 0);
        expect("makefile", "all:\n\techo $(X\n", NULL, 0);
        expect("text", "Sure, here is (a text", NULL, 0);
        expect("no-such-language", "Sure, here is (a text", NULL, 0);
        expect("markdown", "# Title\n\n```sh\nmake\n```\n", NULL, 0);
}

static void test_empty(void **state _unused_)
{
        struct check_subject subject = {.text = {NULL, 0}};
        struct check_report r;

        expect("go", "", "empty", 0);
        expect("text", " \n\t\r\n", "empty", 0);
        run(NULL, &subject, &r);
        assert_int_equal(r.verdict, VERDICT_REJECTED);
        assert_true(r.score == 0);
}

static void test_cut(void **state _unused_)
{
        struct check_subject subject = {.text = SPAN("package a\n"), .was_cut = true};
        struct check_report r;

        run("go", &subject, &r);
        assert_int_equal(r.verdict, VERDICT_REJECTED);
        assert_non_null(finding_of(&r, "cut"));
}

static void test_encoding(void **state _unused_)
{
        struct check_subject subject = {.text = SPAN("a\0b")};
        struct check_report r;

        expect("go", "package a // \xff\n", "encoding", 0);
        expect("text", "\xc0\x80", "encoding", 0);
        run("text", &subject, &r);
        assert_non_null(finding_of(&r, "encoding"));
        expect("go", "package a // é 😀\n", NULL, 0);
}

static void test_fence(void **state _unused_)
{
        expect("go", "```go\npackage a\n```\n", "fence", 1);
        expect("go", "package a\n```\nmore\n```\nvar x = 1\n", "fence", 2);
        expect("python", "```\nx = 1\n```\n", "fence", 1);
        expect("text", "```\nmodule shop\n```\n", "fence", 1);
        expect("yaml", "```yaml\na: 1\n```\n", "fence", 1);
        expect("go", "/*\n```\nexample\n```\n*/\npackage a\n", NULL, 0);
        expect("go", "// ```\n// example\n// ```\npackage a\n", NULL, 0);
}

static void test_fence_in_markdown_is_text(void **state _unused_)
{
        struct check_subject subject = {.path = "README.md", .text = SPAN("```sh\nmake\n```\n")};
        struct check_report r;

        run("text", &subject, &r);
        assert_int_equal(r.n_findings, 0);
        subject.path = NULL; /* an answer for people */
        run(NULL, &subject, &r);
        assert_int_equal(r.n_findings, 0);
}

static void test_chatter(void **state _unused_)
{
        expect("go", "Here is the file:\n\npackage a\n", "chatter", 1);
        expect("go", "Sure, I can do that.\npackage a\n", "chatter", 1);
        expect("sql", "\n  Certainly! SELECT 1;\n", "chatter", 1);
        expect("go", "package a\n\nLet me know if you need more.\n", "chatter", 3);
        expect("python", "x = 1\nThis implementation is simple.\n", "chatter", 2);
        expect("python", "x = 1\n# note that this is fine\n", NULL, 0);
        expect("go", "package a\n\n/*\nNote that this is fine. */\n", NULL, 0);
        expect("go", "package a\n\nvar sure = 1\n", NULL, 0);
}

static void test_brackets(void **state _unused_)
{
        expect("go", "package a\nfunc f() {\n\tg(\n}\n", "syntax", 4);
        expect("go", "package a\nfunc f() {\n\tg()\n", "syntax", 2);
        expect("go", "package a\n}\n", "syntax", 2);
        expect("python", "x = [1, 2\n", "syntax", 1);
        expect("sql", "SELECT (1;\n", "syntax", 1);
        expect("shell", "case x in a) ;; esac\n", NULL, 0);
        expect("makefile", "x: )\n", NULL, 0);
}

static void test_open_string_or_comment(void **state _unused_)
{
        expect("go", "package a\n\nvar s = `abc\n", "syntax", 3);
        expect("go", "package a\n/* never\n", "syntax", 2);
        expect("go", "package a\nvar s = \"abc\n", "syntax", 2);
        expect("python", "x = 1\n\"\"\"doc\n", "syntax", 2);
        expect("c", "// don't\n#error don't\n", NULL, 0);
}

static void test_json_is_parsed(void **state _unused_)
{
        expect("json", "{\"a\": 1,}\n", "syntax", 1);
        expect("json", "{\"a\": 1\n", "syntax", 2);
        expect("json", "{}\n{}\n", "syntax", 2);
}

static void test_deep_nesting_is_not_judged(void **state _unused_)
{
        _cleanup_buf_ struct buf b = {0};

        for (int i = 0; i < 100000; i++)
                buf_add_char(&b, '(');
        buf_add_char(&b, '\n');
        expect("go", b.at, NULL, 0);
}

static void test_names(void **state _unused_)
{
        static const char *const expected[] = {"Order", "order"};
        struct check_subject subject = {
                .text = SPAN("package order\n\n// Order is one.\ntype OrderItem struct{}\n"),
                .expected = expected,
                .n_expected = 2};
        struct check_report r;

        run("go", &subject, &r);
        assert_int_equal(r.n_findings, 1); /* a part of a word and a comment are not enough */
        assert_string_equal(r.findings[0].rule, "names");
        assert_non_null(strstr(r.findings[0].text, "Order"));
        subject.text = SPAN("package order\n\ntype Order struct{}\n");
        run("go", &subject, &r);
        assert_int_equal(r.verdict, VERDICT_ACCEPTED);
        subject.text = SPAN("package order\n\nvar x = \"Order\"\n");
        run("go", &subject, &r);
        assert_int_equal(r.verdict, VERDICT_ACCEPTED);
}

static void test_missing_line_break_is_a_small_matter(void **state _unused_)
{
        struct check_subject subject = {.text = SPAN("package a")};
        struct check_report r;

        run("go", &subject, &r);
        assert_int_equal(r.n_findings, 1);
        assert_string_equal(r.findings[0].rule, "newline");
        assert_int_equal(r.verdict, VERDICT_ACCEPTED);
        assert_true(r.score < 1);
}

static const struct check_rule_source go_rules[] = {
        {"package_clause", "^package [a-z]+$", true, 0.99, "the file needs a package clause", 0},
        {"no_panic", "\\bpanic\\(", false, 0.8, "no panic", 0},
        {"no_gorm", "\"gorm\\.io/", false, 0.97, "no ORM", 0},
        {"no_todo", "//\\s*TODO", false, 0.85, "the file must be complete", 0},
        {"small", "magic", false, 0.2, "no magic", 0},
        {"smaller", "magic", false, 0.15, "no magic at all", 0},
};

static void expect_rules(const char *text, enum verdict verdict, const char *rule, unsigned line)
{
        _cleanup_(check_set_freep) struct check_set *s =
                set_of("go", go_rules, N_ELEMENTS(go_rules));
        struct check_subject subject = {.text = span_of(text)};
        struct check_report r;

        check_run(s, &subject, &r);
        if (r.verdict != verdict)
                fail_msg("%s: verdict %d, score %f", text, r.verdict, r.score);
        if (rule) {
                const struct finding *f = finding_of(&r, rule);

                assert_non_null(f);
                assert_int_equal(f->line, line);
        } else {
                assert_int_equal(r.n_findings, 0);
        }
        assert_true(r.n_rules >= N_ELEMENTS(go_rules));
}

static void test_patterns(void **state _unused_)
{
        expect_rules("package a\n", VERDICT_ACCEPTED, NULL, 0);
        expect_rules("var x = 1\n", VERDICT_REJECTED, "package_clause", 0);
        expect_rules("package a\nfunc f() {\n\tpanic(1)\n}\n", VERDICT_REJECTED, "no_panic", 3);
        expect_rules("package a\nimport \"gorm.io/gorm\"\n", VERDICT_REJECTED, "no_gorm", 2);
        expect_rules("package a\n\n// TODO\n", VERDICT_REJECTED, "no_todo", 3);
}

static void test_patterns_see_code_alone(void **state _unused_)
{
        expect_rules("package a\n// panic(1)\n/* panic(\n*/\nvar s = \"panic(\" + `panic(`\n",
                     VERDICT_ACCEPTED, NULL, 0);
        expect_rules("/*\npackage a\n*/\n", VERDICT_REJECTED, "package_clause", 0);
        expect_rules("package a\n// import \"gorm.io/gorm\"\n", VERDICT_ACCEPTED, NULL,
                     0); /* strings, not comments */
        expect_rules("package a\nvar s = \"// TODO\"\n", VERDICT_REJECTED, "no_todo", 2); /* all */
}

static void test_sight_can_be_chosen(void **state _unused_)
{
        struct check_rule_source rule = {"word", "secret",     false,
                                         0.95,   "no secrets", CHECK_SEES_CODE};
        struct check_subject subject = {
                .text = SPAN("package a // secret one\nvar s = \"secret two\"\n")};
        static const struct {
                enum check_sight sees;
                unsigned line;
        } rows[] = {{CHECK_SEES_CODE, 0}, {CHECK_SEES_STRINGS, 2}, {CHECK_SEES_ALL, 1}};

        for (size_t i = 0; i < N_ELEMENTS(rows); i++) {
                _cleanup_(check_set_freep) struct check_set *s = NULL;
                struct check_report r;

                rule.sees = rows[i].sees;
                s = set_of("go", &rule, 1);
                check_run(s, &subject, &r);
                assert_int_equal(r.n_findings, rows[i].line != 0);
                if (rows[i].line)
                        assert_int_equal(r.findings[0].line, rows[i].line);
        }
}

static void test_verdict_combines(void **state _unused_)
{
        expect_rules("package a\nvar magic = 1\n", VERDICT_DOUBTED, "small",
                     2); /* 0.8 × 0.85 = 0.68 */
}

static void test_bad_patterns_are_named(void **state _unused_)
{
        static const struct {
                struct check_rule_source rule;
                const char *part;
        } rows[] = {
                {{"broken", "a(b", false, 0.5, "", 0}, "missing closing parenthesis"},
                {{"broken", "[z-a]", false, 0.5, "", 0}, "out of order"},
                {{"broken", "\\C", false, 0.5, "", 0}, "\\C"},
                {{"broken", NULL, false, 0.5, "", 0}, "a pattern"},
                {{"broken", "a", false, 0, "", 0}, "confidence"},
                {{"broken", "a", false, 1.5, "", 0}, "confidence"},
        };

        for (size_t i = 0; i < N_ELEMENTS(rows); i++) {
                struct check_set *s = NULL;
                struct diag d;

                assert_int_equal(check_set_new("go", &rows[i].rule, 1, &s, &d), CONDITION_REFUSED);
                assert_non_null(strstr(d.text, "`broken`"));
                if (!strstr(d.text, rows[i].part))
                        fail_msg("%s", d.text);
                assert_null(s);
        }
}

/* A pattern that explodes is stopped, says so, and does not reject. */
static void test_runaway_pattern(void **state _unused_)
{
        static const struct check_rule_source rule = {"runaway", "^(a+)+$", true,
                                                      0.99,      "only a",  0};
        _cleanup_(check_set_freep) struct check_set *s = set_of("text", &rule, 1);
        struct check_subject subject = {
                .text = SPAN("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab\n")};
        struct check_report r;

        check_run(s, &subject, &r);
        assert_int_equal(r.verdict, VERDICT_ACCEPTED);
        assert_int_equal(r.n_findings, 1);
        assert_non_null(strstr(r.findings[0].text, "could not be run"));
        assert_true(r.findings[0].confidence <= 0.2);
}

/* The worst findings are kept when there are more than fit. */
static void test_many_findings(void **state _unused_)
{
        struct check_rule_source rules[CHECK_MAX_FINDINGS + 8];
        _cleanup_(check_set_freep) struct check_set *s = NULL;
        struct check_subject subject = {.text = SPAN("x\n")};
        struct check_report r;

        for (size_t i = 0; i < N_ELEMENTS(rules); i++)
                rules[i] = (struct check_rule_source){"small", "x", false, 0.001, "m", 0};
        rules[N_ELEMENTS(rules) - 1] = (struct check_rule_source){"big", "x", false, 0.95, "m", 0};
        s = set_of("text", rules, N_ELEMENTS(rules));
        check_run(s, &subject, &r);
        assert_int_equal(r.n_findings, CHECK_MAX_FINDINGS);
        assert_non_null(finding_of(&r, "big"));
        assert_int_equal(r.verdict, VERDICT_REJECTED);
}

static void test_hash_covers_all(void **state _unused_)
{
        struct check_rule_source rule = {"a", "b", true, 0.5, "m", 0};
        struct hash first, h;
        struct check_rule_source changed[6];

        for (size_t i = 0; i < N_ELEMENTS(changed); i++)
                changed[i] = rule;
        changed[0].name = "x";
        changed[1].pattern = "x";
        changed[2].must_match = false;
        changed[3].confidence = 0.6;
        changed[4].message = "x";
        changed[5].sees = CHECK_SEES_ALL;
        for (int round = 0; round < 2; round++) {
                _cleanup_(check_set_freep) struct check_set *s = set_of("go", &rule, 1);

                check_set_hash(s, round ? &h : &first);
        }
        assert_true(hash_is_equal(&first, &h));
        for (size_t i = 0; i < N_ELEMENTS(changed); i++) {
                _cleanup_(check_set_freep) struct check_set *s = set_of("go", &changed[i], 1);

                check_set_hash(s, &h);
                assert_false(hash_is_equal(&first, &h));
        }
        {
                _cleanup_(check_set_freep) struct check_set *s = set_of("python", &rule, 1);

                check_set_hash(s, &h);
                assert_false(hash_is_equal(&first, &h));
        }
}

static void test_report_is_evidence(void **state _unused_)
{
        struct check_report r = {.findings = {{"syntax", 3, 0.9, "`}` closes nothing"},
                                              {"names", 0, 0.9, "the name A does not appear"}},
                                 .n_findings = 2};
        _cleanup_buf_ struct buf b = {0};

        assert_int_equal(check_report_write(&r, &b), 0);
        assert_string_equal(
                b.at,
                "- line 3: `}` closes nothing (syntax)\n- the name A does not appear (names)\n");
}

static void expect_mended(const char *language, const char *text, const char *wanted)
{
        struct span got = check_mend(language, span_of(text));

        if (!span_is_equal(got, span_of(wanted)))
                fail_msg("%s: %s\n  got  %.*s\n  want %s", language, text, (int)got.n, got.at,
                         wanted);
        assert_true(got.at >= text && got.at + got.n <= text + strlen(text));
}

static void test_mend(void **state _unused_)
{
        expect_mended("go", "package a\n", "package a\n");
        expect_mended("go", "", "");
        expect_mended("go", "```go\npackage a\n```\n", "package a\n");
        expect_mended("go", "\n\n```\npackage a\n```  \n\n", "package a\n");
        expect_mended("go", "```go\r\npackage a\r\n```\r\n", "package a\r\n");
        expect_mended("go", "Here is the file:\n\n```go\npackage a\n```\n\nLet me know!\n",
                      "package a\n");
        expect_mended("go", "The file you wanted:\n```go\npackage a\n```\n", "package a\n");
        expect_mended("python",
                      "Sure, I'll do it. Don't worry.\n\n```python\nx = '''\n(\n'''\n```\n",
                      "x = '''\n(\n'''\n");
        /* a forgotten end, a forgotten beginning */
        expect_mended("go", "```go\npackage a\n", "package a\n");
        expect_mended("go", "package a\n```\n", "package a\n");
        /* fences that belong to the file */
        expect_mended("python", "'''Doc.\n\nExample:\n\n```\nx\n```\n'''\nx = 1\n",
                      "'''Doc.\n\nExample:\n\n```\nx\n```\n'''\nx = 1\n");
        expect_mended("go", "/*\n```\nx\n```\n*/\npackage a\n", "/*\n```\nx\n```\n*/\npackage a\n");
        expect_mended("go", "package a\n\n```\nx\n```\n",
                      "package a\n\n```\nx\n```\n"); /* not ours to guess */
        expect_mended("text", "# Title\n\n```sh\nmake\n```\n", "# Title\n\n```sh\nmake\n```\n");
        expect_mended("text", "```sh\nmake\n```\ntext\n```sh\nmake\n```\n",
                      "```sh\nmake\n```\ntext\n```sh\nmake\n```\n");
        expect_mended("go", "```\na\n```\n```\nb\n```\n",
                      "```\na\n```\n```\nb\n```\n"); /* which one? neither */
        /* text that is wrapped as a whole */
        expect_mended("text", "```\nmodule shop\n```\n", "module shop\n");
        expect_mended("markdown", "```markdown\n# T\n```sh\nmake\n```\n```\n",
                      "# T\n```sh\nmake\n```\n");
        expect_mended("yaml", "```yaml\na: 1\n```", "a: 1\n");
        expect_mended("go", "```go\n```\n", "```go\n```\n"); /* nothing inside: nothing to gain */
}

static void test_languages_by_any_name(void **state _unused_)
{
        assert_ptr_equal(check_language_find("go"), check_language_find("golang"));
        assert_ptr_equal(check_language_find("py"), check_language_find("python"));
        assert_ptr_not_equal(check_language_find("c"), check_language_find("text"));
        assert_ptr_equal(check_language_find("nope"), check_language_find("text"));
        assert_ptr_equal(check_language_find(""), check_language_find("text"));
        assert_ptr_equal(check_language_find(NULL), check_language_find("text"));
        assert_ptr_equal(check_language_find("o"), check_language_find("text"));
        assert_ptr_equal(check_language_find("py js"), check_language_find("text"));
}

static void test_masks_keep_length_and_lines(void **state _unused_)
{
        static const char text[] = "a /* b\nc */ \"d é\n\" 'e\nf' `g\nh` // i\nj";
        static const char *const names[] = {"go",   "python", "sql",  "javascript", "rust",
                                            "yaml", "text",   "json", "c",          "html"};

        for (size_t i = 0; i < N_ELEMENTS(names); i++) {
                struct check_mask m;

                assert_int_equal(check_mask_make(check_language_find(names[i]), span_of(text), &m),
                                 0);
                assert_int_equal(m.n, strlen(text));
                for (size_t k = 0; k < m.n; k++) {
                        assert_true(m.code[k] == text[k] || (m.code[k] == ' ' && text[k] != '\n'));
                        assert_true(m.strings[k] == text[k] ||
                                    (m.strings[k] == ' ' && text[k] != '\n'));
                }
                check_mask_done(&m);
        }
}

static void expect_xml(const char *text, unsigned line, const char *why)
{
        struct check_subject subject = {.path = "a.xml", .text = span_of(text)};
        struct check_set *set = NULL;
        struct check_report r;
        struct diag d;

        assert_int_equal(check_set_new("xml", NULL, 0, &set, &d), 0);
        check_run(set, &subject, &r);
        if (!why && r.n_findings > 0)
                fail_msg("%s: %s", text, r.findings[0].text);
        if (why && (r.verdict != VERDICT_REJECTED || r.findings[0].line != line ||
                    !strstr(r.findings[0].text, why)))
                fail_msg("%s: line %u: %s", text, r.findings[0].line, r.findings[0].text);
        check_set_free(set);
}

static void test_xml_is_well_formed(void **state)
{
        (void)state;
        expect_xml("<?xml version=\"1.0\"?>\n<!DOCTYPE a [ <!ENTITY b \">\"> ]>\n<!-- < -->\n"
                   "<a x='1' y:z=\"<2\">\n",
                   4, "does not end: `y:z`");
        expect_xml("<?xml version=\"1.0\"?>\n<!DOCTYPE a [ <!ENTITY b \">\"> ]>\n"
                   "<a x='1' y:z=\"2>\"><b/><c>text &b;</c><![CDATA[ <<< ]]></a>\n<!-- end -->\n",
                   0, NULL);
        expect_xml("<a>\n<b>\n</a>\n", 3, "another element than the open one, `b`");
        expect_xml("<a>\n<b>\n</b>\n", 1, "not closed: `a`");
        expect_xml("<a/>\n<b/>\n", 2, "second root: `b`");
        expect_xml("<a/>\ntext\n", 2, "outside of the root");
        expect_xml("<a b=\"1\" b=\"2\"/>\n", 1, "stands twice: `b`");
        expect_xml("<a b=1/>\n", 1, "no value in quotes: `b`");
        expect_xml("<a b/>\n", 1, "has no value: `b`");
        expect_xml("<a>1 < 2</a>\n", 1, "begins no tag");
        expect_xml("<a><!-- b </a>\n", 1, "does not end");
        expect_xml("</a>\n", 1, "closes nothing");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_good_files),
                cmocka_unit_test(test_empty),
                cmocka_unit_test(test_cut),
                cmocka_unit_test(test_encoding),
                cmocka_unit_test(test_fence),
                cmocka_unit_test(test_fence_in_markdown_is_text),
                cmocka_unit_test(test_chatter),
                cmocka_unit_test(test_brackets),
                cmocka_unit_test(test_open_string_or_comment),
                cmocka_unit_test(test_json_is_parsed),
                cmocka_unit_test(test_deep_nesting_is_not_judged),
                cmocka_unit_test(test_names),
                cmocka_unit_test(test_missing_line_break_is_a_small_matter),
                cmocka_unit_test(test_patterns),
                cmocka_unit_test(test_patterns_see_code_alone),
                cmocka_unit_test(test_sight_can_be_chosen),
                cmocka_unit_test(test_verdict_combines),
                cmocka_unit_test(test_bad_patterns_are_named),
                cmocka_unit_test(test_runaway_pattern),
                cmocka_unit_test(test_many_findings),
                cmocka_unit_test(test_hash_covers_all),
                cmocka_unit_test(test_report_is_evidence),
                cmocka_unit_test(test_mend),
                cmocka_unit_test(test_languages_by_any_name),
                cmocka_unit_test(test_masks_keep_length_and_lines),
                cmocka_unit_test(test_xml_is_well_formed),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
