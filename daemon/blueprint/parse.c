#include "daemon/blueprint/parse.h"
#include "daemon/blueprint/imports.h"

#include <stdarg.h>
#include <stdio.h>

/* blueprint.yaml. Every fault is found and told at once: whoever writes a blueprint corrects it
 * once and not twenty times. */

#define BLUEPRINT_FORMAT "1"

const char *const feature_names[N_FEATURES] = {
        [FEATURE_ALWAYS] = "always",
        [FEATURE_ENTITIES] = "has_entities",
        [FEATURE_PACKAGES] = "has_packages",
        [FEATURE_CONTRACTS] = "has_contracts",
        [FEATURE_FREE_CONTRACTS] = "has_free_contracts",
        [FEATURE_SCENARIOS] = "has_scenarios",
        [FEATURE_REQUIREMENTS] = "has_requirements",
        [FEATURE_UNIT_TESTS] = "wants_unit_tests",
        [FEATURE_GO_VERSION] = "has_go_version",
        [FEATURE_GO_TYPES] = "has_go_types",
        [FEATURE_PROCEDURES] = "has_procedures",
        [FEATURE_SERVED] = "is_served",
};

const char *const style_names[N_STYLES] = {"none", "snake", "kebab", "pascal", "camel", "flat"};

void fault_add(struct faults *f, const char *file, unsigned line, unsigned column,
               const char *format, ...)
{
        char text[400], where[300], told[704];
        va_list args;

        if (line)
                snprintf(where, sizeof(where), "%s:%u:%u", file, line, column);
        else
                snprintf(where, sizeof(where), "%s", file);
        va_start(args, format);
        vsnprintf(text, sizeof(text), format, args);
        va_end(args);
        snprintf(told, sizeof(told), "%s: %s", where, text);
        if (f->text.at && strstr(f->text.at, told))
                return; /* read twice, told once */
        if (!f->first) {
                f->first = str_dup_span(span_of(where));
                if (!f->first)
                        f->error = -ENOMEM;
        }
        if (f->n++ >= FAULTS_MAX)
                return;
        (void)buf_printf(&f->text, "%s%s", f->n > 1 ? "\n" : "", told);
        if (f->text.failed)
                f->error = f->text.failed;
}

void parse_fault(struct parse *p, const struct yaml_node *at, const char *format, ...)
{
        char text[400];
        va_list args;

        va_start(args, format);
        vsnprintf(text, sizeof(text), format, args);
        va_end(args);
        fault_add(p->f, BLUEPRINT_FILE, at ? at->line : 0, at ? at->column : 0, "%s", text);
}

static bool is_known_key(const char *text);

/* It is there, misspelled: that will be told, with its place. */
static bool is_misspelled(const struct parse *p, const struct yaml_node *map, const char *key)
{
        for (size_t i = 0; p->tells_unread && map->kind == YAML_MAP && i < map->n_items; i++)
                if (!is_known_key(map->keys[i]->text) && str_nearest(map->keys[i]->text, &key, 1))
                        return true;
        return false;
}

struct yaml_node *parse_get(struct parse *p, struct yaml_node *map, const char *key,
                            enum yaml_kind kind, bool is_required)
{
        static const char *const kinds[] = {"a text", "a list", "a map"};
        struct yaml_node *n = yaml_get(map, key);

        if (!n || (kind != YAML_SCALAR && yaml_is_null(n))) {
                if (is_required && map && (n || !is_misspelled(p, map, key)))
                        parse_fault(p, map, "`%s` is missing", key);
                return NULL;
        }
        if (n->kind != kind) {
                parse_fault(p, n, "`%s` must be %s, but %s stands here", key, kinds[kind],
                            kinds[n->kind]);
                return NULL;
        }
        return n;
}

char *parse_dup(struct parse *p, const char *text)
{
        char *copy = str_dup_span(span_of(text));

        if (!copy)
                p->f->error = -ENOMEM;
        return copy;
}

char *parse_text(struct parse *p, struct yaml_node *map, const char *key, bool is_required)
{
        struct yaml_node *n = parse_get(p, map, key, YAML_SCALAR, is_required);

        return n ? parse_dup(p, n->text) : NULL;
}

