#pragma once
/* What the files of this room share. Not for other rooms.
 *
 *     load.c      files of a folder, counting, hash
 *     parse*.c    blueprint.yaml -> struct blueprint; every fault is found and told at once
 *     pattern.c   names with variables: "{{ package.path }}/{{ entity.file }}.go"
 *     types.c     what the specification calls a type -> what the language calls it
 *     layout.c    a model's entities, packages, contracts with their final names (the layout)
 *     references.c  who refers to whom: closure, imports without cycles
 *     routing.c   which requirement and which scenario belong to whom
 *     slice.c     declared inputs -> context, facts, hashes
 *     present.c   data as the YAML of a prompt
 *     apply.c     tasks
 *     extractor.c interfaces of texts
 *     shelf.c     the blueprints at hand, and choosing one */

#include <jansson.h>
#include <pthread.h>
#include <stdatomic.h>

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include "common/buf.h"
#include "common/hash.h"
#include "common/json.h"
#include "common/macros.h"
#include "common/yaml.h"
#include "daemon/blueprint/blueprint.h"
#include "daemon/blueprint/pattern.h"
#include "daemon/blueprint/words.h"
#include "daemon/work/model.h"
#include "daemon/work/task.h"

#define BLUEPRINT_MAX_FILES 500u
#define BLUEPRINT_MAX_FILE_BYTES ((size_t)1 << 20)
#define BLUEPRINT_FILE "blueprint.yaml"

/* Faults of a blueprint, collected. */
struct faults {
        struct buf text;
        char *first; /* owned: where of the first */
        size_t n;
        int error; /* -ENOMEM: sticky */
};
#define FAULTS_MAX 50 /* more help nobody */
void fault_add(struct faults *f, const char *file, unsigned line, unsigned column,
               const char *format, ...) _printf_(5, 6);

/* A compiled expression; match limit set, never unbounded. */
struct regex {
        pcre2_code *code; /* owned; NULL: none given */
};
struct regex_match {
        size_t from[10], to[10]; /* groups; from > to: not set */
        unsigned n;
};
void regex_done(struct regex *r);
int regex_new(const char *pattern, uint32_t options, struct regex *ret,
              struct diag *ret_diag) _must_check_;
bool regex_match(const struct regex *r, struct span text, size_t start, struct regex_match *ret);
bool regex_is_match(const struct regex *r,
                    struct span text); /* true where no expression is given */

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
        FEATURE_SERVED, /* of the entity: it has contracts */
        N_FEATURES
};
extern const char *const feature_names[N_FEATURES];

struct condition {
        uint32_t wanted, unwanted; /* bits of enum feature */
};

struct choice {
        enum feature feature;
        unsigned weight;
        char *reason;
};

enum style {
        STYLE_NONE,
        STYLE_SNAKE,
        STYLE_KEBAB,
        STYLE_PASCAL,
        STYLE_CAMEL,
        STYLE_FLAT,
        N_STYLES
};
extern const char *const style_names[N_STYLES];

struct parameter {
        char *name, *description;
        char *from; /* field of the model: "build.go_version"; NULL: none */
        struct pattern *default_pattern;
        enum style style;   /* of the default */
        struct regex match; /* a value that does not match gives the default, with a warning */
        struct regex take;  /* group 1 is the value */
        char *at_least, *at_most; /* dotted numbers */
        struct strlist reserved;
        char *reserved_ending;
};

/* A name that the language reserves gets an ending. */
struct reserved {
        struct strlist words;
        char *ending;
};

struct naming {
        struct strlist initialisms;
        struct reserved packages, files, fields;
        struct pattern *package_path; /* of a package that has none */
        struct regex keep_path;       /* paths that stay as the specification gives them */
        char *identity, *identity_type;
        struct strlist identity_types;
        char *by_id_ending, *by_ids_ending, *by_id_strip;
};

struct type_rule {
        struct regex match;
        char *type; /* "$1" is the mapped first group, "#1" the group as it stands */
};

struct typing {
        struct type_rule *rules;
        size_t n_rules;
        char *unknown;   /* what stands for a type that no rule knows */
        char *entity;    /* a lone entity: "*$1" */
        char *qualified; /* of another package: "$1.$2": package, entity */
};

struct default_contract {
        char *method;
        struct pattern *endpoint, *description;
};

struct actions {
        char *create, *list, *get, *update, *delete, *list_by, *create_for;
        struct verb {
                char *method, *prefix;
        } * verbs;
        size_t n_verbs;
};

