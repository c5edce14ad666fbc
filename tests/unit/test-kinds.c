#include "spec-help.h"

#include "common/json.h"
#include "daemon/template/template.h"

static struct blueprint_shelf *shelf;

static int set_up(void **state)
{
        struct failure *f = NULL;

        (void)state;
        if (blueprint_shelf_open(BLUEPRINTS, NULL, &shelf, &f) != 0)
                fail_msg("%s", f ? failure_message(f) : "?");
        return 0;
}

static int tear_down(void **state)
{
        (void)state;
        blueprint_shelf_unref(shelf);
        return 0;
}

static json_t *must_parse(const char *text)
{
        struct diag d = {0};
        json_t *value = NULL;

        if (json_read(span_of(text), &value, &d) != 0)
                fail_msg("%s", d.text);
        return value;
}

static struct work *must_make(const char *kind, const char *params, const struct input_file *files,
                              size_t n_files)
{
        _cleanup_json_ json_t *p = must_parse(params);
        struct input in = {p, files, n_files, shelf};
        struct failure *f = NULL;
        struct work *w = NULL;

        if (job_kind_find(kind)->read(&in, &w, &f) != 0)
                fail_msg("%s: %s", f && f->where ? f->where : "", f ? failure_message(f) : "?");
        return w;
}

static void must_reject(const char *kind, const char *params, enum failure_id id, const char *where,
                        const char *part)
{
        _cleanup_json_ json_t *p = must_parse(params);
        struct strlist paths = {0};
        struct input in = {p, NULL, 0, shelf};
        struct failure *f = NULL;
        struct work *w = NULL;
        int r = job_kind_find(kind)->need(p, &paths, &f);

        if (r == 0)
                r = job_kind_find(kind)->read(&in, &w, &f);
        strlist_done(&paths);
        assert_int_equal(r, CONDITION_REFUSED);
        assert_int_equal(f->id, id);
        if (where)
                assert_string_equal(f->where, where);
        if (!strstr(failure_message(f), part))
                fail_msg("`%s` has no `%s`", failure_message(f), part);
        failure_free(f);
}

static void test_table(void **state)
{
        const struct job_kind *const *kinds;

        (void)state;
        assert_int_equal(job_kinds(&kinds), 4);
        assert_ptr_equal(job_kind_find("ask"), kinds[1]);
        assert_null(job_kind_find("askk"));
        assert_true(job_kind_find("ask")->is_interactive);
        assert_false(job_kind_find("generate")->is_small);
}

static void test_ask(void **state)
{
        struct work *w = must_make("ask",
                                   "{\"input\": {\"prompt\": \"Why?\", \"system\": \"Be brief.\", "
                                   "\"tier\": \"fast\", \"max_tokens\": 100}}",
                                   NULL, 0);
        const struct task *t = w->tasks;

        (void)state;
        assert_true(w->is_one_text);
        assert_int_equal(w->n_tasks, 1);
        assert_null(t->path);
        assert_string_equal(t->tier, "fast");
        assert_int_equal(t->max_tokens, 100);
        assert_int_equal(t->command, -1);
        assert_int_equal(t->n_blocks, 2);
        assert_string_equal(block_of(w, t, BLOCK_PROMPT), "Be brief.\n");
        assert_string_equal(block_of(w, t, BLOCK_TASK), "Why?\n");
        work_free(w);
}

/* All that the question is, and nothing else, is in its key. */
static void test_ask_keys(void **state)
{
        static const struct {
                const char *params;
                bool is_same;
        } cases[] = {
                {"{\"input\": {\"prompt\": \"a\"}}", true},
                {"{\"input\": {\"tier\": \"balanced\", \"prompt\": \"a\"}, \"meta\": {\"label\": "
                 "\"x\"}}",
                 true},
                {"{\"input\": {\"prompt\": \"b\"}}", false},
                {"{\"input\": {\"prompt\": \"a \"}}", false},
                {"{\"input\": {\"prompt\": \"a\", \"system\": \"\"}}", false},
                {"{\"input\": {\"prompt\": \"a\", \"tier\": \"quality\"}}", false},
                {"{\"input\": {\"prompt\": \"a\", \"max_tokens\": 5}}", false},
        };
        struct work *first = must_make("ask", cases[0].params, NULL, 0);

        (void)state;
        for (size_t i = 0; i < N_ELEMENTS(cases); i++) {
                struct work *w = must_make("ask", cases[i].params, NULL, 0);

                assert_int_equal(
                        hash_is_equal(&first->tasks[0].static_key, &w->tasks[0].static_key),
                        cases[i].is_same);
                work_free(w);
        }
        work_free(first);
}