void parse_texts(struct parse *p, struct yaml_node *map, const char *key, struct strlist *ret)
{
        struct yaml_node *n = parse_get(p, map, key, YAML_LIST, false);

        for (size_t i = 0; n && i < n->n_items; i++) {
                if (n->items[i]->kind != YAML_SCALAR)
                        parse_fault(p, n->items[i], "an item of `%s` must be a text", key);
                else if (strlist_add(ret, n->items[i]->text) < 0)
                        p->f->error = -ENOMEM;
        }
}

static struct pattern *pattern_of(struct parse *p, const struct yaml_node *n)
{
        _cleanup_free_ const char **names = calloc(p->b->n_parameters + 1, sizeof(*names));
        struct pattern *pattern = NULL;
        struct diag diag;
        int r;

        if (!names) {
                p->f->error = -ENOMEM;
                return NULL;
        }
        for (size_t i = 0; i < p->b->n_parameters; i++)
                names[i] = p->b->parameters[i].name ? p->b->parameters[i].name : "";
        r = pattern_new(n->text, names, p->b->n_parameters, &pattern, &diag);
        if (r == CONDITION_REFUSED)
                parse_fault(p, n, "%s", diag.text);
        else if (r < 0)
                p->f->error = r;
        return pattern;
}

struct pattern *parse_pattern(struct parse *p, struct yaml_node *map, const char *key,
                              bool is_required)
{
        struct yaml_node *n = parse_get(p, map, key, YAML_SCALAR, is_required);

        return n ? pattern_of(p, n) : NULL;
}

size_t parse_patterns(struct parse *p, struct yaml_node *map, const char *key,
                      struct pattern ***ret)
{
        struct yaml_node *n = parse_get(p, map, key, YAML_LIST, false);
        struct pattern **at;

        if (!n || !(at = parse_array(p, n->n_items, sizeof(struct pattern *))))
                return 0;
        *ret = at;
        for (size_t i = 0; i < n->n_items; i++) {
                if (n->items[i]->kind != YAML_SCALAR)
                        parse_fault(p, n->items[i], "an item of `%s` must be a text", key);
                else
                        at[i] = pattern_of(p, n->items[i]);
        }
        return n->n_items;
}

void parse_regex(struct parse *p, struct yaml_node *map, const char *key, uint32_t options,
                 struct regex *ret)
{
        struct yaml_node *n = parse_get(p, map, key, YAML_SCALAR, false);
        struct diag diag;
        int r;

        if (!n)
                return;
        r = regex_new(n->text, options, ret, &diag);
        if (r == CONDITION_REFUSED)
                parse_fault(p, n, "%s", diag.text);
        else if (r < 0)
                p->f->error = r;
}

uint64_t parse_number(struct parse *p, struct yaml_node *map, const char *key, uint64_t otherwise)
{
        struct yaml_node *n = parse_get(p, map, key, YAML_SCALAR, false);
        uint64_t value = otherwise;

        if (n && str_to_u64(n->text, &value) < 0)
                parse_fault(p, n, "`%s` must be a whole number", key);
        return value;
}

bool parse_bool(struct parse *p, struct yaml_node *map, const char *key)
{
        struct yaml_node *n = parse_get(p, map, key, YAML_SCALAR, false);
        bool value = false;

        if (n && yaml_to_bool(n, &value) < 0)
                parse_fault(p, n, "`%s` must be true or false", key);
        return value;
}

static int word_of(struct parse *p, const struct yaml_node *n, const char *text, const char *key,
                   const char *const *words, size_t n_words, int otherwise)
{
        const char *near;

        for (size_t i = 0; i < n_words; i++)
                if (strcmp(words[i], text) == 0)
                        return (int)i;
        near = str_nearest(text, words, n_words);
        parse_fault(p, n, "`%.60s` is no value of `%s`%s%s%s", text, key,
                    near ? "; did you mean `" : "", near ? near : "", near ? "`?" : "");
        return otherwise;
}

int parse_word(struct parse *p, struct yaml_node *map, const char *key, const char *const *words,
               size_t n, int otherwise)
{
        struct yaml_node *at = parse_get(p, map, key, YAML_SCALAR, false);

        return at ? word_of(p, at, at->text, key, words, n, otherwise) : otherwise;
}

