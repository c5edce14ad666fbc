/* What the simulator makes of a prompt: tokens, fences, interface blocks, cache positions, fault
 * specs. */

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "tests/sim/cache.h"
#include "tests/sim/facts.h"
#include "tests/sim/faults.h"
#include "tests/sim/go.h"
#include "tests/sim/limits.h"
#include "tests/sim/py.h"
#include "tests/sim/tokens.h"
#include "tests/sim/writer.h"

static struct facts *read_text(const char *text)
{
        struct prompt_part part = {ROLE_USER, {text, strlen(text)}, MARK_NONE};
        struct prompt p = {.parts = &part, .n_parts = 1};
        struct facts *f = NULL;

        assert_int_equal(facts_read(&p, &f), 0);
        return f;
}

static void test_tokens_cover_the_text(void **state)
{
        static const char text[] =
                "HTTPServer readJSON 12345 \xc3\xa9t\xc3\xa9 == {\n\t\treturn nil\n}\n";
        struct span s = {text, sizeof(text) - 1};

        (void)state;
        for (int dense = 0; dense < 2; dense++) {
                uint64_t n = 0;

                for (size_t at = 0; at < s.n; n++) {
                        size_t end = token_end(s, at, dense);

                        assert_true(end > at && end <= s.n);
                        if (end < s.n)
                                assert_true(((unsigned char)s.at[end] & 0xc0) !=
                                            0x80); /* characters stay whole */
                        at = end;
                }
                assert_int_equal(n, tokens_count(s, dense));
        }
        assert_true(tokens_count(s, true) > tokens_count(s, false));
        assert_int_equal(tokens_count(SPAN("the cat"), false), 2);
        assert_int_equal(tokens_count(SPAN("readFile"), false), 2);
        assert_int_equal(tokens_count(SPAN(""), false), 0);
}

static void test_fences(void **state)
{
        struct facts *f = read_text(
                "Words.\n```yaml\nentities: [{name: A}]\n```\n````go interface a/b.go\npackage "
                "a\n```\nx\n````\n"
                "```yaml\ntask: {path: a/b.go, entity: A}\n```\nText\n```json\n{\"answer\": "
                "{\"tag\": \"1\", \"files\": [\"a/b.go\"]}}\n```\n"
                "```yaml\nbroken: [\n```\n");
        struct facts_view v;

        (void)state;
        assert_int_equal(f->n_docs, 1);
        assert_int_equal(f->n_tasks, 1);
        assert_int_equal(f->n_shown, 1);
        assert_string_equal(f->shown[0].path, "a/b.go");
        assert_string_equal(f->shown[0].text, "package a\n```\nx\n");
        assert_non_null(f->answer);
        assert_int_equal(f->faults.n, 1);
        assert_false(f->has_evidence);
        assert_int_equal(facts_view_of(f, 0, &v), 0);
        assert_non_null(facts_find(&v, "entities", "name", "A"));
        assert_true(facts_says(&v, "Words."));
        facts_free(f);
}

static void test_evidence(void **state)
{
        const char *task = "```yaml\ntask: {path: a}\n```\n",
                   *answer = "Form:\n```yaml\nanswer: {tag: 1, files: [a]}\n```\n";
        struct prompt_part parts[] = {
                {ROLE_USER, {task, strlen(task)}, MARK_NONE},
                {ROLE_USER, SPAN("It had no end.\n```\nquoted\n```\n"), MARK_NONE},
                {ROLE_USER, {answer, strlen(answer)}, MARK_NONE}};
        struct prompt p = {.parts = parts, .n_parts = 3};
        struct facts *f = NULL;

        (void)state;
        assert_int_equal(facts_read(&p, &f), 0);
        assert_true(f->has_evidence);
        facts_free(f);
        parts[1] = parts[2];
        p.n_parts = 2;
        assert_int_equal(facts_read(&p, &f), 0);
        assert_false(f->has_evidence);
        facts_free(f);
}

