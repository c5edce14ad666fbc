/* Which variable a name is: jinja2.idtracking and the scoping half of jinja2.compiler, with slots
 * in place of Python's locals.
 *
 * Every scope (the template, a loop's body, its else, its filter, with, the inside of a block) has
 * its own variables. A name that is only read belongs to the outermost scope that knows it, else to
 * the scope that reads it, which then loads it from the context when it is entered. A name that is
 * set belongs to the scope that sets it and begins as an alias of the outer one, or as undefined.
 * What is set below an `if` is known after it. Because all this is decided before the first value
 * is, a variable that a scope sets later hides the context's from its beginning; templates see the
 * same in Jinja2. */

#include <stdarg.h>
#include <stdio.h>

#include "daemon/template/arena.h"
#include "daemon/template/parser.h"

#define SCOPE_MAX_NAMES 4096u /* of one scope: an `if` copies what is known of them */

struct symbol {
        bool is_known, is_stored;
        enum load_kind load;
        uint32_t from;
};

struct scope {
        struct scope *parent;   /* borrowed: it is on the stack */
        struct span *names;     /* owned */
        uint32_t *slots;        /* owned; of names */
        struct symbol *symbols; /* owned; of names: what is known at this point of the analysis */
        uint32_t *index;        /* owned; names + 1 by hash */
        size_t n, room, index_mask;
};

struct resolver {
        struct arena *arena;
        struct diag *diag;
        uint32_t n_slots;
        unsigned n_loops; /* around */
};

static int visit_body(struct resolver *v, struct scope *s,
                      const struct node_list *body) _must_check_;
static int resolve_body(struct resolver *v, struct scope *s,
                        const struct node_list *body) _must_check_;

static void scope_done(struct scope *s)
{
        free(s->names);
        free(s->slots);
        free(s->symbols);
        free(s->index);
}

static int _printf_(3, 4) fail(struct resolver *v, const struct node *n, const char *format, ...)
{
        va_list args;

        v->diag->line = n ? n->line : 0;
        v->diag->column = n ? n->column : 0;
        va_start(args, format);
        vsnprintf(v->diag->text, sizeof(v->diag->text), format, args);
        va_end(args);
        return CONDITION_REFUSED;
}

static size_t hash_name(struct span name)
{
        size_t h = 14695981039346656037u;

        for (size_t i = 0; i < name.n; i++)
                h = (h ^ (unsigned char)name.at[i]) * 1099511628211u;
        return h;
}

static bool find_name(const struct scope *s, struct span name, size_t *ret)
{
        if (!s->index)
                return false;
        for (size_t i = hash_name(name);; i++) {
                uint32_t at = s->index[i & s->index_mask];

                if (at == 0)
                        return false;
                if (span_is_equal(s->names[at - 1], name)) {
                        *ret = at - 1;
                        return true;
                }
        }
}

static void index_name(struct scope *s, size_t at)
{
        size_t i = hash_name(s->names[at]);

        while (s->index[i & s->index_mask])
                i++;
        s->index[i & s->index_mask] = (uint32_t)at + 1;
}

static int grow_scope(struct resolver *v, struct scope *s)
{
        size_t room = MAX2(s->room * 2, 16u);
        struct span *names = reallocarray(s->names, room, sizeof(*names));
        uint32_t *slots, *index;
        struct symbol *symbols;

        if (!names)
                return -ENOMEM;
        s->names = names;
        slots = reallocarray(s->slots, room, sizeof(*slots));
        if (!slots)
                return -ENOMEM;
        s->slots = slots;
        symbols = reallocarray(s->symbols, room, sizeof(*symbols));
        if (!symbols)
                return -ENOMEM;
        s->symbols = symbols;
        index = calloc(room * 2, sizeof(*index));
        if (!index)
                return -ENOMEM;
        free(s->index);
        s->index = index;
        s->index_mask = room * 2 - 1;
        s->room = room;
        for (size_t i = 0; i < s->n; i++)
                index_name(s, i);
        return s->n >= SCOPE_MAX_NAMES
                       ? fail(v, NULL, "more than %u names in one scope", SCOPE_MAX_NAMES)
                       : 0;
}

