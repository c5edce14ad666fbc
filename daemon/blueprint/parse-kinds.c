#include "common/path.h"
#include "daemon/blueprint/imports.h"
#include "daemon/blueprint/parse.h"
#include "daemon/check/check.h"
#include "daemon/template/template.h"
#include "daemon/work/plan.h"

/* Sections checks and files. */

const char *const input_names[N_INPUT_KINDS] = {
        [INPUT_PROJECT] = "project",
        [INPUT_ENTITY] = "entity",
        [INPUT_CLOSURE] = "closure",
        [INPUT_PACKAGE_ENTITIES] = "package_entities",
        [INPUT_NAMED_ENTITIES] = "named_entities",
        [INPUT_ALL_ENTITIES] = "all_entities",
        [INPUT_ENTITIES] = "entities",
        [INPUT_SERVED_ENTITIES] = "served_entities",
        [INPUT_ENTITY_SUMMARIES] = "entity_summaries",
        [INPUT_ENTITY_KEYS] = "entity_keys",
        [INPUT_PACKAGE] = "package",
        [INPUT_PACKAGES] = "packages",
        [INPUT_RELATIONS] = "relations",
        [INPUT_LINKS] = "links",
        [INPUT_CONTRACT] = "contract",
        [INPUT_CONTRACTS] = "contracts",
        [INPUT_ALL_CONTRACTS] = "all_contracts",
        [INPUT_FREE_CONTRACTS] = "free_contracts",
        [INPUT_ACTION_CONTRACTS] = "action_contracts",
        [INPUT_RULES] = "rules",
        [INPUT_REQUIREMENTS] = "requirements",
        [INPUT_ALL_REQUIREMENTS] = "all_requirements",
        [INPUT_SCENARIOS] = "scenarios",
        [INPUT_ALL_SCENARIOS] = "all_scenarios",
        [INPUT_CRITERIA] = "criteria",
        [INPUT_PATTERNS] = "patterns",
        [INPUT_TESTING] = "testing",
        [INPUT_BUILD] = "build",
        [INPUT_LIBRARIES] = "libraries",
};

static const char *const each_names[N_EACH] = {"project", "entity", "package", "service",
                                               "contract"};
static const char *const of_names[N_OF] = {"same",  "package", "references", "closure",
                                           "named", "imports", "all"};

#define BIT(input) (UINT64_C(1) << (input))

/* Inputs that need an entity, a package, a contract to be about. */
static const struct {
        uint64_t inputs;
        uint32_t each; /* bits of enum each that have it */
        const char *what;
} needs[] = {
        {BIT(INPUT_ENTITY) | BIT(INPUT_CLOSURE) | BIT(INPUT_LINKS),
         1u << EACH_ENTITY | 1u << EACH_CONTRACT, "an entity"},
        {BIT(INPUT_RELATIONS) | BIT(INPUT_CONTRACTS) | BIT(INPUT_ACTION_CONTRACTS),
         1u << EACH_ENTITY | 1u << EACH_PACKAGE | 1u << EACH_SERVICE, "an entity"},
        {BIT(INPUT_PACKAGE) | BIT(INPUT_PACKAGE_ENTITIES),
         1u << EACH_ENTITY | 1u << EACH_PACKAGE | 1u << EACH_SERVICE, "a package"},
        {BIT(INPUT_CONTRACT), 1u << EACH_CONTRACT, "a contract"},
};

static bool is_variable_known(enum variable v, enum each each)
{
        if (v == VAR_PROJECT_NAME)
                return true;
        if (v >= VAR_ENTITY_NAME && v <= VAR_ENTITY_PLURAL)
                return each == EACH_ENTITY;
        if (v >= VAR_PACKAGE_NAME && v <= VAR_PACKAGE_IMPORT)
                return each == EACH_ENTITY || each == EACH_PACKAGE || each == EACH_SERVICE;
        return each == EACH_CONTRACT;
}

