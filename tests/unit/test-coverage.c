#include "spec-help.h"

#include "daemon/blueprint/layout.h"
#include "daemon/template/template.h"

/* Coverage: what a template passes over is never said to be covered. */

static const char head[] =
        "format: 1\nname: tiny\ndescription: d\nlanguage: text\n"
        "names:\n  packages: {default_path: \"{{ package.name }}\"}\n"
        "  identity: {name: ID, type: text, types: [text]}\n  by_id: {ending: ID, ending_of_many: "
        "IDs, strip: \"*\"}\n"
        "types:\n  unknown: text\n  entity: \"$1\"\n  qualified: \"$1.$2\"\n  rules:\n"
        "  - {match: '^(?:string|text)$', type: text}\n  - {match: '^int$', type: int}\n"
        "actions: {create: Create, list: List, get: Get, update: Update, delete: Delete, "
        "list_by: ListBy, create_for: CreateFor, verbs: {}}\n"
        "limits: {prose: '^(?!.*must)', five: '^(?:Create|List)$'}\n"
        "rules:\n"
        "- {rule: required, in: [own], attribute: \"$1\", match: '^its (.+) is required$'}\n"
        "- {rule: range, in: [own], attribute: \"$2\", entity: \"$1\", min: \"$3\", max: \"$4\", "
        "types: '^int$',\n   match: '^the (\\w+) of an? (\\w+) is between (\\d+) and (\\d+)$'}\n"
        "files:\n";

static int load(const char *kinds, const char *template, struct blueprint **ret,
                struct failure **ret_failure)
{
        _cleanup_free_ char *yaml = str_printf("%s%s", head, kinds);
        const struct blueprint_file files[] = {
                {(char *)"p.md", (char *)"prompt\n", 7},
                {(char *)"t.tmpl", (char *)template, strlen(template)},
                {(char *)"blueprint.yaml", yaml, strlen(yaml)}};

        return blueprint_new("tiny", files, N_ELEMENTS(files), ret, ret_failure);
}

#define KIND(inputs, rest)                                                                        \
        "- {kind: own, each: entity, path: \"own/{{ entity.file }}\", prompt: p.md, tier: fast, " \
        "template: t.tmpl, inputs: [" inputs "]" rest "}\n"

/* A rule that the template reads, so that those of `head` are made true. */
#define RULES                                                                      \
        "{% for r in rules if r.rule in ['required', 'range'] %}{{ r.attribute }}" \
        "{{ r.entity }}{{ r.min if r.min is defined }}{{ r.max if r.max is defined }}{% endfor %}"

/* What stands against a template for task own/boat; part: NULL: nothing. */
static void check_reason(const char *kinds, const char *template, const char *spec,
                         const char *part)
{
        struct failure *f = NULL;
        struct blueprint *b = NULL;
        struct model *m = must_read(spec);
        struct work *w = NULL;
        const struct task *t;

        if (load(kinds, template, &b, &f) != 0 || blueprint_apply(b, m, &w, &f) != 0)
                fail_msg("%s", f ? failure_message(f) : "?");
        t = must_find(w, "own/boat");
        if (!part && t->uncovered)
                fail_msg("not covered: %s", t->uncovered);
        if (part && (!t->uncovered || !strstr(t->uncovered, part)))
                fail_msg("`%s` does not contain `%s`", t->uncovered ? t->uncovered : "covered",
                         part);
        work_free(w);
        model_free(m);
        blueprint_unref(b);
}

#define BOAT "name: x\nentities:\n- {name: Boat, attributes: {Length: int}}\n"
#define READS                                                                                 \
        "{{ entity.name }}{{ entity.package }}{% for a in entity.attributes %}{{ a.name }}: " \
        "{{ a.type }}{{ a.required is defined }}{% endfor %}"