static int add_name(struct resolver *v, struct scope *s, struct span name, size_t *ret)
{
        if (find_name(s, name, ret))
                return 0;
        if (s->n == s->room) {
                int r = grow_scope(v, s);

                if (r)
                        return r;
        }
        s->names[s->n] = name;
        s->slots[s->n] = v->n_slots++;
        s->symbols[s->n] = (struct symbol){0};
        index_name(s, s->n);
        *ret = s->n++;
        return 0;
}

static bool find_slot(const struct scope *s, struct span name, uint32_t *ret)
{
        for (; s; s = s->parent) {
                size_t i;

                if (find_name(s, name, &i) && s->symbols[i].is_known) {
                        *ret = s->slots[i];
                        return true;
                }
        }
        return false;
}

static int define(struct resolver *v, struct scope *s, struct span name, enum load_kind load,
                  uint32_t from)
{
        size_t i;
        int r = add_name(v, s, name, &i);

        if (r)
                return r;
        s->symbols[i].is_known = true;
        s->symbols[i].load = load;
        s->symbols[i].from = from;
        return 0;
}

static int load(struct resolver *v, struct scope *s, struct span name)
{
        uint32_t slot;

        return find_slot(s, name, &slot) ? 0 : define(v, s, name, LOAD_RESOLVE, 0);
}

static int store(struct resolver *v, struct scope *s, struct span name)
{
        uint32_t slot;
        size_t i;
        int r = add_name(v, s, name, &i);

        if (r)
                return r;
        s->symbols[i].is_stored = true;
        if (s->symbols[i].is_known)
                return 0;
        if (find_slot(s->parent, name, &slot))
                return define(v, s, name, LOAD_ALIAS, slot);
        return define(v, s, name, LOAD_UNDEFINED, 0);
}

static int declare(struct resolver *v, struct scope *s, struct span name)
{
        size_t i;
        int r = define(v, s, name, LOAD_PARAMETER, 0);

        if (!r)
                r = add_name(v, s, name, &i);
        if (!r)
                s->symbols[i].is_stored = true;
        return r;
}

static int visit_expression(struct resolver *v, struct scope *s, const struct node *n)
{
        int r = 0;

        if (!n)
                return 0;
        if (n->kind == N_NAME || n->kind == N_MEMBER)
                return load(v, s, n->name);
        /* in the order of Jinja2's fields: the condition first */
        r = visit_expression(v, s, n->test);
        if (!r)
                r = visit_expression(v, s, n->left);
        if (!r)
                r = visit_expression(v, s, n->right);
        for (const struct node *i = n->items.first; i && !r; i = i->next)
                r = visit_expression(v, s, i);
        return r;
}

static int visit_target(struct resolver *v, struct scope *s, const struct node *n,
                        bool is_parameter)
{
        int r = 0;

        if (n->kind == N_MEMBER)
                return load(v, s, n->name);
        if (n->kind == N_NAME)
                return is_parameter ? declare(v, s, n->name) : store(v, s, n->name);
        for (const struct node *i = n->items.first; i && !r; i = i->next)
                r = visit_target(v, s, i, is_parameter);
        return r;
}

/* The symbols of one branch: a copy that grows with the scope's names. */
struct branch {
        struct symbol *symbols; /* owned */
        size_t n;
};

static int copy_symbols(const struct scope *s, struct symbol **ret)
{
        struct symbol *copy = calloc(MAX2(s->room, 1u), sizeof(*copy));

        if (!copy)
                return -ENOMEM;
        if (s->n)
                memcpy(copy, s->symbols, s->n * sizeof(*copy));
        *ret = copy;
        return 0;
}

/* Visits with a copy of what is known now; then the scope knows again what it did, and the branch
 * what it saw. */
