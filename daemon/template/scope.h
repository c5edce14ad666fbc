#pragma once
/* Which variable a name is: jinja2.idtracking and the scoping half of jinja2.compiler, with slots
 * in place of Python's locals.
 *
 * Every scope (a function's whole, a loop's body, its else, its filter, with, the inside of a
 * block) has its own variables. A name that is only read belongs to the outermost scope that knows
 * it, else to the scope that reads it, which then loads it from the context when it is entered. A
 * name that is set belongs to the scope that sets it and begins as an alias of the outer one, or as
 * undefined. What is set below an `if` is known after it. Because all this is decided before the
 * first value is, a variable that a scope sets later hides the context's from its beginning;
 * templates see the same in Jinja2.
 *
 *      analyze.c: which names a scope has       resolve.c: every name of the tree to its place */

#include "common/json.h"
#include "daemon/template/arena.h"
#include "daemon/template/ast.h"

#define SCOPE_MAX_NAMES 4096u /* of one scope: an `if` copies what is known of them */

struct symbol {
        bool is_known, is_stored;
        enum load_kind load;
        struct place from;
};

struct scope {
        struct scope *parent;      /* borrowed: it is on the stack */
        struct function *function; /* borrowed: the arena's */
        bool is_top;               /* see NODE_TOP */
        struct span *names;        /* owned */
        uint32_t *slots;           /* owned; of names */
        struct symbol *symbols; /* owned; of names: what is known at this point of the analysis */
        uint32_t *index;        /* owned; names + 1 by hash */
        size_t n, room, index_mask;
        struct locals *locals; /* borrowed: the arena's; made when first asked for */
};

struct resolver {
        struct arena *arena;
        struct diag *diag;
        const struct unit *unit;
        struct function *blocks; /* in reverse */
        unsigned n_loops;        /* around */
};

int scope_fail(struct resolver *v, const struct node *n, const char *format, ...)
        _printf_(3, 4) _must_check_;
int scope_no_room(struct resolver *v) _must_check_;
void scope_done(struct scope *s);
bool scope_find(const struct scope *s, struct span name, struct place *ret);
int scope_load(struct resolver *v, struct scope *s, struct span name) _must_check_;
int scope_store(struct resolver *v, struct scope *s, struct span name) _must_check_;
int scope_declare(struct resolver *v, struct scope *s, struct span name) _must_check_;
int scope_frame(struct resolver *v, const struct scope *s, struct frame **ret) _must_check_;
/* All that is set in the scope and around it; once everything is analyzed. */
int scope_locals(struct resolver *v, struct scope *s, struct locals **ret) _must_check_;

/* The symbols of one branch: a copy that grows with the scope's names. */
struct branch {
        struct symbol *symbols; /* owned */
        size_t n;
};
int scope_begin_branch(struct scope *s, struct branch *b) _must_check_;
int scope_end_branch(struct scope *s, struct branch *b) _must_check_;
int scope_merge(struct scope *s, struct branch *branches, size_t n) _must_check_;

/* analyze.c */
int analyze_expression(struct resolver *v, struct scope *s, const struct node *n) _must_check_;
int analyze_target(struct resolver *v, struct scope *s, const struct node *n,
                   bool is_parameter) _must_check_;
int analyze_body(struct resolver *v, struct scope *s, const struct node_list *body) _must_check_;
/* Which of the names are read in body before anything there sets them: bits by index
 * (jinja2.compiler.find_undeclared). */
unsigned find_undeclared(const struct node_list *body, const struct span *names, unsigned n);
bool has_scoped_block(const struct node_list *body);
