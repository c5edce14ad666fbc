#pragma once
/* What the files of the OpenAPI reader share: read-openapi.c (document and paths),
 * openapi-pointer.c
 * ($ref), openapi-schema.c (schemas as types and fields), openapi-entities.c (which of them are
 * entities). Not for others. */

#include "daemon/input/reader.h"

#define OPENAPI_MAX_STEPS 32 /* $ref after $ref, allOf in allOf: more is a circle */
/* Parts of allOf, and fields, in a whole document: a small text can ask for very much. */
#define OPENAPI_MAX_COLLECTED 100000u
#define OPENAPI_MAX_FIELDS 100000u
#define OPENAPI_MAX_BYTES ((size_t)32 << 20) /* of types and descriptions: references copy them */
#define OPENAPI_MAX_WORDS ((size_t)64 << 10) /* of one description */

enum {
        SCHEMA_IS_ENTITY = 1,
        SCHEMA_IN_FAILURES = 2, /* reached from answers that tell of a failure, */
        SCHEMA_IN_ANSWERS = 4,  /* of success, */
        SCHEMA_IN_USE = 8,      /* and from elsewhere */
        SCHEMA_USES = 14,
};

struct openapi {
        struct reader *rd;
        struct yaml_node *top, *schemas; /* borrowed: the tree; schemas may be NULL */
        unsigned char *flags;            /* owned: of schemas, by index */
        size_t *order;                   /* owned: of schemas, by name */
        size_t *queue;                   /* owned: room for all schemas */
        size_t n_collected, n_fields;    /* so far */
        size_t n_bytes;
};

/* Follows `$ref` to what it means; NULL after an error, and for what stands outside of the
 * document, which is warned of. *ret_schema: index of the last schema of `components` on the way,
 * or -1; may be NULL. */
struct yaml_node *openapi_resolve(struct openapi *o, struct yaml_node *n, int64_t *ret_schema);
/* Index of the schema with this name, or -1. */
int64_t openapi_find(const struct openapi *o, const char *name);
/* All fields of an object, its own and by allOf; with the name of an entity its relations too. */
void openapi_fields(struct openapi *o, struct yaml_node *schema, const char *entity,
                    struct attribute **ret, size_t *ret_n);
/* Sets a flag on all schemas that a subtree mentions, and on what these mention. */
void openapi_mark(struct openapi *o, const struct yaml_node *n, unsigned char flag);
/* Finds which schemas are entities, and adds these to the model. */
void openapi_find_entities(struct openapi *o);
void openapi_add_entities(struct openapi *o);
/* A parameter or property as an attribute: type, and what is said and demanded of it. */
void openapi_attribute(struct openapi *o, struct yaml_node *schema, struct attribute *a);
/* The fields of a message; *ret_served: the key of the entity that it is or lists, or NULL. */
void openapi_message(struct openapi *o, struct yaml_node *schema, struct attribute **ret,
                     size_t *ret_n, const struct yaml_node **ret_served);
/* Counts text that is kept; refuses the document when it is too much. */
void openapi_count(struct openapi *o, const struct yaml_node *at, const char *text);
/* Reads keys that are there for people and other programs. */
void openapi_pass(struct openapi *o, struct yaml_node *n);