static int begin_branch(struct scope *s, struct branch *b)
{
        struct symbol *copy;
        int r = copy_symbols(s, &copy);

        if (r)
                return r;
        b->symbols = s->symbols; /* the original rests here meanwhile */
        b->n = s->n;
        s->symbols = copy;
        return 0;
}

static int end_branch(struct scope *s, struct branch *b)
{
        struct symbol *original = b->symbols, *grown;
        size_t n = b->n;

        grown = reallocarray(original, MAX2(s->room, 1u), sizeof(*grown));
        if (!grown)
                return -ENOMEM; /* b keeps the original: freed with it */
        for (size_t i = n; i < s->n; i++)
                grown[i] = (struct symbol){0};
        b->symbols = s->symbols;
        b->n = s->n;
        s->symbols = grown;
        return 0;
}

static int merge_branches(struct scope *s, struct branch *branches, size_t n)
{
        struct symbol *before = NULL;
        int r = copy_symbols(s, &before);

        if (r)
                return r;
        for (size_t b = 0; b < n; b++)
                for (size_t i = 0; i < branches[b].n; i++) {
                        const struct symbol *from = &branches[b].symbols[i];

                        s->symbols[i].is_known |= from->is_known;
                        s->symbols[i].is_stored |= from->is_stored;
                        if (from->load) {
                                s->symbols[i].load = from->load;
                                s->symbols[i].from = from->from;
                        }
                }
        for (size_t i = 0; i < s->n; i++) {
                uint32_t outer;

                if (!s->symbols[i].is_stored || before[i].is_stored)
                        continue;
                if (find_slot(s->parent, s->names[i], &outer)) {
                        s->symbols[i].load = LOAD_ALIAS;
                        s->symbols[i].from = outer;
                } else {
                        s->symbols[i].load = LOAD_RESOLVE;
                }
        }
        free(before);
        return 0;
}

static int visit_branch(struct resolver *v, struct scope *s, const struct node *first, bool is_body,
                        struct branch *b);

/* An `if` or `elif`; those after it are given to the first alone. */
static int visit_if(struct resolver *v, struct scope *s, const struct node *first, bool is_first)
{
        struct branch branches[3] = {0};
        const struct node *otherwise = NULL;
        int r = visit_expression(v, s, first->test);

        if (is_first)
                for (const struct node *i = first->next; i; i = i->next)
                        if (!i->test)
                                otherwise = i;
        if (!r)
                r = visit_branch(v, s, first, true, &branches[0]);
        if (!r)
                r = visit_branch(v, s, is_first ? first->next : NULL, false, &branches[1]);
        if (!r)
                r = visit_branch(v, s, otherwise, true, &branches[2]);
        if (!r)
                r = merge_branches(s, branches, N_ELEMENTS(branches));
        for (size_t i = 0; i < N_ELEMENTS(branches); i++)
                free(branches[i].symbols);
        return r;
}

/* is_body: the body of one branch, else the elifs from `first` on. */
static int visit_branch(struct resolver *v, struct scope *s, const struct node *first, bool is_body,
                        struct branch *b)
{
        int r = begin_branch(s, b), ended;

        if (r)
                return r;
        if (is_body && first)
                r = visit_body(v, s, &first->body);
        if (!is_body)
                for (; first && first->test && !r; first = first->next)
                        r = visit_if(v, s, first, false);
        ended = end_branch(s, b);
        return r ? r : ended;
}

static int visit_statement(struct resolver *v, struct scope *s, const struct node *n)
{
        int r = 0;

        switch (n->kind) {
        case N_IF:
                return visit_if(v, s, n->items.first, true);
        case N_FOR:
                return visit_expression(v, s, n->left);
        case N_SET:
                r = visit_expression(v, s, n->left);
                return r ? r : visit_target(v, s, n->target, false);
        case N_SET_BLOCK:
                return visit_target(v, s, n->target, false);
        case N_WITH:
                for (const struct node *i = n->items.first; i && !r; i = i->next->next)
                        r = visit_expression(v, s, i->next);
                return r;
        case N_FILTER_BLOCK:
                return visit_expression(v, s, n->right);
        case N_PRINT:
                return visit_expression(v, s, n);
        default:
                return 0;
        }
}