static void check_pattern(struct parse *p, const struct yaml_node *at, const struct kind *k,
                          const struct pattern *pattern)
{
        for (int v = 0; pattern && v < N_VARIABLES && !p->is_each_unknown; v++)
                if (pattern_uses(pattern, (enum variable)v) &&
                    !is_variable_known((enum variable)v, k->each))
                        parse_fault(p, at, "`%.80s` uses what a file for each %s does not have",
                                    pattern_text(pattern), each_names[k->each]);
}

static const struct blueprint_file *parse_file(struct parse *p, struct yaml_node *n,
                                               const char *key)
{
        struct yaml_node *at = parse_get(p, n, key, YAML_SCALAR, false);
        const struct blueprint_file *file = at ? blueprint_find_file(p->b, at->text) : NULL;

        if (at && !file)
                parse_fault(p, at, "the blueprint has no file %.100s", at->text);
        else if (file && !str_is_utf8((struct span){file->text, file->n_text}))
                parse_fault(p, at, "%.100s is not UTF-8 text", at->text);
        return file;
}

static void parse_inputs(struct parse *p, struct yaml_node *n, struct kind *k)
{
        struct yaml_node *list = parse_get(p, n, "inputs", YAML_LIST, false);

        if (!list || !(k->parameters = parse_array(p, list->n_items, sizeof(*k->parameters))))
                return;
        for (size_t i = 0; i < list->n_items; i++) {
                const struct yaml_node *item = list->items[i];
                const char *text = item->kind == YAML_SCALAR ? item->text : "", *near;
                size_t j;

                if (str_has_prefix(text, "parameter.")) {
                        for (j = 0; j < p->b->n_parameters; j++)
                                if (str_is_equal(p->b->parameters[j].name,
                                                 text + strlen("parameter.")))
                                        break;
                        if (j < p->b->n_parameters)
                                k->parameters[k->n_parameters++] = (uint32_t)j;
                        else
                                parse_fault(p, item, "there is no parameter %.60s",
                                            text + strlen("parameter."));
                        continue;
                }
                for (j = 0; j < N_INPUT_KINDS && strcmp(input_names[j], text) != 0;)
                        j++;
                if (j < N_INPUT_KINDS) {
                        k->inputs |= BIT(j);
                        continue;
                }
                near = str_nearest(text, input_names, N_INPUT_KINDS);
                parse_fault(p, item, "there is no input `%.60s`%s%s%s", text,
                            near ? "; did you mean `" : "", near ? near : "", near ? "`?" : "");
        }
        for (size_t i = 0; i < N_ELEMENTS(needs); i++)
                if (!p->is_each_unknown && (k->inputs & needs[i].inputs) &&
                    !(needs[i].each & 1u << k->each))
                        parse_fault(p, list,
                                    "an input needs %s, which a file for each %s does not have",
                                    needs[i].what, each_names[k->each]);
}

static void check_dependency(struct parse *p, const struct yaml_node *at, const struct kind *k,
                             const struct dependency *d)
{
        enum each target = p->b->kinds[d->kind].each;
        bool is_good = false;

        switch (d->of) {
        case OF_ALL:
                is_good = true;
                break;
        case OF_SAME:
                is_good = target == k->each || (target == EACH_ENTITY && k->each == EACH_CONTRACT);
                break;
        case OF_PACKAGE:
                is_good = target == EACH_ENTITY &&
                          (k->each == EACH_ENTITY || k->each == EACH_PACKAGE ||
                           k->each == EACH_SERVICE);
                break;
        case OF_REFERENCES:
                is_good = target == EACH_ENTITY;
                break;
        case OF_CLOSURE:
        case OF_NAMED:
                is_good = target == EACH_ENTITY &&
                          (k->each == EACH_ENTITY || k->each == EACH_CONTRACT);
                break;
        case OF_IMPORTS:
                is_good = k->each != EACH_PROJECT && k->each != EACH_CONTRACT &&
                          (target == EACH_PACKAGE || target == EACH_SERVICE);
                break;
        case N_OF:
                break;
        }
        if (!is_good && !p->is_each_unknown)
                parse_fault(p, at, "a file for each %s has no `of: %s` among files for each %s",
                            each_names[k->each], of_names[d->of], each_names[target]);
}

