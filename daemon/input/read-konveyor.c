/* Analyses of Konveyor's, and what kantra-ai makes of them (analysis.h). */

#include <ctype.h>
#include <stdio.h>

#include "common/yaml.h"
#include "daemon/input/analysis.h"

struct reader {
        struct analysis *a;
        const char *name;
        struct failure **ret_failure;
};

struct analysis *analysis_free(struct analysis *a)
{
        if (!a)
                return NULL;
        for (size_t i = 0; i < a->n_rules; i++) {
                struct analysis_rule *r = &a->rules[i];

                free(r->ruleset);
                free(r->id);
                free(r->description);
                free(r->category);
                json_decref(r->links);
        }
        for (size_t i = 0; i < a->n_incidents; i++) {
                free(a->incidents[i].uri);
                free(a->incidents[i].message);
                free(a->incidents[i].code);
                json_decref(a->incidents[i].variables);
        }
        for (size_t i = 0; i < a->n_phases; i++) {
                free(a->phases[i].id);
                free(a->phases[i].risk);
        }
        strlist_done(&a->unmatched);
        free(a->phases);
        free(a->rules);
        free(a->incidents);
        free(a);
        return NULL;
}

static int refuse(const struct reader *r, const struct yaml_node *at, const char *text)
{
        char where[200];

        snprintf(where, sizeof(where), "%.160s:%u:%u", r->name, at ? at->line : 1,
                 at ? at->column : 1);
        *r->ret_failure = failure_new_at(FAILURE_BAD_SPEC, where, "%s", text);
        return *r->ret_failure ? CONDITION_REFUSED : -ENOMEM;
}

static const char *text_of(struct yaml_node *n, const char *key)
{
        const struct yaml_node *v = n && n->kind == YAML_MAP ? yaml_get(n, key) : NULL;

        return v && v->kind == YAML_SCALAR && !yaml_is_null(v) ? v->text : NULL;
}

/* Some writers have only one kind of number: 12.0 is 12. -EINVAL: it is none that can be meant. */
static int read_number(const char *text, uint64_t *ret)
{
        size_t n = strcspn(text, ".");
        char digits[24];

        if (n >= sizeof(digits) || (text[n] == '.' && text[n + 1 + strspn(text + n + 1, "0")]))
                return -EINVAL;
        memcpy(digits, text, n);
        digits[n] = '\0';
        return str_to_u64(digits, ret);
}

/* 0: not told, or nothing that a line can be: the whole file. */
static unsigned line_of(struct yaml_node *n, const char *key)
{
        const char *text = text_of(n, key);
        uint64_t value = 0;

        return text && read_number(text, &value) == 0 && value <= UINT32_MAX ? (unsigned)value : 0;
}

static int effort_of(struct yaml_node *violation)
{
        const char *text = text_of(violation, "effort");
        uint64_t value = 0;

        return text && read_number(text, &value) == 0 ? (int)MIN2(value, (uint64_t)10)
                                                      : EFFORT_UNKNOWN;
}

static int copy(const char *text, char **ret)
{
        *ret = text ? str_dup_span(span_of(text)) : NULL;
        return !text || *ret ? 0 : -ENOMEM;
}

/* The line with this number in a snippet of numbered lines ("  5  <distributable />"). */
static int find_code(const char *snippet, unsigned line, char **ret)
{
        *ret = NULL;
        for (const char *at = snippet; at && *at && line > 0;) {
                const char *end = strchrnul(at, '\n'), *digits = at + strspn(at, " \t");
                char *after;
                unsigned long n;

                if (isdigit((unsigned char)*digits)) {
                        n = strtoul(digits, &after, 10);
                        after += *after == ' ';
                        after += *after == ' ';
                        if (n == line && after <= end) {
                                *ret = str_dup_span((struct span){after, (size_t)(end - after)});
                                return *ret ? 0 : -ENOMEM;
                        }
                }
                at = *end ? end + 1 : end;
        }
        return 0;
}

static int grow(void **list, size_t n, size_t *room, size_t size)
{
        void *grown;

        if (n < *room)
                return 0;
        grown = reallocarray(*list, *room * 2 + 64, size);
        if (!grown)
                return -ENOMEM;
        *list = grown;
        *room = *room * 2 + 64;
        return 0;
}

static const char *uri_of(struct yaml_node *n)
{
        static const char *const keys[] = {"uri", "file", "path"};
        const char *uri = NULL;

        for (size_t i = 0; i < N_ELEMENTS(keys) && !uri; i++)
                uri = text_of(n, keys[i]);
        return uri;
}

