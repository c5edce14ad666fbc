/* Blueprints that are read when somebody needs them: when, by whom, and what of an edit is seen. */

#include "spec-help.h"

#include <pthread.h>
#include <sys/stat.h>

#include "daemon/blueprint/shelf.h"

#define REST                                                                                     \
        "names:\n"                                                                               \
        "  packages: {default_path: \"src/{{ package.name }}\"}\n"                               \
        "  identity: {name: id, type: text}\n"                                                   \
        "  by_id: {ending: _id, ending_of_many: _ids}\n"                                         \
        "types: {unknown: text, entity: $1, qualified: $1.$2}\n"                                 \
        "actions: {create: c, list: l, get: g, update: u, delete: d, list_by: lb, create_for: "  \
        "cf}\n"                                                                                  \
        "files: [{kind: doc, each: project, path: README.md, prompt: p.md, tier: fast, inputs: " \
        "[project]}]\n"
#define HEAD(name, description, weight)                                             \
        "format: 1\nname: " name "\ndescription: " description "\nlanguage: text\n" \
        "choose: [{feature: always, weight: " #weight ", reason: it weighs " #weight "}]\n"

static char top[64];

static void put(const char *path, const char *text)
{
        char at[200];
        FILE *f;

        snprintf(at, sizeof(at), "%s/%s", top, path);
        f = fopen(at, "w");
        assert_non_null(f);
        assert_true(fputs(text, f) >= 0);
        assert_int_equal(fclose(f), 0);
}

static void put_folder(const char *name)
{
        char at[200];

        snprintf(at, sizeof(at), "%s/%s", top, name);
        assert_int_equal(mkdir(at, 0700), 0);
}

static int enter(void **state)
{
        (void)state;
        snprintf(top, sizeof(top), "/tmp/genopt-test-shelf-XXXXXX");
        assert_non_null(mkdtemp(top));
        put_folder("light");
        put_folder("heavy");
        put_folder("no-blueprint");
        put("light/blueprint.yaml", HEAD("light", "first", 1) REST);
        put("light/p.md", "Write it.\n");
        put("heavy/blueprint.yaml", HEAD("heavy", "second", 5) REST);
        put("heavy/p.md", "Write it.\n");
        return 0;
}

static int leave(void **state)
{
        char command[128];

        (void)state;
        snprintf(command, sizeof(command), "rm -rf -- '%s'", top);
        return system(command);
}

static struct blueprint_shelf *must_open(const char *templates)
{
        struct blueprint_shelf *s = NULL;
        struct failure *f = NULL;

        if (blueprint_shelf_open(top, templates, &s, &f) != 0)
                fail_msg("%s", f ? failure_message(f) : "no memory");
        return s;
}

static struct blueprint *must_choose(const struct blueprint_shelf *s, const char *name)
{
        struct model *m = must_read("name: x\nentities: [A]\n");
        _cleanup_free_ char *reason = NULL;
        struct blueprint *b = NULL;
        struct failure *f = NULL;

        if (blueprint_choose(s, name, m, &b, &reason, &f) != 0)
                fail_msg("%s", f ? failure_message(f) : "no memory");
        model_free(m);
        return b;
}

static void must_not_choose(const struct blueprint_shelf *s, const char *name, const char *part)
{
        struct model *m = must_read("name: x\nentities: [A]\n");
        _cleanup_free_ char *reason = NULL;
        struct blueprint *b = NULL;
        struct failure *f = NULL;

        assert_int_equal(blueprint_choose(s, name, m, &b, &reason, &f), CONDITION_REFUSED);
        if (!strstr(failure_message(f), part))
                fail_msg("no `%s` in `%s`", part, failure_message(f));
        failure_free(f);
        model_free(m);
}

static void test_nothing_is_read_before_it_is_needed(void **state)
{
        _cleanup_(blueprint_shelf_unrefp) struct blueprint_shelf *s = must_open(NULL);
        _cleanup_(blueprint_unrefp) struct blueprint *b = NULL, *again = NULL;

        (void)state;
        assert_int_equal(blueprint_shelf_count(s), 2);
        assert_string_equal(blueprint_shelf_name(s, 0), "heavy");
        assert_null(s->at[0]->head);
        assert_null(s->at[0]->whole);
        b = must_choose(s, NULL);
        assert_string_equal(blueprint_name(b), "heavy");
        assert_ptr_equal(s->at[0]->whole, b);
        assert_non_null(s->at[1]->head); /* looked at, and no more than that */
        assert_null(s->at[1]->whole);
        assert_int_equal(s->at[1]->head->n_choices, 1);
        assert_int_equal(s->at[1]->head->n_files, 0);
        again = must_choose(s, "heavy");
        assert_ptr_equal(again, b);
}

static void test_a_faulty_one_hinders_nobody(void **state)
{
        _cleanup_(blueprint_shelf_unrefp) struct blueprint_shelf *s = NULL;

        (void)state;
        /* below its head: whoever chooses another one does not meet it */
        put("light/blueprint.yaml", HEAD("light", "first", 1) REST "colour: red\n");
        s = must_open(NULL);
        blueprint_unref(must_choose(s, NULL));
        must_not_choose(s, "light", "there is no key `colour` here");
        must_not_choose(s, "light", "there is no key `colour` here"); /* and again */
        /* in its head: it is not known which to choose */
        put("heavy/blueprint.yaml", HEAD("heavy", "second", 5) "choose: []\n" REST);
        s = blueprint_shelf_unref(s);
        s = must_open(NULL);
        must_not_choose(s, "heavy", "duplicate key `choose`");
        put("light/blueprint.yaml", "format: 2\nname: light\n");
        s = blueprint_shelf_unref(s);
        s = must_open(NULL);
        must_not_choose(s, NULL, "`format` 2 is not known");
        /* mended, and no reload */
        put("light/blueprint.yaml", HEAD("light", "mended", 9) REST);
        put("heavy/blueprint.yaml", HEAD("heavy", "second", 5) REST);
        blueprint_unref(must_choose(s, "heavy"));
        blueprint_unref(must_choose(s, "light"));
}