static int visit_body(struct resolver *v, struct scope *s, const struct node_list *body)
{
        int r = 0;

        for (const struct node *n = body->first; n && !r; n = n->next)
                r = visit_statement(v, s, n);
        return r;
}

static int resolve_expression(struct resolver *v, const struct scope *s, struct node *n)
{
        int r = 0;

        if (!n)
                return 0;
        if (n->kind == N_NAME || n->kind == N_MEMBER) {
                bool is_found = find_slot(s, n->name, &n->slot);

                assert(is_found);
                return is_found ? 0 : fail(v, n, "a name was lost");
        }
        r = resolve_expression(v, s, n->test);
        if (!r)
                r = resolve_expression(v, s, n->left);
        if (!r)
                r = resolve_expression(v, s, n->right);
        for (struct node *i = n->items.first; i && !r; i = i->next)
                r = resolve_expression(v, s, i);
        return r;
}

static int check_target(struct resolver *v, const struct node *n)
{
        int r = 0;

        if (n->kind == N_NAME && v->n_loops && span_is_equal(n->name, SPAN("loop")))
                return fail(v, n, "cannot assign to the special loop variable in a loop");
        for (const struct node *i = n->items.first; i && !r; i = i->next)
                r = check_target(v, i);
        return r;
}

/* What entering the scope does. */
static int make_frame(struct resolver *v, const struct scope *s, struct frame **ret)
{
        struct frame *f = arena_alloc(v->arena, sizeof(*f));

        if (f)
                f->loads = arena_alloc(v->arena, MAX2(s->n, 1u) * sizeof(*f->loads));
        if (!f || !f->loads)
                return v->arena->is_over ? fail(v, NULL, "the template is too large") : -ENOMEM;
        for (size_t i = 0; i < s->n; i++) {
                const struct symbol *symbol = &s->symbols[i];

                if (symbol->load == LOAD_NONE || symbol->load == LOAD_PARAMETER)
                        continue;
                f->loads[f->n_loads++] = (struct load){.kind = symbol->load,
                                                       .name = s->names[i],
                                                       .slot = s->slots[i],
                                                       .from = symbol->from};
        }
        *ret = f;
        return 0;
}

static int clone_target(struct resolver *v, const struct node *n, struct node **ret)
{
        struct node *copy = arena_alloc(v->arena, sizeof(*copy)), *item;
        int r = 0;

        if (!copy)
                return v->arena->is_over ? fail(v, n, "the template is too large") : -ENOMEM;
        *copy = *n;
        copy->next = NULL;
        copy->items = (struct node_list){0};
        for (const struct node *i = n->items.first; i && !r; i = i->next) {
                r = clone_target(v, i, &item);
                if (r)
                        break;
                if (copy->items.last)
                        copy->items.last->next = item;
                else
                        copy->items.first = item;
                copy->items.last = item;
                copy->items.n++;
        }
        *ret = copy;
        return r;
}

/* The filter of a loop has variables of its own: it may run ahead of the body. */
static int resolve_loop_test(struct resolver *v, struct scope *outer, struct node *n)
{
        struct scope s = {.parent = outer};
        int r = clone_target(v, n->target, &n->right);

        if (!r)
                r = visit_target(v, &s, n->right, true);
        if (!r)
                r = visit_expression(v, &s, n->test);
        if (!r)
                r = resolve_expression(v, &s, n->right);
        if (!r)
                r = resolve_expression(v, &s, n->test);
        if (!r)
                r = make_frame(v, &s, &n->frame_test);
        scope_done(&s);
        return r;
}