static void parse_depends(struct parse *p, struct yaml_node *n, struct kind *k, size_t n_earlier)
{
        struct yaml_node *list = parse_get(p, n, "depends", YAML_LIST, false);

        if (!list || !(k->depends = parse_array(p, list->n_items, sizeof(*k->depends))))
                return;
        for (size_t i = 0; i < list->n_items; i++) {
                struct yaml_node *item = list->items[i];
                struct dependency *d = &k->depends[k->n_depends];
                _cleanup_free_ char *name = NULL;
                size_t j;

                if (item->kind != YAML_MAP) {
                        parse_fault(p, item, "an item of `depends` must be a map {kind, of}");
                        continue;
                }
                name = parse_text(p, item, "kind", true);
                (void)parse_get(p, item, "of", YAML_SCALAR, true);
                d->of = (enum depends_of)parse_word(p, item, "of", of_names, N_OF, OF_ALL);
                if (!name)
                        continue;
                for (j = 0; j < n_earlier && !str_is_equal(p->b->kinds[j].name, name);)
                        j++;
                /* what others import comes before them within a kind, too */
                if (j == n_earlier && (d->of != OF_IMPORTS || !str_is_equal(k->name, name))) {
                        parse_fault(p, item,
                                    "there is no kind %.60s before this one: a file depends on "
                                    "earlier kinds only",
                                    name);
                        continue;
                }
                d->kind = (uint32_t)j;
                check_dependency(p, item, k, d);
                k->n_depends++;
        }
}

/* Inputs as templates know them; a fact that is called like one would hide it. */
static const char *const taken[] = {
        "project", "parameters", "entity",    "entities",     "package",   "packages", "relations",
        "links",   "contract",   "contracts", "requirements", "scenarios", "criteria", "patterns",
        "testing", "build",      "libraries", "task",         "rules"};

static void parse_facts(struct parse *p, struct yaml_node *n, struct kind *k)
{
        struct yaml_node *list = parse_get(p, n, "facts", YAML_LIST, false);

        if (!list || !(k->facts = parse_array(p, list->n_items, sizeof(*k->facts))))
                return;
        k->n_facts = list->n_items;
        for (size_t i = 0; i < list->n_items; i++) {
                struct yaml_node *item = list->items[i];
                struct fact *f = &k->facts[i];

                if (item->kind != YAML_MAP) {
                        parse_fault(p, item, "an item of `facts` must be a map {name, value}");
                        continue;
                }
                f->name = parse_text(p, item, "name", true);
                f->value = parse_pattern(p, item, "value", true);
                parse_condition(p, item, "when", &f->when);
                check_pattern(p, item, k, f->value);
                for (size_t j = 0; f->name && j < N_ELEMENTS(taken); j++)
                        if (strcmp(taken[j], f->name) == 0)
                                parse_fault(p, item, "a fact cannot be called %s: an input is",
                                            f->name);
        }
}

/* A template may serve several kinds: it may read the facts of each. */
static void check_variables(struct parse *p)
{
        struct strlist known = {0};
        int r = 0;

        for (size_t i = 0; i < N_ELEMENTS(taken) && r == 0; i++)
                r = strlist_add(&known, taken[i]);
        for (size_t i = 0; i < p->b->n_kinds; i++) {
                const struct kind *k = &p->b->kinds[i];

                for (size_t j = 0; j < k->n_facts && r == 0; j++)
                        r = k->facts[j].name ? strlist_add(&known, k->facts[j].name) : 0;
        }
        for (size_t i = 0; i < p->b->n_kinds && r == 0; i++)
                parse_unknown(p, p->b->kinds[i].template, &known);
        if (r < 0)
                p->f->error = r;
        strlist_done(&known);
}

