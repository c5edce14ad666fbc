#pragma once
/* Services whose contracts are procedures: what the facts say of a procedure, and what the
 * interface of a transport shows of it. */

#include "tests/sim/go.h"

#define PROCEDURES_MAX 128
#define MESSAGE_MAX 64

/* A field of a message as the facts tell it. */
struct message_field {
        char name[GO_NAME_BYTES], json[GO_NAME_BYTES], type[GO_NAME_BYTES];
};

struct procedure {
        char name[GO_NAME_BYTES], path[GO_NAME_BYTES * 2];
        const char *entity, *description; /* borrowed from the facts; NULL: not told */
        struct yaml_node *contract;
};

/* Procedures of the facts, in their order. */
size_t procedures_read(struct go_out *o, struct procedure *list, size_t max);
/* Fields of request or response; parameters of the path before those of a request. */
size_t procedure_fields(struct go_out *o, const struct procedure *p, const char *key,
                        struct message_field list[static MESSAGE_MAX]);

/* The interface API of the package in dir, as it is shown; NULL: it is not. */
const struct go_file *api_in(struct go_out *o, const char *dir);
/* A method of that interface that is a procedure, by place; NULL: no further one. */
const struct go_func *api_method(const struct go_file *api, size_t *i);
/* The message that a method takes or gives. */
const struct go_type *api_message(struct go_out *o, const struct go_file *api,
                                  const struct go_func *f, bool is_response);
/* The field of the message that identifies an entity; NULL: none. */
const struct go_param *message_id(const struct go_type *message, const char *entity);
/* What the facts say of the procedure with this name. */
const struct procedure *procedure_named(const struct procedure *list, size_t n, const char *name);
