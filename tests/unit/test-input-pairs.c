#include "input-pairs.h"
#include "spec-help.h"

#include <stdlib.h>

#include "common/json.h"
#include "common/yaml.h"

/* Pairs of specifications: a base, and the same with one change. Each says exactly which tasks get
 * another static key; all others keep theirs. Nothing: the two mean the same.
 *
 * What a pair of YAML says must hold when both are JSON, and when both are the front matter of
 * Markdown; and a specification has the same keys in all three. With PAIRS_PRINT in the environment
 * the test prints what it found instead of judging it: to look at, when a pair is added. */

static struct blueprint *go;

static const char builder[] =
        "name: Shop\n"
        "description: sells things\n"
        "module: example.org/shop\n"
        "requirements:\n"
        "- {id: FR-001, description: System must manage users, priority: P1, category: Core}\n"
        "- {id: FR-002, description: An order item needs a quantity, priority: P2}\n"
        "- {id: NFR-001, type: nfr, description: Orders are fast, nfr_type: speed, threshold: 2 "
        "s}\n"
        "architecture:\n"
        "  packages:\n"
        "  - {name: user, path: internal/user, purpose: people}\n"
        "  - {name: order, path: internal/order, purpose: orders, dependencies: [user]}\n"
        "  dependencies: [{name: example.org/lib, version: v1.2.0, purpose: cache}]\n"
        "  patterns: [{name: Repository, description: hides storage}]\n"
        "data_model:\n"
        "  entities:\n"
        "  - {name: User, package: user, attributes: {ID: string, Email: string, AddressID: "
        "string}}\n"
        "  - {name: Superuser, package: user, attributes: {ID: string, Level: int}}\n"
        "  - {name: Address, package: user, attributes: {ID: string, Street: string}}\n"
        "  - name: Order\n"
        "    package: order\n"
        "    attributes: {ID: string, UserID: string, Items: \"[]*OrderItem\"}\n"
        "  - {name: OrderItem, package: order, attributes: {ID: string, Quantity: int}}\n"
        "  - {name: Ledger, package: order, attributes: {ID: string, ByDay: "
        "\"map[string][]Order\"}}\n"
        "  relationships:\n"
        "  - {from: Order, to: User, type: belongs_to}\n"
        "  - {from: User, to: Address, type: has_one}\n"
        "api_contracts:\n"
        "- {endpoint: POST /orders, description: place, request: {user_id: string}, response: "
        "{id: string}}\n"
        "- {endpoint: GET /users, description: all users}\n"
        "- {endpoint: \"GET /addresses/{id}\", description: one address}\n"
        "testing_strategy: {coverage_target: 85.0, unit_tests: true, frameworks: [testing]}\n"
        "build_config: {go_version: \"1.18\", output_path: ./bin, build_flags: [-race]}\n";

static const char openapi[] =
        "openapi: 3.0.3\n"
        "info: {title: Kennel, description: dogs over night, version: 1.0.0}\n"
        "paths:\n"
        "  /dogs:\n"
        "    get:\n"
        "      summary: all dogs\n"
        "      operationId: listDogs\n"
        "      parameters: [{name: limit, in: query, schema: {type: integer}}]\n"
        "      responses: {\"200\": {description: a page, content: {application/json: {schema: "
        "{type: array, items: {$ref: \"#/components/schemas/Dog\"}}}}}}\n"
        "    post:\n"
        "      summary: take in\n"
        "      requestBody: {content: {application/json: {schema: {$ref: "
        "\"#/components/schemas/NewDog\"}}}}\n"
        "      responses: {\"201\": {description: taken, content: {application/json: {schema: "
        "{$ref: \"#/components/schemas/Dog\"}}}}, \"409\": {description: full}}\n"
        "components:\n"
        "  schemas:\n"
        "    NewDog: {type: object, required: [name], properties: {name: {type: string}, born: "
        "{type: string, format: date}}}\n"
        "    Dog:\n"
        "      allOf:\n"
        "      - {$ref: \"#/components/schemas/NewDog\"}\n"
        "      - {type: object, properties: {id: {type: string}, owner: {$ref: "
        "\"#/components/schemas/Owner\"}}}\n"
        "    Owner: {type: object, properties: {id: {type: string}, mood: {type: string, enum: "
        "[good, bad]}, debt: {type: number, minimum: 0}}}\n";