static void test_what_is_not_read(void **state)
{
        (void)state;
        check_reason(KIND("entity, rules", ", ignores: [entities.import_path]"), READS RULES, BOAT,
                     NULL);
        check_reason(KIND("entity, rules", ""), READS RULES, BOAT,
                     "t.tmpl does not read `entities.import_path` of Boat");
        check_reason(KIND("entity, rules", ", ignores: [entities.import_path]"), READS RULES,
                     "name: x\nentities:\n- {name: Boat, description: Floats, attributes: {A: "
                     "int}}\n",
                     "does not read `entities.description` of Boat");
        check_reason(KIND("entity, scenarios, rules", ", ignores: [entities.import_path]"),
                     READS RULES, BOAT "scenarios: [{id: S1, title: The boat sinks}]\n",
                     "does not read `scenarios`");
        check_reason(KIND("entity, relations, rules", ", ignores: [entities.import_path]"),
                     READS RULES,
                     BOAT "- {name: Pier}\n"
                          "relationships: [{from: Boat, to: Pier, type: belongs_to}]\n",
                     "does not read `relations`");
}

static void test_a_type_nobody_knows(void **state)
{
        (void)state;
        check_reason(KIND("entity, rules", ", ignores: [entities.import_path]"), READS RULES,
                     "name: x\nentities:\n- {name: Boat, attributes: {Pose: Quaternion}}\n",
                     "does not read `entities.attributes.unknown_type` of Pose");
}

static void test_bounds(void **state)
{
#define DESCRIBED                                                                  \
        KIND("entity, rules", ", covers: {entities.description: prose}, ignores: " \
                              "[entities.import_path, entities.description]")
        (void)state;
        check_reason(DESCRIBED, READS RULES,
                     "name: x\nentities:\n- {name: Boat, description: Floats}\n", NULL);
        check_reason(DESCRIBED, READS RULES,
                     "name: x\nentities:\n- {name: Boat, description: It must float}\n",
                     "does not know `entities.description: It must float` of Boat");
        check_reason(KIND("entity, contracts, rules",
                          ", covers: {contracts.action: five}, ignores: [entities.import_path]"),
                     READS RULES "{% for c in contracts %}{{ c.method }}{{ c.endpoint }}"
                                 "{{ c.action }}{{ c.entity }}{% endfor %}",
                     BOAT "api_contracts: [{endpoint: \"POST /boats/{id}/sink\"}]\n",
                     "does not know `contracts.action: Sink` of POST /boats/{id}/sink");
}

static void test_rules(void **state)
{
#define RULED KIND("entity, requirements, rules", ", ignores: [entities.import_path]")
        (void)state;
        check_reason(RULED, READS RULES,
                     BOAT "requirements: [\"The boat: its length is required\"]\n",
                     "does not know what requirement");
        check_reason(RULED, READS RULES,
                     BOAT "requirements: [{description: Its length is required., applies_to: "
                          "Boat}]\n",
                     NULL);
        check_reason(RULED, READS RULES,
                     BOAT "requirements: [\"The boat of a length is between 1 and 5\"]\n", NULL);
        /* one sentence that no rule knows, and it is the model's */
        check_reason(RULED, READS RULES,
                     BOAT "requirements: [\"The boat of a length is between 1 and 5. It "
                          "floats.\"]\n",
                     "requirement:The boat");
        /* no such attribute; a type that the rule does not mean */
        check_reason(RULED, READS RULES,
                     BOAT "requirements: [\"The boat of a width is between 1 and 5\"]\n",
                     "requirement:The boat");
        check_reason(RULED, READS RULES,
                     "name: x\nentities:\n- {name: Boat, attributes: {Length: text}}\n"
                     "requirements: [\"The boat of a length is between 1 and 5\"]\n",
                     "requirement:The boat");
}

static void check_fault(const char *kinds, const char *template, const char *part)
{
        struct failure *f = NULL;
        struct blueprint *b = NULL;

        assert_int_equal(load(kinds, template, &b, &f), CONDITION_REFUSED);
        if (!strstr(failure_message(f), part))
                fail_msg("`%s` does not contain `%s`", failure_message(f), part);
        failure_free(f);
}

