#pragma once
/* The tree of a template. Nodes live in the template's arena. */

#include "daemon/template/value.h"

enum op {
        OP_NONE,
        OP_ADD,
        OP_SUB,
        OP_MUL,
        OP_DIV,
        OP_FLOORDIV,
        OP_MOD,
        OP_POW,
        OP_EQ,
        OP_NE,
        OP_LT,
        OP_LE,
        OP_GT,
        OP_GE,
        OP_IN,
        OP_NOT_IN,
};

enum node_kind {
        /* expressions */
        N_CONST,     /* constant */
        N_NAME,      /* name, slot */
        N_TUPLE,     /* items */
        N_LIST,      /* items */
        N_DICT,      /* items: key, value, key, value … */
        N_CONCAT,    /* items */
        N_ATTRIBUTE, /* left, name */
        N_ITEM,      /* left, right */
        N_SLICE,     /* only below N_ITEM: items of three, N_CONST V_MISSING where absent */
        N_FILTER,  /* left (NULL: the block's text), name, row, items: positional then N_KEYWORD */
        N_TEST,    /* likewise */
        N_CALL,    /* left, items */
        N_KEYWORD, /* name, left */
        N_SPREAD,  /* left: an argument by * */
        N_SPREAD_KEYWORDS, /* left: by ** */
        N_NOT,
        N_NEGATE,
        N_POSITIVE, /* left */
        N_AND,
        N_OR,        /* left, right */
        N_BINARY,    /* op, left, right */
        N_COMPARE,   /* left, items of N_OPERAND */
        N_OPERAND,   /* op, left */
        N_CONDITION, /* test, left (then), right (else, or NULL) */
        N_MEMBER,    /* assignment to ns.name: name is the variable, text the member */
        /* statements */
        N_TEXT,         /* text */
        N_PRINT,        /* items */
        N_IF,           /* items of N_BRANCH */
        N_BRANCH,       /* test (NULL: else), body */
        N_FOR,          /* target, left (what it runs over), test, body, otherwise */
        N_SET,          /* target, left */
        N_SET_BLOCK,    /* target, right (N_FILTER or NULL), body */
        N_WITH,         /* items: target, value, target, value …; body */
        N_FILTER_BLOCK, /* right, body */
        N_MACRO,        /* name, items: N_PARAMETER; body; function */
        N_PARAMETER,    /* name, left (its default, or NULL) */
        N_CALL_BLOCK,   /* left (N_CALL), items: N_PARAMETER; body; function */
        N_INCLUDE,      /* left */
        N_IMPORT,       /* left, target (N_NAME) */
        N_FROM,         /* left, items of N_ALIAS */
        N_ALIAS,        /* text (the name there), name (here) */
        N_EXTENDS,      /* left */
        N_BLOCK,        /* name, body; function */
};

enum node_flags {
        NODE_RECURSIVE = 1,      /* N_FOR */
        NODE_WITH_CONTEXT = 2,   /* N_INCLUDE, N_IMPORT, N_FROM */
        NODE_IGNORE_MISSING = 4, /* N_INCLUDE */
        NODE_SCOPED = 8,         /* N_BLOCK */
        NODE_REQUIRED = 16,      /* N_BLOCK */
        NODE_TOP = 32,           /* not inside of a loop, macro, block or with: what it sets is
                                    seen by blocks, includes and importers */
};

/* A variable: of the activation that is `hops` functions further out. */
struct place {
        uint32_t slot, hops;
};
#define NO_SLOT UINT32_MAX

struct unit;
struct node;
struct node_list {
        struct node *first, *last;
        size_t n;
};

/* What most nodes are asked for when they run stands first. */
struct node {
        enum node_kind kind;
        enum op op;
        unsigned line, column;
        struct node *next;  /* in the list it belongs to */
        struct place place; /* N_NAME, N_MEMBER, N_MACRO, N_ALIAS */
        struct node *left;
        union {
                struct value constant;
                struct span text;
                const struct filter_row *row; /* N_FILTER, N_TEST */
        };
        struct span name;
        uint64_t hash; /* N_ATTRIBUTE: of name */
        struct node_list items;
        struct node *right, *test;
        uint8_t *bound;       /* N_FILTER, N_TEST: to which parameter each of items goes; NULL: find
                                 out when it is called */
        uint8_t n_parameters; /* then */
        bool is_plain;        /* N_ATTRIBUTE: a dict has no method of that name; N_TUPLE, N_LIST,
                                 N_DICT: all of it is constant */
        unsigned flags;       /* enum node_flags */
        struct node_list body, otherwise;
        struct node *target;
        uint32_t slot_of_loop;    /* N_FOR; NO_SLOT where nobody asks for `loop` */
        unsigned height;          /* of the tree below; bounded, so that recursion is */
        struct frame *frame;      /* N_FOR: the body's; N_SET_BLOCK, N_WITH, N_FILTER_BLOCK */
        struct frame *frame_else; /* N_FOR */
        struct frame *frame_test; /* N_FOR */
        struct function *function;
        struct locals *locals; /* what N_INCLUDE … with context and a scoped N_BLOCK hand on */
};

/* What the names of a scope are when it is entered (Jinja2 decides that at compile time; so do
 * we). */
enum load_kind { LOAD_NONE, LOAD_PARAMETER, LOAD_RESOLVE, LOAD_ALIAS, LOAD_UNDEFINED };
struct load {
        enum load_kind kind;
        uint32_t slot;
        struct span name;
        uint64_t hash;                   /* of name */
        const struct global_row *global; /* LOAD_RESOLVE: where the context has none; NULL */
        struct place from;               /* LOAD_ALIAS */
};
struct frame {
        struct load *loads;
        size_t n_loads;
};

struct local {
        struct span name;
        struct place place;
};
struct locals {
        struct local *at;
        size_t n;
};

/* What has variables of its own each time it runs: a template, macro, call block, block, recursive
 * loop. A macro sees the variables of the function that it is written in. */
struct function {
        const struct unit *unit;
        struct span name; /* of a macro or block; at NULL: none */
        unsigned line, column;
        struct function *outer; /* NULL: template, block */
        struct frame *frame;
        const struct node_list *body;
        const struct node *parameters; /* N_PARAMETER …, in slots 0, 1, … */
        uint32_t n_parameters, n_slots;
        uint32_t slot_self, slot_super;                  /* NO_SLOT: not asked for */
        uint32_t slot_caller, slot_varargs, slot_kwargs; /* likewise */
        bool has_caller; /* a parameter of that name, or slot_caller */
        bool is_kept; /* functions inside may outlive it: its variables do not lie on the stack */
        struct function *next; /* blocks of a template */
};