static void test_interfaces(void **state)
{
        struct facts *f = read_text("```go interface internal/a/a.go\npackage a\n\nimport "
                                    "(\n\t\"context\"\n\tlog \"x/logger\"\n)\n\n"
                                    "// A is it.\ntype A struct {\n\tID, Other string "
                                    "`json:\"id\"` // words\n\tB *b.B\n\tM map[string][]int\n}\n\n"
                                    "type Store interface {\n\tGet(ctx context.Context, id string) "
                                    "(*A, error)\n\tAll() []*A\n}\n\n"
                                    "var ErrA error\nvar (\n\tX = f(1, 2)\n\tY int\n)\n\nfunc "
                                    "New(a, b string, f func(int) error) (s *A, err error)\n"
                                    "func (a *A) Run(xs ...int) error {\n\treturn nil\n}\n```\n");
        const struct go_file *file = NULL;
        const struct go_func *fn;
        const struct go_type *t;
        struct go_world w;

        (void)state;
        assert_int_equal(go_world_read(f, &w), 0);
        t = go_find_type(&w, "internal/a", "A", &file);
        assert_non_null(t);
        assert_int_equal(t->n_fields, 4);
        assert_string_equal(go_find_field(t, "Other")->type, "string");
        assert_string_equal(go_find_field(t, "M")->type, "map[string][]int");
        assert_string_equal(file->package, "a");
        assert_true(strlist_has(&file->imports, "log x/logger"));
        assert_true(go_has_variable(&w, "internal/a", "ErrA") && go_has_variable(&w, NULL, "Y"));
        fn = go_find_func(&w, NULL, "Store", "Get", NULL);
        assert_non_null(fn);
        assert_string_equal(fn->params[1].name, "id");
        assert_string_equal(fn->results[0].type, "*A");
        assert_int_equal(go_find_func(&w, NULL, "Store", "All", NULL)->n_results, 1);
        fn = go_find_func(&w, NULL, NULL, "New", NULL);
        assert_int_equal(fn->n_params, 3);
        assert_string_equal(fn->params[0].type, "string");
        assert_string_equal(fn->params[2].type, "func(int) error");
        assert_string_equal(fn->results[0].type, "*A");
        assert_string_equal(go_find_func(&w, NULL, "A", "Run", NULL)->params[0].type, "...int");
        go_world_done(&w);
        facts_free(f);
}

static void test_names_and_types(void **state)
{
        static const char *const types[][2] = {{"string", "string"},
                                               {"[]*Product", "[]*Product"},
                                               {"map[string][]Order", "map[string][]Order"},
                                               {"*user.User", "*user.User"},
                                               {"unique identifier", "string"},
                                               {"timestamp", "time.Time"},
                                               {"wibble", "string"},
                                               {"Text", "Text"},
                                               {"boolean", "bool"}};
        char at[GO_NAME_BYTES];
        const char *note;

        (void)state;
        for (size_t i = 0; i < N_ELEMENTS(types); i++) {
                go_type_of(types[i][0], at, &note);
                assert_string_equal(at, types[i][1]);
        }
        go_snake("UserID", at);
        assert_string_equal(at, "user_id");
        go_lower_first("HTTPLog", at);
        assert_string_equal(at, "httpLog");
        go_export("user_id", at);
        assert_string_equal(at, "UserID");
        assert_true(go_is_same_name("user_id", "UserID"));
        assert_false(go_is_same_name("user", "UserID"));
}

static void test_cache_rules(void **state)
{
        struct cache_position at[2] = {{{1, 1}, 1000, MARK_1H}, {{2, 2}, 3000, MARK_5M}};
        struct cache_usage u;
        struct cache_ticket t;
        struct cache *c;

        (void)state;
        assert_int_equal(cache_new(&c), 0);
        cache_account(c, at, 2, 3010, 512, 0, false, &u, &t);
        assert_int_equal(u.input, 10);
        assert_int_equal(u.write_1h, 1000);
        assert_int_equal(u.write_5m, 2000);
        cache_publish(c, &t, 500);
        cache_account(c, at, 2, 3010, 512, 499, false, &u, &t);
        assert_int_equal(u.read, 0); /* not yet visible */
        cache_account(c, at, 2, 3010, 512, 600, false, &u, &t);
        assert_int_equal(u.read, 3000);
        cache_account(c, at, 2, 3010, 512, 299000000 + 600, false, &u, &t);
        assert_int_equal(u.read, 3000); /* refreshed by the read before */
        cache_account(c, at, 2, 3010, 512, 299000000 + 600 + 300000000, false, &u, &t);
        assert_int_equal(u.read, 1000); /* five minutes are over, the hour is not */
        assert_int_equal(u.write_5m, 2000);
        cache_account(c, at, 2, 3010, 4096, 0, false, &u, &t);
        assert_int_equal(t.n_writes, 0); /* below the minimum */
        cache_free(c);
}