static double parse_confidence(struct parse *p, struct yaml_node *map)
{
        struct yaml_node *n = parse_get(p, map, "confidence", YAML_SCALAR, true);
        double value = 0.5;

        if (n && (str_to_double(n->text, &value) < 0 || value <= 0 || value > 1))
                parse_fault(p, n, "`confidence` must be above 0 and at most 1");
        return value;
}

static const char *const sights[] = {"guessed", "code", "strings", "all"}; /* enum check_sight */

/* Texts of the source are borrowed from the nodes. */
static void parse_check(struct parse *p, struct yaml_node *rule, const char *name,
                        struct check_rule_source *ret)
{
        struct yaml_node *pattern = parse_get(p, rule, "pattern", YAML_SCALAR, true);
        struct yaml_node *message = parse_get(p, rule, "message", YAML_SCALAR, true);

        (void)parse_get(p, rule, "must_match", YAML_SCALAR, true);
        *ret = (struct check_rule_source){
                .name = name,
                .pattern = pattern ? pattern->text : "",
                .must_match = parse_bool(p, rule, "must_match"),
                .confidence = parse_confidence(p, rule),
                .message = message ? message->text : "",
                .sees = (enum check_sight)parse_word(p, rule, "sees", sights, N_ELEMENTS(sights),
                                                     CHECK_SEES_GUESSED),
        };
}

/* Each of the rules that cannot be, at its own place. */
static void tell_bad_rules(struct parse *p, struct yaml_node *rules, const char *language,
                           const struct check_rule_source *sources, size_t n)
{
        for (size_t i = 0; i < n; i++) {
                _cleanup_(check_set_freep) struct check_set *alone = NULL;
                struct diag diag;
                int r = check_set_new(language, &sources[i], 1, &alone, &diag);

                if (r == CONDITION_REFUSED)
                        parse_fault(p, yaml_get(rules, sources[i].name), "%s", diag.text);
                else if (r < 0)
                        p->f->error = r;
        }
}

static void parse_checks(struct parse *p, struct yaml_node *n, struct yaml_node *rules,
                         struct kind *k)
{
        struct yaml_node *list = parse_get(p, n, "checks", YAML_LIST, false);
        _cleanup_free_ struct check_rule_source *sources = NULL;
        size_t n_sources = 0, n_before = p->f->n;
        struct diag diag;
        int r;

        sources = parse_array(p, list ? list->n_items : 0, sizeof(*sources));
        if (!sources)
                return;
        for (size_t i = 0; list && i < list->n_items; i++) {
                const char *name = list->items[i]->kind == YAML_SCALAR ? list->items[i]->text : "";
                struct yaml_node *rule = yaml_get(rules, name);

                if (!rule || rule->kind != YAML_MAP)
                        parse_fault(p, list->items[i], "there is no check %.60s", name);
                else
                        parse_check(p, rule, name, &sources[n_sources++]);
        }
        if (p->f->n > n_before)
                return; /* told already; a check set of broken rules would only repeat it */
        r = check_set_new(k->language, sources, n_sources, &k->checks, &diag);
        if (r == 0)
                imports_use(p->b, k->language, k->checks);
        if (r == CONDITION_REFUSED)
                tell_bad_rules(p, rules, k->language, sources, n_sources);
        else if (r < 0)
                p->f->error = r;
}

static bool is_check_used(const struct yaml_node *files, const char *name)
{
        for (size_t i = 0; i < files->n_items; i++) {
                const struct yaml_node *list = yaml_get(files->items[i], "checks");

                for (size_t k = 0; list && k < list->n_items; k++)
                        if (list->items[k]->kind == YAML_SCALAR &&
                            strcmp(list->items[k]->text, name) == 0)
                                return true;
        }
        return false;
}