void parse_condition(struct parse *p, struct yaml_node *map, const char *key, struct condition *ret)
{
        struct yaml_node *n = parse_get(p, map, key, YAML_LIST, false);

        for (size_t i = 0; n && i < n->n_items; i++) {
                const struct yaml_node *item = n->items[i];
                const char *text = item->text;
                int feature;

                if (item->kind != YAML_SCALAR) {
                        parse_fault(p, item, "an item of `%s` must be a feature", key);
                        continue;
                }
                feature = word_of(p, item, text + (text[0] == '!'), key, feature_names, N_FEATURES,
                                  FEATURE_ALWAYS);
                if (text[0] == '!')
                        ret->unwanted |= 1u << feature;
                else
                        ret->wanted |= 1u << feature;
        }
}

void *parse_array(struct parse *p, size_t n, size_t size)
{
        void *at = calloc(n + 1, size);

        if (!at)
                p->f->error = -ENOMEM;
        return at;
}

static void parse_choices(struct parse *p, struct yaml_node *top)
{
        struct yaml_node *list = parse_get(p, top, "choose", YAML_LIST, false);
        struct blueprint *b = p->b;

        if (!list || !(b->choices = parse_array(p, list->n_items, sizeof(*b->choices))))
                return;
        b->n_choices = list->n_items;
        for (size_t i = 0; i < list->n_items; i++) {
                struct yaml_node *item = list->items[i];
                struct choice *c = &b->choices[i];

                if (item->kind != YAML_MAP) {
                        parse_fault(p, item,
                                    "an item of `choose` must be a map {feature, says, types, "
                                    "weight, reason}");
                        continue;
                }
                parse_regex(p, item, "says", 0, &c->says);
                parse_regex(p, item, "types", 0, &c->types);
                (void)parse_get(p, item, "feature", YAML_SCALAR, !c->says.code && !c->types.code);
                c->feature = (enum feature)parse_word(p, item, "feature", feature_names, N_FEATURES,
                                                      FEATURE_ALWAYS);
                c->weight = (unsigned)MIN2(parse_number(p, item, "weight", 1), 1000u);
                c->reason = parse_text(p, item, "reason", true);
        }
}

static void parse_extractors(struct parse *p, struct yaml_node *top)
{
        struct yaml_node *map = parse_get(p, top, "extractors", YAML_MAP, false);
        struct blueprint *b = p->b;

        if (!map || !(b->extractors = parse_array(p, map->n_items, sizeof(struct extractor *))))
                return;
        for (size_t i = 0; i < map->n_items; i++) {
                int r = extractor_parse(p, map->keys[i]->text, yaml_get(map, map->keys[i]->text),
                                        &b->extractors[b->n_extractors]);

                if (r == 0)
                        b->n_extractors++;
                else if (r < 0)
                        p->f->error = r;
        }
}

/* Keys of a blueprint: for what is misspelled. */
static const char *const known_keys[] = {
        "format",
        "name",
        "description",
        "language",
        "choose",
        "parameters",
        "names",
        "types",
        "actions",
        "default_contracts",
        "extractors",
        "checks",
        "imports",
        "files",
        "feature",
        "says",
        "untyped",
        "known",
        "loses",
        "single",
        "modules",
        "keep",
        "prefix",
        "long_strings",
        "blocks",
        "heads",
        "each",
        "weight",
        "reason",
        "from",
        "default",
        "style",
        "match",
        "take",
        "at_least",
        "at_most",
        "reserved",
        "reserved_ending",
        "initialisms",
        "packages",
        "fields",
        "identity",
        "by_id",
        "default_path",
        "keep_path",
        "ending",
        "ending_of_many",
        "strip",
        "type",
        "unknown",
        "entity",
        "qualified",
        "rules",
        "verbs",
        "method",
        "endpoint",
        "kind",
        "each",
        "path",
        "template",
        "prompt",
        "standards",
        "compressed",
        "tier",
        "batch",
        "inputs",
        "depends",
        "of",
        "declares",
        "expects",
        "facts",
        "value",
        "when",
        "extractor",
        "output_bytes",
        "interface_bytes",
        "logic",
        "pattern",
        "must_match",
        "confidence",
        "message",
        "sees",
        "keep",
        "member",
        "drop_body",
        "only_used",
        "cut",
        "put",
        "line_comment",
        "block_comment",
        "strings",
        "raw_strings",
        "limits",
        "relation_fields",
        "renamed",
        "json_names",
        "covers",
        "ignores",
        "rule",
        "types",
        "attribute",
        "min",
        "max",
        "in",
};

