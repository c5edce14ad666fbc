#pragma once
/* What runs a tree: templates with their blocks, the variables of functions while they run, and
 * what one template sees of another. See engine.h. */

#include "daemon/template/engine.h"

/* One source, compiled; immutable from then on. */
struct unit {
        const char *name; /* borrowed: the set's */
        struct arena arena;
        struct node_list body;
        struct function root;
        struct function *blocks;
        struct references references;
        size_t n_fixed;   /* bytes of text outside of tags */
        struct hash hash; /* of the source */
};
/* NULL: the set has none of that name. */
const struct unit *template_set_find(const struct template_set *set, struct span name);

/* The variables of a function while it runs. */
struct activation {
        const struct function *function;
        struct activation *outer; /* of the function that this one is written in */
        struct space *space;
        struct extension *extension; /* of the template whose own text this is, else NULL */
        struct value slots[];
};

/* What a template extends, once it has said so: then its own text is not written. */
struct extension {
        const struct unit *unit;
        unsigned line, column; /* where it said so */
};

struct layer { /* one definition of a block, and the one that it overrides */
        const struct function *function;
        struct layer *next;
};
struct stack { /* of all that have the name */
        struct span name;
        struct layer *first;
        struct stack *next;
};

/* Where a template finds what is no variable of its own: jinja2.runtime.Context. */
struct space {
        const struct unit *unit;
        struct dict around;   /* handed on by who includes or imports; above the context's */
        struct dict vars;     /* set at the top */
        struct dict exported; /* of vars: true for those that importers see */
        bool is_bare;         /* sees no context */
        struct stack *blocks;
};

struct macro {
        const struct function *function;
        struct activation *outer;
};
struct module {
        const struct unit *unit;
        struct value text;
        struct dict exports;
        struct module *next;
};
struct block_reference {
        struct span name;
        const struct layer *layer;
        struct space *space;
};

/* From where a template, macro or block was entered: for messages. */
struct site {
        const struct site *outer;
        const struct unit *unit;
        unsigned line, column;
};

/* eval.c */
int eval_call(struct render *r, const struct node *n, struct value subject,
              struct value *ret) _must_check_;
/* An N_CALL. caller: an argument more, or V_MISSING. is_written: a macro, block or loop writes its
 * text to the output, and *ret is V_MISSING. */
int eval_function(struct render *r, const struct node *n, struct value caller, bool is_written,
                  struct value *ret) _must_check_;
static inline struct value *variable_at(const struct render *r, struct place place)
{
        struct activation *a = r->frame;

        for (uint32_t hops = place.hops; hops; hops--)
                a = a->outer;
        return &a->slots[place.slot];
}

int eval_deep(struct render *r, const struct node *n, struct value *ret) _must_check_;
/* What is_plain says of: made once in a rendering. Not for what may be changed. */
int eval_once(struct render *r, const struct node *n, struct value *ret) _must_check_;
int eval_missing(struct render *r, const struct node *n, struct value *ret) _must_check_;
static inline int eval(struct render *r, const struct node *n, struct value *ret)
{
        if (n->kind != N_NAME && n->kind != N_CONST)
                return eval_deep(r, n, ret);
        r->line = n->line;
        r->column = n->column;
        *ret = n->kind == N_NAME ? *variable_at(r, n->place) : n->constant;
        return n->kind == N_NAME && ret->kind == V_MISSING ? eval_missing(r, n, ret) : 0;
}

/* render.c */
int render_assign(struct render *r, const struct node *target, struct value v) _must_check_;
int render_load_frame(struct render *r, const struct frame *f) _must_check_;
static inline int render_enter_frame(struct render *r, const struct frame *f)
{
        return f->n_loads ? render_load_frame(r, f) : 0;
}
int render_body(struct render *r, const struct node_list *body) _must_check_;
/* Between the two, text becomes a value. */
struct capture {
        struct buf *out;
        size_t at;
};
void capture_begin(struct render *r, struct capture *c);
int capture_end(struct render *r, const struct capture *c, struct value *ret) _must_check_;

/* functions.c. Writing to r->out. */
struct entered {
        struct activation *before;
        struct site site;
        size_t n_stack;
};
/* A function in three steps: its variables, which the caller may fill; it begins; it ends. */
int function_prepare(struct render *r, const struct function *f, struct activation *outer,
                     struct space *space, struct entered *e, struct activation **ret) _must_check_;
int function_enter(struct render *r, struct activation *a, struct entered *e) _must_check_;
void function_leave(struct render *r, const struct entered *e);
int macro_new(struct render *r, const struct node *n, struct value *ret) _must_check_;
int macro_run(struct render *r, const struct macro *m, const struct call *c) _must_check_;
int macro_attribute(struct render *r, const struct macro *m, struct span name,
                    struct value *ret) _must_check_;
int loop_start(struct render *r, const struct node *n) _must_check_;
int loop_again(struct render *r, const struct loop *l, const struct call *c) _must_check_;

/* modules.c */
int space_new(struct render *r, const struct unit *unit, struct space **ret) _must_check_;
int root_run(struct render *r, const struct unit *unit, struct space *space) _must_check_;
int render_include(struct render *r, const struct node *n) _must_check_;
int render_import(struct render *r, const struct node *n) _must_check_;
int render_from(struct render *r, const struct node *n) _must_check_;
int render_extends(struct render *r, const struct node *n) _must_check_;
int render_block(struct render *r, const struct node *n) _must_check_;
int block_run(struct render *r, const struct block_reference *b) _must_check_;
int block_attribute(struct render *r, const struct block_reference *b, struct span name,
                    struct value *ret) _must_check_;
int self_attribute(struct render *r, struct space *space, struct span name,
                   struct value *ret) _must_check_;
/* What is set at the top of a template is known to its blocks and to whom it includes, and those
 * who import it, if is_exported. */
int space_set(struct render *r, struct span name, struct value v, bool is_exported) _must_check_;