static void tell_unused_checks(struct parse *p, struct yaml_node *rules,
                               const struct yaml_node *files)
{
        for (size_t i = 0; rules && rules->kind == YAML_MAP && i < rules->n_items; i++)
                if (!is_check_used(files, rules->keys[i]->text)) {
                        yaml_mark_read(yaml_get(rules, rules->keys[i]->text));
                        parse_fault(p, rules->keys[i],
                                    "no file uses the check %.60s: name it in the `checks` of a "
                                    "file, or remove it",
                                    rules->keys[i]->text);
                }
}

static void parse_extractor_of(struct parse *p, struct yaml_node *n, struct kind *k)
{
        struct yaml_node *at = parse_get(p, n, "extractor", YAML_SCALAR, false);

        for (size_t i = 0; at && i < p->b->n_extractors; i++)
                if (strcmp(extractor_name(p->b->extractors[i]), at->text) == 0)
                        k->extractor = p->b->extractors[i];
        if (at && !k->extractor)
                parse_fault(p, at, "there is no extractor %.60s", at->text);
}

/* Where a file can stand is known before its names are. */
static void check_path(struct parse *p, struct yaml_node *n, const struct kind *k)
{
        const struct yaml_node *at = yaml_get(n, "path");
        const char *text = k->path ? pattern_text(k->path) : NULL;
        bool is_fixed = k->each == EACH_ENTITY || k->each == EACH_CONTRACT;

        if (!text)
                return;
        if (*text == '/')
                parse_fault(p, at, "`%.80s` is not a relative path", text);
        for (const char *part = text; part; part = strchr(part, '/')) {
                part += *part == '/';
                if (strncmp(part, "..", 2) == 0 && (part[2] == '/' || part[2] == '\0')) {
                        parse_fault(p, at, "`%.80s` leads out of the output directory", text);
                        break;
                }
        }
        for (int v = 0; v < N_VARIABLES && is_fixed; v++)
                is_fixed = v == VAR_PROJECT_NAME || !pattern_uses(k->path, (enum variable)v);
        if (is_fixed && !p->is_each_unknown)
                parse_fault(p, at, "`%.80s` is one path for each %s: it needs a name of it", text,
                            each_names[k->each]);
}

/* A first guess of a file's size. */
static size_t parse_size(struct parse *p, struct yaml_node *n, const char *key)
{
        uint64_t size = parse_number(p, n, key, 0);

        if (size <= TEMPLATE_MAX_OUTPUT_BYTES)
                return size;
        parse_fault(p, yaml_get(n, key), "`%s` is at most %u: no file is longer", key,
                    TEMPLATE_MAX_OUTPUT_BYTES);
        return 0;
}

static void parse_shape(struct parse *p, struct yaml_node *n, struct kind *k)
{
        int each;

        k->name = parse_text(p, n, "kind", true);
        (void)parse_get(p, n, "each", YAML_SCALAR, true);
        each = parse_word(p, n, "each", each_names, N_EACH, -1);
        p->is_each_unknown = each < 0; /* told; nothing can be said of what it lacks */
        k->each = each < 0 ? EACH_PROJECT : (enum each)each;
        parse_condition(p, n, "when", &k->when);
        if (k->each != EACH_ENTITY && !p->is_each_unknown &&
            ((k->when.wanted | k->when.unwanted) & 1u << FEATURE_SERVED))
                parse_fault(p, n, "only a file for each entity can ask for `is_served`");
        k->path = parse_pattern(p, n, "path", true);
        check_pattern(p, n, k, k->path);
        check_path(p, n, k);
        k->tier = parse_text(p, n, "tier", true);
        (void)parse_word(p, n, "tier", tier_names, N_TIERS, 0);
        k->batch = parse_text(p, n, "batch", false);
        k->language = parse_text(p, n, "language", false);
        if (!k->language && p->b->language &&
            !(k->language = str_dup_span(span_of(p->b->language))))
                p->f->error = -ENOMEM;
        k->is_logic = parse_bool(p, n, "logic");
        k->output_bytes = parse_size(p, n, "output_bytes");
        k->interface_bytes = parse_size(p, n, "interface_bytes");
}