enum each { EACH_PROJECT, EACH_ENTITY, EACH_PACKAGE, EACH_SERVICE, EACH_CONTRACT, N_EACH };
enum depends_of { OF_SAME, OF_PACKAGE, OF_REFERENCES, OF_CLOSURE, OF_ALL, N_OF };

/* Declared inputs, in the order in which they stand in facts. */
enum input_kind {
        INPUT_PROJECT,
        INPUT_ENTITY,
        INPUT_CLOSURE,
        INPUT_PACKAGE_ENTITIES,
        INPUT_NAMED_ENTITIES,
        INPUT_ENTITIES,
        INPUT_SERVED_ENTITIES,
        INPUT_ENTITY_SUMMARIES,
        INPUT_PACKAGE,
        INPUT_PACKAGES,
        INPUT_RELATIONS,
        INPUT_CONTRACT,
        INPUT_CONTRACTS,
        INPUT_ALL_CONTRACTS,
        INPUT_FREE_CONTRACTS,
        INPUT_ACTION_CONTRACTS, /* those of the entity that are more than create, list, get, update,
                                   delete */
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

struct kind {
        char *name, *tier, *batch, *language;
        enum each each;
        struct condition when;
        struct pattern *path;
        struct template *template;                       /* owned; NULL */
        const struct blueprint_file *prompt, *standards; /* borrowed: the blueprint's; NULL */
        uint64_t inputs;                                 /* bits of enum input_kind */
        uint32_t *parameters;                            /* declared, by index */
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
        uint64_t output_bytes;
        struct hash tier_hash;
        struct hash parts[5]; /* template, prompt, standards, checks, extractor: zero where there is
                                 none */
        struct hash hash;     /* of template, prompt, standards, checks, extractor, tier, declared
                                 names: all of the kind that S covers */
};

struct blueprint {
        atomic_uint n_refs;
        char *name, *description, *language;
        struct blueprint_file *files; /* owned, sorted by path */
        size_t n_files;
        struct hash hash;
        struct choice *choices;
        size_t n_choices;
        struct parameter *parameters;
        size_t n_parameters;
        struct naming naming;
        struct typing typing;
        struct default_contract *default_contracts;
        size_t n_default_contracts;
        struct actions actions;
        struct extractor **extractors;
        size_t n_extractors;
        struct kind *kinds;
        size_t n_kinds;
};

const struct blueprint_file *blueprint_find_file(const struct blueprint *b, const char *path);
/* parse.c, parse-names.c, parse-kinds.c */
int blueprint_parse(struct blueprint *b, struct faults *f) _must_check_;
struct parse {
        struct blueprint *b;
        struct faults *f;
};
void parse_fault(struct parse *p, const struct yaml_node *at, const char *format, ...)
        _printf_(3, 4);
struct yaml_node *parse_get(struct parse *p, struct yaml_node *map, const char *key,
                            enum yaml_kind kind, bool is_required);
char *parse_text(struct parse *p, struct yaml_node *map, const char *key, bool is_required);
void parse_texts(struct parse *p, struct yaml_node *map, const char *key, struct strlist *ret);
struct pattern *parse_pattern(struct parse *p, struct yaml_node *map, const char *key,
                              bool is_required);
size_t parse_patterns(struct parse *p, struct yaml_node *map, const char *key,
                      struct pattern ***ret);
void parse_regex(struct parse *p, struct yaml_node *map, const char *key, uint32_t options,
                 struct regex *ret);
uint64_t parse_number(struct parse *p, struct yaml_node *map, const char *key, uint64_t otherwise);
bool parse_bool(struct parse *p, struct yaml_node *map, const char *key);
int parse_word(struct parse *p, struct yaml_node *map, const char *key, const char *const *words,
               size_t n, int otherwise);
void parse_condition(struct parse *p, struct yaml_node *map, const char *key,
                     struct condition *ret);
void *parse_array(struct parse *p, size_t n, size_t size);
void parse_names(struct parse *p, struct yaml_node *top);
void parse_kinds(struct parse *p, struct yaml_node *top);
void blueprint_release_names(struct blueprint *b);
void blueprint_release_kinds(struct blueprint *b);

/* extractor.c */
int extractor_parse(struct parse *p, const char *name, struct yaml_node *n,
                    struct extractor **ret) _must_check_;
struct extractor *extractor_free(struct extractor *e);
const char *extractor_name(const struct extractor *e);
void extractor_hash(const struct extractor *e, struct hash *ret);

/* Names in the styles of languages; initialisms stand in capitals in pascal and camel. "" only for
 * what has no letter or digit. */
char *name_in_style(const struct strlist *initialisms, const char *name,
                    enum style style) _must_check_;