static void test_faults(void **state)
{
        (void)state;
        check_fault(KIND("entity, rules", ", ignores: [entities.description]"), READS RULES,
                    "may be ignored only where `covers` bounds it");
        check_fault(KIND("entity, rules", ", covers: {entities.name: nothing}"), READS RULES,
                    "there is no limit nothing");
        check_fault(KIND("entity, rules", ""), READS "{{ rules }}",
                    "t.tmpl says nothing of the rule `range`");
        check_fault(KIND("entity", ""), READS RULES, "has no input `rules`");
        check_fault("- {kind: own, each: entity, path: \"own/{{ entity.file }}\", prompt: p.md, "
                    "tier: fast, inputs: [rules], ignores: [entities.path]}\n",
                    "x", "there is none");
}

/* ---- the blueprints of the package ---- */

/* A path of the context, and whether a change there ever showed in a rendering. */
struct shown {
        char *path;
        bool is_shown;
};

struct probe {
        const struct blueprint *b;
        const struct kind *k;
        const struct task *t;
        struct buf *before;
        struct shown *list;
        size_t n;
        struct seen_bounds seen; /* as one project has it, from task to task */
        char path[200];
};

static void note(struct probe *p, bool is_shown)
{
        _cleanup_free_ char *name = str_printf("%s %s", p->k->name, p->path);
        size_t i = 0;

        while (i < p->n && strcmp(p->list[i].path, name) != 0)
                i++;
        if (i == p->n) {
                p->list = realloc(p->list, (p->n + 1) * sizeof(*p->list));
                p->list[p->n++] = (struct shown){strdup(name), false};
        }
        p->list[i].is_shown = p->list[i].is_shown || is_shown;
}

/* Renders with what the context holds now; a rendering that fails is no lie. */
static void look(struct probe *p, const json_t *context)
{
        _cleanup_buf_ struct buf out = {0};
        struct diag diag;
        struct shortfall found = {0};

        if (coverage_measure(p->b, p->k, context, NULL, 0, &p->seen, &found) != 0)
                fail_msg("out of memory");
        note(p, found.reason != NULL ||
                        template_render(p->k->template, context, &out, &diag) != 0 ||
                        !span_is_equal(buf_span(&out), buf_span(p->before)));
        free(found.reason);
}

static void change(struct probe *p, const json_t *context, json_t *value);

static void change_string(struct probe *p, const json_t *context, json_t *value)
{
        _cleanup_free_ char *old = strdup(json_string_value(value));
        _cleanup_free_ char *new = str_printf("%sQq", old);

        json_string_set(value, new);
        look(p, context);
        json_string_set(value, old);
}

static void change_member(struct probe *p, const json_t *context, json_t *object, const char *key)
{
        json_t *value = json_incref(json_object_get(object, key));
        size_t n = strlen(p->path);

        snprintf(p->path + n, sizeof(p->path) - n, ".%s", key);
        if (json_is_true(value)) {
                json_object_del(object, key);
                look(p, context);
                json_object_set(object, key, value);
        }
        change(p, context, value);
        p->path[n] = '\0';
        json_decref(value);
}

/* Every text below value, one after the other, is made another one. */
static void change(struct probe *p, const json_t *context, json_t *value)
{
        size_t i, n = 0;
        json_t *item;
        const char *key;
        char *keys[64];

        if (json_is_string(value))
                change_string(p, context, value);
        json_array_foreach (value, i, item)
                change(p, context, item);
        if (!json_is_object(value))
                return;
        json_object_foreach (value, key, item)
                if (n < N_ELEMENTS(keys))
                        keys[n++] = strdup(key);
        for (i = 0; i < n; i++) {
                change_member(p, context, value, keys[i]);
                free(keys[i]);
        }
}

/* A fact of the blueprint may be a mere yes. */
static void without_fact(struct probe *p, json_t *context, const char *name)
{
        json_t *value = json_incref(json_object_get(context, name));

        json_object_del(context, name);
        look(p, context);
        json_object_set(context, name, value);
        json_decref(value);
}

