#pragma once
/* The layout: a model as a blueprint sees it, with final names, types, imports and owners. Built
 * once per model. Everything that tasks share (the data and the text of an entity, of a requirement
 * …) is made here once, as a piece: data for contexts, text for facts, hash for keys. It owns what
 * its structs point to; what is called `source` is the model's. Not for other rooms. */

#include "daemon/blueprint/internal.h"
#include "daemon/blueprint/piece.h"

struct refs {
        uint32_t *at; /* owned, ascending by the index of what they refer to, each once */
        size_t n;
};

struct lay_attribute {
        char *name;           /* final */
        const char *skeleton; /* borrowed from the type table: text with marks for entities */
        const struct attribute *source; /* NULL: the layout's own */
        char *was;                      /* owned: its name of before, spelled alike; NULL */
        uint32_t reference;             /* the entity that it is the key of, plus one; 0: none */
        bool is_by_id, is_required, is_ruled, is_optional; /* ruled: unique; links-circles.c */
};

struct lay_entity {
        const struct entity *source;
        char *name, *file, *snake, *camel, *kebab, *plural;
        char *id_type;
        uint32_t package;
        struct lay_attribute *attributes; /* with room for a field of each of its relationships */
        size_t n_attributes, room;
        struct refs types;   /* entities that its attributes' types name */
        struct refs direct;  /* and those of foreign keys and relations: what it refers to */
        struct refs closure; /* transitively, itself left out; by name; made when asked for */
        struct refs named;   /* whom words of its files name; likewise */
        bool has_closure, has_named, is_served;
        struct refs contracts, requirements, scenarios, relations;
        struct piece *links; /* owned: as it sees them */
        size_t n_links;
        struct piece full, keys, brief, summary; /* keys: none until asked for */
};

struct lay_package {
        const struct package *source; /* NULL: the blueprint's own */
        char *name, *path, *import_path;
        struct refs entities;
        struct refs imports; /* packages that it may import, without circles */
        struct refs contracts, requirements, scenarios; /* of its entities and its own */
        bool is_same_folder;                            /* another package has this folder first */
        struct piece piece;
};

struct lay_contract {
        const struct contract *source; /* NULL: a default contract */
        char *method, *endpoint, *description;
        char *action;
        bool is_verb;      /* one of the five verbs: says nothing that the entity does not */
        int64_t entity;    /* -1: free */
        struct refs named; /* entities that a free contract names */
        struct piece piece;
};

/* Where a requirement or a scenario belongs. */
struct route {
        struct refs entities, packages, contracts;
        bool is_free; /* names nobody */
};

struct lay_rule {
        const struct rule_row *row; /* borrowed: the blueprint's */
        uint32_t entity;
        struct piece piece;
};

struct lay_item { /* a requirement or a scenario */
        struct route route;
        json_t *because;        /* owned: why it belongs there, for EXPLAIN */
        bool is_ruled;          /* its rules say all that it says */
        struct lay_rule *rules; /* owned */
        size_t n_rules;
        struct piece piece;
};

struct lay_relation {
        struct piece piece;
};

struct lay_link;
struct type_entry;
struct layout {
        struct blueprint *b;     /* borrowed: outlives it */
        const struct model *m;   /* borrowed: likewise */
        const char **parameters; /* values by index; owned texts below */
        char **parameter_texts;
        uint32_t features;
        struct phrases *phrases; /* entities by name */
        struct lay_entity *entities;
        size_t n_entities;
        struct lay_package *packages;
        size_t n_packages;
        struct lay_contract *contracts;
        size_t n_contracts;
        struct lay_item *requirements; /* by id or text: order in the file makes no difference */
        const struct requirement **requirement_sources;
        size_t n_requirements;
        struct lay_rule *own_rules; /* owned: that attributes say themselves */
        size_t n_own_rules;
        struct lay_item *scenarios;
        size_t n_scenarios;
        struct lay_link *links; /* owned */
        size_t n_links;
        struct lay_relation *relations;
        size_t n_relations;
        uint32_t *by_name; /* entities in the order of their names */
        uint32_t *rank;    /* of entity i in it */
        struct type_entry *types;
        uint32_t *closure_stack, *closure_mark; /* scratch of layout_closure() */
        struct piece project, testing, build, libraries, criteria, patterns;
        struct piece *parameter_pieces;
        struct kind_blocks {
                uint32_t standards, prompt;   /* index into work.blocks, plus one */
        } * kind_blocks;                      /* owned, by kind */
        size_t n_more_notes, n_more_warnings; /* over the bound */
        struct buf scratch_facts, scratch_text, scratch_rest,
                scratch_name; /* kept between tasks: allocating is what costs */
        struct seen_bounds seen_bounds;
        struct work *work;       /* borrowed: notes and warnings go there */
        struct failure *failure; /* owned: with CONDITION_REFUSED */
};
uint32_t model_features(const struct model *m);
/* layout.c */
int layout_new(struct blueprint *b, const struct model *m, struct work *w, struct layout **ret,
               struct failure **ret_failure) _must_check_;
struct layout *layout_free(struct layout *l);
DEFINE_CLEANUP(struct layout, layout_free);
int layout_note(struct layout *l, const char *format, ...) _printf_(2, 3) _must_check_;
int layout_warn(struct layout *l, const char *format, ...) _printf_(2, 3) _must_check_;
int layout_refuse(struct layout *l, const char *format, ...) _printf_(2, 3) _must_check_;
void layout_variables(const struct layout *l, int64_t entity, int64_t package, int64_t contract,
                      struct variables *ret);
int refs_add(struct refs *r, uint32_t value) _must_check_; /* keeps order and singleness */
bool refs_has(const struct refs *r, uint32_t value);
/* names.c */
int layout_parameters(struct layout *l) _must_check_;
int layout_packages(struct layout *l) _must_check_;
int layout_entities(struct layout *l) _must_check_;
/* references.c */
int layout_references(struct layout *l) _must_check_; /* direct, imports, by_id */
bool layout_may_import(const struct layout *l, uint32_t from, uint32_t to);
int layout_closure(struct layout *l, uint32_t entity, const struct refs **ret) _must_check_;
/* The same, but nobody beyond a key or a relation; named.c: who of them is named in words. */
int layout_reach(struct layout *l, uint32_t entity, struct refs *ret) _must_check_;
int layout_named(struct layout *l, uint32_t entity, const struct refs **ret) _must_check_;
int layout_contracts(struct layout *l) _must_check_;
int layout_routes(struct layout *l) _must_check_;
/* pieces.c */
int layout_pieces(struct layout *l) _must_check_;
int layout_entity_keys(struct lay_entity *e, const char *identity) _must_check_; /* e->keys */