static int read_incident(struct reader *r, struct yaml_node *n, uint32_t rule)
{
        struct analysis *a = r->a;
        const char *uri = uri_of(n),
                   *line_key = text_of(n, "lineNumber") ? "lineNumber" : "line_number";
        struct yaml_node *variables;
        struct incident *i;
        bool is_dependency = false;
        int k;

        if (n->kind != YAML_MAP || !uri)
                return refuse(r, n, "an incident has no `uri`");
        if (a->n_incidents == ANALYSIS_MAX_INCIDENTS)
                return refuse(r, n, "there are too many incidents");
        k = grow((void **)&a->incidents, a->n_incidents, &a->room_incidents, sizeof(*i));
        if (k < 0)
                return k;
        i = &a->incidents[a->n_incidents++];
        *i = (struct incident){.rule = rule, .line = line_of(n, line_key)};
        (void)!yaml_to_bool(yaml_get(n, "isDependencyIncident"), &is_dependency);
        i->is_dependency = is_dependency;
        k = copy(uri, &i->uri);
        k = k ? k : copy(text_of(n, "message") ? text_of(n, "message") : "", &i->message);
        k = k ? k : find_code(text_of(n, "codeSnip"), i->line, &i->code);
        variables = yaml_get(n, "variables");
        if (k == 0 && variables && variables->kind == YAML_MAP && variables->n_items > 0)
                k = yaml_to_json(variables, &i->variables);
        return k;
}

/* A violation under its id. */
static int read_violation(struct reader *r, struct yaml_node *v, const char *ruleset,
                          const char *id, bool is_insight)
{
        struct yaml_node *incidents = yaml_get(v, "incidents"), *links = yaml_get(v, "links");
        struct analysis *a = r->a;
        struct analysis_rule *rule;
        uint32_t index = (uint32_t)a->n_rules;
        int k;

        if (v->kind != YAML_MAP)
                return refuse(r, v, "a violation must be a map");
        if (incidents && incidents->kind != YAML_LIST && !yaml_is_null(incidents))
                return refuse(r, incidents, "`incidents` must be a list");
        k = grow((void **)&a->rules, a->n_rules, &a->room_rules, sizeof(*rule));
        if (k < 0)
                return k;
        rule = &a->rules[a->n_rules++];
        *rule = (struct analysis_rule){.is_insight = is_insight,
                                       .effort = effort_of(v),
                                       .phase = a->n_phases ? a->n_phases - 1 : 0};
        k = copy(ruleset ? ruleset : text_of(v, "ruleSet"), &rule->ruleset);
        k = k ? k : copy(id, &rule->id);
        k = k ? k : copy(text_of(v, "description"), &rule->description);
        k = k ? k : copy(text_of(v, "category"), &rule->category);
        for (char *c = rule->category; c && *c; c++)
                *c = (char)tolower((unsigned char)*c);
        if (k == 0 && links && links->kind == YAML_LIST && links->n_items > 0)
                k = yaml_to_json(links, &rule->links);
        for (size_t i = 0;
             k == 0 && incidents && incidents->kind == YAML_LIST && i < incidents->n_items; i++)
                k = read_incident(r, incidents->items[i], index);
        return k;
}

static size_t size_of(const struct yaml_node *n)
{
        return n && n->kind != YAML_SCALAR ? n->n_items : 0;
}

static int read_violations(struct reader *r, struct yaml_node *map, const char *ruleset,
                           bool is_insight)
{
        int k = 0;

        if (!map || yaml_is_null(map))
                return 0;
        if (map->kind != YAML_MAP)
                return refuse(r, map, "violations of a ruleset are a map from rule to violation");
        for (size_t i = 0; i < map->n_items && k == 0; i++)
                k = read_violation(r, map->items[i], ruleset, map->keys[i]->text, is_insight);
        return k;
}

static int read_unmatched(struct reader *r, struct yaml_node *list)
{
        int k = 0;

        for (size_t i = 0; list && list->kind == YAML_LIST && i < list->n_items && k == 0; i++)
                if (list->items[i]->kind == YAML_SCALAR)
                        k = strlist_add(&r->a->unmatched, list->items[i]->text);
        return k;
}