static int resolve_loop_body(struct resolver *v, struct scope *outer, struct node *n)
{
        struct scope s = {.parent = outer};
        int r = declare(v, &s, SPAN("loop"));

        if (!r && !find_slot(&s, SPAN("loop"), &n->slot_of_loop))
                r = fail(v, n, "a name was lost");
        if (!r)
                r = visit_target(v, &s, n->target, true);
        if (!r)
                r = visit_body(v, &s, &n->body);
        if (!r)
                r = resolve_expression(v, &s, n->target);
        if (!r)
                r = resolve_body(v, &s, &n->body);
        if (!r)
                r = make_frame(v, &s, &n->frame);
        scope_done(&s);
        return r;
}

/* A scope with nothing but a body, and what is evaluated inside of it. */
static int resolve_inner(struct resolver *v, struct scope *outer, struct node *inside,
                         const struct node_list *body, struct frame **ret)
{
        struct scope s = {.parent = outer};
        int r = visit_expression(v, &s, inside);

        if (!r)
                r = visit_body(v, &s, body);
        if (!r)
                r = resolve_expression(v, &s, inside);
        if (!r)
                r = resolve_body(v, &s, body);
        if (!r)
                r = make_frame(v, &s, ret);
        scope_done(&s);
        return r;
}

static int resolve_for(struct resolver *v, struct scope *s, struct node *n)
{
        int r = resolve_expression(v, s, n->left);

        v->n_loops++;
        if (!r)
                r = check_target(v, n->target);
        if (!r && n->test)
                r = resolve_loop_test(v, s, n);
        if (!r)
                r = resolve_loop_body(v, s, n);
        if (!r)
                r = resolve_inner(v, s, NULL, &n->otherwise, &n->frame_else);
        v->n_loops--;
        return r;
}

static int resolve_with(struct resolver *v, struct scope *outer, struct node *n)
{
        struct scope s = {.parent = outer};
        int r = 0;

        for (struct node *i = n->items.first; i && !r; i = i->next->next) {
                r = resolve_expression(v, outer, i->next);
                if (!r)
                        r = visit_target(v, &s, i, true);
        }
        if (!r)
                r = visit_body(v, &s, &n->body);
        for (struct node *i = n->items.first; i && !r; i = i->next->next)
                r = resolve_expression(v, &s, i);
        if (!r)
                r = resolve_body(v, &s, &n->body);
        if (!r)
                r = make_frame(v, &s, &n->frame);
        scope_done(&s);
        return r;
}

static int resolve_statement(struct resolver *v, struct scope *s, struct node *n)
{
        int r = 0;

        switch (n->kind) {
        case N_IF:
                for (struct node *i = n->items.first; i && !r; i = i->next) {
                        r = resolve_expression(v, s, i->test);
                        if (!r)
                                r = resolve_body(v, s, &i->body);
                }
                return r;
        case N_FOR:
                return resolve_for(v, s, n);
        case N_SET:
        case N_SET_BLOCK:
                r = check_target(v, n->target);
                if (!r)
                        r = resolve_expression(v, s, n->target);
                if (!r && n->kind == N_SET)
                        r = resolve_expression(v, s, n->left);
                else if (!r)
                        r = resolve_inner(v, s, n->right, &n->body, &n->frame);
                return r;
        case N_WITH:
                return resolve_with(v, s, n);
        case N_FILTER_BLOCK:
                return resolve_inner(v, s, n->right, &n->body, &n->frame);
        case N_PRINT:
                return resolve_expression(v, s, n);
        default:
                return 0;
        }
}

static int resolve_body(struct resolver *v, struct scope *s, const struct node_list *body)
{
        int r = 0;

        for (struct node *n = body->first; n && !r; n = n->next)
                r = resolve_statement(v, s, n);
        return r;
}

int scope_resolve(struct arena *arena, const struct node_list *body, struct frame **ret,
                  uint32_t *ret_n_slots, struct diag *diag)
{
        struct resolver v = {.arena = arena, .diag = diag};
        struct scope s = {0};
        int r = visit_body(&v, &s, body);

        if (!r)
                r = resolve_body(&v, &s, body);
        if (!r)
                r = make_frame(&v, &s, ret);
        scope_done(&s);
        *ret_n_slots = v.n_slots;
        return r;
}