static const char fcs[] =
        "{\"schema_version\": \"1.0\", \"id\": \"6f0c-11\", \"version\": \"1.0.0\",\n"
        "\"metadata\": {\"created_at\": \"2025-11-18T00:00:00Z\", \"hash\": \"aa\"},\n"
        "\"requirements\": {\"functional\": [{\"id\": \"FR-001\", \"description\": \"Users come "
        "and go\"}]},\n"
        "\"data_model\": {\"entities\": [{\"name\": \"User\", \"package\": \"user\", "
        "\"attributes\": {\"ID\": \"string\", \"Mail\": \"string\"}},\n"
        "{\"name\": \"Room\", \"package\": \"room\", \"attributes\": {\"ID\": \"string\", "
        "\"UserID\": \"string\"}}],\n"
        "\"relationships\": [{\"from\": \"Room\", \"to\": \"User\", \"type\": "
        "\"belongs_to\"}]},\n"
        "\"testing_strategy\": {\"coverage_target\": 85.0}}\n";

static const char sentences[] = "create a student with name:str, email and age (int, required)\n"
                                "create a course with title\n"
                                "add course to student\n";

struct base {
        const char *name, *text, *file_name;
        bool is_yaml; /* is tried as JSON and Markdown as well */
};

static const struct base bases[] = {
        {"builder", builder, "spec.yaml", true},
        {"openapi", openapi, "spec.yaml", true},
        {"fcs", fcs, "spec.json", false},
        {"sentences", sentences, "spec.txt", false},
};

static struct work *must_work(const char *text, const char *file_name)
{
        struct failure *f = NULL;
        struct model *m = NULL;
        struct work *w = NULL;

        if (spec_read(span_of(text), file_name, &m, &f) != 0 || blueprint_apply(go, m, &w, &f) != 0)
                fail_msg("%s: %s\n%s", f && f->where ? f->where : "", f ? failure_message(f) : "?",
                         text);
        model_free(m);
        return w;
}

static char *replaced(const char *text, const char *what, const char *with)
{
        const char *at = strstr(text, what);

        if (!at)
                fail_msg("`%s` is not in the text", what);
        return str_printf("%.*s%s%s", (int)(at - text), text, with, at + strlen(what));
}

static char *as_json(const char *text)
{
        _cleanup_(yaml_freep) struct yaml_node *n = NULL;
        _cleanup_json_ json_t *value = NULL;
        struct diag d = {0};

        if (yaml_read(span_of(text), 1 << 20, &n, &d) != 0 || yaml_to_json(n, &value) != 0)
                fail_msg("%s\n%s", d.text, text);
        return json_to_text(value);
}

static char *as_markdown(const char *text)
{
        if ((unsigned char)text[0] == 0xef)
                return str_printf("\xEF\xBB\xBF---\n%s\n---\n# Notes\n\nFor people.\n", text + 3);
        return str_printf("---\n%s\n---\n# Notes\n\nFor people.\n", text);
}

static int compare_paths(const void *a, const void *b)
{
        return strcmp(*(char *const *)a, *(char *const *)b);
}

/* "+new -gone changed", sorted. */
static char *difference(const struct work *a, const struct work *b)
{
        _cleanup_buf_ struct buf out = {0};
        struct strlist l = {0};

        for (size_t i = 0; i < a->n_tasks; i++) {
                const struct task *other = find_task(b, a->tasks[i].path);
                char line[256];

                if (other && hash_is_equal(&a->tasks[i].static_key, &other->static_key))
                        continue;
                snprintf(line, sizeof(line), "%s%s", other ? "" : "-", a->tasks[i].path);
                assert_int_equal(strlist_add(&l, line), 0);
        }
        for (size_t i = 0; i < b->n_tasks; i++) {
                char line[256];

                if (find_task(a, b->tasks[i].path))
                        continue;
                snprintf(line, sizeof(line), "+%s", b->tasks[i].path);
                assert_int_equal(strlist_add(&l, line), 0);
        }
        if (l.n > 0)
                qsort(l.at, l.n, sizeof(char *), compare_paths);
        for (size_t i = 0; i < l.n; i++)
                assert_int_equal(buf_printf(&out, "%s%s", i ? " " : "", l.at[i]), 0);
        if (l.n > 0 && l.n == a->n_tasks && a->n_tasks == b->n_tasks) {
                buf_clear(&out);
                assert_int_equal(buf_add_text(&out, ALL), 0);
        }
        strlist_done(&l);
        assert_int_equal(buf_add(&out, "", 0), 0);
        return buf_steal(&out, NULL);
}

