#include <stdio.h>

#include "daemon/input/reader.h"

/* What is known where, to suggest the nearest. A section is the last name of the path without its
 * index. */
struct section {
        const char *name;
        const char *const *keys;
        size_t n_keys;
};

#define SECTION(name, ...)                                                          \
        {                                                                           \
                name, (const char *const[]){__VA_ARGS__},                           \
                        sizeof((const char *const[]){__VA_ARGS__}) / sizeof(char *) \
        }

static const struct section sections[] = {
        SECTION("", "name", "description", "module", "blueprint", "requirements",
                "nonfunctional_requirements", "entities", "relationships", "data_model",
                "architecture", "packages", "dependencies", "api_contracts", "scenarios",
                "success_criteria", "testing_strategy", "build_config", "metadata", "version"),
        SECTION("data_model", "entities", "relationships"),
        SECTION("entities", "name", "package", "description", "attributes", "fields",
                "relationships"),
        SECTION("attributes", "name", "type", "description", "required"),
        SECTION("fields", "name", "type", "description", "required"),
        SECTION("relationships", "from", "to", "type", "required", "description"),
        SECTION("architecture", "packages", "dependencies", "patterns"),
        SECTION("packages", "name", "path", "purpose", "dependencies"),
        SECTION("dependencies", "name", "version", "purpose"),
        SECTION("patterns", "name", "description"),
        SECTION("requirements", "functional", "non_functional", "id", "description", "priority",
                "category", "type", "threshold", "applies_to"),
        SECTION("functional", "id", "description", "priority", "category", "applies_to"),
        SECTION("non_functional", "id", "description", "nfr_type", "category", "threshold",
                "applies_to"),
        SECTION("nonfunctional_requirements", "id", "description", "category", "threshold",
                "applies_to"),
        SECTION("api_contracts", "endpoint", "method", "description", "entity", "request",
                "response"),
        SECTION("scenarios", "id", "title", "priority", "description", "given", "when", "then",
                "acceptance_criteria", "applies_to"),
        SECTION("success_criteria", "criterion", "measurable", "priority"),
        SECTION("testing_strategy", "coverage_target", "unit_tests", "integration_tests",
                "frameworks"),
        SECTION("build_config", "go_version", "output_path", "target_os", "build_flags"),
};

/* Extensions say nothing to a program that does not know them. */
static bool is_extension(const struct yaml_node *key)
{
        return str_has_prefix(key->text, "x-");
}

/* "entities[2].colour": parent "entities[2]", section "entities", key "colour". */
static int on_unread(const char *path, const struct yaml_node *key, void *arg)
{
        struct reader *rd = arg;
        const char *start, *near = NULL;
        size_t n_path = strlen(path), n_parent, n_name;

        if (is_extension(key))
                return 0;
        n_parent = n_path > key->n_text ? n_path - key->n_text - 1
                                        : 0; /* the key may have dots of its own */
        start = path;
        for (const char *at = path; at < path + n_parent; at++)
                if (*at == '.')
                        start = at + 1;
        n_name = (size_t)(path + n_parent - start);
        for (size_t i = 0; i < n_name; i++)
                if (start[i] == '[')
                        n_name = i;
        for (size_t i = 0; i < N_ELEMENTS(sections); i++)
                if (span_is_equal(span_of(sections[i].name), (struct span){start, n_name}))
                        near = str_nearest(key->text, sections[i].keys, sections[i].n_keys);
        reader_warn(rd, key, "key `%.60s`%s%.*s is not used%s%s%s", key->text,
                    n_parent ? " of " : "", (int)n_parent, path, near ? "; did you mean `" : "",
                    near ? near : "", near ? "`?" : "");
        return rd->error;
}

#define MAX_GROUPS 100 /* names of keys; looked up one by one */

struct groups {
        struct {
                const struct yaml_node *first;
                size_t n;
        } at[MAX_GROUPS];
        size_t n, n_more; /* n_more: keys of names that found no room */
};

static int on_unread_group(const char *path, const struct yaml_node *key, void *arg)
{
        struct groups *g = arg;

        (void)path;
        if (is_extension(key))
                return 0;
        for (size_t i = 0; i < g->n; i++)
                if (strcmp(g->at[i].first->text, key->text) == 0) {
                        g->at[i].n++;
                        return 0;
                }
        if (g->n == MAX_GROUPS) {
                g->n_more++;
                return 0;
        }
        g->at[g->n].first = key;
        g->at[g->n++].n = 1;
        return 0;
}

static int tell_groups(struct reader *rd, struct yaml_node *top)
{
        struct groups *g = calloc(1, sizeof(*g));
        int r = g ? yaml_unread(top, on_unread_group, g) : -ENOMEM;

        for (size_t i = 0; r == 0 && i < g->n; i++)
                if (g->at[i].n == 1)
                        reader_warn(rd, g->at[i].first, "key `%.60s` is not used",
                                    g->at[i].first->text);
                else
                        reader_warn(rd, g->at[i].first, "key `%.60s` is not used (%zu times)",
                                    g->at[i].first->text, g->at[i].n);
        if (r == 0 && g->n_more > 0)
                reader_warn(rd, NULL, "%zu more keys are not used", g->n_more);
        free(g);
        return r;
}

void reader_unread(struct reader *rd, struct yaml_node *top)
{
        int r;

        if (rd->error)
                return;
        r = rd->groups_unread ? tell_groups(rd, top) : yaml_unread(top, on_unread, rd);
        if (r < 0)
                reader_fail(rd, r);
}