static void test_echo_check(void **state)
{
        static const struct input_file files[] = {{"other.txt", {"no", 2}, false},
                                                  {"a/b.txt", {"line {{ x }}\n", 13}, false}};
        const char *params = "{\"input\": {\"path\": \"a/b.txt\", \"command\": 1}, \"commands\": "
                             "[[\"true\"], [\"false\"]]}";
        _cleanup_json_ json_t *p = must_parse(params);
        struct strlist paths = {0};
        struct failure *f = NULL;
        struct diag d;
        struct work *w;
        _cleanup_buf_ struct buf b = {0};

        (void)state;
        assert_int_equal(job_kind_find("echo-check")->need(p, &paths, &f), 0);
        assert_int_equal(paths.n, 1);
        assert_string_equal(paths.at[0], "a/b.txt");
        strlist_done(&paths);
        w = must_make("echo-check", params, files, N_ELEMENTS(files));
        assert_int_equal(w->tasks[0].command, 1);
        assert_non_null(w->tasks[0].template);
        assert_int_equal(template_render(w->tasks[0].template, w->tasks[0].context, &b, &d), 0);
        assert_string_equal(b.at, "line {{ x }}\n"); /* the text is data, never a template */
        work_free(w);
}

static void test_generate(void **state)
{
        struct work *w = must_make("generate",
                                   "{\"input\": {\"spec\": {\"name\": \"a.yaml\", \"text\": "
                                   "\"name: a\\ncolour: red\\nentities: [Thing]\\n\"},"
                                   " \"manifest\": [], \"files\": []}}",
                                   NULL, 0);

        (void)state;
        assert_false(w->is_one_text);
        assert_string_equal(w->blueprint, "go-service");
        assert_line(&w->warnings, "a.yaml:2:1: key `colour` is not used");
        assert_line(&w->notes, "blueprint go-service: it fits every specification");
        must_find(w, "internal/thing/thing.go");
        work_free(w);
}

static void test_rejected(void **state)
{
        (void)state;
        must_reject("ask", "{}", FAILURE_INVALID_PARAMS, "/params/input", "must be an object");
        must_reject("ask", "{\"input\": {}}", FAILURE_INVALID_PARAMS, "/params/input/prompt",
                    "is missing");
        must_reject("ask", "{\"input\": {\"prompt\": 5}}", FAILURE_INVALID_PARAMS,
                    "/params/input/prompt", "must be a text");
        must_reject("ask", "{\"input\": {\"prompt\": \" \\n\"}}", FAILURE_INVALID_PARAMS,
                    "/params/input/prompt", "is empty");
        must_reject("ask", "{\"input\": {\"promt\": \"a\"}}", FAILURE_INVALID_PARAMS,
                    "/params/input/promt", "did you mean `prompt`?");
        must_reject("ask", "{\"input\": {\"prompt\": \"a\", \"tier\": \"slow\"}}",
                    FAILURE_INVALID_PARAMS, "/params/input/tier", "fast");
        must_reject("ask", "{\"input\": {\"prompt\": \"a\", \"max_tokens\": 0}}",
                    FAILURE_INVALID_PARAMS, "/params/input/max_tokens", "from 1");
        must_reject("echo-check",
                    "{\"input\": {\"path\": \"../a\", \"command\": 0}, \"commands\": [[\"a\"]]}",
                    FAILURE_INVALID_PARAMS, "/params/input/path", "relative");
        must_reject("echo-check",
                    "{\"input\": {\"path\": \"a\", \"command\": 1}, \"commands\": [[\"a\"]]}",
                    FAILURE_INVALID_PARAMS, "/params/input/command", "which has 1");
        must_reject("echo-check",
                    "{\"input\": {\"path\": \"a\", \"command\": 0}, \"commands\": [[\"a\"]]}",
                    FAILURE_INVALID_PARAMS, "/params/input/path", "there is no file a");
        must_reject("generate", "{\"input\": {\"spec\": {\"name\": \"a\"}}}",
                    FAILURE_INVALID_PARAMS, "/params/input/spec/text", "text");
        must_reject("generate",
                    "{\"input\": {\"spec\": {\"name\": \"a\", \"text\": \"\", \"x\": 1}}}",
                    FAILURE_INVALID_PARAMS, "/params/input/spec", "nothing else");
        must_reject("generate",
                    "{\"input\": {\"spec\": {\"name\": \"a\", \"text\": \"name: x\\nentities: "
                    "[A]\"}, \"blueprint\": \"go-servce\"}}",
                    FAILURE_BAD_BLUEPRINT, NULL, "did you mean go-service?");
        must_reject("generate",
                    "{\"input\": {\"spec\": {\"name\": \"a\", \"text\": \"blueprint: "
                    "rust\\nentities: [A]\"}}}",
                    FAILURE_BAD_BLUEPRINT, NULL, "there is no blueprint rust");
        must_reject("generate",
                    "{\"input\": {\"spec\": {\"name\": \"a.yaml\", \"text\": \"name: [\"}}}",
                    FAILURE_BAD_SPEC, NULL, "");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_table),    cmocka_unit_test(test_ask),
                cmocka_unit_test(test_ask_keys), cmocka_unit_test(test_echo_check),
                cmocka_unit_test(test_generate), cmocka_unit_test(test_rejected),
        };

        return cmocka_run_group_tests(tests, set_up, tear_down);
}