static size_t n_wrong;

static void judge(const struct pair *p, const char *form, const char *found)
{
        if (getenv("PAIRS_PRINT")) {
                _cleanup_json_ json_t *line = json_pack("[s,s,s,s]", form, p->what, p->with, found);
                _cleanup_free_ char *text = line ? json_to_text(line) : NULL;

                puts(text ? text : ""); /* print_message() cuts */
                return;
        }
        if (strcmp(found, p->changed) == 0)
                return;
        n_wrong++;
        print_error("%s: `%s` -> `%s`\n   must change: %s\n   changed:     %s\n", form, p->what,
                    p->with, p->changed, found);
}

/* A base in one form, and what all its pairs are compared with. */
struct form {
        const char *name, *file_name;
        char *(*convert)(const char *);
};

static const struct form forms[] = {
        {"as it is", NULL, NULL},
        {"Markdown", "spec.md", as_markdown},
        {"JSON", "spec.json", as_json},
};

static struct work *in_form(const struct base *b, const struct form *f, const char *text)
{
        _cleanup_free_ char *converted = f->convert ? f->convert(text) : NULL;

        return must_work(converted ? converted : text, f->file_name ? f->file_name : b->file_name);
}

static void try_pair(const struct pair *p, const struct form *f, const struct work *first)
{
        const struct base *b = &bases[p->base & 0xff];
        _cleanup_free_ char *edited = replaced(b->text, p->what, p->with);
        struct work *w = in_form(b, f, edited);
        _cleanup_free_ char *found = difference(first, w);

        judge(p, f->name, found);
        work_free(w);
}

static void test_pairs(void **state)
{
        (void)state;
        assert_true(n_pairs >= 80);
        for (size_t k = 0; k < N_ELEMENTS(bases) * N_ELEMENTS(forms); k++) {
                const struct base *b = &bases[k / N_ELEMENTS(forms)];
                const struct form *f = &forms[k % N_ELEMENTS(forms)];
                struct work *first;

                if (f->convert && !b->is_yaml)
                        continue;
                first = in_form(b, f, b->text);
                for (size_t i = 0; i < n_pairs; i++)
                        if (&bases[pairs[i].base & 0xff] == b &&
                            !(f->convert == as_json && (pairs[i].base & YAML_ONLY)))
                                try_pair(&pairs[i], f, first);
                work_free(first);
        }
        assert_int_equal(n_wrong, 0);
}

/* YAML, JSON and Markdown are one specification. */
static void test_forms(void **state)
{
        (void)state;
        for (size_t i = 0; i < N_ELEMENTS(bases); i++) {
                struct work *a, *b, *c;

                if (!bases[i].is_yaml)
                        continue;
                {
                        _cleanup_free_ char *json = as_json(bases[i].text);
                        _cleanup_free_ char *markdown = as_markdown(bases[i].text);
                        _cleanup_free_ char *of_json = NULL, *of_markdown = NULL;

                        a = must_work(bases[i].text, "spec.yaml");
                        b = must_work(json, "spec.json");
                        c = must_work(markdown, "spec.md");
                        of_json = difference(a, b);
                        of_markdown = difference(a, c);
                        assert_string_equal(of_json, "");
                        assert_string_equal(of_markdown, "");
                }
                work_free(a);
                work_free(b);
                work_free(c);
        }
}