static bool has_hash(const struct blueprint_shelf *s, const struct hash *h)
{
        struct hash now;

        blueprint_shelf_hash(s, &now);
        return hash_is_equal(&now, h);
}

static void test_edits_change_the_hash_when_they_are_read(void **state)
{
        _cleanup_(blueprint_shelf_unrefp) struct blueprint_shelf *s = must_open(NULL),
                                                                 *other = must_open(NULL);
        _cleanup_(blueprint_unrefp) struct blueprint *b = NULL;
        struct hash before;

        (void)state;
        blueprint_shelf_hash(s, &before);
        assert_true(has_hash(other, &before)); /* of the files, whoever reads them */
        blueprint_unref(must_choose(s, NULL));
        assert_true(has_hash(s, &before));
        put("light/blueprint.yaml", HEAD("light", "edited", 20) REST);
        put("heavy/blueprint.yaml", HEAD("heavy", "edited", 15) REST);
        b = must_choose(s, NULL); /* both heads are known */
        assert_string_equal(blueprint_name(b), "heavy");
        assert_string_equal(blueprint_description(b), "second");
        b = blueprint_unref(b);
        b = must_choose(s, "heavy");
        assert_string_equal(blueprint_description(b), "second"); /* it stands there */
        assert_true(has_hash(s, &before));
        b = blueprint_unref(b);
        b = must_choose(s, "light"); /* read now, as it is now */
        assert_string_equal(blueprint_description(b), "edited");
        assert_false(has_hash(s, &before));
        b = blueprint_unref(b);
        b = must_choose(s, NULL);
        assert_string_equal(blueprint_name(b), "light"); /* with what its choices are now */
        assert_true(has_hash(other, &before));
}

static void test_what_nobody_needs_is_let_go(void **state)
{
        _cleanup_(blueprint_shelf_unrefp) struct blueprint_shelf *s = must_open(NULL);
        struct blueprint *b;

        (void)state;
        assert_false(blueprint_shelf_trim(s));
        b = must_choose(s, "heavy");
        assert_false(blueprint_shelf_trim(s)); /* used since */
        assert_false(blueprint_shelf_trim(s)); /* held */
        assert_non_null(s->at[0]->whole);
        blueprint_unref(b);
        assert_true(blueprint_shelf_trim(s));
        assert_null(s->at[0]->whole);
        assert_false(blueprint_shelf_trim(s));
        put("heavy/blueprint.yaml", HEAD("heavy", "later", 5) REST);
        b = must_choose(s, "heavy");
        assert_string_equal(blueprint_description(b), "later");
        blueprint_unref(b);
}

static void test_templates_go_before(void **state)
{
        _cleanup_(blueprint_shelf_unrefp) struct blueprint_shelf *s = NULL;
        struct hash one, two, before;
        struct blueprint *b;
        char mine[100];

        (void)state;
        snprintf(mine, sizeof(mine), "%s/mine", top);
        put_folder("mine");
        put_folder("mine/heavy");
        put_folder("mine/heavy/templates");
        put("mine/heavy/templates/a.tmpl", "{{ x }}\n");
        s = must_open(mine);
        blueprint_shelf_hash(s, &before);
        b = must_choose(s, "heavy");
        blueprint_hash(b, &one);
        assert_non_null(blueprint_find_file(b, "templates/a.tmpl"));
        blueprint_unref(b);
        assert_true(has_hash(s, &before));
        put("mine/heavy/templates/a.tmpl", "{{ x }} and more\n");
        assert_false(blueprint_shelf_trim(s));
        assert_true(blueprint_shelf_trim(s));
        b = must_choose(s, "heavy");
        blueprint_hash(b, &two);
        assert_false(hash_is_equal(&one, &two));
        assert_false(has_hash(s, &before));
        blueprint_unref(b);
}

static void *choose_it(void *arg)
{
        return must_choose(arg, "heavy");
}

static void test_many_at_once_read_it_once(void **state)
{
        _cleanup_(blueprint_shelf_unrefp) struct blueprint_shelf *s = must_open(NULL);
        pthread_t threads[4];
        void *got[4];

        (void)state;
        for (size_t i = 0; i < N_ELEMENTS(threads); i++)
                assert_int_equal(pthread_create(&threads[i], NULL, choose_it, s), 0);
        for (size_t i = 0; i < N_ELEMENTS(threads); i++)
                assert_int_equal(pthread_join(threads[i], &got[i]), 0);
        for (size_t i = 0; i < N_ELEMENTS(threads); i++) {
                assert_ptr_equal(got[i], s->at[0]->whole);
                blueprint_unref(got[i]);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, enter, leave)
                T(test_nothing_is_read_before_it_is_needed),
                T(test_a_faulty_one_hinders_nobody),
                T(test_edits_change_the_hash_when_they_are_read),
                T(test_what_nobody_needs_is_let_go),
                T(test_templates_go_before),
                T(test_many_at_once_read_it_once),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
