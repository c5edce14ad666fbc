#pragma once
/* The model of what is to be generated: what every input format becomes. Structs with invariants,
 * no behaviour but freeing; a model owns all that its structs point to.
 *
 * Invariants: texts are UTF-8 as the user wrote them (scalars keep their text: go_version 1.20
 * stays "1.20"), NULL where the specification says nothing, never "". Entity names are unique;
 * every relation's ends, every contract's and package's references that name an entity name one
 * that is there (a reader warns and drops others). Arrays keep the order of the specification. */

#include "common/macros.h"
#include "common/str.h"

struct attribute {
        char *name, *type, *description; /* type as written: "[]*Product", "unique identifier" */
        char *was;       /* its name of before: data of that name is its own; NULL */
        char *otherwise; /* its default, which `description` says in words, too; NULL */
        bool is_required, is_unique;
};

struct entity {
        char *name, *package, *description; /* package: name of a struct package, or NULL */
        struct attribute *attributes;
        size_t n_attributes;
};

struct package {
        char *name, *path, *purpose;
        struct strlist depends; /* names of packages */
};

struct relation {
        char *from, *to, *type,
                *description; /* type: has_one, has_many, belongs_to, many_to_many, or as written */
        bool is_required;
};

struct contract {
        char *method, *endpoint, *description; /* method in upper case */
        char *entity; /* the entity it serves, when that is plain; else NULL */
        struct attribute *request, *response;
        size_t n_request, n_response;
};

enum requirement_kind { REQUIREMENT_FUNCTIONAL, REQUIREMENT_NON_FUNCTIONAL };

struct requirement {
        enum requirement_kind kind;
        char *id, *text, *priority, *category,
                *threshold; /* id: made as FR-1, NFR-1… by position of its kind when missing */
        bool is_id_made;    /* by position: says nothing, and changes with what stands before */
        struct strlist applies_to; /* names of entities, packages or "METHOD /endpoint", where the
                                      specification says so */
};

struct scenario {
        char *id, *title, *priority, *description, *given, *when, *then;
        struct strlist criteria;
        struct strlist applies_to; /* as of a requirement */
};

struct library {
        char *name, *version, *purpose;
};

struct model {
        char *name, *description, *module,
                *blueprint; /* blueprint: as the specification asks, or NULL */
        struct entity *entities;
        size_t n_entities;
        struct package *packages;
        size_t n_packages;
        struct relation *relations;
        size_t n_relations;
        struct contract *contracts;
        size_t n_contracts;
        struct requirement *requirements;
        size_t n_requirements;
        struct scenario *scenarios;
        size_t n_scenarios;
        struct library *libraries;
        size_t n_libraries;
        struct {
                char *coverage_target, *unit_tests, *integration_tests;
                struct strlist frameworks;
        } testing;
        struct {
                char *go_version, *output_path, *target_os;
                struct strlist flags;
        } build;
        struct strlist success_criteria; /* "criterion (measurable)" */
        struct strlist patterns;         /* architecture.patterns: "name: description" */
        struct strlist warnings; /* "spec.yaml:12:5: key `colour` of entities[2] is not used" */
        struct strlist notes;    /* "spec.yaml is read as OpenAPI: it has `openapi`" */
};

struct model *model_new(void);
struct model *model_free(struct model *m);
DEFINE_CLEANUP(struct model, model_free);