static int read_ruleset(struct reader *r, struct yaml_node *n)
{
        const char *name = text_of(n, "name");
        int k;

        if (n->kind != YAML_MAP)
                return refuse(r, n, "a ruleset must be a map with `name` and `violations`");
        k = read_violations(r, yaml_get(n, "violations"), name, false);
        k = k ? k : read_violations(r, yaml_get(n, "insights"), name, true);
        r->a->n_errors += size_of(yaml_get(n, "errors"));
        r->a->n_unmatched += size_of(yaml_get(n, "unmatched"));
        r->a->n_skipped += size_of(yaml_get(n, "skipped"));
        return k ? k : read_unmatched(r, yaml_get(n, "unmatched"));
}

/* A list of violations that name themselves. */
static int read_list(struct reader *r, struct yaml_node *list)
{
        static const char *const keys[] = {"violation_id", "id", "name"};
        int k = 0;

        if (!list || yaml_is_null(list))
                return 0;
        if (list->kind != YAML_LIST)
                return refuse(r, list, "`violations` must be a list");
        for (size_t i = 0; i < list->n_items && k == 0; i++) {
                struct yaml_node *v = list->items[i];
                const char *id = NULL;

                for (size_t j = 0; j < N_ELEMENTS(keys) && !id; j++)
                        id = text_of(v, keys[j]);
                id = id ? id : text_of(yaml_get(v, "rule"), "id");
                k = id ? read_violation(r, v, NULL, id, false)
                       : refuse(r, v, "a violation has no `id`");
        }
        return k;
}

static int read_phase(struct reader *r, struct yaml_node *n)
{
        struct analysis *a = r->a;
        struct analysis_phase *p;
        const char *id = text_of(n, "id");
        int k;

        if (!id)
                return refuse(r, n, "a phase has no `id`");
        for (size_t i = 0; i < a->n_phases; i++)
                if (str_is_equal(a->phases[i].id, id))
                        return refuse(r, n, "another phase has this `id`");
        k = grow((void **)&a->phases, a->n_phases, &a->room_phases, sizeof(*p));
        if (k < 0)
                return k;
        p = &a->phases[a->n_phases++];
        *p = (struct analysis_phase){0};
        (void)!yaml_to_bool(yaml_get(n, "deferred"), &p->is_deferred);
        k = copy(id, &p->id);
        return k ? k : copy(text_of(n, "risk"), &p->risk);
}

static int read_phases(struct reader *r, struct yaml_node *phases)
{
        int k = 0;

        if (phases->kind != YAML_LIST)
                return refuse(r, phases, "`phases` must be a list");
        for (size_t i = 0; i < phases->n_items && k == 0; i++) {
                k = read_phase(r, phases->items[i]);
                k = k ? k : read_list(r, yaml_get(phases->items[i], "violations"));
        }
        return k;
}

static int read_top(struct reader *r, struct yaml_node *top)
{
        int k = 0;

        if (top->kind == YAML_LIST) {
                for (size_t i = 0; i < top->n_items && k == 0; i++)
                        k = read_ruleset(r, top->items[i]);
                return k;
        }
        if (top->kind == YAML_MAP && yaml_get(top, "plan_file"))
                return refuse(r, yaml_get(top, "plan_file"),
                              "this is a state of kantra-ai: give the plan that it names as the "
                              "analysis, and this with --state");
        if (top->kind == YAML_MAP && yaml_get(top, "phases"))
                return read_phases(r, yaml_get(top, "phases"));
        if (top->kind == YAML_MAP && yaml_get(top, "violations")) {
                struct yaml_node *v = yaml_get(top, "violations");

                return v->kind == YAML_MAP ? read_ruleset(r, top) : read_list(r, v);
        }
        return refuse(r, top,
                      "this is no analysis: a list of rulesets, a map with `violations` or a plan "
                      "with `phases` is wanted");
}

int analysis_read(struct span text, const char *name, struct analysis **ret,
                  struct failure **ret_failure)
{
        _cleanup_(analysis_freep) struct analysis *a = calloc(1, sizeof(*a));
        _cleanup_(yaml_freep) struct yaml_node *top = NULL;
        struct reader r = {.a = a, .name = name, .ret_failure = ret_failure};
        struct diag diag;
        int k;

        if (!a)
                return -ENOMEM;
        k = yaml_read(text, ANALYSIS_MAX_BYTES, &top, &diag);
        if (k == CONDITION_REFUSED) {
                struct yaml_node at = {.line = diag.line, .column = diag.column};

                return refuse(&r, &at, diag.text);
        }
        k = k ? k : read_top(&r, top);
        if (k == 0)
                *ret = take(a);
        return k;
}