static void test_limits(void **state)
{
        struct limits_config config = {.per_minute = {0, 6000, 0}};
        enum limit_kind kind = LIMIT_REQUESTS;
        uint64_t wait = 0;
        struct limits *l;

        (void)state;
        assert_int_equal(limits_new(&l), 0);
        limits_configure(l, &config);
        assert_true(limits_take(l, "a", 5000, 0, &kind, &wait));
        assert_false(limits_take(l, "a", 2000, 0, &kind, &wait));
        assert_int_equal(kind, LIMIT_INPUT);
        assert_in_range(wait, 10000000 - 10, 10000000 + 10); /* 1000 tokens at 100 a second */
        assert_true(limits_take(l, "b", 2000, 0, &kind, &wait));
        assert_true(limits_take(l, "a", 2000, wait, &kind, &wait));
        assert_true(limits_take(l, "c", 9000, 0, &kind,
                                &wait)); /* larger than the bucket: passes when it is full */
        limits_free(l);
}

static double no_chance(void *arg)
{
        (void)arg;
        return 0.5;
}

static void test_fault_specs(void **state)
{
        struct span text = SPAN("of tar, pitch");
        struct fault_view view = {
                .path = "/v1/messages", .model = "claude-x", .texts = &text, .n_texts = 1};
        struct buf why = {0};
        struct fault_set set;
        struct faults *f;

        (void)state;
        assert_int_equal(faults_new(&f), 0);
        assert_int_equal(faults_add_spec(f, "nonsense", &why), CONDITION_REFUSED);
        assert_int_equal(faults_add_spec(f, "cut,bytes=x", &why), CONDITION_REFUSED);
        assert_int_equal(faults_add_spec(f, "cut,colour=1", &why), CONDITION_REFUSED);
        assert_int_equal(faults_add_spec(f, "overloaded,nth=2,match=tar, pitch", &why), 0);
        assert_int_equal(faults_add_spec(f, "truncate,every=2", &why), 0);
        for (int i = 1; i <= 4; i++) {
                faults_pick(f, &view, no_chance, NULL, &set);
                assert_int_equal(set.reply != NULL, i == 2);
                assert_int_equal(set.at[FAULT_TRUNCATE] != NULL, i % 2 == 0);
                fault_set_done(&set);
        }
        view.has_evidence = true;
        for (int i = 0; i < 2; i++) {
                faults_pick(f, &view, no_chance, NULL, &set);
                assert_null(set.at[FAULT_TRUNCATE]);
                fault_set_done(&set);
        }
        buf_done(&why);
        faults_free(f);
}

static void test_python_names(void **state)
{
        static const char *const plurals[][2] = {
                {"note", "notes"},      {"category", "categories"},
                {"status", "statuses"}, {"order_item", "order_items"},
                {"person", "people"},   {"day", "days"}};
        char at[PY_NAME_BYTES];

        (void)state;
        for (size_t i = 0; i < N_ELEMENTS(plurals); i++) {
                py_plural(plurals[i][0], at);
                assert_string_equal(at, plurals[i][1]);
                py_singular(plurals[i][1], at);
                assert_string_equal(at, plurals[i][0]);
        }
        py_snake("HTTPServerLog", at);
        assert_string_equal(at, "http_server_log");
        py_table("Class", "class_entity", at);
        assert_string_equal(at, "classes");
}

/* What a prompt does not say is not written: the parts of a project would not fit by chance. */
static void test_python_of_a_prompt(void **state)
{
        struct facts *f = read_text(
                "first party: `app`\n```yaml\nentities: [{name: Tag, module: tag, attributes: "
                "[{name: id, type: int}, {name: label, type: str, required: true}]}]\n```\n"
                "```yaml\ntask: {path: app/models/tag.py, role: model, entity: Tag, language: "
                "python}\n```\n```yaml\ntask: {path: app/database.py, role: database, language: "
                "python}\n```\n");
        struct facts_view v;
        _cleanup_buf_ struct buf b = {0}, none = {0};

        (void)state;
        assert_int_equal(facts_view_of(f, 0, &v), 0);
        assert_int_equal(writer_write(&v, "app/models/tag.py", &b), 0);
        assert_non_null(strstr(b.at, "class Tag(database.Base):\n"));
        assert_non_null(strstr(b.at, "    label = sa.Column(sa.String, nullable=False)\n"));
        assert_non_null(strstr(b.at, "\n\nimport sqlalchemy as sa\n\nfrom app import database\n"));
        assert_int_equal(facts_view_of(f, 1, &v), 0);
        assert_int_equal(py_write(&v, "app/database.py", "database", &none), CONDITION_ABSENT);
        facts_free(f);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_tokens_cover_the_text),
                cmocka_unit_test(test_fences),
                cmocka_unit_test(test_evidence),
                cmocka_unit_test(test_interfaces),
                cmocka_unit_test(test_names_and_types),
                cmocka_unit_test(test_cache_rules),
                cmocka_unit_test(test_limits),
                cmocka_unit_test(test_fault_specs),
                cmocka_unit_test(test_python_names),
                cmocka_unit_test(test_python_of_a_prompt),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