static void probe_task(struct probe *p)
{
        json_t *context = json_deep_copy(p->t->context);
        _cleanup_buf_ struct buf before = {0};
        struct diag diag;

        if (json_object_get(context, "entity"))
                json_object_set(context, "entity",
                                json_array_get(json_object_get(context, "entities"), 0));
        if (template_render(p->k->template, context, &before, &diag) != 0)
                fail_msg("%s: %s:%u: %s", p->t->path, template_name(p->k->template), diag.line,
                         diag.text);
        p->before = &before;
        for (void *at = json_object_iter(context); at; at = json_object_iter_next(context, at)) {
                snprintf(p->path, sizeof(p->path), "%s", json_object_iter_key(at));
                if (strcmp(p->path, "task") != 0 && strcmp(p->path, "entity") != 0 &&
                    strcmp(p->path, "requirements") != 0)
                        change(p, context, json_object_iter_value(at));
        }
        for (size_t i = 0; i < p->k->n_facts; i++) {
                snprintf(p->path, sizeof(p->path), "%s", p->k->facts[i].name);
                if (json_object_get(context, p->path))
                        without_fact(p, context, p->path);
        }
        json_decref(context);
}

static bool is_ignored(const struct blueprint *b, const char *line)
{
        const char *blank = strchr(line, ' ');

        for (size_t i = 0; i < b->n_kinds; i++) {
                const struct kind *k = &b->kinds[i];

                if (strncmp(k->name, line, (size_t)(blank - line)) != 0 ||
                    k->name[blank - line] != '\0')
                        continue;
                for (size_t j = 0; j < k->coverage.ignores.n; j++) {
                        size_t n = strlen(k->coverage.ignores.at[j]);

                        if (strncmp(blank + 1, k->coverage.ignores.at[j], n) == 0 &&
                            (blank[1 + n] == '\0' || blank[1 + n] == '.'))
                                return true;
                }
        }
        return false;
}

static const char *const specs[] = {"harbour.yaml",    "shop.yaml",           "todo.yaml",
                                    "crud/seven.yaml", "crud/relations.yaml", "crud/types.yaml"};

static void probe_spec(struct probe *p, struct blueprint *b, const char *name)
{
        _cleanup_free_ char *path = str_printf("%s/%s", SPECS, name);
        char text[65536];
        FILE *f = fopen(path, "r");
        size_t n = f ? fread(text, 1, sizeof(text) - 1, f) : 0;
        struct work *w;

        if (!f)
                fail_msg("%s cannot be read", path);
        fclose(f);
        text[n] = '\0';
        w = must_apply(b, text);
        for (size_t i = 0; i < w->n_tasks; i++) {
                p->t = &w->tasks[i];
                for (size_t k = 0; k < b->n_kinds; k++)
                        if (strcmp(b->kinds[k].name, p->t->kind) == 0)
                                p->k = &b->kinds[k];
                if (p->t->template && !p->t->uncovered)
                        probe_task(p);
        }
        work_free(w);
}

/* Every place of the context that a template is said to read shows somewhere in what it makes: else
 * it reads it for nothing, and the measure lies. */
static void check_blueprint(const char *name)
{
        struct blueprint *b = must_load(name);
        struct probe p = {.b = b};
        bool is_good = true;

        for (size_t i = 0; i < N_ELEMENTS(specs); i++)
                probe_spec(&p, b, specs[i]);
        assert_true(p.n > 10);
        for (size_t i = 0; i < p.n; i++) {
                if (!p.list[i].is_shown && !is_ignored(b, p.list[i].path)) {
                        print_message("  %s\n", p.list[i].path);
                        is_good = false;
                }
                free(p.list[i].path);
        }
        free(p.list);
        blueprint_unref(b);
        if (!is_good)
                fail_msg("%s: a change there never shows, and the task counts as covered", name);
}

static void test_go_service_never_lies(void **state)
{
        (void)state;
        check_blueprint("go-service");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_what_is_not_read),
                cmocka_unit_test(test_a_type_nobody_knows),
                cmocka_unit_test(test_bounds),
                cmocka_unit_test(test_rules),
                cmocka_unit_test(test_faults),
                cmocka_unit_test(test_go_service_never_lies),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
