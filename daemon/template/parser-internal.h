#pragma once
/* Shared by parser.c, parse-modules.c (statements) and parse-expression.c. */

#include "daemon/template/parser.h"
#include "daemon/template/template.h"

struct parser {
        struct arena *arena;
        const struct token *at; /* never past T_EOF */
        struct diag *diag;
        size_t n_fixed;
        unsigned depth;
        struct references *references;
        struct report *report; /* borrowed; NULL: the first fault ends it */
        bool is_consequence;   /* the fault at hand: of one that is told already */
        bool is_alone;         /* the tag at hand has no end that would be left over */
};

enum tuple_flags {
        TUPLE_TARGETS = 1,        /* names only: what is assigned to */
        TUPLE_NO_CONDITION = 2,   /* "a if b" ends before "if" */
        TUPLE_IN_PARENTHESES = 4, /* may be empty */
        TUPLE_MEMBERS = 8,        /* ns.x may be assigned to */
};

int parse_fail(struct parser *p, const struct token *at, const char *format, ...)
        _printf_(3, 4) _must_check_;
/* Of what can be passed over: 0 if it is in the report. */
int parse_mistake(struct parser *p, const struct token *at, const char *format, ...)
        _printf_(3, 4) _must_check_;
int parse_no_room(struct parser *p) _must_check_;
int parse_enter(struct parser *p) _must_check_; /* pair with p->depth-- */
int node_new(struct parser *p, enum node_kind kind, const struct token *at,
             struct node **ret) _must_check_;
/* To parent's items; refuses a tree that grows too high. */
int node_append(struct parser *p, struct node *parent, struct node *child) _must_check_;
int node_above(struct parser *p, struct node *parent,
               const struct node *child) _must_check_; /* keeps the height */

static inline bool at_kind(const struct parser *p, enum token_kind kind)
{
        return p->at->kind == kind;
}
bool at_name(const struct parser *p, const char *name);
void parse_next(struct parser *p);
bool parse_skip(struct parser *p, enum token_kind kind);
bool parse_skip_name(struct parser *p, const char *name);
int parse_expect(struct parser *p, enum token_kind kind) _must_check_;
int parse_expect_name(struct parser *p, const char *name) _must_check_;

/* With what it stands above, either of which may be NULL. */
int node_with(struct parser *p, enum node_kind kind, const struct token *at, struct node *left,
              struct node *right, struct node **ret) _must_check_;

int parse_unary(struct parser *p, bool with_filter, struct node **ret) _must_check_;
int parse_expression(struct parser *p, bool with_condition, struct node **ret) _must_check_;
/* end_name: a name that also ends it ("in", "recursive"), or NULL */
int parse_tuple(struct parser *p, unsigned flags, const char *end_name,
                struct node **ret) _must_check_;
int parse_target(struct parser *p, const char *end_name, bool with_members,
                 struct node **ret) _must_check_;
/* Filters after a value: subject may be NULL (a block). is_begun: the first "|" is not written. */
int parse_filters(struct parser *p, struct node *subject, bool is_begun,
                  struct node **ret) _must_check_;
/* A name that something is given. */
int parse_target_name(struct parser *p, struct span *ret) _must_check_;
/* The inside of a statement until one of the names; p stands on it. */
int parse_statements(struct parser *p, const char *const *ends, struct node_list *ret) _must_check_;

/* parse-modules.c; from the statement's name to before the end of the tag. */
int parse_macro(struct parser *p, struct node **ret) _must_check_;
int parse_call_block(struct parser *p, struct node **ret) _must_check_;
int parse_include(struct parser *p, struct node **ret) _must_check_;
int parse_import(struct parser *p, struct node **ret) _must_check_;
int parse_from(struct parser *p, struct node **ret) _must_check_;
int parse_extends(struct parser *p, struct node **ret) _must_check_;
int parse_block(struct parser *p, struct node **ret) _must_check_;
