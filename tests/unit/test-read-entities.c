#include "spec-help.h"

/* Sentences and lists about entities. */

static struct model *read_named(const char *name, const char *text)
{
        struct failure *f = NULL;
        struct model *m = NULL;

        if (spec_read(span_of(text), name, &m, &f) != 0)
                fail_msg("%s: %s", f && f->where ? f->where : "", f ? failure_message(f) : "?");
        return m;
}

/* "name:type name:type! …" */
static char *attributes_of(const struct model *m, const char *entity)
{
        _cleanup_buf_ struct buf b = {0};

        for (size_t i = 0; i < m->n_entities; i++) {
                const struct entity *e = &m->entities[i];

                if (strcmp(e->name, entity) != 0)
                        continue;
                for (size_t k = 0; k < e->n_attributes; k++)
                        (void)buf_printf(&b, "%s%s:%s%s", k ? " " : "", e->attributes[k].name,
                                         e->attributes[k].type,
                                         e->attributes[k].is_required ? "!" : "");
                return buf_steal(&b, NULL);
        }
        fail_msg("there is no entity %s", entity);
        return NULL;
}

static void test_sentences(void **state)
{
        static const struct {
                const char *text, *entity, *attributes;
        } cases[] = {
                {"create a student entity with name", "student", "id:int name:str"},
                {"Create students.", "student", "id:int"},
                {"create a Student system", "Student", "id:int"},
                {"Create a system to manage books with title, author, and ISBN", "book",
                 "id:int title:str author:str ISBN:str"},
                {"Criar um sistema para gerenciar alunos com nome e email", "aluno",
                 "id:int nome:str email:str"},
                {"create an order item with due date, price:float and required count as int",
                 "order item", "id:int due_date:str price:float count:int!"},
                {"create a course that has title (string, required) and credits (int)", "course",
                 "id:int title:string! credits:int"},
                {"build a car with the following attributes: id:str, plate of type string", "car",
                 "id:str plate:string"},
                {"create a class with name", "class", "id:int name:str"},
                {"* create a student with name\n* add email and age:int to student entity\n",
                 "student", "id:int name:str email:str age:int"},
                {"create student with name, age:int\nadd age:float to the student\n", "student",
                 "id:int name:str age:float"},
                {"create student with name, email\nremove email from student\n", "student",
                 "id:int name:str"},
                {"create student with name\ncreate course\nadd course to student\n", "student",
                 "id:int name:str course_id:int"},
                {"create student with name\ncreate course\nadd courses to student\n", "student",
                 "id:int name:str"},
                {"create student\ncreate course\nadd course to student\ndelete course entity\n",
                 "student", "id:int"},
                {"create a teacher with no room, name", "teacher", "id:int name:str"},
                {"create a teacher with optional room, unique name", "teacher",
                 "id:int room:str name:str"},
        };

        (void)state;
        for (size_t i = 0; i < N_ELEMENTS(cases); i++) {
                struct model *m = read_named("app.txt", cases[i].text);
                _cleanup_free_ char *said = attributes_of(m, cases[i].entity);

                print_message("  %s\n", cases[i].text);
                assert_string_equal(said, cases[i].attributes);
                model_free(m);
        }
}

/* Opposite owners, with and without, unique and not: no two of them are the same. */
static void test_direction(void **state)
{
        struct model *m =
                read_named("a.txt", "create student\ncreate course\nadd course to student\n");

        (void)state;
        assert_int_equal(m->n_relations, 1);
        assert_string_equal(m->relations[0].from, "student");
        assert_string_equal(m->relations[0].to, "course");
        assert_string_equal(m->relations[0].type, "belongs_to");
        model_free(m);
        m = read_named("a.txt", "create student\ncreate course\nadd students to course\n");
        assert_string_equal(m->relations[0].from, "course");
        assert_string_equal(m->relations[0].type, "has_many");
        model_free(m);
        m = read_named("a.txt", "create tag with unique name (string, at most 9 characters)\n");
        assert_string_equal(m->entities[0].attributes[1].description, "at most 9 characters");
        assert_true(m->entities[0].attributes[1].is_unique);
        model_free(m);
        m = read_named("a.txt", "create tag with no name\n");
        assert_line(&m->warnings, "a.txt:1:1: `no name` is left out");
        model_free(m);
}

