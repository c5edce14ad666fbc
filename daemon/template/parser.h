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

int parser_run(struct arena *arena, const struct tokens *tokens, struct node_list *ret_body,
               size_t *ret_n_fixed, struct diag *diag) _must_check_;
/* scope.c: gives every name its slot and every scope its frame. */
int scope_resolve(struct arena *arena, const struct node_list *body, struct frame **ret,
                  uint32_t *ret_n_slots, struct diag *diag) _must_check_;