/* What relationships give an entity does not depend on the order in which they are written. */
static void test_order_of_relations(void **state)
{
        static const char kennel[] = "name: kennel\nentities: [{name: Dog}, {name: Bed}, {name: "
                                     "Owner}]\nrelationships:\n";
        static const char *const rows[] = {
                "- {from: Dog, to: Owner, type: belongs_to}\n",
                "- {from: Bed, to: Dog, type: has_one}\n",
                "- {from: Bed, to: Dog, type: many_to_many}\n",
                "- {from: Owner, to: Bed, type: many_to_many}\n",
        };
        _cleanup_free_ char *there = str_printf("%s%s%s%s%s", kennel, rows[0], rows[1], rows[2],
                                                rows[3]),
                            *back = str_printf("%s%s%s%s%s", kennel, rows[3], rows[2], rows[1],
                                               rows[0]);
        struct work *a = must_work(there, "spec.yaml"), *b = must_work(back, "spec.yaml");
        _cleanup_free_ char *found = difference(a, b);

        (void)state;
        assert_string_equal(found, "");
        work_free(a);
        work_free(b);
}

/* One specification in the shape that the builder reads, that the README shows, that the examples
 * have, and as the builder dumps it. */
static const char *const shapes[] = {
        "name: blog\ndescription: people write\n"
        "requirements:\n"
        "- {id: FR-001, description: Users can post}\n"
        "- {id: FR-002, description: A comment belongs to a post}\n"
        "- {id: NFR-001, type: non-functional, description: Posts are fast, nfr_type: speed}\n"
        "data_model:\n"
        "  entities:\n"
        "  - {name: Post, attributes: {id: string, body: text, title: string}}\n"
        "  - {name: Comment, attributes: {id: string, text: string}}\n"
        "  relationships: [{from: Post, to: Comment, type: has_many}]\n"
        "api_contracts: [{endpoint: /posts, method: POST, description: write, request: {fields: "
        "{title: string}}, response: {fields: {id: string}}}]\n"
        "testing_strategy: {coverage_target: 80.0}\nbuild_config: {go_version: \"1.18\"}\n",

        "name: blog\ndescription: people write\n"
        "requirements:\n"
        "  functional: [\"FR-001: Users can post\", \"FR-002: A comment belongs to a post\"]\n"
        "  non_functional: [{id: NFR-001, description: Posts are fast, category: speed}]\n"
        "entities:\n"
        "- name: Post\n"
        "  fields: [{name: id, type: string}, {name: body, type: text}, {name: title, type: "
        "string}]\n"
        "  relationships: [{to: Comment, type: has_many}]\n"
        "- name: Comment\n"
        "  fields: [{name: id, type: string}, {name: text, type: string}]\n"
        "contracts: [{path: /posts, method: post, description: write, request: {title: string}, "
        "response: {id: string}}]\n"
        "testing: {coverage: 80}\nbuild: {go_version: 1.18}\n",

        "name: blog\ndescription: |\n  people write\n"
        "requirements:\n"
        "- id: FR-001\n  description: Users can post\n"
        "- id: FR-002\n  description: A comment belongs to a post\n"
        "entities:\n"
        "- name: Post\n"
        "  attributes:\n"
        "  - {attribute: id, type: string}\n"
        "  - {attribute: body, type: text}\n"
        "  - {attribute: title, type: string}\n"
        "- name: Comment\n"
        "  attributes: [{attribute: id, type: string}, {attribute: text, type: string}]\n"
        "relationships: [{from: post, to: comment, type: has_many}]\n"
        "nonfunctional_requirements: [{id: NFR-001, category: speed, description: Posts are "
        "fast}]\n"
        "api_contracts:\n"
        "- endpoint: POST /posts\n  description: write\n  request_body: {title: string}\n"
        "  response_200: {id: string}\n"
        "metadata: {author: me}\nbuild_config: {go_version: \"1.18\", test_coverage_target: "
        "80.0}\n",

        "{\"schema_version\": \"1.0\", \"id\": \"x\", \"metadata\": {\"hash\": \"y\"},\n"
        "\"name\": \"blog\", \"description\": \"people write\",\n"
        "\"requirements\": {\"functional\": [{\"id\": \"FR-001\", \"description\": \"Users can "
        "post\"}, {\"id\": \"FR-002\", \"description\": \"A comment belongs to a post\"}],\n"
        "\"non_functional\": [{\"id\": \"NFR-001\", \"description\": \"Posts are fast\", "
        "\"nfr_type\": \"speed\"}]},\n"
        "\"data_model\": {\"entities\": [{\"name\": \"Comment\", \"attributes\": {\"text\": "
        "\"string\", \"id\": \"string\"}}, {\"name\": \"Post\", \"attributes\": {\"title\": "
        "\"string\", \"id\": \"string\", \"body\": \"text\"}}], \"relationships\": [{\"from\": "
        "\"Post\", \"to\": \"Comment\", \"type\": \"has_many\"}]},\n"
        "\"api_contracts\": [{\"endpoint\": \"/posts\", \"method\": \"POST\", \"description\": "
        "\"write\", \"request\": {\"fields\": {\"title\": \"string\"}}, \"response\": "
        "{\"fields\": {\"id\": \"string\"}}}],\n"
        "\"testing_strategy\": {\"coverage_target\": 80}, \"build_config\": {\"go_version\": "
        "\"1.18\"}}\n",
};