static void parse_kind(struct parse *p, struct yaml_node *top, struct yaml_node *n, struct kind *k,
                       size_t n_earlier)
{
        const struct blueprint_file *template;
        int r;

        parse_shape(p, n, k);
        for (size_t i = 0; k->name && i < n_earlier; i++)
                if (str_is_equal(p->b->kinds[i].name, k->name))
                        parse_fault(p, n, "kind %.60s is there already", k->name);
        template = parse_file(p, n, "template");
        k->template_path = template ? template->path : NULL;
        parse_template(p, template, &k->template);
        k->prompt = parse_file(p, n, "prompt");
        k->standards = parse_file(p, n, "standards");
        k->compressed = parse_file(p, n, "compressed");
        if (k->compressed && !k->standards)
                parse_fault(p, n, "`compressed` is `standards` in fewer words: it needs them");
        if (!yaml_get(n, "prompt"))
                parse_fault(p, n,
                            "`prompt` is missing: also a file with a template must be obtainable "
                            "by a call");
        parse_inputs(p, n, k);
        parse_depends(p, n, k, n_earlier);
        k->n_declares = parse_patterns(p, n, "declares", &k->declares);
        k->n_expects = parse_patterns(p, n, "expects", &k->expects);
        for (size_t i = 0; i < k->n_declares; i++)
                check_pattern(p, n, k, k->declares[i]);
        for (size_t i = 0; i < k->n_expects; i++)
                check_pattern(p, n, k, k->expects[i]);
        parse_facts(p, n, k);
        parse_checks(p, n, yaml_get(top, "checks"), k);
        parse_extractor_of(p, n, k);
        coverage_parse(p, n, k);
        if (p->f->n > 0 || p->f->error)
                return;
        r = kind_parts(p->b, top, n, k);
        if (r < 0)
                p->f->error = r;
}

void parse_kinds(struct parse *p, struct yaml_node *top)
{
        struct yaml_node *list = parse_get(p, top, "files", YAML_LIST, true);
        struct blueprint *b = p->b;

        (void)parse_get(p, top, "checks", YAML_MAP, false);
        if (list && list->n_items == 0)
                parse_fault(p, list, "`files` is empty");
        if (!list || !(b->kinds = parse_array(p, list->n_items, sizeof(*b->kinds))))
                return;
        b->n_kinds = list->n_items;
        for (size_t i = 0; i < list->n_items && !p->f->error; i++) {
                if (list->items[i]->kind == YAML_MAP)
                        parse_kind(p, top, list->items[i], &b->kinds[i], i);
                else
                        parse_fault(p, list->items[i], "an item of `files` must be a map");
        }
        check_variables(p);
        tell_unused_checks(p, yaml_get(top, "checks"), list);
        if (!p->f->error)
                parse_unreached(p);
        if (p->templates)
                template_set_listen(p->templates, NULL, NULL);
        p->templates = template_set_unref(p->templates); /* the kinds' templates keep it */
}

static void kind_done(struct kind *k)
{
        free(k->name);
        free(k->tier);
        free(k->batch);
        free(k->language);
        pattern_free(k->path);
        template_free(k->template);
        coverage_done(&k->coverage);
        free(k->parameters);
        free(k->depends);
        for (size_t i = 0; i < k->n_declares; i++)
                pattern_free(k->declares[i]);
        free(k->declares);
        for (size_t i = 0; i < k->n_expects; i++)
                pattern_free(k->expects[i]);
        free(k->expects);
        for (size_t i = 0; i < k->n_facts; i++) {
                free(k->facts[i].name);
                pattern_free(k->facts[i].value);
        }
        free(k->facts);
        check_set_free(k->checks);
        kind_parts_done(k);
}

void blueprint_release_kinds(struct blueprint *b)
{
        for (size_t i = 0; i < b->n_kinds; i++)
                kind_done(&b->kinds[i]);
        free(b->kinds);
        for (size_t i = 0; i < b->n_extractors; i++)
                extractor_free(b->extractors[i]);
        free(b->extractors);
}
