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
        SECTION("relationships", "from", "to", "type", "description"),
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

/* "entities[2].colour": parent "entities[2]", section "entities", key "colour". */
static int on_unread(const char *path, const struct yaml_node *key, void *arg)
{
        struct reader *rd = arg;
        const char *start, *near = NULL;
        size_t n_path = strlen(path), n_parent, n_name;

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

void reader_unread(struct reader *rd, struct yaml_node *top)
{
        int r;

        if (rd->error)
                return;
        r = yaml_unread(top, on_unread, rd);
        if (r < 0)
                reader_fail(rd, r);
}
