#pragma once
/* Kinds of files: what a blueprint says of each, and the words that it may use. Not for other
 * rooms. */

#include "common/buf.h"
#include "common/hash.h"
#include "common/macros.h"
#include "daemon/blueprint/blueprint.h"
#include "daemon/blueprint/coverage.h"
#include "daemon/blueprint/pattern.h"

struct template;
struct check_set;

/* Features of a model (or of one entity) that a blueprint may ask for. */
enum feature {
        FEATURE_ALWAYS,
        FEATURE_ENTITIES,
        FEATURE_PACKAGES,
        FEATURE_CONTRACTS,      /* after default contracts were given */
        FEATURE_FREE_CONTRACTS, /* that belong to no entity */
        FEATURE_SCENARIOS,
        FEATURE_REQUIREMENTS,
        FEATURE_UNIT_TESTS, /* not refused by the specification */
        FEATURE_GO_VERSION,
        FEATURE_GO_TYPES,
        FEATURE_PROCEDURES, /* contracts that are remote calls */
        FEATURE_SERVED,     /* of the entity: it has contracts */
        N_FEATURES
};
extern const char *const feature_names[N_FEATURES];

struct condition {
        uint32_t wanted, unwanted; /* bits of enum feature */
};

enum each { EACH_PROJECT, EACH_ENTITY, EACH_PACKAGE, EACH_SERVICE, EACH_CONTRACT, N_EACH };
enum depends_of {
        OF_SAME,
        OF_PACKAGE,
        OF_REFERENCES,
        OF_CLOSURE,
        OF_NAMED,
        OF_IMPORTS,
        OF_ALL,
        N_OF
};

/* Declared inputs, in the order in which they stand in facts. */
enum input_kind {
        INPUT_PROJECT,
        INPUT_ENTITY,
        INPUT_CLOSURE,
        INPUT_PACKAGE_ENTITIES,
        INPUT_NAMED_ENTITIES,
        INPUT_ALL_ENTITIES, /* whole; INPUT_ENTITIES: by name */
        INPUT_ENTITIES,
        INPUT_SERVED_ENTITIES,
        INPUT_ENTITY_SUMMARIES,
        INPUT_ENTITY_KEYS,
        INPUT_PACKAGE,
        INPUT_PACKAGES,
        INPUT_RELATIONS,
        INPUT_LINKS,
        INPUT_CONTRACT,
        INPUT_CONTRACTS,
        INPUT_ALL_CONTRACTS,
        INPUT_FREE_CONTRACTS,
        INPUT_ACTION_CONTRACTS, /* those of the entity that are more than create, list, get, update,
                                   delete */
        INPUT_RULES,
        INPUT_REQUIREMENTS,
        INPUT_ALL_REQUIREMENTS,
        INPUT_SCENARIOS,
        INPUT_ALL_SCENARIOS,
        INPUT_CRITERIA,
        INPUT_PATTERNS,
        INPUT_TESTING,
        INPUT_BUILD,
        INPUT_LIBRARIES,
        N_INPUT_KINDS
};
extern const char *const input_names[N_INPUT_KINDS];

struct dependency {
        uint32_t kind; /* index of an earlier kind */
        enum depends_of of;
};

struct fact {
        char *name;
        struct pattern *value; /* empty after rendering: left out */
        struct condition when;
};

/* What the files of a kind are made with; each a declared input. */
enum kind_part {
        PART_TEMPLATE,
        PART_PROMPT,
        PART_STANDARDS,
        PART_CHECKS,
        PART_EXTRACTOR,
        PART_TIER,
        N_PARTS
};
extern const char *const part_names[N_PARTS];

struct part_value {
        struct hash hash; /* zero: the kind has none */
        struct buf json;  /* its value */
};

struct kind {
        char *name, *tier, *batch, *language;
        enum each each;
        struct condition when;
        struct pattern *path;
        struct template *template; /* owned; NULL */
        const char *template_path; /* borrowed: the blueprint's file; NULL */
        struct coverage coverage;  /* of the template */
        const struct blueprint_file *prompt, *standards,
                *compressed;  /* borrowed: the blueprint's; NULL. compressed: standards in brief */
        uint64_t inputs;      /* bits of enum input_kind */
        uint32_t *parameters; /* declared, by index */
        size_t n_parameters;
        struct dependency *depends;
        size_t n_depends;
        struct pattern **declares, **expects;
        size_t n_declares, n_expects;
        struct fact *facts;
        size_t n_facts;
        struct check_set *checks;          /* owned */
        const struct extractor *extractor; /* borrowed: the blueprint's */
        bool is_logic;
        uint64_t output_bytes, interface_bytes; /* first guesses; 0: none */
        struct part_value parts[N_PARTS];
};
