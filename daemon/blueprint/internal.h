#pragma once
/* What the files of this room share. Not for other rooms. A blueprint owns what its structs point
 * to, but where they say otherwise; it is counted, and never changed once it is loaded.
 *
 *     files.c     the files of a folder, and their stamp; load.c: from them to a blueprint
 *     parse*.c    blueprint.yaml -> struct blueprint; every fault is found and told at once
 *     names.c     final names of packages, entities, fields (naming.h)
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
#include "daemon/blueprint/files.h"
#include "daemon/blueprint/kind.h"
#include "daemon/blueprint/naming.h"
#include "daemon/blueprint/pattern.h"
#include "daemon/blueprint/regex.h"
#include "daemon/blueprint/rules.h"
#include "daemon/blueprint/words.h"
#include "daemon/work/model.h"
#include "daemon/work/task.h"

#define BLUEPRINT_FILE "blueprint.yaml"

struct choice {
        enum feature feature;
        struct regex says, types; /* also: what the prose must say, what some type must be */
        unsigned weight;
        char *reason;
};

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