static void test_requirements(void **state)
{
        struct model *m = read_named("sprint.md", "# Sprint 1\n"
                                                  "\n"
                                                  "Create a student entity with name.\n"
                                                  "\n"
                                                  "Requirements:\n"
                                                  "- name (string, required)\n"
                                                  "- birth date (date)\n"
                                                  "1. Create endpoints that list students.\n"
                                                  "\n"
                                                  "# Sprint 2\n"
                                                  "- create a course with title\n");
        _cleanup_free_ char *said = attributes_of(m, "student");

        (void)state;
        assert_string_equal(m->name, "sprint");
        assert_string_equal(said, "id:int name:string! birth_date:date");
        assert_int_equal(m->n_entities, 2);
        assert_int_equal(m->n_requirements, 1);
        assert_string_equal(m->requirements[0].text, "Create endpoints that list students.");
        assert_string_equal(m->requirements[0].applies_to.at[0], "student");
        assert_line(&m->notes, "sprint.md is read as sentences about entities in plain text");
        model_free(m);
}

static void test_lists(void **state)
{
        struct model *m = read_named(
                "a.yaml",
                "- {entity: student, attributes: [\"name:str\", {name: age, type: int, required: "
                "true, default: 7}], related_entity: course}\n"
                "- {detected_entity: course, confidence: 0.9, action_intent: create, attributes: "
                "[title], relationship_analysis: {is_relationship_request: true, primary_entity: "
                "course, secondary_entity: ghost}}\n"
                "- add email to student\n"
                "- {name: room, fields: {beds: int}, colour: red}\n");
        _cleanup_free_ char *student = attributes_of(m, "student");
        _cleanup_free_ char *course = attributes_of(m, "course");

        (void)state;
        assert_string_equal(student, "id:int name:str age:int! email:str course_id:int");
        assert_string_equal(m->entities[0].attributes[2].description, "default 7");
        assert_string_equal(course, "id:int title:str");
        assert_int_equal(m->n_relations, 1);
        assert_line(&m->warnings, "a.yaml:2:3: there is no entity ghost");
        assert_line(&m->warnings, "a.yaml:4:37: key `colour` of [3] is not used");
        assert_int_equal(m->warnings.n, 2);
        model_free(m);
        m = read_named("a.json", "{\"detected_entity\": \"student\", \"confidence\": 1, "
                                 "\"attributes\": [{\"name\": \"name\", \"type\": \"str\"}]}");
        assert_int_equal(m->n_entities, 1);
        assert_int_equal(m->warnings.n, 0);
        model_free(m);
}

static void test_refused(void **state)
{
        static const struct {
                const char *name, *text, *expected;
        } cases[] = {
                {"a.txt", "create a student with name\nhello world\n",
                 "a.txt:2:1: this sentence is not understood; write `create a student"},
                {"a.txt", "add email to ghost\n", "a.txt:1:1: there is no entity ghost yet"},
                {"a.txt", "create student\n  - create student\n",
                 "a.txt:2:5: entity student is there already (line 1)"},
                {"a.txt", "create student\nremove email from student\n",
                 "a.txt:2:1: student has no attribute email"},
                {"a.txt", "create student with eins zwei drei vier six seven eight\n",
                 "not understood"},

                {"a.txt", "create a, b\n", "not understood"},
                {"a.txt", "add to student\n", "not understood"},
                {"a.yaml", "- {entity: a, attributes: [b]}\n- [c]\n",
                 "a.yaml:2:3: an entity must be a map {entity, attributes} or a sentence"},
                {"a.yaml", "- {entity: a, attributes: [b]}\n- {attributes: [c]}\n",
                 "a.yaml:2:3: an entity has no name"},
                {"a.yaml", "- a\n- b\n", "a specification is a map of keys"},
                {"a.yaml", "hello\n", "a specification is a map of keys"},
        };

        (void)state;
        for (size_t i = 0; i < N_ELEMENTS(cases); i++) {
                print_message("  %s", cases[i].text);
                must_refuse(cases[i].name, cases[i].text, cases[i].expected);
        }
}

static void test_limits(void **state)
{
        _cleanup_buf_ struct buf b = {0};

        (void)state;
        (void)buf_add_text(&b, "create a\n");
        for (unsigned i = 0; i < 20000; i++)
                (void)buf_add_text(&b, "add b to a\n");
        must_refuse("a.txt", b.at, "a.txt:20001:1: more than 20000 sentences");
        buf_clear(&b);
        (void)buf_add_text(&b, "create a with b");
        for (int i = 0; i < 300; i++)
                (void)buf_add_text(&b, " , x");
        must_refuse("a.txt", b.at, "a.txt:1:1: this sentence is not understood");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_sentences),    cmocka_unit_test(test_direction),
                cmocka_unit_test(test_requirements), cmocka_unit_test(test_lists),
                cmocka_unit_test(test_refused),      cmocka_unit_test(test_limits),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
