/* Every name of the tree to the variable that it is; every function to what it needs. */

#include "daemon/template/parser.h"
#include "daemon/template/scope.h"

static int resolve_body(struct resolver *v, struct scope *s,
                        const struct node_list *body) _must_check_;

static int resolve_expression(struct resolver *v, const struct scope *s, struct node *n)
{
        int r = 0;

        if (!n)
                return 0;
        if (n->kind == N_NAME || n->kind == N_MEMBER) {
                bool is_found = scope_find(s, n->name, &n->place);

                assert(is_found);
                return is_found ? 0 : scope_fail(v, n, "a name was lost");
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
                return scope_fail(v, n, "cannot assign to the special loop variable in a loop");
        for (const struct node *i = n->items.first; i && !r; i = i->next)
                r = check_target(v, i);
        return r;
}

static int clone_target(struct resolver *v, const struct node *n, struct node **ret)
{
        struct node *copy = arena_alloc(v->arena, sizeof(*copy)), *item;
        int r = 0;

        if (!copy)
                return scope_no_room(v);
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
static int resolve_loop_test(struct resolver *v, struct scope *outer, struct function *f,
                             struct node *n)
{
        struct scope s = {.parent = outer, .function = f};
        int r = clone_target(v, n->target, &n->right);

        if (!r)
                r = analyze_target(v, &s, n->right, true);
        if (!r)
                r = analyze_expression(v, &s, n->test);
        if (!r)
                r = resolve_expression(v, &s, n->right);
        if (!r)
                r = resolve_expression(v, &s, n->test);
        if (!r)
                r = scope_frame(v, &s, &n->frame_test);
        scope_done(&s);
        return r;
}

static int declare_at(struct resolver *v, struct scope *s, struct span name, uint32_t *ret)
{
        struct place place = {0};
        int r = scope_declare(v, s, name);

        if (r)
                return r;
        if (!scope_find(s, name, &place))
                return scope_fail(v, NULL, "a name was lost");
        *ret = place.slot;
        return 0;
}

static int resolve_loop_body(struct resolver *v, struct scope *outer, struct function *f,
                             struct node *n)
{
        static const struct span loop = {"loop", 4};
        struct scope s = {.parent = outer, .function = f};
        bool is_asked_for = (n->flags & NODE_RECURSIVE) || find_undeclared(&n->body, &loop, 1) ||
                            has_scoped_block(&n->body);
        int r = 0;

        n->slot_of_loop = NO_SLOT;
        if (is_asked_for)
                r = declare_at(v, &s, loop, &n->slot_of_loop);
        if (!r)
                r = analyze_target(v, &s, n->target, true);
        if (!r)
                r = analyze_body(v, &s, &n->body);
        if (!r)
                r = resolve_expression(v, &s, n->target);
        if (!r)
                r = resolve_body(v, &s, &n->body);
        if (!r)
                r = scope_frame(v, &s, &n->frame);
        scope_done(&s);
        return r;
}

/* A scope with nothing but a body, and what is evaluated inside of it. */
static int resolve_inner(struct resolver *v, struct scope *outer, struct function *f,
                         struct node *inside, const struct node_list *body, struct frame **ret)
{
        struct scope s = {.parent = outer, .function = f};
        int r = analyze_expression(v, &s, inside);

        if (!r)
                r = analyze_body(v, &s, body);
        if (!r)
                r = resolve_expression(v, &s, inside);
        if (!r)
                r = resolve_body(v, &s, body);
        if (!r)
                r = scope_frame(v, &s, ret);
        scope_done(&s);
        return r;
}

/* outer: the scope around it; NULL for a block. */
static int function_new(struct resolver *v, const struct scope *outer, const struct node *n,
                        struct function **ret)
{
        struct function *f = arena_alloc(v->arena, sizeof(*f));

        if (!f)
                return scope_no_room(v);
        *f = (struct function){.unit = v->unit,
                               .name = n->name,
                               .line = n->line,
                               .column = n->column,
                               .body = &n->body,
                               .slot_self = NO_SLOT,
                               .slot_super = NO_SLOT,
                               .slot_caller = NO_SLOT,
                               .slot_varargs = NO_SLOT,
                               .slot_kwargs = NO_SLOT};
        if (outer) {
                f->outer = outer->function;
                outer->function->is_kept = true;
        }
        *ret = f;
        return 0;
}

static int resolve_for(struct resolver *v, struct scope *s, struct node *n)
{
        struct function *f = s->function;
        int r = resolve_expression(v, s, n->left);

        if (!r && (n->flags & NODE_RECURSIVE)) {
                r = function_new(v, s, n, &f);
                n->function = f;
        }
        if (n->test)
                f->is_kept = true; /* for the generator that filters */
        v->n_loops++;
        if (!r)
                r = check_target(v, n->target);
        if (!r && n->test)
                r = resolve_loop_test(v, s, f, n);
        if (!r)
                r = resolve_loop_body(v, s, f, n);
        if (!r)
                r = resolve_inner(v, s, f, NULL, &n->otherwise, &n->frame_else);
        v->n_loops--;
        return r;
}

static int resolve_parameters(struct resolver *v, struct scope *s, struct function *f,
                              const struct node *n)
{
        struct place place;
        int r = 0;

        f->parameters = n->items.first;
        f->n_parameters = (uint32_t)n->items.n;
        for (const struct node *i = n->items.first; i && !r; i = i->next) {
                if (scope_find(s, i->name, &place) && place.hops == 0)
                        return scope_fail(v, i, "duplicate argument '%.*s'",
                                          (int)MIN2(i->name.n, 60u), i->name.at);
                r = scope_declare(v, s, i->name);
        }
        return r;
}

/* caller, kwargs and varargs, where the body reads them and no parameter is called so. */
static int resolve_specials(struct resolver *v, struct scope *s, struct function *f,
                            const struct node *n)
{
        static const struct span names[] = {{"caller", 6}, {"kwargs", 6}, {"varargs", 7}};
        uint32_t *slots[] = {&f->slot_caller, &f->slot_kwargs, &f->slot_varargs};
        unsigned wanted = find_undeclared(&n->body, names, N_ELEMENTS(names));
        int r = 0;

        f->has_caller = wanted & 1;
        for (const struct node *i = n->items.first; i; i = i->next)
                for (unsigned k = 0; k < N_ELEMENTS(names); k++)
                        if (span_is_equal(i->name, names[k])) {
                                if (k == 0 && (wanted & 1) && !i->left)
                                        return scope_fail(v, i,
                                                          "the special \"caller\" argument must "
                                                          "be omitted or be given a default");
                                wanted &= ~(1u << k);
                        }
        for (unsigned k = 0; k < N_ELEMENTS(names) && !r; k++)
                if (wanted & 1u << k)
                        r = declare_at(v, s, names[k], slots[k]);
        return r;
}

/* A macro, or the body of a call block. */
static int resolve_macro(struct resolver *v, struct scope *outer, struct node *n)
{
        struct function *f = NULL;
        struct scope s = {.parent = outer};
        int r = function_new(v, outer, n, &f);

        if (r)
                return r;
        n->function = s.function = f;
        r = resolve_parameters(v, &s, f, n);
        if (!r)
                r = resolve_specials(v, &s, f, n);
        for (struct node *i = n->items.first; i && !r; i = i->next)
                r = analyze_expression(v, &s, i->left);
        if (!r)
                r = analyze_body(v, &s, &n->body);
        for (struct node *i = n->items.first; i && !r; i = i->next)
                r = resolve_expression(v, &s, i->left);
        if (!r)
                r = resolve_body(v, &s, &n->body);
        if (!r)
                r = scope_frame(v, &s, &f->frame);
        scope_done(&s);
        return r;
}

/* A template's or a block's: nothing is around it. */
static int resolve_root(struct resolver *v, struct function *f, bool is_block)
{
        static const struct span names[] = {{"self", 4}, {"super", 5}};
        struct scope s = {.function = f, .is_top = !is_block};
        unsigned wanted = find_undeclared(f->body, names, is_block ? 2 : 1);
        int r = 0;

        if (wanted & 1)
                r = declare_at(v, &s, names[0], &f->slot_self);
        if (!r && (wanted & 2))
                r = declare_at(v, &s, names[1], &f->slot_super);
        if (!r)
                r = analyze_body(v, &s, f->body);
        if (!r)
                r = resolve_body(v, &s, f->body);
        if (!r)
                r = scope_frame(v, &s, &f->frame);
        scope_done(&s);
        return r;
}

static int resolve_block(struct resolver *v, struct scope *s, struct node *n)
{
        struct function *f = NULL;
        int r = 0;

        for (const struct function *i = v->blocks; i; i = i->next)
                if (span_is_equal(i->name, n->name))
                        return scope_fail(v, n, "block '%.*s' defined twice",
                                          (int)MIN2(n->name.n, 60u), n->name.at);
        if (n->flags & NODE_SCOPED)
                r = scope_locals(v, s, &n->locals);
        if (!r)
                r = function_new(v, NULL, n, &f);
        if (r)
                return r;
        n->function = f;
        f->next = v->blocks;
        v->blocks = f;
        return resolve_root(v, f, true);
}

static int resolve_module(struct resolver *v, struct scope *s, struct node *n)
{
        int r = resolve_expression(v, s, n->left);

        if (!r && n->kind == N_IMPORT)
                r = resolve_expression(v, s, n->target);
        if (!r && n->kind == N_FROM)
                for (struct node *i = n->items.first; i; i = i->next)
                        if (!scope_find(s, i->name, &i->place))
                                return scope_fail(v, i, "a name was lost");
        if (!r && (n->flags & NODE_WITH_CONTEXT))
                r = scope_locals(v, s, &n->locals);
        return r;
}

static int resolve_with(struct resolver *v, struct scope *outer, struct node *n)
{
        struct scope s = {.parent = outer, .function = outer->function};
        int r = 0;

        for (struct node *i = n->items.first; i && !r; i = i->next->next) {
                r = resolve_expression(v, outer, i->next);
                if (!r)
                        r = analyze_target(v, &s, i, true);
        }
        if (!r)
                r = analyze_body(v, &s, &n->body);
        for (struct node *i = n->items.first; i && !r; i = i->next->next)
                r = resolve_expression(v, &s, i);
        if (!r)
                r = resolve_body(v, &s, &n->body);
        if (!r)
                r = scope_frame(v, &s, &n->frame);
        scope_done(&s);
        return r;
}

static int resolve_statement(struct resolver *v, struct scope *s, struct node *n)
{
        int r = 0;

        if (s->is_top)
                n->flags |= NODE_TOP;
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
                        r = resolve_inner(v, s, s->function, n->right, &n->body, &n->frame);
                return r;
        case N_WITH:
                return resolve_with(v, s, n);
        case N_FILTER_BLOCK:
                return resolve_inner(v, s, s->function, n->right, &n->body, &n->frame);
        case N_PRINT:
                return resolve_expression(v, s, n);
        case N_MACRO:
                if (!scope_find(s, n->name, &n->place))
                        return scope_fail(v, n, "a name was lost");
                return resolve_macro(v, s, n);
        case N_CALL_BLOCK:
                r = resolve_expression(v, s, n->left);
                return r ? r : resolve_macro(v, s, n);
        case N_INCLUDE:
        case N_IMPORT:
        case N_FROM:
                return resolve_module(v, s, n);
        case N_EXTENDS:
                if (!s->is_top)
                        return scope_fail(v, n, "cannot use extends from a non top-level scope");
                return resolve_expression(v, s, n->left);
        case N_BLOCK:
                return resolve_block(v, s, n);
        default: /* N_TEXT */
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

int scope_resolve(struct arena *arena, const struct unit *unit, const struct node_list *body,
                  struct function *ret_root, struct function **ret_blocks, struct diag *diag)
{
        struct resolver v = {.arena = arena, .unit = unit, .diag = diag};
        int r;

        *ret_root = (struct function){.unit = unit,
                                      .body = body,
                                      .slot_self = NO_SLOT,
                                      .slot_super = NO_SLOT,
                                      .slot_caller = NO_SLOT,
                                      .slot_varargs = NO_SLOT,
                                      .slot_kwargs = NO_SLOT};
        r = resolve_root(&v, ret_root, false);
        *ret_blocks = v.blocks;
        return r;
}