static void test_shapes(void **state)
{
        struct model *first = must_read(shapes[0]);
        struct work *w = must_work(shapes[0], "a.yaml");

        (void)state;
        for (size_t i = 1; i < N_ELEMENTS(shapes); i++) {
                struct model *m = must_read(shapes[i]);
                struct work *v = must_work(shapes[i], "a.yaml");
                _cleanup_free_ char *found = difference(w, v);

                print_message("  shape %zu\n", i);
                print_lines(&m->warnings);
                assert_int_equal(m->warnings.n, 0);
                assert_int_equal(m->n_entities, first->n_entities);
                assert_int_equal(m->n_relations, first->n_relations);
                assert_int_equal(m->n_contracts, first->n_contracts);
                assert_int_equal(m->n_requirements, first->n_requirements);
                assert_string_equal(m->description, first->description);
                assert_string_equal(m->testing.coverage_target, first->testing.coverage_target);
                assert_string_equal(m->build.go_version, first->build.go_version);
                assert_string_equal(found, "");
                model_free(m);
                work_free(v);
        }
        model_free(first);
        work_free(w);
}

/* Which entities a name in a type or a key leads to, where words speak of all; what it only
 * resembles is another one. And nowhere it leads where words speak of none. */
static void test_references(void **state)
{
        static const struct {
                const char *task, *entity;
                bool is_used;
        } cases[] = {
                {"internal/order/ledger_service.go", "internal/order/order.go", true}, /* map */
                {"internal/order/order_service.go", "internal/user/user.go", true},    /* UserID */
                {"internal/user/user_service.go", "internal/user/address.go", true}, /* AddressID */
                {"internal/order/order_service.go", "internal/order/order_item.go", true},
                {"internal/order/order_item_service.go", "internal/order/order.go", false},
                {"internal/order/order_service.go", "internal/order/ledger.go", false},
                {"internal/user/superuser_service.go", "internal/user/user.go", false},
                {"internal/order/order_service.go", "internal/user/superuser.go", false},
        };
        _cleanup_free_ char *wordy = replaced(builder, "System must manage users",
                                              "\"Users, superusers, addresses, orders, order items "
                                              "and ledgers know of each other\"");
        struct work *w = must_work(wordy, "spec.yaml"), *mute = must_work(builder, "spec.yaml");

        (void)state;
        for (size_t i = 0; i < N_ELEMENTS(cases); i++) {
                if (depends_on(w, must_find(w, cases[i].task), cases[i].entity) != cases[i].is_used)
                        fail_msg("%s %s %s", cases[i].task,
                                 cases[i].is_used ? "does not use" : "uses", cases[i].entity);
                assert_false(depends_on(mute, must_find(mute, cases[i].task), cases[i].entity));
        }
        work_free(w);
        work_free(mute);
}

static int set_up(void **state)
{
        (void)state;
        go = must_load("go-service");
        return 0;
}

static int tear_down(void **state)
{
        (void)state;
        blueprint_unref(go);
        return 0;
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_forms),  cmocka_unit_test(test_order_of_relations),
                cmocka_unit_test(test_shapes), cmocka_unit_test(test_references),
                cmocka_unit_test(test_pairs),
        };

        return cmocka_run_group_tests(tests, set_up, tear_down);
}