static bool is_known_key(const char *text)
{
        for (size_t i = 0; i < N_ELEMENTS(known_keys); i++)
                if (strcmp(known_keys[i], text) == 0)
                        return true;
        return false;
}

static int on_unread(const char *path, const struct yaml_node *key, void *arg)
{
        struct parse *p = arg;
        const char *near = str_nearest(key->text, known_keys, N_ELEMENTS(known_keys));

        (void)path;
        parse_fault(p, key, "there is no key `%.60s` here%s%s%s", key->text,
                    near ? "; did you mean `" : "", near ? near : "", near ? "`?" : "");
        return 0;
}

static void parse_first(struct parse *p, struct yaml_node *top)
{
        struct blueprint *b = p->b;
        struct yaml_node *format = parse_get(p, top, "format", YAML_SCALAR, true);
        _cleanup_free_ char *name = parse_text(p, top, "name", true);

        if (format && strcmp(format->text, BLUEPRINT_FORMAT) != 0)
                parse_fault(
                        p, format,
                        "`format` %.20s is not known: this program reads format " BLUEPRINT_FORMAT,
                        format->text);
        if (name && strcmp(name, b->name) != 0)
                parse_fault(p, top, "`name` is %.60s, but the folder is called %s", name, b->name);
        b->description = parse_text(p, top, "description", true);
        b->language = parse_text(p, top, "language", true);
        parse_choices(p, top);
}

static void parse_rest(struct parse *p, struct yaml_node *top)
{
        parse_names(p, top);
        parse_extractors(p, top);
        limits_parse(p, top);
        rules_parse(p, top);
        imports_parse(p, top);
        parse_kinds(p, top);
        rules_check(p, top);
}

/* keys: all that is read; NULL: all. Without a top there are faults. */
static int read_top(struct blueprint *b, struct faults *f, const char *const *keys, size_t n_keys,
                    struct yaml_node **ret)
{
        _cleanup_(yaml_freep) struct yaml_node *top = NULL;
        const struct blueprint_file *file = blueprint_find_file(b, BLUEPRINT_FILE);
        struct diag diag;
        int r;

        if (!file) {
                fault_add(f, BLUEPRINT_FILE, 0, 0, "the folder has no such file");
                return 0;
        }
        r = yaml_read_keys((struct span){file->text, file->n_text}, BLUEPRINT_MAX_FILE_BYTES, keys,
                           n_keys, &top, &diag);
        if (r == CONDITION_REFUSED) {
                fault_add(f, BLUEPRINT_FILE, diag.line, diag.column, "%s", diag.text);
                return 0;
        }
        if (r < 0)
                return r;
        if (top->kind != YAML_MAP) {
                fault_add(f, BLUEPRINT_FILE, top->line, top->column, "a blueprint is a map");
                return 0;
        }
        *ret = take(top);
        return 0;
}

int blueprint_parse(struct blueprint *b, struct faults *f)
{
        _cleanup_(yaml_freep) struct yaml_node *top = NULL;
        struct parse p = {.b = b, .f = f, .tells_unread = true};
        int r = read_top(b, f, NULL, 0, &top);

        if (r < 0 || !top)
                return r;
        parse_first(&p, top);
        parse_rest(&p, top);
        r = yaml_unread(top, on_unread, &p);
        return r < 0 ? r : f->error;
}

int blueprint_parse_head(struct blueprint *b, struct faults *f)
{
        static const char *const keys[] = {"format", "name", "description", "language", "choose"};
        _cleanup_(yaml_freep) struct yaml_node *top = NULL;
        struct parse p = {.b = b, .f = f};
        int r = read_top(b, f, keys, N_ELEMENTS(keys), &top);

        if (r < 0 || !top)
                return r;
        parse_first(&p, top);
        return f->error;
}
