#pragma once
/* What the files of this room share. Not for other rooms.
 *
 *     files.c     the files of a folder, and their stamp; load.c: from them to a blueprint
 *     parse*.c    blueprint.yaml -> struct blueprint; every fault is found and told at once
 *     pattern.c   names with variables: "{{ package.path }}/{{ entity.file }}.go"
 *     types.c     what the specification calls a type -> what the language calls it
 *     layout.c    a model's entities, packages, contracts with their final names (the layout)
 *     references.c  who refers to whom: closure, imports without cycles
 *     named.c     whom of them the words of requirements, scenarios, contracts name
 *     links.c     relations of two entities as their tables see them; who is whose key
 *     routing.c   which requirement and which scenario belong to whom
 *     rules.c     requirements that become data
 *     coverage.c  does a template do for a task?
 *     slice.c     declared inputs -> context, facts, hashes
 *     present.c   data as the YAML of a prompt
 *     apply.c     tasks
 *     extractor.c interfaces of texts
 *     overlay.c   a user's templates before a blueprint's
 *     shelf.c     the blueprints at hand, each read when it is needed
 *     choose.c    which one a specification is made with */

#include <jansson.h>
#include <stdatomic.h>

#include "common/buf.h"
#include "common/hash.h"
#include "common/json.h"
#include "common/macros.h"
#include "daemon/blueprint/blueprint.h"
#include "daemon/blueprint/kind.h"
#include "daemon/blueprint/pattern.h"
#include "daemon/blueprint/regex.h"
#include "daemon/blueprint/rules.h"
#include "daemon/blueprint/words.h"
#include "daemon/work/model.h"
#include "daemon/work/task.h"

#define BLUEPRINT_MAX_FILES 500u
#define BLUEPRINT_MAX_FILE_BYTES ((size_t)1 << 20)
#define BLUEPRINT_FILE "blueprint.yaml"

struct choice {
        enum feature feature;
        struct regex says, types; /* also: what the prose must say, what some type must be */
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

/* How names of entities and of fields are made: what matches `keep` stays as it is written, others
 * are spelled in `style` and get the prefix where they still do not match. */
struct spelling {
        struct regex keep; /* no code: the names that Go exports */
        char *prefix;      /* NULL: "X" */
        enum style style;
};

struct naming {
        struct strlist initialisms;
        struct reserved packages, files, fields, entities;
        struct reserved modules; /* whole names of files */
        struct spelling entity_spelling, field_spelling;
        char *single_package;         /* all entities stand in this one; NULL: in several */
        struct pattern *package_path; /* of a package that has none */
        struct regex keep_path;       /* paths that stay as the specification gives them */
        char *identity, *identity_type;
        struct strlist identity_types;
        char *by_id_ending, *by_ids_ending, *by_id_strip;
        bool has_relation_fields;
        bool has_renamed;    /* attributes tell what they were called */
        bool has_json_names; /* and what JSON calls them, where that is as people wrote it */
};

struct type_rule {
        struct regex match;
        char *type;  /* "$1" is the mapped first group, "#1" the group as it stands */
        char *loses; /* what of it the mapped type does not say; NULL: nothing */
};

struct typing {
        struct type_rule *rules;
        size_t n_rules;
        struct strlist known; /* words for what rules know, for people */
        char *unknown;        /* what stands for a type that no rule knows */
        char *untyped;        /* where the specification says nothing; NULL: as `unknown` */
        char *entity;         /* a lone entity: "*$1" */
        char *qualified;      /* of another package: "$1.$2": package, entity */
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

/* An expression with a name, for what templates know (coverage.h). */
struct limit {
        char *name;
        struct regex match;
};

/* What is mended of files of a language: imports.c. */
struct check_imports;
struct imports {
        char *language;             /* owned */
        struct check_imports *rule; /* owned; sets of kinds borrow it */
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
        struct limit *limits;
        size_t n_limits;
        struct rule_row *rules;
        size_t n_rules;
        struct extractor **extractors;
        size_t n_extractors;
        struct imports *imports;
        size_t n_imports;
        struct kind *kinds;
        size_t n_kinds;
        struct strlist unreached; /* templates that no kind leads to */
        struct strlist warnings;  /* for whoever uses it: what lies over it and is not used */
};

/* All files below a folder; free with blueprint_files_free(). */
int blueprint_files_read(const char *path, struct blueprint_file **ret, size_t *ret_n,
                         struct failure **ret_failure) _must_check_;
int blueprint_files_refuse(const char *path, int error, struct failure **ret_failure)
        _must_check_; /* an errno of reading them as a failure; -ENOMEM stays */
void blueprint_files_free(struct blueprint_file *files, size_t n);
/* Of what the file system tells of them (names, times, sizes): cheap, and never the same again once
 * a file was touched. */
int blueprint_files_stamp(const char *path, struct hash *ret,
                          struct failure **ret_failure) _must_check_;
/* Of the files, with those of `more` in place as blueprint_overlay() says. */
int blueprint_new_over(const char *name, const struct blueprint_file *files, size_t n,
                       const struct blueprint_file *more, size_t n_more, struct blueprint **ret,
                       struct failure **ret_failure) _must_check_;
/* Only what choosing needs, of the head of blueprint.yaml: name, description, language, choices. */
int blueprint_load_head(const char *folder, const char *name, struct blueprint **ret,
                        struct failure **ret_failure) _must_check_;
const struct blueprint_file *blueprint_find_file(const struct blueprint *b, const char *path);
/* extractor.c */
struct extractor *extractor_free(struct extractor *e);
const char *extractor_name(const struct extractor *e);
void extractor_hash(const struct extractor *e, struct hash *ret);

/* Names in the styles of languages; initialisms stand in capitals in pascal and camel. "" only for
 * what has no letter or digit. */
char *name_in_style(const struct strlist *initialisms, const char *name,
                    enum style style) _must_check_;
