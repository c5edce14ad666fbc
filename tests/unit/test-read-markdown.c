#include "spec-help.h"

#include "docs-page.h"

/* Markdown with front matter, and how formats are told apart. */

static struct model *read_named(const char *name, const char *text)
{
        struct failure *f = NULL;
        struct model *m = NULL;

        if (spec_read(span_of(text), name, &m, &f) != 0)
                fail_msg("%s: %s", f && f->where ? f->where : "", f ? failure_message(f) : "?");
        return m;
}

static void test_front_matter(void **state)
{
        static const char *const texts[] = {
                "---\nname: Inn\nentities: [{name: Room, colour: red}]\n---\n",
                "---\nname: Inn\nentities: [{name: Room, colour: red}]\n---",
                "--- \r\nname: Inn\r\nentities: [{name: Room, colour: red}]\r\n---\t\r\n\r\n",
                "\xEF\xBB\xBF---\nname: Inn\nentities: [{name: Room, colour: red}]\n---\n# Inn\n",
        };

        (void)state;
        for (size_t i = 0; i < N_ELEMENTS(texts); i++) {
                struct model *m = read_named("inn.md", texts[i]);

                assert_string_equal(m->name, "Inn");
                assert_string_equal(m->entities[0].name, "Room");
                assert_null(m->description);
                assert_line(&m->warnings, "inn.md:3:25: key `colour` of entities[0] is not used");
                assert_int_equal(m->warnings.n, 1);
                assert_line(&m->notes, "in Markdown with front matter");
                model_free(m);
        }
}

static void test_body(void **state)
{
        struct model *m =
                read_named("inn.md", "\n---\nentities: [Room]\n---\n\n# The Inn\n\nIt has "
                                     "rooms.\n\n---\n\nAnd guests.\n\n");

        (void)state;
        assert_string_equal(m->name, "The Inn");
        assert_string_equal(m->description, "It has rooms.\n\n---\n\nAnd guests.");
        assert_int_equal(m->warnings.n, 0);
        model_free(m);
        m = read_named("inn.md", "---\nname: Inn\ndescription: d\nentities: [Room]\n---\n\n\n# "
                                 "X\n\nIt has rooms.\n");
        assert_string_equal(m->name, "Inn");
        assert_string_equal(m->description, "d");
        assert_line(&m->warnings, "inn.md:8:1: the text below the front matter is not used");
        model_free(m);
}

static void test_other_formats_inside(void **state)
{
        struct model *m = read_named(
                "a.markdown", "---\nopenapi: 3.0.0\ninfo: {title: T}\ncomponents: {schemas: {A: "
                              "{properties: {b: {type: string}}}}}\n---\nWhat it is for.\n");

        (void)state;
        assert_string_equal(m->name, "T");
        assert_string_equal(m->description, "What it is for.");
        assert_line(&m->notes,
                    "a.markdown is read as OpenAPI in Markdown with front matter: it has "
                    "the key `openapi`");
        model_free(m);
}

/* What a text is, is said by the text; the ending decides only whether two `---` are Markdown. */
static void test_content_decides(void **state)
{
        static const struct {
                const char *name, *text, *note;
        } cases[] = {
                {"a.json", "name: x\nentities: [A]\n", "a GoCreator specification in YAML"},
                {"a.yaml", "{\"name\": \"x\", \"entities\": [\"A\"]}", "specification in JSON"},
                {"a.yaml", "---\nname: x\nentities: [A]\n", "specification in YAML"},
                {"-", "---\nname: x\nentities: [A]\n---\n", "in Markdown with front matter"},
                {"a.txt", "openapi: 3.0.0\ncomponents: {schemas: {A: {properties: {b: {}}}}}\n",
                 "OpenAPI in YAML"},
                {"a.yml", "create a dog with name\n", "sentences about entities in plain text"},
                {"a.yaml", "schema_version: 1.0\ndata_model: {entities: [A]}\n", "(FCS) in YAML"},
                {"a.yaml", "create a: b\nentities: [A]\n", NULL},
                {"a.yaml", "create: a\nentities: [A]\n", "a GoCreator specification in YAML"},
        };

        (void)state;
        for (size_t i = 0; i < N_ELEMENTS(cases); i++) {
                struct model *m;

                if (!cases[i].note) {
                        must_refuse(cases[i].name, cases[i].text, "not understood");
                        continue;
                }
                m = read_named(cases[i].name, cases[i].text);
                assert_line(&m->notes, cases[i].note);
                model_free(m);
        }
        must_refuse("a.yaml", "---\nname: x\nentities: [A]\n---\nname: y\n",
                    "a.yaml:4:1: a second");
        must_refuse("a.md", "---\nname: x\n", "the front matter is not closed");
        must_refuse("a.md", "name: x\n", "Markdown is read for its front matter");
        must_refuse("a.md", "---\nname: x: y\n---\n", "a.md:2:8: ");
}

static void test_names_of_files(void **state)
{
        static const struct {
                const char *file, *name;
        } cases[] = {
                {"specs/shop.fcs.json", "shop"},
                {"shop.openapi.yaml", "shop"},
                {"-", "app"},
                {"shop.spec.yml", "shop"},
                {".yaml", ".yaml"},
        };

        (void)state;
        for (size_t i = 0; i < N_ELEMENTS(cases); i++) {
                struct model *m = read_named(cases[i].file, "---\nentities: [A]\n");

                assert_string_equal(m->name, cases[i].name);
                model_free(m);
        }
}

/* Every example of docs/inputs.md ("```yaml shop.yaml") is read, and nothing of it is left over. */
static void test_examples(void **state)
{
        _cleanup_free_ char *page = page_read(DOCS_PAGE);
        size_t n = 0;

        (void)state;
        for (char *at = page; (at = strstr(at, "\n```"));) {
                char *line_end = strchr(at + 1, '\n'), *end = strstr(at + 1, "\n```\n"), *name;
                struct model *m;

                assert_true(line_end && end);
                *line_end = end[1] = '\0';
                name = strchr(at + 1, ' ');
                assert_non_null(name);
                m = read_named(name + 1, line_end + 1);
                print_message("  %s\n", m->notes.at[0]);
                print_lines(&m->warnings);
                assert_int_equal(m->warnings.n, 0);
                assert_true(m->n_entities > 0);
                model_free(m);
                at = end + 4;
                n++;
        }
        assert_int_equal(n, 8);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_front_matter),         cmocka_unit_test(test_body),
                cmocka_unit_test(test_other_formats_inside), cmocka_unit_test(test_content_decides),
                cmocka_unit_test(test_names_of_files),       cmocka_unit_test(test_examples),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
