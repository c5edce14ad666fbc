#include "daemon/input/formats.h"

/* The GoCreator family, in YAML or JSON: what its builder reads (data_model.entities, requirements
 * as a list), what its README shows (requirements {functional, non_functional}, entities with
 * fields), and what its examples are (scenarios, entities with attributes, contracts "POST /x").
 * All shapes are read side by side:
 *
 *     name, description, module?, blueprint?
 *     requirements            list | {functional: [], non_functional: []} | {id: text}
 *     nonfunctional_requirements  list
 *     entities | data_model.entities          list | {name: entity}
 *     relationships | data_model.relationships
 *     architecture {packages, dependencies, patterns}
 *     api_contracts, scenarios, success_criteria, testing_strategy, build_config
 *     metadata, version       accepted; say nothing about what is to be made */

static void read_model(struct reader *rd, struct yaml_node *top)
{
        struct yaml_node *data = reader_map(rd, top, "data_model");
        struct yaml_node *architecture = reader_map(rd, top, "architecture");

        read_entities(rd, reader_get(rd, data, "entities"));
        read_entities(rd, reader_get(rd, top, "entities"));
        read_relations(rd, reader_get(rd, data, "relationships|relations"), NULL);
        read_relations(rd, reader_get(rd, top, "relationships|relations"), NULL);
        read_packages(rd, reader_get(rd, architecture, "packages"));
        read_packages(rd, reader_get(rd, top, "packages"));
        read_libraries(rd, reader_get(rd, architecture, "dependencies"));
        read_libraries(rd, reader_get(rd, top, "dependencies"));
        read_patterns(rd, reader_list(rd, architecture, "patterns"));
}

void read_top(struct reader *rd, struct yaml_node *top)
{
        struct model *m = rd->model;
        struct yaml_node *metadata;

        m->name = reader_text(rd, top, "name|project_name|title");
        m->description = reader_text(rd, top, "description");
        m->module = reader_text(rd, top, "module|module_path");
        m->blueprint = reader_text(rd, top, "blueprint");
        (void)reader_get(rd, top, "version");
        metadata = reader_get(rd, top, "metadata");
        if (metadata)
                yaml_mark_read(metadata);
        read_model(rd, top);
        read_requirements(rd, reader_get(rd, top, "requirements|functional_requirements"),
                          REQUIREMENT_FUNCTIONAL);
        read_requirements(
                rd, reader_get(rd, top, "nonfunctional_requirements|non_functional_requirements"),
                REQUIREMENT_NON_FUNCTIONAL);
        read_contracts(rd, reader_get(rd, top, "api_contracts|contracts|endpoints"));
        read_scenarios(rd, reader_list(rd, top, "scenarios|user_scenarios|user_stories"));
        read_criteria(rd, reader_list(rd, top, "success_criteria"));
        read_settings(rd, reader_map(rd, top, "testing_strategy|testing"),
                      reader_map(rd, top, "build_config|build"));
}

static void read_gocreator(struct reader *rd, struct yaml_node *top)
{
        rd->expects_name = true;
        read_top(rd, top);
}

static const char *knows(const struct yaml_node *top)
{
        return top->kind == YAML_MAP ? "no key says that it is anything else" : NULL;
}

const struct spec_format spec_format_gocreator = {
        .name = "a GoCreator specification", .knows = knows, .read = read_gocreator};
