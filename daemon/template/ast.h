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
};

struct node;
struct node_list {
        struct node *first, *last;
        size_t n;
};

struct node {
        enum node_kind kind;
        enum op op;
        unsigned line, column;
        unsigned height;   /* of the tree below; bounded, so that recursion is */
        struct node *next; /* in the list it belongs to */
        struct span name;
        uint32_t slot;
        uint32_t slot_of_loop;
        struct node *left, *right, *test, *target;
        struct node_list items, body, otherwise;
        union {
                struct value constant;
                struct span text;
                const struct filter_row *row; /* N_FILTER, N_TEST */
        };
        struct frame *frame;      /* N_FOR: the body's; N_SET_BLOCK, N_WITH, N_FILTER_BLOCK */
        struct frame *frame_else; /* N_FOR */
        struct frame *frame_test; /* N_FOR */
};

/* What the names of a scope are when it is entered (Jinja2 decides that at compile time; so do we).
 */
enum load_kind { LOAD_NONE, LOAD_PARAMETER, LOAD_RESOLVE, LOAD_ALIAS, LOAD_UNDEFINED };
struct load {
        enum load_kind kind;
        struct span name;
        uint32_t slot;
        uint32_t from; /* LOAD_ALIAS */
};
struct frame {
        struct load *loads;
        size_t n_loads;
};
