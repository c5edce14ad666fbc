#pragma once
/* Tokens to a tree, by the grammar of jinja2.parser. Statements that are not (yet) known are
 * refused by name. */

#include "common/json.h"
#include "daemon/template/ast.h"
#include "daemon/template/lexer.h"

struct arena;

#define PARSER_MAX_HEIGHT                                                                    \
        200u /* of the tree; below RENDER_MAX_DEPTH, so that a template that compiles can be \
                evaluated */

/* What a template includes, imports and extends. */
struct reference {
        struct reference *next;
        struct span name;
        unsigned line, column;
        bool is_optional; /* it may be missing */
};
struct references {
        struct reference *first;
        bool has_computed; /* some name is not a literal: it may be any template of the set */
};

/* CONDITION_REFUSED: of a fault that is not in the report (NULL: none is wanted). */
int parser_run(struct arena *arena, const struct tokens *tokens, struct node_list *ret_body,
               size_t *ret_n_fixed, struct references *ret_references, struct report *report,
               struct diag *diag) _must_check_;
/* resolve.c: gives every name its place and every function what it needs; the blocks are a list. */
int scope_resolve(struct arena *arena, const struct unit *unit, const struct node_list *body,
                  struct function *ret_root, struct function **ret_blocks,
                  struct diag *diag) _must_check_;
